//! Projects, tasks, time, clients and agents in the browser.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::World;
use super::support::server::Server;
use super::{Browser, Office, Shown};

/// An office whose deal is won and being delivered: a client, a project with tasks, comments and time, and an agent.
struct Workshop {
    office: Office,
    client: String,
    comment: String,
    entry: String,
    agent: String,
}

/// What stands in every text that people can write.
struct Words {
    name: &'static str,
    prose: &'static str,
}

const PLAIN: Words = Words { name: "Relaunch", prose: "With **everything** that belongs to it." };

const HOSTILE: Words = Words {
    name: "<script>alert(1)</script>\" onmouseover=\"alert(2)",
    prose: "<img src=x onerror=alert(1)>\n\n[here](javascript:alert(1)) <script>alert(1)</script>\" onmouseover=\"alert(2) <i>x</i>",
};

impl Workshop {
    async fn new() -> Workshop {
        Workshop::with(PLAIN).await
    }

    async fn with(words: Words) -> Workshop {
        let Words { name, prose } = words;
        let office = Office::new().await;
        let ada = office.world.person("ada").await;
        let ben = office.world.person("ben").await;
        let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
        let client = id(&ada.ask("client.create", json!({ "name": name, "notes": prose })).await.unwrap());
        let project = json!({ "name": name, "key": "WEB", "description": prose, "clientId": client });
        ada.ask("project.create", project).await.unwrap();
        ada.ask("project.create", json!({ "name": "Office move", "key": "MOVE" })).await.unwrap();
        ada.ask("project.dependency.add", json!({ "projectId": "MOVE", "dependsOnId": "WEB" })).await.unwrap();
        let status = &name[..name.len().min(60)];
        ada.ask("project.status.create", json!({ "projectId": "WEB", "name": status, "type": "REVIEW" }))
            .await
            .unwrap();
        let label = &name[..name.len().min(40)];
        ben.ask("project.label.create", json!({ "projectId": "WEB", "name": label })).await.unwrap();
        let task = json!({ "projectId": "WEB", "title": name, "description": prose, "labels": [label], "ownerId": "vera",
                           "dueDate": "2020-01-01", "priority": "P1", "todos": [{ "text": name }], "estimateMinutes": 90 });
        ben.ask("task.create", task).await.unwrap();
        let part = json!({ "projectId": "WEB", "title": name, "parentId": "WEB-1", "ownerId": "ben" });
        ben.ask("task.create", part).await.unwrap();
        ben.ask("task.dependency.add", json!({ "taskId": "WEB-1", "dependsOnId": "WEB-2" })).await.unwrap();
        let comment = json!({ "taskId": "WEB-1", "body": format!("@vera {prose}") });
        let comment = id(&ben.ask("comment.add", comment).await.unwrap());
        let entry = json!({ "taskId": "WEB-1", "minutes": 75, "description": name });
        let entry = id(&ben.ask("timesheet.add", entry).await.unwrap());
        let agent = json!({ "name": &name[..name.len().min(80)], "role": name, "description": prose });
        let agent = id(&ada.ask("agent.create", agent).await.unwrap());
        Workshop { office, client, comment, entry, agent }
    }

    async fn browser(&self, name: &str) -> Browser {
        self.office.browser(name).await
    }

    async fn task(&self, key: &str) -> Value {
        self.office.world.person("ben").await.ask("task.get", json!({ "taskId": key })).await.unwrap()
    }
}

/// The values of an attribute, as a browser reads them.
fn values<'a>(body: &'a str, attribute: &str) -> Vec<String> {
    let begin = format!("{attribute}=\"");
    let after = body.split(begin.as_str()).skip(1);
    after.map(|rest: &'a str| rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")).collect()
}

/// Where the forms of a page lead that change something.
fn posts(body: &str) -> Vec<String> {
    let forms = body.split("<form").skip(1).map(|rest| rest.split('>').next().unwrap());
    let posts = forms.filter(|form| form.contains("method=\"post\""));
    posts.flat_map(|form| values(form, "action")).collect()
}

/// Opens everything that a page leads to, from my work on, each page once.
fn walk(browser: &Browser, mut look: impl FnMut(&str, &Shown)) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut ahead = vec!["/".to_owned(), "/search?q=relaunch".to_owned()];
    while let Some(path) = ahead.pop() {
        let (address, query) = path.split_once('?').unwrap_or((&path, ""));
        // The same list in another order or another week is the same page.
        let names: Vec<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        if !seen.insert(format!("{address}?{}", names.join("&"))) {
            continue;
        }
        let shown = browser.get(&path);
        for href in values(&shown.body, "href") {
            let to = match href.split('#').next().unwrap() {
                own if own.starts_with('/') && !own.starts_with("/static/") => own.to_owned(),
                query if query.starts_with('?') => format!("{address}{query}"),
                _ => continue,
            };
            ahead.push(to);
        }
        look(&path, &shown);
    }
    seen
}

