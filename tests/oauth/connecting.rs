//! From the first refusal to a tool call, and what a connection may do.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::program::*;
use crate::support::World;
use crate::support::server::Server;

#[tokio::test]
async fn a_program_that_knows_only_the_address_gets_as_far_as_a_tool_call_and_is_cut_off_at_once() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);

    // It is refused, and follows the way from there.
    let stranger = server.send("POST", "/mcp", &[("Content-Type", "application/json")], "{}");
    let challenge = stranger.header("www-authenticate").unwrap();
    assert!(challenge.contains("scope=\"mcp:tools:read mcp:tools:write mcp:resources:read\""), "{challenge}");
    assert!(!challenge.contains("error="), "it has shown nothing that could be wrong: {challenge}");
    let metadata = challenge.split("resource_metadata=\"").nth(1).unwrap().split('"').next().unwrap();
    let resource = server.send("GET", metadata.strip_prefix(&server.base).unwrap(), &[], "").json();
    assert_eq!(resource["authorization_servers"], json!([server.base]));
    let metadata = server.send("GET", "/.well-known/oauth-authorization-server", &[], "").json();
    assert_eq!(metadata["issuer"], server.base);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["registration_endpoint"], format!("{}/oauth/register", server.base));

    let program = Program::register(&server, "Tidy Desk");
    let wish: Vec<(&str, String)> = program.wish();
    let query = form(&wish.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>());
    let path = format!("/oauth/authorize?{query}");
    let signed_out = server.send("GET", &path, &[("Accept", "text/html")], "");
    assert_eq!(signed_out.status, 303);
    let next = url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
    assert_eq!(signed_out.header("location"), Some(format!("/login?next={next}").as_str()));

    let page = ada.get(&path);
    assert_eq!(page.status, 200, "{}", page.body);
    for said in
        ["Tidy Desk", "ada@example.com", "a program on this computer", "nobody has checked", "Read and write", "Acme"]
    {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    assert_eq!(page.header("content-security-policy"), Some("frame-ancestors 'none'"));

    let allowed = ada.decide(
        &wish,
        &[
            ("decision", "allow"),
            ("scopes", "*:read *:write"),
            ("workspaceId", "acme"),
            ("areas", "projects"),
            ("areas", "time"),
        ],
    );
    assert_eq!(allowed.status, 200);
    assert!(sent_to(&allowed).unwrap().starts_with(&format!("{CALLBACK}?code=")));
    assert_eq!(
        (told(&allowed, "state").as_deref(), told(&allowed, "iss")),
        (Some("a state & more"), Some(server.base.clone()))
    );

    let answer = program.exchange(&told(&allowed, "code").unwrap());
    assert_eq!(
        (answer.header("cache-control"), answer.header("access-control-allow-origin")),
        (Some("no-store"), Some("*"))
    );
    let told = answer.json();
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(3_600)));
    assert_eq!(told["scope"], "mcp:tools:read mcp:tools:write mcp:resources:read");
    let (access, refresh) = tokens(&answer);

    // A session, with names that model interfaces take, and no more than was allowed.
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tidy", "version": "1" } });
    let opened = ask(&server, &access, None, "initialize", hello);
    let session = opened.header("mcp-session-id").unwrap_or_else(|| panic!("{}", opened.body)).to_owned();
    let listed = ask(&server, &access, Some(&session), "tools/list", json!({})).json();
    let names: Vec<&str> =
        listed["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(
        names.contains(&"task_create") && names.contains(&"timesheet_add") && names.contains(&"auth_me"),
        "{names:?}"
    );
    assert!(
        !names
            .iter()
            .any(|name| name.starts_with("crm_") || name.starts_with("workspace_member") || *name == "task_delete"),
        "{names:?}"
    );
    let made = call(&server, &access, "project_create", json!({ "name": "From outside" }));
    assert_eq!(made.json()["result"]["isError"], Value::Null, "{}", made.body);
    let bearer = format!("Bearer {access}");
    let rest = server.send("GET", "/api/projects", &[("Authorization", &bearer)], "");
    assert!(rest.status == 200 && rest.body.contains("From outside"), "{}", rest.body);

    // New tokens, the same session.
    let (second, _) = tokens(&program.refresh(&refresh, &[]));
    assert_ne!(second, access);
    assert_eq!(ask(&server, &second, Some(&session), "tools/list", json!({})).status, 200);
    let bens = Browser::of(&server, &world.person("ben").await).connect(&Program::register(&server, "Another")).0;
    assert_eq!(ask(&server, &bens, Some(&session), "tools/list", json!({})).status, 403, "the session is not Ben's");

    // Ada sees it, and ends it.
    let listed = ada.get("/settings/connections").body;
    assert!(listed.contains("Tidy Desk") && listed.contains("Acme") && listed.contains("Read and write"), "{listed}");
    assert!(!listed.contains("Another"), "Ben's is not hers");
    let id = listed.split("/settings/connections/").nth(1).unwrap().split('/').next().unwrap();
    let ended = ada.post(&format!("/settings/connections/{id}/end"), &[("ifVersion", "1")]);
    assert_eq!(ended.status, 303, "{}", ended.body);
    for token in [&access, &second] {
        let cut_off = ask(&server, token, Some(&session), "tools/list", json!({}));
        assert_eq!(cut_off.status, 401);
        assert!(cut_off.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
        assert!(cut_off.body.contains("Settings → Connections"), "{}", cut_off.body);
    }
    is(&program.refresh(&refresh, &[]), INVALID_GRANT);
    assert_eq!(server.send("GET", "/api/projects", &[("Authorization", &bearer)], "").status, 401);
    assert!(is_let_in(&server, &bens));
    assert!(ada.get("/settings/connections").body.contains("Disconnected"));
}

