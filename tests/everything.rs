//! Tests that walk the whole list: rights, strangers, references, names. A new operation is covered without a line here,
//! except for its sample input, and the tests fail until it has one.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;

use sally::core::app::{Call, Listed};
use sally::core::caller::Credential;
use sally::core::operation::{Effect, Needs};
use sally::core::secret::TokenHash;
use sally::http::server::OPEN_TO_ANYBODY;
use serde_json::{Value, json};
use support::server::Server;
use support::{Person, World, console};

/// Records of one workspace to aim operations at.
struct Things {
    workspace: String,
    organization: String,
    person: String,
    deal: String,
    follow_up: String,
    stage: String,
    account: String,
    membership: String,
    api_key: String,
    mcp_key: String,
}

impl Things {
    async fn of(owner: &Person, workspace: &str) -> Things {
        let id = |value: &Value, field: &str| value[field].as_str().expect("an id").to_owned();
        let made = async |operation: &str, input: Value| id(&owner.ask(operation, input).await.expect(operation), "id");
        let organization = made("crm.organization.create", json!({ "name": format!("Org of {workspace}") })).await;
        let person = made("crm.person.create", json!({ "name": format!("Person of {workspace}") })).await;
        let deal = made("crm.deal.create", json!({ "title": format!("Deal of {workspace}") })).await;
        let follow_up = made("crm.follow_up.add", json!({ "title": format!("Follow-up of {workspace}") })).await;
        let members = owner.ask("workspace.member.list", json!({ "workspaceId": workspace })).await.expect("members");
        let info = owner.ask("crm.addon.info", json!({})).await.expect("stages");
        Things {
            workspace: id(
                &owner.ask("workspace.get", json!({ "workspaceId": workspace })).await.expect("workspace"),
                "id",
            ),
            organization,
            person,
            deal,
            follow_up,
            stage: id(&info["stages"][0], "id"),
            account: id(&members["items"][0], "accountId"),
            membership: id(&members["items"][0], "id"),
            api_key: made("api_key.create", json!({ "label": "k" })).await,
            mcp_key: made("mcp_key.create", json!({ "label": "k" })).await,
        }
    }

    /// Every field that names a record, by the field's name.
    fn reference(&self, field: &str) -> Option<&str> {
        Some(match field {
            "workspaceId" => &self.workspace,
            "organizationId" => &self.organization,
            "personId" | "primaryPersonId" => &self.person,
            "dealId" => &self.deal,
            "followUpId" => &self.follow_up,
            "stage" => &self.stage,
            "ownerId" => &self.account,
            "membershipId" => &self.membership,
            "apiKeyId" => &self.api_key,
            "mcpKeyId" => &self.mcp_key,
            _ => return None,
        })
    }
}

/// The plain fields an operation needs besides references.
fn sample(operation: &str) -> Value {
    match operation {
        "crm.organization.create" | "crm.person.create" => json!({ "name": "Sample" }),
        "crm.deal.create" | "crm.follow_up.add" => json!({ "title": "Sample" }),
        "crm.activity.add" => json!({ "body": "Sample" }),
        "workspace.create" => json!({ "name": "Sample" }),
        "workspace.member.add" => json!({ "accountId": "sam@example.com", "role": "VIEWER" }),
        "workspace.member.update" => json!({ "role": "VIEWER" }),
        "api_key.create" | "mcp_key.create" => json!({ "label": "Sample" }),
        "search" => json!({ "query": "Sample" }),
        "auth.session.revoke" => json!({ "sessionId": "sess_0000000000001" }),
        "account.archive" => json!({ "accountId": "vera@example.com" }),
        "account.update_platform_role" => json!({ "accountId": "vera@example.com", "platformRole": "NONE" }),
        "account.create" => json!({ "email": "new@example.com", "name": "New" }),
        "auth.change_password" => json!({ "currentPassword": "x", "newPassword": "Another-horse-8" }),
        "auth.login" => json!({ "email": "nobody@example.com", "password": "x" }),
        "auth.reset_password" => json!({ "token": "x", "password": "Another-horse-8" }),
        _ => json!({}),
    }
}

