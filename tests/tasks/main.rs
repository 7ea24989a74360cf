//! Stories of tasks, told by named people through the door.

#[path = "../support/mod.rs"]
mod support;

mod board;
mod pictures;

use serde_json::{Value, json};
use support::{Person, World};

/// A project `WEB` with its five statuses.
async fn project(owner: &Person) -> Value {
    owner.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.expect("a project")
}

#[tokio::test]
async fn a_task_is_made_with_everything_and_read_back() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let first = ben.ask("task.create", json!({ "projectId": "WEB", "title": "Plan" })).await.unwrap();
    assert_eq!(
        (&first["key"], &first["status"], &first["priority"]),
        (&json!("WEB-1"), &json!("Backlog"), &json!("P2"))
    );
    assert_eq!((&first["owner"], &first["participants"]), (&Value::Null, &json!([])));

    let made = ben
        .ask(
            "create_ticket",
            json!({ "project_id": "website", "title": "Relaunch", "description": "# Why\n\nIt is old.", "statusId": "in progress",
                    "priority": "urgent", "assignee": "me", "participants": ["ada@example.com", "me"],
                    "dueDate": "2030-03-01", "startDate": "2030-02-01", "estimateMinutes": 90, "labels": ["bug", "Web"],
                    "todos": ["Draft", { "text": "Review", "done": true }], "parentId": "WEB-1", "dependsOn": ["web-1"] }),
        )
        .await
        .unwrap();
    assert_eq!(
        (&made["key"], &made["priority"], &made["statusType"]),
        (&json!("WEB-2"), &json!("P1"), &json!("IN_PROGRESS"))
    );
    assert_eq!(made["todoProgress"], json!({ "done": 1, "total": 2 }));
    assert_eq!(made["labels"], json!(["bug", "Web"]));
    let names: Vec<&str> = made["participants"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names, ["Ben", "Ada"], "the owner first, nobody twice");
    assert_eq!((&made["parentKey"], &made["url"]), (&json!("WEB-1"), &json!("/tasks/WEB-2")));

    let seen = ben.ask("task.get", json!({ "taskId": "https://sally.example/tasks/WEB-2?from=mail" })).await.unwrap();
    assert_eq!((&seen["title"], &seen["description"]), (&made["title"], &json!("# Why\n\nIt is old.")));
    assert_eq!((&seen["todos"][1]["text"], &seen["todos"][1]["done"]), (&json!("Review"), &json!(true)));
    assert_eq!(seen["dependsOn"][0]["key"], "WEB-1");
    assert_eq!(seen["timeSummary"]["totalMinutes"], 0);
    let numbered = ben.ask("task.getByNumber", json!({ "projectId": "WEB", "number": 2 })).await.unwrap();
    assert_eq!(numbered["id"], made["id"]);
    for unnamed in [json!({}), json!({ "number": 2 }), json!({ "taskId": "WEB-1", "number": 2 })] {
        assert_eq!(ben.refused("task.get", unnamed).await.status(), 422);
    }
    let parent = ben.ask("task.get", json!({ "taskId": first["id"] })).await.unwrap();
    assert_eq!((&parent["dependedOnBy"][0]["key"], &parent["subTasks"][0]["key"]), (&json!("WEB-2"), &json!("WEB-2")));
}

