//! Stories of clients, projects and what belongs to them, told by named people through the door.

mod support;

use serde_json::{Value, json};
use support::{Person, World, put, put_task};

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().or(list["items"].as_array()).expect("a list");
    items.iter().map(|item| item["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_project_is_made_with_its_board_for_a_client() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    let client = ada.ask("client.create", json!({ "name": "Nordlicht GmbH" })).await.unwrap();
    let project = ben
        .ask(
            "project.create",
            json!({ "name": "Website relaunch", "clientId": "nordlicht gmbh", "members": ["vera@example.com", "me"] }),
        )
        .await
        .unwrap();
    assert_eq!(
        (&project["key"], &project["slug"], &project["role"]),
        (&json!("WR"), &json!("website-relaunch"), &json!("OWNER"))
    );
    assert_eq!((&project["client"]["id"], &project["visibility"]), (&client["id"], &json!("WORKSPACE")));

    let seen = vera.ask("project.get", json!({ "projectId": "wr" })).await.unwrap();
    assert_eq!(names(&seen["statuses"]), ["Backlog", "In Progress", "Blocked", "Review", "Done"]);
    assert_eq!((&seen["role"], &seen["statuses"][4]["color"]), (&json!("MEMBER"), &json!("#16a34a")));
    let lines: Vec<(&str, &str, &str)> = seen["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["name"].as_str().unwrap(), m["role"].as_str().unwrap(), m["source"].as_str().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [
            ("Ada", "OWNER", "WORKSPACE"),
            ("Ben", "OWNER", "PROJECT"),
            ("Sam Setup", "OWNER", "WORKSPACE"),
            ("Vera", "MEMBER", "PROJECT")
        ]
    );
    assert_eq!(seen["timeSummary"]["totalMinutes"], 0);
    assert_eq!(seen["counts"], json!({ "openTasks": 0, "doneTasks": 0, "overdueTasks": 0, "archivedTasks": 0 }));

    let listed = ada.ask("client.list", json!({ "search": "nordl" })).await.unwrap();
    assert_eq!(
        (&listed["items"][0]["name"], &listed["items"][0]["projectCount"]),
        (&json!("Nordlicht GmbH"), &json!(1))
    );
    let detail = vera.ask("client.get", json!({ "clientId": client["id"] })).await.unwrap();
    assert_eq!(detail["projects"][0]["key"], "WR");
    let summary = vera.ask("project.summary", json!({})).await.unwrap();
    assert_eq!((&summary["activeProjects"], &summary["cycleHealth"]), (&json!(1), &json!("Good")));
}

#[tokio::test]
async fn a_client_has_a_name_of_its_own() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let first = ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    let other = ada.ask("client.create", json!({ "name": "Südwind", "notes": "Old friends." })).await.unwrap();
    let error = ada.refused("client.create", json!({ "name": "nordlicht" })).await;
    assert_eq!((error.status(), error.code()), (409, "CONFLICT"));
    assert_eq!(error.problem_json("r")["candidates"][0]["id"], first["id"]);
    let rename = json!({ "clientId": "Südwind", "name": "NORDLICHT" });
    assert_eq!(ada.refused("client.update", rename).await.status(), 409);
    let same = ada.ask("client.update", json!({ "clientId": first["id"], "name": "NordLicht", "notes": null })).await;
    assert_eq!(same.unwrap()["name"], "NordLicht");

    let project = ada.ask("project.create", json!({ "name": "Relaunch", "clientId": "südwind" })).await.unwrap();
    ada.ask("client.delete", json!({ "clientId": other["id"] })).await.unwrap();
    let left = ada.ask("project.get", json!({ "projectId": project["id"] })).await.unwrap();
    assert_eq!((&left["clientId"], &left["name"]), (&Value::Null, &json!("Relaunch")));
}

