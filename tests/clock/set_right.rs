//! What was dated while the clock was ahead, once it is right again and believed.

use rusqlite::Connection;
use sally::core::store::{all, run};
use sally::core::time::Moment;
use serde_json::json;

use crate::support::{PASSWORD, World};

#[tokio::test]
async fn what_was_dated_ahead_of_time_lives_no_longer_than_its_kind_does() {
    let world = World::with(|config| config.smtp_url = None).await;
    let (ada, sam) = (world.person("ada").await, world.person("sam").await);
    let credentials = json!({ "email": "sam@example.com", "password": PASSWORD });
    sam.ask("auth.login", credentials).await.unwrap();
    ada.ask("workspace.invite", json!({ "workspaceId": "acme", "email": "mia@example.com", "role": "MEMBER" }))
        .await
        .unwrap();
    sam.ask("account.create", json!({ "email": "new@example.com", "name": "New" })).await.unwrap();
    ada.ask("crm.deal.create", json!({ "title": "Once", "idempotencyKey": "once" })).await.unwrap();

    const DATED: &[(&str, &str)] = &[
        ("session", "expires_at"),
        ("one_time_link", "expires_at"),
        ("invite", "expires_at"),
        ("idempotent_answer", "created_at"),
    ];
    let read = |column: &'static str| {
        let columns: Vec<String> =
            DATED.iter().map(|(table, ends)| format!("select {} from {table}", column.replace("ends", ends))).collect();
        let sql = columns.join(" union all ");
        world.app.store().read(|reading| all(reading.conn(), &sql, [], |row| row.take::<Moment>())).unwrap()
    };
    let before = read("ends");
    assert!(before.len() >= DATED.len(), "{before:?}");
    // As if all of it had been made by a clock that was a year ahead.
    let year = 365 * 86_400_000_i64;
    let sql = DATED.iter().map(|(table, ends)| match *ends {
        "created_at" => format!("update {table} set created_at = created_at + {year};"),
        ends => format!("update {table} set created_at = created_at + {year}, {ends} = {ends} + {year};"),
    });
    crate::support::put(&world.app, &sql.collect::<String>()).await;
    assert!(read("ends").iter().all(|at| *at > Moment::now().plus_days(300)));

    world.app.tidy().await.unwrap();
    let after = read("ends");
    assert_eq!(after.len(), before.len(), "{before:?} became {after:?}");
    for (before, after) in before.iter().zip(&after) {
        assert!(after.is_within(60, *before), "{before} became {after}");
    }
    // Once is enough: what is dated ahead on purpose stays as it is.
    let changed: i64 = {
        world.app.tidy().await.unwrap();
        let conn = Connection::open(world.app.store().path()).unwrap();
        conn.query_row("select count(*) from change_set where operation = 'clock.set_right'", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(changed, 1);
}

#[tokio::test]
async fn while_the_clock_is_not_believed_nothing_is_cleared_away_for_its_age() {
    let world = World::with(|config| config.audit_days = 30).await;
    world
        .person("sam")
        .await
        .ask("auth.login", json!({ "email": "sam@example.com", "password": PASSWORD }))
        .await
        .unwrap();
    // The file was written a year from now; then the clock went back.
    let ahead = Moment::now().plus_days(365);
    let written = world.app.store().write(move |conn| {
        run(conn, "update change_set set at = ?1 where id = (select max(id) from change_set)", [ahead])
    });
    written.await.unwrap();
    crate::support::put(&world.app, "update session set expires_at = 1").await;
    let written = world.app.store().write(move |conn| {
        run(conn, "update change_set set at = ?1 where id = (select max(id) from change_set)", [ahead])
    });
    written.await.unwrap();
    let count = |world: &World| -> i64 {
        let sql = "select (select count(*) from session) + (select count(*) from change_set where audit is not null)";
        world.app.store().read(|reading| sally::core::store::one(reading.conn(), sql, [], |row| row.take())).unwrap()
    };
    let before = count(&world);
    let world = world.restarted();
    world.app.tidy().await.unwrap();
    assert_eq!(count(&world), before, "a session that has expired, and an audit, are still there");
}