#[tokio::test]
async fn what_cannot_be_is_told_at_its_field() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    project(&ada).await;
    ada.ask("project.create", json!({ "name": "Other", "key": "OPS" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "OPS", "title": "Elsewhere" })).await.unwrap();
    for (wrong, status, field) in [
        (json!({ "status": "Nowhere" }), 404, "status"),
        (json!({ "ownerId": "eve@example.com" }), 404, "ownerId"),
        (json!({ "participants": ["me", "eve@example.com"] }), 404, "participants[1]"),
        (json!({ "dueDate": "2030-02-30" }), 422, "dueDate"),
        (json!({ "startDate": "2030-03-02", "dueDate": "2030-03-01" }), 422, "startDate"),
        (json!({ "estimateMinutes": 0 }), 422, "estimateMinutes"),
        (json!({ "parentId": "OPS-1" }), 422, "parentId"),
        (json!({ "dependsOn": ["WEB-99"] }), 404, "dependsOn[0]"),
        (json!({ "priority": "P4" }), 422, "priority"),
        (json!({ "todos": [{ "done": true }] }), 422, "todos"),
    ] {
        let mut input = json!({ "projectId": "WEB", "title": "Wrong" });
        input.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let error = ben.refused("task.create", input.clone()).await;
        assert_eq!(error.status(), status, "{input}: {error}");
        assert_eq!(error.field_errors()[0].field, field, "{input}: {error}");
    }
    assert_eq!(vera.refused("task.create", json!({ "projectId": "WEB", "title": "x" })).await.status(), 403);
    ada.ask("project.archive", json!({ "projectId": "WEB" })).await.unwrap();
    assert_eq!(ben.refused("task.create", json!({ "projectId": "WEB", "title": "x" })).await.status(), 409);
    let numbers = ben.refused("task.get", json!({ "taskId": "WEB-1" })).await;
    assert_eq!(numbers.status(), 404, "nothing was written");
}

async fn task(person: &Person, title: &str) -> String {
    let made = person.ask("task.create", json!({ "projectId": "WEB", "title": title })).await.expect("a task");
    made["key"].as_str().unwrap().to_owned()
}

async fn keys(person: &Person, input: Value) -> Vec<String> {
    let page = person.ask("task.list", input.clone()).await.unwrap_or_else(|error| panic!("{input}: {error}"));
    page["items"].as_array().unwrap().iter().map(|task| task["key"].as_str().unwrap().to_owned()).collect()
}

/// The next number of a small generator, so that a failing run can be repeated.
fn next(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed >> 33) as usize
}

#[tokio::test]
async fn a_task_changes_field_by_field_and_honours_the_version() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    project(&ben).await;
    let (parent, key) = (task(&ben, "Whole").await, task(&ben, "Part").await);
    let change = async |input: Value| {
        let mut input = input;
        input["taskId"] = json!(key);
        ben.ask("task.update", input).await
    };
    let changed = change(json!({ "title": "Piece", "priority": "low", "ownerId": "ada@example.com", "participants": ["me", "ada@example.com"],
        "dueDate": "2030-03-01", "labels": ["a", "b"], "parentId": parent, "status": "done", "estimateMinutes": 30 }))
    .await
    .unwrap();
    assert_eq!(
        (&changed["title"], &changed["priority"], &changed["version"]),
        (&json!("Piece"), &json!("P3"), &json!(2))
    );
    assert_eq!((&changed["parentKey"], changed["completedAt"].is_string()), (&json!(parent), true));
    assert_eq!(changed["participants"].as_array().unwrap().len(), 2);
    let again = change(json!({ "ownerId": "me", "dueDate": null, "labels": ["b", "c"], "status": "TODO" })).await;
    assert_eq!(again.unwrap_err().status(), 404, "the project has no status of type TODO");
    let again =
        change(json!({ "ownerId": "me", "dueDate": null, "labels": ["b", "c"], "status": "review" })).await.unwrap();
    assert_eq!(
        (&again["owner"]["name"], &again["dueDate"], &again["completedAt"]),
        (&json!("Ben"), &Value::Null, &Value::Null)
    );
    assert_eq!(again["participants"].as_array().unwrap().len(), 1, "who owns it takes part no second time");
    assert_eq!(again["labels"], json!(["b", "c"]));
    assert_eq!(change(json!({ "title": "Late", "ifVersion": 2 })).await.unwrap_err().status(), 412);
    assert_eq!(change(json!({ "title": null })).await.unwrap_err().status(), 422);
    assert_eq!(change(json!({ "startDate": "2030-05-01", "dueDate": "2030-04-01" })).await.unwrap_err().status(), 422);
    let circle = ben.refused("task.update", json!({ "taskId": parent, "parentId": key })).await;
    assert_eq!(circle.status(), 409);
    assert!(circle.to_string().contains("WEB-1 → WEB-2 → WEB-1"), "{circle}");
    assert_eq!(change(json!({ "parentId": key })).await.unwrap_err().status(), 409, "no part of itself");

    // Putting away is the workspace owner's.
    assert_eq!(change(json!({ "archived": true })).await.unwrap_err().status(), 403);
    assert_eq!(ben.refused("task.archive", json!({ "taskId": key })).await.status(), 403);
    let away = ada.ask("task.archive", json!({ "taskId": key })).await.unwrap();
    assert!(away["archivedAt"].is_string());
    assert_eq!(keys(&ben, json!({})).await, [parent.as_str()]);
    assert_eq!(keys(&ben, json!({ "archived": true })).await.len(), 2);
    assert_eq!(
        ada.ask("task.update", json!({ "taskId": key, "archived": false })).await.unwrap()["archivedAt"],
        Value::Null
    );

    ada.ask("task.delete", json!({ "taskId": parent })).await.unwrap();
    assert_eq!(ben.ask("task.get", json!({ "taskId": key })).await.unwrap()["parentId"], Value::Null);
    let nobody = ben.ask("task.assign", json!({ "taskId": key, "assignee": null, "participants": [] })).await.unwrap();
    assert_eq!((&nobody["owner"], &nobody["participants"]), (&Value::Null, &json!([])));
    assert_eq!(ben.refused("task.assign", json!({ "taskId": key })).await.status(), 422);
}