#[tokio::test]
async fn a_stream_ends_when_the_connection_does() {
    let world = World::new().await;
    let server = Arc::new(Server::start(&world.app));
    let ada = world.person("ada").await;
    let (access, _) = Browser::of(&server, &ada).connect(&Program::register(&server, "Listener"));
    let hello =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
    let session = ask(&server, &access, None, "initialize", hello).header("mcp-session-id").unwrap().to_owned();
    let id = ada.ask("oauth.connection.list", json!({})).await.unwrap()["items"][0]["id"].clone();
    let listening = {
        let (server, session) = (server.clone(), session.clone());
        std::thread::spawn(move || {
            let bearer = format!("Bearer {access}");
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Accept", "text/event-stream"),
                ("Mcp-Session-Id", session.as_str()),
            ];
            // It comes to an end only if the server ends it.
            server.send("GET", "/mcp", &headers, "").status
        })
    };
    ada.ask("oauth.connection.end", json!({ "connectionId": id })).await.unwrap();
    // It was open already and ends, or it is not let in any more.
    assert!(matches!(listening.join().unwrap(), 200 | 401));
}

#[tokio::test]
async fn a_connection_never_does_what_hands_out_rights_nor_more_than_was_chosen() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = world.person("ada").await;
    let browser = Browser::of(&server, &ada);
    let everything: Vec<(&str, &str)> =
        EVERYWHERE.iter().map(|(name, value)| (*name, if *name == "scopes" { "*" } else { value })).collect();
    let program = Program::register(&server, "All");
    let answer = program.exchange(&browser.allow_with(&program, &everything));
    assert_eq!(answer.json()["scope"], "mcp:tools:read mcp:tools:write mcp:tools:destructive mcp:resources:read");
    let (all, _) = tokens(&answer);
    let bearer = format!("Bearer {all}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let made = server.send("POST", "/api/auth/api-keys", &headers, r#"{"label":"for later"}"#);
    assert_eq!(made.status, 403, "{}", made.body);

    let program = Program::register(&server, "Reader");
    let reading = [("decision", "allow"), ("scopes", "*:read"), ("workspaceId", "acme"), ("areas", "time")];
    let (reader, _) = tokens(&program.exchange(&browser.allow_with(&program, &reading)));
    let listed = ask(&server, &reader, None, "tools/list", json!({})).json();
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "timesheet_list"));
    assert!(tools.iter().all(|tool| tool["annotations"]["readOnlyHint"] == true), "{listed}");
    // What is missing is told in a way that the program can ask for it.
    let refused = call(&server, &reader, "timesheet_add", json!({ "minutes": 5 }));
    let challenge = refused.header("www-authenticate").unwrap_or_else(|| panic!("{}", refused.body));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &json!(-32_000)));
    assert!(
        challenge.contains("error=\"insufficient_scope\"")
            && challenge.contains("scope=\"mcp:tools:read mcp:resources:read time:write\""),
        "{challenge}"
    );
    let key = world.keyed("ada", sally::features::keys::KeyKind::Mcp, Some("read"), None).await.token;
    let by_key = call(&server, &key, "timesheet_add", json!({ "minutes": 5 }));
    assert_eq!((by_key.status, by_key.header("www-authenticate")), (200, None), "a key cannot be stepped up");

    // What the account may not, its programs may not either; and they go with it.
    let vera = world.person("vera").await;
    let program = Program::register(&server, "Vera's");
    let (access, refresh) = Browser::of(&server, &vera).connect(&program);
    assert!(call(&server, &access, "project_create", json!({ "name": "X" })).body.contains("PERMISSION_DENIED"));
    let sam = world.person("sam").await;
    sam.ask("account.archive", json!({ "accountId": "vera@example.com" })).await.unwrap();
    assert_ne!(ask(&server, &access, None, "ping", json!({})).status, 200);
    is(&program.refresh(&refresh, &[]), INVALID_GRANT);
}
