//! The protocol's rules by hand, and a story told by the official client.

use rmcp::model::{CallToolRequestParams, GetPromptRequestParams, ProtocolVersion, ReadResourceRequestParams};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use serde_json::{Value, json};

use crate::client::{BOTH, Client, initialize, mcp_key, told};
use crate::support::World;
use crate::support::server::Server;

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
        let mut capabilities = json!({ "tools": { "listChanged": true }, "prompts": { "listChanged": true }, "resources": { "subscribe": true } });
        if answered != "2024-11-05" {
            capabilities["completions"] = json!({});
        }
        assert_eq!(result["capabilities"], capabilities);
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
    let strange = client.again().with("MCP-Protocol-Version", "1999-01-01");
    let refused = strange.request("tools/list", json!({}));
    assert_eq!(told(&refused).1, -32_022);
    assert_eq!((refused.status, &refused.json()["error"]["data"]["requested"]), (400, &json!("1999-01-01")));
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
    for unknown in ["nope", "tools/List", "resources/write", "prompts/List", "logging/setLevel"] {
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

/// The official Rust SDK as the client.
#[tokio::test]
async fn the_official_client_works_with_a_session_and_without() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ada").await;
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    for lifecycle in [ClientLifecycleMode::Initialize, ClientLifecycleMode::Discover { preferred_versions }] {
        let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", server.base)).auth_header(&key);
        let transport = StreamableHttpClientTransport::from_config(config);
        let client = ().serve_with_lifecycle(transport, lifecycle).await.unwrap();
        assert_eq!(client.peer_info().unwrap().server_info.as_ref().unwrap().name, "sally");
        let tools = client.list_all_tools().await.unwrap();
        assert!(tools.iter().any(|tool| tool.name == "crm.deal.update"));
        let call = async |name: &'static str, arguments: Value| {
            let params = CallToolRequestParams::new(name).with_arguments(arguments.as_object().unwrap().clone());
            let result = client.call_tool(params).await.unwrap();
            assert_ne!(result.is_error, Some(true), "{result:?}");
            result.structured_content.unwrap()
        };

        let deal = json!({ "title": "Office chairs", "value": 4800, "currency": "EUR" });
        let deal = call("crm.deal.create", deal).await;
        assert_eq!(call("crm.deal.get", json!({ "dealId": deal["id"] })).await["title"], "Office chairs");
        let moved = call("crm.deal.update", json!({ "dealId": deal["id"], "stage": "Qualified" })).await;
        assert_eq!((&moved["stage"], &moved["version"]), (&json!("Qualified"), &json!(2)));
        let listed = call("crm.deal.list", json!({ "search": "chairs" })).await;
        assert_eq!(listed["items"][0]["id"], deal["id"]);
        let archived = call("crm.deal.update", json!({ "dealId": deal["id"], "archived": true })).await;
        assert!(archived["archivedAt"].is_string());
        assert_eq!(call("crm.deal.list", json!({})).await["items"], json!([]));

        let project = call("project.create", json!({ "name": "Furniture" })).await;
        let task = call("task.create", json!({ "projectId": project["key"], "title": "Measure the rooms" })).await;
        let moved = call("task.move", json!({ "taskId": task["key"], "targetStatus": "Review" })).await;
        assert_eq!(moved["status"], "Review");
        let time = json!({ "projectId": project["key"], "taskId": task["key"], "minutes": 30 });
        assert_eq!(call("timesheet.add", time).await["minutes"], 30);
        let key = task["key"].as_str().unwrap();
        let resource = ReadResourceRequestParams::new(format!("sally://workspaces/acme/tasks/{key}"));
        let resource = serde_json::to_value(client.read_resource(resource).await.unwrap()).unwrap();
        assert!(resource["contents"][0]["text"].as_str().unwrap().contains("Measure the rooms"), "{resource}");
        let arguments = json!({ "task": key }).as_object().unwrap().clone();
        let prompt = GetPromptRequestParams::new("task-summary").with_arguments(arguments);
        let prompt = serde_json::to_value(client.get_prompt(prompt).await.unwrap()).unwrap();
        assert!(prompt["messages"][0]["content"]["text"].as_str().unwrap().contains(key), "{prompt}");
        assert!(call("task.archive", json!({ "taskId": key })).await["archivedAt"].is_string());
        assert!(call("project.archive", json!({ "projectId": project["key"] })).await["archivedAt"].is_string());

        let failed = client.call_tool(CallToolRequestParams::new("crm.deal.get")).await.unwrap();
        assert_eq!((failed.is_error, &failed.structured_content.unwrap()["status"]), (Some(true), &json!(422)));
        client.cancel().await.unwrap();
    }
}
