//! A program that knows nothing but the address: from the first refusal over somebody's consent to a tool call, and to the
//! end of it. And everything that somebody else might try on the way.

mod support;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sally::core::caller::Role;
use sally::core::reference::Ref;
use sally::features::accounts::AddUser;
use sally::features::oauth::connections::{ClearConnections, is_any_dead};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::server::{Answer, Server};
use support::{Person, World, console, email, line};

const CALLBACK: &str = "http://127.0.0.1:3334/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-standard-0123";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A program that has registered.
struct Program<'a> {
    server: &'a Server,
    id: String,
    resource: String,
}

impl<'a> Program<'a> {
    fn register(server: &'a Server, name: &str) -> Self {
        let told = register(server, &json!({ "client_name": name, "redirect_uris": [CALLBACK] }));
        assert_eq!(told.status, 201, "{}", told.body);
        let id = told.json()["client_id"].as_str().expect("an id").to_owned();
        Program { server, id, resource: format!("{}/mcp", server.base) }
    }

    /// What it sends a browser with.
    fn wish(&self) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".into()),
            ("client_id", self.id.clone()),
            ("redirect_uri", CALLBACK.into()),
            ("state", "a state & more".into()),
            ("scope", "mcp:tools:read mcp:tools:write mcp:resources:read".into()),
            ("code_challenge", challenge()),
            ("code_challenge_method", "S256".into()),
            ("resource", self.resource.clone()),
        ]
    }

    fn exchange(&self, code: &str) -> Answer {
        self.exchange_with(code, &[])
    }

    /// With some fields said differently.
    fn exchange_with(&self, code: &str, other: &[(&str, &str)]) -> Answer {
        let fields: [(&str, &str); 6] = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.id),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("resource", &self.resource),
        ];
        let said = |name: &str| other.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, said(name).unwrap_or(value))).collect();
        post(self.server, "/oauth/token", &fields)
    }

    fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut fields =
            vec![("grant_type", "refresh_token"), ("client_id", self.id.as_str()), ("refresh_token", token)];
        fields.extend(more);
        post(self.server, "/oauth/token", &fields)
    }
}

fn register(server: &Server, metadata: &Value) -> Answer {
    server.send("POST", "/oauth/register", &[("Content-Type", "application/json")], metadata.to_string())
}

fn post(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    server.send("POST", path, &headers, form(fields))
}

