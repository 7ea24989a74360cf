//! What a day is made of: time, one’s own work, the inbox, looking things up.

use serde_json::{Value, json};

use super::workshop::{Workshop, values};

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
    let unknown = ben.get("/time?week=2026-03-04&rows=WEB-98,WEB-2&add=WEB-99");
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
