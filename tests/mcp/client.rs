//! A client of the endpoint, as strict or careless as the test wants it.

use sally::features::keys::KeyKind;
use serde_json::{Value, json};

use crate::support::server::{Answer, Server};
use crate::support::{Person, World};

pub const BOTH: &str = "application/json, text/event-stream";

/// A client of the endpoint, as strict or careless as the test wants it.
pub struct Client<'a> {
    pub server: &'a Server,
    pub key: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl<'a> Client<'a> {
    /// Without a session and without an Accept: a plain caller.
    pub fn plain(server: &'a Server, key: &str) -> Self {
        Client { server, key: key.to_owned(), path: "/mcp".into(), headers: Vec::new() }
    }

    /// With a session of this revision.
    pub fn hello(server: &'a Server, key: &str, revision: &str) -> Self {
        Client::hello_as(server, key, revision, "test")
    }

    pub fn hello_as(server: &'a Server, key: &str, revision: &str, name: &str) -> Self {
        let client = Client::plain(server, key).with("Accept", BOTH);
        let answer = client.post(&initialize(revision, name));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let session = answer.header("mcp-session-id").expect("a session").to_owned();
        let client = client.with("Mcp-Session-Id", &session).with("MCP-Protocol-Version", revision);
        let initialized = client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!((initialized.status, initialized.body.as_str()), (202, ""));
        client
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub fn at(mut self, query: &str) -> Self {
        self.path = format!("/mcp?{query}");
        self
    }

    pub fn again(&self) -> Self {
        Client { server: self.server, key: self.key.clone(), path: self.path.clone(), headers: self.headers.clone() }
    }

    pub fn send(&self, method: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("Authorization", bearer.as_str())];
        if !body.is_empty() && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.server.send(method, &self.path, &headers, body)
    }

    pub fn post(&self, message: &Value) -> Answer {
        self.send("POST", &message.to_string())
    }

    pub fn request(&self, method: &str, params: Value) -> Answer {
        self.post(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }))
    }

    /// The result of a request that must have one.
    pub fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params);
        let mut json = answer.json();
        assert_eq!((answer.status, &json["id"]), (200, &json!(7)), "{}", answer.body);
        assert!(json["error"].is_null(), "{}", answer.body);
        json["result"].take()
    }

    /// The status and JSON-RPC error of a request that must have one.
    pub fn error(&self, method: &str, params: Value) -> (u16, i64, String) {
        told(&self.request(method, params))
    }

    pub fn names(&self) -> Vec<String> {
        let tools = self.result("tools/list", json!({}));
        tools["tools"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    pub fn tool(&self, name: &str) -> Value {
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
    pub fn call(&self, tool: &str, arguments: Value) -> Value {
        let result = self.result("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(result["isError"].is_null(), "{result}");
        the_same_twice(result)
    }

    /// The problem that a tool answers with.
    pub fn problem(&self, tool: &str, arguments: Value) -> Value {
        let result = self.result("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert_eq!(result["isError"], true, "{result}");
        the_same_twice(result)
    }
}

pub fn initialize(revision: &str, name: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": name, "version": "1" } } })
}

pub fn told(answer: &Answer) -> (u16, i64, String) {
    let error = answer.json()["error"].take();
    let code = error["code"].as_i64().unwrap_or_else(|| panic!("no error: {}", answer.body));
    (answer.status, code, error["message"].as_str().expect("a message").to_owned())
}

pub fn the_same_twice(mut result: Value) -> Value {
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().expect("a text")).expect("JSON");
    assert_eq!(text, result["structuredContent"]);
    result["structuredContent"].take()
}

pub async fn mcp_key(world: &World, name: &str) -> String {
    world.keyed(name, KeyKind::Mcp, None, None).await.token
}

pub async fn narrowed_key(person: &Person, narrowing: Value) -> String {
    let mut input = narrowing;
    input["label"] = "narrowed".into();
    person.ask("mcp_key.create", input).await.expect("a key")["token"].as_str().expect("a token").to_owned()
}
