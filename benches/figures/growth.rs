//! Tasks: what reads, lists, boards, searches, reports and creates cost, and how that grows with the file.

use std::path::Path;

use sally::core::id::Id;
use sally::core::place::ProjectRecord;
use sally::features::tasks::TaskRecord;
use serde_json::{Value, json};

use super::data::{COMMON, PROJECTS, RARE, Size, TASKS};
use super::load::{Request, Round, Sample, Server, in_turn, number, session};
use super::{OWNER, PASSWORD, World, percent};

/// The largest file; `TASKS=1000000` for the long run.
fn most() -> i64 {
    number("TASKS", 100_000) as i64
}

pub fn measure(folder: &Path) {
    let small = served(folder, "small.db", 1_000);
    let large = served(folder, "large.db", most());
    let (few, many) = (small.world.sally(&small.world.file, 0), large.world.sally(&large.world.file, 0));
    println!("\nTasks: {} beside {}, 8 connections", small.size.tasks, large.size.tasks);
    let key = &large.world.api_key;
    for (name, path) in [
        ("one task", format!("/api/tasks/{}", task(700))),
        (
            "50 of a project, by due date",
            format!("/api/tasks?projectId={}&status=OPEN&sort=dueDate&limit=50", project(1)),
        ),
        ("50 of the workspace", "/api/tasks?status=OPEN&limit=50".into()),
    ] {
        let [a, b] = in_turn([
            (&format!("{name}, small"), Box::new(|| Request::get(&path, &small.world.api_key).load(&few, 8, folder))),
            (&format!("{name}, large"), Box::new(|| Request::get(&path, key).load(&many, 8, folder))),
        ]);
        println!("  → {:.0} % of the rate of the small file (goal 80 %)", percent(b.per_second, a.per_second));
    }

    let list = "/api/tasks?status=OPEN&sort=dueDate&limit=50";
    let deep = format!("{list}&cursor={}", cursor_after(&many, key, list, 99));
    let [first, hundredth] = in_turn([
        ("page 1, open ones by due date", get(&many, key, list, folder)),
        ("page 100", get(&many, key, &deep, folder)),
    ]);
    println!("  → page 100 costs {:.2} × page 1 (goal 1.1)", hundredth.cpu_us / first.cpu_us);

    let (rare, common) = (format!("/api/search?query={RARE}"), format!("/api/search?query={COMMON}"));
    let two = format!("/api/search?query={COMMON}%20{RARE}");
    in_turn([
        ("search for a rare word", get(&many, key, &rare, folder)),
        ("search for a word of every tenth task", get(&many, key, &common, folder)),
        ("search for two words", get(&many, key, &two, folder)),
    ]);
    println!("  (goal: 5 ms of CPU at 100,000 tasks, 15 ms at 1,000,000)");

    let board = format!("/api/board?projectId={}&limit=20", project(1));
    in_turn([("a board of 100 cards", get(&many, key, &board, folder))]);
    println!("  (goal: 250 µs of CPU)");
    let report = "/api/timesheets/report?from=2026-05-01&to=2027-04-30&groupBy=project";
    in_turn([("a report over a year, by project", get(&many, key, report, folder))]);

    pages(&large, &many, folder);
    over_mcp(&large, &many, folder);
    drop((few, many));
    creates(&large, folder);
}

pub fn task(n: i64) -> Id<TaskRecord> {
    Id::from_raw(TASKS + n)
}

pub fn project(n: i64) -> Id<ProjectRecord> {
    Id::from_raw(PROJECTS + n)
}

pub struct Served {
    pub world: World,
    size: Size,
}

pub fn served(folder: &Path, name: &str, tasks: i64) -> Served {
    let (size, file) = (Size { tasks }, folder.join(name));
    let (api_key, mcp_key) = super::set_up(&file);
    let took = super::data::fill(&file, size);
    println!(
        "{tasks} tasks and what belongs to them, one transaction with the search index: {:.1} s, {} MiB",
        took.as_secs_f64(),
        std::fs::metadata(&file).expect("the file").len() >> 20
    );
    Served { world: World { folder: folder.to_owned(), file, api_key, mcp_key, deal: String::new() }, size }
}

fn get<'a>(server: &'a Server, key: &'a str, path: &str, folder: &'a Path) -> Box<dyn FnMut() -> Sample + 'a> {
    let request = Request::get(path, key);
    Box::new(move || request.load(server, 4, folder))
}

