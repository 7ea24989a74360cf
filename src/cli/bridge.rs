//! `sally mcp`: MCP over standard input and output, for clients that want a process of their own. Each message is carried
//! to a running server, each answer back. What the client need not know of is settled here: a server that restarts,
//! a session that was lost. stdout carries messages of the protocol and nothing else.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body};
use url::Url;

use super::output;
use crate::core::error::{Error, Result};
use crate::core::outward;
use crate::features::keys::KeyKind;
use crate::mcp::http::BRIDGE;
use crate::mcp::protocol::{NO_SESSION, PARSE_ERROR, REFUSED};

/// Longer than what the server takes, so that it is the one to say what is wrong.
const LONGEST_LINE: u64 = 16 << 20;
const LONGEST_ANSWER: u64 = 64 << 20;
/// Requests on their way at once; further ones wait in a line.
const AT_ONCE: usize = 16;
/// As long as the line is, nothing more is read.
const LONGEST_QUEUE: usize = 256;
/// Waits before a server that is not there is tried again: long enough for its restart.
const PATIENCE: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800), Duration::from_millis(1_600)];
/// The longest wait of the stream, which has all the time there is.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(120);
/// After the end of the input: what is on its way may still arrive.
const FAREWELL: Duration = Duration::from_secs(10);

/// Where the server is and who speaks to it.
pub(super) struct Settings {
    endpoint: Url,
    key: String,
    workspace: Option<String>,
}

impl Settings {
    pub(super) fn from_environment() -> Result<Self> {
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let url = given("SALLY_URL").ok_or_else(|| {
            Error::conflict("SALLY_URL is missing; set it to the server's address, e.g. https://sally.example.com")
        })?;
        let key = given("SALLY_USER_API_KEY").ok_or_else(|| {
            Error::conflict(
                "SALLY_USER_API_KEY is missing; make a key under Settings → Keys and set it (atpm_… or sallymcp_…)",
            )
        })?;
        let (key, workspace) = (key.trim().to_owned(), given("SALLY_WORKSPACE_SLUG"));
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if ![KeyKind::Api, KeyKind::Mcp].iter().any(|kind| key.starts_with(kind.prefix())) || !is_plain(&key) {
            return Err(Error::conflict(
                "invalid API token: SALLY_USER_API_KEY must start with atpm_ or sallymcp_; make one under Settings → Keys",
            ));
        }
        if workspace.as_deref().is_some_and(|slug| !is_plain(slug)) {
            return Err(Error::conflict("SALLY_WORKSPACE_SLUG must be the slug of a workspace, e.g. acme"));
        }
        Ok(Settings { endpoint: endpoint(url.trim())?, key, workspace })
    }
}

/// `https://sally.example.com`, with or without `/mcp` and what narrows the connection behind it.
fn endpoint(text: &str) -> Result<Url> {
    let wrong =
        || Error::conflict(format!("SALLY_URL must be an address such as https://sally.example.com, not {text}"));
    let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)?;
    let base = url.path().trim_end_matches('/').trim_end_matches("/mcp").to_owned();
    url.set_path(&format!("{base}/mcp"));
    Ok(url)
}

/// Carries messages until the input ends.
pub(super) fn run(settings: Settings) -> Result<()> {
    let bridge = Arc::new(Bridge::new(settings));
    let mut input = io::stdin().lock();
    loop {
        let line = match read_line(&mut input) {
            Ok(Line::End) => break,
            Ok(Line::Message(line)) => line,
            Ok(Line::TooLong) => {
                bridge.say(&refusal(
                    &Value::Null,
                    PARSE_ERROR,
                    &format!("a message has at most {} MiB", LONGEST_LINE >> 20),
                ));
                continue;
            }
            Err(error) => return Err(Error::conflict(format!("standard input: {error}"))),
        };
        if !line.trim_ascii().is_empty() {
            Arc::clone(&bridge).take(Message::read(line));
        }
    }
    bridge.farewell();
    Ok(())
}

