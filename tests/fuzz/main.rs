//! Requests that no client would send, made up from what the server says about itself: REST from its OpenAPI document, MCP
//! from its list of tools, pages from their own links and forms, cursors, Markdown and tables. Whatever comes: a clear answer, no 5xx, no panic, and no
//! memory kept.
//!
//! In short here; `REQUESTS=1000000 cargo test --release --test fuzz -- --nocapture` is the long run. `SEED=7` is another one.
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod cursors;
mod markdown;
mod mcp;
mod pages;
mod pool;
mod rest;
mod tables;
mod values;

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use support::cli::{Server, has_nothing_to_complain_of, json_of, number, run, sally};
use ureq::http::Request;

use pool::Pool;
use values::Chance;

/// How much of the server's own memory may have come since the first third of the requests, in KiB.
const GROWTH_KIB: u64 = 24 * 1024;
/// With fewer requests it is still warming up: each thread that hashes a password has its 19 MiB then.
const JUDGED_FROM: usize = 100_000;
const HANDS: usize = 4;

/// The server, and the ways in.
struct Target {
    server: Server,
    log: PathBuf,
    api_key: String,
    mcp_key: String,
    pool: Pool,
}

impl Target {
    /// Sends it, and says what came back: status, type and body.
    fn send(&self, request: Request<Vec<u8>>) -> (u16, String, String) {
        let told = format!("{} {}", request.method(), request.uri());
        let body = String::from_utf8_lossy(request.body()).chars().take(2_000).collect::<String>();
        let answer = self.server.agent.run(request);
        let mut answer = answer.unwrap_or_else(|error| {
            let log = std::fs::read_to_string(&self.log).unwrap();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            panic!("nobody answers {told} {body}: {error}; the server's last lines, the newest first: {last:#?}")
        });
        let kind = answer.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
        let text = answer.body_mut().with_config().limit(64 << 20).lossy_utf8(true).read_to_string().unwrap();
        let status = answer.status().as_u16();
        // A tool that fails says so in an answer of its own, with 200.
        let is_ours = status >= 500 || text.contains("urn:sally:problem:internal");
        assert!(!is_ours, "{told} {body}\nis answered with {status} {text}");
        if status >= 400 && kind.contains("json") {
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{told} {body}\n{text}");
        }
        (status, kind, text)
    }
}

#[test]
fn whatever_is_sent_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = sally(folder.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    command.envs(["SALLY_WRITES_PER_MINUTE", "SALLY_MCP_CALLS_PER_MINUTE"].map(|name| (name, "0")));
    let server = Server::launch_logging(command, File::create(&log).unwrap());
    let key = |kind: &str| {
        let make = ["key", "create", "--account", "lena@studio-nord.example", "--kind", kind, "--label", "x", "--json"];
        json_of(&run(folder.path(), &make))["token"].as_str().unwrap().to_owned()
    };
    let target = Target { api_key: key("api"), mcp_key: key("mcp"), server, pool: Pool::default(), log };

    let (rest, mcp, pages) = (rest::Rest::of(&target), mcp::Mcp::of(&target), pages::Pages::default());
    rest.look_around(&target);
    let (cursors, markdown) = (cursors::Cursors::of(&rest.document), markdown::Markdown::of(&target));
    let (requests, seed) = (number("REQUESTS", 1_500), number("SEED", 1) as u64);
    let (sent, begun) = (AtomicUsize::new(0), Instant::now());
    // What these follow and look at, the others may delete.
    std::thread::scope(|scope| {
        for hand in 0..HANDS as u64 {
            let (target, cursors, markdown) = (&target, &cursors, &markdown);
            scope.spawn(move || {
                let mut chance = Chance::with_seed(seed * 7_919 + hand);
                for _ in 0..requests / 20 / HANDS {
                    cursors.send(target, &mut chance);
                    markdown.send(target, &mut chance);
                }
            });
        }
    });
    let in_hand = |share: std::ops::Range<usize>| {
        std::thread::scope(|scope| {
            for hand in 0..HANDS {
                let (target, rest, mcp, pages, sent, share) = (&target, &rest, &mcp, &pages, &sent, share.clone());
                scope.spawn(move || {
                    let mut chance = Chance::with_seed(seed * 1_000_003 + (share.start * HANDS + hand) as u64);
                    for _ in share.skip(hand).step_by(HANDS) {
                        match chance.u8(0..10) {
                            0..5 => rest.send(target, &mut chance),
                            5..8 => mcp.send(target, &mut chance),
                            _ => pages.send(target, &mut chance),
                        }
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
    };
    in_hand(0..requests / 3);
    let before = target.server.memory();
    in_hand(requests / 3..requests);
    let after = target.server.memory();
    // Each is a process of its own.
    let mut chance = Chance::with_seed(seed);
    (0..4 + requests / 5_000).for_each(|_| tables::import(folder.path(), &mut chance));
    let rate = requests as f64 / begun.elapsed().as_secs_f64();
    println!("{} requests, {rate:.0}/s, {before} and {after} KiB; answers: {}", sent.into_inner(), target.pool.told());
    assert!(requests < JUDGED_FROM || after <= before + GROWTH_KIB, "{before} KiB became {after}");
    target.pool.must_have_seen_good_and_bad();

    has_nothing_to_complain_of(&target.log);
    drop(target);
    assert_eq!(json_of(&run(folder.path(), &["verify", "--json"]))["sound"], true);
}
