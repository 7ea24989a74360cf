//! Who is let in: good keys, from honest origins, for as long as they are good.

use serde_json::json;

use crate::client::{Client, mcp_key};
use crate::support::server::Server;
use crate::support::{PASSWORD, World};

#[tokio::test]
async fn without_a_good_key_nobody_gets_in() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for key in ["", "sallymcp_nobodys", "x y"] {
        let refused = Client::plain(&server, key).send("POST", ping);
        assert!(refused.header("www-authenticate").is_some_and(|way| way.starts_with("Bearer ")), "{key}");
        assert_eq!(refused.status, 401, "{key}");
        assert_eq!(refused.json()["title"], "Unauthorized");
    }
    let key = mcp_key(&world, "ben").await;
    // A key for REST, or a browser's session, is none for agents.
    assert_eq!(Client::plain(&server, &world.person("ben").await.token).send("POST", ping).status, 401);
    let login = json!({ "email": "sam@example.com", "password": PASSWORD });
    let session = world.person("sam").await.ask("auth.login", login).await.unwrap()["sessionToken"].take();
    assert_eq!(Client::plain(&server, session.as_str().unwrap()).send("POST", ping).status, 401);

    let json = ("Content-Type", "application/json");
    for headers in [
        vec![json],
        vec![json, ("X-Api-Key", key.as_str())],
        vec![json, ("Cookie", "sally_session=x")],
        vec![json, ("Authorization", key.as_str())],
        vec![json, ("Authorization", "Bearer x"), ("Authorization", key.as_str())],
    ] {
        assert_eq!(server.send("POST", "/mcp", &headers, ping).status, 401, "{headers:?}");
    }
    for method in ["GET", "DELETE"] {
        assert_eq!(Client::plain(&server, "sallymcp_nobodys").send(method, "").status, 401);
    }
    assert_eq!(Client::plain(&server, &key).result("ping", json!({})), json!({}));
    let bearer = format!("bEARER {key}");
    assert_eq!(server.send("POST", "/mcp", &[json, ("aUTHORIZATION", &bearer)], ping).status, 200);
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_once_in_the_middle_of_a_session() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = world.person("ada").await;
    let made = ada.ask("mcp_key.create", json!({ "label": "laptop" })).await.unwrap();
    let client = Client::hello(&server, made["token"].as_str().unwrap(), "2025-11-25");
    client.call("auth.me", json!({}));
    ada.ask("mcp_key.revoke", json!({ "mcpKeyId": made["id"] })).await.unwrap();
    for method in ["tools/list", "ping"] {
        assert_eq!(client.request(method, json!({})).status, 401);
    }
    for name in ["auth.me", "crm.deal.create", "no.such.tool"] {
        assert_eq!(client.request("tools/call", json!({ "name": name })).status, 401, "{name}");
    }
    let mistaken = json!({ "name": "crm.deal.list", "arguments": { "detail": "some" } });
    assert_eq!(client.request("tools/call", mistaken).status, 401);
    assert_eq!(client.send("POST", "{").status, 401);
    assert_eq!(client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" })).status, 401);
    assert_eq!(client.send("DELETE", "").status, 401);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let world = World::with(|config| config.public_url = Some("https://sally.example.com".parse().unwrap())).await;
    let server = Server::start(&world.app);
    let client = Client::plain(&server, &mcp_key(&world, "ben").await);
    let port = server.address.port();
    for foreign in [
        "https://evil.example".to_owned(),
        "null".into(),
        "http://sally.example.com".into(),
        "https://sally.example.com.evil.example".into(),
        "https://sally.example.com:8443".into(),
        format!("http://127.0.0.1:{port}.evil.example"),
        format!("http://127.0.0.1:{port}@evil.example"),
        "http://127.0.0.1:1".into(),
        "file://".into(),
        "%%%".into(),
    ] {
        let with_origin = client.again().with("Origin", &foreign);
        assert_eq!(with_origin.request("ping", json!({})).status, 403, "{foreign}");
        assert_eq!(with_origin.send("GET", "").status, 403, "{foreign}");
        assert_eq!(with_origin.send("DELETE", "").status, 403, "{foreign}");
    }
    // A name that was made to lead to this machine.
    let rebound = client.again().with("Host", "evil.example").with("Origin", "http://evil.example");
    assert_eq!(rebound.request("ping", json!({})).status, 403);
    assert_eq!(client.again().with("Host", "evil.example").request("ping", json!({})).status, 403);
    for odd in ["127.0.0.1/evil?", "a@127.0.0.1", "127.0.0.1#", r"127.0.0.1\evil"] {
        assert_eq!(client.again().with("Host", odd).request("ping", json!({})).status, 400, "{odd}");
    }
    for own in
        ["https://sally.example.com".to_owned(), format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")]
    {
        assert_eq!(client.again().with("Origin", &own).request("ping", json!({})).status, 200, "{own}");
    }
}