#[tokio::test]
async fn every_link_on_every_page_opens_for_whoever_sees_it() {
    let shop = Workshop::new().await;
    let comment_form = format!("/tasks/WEB-1/comments/{}", shop.comment);
    for (name, writes, owns) in [("ada", true, true), ("ben", true, false), ("vera", false, false)] {
        let browser = shop.browser(name).await;
        let seen = walk(&browser, |path, shown| {
            assert_eq!(shown.status, 200, "{name} {path}: {}", shown.body);
            let is_page = shown.body.trim_start().starts_with("<!doctype html>");
            let is_for_programs = [".json", ".md", "format=CSV", "/llms.txt"].iter().any(|form| path.contains(form));
            assert_eq!(is_page, !is_for_programs, "{path}");
            assert!(!is_page || !shown.heading().is_empty(), "{path}");
        });
        let has = |path: &str| seen.contains(&format!("{path}?"));
        for path in [
            "/inbox",
            "/projects",
            "/projects/WEB",
            "/projects/WEB/settings",
            "/tasks/WEB-1",
            "/tasks/WEB-2",
            "/tasks/WEB-1.json",
            "/tasks/WEB-1.md",
            "/clients",
            "/time",
            "/time/report",
            "/settings",
            "/settings/keys",
            "/crm/follow-ups",
        ] {
            assert!(has(path), "{name} finds no way to {path}");
        }
        assert!(has(&format!("/clients/{}", shop.client)));
        for path in ["/tasks/new", "/tasks/WEB-1/edit", "/projects/new", "/projects/WEB/activity", "/settings/agents"] {
            assert_eq!(has(path), writes, "{name} {path}");
        }
        for path in ["/clients/new", "/projects/WEB/archive", "/projects/WEB/delete", "/tasks/WEB-1/delete"] {
            assert_eq!(has(path), owns, "{name} {path}");
        }
        assert_eq!(has(&comment_form), name == "ben", "one changes one's own comments only");
        assert_eq!(has(&format!("/time/{}", shop.entry)), writes, "one's own time, and owners all");
        assert_eq!(has(&format!("/settings/agents/{}", shop.agent)), writes);
    }
}

#[tokio::test]
async fn a_viewer_is_offered_nothing_that_would_be_refused() {
    let shop = Workshop::new().await;
    let vera = shop.browser("vera").await;
    // What is one's own may be changed by everybody.
    let own = ["/logout", "/workspace", "/inbox/", "/settings"];
    walk(&vera, |path, shown| {
        for action in posts(&shown.body) {
            let may = own.iter().any(|own| action.starts_with(own)) && !action.starts_with("/settings/agents");
            assert!(may || path.starts_with("/crm/"), "{path} offers {action}");
        }
        assert!(!shown.body.contains("data-autosubmit"), "{path}");
    });
    let ben = shop.browser("ben").await;
    assert!(posts(&ben.get("/tasks/WEB-1").body).len() > 15, "a member does a lot on the page of a task");
    let settings = posts(&ben.get("/projects/WEB/settings").body).join(" ");
    assert!(settings.contains("/settings/labels") && !settings.contains("/settings/statuses"), "{settings}");
    assert!(!posts(&ben.get("/settings/agents").body).iter().any(|action| action.contains("agents")));
}

#[tokio::test]
async fn hostile_words_are_only_text_on_every_page() {
    let shop = Workshop::with(HOSTILE).await;
    for name in ["ada", "vera"] {
        let browser = shop.browser(name).await;
        let mut shows = 0;
        walk(&browser, |path, shown| {
            assert_eq!(shown.status, 200, "{path}");
            if !shown.body.trim_start().starts_with("<!doctype") {
                return;
            }
            for harm in ["<script>alert", "\" onmouseover=\"", "<i>x", "<img src=x", "href=\"javascript:"] {
                assert!(!shown.has(harm), "{name} {path}: {harm}");
            }
            shows += usize::from(shown.has("script&#62;alert") || shown.has("script&gt;alert"));
        });
        assert!(shows > 15, "{name} saw it on {shows} pages");
    }
}

