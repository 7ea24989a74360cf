//! Watched resources: who is told of which change, and of no other.

use serde_json::{Value, json};

use crate::client::{Client, mcp_key, narrowed_key};
use crate::sample::Sample;
use crate::stateless::Stateless;
use crate::streams::Listener;
use crate::support::server::Server;
use crate::support::{Person, World};

const TASK: &str = "sally://workspaces/acme/tasks/WEB-2";
const DEAL: &str = "sally://workspaces/acme/deals/Heat%20pump%20portal";

fn subscribe(client: &Client<'_>, uri: &str) {
    assert_eq!(client.result("resources/subscribe", json!({ "uri": uri })), json!({}));
}

async fn rename(who: Person, title: &str) {
    who.ask("task.update", json!({ "taskId": "WEB-2", "title": title })).await.unwrap();
}

fn updated(uri: &str) -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "uri": uri } })
}

#[tokio::test]
async fn a_session_is_told_when_a_watched_resource_says_something_else() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    let mut stream = Listener::get(&server, &ben);
    stream.next().unwrap();
    subscribe(&ben, TASK);
    subscribe(&ben, TASK);
    stream.is_silent();

    // What belongs to the task counts, and what it waits for; another task, or another workspace, does not.
    sample.ada.ask("comment.add", json!({ "taskId": "WEB-2", "body": "Go." })).await.unwrap();
    assert_eq!(stream.next().unwrap().message(), updated(TASK));
    sample.ada.ask("task.update", json!({ "taskId": "WEB-3", "title": "Receipts" })).await.unwrap();
    let eve = world.person("eve").await;
    eve.ask("project.create", json!({ "name": "Elsewhere" })).await.unwrap();
    stream.is_silent();
    sample.ada.ask("task.move", json!({ "taskId": "WEB-1", "targetStatus": "Done" })).await.unwrap();
    assert_eq!(stream.next().unwrap().message(), updated(TASK));

    subscribe(&ben, DEAL);
    sample.ben.ask("crm.deal.update", json!({ "dealId": sample.deal["id"], "stage": "Negotiation" })).await.unwrap();
    assert_eq!(stream.next().unwrap().message(), updated(DEAL));
    assert_eq!(ben.result("resources/unsubscribe", json!({ "uri": DEAL })), json!({}));
    sample.ben.ask("crm.deal.update", json!({ "dealId": sample.deal["id"], "stage": "Lead" })).await.unwrap();
    stream.is_silent();

    // To be seen no more is news too, told once.
    sample.ada.ask("task.delete", json!({ "taskId": "WEB-2" })).await.unwrap();
    assert_eq!(stream.next().unwrap().message(), updated(TASK));
    stream.is_silent();
}

#[tokio::test]
async fn what_changed_while_nobody_listened_is_told_on_the_next_stream() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let key = mcp_key(&world, "ben").await;
    let ben = Client::hello(&server, &key, "2025-11-25");
    subscribe(&ben, TASK);
    rename(sample.ada.clone(), "Cards").await;
    let mut stream = Listener::get(&server, &ben);
    let first = stream.next().unwrap().id.unwrap();
    assert_eq!(stream.next().unwrap().message(), updated(TASK));
    drop(stream);
    // It was said, but did not arrive: the client says how far it came.
    let mut again = Listener::resume(&server, &ben, &first);
    again.next().unwrap();
    let told = again.next().unwrap();
    assert_eq!(told.message(), updated(TASK));
    drop(again);
    let mut current = Listener::resume(&server, &ben, &told.id.unwrap());
    current.next().unwrap();
    current.is_silent();
    drop(current);

    // A restart forgets nothing of it.
    let session = ben.headers.clone();
    drop(ben);
    drop(server);
    drop(sample);
    let world = world.restarted();
    rename(world.person("ada").await, "Payments").await;
    let server = Server::start(&world.app);
    let mut ben = Client::plain(&server, &key);
    ben.headers = session;
    let mut stream = Listener::get(&server, &ben);
    stream.next().unwrap();
    assert_eq!(stream.next().unwrap().message(), updated(TASK));
    stream.is_silent();
}

