//! The figures of docs/performance.md: Sally beside a bare actix handler, a plain connection pool and the official MCP server,
//! in one run on one machine.
//!
//! `cargo bench` needs `wrk` and `cc` on the path (Debian: `apt-get install wrk gcc`). Systems take turns within each round
//! and medians are printed, because a machine that others use too is only good for ratios.
//! `ROUNDS` (5) and `SECONDS` (3) set how long it takes; `ONLY=reads,writes,mcp,start,idle,growth,absent,peers`
//! what is measured (`peers` installs PocketBase from PyPI and the TypeScript SDK from npm into a folder that is gone
//! afterwards), `TASKS=1000000` how large the file of tasks grows (100,000), `IDLE` how many sessions and streams are
//! left open (10,000, for which `ulimit -Hn` must be 11,000 at least; the soft limit is raised here).

mod absent;
mod data;
#[path = "../../tests/support/disk.rs"]
mod disk;
mod growth;
mod idle;
mod load;
mod mcp;
mod peers;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App as Actix, HttpResponse, HttpServer, web};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, Transaction, TransactionBehavior, named_params};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sally::core::app::{App, Call};
use sally::core::caller::Credential;
use sally::core::config::Config;
use sally::core::id::Id;
use sally::core::store::{Store, Tuning};
use sally::core::text::{Email, Line};
use sally::features::crm::deals::DealRecord;
use sally::features::keys::{CreateKeyFor, KeyKind};
use sally::features::setup::Init;
use serde_json::{Value, json};

use data::INDEX;
use load::{Request, Server, free_port, in_turn};

const DEALS: i64 = 100_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("bare") => return bare(&arguments[2], Path::new(&arguments[3])),
        Some("pool") => return pool(&arguments[2], Path::new(&arguments[3])),
        Some("sdk") => return mcp::sdk(&arguments[2], Path::new(&arguments[3])),
        _ => {}
    }
    raise_open_files();
    let only = std::env::var("ONLY").unwrap_or_else(|_| "reads,writes,mcp,start,idle,growth,absent,peers".into());
    let folder = tempfile::tempdir().expect("a folder");
    if only.contains("growth") {
        growth::measure(folder.path());
    }
    if only.contains("idle") {
        idle::measure(folder.path());
    }
    if only.contains("absent") {
        absent::measure(folder.path());
    }
    if only.contains("peers") {
        peers::measure(folder.path());
    }
    if only.split(',').all(|wanted| matches!(wanted, "growth" | "idle" | "absent" | "peers")) {
        return;
    }
    let world = World::new(folder.path());
    println!("{DEALS} deals in {} MiB", std::fs::metadata(&world.file).expect("the file").len() >> 20);
    for (name, measure) in [("reads", reads as fn(&World)), ("mcp", mcp::measure), ("writes", writes), ("start", start)]
    {
        if only.split(',').any(|wanted| wanted == name) {
            measure(&world);
        }
    }
}

/// A stream is an open file, here and in the server, which inherits the limit.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("a process may go up to its hard limit");
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
        let (api_key, mcp_key) = set_up(&file);
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

/// A new file with one owner; answers an API key and an MCP key.
fn set_up(file: &Path) -> (String, String) {
    let app = opened(file);
    let line = |text: &str| Line::parse(text).expect("a line");
    let email = Email::parse(OWNER).expect("an e-mail");
    let init = Init::new(line("Ada"), email, PASSWORD.into(), Line::parse("Acme").expect("a line"));
    app.run_now(console(), init).expect("a server");
    let keys = (new_key(&app, KeyKind::Api), new_key(&app, KeyKind::Mcp));
    app.store().close();
    keys
}

/// So many MCP keys of the same owner.
fn more_keys(file: &Path, many: usize) -> Vec<String> {
    let app = opened(file);
    let keys = (0..many).map(|_| new_key(&app, KeyKind::Mcp)).collect();
    app.store().close();
    keys
}

const OWNER: &str = "ada@example.com";
const PASSWORD: &str = "Correct-horse-7";

fn opened(file: &Path) -> Arc<App> {
    let config = Config { db: file.to_owned(), ..Config::default() };
    Arc::new(App::new(Store::serve(file, Tuning::default()).expect("a file"), config, sally::features::ALL))
}

fn console() -> Call {
    Call::with(Credential::ConsoleOfThisMachine)
}

