//! Backups and the way back, with the real executable: under load, onto what is there, of what is damaged.

mod support;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rusqlite::Connection;
use sally::core::store::LEFT_OUT;
use serde_json::{Value, json};
use support::cli::{Server, adas_file, complaint, json_of, kill_when, run, sally, wait_until};
use support::{World, console};

fn titles(file: &Path) -> HashSet<String> {
    let conn = Connection::open(file).unwrap();
    let mut statement = conn.prepare("select title from crm_deal").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

fn deal(server: &Server, key: &str, title: &str) {
    assert_eq!(server.post("/api/crm/deals", key, &json!({ "title": title })).unwrap().0, 201);
}

/// What is in a folder besides the file and its lock.
fn others(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "sally.db" && name != "sally.db.lock").collect();
    names.sort_unstable();
    names
}

#[test]
fn a_backup_under_load_is_whole_and_has_everything_that_was_answered_before_it_began() {
    let (folder, made) = adas_file();
    let key = made["apiKey"].as_str().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (answered, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (begun, enough) = std::sync::mpsc::channel();
        for writer in 0..4 {
            let (server, answered, stop, begun) = (&server, &answered, &stop, begun.clone());
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let title = format!("Deal {number} of {writer}");
                    deal(server, key, &title);
                    answered.lock().unwrap().push(title);
                    if number == 50 {
                        begun.send(()).unwrap();
                    }
                }
            });
        }
        for _ in 0..4 {
            enough.recv().unwrap();
        }
        for number in 0..3 {
            let before = answered.lock().unwrap().clone();
            let copy = folder.path().join(format!("copy-{number}.db"));
            let told = json_of(&run(folder.path(), &["backup", copy.to_str().unwrap(), "--json"]));
            let saved = titles(&copy);
            assert!(before.iter().all(|title| saved.contains(title)));
            assert_eq!(told["bytes"], std::fs::metadata(&copy).unwrap().len());
            let verified = json_of(&run(folder.path(), &["verify", copy.to_str().unwrap(), "--json"]));
            assert_eq!((&verified["sound"], &verified["records"]["crm_deal"]), (&json!(true), &json!(saved.len())));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(
        json_of(&run(folder.path(), &["verify", "--json"]))["sound"],
        true,
        "the file of the running server too"
    );
}

/// A row without what is null.
type Row = serde_json::Map<String, Value>;

/// Rows by table and id, as the journal up to that place has them: replayed from the beginning.
fn replayed(file: &Path, until: i64) -> BTreeMap<(String, i64), Row> {
    let conn = Connection::open(file).unwrap();
    let mut journal =
        conn.prepare("select record_type, record_id, action, fields from change where seq <= ?1 order by seq").unwrap();
    let mut changes = journal.query([until]).unwrap();
    let mut rows: BTreeMap<(String, i64), Row> = BTreeMap::new();
    while let Some(change) = changes.next().unwrap() {
        let record = (change.get(0).unwrap(), change.get(1).unwrap());
        let fields: Row = serde_json::from_str(&change.get::<_, String>(3).unwrap()).unwrap();
        match change.get::<_, String>(2).unwrap().as_str() {
            "INSERT" => assert!(rows.insert(record, fields).is_none()),
            "DELETE" => assert!(rows.remove(&record).is_some()),
            _ => {
                let row = rows.get_mut(&record).unwrap();
                for (column, old_and_new) in fields {
                    match &old_and_new[1] {
                        Value::Null => drop(row.remove(&column)),
                        new => drop(row.insert(column, new.clone())),
                    }
                }
            }
        }
    }
    rows
}

