//! Ids that exist elsewhere beside ids of nothing: does the time of a refusal tell which of the two an id is?
//!
//! An owner of another workspace asks for records of each kind over one connection, now one that is there, now one that was
//! beside it and is gone. Were the two alike, which of the times belong to which would be chance: so the difference of the
//! medians stands beside what drawing the same times by lot gives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;
use sally::core::caller::Role;
use sally::core::id;
use sally::core::reference::Ref;
use sally::core::text::{Email, Line};
use sally::features::accounts::AddUser;
use sally::features::keys::{CreateKeyFor, KeyKind};
use sally::features::workspaces::CreateWorkspace;

use super::data::{self, Dice, Size};
use super::load::{Server, number};
use super::{World, console, opened, set_up};

const SIZE: Size = Size { tasks: 20_000 };
const STRANGER: &str = "eve@example.com";

/// A kind of record: its table, what its ids begin with, and a request that names one as `{}`.
struct Kind {
    table: &'static str,
    prefix: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
}

const fn kind(
    table: &'static str,
    prefix: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
) -> Kind {
    Kind { table, prefix, method, path, body }
}

/// `{own}` is a project of the stranger's.
const KINDS: &[Kind] = &[
    kind("project", "proj", "GET", "/projects/{}", ""),
    kind("project", "proj", "GET", "/tasks?projectId={}", ""),
    kind("project", "proj", "POST", "/tasks", r#"{"projectId":"{}","title":"x"}"#),
    kind("label", "lab", "PATCH", "/projects/{own}/labels/{}", r#"{"name":"x"}"#),
    kind("task", "task", "GET", "/tasks/{}", ""),
    kind("task", "task", "GET", "/tasks/{}/comments", ""),
    kind("task", "task", "POST", "/tasks/{}/comments", r#"{"body":"x"}"#),
    kind("comment", "com", "PATCH", "/comments/{}", r#"{"body":"x"}"#),
    kind("timesheet_entry", "time", "GET", "/timesheets/{}", ""),
    kind("timesheet_entry", "time", "PATCH", "/timesheets/{}", r#"{"minutes":5}"#),
    kind("client", "cli", "GET", "/clients/{}", ""),
    kind("crm_organization", "org", "GET", "/crm/organizations/{}", ""),
    kind("crm_person", "person", "GET", "/crm/people/{}", ""),
    kind("crm_deal", "deal", "GET", "/crm/deals/{}", ""),
    kind("crm_deal", "deal", "PATCH", "/crm/deals/{}", r#"{"title":"x"}"#),
    kind("crm_follow_up", "fup", "PATCH", "/crm/follow-ups/{}", r#"{"title":"x"}"#),
    kind("agent", "agent", "GET", "/agents/{}", ""),
    kind("access_key", "key", "DELETE", "/auth/api-keys/{}", ""),
];

/// More of what a workspace has few of, so that a lookup is a lookup.
const MORE: &str = "
    create temp table n as with recursive n(i) as (select 0 union all select i + 1 from n where i < 4999) select i from n;
    insert into client (id, workspace_id, name, created_at, updated_at)
      select 8500000000000000 + i, w.id, 'Client ' || i, 0, 0 from n, workspace w;
    insert into crm_follow_up (id, workspace_id, title, owner_id, created_at, updated_at)
      select 8500000000000000 + i, w.id, 'Follow-up ' || i, a.id, 0, 0 from n, workspace w, account a where a.email = 'ada@example.com';
    insert into agent (id, workspace_id, name, created_at, updated_at)
      select 8500000000000000 + i, w.id, 'Agent ' || i, 0, 0 from n, workspace w;
    insert into access_key (id, account_id, kind, label, prefix, token_hash, created_at, updated_at)
      select 8500000000000000 + i, a.id, 'API', 'Key', 'sally_', randomblob(32), 0, 0 from n, account a where a.email = 'ada@example.com';";

pub fn measure(folder: &Path) {
    let file = folder.join("absent.db");
    let (api_key, mcp_key) = set_up(&file);
    data::fill(&file, SIZE);
    let there: Vec<Vec<i64>> = thin_out(&file);
    let stranger = other_workspace(&file);
    let world = World { folder: folder.to_owned(), file, api_key, mcp_key, deal: String::new() };
    let server = world.sally(&world.file, 0);
    let mut client = Client::new(&server, &stranger);
    let made = client.ask("POST", "/projects", r#"{"name":"Own"}"#);
    let own = serde_json::from_str::<serde_json::Value>(&made.text).expect("a project");
    let own = own["id"].as_str().expect("its id");
    let many = number("REQUESTS", 3_000) as usize;
    println!("\nForeign ids beside absent ones, {many} requests of each in turn; medians");
    println!("  {:48} {:>10} {:>10} {:>7} {:>9} {:>9}", "", "foreign", "absent", "ratio", "apart", "by lot");
    let mut dice = Dice(11);
    for (kind, there) in KINDS.iter().zip(&there) {
        let mut times = [Vec::with_capacity(many), Vec::with_capacity(many)];
        for turn in 0..many + 50 {
            let foreign = there[dice.below(there.len() as i64) as usize];
            // Each is first as often as second.
            for side in [turn % 2, 1 - turn % 2] {
                let id = id::typed(kind.prefix, foreign + side as i64);
                let put = |text: &str| text.replace("{own}", own).replace("{}", &id);
                let answer = client.ask(kind.method, &put(kind.path), &put(kind.body));
                assert_eq!(answer.status, 404, "{} {}: {}", kind.method, put(kind.path), answer.text);
                // The first few warm up.
                if turn >= 50 {
                    times[side].push(answer.us);
                }
            }
        }
        let [foreign, absent] = times.each_ref().map(|times| median(&mut times.clone()));
        println!(
            "  {:48} {foreign:7.1} µs {absent:7.1} µs {:7.3} {:6.1} µs {:6.1} µs",
            format!("{} {} ({})", kind.method, kind.path, kind.table),
            foreign / absent,
            (foreign - absent).abs(),
            by_lot(times.concat(), &mut dice),
        );
    }
}

/// Takes away every second row of each kind; what is left of them is foreign, and absent is the id after each.
fn thin_out(file: &Path) -> Vec<Vec<i64>> {
    let conn = Connection::open(file).expect("the file");
    conn.execute_batch("pragma foreign_keys = on").and_then(|()| conn.execute_batch(MORE)).expect("more rows");
    for Kind { table, .. } in KINDS {
        conn.execute(&format!("delete from {table} where id % 2 = 1"), []).expect(table);
    }
    let rest = |kind: &Kind| {
        let mut statement = conn.prepare(&format!("select id from {}", kind.table)).expect("a statement");
        statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("ids")
    };
    KINDS.iter().map(rest).collect()
}

/// A workspace of somebody who has nothing to do with the first; a key of theirs.
fn other_workspace(file: &Path) -> String {
    let app = opened(file);
    let line = |text: &str| Line::parse(text).expect("a line");
    let made = app.run_now(console(), CreateWorkspace { name: line("Bolt") }).expect("a workspace");
    let workspace = Ref::new(made.slug);
    let email = Email::parse(STRANGER).expect("an e-mail");
    let eve = AddUser::new(email, line("Eve"), workspace, Role::Owner, None);
    app.run_now(console(), eve).expect("somebody else");
    let stranger = Line::parse(STRANGER).expect("a line");
    let key = CreateKeyFor::whole(stranger, KeyKind::Api, line("bench"));
    let token = app.run_now(console(), key).expect("a key").token;
    app.store().close();
    token
}

/// One connection that stays open, read byte by byte: what a client library does besides would only be noise.
struct Client {
    stream: BufReader<TcpStream>,
    key: String,
}

struct Answered {
    status: u16,
    text: String,
    us: f64,
}

impl Client {
    fn new(server: &Server, key: &str) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Client { stream: BufReader::new(stream), key: key.to_owned() }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Answered {
        let request = format!(
            "{method} /api{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        let begun = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).expect("a connection");
        let (mut line, mut status, mut length) = (String::new(), 0, 0);
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line).expect("an answer");
            if let Some(code) = line.strip_prefix("HTTP/1.1 ") {
                status = code[..3].parse().expect("a status");
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text).expect("a body");
        let us = begun.elapsed().as_secs_f64() * 1e6;
        Answered { status, text: String::from_utf8(text).expect("a text"), us }
    }
}

fn median(times: &mut [f64]) -> f64 {
    let middle = times.len() / 2;
    *times.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// How far apart the medians of two halves are that are drawn by lot: nineteen of twenty times less than this.
fn by_lot(mut times: Vec<f64>, dice: &mut Dice) -> f64 {
    let mut apart: Vec<f64> = (0..400)
        .map(|_| {
            for last in (1..times.len()).rev() {
                times.swap(last, dice.below(last as i64 + 1) as usize);
            }
            let (one, other) = times.split_at(times.len() / 2);
            (median(&mut one.to_vec()) - median(&mut other.to_vec())).abs()
        })
        .collect();
    apart.sort_by(f64::total_cmp);
    apart[apart.len() * 19 / 20]
}
