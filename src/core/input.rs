//! From what a client sent to an input struct: every mistake named at its field, nothing ignored.

use std::collections::HashMap;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::error::{Error, FieldError, Result, quoted};
use super::operation::{Effect, Operation, Route, Spec};
use super::text::likely;

/// The plain facts of an operation's input, read off its schema once.
#[derive(Debug, Default)]
pub struct Shape {
    /// The schema as MCP and OpenAPI show it.
    pub schema: Value,
    fields: HashMap<String, Kind>,
    required: Vec<String>,
    synonyms: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    List,
    Other,
}

/// Arguments that the door itself understands, beside an operation's own.
pub mod common {
    pub const LIMIT: &str = "limit";
    pub const CURSOR: &str = "cursor";
    pub const SORT: &str = "sort";
    pub const INCLUDE: &str = "include";
    pub const FIELDS: &str = "fields";
    pub const IF_VERSION: &str = "ifVersion";
    pub const IDEMPOTENCY_KEY: &str = "idempotencyKey";
}

/// An input of a few fields that the program itself gives.
pub fn of<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    let mut input = Map::new();
    for (field, value) in fields {
        input.insert(field.to_owned(), value);
    }
    input
}

/// The schema of an input or output: inline, without `$schema` and titles.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    made_by(T::json_schema)
}

/// Compiled once, and not for each of the types.
fn made_by(made: fn(&mut SchemaGenerator) -> Schema) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut schema = made(&mut generator).to_value();
    debug_assert!(generator.definitions().is_empty(), "a type that holds itself cannot be written inline");
    simplify(&mut schema);
    schema
}

