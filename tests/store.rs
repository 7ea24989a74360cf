//! What the store promises: a journal that writes itself, writes that fail alone, retries that do nothing twice.

mod support;

use std::sync::Arc;

use sally::core::app::{App, Call};
use sally::core::caller::{Role, Workspace};
use sally::core::error::{Error, Kind};
use sally::core::id::Id;
use sally::core::operation::Needs;
use sally::core::store::{Reading, Store, Tuning, all, one, run};
use sally::features::transfer::imports::{RunImport, UploadTable};
use sally::features::transfer::running::Imports;
use sally::features::transfer::sheet::Records;
use sally::features::workspaces::ClearAway;
use serde_json::{Value, json};
use support::{Person, World, console, json_of, put};

/// The journal of one record, oldest first: operation, action, fields, the account's e-mail.
fn journal(world: &World, table: &str) -> Vec<(String, String, Value, Option<String>)> {
    const ROWS: &str = "
        select s.operation, c.action, c.fields, a.email
          from change c join change_set s on s.id = c.change_set_id left join account a on a.id = s.account_id
         where c.record_type = ?1 order by c.seq";
    let rows = world.app.store().read(|reading| {
        all(reading.conn(), ROWS, [table], |row| Ok((row.take()?, row.take()?, row.take::<String>()?, row.take()?)))
    });
    let json = |text: String| serde_json::from_str(&text).unwrap();
    rows.unwrap()
        .into_iter()
        .map(|(operation, action, fields, email)| (operation, action, json(fields), email))
        .collect()
}

#[tokio::test]
async fn every_change_is_told_with_who_made_it_and_what_was_before() {
    let world = World::new().await;
    let (ben, ada) = (world.person("ben").await, world.person("ada").await);
    let deal =
        ben.ask("crm.deal.create", json!({ "title": "Relaunch", "value": 100, "currency": "EUR" })).await.unwrap();
    ada.ask("crm.deal.update", json!({ "dealId": deal["id"], "title": "Relaunch 2027", "value": null })).await.unwrap();
    ben.refused("crm.deal.update", json!({ "dealId": deal["id"], "title": "" })).await;

    let told = journal(&world, "crm_deal");
    assert_eq!(told.len(), 2, "a refused change is no change");
    let (operation, action, fields, email) = &told[0];
    assert_eq!(
        (operation.as_str(), action.as_str(), email.as_deref()),
        ("crm.deal.create", "INSERT", Some("ben@example.com"))
    );
    assert_eq!((&fields["title"], &fields["value_minor"]), (&json!("Relaunch"), &json!(10_000)));
    assert!(fields.get("notes").is_none(), "what is not set is not told");
    let (operation, action, fields, email) = &told[1];
    assert_eq!(
        (operation.as_str(), action.as_str(), email.as_deref()),
        ("crm.deal.update", "UPDATE", Some("ada@example.com"))
    );
    assert_eq!(fields["title"], json!(["Relaunch", "Relaunch 2027"]));
    assert_eq!(fields["value_minor"], json!([10_000, null]));
    assert_eq!(fields["version"], json!([1, 2]));
    assert!(fields.get("currency").is_none(), "what stays is not told");
}

