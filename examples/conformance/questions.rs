//! Tools of the revisions with sessions that ask their client something in the middle of a call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::content::text;
use super::fixtures::Voice;

/// Questions that wait for a response, by the id they were asked with.
#[derive(Default)]
pub struct Questions {
    last: AtomicU64,
    open: Mutex<HashMap<String, oneshot::Sender<Map<String, Value>>>>,
}

impl Questions {
    pub fn hear(&self, response: Map<String, Value>) {
        let id = response.get("id").and_then(Value::as_str).unwrap_or_default();
        if let Some(asker) = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
            // Whoever asked may have gone away.
            let _ = asker.send(response);
        }
    }

    /// The client's result; null if it has none.
    async fn ask(&self, voice: &Voice, method: &str, params: Value) -> Value {
        let id = format!("question-{}", self.last.fetch_add(1, Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), answer);
        voice.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        let response = answered.await.unwrap_or_default();
        response.get("result").cloned().unwrap_or_default()
    }

    /// The result of a tool that asks before it answers.
    pub async fn call(&self, voice: &Voice, tool: &str, arguments: &Value) -> Value {
        if tool == "test_sampling" {
            let prompt = json!([{ "role": "user", "content": { "type": "text", "text": arguments["prompt"] } }]);
            let params = json!({ "messages": prompt, "maxTokens": 100 });
            let said = self.ask(voice, "sampling/createMessage", params).await;
            return text(&format!("LLM response: {}", said["content"]["text"].as_str().unwrap_or_default()));
        }
        let (message, properties) = match tool {
            "test_elicitation" => (
                arguments["message"].as_str().unwrap_or_default(),
                json!({
                    "username": { "type": "string", "description": "User's response" },
                    "email": { "type": "string", "description": "User's email address" },
                }),
            ),
            "test_elicitation_sep1034_defaults" => ("Change what is not right", with_defaults()),
            _ => ("Choose", choices()),
        };
        let required: Vec<&String> = match tool {
            "test_elicitation" => properties.as_object().into_iter().flat_map(Map::keys).collect(),
            _ => Vec::new(),
        };
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        let params = json!({ "message": message, "requestedSchema": schema });
        let said = self.ask(voice, "elicitation/create", params).await;
        let action = said["action"].as_str().unwrap_or_default();
        text(&format!("Elicitation completed: action={action}, content={}", said["content"]))
    }
}

/// Each kind of field with a default.
fn with_defaults() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    })
}

/// Each way to write down what can be chosen from.
fn choices() -> Value {
    let options = json!(["option1", "option2", "option3"]);
    let titled = json!([
        { "const": "value1", "title": "First" }, { "const": "value2", "title": "Second" },
        { "const": "value3", "title": "Third" },
    ]);
    json!({
        "untitledSingle": { "type": "string", "enum": options },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": {
            "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled } },
    })
}
