//! The hosted MCP endpoint over real HTTP: the protocol's rules by hand, and a story told by the official client.

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use sally::features::keys::KeyKind;
use serde_json::{Value, json};
use support::server::{Answer, Server};
use support::{PASSWORD, Person, World};

const BOTH: &str = "application/json, text/event-stream";

/// A client of the endpoint, as strict or careless as the test wants it.
struct Client<'a> {
    server: &'a Server,
    key: String,
    path: String,
    headers: Vec<(String, String)>,
}

impl<'a> Client<'a> {
    /// Without a session and without an Accept: a plain caller.
    fn plain(server: &'a Server, key: &str) -> Self {
        Client { server, key: key.to_owned(), path: "/mcp".into(), headers: Vec::new() }
    }

    /// With a session of this revision.
    fn hello(server: &'a Server, key: &str, revision: &str) -> Self {
        Client::hello_as(server, key, revision, "test")
    }

    fn hello_as(server: &'a Server, key: &str, revision: &str, name: &str) -> Self {
        let client = Client::plain(server, key).with("Accept", BOTH);
        let answer = client.post(&initialize(revision, name));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let session = answer.header("mcp-session-id").expect("a session").to_owned();
        let client = client.with("Mcp-Session-Id", &session).with("MCP-Protocol-Version", revision);
        let initialized = client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!((initialized.status, initialized.body.as_str()), (202, ""));
        client
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    fn at(mut self, query: &str) -> Self {
        self.path = format!("/mcp?{query}");
        self
    }

    fn again(&self) -> Self {
        Client { server: self.server, key: self.key.clone(), path: self.path.clone(), headers: self.headers.clone() }
    }

    fn send(&self, method: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("Authorization", bearer.as_str())];
        if !body.is_empty() && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.server.send(method, &self.path, &headers, body)
    }

    fn post(&self, message: &Value) -> Answer {
        self.send("POST", &message.to_string())
    }

