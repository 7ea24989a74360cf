//! Projects, tasks and what belongs to them.

use serde_json::{Value, json};

use crate::pair::{Act, Kind, Pair, Step, act, merged, pair, step};
use crate::stage::Stage;

fn project() -> Vec<Step> {
    vec![step("project", "project.create", json!({ "name": "Project ~", "key": "~" }))]
}

/// A project with three tasks that nobody has begun.
fn tasks() -> Vec<Step> {
    let task = |name, title: &str| step(name, "task.create", json!({ "projectId": "$project", "title": title }));
    [project(), vec![task("task", "One"), task("second", "Two"), task("third", "Three")]].concat()
}

fn with(steps: Vec<Step>, more: impl IntoIterator<Item = Step>) -> Vec<Step> {
    steps.into_iter().chain(more).collect()
}

fn board() -> Act {
    act("board.get", json!({ "projectId": "$project" }))
}

fn task() -> Act {
    act("task.get", json!({ "taskId": "$task" }))
}

fn kind(name: &'static str, setup: Vec<Step>, update: &'static str, look: Act) -> Kind {
    let path = json!({ format!("{name}Id"): format!("${name}") });
    let same = ("name", json!("Mine ~"), json!("Theirs ~"));
    Kind { setup, name, update, path, same, other: ("description", json!("Another field")), delete: None, look }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_a_record() {
    let within_project = |name: &str| json!({ "projectId": "$project", format!("{name}Id"): format!("${name}") });
    let within_task = json!({ "taskId": "$task", "todoId": "$todo" });
    let status =
        step("status", "project.status.create", json!({ "projectId": "$project", "name": "QA", "type": "REVIEW" }));
    let label = step("label", "project.label.create", json!({ "projectId": "$project", "name": "bug" }));
    let todo = step("todo", "task.todo.create", json!({ "taskId": "$task", "text": "Call" }));
    let comment = step("comment", "comment.add", json!({ "taskId": "$task", "body": "Hm." }));
    let client = step("client", "client.create", json!({ "name": "Client ~" }));
    let of = |name: &str| (format!("{name}Id"), format!("${name}"));
    let kinds = [
        Kind {
            delete: Some("project.delete"),
            ..kind("project", project(), "project.update", act("project.get", json!({ "projectId": "$project" })))
        },
        Kind {
            same: ("title", json!("Mine"), json!("Theirs")),
            delete: Some("task.delete"),
            ..kind("task", tasks(), "task.update", task())
        },
        Kind {
            path: within_project("status"),
            other: ("color", json!("#112233")),
            delete: Some("project.status.delete"),
            ..kind("status", with(project(), [status]), "project.status.update", board())
        },
        Kind {
            path: within_project("label"),
            other: ("color", json!("#112233")),
            delete: Some("project.label.delete"),
            ..kind(
                "label",
                with(project(), [label]),
                "project.label.update",
                act("project.label.list", json!({ "projectId": "$project" })),
            )
        },
        Kind {
            path: within_task,
            same: ("text", json!("Mine"), json!("Theirs")),
            other: ("done", json!(true)),
            delete: Some("task.todo.delete"),
            ..kind("todo", with(tasks(), [todo]), "task.todo.update", task())
        },
        Kind {
            same: ("body", json!("Mine"), json!("Theirs")),
            other: ("mentions", json!(["ben@example.com"])),
            delete: Some("comment.delete"),
            ..kind(
                "comment",
                with(tasks(), [comment]),
                "comment.update",
                act("comment.list", json!({ "taskId": "$task" })),
            )
        },
        Kind {
            other: ("notes", json!("Another field")),
            delete: Some("client.delete"),
            ..kind(
                "client",
                vec![client],
                "client.update",
                act("client.get", json!({ of("client").0: of("client").1 })),
            )
        },
    ];
    Stage::new().await.try_all(kinds.iter().flat_map(Kind::pairs).collect()).await;
}

fn moved(task: &str, to: &str) -> Act {
    act("task.move", json!({ "taskId": format!("${task}"), "targetStatus": to }))
}

fn put(task: &str, place: Value) -> Act {
    act("task.reorder", merged(&json!({ "taskId": format!("${task}") }), place))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_a_board() {
    let delete = |task: &str| act("task.delete", json!({ "taskId": format!("${task}") }));
    let order = |ids: &[&str]| act("task.reorder", json!({ "projectId": "$project", "orderedTaskIds": ids }));
    let looks = [board(), task()];
    let of = |what: &str, first: Act, second: Act| pair(what, &tasks(), first, second, &looks);
    let done = with(tasks(), [step("done", "task.move", json!({ "taskId": "$task", "targetStatus": "Done" }))]);
    let done_pair = |what: &str, first: Act, second: Act| pair(what, &done, first, second, &looks);
    let update = |fields: Value| act("task.update", merged(&json!({ "taskId": "$task" }), fields));
    let batch = |fields: Value| act("task.batch_update", merged(&json!({ "taskIds": ["$task", "$second"] }), fields));
    let pairs: Vec<Pair> = vec![
        of("one card to two columns", moved("task", "Review"), moved("task", "Done")).both(),
        of("two cards to one column", moved("task", "Done"), moved("second", "Done")).both(),
        of("a card moved and deleted", moved("task", "Done"), delete("task")),
        of(
            "two cards to one place",
            put("second", json!({ "beforeId": "$task" })),
            put("third", json!({ "beforeId": "$task" })),
        )
        .both(),
        of(
            "each below the other",
            put("task", json!({ "afterId": "$second" })),
            put("second", json!({ "afterId": "$task" })),
        )
        .both(),
        of("beside a card that goes", put("third", json!({ "beforeId": "$task" })), delete("task")),
        of("beside a card that moves", put("third", json!({ "beforeId": "$task" })), moved("task", "Done")),
        of("two whole orders", order(&["$third", "$second", "$task"]), order(&["$second", "$third", "$task"])).both(),
        of("a whole order and a move", order(&["$third", "$second", "$task"]), moved("second", "Done")),
        of(
            "a whole order and a new card",
            order(&["$third", "$second", "$task"]),
            act("task.create", json!({ "projectId": "$project", "title": "Four" })),
        ),
        of("done and done", moved("task", "Done"), moved("task", "Done")).both(),
        of("done and begun", update(json!({ "status": "Done" })), update(json!({ "status": "In Progress" }))).both(),
        done_pair("done again and reopened", moved("task", "Done"), moved("task", "Backlog")).both(),
        done_pair("reopened twice", moved("task", "Backlog"), moved("task", "In Progress")).both(),
        of(
            "two owners",
            update(json!({ "ownerId": "ben@example.com" })),
            act("task.assign", json!({ "taskId": "$task", "ownerId": "me" })),
        )
        .both(),
        of("two batches", batch(json!({ "priority": "P1" })), batch(json!({ "priority": "P3", "status": "Review" })))
            .both(),
        of("a batch and an end within it", batch(json!({ "priority": "P1" })), delete("second")),
        of(
            "two numbers",
            act("task.create", json!({ "projectId": "$project", "title": "Four" })),
            act("task.create", json!({ "projectId": "$project", "title": "Five" })),
        )
        .both(),
        of("archived and moved", act("task.archive", json!({ "taskId": "$task" })), moved("task", "Done")),
        of(
            "archived and brought back",
            act("task.archive", json!({ "taskId": "$task" })),
            act("task.archive", json!({ "taskId": "$task", "archived": false })),
        )
        .both(),
        of(
            "labels made on the way",
            act("task.labels.update", json!({ "taskId": "$task", "labels": ["new"] })),
            act("task.labels.update", json!({ "taskId": "$second", "labels": ["new"] })),
        )
        .both(),
        of(
            "all labels of one task",
            act("task.labels.update", json!({ "taskId": "$task", "labels": ["a", "b"] })),
            act("task.labels.update", json!({ "taskId": "$task", "labels": ["b", "c"] })),
        )
        .both(),
        of(
            "each waits for the other",
            act("task.dependency.add", json!({ "taskId": "$task", "dependsOnId": "$second" })),
            act("task.dependency.add", json!({ "taskId": "$second", "dependsOnId": "$task" })),
        )
        .once(),
        of(
            "each a part of the other",
            update(json!({ "parentId": "$second" })),
            act("task.update", json!({ "taskId": "$second", "parentId": "$task" })),
        )
        .once(),
        of(
            "a dependency twice",
            act("task.dependency.add", json!({ "taskId": "$task", "dependsOnId": "$second" })),
            act("task.dependency.add", json!({ "taskId": "$task", "dependsOnId": "$second" })),
        ),
        of(
            "a comment and the end of its task",
            act("comment.add", json!({ "taskId": "$task", "body": "Hm." })),
            delete("task"),
        ),
        of(
            "two comments",
            act("comment.add", json!({ "taskId": "$task", "body": "One" })),
            act("comment.add", json!({ "taskId": "$task", "body": "Two" })).by("ben"),
        )
        .both(),
        of(
            "two todos",
            act("task.todo.create", json!({ "taskId": "$task", "text": "One" })),
            act("task.todo.create", json!({ "taskId": "$task", "text": "Two" })),
        )
        .both(),
    ];
    Stage::new().await.try_all(pairs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_a_project() {
    let statuses = ["/items/0", "/items/1", "/items/2", "/items/3", "/items/4"];
    let names = ["backlog", "progress", "blocked", "review", "done"];
    let columns = names
        .into_iter()
        .zip(statuses)
        .map(|(name, at)| step(name, "project.status.list", json!({ "projectId": "$project" })).at(at));
    let setup = with(tasks(), columns);
    let drop_status = |name: &str, to: &str| {
        act(
            "project.status.delete",
            json!({ "projectId": "$project", "statusId": format!("${name}"), "targetStatusId": format!("${to}") }),
        )
    };
    let whole = act("project.get", json!({ "projectId": "$project" }));
    let looks = [board(), whole];
    let of = |what: &str, first: Act, second: Act| pair(what, &setup, first, second, &looks);
    let other = step("other", "project.create", json!({ "name": "Other ~", "key": "O~" }));
    let two = with(setup.clone(), [other]);
    let of_two = |what: &str, first: Act, second: Act| pair(what, &two, first, second, &looks);
    let waits = |one: &str, other: &str| {
        act("project.dependency.add", json!({ "projectId": format!("${one}"), "dependsOnId": format!("${other}") }))
    };
    let archive = act("project.archive", json!({ "projectId": "$project" }));
    let delete = act("project.delete", json!({ "projectId": "$project" }));
    let label = |name: &str| act("project.label.create", json!({ "projectId": "$project", "name": name }));
    let ben = with(
        setup.clone(),
        [step(
            "ben",
            "project.member.add",
            json!({ "projectId": "$project", "accountId": "ben@example.com", "role": "OWNER" }),
        )],
    );
    let member = |who: &str, role: &str| {
        act("project.member.update", json!({ "projectId": "$project", "membershipId": who, "role": role }))
    };
    let leave = |who: &str| act("project.member.remove", json!({ "projectId": "$project", "membershipId": who }));
    let of_ben = |what: &str, first: Act, second: Act| {
        pair(what, &ben, first, second, &[act("project.member.list", json!({ "projectId": "$project" }))])
    };
    let pairs = vec![
        of("a column away and a card into it", drop_status("review", "backlog"), moved("task", "Review")),
        of("a column away twice", drop_status("review", "backlog"), drop_status("review", "done")).once(),
        of("each into the other's column", drop_status("review", "done"), drop_status("done", "review")).once(),
        of("two orders of columns", act("project.status.reorder", json!({ "projectId": "$project", "orderedStatusIds": ["$done", "$review", "$blocked", "$progress", "$backlog"] })), act("project.status.reorder", json!({ "projectId": "$project", "orderedStatusIds": ["$review", "$done", "$blocked", "$progress", "$backlog"] }))).both(),
        of("an order of columns and one fewer", act("project.status.reorder", json!({ "projectId": "$project", "orderedStatusIds": ["$done", "$review", "$blocked", "$progress", "$backlog"] })), drop_status("blocked", "backlog")),
        of("a column of the same name", act("project.status.create", json!({ "projectId": "$project", "name": "QA", "type": "REVIEW" })), act("project.status.create", json!({ "projectId": "$project", "name": "QA", "type": "DONE" }))).once(),
        of("a label of the same name", label("bug"), label("bug")).once(),
        of("a label made twice, once on the way", label("bug"), act("task.labels.update", json!({ "taskId": "$task", "labels": ["bug"] }))),
        of("archived, and a task for it", archive.clone(), act("task.create", json!({ "projectId": "$project", "title": "Late" }))),
        of("archived, and time for it", archive.clone(), act("timesheet.add", json!({ "taskId": "$task", "minutes": 5, "date": "2027-03-01" }))),
        of("archived twice", archive.clone(), archive.clone()),
        of("deleted, and a task for it", delete.clone(), act("task.create", json!({ "projectId": "$project", "title": "Late" }))),
        of("deleted, and a task moved", delete.clone(), moved("task", "Done")),
        of("deleted twice", delete.clone(), delete.clone()).once(),
        of_two("each waits for the other", waits("project", "other"), waits("other", "project")).once(),
        of_two("deleted, and a task moved into it", act("project.delete", json!({ "projectId": "$other" })), act("task.update", json!({ "taskId": "$task", "projectId": "$other" }))),
        of_two("one key for two", act("project.update", json!({ "projectId": "$project", "key": "Z~" })), act("project.update", json!({ "projectId": "$other", "key": "Z~" }))).once(),
        of_ben("both owners step down", member("ada@example.com", "MEMBER"), member("ben@example.com", "MEMBER")).once(),
        of_ben("both owners leave", leave("ada@example.com"), leave("ben@example.com")).once(),
        of_ben("one role and another", member("ben@example.com", "MEMBER"), member("ben@example.com", "VIEWER")).both(),
        of_ben("a role and the end", member("ben@example.com", "MEMBER"), leave("ben@example.com")),
    ];
    Stage::new().await.try_all(pairs).await;
}
