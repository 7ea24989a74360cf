//! Projects, tasks, clients and agents in the browser.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::World;
use super::support::server::Server;
use super::workshop::{HOSTILE, Workshop, posts, values};
use super::{Browser, Office, Shown};

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
