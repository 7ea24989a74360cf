//! Time: entries, who sees and changes them, the report, the timer.

mod support;

use serde_json::{Value, json};
use support::server::Server;
use support::{Person, World, json_of, put};

/// Ada's project Web with the task WEB-1, for the client Nordlicht.
async fn web(ada: &Person) -> Value {
    let client = ada.ask("client.create", json!({ "name": "Nordlicht" })).await.unwrap();
    let input = json!({ "name": "Website", "key": "WEB", "clientId": client["id"] });
    let project = ada.ask("project.create", input).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "WEB", "title": "Draw the start page" })).await.unwrap();
    project
}

fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().expect("items")
}

#[tokio::test]
async fn everyone_sees_and_edits_their_own_time_and_owners_all() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    web(&ada).await;

    let mine = ben.ask("timesheet.add", json!({ "taskId": "web-1", "hours": 1.5, "date": "yesterday" })).await.unwrap();
    assert_eq!((&mine["minutes"], &mine["taskKey"], &mine["projectKey"]), (&json!(90), &json!("WEB-1"), &json!("WEB")));
    assert_eq!((&mine["account"]["name"], &mine["client"]["name"]), (&json!("Ben"), &json!("Nordlicht")));
    assert_eq!((&mine["billable"], &mine["validated"]), (&json!(true), &json!(false)));
    let hers = ada.ask("timesheet.add", json!({ "projectId": "WEB", "minutes": 30, "billable": false })).await.unwrap();

    assert_eq!(items(&ben.ask("timesheet.list", json!({})).await.unwrap()).len(), 1);
    assert_eq!(items(&ada.ask("timesheet.list", json!({})).await.unwrap()).len(), 2);
    assert_eq!(items(&ada.ask("timesheet.list", json!({ "accountId": "me" })).await.unwrap()).len(), 1);
    assert_eq!(
        items(&ada.ask("timesheet.list", json!({ "clientId": "nordlicht", "to": "yesterday" })).await.unwrap()).len(),
        1
    );
    assert_eq!(items(&vera.ask("timesheet.list", json!({})).await.unwrap()).len(), 0);
    for (operation, input) in [
        ("timesheet.get", json!({ "timesheetId": hers["id"] })),
        ("timesheet.update", json!({ "timesheetId": hers["id"], "minutes": 1 })),
        ("timesheet.delete", json!({ "timesheetId": hers["id"] })),
    ] {
        assert_eq!(ben.refused(operation, input).await.status(), 404, "{operation}");
    }
    assert_eq!(vera.refused("timesheet.add", json!({ "projectId": "WEB", "minutes": 5 })).await.status(), 403);

    let changed = json!({ "timesheetId": mine["id"], "minutes": 45, "description": "Sketches", "taskId": null });
    let changed = ben.ask("timesheet.update", changed).await.unwrap();
    assert_eq!((&changed["minutes"], &changed["taskId"], &changed["version"]), (&json!(45), &Value::Null, &json!(2)));
    let users = ada.ask("timesheet.users", json!({ "projectId": "WEB" })).await.unwrap();
    assert_eq!(
        users["items"].as_array().unwrap().iter().map(|user| &user["totalMinutes"]).collect::<Vec<_>>(),
        [30, 45]
    );
    assert_eq!(items(&ben.ask("timesheet.users", json!({})).await.unwrap()).len(), 1);
    ben.ask("timesheet.delete", json!({ "timesheetId": mine["id"] })).await.unwrap();
    assert_eq!(items(&ben.ask("timesheet.list", json!({})).await.unwrap()).len(), 0);
}