    fn request(&self, method: &str, params: Value) -> Answer {
        self.post(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }))
    }

    /// The result of a request that must have one.
    fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params);
        let mut json = answer.json();
        assert_eq!((answer.status, &json["id"]), (200, &json!(7)), "{}", answer.body);
        assert!(json["error"].is_null(), "{}", answer.body);
        json["result"].take()
    }

    /// The status and JSON-RPC error of a request that must have one.
    fn error(&self, method: &str, params: Value) -> (u16, i64, String) {
        told(&self.request(method, params))
    }

    fn names(&self) -> Vec<String> {
        let tools = self.result("tools/list", json!({}));
        tools["tools"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    fn tool(&self, name: &str) -> Value {
        let tools = self.result("tools/list", json!({}));
        tools["tools"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|tool| tool["name"] == name)
            .expect("it is listed")
            .clone()
    }

    /// A tool's answer as data, checked to be the same as its text.
    fn call(&self, tool: &str, arguments: Value) -> Value {
        let result = self.result("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(result["isError"].is_null(), "{result}");
        the_same_twice(result)
    }

    /// The problem that a tool answers with.
    fn problem(&self, tool: &str, arguments: Value) -> Value {
        let result = self.result("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert_eq!(result["isError"], true, "{result}");
        the_same_twice(result)
    }
}

fn initialize(revision: &str, name: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": name, "version": "1" } } })
}

fn told(answer: &Answer) -> (u16, i64, String) {
    let error = answer.json()["error"].take();
    let code = error["code"].as_i64().unwrap_or_else(|| panic!("no error: {}", answer.body));
    (answer.status, code, error["message"].as_str().expect("a message").to_owned())
}

fn the_same_twice(mut result: Value) -> Value {
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().expect("a text")).expect("JSON");
    assert_eq!(text, result["structuredContent"]);
    result["structuredContent"].take()
}

async fn mcp_key(world: &World, name: &str) -> String {
    world.keyed(name, KeyKind::Mcp, None, None).await.token
}

async fn narrowed_key(person: &Person, narrowing: Value) -> String {
    let mut input = narrowing;
    input["label"] = "narrowed".into();
    person.ask("mcp_key.create", input).await.expect("a key")["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn without_a_good_key_nobody_gets_in() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for key in ["", "sallymcp_nobodys", "x y"] {
        let refused = Client::plain(&server, key).send("POST", ping);
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")), "{key}");
        assert_eq!(refused.json()["title"], "Unauthorized");
    }
    let key = mcp_key(&world, "ben").await;
    // A key for REST, or a browser's session, is none for agents.
    assert_eq!(Client::plain(&server, &world.person("ben").await.token).send("POST", ping).status, 401);
    let login = json!({ "email": "sam@example.com", "password": PASSWORD });
    let session = world.person("sam").await.ask("auth.login", login).await.unwrap()["sessionToken"].take();
    assert_eq!(Client::plain(&server, session.as_str().unwrap()).send("POST", ping).status, 401);

    let json = ("Content-Type", "application/json");
    for headers in [
        vec![json],
        vec![json, ("X-Api-Key", key.as_str())],
        vec![json, ("Cookie", "sally_session=x")],
        vec![json, ("Authorization", key.as_str())],
        vec![json, ("Authorization", "Bearer x"), ("Authorization", key.as_str())],
    ] {
        assert_eq!(server.send("POST", "/mcp", &headers, ping).status, 401, "{headers:?}");
    }
    for method in ["GET", "DELETE"] {
        assert_eq!(Client::plain(&server, "sallymcp_nobodys").send(method, "").status, 401);
    }
    assert_eq!(Client::plain(&server, &key).result("ping", json!({})), json!({}));
    let bearer = format!("bEARER {key}");
    assert_eq!(server.send("POST", "/mcp", &[json, ("aUTHORIZATION", &bearer)], ping).status, 200);
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_once_in_the_middle_of_a_session() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = world.person("ada").await;
    let made = ada.ask("mcp_key.create", json!({ "label": "laptop" })).await.unwrap();
    let client = Client::hello(&server, made["token"].as_str().unwrap(), "2025-11-25");
    client.call("auth.me", json!({}));
    ada.ask("mcp_key.revoke", json!({ "mcpKeyId": made["id"] })).await.unwrap();
    for method in ["tools/list", "ping"] {
        assert_eq!(client.request(method, json!({})).status, 401);
    }
    for name in ["auth.me", "crm.deal.create", "no.such.tool"] {
        assert_eq!(client.request("tools/call", json!({ "name": name })).status, 401, "{name}");
    }
    let mistaken = json!({ "name": "crm.deal.list", "arguments": { "detail": "some" } });
    assert_eq!(client.request("tools/call", mistaken).status, 401);
    assert_eq!(client.send("POST", "{").status, 401);
    assert_eq!(client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" })).status, 401);
    assert_eq!(client.send("DELETE", "").status, 401);
}

#[tokio::test]
async fn the_revision_is_the_asked_one_if_it_is_known() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await).with("Accept", BOTH);
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("", "2025-11-25"),
    ] {
        let answer = client.post(&initialize(asked, "test"));
        let result = &answer.json()["result"];
        assert_eq!(result["protocolVersion"], answered, "{asked}");
        assert_eq!(result["serverInfo"]["name"], "sally");
        assert_eq!(result["capabilities"], json!({ "tools": { "listChanged": false } }));
        let instructions = result["instructions"].as_str().unwrap();
        assert!(instructions.len() < 2_000 && instructions.contains("data"), "{}", instructions.len());
        let session = answer.header("mcp-session-id").unwrap();
        assert!(session.len() >= 32 && session.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    for params in [
        json!({}),
        json!({ "protocolVersion": 1 }),
        json!({ "protocolVersion": "2025-11-25", "clientInfo": "x" }),
        json!({ "protocolVersion": "2025-11-25", "capabilities": [] }),
    ] {
        let answer = client.request("initialize", params);
        assert_eq!((told(&answer).1, answer.header("mcp-session-id")), (-32_602, None));
    }
    let discovered = client.result("server/discover", json!({}));
    assert_eq!(discovered["supportedVersions"][0], "2025-11-25");
    let strange = client.again().with("MCP-Protocol-Version", "2026-07-28");
    assert_eq!(strange.result("server/discover", json!({}))["resultType"], "complete");
    let refused = strange.request("tools/list", json!({}));
    assert_eq!(told(&refused).1, -32_022);
    assert_eq!((refused.status, &refused.json()["error"]["data"]["requested"]), (400, &json!("2026-07-28")));
}

#[tokio::test]
async fn who_accepts_what_decides_how_they_are_served() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let plain = Client::plain(&server, &mcp_key(&world, "ben").await);

    // curl and scripts need no session.
    assert!(plain.names().contains(&"crm.deal.list".to_owned()));
    plain.call("crm.deal.list", json!({}));
    for anything in ["*/*", "application/json, text/plain, */*"] {
        plain.again().with("Accept", anything).call("auth.me", json!({}));
    }

    // Clients of the protocol do.
    let full = plain.again().with("Accept", BOTH);
    let expected = (400, -32_000, "Bad Request: Server not initialized".to_owned());
    assert_eq!(full.error("tools/list", json!({})), expected);
    assert_eq!(full.error("tools/call", json!({ "name": "auth.me" })), expected);
    assert_eq!(full.result("ping", json!({})), json!({}));

    for half in ["application/json", "Application/JSON", "application/json, text/event-stream;q=0", "text/html"] {
        let refused = plain.again().with("Accept", half).error("tools/list", json!({}));
        assert_eq!(
            refused,
            (406, -32_000, "Not Acceptable: client must accept text/event-stream".to_owned()),
            "{half}"
        );
    }
    for odd in ["Application/JSON ,  Text/Event-Stream", "text/event-stream;q=0.5, application/json;q=0.9"] {
        assert_eq!(plain.again().with("Accept", odd).error("tools/list", json!({})), expected);
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"] {
        assert_eq!(plain.again().with("Content-Type", kind).request("ping", json!({})).status, 415, "{kind}");
    }
    assert_eq!(
        plain.again().with("Content-Type", "application/json; charset=UTF-8").request("ping", json!({})).status,
        200
    );
    let put = plain.send("PUT", "{}");
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, POST, DELETE")));
}

#[tokio::test]
async fn a_session_is_bound_to_its_key_and_ends_when_told() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-06-18");
    ben.call("auth.me", json!({}));

    let mut eve = ben.again();
    eve.key = mcp_key(&world, "eve").await;
    assert_eq!(eve.request("ping", json!({})).status, 403);
    assert_eq!(eve.send("DELETE", "").status, 403);
    let mut another_of_bens = ben.again();
    another_of_bens.key = mcp_key(&world, "ben").await;
    assert_eq!(another_of_bens.request("tools/list", json!({})).status, 403);

    let lost = ben.again().with("Mcp-Session-Id", "made-up");
    assert_eq!(lost.error("tools/list", json!({})), (404, -32_001, "MCP session not found".into()));
    assert_eq!(ben.again().with("MCP-Protocol-Version", "1999-01-01").request("ping", json!({})).status, 400);
    assert_eq!(ben.again().without("MCP-Protocol-Version").request("ping", json!({})).status, 200);

    assert_eq!(ben.again().without("Mcp-Session-Id").send("DELETE", "").status, 400);
    assert_eq!(ben.send("DELETE", "").status, 204);
    assert_eq!(ben.error("ping", json!({})), (404, -32_001, "MCP session not found".into()));
    assert_eq!(ben.send("DELETE", "").status, 404);
}

