//! Open streams: what the server says by itself: that the lists of tools or prompts have changed, or a resource that is watched.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Interval, interval_at};

use crate::core::caller::{AccessKey, Identity};
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::news::Work;
use crate::core::secret::TokenHash;
use crate::http::events::streamed;

use super::http::Endpoint;
use super::prompts;
use super::protocol::{self, Peer, RpcError};
use super::sessions::Session;
use super::stateless;
use super::subscriptions::{self, Subscribed, Watched};

/// An open stream says this often that it is alive; a peer that has gone is noticed by it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often somebody who asked for it hears that their request is still running.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);
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
}

/// The two lists that can change, or what stands for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lists<T = u64> {
    pub tools: T,
    pub prompts: T,
}

impl Lists {
    /// As they are for this peer now.
    fn now(endpoint: &Endpoint, peer: &Peer, identity: &Identity) -> Self {
        Lists {
            tools: endpoint.tools.stamp(&endpoint.app, peer, identity),
            prompts: prompts::stamp_of(&endpoint.app, &endpoint.tools, peer, identity),
        }
    }
}

#[derive(Default)]
struct Open {
    by_owner: HashMap<Owner, Vec<Line>>,
    last_number: u64,
    is_stopping: bool,
}

/// Who holds streams open: a session, by the hash of its id, or without one a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Session(TokenHash),
    Key(Id<AccessKey>),
}

struct Line {
    number: u64,
    /// Resources that it watches without a session.
    watched: usize,
    /// Whoever holds the other end learns of the stream's end by its closing.
    _end: oneshot::Sender<()>,
}

