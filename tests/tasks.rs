//! Stories of tasks, told by named people through the door.

mod support;

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