/// The same rows as they stand in the file, without what the journal leaves out: counts, secrets, marks of use.
fn standing(file: &Path, tables: &BTreeSet<String>) -> BTreeMap<(String, i64), Row> {
    let conn = Connection::open(file).unwrap();
    let mut rows = BTreeMap::new();
    for table in tables {
        let mut columns = conn.prepare("select name from pragma_table_info(?1) where name <> 'id'").unwrap();
        let columns: Vec<String> = columns.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let columns: Vec<&String> = columns.iter().filter(|column| !LEFT_OUT.contains(&column.as_str())).collect();
        let pairs: Vec<String> = columns.iter().map(|column| format!("'{column}', {column}")).collect();
        let all = format!("select id, json_patch('{{}}', json_object({})) from {table}", pairs.join(", "));
        let mut all = conn.prepare(&all).unwrap();
        let mut found = all.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let fields = serde_json::from_str(&row.get::<_, String>(1).unwrap()).unwrap();
            rows.insert((table.clone(), row.get(0).unwrap()), fields);
        }
    }
    rows
}

#[test]
fn a_backup_under_load_comes_back_as_what_the_journal_says_of_its_moment() {
    let (folder, made) = adas_file();
    let key = made["apiKey"].as_str().unwrap();
    let server = Server::start(folder.path(), &[]);
    let post = |path: &str, body: Value| {
        let (status, body) = server.post(path, key, &body).unwrap();
        assert!(matches!(status, 200 | 201), "{path}: {body}");
        body
    };
    post("/api/projects", json!({ "name": "Website", "key": "WEB" }));
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let copies: Vec<PathBuf> = (0..3).map(|number| folder.path().join(format!("copy-{number}.db"))).collect();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (post, stop, done) = (&post, &stop, &done);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let title = format!("{number} of {writer}");
                    let task = post("/api/tasks", json!({ "projectId": "WEB", "title": title, "dueDate": "friday" }));
                    let key = task["key"].as_str().unwrap();
                    post(&format!("/api/tasks/{key}/comments"), json!({ "body": "Begun" }));
                    post("/api/tasks/batch-update", json!({ "taskIds": [key], "dueDate": null, "priority": "P1" }));
                    post(&format!("/api/tasks/{key}/move"), json!({ "targetStatus": "DONE" }));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for (number, copy) in (1..).zip(&copies) {
            wait_until("more work", || done.load(Ordering::Relaxed) >= 20 * number);
            run(folder.path(), &["backup", copy.to_str().unwrap()]);
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(server);
    let mut sizes = Vec::new();
    for copy in &copies {
        let place = tempfile::tempdir().unwrap();
        run(place.path(), &["restore", copy.to_str().unwrap()]);
        let restored = place.path().join("sally.db");
        let until: i64 = Connection::open(&restored)
            .unwrap()
            .query_row("select max(seq) from change", [], |row| row.get(0))
            .unwrap();
        let told = replayed(&folder.path().join("sally.db"), until);
        let tables = told.keys().map(|(table, _)| table.clone()).collect();
        let stands = standing(&restored, &tables);
        for (record, row) in &told {
            assert_eq!(stands.get(record), Some(row), "{record:?}");
        }
        assert_eq!(stands.len(), told.len(), "and nothing else");
        sizes.push(told.len());
    }
    assert!(sizes.is_sorted() && sizes[0] < sizes[2], "written to all the while: {sizes:?}");
}

#[cfg(unix)]
#[test]
fn a_backup_is_private_one_file_and_never_replaces_another_unasked() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, made) = adas_file();
    let backup = |more: &[&str]| run(folder.path(), &[&["backup", "copy.db"], more].concat());
    assert!(backup(&[]).status.success());
    assert_eq!(others(folder.path()), ["copy.db"], "no log of either file is left");
    let copy = folder.path().join("copy.db");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);

    let server = Server::start(folder.path(), &[]);
    deal(&server, made["apiKey"].as_str().unwrap(), "Relaunch");
    assert!(complaint(&backup(&[])).contains("copy.db exists already"));
    assert!(titles(&copy).is_empty());
    assert!(backup(&["--force"]).status.success());
    assert_eq!(titles(&copy), HashSet::from(["Relaunch".to_owned()]));

    std::fs::create_dir(folder.path().join("copies")).unwrap();
    let told = json_of(&run(folder.path(), &["backup", "copies", "--json"]));
    assert!(folder.path().join(told["file"].as_str().unwrap()).is_file());
    // A folder that is not there yet is known by the slash.
    let told = json_of(&run(folder.path(), &["backup", "more/", "--json"]));
    assert!(folder.path().join(told["file"].as_str().unwrap()).starts_with(folder.path().join("more")));
    for (wrong, why) in [("sally.db", "the file itself"), ("nowhere/copy.db", "nowhere")] {
        assert!(complaint(&run(folder.path(), &["backup", wrong, "--force"])).contains(why), "{wrong}");
    }
    assert!(complaint(&run(folder.path(), &["--db", "none.db", "backup", "c.db"])).contains("no file none.db"));
}

