//! Open streams: what the server says by itself. That is one thing so far, that the list of tools has changed.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Interval, interval_at};

use crate::core::app::App;
use crate::core::error::Result;
use crate::core::secret::TokenHash;
use crate::core::store::one;

use super::http::Endpoint;
use super::protocol::{self, Peer, RpcError};
use super::sessions::Session;
use super::stateless;

/// An open stream says this often that it is alive; a peer that has gone is noticed by it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a stream learns of a change of rights.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Streams that one session may hold open; the oldest makes room.
const OF_A_SESSION: usize = 4;
/// Subscriptions that one key may hold open without sessions.
const OF_A_KEY: usize = 100;
/// The revision whose streams begin with an event that a client can resume from. Clients of older ones stumble over it.
const PRIMED: &str = "2025-11-25";

/// All open streams, by the session or key that holds them open.
#[derive(Default)]
pub struct Streams {
    open: Mutex<Open>,
    /// Counts changes of anybody's rights.
    rights: watch::Sender<u64>,
}

#[derive(Default)]
struct Open {
    by_owner: HashMap<TokenHash, Vec<Line>>,
    last_number: u64,
    is_stopping: bool,
}

struct Line {
    number: u64,
    /// Whoever holds the other end learns of the stream's end by its closing.
    _end: oneshot::Sender<()>,
}

