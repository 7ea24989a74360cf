//! One slow client at a time, in every way to be slow.

use std::time::Duration;

use crate::client::Client;
use crate::target::Target;

/// What is said at first, what again and again, and what is answered before the connection is closed.
struct Slow {
    what: &'static str,
    begins: String,
    goes_on: &'static str,
    closes_its_side: bool,
    statuses: &'static [u16],
}

fn head(target: &Target, line: &str, more: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{more}\r\n", target.address, target.api_key)
}

fn each_ends(target: &Target, cases: Vec<Slow>) {
    std::thread::scope(|scope| {
        for Slow { what, begins, goes_on, closes_its_side, statuses } in cases {
            scope.spawn(move || {
                let mut client = Client::open(target.address);
                client.say(&begins);
                if closes_its_side {
                    client.close_its_side();
                }
                let ended = client.drip(what, goes_on.as_bytes());
                assert_eq!(ended.statuses(), statuses, "{what}, after {:?}: {}", ended.after, ended.text);
            });
        }
        target.is_there_for_others();
    });
    target.has_let_everybody_go();
    target.has_nothing_to_complain_of();
}

#[test]
fn whoever_does_not_go_on_is_let_go_of() {
    let target = Target::start(&[("SALLY_BODY_TIMEOUT_SECONDS", "2")]);
    let json = "Content-Type: application/json\r\n";
    let case = |what, begins, goes_on, statuses| Slow { what, begins, goes_on, closes_its_side: false, statuses };
    let with_body = |more: &str| head(&target, "POST /api/crm/deals", &format!("{json}{more}"));
    let health = head(&target, "GET /health", "");
    let mut cases = vec![
        case("a second head, a byte at a time", format!("{health}GET /hea"), "a", &[200]),
        case("a second head that stops", format!("{health}GET /hea"), "", &[200]),
        case("a body that stops", with_body("Content-Length: 100\r\n"), "", &[408]),
        case("a body, a byte at a time", with_body("Content-Length: 100000\r\n"), " ", &[408]),
        case("chunks without end", with_body("Transfer-Encoding: chunked\r\n"), "1\r\n \r\n", &[408]),
        case("half a chunk", with_body("Transfer-Encoding: chunked\r\n") + "ff\r\n{", "", &[408]),
        case("a body that no page wants", head(&target, "GET /login", "Content-Length: 100000\r\n"), "a", &[303]),
        case(
            "chunks that no page wants",
            head(&target, "GET /login", "Transfer-Encoding: chunked\r\n"),
            "1\r\na\r\n",
            &[303],
        ),
        case("a form, a byte at a time", head(&target, "POST /login", "Content-Length: 100000\r\n"), "a", &[408]),
        case(
            "a message, a byte at a time",
            head(&target, "POST /mcp", &format!("{json}Content-Length: 100000\r\n"))
                .replace(&target.api_key, &target.mcp_key),
            " ",
            &[408],
        ),
        case(
            "a body that waits to be asked for",
            with_body("Content-Length: 100\r\nExpect: 100-continue\r\n"),
            "",
            &[100, 408],
        ),
    ];
    let half = |what, begins, statuses| Slow { what, begins, goes_on: "", closes_its_side: true, statuses };
    cases.extend([
        half("closed before a word", String::new(), &[] as &[u16]),
        half("closed within a head", "GET /hea".to_owned(), &[]),
        half("closed after a request", health.clone(), &[200]),
        half("closed after two", format!("{health}{health}"), &[200, 200]),
        half("closed within a body", with_body("Content-Length: 100\r\n") + "{", &[400]),
    ]);
    each_ends(&target, cases);
}

#[test]
fn a_first_head_that_does_not_come_is_told_so() {
    let target = Target::start(&[]);
    let case = |what, begins: &str, goes_on| Slow {
        what,
        begins: begins.to_owned(),
        goes_on,
        closes_its_side: false,
        statuses: &[408],
    };
    let cases = vec![
        case("nothing", "", ""),
        case("a head, a byte at a time", "GET /hea", "a"),
        case("a head, a header at a time", "GET /health HTTP/1.1\r\nHost: localhost\r\n", "X-Filler: a\r\n"),
    ];
    each_ends(&target, cases);
}

#[test]
fn whoever_goes_on_however_slowly_gets_everything() {
    const ANSWERS: usize = 40;
    let target = Target::start(&[("SALLY_BODY_TIMEOUT_SECONDS", "2")]);
    let ask = |line: &str, more: &str| head(&target, line, more);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::open(target.address);
            let body = format!("{{\"title\":\"{}\"}}", "x".repeat(60));
            client.say(ask(
                "POST /api/crm/deals",
                &format!("Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
            ));
            for part in body.as_bytes().chunks(8) {
                std::thread::sleep(Duration::from_millis(100));
                assert!(client.say(part));
            }
            assert_eq!(client.end("a body in ten parts").statuses(), [201]);
        });
        // More than the sockets take in, so that the server has to wait for it to be read.
        scope.spawn(|| {
            let mut client = Client::open(target.address);
            let document = ask("GET /api/openapi.json", "");
            client.say(document.repeat(ANSWERS - 1) + &ask("GET /api/openapi.json", "Connection: close\r\n"));
            let (mut heard, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
            while let Some(read) = client.hear(&mut buffer) {
                heard.extend_from_slice(&buffer[..read]);
                std::thread::sleep(Duration::from_millis(100));
            }
            let answers = String::from_utf8(heard).unwrap().matches("HTTP/1.1 200 OK").count();
            assert_eq!(answers, ANSWERS, "answers that were read slowly");
        });
        // A stream has nothing to say for long, and stays.
        scope.spawn(|| {
            let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#;
            let opened = target
                .server
                .agent
                .post(format!("{}/mcp", target.server.url))
                .header("Authorization", format!("Bearer {}", target.mcp_key))
                .header("Accept", "application/json, text/event-stream")
                .content_type("application/json")
                .send(hello)
                .unwrap();
            let session = opened.headers()["mcp-session-id"].to_str().unwrap();
            let mut client = Client::open(target.address);
            let more = format!("Accept: text/event-stream\r\nMcp-Session-Id: {session}\r\n");
            client.say(ask("GET /mcp", &more).replace(&target.api_key, &target.mcp_key));
            let mut buffer = [0; 4_096];
            for _ in 0..60 {
                assert!(client.hear(&mut buffer).is_some(), "a stream was let go of");
            }
        });
    });
    target.has_nothing_to_complain_of();
}

#[test]
fn whoever_does_not_read_is_let_go_of() {
    let target = Target::start(&[("SALLY_BODY_TIMEOUT_SECONDS", "2")]);
    let ask = head(&target, "GET /api/openapi.json", "");
    let deaf: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::open(target.address);
            client.say(ask.repeat(100));
            client
        })
        .collect();
    target.is_there_for_others();
    target.has_let_everybody_go();
    for client in deaf {
        let ended = client.end("an answer that nobody reads");
        assert!((1..100).contains(&ended.statuses().len()), "{} answers", ended.statuses().len());
    }
    target.has_nothing_to_complain_of();
}
