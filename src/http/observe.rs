//! For whatever watches the server: is it ready for requests, and how is it doing.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, FORWARDED, X_FORWARDED_FOR};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde_json::json;
use tokio::sync::Mutex;

use crate::core::app::App;
use crate::core::error::{Error, Kind, Result};
use crate::core::secret::TokenHash;
use crate::core::store::one;
use crate::core::time::Moment;
use crate::mcp::http::Endpoint;
use crate::tls;

use super::{auth, rest};

/// However often somebody asks, the disk is tried no more often than this.
const TRIED_EVERY: Duration = Duration::from_secs(5);
/// A disk that has not answered by then is as good as none.
const PATIENCE: Duration = Duration::from_secs(8);

/// When the disk took a write last.
#[derive(Default)]
pub struct Readiness(Mutex<Option<Instant>>);

/// `/ready`: set up, of today's shape, with a writer that is alive and a disk that takes writes.
pub async fn ready(request: HttpRequest, app: web::Data<App>, readiness: web::Data<Readiness>) -> HttpResponse {
    match readiness.check(&app).await {
        Ok(()) => HttpResponse::Ok().json(json!({ "ready": true, "version": env!("CARGO_PKG_VERSION") })),
        Err(error) => rest::problem(&request, &error),
    }
}

impl Readiness {
    async fn check(&self, app: &App) -> Result<()> {
        let mut last = self.0.lock().await;
        if last.is_some_and(|at| at.elapsed() < TRIED_EVERY) {
            return Ok(());
        }
        let tried = tokio::time::timeout(PATIENCE, app.store().try_disk()).await;
        tried.map_err(|_| Error::busy("The disk does not answer."))??;
        *last = Some(Instant::now());
        Ok(())
    }
}

/// `/metrics`: as text, if the settings say so.
pub async fn metrics(request: HttpRequest, app: web::Data<App>, endpoint: web::Data<Endpoint>) -> HttpResponse {
    let text = may_look(&request, &app).and_then(|()| {
        let text = app.store().metrics().text(&now(&app, &endpoint)?);
        text.map_err(Error::internal)
    });
    match text {
        Ok(text) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
            .body(text),
        Err(error) => rest::problem(&request, &error),
    }
}

/// With a token, who has it; without one, who asks from this very machine and not through a proxy on it.
fn may_look(request: &HttpRequest, app: &App) -> Result<()> {
    let config = app.config();
    let hidden = || Error::new(Kind::NotFound, "There is nothing here.");
    if !config.metrics {
        return Err(hidden());
    }
    if config.metrics_token.is_empty() {
        let is_forwarded = [FORWARDED, X_FORWARDED_FOR].iter().any(|name| request.headers().contains_key(name));
        return if auth::is_near(request) && !is_forwarded { Ok(()) } else { Err(hidden()) };
    }
    let given = auth::header(request, &AUTHORIZATION)?.and_then(|text| text.strip_prefix("Bearer "));
    match given.map(TokenHash::of) == Some(TokenHash::of(&config.metrics_token)) {
        true => Ok(()),
        false => Err(Error::new(Kind::Unauthorized, "The Authorization header must have the token of the settings.")),
    }
}

/// What is looked up when somebody asks: name, what it tells, and how much it is; -1 for what is not known.
fn now(app: &App, endpoint: &Endpoint) -> Result<Vec<(&'static str, &'static str, i64)>> {
    const SIGN_INS: &str = "select count(*) from session where expires_at > ?1";
    let at = Moment::now();
    let sign_ins = app.store().read(|reading| one(reading.conn(), SIGN_INS, [at], |row| row.take()))?;
    let open_files = std::fs::read_dir("/proc/self/fd").map_or(-1, |files| files.count() as i64);
    let backup = app.limits.newest_backup.load(Ordering::Relaxed);
    let backup_age = if backup == 0 { -1 } else { (at.ms() - backup) / 1_000 };
    let certificate = tls::first(app.config()).and_then(|kept| kept.ok().flatten());
    let certificate_lasts = certificate.map_or(-1, |kept| (kept.until.ms() - at.ms()).max(0) / 1_000);
    let mut all = app.store().state().to_vec();
    all.extend([
        ("sessions", "Sign-ins that have not expired", sign_ins),
        ("mcp_sessions", "Open MCP sessions", endpoint.sessions.count() as i64),
        ("mcp_streams", "Open MCP streams", endpoint.streams.count() as i64),
        ("live_streams", "Pages that are told of changes", app.news.count() as i64),
        ("memory_bytes", "Memory in use (RSS)", memory().unwrap_or(-1)),
        ("open_files", "Open files and sockets", open_files),
        ("uptime_seconds", "Time since the start", app.started().elapsed().as_secs() as i64),
        ("backup_age_seconds", "Age of the newest backup in the folder of the settings; -1 for none", backup_age),
        (
            "certificate_seconds_left",
            "Time that the certificate for public_url still counts; -1 for none of its own",
            certificate_lasts,
        ),
    ]);
    Ok(all)
}

/// As the system counts it, where it tells.
fn memory() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<i64>().ok().map(|kib| kib * 1_024)
}

/// The route that a request was matched with, for the log: an address as it was sent may have somebody's secret in it.
#[derive(Clone, Copy)]
pub struct Matched(pub &'static str);

/// Which surface an address belongs to.
pub fn surface(path: &str) -> &'static str {
    const SURFACES: &[(&str, &str)] = &[
        ("/api/", "rest"),
        ("/mcp", "mcp"),
        ("/static/", "static"),
        ("/files/", "files"),
        ("/health", "watch"),
        ("/ready", "watch"),
        ("/metrics", "watch"),
    ];
    SURFACES.iter().find(|(start, _)| path.starts_with(start)).map_or("page", |(_, surface)| surface)
}

/// One line about a request that was answered: who asked for what, and what came of it. Never its query, its body or a token.
pub fn log(request: &HttpRequest, app: &App, status: u16, took: Duration) {
    let matched = request.extensions().get::<Matched>().map(|matched| matched.0.to_owned());
    let route = matched.or_else(|| request.match_pattern()).unwrap_or_else(|| "-".to_owned());
    let identity = auth::call(request, app).and_then(|call| app.identity(&call)).ok();
    let account =
        identity.as_ref().and_then(|who| who.account.as_ref()).map_or("-".to_owned(), |account| account.id.to_string());
    let key = identity.as_ref().and_then(|who| who.key()).map_or("-".to_owned(), |key| key.id.to_string());
    log::info!(
        target: "sally::access",
        request_id = auth::request_id(request).as_str(), method = request.method().as_str(), route = route.as_str(),
        status = status, milliseconds = took.as_secs_f64() * 1_000.0, account = account.as_str(), key = key.as_str();
        "{} {route} {status}", request.method(),
    );
}

#[cfg(test)]
mod tests {
    use super::surface;

    #[test]
    fn an_address_belongs_to_one_surface() {
        let surfaces = ["/api/tasks", "/mcp", "/acme/tasks", "/static/x/app.css", "/ready", "/crm/deals"].map(surface);
        assert_eq!(surfaces, ["rest", "mcp", "page", "static", "watch", "page"]);
    }
}
