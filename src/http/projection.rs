//! `fields=a,b`: only some fields of an answer.

use serde_json::{Map, Value};

use crate::core::choice::unknown;
use crate::core::error::{Error, Result};
use crate::core::input::common;
use crate::core::operation::Entry;

/// The fields that were asked for; `None` for all of them.
pub fn take(input: &mut Map<String, Value>) -> Result<Option<Vec<String>>> {
    let Some(value) = input.get(common::FIELDS) else { return Ok(None) };
    let words: Vec<String> = match value {
        Value::Null => return Ok(None),
        Value::String(text) => {
            text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => return Err(Error::field(common::FIELDS, "must be names separated by commas, e.g. id,title")),
    };
    Ok((!words.is_empty() && words != ["*"]).then_some(words))
}

/// Refuses names that the answer does not have.
pub fn check(entry: &Entry, fields: &[String]) -> Result<()> {
    let Some(schema) = entry.output_schema() else { return Ok(()) };
    let record = schema.pointer("/properties/items/items").unwrap_or(&schema);
    let Some(known) = record.get("properties").and_then(Value::as_object) else { return Ok(()) };
    match fields.iter().find(|field| !known.contains_key(*field)) {
        Some(wrong) => {
            let known: Vec<&str> = known.keys().map(String::as_str).collect();
            Err(Error::field(common::FIELDS, unknown(wrong, &known)))
        }
        None => Ok(()),
    }
}

/// The answer with only these fields: of the record, or of each item of a list.
pub fn apply<S: AsRef<str>>(body: &[u8], fields: &[S]) -> Result<Value> {
    let mut answer: Value = serde_json::from_slice(body).map_err(Error::internal)?;
    let keep = |record: &mut Value| {
        if let Value::Object(map) = record {
            map.retain(|name, _| fields.iter().any(|field| field.as_ref() == name));
        }
    };
    match answer.get_mut("items") {
        Some(Value::Array(items)) => items.iter_mut().for_each(keep),
        _ => keep(&mut answer),
    }
    Ok(answer)
}