#[tokio::test]
async fn a_task_moves_to_another_project_with_what_belongs_to_it() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    project(&ben).await;
    ada.ask("project.create", json!({ "name": "Operations", "key": "OPS" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "OPS", "title": "First" })).await.unwrap();
    let parent = task(&ben, "Parent").await;
    let moving = ben
        .ask("task.create", json!({ "projectId": "WEB", "title": "Moves", "parentId": parent, "labels": ["x"], "status": "review", "todos": ["one"] }))
        .await
        .unwrap();
    ben.ask("task.create", json!({ "projectId": "WEB", "title": "Part", "parentId": moving["id"] })).await.unwrap();
    let moved = ben.ask("task.update", json!({ "taskId": moving["id"], "projectId": "ops" })).await.unwrap();
    assert_eq!((&moved["key"], &moved["status"], &moved["labels"]), (&json!("OPS-2"), &json!("Review"), &json!(["x"])));
    assert_eq!(
        (&moved["parentId"], &moved["todoProgress"]["total"], &moved["id"]),
        (&Value::Null, &json!(1), &moving["id"])
    );
    assert_eq!(ben.ask("task.get", json!({ "taskId": "WEB-3" })).await.unwrap()["parentId"], Value::Null);
    assert_eq!(ben.refused("task.get", json!({ "taskId": "WEB-2" })).await.status(), 404);
    assert_eq!(keys(&ben, json!({ "projectId": "OPS", "sort": "position" })).await, ["OPS-1", "OPS-2"]);
    ada.ask("project.archive", json!({ "projectId": "WEB" })).await.unwrap();
    assert_eq!(ben.refused("task.update", json!({ "taskId": "OPS-2", "projectId": "WEB" })).await.status(), 409);
}