#[tokio::test]
async fn a_key_and_a_slug_are_made_given_or_taken() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let made = ben.ask("project.create", json!({ "name": "Web" })).await.unwrap();
        keys.push((made["key"].as_str().unwrap().to_owned(), made["slug"].as_str().unwrap().to_owned()));
    }
    let keys: Vec<(&str, &str)> = keys.iter().map(|(key, slug)| (key.as_str(), slug.as_str())).collect();
    assert_eq!(keys, [("WEB", "web"), ("WEBA", "web-2"), ("WEBB", "web-3")]);
    let taken = ben.refused("project.create", json!({ "name": "Other", "key": "web" })).await;
    assert_eq!((taken.status(), taken.detail()), (409, "The key WEB is taken; choose another one."));
    assert_eq!(ben.refused("project.create", json!({ "name": "Other", "slug": "web-2" })).await.status(), 409);
    for key in ["W", "WEBSITE", "W3B", "WÄB"] {
        let error = ben.refused("project.create", json!({ "name": "Other", "key": key })).await;
        assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (422, "key"), "{key}");
    }
    for (field, value) in [("members", json!(["eve@example.com"])), ("clientId", json!("Nobody"))] {
        let mut input = json!({ "name": "Other" });
        input[field] = value;
        let error = ben.refused("project.create", input).await;
        assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (404, field));
    }
    let many = json!({ "name": "Other", "members": vec!["vera@example.com"; 101] });
    assert_eq!(ben.refused("project.create", many).await.status(), 422);

    let project = ben.ask("project.get", json!({ "projectId": "WEBA" })).await.unwrap();
    put_task(&world.app, project["id"].as_str().unwrap(), "Review", "Look at it").await;
    let update = json!({ "projectId": "weba", "key": "site", "visibility": "members", "description": "# Why" });
    let changed = ben.ask("project.update", update).await.unwrap();
    assert_eq!(
        (&changed["key"], &changed["visibility"], &changed["version"]),
        (&json!("SITE"), &json!("MEMBERS"), &json!(2))
    );
    let seen = ben.ask("project.get", json!({ "projectId": "SITE" })).await.unwrap();
    assert_eq!(
        (&seen["recentTasks"][0]["key"], &seen["recentTasks"][0]["status"]),
        (&json!("SITE-1"), &json!("Review"))
    );
    assert_eq!(ben.refused("project.update", json!({ "projectId": "SITE", "key": "WEB" })).await.status(), 409);
    assert_eq!(ben.refused("project.update", json!({ "projectId": "SITE", "name": null })).await.status(), 422);
    assert_eq!(ben.refused("project.get", json!({ "projectId": "WEBA" })).await.status(), 404);
}

#[tokio::test]
async fn a_closed_project_does_not_exist_for_others() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    let client = ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    let open = ben.ask("project.create", json!({ "name": "Open" })).await.unwrap();
    let closed = json!({ "name": "Closed", "visibility": "MEMBERS", "clientId": client["id"] });
    let closed = ben.ask("project.create", closed).await.unwrap();
    put_task(&world.app, closed["id"].as_str().unwrap(), "Review", "Secret").await;

    assert_eq!(names(&ben.ask("project.list", json!({})).await.unwrap()), ["Closed", "Open"]);
    assert_eq!(names(&ada.ask("project.list", json!({})).await.unwrap()), ["Closed", "Open"]);
    assert_eq!(names(&vera.ask("project.list", json!({})).await.unwrap()), ["Open"]);
    assert_eq!(vera.ask("client.get", json!({ "clientId": client["id"] })).await.unwrap()["projects"], json!([]));
    assert_eq!(vera.ask("client.list", json!({})).await.unwrap()["items"][0]["projectCount"], 0);
    let summary = vera.ask("project.summary", json!({})).await.unwrap();
    assert_eq!((&summary["activeProjects"], &summary["openTasks"]), (&json!(1), &json!(0)));
    assert_eq!(ben.ask("project.summary", json!({})).await.unwrap()["reviewTasks"], 1);
    for (operation, input) in [
        ("project.get", json!({ "projectId": closed["id"] })),
        ("project.member.list", json!({ "projectId": "CLO" })),
        ("project.update", json!({ "projectId": closed["id"], "name": "Mine" })),
        ("project.activity", json!({ "projectId": "closed" })),
        ("project.status.list", json!({ "projectId": "Closed" })),
    ] {
        assert_eq!(vera.refused(operation, input).await.status(), 404, "{operation}");
    }

    let add = json!({ "projectId": closed["id"], "accountId": "vera@example.com" });
    ben.ask("project.member.add", add).await.unwrap();
    assert_eq!(names(&vera.ask("project.list", json!({})).await.unwrap()), ["Closed", "Open"]);
    assert_eq!(names(&vera.ask("project.list", json!({ "mine": true })).await.unwrap()), ["Closed"]);
    let listed = vera.ask("project.list", json!({ "clientId": "nordlicht", "search": "clo" })).await.unwrap();
    assert_eq!((&listed["items"][0]["role"], &listed["items"][0]["openTasks"]), (&json!("MEMBER"), &json!(1)));
    vera.ask("project.label.create", json!({ "projectId": closed["id"], "name": "bug" })).await.unwrap();
    let error = vera.refused("project.label.create", json!({ "projectId": open["id"], "name": "bug" })).await;
    assert_eq!(error.status(), 403);
    let missing = error.permission().unwrap();
    assert_eq!(
        (missing.scope, missing.required.as_str(), missing.current.as_deref()),
        ("project", "MEMBER", Some("VIEWER"))
    );

    ada.ask("workspace.member.remove", json!({ "workspaceId": "acme", "membershipId": "vera@example.com" }))
        .await
        .unwrap();
    let left = ben.ask("project.member.list", json!({ "projectId": closed["id"] })).await.unwrap();
    assert_eq!(names(&left), ["Ada", "Ben", "Sam Setup"]);
}