/// One scalar type per field: several MCP clients refuse unions with null, integer formats and titles.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [single] = types.as_slice() {
                    let single = single.clone();
                    object.insert("type".into(), single);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("enum") {
                choices.retain(|choice| !choice.is_null());
            }
            if let Some(Value::Array(variants)) = object.get_mut("anyOf") {
                variants.retain(|variant| variant.get("type").is_none_or(|kind| kind != "null"));
                if let [Value::Object(single)] = variants.as_slice() {
                    let single = single.clone();
                    object.remove("anyOf");
                    for (key, value) in single {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            let is_number_format =
                |format: &str| format.starts_with("int") || format.starts_with("uint") || format == "double";
            if object.get("format").and_then(Value::as_str).is_some_and(is_number_format) {
                object.remove("format");
            }
            if object.get("title").is_some_and(Value::is_string) {
                object.remove("title");
            }
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            object.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// More mistakes than anybody reads; who sends thousands is not told each of them.
const MOST_TOLD: usize = 20;

impl Shape {
    /// The shape of an operation's input, with the arguments that the door adds.
    pub fn new(spec: &Spec, mut schema: Value) -> Self {
        let object = schema.as_object_mut().expect("an input is a struct, so its schema is an object");
        object.insert("type".into(), json!("object"));
        object.insert("additionalProperties".into(), json!(false));
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        let properties = properties.as_object_mut().expect("properties are an object");
        for (name, property) in door_properties(spec) {
            properties.insert(name.to_owned(), property);
        }
        let fields: HashMap<String, Kind> =
            properties.iter().map(|(name, property)| (name.clone(), Kind::of(property))).collect();
        let required = object.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut required: Vec<String> = required.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        // What stands in the path is required, also where the struct has a default for all its fields.
        for name in spec.route.iter().flat_map(Route::parameters).filter(|_| !spec.more.path_is_optional) {
            if fields.contains_key(name) && !required.iter().any(|known| known == name) {
                required.push(name.to_owned());
            }
        }
        if !required.is_empty() {
            object.insert("required".into(), json!(required));
        }
        Shape { fields, required, synonyms: spec.more.synonyms, schema }
    }

    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Unknown fields by name with the nearest known one; texts that unambiguously are numbers, booleans or lists become those;
    /// an empty text in an optional field becomes null. Answers every mistake, missing fields too.
    fn tidy(&self, map: &mut Map<String, Value>) -> Vec<FieldError> {
        for (theirs, ours) in self.synonyms {
            if !map.contains_key(*ours)
                && let Some(value) = map.remove(*theirs)
            {
                map.insert((*ours).to_owned(), value);
            }
        }
        let mut errors = Vec::new();
        for (name, value) in map.iter_mut() {
            if errors.len() == MOST_TOLD {
                break;
            }
            let Some(kind) = self.fields.get(name) else {
                errors.push(FieldError { field: name.clone(), message: self.unknown(name) });
                continue;
            };
            if has_nul(value) {
                errors.push(FieldError {
                    field: name.clone(),
                    message: "must not hold the control character U+0000".into(),
                });
            }
            if let Value::String(text) = value {
                let is_required = || self.required.iter().any(|required| required == name);
                if text.trim().is_empty() && !is_required() {
                    *value = Value::Null;
                } else if let Some(better) = kind.understand(text) {
                    *value = better;
                }
            }
        }
        for name in &self.required {
            if map.get(name).is_none_or(Value::is_null) {
                errors.push(FieldError { field: name.clone(), message: "is required".into() });
            }
        }
        errors
    }

    fn unknown(&self, name: &str) -> String {
        match likely(name, self.fields.keys().map(String::as_str), 0.75) {
            Some(known) => format!("is not known here; did you mean {known}?"),
            _ if self.fields.is_empty() => "is not known here; nothing is expected".into(),
            _ => {
                let mut known: Vec<&str> = self.fields.keys().map(String::as_str).collect();
                known.sort_unstable();
                format!("is not known here; known are {}", known.join(", "))
            }
        }
    }
}

/// The schema of the arguments that the door understands for such an operation.
fn door_properties(spec: &Spec) -> Vec<(&'static str, Value)> {
    let mut properties = Vec::new();
    if spec.is_list() {
        let sorts: Vec<String> =
            spec.more.sorts.iter().flat_map(|sort| [sort.name.to_owned(), format!("-{}", sort.name)]).collect();
        properties.push((
            common::LIMIT,
            json!({ "type": "integer", "minimum": 1, "maximum": 200, "description": "How many at most." }),
        ));
        properties.push((common::CURSOR, json!({ "type": "string", "description": "nextCursor" })));
        properties.push((
            common::SORT,
            json!({ "type": "string", "enum": sorts, "description": "What to sort by; - in front reverses." }),
        ));
        properties.push((
            common::INCLUDE,
            json!({ "type": "string", "enum": ["total"], "description": "total: count all that fit." }),
        ));
    }
    if spec.effect == Effect::Read {
        properties.push((
            common::FIELDS,
            json!({ "type": "string", "description": "Only these, e.g. id,title; * for all." }),
        ));
    } else {
        properties.push((common::IDEMPOTENCY_KEY, json!({ "type": "string", "maxLength": 200, "description": "A text of your own: a retry with it does nothing twice." })));
    }
    if spec.takes_version() {
        properties.push((
            common::IF_VERSION,
            json!({ "type": "integer", "description": "The version you saw; refused if changed since." }),
        ));
    }
    properties
}

impl Kind {
    fn of(property: &Value) -> Self {
        match property.get("type").and_then(Value::as_str) {
            Some("string") => Kind::Text,
            Some("integer") => Kind::Integer,
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            Some("array") => Kind::List,
            _ => Kind::Other,
        }
    }

    /// Query strings, forms and some models write everything as text.
    fn understand(self, text: &str) -> Option<Value> {
        let text = text.trim();
        match self {
            Kind::Integer => text.parse::<i64>().ok().map(Value::from),
            Kind::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(Value::Bool(true)),
                "false" | "0" | "no" | "off" => Some(Value::Bool(false)),
                _ => None,
            },
            Kind::List if text.starts_with('[') => serde_json::from_str(text).ok(),
            Kind::List => {
                Some(text.split(',').map(|part| Value::from(part.trim())).filter(|part| part != "").collect())
            }
            // Amounts are read from their text, which is exact.
            Kind::Number | Kind::Text | Kind::Other => None,
        }
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// The input struct, or every field that stands in its way.
pub fn read<O: Operation>(mut map: Map<String, Value>, shape: &Shape) -> Result<O> {
    let told = shape.tidy(&mut map);
    match O::deserialize(&map) {
        Ok(operation) if told.is_empty() => Ok(operation),
        outcome => Err(refusal(map, shape, told, outcome.err(), &|alone| O::deserialize(alone).err())),
    }
}

/// Everything that is wrong with an input. Serde stops at the first mistake, so each field is tried alone; what it then
/// misses are the others, which is no mistake of this one.
fn refusal(
    map: Map<String, Value>,
    shape: &Shape,
    mut told: Vec<FieldError>,
    error: Option<serde_json::Error>,
    try_alone: &dyn Fn(&Map<String, Value>) -> Option<serde_json::Error>,
) -> Error {
    for (field, value) in map.into_iter().filter(|(field, _)| shape.has(field)) {
        let alone = of([(field.as_str(), value.clone())]);
        let Some(message) = try_alone(&alone).map(|error| error.to_string()) else { continue };
        if !message.starts_with("missing field") && !message.starts_with("unknown field") {
            told.push(FieldError { field, message: for_people(&message, &value) });
        }
    }
    match error {
        Some(error) if told.is_empty() => Error::malformed(format!("The input could not be read: {error}.")),
        _ => Error::fields(told),
    }
}

/// Serde's type errors in plain words; our own types already speak plainly.
fn for_people(message: &str, value: &Value) -> String {
    let told = ["invalid type: ", "invalid value: "].iter().find_map(|start| message.strip_prefix(start));
    match told.and_then(|rest| rest.split_once(", expected ")) {
        // Serde names the types of Rust.
        Some((_, "i64" | "u64" | "u32")) => format!("must be a whole number, not {}", quoted(&value.to_string())),
        Some((_, expected)) => format!("must be {expected}, not {}", quoted(&value.to_string())),
        None => message.to_owned(),
    }
}