#[tokio::test]
async fn a_restart_loses_no_session_but_idle_ones_and_a_key_has_at_most_a_hundred() {
    let world = World::new().await;
    let key = mcp_key(&world, "ben").await;
    let first = Server::start(&world.app);
    let old = Client::hello_as(&first, &key, "2025-11-25", "cursor-vscode");
    let headers = old.headers.clone();
    let idle = Client::hello_as(&first, &key, "2025-11-25", "idle").headers;
    drop(old);
    drop(first);

    // The same file in a new process, as it were.
    let (config, folder) = (world.app.config().clone(), world.folder);
    drop(world.app);
    let store = sally::core::store::Store::serve(&config.db, Default::default()).unwrap();
    const HALF_AN_HOUR_LATER: &str =
        "update mcp_session set last_used_at = last_used_at - 1801000 where client_name = 'idle'";
    store.write(|conn| sally::core::store::run(conn, HALF_AN_HOUR_LATER, [])).await.unwrap();
    let app = std::sync::Arc::new(sally::core::app::App::new(store, config, sally::features::ALL));
    let second = Server::start(&app);
    let mut client = Client::plain(&second, &key);
    client.headers = headers;
    assert!(client.names().contains(&"auth_me".to_owned()), "the client's name survived too");
    let mut expired = client.again();
    expired.headers = idle;
    assert_eq!(expired.error("ping", json!({})), (404, -32_001, "MCP session not found".into()));

    let fresh = Client::plain(&second, &key).with("Accept", BOTH);
    for _ in 0..99 {
        assert_eq!(fresh.post(&initialize("2025-11-25", "leaky")).status, 200);
    }
    assert_eq!(client.request("ping", json!({})).status, 200);
    for _ in 0..99 {
        fresh.post(&initialize("2025-11-25", "leaky"));
    }
    assert_eq!(client.request("ping", json!({})).status, 200, "the one that is used stays");
    for _ in 0..100 {
        fresh.post(&initialize("2025-11-25", "leaky"));
    }
    assert_eq!(client.request("ping", json!({})).status, 404, "the longest unused made room");
    drop(second);
    drop(folder);
}

