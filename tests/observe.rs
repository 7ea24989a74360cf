//! What whoever runs the server sees of it from outside: ready or not, figures, and a log that gives nothing away.

mod support;

use std::sync::{Arc, Mutex, OnceLock};

use sally::core::app::App;
use sally::core::store::{Store, Tuning, one};
use serde_json::{Value, json};
use support::World;
use support::cli::{self, adas_file, json_of, run, sally};
use support::server::Server;

#[test]
fn a_server_is_ready_once_it_is_set_up_and_only_while_it_can_write() {
    let folder = tempfile::tempdir().unwrap();
    let server = cli::Server::start(folder.path(), &[]);
    assert_eq!((server.status("/health"), server.status("/ready")), (200, 503));
    json_of(&run(folder.path(), cli::ADA));
    // Somebody keeps the file from being written.
    let greedy = rusqlite::Connection::open(folder.path().join("sally.db")).unwrap();
    greedy.execute_batch("begin immediate").unwrap();
    assert_eq!((server.status("/health"), server.status("/ready")), (200, 503));
    greedy.execute_batch("rollback").unwrap();
    assert_eq!(server.status("/ready"), 200);
}

#[tokio::test]
async fn figures_are_shown_to_those_whom_the_settings_name() {
    let world = World::new().await;
    assert_eq!(Server::start(&world.app).send("GET", "/metrics", &[], "").status, 404);

    let world = World::with(|config| config.metrics = true).await;
    let server = Server::start(&world.app);
    let ben = world.person("ben").await;
    let bearer = format!("Bearer {}", ben.token);
    assert_eq!(server.send("GET", "/api/crm/deals", &[("Authorization", &bearer)], "").status, 200);
    assert_eq!(server.send("GET", "/api/crm/deals", &[], "").status, 401);
    let shown = server.send("GET", "/metrics", &[], "");
    assert_eq!(shown.status, 200);
    for line in [
        "sally_http_requests_total{surface=\"rest\",status=\"200\"} 1",
        "sally_http_requests_total{surface=\"rest\",status=\"401\"} 1",
        "sally_http_request_seconds_count{surface=\"rest\"} 2",
        "sally_writes_waiting 0",
        "sally_backup_age_seconds -1",
        "sally_readers_busy 0",
        "# EOF",
    ] {
        assert!(shown.body.lines().any(|shown| shown == line), "{line} is not in\n{}", shown.body);
    }
    let figure = |name: &str| -> f64 {
        let line = shown.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{}", shown.body)).parse().unwrap()
    };
    assert!(figure("sally_commits_total") >= 5.0 && figure("sally_write_wait_seconds_count") >= 5.0);
    assert!(figure("sally_wal_bytes") > 0.0 && figure("sally_memory_bytes") > 1e6);
    assert_eq!(
        server.send("GET", "/metrics", &[("X-Forwarded-For", "203.0.113.7")], "").status,
        404,
        "it came through a proxy"
    );

    let world = World::with(|config| (config.metrics, config.metrics_token) = (true, "for-prometheus".into())).await;
    let server = Server::start(&world.app);
    let with =
        |token: &str| server.send("GET", "/metrics", &[("Authorization", &format!("Bearer {token}"))], "").status;
    assert_eq!(
        (with("for-prometheus"), with("guessed"), server.send("GET", "/metrics", &[], "").status),
        (200, 401, 401)
    );
}

#[test]
fn every_request_has_a_line_that_tells_who_and_what_and_no_secret() {
    let (folder, made) = adas_file();
    let key = made["apiKey"].as_str().unwrap();
    let log = folder.path().join("log");
    let mut command = sally(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("SALLY_LOG_FORMAT", "json").env("SALLY_LOG_REQUESTS", "true");
    let server = cli::Server::launch_logging(command, std::fs::File::create(&log).unwrap());
    let deal = server.post("/api/crm/deals", key, &json!({ "title": "Relaunch" })).unwrap().1;
    let deal = deal["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/api/crm/deals/{deal}?fields=title"), key).0, 200);
    server.status("/reset-password?token=very-secret-token");
    server.status("/very-secret-path");
    let login = json!({ "email": "ada@example.com", "password": "very-secret-password" });
    assert_eq!(server.post("/api/auth/login", "", &login).unwrap().0, 401);
    drop(server);

    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<&Value> = lines.iter().filter(|line| line["target"] == "sally::access").collect();
    let told: Vec<(&str, &str, i64)> = lines
        .iter()
        .map(|line| {
            (line["method"].as_str().unwrap(), line["route"].as_str().unwrap(), line["status"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(told[..2], [("POST", "/crm/deals", 201), ("GET", "/crm/deals/{dealId}", 200)]);
    assert_eq!((told[2].1, told.last()), ("/reset-password", Some(&("POST", "/auth/login", 401))));
    assert_eq!(lines[0]["account"], made["accountId"]);
    assert!(lines[0]["key"].as_str().unwrap().starts_with("key_") && lines[2]["key"] == "-");
    assert!(
        lines
            .iter()
            .all(|line| line["milliseconds"].is_f64() && line["request_id"].is_string() && line["time"].is_string())
    );
    for secret in [key, "very-secret", "Bearer"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

/// Keeps what is logged in this process.
struct Kept(Mutex<Vec<String>>);

impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", record.target(), record.args()));
    }
    fn flush(&self) {}
}

#[tokio::test]
async fn a_slow_statement_is_told_without_its_values() {
    static KEPT: OnceLock<&'static Kept> = OnceLock::new();
    let kept = KEPT.get_or_init(|| Box::leak(Box::new(Kept(Mutex::default()))));
    log::set_logger(*kept).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let world = World::new().await;
    let (config, World { folder: _folder, app: first }) = (world.app.config().clone(), world);
    drop(first);
    let store = Store::serve(&config.db, Tuning { slow_query_ms: 5, ..Tuning::default() }).unwrap();
    let app = Arc::new(App::new(store, config, sally::features::ALL));
    const MUCH: &str = "
        with recursive n (n) as (select 1 union all select n + 1 from n where n < ?1)
        select count(*) from n where n <> ?2";
    let count =
        app.store().read(|reading| one(reading.conn(), MUCH, (1_000_000, "very secret"), |row| row.take::<i64>()));
    assert_eq!(count.unwrap(), 1_000_000);
    let told = kept.0.lock().unwrap();
    assert!(told.iter().any(|line| line.starts_with("sally::sql slow: with recursive n (n) as")), "{told:?}");
    assert!(!told.iter().any(|line| line.contains("very secret")));
}
