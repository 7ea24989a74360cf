//! What the scenarios' tools, prompts and resources hold.

use serde_json::{Map, Value, json};

/// One red pixel.
pub const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";
/// One silent sample.
const WAV: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==";

pub fn text(text: &str) -> Value {
    json!({ "content": [block("text", json!({ "text": text }))] })
}

pub fn message(kind: &str, content: Value) -> Value {
    json!({ "role": "user", "content": block(kind, content) })
}

fn block(kind: &str, mut content: Value) -> Value {
    content["type"] = kind.into();
    content
}

fn image() -> Value {
    json!({ "data": PNG, "mimeType": "image/png" })
}

fn embedded(uri: &str, kind: &str, text: &str) -> Value {
    json!({ "resource": { "uri": uri, "mimeType": kind, "text": text } })
}

/// The result of a tool that always says the same; `None` for another tool.
pub fn of_tool(name: &str) -> Option<Value> {
    let blocks = match name {
        "test_simple_text" => return Some(text("This is a simple text response for testing.")),
        "test_error_handling" => {
            let mut result = text("This tool intentionally returns an error for testing");
            result["isError"] = true.into();
            return Some(result);
        }
        "test_image_content" => vec![block("image", image())],
        "test_audio_content" => vec![block("audio", json!({ "data": WAV, "mimeType": "audio/wav" }))],
        "test_embedded_resource" => {
            let resource = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.");
            vec![block("resource", resource)]
        }
        "test_multiple_content_types" => {
            let data = r#"{"test":"data","value":123}"#;
            vec![
                block("text", json!({ "text": "Multiple content types test:" })),
                block("image", image()),
                block("resource", embedded("test://mixed-content-resource", "application/json", data)),
            ]
        }
        _ => return None,
    };
    Some(json!({ "content": blocks }))
}

/// The result of a prompt; `None` for another prompt.
pub fn of_prompt(name: &str, arguments: &Value) -> Option<Value> {
    let given = |name: &str| arguments[name].as_str().unwrap_or_default();
    let said = |text: &str| message("text", json!({ "text": text }));
    let messages = match name {
        "test_simple_prompt" => vec![said("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            vec![said(&format!("Prompt with arguments: arg1='{}', arg2='{}'", given("arg1"), given("arg2")))]
        }
        "test_prompt_with_embedded_resource" => {
            let resource = embedded(given("resourceUri"), "text/plain", "Embedded resource content for testing.");
            vec![message("resource", resource), said("Please process the embedded resource above.")]
        }
        "test_prompt_with_image" => vec![message("image", image()), said("Please analyze the image above.")],
        _ => return None,
    };
    Some(json!({ "messages": messages }))
}

/// What a resource holds; `None` for another resource.
pub fn of_resource(uri: &str) -> Option<Value> {
    let mut content = match uri {
        "test://static-text" => {
            json!({ "mimeType": "text/plain", "text": "This is the content of the static text resource." })
        }
        "test://static-binary" => json!({ "mimeType": "image/png", "blob": PNG }),
        "test://watched-resource" => json!({ "mimeType": "text/plain", "text": "Nothing has changed." }),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            json!({ "mimeType": "application/json", "text": data.to_string() })
        }
    };

    content["uri"] = uri.into();
    Some(json!({ "contents": [content] }))
}

pub fn tools() -> Vec<Value> {
    const NAMES: &[&str] = &[
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_error_handling",
        "test_tool_with_logging",
        "test_logging_tool",
        "test_tool_with_progress",
        "test_sampling",
        "test_elicitation",
        "test_elicitation_sep1034_defaults",
        "test_elicitation_sep1330_enums",
        "test_missing_capability",
        "test_streaming_elicitation",
        "test_trigger_tool_change",
        "test_trigger_prompt_change",
        "test_input_required_result_elicitation",
        "test_input_required_result_sampling",
        "test_input_required_result_list_roots",
        "test_input_required_result_request_state",
        "test_input_required_result_multiple_inputs",
        "test_input_required_result_multi_round",
        "test_input_required_result_tampered_state",
        "test_input_required_result_capabilities",
    ];
    let tool = |name: &str, schema: Value| json!({ "name": name, "description": "What a conformance scenario calls.", "inputSchema": schema });
    let mut tools: Vec<Value> = NAMES
        .iter()
        .map(|name| {
            let argument = match *name {
                "test_sampling" => "prompt",
                "test_elicitation" => "message",
                _ => return tool(name, json!({ "type": "object", "properties": {} })),
            };
            let properties = json!({ argument: { "type": "string" } });
            tool(name, json!({ "type": "object", "properties": properties, "required": [argument] }))
        })
        .collect();
    tools.push(tool("json_schema_2020_12_tool", every_keyword()));
    tools
}

/// A schema with the keywords that servers are known to lose.
fn every_keyword() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

pub fn prompts() -> Vec<Value> {
    const PROMPTS: &[(&str, &[&str])] = &[
        ("test_simple_prompt", &[]),
        ("test_prompt_with_arguments", &["arg1", "arg2"]),
        ("test_prompt_with_embedded_resource", &["resourceUri"]),
        ("test_prompt_with_image", &[]),
        ("test_input_required_result_prompt", &[]),
    ];
    let argument = |name: &&str| json!({ "name": name, "description": "A test argument.", "required": true });
    PROMPTS
        .iter()
        .map(|(name, arguments)| {
            let arguments: Vec<Value> = arguments.iter().map(argument).collect();
            json!({ "name": name, "description": "What a conformance scenario asks for.", "arguments": arguments })
        })
        .collect()
}

pub fn resources() -> Vec<Value> {
    ["static-text", "static-binary", "watched-resource"]
        .map(|name| {
            let mime = if name == "static-binary" { "image/png" } else { "text/plain" };
            let uri = format!("test://{name}");
            json!({ "uri": uri, "name": name, "description": "What a conformance scenario reads.", "mimeType": mime })
        })
        .to_vec()
}

pub fn templates() -> Vec<Value> {
    vec![json!({
        "uriTemplate": "test://template/{id}/data", "name": "template",
        "description": "What a conformance scenario reads.", "mimeType": "application/json",
    })]
}

/// What the server can do besides, for clients of a session.
pub fn capabilities(is_session: bool) -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("completions".into(), json!({}));
    if is_session {
        all.insert("logging".into(), json!({}));
    }
    all
}
