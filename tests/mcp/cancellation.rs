//! Cancelled requests: nobody waits for them, and they do not wait either.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use sally::core::error::Result;
use serde_json::{Value, json};

use crate::client::{Client, mcp_key};
use crate::sample::Sample;
use crate::stateless::Stateless;
use crate::streams::Listener;
use crate::support::World;
use crate::support::server::Server;

/// Keeps all threads for slow reads busy until it is dropped.
pub struct Busy {
    _held: Vec<mpsc::Sender<()>>,
}

impl Busy {
    pub fn new(world: &World) -> Busy {
        let held = (0..2).map(|_| {
            let (hold, held) = mpsc::channel::<()>();
            let (begin, begun) = mpsc::channel();
            let store = world.app.store().clone();
            std::thread::spawn(move || {
                let work = move |_: &mut sally::core::store::Reading| -> Result<()> {
                    let _ = begin.send(());
                    let _ = held.recv();
                    Ok(())
                };
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(store.read_slowly(work))
            });
            (hold, begun)
        });
        let held: Vec<_> = held.collect();
        for (_, begun) in &held {
            begun.recv_timeout(Duration::from_secs(5)).expect("a thread for it");
        }
        Busy { _held: held.into_iter().map(|(hold, _)| hold).collect() }
    }
}

#[tokio::test]
async fn cancelled_notifications_are_honoured_and_get_no_response() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    Sample::new(&world).await;
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let other = Client::hello(&server, &ben.key, "2025-11-25");
    let busy = Busy::new(&world);
    let search = |id: &str| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
                "params": { "name": "search", "arguments": { "query": "payment" } } })
    };
    let cancel = |id: &str| json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id, "reason": "enough" } });
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| (ben.post(&search("slow")), Instant::now()));
        let untouched = threads.spawn(|| other.post(&search("slow")));
        std::thread::sleep(Duration::from_millis(300));
        // The id of another session, or of nothing, cancels nothing.
        assert_eq!(ben.post(&cancel("unknown")).status, 202);
        assert_eq!(ben.post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" })).status, 202);
        std::thread::sleep(Duration::from_millis(200));
        assert!(!waiting.is_finished());
        let cancelled = Instant::now();
        assert_eq!(ben.post(&cancel("slow")).status, 202);
        let (answer, at) = waiting.join().unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
        // A search that goes on has ten seconds.
        assert!(at.duration_since(cancelled) < Duration::from_secs(5));
        assert!(!untouched.is_finished());
        drop(busy);
        assert_eq!(untouched.join().unwrap().json()["result"]["structuredContent"]["items"][0]["type"], "TASK");
    });
    // The id is free again, and what is over cannot be cancelled.
    assert_eq!(ben.post(&search("slow")).status, 200);
    assert_eq!(ben.post(&cancel("slow")).status, 202);
    assert_eq!(ben.post(&search("slow")).json()["id"], "slow");
}

#[tokio::test]
async fn who_asks_for_it_hears_that_a_request_is_still_running() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    Sample::new(&world).await;
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-06-18");
    let stateless = Stateless::new(&server, &ben.key);
    let busy = Busy::new(&world);
    let search = |token: Value| json!({ "name": "search", "arguments": { "query": "payment" }, "_meta": { "progressToken": token } });
    let request =
        |id: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
    let mut heard = Listener::post(&server, &ben, &request("heard", search(json!(7))));
    let mut cancelled = Listener::post(&server, &ben, &request("cancelled", search(json!("c"))));
    let mut alone = stateless.meta.clone();
    alone["progressToken"] = json!("alone");
    let mut params = search(json!(null));
    params["_meta"] = alone;
    let client = stateless.client.again().with("Mcp-Method", "tools/call").with("Mcp-Name", "search");
    let mut alone = Listener::post(&server, &client, &request("alone", params));
    for (listener, token) in [(&mut heard, json!(7)), (&mut cancelled, json!("c")), (&mut alone, json!("alone"))] {
        assert!(listener.head.contains("content-type: text/event-stream"), "{}", listener.head);
        for seconds in 1..=2 {
            let told = listener.next().unwrap().message();
            assert_eq!(told["method"], "notifications/progress");
            assert_eq!((&told["params"]["progressToken"], &told["params"]["progress"]), (&token, &json!(seconds)));
        }
    }
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "cancelled" } });
    assert_eq!(ben.post(&cancel).status, 202);
    while let Some(event) = cancelled.next() {
        assert_eq!(event.message()["method"], "notifications/progress", "no response to what is cancelled");
    }
    drop(busy);
    for (mut listener, id) in [(heard, "heard"), (alone, "alone")] {
        let response = loop {
            let message = listener.next().unwrap().message();
            if message["method"].is_null() {
                break message;
            }
        };
        assert_eq!(response["id"], id);
        assert_eq!(response["result"]["structuredContent"]["items"][0]["type"], "TASK", "{response}");
        assert_eq!(listener.next(), None);
    }
    // What is quick is answered as ever, and so is who could not read a stream.
    let quick = ben.request("tools/call", search(json!(7)));
    assert_eq!((quick.status, quick.header("content-type")), (200, Some("application/json")));
    let plain = Client::plain(&server, &ben.key);
    assert!(plain.result("tools/call", search(json!(7)))["isError"].is_null());
    assert_eq!(ben.error("tools/call", search(json!([7]))).1, -32_602);
}

#[tokio::test]
async fn a_slow_read_that_nobody_waits_for_is_stopped() {
    const ENDLESS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n";
    let world = World::new().await;
    let store = world.app.store();
    for _ in 0..4 {
        let read =
            store.read_slowly(|reading| Ok(reading.conn().query_row(ENDLESS, [], |row| row.get::<_, i64>(0))?));
        assert!(tokio::time::timeout(Duration::from_millis(200), read).await.is_err());
    }
    // Both threads are free again, long before the deadline of ten seconds.
    let begun = Instant::now();
    store.read_slowly(|_| Ok(())).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
