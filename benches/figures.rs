//! The figures of docs/figures.md: Sally beside a bare actix handler and a plain connection pool, in one run on one machine.
//!
//! `cargo bench` needs `wrk` and `cc` on the path (Debian: `apt-get install wrk gcc`). Systems take turns within each round
//! and medians are printed, because a machine that others use too is only good for ratios.
//! `ROUNDS` (5) and `SECONDS` (3) set how long it takes; `ONLY=reads,writes,tools,start` what is measured.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{App as Actix, HttpResponse, HttpServer, web};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, TransactionBehavior, named_params};
use sally::core::app::{App, Call};
use sally::core::caller::Credential;
use sally::core::config::Config;
use sally::core::id::Id;
use sally::core::store::{Store, Tuning};
use sally::core::text::{Email, Line};
use sally::features::crm::deals::DealRecord;
use sally::features::keys::{CreateKeyFor, KeyKind};
use sally::features::setup::Init;

const DEALS: i64 = 100_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("bare") => return bare(&arguments[2], Path::new(&arguments[3])),
        Some("pool") => return pool(&arguments[2], Path::new(&arguments[3])),
        _ => {}
    }
    let only = std::env::var("ONLY").unwrap_or_else(|_| "reads,writes,tools,start".into());
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(folder.path());
    println!("{DEALS} deals in {} MiB", std::fs::metadata(&world.file).expect("the file").len() >> 20);
    for (name, measure) in [("reads", reads as fn(&World)), ("tools", tools), ("writes", writes), ("start", start)] {
        if only.split(',').any(|wanted| wanted == name) {
            measure(&world);
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A served file with a hundred thousand deals, and a key to it.
struct World {
    folder: PathBuf,
    file: PathBuf,
    api_key: String,
    mcp_key: String,
    deal: String,
}

impl World {
    fn new(folder: &Path) -> World {
        let file = folder.join("sally.db");
        let config = Config { db: file.clone(), ..Config::default() };
        let app =
            Arc::new(App::new(Store::serve(&file, Tuning::default()).expect("a file"), config, sally::features::ALL));
        let call = || Call::with(Credential::ConsoleOfThisMachine);
        let line = |text: &str| Line::parse(text).expect("a line");
        let init = Init::new(
            line("Ada"),
            Email::parse("ada@example.com").expect("an e-mail"),
            "Correct-horse-7".into(),
            Line::parse("Acme").expect("a line"),
        );
        app.run_now(call(), init).expect("a server");
        let key = |kind| {
            let key = CreateKeyFor::whole(
                Line::parse("ada@example.com").expect("a line"),
                kind,
                Line::parse("bench").expect("a line"),
            );
            app.run_now(call(), key).expect("a key").token
        };
        let (api_key, mcp_key) = (key(KeyKind::Api), key(KeyKind::Mcp));
        app.store().close();
        drop(app);
        let deal = fill(&file);
        World { folder: folder.to_owned(), file, api_key, mcp_key, deal }
    }

    fn sally(&self, file: &Path, slow_us: u64) -> Server {
        let port = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sally"));
        command
            .arg("--db")
            .arg(file)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("SALLY_LOG", "warn");
        Server::start(command, port, slow_us, &self.folder)
    }

    fn other(&self, what: &str, file: &Path, slow_us: u64) -> Server {
        let port = free_port();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args([what, &port.to_string()]).arg(file);
        Server::start(command, port, slow_us, &self.folder)
    }
}

/// Rows straight into the tables: the same few numbers each time, so that every run measures the same file.
fn fill(file: &Path) -> String {
    let mut conn = Connection::open(file).expect("the file");
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
    let one = |sql: &str| tx.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
    let (workspace, account) = (one("select id from workspace"), one("select id from account"));
    let stages: Vec<i64> = (0..4).map(|n| one(&format!("select id from crm_stage where position = {n}"))).collect();
    let mut random = 7_u64;
    let mut next = |below: i64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as i64 % below
    };
    const WORDS: [&str; 12] = [
        "relaunch",
        "support",
        "retainer",
        "workshop",
        "audit",
        "migration",
        "campaign",
        "portal",
        "training",
        "rollout",
        "design",
        "review",
    ];
    let start = 1_000_000_000_000_000_i64;
    for n in 0..1_000 {
        tx.prepare_cached("insert into crm_organization (id, workspace_id, name, owner_id, created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?5)")
            .and_then(|mut insert| insert.execute((start + n, workspace, format!("Organization {n}"), account, n)))
            .expect("an organization");
    }
    for n in 0..5_000 {
        tx.prepare_cached("insert into crm_person (id, workspace_id, organization_id, name, owner_id, created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?6)")
            .and_then(|mut insert| insert.execute((start + n, workspace, start + next(1_000), format!("Person {n}"), account, n)))
            .expect("a person");
    }
    for n in 0..DEALS {
        let title = format!("{} {} {n}", WORDS[next(12) as usize], WORDS[next(12) as usize]);
        tx.prepare_cached(
            "insert into crm_deal (id, workspace_id, organization_id, primary_person_id, owner_id, stage_id, title, value_minor, currency, next_step, created_at, updated_at)
             values (:id, :workspace, :organization, :person, :account, :stage, :title, :value, 'EUR', 'Call about the offer', :now, :now)",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":id": start + n, ":workspace": workspace, ":organization": start + next(1_000), ":person": start + next(5_000),
                ":account": account, ":stage": stages[next(4) as usize], ":title": title, ":value": next(10_000_000), ":now": n,
            })
        })
        .expect("a deal");
    }
    for n in 0..50_000 {
        tx.prepare_cached("insert into crm_activity (id, workspace_id, type, body, deal_id, actor_id, occurred_at, created_at, updated_at) values (?1, ?2, 'NOTE', 'Talked about the offer.', ?3, ?4, ?5, ?5, ?5)")
            .and_then(|mut insert| insert.execute((start + 2 * DEALS + n, workspace, start + next(DEALS), account, n)))
            .expect("an activity");
    }
    tx.execute_batch(INDEX).expect("an index");
    tx.commit().expect("a commit");
    Id::<DealRecord>::from_raw(start + 4_711).to_string()
}

