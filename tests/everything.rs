//! Tests that walk the whole list: rights, strangers, references, names. A new operation is covered without a line here,
//! except for its sample input, and the tests fail until it has one.

mod support;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use sally::core::app::{Call, Listed};
use sally::core::caller::{Credential, Role};
use sally::core::operation::{Effect, Needs};
use sally::core::reference::Ref;
use sally::core::secret::TokenHash;
use sally::core::time::Moment;
use sally::features::accounts::AddUser;
use sally::features::notifications::TellDue;
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
    /// Somebody without a role of their own in the scene's project.
    newcomer: String,
    membership: String,
    invite: String,
    api_key: String,
    mcp_key: String,
    client: String,
    /// A project that everybody in the workspace sees and the one of the scene waits for, and one that it does not wait for.
    awaited: String,
    independent: String,
    agent: String,
    notification: String,
    scene: Scene,
}

/// A project with one of everything in it. What belongs to projects gets its line here, in [`Scene::of`] and in
/// [`Things::reference`].
#[derive(Clone)]
struct Scene {
    project: String,
    membership: String,
    status: String,
    other_status: String,
    statuses: Vec<String>,
    label: String,
    /// It waits for the second one, stands beside the third, and has a todo and a picture.
    task: String,
    /// Its owner's.
    comment: String,
    /// The time of whoever is cast, else of Vera, else of the owner.
    time_entry: String,
    awaited_task: String,
    other_task: String,
    todo: String,
    image: String,
}

fn id(value: &Value, field: &str) -> String {
    value[field].as_str().expect("an id").to_owned()
}

impl Scene {
    /// Closed to the workspace when somebody is cast; then they alone are in it, besides its owner.
    async fn of(owner: &Person, awaited: &str, cast: Option<(&str, &str)>) -> Scene {
        let ask = async |operation: &str, input: Value| owner.ask(operation, input).await.expect(operation);
        let visibility = if cast.is_some() { "MEMBERS" } else { "WORKSPACE" };
        let project = ask("project.create", json!({ "name": "Scene", "visibility": visibility })).await;
        let project = id(&project, "id");
        let depends = json!({ "projectId": project, "dependsOnId": awaited });
        ask("project.dependency.add", depends).await;
        if let Some((account, role)) = cast {
            let member = json!({ "projectId": project, "accountId": account, "role": role });
            ask("project.member.add", member).await;
        }
        // Somebody to change: Mia where there is one, else the owner.
        let mia = json!({ "projectId": project, "accountId": "mia@example.com" });
        let membership = match owner.ask("project.member.add", mia).await {
            Ok(member) => id(&member, "id"),
            Err(_) => {
                let members = ask("project.member.list", json!({ "projectId": project })).await;
                id(&members["items"][0], "id")
            }
        };
        let label = ask("project.label.create", json!({ "projectId": project, "name": "bug" })).await;
        let task = support::put_task(&owner.app, &project, "Backlog", "Sample").await;
        let comment = ask("comment.add", json!({ "taskId": task, "body": "Sample" })).await;
        let spent = json!({ "projectId": project, "minutes": 5 });
        let mut of_another = spent.clone();
        of_another["accountId"] = json!(cast.map_or("vera@example.com", |(account, _)| account));
        let time_entry = match owner.ask("timesheet.add", of_another).await {
            Ok(entry) => entry,
            Err(_) => ask("timesheet.add", spent).await,
        };
        let awaited_task = support::put_task(&owner.app, &project, "Review", "Sample").await;
        let other_task = support::put_task(&owner.app, &project, "Backlog", "Sample").await;
        ask("task.dependency.add", json!({ "taskId": task, "dependsOnId": awaited_task })).await;
        let todo = ask("task.todo.create", json!({ "taskId": task, "text": "Sample" })).await;
        let image = ask("task.image_upload", json!({ "taskId": task, "base64": PICTURE })).await;
        let statuses = ask("project.status.list", json!({ "projectId": project })).await;
        let statuses: Vec<String> =
            statuses["items"].as_array().expect("statuses").iter().map(|status| id(status, "id")).collect();
        Scene {
            membership,
            status: statuses[2].clone(),
            other_status: statuses[1].clone(),
            statuses,
            label: id(&label, "id"),
            task,
            comment: id(&comment, "id"),
            time_entry: id(&time_entry, "id"),
            awaited_task,
            other_task,
            todo: id(&todo, "id"),
            image: id(&image, "id"),
            project,
        }
    }
}