fn fields(listed: &Listed) -> Vec<String> {
    listed.shape.schema["properties"].as_object().expect("properties").keys().cloned().collect()
}

#[tokio::test]
async fn permissions_are_as_reviewed() {
    let world = World::new().await;
    world
        .app
        .run(console(), sally::features::workspaces::CreateWorkspace { name: support::line("Doomed") })
        .await
        .unwrap();
    let mut roles = vec![("nobody", Call::default())];
    for (role, name) in
        [("stranger", "eve"), ("viewer", "vera"), ("member", "ben"), ("owner", "ada"), ("superadmin", "sam")]
    {
        let selector = Some(sally::core::caller::Selector::Slug("acme".into()));
        roles.push((role, Call { selector, ..world.person(name).await.call() }));
    }
    let reader = world.keyed("ada", sally::features::keys::KeyKind::Api, Some("read"), None).await;
    roles.push(("owner with a read-only key", reader.call()));

    let mut table = String::from(
        "# Who may run what: y = yes, . = refused. A change here is a change of rights; read it twice.\n#\n",
    );
    for (index, (role, _)) in roles.iter().enumerate() {
        writeln!(table, "#{}{role}", " ".repeat(2 + index * 2)).unwrap();
    }
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        let mut line = String::new();
        for (_, call) in &roles {
            // Without an input nothing happens behind the permission; paths name a workspace that may go.
            let workspace = if matches!(spec.needs, Needs::Platform) { "doomed" } else { "acme" };
            let input = if spec.is_selected_by_path() { json!({ "workspaceId": workspace }) } else { json!({}) };
            let input = input.as_object().expect("an object").clone();
            let answer = world.app.answer(listed, call.clone(), input).await;
            let refused = answer.as_ref().is_err_and(|error| {
                matches!(error.status(), 401 | 403) || (error.status() == 404 && spec.is_selected_by_path())
            });
            line.push_str(if refused { " ." } else { " y" });
        }
        writeln!(table, "   {line}   {:32} {:?} {}", spec.name, spec.needs, spec.effect.word()).unwrap();
    }
    insta::assert_snapshot!("permissions", table);
}

#[tokio::test]
async fn the_list_is_as_reviewed() {
    let world = World::new().await;
    let mut table = String::new();
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        let route = spec.route.map_or("-".to_owned(), |route| format!("{} {}", route.method.word(), route.path));
        let tool = if spec.more.mcp { spec.toolset.word() } else { "-" };
        writeln!(
            table,
            "{}\t{route}\t{:?}\t{}\t{tool}\t{}",
            spec.name,
            spec.needs,
            spec.effect.word(),
            spec.more.aliases.join(" ")
        )
        .unwrap();
    }
    insta::assert_snapshot!("operations", table);
}

#[test]
fn every_operation_that_is_written_is_listed() {
    let mut written = 0;
    let mut folders = vec![std::path::PathBuf::from("src/features")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                written += std::fs::read_to_string(&path).expect("a file").matches("\nimpl Operation for ").count();
            }
        }
    }
    let listed: usize = sally::features::ALL.iter().map(|list| list.len()).sum();
    assert_eq!(written, listed, "an operation is written but not in its file's OPERATIONS, or listed twice");
}

#[tokio::test]
async fn names_routes_and_aliases_are_unique() {
    let world = World::new().await;
    let mut seen = BTreeSet::new();
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        for name in std::iter::once(&spec.name).chain(spec.more.aliases) {
            assert!(seen.insert((*name).to_owned()), "{name} twice");
        }
        if let Some(route) = spec.route {
            assert!(
                seen.insert(format!("{} {}", route.method.word(), route.path)),
                "{} {} twice",
                route.method.word(),
                route.path
            );
            for parameter in route.parameters() {
                assert!(
                    listed.shape.has(parameter),
                    "{}: {parameter} stands in the path but not in the input",
                    spec.name
                );
            }
        }
    }
}

