//! What a page hears of changes: when, about which topic, and nothing that is not for its eyes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use sally::core::time::Moment;
use sally::features::keys::KeyKind;
use sally::features::transfer::imports::{self, RunImport, UploadTable};
use sally::features::transfer::sheet::Records;
use serde_json::{Value, json};

use super::support::server::Server;
use super::support::{World, put};

/// The page's end of the stream.
struct Window {
    head: String,
    lines: BufReader<TcpStream>,
}

impl Window {
    fn open(server: &Server, token: &str, query: &str) -> Window {
        let mut socket = TcpStream::connect(server.address).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a connection");
        let head = format!(
            "GET /live{query} HTTP/1.1\r\nHost: {}\r\nCookie: sally_session={token}\r\nAccept: text/event-stream\r\n\r\n",
            server.address
        );
        socket.write_all(head.as_bytes()).expect("a connection");
        let mut lines = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head).expect("a connection") > 0 {}
        Window { head: head.to_ascii_lowercase(), lines }
    }

    /// The next event about something that was written; `None` once the stream is over.
    fn hears(&mut self) -> Option<Value> {
        // Here a key stands in the cookie's place, and its own use is told, too.
        std::iter::from_fn(|| self.next()).find(|event| !is_key(event))
    }

    fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).expect("something within the time");
            // The last chunk has no bytes; the connection may stay for another request.
            if read == 0 || line.trim_end() == "0" {
                return None;
            }
            if let Some(data) = line.trim_end().strip_prefix("data: ") {
                return Some(serde_json::from_str(data).expect("JSON"));
            }
        }
    }
}

fn is_key(event: &Value) -> bool {
    event["topics"][0].as_str().is_some_and(|topic| topic.starts_with("key:key_"))
}

#[tokio::test]
async fn a_window_hears_of_its_projects_and_its_inbox_and_of_nothing_hidden_or_elsewhere() {
    let world = World::new().await;
    let [ada, ben, vera, eve] =
        [world.person("ada").await, world.person("ben").await, world.person("vera").await, world.person("eve").await];
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    ada.ask("project.create", json!({ "name": "Secret", "key": "HUSH", "visibility": "MEMBERS" })).await.unwrap();
    eve.ask("project.create", json!({ "name": "Bolt's", "key": "BOLT" })).await.unwrap();
    let server = Server::start(&world.app);
    let since = format!("?since={}", Moment::now().ms() + 1_000);
    let (mut hers, mut his) = (Window::open(&server, &vera.token, &since), Window::open(&server, &ada.token, &since));
    assert!(hers.head.starts_with("http/1.1 200") && hers.head.contains("content-type: text/event-stream"));

    tokio::time::sleep(Duration::from_millis(1_100)).await;
    ada.ask("task.create", json!({ "projectId": "HUSH", "title": "Nobody knows" })).await.unwrap();
    eve.ask("task.create", json!({ "projectId": "BOLT", "title": "Next door" })).await.unwrap();
    assert_eq!(his.hears().unwrap()["topics"], json!(["project:HUSH"]));
    let task = json!({ "projectId": "WEB", "title": "Offer", "ownerId": "vera" });
    ben.ask("task.create", task).await.unwrap();
    let heard = hers.hears().unwrap();
    assert_eq!(heard["topics"], json!(["inbox", "project:WEB"]), "the first that Vera hears of: {heard}");
    assert!(!heard.to_string().contains("Offer"), "nothing of what it is: {heard}");
    assert_eq!(his.hears().unwrap()["topics"], json!(["project:WEB"]), "her inbox is not his");

    ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    assert_eq!(hers.hears().unwrap()["topics"], json!(["clients"]));
    ben.ask("crm.organization.create", json!({ "name": "Nordlicht" })).await.unwrap();
    assert_eq!(hers.hears().unwrap()["topics"], json!(["crm"]));
}

#[tokio::test]
async fn a_window_that_was_away_hears_what_it_missed_and_many_changes_are_one_event() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let server = Server::start(&world.app);
    let before = Moment::now().ms();
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    for number in 0..20 {
        ben.ask("task.create", json!({ "projectId": "WEB", "title": format!("Task {number}") })).await.unwrap();
    }
    let mut window = Window::open(&server, &ben.token, &format!("?since={before}"));
    let heard = window.hears().unwrap();
    assert_eq!((&heard["topics"], &heard["by"]), (&json!(["project:WEB"]), &json!("OTHER")));
    assert!(heard["at"].as_i64().unwrap() >= before);

    let agent = ada.ask("agent.create", json!({ "name": "Scribe" })).await.unwrap();
    let key = ada.ask("api_key.create", json!({ "label": "Scribe's", "agentId": agent["id"] })).await.unwrap();
    let scribe = super::support::Person { token: key["token"].as_str().unwrap().to_owned(), ..ada.clone() };
    scribe.ask("comment.add", json!({ "taskId": "WEB-1", "body": "Done." })).await.unwrap();
    assert_eq!(window.hears().unwrap()["by"], "AGENT");
}