/// A stream's place among the open ones, given up when it is dropped.
struct Seat {
    streams: Arc<Streams>,
    owner: TokenHash,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Streams {
    fn open(self: &Arc<Self>, owner: TokenHash, most: usize) -> Seat {
        let (end, ended) = oneshot::channel();
        let mut open = self.locked();
        open.last_number += 1;
        let number = open.last_number;
        if !open.is_stopping {
            let lines = open.by_owner.entry(owner).or_default();
            if lines.len() >= most {
                lines.remove(0);
            }
            lines.push(Line { number, _end: end });
        }
        Seat { streams: self.clone(), owner, number, ended }
    }

    /// Ends the streams of a session.
    pub fn close(&self, owner: &TokenHash) {
        self.locked().by_owner.remove(owner);
    }

    /// Ends all of them, for good: the server stops.
    pub fn close_all(&self) {
        let mut open = self.locked();
        open.is_stopping = true;
        open.by_owner.clear();
    }

    /// Looks for changes of rights, by whichever process, for as long as the server runs.
    pub async fn watch(self: Arc<Self>, app: Arc<App>) {
        let mut clock = tokio::time::interval(LOOK_EVERY);
        let mut seen = None;
        loop {
            clock.tick().await;
            match changed_since(&app, seen) {
                Ok(None) => {}
                Ok(Some((last, is_about_rights))) => {
                    if is_about_rights {
                        self.rights.send_modify(|count| *count += 1);
                    }
                    seen = Some(last);
                }
                Err(error) => log::warn!("looking for changes of rights: {error}"),
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last change there is, and whether anything after `seen` was about rights; `None` if nobody has committed anything
/// since this was asked. What happened before the first look, every stream knows.
fn changed_since(app: &App, seen: Option<i64>) -> Result<Option<(i64, bool)>> {
    #[derive(Default)]
    struct Looked(bool);
    const LAST: &str = "
        select ifnull(max(seq), 0),
               exists (select 1 from change where seq > ?1 and record_type in
                 ('access_key', 'account', 'agent', 'workspace', 'workspace_membership', 'project_membership'))
          from change";
    app.store().read(|reading| {
        if std::mem::replace(&mut reading.memory::<Looked>().0, true) {
            return Ok(None);
        }
        one(reading.conn(), LAST, [seen.unwrap_or(i64::MAX)], |row| Ok(Some((row.take()?, row.take()?))))
    })
}

impl Seat {
    /// A message goes to one stream of a session only: the newest.
    fn is_newest(&self) -> bool {
        let open = self.streams.locked();
        let newest = open.by_owner.get(&self.owner).and_then(|lines| lines.last());
        newest.is_some_and(|line| line.number == self.number)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.locked();
        if let Some(lines) = open.by_owner.get_mut(&self.owner) {
            lines.retain(|line| line.number != self.number);
            if lines.is_empty() {
                open.by_owner.remove(&self.owner);
            }
        }
    }
}

/// What a stream is for.
enum Topic {
    /// Everything the server has to say to a session.
    Session(Arc<Session>),
    /// What a request without a session asked to hear of.
    Subscription { id: Value, tools: bool },
}

/// One stream from its first word to its last.
struct Speech {
    endpoint: Arc<Endpoint>,
    peer: Peer,
    topic: Topic,
    seat: Seat,
    clock: Interval,
    rights: watch::Receiver<u64>,
    /// The list of tools that the client knows of, as far as we know.
    known: u64,
    /// Said before anything else.
    first: Option<Bytes>,
    is_over: bool,
}

/// Speaks to a session until it ends, its key is good no more, or the server stops. A client that says where it was
/// interrupted is told of what changed since.
pub fn of_session(
    endpoint: Arc<Endpoint>,
    peer: Peer,
    session: Arc<Session>,
    last_event: Option<&str>,
) -> Result<HttpResponse> {
    let current = endpoint.tools.stamp(&endpoint.app, &peer, peer.identity(&endpoint.app)?);
    let known = last_event.and_then(stamp_of).or_else(|| session.listed()).unwrap_or(current);
    let first = if session.revision == PRIMED { event(Some((known, 0)), "") } else { comment() };
    let seat = endpoint.streams.open(session.hash, OF_A_SESSION);
    Ok(Speech::new(endpoint, peer, Topic::Session(session), seat, known, first).into_response())
}

/// Answers `subscriptions/listen`: with a stream of what it asks for, of which the first message says what we offer.
pub fn of_subscription(
    endpoint: Arc<Endpoint>,
    peer: Peer,
    id: Value,
    params: &Map<String, Value>,
) -> Result<HttpResponse, protocol::Failure> {
    let wrong = |what: &str| RpcError::with_status(400, protocol::INVALID_PARAMS, format!("Invalid params: {what}"));
    let wanted = params.get("notifications").and_then(Value::as_object);
    let wanted = wanted.ok_or_else(|| wrong("notifications must be an object"))?;
    let tools = match wanted.get("toolsListChanged") {
        None => false,
        Some(Value::Bool(tools)) => *tools,
        Some(_) => return Err(wrong("toolsListChanged must be true or false").into()),
    };
    let known = endpoint.tools.stamp(&endpoint.app, &peer, peer.identity(&endpoint.app)?);
    let offered = if tools { json!({ "toolsListChanged": true }) } else { json!({}) };
    let acknowledged =
        notification("notifications/subscriptions/acknowledged", Some(&id), json!({ "notifications": offered }));
    let seat = endpoint.streams.open(peer.key, OF_A_KEY);
    let topic = Topic::Subscription { id, tools };
    Ok(Speech::new(endpoint, peer, topic, seat, known, event(None, &acknowledged)).into_response())
}

impl Speech {
    fn new(endpoint: Arc<Endpoint>, peer: Peer, topic: Topic, seat: Seat, known: u64, first: Bytes) -> Self {
        let mut rights = endpoint.streams.rights.subscribe();
        // What is known may be old news already.
        rights.mark_changed();
        let clock = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        Speech { endpoint, peer, topic, seat, clock, rights, known, first: Some(first), is_over: false }
    }

    fn into_response(self) -> HttpResponse {
        let events = stream::unfold(self, |mut speech| async {
            let said = speech.next().await?;
            Some((Ok(said), speech))
        });
        streamed(events)
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !self.is_over {
            let is_keep_alive = tokio::select! {
                biased;
                _ = &mut self.seat.ended => {
                    self.is_over = true;
                    return self.last_word();
                }
                _ = self.rights.changed() => false,
                _ = self.clock.tick() => true,
            };
            let identity = self.endpoint.app.identity(&self.peer.call).ok()?;
            if is_keep_alive {
                if let Topic::Session(session) = &self.topic {
                    self.endpoint.sessions.keep(session);
                }
                return Some(comment());
            }
            let stamp = self.endpoint.tools.stamp(&self.endpoint.app, &self.peer, &identity);
            if std::mem::replace(&mut self.known, stamp) != stamp
                && let Some(news) = self.news()
            {
                return Some(news);
            }
        }
        None
    }

    /// That the tools have changed, if the client wants to know and learns it here.
    fn news(&self) -> Option<Bytes> {
        const CHANGED: &str = "notifications/tools/list_changed";
        match &self.topic {
            Topic::Session(_) if !self.seat.is_newest() => None,
            Topic::Session(_) => {
                let number = *self.rights.borrow();
                Some(event(
                    Some((self.known, self.seat.number << 32 | number)),
                    &notification(CHANGED, None, json!({})),
                ))
            }
            Topic::Subscription { tools: false, .. } => None,
            Topic::Subscription { id, .. } => Some(event(None, &notification(CHANGED, Some(id), json!({})))),
        }
    }

    /// A subscription that the server ends is answered, so that the client knows it for no accident.
    fn last_word(&self) -> Option<Bytes> {
        let Topic::Subscription { id, .. } = &self.topic else { return None };
        let result = json!({ "resultType": "complete", "_meta": { stateless::META_SUBSCRIPTION: id } });
        Some(event(None, &json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()))
    }
}

/// Answers one request with all that is said to it, as it is said.
pub fn of_messages(messages: mpsc::Receiver<Vec<u8>>) -> HttpResponse {
    streamed(stream::unfold(messages, |mut messages| async {
        let message = messages.recv().await?;
        Some((Ok(event(None, &String::from_utf8_lossy(&message))), messages))
    }))
}

fn streamed(events: impl Stream<Item = Result<Bytes, Infallible>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        // Compression and buffering proxies would keep the events to themselves.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events)
}

fn notification(method: &str, subscription: Option<&Value>, mut params: Value) -> String {
    if let Some(id) = subscription {
        params["_meta"] = json!({ stateless::META_SUBSCRIPTION: id });
    }
    match params.as_object().is_some_and(Map::is_empty) {
        true => json!({ "jsonrpc": "2.0", "method": method }).to_string(),
        false => json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string(),
    }
}

/// An event's id tells which list of tools the client knows of once it has it; the rest makes it the only one of its kind.
fn event(id: Option<(u64, u64)>, data: &str) -> Bytes {
    match id {
        Some((stamp, number)) => format!("id: {stamp:016x}-{number:x}\ndata: {data}\n\n").into(),
        None => format!("data: {data}\n\n").into(),
    }
}

fn stamp_of(event_id: &str) -> Option<u64> {
    u64::from_str_radix(event_id.split_once('-')?.0, 16).ok()
}

fn comment() -> Bytes {
    Bytes::from_static(b": alive\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_can_be_resumed_from_by_its_id() {
        let text = String::from_utf8(event(Some((0xabc, 7)), "{}").to_vec()).unwrap();
        assert_eq!(text, "id: 0000000000000abc-7\ndata: {}\n\n");
        assert_eq!(stamp_of("0000000000000abc-7"), Some(0xabc));
        for strange in ["", "abc", "xyz-1", "-"] {
            assert_eq!(stamp_of(strange), None, "{strange}");
        }
    }
}