/// What Sally's writer does once before each commit.
const INDEX: &str = "
    insert or replace into search_index (rowid, scope, title, body) select id, scope, title, body from search_pending;
    delete from search_pending;";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

struct Server {
    child: Child,
    port: u16,
    started: Duration,
}

impl Server {
    fn start(mut command: Command, port: u16, slow_us: u64, folder: &Path) -> Server {
        if slow_us > 0 {
            command.env("LD_PRELOAD", slow_sync(folder)).env("SLOW_US", slow_us.to_string());
        }
        let begun = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("a server");
        let mut server = Server { child, port, started: Duration::ZERO };
        while !server.answers() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server does not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
        server.started = begun.elapsed();
        server
    }

    fn answers(&self) -> bool {
        use std::io::{Read, Write};
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut answer = [0; 12];
        let asked = stream.write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        asked.and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer.ends_with(b"200")
    }

    /// Microseconds of user and system time so far.
    fn cpu_us(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("a running server");
        let after_name = stat.rsplit_once(')').expect("a name").1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("ticks")).sum();
        ticks * 10_000.0
    }

    fn rss_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a running server");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("KiB") / 1_024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The preloaded library that makes syncs slow, compiled when it is first needed.
fn slow_sync(folder: &Path) -> PathBuf {
    let library = folder.join("slow_sync.so");
    if !library.exists() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/slow_sync.c");
        let made =
            Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).args([source, "-ldl"]).status();
        assert!(made.is_ok_and(|status| status.success()), "cc is needed");
    }
    library
}

/// What one round of load told.
#[derive(Clone, Copy)]
struct Sample {
    per_second: f64,
    p99_ms: f64,
    cpu_us: f64,
}

