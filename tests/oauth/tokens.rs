//! Codes and tokens: what they are good for, how often and how long.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sally::core::caller::Role;
use sally::core::reference::Ref;
use sally::features::accounts::AddUser;
use serde_json::json;

use crate::program::*;
use crate::support::server::Server;
use crate::support::{World, console, email, line};

const ENDED: &str = "select count(*) from change_set where audit = 'CONNECTION'";

#[tokio::test]
async fn a_code_works_once_for_its_program_and_for_a_minute() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let (program, thief) = (Program::register(&server, "Tidy Desk"), Program::register(&server, "Thief"));
    let code = ada.allow(&program);
    let unknown = Program { id: "client_unknown".into(), ..Program::register(&server, "x") };
    is(&unknown.exchange(&code), (401, "invalid_client"));
    is(&thief.exchange(&code), INVALID_GRANT);
    is(&program.exchange("nonsense"), INVALID_GRANT);
    is(&program.exchange_with(&code, &[("redirect_uri", "http://127.0.0.1:3335/callback")]), INVALID_GRANT);
    is(&program.exchange_with(&code, &[("code_verifier", &VERIFIER.replace('a', "b"))]), INVALID_GRANT);
    is(&program.exchange_with(&code, &[("code_verifier", "short")]), (400, "invalid_request"));
    is(&program.exchange_with(&code, &[("code_verifier", "")]), (400, "invalid_request"));
    is(&program.exchange_with(&code, &[("resource", "https://other.example/mcp")]), (400, "invalid_target"));
    is(&program.exchange_with(&code, &[("grant_type", "password")]), (400, "unsupported_grant_type"));
    // All that was for nothing, and cost the right one nothing.
    let (access, refresh) = tokens(&program.exchange(&code));
    assert!(is_let_in(&server, &access));
    assert!(!is_let_in(&server, &refresh) && !is_let_in(&server, &code), "only the access token opens the door");
    is(&program.refresh(&access, &[]), INVALID_GRANT);

    is(&thief.exchange(&code), INVALID_GRANT);
    assert!(is_let_in(&server, &access), "somebody else's program ends nothing");
    let known = count(&world, ENDED);
    is(&program.exchange(&code), INVALID_GRANT);
    assert!(!is_let_in(&server, &access), "the code came twice: one of the two was a thief");
    assert_eq!(count(&world, ENDED), known + 1, "the audit list says so");
    is(&program.refresh(&refresh, &[]), INVALID_GRANT);

    let late = ada.allow(&program);
    later(&world, "update oauth_code set expires_at = expires_at - 60000").await;
    is(&program.exchange(&late), INVALID_GRANT);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_one_that_comes_back_late_was_stolen() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let (program, thief) = (Program::register(&server, "Tidy Desk"), Program::register(&server, "Thief"));
    let (access, first) = ada.connect(&program);
    is(&thief.refresh(&first, &[]), INVALID_GRANT);
    is(&program.refresh("sallyrt_nonsense", &[]), INVALID_GRANT);
    is(&program.refresh(&first, &[("resource", "https://other.example/mcp")]), (400, "invalid_target"));
    is(&program.refresh(&first, &[("scope", "mcp:tools:destructive")]), (400, "invalid_scope"));

    // Two windows of the program refresh at the same time: both go on.
    let (second_access, second) = tokens(&program.refresh(&first, &[]));
    let (other_access, other) = tokens(&program.refresh(&first, &[]));
    for token in [&access, &second_access, &other_access] {
        assert!(is_let_in(&server, token));
    }
    let (_, third) = tokens(&program.refresh(&second, &[]));
    tokens(&program.refresh(&other, &[]));

    // Less, if the program wants less; the next refresh gives all of it again.
    let less = program.refresh(&third, &[("scope", "mcp:tools:read")]);
    assert_eq!(less.json()["scope"], "mcp:tools:read mcp:resources:read");
    let (reader, fourth) = tokens(&less);
    assert!(call(&server, &reader, "project_create", json!({ "name": "X" })).body.contains("scopes do not allow"));
    let whole = program.refresh(&fourth, &[]);
    assert_eq!(whole.json()["scope"], "mcp:tools:read mcp:tools:write mcp:resources:read");
    let (access, fifth) = tokens(&whole);

    later(&world, "update oauth_token set rotated_at = rotated_at - 121000").await;
    assert!(is_let_in(&server, &access));
    let known = count(&world, ENDED);
    is(&program.refresh(&first, &[]), INVALID_GRANT);
    assert!(!is_let_in(&server, &access), "nobody knows who of the two is the thief");
    assert_eq!(count(&world, ENDED), known + 1, "the audit list says so");
    is(&program.refresh(&fifth, &[]), INVALID_GRANT);

    // Run out: the access token after an hour, the connection after a month without a refresh.
    let (access, refresh) = ada.connect(&program);
    later(&world, "update oauth_token set expires_at = expires_at - 3600000").await;
    let expired = ask(&server, &access, None, "ping", json!({}));
    assert_eq!((expired.status, expired.json()["code"].as_str()), (401, Some("KEY_EXPIRED")));
    assert!(expired.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    let (access, refresh) = tokens(&program.refresh(&refresh, &[]));
    assert!(is_let_in(&server, &access));
    later(&world, "update oauth_token set expires_at = expires_at - 2592000000").await;
    is(&program.refresh(&refresh, &[]), INVALID_GRANT);
}