#[tokio::test]
async fn messages_that_are_none_are_told_so_by_number() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let nested = format!("{}{}", "[".repeat(70), "]".repeat(70));
    for broken in ["{", "{'a':1}", r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#, "x", nested.as_str(), "\u{feff}{}"] {
        assert_eq!(told(&client.send("POST", broken)).1, -32_700, "{broken}");
        assert_eq!(client.send("POST", broken).status, 400, "{broken}");
    }
    for invalid in [
        r#"1"#,
        r#"{}"#,
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"JSONRPC":"2.0","ID":1,"Method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"[]"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
    ] {
        let answer = client.send("POST", invalid);
        assert_eq!((answer.status, told(&answer).1), (400, -32_600), "{invalid}");
    }
    for id in [json!(0), json!(-1), json!(9_007_199_254_740_993_i64), json!(""), json!("é\u{202e}"), json!("1")] {
        let answer = client.post(&json!({ "jsonrpc": "2.0", "id": id, "method": "ping", "more": 1 }));
        assert_eq!((answer.status, &answer.json()["id"]), (200, &id));
    }
    for unknown in ["nope", "tools/List", "resources/list", "prompts/list", "logging/setLevel"] {
        let (status, code, message) = client.error(unknown, json!({}));
        assert_eq!((status, code), (200, -32_601));
        assert!(message.contains(unknown));
    }
    for params in [json!([1]), json!("x"), json!(true)] {
        assert_eq!(client.error("tools/list", params).1, -32_602);
    }
    for params in [
        json!({}),
        json!({ "name": 1 }),
        json!({ "name": "no.such.tool" }),
        json!({ "name": "CRM.DEAL.LIST" }),
        json!({ "name": "auth.me", "arguments": [1] }),
        json!({ "name": "auth.login", "arguments": {} }),
    ] {
        assert_eq!(client.error("tools/call", params.clone()).1, -32_602, "{params}");
    }
    let (_, _, message) = client.error("tools/call", json!({ "name": "crm_deals_list" }));
    assert_eq!(message, "Unknown tool: “crm_deals_list”; did you mean crm.deal.list?");
    for quiet in [
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }),
        json!({ "jsonrpc": "2.0", "method": "tools/call", "params": { "name": "auth.me" } }),
        json!({ "jsonrpc": "2.0", "id": 9, "result": {} }),
        json!({ "jsonrpc": "2.0", "id": 9, "error": { "code": 1, "message": "x" } }),
    ] {
        for client in [client.again(), client.again().without("Mcp-Session-Id")] {
            let answer = client.post(&quiet);
            assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{quiet}");
        }
    }
    let large = client.request("ping", json!({ "x": "x".repeat(1_100_000) }));
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn a_batch_is_answered_where_the_revision_has_batches() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-03-26");
    let answer = client.post(&json!([
        { "jsonrpc": "2.0", "id": 1, "method": "ping" },
        { "jsonrpc": "2.0", "method": "notifications/cancelled" },
        { "jsonrpc": "2.0", "id": "b", "method": "tools/call", "params": { "name": "auth.me" } },
        { "jsonrpc": "2.0", "id": 3, "method": "initialize" },
        7,
    ]));
    let answers = answer.json();
    assert_eq!(answers.as_array().unwrap().len(), 4);
    assert_eq!(answers[0], json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    assert_eq!(answers[1]["result"]["structuredContent"]["account"]["name"], "Ben");
    assert_eq!((&answers[2]["error"]["code"], &answers[3]["error"]["code"]), (&json!(-32_600), &json!(-32_600)));
    assert_eq!(client.post(&json!([{ "jsonrpc": "2.0", "method": "notifications/x" }])).status, 202);
    assert_eq!(client.post(&json!([])).status, 400);
    let many: Vec<Value> = (0..51).map(|id| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" })).collect();
    assert_eq!(client.post(&json!(many)).status, 400);
    assert_eq!(client.without("Mcp-Session-Id").post(&json!([7])).status, 400);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let world = World::with(|config| config.public_url = Some("https://sally.example.com".parse().unwrap())).await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);
    let port = server.address.port();
    for foreign in [
        "https://evil.example".to_owned(),
        "null".into(),
        "http://sally.example.com".into(),
        "https://sally.example.com.evil.example".into(),
        "https://sally.example.com:8443".into(),
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://127.0.0.1:{port}@evil.example"),
        "http://127.0.0.1:1".into(),
        "file://".into(),
        "%%%".into(),
    ] {
        let with_origin = client.again().with("Origin", &foreign);
        assert_eq!(with_origin.request("ping", json!({})).status, 403, "{foreign}");
        assert_eq!(with_origin.send("GET", "").status, 403, "{foreign}");
        assert_eq!(with_origin.send("DELETE", "").status, 403, "{foreign}");
    }
    // A name that was made to lead to this machine.
    let rebound = client.again().with("Host", "evil.example").with("Origin", "http://evil.example");
    assert_eq!(rebound.request("ping", json!({})).status, 403);
    for own in
        ["https://sally.example.com".to_owned(), format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")]
    {
        assert_eq!(client.again().with("Origin", &own).request("ping", json!({})).status, 200, "{own}");
    }
}

#[tokio::test]
async fn a_list_holds_what_the_caller_may_do_and_nothing_else() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let names = |key: &str| Client::plain(&server, key).names();
    let has = |names: &[String], name: &str| names.iter().any(|known| known == name);

    let ben = names(&mcp_key(&world, "ben").await);
    assert!(has(&ben, "crm.deal.create") && has(&ben, "auth.me") && has(&ben, "search"), "{ben:?}");
    assert!(!has(&ben, "workspace.member.add") && !has(&ben, "workspace.create") && !has(&ben, "auth.login"));
    let ada = names(&mcp_key(&world, "ada").await);
    assert!(has(&ada, "workspace.member.add") && !has(&ada, "workspace.create"));
    let vera = names(&mcp_key(&world, "vera").await);
    assert!(has(&vera, "crm.deal.get") && !has(&vera, "crm.deal.create"), "{vera:?}");
    let sam = names(&mcp_key(&world, "sam").await);
    assert!(has(&sam, "workspace.create") && has(&sam, "workspace.member.add"));
    assert!(ada.iter().all(|name| has(&sam, name)));

    let ben = world.person("ben").await;
    let reader = narrowed_key(&ben, json!({ "scopes": "crm:read" })).await;
    assert!(names(&reader).iter().all(|name| name.starts_with("crm.") && !name.ends_with("create")));
    let client = Client::plain(&server, &reader);
    let refused = client.request("tools/call", json!({ "name": "crm_deal_create", "arguments": { "title": "x" } }));
    let (status, code, message) = told(&refused);
    assert_eq!((status, code), (200, -32_000));
    assert_eq!(message, "The key's scopes do not allow crm.deal.create; it needs crm:write.");
    assert_eq!(refused.json()["error"]["data"]["permission"]["required"], "crm:write");
    client.call("crm.deal.list", json!({}));

    let core = narrowed_key(&ben, json!({ "toolsets": "core", "toolNames": "UNDERSCORE" })).await;
    assert!(has(&names(&core), "auth_me") && !has(&names(&core), "crm_deal_get"));
    assert_eq!(Client::plain(&server, &core).at("names=dotted").names()[0], "system.ping");
    assert_eq!(
        Client::plain(&server, &core).error("tools/call", json!({ "name": "crm.deal.list" })).1,
        -32_000,
        "what is not listed is not callable"
    );
}