/// One request, sent again and again.
struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    fn get(path: &str, key: &str) -> Request {
        Request {
            method: "GET",
            path: path.into(),
            headers: vec![("Authorization", format!("Bearer {key}"))],
            body: String::new(),
        }
    }

    fn post(path: &str, key: &str, body: String) -> Request {
        let headers = vec![("Authorization", format!("Bearer {key}")), ("Content-Type", "application/json".into())];
        Request { method: "POST", path: path.into(), headers, body }
    }

    /// The answer's body, so that nothing that fails counts as fast.
    fn once(&self, server: &Server) -> String {
        let mut request = ureq::http::Request::builder()
            .method(self.method)
            .uri(format!("http://127.0.0.1:{}{}", server.port, self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let mut answer = ureq::run(request.body(self.body.clone()).expect("a request")).expect("a good answer");
        answer.body_mut().read_to_string().expect("a text")
    }

    fn load(&self, server: &Server, connections: u64, folder: &Path) -> Sample {
        self.once(server);
        let script = folder.join("request.lua");
        let mut lua = format!("wrk.method = {:?}\n", self.method);
        for (name, value) in &self.headers {
            lua.push_str(&format!("wrk.headers[{name:?}] = {value:?}\n"));
        }
        if !self.body.is_empty() {
            lua.push_str(&format!("wrk.body = [==[{}]==]\n", self.body));
        }
        lua.push_str("function done(s, l, r) io.write(string.format('FIGURES %f %f %d\\n', s.requests / s.duration * 1e6, l:percentile(99) / 1000, s.errors.status + s.errors.read)) end\n");
        std::fs::write(&script, lua).expect("a script");
        let before = server.cpu_us();
        let seconds = number("SECONDS", 3);
        let output = Command::new("wrk")
            .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s"])
            .arg(&script)
            .arg(format!("http://127.0.0.1:{}{}", server.port, self.path))
            .output()
            .expect("wrk is needed");
        let spent = server.cpu_us() - before;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures = text.lines().find_map(|line| line.strip_prefix("FIGURES ")).expect("wrk tells figures");
        let figures: Vec<f64> = figures.split(' ').map(|figure| figure.parse().expect("a figure")).collect();
        assert_eq!(figures[2], 0.0, "some answers failed: {text}");
        Sample { per_second: figures[0], p99_ms: figures[1], cpu_us: spent / (figures[0] * seconds as f64) }
    }
}

/// One round of load on one system.
type Round<'a> = Box<dyn FnMut() -> Sample + 'a>;

/// Rounds in turn; the medians of each.
fn in_turn<const N: usize>(mut runs: [(&str, Round<'_>); N]) -> [Sample; N] {
    let mut samples: [Vec<Sample>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..number("ROUNDS", 5) {
        for (run, samples) in runs.iter_mut().zip(&mut samples) {
            samples.push(run.1());
        }
    }
    let median = |samples: &[Sample], of: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let medians = samples.map(|samples| Sample {
        per_second: median(&samples, |s| s.per_second),
        p99_ms: median(&samples, |s| s.p99_ms),
        cpu_us: median(&samples, |s| s.cpu_us),
    });
    for ((name, _), Sample { per_second, p99_ms, cpu_us }) in runs.iter().zip(&medians) {
        println!("  {name:42} {per_second:9.0}/s   p99 {p99_ms:8.2} ms   CPU {cpu_us:7.1} µs");
    }
    medians
}

fn percent(part: f64, whole: f64) -> f64 {
    part / whole * 100.0
}

fn reads(world: &World) {
    let sally = world.sally(&world.file, 0);
    for (name, path, goal) in [
        ("one deal", format!("/api/crm/deals/{}", world.deal), 60),
        ("a list of 50", "/api/crm/deals?limit=50".into(), 15),
    ] {
        let request = Request::get(&path, &world.api_key);
        let bytes = world.folder.join("bytes");
        std::fs::write(&bytes, request.once(&sally)).expect("the bytes");
        let bare = world.other("bare", &bytes, 0);
        println!("\nGET {name}, 32 connections");
        let [bare, ours] = in_turn([
            ("bare actix handler, the same bytes", Box::new(|| request.load(&bare, 32, &world.folder))),
            ("Sally", Box::new(|| request.load(&sally, 32, &world.folder))),
        ]);
        println!("  → {:.0} % of the bare handler (goal {goal} %)", percent(ours.per_second, bare.per_second));
    }
}

fn tools(world: &World) {
    let sally = world.sally(&world.file, 0);
    let rest = Request::get(&format!("/api/crm/deals/{}", world.deal), &world.mcp_key);
    let call = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "crm.deal.get", "arguments": { "dealId": world.deal } } });
    let plain = Request::post("/mcp", &world.mcp_key, call.to_string());
    let mut tool = Request::post("/mcp", &world.mcp_key, call.to_string());
    tool.headers.push(("Accept", "application/json, text/event-stream".into()));
    tool.headers.push(("Mcp-Session-Id", session(&sally, &world.mcp_key)));
    assert!(tool.once(&sally).contains("structuredContent"), "the tool answers");
    println!("\nA tool call beside the REST call of the same operation, 32 connections");
    let [rest, tool, _] = in_turn([
        ("GET /api/crm/deals/{id}", Box::new(|| rest.load(&sally, 32, &world.folder))),
        ("tools/call crm.deal.get, in a session", Box::new(|| tool.load(&sally, 32, &world.folder))),
        ("tools/call crm.deal.get, plain caller", Box::new(|| plain.load(&sally, 32, &world.folder))),
    ]);
    println!("  → {:.0} % of REST (goal 75 %)", percent(tool.per_second, rest.per_second));
}

fn session(server: &Server, key: &str) -> String {
    let hello = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } },
    });
    let answer = ureq::post(format!("http://127.0.0.1:{}/mcp", server.port))
        .header("Authorization", format!("Bearer {key}"))
        .header("Accept", "application/json, text/event-stream")
        .header("Content-Type", "application/json")
        .send(hello.to_string())
        .expect("a session");
    answer.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).expect("its id").to_owned()
}

