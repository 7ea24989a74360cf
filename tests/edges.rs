//! The edges: what strangers, stolen keys and hostile pages get, over real HTTP.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use sally::core::caller::Role;
use sally::core::config::KeysBy;
use sally::core::network::Network;
use sally::core::reference::Ref;
use sally::core::time::Moment;
use sally::features::accounts::AddUser;
use sally::features::keys::KeyKind;
use serde_json::{Value, json};
use support::server::{Answer, Server};
use support::{PASSWORD, World};

/// Bytes as they are, over a connection of their own; all that comes back.
fn raw(server: &Server, request: &str) -> String {
    let mut socket = TcpStream::connect(server.address).expect("a connection");
    socket.write_all(request.as_bytes()).expect("a connection");
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn sign_in(server: &Server, email: &str, password: &str, from: &str) -> Answer {
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", from)];
    server.send("POST", "/api/auth/login", &headers, json!({ "email": email, "password": password }).to_string())
}

/// Una of Acme, with a password.
fn una() -> AddUser {
    let (email, name) = (support::email("una@example.com"), support::line("Una"));
    AddUser::new(email, name, Ref::new("acme"), Role::Member, Some(PASSWORD.into()))
}

/// A server behind a proxy on the same machine, so that a test can come from anywhere.
async fn behind_a_proxy() -> World {
    World::with(|config| config.trusted_proxies = vec![Network::parse("127.0.0.0/8").unwrap()]).await
}

#[tokio::test]
async fn a_key_works_from_its_addresses_and_from_nowhere_else() {
    let world = behind_a_proxy().await;
    let ada = world.person("ada").await;
    let make = async |kind: &str| {
        let narrow = json!({ "label": "office", "addresses": ["10.1.2.3/8", "2001:db8::/32"], "workspaceId": "acme" });
        ada.ask(&format!("{kind}.create"), narrow).await.unwrap()
    };
    let (api, mcp) = (make("api_key").await, make("mcp_key").await);
    assert_eq!(api["addresses"], json!(["10.0.0.0/8", "2001:db8::/32"]));
    let server = Server::start(&world.app);
    let get = |from: &str| {
        let headers = [("Authorization", &*bearer(api["token"].as_str().unwrap())), ("X-Forwarded-For", from)];
        server.send("GET", "/api/workspaces", &headers, "")
    };
    let call = |from: &str| {
        let headers = [
            ("Authorization", &*bearer(mcp["token"].as_str().unwrap())),
            ("X-Forwarded-For", from),
            ("Content-Type", "application/json"),
        ];
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "system.ping" } });
        server.send("POST", "/mcp", &headers, call.to_string())
    };
    for inside in ["10.9.9.9", "2001:db8:7::1", "192.0.2.1, 10.0.0.1"] {
        assert_eq!((get(inside).status, call(inside).status), (200, 200), "{inside}");
        assert_eq!(call(inside).json()["result"]["isError"], Value::Null, "{inside}");
    }
    // What the client itself says of where it comes from counts for nothing.
    for outside in ["192.0.2.1", "2001:db9::1", "10.0.0.1, 192.0.2.1", "nonsense"] {
        let refused = get(outside);
        assert_eq!((refused.status, &refused.json()["permission"]["scope"]), (403, &json!("key")), "{outside}");
        assert!(!refused.body.contains("10.0.0.0"), "it tells where it would work: {}", refused.body);
        assert_ne!(call(outside).body.find("\"permission\"").or(call(outside).body.find("does not work")), None);
    }
    // A stream is refused as everything else is.
    let stream = raw(
        &server,
        &format!(
            "GET /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n",
            server.address,
            bearer(mcp["token"].as_str().unwrap())
        ),
    );
    assert!(stream.starts_with("HTTP/1.1 403"), "{stream}");

    world.app.tidy().await.unwrap();
    let listed = ada.ask("api_key.list", json!({})).await.unwrap();
    let used = listed["items"].as_array().unwrap().iter().find(|key| key["id"] == api["id"]).unwrap();
    assert_eq!(used["lastAddress"], "10.0.0.1");
    assert!(used["lastUsedAt"].is_string());
    // A narrowed key makes no wider one.
    let headers = [
        ("Authorization", &*bearer(api["token"].as_str().unwrap())),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Content-Type", "application/json"),
    ];
    assert_eq!(server.send("POST", "/api/auth/api-keys", &headers, "{\"label\":\"wider\"}").status, 403);
    for wrong in [json!([]), json!(["10.0.0.0/33"]), json!(["example.com"]), json!(vec!["10.0.0.1"; 21])] {
        let refused = ada.refused("api_key.create", json!({ "label": "x", "addresses": wrong })).await;
        assert_eq!((refused.status(), refused.to_string().contains("addresses")), (422, true), "{refused}");
    }
}