#[tokio::test]
async fn an_archived_project_takes_nothing_new_until_it_is_back() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let project = ben.ask("project.create", json!({ "name": "Relaunch" })).await.unwrap();
    assert_eq!(ben.refused("project.archive", json!({ "projectId": "REL" })).await.status(), 403);
    let archived = ada.ask("project.archive", json!({ "projectId": "REL" })).await.unwrap();
    assert!(archived["archivedAt"].is_string());
    let again = ada.ask("project.archive", json!({ "projectId": "REL" })).await.unwrap();
    assert_eq!(again["archivedAt"], archived["archivedAt"]);
    for (operation, input) in [
        ("project.label.create", json!({ "projectId": "REL", "name": "bug" })),
        ("project.status.create", json!({ "projectId": "REL", "name": "Later", "type": "TODO" })),
    ] {
        let error = ben.refused(operation, input).await;
        assert_eq!(error.status(), 409, "{operation}");
        assert!(error.detail().contains("archived"), "{error}");
    }
    assert_eq!(ben.ask("project.list", json!({})).await.unwrap()["items"], json!([]));
    assert_eq!(names(&ben.ask("project.list", json!({ "archived": true })).await.unwrap()), ["Relaunch"]);
    ada.ask("project.archive", json!({ "projectId": "REL", "archived": false })).await.unwrap();
    ben.ask("project.label.create", json!({ "projectId": "REL", "name": "bug" })).await.unwrap();

    put_task(&world.app, project["id"].as_str().unwrap(), "Done", "Old").await;
    assert_eq!(ben.refused("project.delete", json!({ "projectId": "REL" })).await.status(), 403);
    ada.ask("project.delete", json!({ "projectId": "REL" })).await.unwrap();
    assert_eq!(ada.refused("project.get", json!({ "projectId": project["id"] })).await.status(), 404);
}

