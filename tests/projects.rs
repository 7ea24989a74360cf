//! Stories of clients, projects and what belongs to them, told by named people through the door.

mod support;

use serde_json::{Value, json};
use support::World;

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
        .filter(|(name, ..)| !name.starts_with("Sam"))
        .collect();
    assert_eq!(lines, [("Ada", "OWNER", "WORKSPACE"), ("Ben", "OWNER", "PROJECT"), ("Vera", "MEMBER", "PROJECT")]);
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
