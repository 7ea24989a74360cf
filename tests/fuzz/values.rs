//! Values that a JSON Schema asks for, and such as it does not.

use serde_json::{Map, Value, json};

use crate::pool::Pool;

pub use fastrand::Rng as Chance;

const WORDS: [&str; 34] = [
    "",
    " ",
    "\u{0}",
    "\u{202e}evil",
    "💥",
    "naïve Straße",
    "Acme",
    "me",
    "none",
    "today",
    "friday",
    "last_week",
    "0",
    "-1",
    "1e309",
    "NaN",
    "9223372036854775808",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "2026-11-30T24:00:00Z",
    "-000001-01-01T00:00:00Z",
    "'; drop table task; --",
    "\"AND NEAR(* OR",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "../../../etc/passwd",
    "%00%ff%2e",
    "\r\nX-Evil: 1",
    "{{7*7}}",
    "=cmd|' /C calc'!A0",
    "https://[::1]:99999/",
    "a@b",
    "#fff",
];

pub fn word(chance: &mut Chance) -> String {
    let word = chance.choice(WORDS).unwrap();
    match chance.u8(0..12) {
        0 => word.repeat(chance.usize(0..3_000)),
        1 => (0..chance.usize(0..60)).map(|_| chance.char(..)).collect(),
        2 => format!("{word}{}", chance.u64(..)),
        _ => word.to_owned(),
    }
}

/// What people would write into a field of this name.
fn likely(name: &str, chance: &mut Chance) -> String {
    let any = |words: &[&str], chance: &mut Chance| (*chance.choice(words).unwrap()).to_owned();
    match name {
        name if name.ends_with("At")
            || name.ends_with("Date")
            || name.ends_with("On")
            || matches!(name, "from" | "to" | "due") =>
        {
            any(&["2026-12-01", "today", "next_week", "friday", "2027-01-15"], chance)
        }
        "email" => format!("somebody{}@example.com", chance.u16(..)),
        "website" => format!("company{}.example", chance.u16(..)),
        "currency" => any(&["EUR", "USD", "JPY"], chance),
        "color" => any(&["#dc2626", "#2563eb"], chance),
        "status" | "targetStatus" => any(&["open", "WON", "Review", "In Progress"], chance),
        "key" => any(&["AAA", "BBB", "CCC"], chance),
        _ => format!("{} {}", any(&["Relaunch", "Call", "Offer", "Café", "Übersicht"], chance), chance.u16(..)),
    }
}

fn number(chance: &mut Chance, schema: &Value) -> Value {
    match chance.u8(0..30) {
        0 => json!(i64::MAX),
        1 => json!(i64::MIN),
        2 => json!(chance.f64() * 1e308),
        3 => json!(u64::MAX),
        4 => json!(-1),
        _ => {
            let bound = |name: &str, other: f64| schema[name].as_f64().unwrap_or(other);
            json!(chance.i64(bound("minimum", 0.0) as i64..=bound("maximum", 1_000.0).max(1.0) as i64))
        }
    }
}

/// Anything at all.
pub fn junk(chance: &mut Chance) -> Value {
    match chance.u8(0..8) {
        0 => Value::Null,
        1 => json!(chance.bool()),
        2 => number(chance, &Value::Null),
        3 => json!([word(chance), [[[]]]]),
        4 => json!({ word(chance): word(chance) }),
        5 => (0..chance.usize(1..200)).fold(json!(1), |inner, _| json!([inner])),
        _ => json!(word(chance)),
    }
}

/// What the schema asks for, mostly. `document` is where its references lead.
pub fn value(schema: &Value, name: &str, document: &Value, pool: &Pool, chance: &mut Chance, depth: usize) -> Value {
    if chance.u8(0..100) == 0 {
        return junk(chance);
    }
    let again = |schema: &Value, chance: &mut Chance| value(schema, name, document, pool, chance, depth + 1);
    if let Some(reference) = schema["$ref"].as_str().filter(|_| depth < 8) {
        return again(document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null), chance);
    }
    if let Some(choices) = ["anyOf", "oneOf", "allOf"].iter().find_map(|word| schema[*word].as_array()) {
        return chance.choice(choices).map_or(Value::Null, |choice| again(choice, chance));
    }
    if let Some(choices) = schema["enum"].as_array() {
        return chance.choice(choices).cloned().unwrap_or_default();
    }
    if let Some(only) = schema.get("const") {
        return only.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => chance.choice(kinds).and_then(Value::as_str).unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match kind {
        "string" if (name.ends_with("Id") || name.ends_with("Ids") || name == "cursor") && chance.u8(0..5) > 0 => {
            json!(pool.id(name, chance))
        }
        "string" if chance.u8(0..8) > 0 => json!(likely(name, chance)),
        "string" => json!(word(chance)),
        "integer" | "number" => number(chance, schema),
        "boolean" => json!(chance.bool()),
        "array" => (0..chance.usize(0..4)).map(|_| again(&schema["items"], chance)).collect(),
        "object" if depth < 8 => Value::Object(object(schema, document, pool, chance, depth)),
        _ => junk(chance),
    }
}

pub fn object(schema: &Value, document: &Value, pool: &Pool, chance: &mut Chance, depth: usize) -> Map<String, Value> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut made = Map::new();
    let more = *chance.choice(&[0, 0, 4, 15]).unwrap();
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let is_needed = required.iter().any(|field| field == name);
        if chance.u8(0..100) < if is_needed { 98 } else { more } {
            made.insert(name.clone(), value(inner, name, document, pool, chance, depth + 1));
        }
    }
    if chance.u8(0..50) == 0 {
        made.insert(word(chance), junk(chance));
    }
    made
}

/// A text with something torn out, doubled or changed, now and then; as bytes, as it may be no text any more.
pub fn spoiled(text: String, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    if chance.u8(0..50) > 0 || bytes.is_empty() {
        return bytes;
    }
    let at = chance.usize(0..bytes.len());
    match chance.u8(0..4) {
        0 => bytes.truncate(at),
        1 => bytes[at] = chance.u8(..),
        2 => bytes.extend_from_within(at..),
        _ => drop(bytes.splice(at..at, *b"\\ud800")),
    }
    bytes
}

/// For an address, which has an end somewhere; an escape may be torn there.
pub fn encoded(text: &str) -> String {
    let whole: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    whole[..whole.len().min(5_000)].to_owned()
}

pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
