//! REST, from the OpenAPI document.

use serde_json::Value;
use ureq::http::Request;

use crate::Target;
use crate::values::{Chance, encoded, object, plain, spoiled, value, word};

/// With a record that exists, these would lock everybody out, the test too.
const ONLY_IN_VAIN: [&str; 7] = [
    "/workspaces/{",
    "/auth/api-keys/{",
    "/auth/mcp-keys/{",
    "/accounts/{",
    "/auth/logout",
    "/auth/2fa",
    "/auth/change",
];

pub struct Rest {
    pub document: Value,
    /// Method and path.
    operations: Vec<(String, String)>,
}

impl Rest {
    pub fn of(target: &Target) -> Rest {
        let (status, document) = target.server.get("/api/openapi.json", &target.api_key);
        assert_eq!(status, 200);
        let paths = document["paths"].as_object().unwrap().iter();
        let operations: Vec<_> = paths
            .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|m| (m.to_uppercase(), path.clone())))
            .filter(|(method, _)| matches!(method.as_str(), "GET" | "POST" | "PUT" | "PATCH" | "DELETE"))
            .collect();
        assert!(operations.len() > 100, "{} operations", operations.len());
        Rest { document, operations }
    }

    /// Learns what there is from all lists.
    pub fn look_around(&self, target: &Target) {
        let lists = self.operations.iter().filter(|(method, path)| method == "GET" && !path.contains('{'));
        for (_, path) in lists {
            let (status, answer) = target.server.get(&format!("/api{path}"), &target.api_key);
            assert!(status < 500, "{path}: {answer}");
            target.pool.learn(&answer, &mut Chance::with_seed(0));
        }
    }

    pub fn send(&self, target: &Target, chance: &mut Chance) {
        let (method, path) = chance.choice(&self.operations).unwrap();
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let is_harmless = method == "GET" || !ONLY_IN_VAIN.iter().any(|part| path.contains(part));
        let (mut address, mut query) = (path.clone(), String::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let of_schema = value(&parameter["schema"], name, &self.document, &target.pool, chance, 0);
            match parameter["in"].as_str() {
                Some("path") => {
                    let is_known = is_harmless && chance.u8(0..8) > 0;
                    let there = if is_known { target.pool.id(name, chance) } else { word(chance) };
                    address = address.replace(&format!("{{{name}}}"), &encoded(&there));
                }
                Some("query") if chance.u8(0..3) == 0 => {
                    query +=
                        &format!("{}{name}={}", if query.is_empty() { '?' } else { '&' }, encoded(&plain(&of_schema)));
                }
                _ => {}
            }
        }
        let uri = format!("{}/api{address}{query}", target.server.url);
        let mut request = Request::builder().method(method.as_str()).uri(uri);
        let signed_in = chance.u8(0..30) > 0;
        if signed_in {
            request = request.header("Authorization", format!("Bearer {}", target.api_key));
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut body = Vec::new();
        if !schema.is_null() && (is_harmless || chance.bool()) {
            let schema = match schema["$ref"].as_str() {
                Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
                None => schema,
            };
            let given = object(schema, &self.document, &target.pool, chance, 0);
            body = spoiled(Value::Object(given).to_string(), chance);
            let kind = if chance.u8(0..40) == 0 { "text/plain" } else { "application/json" };
            request = request.header("Content-Type", kind);
        }
        if chance.u8(0..20) == 0 {
            request = request
                .header("If-Match", chance.choice(["\"1\"", "*", "W/\"x\"", "1", "\"99999999999999999999\""]).unwrap());
        }
        let (status, _, text) = target.send(request.body(body).unwrap());
        target.pool.answered("rest", status, signed_in);
        if let Ok(answer) = serde_json::from_str(&text) {
            target.pool.learn(&answer, chance);
        }
    }
}
