//! Thousands at once.

use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::Client;
use crate::support::cli::number;
use crate::target::Target;

/// What may be left of a crowd's memory; a client takes about 20 KiB while it is there.
const KEPT_KIB: u64 = 16 * 1024;

/// As many open files as this process may have; how many connections of its own that is good for.
fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| files as usize).saturating_sub(200)
}

#[test]
fn thousands_that_say_nothing_or_little_cost_nobody_else_an_answer() {
    let wanted = number("CROWD", 4_000);
    let crowd = wanted.min(room());
    if crowd < wanted {
        println!("{crowd} clients instead of {wanted}: this process may not open more files");
    }
    let target = Target::start(&[("SALLY_BODY_TIMEOUT_SECONDS", "3")]);
    target.is_there_for_others();
    let cold = target.server.memory();
    let begin = |n: usize| match n % 4 {
        0 => String::new(),
        1 => "GET /health HTTP/1.1\r\nHost: ".to_owned(),
        2 => format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", target.address),
        _ => format!(
            "POST /login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nemail=",
            target.address
        ),
    };
    for _ in 0..2 {
        let mut most = 0;
        let clients: Vec<Client> = (0..crowd)
            .map(|n| {
                if n % 500 == 499 {
                    most = most.max(target.connections());
                    target.is_there_for_others();
                }
                let mut client = Client::open(target.address);
                client.say(begin(n));
                client
            })
            .collect();
        most = most.max(target.connections());
        // The first ones may have been let go of before the last ones came.
        assert!(most > crowd / 4, "{most} connections with a crowd of {crowd}");
        target.is_there_for_others();
        target.has_let_everybody_go();
        for (n, client) in clients.into_iter().enumerate() {
            let ended = client.end("one of a crowd");
            let status = if n % 4 == 2 { 200 } else { 408 };
            assert_eq!(ended.statuses(), [status], "{n}: {}", ended.text);
        }
    }
    target.gives_back(cold + KEPT_KIB);
    target.has_nothing_to_complain_of();
}

#[test]
fn whoever_comes_when_all_places_are_taken_is_told_so() {
    // As many as leave the server a hundred places or so.
    let target = Target::start_as(&[("SALLY_WORKERS", "2"), ("SALLY_BODY_TIMEOUT_SECONDS", "5")], |inner| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 300; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
        command.current_dir(inner.get_current_dir().unwrap());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    });
    // What is there already is answered, whoever comes.
    let mut first = Client::open(target.address);
    let health = format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", target.address);
    let crowd: Vec<Client> = (0..250).map(|_| Client::open(target.address)).collect();
    first.say(format!("{health}{}", health.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")));
    assert_eq!(first.end("the first").statuses(), [200, 200]);
    let mut ends: Vec<Vec<u16>> = crowd.into_iter().map(|client| client.end("one of too many").statuses()).collect();
    ends.sort();
    ends.dedup();
    assert_eq!(ends, [[408], [503]]);
    target.has_let_everybody_go();
    target.is_there_for_others();
    target.has_nothing_to_complain_of();
}
