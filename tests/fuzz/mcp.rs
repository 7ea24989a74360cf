//! MCP: tools with arguments of their schemas, resources, prompts, and messages that are none.

use serde_json::{Value, json};
use ureq::http::Request;

use crate::Target;
use crate::values::{Chance, junk, object, spoiled, word};

const METHODS: [&str; 14] = [
    "initialize",
    "ping",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "notifications/cancelled",
    "server/discover",
];
const VERSIONS: [&str; 6] = ["2025-11-25", "2025-06-18", "2026-07-28", "2024-11-05", "1900-01-01", ""];
const LOCKS_OUT: [&str; 3] = ["api_key.revoke", "workspace.", "account."];

pub struct Mcp {
    tools: Vec<Value>,
    session: String,
}

impl Mcp {
    pub fn of(target: &Target) -> Mcp {
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
        let ask = |session: &str, method: &str, params: Value| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
            let request = Mcp::request(target).header("Mcp-Session-Id", session);
            target.server.agent.run(request.body(body).unwrap()).unwrap()
        };
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }).to_string();
        let answer = target.server.agent.run(Mcp::request(target).body(body).unwrap()).unwrap();
        let session = answer.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let list: Value = ask(&session, "tools/list", json!({})).body_mut().read_json().unwrap();
        let tools = list["result"]["tools"].as_array().unwrap().clone();
        assert!(tools.len() > 80, "{} tools", tools.len());
        Mcp { tools, session }
    }

    fn request(target: &Target) -> ureq::http::request::Builder {
        let request = Request::post(format!("{}/mcp", target.server.url));
        let request = request.header("Accept", "application/json, text/event-stream");
        request.header("Content-Type", "application/json").header("Authorization", format!("Bearer {}", target.mcp_key))
    }

    fn params(&self, method: &str, target: &Target, chance: &mut Chance) -> Value {
        let name = |chance: &mut Chance| target.pool.name(chance).unwrap_or_default();
        match method {
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                let kind = chance
                    .choice(["tasks", "projects", "deals", "people", "organizations", "clients", "me", ""])
                    .unwrap();
                let end = chance.choice(["", ".json", ".md", "/", "?x=1"]).unwrap();
                json!({ "uri": format!("sally://workspaces/studio-nord/{kind}/{}{end}", name(chance)) })
            }
            "prompts/get" => {
                json!({ "name": chance.choice(["standup", "deal-brief", "triage", ""]), "arguments": junk(chance) })
            }
            "completion/complete" => json!({
                "ref": { "type": "ref/prompt", "name": "deal-brief" }, "argument": { "name": word(chance), "value": word(chance) }
            }),
            "tools/list" | "resources/list" | "prompts/list" => {
                if chance.bool() {
                    json!({})
                } else {
                    json!({ "cursor": name(chance) })
                }
            }
            _ if chance.u8(0..4) > 0 => json!({}),
            _ => junk(chance),
        }
    }

    pub fn send(&self, target: &Target, chance: &mut Chance) {
        let tool = chance.choice(&self.tools).unwrap();
        let is_harmless = !LOCKS_OUT
            .iter()
            .any(|name| tool["name"].as_str().unwrap().replace('_', ".").starts_with(&name.replace('_', ".")));
        let (method, params) = if chance.u8(0..10) < 7 && is_harmless {
            let arguments = object(&tool["inputSchema"], &tool["inputSchema"], &target.pool, chance, 0);
            ("tools/call", json!({ "name": tool["name"], "arguments": arguments }))
        } else {
            let method = chance.choice(METHODS).unwrap();
            (method, self.params(method, target, chance))
        };
        let mut message = json!({ "jsonrpc": "2.0", "id": chance.u32(..), "method": method, "params": params });
        match chance.u8(0..60) {
            0 => message = junk(chance),
            1 => message = json!([message.clone(), message]),
            2 => message["id"] = junk(chance),
            3 => message["method"] = junk(chance),
            4 => message["params"] = junk(chance),
            _ => {}
        }
        let mut request = Mcp::request(target);
        if chance.u8(0..10) > 0 {
            request = request.header("Mcp-Session-Id", &self.session);
        }
        if chance.u8(0..20) == 0 {
            request = request.header("MCP-Protocol-Version", chance.choice(VERSIONS).unwrap());
        }
        let body = spoiled(message.to_string(), chance);
        let (status, kind, text) = target.send(request.body(body).unwrap());
        // A stream ends with the answer.
        let last = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&text);
        let Ok(answer) = serde_json::from_str::<Value>(last) else {
            assert!(status == 202 || text.is_empty(), "{message}: {status} {kind} {text}");
            return;
        };
        let refused = answer.get("error").is_some() || answer["result"]["isError"] == true;
        target.pool.answered("mcp", if refused { status.max(400) } else { status }, status != 401);
        target.pool.learn(&answer["result"]["structuredContent"], chance);
    }
}