#[tokio::test]
async fn roles_in_a_project_are_given_by_its_owners() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    ben.ask("project.create", json!({ "name": "Relaunch" })).await.unwrap();
    let with = |more: Value| {
        let mut input = json!({ "projectId": "REL" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    // Somebody of another workspace does not exist here.
    let stranger = ben.refused("project.member.add", with(json!({ "accountId": "eve@example.com" }))).await;
    assert_eq!((stranger.status(), stranger.field_errors()[0].field.as_str()), (404, "accountId"));
    let added = ben.ask("project.member.add", with(json!({ "accountId": "Vera", "role": "viewer" }))).await.unwrap();
    assert_eq!(
        (&added["role"], &added["source"], &added["locked"]),
        (&json!("VIEWER"), &json!("PROJECT"), &json!(false))
    );
    assert_eq!(ben.refused("project.member.add", with(json!({ "accountId": "Vera" }))).await.status(), 409);

    let change = |who: &str, role: &str| with(json!({ "membershipId": who, "role": role }));
    let own = ben.refused("project.member.update", change("me", "MEMBER")).await;
    assert_eq!((own.status(), own.detail()), (409, "Nobody changes their own role; ask another owner."));
    let locked = ben.refused("project.member.update", change("ada@example.com", "VIEWER")).await;
    assert!(locked.detail().contains("owns the workspace"), "{locked}");
    assert_eq!(vera.refused("project.member.update", change("me", "OWNER")).await.status(), 403);
    let last = ben.refused("project.member.remove", with(json!({ "membershipId": "me" }))).await;
    assert_eq!(
        (last.status(), last.detail()),
        (409, "A project keeps at least one owner; make somebody else owner first.")
    );
    assert_eq!(ben.refused("project.member.update", change("nobody@example.com", "VIEWER")).await.status(), 404);

    ben.ask("project.member.update", change(added["id"].as_str().unwrap(), "OWNER")).await.unwrap();
    let demoted = vera.ask("project.member.update", change("ben@example.com", "VIEWER")).await.unwrap();
    // The workspace still makes Ben a member.
    assert_eq!((&demoted["role"], &demoted["source"]), (&json!("MEMBER"), &json!("WORKSPACE")));
    assert_eq!(vera.refused("project.member.remove", with(json!({ "membershipId": "me" }))).await.status(), 409);
    // Whoever owns the workspace remains its owner in any case.
    ada.ask("project.member.remove", with(json!({ "membershipId": "vera@example.com" }))).await.unwrap();
    let inherited = ada.refused("project.member.remove", with(json!({ "membershipId": "vera@example.com" }))).await;
    assert!(inherited.detail().contains("project.member.add"), "{inherited}");
}

#[tokio::test]
async fn statuses_are_added_changed_reordered_and_deleted_with_their_tasks_kept() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let project = ben.ask("project.create", json!({ "name": "Relaunch" })).await.unwrap();
    let other = ben.ask("project.create", json!({ "name": "Other" })).await.unwrap();
    let project = project["id"].as_str().unwrap();
    let with = |more: Value| {
        let mut input = json!({ "projectId": project });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let made = ben.ask("project.status.create", with(json!({ "name": "QA", "type": "review" }))).await.unwrap();
    assert_eq!((&made["position"], &made["color"], &made["type"]), (&json!(5), &json!("#d97706"), &json!("REVIEW")));
    assert_eq!(ben.refused("project.status.create", with(json!({ "name": "qa", "type": "TODO" }))).await.status(), 409);

    // A reorder takes all of them, each once.
    let order = |names: &[&str]| with(json!({ "orderedStatusIds": names }));
    let wrong =
        ben.refused("project.status.reorder", order(&["QA", "qa", "Nowhere", "Done", "Review", "Blocked"])).await;
    let told: Vec<&str> = wrong.field_errors().iter().map(|error| error.message.as_str()).collect();
    assert_eq!(wrong.status(), 422);
    assert!(told[0].contains("twice") && told[1].contains("Nowhere") && told[2].contains("Backlog"), "{told:?}");
    let reordered = ben
        .ask("project.status.reorder", order(&["Backlog", "In Progress", "QA", "Blocked", "Review", "Done"]))
        .await
        .unwrap();
    assert_eq!(names(&reordered), ["Backlog", "In Progress", "QA", "Blocked", "Review", "Done"]);

    // Tasks go behind all others, in their order; done is who stands in a status of type DONE.
    for (status, title) in [("QA", "one"), ("Review", "two"), ("QA", "three"), ("Done", "four")] {
        put_task(&world.app, project, status, title).await;
    }
    let foreign = ben.ask("project.status.list", json!({ "projectId": other["id"] })).await.unwrap();
    let foreign = with(json!({ "statusId": "QA", "targetStatusId": foreign["items"][0]["id"] }));
    let error = ben.refused("project.status.delete", foreign).await;
    assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (404, "targetStatusId"));
    assert!(error.detail().contains("it has Backlog, In Progress, QA"), "{error}");
    let itself = with(json!({ "statusId": "QA", "targetStatusId": "qa" }));
    assert_eq!(ben.refused("project.status.delete", itself).await.status(), 422);
    ben.ask("project.status.delete", with(json!({ "statusId": "QA" }))).await.unwrap();
    assert_eq!(board(&world, project).await, ["Review two", "Done four done", "Review one", "Review three"]);
    ben.ask("project.status.delete", with(json!({ "statusId": "Review", "targetStatusId": "done" }))).await.unwrap();
    assert_eq!(board(&world, project).await, ["Done four done", "Done two done", "Done one done", "Done three done"]);
    ben.ask("project.status.update", with(json!({ "statusId": "Done", "type": "BLOCKED", "color": null })))
        .await
        .unwrap();
    assert_eq!(board(&world, project).await, ["Done four", "Done two", "Done one", "Done three"]);
    // None of its type is left but one, so they go there.
    ben.ask("project.status.delete", with(json!({ "statusId": "Done" }))).await.unwrap();
    assert_eq!(board(&world, project).await, ["Blocked four", "Blocked two", "Blocked one", "Blocked three"]);

    // A type may be that of several, so it names none of them here.
    let by_type = with(json!({ "statusId": "IN_PROGRESS" }));
    assert_eq!(ben.refused("project.status.delete", by_type.clone()).await.status(), 404);
    assert_eq!(ben.refused("project.status.update", by_type).await.status(), 404);
    for refused in [json!({ "statusId": "Backlog" }), json!({ "statusId": "Nowhere" })] {
        let known = refused["statusId"] == "Backlog";
        let error = ben.refused("project.status.delete", with(refused)).await;
        assert_eq!(error.status(), if known { 409 } else { 404 });
    }
    let error = ben.refused("project.status.update", with(json!({ "statusId": "Backlog", "type": "TODO" }))).await;
    assert!(error.detail().contains("last status of type BACKLOG"), "{error}");
    for status in ["In Progress", "Blocked"] {
        ben.ask("project.status.delete", with(json!({ "statusId": status }))).await.unwrap();
    }
    let last = ben.refused("project.status.delete", with(json!({ "statusId": "Backlog" }))).await;
    assert!(last.detail().contains("last status of REL"), "{last}");
    assert_eq!(board(&world, project).await.len(), 4, "no task is lost");
}

/// The tasks of a project in their order: status, title, and whether they are done.
async fn board(world: &World, project: &str) -> Vec<String> {
    use sally::core::id::Id;
    use sally::core::place::ProjectRecord;
    const TASKS: &str = "
        select s.name || ' ' || t.title || iif(t.completed_at is null, '', ' done')
          from task t join task_status s on s.id = t.status_id where t.project_id = ?1 order by t.position";
    let project = Id::<ProjectRecord>::parse(project).unwrap();
    let tasks = world.app.store().read(|r| sally::core::store::all(r.conn(), TASKS, [project], |row| row.take()));
    tasks.unwrap()
}

#[tokio::test]
async fn labels_are_unique_in_their_project() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    ben.ask("project.create", json!({ "name": "Relaunch" })).await.unwrap();
    let bug =
        ben.ask("project.label.create", json!({ "projectId": "REL", "name": "Bug", "color": "DC2626" })).await.unwrap();
    assert_eq!(bug["color"], "#dc2626");
    assert_eq!(ben.refused("project.label.create", json!({ "projectId": "REL", "name": "bug" })).await.status(), 409);
    let red = ben.refused("project.label.create", json!({ "projectId": "REL", "name": "x", "color": "red" })).await;
    assert_eq!((red.status(), red.field_errors()[0].field.as_str()), (422, "color"));
    let renamed = json!({ "projectId": "REL", "labelId": "bug", "name": "Defect" });
    assert_eq!(ben.ask("project.label.update", renamed).await.unwrap()["id"], bug["id"]);
    let stale = json!({ "projectId": "REL", "labelId": "defect", "name": "Flaw", "ifVersion": 1 });
    assert_eq!(ben.refused("project.label.update", stale).await.status(), 412);
    assert_eq!(names(&ben.ask("project.label.list", json!({ "projectId": "REL" })).await.unwrap()), ["Defect"]);
    ben.ask("project.label.delete", json!({ "projectId": "REL", "labelId": bug["id"] })).await.unwrap();
    assert_eq!(
        ben.refused("project.label.delete", json!({ "projectId": "REL", "labelId": "defect" })).await.status(),
        404
    );
}

