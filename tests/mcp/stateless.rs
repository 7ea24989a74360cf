//! The revision without sessions, beside the others on the same address.

use serde_json::{Value, json};

use crate::client::{BOTH, Client, initialize, mcp_key, told};
use crate::support::World;
use crate::support::server::{Answer, Server};

pub const REVISION: &str = "2026-07-28";

/// A request as the revision wants it, for a test to spoil.
pub struct Stateless<'a> {
    pub client: Client<'a>,
    pub meta: Value,
}

impl<'a> Stateless<'a> {
    pub fn new(server: &'a Server, key: &str) -> Self {
        let client = Client::plain(server, key).with("Accept", BOTH).with("MCP-Protocol-Version", REVISION);
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        });
        Stateless { client, meta }
    }

    fn with(&self, name: &str, value: &str) -> Self {
        Stateless { client: self.client.again().with(name, value), meta: self.meta.clone() }
    }

    fn without(&self, name: &str) -> Self {
        Stateless { client: self.client.again().without(name), meta: self.meta.clone() }
    }

    fn saying(&self, name: &str, value: Value) -> Self {
        let mut meta = self.meta.clone();
        meta[format!("io.modelcontextprotocol/{name}")] = value;
        Stateless { client: self.client.again(), meta }
    }

    /// Headers that the test set already stay as they are.
    pub fn send(&self, method: &str, mut params: Value) -> Answer {
        let name = params.get("name").or(params.get("uri")).and_then(Value::as_str).map(str::to_owned);
        if !self.meta.is_null() {
            params["_meta"] = self.meta.clone();
        }
        let mut client = self.client.again();
        let has = |client: &Client<'_>, header: &str| {
            client.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(header))
        };
        if !has(&client, "Mcp-Method") {
            client = client.with("Mcp-Method", method);
        }
        if let Some(name) = name.filter(|_| !has(&client, "Mcp-Name")) {
            client = client.with("Mcp-Name", &name);
        }
        client.headers.retain(|(_, value)| !value.is_empty());
        client.request(method, params)
    }

    pub fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.send(method, params);
        let mut json = answer.json();
        assert_eq!((answer.status, &json["id"]), (200, &json!(7)), "{}", answer.body);
        assert_eq!(answer.header("mcp-session-id"), None);
        let result = json["result"].take();
        assert_eq!(result["resultType"], "complete", "{}", answer.body);
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "sally");
        result
    }

    fn error(&self, method: &str, params: Value) -> (u16, i64) {
        let answer = self.send(method, params);
        assert_eq!(answer.json()["id"], 7, "{}", answer.body);
        let (status, code, _) = told(&answer);
        (status, code)
    }
}

#[tokio::test]
async fn a_request_that_says_all_about_itself_needs_no_session() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ben").await;
    let ben = Stateless::new(&server, &key);

    let discovered = ben.result("server/discover", json!({}));
    assert_eq!(discovered["supportedVersions"][0], REVISION);
    assert_eq!(discovered["supportedVersions"].as_array().unwrap().len(), 5);
    assert!(discovered["capabilities"]["tools"].is_object() && discovered["instructions"].is_string());
    assert!(discovered.get("serverInfo").is_none(), "it stands in _meta");

    let mut listed = ben.result("tools/list", json!({}));
    for cacheable in [&discovered, &listed] {
        assert_eq!((&cacheable["ttlMs"], &cacheable["cacheScope"]), (&json!(60_000), &json!("private")));
    }
    // The same tools as with a session.
    let with_session = Client::hello(&server, &key, "2025-11-25").result("tools/list", json!({}));
    assert_eq!(listed["tools"].take(), with_session["tools"]);

    let deal = ben.result("tools/call", json!({ "name": "crm.deal.create", "arguments": { "title": "Heat pump" } }));
    assert_eq!(deal["structuredContent"]["title"], "Heat pump");
    assert!(deal.get("ttlMs").is_none());
    let failed = ben.result("tools/call", json!({ "name": "crm_deal_get", "arguments": { "dealId": "none" } }));
    assert_eq!((&failed["isError"], &failed["structuredContent"]["status"]), (&json!(true), &json!(404)));
    assert_eq!(ben.error("tools/call", json!({ "name": "no.such.tool" })).1, -32_602);

    let codex = ben.saying("clientInfo", json!({ "name": "codex-mcp-client", "version": "1" }));
    assert_eq!(codex.result("tools/list", json!({}))["tools"][0]["name"], "system_ping");
    // What belongs to sessions is not looked at.
    let with_session_id = ben.with("Mcp-Session-Id", "no such session");
    with_session_id.result("tools/list", json!({}));
    let notified = with_session_id.client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" }));
    assert_eq!((notified.status, notified.body.as_str()), (202, ""));
}

