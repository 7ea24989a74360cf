//! Whoever says which version they saw: everywhere where an operation takes one, and one that does not fit.

use std::collections::BTreeSet;

use sally::core::id;
use sally::core::store::one;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, World};

async fn made(person: &Person, operation: &str, input: Value) -> Value {
    person.ask(operation, input.clone()).await.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

#[tokio::test]
async fn a_version_that_does_not_fit_is_refused_and_nothing_is_written() {
    let world = World::new().await;
    let (ada, sam) = (world.person("ada").await, world.person("sam").await);
    made(&ada, "project.create", json!({ "name": "Website", "key": "WEB" })).await;
    made(&ada, "project.create", json!({ "name": "Other", "key": "OTH" })).await;
    for title in ["One", "Two"] {
        made(&ada, "task.create", json!({ "projectId": "WEB", "title": title })).await;
    }
    let todo = made(&ada, "task.todo.create", json!({ "taskId": "WEB-1", "text": "Call" })).await;
    let comment = made(&ada, "comment.add", json!({ "taskId": "WEB-1", "body": "Hm." })).await;
    made(&ada, "project.status.create", json!({ "projectId": "WEB", "name": "QA", "type": "REVIEW" })).await;
    made(&ada, "project.label.create", json!({ "projectId": "WEB", "name": "bug" })).await;
    made(&ada, "project.member.add", json!({ "projectId": "WEB", "accountId": "ben@example.com", "role": "MEMBER" }))
        .await;
    made(&ada, "project.dependency.add", json!({ "projectId": "WEB", "dependsOnId": "OTH" })).await;
    made(&ada, "task.dependency.add", json!({ "taskId": "WEB-1", "dependsOnId": "WEB-2" })).await;
    made(&ada, "client.create", json!({ "name": "Acme" })).await;
    made(&ada, "agent.create", json!({ "name": "Robot" })).await;
    made(&ada, "crm.organization.create", json!({ "name": "Acme" })).await;
    made(&ada, "crm.person.create", json!({ "name": "Mia" })).await;
    made(&ada, "crm.deal.create", json!({ "title": "Deal" })).await;
    made(&ada, "crm.follow_up.add", json!({ "title": "Call" })).await;
    let entry = made(&ada, "timesheet.add", json!({ "taskId": "WEB-1", "minutes": 5 })).await;
    made(&ada, "workspace.invite", json!({ "workspaceId": "acme", "email": "new@example.com", "role": "MEMBER" }))
        .await;
    let api_key = made(&sam, "api_key.create", json!({ "label": "key" })).await;
    let mcp_key = made(&sam, "mcp_key.create", json!({ "label": "key" })).await;
    made(&sam, "auth.login", json!({ "email": "sam@example.com", "password": PASSWORD })).await;
    let session: i64 = {
        let find = "select id from session";
        world.app.store().read(|reading| one(reading.conn(), find, [], |row| row.take())).unwrap()
    };

    let project = |more: Value| crate::pair::merged(&json!({ "projectId": "WEB" }), more);
    let task = |more: Value| crate::pair::merged(&json!({ "taskId": "WEB-1" }), more);
    let acme = |more: Value| crate::pair::merged(&json!({ "workspaceId": "acme" }), more);
    let (ben, name) = ("ben@example.com", "name");
    let cases = [
        (&ada, "project.update", project(json!({ name: "x" }))),
        (&ada, "project.delete", project(json!({}))),
        (&ada, "project.member.update", project(json!({ "membershipId": ben, "role": "VIEWER" }))),
        (&ada, "project.member.remove", project(json!({ "membershipId": ben }))),
        (&ada, "project.status.update", project(json!({ "statusId": "QA", name: "x" }))),
        (&ada, "project.status.delete", project(json!({ "statusId": "QA" }))),
        (&ada, "project.label.update", project(json!({ "labelId": "bug", name: "x" }))),
        (&ada, "project.label.delete", project(json!({ "labelId": "bug" }))),
        (&ada, "project.dependency.remove", project(json!({ "dependsOnId": "OTH" }))),
        (&ada, "task.update", task(json!({ "title": "x" }))),
        (&ada, "task.delete", task(json!({}))),
        (&ada, "task.labels.update", task(json!({ "labels": ["bug"] }))),
        (&ada, "task.dependency.remove", task(json!({ "dependsOnId": "WEB-2" }))),
        (&ada, "task.todo.update", task(json!({ "todoId": todo["id"], "done": true }))),
        (&ada, "task.todo.delete", task(json!({ "todoId": todo["id"] }))),
        (&ada, "comment.update", json!({ "commentId": comment["id"], "body": "x" })),
        (&ada, "comment.delete", json!({ "commentId": comment["id"] })),
        (&ada, "client.update", json!({ "clientId": "Acme", name: "x" })),
        (&ada, "client.delete", json!({ "clientId": "Acme" })),
        (&ada, "agent.update", json!({ "agentId": "Robot", name: "x" })),
        (&ada, "crm.organization.update", json!({ "organizationId": "Acme", name: "x" })),
        (&ada, "crm.person.update", json!({ "personId": "Mia", name: "x" })),
        (&ada, "crm.deal.update", json!({ "dealId": "Deal", "title": "x" })),
        (&ada, "crm.follow_up.update", json!({ "followUpId": "Call", "title": "x" })),
        (&ada, "timesheet.update", json!({ "timesheetId": entry["id"], "minutes": 6 })),
        (&ada, "timesheet.delete", json!({ "timesheetId": entry["id"] })),
        (&ada, "workspace.update", acme(json!({ name: "x" }))),
        (&ada, "workspace.member.update", acme(json!({ "membershipId": ben, "role": "VIEWER" }))),
        (&ada, "workspace.member.remove", acme(json!({ "membershipId": ben }))),
        (&ada, "workspace.invite.cancel", acme(json!({ "inviteId": "new@example.com" }))),
        (&ada, "profile.update", json!({ name: "x" })),
        (&sam, "workspace.delete", acme(json!({}))),
        (&sam, "account.update_platform_role", json!({ "accountId": ben, "platformRole": "ADMIN" })),
        (&sam, "api_key.revoke", json!({ "apiKeyId": api_key["id"] })),
        (&sam, "mcp_key.revoke", json!({ "mcpKeyId": mcp_key["id"] })),
        (&sam, "auth.session.revoke", json!({ "sessionId": id::typed("sess", session) })),
    ];
    let tried: BTreeSet<&str> = cases.iter().map(|(_, operation, _)| *operation).collect();
    let takes = world.app.operations().iter().map(|listed| &listed.entry.spec).filter(|spec| spec.takes_version());
    let takes: BTreeSet<&str> = takes.map(|spec| spec.name).collect();
    assert_eq!(tried, takes, "each of them, and no other");

    let written = || {
        const WRITTEN: &str =
            "select (select max(seq) from change) + (select max(id) from change_set) + (select count(*) from session)";
        world.app.store().read(|reading| one(reading.conn(), WRITTEN, [], |row| row.take::<i64>())).unwrap()
    };
    let before = written();
    let mut wrong = Vec::new();
    for (person, operation, mut input) in cases {
        input["ifVersion"] = json!(99);
        let status = person.ask(operation, input).await.map_or_else(|error| error.status(), |_| 200);
        // A session never changes and has no version, so that none fits.
        let wanted = if operation == "auth.session.revoke" { 400 } else { 412 };
        if status != wanted || written() != before {
            wrong.push(format!("{operation}: {status}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