#[tokio::test]
async fn the_address_of_a_connection_narrows_it() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);

    let core = client.again().at("toolsets=core").names();
    assert!(core.contains(&"auth.me".into()) && !core.iter().any(|name| name.starts_with("crm.")));
    let both = client.again().at("toolsets=core,crm").names();
    assert!(both.contains(&"crm.deal.create".into()) && both.len() > core.len());
    let reading = client.again().at("readonly=1");
    assert!(reading.names().contains(&"crm.deal.get".into()) && !reading.names().contains(&"crm.deal.create".into()));
    let (_, code, message) =
        reading.error("tools/call", json!({ "name": "crm.deal.create", "arguments": { "title": "x" } }));
    assert_eq!(code, -32_602);
    assert!(message.contains("readonly"), "{message}");

    let underscored = client.again().at("names=underscore");
    assert!(underscored.names().iter().all(|name| !name.contains('.')));
    for wrong in ["toolsets=crmm", "toolsets=", "names=camel", "readonly=maybe", "toolset=crm", "access_token=x"] {
        assert_eq!(client.again().at(wrong).request("ping", json!({})).status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn clients_that_refuse_dots_get_none_and_every_spelling_is_called() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ben").await;
    let codex = Client::hello_as(&server, &key, "2025-06-18", "codex-mcp-client");
    assert!(codex.names().contains(&"crm_follow_up_list".into()));
    assert!(codex.again().at("names=dotted").names().contains(&"crm.follow_up.list".into()));
    let other = Client::hello_as(&server, &key, "2025-06-18", "claude-code");
    assert!(other.names().contains(&"crm.follow_up.list".into()));
    for spelling in ["crm.follow_up.list", "crm_follow_up_list"] {
        codex.call(spelling, json!({}));
        other.call(spelling, json!({}));
    }
    for alias in ["whoami", "ping", "search_workspace"] {
        let arguments = if alias == "search_workspace" { json!({ "query": "x" }) } else { json!({}) };
        other.call(alias, arguments);
    }
}

#[tokio::test]
async fn every_name_and_alias_means_one_tool() {
    let world = World::new().await;
    let mut seen: HashMap<String, &str> = HashMap::new();
    for listed in world.app.operations().iter().filter(|listed| listed.entry.spec.more.mcp) {
        let spec = listed.entry.spec;
        for name in std::iter::once(&spec.name).chain(spec.more.aliases) {
            for spelling in [(*name).to_owned(), name.replace('.', "_")] {
                let other = seen.insert(spelling, spec.name);
                assert!(other.is_none_or(|other| other == spec.name), "{name}: {other:?} and {}", spec.name);
            }
        }
    }
}

#[tokio::test]
async fn without_the_crm_its_tools_do_not_exist() {
    let world = World::with(|config| config.crm = false).await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);
    assert!(!client.names().iter().any(|name| name.starts_with("crm.")));
    let (_, code, message) = client.error("tools/call", json!({ "name": "crm.deal.list" }));
    assert_eq!(code, -32_602);
    assert!(message.contains("crm.core"), "{message}");
}

