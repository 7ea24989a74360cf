//! What a client learns that knows nothing but the address: that it needs a key, and how to get one. Until Sally is an
//! authorization server itself none is named, so that no client waits for a sign-in that never comes.

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::core::app::App;
use crate::core::error::{Error, Kind};
use crate::http::{auth, rest};

/// What a key can be narrowed to, in the words of the protocol.
const SCOPES: &[&str] = &["mcp:tools:read", "mcp:tools:write", "mcp:tools:destructive", "mcp:resources:read"];

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/.well-known/oauth-protected-resource", web::get().to(resource))
        .route("/.well-known/oauth-protected-resource/mcp", web::get().to(resource))
        .route("/.well-known/oauth-authorization-server", web::get().to(no_sign_in))
        .route("/.well-known/oauth-authorization-server/mcp", web::get().to(no_sign_in))
        .route("/.well-known/openid-configuration", web::get().to(no_sign_in))
        .route("/.well-known/openid-configuration/mcp", web::get().to(no_sign_in))
        .route("/register", web::post().to(no_registration));
}

/// Protected-resource metadata (RFC 9728).
async fn resource(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let base = auth::own_address(&request, &app);
    HttpResponse::Ok().insert_header(ANYBODY).json(json!({
        "resource": format!("{base}/mcp"),
        "resource_name": "Sally",
        "resource_documentation": manual(&base),
        "bearer_methods_supported": ["header"],
        "scopes_supported": SCOPES,
    }))
}

/// In place of authorization-server metadata (RFC 8414): clients go on without, and whoever looks reads why.
async fn no_sign_in(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let error = Error::new(Kind::NotFound, use_a_key(&auth::own_address(&request, &app)));
    let mut response = rest::problem(&request, &error);
    response.headers_mut().insert(ANYBODY.0, HeaderValue::from_static(ANYBODY.1));
    response
}

/// Clients that found no metadata try to register here and show their person what this says, if it has the form of RFC 7591.
async fn no_registration(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    HttpResponse::NotFound().insert_header(ANYBODY).json(json!({
        "error": "registration_not_supported",
        "error_description": use_a_key(&auth::own_address(&request, &app)),
    }))
}

/// Clients that run in a browser read these from another origin. There is nothing in them to protect.
const ANYBODY: (actix_web::http::header::HeaderName, &str) = (ACCESS_CONTROL_ALLOW_ORIGIN, "*");

fn use_a_key(base: &str) -> String {
    format!(
        "This server signs MCP clients in by key, not by OAuth. Make an MCP key at {base}/settings/keys and let the client send \
         it as the header “Authorization: Bearer sallymcp_…”; {} says how.",
        manual(base)
    )
}

fn manual(base: &str) -> String {
    format!("{base}/api/docs#connect")
}

/// Tells a client that was not let in where to read on.
pub fn challenge(request: &HttpRequest, app: &App, response: &mut HttpResponse) {
    let base = auth::own_address(request, app);
    let challenge = format!("Bearer resource_metadata=\"{base}/.well-known/oauth-protected-resource/mcp\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge.parse().expect("addresses are plain ASCII"));
}