impl Things {
    async fn of(owner: &Person, workspace: &str) -> Things {
        let made = async |operation: &str, input: Value| id(&owner.ask(operation, input).await.expect(operation), "id");
        let organization = made("crm.organization.create", json!({ "name": format!("Org of {workspace}") })).await;
        let person = made("crm.person.create", json!({ "name": format!("Person of {workspace}") })).await;
        let deal = made("crm.deal.create", json!({ "title": format!("Deal of {workspace}") })).await;
        let an_hour_ago = Moment::now().plus_seconds(-3_600);
        let follow_up = json!({ "title": format!("Follow-up of {workspace}"), "dueAt": an_hour_ago });
        let follow_up = made("crm.follow_up.add", follow_up).await;
        owner.app.run(console(), TellDue {}).await.expect("a notification");
        let told = owner.ask("notification.list", json!({})).await.expect("notifications");
        let client = made("client.create", json!({ "name": format!("Client of {workspace}") })).await;
        let awaited = made("project.create", json!({ "name": format!("Awaited by {workspace}") })).await;
        let independent = made("project.create", json!({ "name": format!("Independent of {workspace}") })).await;
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
            newcomer: id(members["items"].as_array().and_then(|all| all.last()).expect("members"), "accountId"),
            membership: id(&members["items"][0], "id"),
            invite: made("workspace.invite", json!({ "email": "guest@example.com", "role": "VIEWER" })).await,
            api_key: made("api_key.create", json!({ "label": "k" })).await,
            mcp_key: made("mcp_key.create", json!({ "label": "k" })).await,
            client,
            scene: Scene::of(owner, &awaited, None).await,
            awaited,
            independent,
            agent: made("agent.create", json!({ "name": format!("Agent of {workspace}") })).await,
            notification: id(&told["items"][0], "id"),
        }
    }

    /// Every field that names a record, by the field's name; some names mean another record in another operation.
    fn reference(&self, operation: &str, field: &str) -> Option<&str> {
        let scene = &self.scene;
        Some(match field {
            "workspaceId" => &self.workspace,
            "organizationId" => &self.organization,
            "personId" | "primaryPersonId" => &self.person,
            "dealId" => &self.deal,
            "followUpId" => &self.follow_up,
            "stage" => &self.stage,
            "ownerId" => &self.account,
            "accountId" if operation == "project.member.add" => &self.newcomer,
            "membershipId" if operation.starts_with("project.") => &scene.membership,
            "membershipId" => &self.membership,
            "inviteId" => &self.invite,
            "apiKeyId" => &self.api_key,
            "mcpKeyId" => &self.mcp_key,
            "clientId" => &self.client,
            "projectId" => &scene.project,
            "dependsOnId" if operation == "project.dependency.add" => &self.independent,
            "dependsOnId" if operation == "project.dependency.remove" => &self.awaited,
            "statusId" => &scene.status,
            "targetStatusId" => &scene.other_status,
            "labelId" => &scene.label,
            "taskId" => &scene.task,
            "commentId" => &scene.comment,
            "timesheetId" => &scene.time_entry,
            "agentId" => &self.agent,
            "notificationId" => &self.notification,
            "beforeId" | "afterId" | "parentId" => &scene.other_task,
            "dependsOnId" if operation == "task.dependency.add" => &scene.other_task,
            "dependsOnId" if operation == "task.dependency.remove" => &scene.awaited_task,
            "todoId" => &scene.todo,
            "imageId" => &scene.image,
            "assignee" => &self.account,
            _ => return None,
        })
    }

    /// The fields that a call needs: the plain ones, and the records it has to name.
    fn input(&self, listed: &Listed) -> Value {
        let name = listed.entry.spec.name;
        let mut input = sample(name);
        // These take a project or a task, so neither is required by itself.
        if matches!(name, "timesheet.add" | "timesheet.timer.start" | "mentionable_users.list") {
            input["projectId"] = json!(self.scene.project);
        }
        if name == "task.reorder" {
            input["taskId"] = json!(self.scene.task);
        }
        let in_path = listed.entry.spec.route.iter().flat_map(|route| route.parameters()).map(str::to_owned);
        for field in required(listed).into_iter().chain(in_path) {
            match field.as_str() {
                "orderedStatusIds" => input[&field] = json!(self.scene.statuses),
                "orderedTodoIds" => input[&field] = json!([self.scene.todo]),
                "taskIds" => input[&field] = json!([self.scene.task, self.scene.other_task]),
                _ if input.get(&field).is_some() => {}
                _ => {
                    if let Some(reference) = self.reference(name, &field) {
                        input[&field] = json!(reference);
                    }
                }
            }
        }
        input
    }
}

