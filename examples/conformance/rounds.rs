//! Tools of the revision without sessions that answer with what they still need: the client calls again and brings it along.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use sally::core::secret;
use sally::mcp::protocol::{INVALID_PARAMS, RpcError};

use super::content::{message, text};

/// What the names of these tools begin with.
pub const PREFIX: &str = "test_input_required_result_";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const MISSING_CAPABILITY: i32 = -32_021;

/// States that were handed out, and how far the work was then. A text that was made up or changed is none of them.
#[derive(Default)]
pub struct Rounds {
    states: Mutex<HashMap<String, &'static str>>,
}

impl Rounds {
    /// `None` for a tool or prompt of another kind.
    pub fn answer(&self, name: &str, params: &Map<String, Value>) -> Option<Result<Value, RpcError>> {
        let brought = |key: &str| params.get("inputResponses").and_then(|responses| responses.get(key));
        let filled_in = |key: &str, field: &str| brought(key)?.get("content")?.get(field)?.as_str();
        let capabilities = params.get("_meta").and_then(|meta| meta.get(CAPABILITIES));
        let can = |what: &str| capabilities.is_some_and(|all| all.get(what).is_some());
        let state = match self.state(params) {
            Ok(state) => state,
            Err(error) => return Some(Err(error)),
        };
        let who = || form("What is your name?", "name", "string");
        let result = match name.strip_prefix(PREFIX).unwrap_or(name) {
            "test_missing_capability" if !can("sampling") => {
                return Some(Err(RpcError {
                    data: Some(json!({ "requiredCapabilities": { "sampling": {} } })),
                    ..RpcError::with_status(400, MISSING_CAPABILITY, "The client cannot sample")
                }));
            }
            "test_missing_capability" => text("The client can sample."),
            "test_streaming_elicitation" => need(json!({ "user_name": who() })),
            "elicitation" => match filled_in("user_name", "name") {
                Some(name) => text(&format!("Hello, {name}!")),
                None => need(json!({ "user_name": who() })),
            },
            "sampling" => match brought("capital_question") {
                Some(said) => text(said["content"]["text"].as_str().unwrap_or_default()),
                None => need(json!({ "capital_question": sample("What is the capital of France?") })),
            },
            "list_roots" => match brought("client_roots") {
                Some(said) => text(&format!("Roots: {}", said["roots"])),
                None => need(json!({ "client_roots": { "method": "roots/list", "params": {} } })),
            },
            "request_state" | "tampered_state" => match (state, brought("confirm")) {
                (Some("to confirm"), Some(_)) => text("state-ok"),
                _ => {
                    let questions = json!({ "confirm": form("Please confirm", "ok", "boolean") });
                    self.need_in(questions, "to confirm")
                }
            },
            "multiple_inputs" => match (state, brought("user_name"), brought("greeting"), brought("client_roots")) {
                (Some("to greet"), Some(_), Some(_), Some(_)) => text("All three are here."),
                _ => {
                    let questions = json!({
                        "user_name": who(),
                        "greeting": sample("Generate a greeting"),
                        "client_roots": { "method": "roots/list", "params": {} },
                    });
                    self.need_in(questions, "to greet")
                }
            },
            "multi_round" => match (state, filled_in("step1", "name"), filled_in("step2", "color")) {
                (Some("second"), _, Some(color)) => text(&format!("The color is {color}.")),
                (Some("first"), Some(_), _) => {
                    let questions = json!({ "step2": form("Step 2: What is your favorite color?", "color", "string") });
                    self.need_in(questions, "second")
                }
                _ => {
                    let questions = json!({ "step1": form("Step 1: What is your name?", "name", "string") });
                    self.need_in(questions, "first")
                }
            },
            "capabilities" => {
                let mut questions = Map::new();
                if can("sampling") {
                    questions.insert("greeting".into(), sample("Generate a greeting"));
                }
                if can("elicitation") {
                    questions.insert("user_name".into(), who());
                }
                need(questions.into())
            }
            "prompt" => match filled_in("user_context", "context") {
                Some(context) => json!({ "messages": [message("text", json!({ "text": context }))] }),
                None => {
                    let question = form("What context should the prompt use?", "context", "string");
                    need(json!({ "user_context": question }))
                }
            },
            _ => return None,
        };
        Some(Ok(result))
    }

    /// How far the work was when the client was asked; `None` if it brings no state.
    fn state(&self, params: &Map<String, Value>) -> Result<Option<&'static str>, RpcError> {
        let Some(given) = params.get("requestState") else { return Ok(None) };
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let known = given.as_str().and_then(|given| states.get(given).copied());
        known.map(Some).ok_or_else(|| RpcError::with_status(400, INVALID_PARAMS, "requestState is not one of ours"))
    }

    fn need_in(&self, questions: Value, state: &'static str) -> Value {
        let token = secret::session_token();
        self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), state);
        let mut result = need(questions);
        result["requestState"] = token.into();
        result
    }
}

fn need(questions: Value) -> Value {
    json!({ "resultType": "input_required", "inputRequests": questions })
}

fn form(message: &str, field: &str, kind: &str) -> Value {
    let schema = json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    json!({ "method": "elicitation/create", "params": { "message": message, "requestedSchema": schema } })
}

fn sample(prompt: &str) -> Value {
    let messages = json!([{ "role": "user", "content": { "type": "text", "text": prompt } }]);
    json!({ "method": "sampling/createMessage", "params": { "messages": messages, "maxTokens": 100 } })
}