#[tokio::test]
async fn a_window_hears_when_a_new_key_of_its_own_is_used_and_nobody_else_does() {
    let world = World::new().await;
    let (ben, eve) = (world.person("ben").await, world.person("eve").await);
    let server = Server::start(&world.app);
    let (mut his, mut hers) = (Window::open(&server, &ben.token, ""), Window::open(&server, &eve.token, ""));
    let key = world.keyed("ben", KeyKind::Mcp, None, None).await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let bearer = format!("Bearer {}", key.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    server.send("POST", "/mcp", &headers, call);
    let known = ben.ask("mcp_key.list", json!({})).await.unwrap();
    let used = json!([format!("key:{}", known["items"][0]["id"].as_str().unwrap())]);
    let heard = std::iter::from_fn(|| his.next()).find(|event| event["topics"] == used);
    assert!(heard.is_some(), "{known}");

    eve.ask("client.create", json!({ "name": "Bolt & Sons" })).await.unwrap();
    let before: Vec<Value> = std::iter::from_fn(|| hers.next()).take_while(is_key).collect();
    assert!(before.iter().all(|event| event["topics"] != used), "up to what is hers: {before:?}");
}

#[tokio::test]
async fn there_are_not_too_many_streams_and_they_end_with_the_server() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let server = Server::start(&world.app);
    let mut windows: Vec<Window> = (0..20).map(|_| Window::open(&server, &ben.token, "")).collect();
    assert!(windows.iter().all(|window| window.head.starts_with("http/1.1 200")));
    windows.push(Window::open(&server, &ben.token, ""));
    assert!(windows.remove(0).hears().is_none(), "the oldest makes room");
    assert_eq!(world.app.news.count(), 20);
    assert!(Window::open(&server, "nobody", "").head.starts_with("http/1.1 303"), "off to the sign-in");
    drop(server);
    assert!(windows.iter_mut().all(|window| window.hears().is_none()));
    assert_eq!(world.app.news.count(), 0);
}

#[tokio::test]
async fn after_the_first_look_the_journals_place_alone_counts_and_no_address_asks_for_all_of_it() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    // It was written long ago.
    put(&world.app, "update change_set set at = 1000").await;
    let server = Server::start(&world.app);
    for since in ["0", "9223372036854775807", "yesterday", ""] {
        let window = Window::open(&server, &ada.token, &format!("?since={since}"));
        assert!(window.head.starts_with("http/1.1 200"), "{since}: {}", window.head);
    }
    let mut window = Window::open(&server, &ada.token, "?since=-9223372036854775808");
    ada.ask("crm.organization.create", json!({ "name": "Acme" })).await.unwrap();
    assert_eq!(window.hears().unwrap()["topics"], json!(["crm"]));
    // What was long in writing is dated when it began.
    let late = "insert into change_set (id, at, workspace_id, operation)
                select max(id) + 1, 2000, (select id from workspace where slug = 'acme'), 'workspace.import' from change_set;
                update temp.acting set change_set_id = (select max(id) from change_set);
                update client set notes = 'Late'";
    put(&world.app, late).await;
    assert_eq!(window.hears().unwrap()["topics"], json!(["clients"]));
}

#[tokio::test]
async fn a_window_hears_how_far_its_persons_import_is_and_nobody_elses() {
    let world = World::new().await;
    let [ada, ben] = [world.person("ada").await, world.person("ben").await];
    let server = Server::start(&world.app);
    let since = format!("?since={}", Moment::now().ms() + 60_000);
    let (mut hers, mut his) = (Window::open(&server, &ada.token, &since), Window::open(&server, &ben.token, &since));
    let table = UploadTable::new(Records::People, None, None, b"name\nPaula\n".to_vec());
    let import_id = ben.run(table).await.unwrap().id.to_string();
    let rehearsal = RunImport { import_id: import_id.clone(), rehearsal: true, columns: None, on_duplicate: None };
    imports::begin(&world.app, &ben.call(), rehearsal).await.unwrap();
    assert_eq!(his.hears().unwrap()["topics"], json!([format!("import:{import_id}")]));
    ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    assert_eq!(hers.hears().unwrap()["topics"], json!(["clients"]), "the first that she hears of");
}