#[tokio::test]
async fn projects_wait_for_each_other_but_never_in_a_circle() {
    let world = World::new().await;
    let (ben, vera) = (world.person("ben").await, world.person("vera").await);
    for name in ["Web", "Api", "Ops"] {
        ben.ask("project.create", json!({ "name": name })).await.unwrap();
    }
    let add = async |from: &str, to: &str| {
        ben.ask("project.dependency.add", json!({ "projectId": from, "dependsOnId": to })).await
    };
    let made = add("WEB", "API").await.unwrap();
    assert_eq!((&made["project"]["key"], &made["dependsOn"]["key"]), (&json!("WEB"), &json!("API")));
    add("API", "OPS").await.unwrap();
    let cycle = add("OPS", "WEB").await.unwrap_err();
    assert_eq!((cycle.status(), cycle.detail()), (409, "That would close a cycle: OPS → WEB → API → OPS."));
    assert_eq!(add("WEB", "API").await.unwrap_err().status(), 409, "twice");
    assert_eq!(add("WEB", "WEB").await.unwrap_err().status(), 422);
    assert_eq!(add("WEB", "OPS").await.unwrap()["dependsOn"]["key"], "OPS", "two ways are no circle");
    let refused = vera.refused("project.dependency.add", json!({ "projectId": "OPS", "dependsOnId": "API" })).await;
    assert_eq!(refused.status(), 403);

    let seen = vera.ask("project.get", json!({ "projectId": "API" })).await.unwrap();
    assert_eq!((names(&seen["dependsOn"]), names(&seen["dependedOnBy"])), (vec!["Ops"], vec!["Web"]));
    ben.ask("project.update", json!({ "projectId": "OPS", "visibility": "MEMBERS" })).await.unwrap();
    let seen = vera.ask("project.get", json!({ "projectId": "API" })).await.unwrap();
    assert_eq!(seen["dependsOn"], json!([]), "what one may not see is not told");

    let remove = json!({ "projectId": "API", "dependsOnId": "OPS" });
    ben.ask("project.dependency.remove", remove.clone()).await.unwrap();
    assert_eq!(ben.refused("project.dependency.remove", remove).await.status(), 404);
    assert_eq!(add("OPS", "WEB").await.unwrap_err().detail(), "That would close a cycle: OPS → WEB → OPS.");
}