#[tokio::test]
async fn a_batch_is_done_whole_or_not_at_all() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    project(&ben).await;
    let (one, two, three) = (task(&ben, "One").await, task(&ben, "Two").await, task(&ben, "Three").await);
    let moved = ben.ask("batch_transition", json!({ "ticket_ids": [three, one], "status": "done" })).await.unwrap();
    assert_eq!((&moved["items"][0]["key"], &moved["items"][0]["status"]), (&json!(three), &json!("Done")));
    let changed = ben
        .ask("task.batch_update", json!({ "taskIds": [one, two], "priority": "P1", "ownerId": "me", "addLabels": ["x"], "dueDate": "2030-01-01" }))
        .await
        .unwrap();
    assert_eq!((&changed["items"][1]["labels"], &changed["items"][1]["owner"]["name"]), (&json!(["x"]), &json!("Ben")));
    let labels = ben.ask("project.label.list", json!({ "projectId": "WEB" })).await.unwrap();
    for (task, label) in [(&one, &json!("X")), (&two, &labels["items"][0]["id"])] {
        let less = ben.ask("task.batch_update", json!({ "taskIds": [task], "removeLabels": [label] })).await.unwrap();
        assert_eq!(less["items"][0]["labels"], json!([]), "by its name in any case, or by its id");
    }

    ada.ask("project.create", json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "SEC", "title": "Hidden" })).await.unwrap();
    for (tasks, status) in [(json!([one, "SEC-1"]), 404), (json!([one, two, one]), 422), (json!([]), 422)] {
        let error = ben.refused("task.batch_update", json!({ "taskIds": tasks, "priority": "P3" })).await;
        assert_eq!(error.status(), status, "{tasks}: {error}");
        assert!(status == 422 && tasks == json!([]) || error.to_string().contains("taskIds["), "{error}");
    }
    assert_eq!(ben.ask("task.get", json!({ "taskId": one })).await.unwrap()["priority"], "P1", "nothing was written");
    assert_eq!(
        ben.refused("task.batch_move", json!({ "taskIds": [one], "targetStatus": "Nowhere" })).await.status(),
        404
    );
}

#[tokio::test]
async fn tasks_are_found_by_how_they_stand_whose_they_are_and_when_they_are_due() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let client = ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB", "clientId": client["id"] })).await.unwrap();
    ada.ask("project.create", json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" })).await.unwrap();
    for (project, title, more) in [
        (
            "WEB",
            "Paint the door",
            json!({ "ownerId": "ben@example.com", "dueDate": "yesterday", "labels": ["red", "big"], "priority": "P1" }),
        ),
        ("WEB", "Oil the hinge", json!({ "participants": ["ben@example.com"], "dueDate": "today", "labels": ["red"] })),
        ("WEB", "Sweep", json!({ "ownerId": "ben@example.com", "dueDate": "yesterday", "status": "done" })),
        ("WEB", "Rest", json!({ "status": "review", "parentId": "WEB-1" })),
        ("SEC", "Hide the door", json!({ "labels": ["red"] })),
    ] {
        let mut input = json!({ "projectId": project, "title": title });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ada.ask("task.create", input).await.unwrap();
    }
    for (filter, expected) in [
        (json!({}), vec!["WEB-4", "WEB-3", "WEB-2", "WEB-1"]),
        (json!({ "status": "OPEN" }), vec!["WEB-4", "WEB-2", "WEB-1"]),
        (json!({ "status": "DONE" }), vec!["WEB-3"]),
        (json!({ "status": "review", "projectId": "WEB" }), vec!["WEB-4"]),
        (json!({ "assignee": "me" }), vec!["WEB-3", "WEB-1"]),
        (json!({ "assignee": "me", "status": "open", "sort": "dueDate" }), vec!["WEB-1"]),
        (json!({ "assignee": "none" }), vec!["WEB-4", "WEB-2"]),
        (json!({ "label": ["red"] }), vec!["WEB-2", "WEB-1"]),
        (json!({ "label": ["red", "big"] }), vec!["WEB-1"]),
        (json!({ "priority": "high" }), vec!["WEB-1"]),
        (json!({ "due": "overdue" }), vec!["WEB-1"]),
        (json!({ "due": "today" }), vec!["WEB-2"]),
        (json!({ "due": "none" }), vec!["WEB-4"]),
        (json!({ "due_before": "yesterday" }), vec!["WEB-3", "WEB-1"]),
        (json!({ "dueAfter": "today" }), vec!["WEB-2"]),
        (json!({ "clientId": "nordlicht", "limit": 1 }), vec!["WEB-4"]),
        (json!({ "query": "door" }), vec!["WEB-1"]),
        (json!({ "search": "web-2" }), vec!["WEB-2"]),
        (json!({ "parentId": "WEB-1" }), vec!["WEB-4"]),
        (json!({ "parentId": "none", "priority": "P2" }), vec!["WEB-3", "WEB-2"]),
        (json!({ "projectId": "WEB", "sort": "-position" }), vec!["WEB-4", "WEB-3", "WEB-2", "WEB-1"]),
    ] {
        assert_eq!(keys(&ben, filter.clone()).await, expected, "{filter}");
    }
    assert_eq!(keys(&ada, json!({ "search": "door" })).await.len(), 2, "Ada owns the workspace");
    let today = ben.ask("task.list", json!({ "due": "today" })).await.unwrap();
    assert_eq!(today["due"]["from"], today["due"]["to"]);
    assert_eq!(today["due"]["from"], today["items"][0]["dueDate"]);
    for (wrong, status) in [
        (json!({ "sort": "position" }), 422),
        (json!({ "status": "Nowhere" }), 404),
        (json!({ "due": "someday" }), 422),
        (json!({ "assignee": "eve@example.com" }), 404),
        (json!({ "projectId": "SEC" }), 404),
    ] {
        assert_eq!(ben.refused("task.list", wrong.clone()).await.status(), status, "{wrong}");
    }
    let mine = async |input: Value| {
        let page = ben.ask("task.mine", input).await.unwrap();
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["key"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(mine(json!({})).await, ["WEB-1", "WEB-2"]);
    assert_eq!(mine(json!({ "status": "DONE" })).await, ["WEB-3"]);
    assert_eq!(mine(json!({ "status": "ALL", "sort": "-updatedAt" })).await, ["WEB-3", "WEB-2", "WEB-1"]);
}

#[tokio::test]
async fn a_status_of_a_hidden_project_is_no_status_to_look_for() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    project(&ada).await;
    let hidden = json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" });
    ada.ask("project.create", hidden).await.unwrap();
    let status = json!({ "projectId": "SEC", "name": "Takeover", "type": "REVIEW" });
    let status = ada.ask("project.status.create", status).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "SEC", "title": "Hidden", "status": "Takeover" })).await.unwrap();
    assert_eq!(keys(&ada, json!({ "status": "Takeover" })).await, ["SEC-1"]);
    for name in [&json!("Takeover"), &status["id"]] {
        let refused = ben.refused("task.list", json!({ "status": name })).await;
        let unknown = ben.refused("task.list", json!({ "status": "Nowhere" })).await;
        let said = name.as_str().unwrap();
        assert_eq!((refused.status(), refused.detail()), (404, unknown.detail().replace("Nowhere", said).as_str()));
    }
}

