//! Streams: what the server says by itself, to whom, and until when.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, mcp_key};
use crate::stateless::Stateless;
use crate::support::World;
use crate::support::server::Server;

/// The other end of a stream.
pub struct Listener {
    pub head: String,
    lines: BufReader<TcpStream>,
}

/// One event, as far as it says something.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub data: String,
}

impl Event {
    pub fn message(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Listener {
    pub fn get(server: &Server, client: &Client<'_>) -> Listener {
        Listener::open(server, client, "GET", "Accept: text/event-stream\r\n\r\n")
    }

    pub fn resume(server: &Server, client: &Client<'_>, last_event: &str) -> Listener {
        let end = format!("Accept: text/event-stream\r\nLast-Event-ID: {last_event}\r\n\r\n");
        Listener::open(server, client, "GET", &end)
    }

    pub fn subscribe(server: &Server, stateless: &Stateless<'_>, id: &str, notifications: Value) -> Listener {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": "subscriptions/listen", "params": {
            "_meta": stateless.meta, "notifications": notifications } });
        Listener::post(server, &stateless.client.again().with("Mcp-Method", "subscriptions/listen"), &message)
    }

    /// A request whose answer may be a stream.
    pub fn post(server: &Server, client: &Client<'_>, message: &Value) -> Listener {
        let message = message.to_string();
        let end = format!(
            "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{message}",
            message.len()
        );
        Listener::open(server, client, "POST", &end)
    }

    fn open(server: &Server, client: &Client<'_>, method: &str, end: &str) -> Listener {
        let mut socket = TcpStream::connect(server.address).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a connection");
        let mut head = format!("{method} /mcp HTTP/1.1\r\nHost: {}\r\n", server.address);
        head += &format!("Authorization: Bearer {}\r\nAccept-Encoding: gzip, br\r\n", client.key);
        for (name, value) in client.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("accept")) {
            head += &format!("{name}: {value}\r\n");
        }
        socket.write_all((head + end).as_bytes()).expect("a connection");
        let mut lines = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).expect("a connection") > 0 {}
        Listener { head: head.to_ascii_lowercase(), lines }
    }

    /// The next event; `None` once the stream is closed in order.
    pub fn next(&mut self) -> Option<Event> {
        let (mut id, mut data) = (None, None);
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).expect("something within the time");
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.to_owned());
            } else if let Some(text) = line.strip_prefix("data:") {
                data = Some(text.trim_start().to_owned());
            } else if line.is_empty() && data.is_some() {
                return data.map(|data| Event { id, data });
            } else if line == "0" {
                return None;
            }
        }
    }

    /// Says nothing for a while.
    pub fn is_silent(&mut self) {
        self.lines.get_ref().set_read_timeout(Some(Duration::from_millis(1_200))).expect("a connection");
        let mut byte = [b'\n'];
        // The end of the chunk before may still be there.
        while byte[0].is_ascii_whitespace() && self.lines.read(&mut byte).is_ok_and(|read| read > 0) {}
        assert!(byte[0].is_ascii_whitespace(), "it says {}…", byte[0] as char);
        self.lines.get_ref().set_read_timeout(Some(Duration::from_secs(20))).expect("a connection");
    }
}

const CHANGED: &str = "notifications/tools/list_changed";

/// Puts Ben into a second workspace, so that his tools ask which is meant. Answers the membership.
pub async fn join_bolt(world: &World) -> Value {
    let input = json!({ "workspaceId": "bolt", "accountId": "ben@example.com", "role": "VIEWER" });
    world.person("eve").await.ask("workspace.member.add", input).await.expect("Eve may")["id"].take()
}

#[tokio::test]
async fn a_stream_opens_at_once_and_ends_with_its_session_or_the_server() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    assert_eq!(client.again().without("Mcp-Session-Id").send("GET", "").status, 400);
    assert_eq!(client.again().with("Mcp-Session-Id", "x").send("GET", "").status, 404);
    assert_eq!(client.again().with("Accept", "application/json").send("GET", "").status, 406);

    let mut stream = Listener::get(&server, &client);
    let head = &stream.head;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("x-accel-buffering: no"), "{head}");
    let first = stream.next().unwrap();
    assert!(first.id.is_some() && first.data.is_empty(), "something to resume from: {first:?}");
    assert_eq!(client.send("DELETE", "").status, 204);
    assert_eq!(stream.next(), None);

    // Clients of older revisions stumble over events without data, so they get a comment.
    let older = Client::hello(&server, &client.key, "2025-06-18");
    let mut stream = Listener::get(&server, &older);
    let mut first = String::new();
    while !first.contains(':') {
        first.clear();
        stream.lines.read_line(&mut first).unwrap();
    }
    assert_eq!(first, ": alive\n");
    let stopping = Instant::now();
    drop((older, client));
    drop(server);
    assert!(stopping.elapsed() < Duration::from_secs(5), "stopping waited for a stream: {:?}", stopping.elapsed());
}

