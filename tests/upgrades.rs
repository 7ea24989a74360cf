//! Files of earlier releases: they open, nothing is lost, and there is a way back.

mod support;

use std::path::Path;

use serde_json::Value;
use support::cli::{Server, json_of, kill_when, run, sally};

/// The file as 0.1.0 left it, with every table filled, put together from what that release wrote.
fn file_of_0_1_0(folder: &Path) {
    let conn = rusqlite::Connection::open(folder.join("sally.db")).unwrap();
    conn.execute_batch(include_str!("fixtures/schema-1.sql")).unwrap();
}

#[test]
fn a_file_of_the_first_release_opens_with_everything_in_it_and_a_copy_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    file_of_0_1_0(folder.path());
    let listed = json_of(&run(folder.path(), &["key", "list", "--json"]));
    assert!(listed.to_string().contains("Ada's laptop"), "{listed}");
    let verified = json_of(&run(folder.path(), &["verify", "--json"]));
    assert_eq!(verified["sound"], true, "{verified}");
    for (table, count) in [("account", 2), ("crm_deal", 2), ("crm_activity", 1), ("crm_follow_up", 1), ("change", 1)] {
        assert_eq!(verified["records"][table], count, "{table}");
    }
    let copy = json_of(&run(folder.path(), &["verify", "sally.schema-1.db", "--json"]));
    assert_eq!((&copy["schema"], &copy["sound"]), (&Value::from(1), &Value::from(true)));
    assert_eq!(copy["records"]["crm_deal"], 2);

    // Back, as the copy promises: it is put back and opens again.
    let back = ["restore", "sally.schema-1.db", "--force", "--json"];
    assert_eq!(json_of(&run(folder.path(), &back))["schema"], 1);
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.status("/ready"), 200);
    let conn = rusqlite::Connection::open(folder.path().join("sally.db")).unwrap();
    let title: String = conn.query_row("select title from crm_deal where id = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(title, "Relaunch — größer \u{1F680}");
}

#[test]
fn an_upgrade_that_fails_leaves_the_file_as_it_was_and_no_copies() {
    let folder = tempfile::tempdir().unwrap();
    file_of_0_1_0(folder.path());
    let open = || rusqlite::Connection::open(folder.path().join("sally.db")).unwrap();
    // What the next step makes is there already.
    open().execute_batch("create table task (id integer)").unwrap();
    for _ in 0..2 {
        assert!(!run(folder.path(), &["key", "list"]).status.success());
    }
    assert!(!folder.path().join("sally.schema-1.db").exists());
    open().execute_batch("drop table task").unwrap();
    assert!(json_of(&run(folder.path(), &["key", "list", "--json"])).to_string().contains("Ada's laptop"));
}

#[test]
fn an_older_deal_is_in_its_stage_since_the_journal_says_so_or_since_its_last_change() {
    let folder = tempfile::tempdir().unwrap();
    file_of_0_1_0(folder.path());
    let open = || rusqlite::Connection::open(folder.path().join("sally.db")).unwrap();
    open()
        .execute_batch(
            "insert into change_set (id, at, operation) values (2, 70, 'crm.deal.update'), (3, 80, 'crm.deal.update');
             insert into change (seq, change_set_id, record_type, record_id, action, fields) values
               (2, 2, 'crm_deal', 1, 'UPDATE', '{\"stage_id\":[1,2]}'), (3, 3, 'crm_deal', 1, 'UPDATE', '{\"title\":[\"a\",\"b\"]}');
             update crm_deal set updated_at = 90",
        )
        .unwrap();
    json_of(&run(folder.path(), &["key", "list", "--json"]));
    let since = |id: i64| -> i64 {
        open().query_row("select stage_since from crm_deal where id = ?1", [id], |row| row.get(0)).unwrap()
    };
    assert_eq!((since(1), since(2)), (70, 90));
}

#[test]
fn an_upgrade_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    file_of_0_1_0(folder.path());
    let version = || -> i64 {
        let conn = rusqlite::Connection::open(folder.path().join("sally.db")).unwrap();
        conn.query_row("pragma user_version", [], |row| row.get(0)).unwrap()
    };
    for seen in ["sally.schema-1.db", "sally.db-wal"] {
        let is_time = || std::fs::metadata(folder.path().join(seen)).is_ok_and(|facts| facts.len() > 0);
        kill_when(sally(folder.path(), &["key", "list", "--json"]), is_time);
        let conn = rusqlite::Connection::open(folder.path().join("sally.db")).unwrap();
        const TASKS: &str = "select count(*) from sqlite_schema where name = 'task'";
        let tasks: i64 = conn.query_row(TASKS, [], |row| row.get(0)).unwrap();
        drop(conn);
        assert_eq!(tasks == 1, version() > 1, "all of the steps or none");
        assert_eq!(json_of(&run(folder.path(), &["verify", "--json"]))["sound"], true);
    }
    json_of(&run(folder.path(), &["key", "list", "--json"]));
    assert!(version() > 1);
}