#[tokio::test]
async fn every_schema_is_plain_and_every_hint_is_true() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sam = Client::plain(&server, &mcp_key(&world, "sam").await);
    let first = sam.request("tools/list", json!({}));
    assert_eq!(first.body, sam.request("tools/list", json!({})).body, "the same bytes each time");

    for tool in first.json()["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let spec = world.app.operation(name).unwrap().entry.spec;
        let schema = &tool["inputSchema"];
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)), "{name}");
        let text = schema.to_string();
        for union in ["anyOf", "oneOf", "allOf", "$ref", "$schema", "\"type\":[", "nullable"] {
            assert!(!text.contains(union), "{name}: {union} in {text}");
        }
        for (field, property) in schema["properties"].as_object().unwrap() {
            assert!(property["type"].is_string(), "{name}.{field} has one type: {property}");
            assert!(property["description"].is_string(), "{name}.{field} says what it is: {property}");
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for parameter in spec.route.iter().flat_map(|route| route.parameters()) {
            assert!(required.contains(&json!(parameter)) != spec.more.path_is_optional, "{name} needs {parameter}");
        }
        assert!(tool["title"].is_string() && tool["description"].as_str().unwrap().len() > 10, "{name}");
        assert!(schema.get("description").is_none() && tool.get("outputSchema").is_none());
        let effect = spec.effect.word();
        let hints = &tool["annotations"];
        assert_eq!(hints["readOnlyHint"], effect == "read", "{name}");
        assert_eq!(hints["destructiveHint"], effect == "destructive", "{name}");
        assert_eq!(hints["openWorldHint"], false);
    }
    let list = sam.tool("crm.deal.list");
    let properties = &list["inputSchema"]["properties"];
    assert_eq!((&properties["limit"]["default"], &properties["status"]["default"]), (&json!(20), &json!("OPEN")));
    assert_eq!(properties["detail"]["enum"], json!(["brief", "full"]));
    assert_eq!(sam.tool("crm.deal.update")["annotations"]["idempotentHint"], true);
    assert_eq!(sam.tool("crm.deal.create")["annotations"]["idempotentHint"], false);
}

/// What a model pays before it has done anything; a token is about four bytes of such text.
#[tokio::test]
async fn the_lists_stay_within_their_budget_of_tokens() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sam = Client::plain(&server, &mcp_key(&world, "sam").await);
    let tokens = |client: &Client<'_>| client.result("tools/list", json!({})).to_string().len() / 4;
    let (all, core) = (tokens(&sam), tokens(&sam.again().at("toolsets=core")));
    println!("tools/list: {all} tokens, core: {core}");
    assert!(all < 16_000, "the whole list takes {all} tokens");
    assert!(core < 2_500, "the core list takes {core} tokens");
}

#[tokio::test]
async fn the_workspace_is_asked_for_where_there_are_several() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let asks =
        |client: &Client<'_>| client.tool("crm.deal.list")["inputSchema"]["properties"].get("workspaceSlug").is_some();
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    assert!(!asks(&ben));
    ben.call("crm.deal.list", json!({ "workspaceSlug": "acme" }));
    let denied = ben.problem("crm.deal.list", json!({ "workspaceSlug": "bolt" }));
    assert_eq!((&denied["status"], &denied["title"]), (&json!(403), &json!("Workspace access denied")));

    // Ben joins Bolt, too.
    let eve = world.person("eve").await;
    eve.ask("workspace.member.add", json!({ "workspaceId": "bolt", "accountId": "ben@example.com", "role": "VIEWER" }))
        .await
        .unwrap();
    assert!(asks(&ben));
    let which = ben.problem("crm.deal.list", json!({}));
    assert_eq!((&which["status"], &which["code"]), (&json!(400), &json!("WORKSPACE_REQUIRED")));
    ben.call("crm.deal.create", json!({ "title": "Heat pump", "workspaceSlug": "acme" }));
    assert_eq!(ben.call("crm.deal.list", json!({ "workspaceSlug": "bolt" }))["items"], json!([]));
    let viewer = ben.problem("crm.deal.create", json!({ "title": "x", "workspaceSlug": "bolt" }));
    assert_eq!(
        (&viewer["permission"]["required"], &viewer["permission"]["current"]),
        (&json!("MEMBER"), &json!("VIEWER"))
    );

    // The address may say it for the whole connection; an argument says it better.
    let acme = ben.again().at("workspaceSlug=acme");
    assert_eq!(acme.call("crm.deal.list", json!({}))["items"][0]["title"], "Heat pump");
    assert_eq!(acme.call("crm.deal.list", json!({ "workspaceSlug": "bolt" }))["items"], json!([]));
    assert!(!ben.again().at("workspaceSlug=bolt").names().contains(&"crm.deal.create".into()));

    // A pinned key works in its workspace only.
    let pinned = narrowed_key(&world.person("ben").await, json!({ "workspaceId": "acme" })).await;
    let pinned = Client::plain(&server, &pinned);
    assert!(!asks(&pinned));
    assert_eq!(pinned.call("crm.deal.list", json!({}))["items"][0]["title"], "Heat pump");
    let refused = pinned.problem("crm.deal.list", json!({ "workspaceSlug": "bolt" }));
    assert_eq!(refused["detail"], "Workspace access denied by MCP key restriction");
}

