//! Room for a guest at the endpoint: the official scenarios ask every server for tools, resources and prompts that no
//! product has, and examples/conformance has them. Sally itself is served without one.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::http::Endpoint;
use super::protocol::{Peer, Request, RpcError};

pub trait Guest: Send + Sync {
    /// Answers a request that is the guest's; `None` leaves it to Sally.
    fn answer(&self, endpoint: &Arc<Endpoint>, peer: &Peer, request: &Request) -> Option<Result<Said, RpcError>>;

    /// One of Sally's results with what the guest has to add.
    fn amend(&self, method: &str, result: Vec<u8>) -> Vec<u8>;

    /// Hears what a client responds to a question of the guest's.
    fn hear(&self, response: Map<String, Value>);
}

/// What is said to a request.
pub enum Said {
    /// The response and nothing else.
    Response(Vec<u8>),
    /// Messages as they come, of which the last is the response.
    Messages(mpsc::Receiver<Vec<u8>>),
}
