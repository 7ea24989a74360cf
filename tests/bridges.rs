//! The story of a deal that is won and delivered: the CRM and projects know of each other.

mod support;

use serde_json::{Value, json};
use support::{Person, World};

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().expect("a list").iter().map(|item| item[field].as_str().expect("a text")).collect()
}

/// A won deal with its project, by Ben.
async fn won(ben: &Person) -> (Value, Value) {
    ben.ask("crm.organization.create", json!({ "name": "Halden Ferries" })).await.unwrap();
    let deal = json!({ "title": "Ticket shop relaunch", "organizationId": "Halden Ferries", "value": 86000, "ownerId": "ada@example.com" });
    let deal = ben.ask("crm.deal.create", deal).await.unwrap();
    ben.ask("crm.deal.update", json!({ "dealId": deal["id"], "status": "WON" })).await.unwrap();
    let project = ben.ask("crm.deal.create_project", json!({ "dealId": deal["id"], "key": "SHOP" })).await.unwrap();
    (deal, project)
}

#[tokio::test]
async fn a_won_deal_is_delivered_and_found_on_its_organizations_page_and_in_one_search() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let (deal, project) = won(&ben).await;
    assert_eq!(
        (&project["name"], &project["client"]["name"]),
        (&json!("Ticket shop relaunch"), &json!("Halden Ferries"))
    );
    assert_eq!(project["deal"]["id"], deal["id"]);
    let members = ben.ask("project.member.list", json!({ "projectId": "SHOP" })).await.unwrap();
    assert!(members["items"].to_string().contains("ada@example.com"), "the deal's owner comes along: {members}");

    let follow_up = json!({ "title": "Kick-off with the harbour staff", "dealId": deal["id"], "dueAt": "2027-03-01" });
    let follow_up = ben.ask("crm.follow_up.add", follow_up).await.unwrap();
    let task = ben
        .ask("crm.follow_up.create_task", json!({ "followUpId": follow_up["id"], "projectId": "SHOP" }))
        .await
        .unwrap();
    assert_eq!((&task["key"], &task["dueDate"]), (&json!("SHOP-1"), &json!("2027-03-01")));
    assert_eq!((&task["owner"]["name"], &task["followUpId"]), (&json!("Ben"), &follow_up["id"]));
    ben.ask("task.create", json!({ "projectId": "SHOP", "title": "Car length step" })).await.unwrap();
    ben.ask("timesheet.add", json!({ "taskId": "SHOP-1", "minutes": 90 })).await.unwrap();
    ben.ask("task.move", json!({ "taskId": "SHOP-1", "targetStatus": "Done" })).await.unwrap();

    let settled = ben.ask("crm.follow_up.list", json!({ "status": "ALL" })).await.unwrap()["items"][0].clone();
    assert_eq!((&settled["status"], &settled["task"]["key"]), (&json!("DONE"), &json!("SHOP-1")));
    let read = ben.ask("crm.deal.get", json!({ "dealId": deal["id"] })).await.unwrap();
    assert_eq!(read["project"]["key"], "SHOP");
    assert_eq!(
        texts(&read["activities"], "body"),
        ["The first task of the project Ticket shop relaunch is done: SHOP-1 Kick-off with the harbour staff"]
    );
    assert_eq!(read["activities"][0]["task"]["key"], "SHOP-1");
    let other_side = ben.ask("project.get", json!({ "projectId": "SHOP" })).await.unwrap();
    assert_eq!(other_side["deals"][0]["id"], deal["id"]);
    let task = ben.ask("task.get", json!({ "taskId": "SHOP-1" })).await.unwrap();
    assert_eq!((&task["deal"]["id"], &task["followUp"]["id"]), (&deal["id"], &follow_up["id"]));

    let page = ben.ask("crm.organization.get", json!({ "organizationId": "Halden Ferries" })).await.unwrap();
    assert_eq!(texts(&page["projects"], "key"), ["SHOP"]);
    assert_eq!(texts(&page["tasks"], "key"), ["SHOP-1", "SHOP-2"]);
    assert_eq!((&page["totalMinutes"], &page["projects"][0]["openTasks"]), (&json!(90), &json!(1)));
    let found = ben.ask("search", json!({ "query": "ticket shop" })).await.unwrap();
    let mut kinds = texts(&found["items"], "type");
    kinds.sort_unstable();
    assert_eq!(kinds, ["ACTIVITY", "DEAL", "PROJECT"]);
    let found = ben.ask("search", json!({ "query": "kick-off" })).await.unwrap();
    assert_eq!(found["items"][0]["key"], "SHOP-1");
}

#[tokio::test]
async fn the_deal_hears_of_the_last_task_and_of_the_archiving_once_each() {
    let world = World::new().await;
    let (ben, ada) = (world.person("ben").await, world.person("ada").await);
    let (deal, _) = won(&ben).await;
    for title in ["One", "Two"] {
        ben.ask("task.create", json!({ "projectId": "SHOP", "title": title })).await.unwrap();
    }
    for key in ["SHOP-1", "SHOP-2", "SHOP-2"] {
        ben.ask("task.update", json!({ "taskId": key, "status": "Done" })).await.unwrap();
    }
    for _ in 0..2 {
        ada.ask("project.archive", json!({ "projectId": "SHOP" })).await.unwrap();
    }
    let read = ben.ask("crm.deal.get", json!({ "dealId": deal["id"] })).await.unwrap();
    assert_eq!(
        texts(&read["activities"], "body"),
        [
            "The project Ticket shop relaunch was archived.",
            "The last open task of the project Ticket shop relaunch is done: SHOP-2 Two",
            "The first task of the project Ticket shop relaunch is done: SHOP-1 One",
        ]
    );
    assert_eq!(read["activities"][0]["actor"]["name"], "Ada");
}

