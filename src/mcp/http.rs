//! The hosted endpoint `/mcp`: Streamable HTTP around the protocol.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER, USER_AGENT,
};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::core::app::{App, Call};
use crate::core::caller::{Credential, Identity, Selector};
use crate::core::error::{Error, Kind, Result, quoted};
use crate::core::json;
use crate::core::operation::Toolset;
use crate::core::scopes::Scopes;
use crate::core::secret::TokenHash;
use crate::features::keys::KeyKind;
use crate::http::{auth, rest};

use super::discovery;
use super::guest::{Guest, Said};
use super::protocol::{
    self, Failure, Hello, Message, NO_SESSION, PARSE_ERROR, Peer, REFUSED, Refused, Request, RpcError, Terms,
};
use super::sessions::{Session, Sessions};
use super::stateless::{self, Introduction};
use super::streams::{self, Streams};
use super::tools::{Names, Tools, Wishes};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const REVISION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
/// What `sally mcp` calls itself, before its version.
pub const BRIDGE: &str = "sally-mcp/";
/// Messages in one body of the revision that allows several.
const BATCH: usize = 50;

/// What all workers share.
pub struct Endpoint {
    pub app: Arc<App>,
    pub tools: Tools,
    pub sessions: Sessions,
    pub streams: Arc<Streams>,
    pub guest: Option<Box<dyn Guest>>,
}

impl Endpoint {
    pub fn new(app: &Arc<App>) -> Result<Self> {
        let streams = Arc::new(Streams::default());
        let sessions = Sessions::load(app.store(), &streams)?;
        Ok(Endpoint { app: app.clone(), tools: Tools::new(app), sessions, streams, guest: None })
    }
}

pub fn routes(config: &mut web::ServiceConfig) {
    config.configure(discovery::routes).service(
        web::resource("/mcp")
            .route(web::post().to(post))
            .route(web::get().to(get))
            .route(web::delete().to(delete))
            .default_service(web::to(other_method)),
    );
}

/// Why a request ends before, or beside, the answer to its message.
enum Refusal {
    Rpc(Value, RpcError),
    Door(Error),
}

impl From<RpcError> for Refusal {
    fn from(error: RpcError) -> Self {
        Refusal::Rpc(Value::Null, error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Door(error)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rpc(error) => error.into(),
            Failure::Door(error) => error.into(),
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Refusal::Rpc(refused.id, refused.error)
    }
}

impl Refusal {
    /// The same as the answer to a request that has been read by now.
    fn to(self, id: &Value) -> Self {
        match self {
            Refusal::Rpc(Value::Null, error) => Refusal::Rpc(id.clone(), error),
            other => other,
        }
    }

    /// What somebody who connects by OAuth would have to be allowed as well; a key cannot become wider.
    fn missing_scopes(&self, identity: &Identity) -> Option<Scopes> {
        let Refusal::Rpc(_, error) = self else { return None };
        let key = identity.key().filter(|key| key.token_expires_at.is_some())?;
        let required = error.data.as_ref()?.pointer("/permission/required")?.as_str()?;
        Scopes::parse(&format!("{} {required}", key.scopes)).ok()
    }