#[tokio::test]
async fn only_owners_validate_and_write_for_others_and_validated_time_is_frozen() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    web(&ada).await;
    let entry = ben.ask("timesheet.add", json!({ "projectId": "WEB", "minutes": 60 })).await.unwrap();
    let change = |field: &str, value: Value| {
        let mut input = json!({ "timesheetId": entry["id"] });
        input[field] = value;
        input
    };
    assert_eq!(ben.refused("timesheet.update", change("validated", json!(true))).await.status(), 403);
    assert_eq!(ben.refused("timesheet.update", change("accountId", json!("ada@example.com"))).await.status(), 403);
    let for_ada = json!({ "projectId": "WEB", "minutes": 5, "accountId": "Ada" });
    assert_eq!(ben.refused("timesheet.add", for_ada).await.permission().unwrap().scope, "project");

    ada.ask("timesheet.update", change("validated", json!(true))).await.unwrap();
    assert_eq!(ben.refused("timesheet.update", change("minutes", json!(61))).await.status(), 409);
    assert_eq!(ben.refused("timesheet.delete", json!({ "timesheetId": entry["id"] })).await.status(), 409);
    ada.ask("timesheet.update", change("minutes", json!(50))).await.unwrap();
    ada.ask("timesheet.update", change("validated", json!(false))).await.unwrap();
    ben.ask("timesheet.update", change("minutes", json!(40))).await.unwrap();
    let for_ben = json!({ "projectId": "WEB", "minutes": 5, "userId": "ben@example.com", "validated": true });
    assert_eq!(ada.ask("timesheet.add", for_ben).await.unwrap()["account"]["name"], "Ben");

    // It stays where it was validated; what is not goes along with its task.
    ada.ask("project.create", json!({ "name": "Operations", "key": "OPS" })).await.unwrap();
    let frozen = json!({ "taskId": "WEB-1", "minutes": 7, "validated": true });
    let frozen = ada.ask("timesheet.add", frozen).await.unwrap();
    let free = ada.ask("timesheet.add", json!({ "taskId": "WEB-1", "minutes": 8 })).await.unwrap();
    ben.ask("task.update", json!({ "taskId": "WEB-1", "projectId": "OPS" })).await.unwrap();
    for (entry, project) in [(frozen, "WEB"), (free, "OPS")] {
        let entry = ada.ask("timesheet.get", json!({ "timesheetId": entry["id"] })).await.unwrap();
        assert_eq!(entry["projectKey"], project);
    }

    // Ben owns a project of his own: there he sees and validates everybody's.
    ben.ask("project.create", json!({ "name": "Application", "key": "APP" })).await.unwrap();
    let hers = ada.ask("timesheet.add", json!({ "projectId": "APP", "minutes": 15 })).await.unwrap();
    ada.ask("timesheet.add", json!({ "projectId": "WEB", "minutes": 15 })).await.unwrap();
    ben.ask("timesheet.update", json!({ "timesheetId": hers["id"], "validated": true })).await.unwrap();
    let seen = ben.ask("timesheet.list", json!({ "accountId": "Ada" })).await.unwrap();
    assert_eq!(items(&seen).iter().map(|entry| &entry["id"]).collect::<Vec<_>>(), [&hers["id"]]);
}

#[tokio::test]
async fn time_that_cannot_be_is_refused_at_its_field() {
    let world = World::new().await;
    let (ada, ben, eve) = (world.person("ada").await, world.person("ben").await, world.person("eve").await);
    web(&ada).await;
    ada.ask("project.create", json!({ "name": "Secret", "key": "SEC", "visibility": "MEMBERS" })).await.unwrap();
    ada.ask("task.create", json!({ "projectId": "SEC", "title": "Hush" })).await.unwrap();
    for (input, status) in [
        (json!({ "minutes": 5 }), 422),
        (json!({ "projectId": "WEB" }), 422),
        (json!({ "projectId": "WEB", "minutes": 0 }), 422),
        (json!({ "projectId": "WEB", "minutes": 1441 }), 422),
        (json!({ "projectId": "WEB", "hours": -1 }), 422),
        (json!({ "projectId": "WEB", "hours": 25 }), 422),
        (json!({ "projectId": "WEB", "minutes": 5, "hours": 1 }), 422),
        (json!({ "projectId": "WEB", "minutes": 5, "date": "2027-02-30" }), 422),
        (json!({ "projectId": "WEB", "minutes": 5, "date": "2099-01-01" }), 422),
        (json!({ "projectId": "WEB", "taskId": "SEC-1", "minutes": 5 }), 422),
        (json!({ "projectId": "WEB", "minutes": 5, "accountId": "eve@example.com" }), 404),
    ] {
        let refused = ada.refused("timesheet.add", input.clone()).await;
        assert_eq!(refused.status(), status, "{input}: {refused}");
    }
    assert_eq!(ben.refused("timesheet.add", json!({ "taskId": "SEC-1", "minutes": 5 })).await.status(), 404);
    assert_eq!(eve.refused("timesheet.add", json!({ "projectId": "WEB", "minutes": 5 })).await.status(), 404);
    let backwards = json!({ "from": "2027-03-02", "to": "2027-03-01" });
    assert_eq!(ada.refused("timesheet.report", backwards).await.status(), 422);
    ada.ask("project.archive", json!({ "projectId": "WEB" })).await.unwrap();
    assert_eq!(ada.refused("timesheet.add", json!({ "projectId": "WEB", "minutes": 5 })).await.status(), 409);
}

