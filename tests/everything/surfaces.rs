//! Every address and every tool over real HTTP: nobody gets in who should not, and no text becomes a script.

use std::collections::BTreeSet;

use sally::core::app::Listed;
use sally::core::caller::Role;
use sally::core::operation::{Effect, Needs, Route};
use sally::core::reference::Ref;
use sally::features::accounts::AddUser;
use sally::http::server::OPEN_TO_ANYBODY;
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::{self, World, console};
use crate::things::{Things, changes};

/// Where a route leads, with the records of the input in its places.
fn path(route: &Route, input: &Value) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(field) => input[field].as_str().unwrap_or("none").to_owned(),
        None => part.to_owned(),
    };
    format!("/api{}", route.path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

/// Every address that a surface registers by hand, read off the source.
fn addresses() -> BTreeSet<String> {
    let mut found = BTreeSet::from(["/api/docs".to_owned(), "/api/openapi.json".to_owned()]);
    let mut folders = ["src/http", "src/mcp", "src/web"].map(std::path::PathBuf::from).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("a file");
            for opening in ["at(\"/", "open(\"/", ".route(\"/", "resource(\"/"] {
                for rest in source.split(opening).skip(1) {
                    let address = format!("/{}", rest.split('"').next().expect("a closing quote"));
                    // These two stand below /api.
                    if !matches!(address.as_str(), "/openapi.json" | "/docs") {
                        found.insert(address);
                    }
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn nobody_gets_past_the_sign_in_but_where_it_is_said() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let addresses = addresses();
    assert!(addresses.len() > 35, "only {} addresses were found", addresses.len());
    for open in OPEN_TO_ANYBODY {
        assert!(addresses.contains(*open), "{open} is said to be open but is no address");
    }
    for address in &addresses {
        let is_open = OPEN_TO_ANYBODY.contains(&address.as_str());
        let path = address.replace("{hash}/{path:.*}", "0/none").replace("{id}", "deal_0000000000001");
        for method in ["GET", "POST", "DELETE"] {
            let headers = [("Accept", "text/html, */*"), ("Content-Type", "application/x-www-form-urlencoded")];
            let answer = server.send(method, &path, if method == "GET" { &headers[..1] } else { &headers }, "");
            // To the sign-in, or on to another address, which is tried too.
            let goes_on = answer.status == 303 && answer.body.is_empty();
            let refused = goes_on || matches!(answer.status, 401 | 403 | 404 | 405 | 415);
            assert!(is_open || refused, "{method} {address} answers nobody with {}: {}", answer.status, answer.body);
            assert!(answer.status < 500, "{method} {address}: {}", answer.status);
            assert!(!is_open || answer.status != 401 || method != "GET", "{method} {address} is said to be open");
        }
    }
}

/// What would run if it were not taken for text.
const SCRIPT: &str =
    "\"'><script>evil()</script><img src=x onerror=evil()><svg/onload=evil()>[x](javascript:evil())<javascript:evil()>";

/// The same input with script in every field that takes a text of its own.
fn hostile(listed: &Listed, things: &Things) -> Value {
    let mut input = things.input(listed);
    let properties = listed.shape.schema["properties"].as_object().expect("properties");
    for (field, schema) in properties {
        let is_reference = things.reference(listed.entry.spec.name, field).is_some();
        if is_reference || !schema["enum"].is_null() || matches!(field.as_str(), "base64" | "idempotencyKey") {
            continue;
        }
        match schema["type"].as_str() {
            Some("string") => input[field] = json!(SCRIPT),
            Some("array") if schema["items"]["type"] == "string" && field == "labels" => input[field] = json!([SCRIPT]),
            _ => {}
        }
    }
    input
}

#[tokio::test]
async fn script_in_any_field_is_text_everywhere() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let things = Things::of(&ada, "acme").await;
    let mut planted = 0;
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        let is_plain = !matches!(spec.needs, Needs::Public | Needs::Platform | Needs::Superadmin);
        // A workspace, a project or a person of another name is found by it no more; theirs come last, below.
        if spec.route.is_none() || spec.effect != Effect::Write || !is_plain || spec.name == "workspace.update" {
            continue;
        }
        let plain = things.input(listed);
        let mut input = hostile(listed, &things);
        // What may be no such text is told field by field; the rest is planted.
        for _ in 0..8 {
            let Err(error) = ada.ask(spec.name, input.clone()).await else {
                planted += 1;
                break;
            };
            assert!((400..500).contains(&error.status()), "{}: {error}", spec.name);
            let told: Vec<String> = error.field_errors().iter().map(|wrong| wrong.field.clone()).collect();
            if told.is_empty() {
                break;
            }
            for field in told {
                let field = field.split(['[', '.']).next().unwrap_or_default().to_owned();
                match plain.get(&field) {
                    Some(value) => input[&field] = value.clone(),
                    None => drop(input.as_object_mut().expect("an object").remove(&field)),
                }
            }
        }
    }
    assert!(planted > 30, "only {planted} operations took a text");
    let renamed = json!({ "workspaceId": "acme", "name": SCRIPT });
    ada.ask("workspace.update", renamed).await.expect("a workspace may be called so");

    // Every page that leads on from the first one, as a browser finds them.
    let server = Server::start(&world.app);
    let cookie = format!("sally_session={}", ada.token);
    let (mut found, mut next) = (BTreeSet::from(["/".to_owned()]), vec!["/".to_owned()]);
    // A stream has no end, and no text of anybody's: tests/pages/live.rs.
    found.extend(addresses().into_iter().filter(|address| !address.contains('{') && address != "/live"));
    next.extend(found.iter().filter(|path| *path != "/").cloned());
    let (mut pages, mut shown) = (0, 0);
    while let Some(path) = next.pop() {
        let answer = server.send("GET", &path, &[("Cookie", &cookie), ("Accept", "text/html, */*")], "");
        assert!(answer.status < 500, "{path}: {}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        if !kind.starts_with("text/html") {
            assert!(!answer.body.contains("evil") || !kind.contains("html"), "{path} is {kind}");
            continue;
        }
        pages += 1;
        shown += answer.body.matches("evil()").count();
        let body = answer.body.to_ascii_lowercase();
        for alive in
            ["<script>evil", "<img src=x", "<svg/onload", "href=\"javascript:", "href=\"\"'>", "src=\"javascript:"]
        {
            assert!(!body.contains(alive), "{path} lets {alive} live");
        }
        assert!(answer.header("content-security-policy").is_some_and(|policy| !policy.contains("unsafe")), "{path}");
        for link in answer.body.split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap_or_default().replace("&amp;", "&").replace("&#38;", "&");
            let link = link.split('#').next().unwrap_or_default().to_owned();
            let is_ours = link.starts_with('/') && !link.starts_with("//") && !link.starts_with("/static/");
            // One page of each list in each order would be thousands.
            if is_ours && !link.contains('?') && found.len() < 400 && found.insert(link.clone()) {
                next.push(link);
            }
        }
    }
    assert!(pages > 30 && shown > 50, "{pages} pages showed {shown} texts");

    // Programs get it as it was typed, and as nothing that a browser runs.
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        let Some(route) = spec.route.filter(|_| spec.effect == Effect::Read && spec.needs != Needs::Public) else {
            continue;
        };
        let path = path(&route, &things.input(listed));
        let bearer = format!("Bearer {}", ada.token);
        let answer = server.send("GET", &path, &[("Authorization", &bearer)], "");
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(answer.status < 500 && (kind.is_empty() || kind.contains("json")), "{path}: {} {kind}", answer.status);
    }
}

