//! What cannot be is refused in words that say what to do, and nothing of it is written.

mod support;

use serde_json::{Value, json};
use support::{Person, World};

/// How far the journal has come: every change of anything moves it on.
fn written(world: &World) -> (i64, i64) {
    const WRITTEN: &str =
        "select (select ifnull(max(seq), 0) from change), (select ifnull(max(id), 0) from change_set)";
    let count = |reading: &mut sally::core::store::Reading| {
        sally::core::store::one(reading.conn(), WRITTEN, [], |row| Ok((row.take()?, row.take()?)))
    };
    world.app.store().read(count).expect("a journal")
}

/// Asks for each, and looks at the journal after it.
async fn refuses(world: &World, person: &Person, cases: Vec<(&str, &str, Value, u16)>) {
    let before = written(world);
    for (what, operation, input, status) in cases {
        match person.ask(operation, input.clone()).await {
            Ok(answer) => panic!("{what}: {operation} took {input} and answered {answer}"),
            Err(error) => assert_eq!(error.status(), status, "{what}: {operation} {input}: {error}"),
        }
        assert_eq!(written(world), before, "{what}: {operation} wrote something");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nothing_is_written() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    ben.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    ben.ask("project.create", json!({ "name": "Other", "key": "OTH" })).await.unwrap();
    ben.ask("project.create", json!({ "name": "Third", "key": "THI" })).await.unwrap();
    ben.ask("project.create", json!({ "name": "Old", "key": "OLD" })).await.unwrap();
    ben.ask("task.create", json!({ "projectId": "OLD", "title": "Left behind" })).await.unwrap();
    ada.ask("project.archive", json!({ "projectId": "OLD" })).await.unwrap();
    for title in ["One", "Two", "Three"] {
        ben.ask("task.create", json!({ "projectId": "WEB", "title": title, "todos": ["a", "b"] })).await.unwrap();
    }
    ben.ask("task.create", json!({ "projectId": "OTH", "title": "Elsewhere" })).await.unwrap();
    for (task, other) in [("WEB-1", "WEB-2"), ("WEB-2", "WEB-3")] {
        ben.ask("task.dependency.add", json!({ "taskId": task, "dependsOnId": other })).await.unwrap();
    }
    ben.ask("project.dependency.add", json!({ "projectId": "WEB", "dependsOnId": "OTH" })).await.unwrap();
    ben.ask("project.dependency.add", json!({ "projectId": "OTH", "dependsOnId": "THI" })).await.unwrap();
    ben.ask("task.update", json!({ "taskId": "WEB-2", "parentId": "WEB-1" })).await.unwrap();
    ben.ask("task.update", json!({ "taskId": "WEB-3", "parentId": "WEB-2" })).await.unwrap();
    let detail = ben.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap();
    let todo = |n: usize| detail["todos"][n]["id"].clone();
    let foreign_todo = ben.ask("task.get", json!({ "taskId": "WEB-2" })).await.unwrap()["todos"][0]["id"].clone();
    let statuses = async |project: &str| -> Vec<Value> {
        let list = ben.ask("project.status.list", json!({ "projectId": project })).await.unwrap();
        list["items"].as_array().unwrap().iter().map(|status| status["id"].clone()).collect()
    };
    let (here, there) = (statuses("WEB").await, statuses("OTH").await);
    let with = |list: &[Value], place: usize, value: &Value| {
        let mut list = list.to_vec();
        list[place] = value.clone();
        list
    };
    let me = ben.ask("project.member.list", json!({ "projectId": "WEB" })).await.unwrap();
    let me = me["items"].as_array().unwrap().iter().find(|member| member["name"] == "Ben").unwrap()["id"].clone();

    let task = |extra: Value| {
        let mut input = json!({ "projectId": "WEB", "title": "New" });
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        input
    };
    let cards = |order: Value| json!({ "projectId": "WEB", "orderedTaskIds": order });
    let todos = |order: Value| json!({ "taskId": "WEB-1", "orderedTodoIds": order });
    let columns = |order: &[Value]| json!({ "projectId": "WEB", "orderedStatusIds": order });
    let cases = vec![
        ("a missing card", "task.reorder", cards(json!(["WEB-1", "WEB-2"])), 422),
        ("a foreign card", "task.reorder", cards(json!(["WEB-1", "WEB-2", "WEB-3", "OTH-1"])), 422),
        ("a doubled card", "task.reorder", cards(json!(["WEB-1", "WEB-2", "WEB-3", "WEB-2"])), 422),
        ("a missing todo", "task.todo.reorder", todos(json!([todo(0)])), 422),
        ("a foreign todo", "task.todo.reorder", todos(json!([todo(0), todo(1), foreign_todo])), 422),
        ("a doubled todo", "task.todo.reorder", todos(json!([todo(0), todo(1), todo(0)])), 422),
        ("a missing status", "project.status.reorder", columns(&here[1..]), 422),
        ("a foreign status", "project.status.reorder", columns(&with(&here, 0, &there[0])), 422),
        ("a doubled status", "project.status.reorder", columns(&with(&here, 0, &here[1])), 422),
        ("another project's status", "task.create", task(json!({ "status": there[2] })), 404),
        ("another project's status", "task.move", json!({ "taskId": "WEB-1", "targetStatus": there[2] }), 404),
        ("another project's status", "task.update", json!({ "taskId": "WEB-1", "status": there[2] }), 404),
        ("another project's status", "task.reorder", json!({ "taskId": "WEB-1", "targetStatusId": there[2] }), 404),
        (
            "a status of one of two",
            "task.batch_move",
            json!({ "taskIds": ["WEB-1", "OTH-1"], "targetStatus": here[2] }),
            404,
        ),
        ("an assignee from outside", "task.create", task(json!({ "ownerId": "eve@example.com" })), 404),
        ("an assignee from outside", "task.assign", json!({ "taskId": "WEB-1", "ownerId": "eve@example.com" }), 404),
        (
            "a participant from outside",
            "task.update",
            json!({ "taskId": "WEB-1", "participants": ["eve@example.com"] }),
            404,
        ),
        (
            "a batch for one from outside",
            "task.batch_update",
            json!({ "taskIds": ["WEB-1"], "ownerId": "eve@example.com" }),
            404,
        ),
        ("no minutes", "timesheet.add", json!({ "taskId": "WEB-1", "minutes": 0 }), 422),
        ("less than no minutes", "timesheet.add", json!({ "taskId": "WEB-1", "minutes": -5 }), 422),
        ("more than a day", "timesheet.add", json!({ "taskId": "WEB-1", "minutes": 1441 }), 422),
        ("more than a day in hours", "timesheet.add", json!({ "taskId": "WEB-1", "hours": 24.1 }), 422),
        (
            "a day that does not exist",
            "timesheet.add",
            json!({ "taskId": "WEB-1", "minutes": 5, "date": "2027-02-30" }),
            422,
        ),
        ("a day that does not exist", "task.create", task(json!({ "dueDate": "2027-02-29" })), 422),
        ("a day that does not exist", "task.update", json!({ "taskId": "WEB-1", "startDate": "2027-13-01" }), 422),
        (
            "no picture",
            "task.image_upload",
            json!({ "taskId": "WEB-1", "base64": "PHN2Zy8+", "fileName": "a.png", "mimeType": "image/png" }),
            422,
        ),
        ("a cycle of three", "task.dependency.add", json!({ "taskId": "WEB-3", "dependsOnId": "WEB-1" }), 409),
        (
            "a cycle of three projects",
            "project.dependency.add",
            json!({ "projectId": "THI", "dependsOnId": "WEB" }),
            409,
        ),
        ("a part of its own part", "task.update", json!({ "taskId": "WEB-1", "parentId": "WEB-3" }), 409),
        ("the last owner leaving", "project.member.remove", json!({ "projectId": "WEB", "membershipId": me }), 409),
        (
            "the last owner stepping down",
            "project.member.update",
            json!({ "projectId": "WEB", "membershipId": me, "role": "MEMBER" }),
            409,
        ),
        ("a task for an archived project", "task.create", json!({ "projectId": "OLD", "title": "Late" }), 409),
        ("a task moved to an archived project", "task.update", json!({ "taskId": "WEB-1", "projectId": "OLD" }), 409),
        ("time in an archived project", "timesheet.add", json!({ "taskId": "OLD-1", "minutes": 5 }), 409),
        ("a clock in an archived project", "timesheet.timer.start", json!({ "taskId": "OLD-1" }), 409),
        ("a comment in an archived project", "comment.add", json!({ "taskId": "OLD-1", "body": "Late" }), 409),
        ("a todo in an archived project", "task.todo.create", json!({ "taskId": "OLD-1", "text": "Late" }), 409),
        (
            "a status in an archived project",
            "project.status.create",
            json!({ "projectId": "OLD", "name": "QA", "type": "REVIEW" }),
            409,
        ),
        ("a label made on the way", "task.labels.update", json!({ "taskId": "OLD-1", "labels": ["late"] }), 409),
        ("a label in an archived project", "project.label.create", json!({ "projectId": "OLD", "name": "late" }), 409),
    ];
    refuses(&world, &ben, cases).await;

    let eve = world.person("eve").await;
    let herself = json!({ "workspaceId": "bolt", "membershipId": "me" });
    let as_viewer = json!({ "workspaceId": "bolt", "membershipId": "me", "role": "VIEWER" });
    let cases = vec![
        ("the last owner leaving", "workspace.member.remove", herself, 409),
        ("the last owner stepping down", "workspace.member.update", as_viewer, 409),
    ];
    refuses(&world, &eve, cases).await;

    let cases = vec![
        ("a viewer's task", "task.create", task(json!({})), 403),
        ("a viewer's change", "task.update", json!({ "taskId": "WEB-1", "title": "Mine" }), 403),
        ("a viewer's move", "task.move", json!({ "taskId": "WEB-1", "targetStatus": "Done" }), 403),
        ("a viewer's batch", "task.batch_update", json!({ "taskIds": ["WEB-1"], "priority": "P1" }), 403),
        ("a viewer's comment", "comment.add", json!({ "taskId": "WEB-1", "body": "Hm." }), 403),
        ("a viewer's todo", "task.todo.update", json!({ "taskId": "WEB-1", "todoId": todo(0), "done": true }), 403),
        ("a viewer's time", "timesheet.add", json!({ "taskId": "WEB-1", "minutes": 5 }), 403),
        ("a viewer's clock", "timesheet.timer.start", json!({ "taskId": "WEB-1" }), 403),
        ("a viewer's project", "project.create", json!({ "name": "Mine" }), 403),
        (
            "a viewer's status",
            "project.status.create",
            json!({ "projectId": "WEB", "name": "QA", "type": "REVIEW" }),
            403,
        ),
        ("a viewer's client", "client.create", json!({ "name": "Mine" }), 403),
        ("a viewer's agent", "agent.create", json!({ "name": "Mine" }), 403),
    ];
    refuses(&world, &vera, cases).await;
}