#[tokio::test]
async fn lists_are_short_and_open_unless_asked() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::plain(&server, &mcp_key(&world, "ben").await);
    for number in 1..=25 {
        let status = if number == 25 { "WON" } else { "OPEN" };
        ben.call(
            "crm.deal.create",
            json!({ "title": format!("Deal {number:02}"), "status": status, "notes": "é".repeat(2_500) }),
        );
    }
    let page = ben.call("crm.deal.list", json!({ "sort": "title" }));
    assert_eq!(page["items"].as_array().unwrap().len(), 20);
    let first = page["items"][0].as_object().unwrap();
    assert!(first.contains_key("title") && !first.contains_key("notes") && !first.contains_key("version"));
    let rest = ben.call("crm.deal.list", json!({ "sort": "title", "cursor": page["nextCursor"] }));
    assert_eq!(rest["items"].as_array().unwrap().len(), 4, "the one that is won is left out");
    assert!(rest["nextCursor"].is_null());
    assert_eq!(
        ben.call("crm.deal.list", json!({ "status": "all", "limit": 200 }))["items"].as_array().unwrap().len(),
        25
    );

    for everything in [json!({ "detail": "full", "limit": 1 }), json!({ "fields": "*", "limit": "1" })] {
        let notes = ben.call("crm.deal.list", everything)["items"][0]["notes"].take();
        let notes = notes.as_str().unwrap();
        assert!(notes.starts_with(&"é".repeat(2_000)));
        assert!(notes.ends_with("é… [500 more characters: read it whole with crm.deal.get]"), "{notes}");
    }
    let named = ben.call("crm.deal.list", json!({ "fields": "id,notes", "limit": 1 }))["items"][0].take();
    assert_eq!(named.as_object().unwrap().len(), 2);
    assert_eq!(named["notes"].as_str().unwrap().chars().count(), 2_500, "what is asked for by name comes whole");

    let deal = ben.call("crm.deal.get", json!({ "dealId": "Deal 01" }));
    assert_eq!(deal["notes"].as_str().unwrap().chars().count(), 2_500);
    let title = ben.call("crm.deal.get", json!({ "dealId": "Deal 01", "fields": "title" }));
    assert_eq!(title, json!({ "title": "Deal 01" }));
    let wrong = ben.problem("crm.deal.list", json!({ "fields": "titel" }));
    assert_eq!((&wrong["status"], &wrong["errors"][0]["field"]), (&json!(422), &json!("fields")));
    assert_eq!(ben.problem("crm.deal.list", json!({ "detail": "some" }))["errors"][0]["field"], "detail");
    assert_eq!(ben.problem("crm.deal.get", json!({ "dealId": "Deal 01", "detail": "full" }))["status"], 422);
}

#[tokio::test]
async fn a_tool_that_fails_says_what_rest_says() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ben").await;
    let ben = Client::plain(&server, &key);
    let missing = ben.again().with("X-Request-Id", "r-1").problem("crm.deal.get", json!({ "dealId": "no such deal" }));
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str()), ("X-Request-Id", "r-1")];
    let rest = server.send("GET", "/api/crm/deals/no%20such%20deal", &headers, "");
    assert_eq!((rest.status, rest.json()), (404, missing));

    let invalid = ben.problem("crm.deal.create", json!({ "titel": "x", "probability": 200 }));
    let fields: Vec<&str> =
        invalid["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert!(["titel", "title", "probability"].iter().all(|field| fields.contains(field)), "{invalid}");
    assert!(invalid["requestId"].as_str().is_some_and(|id| !id.is_empty()));
    let vera = Client::plain(&server, &mcp_key(&world, "vera").await);
    let denied = vera.problem("crm.deal.create", json!({ "title": "x" }));
    assert_eq!((&denied["code"], &denied["permission"]["scope"]), (&json!("PERMISSION_DENIED"), &json!("workspace")));

    let deal = ben.call("crm.deal.create", json!({ "title": "Solar roof", "idempotencyKey": "once" }));
    assert_eq!(ben.call("crm.deal.create", json!({ "title": "Solar roof", "idempotencyKey": "once" })), deal);
    let stale = ben.problem("crm.deal.update", json!({ "dealId": deal["id"], "nextStep": "Call", "ifVersion": 9 }));
    assert_eq!(stale["status"], 412);
}