/// A way in that is none any more, or was never meant for here.
struct Dead {
    what: &'static str,
    api: String,
    mcp: String,
}

/// Keys of an owner of both workspaces, each with something that keeps it out of Acme.
async fn dead_credentials(world: &World) -> Vec<Dead> {
    let mut dead = Vec::new();
    for (what, spoil) in [
        (
            "an archived account",
            "update account set archived_at = 1 where id = (select account_id from access_key where id = {})",
        ),
        ("an expired key", "update access_key set expires_at = 1 where id = {}"),
        ("a revoked key", "update access_key set revoked_at = 1 where id = {}"),
        (
            "a key of a disabled agent",
            "update agent set enabled = 0 where id = (select agent_id from access_key where id = {})",
        ),
        ("a key for other addresses", "update access_key set addresses = '10.0.0.0/8' where id = {}"),
        (
            "an account that was deleted",
            "delete from account where id = (select account_id from access_key where id = {})",
        ),
    ] {
        let name = format!("Olga {}", dead.len());
        let email = format!("olga{}@example.com", dead.len());
        let user = AddUser::new(support::email(&email), support::line(&name), Ref::new("acme"), Role::Owner, None);
        world.app.run(console(), user).await.expect("a user");
        let owner = world.person(email.trim_end_matches("@example.com")).await;
        let agent = owner.ask("agent.create", json!({ "name": name })).await.expect("an agent");
        let mut tokens = Vec::new();
        for operation in ["api_key.create", "mcp_key.create"] {
            let key = owner.ask(operation, json!({ "label": what, "agentId": agent["id"] })).await.expect("a key");
            let id = sally::core::id::any(key["id"].as_str().expect("an id")).expect("an id");
            tokens.push((id, key["token"].as_str().expect("a token").to_owned()));
        }
        for (id, _) in &tokens {
            support::put(&world.app, &spoil.replace("{}", &id.to_string())).await;
        }
        let mut tokens = tokens.into_iter().map(|(_, token)| token);
        dead.push(Dead { what, api: tokens.next().expect("two"), mcp: tokens.next().expect("two") });
    }
    dead.push(Dead { what: "a key that never was", api: "atpm_unknown".into(), mcp: "sallymcp_unknown".into() });
    dead
}