#[tokio::test]
async fn every_input_is_documented_and_plain() {
    let world = World::new().await;
    for listed in world.app.operations() {
        let name = listed.entry.spec.name;
        let schema = &listed.shape.schema;
        let spec = &listed.entry.spec;
        // What needs no sign-in has no caller, and /mcp leaves the caller to the door.
        assert!(spec.needs != Needs::Public || !spec.more.mcp, "{name} is public and a tool");
        assert_eq!(schema["type"], "object", "{name}");
        assert_eq!(schema["additionalProperties"], json!(false), "{name}");
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 10), "{name} has no description");
        for keyword in ["anyOf", "oneOf", "allOf", "$ref", "$defs"] {
            assert!(
                !schema.to_string().contains(&format!("\"{keyword}\"")),
                "{name} has {keyword}: several clients refuse it"
            );
        }
        for (field, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["type"].is_string(), "{name}.{field} has no single type: {property}");
        }
    }
}

#[tokio::test]
async fn a_stranger_finds_nothing_and_changes_nothing() {
    let world = World::new().await;
    let (ada, eve) = (world.person("ada").await, world.person("eve").await);
    let acme = Things::of(&ada, "acme").await;
    let bolt = Things::of(&eve, "bolt").await;
    let mut aimed = 0;
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        if spec.route.is_none() || matches!(spec.needs, Needs::Public | Needs::Platform | Needs::Superadmin) {
            continue;
        }
        let references: Vec<String> =
            fields(listed).into_iter().filter(|field| acme.reference(field).is_some()).collect();
        for foreign in &references {
            // All of Eve's own, but for one that is Acme's.
            let mut input = sample(spec.name);
            for field in &references {
                let required = spec.route.is_some_and(|route| route.parameters().any(|name| name == field));
                let things = if field == foreign { &acme } else { &bolt };
                if field == foreign || required {
                    input[field] = json!(things.reference(field));
                }
            }
            let before = changes(&world);
            let answer = eve.ask(spec.name, input.clone()).await;
            let error = answer.expect_err(&format!("{} let a stranger through with {input}", spec.name));
            assert_eq!(error.status(), 404, "{} with a foreign {foreign}: {error}", spec.name);
            assert_eq!(changes(&world), before, "{} changed something for a stranger", spec.name);

            // The same words as for what does not exist at all.
            let absent =
                input.to_string().replace(acme.reference(foreign).expect("a reference"), "nothing-of-the-kind");
            let none =
                eve.ask(spec.name, serde_json::from_str(&absent).expect("JSON")).await.expect_err("nothing there");
            assert_eq!((none.status(), none.code()), (error.status(), error.code()), "{} {foreign}", spec.name);
            aimed += 1;
        }
    }
    assert!(aimed > 30, "only {aimed} references were tried");
}

/// How much the journal holds: nothing is changed without it.
fn changes(world: &World) -> i64 {
    let store = world.app.store();
    store
        .read(|reading| sally::core::store::one(reading.conn(), "select count(*) from change", [], |row| row.take()))
        .expect("a count")
}

#[tokio::test]
async fn a_viewer_and_a_dead_key_write_nothing() {
    let world = World::new().await;
    let (ada, vera) = (world.person("ada").await, world.person("vera").await);
    let acme = Things::of(&ada, "acme").await;
    let unknown = Call::with(Credential::Token(TokenHash::of("atpm_unknown")));
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        if spec.effect == Effect::Read || spec.route.is_none() || spec.needs == Needs::Public {
            continue;
        }
        let mut input = sample(spec.name);
        for field in fields(listed) {
            if let (Some(reference), true) =
                (acme.reference(&field), spec.route.is_some_and(|r| r.parameters().any(|name| name == field)))
            {
                input[field] = json!(reference);
            }
        }
        let before = changes(&world);
        let error = vera.ask_with(unknown.clone(), spec.name, input.clone()).await.expect_err("an unknown key");
        assert_eq!(error.status(), 401, "{}", spec.name);
        if matches!(spec.needs, Needs::Workspace(_) | Needs::Platform | Needs::Superadmin) {
            let error = vera.ask(spec.name, input).await.expect_err(spec.name);
            assert_eq!(error.status(), 403, "{}: {error}", spec.name);
            assert!(error.problem_json("r")["permission"]["required"].is_string(), "{}", spec.name);
        }
        assert_eq!(changes(&world), before, "{} wrote", spec.name);
    }
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
            for opening in ["at(\"/", ".route(\"/", "resource(\"/"] {
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