#[tokio::test]
async fn headers_and_body_must_say_the_same() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Stateless::new(&server, &mcp_key(&world, "ben").await);
    let call = || json!({ "name": "auth.me" });
    let mismatch = (400, -32_020);
    for spoiled in [
        ben.without("MCP-Protocol-Version"),
        ben.with("MCP-Protocol-Version", "2025-11-25"),
        ben.with("Mcp-Method", "tools/list"),
        ben.with("Mcp-Method", "TOOLS/CALL"),
        ben.with("Mcp-Method", ""),
        ben.with("Mcp-Name", "auth.login"),
        ben.with("Mcp-Name", "AUTH.ME"),
        ben.with("Mcp-Name", ""),
        ben.with("Mcp-Name", "=?base64?!!!?="),
        ben.with("Mcp-Name", "=?base64?YXV0aC5sb2dpbg==?="),
    ] {
        assert_eq!(spoiled.error("tools/call", call()), mismatch, "{:?}", spoiled.client.headers);
    }
    ben.with("Mcp-Name", "=?base64?YXV0aC5tZQ==?=").result("tools/call", call());
    let mut twice = ben.client.again();
    twice.headers.push(("Mcp-Method".into(), "tools/list".into()));
    twice.headers.push(("Mcp-Method".into(), "tools/call".into()));
    let answer = twice.request("tools/list", json!({ "_meta": ben.meta }));
    assert_eq!((answer.status, told(&answer).1), mismatch);

    // Before anything else the metadata must be there.
    let incomplete = (400, -32_602);
    let mut bare = ben.with("Mcp-Method", "anything");
    bare.meta = Value::Null;
    for spoiled in [
        bare,
        ben.saying("protocolVersion", Value::Null),
        ben.saying("protocolVersion", json!(1)),
        ben.saying("clientCapabilities", Value::Null),
        ben.saying("clientCapabilities", json!([])),
    ] {
        for method in ["tools/list", "server/discover"] {
            assert_eq!(spoiled.error(method, json!({})), incomplete, "{}", spoiled.meta);
        }
    }
}

#[tokio::test]
async fn what_the_revision_does_not_have_is_told_by_status_too() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Stateless::new(&server, &mcp_key(&world, "ben").await);
    let hello = initialize(REVISION, "test")["params"].take();
    for (method, params) in [
        ("ping", json!({})),
        ("initialize", hello),
        ("logging/setLevel", json!({})),
        ("resources/subscribe", json!({ "uri": "sally://x" })),
        ("no/such", json!({})),
    ] {
        assert_eq!(ben.error(method, params), (404, -32_601), "{method}");
    }
    for strange in ["2099-01-01", "2025-11-25"] {
        let other = ben.with("MCP-Protocol-Version", strange).saying("protocolVersion", json!(strange));
        let refused = other.send("tools/list", json!({}));
        assert_eq!((refused.status, told(&refused).1), (400, -32_022));
        let data = refused.json()["error"]["data"].take();
        assert_eq!((&data["supported"][0], &data["requested"]), (&json!(REVISION), &json!(strange)));
    }
    for method in ["GET", "DELETE"] {
        let refused = ben.client.send(method, "");
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")));
    }
    let batch = ben.client.post(&json!([{ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }]));
    assert_eq!((batch.status, told(&batch).1), (400, -32_600));

    // The same doors as everywhere.
    let mut stranger = Stateless::new(&server, "sallymcp_nobodys");
    assert_eq!(stranger.send("tools/list", json!({})).status, 401);
    stranger.client.key = ben.client.key.clone();
    assert_eq!(stranger.with("Origin", "https://evil.example").send("tools/list", json!({})).status, 403);
    assert_eq!(stranger.with("Accept", "application/json").send("tools/list", json!({})).status, 406);
}
