//! The revision without sessions (2026-07-28): each request says all about itself, in its `_meta` and again in headers.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use crate::core::error::quoted;

use super::protocol::{self, INVALID_PARAMS, Request, RpcError};

/// The name of the revision.
pub const STATELESS: &str = "2026-07-28";

const HEADER_MISMATCH: i32 = -32_020;

const REVISION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

const META_REVISION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";

/// Begins every result; the result's own members follow.
const HEAD: &str = concat!(
    r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"sally","title":"Sally","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}},"#
);
/// The same for what a client may keep for a minute: it depends on the key, so it is nobody else's.
const CACHEABLE_HEAD: &str = concat!(
    r#"{"resultType":"complete","ttlMs":60000,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"sally","title":"Sally","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}},"#
);

/// And for what changes with every write: to be asked for anew each time.
const FLEETING_HEAD: &str = concat!(
    r#"{"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"sally","title":"Sally","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}},"#
);

/// What the results of a method begin with.
pub fn head(method: &str) -> &'static str {
    match method {
        "server/discover" | "tools/list" | "prompts/list" | "resources/templates/list" => CACHEABLE_HEAD,
        "resources/list" | "resources/read" => FLEETING_HEAD,
        _ => HEAD,
    }
}

/// Does the header name this revision?
pub fn is_named(request: &HttpRequest) -> bool {
    request.headers().get(&REVISION).is_some_and(|given| given.as_bytes().trim_ascii() == STATELESS.as_bytes())
}

/// Is the message meant as one of this revision? What only it has decides; `initialize` belongs to the others, unless it says otherwise itself.
pub fn is_meant(request: &HttpRequest, message: &Request) -> bool {
    let says_so = |meta: &Map<String, Value>| meta.contains_key(META_REVISION) || meta.contains_key(META_CAPABILITIES);
    meta(message).is_some_and(says_so)
        || message.method == "server/discover"
        || (message.method != "initialize" && is_named(request))
}

/// What a request says of its client.
#[derive(Debug, Clone)]
pub struct Introduction {
    pub client: Option<String>,
}

impl Introduction {
    /// The request is whole, of this revision, and its headers say the same as its body: whoever filters by the
    /// headers on the way must not be shown another request than the one that is run.
    pub fn checked(request: &HttpRequest, message: &Request) -> Result<Self, RpcError> {
        let missing = |name: &str, kind: &str| {
            RpcError::with_status(400, INVALID_PARAMS, format!("Invalid params: _meta needs {name}, {kind}"))
        };
        let none = Map::new();
        let meta = meta(message).unwrap_or(&none);
        let revision = meta.get(META_REVISION).and_then(Value::as_str);
        let revision = revision.ok_or_else(|| missing(META_REVISION, "a text such as 2026-07-28"))?;
        if !meta.get(META_CAPABILITIES).is_some_and(Value::is_object) {
            return Err(missing(META_CAPABILITIES, "an object"));
        }
        same(request, &REVISION, revision)?;
        if revision != STATELESS {
            return Err(RpcError::unsupported_revision(revision));
        }
        same(request, &METHOD, &message.method)?;
        let subject = match message.method.as_str() {
            "tools/call" | "prompts/get" => message.params.get("name"),
            "resources/read" => message.params.get("uri"),
            _ => None,
        };
        if let Some(Value::String(subject)) = subject {
            same(request, &NAME, subject)?;
        }
        Ok(Introduction { client: protocol::client_name(meta.get(META_CLIENT)) })
    }
}

fn meta(message: &Request) -> Option<&Map<String, Value>> {
    message.params.get("_meta").and_then(Value::as_object)
}

/// Fails unless the header is there once and says what the body says.
fn same(request: &HttpRequest, name: &HeaderName, body: &str) -> Result<(), RpcError> {
    let mismatch = |why: String| RpcError::with_status(400, HEADER_MISMATCH, format!("Header mismatch: {name} {why}"));
    let mut given = request.headers().get_all(name);
    let (Some(only), None) = (given.next(), given.next()) else {
        return Err(mismatch("must be given once".to_owned()));
    };
    let only = only.to_str().map_err(|_| mismatch("must be plain ASCII".to_owned()))?;
    let decoded = decoded(only).ok_or_else(|| mismatch(format!("{} cannot be decoded", quoted(only))))?;
    if decoded == body {
        return Ok(());
    }
    Err(mismatch(format!("{} is not {} of the body", quoted(&decoded), quoted(body))))
}

/// What is not plain ASCII travels as `=?base64?…?=`.
fn decoded(value: &str) -> Option<String> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value.to_owned());
    };
    String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_in_base64_when_they_must() {
        assert_eq!(decoded("crm.deal.get").as_deref(), Some("crm.deal.get"));
        assert_eq!(decoded("=?base64?w6k=?=").as_deref(), Some("é"));
        for broken in ["=?base64?!!!?=", "=?base64?/w==?="] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
    }
}