#[tokio::test]
async fn what_a_forwarding_header_says_counts_only_from_a_trusted_proxy() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let key = ada.ask("api_key.create", json!({ "label": "office", "addresses": ["10.0.0.0/8"] })).await.unwrap();
    let server = Server::start(&world.app);
    let headers = [("Authorization", &*bearer(key["token"].as_str().unwrap())), ("X-Forwarded-For", "10.0.0.1")];
    assert_eq!(server.send("GET", "/api/auth/me", &headers, "").status, 403);
    let login =
        server.send("GET", "/login", &[("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")], "");
    assert_eq!((login.status, login.header("strict-transport-security")), (200, None));
    let from_elsewhere = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Origin", "https://evil.example"),
        ("X-Forwarded-Host", "evil.example"),
    ];
    assert_eq!(server.send("POST", "/login", &from_elsewhere, "email=a%40b.c&password=x").status, 403);
}

#[tokio::test]
async fn the_server_says_how_long_keys_work_and_who_makes_them() {
    let world = World::with(|config| config.key_max_days = 30).await;
    let ada = world.person("ada").await;
    let made = ada.ask("api_key.create", json!({ "label": "as long as may be" })).await.unwrap();
    assert!(made["expiresAt"].is_string());
    ada.ask("mcp_key.create", json!({ "label": "a week", "expiresAt": Moment::now().plus_days(7) })).await.unwrap();
    let refused =
        ada.refused("mcp_key.create", json!({ "label": "a year", "expiresAt": Moment::now().plus_days(365) })).await;
    assert!(refused.status() == 422 && refused.to_string().contains("30 days"), "{refused}");
    // The support made Ada's own key by the console, which may.
    assert!(ada.ask("auth.me", json!({})).await.unwrap()["key"]["expiresAt"].is_null());

    let world = World::with(|config| config.keys_by = KeysBy::Owners).await;
    let (ada, ben, sam) = (world.person("ada").await, world.person("ben").await, world.person("sam").await);
    ada.ask("api_key.create", json!({ "label": "hers" })).await.unwrap();
    ada.ask("mcp_key.create", json!({ "label": "hers", "workspaceId": "acme" })).await.unwrap();
    sam.ask("mcp_key.create", json!({ "label": "his" })).await.unwrap();
    let refused = ben.refused("mcp_key.create", json!({ "label": "not his" })).await;
    assert_eq!((refused.status(), refused.permission().unwrap().required.as_str()), (403, "OWNER"));
    // An owner here is no owner there, and a key for everywhere would work there too.
    let member = json!({ "workspaceId": "bolt", "accountId": "ada@example.com", "role": "MEMBER" });
    world.person("eve").await.ask("workspace.member.add", member).await.unwrap();
    for elsewhere in [json!({ "label": "all" }), json!({ "label": "there", "workspaceId": "bolt" })] {
        assert_eq!(ada.refused("mcp_key.create", elsewhere).await.status(), 403);
    }
    ada.ask("mcp_key.create", json!({ "label": "hers", "workspaceId": "acme" })).await.unwrap();

    let world = World::with(|config| config.keys_by = KeysBy::Admins).await;
    let (ada, sam) = (world.person("ada").await, world.person("sam").await);
    let refused = ada.refused("api_key.create", json!({ "label": "hers" })).await;
    assert_eq!((refused.status(), refused.permission().unwrap().required.as_str()), (403, "ADMIN"));
    sam.ask("api_key.create", json!({ "label": "his" })).await.unwrap();
    // What exists goes on working.
    ada.ask("api_key.list", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_hundred_wrong_passwords_end_in_waiting_and_nothing_else() {
    let world = behind_a_proxy().await;
    world.app.run(support::console(), una()).await.unwrap();
    let server = Server::start(&world.app);
    // From one address at many accounts, and from many addresses at one account; known or not makes no difference.
    let tries = |who: &dyn Fn(usize) -> (String, String)| -> Vec<(u16, bool, Value)> {
        let tries = (0..100).map(|n| {
            let (email, from) = who(n);
            let answer = sign_in(&server, &email, "Wrong-horse-7", &from);
            let mut told = answer.json();
            told["requestId"] = Value::Null;
            (answer.status, answer.header("retry-after").is_some(), told)
        });
        tries.collect()
    };
    let by_address = tries(&|n| (format!("somebody{n}@example.com"), "192.0.2.1".into()));
    let by_account = tries(&|n| ("una@example.com".into(), format!("198.51.100.{n}")));
    let by_network = tries(&|n| (format!("nobody{n}@example.com"), format!("2001:db8::{n:x}")));
    for all in [&by_address, &by_account, &by_network] {
        let (wrong, refused): (Vec<_>, Vec<_>) = all.iter().partition(|(status, ..)| *status == 401);
        // Ten at once, and one more for every six seconds that this takes.
        assert!(
            (10..40).contains(&wrong.len()) && all[..10].iter().all(|(status, ..)| *status == 401),
            "{}",
            wrong.len()
        );
        assert!(refused.iter().all(|(status, waits, _)| *status == 429 && *waits));
    }
    assert!(by_address[..10] == by_account[..10], "known and unknown accounts read differently");
    let sessions = world.app.store().read(|reading| {
        sally::core::store::one(reading.conn(), "select count(*) from session", [], |row| row.take::<i64>())
    });
    assert_eq!(sessions.unwrap(), 0);
}

#[tokio::test]
async fn writes_and_mcp_calls_beyond_the_limit_are_told_to_wait() {
    let world = World::with(|config| {
        config.writes_per_minute = 3;
        config.mcp_calls_per_minute = 5;
    })
    .await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    for n in 0..3 {
        ada.ask("crm.deal.create", json!({ "title": format!("Deal {n}") })).await.unwrap();
    }
    let refused = ada.refused("crm.deal.create", json!({ "title": "One more" })).await;
    assert_eq!((refused.status(), refused.retry_after_seconds().is_some()), (429, true));
    // Another key of the same person has no share of its own; another person has.
    assert_eq!(world.person("ada").await.refused("crm.deal.create", json!({ "title": "x" })).await.status(), 429);
    ben.ask("crm.deal.create", json!({ "title": "His" })).await.unwrap();
    ada.ask("crm.deal.list", json!({})).await.unwrap();

    let server = Server::start(&world.app);
    let key = world.keyed("vera", KeyKind::Mcp, None, None).await.token;
    let headers = [("Authorization", &*bearer(&key)), ("Content-Type", "application/json")];
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let answers: Vec<Answer> = (0..8).map(|_| server.send("POST", "/mcp", &headers, &ping)).collect();
    assert_eq!(
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>(),
        [200, 200, 200, 200, 200, 429, 429, 429]
    );
    assert!(answers[5].header("retry-after").is_some(), "{:?}", answers[5]);
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let world = World::with(|config| config.public_url = Some("https://sally.example.com".parse().unwrap())).await;
    let server = Server::start(&world.app);
    for path in
        ["/login", "/api/auth/me", "/nowhere", "/health", "/mcp", "/api/openapi.json", "/llms.txt", "/favicon.ico"]
    {
        let answer = server.send("GET", path, &[], "");
        let said = |name: &str| answer.header(name).unwrap_or_else(|| panic!("{path} says nothing of {name}"));
        assert_eq!(said("x-content-type-options"), "nosniff");
        assert_eq!(said("referrer-policy"), "same-origin");
        assert_eq!(said("cross-origin-opener-policy"), "same-origin");
        assert_eq!(said("cross-origin-resource-policy"), "same-origin");
        assert!(said("permissions-policy").contains("camera=()"));
        assert!(said("strict-transport-security").starts_with("max-age="));
        let policy = said("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'self'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(
            !policy.contains("unsafe") && answer.header("access-control-allow-origin").is_none(),
            "{path}: {policy}"
        );
    }
    let plain = World::new().await;
    let server = Server::start(&plain.app);
    assert_eq!(server.send("GET", "/login", &[], "").header("strict-transport-security"), None);

    let behind = behind_a_proxy().await;
    let server = Server::start(&behind.app);
    let secure = server.send("GET", "/login", &[("X-Forwarded-Proto", "https")], "");
    assert!(secure.header("strict-transport-security").is_some());
}

#[tokio::test]
async fn the_cookie_is_for_this_server_alone() {
    let world = behind_a_proxy().await;
    world.app.run(support::console(), una()).await.unwrap();
    let server = Server::start(&world.app);
    let enter = |scheme: &str| {
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-Proto", scheme)];
        let form = format!("email=una%40example.com&password={PASSWORD}");
        let answer = server.send("POST", "/login", &headers, form);
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.header("set-cookie").unwrap().to_owned()
    };
    let cookie = enter("https");
    for part in ["sally_session=", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain") && !enter("http").contains("Secure"));
    // Whoever plants a token of their own finds that it was not taken: each sign-in makes a new one.
    assert_ne!(enter("https").split(';').next(), cookie.split(';').next());
}

#[tokio::test]
async fn a_request_for_another_name_is_refused_before_anything_else() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    for name in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example"] {
        for path in ["/login", "/api/auth/me", "/setup", "/health"] {
            let answer = server.send("GET", path, &[("Host", name)], "");
            assert_eq!((answer.status, &answer.json()["code"]), (421, &json!("MISDIRECTED")), "{name} {path}");
        }
    }
    for name in ["localhost", "localhost:4000", "127.0.0.1", "[::1]:4000", "sally.localhost"] {
        assert_eq!(server.send("GET", "/login", &[("Host", name)], "").status, 200, "{name}");
    }
    for odd in [
        "a@localhost",
        "a@localhost:4000",
        "localhost:x",
        "localhost:99999",
        "localhost/x",
        "localhost?x",
        "",
        " ",
        "a b",
    ] {
        let answer = raw(&server, &format!("GET /login HTTP/1.1\r\nHost: {odd}\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 4"), "{odd}: {answer}");
    }

    let world = World::with(|config| {
        config.public_url = Some("https://sally.example.com".parse().unwrap());
        config.hosts = vec!["sally.lan".into()];
        config.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()];
    })
    .await;
    let server = Server::start(&world.app);
    for (name, status) in
        [("sally.example.com", 200), ("SALLY.lan:4000", 200), ("192.0.2.7", 200), ("evil.example", 421)]
    {
        assert_eq!(server.send("GET", "/login", &[("Host", name)], "").status, status, "{name}");
    }
    // A link that is sent leads to the server itself, whatever name it was asked for by.
    let sam = world.person("sam").await;
    let headers = [
        ("Authorization", &*bearer(&sam.token)),
        ("Content-Type", "application/json"),
        ("Host", "192.0.2.7"),
        ("X-Forwarded-Host", "evil.example"),
    ];
    let made = server.send("POST", "/api/accounts", &headers, r#"{"email":"new@example.com","name":"New"}"#);
    let link = made.json()["setPasswordUrl"].as_str().unwrap_or_else(|| panic!("{}", made.body)).to_owned();
    assert!(link.starts_with("https://sally.example.com/reset-password?token="), "{link}");
}

#[tokio::test]
async fn no_header_is_split_and_nothing_is_said_twice() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let server = Server::start(&world.app);
    let key = bearer(&ada.token);
    // Line ends that an address carries do not become headers of the answer.
    for path in
        ["/login?next=%0d%0aSet-Cookie:%20planted=1", "/%0d%0aSet-Cookie:%20planted=1", "/tasks/%0aSet-Cookie:x=1"]
    {
        let answer = server.send("GET", path, &[("Accept", "text/html")], "");
        assert!(
            answer.status < 500 && answer.header("set-cookie").is_none_or(|set| !set.contains("planted")),
            "{path}"
        );
    }
    let id = raw(
        &server,
        &format!(
            "GET /health HTTP/1.1\r\nHost: {}\r\nX-Request-Id: a\rSet-Cookie: planted=1\r\nConnection: close\r\n\r\n",
            server.address
        ),
    );
    assert!(!id.to_lowercase().contains("\nset-cookie"), "{id}");

    let deals = || async { ada.ask("crm.deal.list", json!({ "include": "total" })).await.unwrap()["total"].clone() };
    let before = deals().await;
    let auth = ("Authorization", &*key);
    let json_body = ("Content-Type", "application/json");
    let cases = [
        ("GET", "/api/crm/deals?status=open&status=won", vec![auth], "", 422),
        ("GET", "/api/crm/deals?limit=1&limit=2", vec![auth], "", 422),
        ("POST", "/api/crm/deals", vec![auth, json_body], r#"{"title":"a","title":"b"}"#, 400),
        ("POST", "/api/crm/deals?title=a", vec![auth, json_body], r#"{"title":"b"}"#, 422),
        (
            "POST",
            "/api/crm/deals?workspaceSlug=acme&workspaceSlug=bolt",
            vec![auth, json_body],
            r#"{"title":"b"}"#,
            422,
        ),
        ("POST", "/api/auth/login", vec![json_body], r#"{"email":"a@b.c","email":"b@b.c","password":"x"}"#, 400),
        ("POST", "/api/auth/login", vec![json_body], r#"{"email":["a@b.c"],"password":"x"}"#, 422),
        ("POST", "/api/auth/login", vec![json_body], r#"{"email":"a@b.c"}"#, 422),
        ("POST", "/api/auth/login", vec![json_body], r#"{"password":"x"}"#, 422),
        ("POST", "/api/auth/login", vec![json_body], r#"{"email":"","password":""}"#, 422),
        ("POST", "/api/auth/reset-password", vec![json_body], r#"{"token":"x","password":"Another-horse-8"}"#, 422),
        ("POST", "/api/auth/reset-password", vec![json_body], r#"{"token":"","password":""}"#, 422),
    ];
    for (method, path, headers, body, status) in cases {
        let answer = server.send(method, path, &headers, body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.body);
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json")));
    }
    let huge = format!(r#"{{"email":"{}@b.c","password":"x"}}"#, "a".repeat(10_000));
    assert_eq!(server.send("POST", "/api/auth/login", &[json_body], huge).status, 422);
    // Who is not known has less to say.
    let huge = format!(r#"{{"email":"{}@b.c","password":"x"}}"#, "a".repeat(100_000));
    assert_eq!(server.send("POST", "/api/auth/login", &[json_body], huge).status, 413);
    let huge = "x".repeat(17 << 10);
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for password in [huge.clone(), "x".repeat(2 << 20)] {
        let sign_in = format!("email=a%40b.c&password={password}");
        assert_eq!(server.send("POST", "/login", &[form], sign_in).status, 413);
    }
    let deal = format!(r#"{{"title":"{huge}"}}"#);
    assert_eq!(server.send("POST", "/api/crm/deals", &[json_body], &deal).status, 413);
    assert_eq!(server.send("POST", "/api/crm/deals", &[json_body, auth], &deal).status, 422);
    // Two lengths, or a length and chunks, are how a request is smuggled past a proxy.
    for head in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: -1",
        "Content-Length: +5",
    ] {
        let answer = raw(
            &server,
            &format!(
                "POST /api/auth/login HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{head}\r\n\r\n0\r\n\r\n",
                server.address
            ),
        );
        assert!(answer.starts_with("HTTP/1.1 4"), "{head}: {answer}");
    }
    assert_eq!(deals().await, before);
}

/// Everything that is logged by this process.
struct Collected(Mutex<String>);

impl log::Log for Collected {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info || metadata.target().starts_with("sally")
    }
    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            *self.0.lock().expect("nobody panics while holding it") += &format!("{record:?}\n");
        }
    }
    fn flush(&self) {}
}

static LOGGED: Collected = Collected(Mutex::new(String::new()));

#[tokio::test]
async fn no_secret_is_left_anywhere() {
    log::set_logger(&LOGGED).expect("no other test of this file logs");
    log::set_max_level(log::LevelFilter::Trace);
    let world = World::new().await;
    world.app.run(support::console(), una()).await.unwrap();
    let (ada, sam) = (world.person("ada").await, world.person("sam").await);
    let server = Server::start(&world.app);
    let json_body = ("Content-Type", "application/json");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let mut secrets = vec![ada.token.clone(), sam.token.clone(), PASSWORD.to_owned(), "Planted-horse-1".to_owned()];
    let mut answers = Vec::new();

    // Passwords that are wrong, right, new, too weak, and in the wrong field.
    for (email, password) in
        [("una@example.com", "Planted-horse-1"), ("Planted-horse-1", "x"), ("una@example.com", PASSWORD)]
    {
        let answer = sign_in(&server, email, password, "192.0.2.1");
        match answer.status {
            200 => secrets.push(answer.json()["sessionToken"].as_str().unwrap().to_owned()),
            _ => answers.push(answer.body),
        }
    }
    let session = secrets.last().unwrap().clone();
    let bearer_of_una = bearer(&session);
    let una = [("Authorization", bearer_of_una.as_str()), json_body];
    for body in [
        json!({ "currentPassword": "Planted-horse-1", "newPassword": "Planted-horse-2" }),
        json!({ "currentPassword": PASSWORD, "newPassword": "planted-weak-3" }),
        json!({ "currentPassword": PASSWORD, "newPassword": "Planted-horse-4" }),
    ] {
        answers.push(server.send("POST", "/api/auth/change-password", &una, body.to_string()).body);
    }
    secrets.extend(["Planted-horse-2", "planted-weak-3", "Planted-horse-4"].map(str::to_owned));
    let answer = server.send("POST", "/login", &[form], "email=una%40example.com&password=Planted-horse-5");
    answers.push(answer.body);
    secrets.push("Planted-horse-5".into());

    // A link to a new password, used with a weak one, used up, and used again.
    let bearer_of_sam = bearer(&sam.token);
    let made = server.send(
        "POST",
        "/api/accounts",
        &[("Authorization", bearer_of_sam.as_str()), json_body],
        r#"{"email":"new@example.com","name":"New"}"#,
    );
    let link = made.json()["setPasswordUrl"].as_str().unwrap().to_owned();
    let token = link.split_once("token=").unwrap().1.to_owned();
    for password in ["planted-weak-6", "Planted-horse-7", "Planted-horse-7"] {
        let body = json!({ "token": token, "password": password }).to_string();
        answers.push(server.send("POST", "/api/auth/reset-password", &[json_body], body).body);
    }
    secrets.extend([token, "planted-weak-6".into(), "Planted-horse-7".into()]);

    // Keys: new ones, in the wrong place, revoked, and an MCP session.
    for operation in ["api_key.create", "mcp_key.create"] {
        let key = ada.ask(operation, json!({ "label": "planted" })).await.unwrap();
        secrets.push(key["token"].as_str().unwrap().to_owned());
    }
    let mcp = secrets.last().unwrap().clone();
    let bearer_of_mcp = bearer(&mcp);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } } });
    let accept = ("Accept", "application/json, text/event-stream");
    let opened =
        server.send("POST", "/mcp", &[("Authorization", bearer_of_mcp.as_str()), json_body, accept], hello.to_string());
    secrets.push(opened.header("mcp-session-id").unwrap().to_owned());
    for path in [format!("/api/nowhere?key={mcp}"), format!("/tasks/{mcp}"), format!("/api/tasks/x?{mcp}=1")] {
        // What somebody puts into an address themselves comes back to them, and stands in no log of ours.
        let _ = server.send("GET", &path, &[("Authorization", bearer_of_sam.as_str())], "");
    }
    let _ = server.send("GET", "/api/auth/me", &[("Authorization", &format!("Bearer {mcp}x"))], "");
    world.app.tidy().await.unwrap();
    drop(server);
    world.app.store().close();

    let logged = LOGGED.0.lock().unwrap().clone();
    for secret in &secrets {
        let is_in = |text: &str| text.contains(secret.as_str());
        assert!(!is_in(&logged), "the log holds {secret}");
        assert!(!answers.iter().any(|answer| is_in(answer)), "an error holds {secret}");
        for name in ["sally.db", "sally.db-wal"] {
            let Ok(bytes) = std::fs::read(world.folder.path().join(name)) else { continue };
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{name} holds {secret}");
        }
    }
}
