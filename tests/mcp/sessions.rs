//! Sessions: bound to their key, alive after a restart.

use serde_json::json;

use crate::client::{BOTH, Client, initialize, mcp_key};
use crate::support::World;
use crate::support::server::Server;

#[tokio::test]
async fn a_session_is_bound_to_its_key_and_ends_when_told() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ben = Client::hello(&server, &mcp_key(&world, "ben").await, "2025-06-18");
    ben.call("auth.me", json!({}));

    let mut eve = ben.again();
    eve.key = mcp_key(&world, "eve").await;
    assert_eq!(eve.request("ping", json!({})).status, 403);
    assert_eq!(eve.send("DELETE", "").status, 403);
    let mut another_of_bens = ben.again();
    another_of_bens.key = mcp_key(&world, "ben").await;
    assert_eq!(another_of_bens.request("tools/list", json!({})).status, 403);

    let lost = ben.again().with("Mcp-Session-Id", "made-up");
    assert_eq!(lost.error("tools/list", json!({})), (404, -32_001, "MCP session not found".into()));
    assert_eq!(ben.again().with("MCP-Protocol-Version", "1999-01-01").request("ping", json!({})).status, 400);
    assert_eq!(ben.again().without("MCP-Protocol-Version").request("ping", json!({})).status, 200);

    assert_eq!(ben.again().without("Mcp-Session-Id").send("DELETE", "").status, 400);
    assert_eq!(ben.send("DELETE", "").status, 204);
    assert_eq!(ben.error("ping", json!({})), (404, -32_001, "MCP session not found".into()));
    assert_eq!(ben.send("DELETE", "").status, 404);
}

#[tokio::test]
async fn a_restart_loses_no_session_but_idle_ones_and_a_key_has_at_most_a_hundred() {
    let world = World::new().await;
    let key = mcp_key(&world, "ben").await;
    let first = Server::start(&world.app);
    let old = Client::hello_as(&first, &key, "2025-11-25", "cursor-vscode");
    let headers = old.headers.clone();
    let idle = Client::hello_as(&first, &key, "2025-11-25", "idle").headers;
    drop(old);
    drop(first);

    let world = world.restarted();
    const HALF_AN_HOUR_LATER: &str =
        "update mcp_session set last_used_at = last_used_at - 1801000 where client_name = 'idle'";
    world.app.store().write(|conn| sally::core::store::run(conn, HALF_AN_HOUR_LATER, [])).await.unwrap();
    let second = Server::start(&world.app);
    let mut client = Client::plain(&second, &key);
    client.headers = headers;
    assert!(client.names().contains(&"auth_me".to_owned()), "the client's name survived too");
    let mut expired = client.again();
    expired.headers = idle;
    assert_eq!(expired.error("ping", json!({})), (404, -32_001, "MCP session not found".into()));

    let fresh = Client::plain(&second, &key).with("Accept", BOTH);
    for _ in 0..99 {
        assert_eq!(fresh.post(&initialize("2025-11-25", "leaky")).status, 200);
    }
    assert_eq!(client.request("ping", json!({})).status, 200);
    for _ in 0..99 {
        fresh.post(&initialize("2025-11-25", "leaky"));
    }
    assert_eq!(client.request("ping", json!({})).status, 200, "the one that is used stays");
    for _ in 0..100 {
        fresh.post(&initialize("2025-11-25", "leaky"));
    }
    assert_eq!(client.request("ping", json!({})).status, 404, "the longest unused made room");
    drop(second);
}