#[tokio::test]
async fn deleting_a_workspace_is_told_row_by_row_and_leaves_nothing_behind() {
    let world = World::new().await;
    let (ben, sam) = (world.person("ben").await, world.person("sam").await);
    let organization = ben.ask("crm.organization.create", json!({ "name": "Nordlicht" })).await.unwrap();
    let deal =
        ben.ask("crm.deal.create", json!({ "title": "Relaunch", "organizationId": organization["id"] })).await.unwrap();
    ben.ask("crm.activity.add", json!({ "dealId": deal["id"], "body": "Called." })).await.unwrap();
    sam.ask("workspace.delete", json!({ "workspaceId": "acme" })).await.unwrap();
    for table in ["crm_organization", "crm_deal", "crm_activity", "crm_stage", "workspace_membership"] {
        let (operation, action, ..) = journal(&world, table).pop().unwrap();
        assert_eq!((operation.as_str(), action.as_str()), ("workspace.delete", "DELETE"), "{table}");
    }
    let left = world.app.store().read(|reading| {
        one(reading.conn(), "select (select count(*) from crm_deal) + (select count(*) from search_index where search_index match 'relaunch')", [], |row| row.take::<i64>())
    });
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn a_large_workspace_is_gone_at_once_and_cleared_away_part_by_part() {
    let world = World::new().await;
    let (ada, sam) = (world.person("ada").await, world.person("sam").await);
    ada.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    put(
        &world.app,
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < 250)
         insert into task (id, workspace_id, project_id, number, status_id, title, position, created_at, updated_at)
         select n, p.workspace_id, p.id, n, (select min(id) from task_status), 'Task ' || n, n, 1, 1 from n, project p",
    )
    .await;
    let id = ada.ask("workspace.get", json!({ "workspaceId": "acme" })).await.unwrap()["id"].clone();
    sam.ask("workspace.delete", json!({ "workspaceId": "acme" })).await.unwrap();
    let left = || {
        const LEFT: &str = "select (select count(*) from task), (select count(*) from workspace where id = ?1)";
        let raw = Id::<Workspace>::parse(id.as_str().unwrap()).unwrap();
        let count = |reading: &mut Reading| {
            one(reading.conn(), LEFT, [raw], |row| Ok((row.take::<i64>()?, row.take::<i64>()?)))
        };
        world.app.store().read(count).unwrap()
    };
    assert_eq!(left(), (150, 1));
    assert_eq!(ada.refused("task.list", json!({})).await.status(), 403);
    for gone in [json!({ "workspaceId": id }), json!({ "workspaceId": "acme" })] {
        assert_eq!(sam.refused("workspace.get", gone.clone()).await.status(), 404);
        assert_eq!(sam.refused("workspace.delete", gone).await.status(), 404);
    }
    let listed = sam.ask("workspace.list", json!({ "archived": true })).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(sam.ask("workspace.create", json!({ "name": "Acme" })).await.unwrap()["slug"], "acme");
    while world.app.run(console(), ClearAway {}).await.unwrap().more {}
    assert_eq!(left(), (0, 0));
    assert!(!world.app.run(console(), ClearAway {}).await.unwrap().more);
}

#[tokio::test]
async fn a_list_that_walks_through_much_is_begun_anew_where_it_holds_nobody_up() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    ben.ask("project.create", json!({ "name": "Website", "key": "WEB" })).await.unwrap();
    for title in ["Plan", "Draw", "Build"] {
        ben.ask("task.create", json!({ "projectId": "WEB", "title": title })).await.unwrap();
    }
    let wanted = json!({ "projectId": "WEB", "priority": "P2", "limit": 2 });
    let patient = ben.ask("task.list", wanted.clone()).await.unwrap();
    let Person { app, token, email } = ben;
    let (config, World { folder: _folder, app: first }) = (app.config().clone(), world);
    drop((app, first));

    let store = Store::serve(&config.db, Tuning { quick_steps: 20, ..Tuning::default() }).unwrap();
    let app = Arc::new(App::new(store, config, sally::features::ALL));
    const MUCH: &str =
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < 9999) select count(*) from n";
    let count = |reading: &Reading| one(reading.conn(), MUCH, [], |row| row.take::<i64>());
    let stopped = app.store().read(|reading| {
        reading.keep_quick()?;
        count(reading)
    });
    assert_eq!(stopped.unwrap_err().kind(), Kind::Overdue);
    assert_eq!(app.store().read(|reading| count(reading)).unwrap(), 9999, "the next read may take its time");
    let ben = Person { app, token, email };
    assert_eq!(ben.ask("task.list", wanted).await.unwrap(), patient);
}