#[tokio::test]
async fn strangers_find_no_work_and_viewers_change_none() {
    let shop = Workshop::new().await;
    let eve = shop.browser("eve").await;
    let vera = shop.browser("vera").await;
    let (client, entry, agent) = (&shop.client, &shop.entry, &shop.agent);
    for path in [
        "/projects/WEB",
        "/projects/WEB.json",
        "/projects/WEB/settings",
        "/projects/WEB/activity",
        "/tasks/WEB-1",
        "/tasks/WEB-1.json",
        "/tasks/WEB-1/edit",
        "/tasks/new?project=WEB",
        &format!("/clients/{client}"),
        &format!("/time/{entry}"),
        &format!("/settings/agents/{agent}"),
        &format!("/tasks/WEB-1/comments/{}", shop.comment),
    ] {
        let shown = eve.get(path);
        assert_eq!((shown.status, shown.heading()), (404, "There is nothing here"), "{path}");
    }
    let before = shop.task("WEB-1").await;
    let todo = before["todos"][0]["id"].as_str().unwrap();
    let (todo, comment) = (format!("/tasks/WEB-1/todos/{todo}"), format!("/tasks/WEB-1/comments/{}", shop.comment));
    let agent = format!("/settings/agents/{agent}/switch");
    let archive = "/projects/WEB/archive";
    let writing: [(&str, &[(&str, &str)]); 11] = [
        ("/tasks/WEB-1/set", &[("priority", "P3")]),
        ("/tasks/WEB-1/done", &[]),
        ("/tasks/WEB-1/move", &[("to", "Done")]),
        ("/tasks/WEB-1/comments", &[("body", "x")]),
        ("/tasks/WEB-1/time", &[("minutes", "5")]),
        ("/tasks/WEB-1/timer", &[]),
        ("/projects/WEB/tasks", &[("title", "x")]),
        ("/projects/WEB/settings/labels", &[("name", "x")]),
        (&todo, &[("done", "true")]),
        (&comment, &[("body", "x")]),
        (archive, &[]),
    ];
    for (path, fields) in writing {
        assert_eq!(vera.post(path, fields).status, 403, "{path}");
        assert_eq!(eve.post(path, fields).status, 404, "{path}");
    }
    assert_eq!(vera.post(&format!("/time/{entry}/delete"), &[]).status, 404, "others’ time is their own");
    assert_eq!(shop.browser("ben").await.post(&agent, &[("enabled", "false")]).status, 403);
    assert_eq!(shop.browser("ben").await.post(archive, &[]).status, 403);
    assert_eq!(vera.get("/projects/new").status, 403);
    assert_eq!(vera.get("/settings/agents").status, 403);
    assert_eq!(shop.task("WEB-1").await, before);
}

#[tokio::test]
async fn forms_of_the_work_come_back_with_what_was_typed() {
    let shop = Workshop::new().await;
    let ada = shop.browser("ada").await;
    let project = ada.get("/projects/WEB.json");
    let project = serde_json::from_str::<Value>(&project.body).unwrap()["id"].as_str().unwrap().to_owned();

    let task = ada.post(
        "/tasks/new",
        &[("projectId", &project), ("title", ""), ("estimateMinutes", "two hours"), ("labels", "a <b>")],
    );
    assert_eq!((task.status, task.heading()), (422, "New task"));
    assert!(task.has("id=\"title-error\"") && task.has("id=\"estimateMinutes-error\""));
    assert!(task.has("value=\"two hours\"") && task.has("value=\"a &#60;b&#62;\""));
    assert_eq!(ada.post("/projects/WEB/tasks", &[("title", "")]).status, 422);

    let known = ada.post("/projects/new", &[("name", "Another"), ("key", "WEB"), ("description", "Kept.")]);
    assert!(known.status == 409 && known.has("value=\"Another\"") && known.has("Kept."));
    let settings = ada.post("/projects/WEB/settings/statuses", &[("name", "Done"), ("type", "DONE")]);
    assert!(settings.status == 409 && settings.has("role=\"alert\""), "{}", settings.status);

    for (path, field) in [("/time", "minutes"), ("/tasks/WEB-1/time", "minutes")] {
        let shown = ada.post(path, &[("for", "WEB-1"), ("minutes", "1h x"), ("description", "Kept.")]);
        assert_eq!(shown.status, 422, "{path}");
        assert!(shown.has("1h x") && shown.has(&format!("href=\"#{field}\"")), "{path}");
    }
    let nowhere = ada.post("/time", &[("for", "Nowhere"), ("minutes", "30")]);
    assert!(nowhere.status == 422 && nowhere.has("href=\"#for\"") && nowhere.has("value=\"Nowhere\""));
    let late = ada.post(&format!("/time/{}", shop.entry), &[("minutes", "0"), ("date", "2027-02-30")]);
    assert!(late.status == 422 && late.has("id=\"minutes-error\"") && late.has("id=\"date-error\""));

    let agent = ada.post("/settings/agents", &[("name", "relaunch"), ("role", "Kept")]);
    assert!(agent.status == 409 && agent.has("value=\"Kept\"") && agent.has("choose another name"));
    let agent = ada.post(&format!("/settings/agents/{}", shop.agent), &[("name", ""), ("ifVersion", "1")]);
    assert!(agent.status == 422 && agent.has("id=\"name-error\""));
    let client = ada.post(&format!("/clients/{}/edit", shop.client), &[("name", "New name"), ("ifVersion", "0")]);
    assert!(client.status == 412 && client.has("value=\"New name\"") && client.has("Someone else changed this"));
    let comment = shop.browser("ben").await.post(&format!("/tasks/WEB-1/comments/{}", shop.comment), &[("body", " ")]);
    assert!(comment.status == 422 && comment.has("id=\"body-error\""));
}