#[tokio::test]
async fn only_what_may_be_read_can_be_watched_by_whoever_has_a_session() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let hidden = json!({ "name": "Quiet", "key": "QUIET", "visibility": "MEMBERS" });
    sample.ada.ask("project.create", hidden).await.unwrap();
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-06-18");
    for uri in ["sally://projects/QUIET", "sally://tasks/WEB-99", "sally://workspaces/bolt"] {
        assert_eq!(ben.error("resources/subscribe", json!({ "uri": uri })).1, -32_002, "{uri}");
        assert_eq!(ben.result("resources/unsubscribe", json!({ "uri": uri })), json!({}));
    }
    assert_eq!(ben.error("resources/subscribe", json!({ "uri": "x" })).1, -32_602);
    let plain = Client::plain(&server, &ben.key);
    let (_, code, why) = plain.error("resources/subscribe", json!({ "uri": TASK }));
    assert!(code == -32_000 && why.contains("session"), "{why}");
    let no_resources = narrowed_key(&sample.ben, json!({ "scopes": "tasks:read core:read" })).await;
    let no_resources = Client::hello(&server, &no_resources, "2025-06-18");
    assert_eq!(no_resources.error("resources/subscribe", json!({ "uri": TASK })).1, -32_000);

    for number in 0..100 {
        sample.ben.ask("task.create", json!({ "projectId": "WEB", "title": format!("Task {number}") })).await.unwrap();
    }
    for number in 1..=100 {
        subscribe(&ben, &format!("sally://tasks/WEB-{number}"));
    }
    subscribe(&ben, "sally://tasks/WEB-1");
    let (_, code, why) = ben.error("resources/subscribe", json!({ "uri": "sally://tasks/WEB-101" }));
    assert!(code == -32_602 && why.contains("at most 100"), "{why}");

    // All sessions of a key together may watch five times as many, and so may its streams without one.
    let uris = |count: usize| (1..=count).map(|number| format!("sally://tasks/WEB-{number}")).collect::<Vec<_>>();
    let more: Vec<Client<'_>> = (0..5).map(|_| Client::hello(&server, &ben.key, "2025-06-18")).collect();
    for session in &more[..4] {
        uris(100).iter().for_each(|uri| subscribe(session, uri));
    }
    let (_, code, why) = more[4].error("resources/subscribe", json!({ "uri": TASK }));
    assert!(code == -32_602 && why.contains("at most 500"), "{why}");
    assert_eq!(ben.send("DELETE", "").status, 204);
    subscribe(&more[4], TASK);
    let stateless = Stateless::new(&server, &more[4].key);
    let _open: Vec<Listener> = (0..5)
        .map(|number| {
            let watched = json!({ "resourceSubscriptions": uris(100) });
            let mut stream = Listener::subscribe(&server, &stateless, &number.to_string(), watched);
            stream.next().unwrap();
            stream
        })
        .collect();
    let refused =
        stateless.send("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": [TASK] } }));
    assert!(refused.status == 400 && refused.body.contains("at most 500"), "{}", refused.body);
}

#[tokio::test]
async fn a_watcher_loses_sight_when_the_project_is_closed_to_them() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    sample.ada.ask("project.create", json!({ "name": "Open", "key": "OPEN" })).await.unwrap();
    sample.ada.ask("task.create", json!({ "projectId": "OPEN", "title": "Plan" })).await.unwrap();
    let uri = "sally://tasks/OPEN-1";
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-11-25");
    subscribe(&ben, uri);
    let mut stream = Listener::get(&server, &ben);
    stream.next().unwrap();
    sample.ada.ask("project.update", json!({ "projectId": "OPEN", "visibility": "MEMBERS" })).await.unwrap();
    assert_eq!(stream.next().unwrap().message(), updated(uri));
    assert_eq!(ben.error("resources/read", json!({ "uri": uri })).1, -32_002);
    // What happens behind the closed door is not heard.
    sample.ada.ask("task.update", json!({ "taskId": "OPEN-1", "title": "Secret plan" })).await.unwrap();
    stream.is_silent();
}

#[tokio::test]
async fn without_sessions_the_stream_says_what_it_watches() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let sample = Sample::new(&world).await;
    let ben = Stateless::new(&server, &mcp_key(&world, "ben").await);
    for wrong in [json!("x"), json!([7]), json!(vec![TASK; 101])] {
        let refused = ben.send("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": wrong } }));
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!(-32_602)));
    }
    let wanted =
        json!({ "resourceSubscriptions": [TASK, "sally://tasks/WEB-99", "nonsense"], "promptsListChanged": true });
    let mut stream = Listener::subscribe(&server, &ben, "watch", wanted);
    let acknowledged = stream.next().unwrap().message();
    assert_eq!(
        acknowledged["params"]["notifications"],
        json!({ "promptsListChanged": true, "resourceSubscriptions": [TASK] })
    );
    sample.ada.ask("task.update", json!({ "taskId": "WEB-3", "title": "Receipts" })).await.unwrap();
    stream.is_silent();
    sample.ada.ask("task.update", json!({ "taskId": "WEB-2", "priority": "P3" })).await.unwrap();
    let mut told = updated(TASK);
    told["params"]["_meta"] = json!({ "io.modelcontextprotocol/subscriptionId": "watch" });
    assert_eq!(stream.next().unwrap().message(), told);
    crate::streams::join_bolt(&world).await;
    assert_eq!(stream.next().unwrap().message()["method"], "notifications/prompts/list_changed");
}
