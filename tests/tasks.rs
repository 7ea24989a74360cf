//! Stories of tasks, told by named people through the door.

mod support;

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};
use support::server::Server;
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

/// The next number of a small generator, so that a failing run can be repeated.
fn next(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed >> 33) as usize
}

const COLUMNS: [&str; 3] = ["Backlog", "In Progress", "Review"];

/// The board as task.list shows it.
async fn columns(person: &Person) -> [Vec<String>; 3] {
    let column = async |status| {
        keys(person, json!({ "projectId": "WEB", "status": status, "sort": "position", "limit": 200 })).await
    };
    [column(COLUMNS[0]).await, column(COLUMNS[1]).await, column(COLUMNS[2]).await]
}

#[tokio::test]
async fn cards_stand_where_they_were_put_whatever_came_before() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let mut model: [Vec<String>; 3] = Default::default();
    for n in 0..12 {
        model[0].push(task(&ben, &format!("Card {n}")).await);
    }
    let mut seed = 42;
    for step in 0..300 {
        let key = format!("WEB-{}", next(&mut seed) % 12 + 1);
        // Half of the moves go to one place between two cards, until there is no room.
        let target = if step % 2 == 0 { 0 } else { next(&mut seed) % 3 };
        let from = model.iter().position(|column| column.contains(&key)).unwrap();
        let mut input = json!({ "taskId": key, "targetStatusId": COLUMNS[target] });
        let others: Vec<String> = model[target].iter().filter(|other| **other != key).cloned().collect();
        model[from].retain(|other| *other != key);
        let place = if others.is_empty() {
            0
        } else if step % 2 == 0 {
            1.min(others.len())
        } else {
            next(&mut seed) % (others.len() + 1)
        };
        match (next(&mut seed) % 3, place) {
            (0, place) if place < others.len() => input["beforeId"] = json!(others[place]),
            (1, place) if place > 0 => input["afterId"] = json!(others[place - 1]),
            (_, place) => {
                let mut order = others.clone();
                order.insert(place, key.clone());
                input["orderedTaskIds"] = json!(order);
            }
        }
        model[target].insert(place, key);
        ben.ask("task.reorder", input.clone()).await.unwrap_or_else(|error| panic!("step {step} {input}: {error}"));
        assert_eq!(columns(&ben).await, model, "step {step} {input}");
    }
    let ends = ben.ask("task.reorder", json!({ "taskId": model[0][0] })).await.unwrap();
    assert_eq!(columns(&ben).await[0].last().unwrap(), ends["key"].as_str().unwrap());
}

#[tokio::test]
async fn there_is_always_room_between_two_cards() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let mut order = Vec::new();
    for n in 0..4 {
        order.push(task(&ben, &format!("Card {n}")).await);
    }
    for _ in 0..60 {
        let last = order.pop().unwrap();
        ben.ask("task.reorder", json!({ "taskId": last, "afterId": order[0] })).await.unwrap();
        order.insert(1, last);
        assert_eq!(columns(&ben).await[0], order);
    }
}

#[tokio::test]
async fn sixteen_people_moving_the_same_cards_lose_and_double_none() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let mut cards = Vec::new();
    for n in 0..8 {
        cards.push(task(&ben, &format!("Card {n}")).await);
    }
    let movers = (0..16_u64).map(|mover| {
        let (ben, cards) = (ben.clone(), cards.clone());
        tokio::spawn(async move {
            let mut seed = 1_000 + mover;
            for _ in 0..25 {
                let (card, other) = (&cards[next(&mut seed) % 8], &cards[next(&mut seed) % 8]);
                let mut input = json!({ "taskId": card, "targetStatusId": COLUMNS[next(&mut seed) % 3] });
                match next(&mut seed) % 3 {
                    0 => input["beforeId"] = json!(other),
                    1 => input["afterId"] = json!(other),
                    _ => {}
                }
                if let Err(error) = ben.ask("task.reorder", input).await {
                    assert_eq!(error.status(), 422, "only that the other has gone elsewhere: {error}");
                }
            }
        })
    });
    for mover in movers.collect::<Vec<_>>() {
        mover.await.unwrap();
    }
    let mut all: Vec<String> = columns(&ben).await.concat();
    all.sort();
    cards.sort();
    assert_eq!(all, cards);
    // The unique index holds the rest; this is what it says.
    let places: i64 = world
        .app
        .store()
        .read(|reading| {
            sally::core::store::one(
                reading.conn(),
                "select count(distinct status_id || ' ' || position) from task",
                [],
                |row| row.take(),
            )
        })
        .unwrap();
    assert_eq!(places, 8);
}

