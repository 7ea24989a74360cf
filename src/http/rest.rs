//! REST: one handler for all operations. Path, query and body become the input, output becomes JSON.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, ALLOW, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use crate::core::app::{App, Listed};
use crate::core::error::{Error, Kind, Result, quoted};
use crate::core::json;
use crate::core::limits::SMALL_BODY_KIB;
use crate::core::operation::{Effect, Method, Reply};

use super::{auth, form, observe, projection};

/// The routes of all operations, found by one look-up.
pub struct Routes {
    tree: matchit::Router<Vec<(Method, usize)>>,
}

/// Where a guide that people follow puts an operation: the path it writes, and ours.
const OTHER_PATHS: &[(&str, &str)] = &[("/api-keys", "/auth/api-keys")];

impl Routes {
    pub fn new(app: &App) -> Self {
        let mut by_path: Vec<(&str, Vec<(Method, usize)>)> = Vec::new();
        for (index, listed) in app.operations().iter().enumerate() {
            let Some(route) = listed.entry.spec.route else { continue };
            match by_path.iter_mut().find(|(path, _)| *path == route.path) {
                Some((_, methods)) => methods.push((route.method, index)),
                None => by_path.push((route.path, vec![(route.method, index)])),
            }
        }
        for (other, path) in OTHER_PATHS {
            let known = by_path.iter().find(|(known, _)| known == path).map(|(_, methods)| methods.clone());
            by_path.push((other, known.expect("the path of an operation")));
        }
        let mut tree = matchit::Router::new();
        for (path, methods) in by_path {
            tree.insert(path, methods).expect("routes of the list do not clash: tests/everything.rs");
        }
        Routes { tree }
    }
}

/// Answers a request for `path` below `/api`.
pub async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    path: &str,
    app: &Arc<App>,
    routes: &Routes,
) -> HttpResponse {
    match answer(&request, payload, path, app, routes).await {
        Ok(response) => response,
        Err(error) => problem(&request, &error),
    }
}

async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    path: &str,
    app: &Arc<App>,
    routes: &Routes,
) -> Result<HttpResponse> {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let found = routes
        .tree
        .at(path)
        .map_err(|_| Error::new(Kind::NotFound, format!("There is no {} below /api; see /api/docs.", quoted(path))))?;
    let method = request.method().as_str();
    let method = if method == "HEAD" { "GET" } else { method };
    let Some((_, index)) = found.value.iter().find(|(known, _)| known.word() == method) else {
        return Ok(other_method(request, found.value));
    };
    let listed = &app.operations()[*index];
    request.extensions_mut().insert(observe::Matched(listed.entry.spec.route.map_or("-", |route| route.path)));
    accepts(request, listed.entry.spec.more.file)?;
    let call = auth::call(request, app)?;
    let mut input = query(request.query_string())?;
    let takes_file = listed.entry.spec.more.takes_file;
    if takes_file {
        // So much is not even read for a stranger.
        app.known(&call)?;
    }
    let limit = if takes_file { app.config().upload_body_limit() } else { app.config().body_limit_kib * 1_024 };
    let bytes = read(request, payload, app, limit).await?;
    let body =
        if takes_file && form::is_form(request) { form::read(request, bytes).await? } else { body(request, &bytes)? };
    if method == "GET" && !body.is_empty() {
        return Err(Error::malformed("A GET request has no body; put the filters into the query."));
    }
    for (name, value) in body {
        if input.insert(name.clone(), value).is_some() {
            return Err(Error::field(&name, "stands in the query and in the body; say it once"));
        }
    }
    for (name, value) in found.params.iter() {
        let value = percent_decoded(value)?;
        match input.insert(name.to_owned(), Value::from(value.as_str())) {
            Some(other) if other != *value => {
                return Err(Error::field(name, "is not the one in the path; leave it out of the body"));
            }
            _ => {}
        }
    }
    let fields = if listed.entry.spec.effect == Effect::Read { projection::take(&mut input)? } else { None };
    let mut reply = app.answer(listed, call, input).await?;
    if let Some(fields) = fields.filter(|_| reply.file.is_none()) {
        projection::check(&listed.entry, &fields)?;
        reply.body = serde_json::to_vec(&projection::apply(&reply.body, &fields)?).map_err(Error::internal)?;
    }
    Ok(respond(request, listed, reply))
}

fn respond(request: &HttpRequest, listed: &Listed, reply: Reply) -> HttpResponse {
    let spec = &listed.entry.spec;
    if reply.body.is_empty() {
        return HttpResponse::NoContent().finish();
    }
    if let Some((name, media_type)) = reply.file {
        let disposition = format!("attachment; filename=\"{name}\"");
        return HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, media_type))
            .insert_header((CONTENT_DISPOSITION, disposition))
            .body(reply.body);
    }
    let mut response = if spec.creates() { HttpResponse::Created() } else { HttpResponse::Ok() };
    if let Some(version) = reply.version {
        let etag = format!("\"{version}\"");
        if spec.effect == Effect::Read
            && request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes())
        {
            return HttpResponse::NotModified().insert_header((ETAG, etag)).finish();
        }
        response.insert_header((ETAG, etag));
    }
    if let Some(location) = reply.location.filter(|_| spec.creates()) {
        response.insert_header((LOCATION, format!("/api{location}")));
    }
    response.insert_header((CONTENT_TYPE, "application/json")).body(reply.body)
}

