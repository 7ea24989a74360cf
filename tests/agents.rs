//! Agents: keys bound to them write as them, on behalf of an account.

mod support;

use sally::core::store::one;
use serde_json::{Value, json};
use support::{Person, World};

/// A key of that person, made with these restrictions.
async fn narrowed(person: &Person, restrictions: Value) -> (Value, Person) {
    let mut input = json!({ "label": "Robin's key" });
    for (name, value) in restrictions.as_object().expect("an object") {
        input[name] = value.clone();
    }
    let made = person.ask("api_key.create", input).await.expect("a key");
    let token = made["token"].as_str().expect("a token").to_owned();
    (made, Person { token, ..person.clone() })
}

#[tokio::test]
async fn an_agent_is_added_changed_and_found_by_name() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let robin = ada.ask("agent.create", json!({ "name": "Robin", "role": "Triage" })).await.unwrap();
    assert_eq!((&robin["enabled"], &robin["keyCount"], &robin["lastUsedAt"]), (&json!(true), &json!(0), &Value::Null));

    assert_eq!(ben.ask("agent.get", json!({ "agentId": "robin" })).await.unwrap()["id"], robin["id"]);
    assert_eq!(ada.refused("agent.create", json!({ "name": "ROBIN" })).await.status(), 409);
    assert_eq!(ben.refused("agent.create", json!({ "name": "Wren" })).await.status(), 403);
    assert_eq!(world.person("vera").await.refused("agent.list", json!({})).await.status(), 403);

    ada.ask("agent.create", json!({ "name": "Wren", "enabled": false })).await.unwrap();
    assert_eq!(ada.refused("agent.update", json!({ "agentId": "Wren", "name": "robin" })).await.status(), 409);
    let renamed = ada
        .ask("agent.update", json!({ "agentId": "Robin", "name": "robin", "role": null, "description": "Sorts." }))
        .await
        .unwrap();
    assert_eq!((&renamed["name"], &renamed["role"], &renamed["version"]), (&json!("robin"), &Value::Null, &json!(2)));
    let enabled = ben.ask("agent.list", json!({ "enabled": true })).await.unwrap();
    assert_eq!(enabled["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.person("eve").await.refused("agent.get", json!({ "agentId": robin["id"] })).await.status(), 404);
}

#[tokio::test]
async fn what_a_bound_key_writes_names_agent_and_account() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let robin = ada.ask("agent.create", json!({ "name": "Robin" })).await.unwrap();
    let (key, as_robin) = narrowed(&ben, json!({ "agentId": "robin" })).await;
    assert_eq!(key["agent"]["name"], "Robin");
    let acme = ada.ask("workspace.get", json!({ "workspaceId": "acme" })).await.unwrap();
    assert_eq!(key["workspaceId"], acme["id"], "the key works in the agent's workspace only");

    let organization = as_robin.ask("crm.organization.create", json!({ "name": "Nordlicht" })).await.unwrap();
    let activity = as_robin
        .ask("crm.activity.add", json!({ "organizationId": organization["id"], "body": "Looked them up." }))
        .await
        .unwrap();
    assert_eq!((&activity["actor"]["name"], &activity["agentId"]), (&json!("Ben"), &robin["id"]));
    assert_eq!(activity["agent"]["name"], "Robin");

    const JOURNAL: &str = "
        select count(*) from change_set s join agent g on g.id = s.agent_id join account a on a.id = s.account_id
         where s.operation in ('crm.organization.create', 'crm.activity.add') and a.email = 'ben@example.com'";
    let rows = world.app.store().read(|reading| one(reading.conn(), JOURNAL, [], |row| row.take::<i64>())).unwrap();
    assert_eq!(rows, 2);

    world.app.tidy().await.unwrap();
    let seen = ada.ask("agent.get", json!({ "agentId": "Robin" })).await.unwrap();
    assert_eq!(seen["keyCount"], 1);
    assert!(seen["lastUsedAt"].is_string());
    let listed = ben.ask("api_key.list", json!({ "fields": "label,agent" })).await.unwrap();
    assert!(listed["items"].as_array().unwrap().iter().any(|key| key["agent"]["name"] == "Robin"));
}

