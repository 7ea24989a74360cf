//! A guest at the endpoint, as the official conformance scenarios have one.

use std::sync::{Arc, Mutex};

use sally::mcp::guest::{Guest, Said};
use sally::mcp::http::Endpoint;
use sally::mcp::protocol::{self, Peer, Request, RpcError};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::client::{Client, mcp_key, told};
use crate::support::World;
use crate::support::server::Server;

/// Says hello, counts to two and remembers what it heard.
#[derive(Clone, Default)]
struct Visitor {
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Guest for Visitor {
    fn answer(&self, _: &Arc<Endpoint>, _: &Peer, request: &Request) -> Option<Result<Said, RpcError>> {
        let response = protocol::response(&request.id, "{", &Ok(br#"{"hello":true}"#.to_vec()));
        match request.method.as_str() {
            "visitor/hello" => Some(Ok(Said::Response(response))),
            "visitor/count" => {
                let (say, messages) = mpsc::channel(3);
                let counted = [br#"{"one":1}"#.to_vec(), br#"{"two":2}"#.to_vec(), response];
                counted.into_iter().for_each(|message| say.try_send(message).unwrap());
                Some(Ok(Said::Messages(messages)))
            }
            "visitor/refuse" => Some(Err(RpcError::with_status(400, -32_021, "Not today"))),
            _ => None,
        }
    }

    fn amend(&self, method: &str, result: Vec<u8>) -> Vec<u8> {
        if method == "ping" { br#"{"pong":true}"#.to_vec() } else { result }
    }

    fn hear(&self, response: Map<String, Value>) {
        self.heard.lock().unwrap().push(response.into());
    }
}

#[tokio::test]
async fn a_guest_answers_adds_and_hears_and_the_rest_is_sallys() {
    let world = World::new().await;
    let visitor = Visitor::default();
    let server = Server::start_with(&world.app, visitor.clone());
    let client = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");

    assert_eq!(client.result("visitor/hello", json!({})), json!({ "hello": true }));
    assert_eq!(client.result("ping", json!({})), json!({ "pong": true }));
    assert_eq!(client.call("auth.me", json!({}))["account"]["email"], "ben@example.com");
    let refused = client.request("visitor/refuse", json!({}));
    assert_eq!((told(&refused), &refused.json()["id"]), ((400, -32_021, "Not today".into()), &json!(7)));
    assert_eq!(client.error("visitor/nothing", json!({})).1, -32_601);

    let counted = client.request("visitor/count", json!({}));
    assert_eq!((counted.status, counted.header("content-type")), (200, Some("text/event-stream")));
    let said: Vec<Value> =
        counted.body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
    let response = json!({ "jsonrpc": "2.0", "id": 7, "result": { "hello": true } });
    assert_eq!(said, [json!({ "one": 1 }), json!({ "two": 2 }), response]);

    let response = json!({ "jsonrpc": "2.0", "id": "question-1", "result": { "yes": true } });
    assert_eq!(client.post(&response).status, 202);
    assert_eq!(*visitor.heard.lock().unwrap(), [response]);
}