#[tokio::test]
async fn a_task_is_worked_on_without_a_script() {
    let shop = Workshop::new().await;
    let ben = shop.browser("ben").await;
    let task = shop.task("WEB-1").await;
    assert_eq!(ben.get(&format!("/tasks/{}", task["id"].as_str().unwrap())).location, "/tasks/WEB-1");
    assert_eq!(ben.get("/tasks/web-1?workspaceSlug=acme").location, "/tasks/WEB-1?workspaceSlug=acme");
    let todo = task["todos"][0]["id"].as_str().unwrap();
    let go = |path: &str, fields: &[(&str, &str)]| {
        let shown = ben.post(path, fields);
        assert_eq!(shown.status, 303, "{path}: {}", shown.body);
        shown.location
    };
    assert_eq!(go(&format!("/tasks/WEB-1/todos/{todo}"), &[("done", "true")]), "/tasks/WEB-1#todos");
    go("/tasks/WEB-1/todos", &[("text", "Ask Mara")]);
    go("/tasks/WEB-1/set", &[("ownerId", "ben")]);
    go("/tasks/WEB-1/set", &[("dueDate", "2030-03-01")]);
    go("/tasks/WEB-1/set", &[("estimateMinutes", "1.5h")]);
    go("/tasks/WEB-1/set", &[("labels", "bug, design")]);
    go("/tasks/WEB-1/parts", &[("title", "A part")]);
    go("/tasks/WEB-1/dependencies/WEB-2/delete", &[]);
    go("/tasks/WEB-1/comments", &[("body", "Looks **good**.")]);
    assert_eq!(go("/tasks/WEB-1%0A/timer", &[]), "/tasks/WEB-1", "an address that was pasted with its line end");
    go("/tasks/WEB-1/time", &[("minutes", "1:30"), ("description", "Typing")]);
    let task = shop.task("WEB-1").await;
    assert_eq!(
        task["todos"].as_array().unwrap().iter().map(|todo| todo["done"] == true).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!((&task["owner"]["name"], &task["dueDate"]), (&json!("Ben"), &json!("2030-03-01")));
    assert_eq!((&task["estimateMinutes"], &task["labels"]), (&json!(90), &json!(["bug", "design"])));
    assert_eq!((&task["dependsOn"], &task["timeSummary"]["totalMinutes"]), (&json!([]), &json!(165)));
    let shown = ben.get("/tasks/WEB-1");
    assert!(shown.has("Looks <strong>good</strong>.") && shown.has("A part") && shown.has("2 h 45 min of 1 h 30 min"));

    // What does not fit the page is a link away.
    for number in 0..20 {
        go("/tasks/WEB-1/time", &[("minutes", "5"), ("description", &format!("Step {number}"))]);
    }
    let shown = ben.get("/tasks/WEB-1");
    assert!(shown.has("Step 19") && !shown.has("Typing"));
    let older = |place: &str| {
        let mut links = values(&shown.body, "href").into_iter().filter(|href| href.starts_with('?'));
        let href = links.find(|href| href.ends_with(place)).unwrap();
        ben.get(&format!("/tasks/WEB-1{}", href.split('#').next().unwrap()))
    };
    assert!(older("#time").has("Typing"));
    assert!(!shown.has("added the todo") && older("#history").has("added the todo"));

    // The estimate goes when its field is emptied.
    go("/tasks/WEB-1/set", &[("estimateMinutes", "")]);
    assert_eq!(shop.task("WEB-1").await["estimateMinutes"], Value::Null);

    go("/tasks/WEB-1/timer", &[]);
    assert!(ben.get("/projects").has("Stop the timer") && ben.get("/tasks/WEB-1").has("Stop the clock"));
    go("/time/timer/stop", &[]);
    assert!(!ben.get("/projects").has("Stop the timer"));

    assert!(ben.get("/").has("/tasks/WEB-1/done"));
    go("/tasks/WEB-1/done", &[]);
    assert_eq!(shop.task("WEB-1").await["statusType"], "DONE");
    assert!(!ben.get("/").has("/tasks/WEB-1/done"));
    go("/tasks/WEB-1/reopen", &[]);
    assert_eq!(shop.task("WEB-1").await["completedAt"], Value::Null);
}

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
    assert!(told.has("1 task changed, 1 not. WEB-99: "));
    assert_eq!(shop.task("WEB-3").await["priority"], "P3");
    assert_eq!(ben.post(change, &[("task", "WEB-99"), ("priority", "P3")]).status, 404);
    for nothing in [&[("task", "WEB-3")][..], &[("priority", "P1")]] {
        assert_eq!(ben.post(change, nothing).status, 303);
        assert!(ben.get("/projects/WEB").has("Nothing changed: "));
    }
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

#[tokio::test]
async fn a_project_is_set_up_put_away_and_brought_back() {
    let shop = Workshop::new().await;
    let ada = shop.browser("ada").await;
    let go = |path: &str, fields: &[(&str, &str)]| {
        let shown = ada.post(path, fields);
        assert_eq!(shown.status, 303, "{path}: {}", shown.body);
        shown.location
    };
    let made = go("/projects/new", &[("name", "Trade fair"), ("key", "FAIR"), ("clientId", &shop.client)]);
    assert_eq!(made, "/projects/FAIR");
    assert!(ada.get(&format!("/clients/{}", shop.client)).has("href=\"/projects/FAIR\""));
    let settings = "/projects/FAIR/settings";
    go(&format!("{settings}/statuses"), &[("name", "Printing"), ("type", "IN_PROGRESS")]);
    let statuses = |browser: &Browser| {
        let board = browser.get("/projects/FAIR").body;
        board
            .split("data-column-name>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses(&ada), ["Backlog", "In Progress", "Blocked", "Review", "Done", "Printing"]);
    let id = values(&ada.get("/projects/FAIR").body, "data-goal").pop().unwrap();
    go(&format!("{settings}/statuses/{id}"), &[("step", "up")]);
    go(&format!("{settings}/statuses/{id}"), &[("name", "At the printer’s"), ("type", "REVIEW"), ("color", "#aa3300")]);
    assert_eq!(statuses(&ada)[4..], ["At the printer’s", "Done"]);
    go(&format!("{settings}/statuses/{id}/delete"), &[("targetStatusId", "")]);
    assert_eq!(statuses(&ada).len(), 5);
    go(&format!("{settings}/labels"), &[("name", "urgent")]);
    go(&format!("{settings}/members"), &[("accountId", "vera@example.com"), ("role", "MEMBER")]);
    go(&format!("{settings}/dependencies"), &[("dependsOnId", "WEB")]);
    let shown = ada.get(settings);
    assert!(shown.has("value=\"urgent\"") && shown.has("Role of Vera") && shown.has("Wait no longer for Relaunch"));

    // A viewer of the workspace works where she was made a member.
    let vera = shop.browser("vera").await;
    assert!(vera.get("/projects/FAIR").has("/tasks/new?project=FAIR"));
    assert_eq!(vera.get("/tasks/new?project=FAIR").heading(), "New task");
    assert_eq!(vera.post("/projects/FAIR/tasks", &[("title", "Book the stand")]).status, 303);
    assert_eq!(vera.get("/tasks/new?project=WEB").status, 403);
    assert_eq!(vera.post("/time", &[("for", "FAIR-1"), ("minutes", "20")]).status, 303);
    assert!(vera.get("/time").has("FAIR-1 Book the stand") && vera.get("/tasks/FAIR-1").has("Edit 0:20 for"));

    assert_eq!(go("/projects/FAIR/archive", &[]), "/projects");
    assert!(!ada.get("/projects").has("/projects/FAIR") && ada.get("/projects?archived=true").has("/projects/FAIR"));
    assert!(!ada.get("/projects/FAIR").has("/tasks/new?project=FAIR"));
    assert_eq!(ada.post("/projects/FAIR/tasks", &[("title", "Too late")]).status, 409);
    assert_eq!(go("/projects/FAIR/archive", &[("archived", "false")]), "/projects/FAIR");
    assert_eq!(go("/projects/FAIR/delete", &[]), "/projects");
    assert_eq!(ada.get("/projects/FAIR").status, 404);
}

#[tokio::test]
async fn time_is_written_down_by_the_week_and_reported() {
    let shop = Workshop::new().await;
    let ben = shop.browser("ben").await;
    let log = |fields: &[(&str, &str)]| ben.post("/time", fields).status;
    assert_eq!(log(&[("for", "WEB-2"), ("minutes", "45"), ("date", "2026-03-03"), ("billable", "false")]), 303);
    assert_eq!(
        log(&[("for", "Office move"), ("minutes", "2h"), ("date", "2026-03-05"), ("description", "=cmd()")]),
        303
    );
    let week = ben.get("/time?week=2026-03-04");
    assert!(week.has("2:45") && week.has("0:45") && week.has("Office move") && week.has("Not billable"));
    assert!(ben.get("/time?week=2026-03-11").has("Nothing was logged in this week"));

    let report = ben.get("/time/report?from=2026-03-01&to=2026-03-31&by=DAY&person=me&billable=true&validated=false");
    assert!(report.has("2:00") && !report.has("0:45"));
    let csv = values(&report.body, "href").into_iter().find(|href| href.contains("format=CSV")).unwrap();
    let table = ben.get(&csv).body;
    assert!(table.contains("Office move") && !table.contains("WEB-2") && table.contains("'=cmd()"), "{table}");

    let edit = format!("/time/{}", shop.entry);
    assert_eq!(ben.get(&edit).heading(), "Edit time");
    assert!(!ben.get(&edit).has("name=\"validated\""), "that is for owners");
    assert_eq!(serde_json::from_str::<Value>(&ben.get(&format!("{edit}.json")).body).unwrap()["minutes"], 75);
    let saved =
        ben.post(&edit, &[("minutes", "2:00"), ("date", "2026-03-03"), ("taskId", ""), ("back", "/tasks/WEB-1")]);
    assert_eq!((saved.status, saved.location.as_str()), (303, "/tasks/WEB-1"));
    let ada = shop.browser("ada").await;
    assert_eq!(ada.post(&edit, &[("minutes", "2:00"), ("date", "2026-03-03"), ("validated", "true")]).status, 303);
    assert!(!ben.get("/time?week=2026-03-03").has(&format!("href=\"{edit}\"")), "validated, it is frozen");
    assert_eq!(ben.post(&format!("{edit}/delete"), &[]).status, 409);
    assert_eq!(
        ben.post("/time", &[("for", "WEB-1"), ("do", "start"), ("minutes", ""), ("date", "2026-03-03")]).status,
        303
    );
    assert!(ben.get("/inbox").has("Stop the timer"));

    // One's own time outlasts the sight of its project, and leads nowhere then.
    let close = json!({ "projectId": "WEB", "visibility": "MEMBERS" });
    shop.office.world.person("ada").await.ask("project.update", close).await.unwrap();
    for page in ["/time?week=2026-03-03", "/time/report?from=2026-03-01&to=2026-03-31&person=me"] {
        let shown = ben.get(page);
        assert!(shown.has("Closed project") && !shown.has("href=\"/projects/\""), "{page}: {}", shown.body);
    }
}

#[tokio::test]
async fn a_week_is_a_form_that_saves_what_can_be_saved() {
    let shop = Workshop::new().await;
    let ben = shop.browser("ben").await;
    let task = shop.task("WEB-2").await["id"].as_str().unwrap().to_owned();
    let page = ben.get("/time?week=2026-03-04&add=WEB-2");
    let cells = values(&page.body, "name");
    let monday = format!("{task}.2026-03-02.0");
    assert!(cells.contains(&monday), "{cells:?}");
    assert!(page.has("name=\"rows\" value=\"WEB-2\"") && page.has("name=\"week\" value=\"2026-03-04\""));
    let unknown = ben.get("/time?week=2026-03-04&rows=WEB-2&add=WEB-99");
    assert!(
        unknown.status == 422 && unknown.has("There is no task “WEB-99”") && unknown.has(&monday),
        "{}",
        unknown.body
    );

    let tuesday = format!("{task}.2026-03-03.0");
    let wednesday = format!("{task}.2026-03-04.0");
    let typed = [
        ("week", "2026-03-04"),
        ("rows", "WEB-2"),
        (monday.as_str(), "1,5"),
        (tuesday.as_str(), "soon <b>"),
        (wednesday.as_str(), "25"),
    ];
    let back = ben.post("/time/week", &typed);
    assert_eq!(back.status, 422);
    assert!(
        back.has("“soon &#60;b&#62;” on 3 Mar is not a time") && back.has("value=\"soon &#60;b&#62;\""),
        "{}",
        back.body
    );
    assert!(back.has("must be 1 to 1440 minutes, not 1500") && back.has("value=\"25\""));
    assert!(back.has(&format!("name=\"{task}.2026-03-02.90\" value=\"1:30\"")), "the rest is saved");
    // Sent once more, as a browser does that was reloaded: nothing is there twice.
    let again = ben.post("/time/week", &[("week", "2026-03-04"), (monday.as_str(), "1:30")]);
    assert_eq!((again.status, again.location.as_str()), (303, "/time?week=2026-03-04&day=2026-03-02"));
    assert!(ben.get("/time?week=2026-03-04").has("<b class=\"num\">1:30</b> in all"));
    // From a window that shows what was there before.
    let stale = ben.post("/time/week", &[("week", "2026-03-04"), (monday.as_str(), "3")]);
    assert!(stale.status == 409 && stale.has("changed meanwhile"), "{}", stale.body);

    assert_eq!(ben.post("/time/week/copy", &[("week", "2026-03-11")]).status, 303);
    assert!(ben.get("/time?week=2026-03-11").has("1 h 30 min copied from the week before"));
    let started = ben.post("/time/week", &[("week", "2026-03-11"), ("start", &task)]);
    assert_eq!(started.status, 303);
    assert!(ben.get("/time").has("The clock runs for WEB-2"));
    ben.post("/time/timer/stop", &[]);
    assert!(ben.get("/time").has("0:01 on WEB-2"));
    for (fields, status) in
        [(&[("x.y.z", "1")][..], 303), (&[("proj_1.2026-03-02.0", "1")][..], 422), (&[("start", "x")][..], 404)]
    {
        assert_eq!(ben.post("/time/week", fields).status, status, "{fields:?}");
    }
}

#[tokio::test]
async fn my_work_is_added_to_by_a_line_and_what_was_done_is_taken_back() {
    let shop = Workshop::new().await;
    let ben = shop.browser("ben").await;
    let project = shop.task("WEB-1").await["projectId"].as_str().unwrap().to_owned();
    let add = |line: &str| ben.post("/", &[("line", line), ("projectId", &project)]);
    assert_eq!(add("Write the offer +2d").status, 303);
    let home = ben.get("/");
    assert!(
        home.has("is added, due ") && home.has("Write the offer<") && home.has("href=\"/tasks/WEB-3\""),
        "{}",
        home.body
    );
    let refused = add(" ");
    assert!(refused.status == 422 && refused.has("id=\"line\""), "{}", refused.body);

    assert_eq!(ben.post("/tasks/WEB-3/due", &[("dueDate", "")]).status, 303);
    let undo = ben.get("/");
    assert!(
        undo.has("has no due day any more")
            && undo.has("action=\"/tasks/WEB-3/due\"")
            && undo.has("name=\"dueDate\" value=\"20")
    );
    ben.post("/tasks/WEB-3/done", &[]);
    let undo = ben.get("/");
    let status = values(undo.body.split("action=\"/tasks/WEB-3/back\"").nth(1).unwrap(), "value").remove(0);
    assert!(!undo.has("id=\"WEB-3\""));
    ben.post("/tasks/WEB-3/back", &[("targetStatus", &status)]);
    assert!(ben.get("/").has("id=\"WEB-3\""));

    // What waits for another task stands apart, and says for what.
    let depends = json!({ "taskId": "WEB-3", "dependsOnId": "WEB-1" });
    shop.office.world.person("ben").await.ask("task.dependency.add", depends).await.unwrap();
    let home = ben.get("/").body;
    let waiting = home.split("id=\"group-waiting\"").nth(1).expect("a group");
    assert!(waiting.contains("id=\"WEB-3\"") && waiting.contains("waits for <a href=\"/tasks/WEB-1\">"));
}

#[tokio::test]
async fn a_search_is_narrowed_by_what_is_written_in_it() {
    let shop = Workshop::new().await;
    let ben = shop.browser("ben").await;
    let narrowed = ben.get("/search?q=relaunch+type%3Atask+project%3Aweb");
    assert!(
        narrowed.has("href=\"?q=relaunch+project%3Aweb\"")
            && narrowed.has(">Tasks</h2>")
            && narrowed.has("<mark>Relaunch</mark>")
    );
    assert!(!narrowed.has(">Deals</h2>") && ben.get("/search?q=relaunch").has(">Deals</h2>"));
    let open = ben.get("/search?q=is%3Aopen+assignee%3Ame");
    assert!(open.has("WEB-2") && !open.has("/tasks/WEB-1\""), "{}", open.body);
    assert!(ben.get("/search?q=is%3Aopen+assignee%3Anobody").has("Nothing could be looked for"));
    assert!(ben.get("/search?q=due%3Aoverdue").has("WEB-1"));
    assert!(ben.get("/search?q=type%3Adeal").has("Nothing found"));
}

#[tokio::test]
async fn the_inbox_tells_what_is_new_and_leads_there() {
    let shop = Workshop::new().await;
    let vera = shop.browser("vera").await;
    let inbox = vera.get("/inbox");
    assert!(inbox.has("title=\"2 unread\"") && inbox.has("Mark all as read"), "{}", inbox.body);
    assert_eq!(inbox.body.matches("class=\"result unread\"").count(), 1, "what is about one task stands together");
    let ids = values(&inbox.body, "data-read").pop().unwrap();
    let (first, _) = ids.split_once(',').unwrap();
    let open = vera.post(&format!("/inbox/{first}/read"), &[("to", "/tasks/WEB-1")]);
    assert_eq!((open.status, open.location.as_str()), (303, "/tasks/WEB-1"));
    assert!(vera.get("/").has("title=\"1 unread\""));
    assert_eq!(vera.post(&format!("/inbox/{first}/read"), &[("to", "//evil.example")]).location, "/inbox");
    let ben = shop.browser("ben").await;
    assert_eq!(ben.post("/inbox/unread", &[("ids", &ids)]).status, 303);
    assert!(vera.get("/").has("title=\"1 unread\""), "only one's own");
    assert_eq!(ben.post(&format!("/inbox/{first}/read"), &[]).status, 404, "only one's own");

    // Done, all done, and both taken back.
    for path in ["/inbox/done", "/inbox/read-all"] {
        assert_eq!(vera.post(path, &[("ids", &ids)]).location, "/inbox");
        let after = vera.get("/inbox?unread=true");
        assert!(after.has("Nothing unread") && after.has("action=\"/inbox/unread\""), "{path}: {}", after.body);
        assert_eq!(vera.post("/inbox/unread", &[("ids", &ids)]).status, 303);
        assert!(vera.get("/inbox").has("title=\"2 unread\""));
    }
}

#[tokio::test]
async fn an_agent_gets_a_key_of_its_own_and_is_stopped_at_once() {
    let shop = Workshop::new().await;
    let ada = shop.browser("ada").await;
    assert_eq!(
        ada.post("/settings/agents", &[("name", "Robin"), ("role", "Triage"), ("description", "Sorts.")]).status,
        303
    );
    let list = ada.get("/settings/agents");
    assert!(list.has("Robin is added") && list.has("Triage") && list.has("Disable Robin"));
    let sam = Browser::new(&shop.office.server.base);
    sam.sign_in(super::PASSWORD, "");
    let form = sam.get("/settings/keys?workspaceSlug=acme");
    assert!(form.has("name=\"agentId\"") && form.has("name=\"projects\""));
    let made = sam.post(
        "/settings/keys",
        &[
            ("kind", "MCP"),
            ("label", "Robin’s"),
            ("workspaceId", "acme"),
            ("scopes", "*"),
            ("expires", "30"),
            ("agentId", "Robin"),
            ("projects", "WEB"),
            ("projects", "MOVE"),
        ],
    );
    assert!(made.status == 200 && made.has("as Robin") && made.has("Relaunch · Office move"), "{}", made.body);
    let token = made.body.split("id=\"new-token\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let ask = || {
        Browser::new(&shop.office.server.base).send("GET", "/api/tasks/WEB-1", &[("authorization", &bearer)], "").status
    };
    assert_eq!(ask(), 200);
    let robin = ada.get(&format!("/settings/agents/{}.json", shop.agent)).body;
    assert_eq!(serde_json::from_str::<Value>(&robin).unwrap()["name"], "Relaunch");
    let keys = sam.get("/settings/keys");
    assert!(keys.has("Acme · Relaunch · Office move") && keys.has("Robin</span>"));

    let switch = posts(&list.body).into_iter().filter(|action| action.ends_with("/switch")).collect::<Vec<_>>();
    for path in &switch {
        assert_eq!(ada.post(path, &[("enabled", "false")]).location, "/settings/agents");
    }
    assert_eq!(ask(), 403, "its keys are refused");
    assert!(ada.get("/settings/agents").has("Enable Robin"));
    let wrong = sam.post(
        "/settings/keys",
        &[
            ("kind", "API"),
            ("label", "x"),
            ("scopes", "*"),
            ("expires", ""),
            ("workspaceId", "bolt"),
            ("agentId", "Robin"),
        ],
    );
    assert!(wrong.status == 422 && wrong.has("href=\"#agentId\""), "{}", wrong.status);
}

#[tokio::test]
async fn a_won_deal_becomes_a_project_and_its_follow_up_a_task() {
    let office = Office::new().await;
    let ben = office.browser("ben").await;
    let (deal, follow_up) = (format!("/crm/deals/{}", office.deal), format!("/crm/follow-ups/{}", office.follow_up));
    ben.post(&format!("{deal}/move"), &[("to", "status:WON")]);
    assert_eq!(ben.post(&format!("{deal}/project"), &[]).location, "/projects/WR");
    assert!(ben.get(&deal).has("href=\"/projects/WR\""), "{}", ben.get(&deal).body);
    assert!(ben.get("/projects/WR/settings").has(&format!("href=\"{deal}\"")));
    assert!(ben.get(&format!("/crm/organizations/{}", office.organization)).has("href=\"/projects/WR\""));

    let edit = ben.get(&format!("{follow_up}/edit"));
    assert!(edit.has("Make it a task"));
    let made = ben.post(&format!("{follow_up}/task"), &[("projectId", "WR")]);
    assert_eq!((made.status, made.location.as_str()), (303, "/tasks/WR-1"));
    assert!(ben.get("/tasks/WR-1").has(&format!("href=\"{follow_up}/edit\"")));
    let edit = ben.get(&format!("{follow_up}/edit"));
    assert!(edit.has("href=\"/tasks/WR-1\"") && !edit.has("Make it a task"));
    ben.post("/tasks/WR-1/done", &[]);
    assert!(ben.get("/crm/follow-ups?status=DONE").has("Call about the offer"));
}

#[tokio::test]
async fn an_empty_workspace_says_how_to_begin() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    let eve = world.person("eve").await.token;
    browser.cookies.borrow_mut().insert("sally_session".into(), eve);
    for (path, text) in [
        ("/", "Nothing is waiting for you"),
        ("/inbox", "Nothing here yet"),
        ("/projects", "No projects yet"),
        ("/tasks/new", "A task stands in a project"),
        ("/clients", "No clients yet"),
        ("/time", "Nothing logged this week yet"),
        ("/time/report", "No time was logged between these days"),
        ("/settings/agents", "No agents yet"),
    ] {
        assert!(browser.get(path).has(text), "{path}");
    }
}
