//! What programs read and send to connect by OAuth: the metadata, registration, tokens and the end of them. The consent,
//! which people see, is in [`crate::web::consent`].

use actix_web::dev::HttpServiceFactory;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, Route, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::core::app::{App, Call};
use crate::core::error::{Error, Kind};
use crate::features::oauth::clients::{RegisterClient, Registered};
use crate::features::oauth::tokens::{ExchangeCode, RefreshTokens, RevokeToken};
use crate::features::oauth::{Outcome, Parameters, Refusal, Stop, resource};

use super::{auth, rest};

/// What a program may ask for. To stay signed in is not a matter of scopes here, but some ask only if it is named.
const SCOPES: &[&str] =
    &["mcp:tools:read", "mcp:tools:write", "mcp:tools:destructive", "mcp:resources:read", "offline_access"];
/// Bytes of a body: what is asked for here is short.
const BODY: usize = 16 << 10;

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(open("/.well-known/oauth-authorization-server", web::get().to(metadata)))
        .service(open("/.well-known/oauth-authorization-server/mcp", web::get().to(metadata)))
        .service(open("/oauth/register", web::post().to(register)))
        .service(open("/oauth/token", web::post().to(token)))
        .service(open("/oauth/revoke", web::post().to(revoke)));
}

/// An address for programs that may run in a browser, on a page of anybody's. Nothing here acts by a cookie.
pub fn open(path: &'static str, route: Route) -> impl HttpServiceFactory + 'static {
    web::resource(path)
        .route(route)
        .route(web::method(Method::OPTIONS).to(preflight))
        .default_service(web::to(other_method))
        .wrap(DefaultHeaders::new().add((ACCESS_CONTROL_ALLOW_ORIGIN, "*")))
}

async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, mcp-protocol-version"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

async fn other_method(request: HttpRequest) -> HttpResponse {
    let detail = format!("{} is not possible here.", request.method());
    rest::problem(&request, &Error::new(Kind::MethodNotAllowed, detail))
}

/// Authorization-server metadata (RFC 8414).
async fn metadata(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let base = auth::own_address(&request, &app);
    HttpResponse::Ok().json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "registration_endpoint": format!("{base}/oauth/register"),
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": app.config().oauth_client_metadata,
        "service_documentation": format!("{base}/api/docs#connect"),
    }))
}

const AUTH_METHODS: &[&str] = &["none", "client_secret_post", "client_secret_basic"];

fn answer(request: &HttpRequest, answered: Result<HttpResponse, Stop>) -> HttpResponse {
    let (status, refusal, retry_after) = match answered {
        Ok(response) => return response,
        Err(Stop::Refused(refusal)) if refusal.error == "invalid_client" => (401, refusal, None),
        Err(Stop::Refused(refusal)) => (400, refusal, None),
        Err(Stop::Failed(error)) => {
            let name = match error.status() {
                429 | 503 => "temporarily_unavailable",
                500.. => "server_error",
                _ => "invalid_request",
            };
            if error.kind() == Kind::Internal {
                // Told and logged as everywhere.
                return rest::problem(request, &error);
            }
            (error.status(), Refusal::new(name, error.detail()), error.retry_after_seconds())
        }
    };
    let status = StatusCode::from_u16(status).expect("statuses stand in the code");
    let mut response = HttpResponse::build(status).json(refusal);
    if status == StatusCode::UNAUTHORIZED && request.headers().contains_key(AUTHORIZATION) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"sally\""));
    }
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// A call of nobody in particular: these programs say who they are in their own way.
fn call(request: &HttpRequest, app: &App) -> Call {
    Call { request_id: auth::request_id(request), address: auth::address(request, app), ..Call::default() }
}

async fn register(request: HttpRequest, payload: web::Payload, app: web::Data<App>) -> HttpResponse {
    let app = app.into_inner();
    let registered = async {
        let call = call(&request, &app);
        app.limits.registration(call.address)?;
        is_of(&request, "application/json")?;
        let body = rest::read(&request, payload, &app, BODY).await?;
        let metadata =
            crate::core::json::read(&body).map_err(|error| Refusal::new("invalid_client_metadata", error.detail()))?;
        let Registered { client, secret, at } = app.run(call, RegisterClient::parse(&metadata)?).await?;
        let method = match (&secret, metadata.get("token_endpoint_auth_method").and_then(Value::as_str)) {
            (Some(_), Some(method)) => method,
            _ => "none",
        };
        let mut told = json!({
            "client_id": client.client_id,
            "client_id_issued_at": at.ms() / 1_000,
            "client_name": client.name,
            "redirect_uris": client.redirect_uris,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method,
        });
        if let Some(secret) = &secret {
            told["client_secret"] = secret.as_str().into();
            told["client_secret_expires_at"] = 0.into();
        }
        Ok(HttpResponse::Created().json(told))
    };
    answer(&request, registered.await)
}