#[tokio::test]
async fn success_without_content_says_ok() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = Client::plain(&server, &mcp_key(&world, "ada").await);
    let key = ada.call("api_key.create", json!({ "label": "import" }));
    assert!(key["token"].as_str().unwrap().starts_with("atpm_"));
    assert_eq!(ada.call("api_key.revoke", json!({ "apiKeyId": key["id"] })), json!({ "ok": true }));
}

/// Reads the head of a stream and its first event.
fn listen(server: &Server, client: &Client<'_>) -> (String, BufReader<TcpStream>) {
    let mut socket = TcpStream::connect(server.address).expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a connection");
    let mut head = format!("GET /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n", server.address, client.key);
    for (name, value) in client.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("accept")) {
        head += &format!("{name}: {value}\r\n");
    }
    write!(socket, "{head}Accept: text/event-stream\r\nAccept-Encoding: gzip, br\r\n\r\n").expect("a connection");
    let mut reader = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).expect("a connection") > 0 {}
    (head.to_ascii_lowercase(), reader)
}

#[tokio::test]
async fn a_stream_opens_at_once_and_ends_with_its_session_or_the_server() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    assert_eq!(client.again().without("Mcp-Session-Id").send("GET", "").status, 400);
    assert_eq!(client.again().with("Mcp-Session-Id", "x").send("GET", "").status, 404);
    assert_eq!(client.again().with("Accept", "application/json").send("GET", "").status, 406);

    let (head, mut stream) = listen(&server, &client);
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    let mut event = [0; 20];
    let read = stream.read(&mut event).unwrap();
    assert!(String::from_utf8_lossy(&event[..read]).contains(':'));
    assert_eq!(client.send("DELETE", "").status, 204);
    let mut left = Vec::new();
    stream.read_to_end(&mut left).unwrap_or_default();
    assert!(left.ends_with(b"0\r\n\r\n"), "the stream was closed in order: {left:?}");

    let other = Client::hello(&server, &client.key, "2025-11-25");
    let (head, _stream) = listen(&server, &other);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let stopping = Instant::now();
    drop(other);
    drop(client);
    drop(server);
    assert!(stopping.elapsed() < Duration::from_secs(5), "stopping waited for a stream: {:?}", stopping.elapsed());
}

/// The official Rust SDK as the client.
#[tokio::test]
async fn the_official_client_works_a_deal_from_beginning_to_end() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", server.base))
        .auth_header(mcp_key(&world, "ben").await);
    let client = ().serve(StreamableHttpClientTransport::from_config(config)).await.unwrap();
    assert_eq!(client.peer_info().unwrap().server_info.as_ref().unwrap().name, "sally");
    let tools = client.list_all_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "crm.deal.update"));
    let call = async |name: &'static str, arguments: Value| {
        let params = CallToolRequestParams::new(name).with_arguments(arguments.as_object().unwrap().clone());
        let result = client.call_tool(params).await.unwrap();
        assert_ne!(result.is_error, Some(true), "{result:?}");
        result.structured_content.unwrap()
    };
    let deal = call("crm.deal.create", json!({ "title": "Office chairs", "value": 4800, "currency": "EUR" })).await;
    assert_eq!(call("crm.deal.get", json!({ "dealId": deal["id"] })).await["title"], "Office chairs");
    let moved = call("crm.deal.update", json!({ "dealId": deal["id"], "stage": "Qualified" })).await;
    assert_eq!((&moved["stage"], &moved["version"]), (&json!("Qualified"), &json!(2)));
    let listed = call("crm.deal.list", json!({ "search": "chairs" })).await;
    assert_eq!(listed["items"][0]["id"], deal["id"]);
    let archived = call("crm.deal.update", json!({ "dealId": deal["id"], "archived": true })).await;
    assert!(archived["archivedAt"].is_string());
    assert_eq!(call("crm.deal.list", json!({})).await["items"], json!([]));
    let failed = client.call_tool(CallToolRequestParams::new("crm.deal.get")).await.unwrap();
    assert_eq!((failed.is_error, &failed.structured_content.unwrap()["status"]), (Some(true), &json!(422)));
    client.cancel().await.unwrap();
}