#[tokio::test]
async fn todos_are_ticked_off_and_put_in_order() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let (key, other) = (task(&ben, "With a list").await, task(&ben, "Another").await);
    let todo = async |text: &str| {
        ben.ask("task.todo.create", json!({ "taskId": key, "text": text })).await.unwrap()["id"].clone()
    };
    let (one, two, three) = (todo("one").await, todo("two").await, todo("three").await);
    let done = ben
        .ask("task.todos.update", json!({ "taskId": key, "todoId": one, "done": true, "text": "One" }))
        .await
        .unwrap();
    assert_eq!((&done["done"], &done["text"], &done["version"]), (&json!(true), &json!("One"), &json!(2)));
    let place = async |todo: &Value| {
        let input = json!({ "taskId": key, "todoId": todo, "done": false });
        ben.ask("task.todo.update", input).await.unwrap()["position"].clone()
    };
    let texts = async || {
        let seen = ben.ask("task.get", json!({ "taskId": key })).await.unwrap();
        let texts: Vec<String> =
            seen["todos"].as_array().unwrap().iter().map(|todo| todo["text"].as_str().unwrap().to_owned()).collect();
        (texts, seen["todoProgress"].clone())
    };
    ben.ask("task.todo.reorder", json!({ "taskId": key, "orderedTodoIds": [three, one, two] })).await.unwrap();
    assert_eq!(texts().await, (vec!["three".into(), "One".into(), "two".into()], json!({ "done": 1, "total": 3 })));
    assert_eq!(place(&two).await, json!(2));
    for order in [
        json!([one, two]),
        json!([one, two, two]),
        json!([one, two, three, one]),
        json!([one, two, "todo_0000000000001"]),
    ] {
        assert_eq!(
            ben.refused("task.todo.reorder", json!({ "taskId": key, "orderedTodoIds": order })).await.status(),
            422
        );
    }
    assert_eq!(ben.refused("task.todo.delete", json!({ "taskId": other, "todoId": one })).await.status(), 404);
    ben.ask("task.todo.delete", json!({ "taskId": key, "todoId": one })).await.unwrap();
    assert_eq!(texts().await, (vec!["three".into(), "two".into()], json!({ "done": 0, "total": 2 })));
    assert_eq!((place(&three).await, place(&two).await), (json!(0), json!(1)), "without the gap");
}

