//! What is read, how often somebody may ask, and what is cleared away.

use sally::features::oauth::connections::{ClearConnections, is_any_dead};
use serde_json::json;

use crate::program::*;
use crate::support::server::Server;
use crate::support::{self, World, console};

#[tokio::test]
async fn what_programs_send_is_read_strictly_and_pages_of_anybody_may_send_it() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let program = Program::register(&server, "Tidy Desk");
    let doubled = format!("grant_type=refresh_token&client_id={0}&client_id={0}&refresh_token=x", program.id);
    let form_type = [("Content-Type", "application/x-www-form-urlencoded")];
    is(&server.send("POST", "/oauth/token", &form_type, doubled), (400, "invalid_request"));
    is(&post(&server, "/oauth/token", &[]), (400, "invalid_request"));
    is(&post(&server, "/oauth/token", &[("client_id", &program.id)]), (400, "invalid_request"));
    is(&program.refresh(&"x".repeat(3_000), &[]), (400, "invalid_request"));
    is(&program.refresh(&"x".repeat(20_000), &[]), (413, "invalid_request"));
    is(&server.send("POST", "/oauth/token", &[("Content-Type", "application/json")], "{}"), (400, "invalid_request"));
    is(&register(&server, &json!([])), (400, "invalid_client_metadata"));
    is(&register(&server, &json!({ "redirect_uris": ["javascript:alert(1)"] })), (400, "invalid_redirect_uri"));
    is(
        &server.send("POST", "/oauth/register", &[("Content-Type", "application/json")], "{"),
        (400, "invalid_client_metadata"),
    );
    for path in ["/oauth/token", "/oauth/register", "/oauth/revoke"] {
        assert_eq!(server.send("GET", path, &[], "").status, 405, "{path}");
    }
    for path in [
        "/oauth/token",
        "/oauth/register",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let asked = [("Origin", "https://inspector.example"), ("Access-Control-Request-Method", "POST")];
        let preflight = server.send("OPTIONS", path, &asked, "");
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("*")), "{path}");
        assert!(preflight.header("access-control-allow-headers").unwrap().contains("mcp-protocol-version"));
        assert_eq!(preflight.header("access-control-allow-credentials"), None);
    }
    assert_eq!(
        server
            .send("OPTIONS", "/oauth/authorize", &[("Origin", "https://x.example")], "")
            .header("access-control-allow-origin"),
        None
    );
}

#[tokio::test]
async fn who_asks_too_often_waits_and_a_flood_of_programs_pushes_out_its_own_beginning() {
    let world = World::with(|config| {
        config.oauth_registrations_per_hour = 3;
        config.oauth_requests_per_minute = 5;
    })
    .await;
    let server = Server::start(&world.app);
    let program = Program::register(&server, "One");
    let metadata = json!({ "redirect_uris": [CALLBACK] });
    let statuses: Vec<u16> =
        (0..50).map(|_| register(&server, &metadata).status).take_while(|status| *status == 201).collect();
    assert!((2..50).contains(&statuses.len()), "{statuses:?}");
    is(&program.refresh("x", &[]), INVALID_GRANT);
    let last = (0..50).map(|_| program.refresh("x", &[])).find(|answer| answer.status == 429).expect("a refusal");
    is(&last, (429, "temporarily_unavailable"));
    assert!(last.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    let authorize = || server.send("GET", "/oauth/authorize?client_id=x", &[("Accept", "text/html")], "");
    assert!((0..50).any(|_| authorize().status == 429));

    const MANY: &str = "
        insert into oauth_client (id, client_id, name, redirect_uris, created_at)
        with recursive n (i) as (values (1) union all select i + 1 from n where i < 1000)
        select 1000000 + i, 'c' || i, 'Flood', '[]', (select max(created_at) from oauth_client) - i from n";
    later(&world, MANY).await;
    let metadata = sally::features::oauth::clients::RegisterClient::parse(&metadata).unwrap();
    let full = world.app.run(sally::core::app::Call::default(), metadata).await.err().expect("a refusal");
    assert_eq!(full.status(), 429);
    later(&world, "update oauth_client set created_at = created_at - 3600000 where id = 1001000").await;
    let metadata =
        sally::features::oauth::clients::RegisterClient::parse(&json!({ "redirect_uris": [CALLBACK] })).unwrap();
    world.app.run(sally::core::app::Call::default(), metadata).await.expect("the oldest makes room");
    assert_eq!(count(&world, "select count(*) from oauth_client where client_id = 'c1000'"), 0);
    later(&world, "update oauth_client set created_at = created_at - 4 * 86400000").await;
    world.app.tidy().await.unwrap();
    assert_eq!(count(&world, "select count(*) from oauth_client"), 0, "what nobody uses is forgotten after some days");
}

#[tokio::test]
async fn what_is_over_is_cleared_away_and_what_is_used_stays() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let ada = world.person("ada").await;
    let browser = Browser::of(&server, &ada);
    let (used, forgotten, ended) = (
        Program::register(&server, "Used"),
        Program::register(&server, "Forgotten"),
        Program::register(&server, "Ended"),
    );
    let (access, _) = browser.connect(&used);
    let (over, _) = browser.connect(&ended);
    post(&server, "/oauth/revoke", &[("client_id", &ended.id), ("token", &over)]);
    browser.allow(&forgotten);
    let is_due = || world.app.store().read(|reading| is_any_dead(reading.conn())).unwrap();
    assert!(!is_due(), "the code may still be fetched");
    support::put(&world.app, "update access_key set created_at = created_at - 700000 where kind = 'OAUTH'").await;
    assert!(is_due());
    world.app.run(console(), ClearConnections {}).await.unwrap();
    assert_eq!(count(&world, "select count(*) from access_key where kind = 'OAUTH'"), 2);
    support::put(&world.app, "update access_key set revoked_at = revoked_at - 31 * 86400000 where kind = 'OAUTH'")
        .await;
    world.app.run(console(), ClearConnections {}).await.unwrap();
    assert!(!is_due() && is_let_in(&server, &access));
    assert_eq!(count(&world, "select count(*) from access_key where kind = 'OAUTH'"), 1);
    later(&world, "update oauth_token set expires_at = 1").await;
    world.app.tidy().await.unwrap();
    assert_eq!(count(&world, "select count(*) from oauth_token"), 0);
}
