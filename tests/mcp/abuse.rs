//! What no client should send: the answer is the one the protocol has for it, and nothing else happens.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::client::{BOTH, Client, mcp_key};
use crate::support::World;
use crate::support::server::Server;

#[tokio::test]
async fn bytes_that_are_no_text_and_messages_that_are_too_long_are_refused_unread() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ben").await;
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let broken = server.send("POST", "/mcp", &headers, b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}");
    assert_eq!((broken.status, broken.json()["error"]["code"].as_i64()), (400, Some(-32_700)));

    // Refused by its length alone, so that nobody has to send ten megabytes to learn it.
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: {bearer}\r\nContent-Type: application/json\r\nContent-Length: 10485760\r\n\r\n",
        server.address
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn what_is_no_request_writes_nothing_and_what_is_sent_twice_is_written_once() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let create = json!({ "name": "crm.deal.create", "arguments": { "title": "Relaunch", "idempotencyKey": "once" } });
    let notification = json!({ "jsonrpc": "2.0", "method": "tools/call", "params": create });
    assert_eq!(client.post(&notification).status, 202);
    let both = json!({ "jsonrpc": "2.0", "method": "tools/call", "params": create, "result": {} });
    assert_eq!(client.post(&both).status, 202);
    assert_eq!(client.call("crm.deal.list", json!({}))["items"], json!([]));

    let first = client.result("tools/call", create.clone());
    let again = client.result("tools/call", create);
    assert_eq!(first["structuredContent"]["id"], again["structuredContent"]["id"]);
    assert_eq!(client.call("crm.deal.list", json!({}))["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_never_reads_its_stream_holds_up_nobody() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = mcp_key(&world, "ben").await;
    let client = Client::hello(&server, &key, "2025-11-25");
    let mut head =
        format!("GET /mcp HTTP/1.1\r\nHost: {}\r\nAccept: {BOTH}\r\nAuthorization: Bearer {key}\r\n", server.address);
    for (name, value) in client.headers.iter().filter(|(name, _)| name != "Accept") {
        head += &format!("{name}: {value}\r\n");
    }
    let deaf: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut socket = TcpStream::connect(server.address).unwrap();
            socket.write_all(format!("{head}\r\n").as_bytes()).unwrap();
            socket
        })
        .collect();
    for role in ["VIEWER", "MEMBER"].into_iter().cycle().take(10) {
        let ada = world.person("ada").await;
        let change = json!({ "workspaceId": "acme", "membershipId": "ben@example.com", "role": role });
        ada.ask("workspace.member.update", change).await.unwrap();
        client.call("auth.me", json!({}));
    }
    drop(deaf);
    assert_eq!(client.send("DELETE", "").status, 204);
}

#[tokio::test]
async fn ten_times_as_many_sessions_as_a_key_may_have_take_the_room_of_as_many() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await).with("Accept", BOTH);
    for _ in 0..1_000 {
        assert_eq!(client.post(&crate::client::initialize("2025-11-25", "forgetful")).status, 200);
    }
    let rows = world.app.store().read(|reading| {
        sally::core::store::one(reading.conn(), "select count(*) from mcp_session", [], |row| row.take::<i64>())
    });
    assert_eq!(rows.unwrap(), 100);
}
