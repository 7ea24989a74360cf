//! A workspace that leaves as a file and comes in again, here or elsewhere.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use serde_json::{Map, Value, json};
use support::cli::{Server, adas_file, complaint, json_of, run};

fn lines(file: &Path) -> Vec<Value> {
    std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The records of an export: without its first and last line.
fn records(file: &Path) -> Vec<Value> {
    let mut lines = lines(file);
    lines.pop();
    lines.remove(0);
    lines
}

fn export(folder: &Path, name: &str) -> Value {
    json_of(&run(folder, &["export", name, "--workspace", "acme-studio", "--force", "--json"]))
}

/// The smallest GIF there is.
const PICTURE: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// A file with one of everything that travels.
fn a_full_workspace() -> (tempfile::TempDir, Value) {
    let (folder, made) = adas_file();
    let key = made["apiKey"].as_str().unwrap();
    for (email, name, role) in [("ben@example.com", "Ben", "member"), ("vera@example.com", "Vera", "viewer")] {
        let add =
            ["user", "add", "--email", email, "--name", name, "--workspace", "acme-studio", "--role", role, "--json"];
        json_of(&run(folder.path(), &add));
    }
    let server = Server::start(folder.path(), &[]);
    let post = |path: &str, body: Value| {
        let (status, made) = server.post(&format!("/api{path}"), key, &body).unwrap();
        assert!(status < 300, "{path}: {made}");
        made
    };
    let agent = post("/agents", json!({ "name": "Robin" }));
    let client = post("/clients", json!({ "name": "Nordlicht" }));
    post("/projects", json!({ "name": "Design", "key": "DES" }));
    post("/projects", json!({ "name": "Website", "key": "WEB", "clientId": client["id"], "visibility": "MEMBERS" }));
    post("/projects/WEB/dependencies", json!({ "dependsOnId": "DES" }));
    post("/projects/WEB/members", json!({ "accountId": "ben@example.com", "role": "MEMBER" }));
    post("/projects/WEB/labels", json!({ "name": "urgent", "color": "#dc2626" }));
    for title in ["Sketch the start page", "Build it — größer, \u{1F680}", "Test"] {
        post("/tasks", json!({ "projectId": "WEB", "title": title, "labels": ["urgent"], "dueDate": "2027-03-01" }));
    }
    post("/tasks", json!({ "projectId": "WEB", "title": "A part", "parentId": "WEB-3", "ownerId": "ben@example.com" }));
    post("/tasks/WEB-2/dependencies", json!({ "dependsOnId": "WEB-1" }));
    post("/tasks/WEB-1/todos", json!({ "text": "Ask Ada" }));
    let picture = post("/tasks/WEB-1/image-upload", json!({ "base64": PICTURE }));
    let shown = format!("See ![it](/files/{}), @ben@example.com", picture["id"].as_str().unwrap());
    post("/tasks/WEB-1/comments", json!({ "body": shown }));
    post("/tasks/WEB-1/move", json!({ "targetStatus": "Done" }));
    post("/timesheets", json!({ "taskId": "WEB-1", "minutes": 90 }));
    post("/crm/organizations", json!({ "name": "Acme GmbH", "website": "acme.example" }));
    post("/crm/people", json!({ "name": "Paula", "email": "paula@acme.example", "organizationId": "Acme GmbH" }));
    post(
        "/crm/deals",
        json!({ "title": "Relaunch", "value": 12500, "currency": "EUR", "organizationId": "Acme GmbH", "labels": ["hot"] }),
    );
    post("/crm/activities", json!({ "type": "CALL", "body": "Called.", "dealId": "Relaunch" }));
    post("/crm/follow-ups", json!({ "title": "Send the offer", "dealId": "Relaunch", "dueAt": "2027-03-01" }));
    assert!(agent["id"].is_string());
    (folder, made)
}

fn elsewhere() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let init = ["init", "--admin-email", "eve@example.com", "--admin-name", "Eve", "--workspace", "Bolt", "--json"];
    json_of(&run(folder.path(), &init));
    folder
}

fn import(folder: &Path, file: &Path, more: &[&str]) -> Value {
    json_of(&run(folder, &[&["import", file.to_str().unwrap(), "--json"], more].concat()))
}