#[tokio::test]
async fn a_project_shows_its_counts_its_time_and_its_deals() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let project = ben.ask("project.create", json!({ "name": "Relaunch" })).await.unwrap();
    let id = project["id"].as_str().unwrap();
    for status in ["Backlog", "Review", "Review", "Done", "Done", "Done"] {
        put_task(&world.app, id, status, status).await;
    }
    let deal = json!({ "title": "Relaunch", "value": 12500.5, "currency": "EUR" });
    let deal = ben.ask("crm.deal.create", deal).await.unwrap();
    let more = "
        update task set archived_at = 1 where number in (3, 6);
        update task set due_on = '2020-01-01' where number in (1, 3, 4);
        update crm_deal set project_id = (select id from project);
        insert into timesheet_entry (id, workspace_id, project_id, account_id, spent_on, minutes, billable, validated, created_at, updated_at)
        select 1, p.workspace_id, p.id, a.id, '2027-01-01', 60, 1, 1, 1, 1 from project p, account a where a.email = 'ben@example.com'
        union all
        select 2, p.workspace_id, p.id, a.id, '2027-01-01', 25, 0, 0, 1, 1 from project p, account a where a.email = 'ada@example.com'";
    put(&world.app, more).await;
    let seen = ben.ask("project.get", json!({ "projectId": id })).await.unwrap();
    let counts = json!({ "openTasks": 2, "doneTasks": 2, "overdueTasks": 1, "archivedTasks": 2 });
    assert_eq!(seen["counts"], counts);
    assert_eq!((&seen["statuses"][3]["taskCount"], &seen["statuses"][4]["taskCount"]), (&json!(1), &json!(2)));
    let time = json!({ "totalMinutes": 85, "billableMinutes": 60, "nonBillableMinutes": 25, "validatedMinutes": 60, "entries": 2 });
    assert_eq!(seen["timeSummary"], time);
    let linked =
        json!([{ "id": deal["id"], "title": "Relaunch", "status": "OPEN", "value": 12500.5, "currency": "EUR" }]);
    assert_eq!(seen["deals"], linked);
    let summary = ben.ask("project.summary", json!({})).await.unwrap();
    assert_eq!(
        (&summary["openTasks"], &summary["overdueTasks"], &summary["reviewTasks"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(ben.ask("project.list", json!({})).await.unwrap()["items"][0]["openTasks"], 2);

    let kind = sally::features::keys::KeyKind::Api;
    let narrow = world.keyed("ben", kind, Some("core:read projects:read"), None).await;
    assert_eq!(narrow.ask("project.get", json!({ "projectId": id })).await.unwrap()["deals"], json!([]));
    // Logged time is told to owners and to who logged it.
    let vera = world.person("vera").await;
    let add = json!({ "projectId": id, "accountId": "vera@example.com" });
    ben.ask("project.member.add", add).await.unwrap();
    let kinds = |told: Value| told["items"].as_array().unwrap().iter().filter(|item| item["type"] == "time").count();
    assert_eq!(kinds(ben.ask("project.activity", json!({ "projectId": id })).await.unwrap()), 2);
    assert_eq!(kinds(vera.ask("project.activity", json!({ "projectId": id })).await.unwrap()), 0);
}

#[tokio::test]
async fn a_key_for_one_project_reaches_no_other() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let web = ben.ask("project.create", json!({ "name": "Web" })).await.unwrap();
    ben.ask("project.create", json!({ "name": "Api" })).await.unwrap();
    let raw =
        sally::core::id::Id::<sally::core::place::ProjectRecord>::parse(web["id"].as_str().unwrap()).unwrap().raw();
    put(&world.app, &format!("update access_key set projects = '[{raw}]' where label = 'test'")).await;
    assert_eq!(names(&ben.ask("project.list", json!({})).await.unwrap()), ["Web"]);
    assert_eq!(ben.refused("project.get", json!({ "projectId": "API" })).await.status(), 404);
    assert_eq!(ben.refused("project.create", json!({ "name": "New" })).await.status(), 403);
    ben.ask("project.label.create", json!({ "projectId": "WEB", "name": "bug" })).await.unwrap();
}

#[tokio::test]
async fn what_happened_is_told_newest_first_with_names() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    let client = ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    let project = ben.ask("project.create", json!({ "name": "Relaunch" })).await.unwrap();
    let update = json!({ "projectId": "REL", "name": "Website", "clientId": client["id"], "visibility": "WORKSPACE" });
    ada.ask("project.update", update).await.unwrap();
    let review = json!({ "projectId": "REL", "statusId": "Review", "name": "QA" });
    ben.ask("project.status.update", review).await.unwrap();
    let task = put_task(&world.app, project["id"].as_str().unwrap(), "Backlog", "Fix login").await;
    let move_it = "
        update task set status_id = (select id from task_status where name = 'QA'), version = 2;
        update task set position = 5, version = 3;
        insert into task_label (id, task_id, label_id, created_at, updated_at) select 1, t.id, l.id, 1, 1 from task t, label l";
    ben.ask("project.label.create", json!({ "projectId": "REL", "name": "bug" })).await.unwrap();
    put(&world.app, move_it).await;
    ada.ask("project.archive", json!({ "projectId": "REL" })).await.unwrap();

    let told = ben.ask("project.activity", json!({ "projectId": "REL", "limit": 7 })).await.unwrap();
    let summaries: Vec<&str> =
        told["items"].as_array().unwrap().iter().map(|i| i["summary"].as_str().unwrap()).collect();
    assert_eq!(
        summaries,
        [
            "Ada archived the project",
            "Somebody labelled REL-1 “bug”",
            "Somebody moved REL-1 to QA",
            "Ben added the label “bug”",
            "Somebody created REL-1 “Fix login”",
            "Ben changed name of the status “QA”",
            "Ada changed client and name of the project",
        ]
    );
    let changed = &told["items"][6];
    assert_eq!(
        (&changed["actor"]["name"], &changed["type"], &changed["action"]),
        (&json!("Ada"), &json!("project"), &json!("UPDATED"))
    );
    assert_eq!(changed["recordId"], project["id"]);
    let changes =
        json!({ "name": { "from": "Relaunch", "to": "Website" }, "client": { "from": null, "to": "Nordlicht" } });
    assert_eq!(changed["changes"], changes);
    assert_eq!(told["items"][2]["changes"]["status"], json!({ "from": "Backlog", "to": "QA" }));

    let rest = json!({ "projectId": "REL", "limit": 7, "cursor": told["nextCursor"] });
    let rest = ben.ask("project.activity", rest).await.unwrap();
    let last = rest["items"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["summary"], &rest["nextCursor"]), (&json!("Ben started the project “Website”"), &Value::Null));
    let at_task = vera.ask("task.activity", json!({ "taskId": task })).await.unwrap();
    assert_eq!(at_task["items"].as_array().unwrap().len(), 3);
    assert_eq!(at_task["items"][0]["key"], "REL-1");
    assert_eq!(vera.refused("project.activity", json!({ "projectId": "REL" })).await.status(), 403);
}