async fn token(request: HttpRequest, payload: web::Payload, app: web::Data<App>) -> HttpResponse {
    let app = app.into_inner();
    let given = async {
        let (call, asked) = asked(&request, payload, &app).await?;
        let Shown { client_id, client_secret } = shown(&request, &asked)?;
        let tokens = match asked.demand("grant_type")? {
            "authorization_code" => {
                let verifier = asked.demand("code_verifier")?;
                if !is_verifier(verifier) {
                    let why = "code_verifier has 43 to 128 letters, digits and -._~";
                    return Err(Refusal::request(why).into());
                }
                let exchange = ExchangeCode {
                    client_id,
                    client_secret,
                    code: asked.demand("code")?.to_owned(),
                    redirect_uri: asked.owned("redirect_uri"),
                    code_verifier: verifier.to_owned(),
                    resource: resource(&auth::own_address(&request, &app), asked.get("resource"))?,
                };
                app.run(call, exchange).await??
            }
            "refresh_token" => {
                resource(&auth::own_address(&request, &app), asked.get("resource"))?;
                let refresh = RefreshTokens {
                    client_id,
                    client_secret,
                    refresh_token: asked.demand("refresh_token")?.to_owned(),
                    scope: asked.owned("scope"),
                };
                app.run(call, refresh).await??
            }
            _ => {
                let why = "grant_type must be authorization_code or refresh_token";
                return Err(Refusal::new("unsupported_grant_type", why).into());
            }
        };
        Ok(HttpResponse::Ok().json(tokens))
    };
    answer(&request, given.await)
}

async fn revoke(request: HttpRequest, payload: web::Payload, app: web::Data<App>) -> HttpResponse {
    let app = app.into_inner();
    let revoked = async {
        let (call, asked) = asked(&request, payload, &app).await?;
        let Shown { client_id, client_secret } = shown(&request, &asked)?;
        let token = asked.demand("token")?.to_owned();
        app.run(call, RevokeToken { client_id, client_secret, token }).await??;
        Ok(HttpResponse::Ok().finish())
    };
    answer(&request, revoked.await)
}

/// What stands in the body, from an address that has not asked too often.
async fn asked(request: &HttpRequest, payload: web::Payload, app: &App) -> Result<(Call, Parameters), Stop> {
    let call = call(request, app);
    app.limits.authorization(call.address)?;
    is_of(request, "application/x-www-form-urlencoded")?;
    let body = rest::read(request, payload, app, BODY).await?;
    let pairs: Vec<_> = url::form_urlencoded::parse(&body).collect();
    Ok((call, Parameters::read(pairs.iter().map(|(name, value)| (&**name, &**value)))?))
}

fn is_of(request: &HttpRequest, media_type: &str) -> Outcome<()> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_meant = given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(media_type));
    if is_meant { Ok(()) } else { Err(Refusal::request(format!("the body must be {media_type}"))) }
}

fn is_verifier(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(fits)
}

/// Which program asks, and the secret that it shows, if any.
struct Shown {
    client_id: String,
    client_secret: Option<String>,
}

/// In the body, or in the header of HTTP Basic; not in both.
fn shown(request: &HttpRequest, asked: &Parameters) -> Outcome<Shown> {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        let client_id = asked.demand("client_id")?.to_owned();
        return Ok(Shown { client_id, client_secret: asked.owned("client_secret") });
    };
    let wrong =
        || Refusal::new("invalid_client", "The Authorization header must be Basic with the program's id and secret.");
    let decoded = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, text)| STANDARD.decode(text.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) = decoded.as_deref().and_then(|text| text.split_once(':')).ok_or_else(wrong)?;
    let plain = |text: &str| {
        let form = format!("v={text}");
        url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let (client_id, secret) = (plain(id), plain(secret));
    if asked.get("client_secret").is_some() || asked.get("client_id").is_some_and(|other| other != client_id) {
        return Err(Refusal::request("the program says in two ways who it is; once is enough"));
    }
    Ok(Shown { client_id, client_secret: Some(secret).filter(|secret| !secret.is_empty()) })
}
