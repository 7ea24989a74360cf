//! The actix server: which surface answers what, and what is wrapped around all of them.

use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::{App as Actix, HttpMessage, HttpRequest, HttpResponse, guard, web};
use futures_util::FutureExt;

use crate::core::app::App;
use crate::core::config::Tls;
use crate::core::error::{Error, Kind, Problem};
use crate::core::news::News;
use crate::core::secret;
use crate::core::store::panic_text;
use crate::mcp;
use crate::oidc::Provider;
use crate::tls::Certificates;

use super::auth::RequestId;
use super::connection::{self, Line};
use super::{assets, auth, files, observe, openapi, rest};

/// A running request is finished, if it takes no longer than this.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Where requests come in.
pub struct Listeners {
    pub main: TcpListener,
    /// With them it speaks TLS.
    pub certificates: Option<Certificates>,
    /// Plain HTTP beside TLS.
    pub redirect: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(main: TcpListener) -> Self {
        Listeners { main, certificates: None, redirect: None }
    }
}

/// Serves until SIGTERM or SIGINT, then finishes what runs and closes the file. A second signal ends the process at once.
pub async fn serve(app: Arc<App>, listeners: Listeners) -> std::io::Result<()> {
    let signals = async {
        if let Err(error) = a_signal().await {
            log::error!("signals cannot be heard: {error}");
            return std::future::pending().await;
        }
        log::info!("stopping; a second signal ends at once");
        actix_web::rt::spawn(async {
            let _ = a_signal().await;
            std::process::exit(1);
        });
    };
    serve_until(app, listeners, signals).await
}

/// Serves until `stop` is there, then finishes what runs and closes the file.
pub async fn serve_until(
    app: Arc<App>,
    listeners: impl Into<Listeners>,
    stop: impl Future<Output = ()> + 'static,
) -> std::io::Result<()> {
    let endpoint = mcp::http::Endpoint::new(&app).map_err(std::io::Error::other)?;
    serve_endpoint(endpoint, listeners, stop).await
}

/// The same where somebody has something to say about the MCP endpoint.
pub async fn serve_endpoint(
    endpoint: mcp::http::Endpoint,
    listeners: impl Into<Listeners>,
    stop: impl Future<Output = ()> + 'static,
) -> std::io::Result<()> {
    let app = endpoint.app.clone();
    let endpoint = web::Data::new(endpoint);
    let open = endpoint.clone();
    let routes = Arc::new(rest::Routes::new(&app));
    let document = web::Data::new(openapi::Document::default());
    let readiness = web::Data::new(observe::Readiness::default());
    let provider = web::Data::new(Provider::new(app.config()).map(Arc::new));
    let Listeners { main, certificates, redirect } = listeners.into();
    let shared = app.clone();
    let tls = certificates.as_ref().map(|certificates| Arc::new(certificates.server_config()));
    let (workers, patience) = (app.config().worker_threads(), Duration::from_secs(app.config().body_timeout_seconds));
    let listeners = [Some((main, tls)), redirect.map(|redirect| (redirect, None))];
    let server = connection::server(listeners.into_iter().flatten(), workers, patience, SHUTDOWN, move || {
        Actix::new()
            .app_data(web::Data::from(shared.clone()))
            .app_data(web::Data::from(routes.clone()))
            .app_data(document.clone())
            .app_data(endpoint.clone())
            .app_data(readiness.clone())
            .app_data(provider.clone())
            .wrap(Compress::default())
            .wrap(from_fn(around))
            .configure(all_routes)
    })?;
    let certificates = certificates.map(|certificates| actix_web::rt::spawn(certificates.keep()));

    let clock = actix_web::rt::spawn(crate::jobs::by_the_clock(app.clone()));
    let mail = actix_web::rt::spawn(crate::jobs::send_mail(app.clone()));
    let imports = actix_web::rt::spawn(crate::jobs::import_tables(app.clone()));
    let watch = actix_web::rt::spawn(News::watch(app.clone()));
    let handle = server.handle();
    let ending = app.clone();
    let stopping = actix_web::rt::spawn(async move {
        stop.await;
        // An open stream would hold up the end for the whole of the time that requests have to finish.
        open.streams.close_all();
        ending.news.is_over.send_replace(true);
        handle.stop(true).await;
    });
    let result = server.await;
    stopping.abort();
    clock.abort();
    // It ends by itself, once what became of the mail on its way is written down.
    let _ = actix_web::rt::time::timeout(SHUTDOWN, mail).await;
    imports.abort();
    watch.abort();
    if let Some(certificates) = certificates {
        certificates.abort();
    }
    if let Err(error) = app.tidy().await {
        log::warn!("tidying before the end: {error}");
    }
    app.store().close();
    result
}