#[test]
fn a_backup_is_put_back_while_nobody_serves_and_what_was_there_is_kept() {
    let (folder, made) = adas_file();
    let key = made["apiKey"].as_str().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    deal(&server, key, "Before");
    assert!(run(folder.path(), &["backup", "copy.db"]).status.success());
    deal(&server, key, "After");

    let held = complaint(&run(folder.path(), &["restore", "copy.db", "--force"]));
    assert!(held.contains(&format!("process {}", server.child.id())), "{held}");
    server.signal("-KILL");
    server.wait();
    assert!(complaint(&run(folder.path(), &["restore", "copy.db"])).contains("--force"));
    assert!(complaint(&run(folder.path(), &["restore", "sally.db", "--force"])).contains("the file itself"));
    assert!(complaint(&run(folder.path(), &["restore", "none.db", "--force"])).contains("no file none.db"));
    std::fs::write(folder.path().join("letter.db"), "this is a letter, longer than a header".repeat(20)).unwrap();
    assert!(complaint(&run(folder.path(), &["restore", "letter.db", "--force"])).contains("letter.db"));

    let told = json_of(&run(folder.path(), &["restore", "copy.db", "--force", "--json"]));
    let kept = folder.path().join(told["kept"].as_str().unwrap());
    assert_eq!(titles(&kept), HashSet::from(["Before".to_owned(), "After".to_owned()]), "with what only its log had");
    let server = Server::start(folder.path(), &[]);
    assert_eq!(titles(&folder.path().join("sally.db")), HashSet::from(["Before".to_owned()]));
    deal(&server, key, "Later");
    drop(server);
    // A program that only has the file open, as Litestream does all the time.
    let other = Connection::open(folder.path().join("sally.db")).unwrap();
    other.query_row("select count(*) from crm_deal", [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(complaint(&run(folder.path(), &["restore", "copy.db", "--force"])).contains("another program"));
    drop(other);
    let unfinished = |name: &String| name.starts_with(".sally-unfinished");
    assert!(!others(folder.path()).iter().any(unfinished));
    // A log that has lost its file: SQLite would read it into whatever comes to stand there.
    let mut server = Server::start(folder.path(), &[]);
    deal(&server, key, "Lost");
    server.signal("-KILL");
    server.wait();
    std::fs::remove_file(folder.path().join("sally.db")).unwrap();
    assert!(folder.path().join("sally.db-wal").exists());
    assert!(complaint(&run(folder.path(), &["--db", "copy.db", "backup", "sally.db"])).contains("sally.db-wal"));
    assert!(run(folder.path(), &["restore", "copy.db"]).status.success());
    assert_eq!(titles(&folder.path().join("sally.db")), HashSet::from(["Before".to_owned()]));
    assert_eq!(json_of(&run(folder.path(), &["verify", "--json"]))["sound"], true);

    let elsewhere = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    assert!(
        run(elsewhere.path(), &["restore", copy.to_str().unwrap()]).status.success(),
        "where nothing is, nothing is asked"
    );
    assert_eq!(titles(&elsewhere.path().join("sally.db")), HashSet::from(["Before".to_owned()]));
}

#[test]
fn damage_is_found_told_and_neither_backed_up_nor_restored() {
    let (folder, made) = adas_file();
    let server = Server::start(folder.path(), &[]);
    for number in 0..300 {
        deal(&server, made["apiKey"].as_str().unwrap(), &format!("Deal {number}"));
    }
    drop(server);
    assert!(run(folder.path(), &["backup", "copy.db"]).status.success());
    let torn = |name: &str| {
        std::fs::copy(folder.path().join("copy.db"), folder.path().join(name)).unwrap();
        let conn = Connection::open(folder.path().join(name)).unwrap();
        let page: i64 = conn
            .query_row("select rootpage from sqlite_schema where name = 'crm_deal_by_title'", [], |row| row.get(0))
            .unwrap();
        drop(conn);
        let mut file = std::fs::File::options().write(true).open(folder.path().join(name)).unwrap();
        file.seek(SeekFrom::Start((page.unsigned_abs() - 1) * 4_096)).unwrap();
        file.write_all(&[0x5a; 4_096]).unwrap();
    };
    torn("torn.db");
    let verified = run(folder.path(), &["verify", "torn.db"]);
    let told = String::from_utf8(verified.stdout.clone()).unwrap();
    assert_eq!(verified.status.code(), Some(1));
    assert!(told.contains("FAULT: ") && String::from_utf8_lossy(&verified.stderr).contains("torn.db has"), "{told}");
    assert!(complaint(&run(folder.path(), &["--db", "torn.db", "backup", "of-torn.db"])).contains("torn.db"));
    assert!(complaint(&run(folder.path(), &["restore", "torn.db", "--force"])).contains("torn.db"));
    assert!(!folder.path().join("of-torn.db").exists());
    assert_eq!(titles(&folder.path().join("sally.db")).len(), 300, "what is there stays");
    // A damaged file in its place is put aside like any other.
    torn("sally.db");
    assert!(run(folder.path(), &["restore", "copy.db", "--force"]).status.success());
    assert_eq!(titles(&folder.path().join("sally.db")).len(), 300);
}

#[test]
fn verify_sees_what_sqlite_alone_would_not() {
    let (folder, made) = adas_file();
    let server = Server::start(folder.path(), &[]);
    let key = made["apiKey"].as_str().unwrap();
    assert_eq!(server.post("/api/projects", key, &json!({ "name": "Website", "key": "WEB" })).unwrap().0, 201);
    for title in ["Sketch", "Build"] {
        assert_eq!(server.post("/api/tasks", key, &json!({ "projectId": "WEB", "title": title })).unwrap().0, 201);
    }
    drop(server);
    for (spoil, told) in [
        ("update task set todo_count = 3 where number = 1", "counts other todos"),
        ("update project set task_count = 1", "has not given yet"),
        ("update task set completed_at = 1 where number = 1", "done without a status"),
        ("drop trigger search_task_update; update task set title = 'Draw' where number = 1", "search index"),
        ("delete from search_index where rowid = (select max(id) from task)", "search index"),
        ("insert into search_index (rowid, scope, title, body) values (9, 'w1 task', 'ghost', '')", "“ghost”"),
        ("update task set project_id = 9 where number = 1", "refers to a project"),
    ] {
        assert!(run(folder.path(), &["backup", "spoilt.db", "--force"]).status.success());
        let conn = Connection::open(folder.path().join("spoilt.db")).unwrap();
        conn.execute_batch("pragma foreign_keys = off").unwrap();
        conn.execute_batch(spoil).unwrap();
        drop(conn);
        let verified = run(folder.path(), &["verify", "spoilt.db", "--json"]);
        assert_eq!(verified.status.code(), Some(1), "{spoil}");
        let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
        assert!(verified["faults"].to_string().contains(told), "{spoil}: {}", verified["faults"]);
    }
}

#[test]
fn a_backup_or_restore_that_is_killed_leaves_a_file_that_works() {
    let (folder, made) = adas_file();
    let key = made["apiKey"].as_str().unwrap();
    let server = Server::start(folder.path(), &[]);
    for number in 0..200 {
        deal(&server, key, &format!("Deal {number}"));
    }
    drop(server);
    assert!(run(folder.path(), &["backup", "copy.db"]).status.success());
    let mut killed = 0;
    for arguments in [&["backup", "again.db", "--force"][..], &["restore", "copy.db", "--force"]] {
        // At its beginning, in its middle, once it is written.
        for bytes in [0, 100_000, std::fs::metadata(folder.path().join("copy.db")).unwrap().len()] {
            let is_written = |name: &str| {
                let size = || std::fs::metadata(folder.path().join(name)).map_or(0, |facts| facts.len());
                name.starts_with(".sally-unfinished") && size() >= bytes
            };
            let before = others(folder.path());
            let is_time = || others(folder.path()).iter().any(|name| !before.contains(name) && is_written(name));
            killed += u32::from(kill_when(sally(folder.path(), arguments), is_time));
            assert_eq!(titles(&folder.path().join("sally.db")).len(), 200, "{arguments:?} at {bytes}");
            if folder.path().join("again.db").exists() {
                assert_eq!(titles(&folder.path().join("again.db")).len(), 200, "a name means that it is whole");
            }
        }
        assert!(run(folder.path(), arguments).status.success());
    }
    assert!(killed > 0, "none was killed on its way");
    assert_eq!(json_of(&run(folder.path(), &["verify", "--json"]))["sound"], true);
}

#[test]
fn the_clock_takes_backups_and_keeps_the_newest() {
    let (folder, made) = adas_file();
    let copies = folder.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    for old in ["sally-20260101T000000Z.db", "sally-20260102T000000Z.db", "demo-20260101T000000Z.db", "notes.txt"] {
        std::fs::write(copies.join(old), "old").unwrap();
    }
    std::fs::write(folder.path().join("sally.toml"), "backup_dir = 'copies'\nbackup_keep = 2\nmetrics = true").unwrap();
    let server = Server::start(folder.path(), &[]);
    let list = || server.get("/api/system/backups", made["apiKey"].as_str().unwrap()).1;
    let is_new = |backup: &Value| !backup["name"].as_str().unwrap().starts_with("sally-2026010");
    let mut listed = list();
    for _ in 0..500 {
        if is_new(&listed["items"][0]) && listed["items"].as_array().unwrap().len() == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        listed = list();
    }
    assert!(is_new(&listed["items"][0]), "{listed}");
    assert_eq!((&listed["everyHours"], &listed["keep"]), (&json!(24), &json!(2)));
    let mut names = others(&copies);
    names.retain(|name| !is_new(&json!({ "name": name })) || name == "notes.txt");
    assert_eq!(names, ["notes.txt", "sally-20260102T000000Z.db"], "the oldest went, what is not ours stayed");
    assert!(copies.join("demo-20260101T000000Z.db").exists(), "it is of another file");
    let figures = ureq::get(format!("{}/metrics", server.url)).call().unwrap().body_mut().read_to_string().unwrap();
    let age = figures.lines().find_map(|line| line.strip_prefix("sally_backup_age_seconds ")).unwrap();
    assert!((0..600).contains(&age.parse::<i64>().unwrap()), "{age}");
    let copy = copies.join(listed["items"][0]["name"].as_str().unwrap());
    assert_eq!(json_of(&run(folder.path(), &["verify", copy.to_str().unwrap(), "--json"]))["sound"], true);
}

#[tokio::test]
async fn administrators_take_backups_and_nobody_else_does() {
    let world = World::new().await;
    let sam = world.person("sam").await;
    assert_eq!(sam.ask("system.backup.list", json!({})).await.unwrap()["items"], json!([]));
    let made = sam.ask("system.backup.create", json!({})).await.unwrap();
    let listed = sam.ask("system.backup.list", json!({})).await.unwrap();
    assert_eq!(listed["items"], json!([made]));
    let copy = world.folder.path().join("backups").join(made["name"].as_str().unwrap());
    assert!(sally::core::store::verify(&copy).unwrap().sound);
    for name in ["ada", "ben"] {
        let person = world.person(name).await;
        assert_eq!(person.refused("system.backup.create", json!({})).await.status(), 403);
        assert_eq!(person.refused("system.backup.list", json!({})).await.status(), 403);
    }
    let nowhere = World::with(|config| config.backup_dir = "".into()).await;
    let refused = nowhere.app.run(console(), sally::features::backups::CreateBackup::default()).await.unwrap_err();
    assert!(refused.to_string().contains("backup_dir"), "{refused}");
}