#[tokio::test]
async fn a_disabled_agent_is_refused_at_once() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask("agent.create", json!({ "name": "Robin" })).await.unwrap();
    let (_, as_robin) = narrowed(&ada, json!({ "agentId": "Robin" })).await;
    as_robin.ask("crm.deal.list", json!({})).await.unwrap();
    ada.ask("agent.update", json!({ "agentId": "Robin", "enabled": false })).await.unwrap();
    let refused = as_robin.refused("crm.deal.list", json!({})).await;
    assert_eq!((refused.status(), refused.permission().unwrap().scope), (403, "key"));
    ada.ask("agent.update", json!({ "agentId": "Robin", "enabled": true })).await.unwrap();
    as_robin.ask("crm.deal.list", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_key_is_bound_only_to_an_agent_within_reach() {
    let world = World::new().await;
    let (ada, eve) = (world.person("ada").await, world.person("eve").await);
    let robin = ada.ask("agent.create", json!({ "name": "Robin" })).await.unwrap();
    for agent in [&robin["id"], &json!("Robin"), &json!("nobody")] {
        let refused = eve.refused("api_key.create", json!({ "label": "k", "agentId": agent })).await;
        assert_eq!((refused.status(), refused.problem_json("")["errors"][0]["field"].as_str()), (404, Some("agentId")));
    }
    // Ada joins Bolt: its Wren and Acme's Robin are told apart by the workspace.
    eve.ask("workspace.member.add", json!({ "workspaceId": "bolt", "accountId": "ada@example.com", "role": "MEMBER" }))
        .await
        .unwrap();
    eve.ask("agent.create", json!({ "name": "Robin" })).await.unwrap();
    eve.ask("agent.create", json!({ "name": "Wren" })).await.unwrap();
    let create = |agent: Value, workspace: Value| json!({ "label": "k", "agentId": agent, "workspaceId": workspace });
    assert_eq!(ada.refused("mcp_key.create", create(json!("Robin"), Value::Null)).await.status(), 409);
    assert_eq!(ada.refused("mcp_key.create", create(json!("Wren"), json!("acme"))).await.status(), 422);
    let bound = ada.ask("mcp_key.create", create(json!("robin"), json!("acme"))).await.unwrap();
    assert_eq!(bound["agentId"], robin["id"]);
    assert_eq!(bound["token"].as_str().unwrap().split('_').next(), Some("sallymcp"));
}

#[tokio::test]
async fn comments_time_and_notifications_of_a_bound_key_name_the_agent_too() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let robin = ada.ask("agent.create", json!({ "name": "Robin" })).await.unwrap();
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "WEB", "title": "Draw" })).await.unwrap();
    let (_, as_robin) = narrowed(&ada, json!({ "agentId": "Robin" })).await;
    let comment = as_robin.ask("comment.add", json!({ "taskId": "WEB-1", "body": "@ben, sorted." })).await.unwrap();
    assert_eq!((&comment["author"]["name"], &comment["agentId"]), (&json!("Ada"), &robin["id"]));
    let entry = as_robin.ask("timesheet.add", json!({ "taskId": "WEB-1", "minutes": 5 })).await.unwrap();
    assert_eq!((&entry["account"]["name"], &entry["agent"]["name"]), (&json!("Ada"), &json!("Robin")));
    let told = ben.ask("notification.list", json!({})).await.unwrap()["items"][0].clone();
    assert_eq!((&told["actor"]["name"], &told["agent"]["name"]), (&json!("Ada"), &json!("Robin")));
}

#[tokio::test]
async fn a_narrowed_key_does_through_no_field_what_its_scopes_forbid() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "WEB", "title": "Draw" })).await.unwrap();
    // To put a task away is an act of its own, in another area than to change it.
    let (_, key) = narrowed(&ada, json!({ "scopes": "core:write" })).await;
    key.ask("task.update", json!({ "taskId": "WEB-1", "title": "Paint" })).await.unwrap();
    let refused = key.refused("task.update", json!({ "taskId": "WEB-1", "title": "Oil", "archived": true })).await;
    assert_eq!((refused.status(), refused.permission().unwrap().required.as_str()), (403, "tasks:write"));
    let task = ada.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap();
    assert_eq!((&task["title"], &task["archivedAt"]), (&json!("Paint"), &serde_json::Value::Null));
    ada.ask("task.update", json!({ "taskId": "WEB-1", "archived": true })).await.unwrap();
}

#[tokio::test]
async fn a_key_for_one_project_sees_nothing_else() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    for (name, key) in [("Website", "WEB"), ("Application", "APP")] {
        ada.ask("project.create", json!({ "name": name, "key": key })).await.unwrap();
        ada.ask("task.create", json!({ "projectId": key, "title": "Draw" })).await.unwrap();
        ben.ask("timesheet.add", json!({ "projectId": key, "minutes": 10 })).await.unwrap();
        ada.ask("comment.add", json!({ "taskId": format!("{key}-1"), "body": "@ben" })).await.unwrap();
    }
    let (made, key) = narrowed(&ben, json!({ "projects": ["web"] })).await;
    assert_eq!(made["projects"][0]["name"], "Website");
    assert!(made["workspaceId"].is_string());

    let projects = key.ask("project.list", json!({})).await.unwrap();
    assert_eq!(projects["items"].as_array().unwrap().len(), 1);
    key.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap();
    assert_eq!(key.refused("task.get", json!({ "taskId": "APP-1" })).await.status(), 404);
    assert_eq!(key.refused("comment.list", json!({ "taskId": "APP-1" })).await.status(), 404);
    assert_eq!(key.refused("crm.deal.list", json!({})).await.status(), 403);
    key.ask("comment.add", json!({ "taskId": "WEB-1", "body": "Hello" })).await.unwrap();
    let time = key.ask("timesheet.report", json!({})).await.unwrap();
    assert_eq!(time["summary"]["totalMinutes"], 10);
    assert_eq!(key.refused("timesheet.add", json!({ "projectId": "APP", "minutes": 5 })).await.status(), 404);
    let told = key.ask("notification.list", json!({})).await.unwrap();
    assert_eq!((told["items"].as_array().unwrap().len(), &told["unreadCount"]), (1, &json!(1)));
    assert_eq!(key.ask("notification.read_all", json!({})).await.unwrap()["marked"], 1);
    assert_eq!(ben.ask("notification.list", json!({})).await.unwrap()["unreadCount"], 1);

    ada.ask("project.create", json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" })).await.unwrap();
    for projects in [json!(["SEC"]), json!(["nowhere"])] {
        assert_eq!(ben.refused("api_key.create", json!({ "label": "k", "projects": projects })).await.status(), 404);
    }
    assert_eq!(ben.refused("api_key.create", json!({ "label": "k", "projects": [] })).await.status(), 422);
}
