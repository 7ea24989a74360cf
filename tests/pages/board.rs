//! The board and the list of a project.

use serde_json::Value;

use super::workshop::{Workshop, values};

#[tokio::test]
async fn a_task_is_moved_on_the_board_and_keeps_its_place() {
    let shop = Workshop::new().await;
    let ben = shop.browser("ben").await;
    for title in ["Third", "Fourth"] {
        assert_eq!(ben.post("/projects/WEB/tasks", &[("title", title), ("status", "Backlog")]).status, 303);
    }
    let order = |body: &str| values(body, "data-card");
    assert_eq!(order(&ben.get("/projects/WEB").body), ["WEB-1", "WEB-2", "WEB-3", "WEB-4"]);
    let status = shop.task("WEB-1").await["statusId"].as_str().unwrap().to_owned();
    let here = format!("{}/projects/WEB?priority=P2", shop.office.server.base);
    let script = [("x-requested-with", "fetch"), ("sec-fetch-site", "same-origin"), ("referer", here.as_str())];
    let board = ben.post_with("/tasks/WEB-4/move", &[("to", &status), ("before", "WEB-2")], &script);
    assert!(board.status == 200 && board.body.trim_start().starts_with("<section class=\"board\" id=\"board\""));
    assert_eq!(order(&board.body), ["WEB-4", "WEB-2", "WEB-3"], "the board with the filter it had");

    let moved = ben.post_with("/tasks/WEB-2/move", &[("to", "Done"), ("before", "")], &[("referer", &here)]);
    assert_eq!((moved.status, moved.location.as_str()), (303, "/projects/WEB?priority=P2"));
    assert!(ben.get("/projects/WEB").has("WEB-2 moved to Done"));
    assert_eq!(order(&ben.get("/projects/WEB").body), ["WEB-1", "WEB-4", "WEB-3", "WEB-2"]);
    let foreign = ben.post_with("/tasks/WEB-2/move", &[("to", "Nowhere")], &script);
    assert!(foreign.status == 404 && foreign.has("data-reason"), "{}", foreign.status);

    let list = ben.get("/projects/WEB?view=list&status=OPEN&sort=priority&due=OVERDUE");
    assert!(list.has("href=\"/tasks/WEB-1\"") && !list.has("href=\"/tasks/WEB-2\""));
    assert!(ben.get("/projects/WEB?view=list&q=zzzz").has("No tasks fit the filter"));
}

#[tokio::test]
async fn board_and_list_have_one_filter_and_groups_of_one_kind() {
    let shop = Workshop::new().await;
    let ben = shop.browser("ben").await;
    let order = |body: &str| values(body, "data-card");
    let filtered = "/projects/WEB?q=Relaunch&assignee=me&due=NONE&group=priority";
    let board = ben.get(filtered);
    assert_eq!(order(&board.body), ["WEB-2"]);
    for chip in ["Search: Relaunch", "Owner: Mine", "Due: No date"] {
        assert!(board.has(&format!("aria-label=\"Remove filter {chip}\"")), "{chip}");
    }
    let links = values(&board.body, "href");
    let has = |link: &str| links.iter().any(|known| known == link);
    assert!(has("?q=Relaunch&due=NONE&group=priority"), "without the owner: {links:?}");
    assert!(has("?group=priority"), "all cleared, still grouped");
    assert!(has("/projects/WEB?q=Relaunch&assignee=me&due=NONE&group=priority&view=list"), "the same as a list");
    let list = ben.get(&format!("{filtered}&view=list"));
    assert!(list.has("id=\"in-WEB-priority-P2\"") && list.has("id=\"WEB-2\"") && !list.has("id=\"WEB-1\""));
    assert!(ben.get("/projects/WEB?label=nothing").has("No tasks fit the filter"));
    assert_eq!(ben.get("/projects/WEB?group=mood").status, 422);

    // A card that moves into another column takes over what the column stands for.
    let goals = values(&ben.get("/projects/WEB?group=owner").body, "data-goal");
    let somebody = goals.iter().find(|goal| goal.starts_with("acc_")).expect("a column with an owner");
    let script = [("x-requested-with", "fetch"), ("sec-fetch-site", "same-origin")];
    let go = |key: &str, fields: &[(&str, &str)]| ben.post_with(&format!("/tasks/{key}/move"), fields, &script).status;
    assert_eq!(go("WEB-2", &[("group", "owner"), ("to", somebody)]), 200);
    assert_eq!(shop.task("WEB-2").await["ownerId"], somebody.as_str());
    assert_eq!(go("WEB-2", &[("group", "owner"), ("to", "none")]), 200);
    assert_eq!(shop.task("WEB-2").await["ownerId"], Value::Null);
    assert_eq!(go("WEB-2", &[("group", "priority"), ("to", "P3")]), 200);
    assert_eq!(shop.task("WEB-2").await["priority"], "P3");
    let labels = shop.task("WEB-1").await["labels"].clone();
    let goals = values(&ben.get("/projects/WEB?group=label").body, "data-goal");
    assert_eq!(go("WEB-1", &[("group", "label"), ("from", &goals[1]), ("to", "none")]), 200);
    assert_eq!(shop.task("WEB-1").await["labels"], serde_json::json!([]));
    assert_eq!(go("WEB-1", &[("group", "label"), ("from", "none"), ("to", &goals[1])]), 200);
    assert_eq!(shop.task("WEB-1").await["labels"], labels);
    // What is added below a column belongs to it.
    ben.post("/projects/WEB/tasks", &[("title", "Urgent"), ("priority", "P1"), ("labels", &goals[1])]);
    let made = shop.task("WEB-3").await;
    assert!(made["priority"] == "P1" && made["labels"] == labels);
}

