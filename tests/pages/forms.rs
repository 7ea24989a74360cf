//! Forms that are sent twice, too late, or only to be looked at.

use serde_json::json;

use super::support::World;
use super::support::server::Server;
use super::{Browser, Office, Shown};

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_record() {
    let office = Office::new().await;
    let ada = office.world.person("ada").await;
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    let browser = office.browser("ada").await;
    let once = browser.get("/tasks/new?project=WEB").hidden("once");
    let fields = [("projectId", "WEB"), ("title", "Write the offer"), ("once", once.as_str())];
    let first = browser.post("/tasks/new", &fields);
    assert_eq!((first.status, first.location.as_str()), (303, "/tasks/WEB-1"), "{}", first.body);
    assert_eq!(browser.post("/tasks/new", &fields).location, "/tasks/WEB-1", "the same answer again");
    let changed = [("projectId", "WEB"), ("title", "Write another"), ("once", once.as_str())];
    assert_eq!(browser.post("/tasks/new", &changed).location, "/tasks/WEB-2", "gone back to and changed");

    for (page, fields, list) in [
        ("/crm/organizations/new", vec![("name", "Twice & Sons"), ("anyway", "true")], "/crm/organizations"),
        ("/crm/people/new", vec![("name", "Twice & Sons"), ("anyway", "true")], "/crm/people"),
        ("/crm/deals/new", vec![("title", "Twice & Sons"), ("currency", "EUR")], "/crm/deals?view=table"),
        ("/clients/new", vec![("name", "Twice & Sons")], "/clients"),
        ("/projects/new", vec![("name", "Twice & Sons"), ("key", "TWICE")], "/projects"),
    ] {
        let once = browser.get(page).hidden("once");
        let fields: Vec<_> = fields.into_iter().chain([("once", once.as_str())]).collect();
        let (first, second) = (browser.post(page, &fields), browser.post(page, &fields));
        assert_eq!((first.status, first.location.clone()), (303, second.location), "{page}: {}", first.body);
        let rows = browser.get(list).body.matches("<tr").count();
        browser.post(page, &fields);
        assert_eq!(browser.get(list).body.matches("<tr").count(), rows, "{page}");
    }

    let once = browser.get("/tasks/WEB-1").hidden("once");
    for _ in 0..2 {
        browser.post("/tasks/WEB-1/comments", &[("body", "Said once."), ("once", &once)]);
    }
    let comments = ada.ask("comment.list", json!({ "taskId": "WEB-1" })).await.unwrap();
    assert_eq!(comments["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn small_forms_that_are_sent_twice_make_one_record_too() {
    let office = Office::new().await;
    let ada = office.world.person("ada").await;
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    let browser = office.browser("ada").await;
    let organization = ("organizationId", office.organization.as_str());
    let page_of_it = format!("/crm/organizations/{}", office.organization);
    for (page, action, fields, list) in [
        ("/", "/", vec![("line", "Call Kiel friday"), ("projectId", "WEB")], "task.list"),
        ("/projects/WEB", "/projects/WEB/tasks", vec![("title", "Draw the plan")], "task.list"),
        ("/time", "/time", vec![("for", "WEB"), ("minutes", "0:30")], "timesheet.list"),
        (
            &page_of_it,
            "/crm/activities",
            vec![("type", "NOTE"), ("body", "Wants blue"), organization],
            "crm.activity.list",
        ),
        (
            "/crm/follow-ups/new",
            "/crm/follow-ups/new",
            vec![("title", "Send blue"), organization],
            "crm.follow_up.list",
        ),
        ("/settings/agents", "/settings/agents", vec![("name", "Robin")], "agent.list"),
    ] {
        let count = async || ada.ask(list, json!({})).await.unwrap()["items"].as_array().unwrap().len();
        let before = count().await;
        let once = browser.get(page).hidden("once");
        let fields: Vec<_> = fields.into_iter().chain([("once", once.as_str())]).collect();
        let (first, second) = (browser.post(action, &fields), browser.post(action, &fields));
        assert_eq!((first.status, second.status), (303, 303), "{action}: {}", first.body);
        assert_eq!(count().await, before + 1, "{action}");
    }
}

#[tokio::test]
async fn enter_in_a_field_saves_whatever_other_buttons_there_are() {
    let office = Office::new().await;
    let ada = office.world.person("ada").await;
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    let browser = office.browser("ada").await;
    let again = browser.post("/crm/organizations/new", &[("name", "Nordlicht GmbH")]);
    assert!(again.has("Create anyway"), "{}", again.body);
    for shown in [browser.get("/tasks/new?project=WEB"), again] {
        let form = shown.body.split("<form class=\"form\"").nth(1).unwrap();
        let first = form.split("<button").nth(1).unwrap().split('>').next().unwrap();
        assert!(!first.contains("name="), "a browser presses this one: {first}");
    }
}

#[tokio::test]
async fn somebody_who_was_slower_at_a_small_form_sees_both_versions_too() {
    let office = Office::new().await;
    let (browser, ada) = (office.browser("ada").await, office.world.person("ada").await);
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    let about = json!({ "title": "Call", "organizationId": office.organization });
    let follow_up = ada.ask("crm.follow_up.add", about).await.unwrap()["id"].clone();
    let time =
        ada.ask("timesheet.add", json!({ "projectId": "WEB", "minutes": 30, "description": "Plan" })).await.unwrap();
    let agent = ada.ask("agent.create", json!({ "name": "Robin" })).await.unwrap()["id"].clone();
    let (time, date) = (time["id"].clone(), time["date"].as_str().unwrap().to_owned());
    for (path, operation, id, field, others) in [
        (
            format!("/crm/follow-ups/{}/edit", follow_up.as_str().unwrap()),
            "crm.follow_up.update",
            ("followUpId", follow_up),
            "title",
            vec![],
        ),
        (
            format!("/time/{}", time.as_str().unwrap()),
            "timesheet.update",
            ("timesheetId", time),
            "description",
            vec![("minutes", "0:30")],
        ),
        (format!("/settings/agents/{}", agent.as_str().unwrap()), "agent.update", ("agentId", agent), "name", vec![]),
    ] {
        let shown = browser.get(&path);
        let (version, seen) = (shown.hidden("ifVersion"), shown.hidden("seen"));
        let mut theirs = json!({ field: "Theirs" });
        theirs[id.0] = id.1;
        ada.ask(operation, theirs).await.unwrap();
        let mut mine = vec![("ifVersion", version.as_str()), ("seen", seen.as_str()), (field, "Mine")];
        if operation == "timesheet.update" {
            mine.push(("date", date.as_str()));
        }
        mine.extend(others);
        let stale = browser.post(&path, &mine);
        assert_eq!(stale.status, 412, "{path}: {}", stale.body);
        assert_eq!(stale.body.matches("class=\"clash\"").count(), 1, "{path}: only what both changed: {}", stale.body);
        assert!(stale.has(">Mine<") && stale.has(">Theirs<"), "{path}");
    }
}

#[tokio::test]
async fn somebody_who_was_slower_sees_both_versions_and_chooses() {
    let office = Office::new().await;
    let (ada, ben) = (office.browser("ada").await, office.world.person("ben").await);
    let edit = format!("/crm/organizations/{}/edit", office.organization);
    let shown = ada.get(&edit);
    let (version, seen) = (shown.hidden("ifVersion"), shown.hidden("seen"));
    let theirs = json!({ "organizationId": office.organization, "notes": "Ben was here", "city": "Kiel" });
    ben.ask("crm.organization.update", theirs).await.unwrap();

    let owner = hidden_owner(&shown);
    let mine = |extra: &[(&'static str, &str)]| {
        let fields =
            [("name", "Nordlicht AG"), ("website", "nordlicht.example"), ("notes", "Mine"), ("ownerId", &owner)];
        fields.iter().chain(extra).map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>()
    };
    let send = |fields: Vec<(&'static str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ada.post(&edit, &fields)
    };
    let stale = send(mine(&[("city", ""), ("ifVersion", &version), ("seen", &seen)]));
    assert_eq!(stale.status, 412, "{}", stale.body);
    assert!(stale.has("Someone else changed this meanwhile"));
    assert!(stale.has("value=\"Nordlicht AG\"") && stale.has("value=\"Kiel\""), "mine, and what only they changed");
    assert!(stale.has("Keep yours") && stale.has(">Mine<") && stale.has("Take theirs") && stale.has(">Ben was here<"));
    assert_eq!(stale.body.matches("class=\"clash\"").count(), 1, "only what both changed");

    let (version, seen) = (stale.hidden("ifVersion"), stale.hidden("seen"));
    let choice = [
        ("city", "Kiel"),
        ("ifVersion", version.as_str()),
        ("seen", seen.as_str()),
        ("take.notes", "theirs"),
        ("theirs.notes", "Ben was here"),
    ];
    assert_eq!(send(mine(&choice)).status, 303);
    let saved = ben.ask("crm.organization.get", json!({ "organizationId": office.organization })).await.unwrap();
    assert_eq!(
        (&saved["name"], &saved["notes"], &saved["city"]),
        (&json!("Nordlicht AG"), &json!("Ben was here"), &json!("Kiel"))
    );
}

/// The owner that the form has chosen.
fn hidden_owner(shown: &Shown) -> String {
    let select = shown.body.split("name=\"ownerId\"").nth(1).unwrap();
    let before = select.split(" selected").next().unwrap();
    before.rsplit("value=\"").next().unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_preview_shows_the_text_as_it_will_look_and_saves_nothing() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "WEB", "title": "Offer" })).await.unwrap();
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    browser.cookies.borrow_mut().insert("sally_session".into(), ada.token.clone());
    for (path, name) in
        [("/tasks/WEB-1/comments", "body"), ("/tasks/WEB-1/edit", "description"), ("/tasks/WEB-1/set", "description")]
    {
        let text = "Very **strong** <script>";
        let fields = [("title", "Offer"), ("ifVersion", "1"), (name, text), ("preview", name)];
        let shown = browser.post(path, &fields);
        assert_eq!(shown.status, 200, "{path}");
        assert!(
            shown.has("<strong>strong</strong>") && shown.has("Very **strong** &#60;script&#62;"),
            "{path}: {}",
            shown.body
        );
        assert!(!shown.has("<script>"), "{path}");
    }
    let task = ada.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap();
    assert_eq!((&task["description"], &task["commentCount"]), (&json!(null), &json!(0)));
}

#[tokio::test]
async fn title_and_description_are_changed_where_they_stand() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "WEB", "title": "Offer", "description": "Old" })).await.unwrap();
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    browser.cookies.borrow_mut().insert("sally_session".into(), ada.token.clone());
    let shown = browser.get("/tasks/WEB-1");
    let version = shown.hidden("ifVersion");
    assert_eq!(browser.post("/tasks/WEB-1/set", &[("ifVersion", &version), ("title", "The offer")]).status, 303);
    let stale = browser.post("/tasks/WEB-1/set", &[("ifVersion", &version), ("title", "An offer")]);
    assert_eq!(stale.status, 412);
    assert!(
        stale.has(">The offer<") && stale.has("value=\"An offer\"") && stale.has("name=\"take.title\""),
        "{}",
        stale.body
    );
}
