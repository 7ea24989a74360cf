//! What a client learns that knows nothing but the address: that it needs a key, and where somebody can give it one.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::core::app::App;
use crate::core::error::{Error, Kind};
use crate::core::scopes::Scopes;
use crate::http::oauth::open;
use crate::http::{auth, rest};

/// What a client is to ask for first. What removes things is asked for by whoever needs it.
const SCOPES: &[&str] = &["mcp:tools:read", "mcp:tools:write", "mcp:resources:read"];

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(open("/.well-known/oauth-protected-resource", web::get().to(resource)))
        .service(open("/.well-known/oauth-protected-resource/mcp", web::get().to(resource)))
        .route("/.well-known/openid-configuration", web::get().to(no_openid))
        .route("/.well-known/openid-configuration/mcp", web::get().to(no_openid));
}

/// Protected-resource metadata (RFC 9728).
async fn resource(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let base = auth::own_address(&request, &app);
    HttpResponse::Ok().json(json!({
        "resource": format!("{base}/mcp"),
        "resource_name": "Sally",
        "resource_documentation": format!("{base}/api/docs#connect"),
        "authorization_servers": [base],
        "bearer_methods_supported": ["header"],
        "scopes_supported": SCOPES,
    }))
}

/// Sally signs nobody in to other programs. Clients that look here too go on; whoever looks reads where.
async fn no_openid(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let base = auth::own_address(&request, &app);
    let why = format!(
        "This is no OpenID provider. MCP clients sign in by OAuth, as {base}/.well-known/oauth-authorization-server says, or send a \
         key made at {base}/settings/keys as the header “Authorization: Bearer sallymcp_…”."
    );
    let mut response = rest::problem(&request, &Error::new(Kind::NotFound, why));
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Tells a client that was not let in where to read on, and what to ask for.
pub fn challenge(request: &HttpRequest, app: &App, response: &mut HttpResponse) {
    let error = request.headers().contains_key(AUTHORIZATION).then_some("invalid_token");
    tell(request, app, error, &SCOPES.join(" "), response);
}

/// Tells a client that may too little what it would have to ask its person for.
pub fn step_up(request: &HttpRequest, app: &App, scopes: &Scopes, response: &mut HttpResponse) {
    *response.status_mut() = StatusCode::FORBIDDEN;
    tell(request, app, Some("insufficient_scope"), &scopes.in_words(), response);
}

fn tell(request: &HttpRequest, app: &App, error: Option<&str>, scopes: &str, response: &mut HttpResponse) {
    let base = auth::own_address(request, app);
    let error = error.map_or_else(String::new, |error| format!("error=\"{error}\", "));
    let metadata = format!("{base}/.well-known/oauth-protected-resource/mcp");
    let challenge = format!("Bearer {error}resource_metadata=\"{metadata}\", scope=\"{scopes}\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge.parse().expect("addresses and scopes are plain ASCII"));
}