/// A browser in which somebody is signed in; a key in the cookie's place spares the slow hash of a password.
struct Browser<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn of(server: &'a Server, person: &Person) -> Self {
        Browser { server, cookie: format!("sally_session={}", person.token) }
    }

    fn get(&self, path: &str) -> Answer {
        self.server.send("GET", path, &[("Accept", "text/html"), ("Cookie", &self.cookie)], "")
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("same-origin", path, fields)
    }

    fn post_from(&self, site: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [
            ("Accept", "text/html"),
            ("Cookie", self.cookie.as_str()),
            ("Sec-Fetch-Site", site),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        self.server.send("POST", path, &headers, form(fields))
    }

    fn decide(&self, wish: &[(&str, String)], choices: &[(&str, &str)]) -> Answer {
        let mut fields: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend(choices);
        self.post("/oauth/authorize", &fields)
    }

    /// Allows all that can be chosen; the code.
    fn allow(&self, program: &Program<'_>) -> String {
        self.allow_with(program, &EVERYWHERE)
    }

    fn allow_with(&self, program: &Program<'_>, choices: &[(&str, &str)]) -> String {
        let answer = self.decide(&program.wish(), choices);
        told(&answer, "code").unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// Connects a program; its tokens.
    fn connect(&self, program: &Program<'_>) -> (String, String) {
        tokens(&program.exchange(&self.allow(program)))
    }
}

const EVERYWHERE: [(&str, &str); 7] = [
    ("decision", "allow"),
    ("scopes", "*:read *:write"),
    ("workspaceId", ""),
    ("areas", "projects"),
    ("areas", "time"),
    ("areas", "crm"),
    ("areas", "team"),
];

/// Where a page sends the browser on to by itself: back to the program.
fn sent_to(answer: &Answer) -> Option<String> {
    let address = answer.body.split("content=\"0; url=").nth(1)?.split('"').next()?;
    Some(address.replace("&#38;", "&"))
}

/// What the browser is sent back to the program with.
fn told(answer: &Answer, name: &str) -> Option<String> {
    let address = url::Url::parse(&sent_to(answer)?).ok()?;
    address.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = answer.json();
    let token = |name: &str| told[name].as_str().expect("a token").to_owned();
    (token("access_token"), token("refresh_token"))
}

fn refused(answer: &Answer) -> (u16, String) {
    let told = answer.json();
    assert!(told["error_description"].as_str().is_some_and(|text| text.len() > 10), "{}", answer.body);
    (answer.status, told["error"].as_str().expect("a word").to_owned())
}

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

fn is(answer: &Answer, (status, error): (u16, &str)) {
    assert_eq!(refused(answer), (status, error.to_owned()), "{}", answer.body);
}

fn ask(server: &Server, token: &str, session: Option<&str>, method: &str, params: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    if let Some(session) = session {
        headers.extend([("Mcp-Session-Id", session), ("Accept", "application/json, text/event-stream")]);
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    server.send("POST", "/mcp", &headers, message.to_string())
}

fn call(server: &Server, token: &str, tool: &str, arguments: Value) -> Answer {
    ask(server, token, None, "tools/call", json!({ "name": tool, "arguments": arguments }))
}

fn is_let_in(server: &Server, token: &str) -> bool {
    match ask(server, token, None, "ping", json!({})).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

async fn later(world: &World, sql: &'static str) {
    world.app.store().write(move |conn| sally::core::store::run(conn, sql, [])).await.expect("SQL that fits");
}

fn count(world: &World, sql: &str) -> i64 {
    let counted = world.app.store().read(|reading| sally::core::store::one(reading.conn(), sql, [], |row| row.take()));
    counted.expect("a count")
}

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
async fn nobody_is_sent_to_an_address_that_the_program_did_not_name() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let program = Program::register(&server, "Tidy Desk");
    let with = |name: &str, value: &str| -> Vec<(&'static str, String)> {
        let said =
            |(known, own): (&'static str, String)| if known == name { (known, value.to_owned()) } else { (known, own) };
        program.wish().into_iter().map(said).collect()
    };
    let get = |wish: &[(&str, String)]| {
        let pairs: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ada.get(&format!("/oauth/authorize?{}", form(&pairs)))
    };
    for foreign in [
        "https://evil.example/",
        "http://127.0.0.1:3334/callbac",
        "http://127.0.0.1:3334/callback/",
        "http://127.0.0.1:3334/Callback",
        "http://localhost:3334/callback",
        "https://127.0.0.1:3334/callback",
        "http://127.0.0.1:3334/callback?x=1",
        "",
        "http://127.0.0.1.evil.example/callback",
    ] {
        let wish = with("redirect_uri", foreign);
        for answer in [get(&wish), ada.decide(&wish, &EVERYWHERE)] {
            assert_eq!((answer.status, sent_to(&answer)), (400, None), "{foreign}: {}", answer.body);
            assert!(answer.body.contains("cannot be connected"), "{}", answer.body);
        }
    }
    // On one's own computer the port is the program's choice of the moment.
    let other_port = with("redirect_uri", "http://127.0.0.1:50123/callback");
    assert_eq!(get(&other_port).status, 200);
    let sent = sent_to(&ada.decide(&other_port, &EVERYWHERE)).unwrap();
    assert!(sent.starts_with("http://127.0.0.1:50123/callback?code="), "{sent}");
    for (name, value) in [("client_id", "client_unknown"), ("client_id", "")] {
        assert_eq!((get(&with(name, value)).status, ada.decide(&with(name, value), &EVERYWHERE).status), (400, 400));
    }
    for name in ["client_id", "redirect_uri", "state"] {
        let mut twice = program.wish();
        twice.push((name, twice.iter().find(|(known, _)| *known == name).unwrap().1.clone()));
        assert_eq!((get(&twice).status, sent_to(&get(&twice))), (400, None), "{name}");
    }
    assert_eq!(get(&with("state", &"x".repeat(2_001))).status, 400);
    assert_eq!(count(&world, "select count(*) from oauth_code"), 1);

    // What else is wrong is told to the program when its person has pressed a button; before that they are shown a way back.
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", VERIFIER, "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("resource", "https://other.example/mcp", "invalid_target"),
        ("resource", &format!("{}/mcpx", server.base), "invalid_target"),
    ] {
        let wish = with(name, value);
        let shown = get(&wish);
        assert_eq!((shown.status, sent_to(&shown)), (400, None), "{name}={value}");
        assert!(shown.body.contains(CALLBACK) && shown.body.contains(&format!("error={error}")), "{}", shown.body);
        let answer = ada.decide(&wish, &EVERYWHERE);
        assert_eq!(answer.status, 200, "{name}={value}");
        assert!(sent_to(&answer).unwrap().starts_with(CALLBACK));
        assert_eq!((told(&answer, "error").as_deref(), told(&answer, "code")), (Some(error), None), "{name}={value}");
        assert_eq!(
            (told(&answer, "state").as_deref(), told(&answer, "iss")),
            (Some("a state & more"), Some(server.base.clone()))
        );
        // A stranger is sent nowhere: anybody can register an address.
        let pairs: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let stranger =
            server.send("GET", &format!("/oauth/authorize?{}", form(&pairs)), &[("Accept", "text/html")], "");
        assert_eq!((stranger.status, sent_to(&stranger)), (400, None), "{name}={value}");
    }
    let no = ada.decide(&program.wish(), &[("decision", "deny")]);
    assert_eq!((told(&no, "error").as_deref(), told(&no, "code")), (Some("access_denied"), None));
    assert_eq!(count(&world, "select count(*) from oauth_code"), 1, "only the one that was allowed");
}

#[tokio::test]
async fn what_comes_to_nothing_leaves_nothing_behind() {
    const ROWS: &str = "select count(*) from change_set";
    let world = World::new().await;
    let server = Server::start(&world.app);
    let before = count(&world, ROWS);
    for (path, fields) in [
        ("/oauth/token", "grant_type=refresh_token&client_id=client_x&refresh_token=x"),
        ("/oauth/token", "grant_type=authorization_code&client_id=client_x&code=x&redirect_uri=x&code_verifier=x"),
        ("/oauth/revoke", "client_id=client_x&token=x"),
    ] {
        let answer = server.send("POST", path, &[("Content-Type", "application/x-www-form-urlencoded")], fields);
        assert!((200..500).contains(&answer.status), "{path}");
    }
    assert_eq!(count(&world, ROWS), before, "strangers fill no file");
}

#[tokio::test]
async fn another_site_cannot_consent_and_nothing_odd_is_allowed() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Browser::of(&server, &world.person("ada").await);
    let program = Program::register(&server, "<b>Tidy</b>");
    let wish = program.wish();
    let mut fields: Vec<(&str, &str)> = wish.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend(EVERYWHERE);
    assert_eq!(ada.post_from("cross-site", "/oauth/authorize", &fields).status, 403);
    let stranger = Browser { server: &server, cookie: String::new() };
    assert_eq!(stranger.post("/oauth/authorize", &fields).header("location"), Some("/login"));
    let narrow = world.keyed("ada", sally::features::keys::KeyKind::Api, Some("read"), None).await;
    let by_narrow_key = Browser::of(&server, &narrow).post("/oauth/authorize", &fields);
    assert_eq!(by_narrow_key.status, 403, "a narrowed key makes no wider one");
    for (name, value) in
        [("scopes", "everything"), ("scopes", ""), ("workspaceId", "bolt"), ("workspaceId", "none-such")]
    {
        let choices: Vec<(&str, &str)> =
            EVERYWHERE.iter().map(|(known, own)| (*known, if *known == name { value } else { own })).collect();
        let answer = ada.decide(&wish, &choices);
        assert!(
            matches!(answer.status, 404 | 422),
            "{name}={value}: {} {:?}",
            answer.status,
            answer.header("location")
        );
    }
    let nowhere = ada.decide(&wish, &[("decision", "allow"), ("scopes", "*:read"), ("workspaceId", "")]);
    assert!(nowhere.status == 422 && nowhere.body.contains("at least one"), "{}", nowhere.body);
    assert!(nowhere.body.contains("&#60;b&#62;Tidy") && !nowhere.body.contains("<b>Tidy"), "{}", nowhere.body);
    assert_eq!(count(&world, "select count(*) from access_key where kind = 'OAUTH'"), 0);
}

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
    is(&program.exchange(&code), INVALID_GRANT);
    assert!(!is_let_in(&server, &access), "the code came twice: one of the two was a thief");
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
    is(&program.refresh(&first, &[]), INVALID_GRANT);
    assert!(!is_let_in(&server, &access), "nobody knows who of the two is the thief");
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
async fn what_programs_send_is_read_strictly_and_pages_of_anybody_may_send_it() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let program = Program::register(&server, "Tidy Desk");
    let doubled = format!("grant_type=refresh_token&client_id={0}&client_id={0}&refresh_token=x", program.id);
    let form_type = [("Content-Type", "application/x-www-form-urlencoded")];
    is(&server.send("POST", "/oauth/token", &form_type, doubled), (400, "invalid_request"));
    is(&post(&server, "/oauth/token", &[]), (400, "invalid_request"));
    is(&post(&server, "/oauth/token", &[("client_id", &program.id)]), (400, "invalid_request"));
    is(&program.refresh(&"x".repeat(3_000), &[]), (400, "invalid_request"));
    is(&program.refresh(&"x".repeat(20_000), &[]), (413, "invalid_request"));
    is(&server.send("POST", "/oauth/token", &[("Content-Type", "application/json")], "{}"), (400, "invalid_request"));
    is(&register(&server, &json!([])), (400, "invalid_client_metadata"));
    is(&register(&server, &json!({ "redirect_uris": ["javascript:alert(1)"] })), (400, "invalid_redirect_uri"));
    is(
        &server.send("POST", "/oauth/register", &[("Content-Type", "application/json")], "{"),
        (400, "invalid_client_metadata"),
    );
    for path in ["/oauth/token", "/oauth/register", "/oauth/revoke"] {
        assert_eq!(server.send("GET", path, &[], "").status, 405, "{path}");
    }
    for path in [
        "/oauth/token",
        "/oauth/register",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let asked = [("Origin", "https://inspector.example"), ("Access-Control-Request-Method", "POST")];
        let preflight = server.send("OPTIONS", path, &asked, "");
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("*")), "{path}");
        assert!(preflight.header("access-control-allow-headers").unwrap().contains("mcp-protocol-version"));
        assert_eq!(preflight.header("access-control-allow-credentials"), None);
    }
    assert_eq!(
        server
            .send("OPTIONS", "/oauth/authorize", &[("Origin", "https://x.example")], "")
            .header("access-control-allow-origin"),
        None
    );
}