enum Line {
    Message(Vec<u8>),
    TooLong,
    End,
}

fn read_line(input: &mut impl BufRead) -> io::Result<Line> {
    let mut line = Vec::new();
    let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(Line::End);
    }
    if line.last() != Some(&b'\n') && read as u64 == LONGEST_LINE {
        input.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Message(line))
}

/// A line of the client, and what the bridge has to know of it.
struct Message {
    line: Vec<u8>,
    id: Option<Value>,
    method: Option<String>,
    params: Map<String, Value>,
}

impl Message {
    /// What is no message goes to the server too, which says what is wrong with it.
    fn read(line: Vec<u8>) -> Self {
        let Ok(Value::Object(mut message)) = serde_json::from_slice::<Value>(&line) else {
            return Message { line, id: None, method: None, params: Map::new() };
        };
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let params = match message.remove("params") {
            Some(Value::Object(params)) => params,
            _ => Map::new(),
        };
        Message { line, id: message.remove("id"), method, params }
    }

    fn is(&self, method: &str) -> bool {
        self.method.as_deref() == Some(method)
    }

    /// The revision of a request that says all about itself.
    fn stateless_revision(&self) -> Option<&str> {
        self.params.get("_meta")?.get("io.modelcontextprotocol/protocolVersion")?.as_str()
    }

    fn opens_session(&self) -> bool {
        self.is("initialize") && self.id.is_some() && self.stateless_revision().is_none()
    }

    /// What `Mcp-Name` repeats.
    fn name(&self) -> Option<&str> {
        self.params.get("name").or(self.params.get("uri")).and_then(Value::as_str)
    }
}

/// The session as the server knows it, and how to open it again.
#[derive(Clone)]
struct Session {
    id: String,
    revision: String,
    hello: Vec<u8>,
}

struct Bridge {
    agent: Agent,
    settings: Settings,
    session: Mutex<Option<Session>>,
    /// Requests whose answers are awaited, and whether the client still wants them.
    waiting: Mutex<HashMap<String, bool>>,
    traffic: Mutex<Traffic>,
    /// The traffic is less than it was.
    arrived: Condvar,
    is_listening: Mutex<bool>,
    /// What stderr was told last: the same trouble is told once.
    told: Mutex<String>,
}

/// Requests that go their ways side by side.
#[derive(Default)]
struct Traffic {
    queue: VecDeque<Message>,
    /// Threads that carry them, each one at a time.
    carriers: usize,
}

/// Why there is no answer.
struct Trouble {
    text: String,
    /// The server has not seen the request, so it may be sent again.
    is_unsent: bool,
}

enum Reply {
    /// Nothing to say, as for a notification.
    Silence,
    Message(Vec<u8>),
    Stream(Body),
    SessionLost,
}