#[tokio::test]
async fn many_tasks_are_changed_at_once_and_one_in_its_row() {
    let shop = Workshop::new().await;
    let (ada, ben, vera) = (shop.browser("ada").await, shop.browser("ben").await, shop.browser("vera").await);
    for title in ["Third", "Fourth"] {
        ben.post("/projects/WEB/tasks", &[("title", title)]);
    }
    let list = ben.get("/projects/WEB?view=list");
    assert!(list.has("name=\"task\" form=\"bulk\" value=\"WEB-3\"") && list.has("data-editor=\"status\""));
    assert!(!vera.get("/projects/WEB?view=list").has("form=\"bulk\""));
    let change = "/projects/WEB/tasks/change";
    let chosen = [("task", "WEB-3"), ("task", "WEB-4"), ("status", ""), ("priority", "P1"), ("dueDate", "+7d")];
    assert_eq!(ben.post(change, &chosen).status, 303);
    assert!(ben.get("/projects/WEB").has("2 tasks changed"));
    for key in ["WEB-3", "WEB-4"] {
        let task = shop.task(key).await;
        assert!(task["priority"] == "P1" && task["dueDate"].is_string(), "{key}");
    }
    ben.post(change, &[("task", "WEB-3"), ("dueDate", "none")]);
    assert_eq!(shop.task("WEB-3").await["dueDate"], Value::Null);
    // One that is gone by now keeps nobody from changing the others, and is named.
    assert_eq!(ben.post(change, &[("task", "WEB-3"), ("task", "WEB-99"), ("priority", "P3")]).status, 303);
    let told = ben.get("/projects/WEB");
    assert!(told.has("1 task changed, 1 not. WEB-99: ") && told.has("class=\"toast\" data-partial"));
    assert_eq!(shop.task("WEB-3").await["priority"], "P3");
    assert_eq!(ben.post(change, &[("task", "WEB-99"), ("priority", "P3")]).status, 404);
    for nothing in [&[("task", "WEB-3")][..], &[("priority", "P1")]] {
        assert_eq!(ben.post(change, nothing).status, 303);
        assert!(ben.get("/projects/WEB").has("Nothing changed: "));
    }
    let keys: Vec<String> = (1..=201).map(|number| format!("WEB-{number}")).collect();
    let mut too_many: Vec<(&str, &str)> = keys.iter().map(|key| ("task", key.as_str())).collect();
    too_many.push(("priority", "P1"));
    assert_eq!(ben.post(change, &too_many).status, 303);
    assert!(ben.get("/projects/WEB").has("choose up to 200 tasks at a time, not 201"));
    assert_eq!(shop.task("WEB-3").await["priority"], "P3");
    let gone = ["WEB-3", "WEB-95", "WEB-96", "WEB-97", "WEB-98", "WEB-99"].map(|key| ("task", key));
    ben.post(change, &[&gone[..], &[("priority", "P2")]].concat());
    let told = ben.get("/projects/WEB");
    assert!(told.has("1 task changed, 5 not. WEB-95: ") && !told.has("WEB-98: "), "the first reasons are enough");
    ben.post(change, &[("task", "WEB-3"), ("priority", "P3")]);
    assert_eq!(vera.post(change, &[("task", "WEB-3"), ("priority", "P1")]).status, 403);
    assert_eq!(ben.post(change, &[("task", "WEB-3"), ("archived", "true")]).status, 403);
    assert_eq!(ada.post(change, &[("task", "WEB-3"), ("archived", "true")]).status, 303);
    assert!(!values(&ada.get("/projects/WEB").body, "data-card").contains(&"WEB-3".to_owned()));
    assert!(values(&ada.get("/projects/WEB?archived=true").body, "data-card").contains(&"WEB-3".to_owned()));

    let row = ben.post("/tasks/WEB-4/row", &[("title", "The fourth one")]);
    assert!(row.status == 200 && row.has("<tr id=\"WEB-4\"") && row.has("The fourth one"), "{}", row.body);
    ben.post("/tasks/WEB-4/row", &[("ownerId", "")]);
    assert_eq!(shop.task("WEB-4").await["title"], "The fourth one");
    for (wrong, word) in [(("title", " "), "Title is required"), (("dueDate", "2020-13-01"), "2020-13-01")] {
        let refused = ben.post("/tasks/WEB-4/row", &[wrong]);
        assert!(refused.status == 422 && refused.has("data-reason") && refused.has(word), "{}", refused.body);
    }
    assert_eq!(vera.post("/tasks/WEB-4/row", &[("title", "Mine")]).status, 403);
}
