//! REST over a real socket: shapes, headers, and every kind of bad input.

mod support;

use serde_json::{Value, json};
use support::World;
use support::server::{Answer, Server};

struct Client {
    server: Server,
    token: String,
    world: World,
}

impl Client {
    async fn of(name: &str) -> Client {
        let world = World::new().await;
        let token = world.person(name).await.token;
        Client { server: Server::start(&world.app), token, world }
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        self.server.send(method, path, headers, body)
    }

    fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", bearer.as_str())];
        if body.is_null() {
            return self.send(method, path, &headers, "");
        }
        headers.push(("Content-Type", "application/json"));
        self.send(method, path, &headers, body.to_string())
    }

    fn raw(&self, method: &str, path: &str, kind: &str, body: impl AsRef<[u8]>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        self.send(method, path, &[("Authorization", &bearer), ("Content-Type", kind)], body)
    }

    fn deal(&self, title: &str) -> Value {
        let made = self.ask("POST", "/api/crm/deals", json!({ "title": title }));
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()
    }

    /// How much was ever changed.
    fn changes(&self) -> i64 {
        let store = self.world.app.store();
        store
            .read(|reading| {
                sally::core::store::one(reading.conn(), "select count(*) from change", [], |row| row.take())
            })
            .expect("a count")
    }
}

#[tokio::test]
async fn a_record_is_made_read_changed_and_guarded_by_its_version() {
    let ben = Client::of("ben").await;
    let made = ben.ask("POST", "/api/crm/deals", json!({ "title": "Relaunch", "value": 100, "currency": "EUR" }));
    assert_eq!((made.status, made.header("etag").unwrap_or_default()), (201, "\"1\""));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/crm/deals/{id}");
    assert_eq!(made.header("location").unwrap_or_default(), path);

    let read = ben.ask("GET", &path, Value::Null);
    assert_eq!((read.status, read.header("content-type").unwrap_or_default()), (200, "application/json"));
    let bearer = format!("Bearer {}", ben.token);
    assert_eq!(ben.send("GET", &path, &[("Authorization", &bearer), ("If-None-Match", "\"1\"")], "").status, 304);
    assert_eq!(ben.send("HEAD", &path, &[("Authorization", &bearer)], "").status, 200);

    let guarded = |etag: &str, title: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json"), ("If-Match", etag)];
        ben.send("PATCH", &path, &headers, json!({ "title": title }).to_string())
    };
    assert_eq!(guarded("\"1\"", "Relaunch 2").json()["version"], 2);
    let stale = guarded("\"1\"", "Relaunch 3");
    assert_eq!((stale.status, stale.json()["code"].as_str().unwrap()), (412, "STALE"));
    assert_eq!(ben.ask("PATCH", &path, json!({ "title": "Relaunch 3", "ifVersion": 1 })).status, 412);
    assert_eq!(ben.ask("GET", &path, Value::Null).json()["title"], "Relaunch 2");
    assert_eq!(
        ben.ask("GET", "/api/v1/crm/deals?fields=id,title", Value::Null).json()["items"][0],
        json!({ "id": id, "title": "Relaunch 2" })
    );
}

#[tokio::test]
async fn a_key_is_made_as_the_guides_write_it() {
    let ben = Client::of("ben").await;
    let made = ben.ask("POST", "/api/v1/api-keys", json!({ "name": "MCP Server", "scopes": ["read", "write"] }));
    assert_eq!((made.status, &made.json()["scopes"]), (201, &json!("*:read *:write")), "{}", made.body);
    assert_eq!(
        ben.ask("POST", "/api/auth/api-keys", json!({ "scopes": "read" })).json()["errors"][0]["field"],
        "label"
    );
    assert_eq!(ben.ask("GET", "/api/v1/auth/me", Value::Null).json()["account"]["email"], "ben@example.com");
}