#[tokio::test]
async fn no_dead_credential_opens_anything() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let things = Things::of(&ada, "acme").await;
    let dead = dead_credentials(&world).await;
    let server = Server::start(&world.app);
    let before = changes(&world);
    let mut tried = 0;
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        if spec.needs == Needs::Public {
            continue;
        }
        let mut input = things.input(listed);
        for Dead { what, api, mcp } in &dead {
            let bearer = format!("Bearer {api}");
            let cookie = format!("sally_session={api}");
            if let Some(route) = spec.route {
                let path = format!("{}?workspaceSlug=acme", path(&route, &input));
                let ways = [[("Authorization", bearer.as_str())], [("X-Api-Key", api)], [("Cookie", &cookie)]];
                for way in ways {
                    let answer = server.send(route.method.word(), &path, &way, "");
                    assert!(matches!(answer.status, 401 | 403), "{} lets {what} in: {}", spec.name, answer.body);
                    tried += 1;
                }
            }
            if spec.more.mcp {
                input["workspaceSlug"] = json!("acme");
                let params = json!({ "name": spec.name, "arguments": input });
                let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
                let bearer = format!("Bearer {mcp}");
                let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
                let answer = server.send("POST", "/mcp", &headers, call);
                let refused = answer.status == 401
                    || answer.status == 403
                    || (answer.json()["result"]["isError"] == true
                        && matches!(answer.json()["result"]["structuredContent"]["status"].as_u64(), Some(401 | 403)));
                assert!(refused, "the tool {} lets {what} in: {} {}", spec.name, answer.status, answer.body);
                input.as_object_mut().expect("an object").remove("workspaceSlug");
                tried += 1;
            }
        }
    }
    for Dead { what, api, .. } in &dead {
        let cookie = format!("sally_session={api}");
        for address in addresses().iter().filter(|address| !OPEN_TO_ANYBODY.contains(&address.as_str())) {
            let path = address.replace("{id}", "deal_0000000000001");
            let answer = server.send("GET", &path, &[("Cookie", &cookie), ("Accept", "text/html")], "");
            let refused = matches!(answer.status, 303 | 401 | 403 | 404 | 405 | 406);
            assert!(refused && !answer.body.contains("Sample"), "{path} lets {what} in: {}", answer.status);
        }
    }
    assert_eq!(changes(&world), before, "somebody wrote something");
    assert!(tried > 2_000, "only {tried} ways were tried");
}
