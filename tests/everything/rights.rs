//! Who may do what: the whole table of it, strangers, and those who only look.

use std::collections::HashMap;
use std::fmt::Write;

use sally::core::app::Call;
use sally::core::caller::{Credential, Role};
use sally::core::operation::{Effect, Needs};
use sally::core::reference::Ref;
use sally::core::secret::TokenHash;
use sally::features::accounts::AddUser;
use serde_json::{Value, json};

use crate::support::{self, Person, World, console};
use crate::things::{Scene, Things, changes, fields};

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