fn new_key(app: &Arc<App>, kind: KeyKind) -> String {
    let owner = Line::parse(OWNER).expect("a line");
    let key = CreateKeyFor::whole(owner, kind, Line::parse("bench").expect("a line"));
    app.run_now(console(), key).expect("a key").token
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

fn new_deal() -> Value {
    json!({ "title": "Website relaunch", "value": 12500, "currency": "EUR", "nextStep": "Call about the offer" })
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
        let request = Request::post("/api/crm/deals", &world.api_key, new_deal().to_string());
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
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_sally")).expect("the executable").len();
    println!("The executable: {:.1} MB (goal 20)", size as f64 / 1e6);
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

type Pool = r2d2::Pool<SqliteConnectionManager>;

/// What one would write first: a pool of connections, a transaction for each request. The same table with the same
/// indexes and search index, the same durability; no rights, no journal, no validation.
fn pool(port: &str, file: &Path) {
    let pool = pool_of(file);
    let port: u16 = port.parse().expect("a port");
    let server = HttpServer::new(move || {
        Actix::new()
            .app_data(web::Data::new(pool.clone()))
            .route("/health", web::get().to(HttpResponse::Ok))
            .route("/api/crm/deals", web::post().to(pool_create))
            .route("/api/tasks", web::post().to(pool_create_task))
    });
    let running = async move { server.tcp_nodelay(true).bind(("127.0.0.1", port))?.run().await };
    actix_web::rt::System::new().block_on(running).expect("a server");
}

fn pool_of(file: &Path) -> Pool {
    let manager = SqliteConnectionManager::file(file).with_init(|conn| {
        conn.busy_timeout(Duration::from_secs(30))?;
        conn.execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on")
    });
    r2d2::Pool::builder().max_size(8).build(manager).expect("a pool")
}

async fn pool_create(pool: web::Data<Pool>, body: web::Json<Value>) -> HttpResponse {
    in_pool(pool, body, insert_deal).await
}

async fn pool_create_task(pool: web::Data<Pool>, body: web::Json<Value>) -> HttpResponse {
    in_pool(pool, body, insert_task).await
}

/// Answers the title.
type Insert = fn(&Transaction<'_>, &Value, i64) -> rusqlite::Result<String>;

fn insert_deal(tx: &Transaction<'_>, body: &Value, now: i64) -> rusqlite::Result<String> {
    tx.prepare_cached(
        "insert into crm_deal (id, workspace_id, stage_id, owner_id, title, value_minor, currency, next_step, created_at, updated_at)
         values (:id, (select id from workspace), (select min(id) from crm_stage), (select id from account), :title, 1250000, 'EUR', :step, :now, :now)
         returning title",
    )?
    .query_row(
        named_params! { ":id": Id::<DealRecord>::new(now).raw(), ":title": body["title"].as_str(), ":step": body["nextStep"].as_str(), ":now": now },
        |row| row.get(0),
    )
}

fn insert_task(tx: &Transaction<'_>, body: &Value, now: i64) -> rusqlite::Result<String> {
    let project = data::PROJECTS + 1;
    let number: i64 = tx
        .prepare_cached("update project set task_count = task_count + 1 where id = ?1 returning task_count")?
        .query_row([project], |row| row.get(0))?;
    tx.prepare_cached(
        "insert into task (id, workspace_id, project_id, number, status_id, title, priority, position, created_at, updated_at)
         values (:id, (select id from workspace), :project, :number, (select min(id) from task_status where project_id = :project), :title, :priority,
                 (select max(position) + 1048576 from task where project_id = :project), :now, :now)
         returning title",
    )?
    .query_row(
        named_params! { ":id": Id::<DealRecord>::new(now).raw(), ":project": project, ":number": number, ":title": body["title"].as_str(), ":priority": body["priority"].as_str(), ":now": now },
        |row| row.get(0),
    )
}

/// One transaction for one insert, as long as it takes.
fn commit(pool: &Pool, body: &Value, insert: Insert) -> rusqlite::Result<String> {
    let mut conn = pool.get().expect("a connection");
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let title = insert(&tx, body, now)?;
    tx.execute_batch(INDEX)?;
    tx.commit()?;
    Ok(title)
}

async fn in_pool(pool: web::Data<Pool>, body: web::Json<Value>, insert: Insert) -> HttpResponse {
    match web::block(move || commit(&pool, &body, insert)).await.expect("a thread") {
        Ok(title) => HttpResponse::Created().json(json!({ "title": title })),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