/// A stream's place among the open ones, given up when it is dropped.
struct Seat {
    streams: Arc<Streams>,
    owner: Owner,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Streams {
    fn open(self: &Arc<Self>, owner: Owner, most: usize, watched: usize) -> Seat {
        let (end, ended) = oneshot::channel();
        let mut open = self.locked();
        open.last_number += 1;
        let number = open.last_number;
        if !open.is_stopping {
            let lines = open.by_owner.entry(owner).or_default();
            if lines.len() >= most {
                lines.remove(0);
            }
            lines.push(Line { number, watched, _end: end });
        }
        Seat { streams: self.clone(), owner, number, ended }
    }

    /// Resources that a key watches without sessions.
    fn watched_by(&self, key: &Owner) -> usize {
        self.locked().by_owner.get(key).map_or(0, |lines| lines.iter().map(|line| line.watched).sum())
    }

    /// Ends the streams of a session.
    pub fn close(&self, session: &TokenHash) {
        self.locked().by_owner.remove(&Owner::Session(*session));
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.locked().by_owner.values().map(Vec::len).sum()
    }

    /// Ends all of them, for good: the server stops.
    pub fn close_all(&self) {
        let mut open = self.locked();
        open.is_stopping = true;
        open.by_owner.clear();
    }

    fn locked(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Why a stream has something to do.
enum Wake {
    End,
    Rights,
    Work,
    Clock,
}

/// What a stream is for.
enum Topic {
    /// Everything the server has to say to a session.
    Session(Arc<Session>),
    /// What a request without a session asked to hear of.
    Subscription { id: Value, tools: bool, prompts: bool, resources: Subscribed },
}

impl Topic {
    fn subscribed(&self) -> &Subscribed {
        match self {
            Topic::Session(session) => &session.subscribed,
            Topic::Subscription { resources, .. } => resources,
        }
    }
}

/// One stream from its first word to its last.
struct Speech {
    endpoint: Arc<Endpoint>,
    peer: Peer,
    topic: Topic,
    seat: Seat,
    clock: Interval,
    rights: watch::Receiver<u64>,
    work: watch::Receiver<Work>,
    /// The lists that the client knows of, as far as we know.
    known: Lists,
    /// Was the list of prompts compared yet?
    has_looked: bool,
    /// How far the journal is read for the resources; `None` before the first look.
    read_until: Option<i64>,
    /// Events so far.
    said: u64,
    /// Said before anything else.
    waiting: VecDeque<Bytes>,
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
    let current = Lists::now(&endpoint, &peer, peer.identity(&endpoint.app)?);
    let listed = session.listed();
    let resumed = last_event.and_then(EventId::parse);
    let known = match resumed {
        Some(resumed) => resumed.known,
        None => {
            Lists { tools: listed.tools.unwrap_or(current.tools), prompts: listed.prompts.unwrap_or(current.prompts) }
        }
    };
    if let Some(resumed) = resumed {
        session.subscribed.lost_after(resumed.number);
    }
    let seat = endpoint.streams.open(Owner::Session(session.hash), OF_A_SESSION, 0);
    let first = match session.revision == PRIMED {
        true => event(Some(EventId { known, number: seat.number << 32 }), ""),
        false => comment(),
    };
    Ok(Speech::new(endpoint, peer, Topic::Session(session), seat, known, first).into_response())
}

/// Answers `subscriptions/listen`: with a stream of what it asks for, of which the first message says what we offer.
pub async fn of_subscription(
    endpoint: Arc<Endpoint>,
    peer: Peer,
    id: Value,
    params: &Map<String, Value>,
) -> Result<HttpResponse, protocol::Failure> {
    let wrong = |what: &str| RpcError::with_status(400, protocol::INVALID_PARAMS, format!("Invalid params: {what}"));
    let wanted = params.get("notifications").and_then(Value::as_object);
    let wanted = wanted.ok_or_else(|| wrong("notifications must be an object"))?;
    let flag = |name: &str| match wanted.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(&format!("{name} must be true or false"))),
    };
    let (tools, prompts) = (flag("toolsListChanged")?, flag("promptsListChanged")?);
    let uris: Vec<&str> = match wanted.get("resourceSubscriptions") {
        None => Vec::new(),
        Some(Value::Array(uris)) => uris
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or_else(|| wrong("resourceSubscriptions must be a list of addresses"))?,
        Some(_) => return Err(wrong("resourceSubscriptions must be a list of addresses").into()),
    };
    // Each of them is read, whether it can be watched or not.
    if uris.len() > subscriptions::MOST {
        return Err(wrong(&format!("resourceSubscriptions may have {} addresses", subscriptions::MOST)).into());
    }
    let key = Owner::Key(peer.key(&endpoint.app)?);
    if uris.len() + endpoint.streams.watched_by(&key) > subscriptions::MOST_OF_A_KEY {
        let most = format!("at most {} resources can be watched with one key", subscriptions::MOST_OF_A_KEY);
        return Err(wrong(&format!("resourceSubscriptions: {most}")).into());
    }
    let known = Lists::now(&endpoint, &peer, peer.identity(&endpoint.app)?);
    let resources = Subscribed::default();
    for uri in &uris {
        // What may not be seen is left out of what we say to offer.
        match Watched::now(&endpoint.app, &peer, uri).await {
            Ok(watched) => resources.add(uri, watched, 0)?,
            Err(protocol::Failure::Rpc(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    let mut offered = json!({});
    if tools {
        offered["toolsListChanged"] = true.into();
    }
    if prompts {
        offered["promptsListChanged"] = true.into();
    }
    let uris: Vec<String> = resources.all().into_iter().map(|(uri, _)| uri).collect();
    let watched = uris.len();
    if watched > 0 {
        offered["resourceSubscriptions"] = uris.into();
    }
    let acknowledged =
        notification("notifications/subscriptions/acknowledged", Some(&id), json!({ "notifications": offered }));
    let seat = endpoint.streams.open(key, OF_A_KEY, watched);
    let topic = Topic::Subscription { id, tools, prompts, resources };
    Ok(Speech::new(endpoint, peer, topic, seat, known, event(None, &acknowledged)).into_response())
}

impl Speech {
    fn new(endpoint: Arc<Endpoint>, peer: Peer, topic: Topic, seat: Seat, known: Lists, first: Bytes) -> Self {
        let (mut rights, mut work) = (endpoint.app.news.rights.subscribe(), endpoint.app.news.work.subscribe());
        // What is known may be old news already.
        rights.mark_changed();
        work.mark_changed();
        let clock = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        let waiting = VecDeque::from([first]);
        let (has_looked, read_until, said, is_over) = (false, None, 0, false);
        Speech {
            endpoint,
            peer,
            topic,
            seat,
            clock,
            rights,
            work,
            known,
            has_looked,
            read_until,
            said,
            waiting,
            is_over,
        }
    }

    fn into_response(self) -> HttpResponse {
        let events = stream::unfold(self, |mut speech| async {
            let said = speech.next().await?;
            Some((Ok(said), speech))
        });
        streamed(events)
    }

    async fn next(&mut self) -> Option<Bytes> {
        while !self.is_over {
            if let Some(said) = self.waiting.pop_front() {
                return Some(said);
            }
            match self.wake().await {
                Wake::End => {
                    self.is_over = true;
                    return self.last_word();
                }
                Wake::Clock => {
                    self.endpoint.app.identity(&self.peer.call).ok()?;
                    if let Topic::Session(session) = &self.topic {
                        self.endpoint.sessions.keep(session);
                    }
                    return Some(comment());
                }
                Wake::Rights => {
                    let identity = self.endpoint.app.identity(&self.peer.call).ok()?;
                    self.tell_of_lists(&identity);
                    // What can be seen may be another.
                    self.read_until = None;
                    self.tell_of_resources().await;
                }
                Wake::Work => {
                    self.endpoint.app.identity(&self.peer.call).ok()?;
                    self.tell_of_resources().await;
                }
            }
        }
        None
    }

    async fn wake(&mut self) -> Wake {
        let newly = self.topic.subscribed().changed.notified();
        let is_watching = !self.topic.subscribed().is_empty();
        tokio::select! {
            biased;
            _ = &mut self.seat.ended => Wake::End,
            _ = self.rights.changed() => Wake::Rights,
            () = newly => {
                self.read_until = None;
                Wake::Work
            }
            _ = self.work.changed(), if is_watching => Wake::Work,
            _ = self.clock.tick() => Wake::Clock,
        }
    }

    /// That tools or prompts have changed, if the client wants to know and learns it here.
    fn tell_of_lists(&mut self, identity: &Identity) {
        let tools = self.endpoint.tools.stamp(&self.endpoint.app, &self.peer, identity);
        // Which prompts there are follows from the tools.
        if tools == self.known.tools && self.has_looked {
            return;
        }
        self.has_looked = true;
        let prompts = prompts::stamp_of(&self.endpoint.app, &self.endpoint.tools, &self.peer, identity);
        let (wants_tools, wants_prompts) = match &self.topic {
            Topic::Session(_) => (true, true),
            Topic::Subscription { tools, prompts, .. } => (*tools, *prompts),
        };
        if std::mem::replace(&mut self.known.tools, tools) != tools && wants_tools {
            self.tell("notifications/tools/list_changed", json!({}));
        }
        if std::mem::replace(&mut self.known.prompts, prompts) != prompts && wants_prompts {
            self.tell("notifications/prompts/list_changed", json!({}));
        }
    }

    /// Which of the resources that are watched say something else by now.
    async fn tell_of_resources(&mut self) {
        let watched = self.topic.subscribed().all();
        if watched.is_empty() || matches!(self.topic, Topic::Session(_)) && !self.seat.is_newest() {
            return;
        }
        let work = self.work.borrow_and_update().clone();
        let is_gapless = self.read_until == Some(work.since);
        self.read_until = Some(work.until);
        for (uri, watched) in watched {
            // Others have their turn between two of them.
            tokio::task::yield_now().await;
            let is_elsewhere = match (&work.workspaces, watched.workspace) {
                (Some(workspaces), Some(workspace)) => is_gapless && !workspaces.contains(&workspace),
                _ => false,
            };
            if is_elsewhere {
                continue;
            }
            // On the heap for as long as it takes: its size would be every open stream's, all the time.
            let now = Box::pin(subscriptions::digest_now(&self.endpoint.app, &self.peer, &uri)).await;
            if let Some(digest) = now.filter(|digest| *digest != watched.digest) {
                self.tell("notifications/resources/updated", json!({ "uri": uri }));
                self.topic.subscribed().has_told(&uri, digest, self.number());
            }
        }
    }

    fn tell(&mut self, method: &str, params: Value) {
        let said = match &self.topic {
            Topic::Session(_) if !self.seat.is_newest() => return,
            Topic::Session(_) => {
                self.said += 1;
                let id = EventId { known: self.known, number: self.number() };
                event(Some(id), &notification(method, None, params))
            }
            Topic::Subscription { id, .. } => event(None, &notification(method, Some(id), params)),
        };
        self.waiting.push_back(said);
    }

    /// Of the event said last; later streams have higher ones.
    fn number(&self) -> u64 {
        self.seat.number << 32 | self.said
    }

    /// A subscription that the server ends is answered, so that the client knows it for no accident.
    fn last_word(&self) -> Option<Bytes> {
        let Topic::Subscription { id, .. } = &self.topic else { return None };
        let result = json!({ "resultType": "complete", "_meta": { stateless::META_SUBSCRIPTION: id } });
        Some(event(None, &json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()))
    }
}

/// Answers a request that is still running: with how long it has been, again and again, and with its response at last.
/// Nothing that Sally does knows how much of it is left, so there is no total.
pub fn of_long_work(response: Pin<Box<dyn Future<Output = Option<Vec<u8>>>>>, token: Value) -> HttpResponse {
    let clock = tokio::time::interval(PROGRESS_EVERY);
    streamed(stream::unfold(Some((response, clock, token, 0)), |running| async {
        let (mut response, mut clock, token, seconds) = running?;
        tokio::select! {
            biased;
            response = &mut response => Some((Ok(event(None, &String::from_utf8_lossy(&response?))), None)),
            _ = clock.tick() => {
                let seconds = seconds + PROGRESS_EVERY.as_secs();
                let params = json!({
                    "progressToken": token, "progress": seconds, "message": format!("Running for {seconds} s"),
                });
                let told = event(None, &notification("notifications/progress", None, params));
                Some((Ok(told), Some((response, clock, token, seconds))))
            }
        }
    }))
}

/// Answers one request with all that is said to it, as it is said.
pub fn of_messages(messages: mpsc::Receiver<Vec<u8>>) -> HttpResponse {
    streamed(stream::unfold(messages, |mut messages| async {
        let message = messages.recv().await?;
        Some((Ok(event(None, &String::from_utf8_lossy(&message))), messages))
    }))
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

/// An event's id tells which lists the client knows of once it has it, and where in the session's events it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EventId {
    known: Lists,
    number: u64,
}

impl EventId {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16));
        let (Some(Ok(tools)), Some(Ok(prompts)), Some(Ok(number)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        Some(EventId { known: Lists { tools, prompts }, number })
    }
}

fn event(id: Option<EventId>, data: &str) -> Bytes {
    match id {
        Some(EventId { known, number }) => {
            format!("id: {:016x}-{:016x}-{number:x}\ndata: {data}\n\n", known.tools, known.prompts).into()
        }
        None => format!("data: {data}\n\n").into(),
    }
}

fn comment() -> Bytes {
    Bytes::from_static(b": alive\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_can_be_resumed_from_by_its_id() {
        let id = EventId { known: Lists { tools: 0xabc, prompts: 0xdef }, number: 7 };
        let text = String::from_utf8(event(Some(id), "{}").to_vec()).unwrap();
        assert_eq!(text, "id: 0000000000000abc-0000000000000def-7\ndata: {}\n\n");
        assert_eq!(EventId::parse("0000000000000abc-0000000000000def-7"), Some(id));
        for strange in ["", "abc", "abc-7", "xyz-1-1", "--", "1-2-3-4"] {
            assert_eq!(EventId::parse(strange), None, "{strange}");
        }
    }
}