#[tokio::test]
async fn an_order_that_does_not_name_exactly_the_column_is_refused() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let (one, two) = (task(&ben, "One").await, task(&ben, "Two").await);
    let away = task(&ben, "Elsewhere").await;
    ben.ask("task.move", json!({ "taskId": away, "targetStatus": "review" })).await.unwrap();
    for (order, word) in [
        (json!([one]), "misses"),
        (json!([one, two, away]), "does not belong here"),
        (json!([one, two, one]), "named twice"),
        (json!([one, "WEB-99"]), "does not belong here"),
    ] {
        let error = ben.refused("project.tasks.reorder", json!({ "projectId": "WEB", "orderedTaskIds": order })).await;
        assert_eq!(error.status(), 422, "{order}");
        assert!(error.to_string().contains(word), "{order}: {error}");
    }
    ben.ask("project.tasks.reorder", json!({ "projectId": "WEB", "orderedTaskIds": [two, one] })).await.unwrap();
    assert_eq!(columns(&ben).await[0], [two.as_str(), one.as_str()]);
    for (input, status) in [
        (json!({ "taskId": one, "beforeId": away }), 422),
        (json!({ "taskId": one, "beforeId": one }), 422),
        (json!({ "taskId": one, "beforeId": two, "afterId": two }), 422),
        (json!({ "taskId": one, "targetStatusId": "stat_0000000000001" }), 404),
        (json!({}), 422),
    ] {
        assert_eq!(ben.refused("task.reorder", input.clone()).await.status(), status, "{input}");
    }
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
    let less = ben.ask("task.batch_update", json!({ "taskIds": [one], "removeLabels": ["X"] })).await.unwrap();
    assert_eq!(less["items"][0]["labels"], json!([]));

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
    let texts = async || {
        let seen = ben.ask("task.get", json!({ "taskId": key })).await.unwrap();
        let texts: Vec<String> =
            seen["todos"].as_array().unwrap().iter().map(|todo| todo["text"].as_str().unwrap().to_owned()).collect();
        (texts, seen["todoProgress"].clone())
    };
    ben.ask("task.todo.reorder", json!({ "taskId": key, "orderedTodoIds": [three, one, two] })).await.unwrap();
    assert_eq!(texts().await, (vec!["three".into(), "One".into(), "two".into()], json!({ "done": 1, "total": 3 })));
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
async fn a_board_shows_each_column_from_top_to_bottom() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    project(&ben).await;
    for (title, more) in [
        ("One", json!({ "description": "Long", "labels": ["red"], "ownerId": "ben@example.com" })),
        ("Two", json!({ "labels": ["red", "blue"] })),
        ("Three", json!({ "status": "review", "priority": "P1" })),
    ] {
        let mut input = json!({ "projectId": "WEB", "title": title });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ada.ask("task.create", input).await.unwrap();
    }
    let board = vera.ask("board.get", json!({ "projectId": "web" })).await.unwrap();
    assert_eq!(board["project"]["key"], "WEB");
    let shown = |board: &Value| -> Vec<(String, i64, Vec<String>)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let column = |column: &Value| {
            let cards = column["cards"].as_array().unwrap().iter().map(|card| text(&card["key"])).collect();
            (text(&column["name"]), column["count"].as_i64().unwrap(), cards)
        };
        board["columns"].as_array().unwrap().iter().map(column).filter(|(_, count, _)| *count > 0).collect()
    };
    let column = |name: &str, count: i64, cards: &[&str]| {
        (name.to_owned(), count, cards.iter().map(|card| (*card).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(board["columns"].as_array().unwrap().len(), 5);
    assert_eq!(shown(&board), [column("Backlog", 2, &["WEB-1", "WEB-2"]), column("Review", 1, &["WEB-3"])]);
    let card = &board["columns"][0]["cards"][0];
    assert_eq!(
        (card.get("description"), &card["labels"], &card["owner"]["name"]),
        (None, &json!(["red"]), &json!("Ben"))
    );
    for (filter, expected) in [
        (json!({ "limit": 1 }), vec![column("Backlog", 2, &["WEB-1"]), column("Review", 1, &["WEB-3"])]),
        (json!({ "label": ["red"], "limit": 1 }), vec![column("Backlog", 2, &["WEB-1"])]),
        (json!({ "label": ["red", "blue"] }), vec![column("Backlog", 1, &["WEB-2"])]),
        (json!({ "assignee": "ben" }), vec![column("Backlog", 1, &["WEB-1"])]),
        (json!({ "assignee": "none", "priority": "high" }), vec![column("Review", 1, &["WEB-3"])]),
        (json!({ "search": "long" }), vec![column("Backlog", 1, &["WEB-1"])]),
    ] {
        let mut input = filter.clone();
        input["projectId"] = json!("WEB");
        assert_eq!(shown(&vera.ask("board.get", input).await.unwrap()), expected, "{filter}");
    }
    let eve = world.person("eve").await;
    assert_eq!(eve.refused("board.get", json!({ "projectId": "WEB" })).await.status(), 404);
}

/// A picture that does not compress.
fn picture(format: ImageFormat, side: u32) -> Vec<u8> {
    let mut seed = 7;
    let picture = RgbImage::from_fn(side, side, |_, _| image::Rgb([next(&mut seed) as u8, next(&mut seed) as u8, 0]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture");
    bytes.into_inner()
}

#[tokio::test]
async fn a_picture_is_kept_for_those_who_see_its_task() {
    let world = World::new().await;
    let (ada, ben, eve) = (world.person("ada").await, world.person("ben").await, world.person("eve").await);
    ada.ask("project.create", json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "SEC", "title": "Hidden" })).await.unwrap();
    let server = Server::start(&world.app);
    let bearer = |person: &Person| format!("Bearer {}", person.token);
    // Larger than other bodies may be.
    let bytes = picture(ImageFormat::Png, 900);
    assert!(bytes.len() > 1 << 20);
    let body = json!({ "base64": STANDARD.encode(&bytes), "fileName": "a [b].png" }).to_string();
    let headers = [("Authorization", &*bearer(&ada)), ("Content-Type", "application/json")];
    let answer = server.send("POST", "/api/tasks/SEC-1/image-upload", &headers, body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let added = answer.json();
    let url = added["url"].as_str().unwrap();
    assert_eq!(
        (&added["mediaType"], &added["width"], &added["size"]),
        (&json!("image/png"), &json!(900), &json!(bytes.len()))
    );
    assert_eq!(added["markdown"], format!("![a b.png]({url})"));

    // By a form.
    let gif = picture(ImageFormat::Gif, 4);
    let mut form = b"--limit\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"x.gif\"\r\nContent-Type: image/gif\r\n\r\n".to_vec();
    form.extend(&gif);
    form.extend(b"\r\n--limit--\r\n");
    let headers = [("Authorization", &*bearer(&ada)), ("Content-Type", "multipart/form-data; boundary=limit")];
    let answer = server.send("POST", "/api/tasks/SEC-1/image-upload", &headers, &form);
    assert_eq!((answer.status, &answer.json()["mediaType"]), (201, &json!("image/gif")), "{}", answer.body);
    let small = answer.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(server.send("POST", "/api/tasks/SEC-1/image-upload", &headers, b"--limit\r\nnonsense").status, 400);
    let unread = server.send("POST", "/api/tasks/SEC-1/image-upload", &headers[1..], b"--limit\r\nnonsense");
    assert_eq!(unread.status, 401, "a stranger's file is not even read");
    assert_eq!(server.send("POST", "/api/tasks", &headers, &form).status, 415, "no other route takes a form");

    let address = format!("{}{url}", server.base);
    let shown = ureq::get(&address).header("Authorization", bearer(&ada)).call().unwrap();
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, max-age=31536000, immutable"),
    ] {
        assert_eq!(shown.headers()[name], value);
    }
    let etag = shown.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(shown.into_body().read_to_vec().unwrap(), bytes);
    let again = server.send("GET", url, &[("Authorization", &bearer(&ada)), ("If-None-Match", &etag)], "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    for outsider in [&ben, &eve] {
        for picture in [url, &small, "/files/img_0000000000001"] {
            assert_eq!(server.send("GET", picture, &[("Authorization", &bearer(outsider))], "").status, 404);
        }
    }
    assert_eq!(server.send("GET", url, &[], "").status, 401);
}

#[tokio::test]
async fn what_is_no_picture_or_too_much_of_one_is_refused() {
    let world = World::with(|config| config.upload_limit_mib = 1).await;
    let ben = world.person("ben").await;
    project(&ben).await;
    let key = task(&ben, "With pictures").await;
    let upload = async |bytes: &[u8]| {
        let input =
            json!({ "taskId": key, "base64": STANDARD.encode(bytes), "fileName": "x.png", "mimeType": "image/png" });
        ben.ask("task.image_upload", input).await
    };
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        upload(&picture(format, 16)).await.unwrap_or_else(|error| panic!("{format:?}: {error}"));
    }
    // A header that promises 60000 × 60000 pixels, with the check sum that goes with it.
    let mut bomb = picture(ImageFormat::Png, 16);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let check = crc(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&check);
    // Real, and small as a file.
    let mut plain = Cursor::new(Vec::new());
    image::GrayImage::new(8_000, 6_000).write_to(&mut plain, ImageFormat::Png).unwrap();
    assert!(plain.get_ref().len() < 1 << 20);
    let whole = picture(ImageFormat::Png, 16);
    for (name, bytes, status) in [
        ("an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec(), 422),
        ("HTML", b"<!doctype html><script>alert(1)</script>".to_vec(), 422),
        ("HTML behind a signature", b"\x89PNG\r\n\x1a\n<script>alert(1)</script>".to_vec(), 422),
        ("nothing", Vec::new(), 422),
        ("a bitmap", b"BM\x3a\0\0\0\0\0\0\0".to_vec(), 422),
        ("half a picture", whole[..whole.len() / 2].to_vec(), 422),
        ("a promise of too many pixels", bomb, 422),
        ("too many pixels", plain.into_inner(), 422),
        ("too many bytes", picture(ImageFormat::Png, 900), 413),
    ] {
        let error = upload(&bytes).await.expect_err(name);
        assert_eq!(error.status(), status, "{name}: {error}");
    }
    let error = ben.refused("task.image_upload", json!({ "taskId": key, "base64": "no!" })).await;
    assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (422, "base64"));
}

/// The check sum of PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
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