#[tokio::test]
async fn a_session_is_told_when_its_tools_change_and_of_nothing_else() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let (mut older, mut newer) = (Listener::get(&server, &ben), Listener::get(&server, &ben));
    older.next().unwrap();
    newer.next().unwrap();

    let before = ben.names();
    ben.call("crm.deal.create", json!({ "title": "Heat pump" }));
    world.person("ada").await.ask("profile.update", json!({ "name": "Ada L." })).await.unwrap();
    newer.is_silent();
    let membership = join_bolt(&world).await;
    let told = newer.next().unwrap();
    assert_eq!(told.message(), json!({ "jsonrpc": "2.0", "method": CHANGED }));
    // And the prompts, which ask for it too.
    let prompts = newer.next().unwrap();
    assert_eq!(prompts.message(), json!({ "jsonrpc": "2.0", "method": "notifications/prompts/list_changed" }));
    assert_eq!(before, ben.names(), "the names stay, the schemas ask for the workspace");
    assert!(ben.tool("crm.deal.list")["inputSchema"]["properties"].get("workspaceSlug").is_some());
    older.is_silent();

    // Whoever was away learns of it when they come back, and only then.
    let id = prompts.id.unwrap();
    drop((older, newer));
    let mut halfway = Listener::resume(&server, &ben, &told.id.unwrap());
    halfway.next().unwrap();
    assert_eq!(halfway.next().unwrap().message()["method"], "notifications/prompts/list_changed");
    drop(halfway);
    let mut same = Listener::resume(&server, &ben, &id);
    same.next().unwrap();
    same.is_silent();
    drop(same);
    let leave = json!({ "workspaceId": "bolt", "membershipId": membership });
    world.person("eve").await.ask("workspace.member.remove", leave).await.unwrap();
    let mut back = Listener::resume(&server, &ben, &id);
    back.next().unwrap();
    assert_eq!(back.next().unwrap().message()["method"], CHANGED);
    drop(back);
    // Who says nothing about where it was is taken at the list it asked for last.
    let mut without_id = Listener::get(&server, &ben);
    without_id.next().unwrap();
    assert_eq!(without_id.next().unwrap().message()["method"], CHANGED);
    drop(without_id);
    ben.names();
    let mut current = Listener::get(&server, &ben);
    current.next().unwrap();
    current.is_silent();
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = world.person("ada").await;
    let made = ada.ask("mcp_key.create", json!({ "label": "laptop" })).await.unwrap();
    let key = made["token"].as_str().unwrap();
    let session = Client::hello(&server, key, "2025-11-25");
    let mut stream = Listener::get(&server, &session);
    let mut subscription =
        Listener::subscribe(&server, &Stateless::new(&server, key), "s", json!({ "toolsListChanged": true }));
    stream.next().unwrap();
    subscription.next().unwrap();
    ada.ask("mcp_key.revoke", json!({ "mcpKeyId": made["id"] })).await.unwrap();
    assert_eq!((stream.next(), subscription.next()), (None, None));
}

#[tokio::test]
async fn a_session_holds_four_streams_and_the_oldest_makes_room() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let mut streams: Vec<Listener> = (0..5).map(|_| Listener::get(&server, &ben)).collect();
    assert!(streams[0].next().is_none_or(|event| event.data.is_empty()));
    streams[4].next().unwrap();
    streams[4].is_silent();
}

#[tokio::test]
async fn a_subscription_hears_what_it_asked_for_and_learns_of_its_end() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Stateless::new(&server, &mcp_key(&world, "ben").await);
    for notifications in [json!(null), json!([]), json!({ "toolsListChanged": 1 })] {
        let refused = ben.send("subscriptions/listen", json!({ "notifications": notifications }));
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!(-32_602)));
    }
    let mut tools = Listener::subscribe(&server, &ben, "tools", json!({ "toolsListChanged": true }));
    let mut nothing = Listener::subscribe(&server, &ben, "nothing", json!({ "resourcesListChanged": true }));
    assert!(tools.head.contains("content-type: text/event-stream"), "{}", tools.head);
    let id = |name: &str| json!({ "io.modelcontextprotocol/subscriptionId": name });
    let acknowledged = |name: &str, notifications: Value| {
        json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": { "_meta": id(name), "notifications": notifications } })
    };
    assert_eq!(tools.next().unwrap().message(), acknowledged("tools", json!({ "toolsListChanged": true })));
    assert_eq!(nothing.next().unwrap().message(), acknowledged("nothing", json!({})));

    join_bolt(&world).await;
    let told = tools.next().unwrap().message();
    assert_eq!(told, json!({ "jsonrpc": "2.0", "method": CHANGED, "params": { "_meta": id("tools") } }));
    nothing.is_silent();
    let stopping = std::thread::spawn(move || (tools.next(), tools.next(), nothing.next()));
    drop(ben);
    drop(server);
    let (last, after, nothing) = stopping.join().unwrap();
    let result = json!({ "resultType": "complete", "_meta": id("tools") });
    assert_eq!(last.unwrap().message(), json!({ "jsonrpc": "2.0", "id": "tools", "result": result }));
    assert_eq!(after, None);
    assert_eq!(nothing.unwrap().message()["id"], "nothing");
}