    /// Not to be let in is told as everywhere in Sally; everything else as JSON-RPC.
    fn into_response(self, request: &HttpRequest, app: &App) -> HttpResponse {
        match self {
            Refusal::Rpc(id, error) => {
                let status = error.status;
                answer(status, protocol::response(&id, "{", &Err(error)))
            }
            Refusal::Door(error) if error.status() == 401 => {
                let mut response = rest::problem(request, &error);
                discovery::challenge(request, app, &mut response);
                response
            }
            Refusal::Door(error) if error.status() >= 500 => rest::problem(request, &error),
            Refusal::Door(error) => {
                let refused = RpcError::with_status(error.status(), REFUSED, error.detail());
                let mut response = Refusal::from(refused).into_response(request, app);
                if let Some(seconds) = error.retry_after_seconds() {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }
}

fn answer(status: u16, body: Vec<u8>) -> HttpResponse {
    let status = StatusCode::from_u16(status).expect("statuses stand in the code");
    HttpResponse::build(status).insert_header((CONTENT_TYPE, "application/json")).body(body)
}

async fn post(request: HttpRequest, payload: web::Payload, endpoint: web::Data<Endpoint>) -> HttpResponse {
    let endpoint = endpoint.into_inner();
    let answered = async {
        let mut peer = peer(&request, &endpoint)?;
        let refusal = match respond(&request, payload, &endpoint, &mut peer).await {
            Ok(response) => return Ok(response),
            Err(refusal) => refusal,
        };
        // Whose key is no longer good learns that and nothing else.
        let missing = refusal.missing_scopes(peer.identity(&endpoint.app)?);
        let mut response = refusal.into_response(&request, &endpoint.app);
        if let Some(scopes) = missing {
            discovery::step_up(&request, &endpoint.app, &scopes, &mut response);
        }
        Ok(response)
    };
    answered.await.unwrap_or_else(|refusal: Refusal| refusal.into_response(&request, &endpoint.app))
}

async fn respond(
    request: &HttpRequest,
    payload: web::Payload,
    endpoint: &Arc<Endpoint>,
    peer: &mut Peer,
) -> Result<HttpResponse, Refusal> {
    let app = &endpoint.app;
    let session = session(request, endpoint, peer);
    if !matches!(session, Ok(Some(_))) {
        // Not even read, for a stranger.
        peer.identity(app)?;
    }
    let accepts = Accepts::of(request)?;
    is_json(request)?;
    let body = rest::read(request, payload, app, app.config().body_limit_kib * 1_024).await?;
    let message = json::read(&body)
        .map_err(|error| RpcError::with_status(400, PARSE_ERROR, format!("Parse error: {}", error.detail())))?;

    if let Value::Array(messages) = message {
        peer.identity(app)?;
        peer.terms = session?.map_or(Terms::Plain, Terms::Session);
        return batch(endpoint, peer, messages).await;
    }
    let message = match Message::parse(message)? {
        Message::Request(message) => message,
        unanswered => {
            peer.identity(app)?;
            let session = if stateless::is_named(request) { None } else { session? };
            match (unanswered, session, &endpoint.guest) {
                (Message::Cancelled(id), Some(session), _) => session.cancel(&id),
                (Message::Response(response), _, Some(guest)) => guest.hear(response),
                _ => {}
            }
            return Ok(HttpResponse::Accepted().finish());
        }
    };
    let id = message.id.clone();
    reply(request, endpoint, peer, message, session, accepts).await.map_err(|refusal| refusal.to(&id))
}

async fn reply(
    request: &HttpRequest,
    endpoint: &Arc<Endpoint>,
    peer: &mut Peer,
    message: Request,
    session: Result<Option<Arc<Session>>, Refusal>,
    accepts: Accepts,
) -> Result<HttpResponse, Refusal> {
    // A call goes through the door, which looks the caller up itself; to do it here as well would cost a fifth more.
    if message.method != "tools/call" {
        peer.identity(&endpoint.app)?;
    }
    if stateless::is_meant(request, &message) {
        peer.terms = Terms::Stateless(Introduction::checked(request, &message)?);
        if message.method == "subscriptions/listen" {
            return Ok(streams::of_subscription(endpoint.clone(), peer.clone(), message.id, &message.params).await?);
        }
    } else if message.method == "initialize" {
        return initialize(endpoint, peer, message).await;
    } else {
        known_revision(request)?;
        peer.terms = session?.map_or(Terms::Plain, Terms::Session);
        if matches!(peer.terms, Terms::Plain) && accepts == Accepts::Both && message.method != "ping" {
            return Err(RpcError::with_status(400, REFUSED, "Bad Request: Server not initialized").into());
        }
    }
    let said = endpoint.guest.as_ref().and_then(|guest| guest.answer(endpoint, peer, &message));
    match said.transpose()? {
        None => {}
        Some(Said::Response(response)) => return Ok(answer(200, response)),
        Some(Said::Messages(messages)) => return Ok(streams::of_messages(messages)),
    }
    let token = protocol::progress_token(&message)?.filter(|_| accepts == Accepts::Both);
    let answered = match token {
        None => run(endpoint, peer, message).await?,
        Some(token) => {
            let (id, endpoint, peer) = (message.id.clone(), endpoint.clone(), peer.clone());
            let mut running = Box::pin(async move { run(&endpoint, &peer, message).await });
            match tokio::time::timeout(streams::PROGRESS_EVERY, &mut running).await {
                Ok(answered) => answered?,
                Err(_) => {
                    // The status has been said, so whatever goes wrong from here on is an error of JSON-RPC.
                    let told = async move { running.await.unwrap_or_else(|failure| Some(failure.told(&id))) };
                    return Ok(streams::of_long_work(Box::pin(told), token));
                }
            }
        }
    };
    Ok(match answered {
        Some(response) => answer(200, response),
        // Whoever cancels a request gets no response to it.
        None => HttpResponse::Accepted().finish(),
    })
}

/// The response to a request; `None` once it is cancelled.
async fn run(endpoint: &Endpoint, peer: &Peer, message: Request) -> Result<Option<Vec<u8>>, Failure> {
    let id = message.id.clone();
    let head = peer.terms.head(&message.method);
    let amending = endpoint.guest.as_ref().map(|guest| (guest, message.method.clone()));
    let answered = protocol::dispatch(endpoint, peer, message);
    let mut result = match &peer.terms {
        Terms::Session(session) => match session.running(&id).or_cancelled(answered).await {
            Some(result) => result?,
            None => return Ok(None),
        },
        // Whoever has no session cancels by hanging up, which drops all this.
        Terms::Plain | Terms::Stateless(_) => answered.await?,
    };
    if let Some((guest, method)) = amending {
        result = guest.amend(&method, result);
    }
    Ok(Some(protocol::response(&id, head, &Ok(result))))
}

async fn initialize(endpoint: &Endpoint, peer: &Peer, message: Request) -> Result<HttpResponse, Refusal> {
    let Request { id, params, .. } = message;
    let hello = Hello::parse(&params)?;
    let mut result = hello.answer(endpoint, peer.identity(&endpoint.app)?);
    if let Some(guest) = &endpoint.guest {
        result = guest.amend("initialize", result);
    }
    let session = endpoint.sessions.open(peer.key(&endpoint.app)?, hello).await?;
    let mut response = answer(200, protocol::response(&id, "{", &Ok(result)));
    response.headers_mut().insert(SESSION, session.parse().expect("base64url is plain ASCII"));
    Ok(response)
}

/// Several messages in one body, as one revision had it; its answers come in one body too.
async fn batch(endpoint: &Endpoint, peer: &Peer, messages: Vec<Value>) -> Result<HttpResponse, Refusal> {
    if !matches!(&peer.terms, Terms::Session(session) if session.revision == protocol::BATCHING) {
        let why = format!("Invalid Request: only sessions of revision {} may send batches", protocol::BATCHING);
        return Err(RpcError::invalid_request(why).into());
    }
    if messages.is_empty() || messages.len() > BATCH {
        return Err(RpcError::invalid_request(format!("Invalid Request: a batch has 1 to {BATCH} messages")).into());
    }
    let mut answers = Vec::new();
    for message in messages {
        let (id, outcome) = match Message::parse(message) {
            Ok(Message::Cancelled(_) | Message::Response(_) | Message::Notification) => continue,
            Ok(Message::Request(Request { id, method, .. })) if method == "initialize" => {
                (id, Err(RpcError::invalid_request("Invalid Request: initialize must not be part of a batch")))
            }
            Ok(Message::Request(message)) => {
                let id = message.id.clone();
                match protocol::dispatch(endpoint, peer, message).await {
                    Ok(result) => (id, Ok(result)),
                    Err(Failure::Rpc(error)) => (id, Err(error)),
                    // What stands before it in the batch has been done, and is told all the same.
                    Err(Failure::Door(error)) if error.kind() == Kind::Busy => {
                        (id, Err(RpcError::new(REFUSED, error.detail())))
                    }
                    Err(Failure::Door(error)) => return Err(error.into()),
                }
            }
            Err(Refused { id, error }) => (id, Err(error)),
        };
        answers.push(protocol::response(&id, "{", &outcome));
    }
    if answers.is_empty() {
        return Ok(HttpResponse::Accepted().finish());
    }
    Ok(answer(200, [b"[".as_slice(), &answers.join(&b','), b"]"].concat()))
}

async fn get(request: HttpRequest, endpoint: web::Data<Endpoint>) -> HttpResponse {
    if stateless::is_named(&request) {
        return other_method(request).await;
    }
    listen(&request, endpoint.clone().into_inner())
        .unwrap_or_else(|refusal| refusal.into_response(&request, &endpoint.app))
}

/// What the server has to say between requests.
fn listen(request: &HttpRequest, endpoint: Arc<Endpoint>) -> Result<HttpResponse, Refusal> {
    let mut peer = peer(request, &endpoint)?;
    peer.identity(&endpoint.app)?;
    Accepts::of(request)?;
    known_revision(request)?;
    let session = demanded_session(request, &endpoint, &peer)?;
    peer.terms = Terms::Session(session.clone());
    let last_event = request.headers().get(LAST_EVENT).and_then(|id| id.to_str().ok());
    Ok(streams::of_session(endpoint, peer, session, last_event)?)
}

async fn delete(request: HttpRequest, endpoint: web::Data<Endpoint>) -> HttpResponse {
    if stateless::is_named(&request) {
        return other_method(request).await;
    }
    let end = async {
        let peer = peer(&request, &endpoint)?;
        peer.identity(&endpoint.app)?;
        known_revision(&request)?;
        let session = demanded_session(&request, &endpoint, &peer)?;
        endpoint.sessions.end(&session).await?;
        Ok::<_, Refusal>(HttpResponse::NoContent().finish())
    };
    end.await.unwrap_or_else(|refusal| refusal.into_response(&request, &endpoint.app))
}

/// Where there are no sessions there is nothing to GET or DELETE.
async fn other_method(request: HttpRequest) -> HttpResponse {
    let allowed = if stateless::is_named(&request) { "POST" } else { "GET, POST, DELETE" };
    let detail = format!("{} is not possible here; possible: {allowed}.", request.method());
    let mut response = rest::problem(&request, &Error::new(Kind::MethodNotAllowed, detail));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Who asks, from an honest origin. Whether the key is good is not looked at yet.
fn peer(request: &HttpRequest, endpoint: &Endpoint) -> Result<Peer, Refusal> {
    let app = &endpoint.app;
    own_origin(request, app)?;
    let token = token(request)?;
    let (wishes, selector) = wishes(request)?;
    let address = auth::address(request, app);
    app.limits.mcp_call(token, address)?;
    let call = Call {
        credential: Some(Credential::Token(token)),
        selector: auth::selector(request)?.or(selector),
        request_id: auth::request_id(request),
        address,
        user_agent: auth::header(request, &USER_AGENT)?.map(|agent| agent.chars().take(300).collect()),
        ..Call::default()
    };
    Ok(Peer::new(token, call, wishes))
}

/// Only a Bearer token in its header, once: what a browser sends by itself, or what ends up in logs, is no key.
fn token(request: &HttpRequest) -> Result<TokenHash> {
    let unauthorized = || {
        let why =
            "Send an MCP key as “Authorization: Bearer sallymcp_…”, made under Settings → Keys, or connect by OAuth.";
        Error::new(Kind::Unauthorized, why)
    };
    let mut given = request.headers().get_all(AUTHORIZATION);
    let (Some(only), None) = (given.next(), given.next()) else { return Err(unauthorized()) };
    let (scheme, token) = only.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(unauthorized());
    }
    // Whoever pastes a personal key into a hosted client hands it to another program than it was made for. The bridge
    // is the person's own, and its guides give it the personal key.
    let is_bridge =
        request.headers().get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(BRIDGE.as_bytes()));
    if token.trim_start().starts_with(KeyKind::Api.prefix()) && !is_bridge {
        let why = "That is a personal API key, for REST and “sally mcp”. /mcp takes MCP keys (sallymcp_…), made under Settings → Keys; a client without a key connects by OAuth.";
        return Err(Error::new(Kind::Unauthorized, why));
    }
    Ok(TokenHash::of(token.trim()))
}

/// The session that the request names; `None` if it names none.
fn session(request: &HttpRequest, endpoint: &Endpoint, peer: &Peer) -> Result<Option<Arc<Session>>, Refusal> {
    let mut given = request.headers().get_all(&SESSION);
    let id = match (given.next(), given.next()) {
        (None, _) => return Ok(None),
        (Some(id), None) => id.to_str().unwrap_or_default(),
        _ => return Err(RpcError::invalid_request("Invalid Request: Mcp-Session-Id is given twice").into()),
    };
    let found = endpoint.sessions.find(id);
    let session = found.ok_or_else(|| RpcError::with_status(404, NO_SESSION, "MCP session not found"))?;
    if !session.knows(peer.token) {
        // Another token may stand for the same key: whoever connects by OAuth gets a new one every hour.
        if session.key != peer.key(&endpoint.app)? {
            return Err(RpcError::with_status(403, REFUSED, "The MCP session belongs to another key").into());
        }
        session.learns(peer.token);
    }
    Ok(Some(session))
}

fn demanded_session(request: &HttpRequest, endpoint: &Endpoint, peer: &Peer) -> Result<Arc<Session>, Refusal> {
    let missing = || RpcError::with_status(400, REFUSED, "Bad Request: Mcp-Session-Id header is required");
    session(request, endpoint, peer)?.ok_or_else(|| missing().into())
}

fn known_revision(request: &HttpRequest) -> Result<(), RpcError> {
    let Some(given) = request.headers().get(&REVISION) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default();
    protocol::revision(given.trim()).map(|_| ()).ok_or_else(|| RpcError::unsupported_revision(given))
}

/// A page of another site must not talk to a server that only this computer or network reaches.
fn own_origin(request: &HttpRequest, app: &App) -> Result<(), RpcError> {
    let host = request.headers().get(HOST).map_or(b"".as_slice(), HeaderValue::as_bytes);
    if host.iter().any(|byte| matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\')) {
        return Err(RpcError::invalid_request("Bad Request: Host is a name and a port and nothing else"));
    }
    if !auth::is_meant(request, app) {
        return Err(RpcError::with_status(403, REFUSED, format!("Forbidden: {}", auth::NOT_MEANT)));
    }
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(()) };
    let foreign = || RpcError::with_status(403, REFUSED, "Forbidden: the Origin is not this server's");
    let origin = origin.to_str().ok().and_then(|text| Some((text, url::Url::parse(text).ok()?)));
    let (text, origin) = origin.ok_or_else(foreign)?;
    // An origin is scheme, host and port and nothing else.
    if !origin.origin().ascii_serialization().eq_ignore_ascii_case(text) {
        return Err(foreign());
    }
    if app.config().public_url.as_ref().is_some_and(|own| own.origin() == origin.origin()) {
        return Ok(());
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = url::Url::parse(&format!("{}://{host}", origin.scheme())).map_err(|_| foreign())?;
    if own.port_or_known_default() != origin.port_or_known_default() {
        return Err(foreign());
    }
    // A name that leads to this computer's loopback address without being one of its names was made up to get here.
    let is_fine = match (is_loopback(&own), is_loopback(&origin)) {
        (true, true) => true,
        (false, false) => own.host() == origin.host() && !auth::is_from_here(request, app),
        _ => false,
    };
    if is_fine { Ok(()) } else { Err(foreign()) }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What the client can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accepts {
    /// JSON and event streams, each by name: a client of the protocol.
    Both,
    /// It does not say, or everything: curl and scripts.
    Anything,
    /// Event streams only: enough to listen.
    Stream,
}

impl Accepts {
    fn of(request: &HttpRequest) -> Result<Self, RpcError> {
        let (mut json, mut stream, mut anything, mut is_given) = (false, false, false, false);
        for header in request.headers().get_all(ACCEPT) {
            is_given = true;
            for range in header.to_str().unwrap_or_default().split(',') {
                let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
                let kind = parts.next().unwrap_or_default();
                let is_refused = parts.any(|part| {
                    part.strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
                });
                match kind.as_str() {
                    _ if is_refused => {}
                    "application/json" | "application/*" => json = true,
                    "text/event-stream" | "text/*" => stream = true,
                    "*/*" => anything = true,
                    _ => {}
                }
            }
        }
        match (json, stream) {
            (true, true) => Ok(Accepts::Both),
            _ if anything || !is_given => Ok(Accepts::Anything),
            (false, true) if request.method() == actix_web::http::Method::GET => Ok(Accepts::Stream),
            (false, true) => {
                Err(RpcError::with_status(406, REFUSED, "Not Acceptable: client must accept application/json"))
            }
            (_, false) => {
                Err(RpcError::with_status(406, REFUSED, "Not Acceptable: client must accept text/event-stream"))
            }
        }
    }
}

fn is_json(request: &HttpRequest) -> Result<(), RpcError> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(|part| part.trim().to_ascii_lowercase());
    let is_json = parts.next().as_deref() == Some("application/json");
    let is_utf8 = parts.all(|part| part.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8"));
    if is_json && is_utf8 {
        return Ok(());
    }
    let why = format!("Unsupported Media Type: the body must be application/json in UTF-8, not {}", quoted(kind));
    Err(RpcError::with_status(415, REFUSED, why))
}

/// What the query asks for. A word that is not understood is an error here as everywhere.
fn wishes(request: &HttpRequest) -> Result<(Wishes, Option<Selector>), RpcError> {
    let wrong = |name: &str, value: &str, choices: &str| {
        let why = format!("Bad Request: {name} in the address must be {choices}, not {}", quoted(value));
        RpcError::with_status(400, REFUSED, why)
    };
    let mut wishes = Wishes::default();
    let (mut id, mut slug) = (None, None);
    for (name, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match &*name {
            "names" => {
                wishes.names = Some(match &*value {
                    "dotted" => Names::Dotted,
                    "underscore" => Names::Underscored,
                    other => return Err(wrong(&name, other, "dotted or underscore")),
                });
            }
            "toolsets" => {
                let words = value.split([',', ' ']).filter(|word| !word.is_empty());
                let all: Vec<&str> = Toolset::ALL.iter().map(|toolset| toolset.word()).collect();
                let found: Option<Vec<Toolset>> = words.map(Toolset::named).collect();
                let found = found.filter(|found| !found.is_empty());
                wishes.toolsets =
                    Some(found.ok_or_else(|| wrong(&name, &value, &format!("some of {}", all.join(", "))))?);
            }
            "readonly" => {
                wishes.read_only = match &*value {
                    "1" | "true" | "" => true,
                    "0" | "false" => false,
                    other => return Err(wrong(&name, other, "1 or 0")),
                };
            }
            "workspaceId" | "workspace_id" => id = Some(Selector::Id(value.into_owned())),
            "workspaceSlug" | "workspace_slug" => slug = Some(Selector::Slug(value.into_owned())),
            other => {
                let why = format!(
                    "Bad Request: {} in the address is not known; known are names, toolsets, readonly and workspaceSlug",
                    quoted(other)
                );
                return Err(RpcError::with_status(400, REFUSED, why));
            }
        }
    }
    Ok((wishes, id.or(slug)))
}