#[tokio::test]
async fn a_deal_or_follow_up_is_turned_once_and_a_viewer_turns_none() {
    let world = World::new().await;
    let (ben, vera) = (world.person("ben").await, world.person("vera").await);
    let (deal, _) = won(&ben).await;
    assert_eq!(ben.refused("crm.deal.create_project", json!({ "dealId": deal["id"] })).await.status(), 409);
    assert_eq!(vera.refused("crm.deal.create_project", json!({ "dealId": deal["id"] })).await.status(), 403);
    let follow_up = ben.ask("crm.follow_up.add", json!({ "title": "Call", "dealId": deal["id"] })).await.unwrap();
    let turn = json!({ "followUpId": follow_up["id"], "projectId": "SHOP" });
    ben.ask("crm.follow_up.create_task", turn.clone()).await.unwrap();
    assert_eq!(ben.refused("crm.follow_up.create_task", turn).await.status(), 409);
}

#[tokio::test]
async fn a_follow_up_is_done_with_its_task_however_that_comes_to_be_done() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let (deal, _) = won(&ben).await;
    let follow_up = async |title: &str, status: &str| {
        let made = ben.ask("crm.follow_up.add", json!({ "title": title, "dealId": deal["id"] })).await.unwrap();
        let turn = json!({ "followUpId": made["id"], "projectId": "SHOP", "status": status });
        ben.ask("crm.follow_up.create_task", turn).await.unwrap();
    };
    let open = async || {
        let page = ben.ask("crm.follow_up.list", json!({ "status": "OPEN" })).await.unwrap();
        let mut titles: Vec<String> = texts(&page["items"], "title").into_iter().map(str::to_owned).collect();
        titles.sort_unstable();
        titles
    };
    for (title, status) in [("At once", "Done"), ("Review", "Review"), ("Blocked", "Blocked"), ("Later", "Backlog")] {
        follow_up(title, status).await;
    }
    assert_eq!(open().await, ["Blocked", "Later", "Review"]);
    // Its status becomes one of done tasks, or goes and leaves its tasks to one.
    let review = json!({ "projectId": "SHOP", "statusId": "Review", "type": "DONE" });
    ben.ask("project.status.update", review).await.unwrap();
    assert_eq!(open().await, ["Blocked", "Later"]);
    // What was taken up again in a done task's column is nobody's business when another column joins it.
    let again = ben.ask("crm.follow_up.list", json!({ "status": "DONE" })).await.unwrap();
    let again = again["items"].as_array().unwrap().iter().find(|item| item["title"] == "At once").unwrap().clone();
    ben.ask("crm.follow_up.update", json!({ "followUpId": again["id"], "status": "OPEN" })).await.unwrap();
    let blocked = json!({ "projectId": "SHOP", "statusId": "Blocked", "targetStatusId": "Done" });
    ben.ask("project.status.delete", blocked).await.unwrap();
    assert_eq!(open().await, ["At once", "Later"]);
}

#[tokio::test]
async fn a_project_of_a_few_shows_at_its_deal_to_them_alone() {
    let world = World::new().await;
    let (ben, ada, vera) = (world.person("ben").await, world.person("ada").await, world.person("vera").await);
    let deal = ada.ask("crm.deal.create", json!({ "title": "Quiet deal" })).await.unwrap();
    let project = json!({ "dealId": deal["id"], "name": "Top secret", "key": "TOP", "visibility": "MEMBERS" });
    ada.ask("crm.deal.create_project", project).await.unwrap();
    let task = ada.ask("task.create", json!({ "projectId": "TOP", "title": "Hidden plan" })).await.unwrap();
    ada.ask("task.move", json!({ "taskId": task["id"], "targetStatus": "Done" })).await.unwrap();
    for outsider in [&ben, &vera] {
        let read = outsider.ask("crm.deal.get", json!({ "dealId": deal["id"] })).await.unwrap().to_string();
        for word in ["secret", "TOP", "Hidden"] {
            assert!(!read.contains(word), "{word} in {read}");
        }
        assert_eq!(outsider.refused("task.get", json!({ "taskId": "TOP-1" })).await.status(), 404);
        // What they cannot see they cannot cut.
        let cut = json!({ "dealId": deal["id"], "projectId": null });
        assert!([403, 409].contains(&outsider.refused("crm.deal.update", cut).await.status()));
        for query in ["secret", "hidden", "TOP-1"] {
            let found = outsider.ask("search", json!({ "query": query })).await.unwrap();
            assert_eq!(found["items"], json!([]), "{query}");
        }
    }
    let read = ada.ask("crm.deal.get", json!({ "dealId": deal["id"] })).await.unwrap();
    assert_eq!((&read["project"]["key"], &read["activities"][0]["task"]["key"]), (&json!("TOP"), &json!("TOP-1")));
    ada.ask("project.member.add", json!({ "projectId": "TOP", "accountId": "ben@example.com", "role": "VIEWER" }))
        .await
        .unwrap();
    let found = ben.ask("search", json!({ "query": "hidden" })).await.unwrap();
    assert_eq!(found["items"][0]["key"], "TOP-1");
}