/// Turns that many pages.
fn cursor_after(server: &Server, key: &str, list: &str, pages: usize) -> String {
    let mut cursor = String::new();
    for _ in 0..pages {
        let path = if cursor.is_empty() { list.to_owned() } else { format!("{list}&cursor={cursor}") };
        let page: Value = serde_json::from_str(&Request::get(&path, key).once(server)).expect("a page");
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    cursor
}

/// What people look at, whole: frame, counts, rights, HTML.
fn pages(large: &Served, server: &Server, folder: &Path) {
    let mut signed_in =
        Request::post("/api/auth/login", "", json!({ "email": OWNER, "password": PASSWORD }).to_string());
    signed_in.headers.retain(|(name, _)| *name != "Authorization");
    let signed_in: Value = serde_json::from_str(&signed_in.once(server)).expect("a session");
    let cookie = format!("sally_session={}", signed_in["sessionToken"].as_str().expect("its token"));
    let page = |path: String| {
        let mut request = Request::get(&path, "");
        request.headers = vec![("Cookie", cookie.clone())];
        let shown = request.once(server);
        assert!(shown.contains("data-live"), "{path} is a page of somebody who is signed in");
        println!("  {path}: {} kB", shown.len() / 1_000);
        request
    };
    let one: Value =
        serde_json::from_str(&Request::get(&format!("/api/tasks/{}", task(700)), &large.world.api_key).once(server))
            .expect("a task");
    println!("\nPages, 4 connections");
    let pages = [
        ("a list of 50 tasks", page(format!("/projects/{}?view=list", project(1)))),
        ("a board", page(format!("/projects/{}", project(1)))),
        ("a board by label", page(format!("/projects/{}?group=label", project(1)))),
        ("a task", page(format!("/tasks/{}", one["key"].as_str().expect("its key")))),
        ("my work", page("/".to_owned())),
        ("the pipeline", page("/crm/deals".to_owned())),
        ("organizations", page("/crm/organizations".to_owned())),
        ("my week", page("/time".to_owned())),
    ];
    in_turn(pages.each_ref().map(|(name, request)| {
        let round: Round<'_> = Box::new(move || request.load(server, 4, folder));
        (*name, round)
    }));
    println!("  (goal: 5 ms of CPU)");
}

fn over_mcp(large: &Served, server: &Server, folder: &Path) {
    let session = session(server, &large.world.mcp_key);
    let call = |name: &str, arguments: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": arguments } });
        let mut request = Request::post("/mcp", &large.world.mcp_key, body.to_string());
        request.headers.push(("Accept", "application/json, text/event-stream".into()));
        request.headers.push(("Mcp-Session-Id", session.clone()));
        assert!(!request.once(server).contains("isError"), "{name} answers");
        request
    };
    let get = call("task.get", json!({ "taskId": task(700).to_string() }));
    let list = call("task.list", json!({ "projectId": project(1).to_string(), "limit": 50 }));
    let search = call("search", json!({ "query": COMMON }));
    let report = call("timesheet.report", json!({ "from": "2026-05-01", "to": "2027-04-30", "groupBy": "project" }));
    println!("\nThe same as tools, in a session");
    in_turn([
        ("task.get", Box::new(|| get.load(server, 8, folder))),
        ("task.list, 50", Box::new(|| list.load(server, 8, folder))),
        ("search", Box::new(|| search.load(server, 4, folder))),
        ("timesheet.report", Box::new(|| report.load(server, 4, folder))),
    ]);
}

fn creates(large: &Served, folder: &Path) {
    let copy = |name: &str| {
        let file = folder.join(name);
        std::fs::copy(&large.world.file, &file).expect("a copy of a file nobody serves");
        file
    };
    let (ours, theirs) = (copy("tasks-sally.db"), copy("tasks-pool.db"));
    let (sally, pool) = (large.world.sally(&ours, 0), large.world.other("pool", &theirs, 0));
    let body = json!({ "projectId": project(1).to_string(), "title": "Call about the offer", "priority": "P1" });
    let request = Request::post("/api/tasks", &large.world.api_key, body.to_string());
    println!("\nPOST a task, durable, 64 connections");
    let [pool, ours] = in_turn([
        ("a pool of 8, one commit a request", Box::new(|| request.load(&pool, 64, folder))),
        ("Sally", Box::new(|| request.load(&sally, 64, folder))),
    ]);
    println!(
        "  → {:.1} × the pool (goal 5 ×), p99 1/{:.0} (goal 1/20)",
        ours.per_second / pool.per_second,
        pool.p99_ms / ours.p99_ms
    );
}