#[test]
fn a_workspace_arrives_elsewhere_as_it_left() {
    let (home, _) = a_full_workspace();
    let told = export(home.path(), "acme.jsonl");
    let file = home.path().join("acme.jsonl");
    for table in
        ["task", "task_image", "task_label", "comment", "comment_mention", "crm_deal", "timesheet_entry", "agent"]
    {
        assert!(told["records"][table].as_u64() > Some(0), "{table}: {told}");
    }
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in ["argon2", "hash", "token", "SUPERADMIN", "atpm_"] {
        assert!(!text.contains(secret), "{secret}");
    }

    let there = elsewhere();
    let dry = import(there.path(), &file, &["--dry-run"]);
    assert_eq!((&dry["dryRun"], &dry["made"]["task"]), (&json!(true), &json!(4)));
    assert_eq!(
        complaint(&run(there.path(), &["export", "x", "--workspace", "acme-studio"])).trim_end(),
        "sally: there is no workspace “acme-studio”"
    );
    let made = import(there.path(), &file, &[]);
    assert_eq!((&made["made"], &made["renamed"], &made["kept"]), (&dry["made"], &json!([]), &json!({})));
    assert_eq!(made["newAccounts"], json!(["ada@example.com", "ben@example.com", "vera@example.com"]));
    export(there.path(), "again.jsonl");
    assert_eq!(records(&there.path().join("again.jsonl")), records(&file));
    assert_eq!(json_of(&run(there.path(), &["verify", "--json"]))["sound"], true);

    let again = import(there.path(), &file, &[]);
    assert_eq!((&again["made"], &again["newAccounts"]), (&json!({}), &json!([])), "the second time changes nothing");
    export(there.path(), "third.jsonl");
    assert_eq!(records(&there.path().join("third.jsonl")), records(&file));

    // It is alive: a new number goes on, what was written is found, the import is told of.
    let key = json_of(&run(
        there.path(),
        &["key", "create", "--account", "eve@example.com", "--kind", "api", "--label", "x", "--json"],
    ));
    let key = key["token"].as_str().unwrap();
    let server = Server::start(there.path(), &[]);
    let (status, task) = server
        .post("/api/tasks?workspaceSlug=acme-studio", key, &json!({ "projectId": "WEB", "title": "Next" }))
        .unwrap();
    assert_eq!((status, &task["key"]), (201, &json!("WEB-5")));
    let found = server.get("/api/search?query=sketch&workspaceSlug=acme-studio", key).1;
    assert!(found.to_string().contains("Sketch the start page"), "{found}");
    let conn = Connection::open(there.path().join("sally.db")).unwrap();
    let journaled: i64 = conn
        .query_row("select count(*) from change c join change_set s on s.id = c.change_set_id where s.operation = 'workspace.import' and c.record_type = 'task'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(journaled, 4);
}

#[test]
fn time_that_was_validated_before_its_task_moved_on_is_sound_and_travels() {
    let (home, made) = a_full_workspace();
    let key = made["apiKey"].as_str().unwrap();
    let server = Server::start(home.path(), &[]);
    let frozen = json!({ "taskId": "WEB-1", "minutes": 30, "validated": true });
    assert_eq!(server.post("/api/timesheets", key, &frozen).unwrap().0, 201);
    let moving = server.agent.patch(format!("{}/api/tasks/WEB-1", server.url)).header("X-Api-Key", key);
    assert_eq!(moving.send_json(json!({ "projectId": "DES" })).unwrap().status(), 200);
    drop(server);
    assert_eq!(json_of(&run(home.path(), &["verify", "--json"]))["faults"], json!([]));

    export(home.path(), "acme.jsonl");
    let (there, file) = (elsewhere(), home.path().join("acme.jsonl"));
    import(there.path(), &file, &[]);
    export(there.path(), "again.jsonl");
    assert_eq!(records(&there.path().join("again.jsonl")), records(&file));
}

#[test]
fn what_is_taken_is_renamed_and_people_are_known_by_their_e_mail() {
    let (home, _) = a_full_workspace();
    export(home.path(), "acme.jsonl");
    let file = home.path().join("acme.jsonl");
    let there = tempfile::tempdir().unwrap();
    let init = [
        "init",
        "--admin-email",
        "ben@example.com",
        "--admin-name",
        "Benjamin",
        "--workspace",
        "Acme Studio",
        "--json",
    ];
    json_of(&run(there.path(), &init));
    // The ids of a picture and a task are taken there by others'.
    let of = |table: &str| {
        let record = records(&file).into_iter().find_map(|record| record.get(table).cloned()).unwrap();
        record["id"].as_str().unwrap().to_owned()
    };
    let (image, task) = (of("task_image"), of("task"));
    let raw = |id: &str| sally::core::id::untyped(id.split('_').next().unwrap(), id).unwrap();
    let conn = Connection::open(there.path().join("sally.db")).unwrap();
    conn.execute_batch(&format!(
        "insert into project (id, workspace_id, name, key, slug, task_count, created_at, updated_at) select 1, id, 'Other', 'OTH', 'other', 1, 1, 1 from workspace;
         insert into task_status (id, project_id, name, type, position, color, created_at, updated_at) values (1, 1, 'Todo', 'TODO', 1, '#000000', 1, 1);
         insert into task (id, workspace_id, project_id, number, status_id, title, position, created_at, updated_at) select {}, id, 1, 1, 1, 'Theirs', 1, 1, 1 from workspace;
         insert into task_image (id, task_id, name, media_type, width, height, size, created_at, updated_at, bytes) values ({}, {}, 'x', 'image/gif', 1, 1, 1, 1, 1, x'00');",
        raw(&task), raw(&image), raw(&task)
    ))
    .unwrap();
    drop(conn);

    let made = import(there.path(), &file, &[]);
    assert_eq!(made["workspace"], "acme-studio-2");
    let renamed: BTreeSet<&str> =
        made["renamed"].as_array().unwrap().iter().map(|one| one["record"].as_str().unwrap()).collect();
    assert_eq!(renamed, BTreeSet::from(["task", "task_image", "workspace"]), "{made}");
    assert_eq!(
        (&made["newAccounts"], &made["kept"]["account"]),
        (&json!(["ada@example.com", "vera@example.com"]), &json!(1))
    );
    let again = import(there.path(), &file, &[]);
    assert_eq!(
        (&again["made"], &again["workspace"]),
        (&json!({}), &json!("acme-studio-2")),
        "renamed ones are known again"
    );

    json_of(&run(there.path(), &["export", "out.jsonl", "--workspace", "acme-studio-2", "--json"]));
    let out = records(&there.path().join("out.jsonl"));
    let new_image = out.iter().find_map(|record| record.get("task_image")).unwrap()["id"].clone();
    let comment = out.iter().find_map(|record| record.get("comment")).unwrap()["body"].clone();
    assert_ne!(new_image, json!(image));
    assert!(comment.as_str().unwrap().contains(&format!("/files/{}", new_image.as_str().unwrap())), "{comment}");
    let name = out
        .iter()
        .find_map(|record| record.get("account").filter(|account| account["email"] == "ben@example.com"))
        .unwrap()["name"]
        .clone();
    assert_eq!(name, "Benjamin", "who is here stays who they are");
    assert_eq!(json_of(&run(there.path(), &["verify", "--json"]))["sound"], true);
}

#[test]
fn a_file_that_is_damaged_cut_off_foreign_or_newer_is_refused_where_it_is_wrong_and_nothing_is_written() {
    use sha2::{Digest, Sha256};
    let (home, _) = a_full_workspace();
    export(home.path(), "acme.jsonl");
    let whole = std::fs::read_to_string(home.path().join("acme.jsonl")).unwrap();
    let there = elsewhere();
    let before = std::fs::metadata(there.path().join("sally.db")).unwrap().len();
    let refused = |text: &str, why: &str| {
        let file = there.path().join("bad.jsonl");
        std::fs::write(&file, text).unwrap();
        let told = complaint(&run(there.path(), &["import", file.to_str().unwrap()]));
        assert!(told.contains(why), "{told} is not about {why}");
    };
    // As somebody would who changes a file and its last line with it.
    let sealed = |text: &str| {
        let body: Vec<&str> = text.lines().filter(|line| !line.starts_with("{\"end\"")).collect();
        let text = body.join("\n") + "\n";
        let sum: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{text}{{\"end\":{{\"records\":{},\"sha256\":\"{sum}\"}}}}\n", body.len() - 1)
    };
    assert_eq!(sealed(&whole), whole, "the test seals as the product does");
    let count = whole.lines().count();
    refused("", "line 1: the file is empty");
    refused("{\"hello\":1}\n", "line 1: this is not a file of");
    refused(&whole.replacen("\"format\":1", "\"format\":2", 1), "line 1: the file is of a newer Sally");
    refused(&whole.replacen("\"schema\":", "\"schema\":9", 1), "line 1: the file is of a newer Sally");
    refused(&whole[..whole.len() / 2], "it breaks off");
    let cut: String = whole.lines().take(10).map(|line| format!("{line}\n")).collect();
    refused(&cut, "line 11: the file ends here");
    refused(&whole.replace("Sketch the", "Sketch tha"), &format!("line {count}: the checksum"));
    refused(&format!("{whole}{{}}\n"), &format!("line {}: something follows", count + 1));
    let at = |start: &str| whole.lines().position(|line| line.starts_with(start)).unwrap() + 1;
    refused(
        &sealed(&whole.replacen("{\"task\":{", "{\"task\":{\"nonsense\":1,", 1)),
        &format!("line {}: a task has no field", at("{\"task\":")),
    );
    refused(
        &sealed(&whole.replacen("{\"client\":", "{\"customer\":", 1)),
        &format!("line {}: a record called", at("{\"client\":")),
    );
    refused(&sealed(&whole.replacen("#dc2626", "red", 1)), ": color: “red” is not a colour");
    refused(
        &sealed(&whole.replacen("https://acme.example", "javascript:alert(1)", 1)),
        &format!("line {}: website", at("{\"crm_organization\":")),
    );
    refused(
        &sealed(&whole.replacen("\"priority\":\"P2\"", "\"priority\":\"P9\"", 1)),
        &format!("line {}: this task does not fit", at("{\"task\":")),
    );
    let comment = whole.lines().find(|line| line.starts_with("{\"comment\":")).unwrap();
    refused(&sealed(&whole.replacen(&format!("{comment}\n"), "", 1)), "comment_id refers to com_");
    refused(
        &sealed(&whole.replacen(comment, &format!("{comment}\n{comment}"), 1)),
        &format!("line {}: the same record", at("{\"comment\":") + 1),
    );
    // Each line is good by itself.
    let number = |number: u32| format!("\"number\":{number},");
    refused(&sealed(&whole.replacen(&number(2), &number(99), 1)), "a task has a number that its project has not given");
    let told = complaint(&run(there.path(), &["import", "none.jsonl"]));
    assert!(told.contains("none.jsonl"), "{told}");

    let conn = Connection::open(there.path().join("sally.db")).unwrap();
    let workspaces: i64 = conn.query_row("select count(*) from workspace", [], |row| row.get(0)).unwrap();
    assert_eq!(workspaces, 1);
    drop(conn);
    assert!(std::fs::metadata(there.path().join("sally.db")).unwrap().len() <= before + 65_536);
    let good = there.path().join("good.jsonl");
    std::fs::write(&good, sealed(&whole)).unwrap();
    assert_eq!(import(there.path(), &good, &[])["made"]["task"], 4);
}

#[test]
fn an_import_that_is_killed_leaves_nothing_half_done() {
    let (home, _) = a_full_workspace();
    export(home.path(), "acme.jsonl");
    let file = home.path().join("acme.jsonl");
    let there = elsewhere();
    let seen = |name: &str, bytes: u64| {
        let name = there.path().join(name);
        move || std::fs::metadata(&name).is_ok_and(|facts| facts.len() >= bytes)
    };
    for is_time in [seen("sally.db-shm", 0), seen("sally.db-wal", 1), seen("sally.db-wal", 50_000)] {
        let command = support::cli::sally(there.path(), &["import", file.to_str().unwrap()]);
        support::cli::kill_when(command, is_time);
        assert_eq!(json_of(&run(there.path(), &["verify", "--json"]))["sound"], true);
        let whole = [("workspace", 2), ("task", 4), ("crm_follow_up", 1)];
        let conn = Connection::open(there.path().join("sally.db")).unwrap();
        let counts = whole.map(|(table, _)| -> i64 {
            conn.query_row(&format!("select count(*) from {table}"), [], |row| row.get(0)).unwrap()
        });
        assert!(counts == [1, 0, 0] || counts == whole.map(|(_, count)| count), "{counts:?}");
    }
    import(there.path(), &file, &[]);
    export(there.path(), "again.jsonl");
    assert_eq!(records(&there.path().join("again.jsonl")), records(&file));
}

/// What the journal up to a change says there is: by table and id, the columns with their values.
fn told_by_the_journal(file: &Path, until: i64) -> BTreeMap<(String, i64), Map<String, Value>> {
    let conn = Connection::open(file).unwrap();
    let mut statement =
        conn.prepare("select record_type, record_id, action, fields from change where seq <= ?1 order by seq").unwrap();
    let mut rows = statement.query([until]).unwrap();
    let mut state: BTreeMap<(String, i64), Map<String, Value>> = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let key: (String, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let fields: Map<String, Value> = serde_json::from_str(&row.get::<_, String>(3).unwrap()).unwrap();
        match row.get::<_, String>(2).unwrap().as_str() {
            "INSERT" => drop(state.insert(key, fields)),
            "DELETE" => drop(state.remove(&key).unwrap()),
            _ => {
                let record = state.get_mut(&key).unwrap();
                for (column, values) in fields {
                    match values[1].is_null() {
                        true => record.remove(&column),
                        false => record.insert(column, values[1].clone()),
                    };
                }
            }
        }
    }
    state
}

#[test]
fn a_backup_under_load_exports_what_the_journal_says_there_was_at_that_moment() {
    let (folder, made) = a_full_workspace();
    let key = made["apiKey"].as_str().unwrap();
    let server = Server::start(folder.path(), &[]);
    let stop = AtomicBool::new(false);
    let (copy, restored) = (folder.path().join("copy.db"), tempfile::tempdir().unwrap());
    std::thread::scope(|scope| {
        let (begun, enough) = std::sync::mpsc::channel();
        for writer in 0..3 {
            let (server, stop, begun) = (&server, &stop, begun.clone());
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let title = format!("Task {number} of {writer}");
                    let task = server
                        .post("/api/tasks", key, &json!({ "projectId": "WEB", "title": title, "labels": ["urgent"] }))
                        .unwrap()
                        .1;
                    let task = task["key"].as_str().unwrap();
                    server.post(&format!("/api/tasks/{task}/comments"), key, &json!({ "body": "Done?" })).unwrap();
                    server.post(&format!("/api/tasks/{task}/move"), key, &json!({ "targetStatus": "Review" })).unwrap();
                    server.post("/api/crm/deals", key, &json!({ "title": title })).unwrap();
                    if number == 10 {
                        begun.send(()).unwrap();
                    }
                }
            });
        }
        for _ in 0..3 {
            enough.recv().unwrap();
        }
        json_of(&run(folder.path(), &["backup", "copy.db", "--json"]));
        stop.store(true, Ordering::Relaxed);
    });
    drop(server);
    json_of(&run(restored.path(), &["restore", copy.to_str().unwrap(), "--json"]));
    let exported = export(restored.path(), "acme.jsonl");
    let until = exported["journal"].as_i64().unwrap();

    // The journal of the file that went on, up to that change.
    let told = told_by_the_journal(&folder.path().join("sally.db"), until);
    let last: i64 = Connection::open(folder.path().join("sally.db"))
        .unwrap()
        .query_row("select max(seq) from change", [], |row| row.get(0))
        .unwrap();
    assert!(until < last, "writers went on");
    let mut seen = 0;
    for record in records(&restored.path().join("acme.jsonl")) {
        let (table, fields) = record.as_object().unwrap().iter().next().unwrap();
        let id = fields["id"].as_str().unwrap();
        let raw = |id: &str| sally::core::id::untyped(id.split('_').next().unwrap(), id);
        let journaled = &told[&(table.clone(), raw(id).unwrap())];
        for (column, value) in fields.as_object().unwrap() {
            if column == "id"
                || matches!((table.as_str(), column.as_str()), ("task_image", "bytes") | ("project", "task_count"))
            {
                continue;
            }
            let is_id = journaled[column].is_i64() && value.is_string();
            let value = if is_id { json!(raw(value.as_str().unwrap()).unwrap()) } else { value.clone() };
            assert_eq!(value, journaled[column], "{table} {id} {column}");
        }
        seen += 1;
    }
    // Nothing more either: each of these that the journal knows is in the file.
    let travels =
        |table: &str| !matches!(table, "access_key" | "notification" | "notification_preference" | "running_timer");
    let expected = told.keys().filter(|(table, _)| travels(table)).count();
    // Vera is a member, so she travels; everybody of this file does.
    assert_eq!(seen, expected);
}