#[tokio::test]
async fn no_secret_reaches_the_file_in_the_clear() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let key = ben.ask("api_key.create", json!({ "label": "secret" })).await.unwrap();
    let token = key["token"].as_str().unwrap().to_owned();
    let login = json!({ "email": "sam@example.com", "password": support::PASSWORD });
    let session = json_of(&ben.ask_with(Call::default(), "auth.login", login).await.unwrap());
    let session = session["sessionToken"].as_str().unwrap().to_owned();
    world.app.store().close();
    for name in ["sally.db", "sally.db-wal"] {
        let Ok(bytes) = std::fs::read(world.folder.path().join(name)) else { continue };
        for secret in [token.as_str(), session.as_str(), support::PASSWORD] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{name} holds {secret}");
        }
    }
}

#[tokio::test]
async fn a_write_that_fails_or_panics_takes_no_other_with_it() {
    let world = World::new().await;
    let store = world.app.store();
    const MARK: &str =
        "insert into one_time_link (id, purpose, token_hash, expires_at, created_at) values (?1, 'SETUP', ?2, 0, 0)";
    let mark = move |conn: &rusqlite::Connection, id: i64| run(conn, MARK, (id, id.to_le_bytes().to_vec()));
    // All three wait for the same commit.
    let good = store.write(move |conn| mark(conn, 1));
    let bad = store.write(move |conn| {
        mark(conn, 2)?;
        Err::<(), Error>(Error::conflict("no"))
    });
    let worse = store.write(move |conn| -> Result<(), Error> {
        mark(conn, 3)?;
        panic!("on purpose");
    });
    let (good, bad, worse) = tokio::join!(good, bad, worse);
    assert_eq!(good.unwrap(), 1);
    assert_eq!(bad.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(worse.unwrap_err().kind(), Kind::Internal);
    let marks = store.read(|reading| {
        all(reading.conn(), "select id from one_time_link where expires_at = 0", [], |row| row.take::<i64>())
    });
    assert_eq!(marks.unwrap(), [1]);
    assert_eq!(store.write(move |conn| mark(conn, 4)).await.unwrap(), 1, "the writer lives");
}

#[tokio::test]
async fn a_read_cannot_write() {
    let world = World::new().await;
    let wrote = world.app.store().read(|reading| run(reading.conn(), "delete from workspace", []));
    assert!(wrote.is_err());
}

#[tokio::test]
async fn fifty_at_once_with_one_idempotency_key_make_one_record() {
    let world = World::new().await;
    let ben = Arc::new(world.person("ben").await);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let ben = ben.clone();
            tokio::spawn(async move {
                ben.ask("crm.deal.create", json!({ "title": "Once", "idempotencyKey": "once" })).await.unwrap()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(ben.ask("crm.deal.list", json!({ "include": "total" })).await.unwrap()["total"], 1);
}

#[tokio::test]
async fn of_twenty_who_saw_the_same_version_one_may_change_it() {
    let world = World::new().await;
    let ben = Arc::new(world.person("ben").await);
    let deal = ben.ask("crm.deal.create", json!({ "title": "Race" })).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (ben, id) = (ben.clone(), deal["id"].clone());
            tokio::spawn(async move {
                ben.ask("crm.deal.update", json!({ "dealId": id, "title": format!("Race {n}"), "ifVersion": 1 })).await
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(changed) => {
                assert_eq!(changed["version"], 2);
                won += 1;
            }
            Err(error) => assert_eq!(error.kind(), Kind::Stale),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_key_that_is_revoked_or_a_role_that_is_taken_counts_at_once() {
    let world = World::new().await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let key = ben.ask("api_key.create", json!({ "label": "short" })).await.unwrap();
    let other = support::Person { token: key["token"].as_str().unwrap().to_owned(), ..ben.clone() };
    other.ask("crm.deal.list", json!({})).await.unwrap();
    ben.ask("api_key.revoke", json!({ "apiKeyId": key["id"] })).await.unwrap();
    assert_eq!(other.refused("crm.deal.list", json!({})).await.status(), 401);
    let listed = ben.ask("api_key.list", json!({})).await.unwrap();
    assert!(listed["items"][0]["revokedAt"].is_string(), "it stays listed");
    ben.ask("api_key.revoke", json!({ "apiKeyId": key["id"] })).await.unwrap();
    assert_eq!(ben.refused("api_key.revoke", json!({ "apiKeyId": key["id"] })).await.status(), 404);

    ada.ask(
        "workspace.member.update",
        json!({ "workspaceId": "acme", "membershipId": "ben@example.com", "role": "VIEWER" }),
    )
    .await
    .unwrap();
    assert_eq!(ben.refused("crm.deal.create", json!({ "title": "x" })).await.status(), 403);
    ada.ask("workspace.member.remove", json!({ "workspaceId": "acme", "membershipId": "ben@example.com" }))
        .await
        .unwrap();
    assert_eq!(ben.refused("crm.deal.list", json!({})).await.status(), 403);
    let error = ada
        .refused("workspace.member.update", json!({ "workspaceId": "acme", "membershipId": "me", "role": "VIEWER" }))
        .await;
    assert!(error.detail().contains("own role"));
}

#[tokio::test]
async fn a_keys_last_use_is_noted_and_is_no_change() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    ben.ask("system.ping", json!({})).await.unwrap();
    let before = journal(&world, "access_key").len();
    world.app.tidy().await.unwrap();
    let keys = ben.ask("api_key.list", json!({})).await.unwrap();
    assert!(keys["items"][0]["lastUsedAt"].is_string());
    assert_eq!(journal(&world, "access_key").len(), before);
}

#[tokio::test]
async fn what_nobody_answers_for_is_not_written() {
    let world = World::new().await;
    let wrote = world.app.store().write(|conn| run(conn, "update workspace set name = 'Mine'", [])).await;
    assert!(wrote.unwrap_err().to_string().contains("change_set_id"));
}

#[tokio::test]
async fn no_list_scans_its_table() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    let (ada, mut project) = (world.person("ada").await, json!(null));
    let mut filters =
        json!({ "ownerId": "ben@example.com", "status": "ALL", "type": "NOTE", "dueBefore": "2030-01-01" });
    for n in 0..30 {
        let organization = ben.ask("crm.organization.create", json!({ "name": format!("Org {n}") })).await.unwrap();
        let person = ben.ask("crm.person.create", json!({ "name": format!("Person {n}") })).await.unwrap();
        let deal = ben.ask("crm.deal.create", json!({ "title": format!("Deal {n}") })).await.unwrap();
        ben.ask("crm.activity.add", json!({ "dealId": deal["id"], "body": "Called." })).await.unwrap();
        ben.ask("crm.follow_up.add", json!({ "dealId": deal["id"], "title": format!("Follow {n}") })).await.unwrap();
        ben.ask("api_key.create", json!({ "label": format!("Key {n}") })).await.unwrap();
        let client = ada.ask("client.create", json!({ "name": format!("Client {n}") })).await.unwrap();
        let made = json!({ "name": format!("Project {n}"), "clientId": client["id"], "visibility": "MEMBERS" });
        project = ben.ask("project.create", made).await.unwrap();
        filters["clientId"] = client["id"].clone();
        (filters["organizationId"], filters["personId"], filters["dealId"]) =
            (organization["id"].clone(), person["id"].clone(), deal["id"].clone());
    }
    filters["stage"] = json!("Lead");
    filters["search"] = json!("deal");
    filters["archived"] = json!(true);
    filters["mine"] = json!(true);
    filters["projectId"] = project["id"].clone();
    filters["taskId"] =
        json!(support::put_task(&world.app, project["id"].as_str().unwrap(), "Backlog", "Sample").await);
    for (name, value) in [("assignee", "me"), ("due", "this_week"), ("label", "Label 1"), ("parentId", "none")] {
        filters[name] = json!(value);
    }
    for n in 0..30 {
        let task = json!({ "projectId": project["id"], "title": format!("Deal with {n}"), "labels": ["Label 1"], "ownerId": "me" });
        ben.ask("task.create", task).await.unwrap();
        if n == 1 {
            continue;
        }
        ben.ask("project.label.create", json!({ "projectId": project["id"], "name": format!("Label {n}") }))
            .await
            .unwrap();
        ben.ask("comment.add", json!({ "taskId": filters["taskId"], "body": "Sample" })).await.unwrap();
        ben.ask("timesheet.add", json!({ "taskId": filters["taskId"], "minutes": 5 })).await.unwrap();
        ada.ask("agent.create", json!({ "name": format!("Agent {n}") })).await.unwrap();
    }
    let people = (0..30).fold("name\n".to_owned(), |table, n| format!("{table}Person {n}\n"));
    let import = ben.run(UploadTable::new(Records::People, None, None, people.into_bytes())).await.unwrap();
    let rehearsal = RunImport { import_id: import.id.to_string(), rehearsal: true, columns: None, on_duplicate: None };
    ben.run(rehearsal).await.unwrap();
    Imports::new(&world.app).go_on(&world.app).await.unwrap();
    for (filter, value) in [
        ("accountId", json!("ben@example.com")),
        ("from", json!("-7d")),
        ("to", json!("today")),
        ("billable", json!(true)),
        ("validated", json!(false)),
        ("enabled", json!(true)),
        ("unread", json!(true)),
        ("who", json!("ben@example.com")),
        ("event", json!("KEY")),
        ("record", project["id"].clone()),
        ("inWorkspace", json!("ws_0000000000001")),
        ("importId", json!(import.id)),
        ("became", json!("MADE")),
    ] {
        filters[filter] = value;
    }
    // `Select::page` itself refuses, in builds with debug assertions, a statement that steps through a table.
    for listed in world.app.operations().iter().filter(|listed| listed.entry.spec.is_list()) {
        let spec = &listed.entry.spec;
        let who = match spec.needs {
            Needs::Platform | Needs::Superadmin => "sam",
            Needs::Workspace(Role::Owner) => "ada",
            _ => "ben",
        };
        let who = world.person(who).await;
        let mut fixed = json!({ "limit": 1 });
        for field in listed.shape.schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            fixed[field] = if field == "workspaceId" { json!("acme") } else { filters[field].clone() };
        }
        if matches!(spec.name, "mentionable_users.list" | "task.list") {
            fixed["projectId"] = filters["projectId"].clone();
        }
        let ask = async |input: Value| match who.ask_with(who.call(), spec.name, input.clone()).await {
            Ok(reply) => serde_json::from_slice::<Value>(&reply.body).unwrap()["nextCursor"].clone(),
            Err(error) => panic!("{} {input}: {error}", spec.name),
        };
        for sort in spec.more.sorts {
            for sign in ["", "-"] {
                let mut input = fixed.clone();
                input["sort"] = json!(format!("{sign}{}", sort.name));
                if sort.name == "position" {
                    input["projectId"] = filters["projectId"].clone();
                }
                input["cursor"] = ask(input.clone()).await;
                ask(input).await;
            }
        }
        for (name, value) in filters.as_object().unwrap().iter().filter(|(name, _)| listed.shape.has(name)) {
            let mut input = fixed.clone();
            input[name] = value.clone();
            ask(input).await;
        }
    }
}

#[tokio::test]
async fn a_search_whose_caller_has_gone_still_counts_as_one_of_the_two() {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    let world = World::new().await;
    let store = world.app.store().clone();
    let (started, starts) = mpsc::channel();
    let mut releases = Vec::new();
    for _ in 0..2 {
        let (release, held) = mpsc::channel::<()>();
        let (store, started) = (store.clone(), started.clone());
        let asked = tokio::spawn(async move {
            let work = move |_: &mut sally::core::store::Reading| {
                started.send(()).unwrap();
                held.recv().unwrap();
                Ok(())
            };
            store.read_slowly(work).await
        });
        while starts.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        releases.push(release);
    }
    let was_released = Arc::new(AtomicBool::new(false));
    let seen = was_released.clone();
    let third = store.read_slowly(move |_| Ok(seen.load(Ordering::SeqCst)));
    tokio::pin!(third);
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut third).await;
    assert!(early.is_err(), "the two run on, so the third waits");
    was_released.store(true, Ordering::SeqCst);
    releases.iter().for_each(|release| release.send(()).unwrap());
    assert!(third.await.unwrap());
}

#[tokio::test]
async fn a_full_disk_undoes_everything_that_waited_for_the_same_commit() {
    let world = World::new().await;
    let store = world.app.store();
    const MARK: &str =
        "insert into one_time_link (id, purpose, token_hash, expires_at, created_at) values (?1, 'SETUP', ?2, 0, 0)";
    let mark = move |conn: &rusqlite::Connection, id: i64, bytes: usize| {
        run(conn, MARK, (id, [id.to_le_bytes().to_vec(), vec![0; bytes]].concat()))
    };
    let room = |pages: i64| {
        store.write(move |conn| {
            let now: i64 = one(conn, "pragma page_count", [], |row| row.take())?;
            let _: i64 = one(conn, &format!("pragma max_page_count = {}", now + pages), [], |row| row.take())?;
            Ok(())
        })
    };
    room(50).await.unwrap();
    let before = store.write(move |conn| mark(conn, 1, 0));
    let huge = store.write(move |conn| mark(conn, 2, 5_000_000));
    let after = store.write(move |conn| mark(conn, 3, 0));
    let (before, huge, after) = tokio::join!(before, huge, after);
    assert_eq!(huge.unwrap_err().kind(), Kind::StorageFull);
    let told: Vec<i64> =
        [(1, before), (3, after)].into_iter().filter(|(_, told)| told.is_ok()).map(|(id, _)| id).collect();
    let kept = store.read(|reading| {
        all(reading.conn(), "select id from one_time_link where expires_at = 0 order by id", [], |row| {
            row.take::<i64>()
        })
    });
    assert_eq!(kept.unwrap(), told, "what was answered is there, and nothing else");
    room(5_000).await.unwrap();
    assert_eq!(store.write(move |conn| mark(conn, 4, 5_000_000)).await.unwrap(), 1, "it goes on by itself");
}

#[test]
fn nothing_is_left_of_an_old_log_where_litestream_has_been() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sally.db");
    let store = Store::beside(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("create table scratch (x blob)").unwrap();
    let lengths_of_the_log = |writes| -> Vec<u64> {
        let length = |_| {
            store.write_and_wait(|conn| run(conn, "insert into scratch values (zeroblob(1000000))", [])).unwrap();
            std::fs::metadata(folder.path().join("sally.db-wal")).unwrap().len()
        };
        (0..writes).map(length).collect()
    };
    let longest = *lengths_of_the_log(12).last().unwrap();
    assert!((4_000_000..6_000_000).contains(&longest), "begun anew at a thousand pages, and written over: {longest}");
    other.execute_batch("create table _litestream_seq (id integer primary key, seq integer)").unwrap();
    // The next checkpoint sees it; the one after waits for 64 MB.
    let lengths = lengths_of_the_log(80);
    assert!(*lengths.iter().min().unwrap() < 2_000_000, "{lengths:?}");
    assert!((60_000_000..70_000_000).contains(lengths.iter().max().unwrap()), "{lengths:?}");
    assert!(*lengths.last().unwrap() < 60_000_000, "{lengths:?}");
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_and_told_as_nobodys_change() {
    let world = World::new().await;
    let ben = world.person("ben").await;
    ben.ask("auth.me", json!({})).await.unwrap();
    let told = journal(&world, "access_key").len();
    world.app.tidy().await.unwrap();
    let used = world.app.store().read(|reading| {
        one(reading.conn(), "select count(*) from access_key where last_used_at is not null", [], |row| {
            row.take::<i64>()
        })
    });
    assert_eq!(used.unwrap(), 1);
    assert_eq!(journal(&world, "access_key").len(), told, "use is no change");
}

#[tokio::test]
async fn a_write_that_does_not_say_who_it_is_for_fails() {
    let world = World::new().await;
    let nobodys = world.app.store().write(|conn| run(conn, "update account set name = 'Nobody'", [])).await;
    assert!(nobodys.is_err(), "it would be told as a change of whoever wrote last");
}

#[tokio::test]
async fn one_idempotency_key_in_two_workspaces_is_two_requests() {
    let world = World::new().await;
    let input = json!({ "title": "Once", "idempotencyKey": "once" });
    for workspace in ["acme", "bolt"] {
        let sam = world.keyed("sam", sally::features::keys::KeyKind::Api, None, Some(workspace)).await;
        sam.ask("crm.deal.create", input.clone()).await.unwrap();
        assert_eq!(sam.ask("crm.deal.list", json!({ "include": "total" })).await.unwrap()["total"], 1, "{workspace}");
    }
}

#[tokio::test]
async fn a_narrowed_key_makes_nothing_wider_than_itself() {
    let world = World::new().await;
    let sam = world.person("sam").await;
    let expiring = sam.ask("api_key.create", json!({ "label": "short", "expiresAt": "2099-01-01" })).await.unwrap();
    let expiring = support::Person { token: expiring["token"].as_str().unwrap().to_owned(), ..sam.clone() };
    let pinned = world.keyed("sam", sally::features::keys::KeyKind::Api, None, Some("acme")).await;
    let scoped = world.keyed("sam", sally::features::keys::KeyKind::Api, Some("account:destructive"), None).await;
    let other = sam.ask("api_key.create", json!({ "label": "wide" })).await.unwrap();
    for narrow in [&expiring, &pinned, &scoped] {
        for (operation, input) in [
            ("api_key.create", json!({ "label": "wider" })),
            ("mcp_key.create", json!({ "label": "wider" })),
            ("api_key.revoke", json!({ "apiKeyId": other["id"] })),
            ("auth.session.revoke", json!({ "sessionId": "sess_0000000000001" })),
            ("account.list", json!({})),
            ("account.create", json!({ "email": "evil@example.com", "name": "Evil" })),
            ("account.update_platform_role", json!({ "accountId": "eve@example.com", "platformRole": "SUPERADMIN" })),
            ("account.archive", json!({ "accountId": "eve@example.com" })),
        ] {
            let error = narrow.refused(operation, input).await;
            assert_eq!((error.status(), error.permission().unwrap().scope), (403, "key"), "{operation}");
        }
        narrow.ask("profile.get", json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_without_crm_rights_finds_nothing_of_the_crm() {
    let world = World::new().await;
    world.person("ben").await.ask("crm.deal.create", json!({ "title": "Secret relaunch" })).await.unwrap();
    let core = world.keyed("ben", sally::features::keys::KeyKind::Api, Some("core:read"), None).await;
    assert_eq!(core.ask("search", json!({ "query": "relaunch" })).await.unwrap()["items"], json!([]));
    let both = world.keyed("ben", sally::features::keys::KeyKind::Api, Some("core:read crm:read"), None).await;
    assert_eq!(
        both.ask("search", json!({ "query": "relaunch" })).await.unwrap()["items"][0]["title"],
        "Secret relaunch"
    );
}

#[tokio::test]
async fn one_address_cannot_spend_anothers_attempts() {
    let world = World::with(|config| config.sign_in_attempts_per_minute = 3).await;
    let nobody = world.person("ben").await;
    let from = |last: u8| Call { address: Some([127, 0, 0, last].into()), ..Call::default() };
    let login = |email: &str, password: &str| json!({ "email": email, "password": password });
    for _ in 0..10 {
        let _ = nobody.ask_with(from(5), "auth.login", login("from 127.0.0.9", "x")).await;
        let _ = nobody.ask_with(from(5), "auth.login", login("sam@example.com", "x")).await;
    }
    let error = nobody.ask_with(from(5), "auth.login", login("sam@example.com", support::PASSWORD)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooManyRequests);
    nobody.ask_with(from(9), "auth.login", login("sam@example.com", support::PASSWORD)).await.unwrap();
}