#[tokio::test]
async fn the_routes_of_the_crm_documents_answer_at_the_root() {
    let ben = Client::of("ben").await;
    let deal = ben.deal("Relaunch");
    assert_eq!(ben.ask("GET", "/crm/deals", Value::Null).json()["items"][0]["title"], "Relaunch");
    // As JSON and as Markdown it has an address of its own, for programs too.
    let own = format!("/crm/deals/{}", deal["id"].as_str().unwrap());
    assert_eq!(ben.ask("GET", &own, Value::Null).json()["title"], "Relaunch");
    assert_eq!(ben.ask("GET", &format!("{own}.json"), Value::Null).json()["title"], "Relaunch");
    assert!(ben.ask("GET", &format!("{own}.md"), Value::Null).body.contains("# Relaunch"));
    assert_eq!(ben.ask("GET", "/crm", Value::Null).json()["ok"], true);
    assert_eq!(ben.ask("POST", "/crm/organizations", json!({ "name": "Nordlicht" })).status, 201);
    let by_accept = ben.send("GET", "/crm/deals", &[("Accept", "application/json")], "");
    assert_eq!(
        (by_accept.status, by_accept.header("content-type").unwrap_or_default()),
        (401, "application/problem+json")
    );
    let edition = ben.send("GET", "/api/edition", &[], "").json();
    assert_eq!(edition["features"], json!(["crm.core"]));
}

#[tokio::test]
async fn a_request_sent_twice_with_an_idempotency_key_is_done_once() {
    let ben = Client::of("ben").await;
    let bearer = format!("Bearer {}", ben.token);
    let headers =
        [("Authorization", bearer.as_str()), ("Content-Type", "application/json"), ("Idempotency-Key", "relaunch-1")];
    let post = |title: &str| ben.send("POST", "/api/crm/deals", &headers, json!({ "title": title }).to_string());
    let (first, again, other) = (post("Relaunch"), post("Relaunch"), post("Another"));
    assert_eq!((first.status, first.body.as_str()), (again.status, again.body.as_str()));
    assert_eq!((other.status, other.json()["code"].as_str().unwrap()), (409, "IDEMPOTENCY_CONFLICT"));
    assert_eq!(ben.ask("GET", "/api/crm/deals?include=total", Value::Null).json()["total"], 1);

    let key = |label: &str| {
        ben.send(
            "POST",
            "/api/auth/api-keys",
            &headers[..2].iter().copied().chain([("Idempotency-Key", "key-1")]).collect::<Vec<_>>(),
            json!({ "label": label }).to_string(),
        )
    };
    assert_eq!(key("a").status, 201);
    assert_eq!(key("a").status, 409, "a token is not kept, so it cannot be repeated");
}

#[tokio::test]
async fn pages_of_a_list_hold_every_record_once_while_rows_come_and_go() {
    let ben = Client::of("ben").await;
    let titles: Vec<String> = (0..25).map(|n| format!("Deal {n:02}")).collect();
    for title in &titles {
        ben.deal(title);
    }
    for sort in
        ["title", "-title", "updatedAt", "-updatedAt", "createdAt", "value", "expectedCloseAt", "-expectedCloseAt"]
    {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = ben.ask("GET", &format!("/api/crm/deals?limit=4&sort={sort}{cursor}"), Value::Null).json();
            seen.extend(
                page["items"].as_array().unwrap().iter().map(|deal| deal["title"].as_str().unwrap().to_owned()),
            );
            if seen.len() == 8 && sort == "title" {
                ben.deal("Aardvark, which sorts before where we are");
            }
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), seen.len(), "{sort} shows something twice");
        assert!(titles.iter().all(|title| seen.contains(title)), "{sort} leaves something out");
    }
}