#[tokio::test]
async fn who_asks_too_often_waits_and_a_flood_of_programs_pushes_out_its_own_beginning() {
    let world = World::with(|config| {
        config.oauth_registrations_per_hour = 3;
        config.oauth_requests_per_minute = 5;
    })
    .await;
    let server = Server::start(&world.app);
    let program = Program::register(&server, "One");
    let metadata = json!({ "redirect_uris": [CALLBACK] });
    let statuses: Vec<u16> =
        (0..50).map(|_| register(&server, &metadata).status).take_while(|status| *status == 201).collect();
    assert!((2..50).contains(&statuses.len()), "{statuses:?}");
    is(&program.refresh("x", &[]), INVALID_GRANT);
    let last = (0..50).map(|_| program.refresh("x", &[])).find(|answer| answer.status == 429).expect("a refusal");
    is(&last, (429, "temporarily_unavailable"));
    assert!(last.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    let authorize = || server.send("GET", "/oauth/authorize?client_id=x", &[("Accept", "text/html")], "");
    assert!((0..50).any(|_| authorize().status == 429));

    const MANY: &str = "
        insert into oauth_client (id, client_id, name, redirect_uris, created_at)
        with recursive n (i) as (values (1) union all select i + 1 from n where i < 1000)
        select 1000000 + i, 'c' || i, 'Flood', '[]', (select max(created_at) from oauth_client) - i from n";
    later(&world, MANY).await;
    let metadata = sally::features::oauth::clients::RegisterClient::parse(&metadata).unwrap();
    let full = world.app.run(sally::core::app::Call::default(), metadata).await.err().expect("a refusal");
    assert_eq!(full.status(), 429);
    later(&world, "update oauth_client set created_at = created_at - 3600000 where id = 1001000").await;
    let metadata =
        sally::features::oauth::clients::RegisterClient::parse(&json!({ "redirect_uris": [CALLBACK] })).unwrap();
    world.app.run(sally::core::app::Call::default(), metadata).await.expect("the oldest makes room");
    assert_eq!(count(&world, "select count(*) from oauth_client where client_id = 'c1000'"), 0);
    later(&world, "update oauth_client set created_at = created_at - 4 * 86400000").await;
    world.app.tidy().await.unwrap();
    assert_eq!(count(&world, "select count(*) from oauth_client"), 0, "what nobody uses is forgotten after some days");
}

#[tokio::test]
async fn what_is_over_is_cleared_away_and_what_is_used_stays() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = world.person("ada").await;
    let browser = Browser::of(&server, &ada);
    let (used, forgotten, ended) = (
        Program::register(&server, "Used"),
        Program::register(&server, "Forgotten"),
        Program::register(&server, "Ended"),
    );
    let (access, _) = browser.connect(&used);
    let (over, _) = browser.connect(&ended);
    post(&server, "/oauth/revoke", &[("client_id", &ended.id), ("token", &over)]);
    browser.allow(&forgotten);
    let is_due = || world.app.store().read(|reading| is_any_dead(reading.conn())).unwrap();
    assert!(!is_due(), "the code may still be fetched");
    support::put(&world.app, "update access_key set created_at = created_at - 700000 where kind = 'OAUTH'").await;
    assert!(is_due());
    world.app.run(console(), ClearConnections {}).await.unwrap();
    assert_eq!(count(&world, "select count(*) from access_key where kind = 'OAUTH'"), 2);
    support::put(&world.app, "update access_key set revoked_at = revoked_at - 31 * 86400000 where kind = 'OAUTH'")
        .await;
    world.app.run(console(), ClearConnections {}).await.unwrap();
    assert!(!is_due() && is_let_in(&server, &access));
    assert_eq!(count(&world, "select count(*) from access_key where kind = 'OAUTH'"), 1);
    later(&world, "update oauth_token set expires_at = 1").await;
    world.app.tidy().await.unwrap();
    assert_eq!(count(&world, "select count(*) from oauth_token"), 0);
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