async fn a_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Every address of the server.
pub fn all_routes(config: &mut web::ServiceConfig) {
    for base in ["/api/v1", "/api"] {
        config.service(
            web::scope(base)
                .route("/openapi.json", web::get().to(openapi::json))
                .route("/docs", web::get().to(openapi::page))
                .default_service(web::to(below_scope)),
        );
    }
    config
        .route("/health", web::get().to(at_root))
        .route("/ready", web::get().to(observe::ready))
        .route("/metrics", web::get().to(observe::metrics))
        .route("/llms.txt", web::get().to(openapi::llms))
        .service(web::resource("/files/{id}").route(web::get().to(files::serve)).route(web::head().to(files::serve)))
        .route("/static/{hash}/{path:.*}", web::get().to(assets::serve))
        .service(web::scope("/crm").guard(guard::fn_guard(wants_json)).default_service(web::to(at_root)))
        .configure(super::oauth::routes)
        .configure(mcp::http::routes)
        .configure(crate::web::routes)
        .default_service(web::to(crate::web::nowhere));
}

/// The only addresses besides public operations that answer without a sign-in; tests/everything.rs tries all others as nobody.
/// This list should only shrink.
pub const OPEN_TO_ANYBODY: &[&str] = &[
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/mcp",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/accept-invite",
    "/api/docs",
    "/api/openapi.json",
    "/confirm-email",
    "/forgot-password",
    "/health",
    "/llms.txt",
    "/login",
    "/login/code",
    "/metrics",
    "/ready",
    "/login/sso",
    "/login/sso/callback",
    "/oauth/authorize",
    "/oauth/register",
    "/oauth/revoke",
    "/oauth/token",
    "/reset-password",
    "/setup",
    "/static/{hash}/{path:.*}",
];

/// The routes of the CRM documents answer at the root too: to programs with JSON, to browsers with pages. Behind a record's
/// own address, `.json` and `.md` say for themselves what is wanted.
fn wants_json(context: &guard::GuardContext<'_>) -> bool {
    let path = context.head().uri.path();
    if path.ends_with(".json") || path.ends_with(".md") {
        return false;
    }
    let headers = context.head().headers();
    let accepts = |kind: &str| {
        headers.get("accept").and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains(kind))
    };
    headers.contains_key("authorization")
        || headers.contains_key("x-api-key")
        || (accepts("application/json") && !accepts("text/html"))
}

async fn below_scope(
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
    routes: web::Data<rest::Routes>,
) -> HttpResponse {
    let path = request.path().to_owned();
    let path = path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/api")).unwrap_or(&path);
    rest::handle(request, payload, path, &app.into_inner(), &routes).await
}

async fn at_root(
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
    routes: web::Data<rest::Routes>,
) -> HttpResponse {
    let path = request.path().to_owned();
    rest::handle(request, payload, &path, &app.into_inner(), &routes).await
}