#[tokio::test]
async fn a_report_sums_groups_and_shows_the_entries() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    web(&ada).await;
    ada.ask("project.create", json!({ "name": "Inside", "key": "INS" })).await.unwrap();
    for (who, input) in [
        // A Sunday, the Monday after it, and the Sunday that ends that week.
        (&ben, json!({ "taskId": "WEB-1", "minutes": 10, "date": "2025-03-02" })),
        (&ben, json!({ "taskId": "WEB-1", "minutes": 20, "date": "2025-03-03" })),
        (
            &ada,
            json!({ "projectId": "WEB", "minutes": 40, "date": "2025-03-09", "billable": false, "validated": true }),
        ),
        (&ada, json!({ "projectId": "INS", "minutes": 80, "date": "2025-04-01" })),
    ] {
        who.ask("timesheet.add", input).await.unwrap();
    }
    let report =
        async |by: &str| ada.ask("timesheet.report", json!({ "groupBy": by, "to": "2025-04-30" })).await.unwrap();
    let groups = async |by: &str| {
        let report = report(by).await;
        let groups = report["groups"].as_array().unwrap().clone();
        groups
            .iter()
            .map(|group| format!("{}: {}", group["name"].as_str().unwrap(), group["totalMinutes"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(groups("day").await, ["2025-03-02: 10", "2025-03-03: 20", "2025-03-09: 40", "2025-04-01: 80"]);
    assert_eq!(groups("week").await, ["2025-02-24: 10", "2025-03-03: 60", "2025-03-31: 80"]);
    assert_eq!(groups("month").await, ["2025-03: 70", "2025-04: 80"]);
    assert_eq!(groups("project").await, ["Inside: 80", "Website: 70"]);
    assert_eq!(groups("client").await, ["No client: 80", "Nordlicht: 70"]);
    assert_eq!(groups("task").await, ["No task: 120", "WEB-1 Draw the start page: 30"]);
    assert_eq!(groups("account").await, ["Ada: 120", "Ben: 30"]);

    let all = report("project").await;
    let summary = &all["summary"];
    assert_eq!((&summary["totalMinutes"], &summary["billableMinutes"]), (&json!(150), &json!(110)));
    assert_eq!((&summary["nonBillableMinutes"], &summary["validatedMinutes"]), (&json!(40), &json!(40)));
    assert_eq!(
        (&summary["entries"], &summary["from"], &summary["to"]),
        (&json!(4), &Value::Null, &json!("2025-04-30"))
    );
    assert!(all["groups"][0]["key"].as_str().unwrap().starts_with("proj_"));
    assert_eq!(all["items"][0]["date"], "2025-04-01");
    let own = ben.ask("timesheet.report", json!({})).await.unwrap();
    assert_eq!(own["summary"]["totalMinutes"], 30);
    let page = ada.ask("timesheet.report", json!({ "limit": 3, "projectId": "WEB", "billable": true })).await.unwrap();
    assert_eq!((items(&page).len(), &page["nextCursor"]), (2, &Value::Null));
    let none = ada
        .ask("timesheet.report", json!({ "from": "2026-01-01", "validated": true, "groupBy": "week" }))
        .await
        .unwrap();
    assert_eq!((&none["summary"]["totalMinutes"], &none["groups"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn a_table_is_a_file_that_no_spreadsheet_runs() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    web(&ada).await;
    let description = "=HYPERLINK(\"http://evil.example\"),\nand \"more\"";
    ada.ask(
        "timesheet.add",
        json!({ "taskId": "WEB-1", "minutes": 90, "date": "2025-03-03", "description": description }),
    )
    .await
    .unwrap();
    let server = Server::start(&world.app);
    let bearer = format!("Bearer {}", ada.token);
    let headers = [("Authorization", bearer.as_str()), ("Accept", "text/csv")];
    let answer = server.send("GET", "/api/timesheets/report?format=csv", &headers, "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let disposition = answer.header("content-disposition").expect("a disposition");
    assert!(disposition.starts_with("attachment; filename=\"time-"), "{disposition}");
    let lines: Vec<&str> = answer.body.split("\r\n").collect();
    assert!(lines[0].starts_with("Date,Person,"), "{}", lines[0]);
    let expected = "2025-03-03,Ada,,Nordlicht,Website,WEB-1,Draw the start page,90,1.50,yes,no,\"'=HYPERLINK(\"\"http://evil.example\"\"),\nand \"\"more\"\"\",time_";
    assert!(lines[1].starts_with(expected), "{}", lines[1]);
    assert_eq!(lines.len(), 3);
    let other = server.send("GET", "/api/timesheets", &headers, "");
    assert_eq!(other.status, 406, "what has no table has none");

    let arguments = json!({ "name": "timesheet.report", "arguments": { "format": "csv" } });
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments }).to_string();
    let key = world.keyed("ada", sally::features::keys::KeyKind::Mcp, None, None).await;
    let bearer = format!("Bearer {}", key.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let told = server.send("POST", "/mcp", &headers, request);
    let result = told.json()["result"].clone();
    assert_eq!(result["content"][0]["text"], answer.body, "{}", told.body);
    assert_eq!(result.get("structuredContent"), None);
}

#[tokio::test]
async fn a_timer_runs_until_it_is_stopped_or_another_starts() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    web(&ada).await;
    assert_eq!(ben.refused("timesheet.timer.stop", json!({})).await.status(), 409);
    assert_eq!(ben.ask("timesheet.timer.get", json!({})).await.unwrap()["timer"], Value::Null);
    let first =
        ben.ask("timesheet.timer.start", json!({ "taskId": "WEB-1", "description": "Sketching" })).await.unwrap();
    assert_eq!((&first["taskKey"], &first["stopped"]), (&json!("WEB-1"), &Value::Null));
    assert_eq!(ben.ask("timesheet.timer.get", json!({})).await.unwrap()["timer"]["id"], first["id"]);
    assert_eq!(ada.ask("timesheet.timer.get", json!({})).await.unwrap()["timer"], Value::Null);

    let second = ben.ask("timesheet.timer.start", json!({ "projectId": "WEB", "billable": false })).await.unwrap();
    assert_eq!((&second["stopped"]["minutes"], &second["stopped"]["description"]), (&json!(1), &json!("Sketching")));
    // What was begun can be ended, whatever became of the project.
    ada.ask("project.archive", json!({ "projectId": "WEB" })).await.unwrap();
    assert_eq!(ben.refused("timesheet.timer.start", json!({ "projectId": "WEB" })).await.status(), 409);
    let entry = ben.ask("timesheet.timer.stop", json!({ "minutes": 25, "description": "Done" })).await.unwrap();
    assert_eq!(
        (&entry["minutes"], &entry["billable"], &entry["description"]),
        (&json!(25), &json!(false), &json!("Done"))
    );
    assert_eq!(items(&ben.ask("timesheet.list", json!({})).await.unwrap()).len(), 2);

    // A key for another workspace leaves the clock alone.
    ada.ask("workspace.member.add", json!({ "workspaceId": "acme", "accountId": "eve@example.com", "role": "MEMBER" }))
        .await
        .unwrap();
    ada.ask("project.create", json!({ "name": "Application", "key": "APP" })).await.unwrap();
    let eve = world.person("eve").await;
    eve.ask_with(eve.call_in("acme"), "timesheet.timer.start", json!({ "projectId": "APP" })).await.unwrap();
    eve.ask_with(eve.call_in("bolt"), "project.create", json!({ "name": "Screws", "key": "SCR" })).await.unwrap();
    let pinned = world.keyed("eve", sally::features::keys::KeyKind::Api, None, Some("bolt")).await;
    assert_eq!(pinned.refused("timesheet.timer.stop", json!({})).await.status(), 409);
    assert_eq!(pinned.refused("timesheet.timer.start", json!({ "projectId": "SCR" })).await.status(), 409);
    let started =
        eve.ask_with(eve.call_in("bolt"), "timesheet.timer.start", json!({ "projectId": "SCR" })).await.unwrap();
    assert_eq!(json_of(&started)["stopped"]["projectKey"], "APP");
}

#[tokio::test]
async fn whoever_may_start_the_timer_may_stop_it() {
    let world = World::new().await;
    let (ada, vera) = (world.person("ada").await, world.person("vera").await);
    web(&ada).await;
    assert_eq!(vera.refused("timesheet.timer.stop", json!({})).await.status(), 403);

    // In the workspace she is only looking on; in the project she works.
    let member = json!({ "projectId": "WEB", "accountId": "vera@example.com", "role": "MEMBER" });
    ada.ask("project.member.add", member).await.unwrap();
    assert_eq!(vera.refused("timesheet.timer.stop", json!({})).await.status(), 409);
    vera.ask("timesheet.timer.start", json!({ "taskId": "WEB-1" })).await.unwrap();
    let entry = vera.ask("timesheet.timer.stop", json!({ "minutes": 20 })).await.unwrap();
    assert_eq!((&entry["minutes"], &entry["account"]["name"]), (&json!(20), &json!("Vera")));

    let sum = ada.ask("task.get", json!({ "taskId": "WEB-1" })).await.unwrap()["timeSummary"].clone();
    assert_eq!((&sum["totalMinutes"], &sum["nonBillableMinutes"], &sum["entries"]), (&json!(20), &json!(0), &json!(1)));
}

#[tokio::test]
async fn ones_own_time_outlasts_the_sight_of_its_project() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    web(&ada).await;
    ada.ask("project.update", json!({ "projectId": "WEB", "visibility": "MEMBERS" })).await.unwrap();
    let add = json!({ "projectId": "WEB", "accountId": "ben@example.com" });
    let member = ada.ask("project.member.add", add).await.unwrap();
    let entry = ben.ask("timesheet.add", json!({ "taskId": "WEB-1", "minutes": 90 })).await.unwrap();
    ada.ask("timesheet.add", json!({ "taskId": "WEB-1", "minutes": 5 })).await.unwrap();
    ben.ask("timesheet.timer.start", json!({ "taskId": "WEB-1" })).await.unwrap();
    ada.ask("project.member.remove", json!({ "projectId": "WEB", "membershipId": member["id"] })).await.unwrap();

    let timer = ben.ask("timesheet.timer.get", json!({})).await.unwrap()["timer"].clone();
    assert_eq!((&timer["project"]["name"], &timer["task"]), (&json!("Closed project"), &Value::Null));
    // The clock that ran on leaves its time too.
    let stopped = ben.ask("timesheet.timer.stop", json!({ "minutes": 10 })).await.unwrap();
    let read = ben.ask("timesheet.get", json!({ "timesheetId": entry["id"] })).await.unwrap();
    let list = ben.ask("timesheet.list", json!({})).await.unwrap();
    assert_eq!(items(&list).len(), 2);
    for told in [&stopped, &read, &list["items"][0], &list["items"][1]] {
        assert_eq!((&told["project"]["name"], &told["projectKey"]), (&json!("Closed project"), &json!("")));
        assert_eq!((&told["task"], &told["taskKey"], &told["client"]), (&Value::Null, &Value::Null, &Value::Null));
    }
    for by in ["project", "task"] {
        let report = ben.ask("timesheet.report", json!({ "groupBy": by })).await.unwrap();
        assert_eq!(report["summary"]["totalMinutes"], 100);
        let groups: Vec<&Value> = report["groups"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
        assert_eq!(groups, ["Closed project"], "{by}");
    }
    let change = json!({ "timesheetId": entry["id"], "minutes": 1 });
    assert_eq!(ben.refused("timesheet.update", change).await.status(), 409);
    assert_eq!(ben.refused("timesheet.list", json!({ "projectId": "WEB" })).await.status(), 404);
    let all = ada.ask("timesheet.report", json!({ "groupBy": "task" })).await.unwrap();
    assert_eq!(all["groups"][0]["name"], "WEB-1 Draw the start page");

    // Who leaves the workspace leaves no clock running behind.
    ben.ask("project.create", json!({ "name": "Application", "key": "APP" })).await.unwrap();
    ben.ask("timesheet.timer.start", json!({ "projectId": "APP", "description": "Last words" })).await.unwrap();
    let leave = json!({ "workspaceId": "acme", "membershipId": "ben@example.com" });
    ada.ask("workspace.member.remove", leave).await.unwrap();
    let last = ada.ask("timesheet.list", json!({ "projectId": "APP" })).await.unwrap();
    assert_eq!((&last["items"][0]["description"], items(&last).len()), (&json!("Last words"), 1));
    assert_eq!(ben.ask("timesheet.timer.get", json!({})).await.unwrap()["timer"], Value::Null);
}

/// Rows of a week: what for, and the minutes of each day from Monday on.
fn rows(week: &Value) -> Vec<(String, Vec<i64>)> {
    let row = |row: &Value| {
        let name = row["taskKey"].as_str().or(row["projectKey"].as_str()).unwrap().to_owned();
        let cells = row["cells"].as_array().unwrap();
        (name, cells.iter().map(|cell| cell["minutes"].as_i64().unwrap()).collect())
    };
    week["rows"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn a_cell_of_the_week_is_set_as_often_as_one_likes() {
    let world = World::new().await;
    let (ada, ben, vera) = (world.person("ada").await, world.person("ben").await, world.person("vera").await);
    web(&ada).await;
    let set = |minutes: Value, seen: Value| json!({ "taskId": "WEB-1", "date": "2025-03-04", "minutes": minutes, "seen": seen });
    let week = async || ben.ask("timesheet.week.get", json!({ "day": "2025-03-06", "rows": ["WEB"] })).await.unwrap();
    assert_eq!(rows(&week().await), [("WEB".to_owned(), vec![0; 7])]);

    for _ in 0..2 {
        let cell = ben.ask("timesheet.week.set", set(json!(90), json!(0))).await.unwrap();
        assert_eq!((&cell["minutes"], &cell["entries"]), (&json!(90), &json!(1)));
    }
    let entries = ben.ask("timesheet.list", json!({})).await.unwrap();
    assert_eq!((items(&entries).len(), &items(&entries)[0]["version"]), (1, &json!(1)), "said twice, done once");
    assert_eq!(rows(&week().await), [("WEB".into(), vec![0; 7]), ("WEB-1".into(), vec![0, 90, 0, 0, 0, 0, 0])]);
    assert_eq!((&week().await["from"], &week().await["totals"][1]), (&json!("2025-03-03"), &json!(90)));

    // One entry is changed, with all else that it says; what somebody has not seen is not overwritten.
    let note = json!({ "timesheetId": items(&entries)[0]["id"], "description": "Sketches", "minutes": 75 });
    ben.ask("timesheet.update", note).await.unwrap();
    assert_eq!(ben.refused("timesheet.week.set", set(json!(30), json!(90))).await.status(), 409);
    ben.ask("timesheet.week.set", set(json!(30), json!(75))).await.unwrap();
    let entries = ben.ask("timesheet.list", json!({})).await.unwrap();
    assert_eq!((&items(&entries)[0]["minutes"], &items(&entries)[0]["description"]), (&json!(30), &json!("Sketches")));

    // The sum of several is left as it is, whatever is typed; saying what it is changes nothing.
    ben.ask("timesheet.add", json!({ "taskId": "WEB-1", "minutes": 15, "date": "2025-03-04" })).await.unwrap();
    ben.ask("timesheet.week.set", set(json!(45), Value::Null)).await.unwrap();
    for minutes in [json!(60), Value::Null] {
        let refused = ben.refused("timesheet.week.set", set(minutes, json!(45))).await;
        assert!(refused.to_string().contains("the sum of 2 entries"), "{refused}");
    }
    ben.ask("timesheet.delete", json!({ "timesheetId": items(&entries)[0]["id"] })).await.unwrap();
    for _ in 0..2 {
        ben.ask("timesheet.week.set", set(Value::Null, Value::Null)).await.unwrap();
    }
    assert_eq!(items(&ben.ask("timesheet.list", json!({})).await.unwrap()).len(), 0);

    // Validated time is frozen here as everywhere, and nobody's grid shows another's.
    ben.ask("timesheet.week.set", set(json!(60), Value::Null)).await.unwrap();
    let mine = items(&ben.ask("timesheet.list", json!({})).await.unwrap())[0]["id"].clone();
    ada.ask("timesheet.update", json!({ "timesheetId": mine, "validated": true })).await.unwrap();
    assert_eq!(week().await["rows"][1]["cells"][1]["validated"], true);
    assert_eq!(ben.refused("timesheet.week.set", set(json!(30), json!(60))).await.status(), 409);
    assert_eq!(rows(&ada.ask("timesheet.week.get", json!({ "day": "2025-03-06" })).await.unwrap()), []);
    assert_eq!(vera.refused("timesheet.week.set", set(json!(30), Value::Null)).await.status(), 403);
    for (input, status) in [
        (json!({ "date": "2025-03-04", "minutes": 5 }), 422),
        (json!({ "taskId": "WEB-9", "date": "2025-03-04", "minutes": 5 }), 404),
        (json!({ "taskId": "WEB-1", "date": "2025-03-04", "minutes": 1441 }), 422),
        (json!({ "taskId": "WEB-1", "date": "2099-03-04", "minutes": 5 }), 422),
    ] {
        assert_eq!(ben.refused("timesheet.week.set", input.clone()).await.status(), status, "{input}");
    }
    assert_eq!(ben.refused("timesheet.week.get", json!({ "rows": ["WEB-9"] })).await.status(), 404);
}

#[tokio::test]
async fn the_week_before_is_offered_and_copied_once() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    web(&ada).await;
    ada.ask("project.create", json!({ "name": "Inside", "key": "INS" })).await.unwrap();
    for input in [
        json!({ "taskId": "WEB-1", "minutes": 60, "date": "2025-03-03", "description": "Sketches", "billable": false }),
        json!({ "taskId": "WEB-1", "minutes": 30, "date": "2025-03-03" }),
        json!({ "taskId": "WEB-1", "minutes": 20, "date": "2025-03-05" }),
        json!({ "projectId": "INS", "minutes": 10, "date": "2025-03-09" }),
        // This week has something there already.
        json!({ "taskId": "WEB-1", "minutes": 5, "date": "2025-03-12" }),
    ] {
        ben.ask("timesheet.add", input).await.unwrap();
    }
    let week = ben.ask("timesheet.week.get", json!({ "day": "2025-03-10" })).await.unwrap();
    assert_eq!((&week["before"], &week["beforeMinutes"]), (&json!(1), &json!(100)));
    let usual = ben.ask("timesheet.week.get", json!({ "day": "2025-03-10", "usual": true })).await.unwrap();
    assert_eq!(rows(&usual), [("INS".into(), vec![0; 7]), ("WEB-1".into(), vec![0, 0, 5, 0, 0, 0, 0])]);

    for expected in [(100, 3), (0, 0)] {
        let copied = ben.ask("timesheet.week.copy", json!({ "day": "2025-03-11" })).await.unwrap();
        assert_eq!((&copied["minutes"], &copied["entries"]), (&json!(expected.0), &json!(expected.1)));
    }
    let week = ben.ask("timesheet.week.get", json!({ "day": "2025-03-10" })).await.unwrap();
    assert_eq!(rows(&week), [("INS".into(), vec![0, 0, 0, 0, 0, 0, 10]), ("WEB-1".into(), vec![90, 0, 5, 0, 0, 0, 0])]);
    assert_eq!((&week["before"], &week["beforeMinutes"]), (&json!(0), &json!(0)));
    let monday = json!({ "from": "2025-03-10", "to": "2025-03-10", "billable": false });
    assert_eq!(items(&ben.ask("timesheet.list", monday).await.unwrap())[0]["description"], "Sketches");

    // Where nobody works any more nothing is copied to.
    ada.ask("project.archive", json!({ "projectId": "INS" })).await.unwrap();
    let copied = ben.ask("timesheet.week.copy", json!({ "day": "2025-03-17" })).await.unwrap();
    assert_eq!(copied["minutes"], 95);
}

#[tokio::test]
async fn a_report_is_split_within_its_groups_and_both_are_a_table() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    web(&ada).await;
    ada.ask("project.create", json!({ "name": "Inside", "key": "INS" })).await.unwrap();
    for input in [
        json!({ "taskId": "WEB-1", "minutes": 20, "date": "2025-03-03" }),
        json!({ "projectId": "WEB", "minutes": 40, "date": "2025-03-04", "billable": false }),
        json!({ "projectId": "INS", "minutes": 80, "date": "2025-04-01" }),
    ] {
        ada.ask("timesheet.add", input).await.unwrap();
    }
    let report = json!({ "groupBy": "client", "thenBy": "task", "to": "2025-12-31" });
    let report = ada.ask("timesheet.report", report).await.unwrap();
    let told: Vec<String> = report["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| {
            let parts = group["groups"].as_array().unwrap();
            parts.iter().map(move |part| format!("{} / {}: {}", group["name"], part["name"], part["totalMinutes"]))
        })
        .collect();
    let expected = [
        r#""No client" / "No task": 80"#,
        r#""Nordlicht" / "No task": 40"#,
        r#""Nordlicht" / "WEB-1 Draw the start page": 20"#,
    ];
    assert_eq!(told, expected);
    let server = Server::start(&world.app);
    let bearer = format!("Bearer {}", ada.token);
    let path = "/api/timesheets/report?format=CSV_GROUPS&groupBy=PROJECT&thenBy=MONTH&billable=true";
    let table = server.send("GET", path, &[("Authorization", bearer.as_str())], "");
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    let lines: Vec<&str> = table.body.lines().skip(1).collect();
    assert_eq!(lines, ["Inside,2025-04,80,1.33,80,0,1", "Website,2025-03,20,0.33,20,0,1"]);
}

#[tokio::test]
async fn a_report_leaves_nothing_out_and_does_not_guess_what_is_grouped() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    web(&ada).await;
    put(
        &world.app,
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1003)
         insert into timesheet_entry (id, workspace_id, project_id, account_id, spent_on, minutes, billable, created_at, updated_at)
         select i, p.workspace_id, p.id, a.id, date('2020-01-01', '+' || i || ' days'), 1, 1, 1, 1
           from n, project p, account a where p.key = 'WEB' and a.email = 'ada@example.com'",
    )
    .await;
    let report = ada.ask("timesheet.report", json!({ "groupBy": "day" })).await.unwrap();
    let groups = report["groups"].as_array().unwrap();
    let rest = &groups[1000];
    assert_eq!((groups.len(), &rest["name"], &rest["rest"]), (1001, &json!("All others"), &json!(true)));
    assert_eq!((&rest["key"], &rest["totalMinutes"]), (&json!(null), &json!(3)));
    // What has no task is a group of its own, and no rest.
    let report = ada.ask("timesheet.report", json!({ "groupBy": "task" })).await.unwrap();
    assert_eq!((&report["groups"][0]["key"], &report["groups"][0]["rest"]), (&json!(null), &json!(false)));
    let report = ada.ask("timesheet.report", json!({ "groupBy": "task", "thenBy": "day" })).await.unwrap();
    let days = report["groups"][0]["groups"].as_array().unwrap();
    assert!(days.len() == 1003 && days.iter().all(|day| day["rest"] == false), "{}", days.len());

    for (wrong, field) in [(json!({ "thenBy": "day" }), "thenBy"), (json!({ "format": "CSV_GROUPS" }), "format")] {
        let refused = ada.refused("timesheet.report", wrong).await;
        assert_eq!((refused.status(), refused.field_errors()[0].field.as_str()), (422, field));
    }
}

#[tokio::test]
async fn a_week_is_copied_as_a_whole_or_not_at_all() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    web(&ada).await;
    put(
        &world.app,
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 501)
         insert into timesheet_entry (id, workspace_id, project_id, account_id, spent_on, minutes, billable, created_at, updated_at)
         select i, p.workspace_id, p.id, a.id, '2025-03-04', 1, 1, 1, 1
           from n, project p, account a where p.key = 'WEB' and a.email = 'ada@example.com'",
    )
    .await;
    let next = json!({ "day": "2025-03-11" });
    let refused = ada.refused("timesheet.week.copy", next.clone()).await;
    assert!(refused.status() == 409 && refused.detail().contains("501 entries"), "{refused}");
    let week = ada.ask("timesheet.week.get", next.clone()).await.unwrap();
    assert_eq!((&week["totals"][1], &week["beforeMinutes"]), (&json!(0), &json!(501)));
    put(&world.app, "delete from timesheet_entry where id = 501").await;
    assert_eq!(ada.ask("timesheet.week.copy", next.clone()).await.unwrap()["entries"], 500);
    assert_eq!(ada.ask("timesheet.week.get", next).await.unwrap()["beforeMinutes"], 0);
}