#[tokio::test]
async fn no_task_waits_for_itself_through_any_number_of_others() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let (one, two, three) = (task(&ben, "One").await, task(&ben, "Two").await, task(&ben, "Three").await);
    let add = async |task: &str, other: &str| {
        ben.ask("task.dependency.add", json!({ "taskId": task, "dependsOnId": other })).await
    };
    add(&one, &two).await.unwrap();
    add(&two, &three).await.unwrap();
    assert_eq!(add(&one, &two).await.unwrap_err().status(), 409, "once is enough");
    assert_eq!(add(&one, &one).await.unwrap_err().status(), 422);
    let circle = add(&three, &one).await.unwrap_err();
    assert_eq!(circle.status(), 409);
    assert!(circle.to_string().contains("WEB-3 → WEB-1 → WEB-2 → WEB-3"), "{circle}");
    ben.ask("task.dependencies.remove", json!({ "taskId": two, "dependsOnId": three })).await.unwrap();
    add(&three, &one).await.unwrap();
    assert_eq!(
        ben.refused("task.dependency.remove", json!({ "taskId": two, "dependsOnId": three })).await.status(),
        404
    );
}

#[tokio::test]
async fn pages_of_every_order_show_each_task_once() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    for n in 0..23 {
        let input = json!({ "projectId": "WEB", "title": format!("Task {n}"), "priority": (["P1", "P2", "P3"][n % 3]),
            "dueDate": (["2030-01-01", "2030-01-02", ""][n / 3 % 3]), "ownerId": "me" });
        ben.ask("task.create", input).await.unwrap();
    }
    for sort in ["updatedAt", "createdAt", "dueDate", "priority", "position"] {
        for (sort, filter) in
            [(sort.to_owned(), json!({})), (format!("-{sort}"), json!({ "assignee": "me", "status": "OPEN" }))]
        {
            let mut seen = Vec::new();
            let mut cursor = Value::Null;
            for _ in 0..6 {
                let mut input = filter.clone();
                input.as_object_mut().unwrap().extend(
                    json!({ "projectId": "WEB", "sort": sort, "limit": 5, "cursor": cursor })
                        .as_object()
                        .unwrap()
                        .clone(),
                );
                let page = ben.ask("task.list", input).await.unwrap();
                seen.extend(page["items"].as_array().unwrap().iter().map(|task| task["number"].as_i64().unwrap()));
                cursor = page["nextCursor"].clone();
                if cursor.is_null() {
                    break;
                }
            }
            assert_eq!(seen.len(), 23, "{sort}");
            seen.sort_unstable();
            assert_eq!(seen, (1..=23).collect::<Vec<_>>(), "{sort}");
        }
    }
}

#[tokio::test]
async fn who_is_given_a_task_is_told_unless_they_took_it() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    project(&ben).await;
    let key = task(&ben, "For somebody").await;
    ben.ask("task.assign", json!({ "taskId": key, "ownerId": "me", "participants": ["ada@example.com"] }))
        .await
        .unwrap();
    let told = async |person: &Person| {
        person.ask("notification.list", json!({})).await.unwrap()["items"].as_array().unwrap().len()
    };
    assert_eq!((told(&ada).await, told(&ben).await), (1, 0));
    ben.ask("task.update", json!({ "taskId": key, "ownerId": "ada@example.com" })).await.unwrap();
    assert_eq!(told(&ada).await, 1, "she was on it already");
    ada.ask("task.create", json!({ "projectId": "WEB", "title": "New", "ownerId": "ben@example.com" })).await.unwrap();
    assert_eq!(told(&ben).await, 1);
}