/// The smallest GIF there is.
const PICTURE: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// The plain fields an operation needs besides references.
fn sample(operation: &str) -> Value {
    match operation {
        "crm.organization.create" | "crm.person.create" => json!({ "name": "Sample" }),
        "crm.deal.create" | "crm.follow_up.add" => json!({ "title": "Sample" }),
        "crm.activity.add" => json!({ "body": "Sample" }),
        "workspace.create" => json!({ "name": "Sample" }),
        "workspace.member.add" => json!({ "accountId": "sam@example.com", "role": "VIEWER" }),
        "workspace.invite" => json!({ "email": "friend@example.com", "role": "VIEWER" }),
        "workspace.member.update" => json!({ "role": "VIEWER" }),
        "client.create" | "project.create" | "project.label.create" => json!({ "name": "Sample" }),
        "project.update" | "project.label.update" => json!({ "name": "Another" }),
        "project.member.update" => json!({ "role": "VIEWER" }),
        "project.status.create" => json!({ "name": "Sample", "type": "TODO" }),
        "project.status.update" => json!({ "name": "Another" }),
        "task.create" => json!({ "title": "Sample" }),
        "task.move" | "task.batch_move" => json!({ "targetStatus": "Review" }),
        "task.assign" => json!({ "ownerId": null }),
        "task.labels.update" => json!({ "labels": ["Sample"] }),
        "task.todo.create" => json!({ "text": "Sample" }),
        "task.image_upload" | "profile.image_upload" => json!({ "base64": PICTURE }),
        "api_key.create" | "mcp_key.create" => json!({ "label": "Sample" }),
        "agent.create" => json!({ "name": "Sample" }),
        "agent.update" => json!({ "role": "Sample" }),
        "comment.add" | "comment.update" => json!({ "body": "Sample" }),
        "timesheet.add" | "timesheet.update" => json!({ "minutes": 15 }),
        "notification.preferences.update" => json!({ "items": [] }),
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

fn required(listed: &Listed) -> Vec<String> {
    let fields = listed.shape.schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    fields.iter().map(|field| field.as_str().expect("a name").to_owned()).collect()
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

    // Vito is a viewer like Vera, but with a role in single projects.
    for (name, role) in [("Mia", Role::Member), ("Vito", Role::Viewer)] {
        let email = support::email(&format!("{}@example.com", name.to_lowercase()));
        let user = AddUser::new(email, support::line(name), Ref::new("acme"), role, None);
        world.app.run(console(), user).await.unwrap();
    }
    let ada = world.person("ada").await;
    let mut things = Things::of(&ada, "acme").await;
    // What an owner may, and a key of theirs may not.
    let key = async |person: &Person, narrow: Value| {
        let made = person.ask("api_key.create", narrow).await.expect("a key");
        Call::with(Credential::Token(TokenHash::of(made["token"].as_str().expect("a token"))))
    };
    let acme = Some(sally::core::caller::Selector::Slug("acme".into()));
    let sam = world.person("sam").await;
    let tom =
        AddUser::new(support::email("tom@example.com"), support::line("Tom"), Ref::new("bolt"), Role::Viewer, None);
    world.app.run(console(), tom).await.unwrap();
    let promoted = json!({ "accountId": "tom@example.com", "platformRole": "ADMIN" });
    sam.ask("account.update_platform_role", promoted).await.unwrap();
    roles.push(("administrator", Call { selector: acme.clone(), ..world.person("tom").await.call() }));
    for workspace in ["acme", "bolt"] {
        let olga = support::email("olga@example.com");
        let olga = AddUser::new(olga, support::line("Olga"), Ref::new(workspace), Role::Owner, None);
        world.app.run(console(), olga).await.unwrap();
    }
    let olga = world.person("olga").await;
    let elsewhere = key(&olga, json!({ "label": "k", "workspaceId": "bolt" })).await;
    roles.push(("owner with a key for another workspace", Call { selector: acme.clone(), ..elsewhere }));
    let single = key(&ada, json!({ "label": "k", "projects": [things.awaited] })).await;
    roles.push(("owner with a key for another project", single));
    roles.push((
        "owner with a key that writes in the CRM",
        key(&ada, json!({ "label": "k", "scopes": "crm:write" })).await,
    ));

    // Who is told what of a project that is closed to the workspace, and who is in it besides its owner.
    let closed = [
        ("member, outside a closed project", "ben", ("mia@example.com", "MEMBER")),
        ("member, VIEWER of a closed project", "ben", ("ben@example.com", "VIEWER")),
        ("viewer, MEMBER of a closed project", "vito", ("vito@example.com", "MEMBER")),
        ("member, OWNER of a closed project", "ben", ("ben@example.com", "OWNER")),
    ];
    let mut columns = Vec::new();
    for (role, call) in roles {
        columns.push((role, call, None));
    }
    for (role, name, cast) in closed {
        columns.push((role, world.person(name).await.call(), Some(cast)));
    }

    let mut table = String::from(
        "# Who may run what: y = yes, . = refused, - = has nothing to do with projects. A change here is a change of rights; read it twice.\n#\n",
    );
    for (index, (role, ..)) in columns.iter().enumerate() {
        writeln!(table, "#{}{role}", " ".repeat(2 + index * 2)).unwrap();
    }
    let mut scenes: HashMap<usize, Scene> = HashMap::new();
    for listed in world.app.operations() {
        let spec = &listed.entry.spec;
        let mut line = String::new();
        for (index, (role, call, cast)) in columns.iter().enumerate() {
            if !matches!(spec.needs, Needs::Project(_)) {
                if cast.is_some() {
                    line.push_str(" -");
                    continue;
                }
                // Without an input nothing happens behind the permission; paths name a workspace that may go.
                let workspace = if matches!(spec.needs, Needs::Platform) { "doomed" } else { "acme" };
                let input = if spec.is_selected_by_path() { json!({ "workspaceId": workspace }) } else { json!({}) };
                let input = input.as_object().expect("an object").clone();
                let answer = world.app.answer(listed, call.clone(), input).await;
                let refused = answer.as_ref().is_err_and(|error| {
                    matches!(error.status(), 401 | 403) || (error.status() == 404 && spec.is_selected_by_path())
                });
                line.push_str(if refused { " ." } else { " y" });
                continue;
            }
            // Here only the real thing tells: a whole input, aimed at a project in which nothing has happened yet.
            let place = if cast.is_some() { index } else { 0 };
            let scene = match scenes.remove(&place) {
                Some(unspent) => unspent,
                None => Scene::of(&ada, &things.awaited, *cast).await,
            };
            things.scene = scene.clone();
            let input = things.input(listed);
            let answer = world.app.answer(listed, call.clone(), input.as_object().expect("an object").clone()).await;
            let is_spent = answer.is_ok() && spec.effect != Effect::Read;
            match answer {
                Ok(_) => line.push_str(" y"),
                Err(error) if matches!(error.status(), 401 | 403 | 404) && *role != "owner" => line.push_str(" ."),
                Err(error) => panic!("{} as {role} with {input}: {error}", spec.name),
            }
            if !is_spent {
                scenes.insert(place, scene);
            }
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
            fields(listed).into_iter().filter(|field| acme.reference(spec.name, field).is_some()).collect();
        for foreign in &references {
            // All of Eve's own, but for one that is Acme's.
            let mut input = bolt.input(listed);
            input[foreign] = json!(acme.reference(spec.name, foreign));
            let before = changes(&world);
            let answer = eve.ask(spec.name, input.clone()).await;
            let error = answer.expect_err(&format!("{} let a stranger through with {input}", spec.name));
            assert_eq!(error.status(), 404, "{} with a foreign {foreign}: {error}", spec.name);
            assert_eq!(changes(&world), before, "{} changed something for a stranger", spec.name);

            // Word for word what is said of an id that does not exist at all.
            let theirs = acme.reference(spec.name, foreign).expect("a reference");
            let nobodys = format!("{}_0000000000001", theirs.rsplit_once('_').expect("an id").0);
            let absent = input.to_string().replace(theirs, &nobodys);
            let none =
                eve.ask(spec.name, serde_json::from_str(&absent).expect("JSON")).await.expect_err("nothing there");
            let told =
                |error: &sally::core::error::Error, id: &str| error.problem_json("").to_string().replace(id, "…");
            assert_eq!(told(&none, &nobodys), told(&error, theirs), "{} {foreign}", spec.name);
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
        let input = acme.input(listed);
        let before = changes(&world);
        let error = vera.ask_with(unknown.clone(), spec.name, input.clone()).await.expect_err("an unknown key");
        assert_eq!(error.status(), 401, "{}", spec.name);
        if matches!(spec.needs, Needs::Workspace(_) | Needs::Project(_) | Needs::Platform | Needs::Superadmin) {
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
    found.extend(addresses().into_iter().filter(|address| !address.contains('{')));
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
        let input = things.input(listed);
        let path =
            route.path.split('/').map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(field) => input[field].as_str().unwrap_or("none").to_owned(),
                None => part.to_owned(),
            });
        let path = format!("/api{}", path.collect::<Vec<_>>().join("/"));
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
                let path = route.path.split('/').map(|part| {
                    let field = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
                    field.map_or(part.to_owned(), |field| input[field].as_str().unwrap_or("none").to_owned())
                });
                let path = format!("/api{}?workspaceSlug=acme", path.collect::<Vec<_>>().join("/"));
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