#[tokio::test]
async fn what_left_for_a_hidden_project_has_no_name_where_it_came_from() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    let hidden = json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" });
    ada.ask("project.create", hidden).await.unwrap();
    let task = json!({ "projectId": "WEB", "title": "Plan", "todos": ["Takeover"] });
    let task = ada.ask("task.create", task).await.unwrap();
    let todo = ada.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap()["todos"][0]["id"].clone();
    ada.ask("task.update", json!({ "taskId": task["id"], "projectId": "SEC" })).await.unwrap();
    let renamed = json!({ "taskId": task["id"], "todoId": todo, "text": "Buy Bolt" });
    ada.ask("task.todo.update", renamed).await.unwrap();
    let told = async |who: &Person| {
        let told = who.ask("project.activity", json!({ "projectId": "WEB" })).await.unwrap();
        let items = told["items"].as_array().unwrap().clone();
        let todos = items.into_iter().filter(|item| item["type"] == "todo");
        todos.map(|item| item["summary"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(&ben).await, ["Ada added the todo “Takeover” to a task"], "what it was called here");
    assert_eq!(told(&ada).await, ["Ada added the todo “Buy Bolt” to SEC-1"]);
}

#[tokio::test]
async fn what_happened_names_each_record_by_the_id_that_everything_else_knows() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let other = ben.ask("project.create", json!({ "name": "Other", "key": "OTH" })).await.unwrap();
    let project = ben.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    let ask = async |operation: &str, input: Value| ben.ask(operation, input).await.expect(operation);
    let first = ask("task.create", json!({ "projectId": "WEB", "title": "Plan" })).await;
    let task = ask("task.create", json!({ "projectId": "WEB", "title": "Draw" })).await;
    ask("project.update", json!({ "projectId": "WEB", "description": "New" })).await;
    let member = ask("project.member.add", json!({ "projectId": "WEB", "accountId": "vera@example.com" })).await;
    ask("project.dependency.add", json!({ "projectId": "WEB", "dependsOnId": "OTH" })).await;
    let status = ask("project.status.create", json!({ "projectId": "WEB", "name": "QA", "type": "REVIEW" })).await;
    let label = ask("project.label.create", json!({ "projectId": "WEB", "name": "bug" })).await;
    ask("task.labels.update", json!({ "taskId": "WEB-2", "labels": ["bug"] })).await;
    ask("task.assign", json!({ "taskId": "WEB-2", "ownerId": "me", "participants": ["ada@example.com"] })).await;
    ask("task.dependency.add", json!({ "taskId": "WEB-2", "dependsOnId": "WEB-1" })).await;
    let todo = ask("task.todo.create", json!({ "taskId": "WEB-2", "text": "Sketch" })).await;
    let comment = ask("comment.add", json!({ "taskId": "WEB-2", "body": "Soon." })).await;
    const PICTURE: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
    let image = ask("task.image_upload", json!({ "taskId": "WEB-2", "base64": PICTURE })).await;
    let time = ask("timesheet.add", json!({ "taskId": "WEB-2", "minutes": 30 })).await;
    let me = ada.ask("auth.me", json!({})).await.unwrap()["account"]["id"].clone();

    let told = ask("project.activity", json!({ "projectId": "WEB", "limit": 200 })).await;
    for (kind, operation, id) in [
        ("project", "project.update", &project["id"]),
        ("member", "project.member.add", &member["id"]),
        ("dependency", "project.dependency.add", &other["id"]),
        ("status", "project.status.create", &status["id"]),
        ("label", "project.label.create", &label["id"]),
        ("label", "task.labels.update", &label["id"]),
        ("task", "task.assign", &task["id"]),
        ("participant", "task.assign", &me),
        ("dependency", "task.dependency.add", &first["id"]),
        ("todo", "task.todo.create", &todo["id"]),
        ("comment", "comment.add", &comment["id"]),
        ("image", "task.image_upload", &image["id"]),
        ("time", "timesheet.add", &time["id"]),
    ] {
        let mut items = told["items"].as_array().unwrap().iter();
        let item = items.find(|item| item["type"] == kind && item["operation"] == operation);
        assert_eq!(item.map(|item| &item["recordId"]), Some(id), "{kind} of {operation}");
    }
}