#[tokio::test]
async fn a_program_ends_its_own_connection_and_nobody_elses() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let (program, other) = (Program::register(&server, "Tidy Desk"), Program::register(&server, "Other"));
    let (access, refresh) = ada.connect(&program);
    let revoke = |program: &Program<'_>, token: &str| {
        post(&server, "/oauth/revoke", &[("client_id", &program.id), ("token", token)])
    };
    assert_eq!(revoke(&other, &access).status, 200, "what is no token of its own is no mistake");
    assert_eq!(revoke(&program, "nonsense").status, 200);
    assert!(is_let_in(&server, &access));
    is(&post(&server, "/oauth/revoke", &[("client_id", &program.id)]), (400, "invalid_request"));
    is(
        &post(&server, "/oauth/revoke", &[("client_id", "client_unknown"), ("token", &access)]),
        (401, "invalid_client"),
    );
    let gone = revoke(&program, &refresh);
    assert_eq!((gone.status, gone.body.as_str()), (200, ""));
    assert!(!is_let_in(&server, &access));
    assert_eq!(revoke(&program, &refresh).status, 200);
}

#[tokio::test]
async fn a_program_with_a_secret_shows_it() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let metadata = json!({ "client_name": "Keeper", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_basic" });
    let told = register(&server, &metadata).json();
    assert_eq!(
        (&told["token_endpoint_auth_method"], &told["client_secret_expires_at"]),
        (&json!("client_secret_basic"), &json!(0))
    );
    let (id, secret) = (told["client_id"].as_str().unwrap().to_owned(), told["client_secret"].as_str().unwrap());
    let keeper = Program { server: &server, id, resource: format!("{}/mcp", server.base) };
    let code = ada.allow(&keeper);
    is(&keeper.exchange(&code), (401, "invalid_client"));
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let basic = |secret: &str, fields: &[(&str, &str)]| {
        let header = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", keeper.id)));
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", header.as_str())];
        server.send("POST", "/oauth/token", &headers, form(fields))
    };
    let wrong = basic("wrong", &fields);
    assert_eq!(wrong.header("www-authenticate"), Some("Basic realm=\"sally\""));
    is(&wrong, (401, "invalid_client"));
    let twice = [&fields[..], &[("client_secret", secret)]].concat();
    is(&basic(secret, &twice), (400, "invalid_request"));
    let (_, refresh) = tokens(&basic(secret, &fields));
    is(&keeper.refresh(&refresh, &[]), (401, "invalid_client"));
    tokens(&keeper.refresh(&refresh, &[("client_secret", secret)]));
    // Who has none cannot make one up.
    let public = Program::register(&server, "Public");
    let (_, refresh) = ada.connect(&public);
    is(&public.refresh(&refresh, &[("client_secret", "made-up")]), (401, "invalid_client"));
}

#[tokio::test]
async fn no_token_or_code_is_written_down_anywhere() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let person = AddUser::new(email("zoe@example.com"), line("Zoe"), Ref::new("acme"), Role::Member, None);
    world.app.run(console(), person).await.unwrap();
    let zoe = Browser::of(&server, &world.person("zoe").await);
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
    let told = register(&server, &metadata).json();
    let secret = told["client_secret"].as_str().unwrap().to_owned();
    let program = Program {
        server: &server,
        id: told["client_id"].as_str().unwrap().into(),
        resource: format!("{}/mcp", server.base),
    };
    let code = zoe.allow(&program);
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", program.id.as_str()),
        ("client_secret", secret.as_str()),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let (access, refresh) = tokens(&post(&server, "/oauth/token", &fields));
    let (second, third) = tokens(&program.refresh(&refresh, &[("client_secret", &secret)]));
    let again = post(&server, "/oauth/token", &fields);
    is(&again, INVALID_GRANT);
    let journal = count(&world, "select count(*) from change where record_type like 'oauth%' or fields like '%hash%'");
    assert_eq!(journal, 0);
    assert_eq!(
        count(&world, "select count(*) from change where record_type = 'access_key' and fields like '%OAUTH%'"),
        1
    );
    for name in ["sally.db", "sally.db-wal"] {
        let bytes = std::fs::read(world.folder.path().join(name)).unwrap();
        for secret in [&secret, &code, &access, &refresh, &second, &third] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "a secret is in the file");
            assert!(!again.body.contains(secret.as_str()));
        }
    }
}