impl Bridge {
    fn new(settings: Settings) -> Self {
        let agent = outward::agent()
            .user_agent(format!("{BRIDGE}{}", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            // Below the time after which the server closes a connection that nobody uses.
            .max_idle_age(Duration::from_secs(3))
            .build()
            .into();
        Bridge {
            agent,
            settings,
            session: Mutex::default(),
            waiting: Mutex::default(),
            traffic: Mutex::default(),
            arrived: Condvar::new(),
            is_listening: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Notifications and `initialize` keep their order; requests go their ways side by side. None of them is waited for:
    /// the next message may cancel it.
    fn take(self: Arc<Self>, message: Message) {
        if message.is("notifications/cancelled")
            && let Some(id) = message.params.get("requestId")
            && let Some(wanted) = locked(&self.waiting).get_mut(&id.to_string())
        {
            *wanted = false;
        }
        if let Some(id) = &message.id {
            locked(&self.waiting).insert(id.to_string(), true);
        }
        if message.id.is_none() || message.method.is_none() || message.opens_session() {
            self.carry(&message);
            if message.opens_session() {
                self.listen();
            }
            return;
        }
        if message.is("subscriptions/listen") {
            std::thread::spawn(move || self.carry(&message));
            return;
        }
        let traffic = locked(&self.traffic);
        let traffic = self.arrived.wait_while(traffic, |traffic| traffic.queue.len() >= LONGEST_QUEUE);
        let mut traffic = traffic.unwrap_or_else(PoisonError::into_inner);
        traffic.queue.push_back(message);
        if traffic.carriers < AT_ONCE {
            traffic.carriers += 1;
            drop(traffic);
            std::thread::spawn(move || self.carry_on());
        }
    }

    /// Carries what stands in the line until nothing does.
    fn carry_on(&self) {
        loop {
            let mut traffic = locked(&self.traffic);
            let next = traffic.queue.pop_front();
            traffic.carriers -= usize::from(next.is_none());
            drop(traffic);
            self.arrived.notify_all();
            match next {
                Some(message) => self.carry(&message),
                None => return,
            }
        }
    }

    fn carry(&self, message: &Message) {
        let id = message.id.as_ref().map(Value::to_string);
        let is_wanted = || id.as_ref().is_none_or(|id| locked(&self.waiting).get(id).copied().unwrap_or(true));
        match if is_wanted() { self.exchange(message) } else { Ok(Reply::Silence) } {
            Ok(Reply::Silence | Reply::SessionLost) => {}
            Ok(Reply::Message(answer)) if is_wanted() => self.say(&answer),
            Ok(Reply::Message(_)) => {}
            Ok(Reply::Stream(body)) => {
                let is_answered = self.pass_on(body, &mut None, is_wanted);
                if let Some(id) = message.id.as_ref().filter(|_| !is_answered && is_wanted()) {
                    self.say(&refusal(id, REFUSED, "connection lost: the stream ended before its answer"));
                }
            }
            Err(trouble) => {
                self.complain(&trouble.text);
                if let Some(id) = message.id.as_ref().filter(|_| message.method.is_some() && is_wanted()) {
                    self.say(&refusal(id, REFUSED, &trouble.text));
                }
            }
        }
        if let Some(id) = &id {
            locked(&self.waiting).remove(id);
        }
    }

    /// Sends a message and gets its answer; a lost session is opened anew in between.
    fn exchange(&self, message: &Message) -> Result<Reply, Trouble> {
        if message.opens_session() {
            let (session, answer) = self.open(message.line.clone(), message.id.as_ref())?;
            if session.is_some() {
                *locked(&self.session) = session;
            }
            return Ok(Reply::Message(answer));
        }
        if let Some(revision) = message.stateless_revision() {
            let request = self.request("POST").header("Accept", BOTH).header("MCP-Protocol-Version", revision);
            let request = request.header("Mcp-Method", in_header(message.method.as_deref().unwrap_or_default()));
            let request = match message.name() {
                Some(name) => request.header("Mcp-Name", in_header(name)),
                None => request,
            };
            return self.send(request, &message.line).and_then(|response| self.read(response, message.id.as_ref()));
        }
        let Some(session) = self.session() else {
            // Before `initialize` the server answers plain callers only.
            let request = self.request("POST").header("Accept", "*/*");
            return self.send(request, &message.line).and_then(|response| self.read(response, message.id.as_ref()));
        };
        match self.in_session(&session, message)? {
            Reply::SessionLost => {
                let session = self.reopen(&session)?;
                match self.in_session(&session, message)? {
                    Reply::SessionLost => Err(Trouble::sent("MCP session not found, and neither is the new one")),
                    reply => Ok(reply),
                }
            }
            reply => Ok(reply),
        }
    }

    fn in_session(&self, session: &Session, message: &Message) -> Result<Reply, Trouble> {
        let response = self.send(self.within("POST", session).header("Accept", BOTH), &message.line)?;
        self.read(response, message.id.as_ref())
    }

    /// Says hello: the session, if the server opened one, and its answer.
    fn open(&self, hello: Vec<u8>, id: Option<&Value>) -> Result<(Option<Session>, Vec<u8>), Trouble> {
        let response = self.send(self.request("POST").header("Accept", BOTH), &hello)?;
        let session = response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let Reply::Message(answer) = self.read(response, id)? else {
            return Err(Trouble::sent("the server did not answer to initialize; is SALLY_URL the address of Sally?"));
        };
        let answered: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let revision = answered["result"]["protocolVersion"].as_str();
        let session = session.zip(revision).map(|(id, revision)| Session { id, revision: revision.to_owned(), hello });
        Ok((session, answer))
    }

    /// The session that takes the place of a lost one, whoever opened it.
    fn reopen(&self, lost: &Session) -> Result<Session, Trouble> {
        let mut current = locked(&self.session);
        if let Some(session) = current.as_ref().filter(|session| session.id != lost.id) {
            return Ok(session.clone());
        }
        let (session, _) = self.open(lost.hello.clone(), None)?;
        let session = session.ok_or_else(|| Trouble::sent("MCP session not found, and the server opens no other"))?;
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
        self.send(self.within("POST", &session).header("Accept", BOTH), initialized.as_bytes())?;
        *current = Some(session.clone());
        Ok(session)
    }

    fn session(&self) -> Option<Session> {
        locked(&self.session).clone()
    }

    fn request(&self, method: &str) -> ureq::http::request::Builder {
        let request = Request::builder().method(method).uri(self.settings.endpoint.as_str());
        let request = request.header("Authorization", format!("Bearer {}", self.settings.key));
        match &self.settings.workspace {
            Some(slug) => request.header("X-Workspace-Slug", slug),
            None => request,
        }
    }

    fn within(&self, method: &str, session: &Session) -> ureq::http::request::Builder {
        self.request(method).header("Mcp-Session-Id", &session.id).header("MCP-Protocol-Version", &session.revision)
    }

    /// Sends a body; again and again while nobody is there to take it, for as long as a restart may last.
    fn send(&self, request: ureq::http::request::Builder, body: &[u8]) -> Result<Response<Body>, Trouble> {
        let unfit =
            |error: ureq::http::Error| Trouble::sent(format!("the message does not fit into a request: {error}"));
        let request = request.header("Content-Type", "application/json").body(body).map_err(unfit)?;
        let mut patience = PATIENCE.iter();
        loop {
            let request = self.agent.configure_request(request.clone()).timeout_recv_response(Some(ANSWER)).build();
            let trouble = match self.agent.run(request) {
                Ok(response) => {
                    self.is_well(&response);
                    return Ok(response);
                }
                Err(error) => Trouble::of(&error, &self.settings.endpoint),
            };
            match patience.next() {
                Some(wait) if trouble.is_unsent => {
                    self.complain(&trouble.text);
                    std::thread::sleep(*wait);
                }
                _ => return Err(trouble),
            }
        }
    }

    /// What an answer means for the client, whatever its status.
    fn read(&self, mut response: Response<Body>, id: Option<&Value>) -> Result<Reply, Trouble> {
        let status = response.status().as_u16();
        if status == 202 {
            return Ok(Reply::Silence);
        }
        if kind(response.headers()).starts_with("text/event-stream") {
            return Ok(Reply::Stream(response.into_body()));
        }
        let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
        let body = body.map_err(|error| Trouble::of(&error, &self.settings.endpoint))?;
        if status == 200 {
            if let Some(why) = missing_right(&body) {
                self.complain(&in_words(403, &why));
            }
            return Ok(Reply::Message(body));
        }
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else {
            let text = format!("status {status} and no answer of Sally at {}; check SALLY_URL", self.settings.endpoint);
            return Err(Trouble::sent(text));
        };
        if answer["jsonrpc"].is_null() {
            return Err(Trouble::sent(in_words(status, answer["detail"].as_str().unwrap_or_default())));
        }
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        if status == 404 && answer["error"]["code"] == NO_SESSION {
            return Ok(Reply::SessionLost);
        }
        if status == 403 {
            self.complain(&in_words(status, message));
        }
        if let Some(id) = id.filter(|_| answer["id"].is_null()) {
            answer["id"] = id.clone();
        }
        Ok(Reply::Message(answer.to_string().into_bytes()))
    }

    /// Hands on the messages of a stream for as long as somebody wants them, and remembers where it got to. Was an
    /// answer among them?
    fn pass_on(&self, body: Body, last_event: &mut Option<String>, is_wanted: impl Fn() -> bool) -> bool {
        let (mut data, mut is_answered) = (String::new(), false);
        let mut lines = BufReader::new(body.into_reader());
        loop {
            let mut line = String::new();
            match lines.by_ref().take(LONGEST_ANSWER).read_line(&mut line) {
                Ok(1..) if is_wanted() => {}
                _ => return is_answered,
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if let Some(id) = line.strip_prefix("id:") {
                *last_event = Some(id.trim_start().to_owned());
            } else if let Some(text) = line.strip_prefix("data:") {
                data.push_str(text.strip_prefix(' ').unwrap_or(text));
            } else if line.is_empty() && !data.is_empty() {
                self.say(data.as_bytes());
                is_answered |= serde_json::from_str(&data).is_ok_and(|message: Value| message["method"].is_null());
                data.clear();
            }
        }
    }

    /// Listens to what the server says by itself, in whatever session there is; begun once.
    fn listen(self: Arc<Self>) {
        if self.session().is_none() || std::mem::replace(&mut *locked(&self.is_listening), true) {
            return;
        }
        std::thread::spawn(move || {
            let (mut last_event, mut wait) = (None, PATIENCE[0]);
            while let Some(session) = self.session() {
                let begun = Instant::now();
                if self.hear(&session, &mut last_event).is_none() {
                    return;
                }
                // A stream that ended at once will do so again.
                wait = if begun.elapsed() > LONGEST_WAIT { PATIENCE[0] } else { (wait * 2).min(LONGEST_WAIT) };
                std::thread::sleep(wait);
            }
        });
    }

    /// One stream from beginning to end; `None` if the server has none to offer.
    fn hear(&self, session: &Session, last_event: &mut Option<String>) -> Option<()> {
        let mut request = self.within("GET", session).header("Accept", "text/event-stream");
        if let Some(id) = &*last_event {
            request = request.header("Last-Event-ID", id);
        }
        let request = request.body(()).ok()?;
        let Ok(response) = self.agent.run(request) else { return Some(()) };
        // What a proxy says while the server behind it restarts.
        let is_passing = response.status().is_server_error();
        match self.read(response, None) {
            Ok(Reply::Stream(body)) => {
                let _ = self.pass_on(body, last_event, || true);
            }
            Ok(Reply::SessionLost) => {
                let _ = self.reopen(session);
            }
            Ok(_) | Err(_) if is_passing => {}
            Ok(_) | Err(_) => return None,
        }
        Some(())
    }

    /// One message on stdout. If nobody reads it, nobody is left to serve.
    fn say(&self, message: &[u8]) {
        let mut stdout = io::stdout().lock();
        let spoken = stdout.write_all(message.trim_ascii()).and_then(|()| stdout.write_all(b"\n"));
        if spoken.and_then(|()| stdout.flush()).is_err() {
            std::process::exit(0);
        }
    }

    fn complain(&self, text: &str) {
        let mut told = locked(&self.told);
        if *told != text {
            output::complain(&format!("sally mcp: {text}"));
            *told = text.to_owned();
        }
    }

    fn is_well(&self, response: &Response<Body>) {
        let mut told = locked(&self.told);
        if response.status().is_success() && !told.is_empty() {
            output::complain(&format!("sally mcp: {} answers again", self.settings.endpoint));
            told.clear();
        }
    }

    /// Waits for what is on its way, and ends the session.
    fn farewell(&self) {
        let traffic = locked(&self.traffic);
        let _ = self.arrived.wait_timeout_while(traffic, FAREWELL, |traffic| traffic.carriers > 0);
        let Some(session) = self.session() else { return };
        if let Ok(request) = self.within("DELETE", &session).body(()) {
            let request = self.agent.configure_request(request).timeout_global(Some(Duration::from_secs(2))).build();
            let _ = self.agent.run(request);
        }
    }
}

const BOTH: &str = "application/json, text/event-stream";

impl Trouble {
    fn sent(text: impl Into<String>) -> Self {
        Trouble { text: text.into(), is_unsent: false }
    }

    fn of(error: &ureq::Error, endpoint: &Url) -> Self {
        let unsent = |text: String| Trouble { text, is_unsent: true };
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => unsent(format!(
                "connection refused: nothing answers at {endpoint}; start the server with “sally serve”, or correct SALLY_URL"
            )),
            ureq::Error::ConnectionFailed => {
                unsent(format!("connection failed: {endpoint} cannot be reached; check SALLY_URL"))
            }
            ureq::Error::HostNotFound => {
                Trouble::sent(format!("host not found: there is no {endpoint}; check SALLY_URL"))
            }
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => Trouble::sent(format!(
                "timeout: {endpoint} does not answer; SALLY_URL must be the running server's address and port"
            )),
            ureq::Error::Timeout(_) => Trouble::sent(format!("timeout: {endpoint} took too long to answer")),
            other => Trouble::sent(format!("connection lost: {endpoint}: {other}")),
        }
    }
}

/// What the key lacks, if that is all that an answer says.
fn missing_right(answer: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        error: Option<RpcError>,
    }
    #[derive(Deserialize)]
    struct RpcError {
        message: String,
        data: Option<Map<String, Value>>,
    }
    let error = serde_json::from_slice::<Answer>(answer).ok()?.error?;
    error.data?.contains_key("permission").then_some(error.message)
}

/// A refusal in words that people look up.
fn in_words(status: u16, detail: &str) -> String {
    match status {
        401 => format!("unauthorized (401): invalid API token: {detail} It is read from SALLY_USER_API_KEY."),
        403 => format!("forbidden (403): {detail}"),
        _ => format!("the server answers {status}: {detail}"),
    }
}

fn refusal(id: &Value, code: i32, message: &str) -> Vec<u8> {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string().into_bytes()
}

fn kind(headers: &HeaderMap) -> &str {
    headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// What is not plain text travels in base64, and so does what looks like it.
fn in_header(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.trim() == text;
    match is_plain && !text.starts_with("=?base64?") {
        true => text.to_owned(),
        false => format!("=?base64?{}?=", BASE64_STANDARD.encode(text)),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_may_be_given_with_or_without_its_end() {
        for (given, used) in [
            ("https://sally.example.com", "https://sally.example.com/mcp"),
            ("https://sally.example.com/", "https://sally.example.com/mcp"),
            ("http://127.0.0.1:4000/mcp", "http://127.0.0.1:4000/mcp"),
            ("https://example.com/sally/mcp/?toolsets=crm", "https://example.com/sally/mcp?toolsets=crm"),
        ] {
            assert_eq!(endpoint(given).unwrap().as_str(), used);
        }
        for wrong in ["sally.example.com", "ftp://sally.example.com", "https://"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_never_ends_is_given_up() {
        let mut long = vec![b'x'; LONGEST_LINE as usize + 5];
        long.extend_from_slice(b"\n{}\n");
        let mut input = io::Cursor::new(long);
        assert!(matches!(read_line(&mut input).unwrap(), Line::TooLong));
        assert!(matches!(read_line(&mut input).unwrap(), Line::Message(line) if line == b"{}\n"));
        assert!(matches!(read_line(&mut input).unwrap(), Line::End));
    }

    #[test]
    fn names_that_no_header_takes_are_encoded() {
        assert_eq!(in_header("crm.deal.get"), "crm.deal.get");
        assert_eq!(in_header("é"), "=?base64?w6k=?=");
        assert_eq!(in_header("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=");
    }
}