fn writes(world: &World) {
    for (slow_us, goal) in [(0, 5), (1_000, 10)] {
        let copy = |name: &str| {
            let file = world.folder.join(format!("{name}-{slow_us}.db"));
            std::fs::copy(&world.file, &file).expect("a copy of a file nobody serves");
            file
        };
        let (ours, theirs) = (copy("sally"), copy("pool"));
        let (sally, pool) = (world.sally(&ours, slow_us), world.other("pool", &theirs, slow_us));
        let body = r#"{"title":"Website relaunch","value":12500,"currency":"EUR","nextStep":"Call about the offer"}"#;
        let request = Request::post("/api/crm/deals", &world.api_key, body.into());
        println!("\nPOST a deal, durable, 64 connections, every sync {slow_us} µs slower");
        let [pool, ours] = in_turn([
            ("a pool of 8, one commit a request", Box::new(|| request.load(&pool, 64, &world.folder))),
            ("Sally", Box::new(|| request.load(&sally, 64, &world.folder))),
        ]);
        println!(
            "  → {:.1} × the pool (goal {goal} ×), p99 1/{:.0} (goal 1/20)",
            ours.per_second / pool.per_second,
            pool.p99_ms / ours.p99_ms
        );
    }
}

fn start(world: &World) {
    let mut starts: Vec<f64> = (0..9).map(|_| world.sally(&world.file, 0).started.as_secs_f64() * 1_000.0).collect();
    starts.sort_by(f64::total_cmp);
    let sally = world.sally(&world.file, 0);
    std::thread::sleep(Duration::from_secs(2));
    println!(
        "\nStart to the first 200 with {DEALS} deals: {:.0} ms (goal 50), idle memory {:.1} MiB (goal 20)",
        starts[4],
        sally.rss_mib()
    );
}

/// The least that answers: no routes, no rights, no data; the bytes are in memory.
fn bare(port: &str, bytes: &Path) {
    let bytes = web::Bytes::from(std::fs::read(bytes).expect("the bytes"));
    let port: u16 = port.parse().expect("a port");
    let server = HttpServer::new(move || {
        let bytes = bytes.clone();
        Actix::new().default_service(web::to(move || {
            let bytes = bytes.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(bytes) }
        }))
    });
    let running = async move { server.tcp_nodelay(true).bind(("127.0.0.1", port))?.run().await };
    actix_web::rt::System::new().block_on(running).expect("a server");
}

/// What one would write first: a pool of connections, a transaction for each request. The same table with the same
/// indexes and search index, the same durability; no rights, no journal, no validation.
fn pool(port: &str, file: &Path) {
    let manager = SqliteConnectionManager::file(file).with_init(|conn| {
        conn.busy_timeout(Duration::from_secs(30))?;
        conn.execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on")
    });
    let pool = r2d2::Pool::builder().max_size(8).build(manager).expect("a pool");
    let port: u16 = port.parse().expect("a port");
    let server = HttpServer::new(move || {
        Actix::new()
            .app_data(web::Data::new(pool.clone()))
            .route("/health", web::get().to(HttpResponse::Ok))
            .route("/api/crm/deals", web::post().to(pool_create))
    });
    let running = async move { server.tcp_nodelay(true).bind(("127.0.0.1", port))?.run().await };
    actix_web::rt::System::new().block_on(running).expect("a server");
}

async fn pool_create(
    pool: web::Data<r2d2::Pool<SqliteConnectionManager>>,
    body: web::Json<serde_json::Value>,
) -> HttpResponse {
    let made = web::block(move || -> rusqlite::Result<String> {
        let mut conn = pool.get().expect("a connection");
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis() as i64;
        let title: String = tx
            .prepare_cached(
                "insert into crm_deal (id, workspace_id, stage_id, owner_id, title, value_minor, currency, next_step, created_at, updated_at)
                 values (:id, (select id from workspace), (select min(id) from crm_stage), (select id from account), :title, 1250000, 'EUR', :step, :now, :now)
                 returning title",
            )?
            .query_row(
                named_params! { ":id": Id::<DealRecord>::new(now).raw(), ":title": body["title"].as_str(), ":step": body["nextStep"].as_str(), ":now": now },
                |row| row.get(0),
            )?;
        tx.execute_batch(INDEX)?;
        tx.commit()?;
        Ok(title)
    });
    match made.await.expect("a thread") {
        Ok(title) => HttpResponse::Created().json(serde_json::json!({ "title": title })),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