#[tokio::test]
async fn bad_input_is_named_and_nothing_is_written() {
    let ben = Client::of("ben").await;
    let deal = ben.deal("Relaunch")["id"].as_str().unwrap().to_owned();
    let long = "x".repeat(201);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let before = ben.changes();

    // What is wrong, how it is sent, which status, which word the answer must hold.
    let post = |body: Value| ben.ask("POST", "/api/crm/deals", body);
    let cases = [
        ("an unknown field", post(json!({ "title": "x", "titel": "y" })), 422, "did you mean title"),
        ("a missing field", post(json!({})), 422, "title"),
        ("a wrong type", post(json!({ "title": 7 })), 422, "title"),
        ("an unknown word", post(json!({ "title": "x", "status": "MAYBE" })), 422, "OPEN, WON, LOST"),
        ("a long text", post(json!({ "title": long })), 422, "201 characters"),
        ("an empty text", post(json!({ "title": "  " })), 422, "title"),
        ("a NUL", post(json!({ "title": "a\0b" })), 422, "U+0000"),
        ("a control character", post(json!({ "title": "a\u{7}b" })), 422, "U+0007"),
        ("a huge number", post(json!({ "title": "x", "value": 1e300 })), 422, "value"),
        ("a negative number", post(json!({ "title": "x", "value": -1 })), 422, "negative"),
        ("too many decimals", post(json!({ "title": "x", "value": 1.234, "currency": "EUR" })), 422, "3 decimals"),
        (
            "decimals of a currency without",
            post(json!({ "title": "x", "value": 1.5, "currency": "JPY" })),
            422,
            "JPY has 0",
        ),
        ("no currency of this world", post(json!({ "title": "x", "currency": "EUX" })), 422, "ISO 4217"),
        ("a percentage of 101", post(json!({ "title": "x", "probability": 101 })), 422, "0 to 100"),
        ("a day that is none", post(json!({ "title": "x", "expectedCloseAt": "2027-02-30" })), 422, "2027-02-30"),
        ("labels that are no list", post(json!({ "title": "x", "labels": { "a": 1 } })), 422, "labels"),
        ("a person who is not there", post(json!({ "title": "x", "primaryPersonId": "Nobody" })), 404, "Nobody"),
        ("several mistakes at once", post(json!({ "status": "MAYBE", "value": "many" })), 422, "value"),
        ("broken JSON", ben.raw("POST", "/api/crm/deals", "application/json", "{\"title\":"), 400, "not JSON"),
        (
            "a lone surrogate",
            ben.raw("POST", "/api/crm/deals", "application/json", r#"{"title":"\ud800"}"#),
            400,
            "not JSON",
        ),
        (
            "bytes that are no UTF-8",
            ben.raw("POST", "/api/crm/deals", "application/json", b"{\"title\":\"\xff\"}"),
            400,
            "not JSON",
        ),
        (
            "a field twice",
            ben.raw("POST", "/api/crm/deals", "application/json", r#"{"title":"a","title":"b"}"#),
            400,
            "twice",
        ),
        ("a list for an object", ben.raw("POST", "/api/crm/deals", "application/json", "[]"), 400, "JSON object"),
        ("nesting without end", ben.raw("POST", "/api/crm/deals", "application/json", &deep), 400, "nested deeper"),
        (
            "a form",
            ben.raw("POST", "/api/crm/deals", "application/x-www-form-urlencoded", "title=x"),
            415,
            "application/json",
        ),
        (
            "a body too large",
            ben.raw("POST", "/api/crm/deals", "application/json", vec![b' '; 1_100_000]),
            413,
            "1024 KiB",
        ),
        (
            "another id in the body",
            ben.ask("PATCH", &format!("/api/crm/deals/{deal}"), json!({ "dealId": "deal_0000000000001" })),
            422,
            "path",
        ),
        (
            "null for what must be",
            ben.ask("PATCH", &format!("/api/crm/deals/{deal}"), json!({ "title": null })),
            422,
            "cannot be cleared",
        ),
        (
            "a field that Sally sets",
            ben.ask("PATCH", &format!("/api/crm/deals/{deal}"), json!({ "version": 7 })),
            422,
            "version",
        ),
        (
            "clearing the currency of a value",
            ben.ask("PATCH", &format!("/api/crm/deals/{deal}"), json!({ "value": 5, "currency": null })),
            422,
            "currency",
        ),
        ("an unknown parameter", ben.ask("GET", "/api/crm/deals?serach=x", Value::Null), 422, "did you mean search"),
        ("a parameter twice", ben.ask("GET", "/api/crm/deals?limit=1&limit=2", Value::Null), 422, "twice"),
        ("a limit of 0", ben.ask("GET", "/api/crm/deals?limit=0", Value::Null), 422, "1 to 200"),
        ("a limit of 10^9", ben.ask("GET", "/api/crm/deals?limit=1000000000", Value::Null), 422, "1 to 200"),
        ("a search for 51", ben.ask("GET", "/api/search?query=x&limit=51", Value::Null), 422, "1 to 50, not 51"),
        ("a board of -1", ben.ask("GET", "/api/board?projectId=X&limit=-1", Value::Null), 422, "1 to 200, not -1"),
        ("an unknown order", ben.ask("GET", "/api/crm/deals?sort=colour", Value::Null), 422, "updatedAt"),
        ("a made-up cursor", ben.ask("GET", "/api/crm/deals?cursor=bm90IGEgY3Vyc29y", Value::Null), 422, "cursor"),
        ("an unknown field to show", ben.ask("GET", "/api/crm/deals?fields=id,colour", Value::Null), 422, "colour"),
        (
            "an activity about nothing",
            ben.ask("POST", "/api/crm/activities", json!({ "body": "x" })),
            422,
            "organizationId",
        ),
        ("an unknown path", ben.ask("GET", "/api/crm/dealz", Value::Null), 404, "/crm/dealz"),
        (
            "an id that is none",
            ben.ask("GET", "/api/crm/deals/deal_zzzzzzzzzzzzz", Value::Null),
            404,
            "deal_zzzzzzzzzzzzz",
        ),
        ("a method that is none", ben.ask("PUT", "/api/crm/deals", json!({})), 405, "GET"),
        ("a body on a GET", ben.raw("GET", "/api/crm/deals", "application/json", "{\"a\":1}"), 400, "no body"),
        (
            "a broken If-Match",
            ben.send(
                "PATCH",
                &format!("/api/crm/deals/{deal}"),
                &[("If-Match", "soon"), ("Authorization", &format!("Bearer {}", ben.token))],
                "{}",
            ),
            400,
            "If-Match",
        ),
        (
            "an Accept that cannot be met",
            ben.send(
                "GET",
                "/api/ping",
                &[("Accept", "text/csv"), ("Authorization", &format!("Bearer {}", ben.token))],
                "",
            ),
            406,
            "application/json",
        ),
        ("no key", ben.send("GET", "/api/crm/deals", &[], ""), 401, "key"),
        (
            "a key that is none",
            ben.send("GET", "/api/crm/deals", &[("Authorization", "Bearer atpm_x")], ""),
            401,
            "not known",
        ),
        (
            "a broken Authorization",
            ben.send("GET", "/api/crm/deals", &[("Authorization", "Basic eDp5")], ""),
            401,
            "Bearer",
        ),
    ];
    for (what, answer, status, word) in &cases {
        assert_eq!(answer.status, *status, "{what}: {}", answer.body);
        let problem = answer.json();
        assert_eq!(answer.header("content-type").unwrap_or_default(), "application/problem+json", "{what}");
        assert!(answer.body.contains(word), "{what}: {} does not say {word}", answer.body);
        assert_eq!(problem["requestId"], answer.header("x-request-id").unwrap_or_default(), "{what}");
    }
    assert!(
        cases
            .iter()
            .any(|(_, answer, ..)| answer.status == 405 && answer.header("allow").unwrap_or_default().contains("POST"))
    );
    assert_eq!(ben.changes(), before, "something was written");
    assert_eq!(ben.send("GET", "/health", &[], "").status, 200);
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_refused() {
    let ben = Client::of("ben").await;
    (0..3).for_each(|n| drop(ben.deal(&format!("Deal {n}"))));
    let page = ben.ask("GET", "/api/crm/deals?limit=1", Value::Null).json();
    let cursor = page["nextCursor"].as_str().unwrap();
    assert_eq!(ben.ask("GET", &format!("/api/crm/deals?limit=1&cursor={cursor}"), Value::Null).status, 200);
    assert_eq!(ben.ask("GET", &format!("/api/crm/deals?limit=1&sort=title&cursor={cursor}"), Value::Null).status, 422);
    for position in 0..cursor.len() {
        let mut bytes = cursor.as_bytes().to_vec();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let answer = ben.ask("GET", &format!("/api/crm/deals?limit=1&cursor={changed}"), Value::Null);
        assert_eq!(answer.status, 422, "{changed}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_workspace_is_selected_as_documented() {
    let world = World::new().await;
    let sam = world.person("sam").await;
    let eve = world.person("eve").await;
    sam.ask("workspace.member.add", json!({ "workspaceId": "bolt", "accountId": "ada@example.com", "role": "MEMBER" }))
        .await
        .unwrap();
    let ada = world.person("ada").await.token;
    let pinned = world.keyed("ada", sally::features::keys::KeyKind::Mcp, None, Some("acme")).await.token;
    let server = Server::start(&world.app);
    let client = Client { server, token: String::new(), world };
    let get = |token: &str, path: &str, headers: &[(&str, &str)]| {
        let bearer = format!("Bearer {token}");
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("Authorization", bearer.as_str())]).collect();
        let answer = client.send("GET", path, &headers, "");
        (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
    };
    let (status, detail) = get(&ada, "/api/crm/deals", &[]);
    assert_eq!(status, 400);
    assert!(detail.starts_with("workspace selector required") && detail.ends_with("acme, bolt"), "{detail}");
    for (path, headers) in [
        ("/api/crm/deals", vec![("X-Workspace-Slug", "acme")]),
        ("/api/crm/deals?workspaceSlug=acme", vec![]),
        ("/api/crm/deals?workspace_slug=bolt", vec![]),
        ("/api/crm/deals?workspaceSlug=nowhere", vec![("X-Workspace-Slug", "acme")]),
    ] {
        assert_eq!(get(&ada, path, &headers).0, 200, "{path} {headers:?}");
    }
    assert_eq!(get(&ada, "/api/crm/deals?workspaceSlug=nowhere", &[]).0, 403);
    assert!(get(&eve.token, "/api/crm/deals?workspaceSlug=acme", &[]).1.starts_with("Workspace access denied"));
    assert_eq!(get(&eve.token, "/api/workspaces/acme", &[]).0, 404);
    assert_eq!(
        get(&sam.token, "/api/crm/deals?workspaceSlug=nowhere", &[]),
        (404, "Workspace not found: “nowhere”.".into())
    );
    assert_eq!(get(&pinned, "/api/crm/deals", &[]).0, 200);
    assert_eq!(
        get(&pinned, "/api/crm/deals", &[("X-Workspace-Slug", "bolt")]),
        (403, "Workspace access denied by MCP key restriction".into())
    );
    sam.ask("workspace.archive", json!({ "workspaceId": "acme" })).await.unwrap();
    assert_eq!(get(&ada, "/api/crm/deals?workspaceSlug=acme", &[]).0, 409);
    assert_eq!(get(&ada, "/api/crm/deals", &[]).0, 200, "only one active workspace is left");
    // Who belongs to many is told of ten.
    for number in 0..10 {
        let made = sam.ask("workspace.create", json!({ "name": format!("Shop {number}") })).await.unwrap();
        let join = json!({ "workspaceId": made["id"], "accountId": "ada@example.com", "role": "MEMBER" });
        sam.ask("workspace.member.add", join).await.unwrap();
    }
    let (_, detail) = get(&ada, "/api/crm/deals", &[]);
    assert!(detail.ends_with("shop-8, … and 1 more"), "{detail}");
}

#[tokio::test]
async fn signing_in_gives_a_session_that_can_be_ended() {
    let client = Client::of("ben").await;
    let login = |password: &str| {
        let body = json!({ "email": "Sam@Example.com", "password": password }).to_string();
        client.send("POST", "/api/auth/login", &[("Content-Type", "application/json")], body)
    };
    let wrong = login("Wrong-horse-7");
    assert_eq!((wrong.status, wrong.json()["detail"].as_str().unwrap()), (401, "E-mail or password is wrong."));
    let right = login(support::PASSWORD);
    assert_eq!(right.status, 200);
    let token = right.json()["sessionToken"].as_str().unwrap().to_owned();
    assert_eq!(right.json()["memberships"][0]["slug"], "acme");
    for (name, value) in [
        ("Authorization", format!("Bearer {token}")),
        ("X-Session-Token", token.clone()),
        ("Cookie", format!("sally_session={token}")),
    ] {
        assert_eq!(
            client.send("GET", "/api/auth/me", &[(name, &value)], "").json()["account"]["email"],
            "sam@example.com"
        );
    }
    let cookie = format!("sally_session={token}");
    let foreign = client.send("POST", "/api/auth/logout", &[("Cookie", &cookie), ("Sec-Fetch-Site", "cross-site")], "");
    assert_eq!(foreign.status, 403, "another site must not act with the cookie");
    assert_eq!(client.send("POST", "/api/auth/logout", &[("Cookie", &cookie)], "").status, 204);
    assert_eq!(client.send("GET", "/api/auth/me", &[("Cookie", &cookie)], "").status, 401);

    // The allowance grows again by the second, so on a slow machine it takes more attempts.
    assert!((0..100).any(|_| login("Wrong-horse-7").status == 429));
    assert!(!login("Wrong-horse-7").header("retry-after").unwrap_or_default().is_empty());
}

#[tokio::test]
async fn every_answer_carries_its_id_and_the_security_headers() {
    let client = Client::of("ben").await;
    let answer = client.send("GET", "/health", &[("X-Request-Id", "from-the-proxy-1")], "");
    assert_eq!(answer.header("x-request-id").unwrap_or_default(), "from-the-proxy-1");
    assert_eq!(answer.header("x-content-type-options").unwrap_or_default(), "nosniff");
    assert!(answer.header("content-security-policy").unwrap_or_default().starts_with("default-src 'none'"));
    assert_eq!(answer.header("cache-control").unwrap_or_default(), "no-store");
    let made_up = client.send("GET", "/health", &[("X-Request-Id", "has a blank")], "");
    assert_ne!(made_up.header("x-request-id").unwrap_or_default(), "has a blank");
}

#[tokio::test]
async fn the_openapi_document_is_as_reviewed() {
    let world = World::new().await;
    let mut document = sally::http::openapi::document(&world.app);
    document["info"]["version"] = json!("[version]");
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document).unwrap());
}

#[tokio::test]
async fn an_idempotency_key_on_a_read_changes_nothing() {
    let ben = Client::of("ben").await;
    let bearer = format!("Bearer {}", ben.token);
    let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", "read-1")];
    assert_eq!(ben.send("GET", "/api/crm/deals", &headers, "").status, 200);
}

#[tokio::test]
async fn what_needs_no_sign_in_asks_for_none_whatever_is_sent_along() {
    let ben = Client::of("ben").await;
    let stale = [("X-Session-Token", "of a session long gone"), ("Content-Type", "application/json")];
    let entry = json!({ "email": "sam@example.com", "password": support::PASSWORD }).to_string();
    assert_eq!(ben.send("POST", "/api/auth/login", &stale, entry).status, 200);
    assert_eq!(ben.send("GET", "/health", &stale[..1], "").status, 200);
    assert_eq!(ben.send("GET", "/api/ping", &stale[..1], "").status, 401);
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_told_at_the_query() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    for query in ["project:NONE", "relaunch project:NONE is:open", "assignee:nobody", "is:done"] {
        let refused = ben.refused("search", json!({ "query": query })).await;
        let fields: Vec<&str> = refused.field_errors().iter().map(|error| error.field.as_str()).collect();
        assert_eq!((refused.status(), fields), (404, vec!["query"]), "{query}: {refused}");
    }
    let refused = ben.refused("search", json!({ "query": "x", "projectId": "NONE" })).await;
    assert_eq!(refused.field_errors()[0].field, "projectId");
}

#[tokio::test]
async fn an_empty_list_of_types_to_search_is_all_of_them() {
    let ben = Client::of("ben").await;
    ben.deal("Relaunch");
    let found = ben.world.app.operation("search").unwrap();
    let input = json!({ "query": "relaunch", "types": [] }).as_object().unwrap().clone();
    let call = sally::core::app::Call::with(sally::core::caller::Credential::Token(
        sally::core::secret::TokenHash::of(&ben.token),
    ));
    let reply = ben.world.app.answer(found, call, input).await.unwrap();
    assert_eq!(support::json_of(&reply)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_that_does_not_work_is_told_before_the_password_is_looked_at() {
    let ben = Client::of("ben").await;
    let refused = ben.ask("POST", "/api/auth/reset-password", json!({ "token": "made-up", "password": "weak" }));
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!("token")));
}
