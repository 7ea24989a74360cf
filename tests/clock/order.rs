//! Ids, the journal, lists and clocks that measure work.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sally::core::{id, store};
use serde_json::{Value, json};

use crate::machine::{DAY, HOUR, Machine, Says, TRUE, YEAR};

/// Wherever a clock goes. The third says whether the server is started anew there.
const JOURNEY: &[(&str, Says, bool)] = &[
    ("true", TRUE, false),
    ("an hour back", Says::Off(-HOUR), false),
    ("an hour back, after a start", Says::Off(-HOUR), true),
    ("a year ahead", Says::Off(YEAR), false),
    ("still, a year ahead", Says::Still(YEAR), false),
    ("true again", TRUE, false),
    ("true again, after a start", TRUE, true),
    ("before Sally was", Says::Off(-50 * YEAR), true),
    ("still, long ago", Says::Still(-50 * YEAR), true),
    ("when ids end", Says::Off(80 * YEAR), false),
    ("when ids end, after a start", Says::Off(80 * YEAR), true),
    ("a day back", Says::Off(-DAY), true),
    ("true at last", TRUE, false),
];

#[test]
fn ids_the_journal_and_lists_keep_their_order_whatever_the_clock_says() {
    let mut machine = Machine::new(&[]);
    machine.post("/api/projects", json!({ "name": "Journey", "key": "JOU" }));
    let (mut ids, mut titles) = (Vec::new(), Vec::new());
    for (what, says, starts) in JOURNEY {
        let at = machine.set(*says);
        if *starts {
            machine.restart();
        }
        assert!((machine.time() - at).abs() < 60, "{what}: the server's clock says {}, not {at}", machine.time());
        for n in 0..5 {
            let title = format!("{what}, {n}");
            let made = machine.task("JOU", &title);
            assert_eq!(machine.get(&format!("/api/tasks/{}", made["key"].as_str().unwrap()))["title"], *title);
            ids.push(made["id"].as_str().unwrap().to_owned());
            titles.push(title);
        }
    }
    assert!(ids.windows(2).all(|pair| id::any(&pair[0]) < id::any(&pair[1])), "{ids:?}");

    // Each once in every order; cursors go on from where they were, though the clock goes on as well.
    let all: BTreeSet<&String> = ids.iter().collect();
    for sort in ["createdAt", "-createdAt", "updatedAt", "-updatedAt", "priority", "position"] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        for (_, says, _) in JOURNEY.iter().cycle() {
            machine.set(*says);
            let page = machine.get(&format!("/api/tasks?projectId=JOU&sort={sort}&limit=7{cursor}"));
            found.extend(page["items"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((found.len(), found.iter().collect::<BTreeSet<_>>() == all), (ids.len(), true), "{sort}");
    }

    machine.set(TRUE);
    let told = machine.get("/api/projects/JOU/activity?limit=200").to_string();
    let places: Vec<usize> = titles
        .iter()
        .map(|title| told.find(&format!("“{title}”")).unwrap_or_else(|| panic!("{title}: {told}")))
        .collect();
    assert!(places.windows(2).all(|pair| pair[0] > pair[1]), "what happened last comes first: {told}");

    machine.stop();
    let conn = Connection::open(machine.file()).unwrap();
    let out_of_order: i64 = conn
        .query_row(
            "select count(*) from change a join change b on b.seq = a.seq + 1 where b.change_set_id < a.change_set_id",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(out_of_order, 0);
    let verified = store::verify(&machine.file()).unwrap();
    assert!(verified.sound, "{:?}", verified.faults);
}

/// What came of a clock that ran while the machine's was set.
fn stopped_after(machine: &Machine, before: Says, after: Says) -> (i64, Value) {
    machine.set(before);
    let started = machine.post("/api/timesheets/timer/start", json!({ "taskId": "TIM-1" }));
    machine.set(after);
    let entry = machine.post("/api/timesheets/timer/stop", json!({}));
    assert_eq!(entry["date"], started["startedAt"].as_str().unwrap()[..10], "{entry}");
    (entry["minutes"].as_i64().unwrap(), entry)
}

#[test]
fn a_running_timer_gives_a_minute_at_least_and_a_day_at_most() {
    let machine = Machine::new(&[]);
    machine.post("/api/projects", json!({ "name": "Timers", "key": "TIM" }));
    machine.task("TIM", "Run");
    let cases = [
        (TRUE, TRUE, 1),
        (TRUE, Says::Off(-HOUR), 1),
        (TRUE, Says::Off(-YEAR), 1),
        (TRUE, Says::Off(90 * 60), 91),
        (TRUE, Says::Off(YEAR), 24 * 60),
        (TRUE, Says::Off(80 * YEAR), 24 * 60),
        (Says::Still(0), Says::Still(0), 1),
        (Says::Off(YEAR), TRUE, 1),
    ];
    let mut sum = 0;
    for (before, after, wanted) in cases {
        let (minutes, entry) = stopped_after(&machine, before, after);
        // Each begun minute counts, and the two calls take their time.
        assert!((wanted..=wanted + i64::from(wanted != 24 * 60)).contains(&minutes), "{before:?}, {after:?}: {entry}");
        sum += minutes;
    }
    machine.set(TRUE);
    let report = machine.get("/api/timesheets/report?projectId=TIM&from=2020-01-01&to=2099-12-31&groupBy=task");
    assert_eq!(report["summary"]["totalMinutes"], sum, "{report}");

    // The page shows no time that is less than none.
    machine.post("/api/timesheets/timer/start", json!({ "taskId": "TIM-1" }));
    machine.set(Says::Off(-YEAR));
    let page = machine.server.agent.get(format!("{}/time", machine.server.url));
    let cookie = format!("sally_session={}", machine.key);
    let page = page.header("Cookie", cookie).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(page.contains("TIM-1") && !page.contains(">-"), "{page}");
}