/// Around every request: its id, a net for panics, the set-up gate, and what every answer says about itself.
async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = given_id(request.headers()).unwrap_or_else(next_id);
    request.extensions_mut().insert(RequestId(id.clone()));
    let line = request.conn_data::<Line>();
    let (busy, is_over_tls) = (line.map(Line::busy), line.is_some_and(Line::is_over_tls));
    let app = request.app_data::<web::Data<App>>().expect("every worker has it").clone();
    // What comes in beside TLS gets no further than here.
    if app.config().tls != Tls::Off && !is_over_tls {
        log::info!(request_id = id.as_str(); "a request without TLS is not answered: {}", request.path());
        let response = not_over_tls(&request, &app, &id);
        return Ok(request.into_response(response));
    }
    let is_secure = auth::is_secure(request.request(), &app);
    // The MCP endpoint looks by itself, and says it in its own protocol.
    if request.path() != "/mcp" && !auth::is_meant(request.request(), &app) {
        log::info!(request_id = id.as_str(); "a request for another name than ours is refused");
        let error = Error::new(Kind::Misdirected, auth::NOT_MEANT);
        let mut response = plain_problem(&error.problem(&id), error.status());
        finish(response.headers_mut(), &id, is_secure);
        return Ok(request.into_response(response));
    }
    if !is_open(&request, &app) {
        let error = Error::new(
            Kind::NotSetUp,
            "This server is being set up. Open the one-time link that `sally serve` printed.",
        );
        let mut response = match accepts_html(&request) {
            true => crate::web::not_set_up(request.request(), error),
            false => plain_problem(&error.problem(&id), error.status()),
        };
        finish(response.headers_mut(), &id, is_secure);
        return Ok(request.into_response(response));
    }
    let begun = Instant::now();
    let surface = observe::surface(request.path());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(answer) => answer?.map_into_boxed_body(),
        Err(panic) => {
            log::error!(request_id = id.as_str(); "{method} {}: {}", uri.path(), panic_text(&*panic));
            let error = Error::internal("panic");
            let mut response = plain_problem(&error.problem(&id), 500);
            finish(response.headers_mut(), &id, is_secure);
            return Err(InternalError::from_response("panic", response).into());
        }
    };
    finish(response.headers_mut(), &id, is_secure);
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    app.store().metrics().request(surface, status, took);
    if app.config().log_requests {
        observe::log(response.request(), &app, status, took);
    }
    Ok(match busy {
        Some(busy) => response.map_body(|_, body| busy.until_sent(body)),
        None => response,
    })
}

fn accepts_html(request: &ServiceRequest) -> bool {
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|accept| accept.contains("text/html"));
    request.headers().get(ACCEPT).is_some_and(accepts)
}

/// A browser is sent on. A program is not: it would send its key in the clear each time, and nobody would notice.
fn not_over_tls(request: &ServiceRequest, app: &App, id: &str) -> HttpResponse {
    let base = app.config().base_url();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD) && accepts_html(request);
    let mut response = match is_page {
        true => {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            HttpResponse::PermanentRedirect().insert_header((LOCATION, format!("{base}{path}"))).finish()
        }
        false => {
            let error = Error::new(Kind::Misdirected, format!("This server speaks HTTPS only. Use {base}."));
            plain_problem(&error.problem(id), error.status())
        }
    };
    finish(response.headers_mut(), id, false);
    response
}

/// Until there is an account, only health and the set-up page are served.
fn is_open(request: &ServiceRequest, app: &App) -> bool {
    let path = request.path();
    let always =
        matches!(path, "/setup" | "/health" | "/api/health" | "/api/v1/health") || path.starts_with("/static/");
    always || app.is_set_up()
}

fn plain_problem(problem: &Problem<'_>, status: u16) -> HttpResponse {
    let status =
        actix_web::http::StatusCode::from_u16(status).unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "application/problem+json"))
        .body(serde_json::to_vec(problem).expect("plain data"))
}

/// Unique for this process and hard to mix up with another's; nothing depends on its being unguessable.
fn next_id() -> String {
    static START: LazyLock<String> = LazyLock::new(|| secret::session_token()[..8].to_owned());
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("{}-{}", *START, COUNT.fetch_add(1, Ordering::Relaxed))
}

fn given_id(headers: &HeaderMap) -> Option<String> {
    let given = headers.get("x-request-id")?.to_str().ok()?;
    (!given.is_empty() && given.len() <= 128 && given.bytes().all(|b| b.is_ascii_graphic())).then(|| given.to_owned())
}

/// No inline script or style, nothing from elsewhere; frames only of and in our own pages, which show a record beside its list.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'self'";

/// A year; for this name alone, as others of the domain are none of ours.
const TLS_ONLY: &str = "max-age=31536000";

/// What a page has no use for, no script in it may ask for.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// What every answer says that does not say otherwise itself.
static ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS)),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

fn finish(headers: &mut HeaderMap, id: &str, is_secure: bool) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if is_secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_ONLY));
    }
    // Beside a policy that an answer has of its own: browsers keep to both.
    headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    for (name, value) in &ALWAYS {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
}