fn other_method(request: &HttpRequest, known: &[(Method, usize)]) -> HttpResponse {
    let mut allowed: Vec<&str> = known.iter().map(|(method, _)| method.word()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.push("OPTIONS");
    let allowed = allowed.join(", ");
    if request.method() == actix_web::http::Method::OPTIONS {
        return HttpResponse::NoContent().insert_header((ALLOW, allowed)).finish();
    }
    let error = Error::new(
        Kind::MethodNotAllowed,
        format!("{} is not possible here; possible are {allowed}.", request.method()),
    );
    let mut response = problem(request, &error);
    if let Ok(value) = allowed.parse() {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

/// `application/problem+json`; our own faults are logged with their cause.
pub fn problem(request: &HttpRequest, error: &Error) -> HttpResponse {
    let request_id = auth::request_id(request);
    if error.kind() == Kind::Internal {
        log::error!(request_id = request_id.as_str(); "{} {}: {}", request.method(), request.path(), error.cause());
    }
    let mut response =
        HttpResponseBuilder::new(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(seconds) = error.retry_after_seconds() {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if error.status() == 401 {
        response.insert_header(("WWW-Authenticate", "Bearer"));
    }
    let body = serde_json::to_vec(&error.problem(&request_id)).expect("a problem is plain data");
    response.insert_header((CONTENT_TYPE, "application/problem+json")).body(body)
}

/// JSON must be welcome, or the kind of file that the operation can answer with.
fn accepts(request: &HttpRequest, file: Option<&str>) -> Result<()> {
    let Some(accept) = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()) else { return Ok(()) };
    let accept = accept.to_ascii_lowercase();
    let fits = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        matches!(range, "application/json" | "application/problem+json" | "application/*" | "*/*" | "")
            || file.is_some_and(|file| file.split(';').next() == Some(range))
    };
    if accept.split(',').any(fits) {
        Ok(())
    } else {
        Err(Error::new(Kind::NotAcceptable, "Only application/json can be had here."))
    }
}

/// The query's parameters; a name given twice is a mistake, not a choice.
fn query(text: &str) -> Result<Map<String, Value>> {
    let mut map = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
            return Err(Error::malformed(format!("The query parameter {} is not UTF-8.", quoted(&name))));
        }
        if map.insert(name.to_string(), Value::from(value.as_ref())).is_some() {
            return Err(Error::field(&name, "is given twice"));
        }
    }
    Ok(map)
}

fn percent_decoded(text: &str) -> Result<String> {
    let bytes = url::form_urlencoded::parse(format!("v={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned());
    let decoded = bytes.unwrap_or_default();
    if decoded.contains('\u{fffd}') { Err(Error::malformed("The path is not UTF-8.")) } else { Ok(decoded) }
}

fn body(request: &HttpRequest, bytes: &[u8]) -> Result<Map<String, Value>> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != "application/json" && !kind.ends_with("+json") {
        return Err(Error::new(
            Kind::UnsupportedMediaType,
            format!("The body must be application/json, not {}.", quoted(&kind)),
        ));
    }
    match json::read(bytes)? {
        Value::Object(map) => Ok(map),
        other => Err(Error::malformed(format!("The body must be a JSON object, not {}.", quoted(&other.to_string())))),
    }
}

/// The body's bytes, as many as allowed and as long as allowed: actix itself waits for ever.
pub async fn read(request: &HttpRequest, mut payload: web::Payload, app: &App, limit: usize) -> Result<web::BytesMut> {
    let headers = request.headers();
    // Nothing is unpacked here, so nothing small becomes large.
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let why = "The body must not be compressed; send it without Content-Encoding.";
        return Err(Error::new(Kind::UnsupportedMediaType, why));
    }
    let too_large = || Error::new(Kind::TooLarge, format!("The body is larger than {} KiB.", limit / 1_024));
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let collect = async {
        let mut bytes = web::BytesMut::with_capacity(length.unwrap_or_default());
        let (mut room, mut is_known) = (app.limits.room_for_body(), false);
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| Error::malformed(format!("The body broke off: {error}.")))?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
            // What strangers have to say is short, and the room for the rest is not for them to take.
            is_known = is_known
                || bytes.len() <= SMALL_BODY_KIB * 1_024
                || auth::call(request, app).and_then(|call| app.known(&call)).is_ok();
            if !is_known {
                let why = format!("The body is larger than {SMALL_BODY_KIB} KiB; sign in to send as much.");
                return Err(Error::new(Kind::TooLarge, why));
            }
            // What is only declared takes no memory yet; what came in pieces has been given more than it has come to.
            room.grow(if length.is_some() { bytes.len() } else { bytes.capacity() })?;
        }
        Ok(bytes)
    };
    let seconds = app.config().body_timeout_seconds;
    let late = |_| Error::new(Kind::Timeout, format!("The body did not arrive within {seconds} seconds."));
    tokio::time::timeout(Duration::from_secs(seconds), collect).await.map_err(late)?
}
