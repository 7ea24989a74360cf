//! What is there and asks nothing: MCP sessions that nobody ends, and streams that stay open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use rusqlite::Connection;
use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use super::load::{Request, Server, in_turn, number, session};
use super::mcp::Tool;
use super::{World, more_keys, new_deal, set_up};

/// A key has room for a hundred sessions.
const KEYS: usize = 100;

pub fn measure(folder: &Path) {
    let file = folder.join("idle.db");
    let (api_key, mcp_key) = set_up(&file);
    let keys = more_keys(&file, KEYS);
    let world = World { folder: folder.to_owned(), file, api_key, mcp_key, deal: String::new() };
    let server = world.sally(&world.file, 0);
    let many = number("IDLE", 10_000) as usize;
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    assert!(files > many as u64 + 500, "{many} streams need more open files than {files}: ulimit -Hn, as root");
    let open = || -> Vec<(&String, String)> {
        keys.iter().cycle().take(many).map(|key| (key, session(&server, key))).collect()
    };
    // What the first requests need, whatever they are.
    keys.iter().for_each(|key| drop(session(&server, key)));
    let before = State::of(&server, &world.file);
    println!("\n{many} MCP sessions that nobody ends, of {KEYS} keys");
    open();
    let once = State::of(&server, &world.file);
    once.beyond(&before, many).tell("first");
    let sessions = open();
    let twice = State::of(&server, &world.file);
    twice.beyond(&once, many).tell("as many again, which take their place");

    let deal = Request::post("/api/crm/deals", &world.api_key, new_deal().to_string());
    let deal: Value = serde_json::from_str(&deal.once(&server)).expect("a deal");
    let tool = Tool { name: "crm.deal.get", arguments: json!({ "dealId": deal["id"] }) };
    let request = tool.in_sessions(&world.mcp_key, &[session(&server, &world.mcp_key)]);
    let alone = in_turn([("tool reads while no stream is open", Box::new(|| request.load(&server, 8, folder)))]);
    let before = State::of(&server, &world.file);
    let streams: Vec<TcpStream> = sessions.iter().map(|(key, session)| listen(&server, key, session)).collect();
    State::of(&server, &world.file).beyond(&before, many).tell("an open stream for each");
    let beside = in_turn([("tool reads beside them", Box::new(|| request.load(&server, 8, folder)))]);
    println!(
        "  → goals: a session 1,024 B, a stream 14,336 B, p99 twice what it is without; it is {:.1} ×",
        beside[0].p99_ms / alone[0].p99_ms
    );
    drop(streams);
}

/// Opens a session's stream and waits for its first word.
fn listen(server: &Server, key: &str, session: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    let request = format!(
        "GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept: text/event-stream\r\nAuthorization: Bearer {key}\r\nMcp-Session-Id: {session}\r\n\r\n",
        server.port
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert!(answer.ends_with(b"200"), "a stream opens: {}", String::from_utf8_lossy(&answer));
    stream
}

struct State {
    memory: f64,
    file: f64,
}

impl State {
    fn of(server: &Server, file: &Path) -> State {
        let conn = Connection::open(file).expect("the file");
        let number = |pragma: &str| conn.query_row(pragma, [], |row| row.get::<_, i64>(0)).expect(pragma) as f64;
        let used = number("pragma page_count") - number("pragma freelist_count");
        State { memory: server.rss_mib() * 1_048_576.0, file: used * number("pragma page_size") }
    }

    /// What each of so many has added.
    fn beyond(&self, before: &State, many: usize) -> State {
        let each = |now: f64, then: f64| (now - then) / many as f64;
        State { memory: each(self.memory, before.memory), file: each(self.file, before.file) }
    }

    fn tell(&self, what: &str) {
        println!("  {what:42} {:9.0} B of memory each {:9.0} B in the file", self.memory, self.file);
    }
}
