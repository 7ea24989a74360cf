//! Sessions, keys, second factors, retries and limits: nobody gets in for ever, and nobody is kept out.

use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::machine::{HOUR, Machine, Says, TRUE, YEAR};
use crate::support::cli::{json_of, run, wait_until};

fn sign_in(machine: &Machine) -> (u16, Value) {
    let body = json!({ "email": "ada@example.com", "password": machine.made["password"] });
    machine.server.post("/api/auth/login", "", &body).unwrap()
}

fn session(machine: &Machine) -> String {
    let (status, answer) = sign_in(machine);
    assert_eq!(status, 200, "{answer}");
    answer["sessionToken"].as_str().unwrap().to_owned()
}

#[test]
fn sessions_and_keys_outlive_a_clock_that_was_wrong_and_new_ones_can_always_be_had() {
    let mut machine = Machine::new(&[]);
    let make = [
        "key",
        "create",
        "--account",
        "ada@example.com",
        "--kind",
        "api",
        "--label",
        "x",
        "--expires",
        "90d",
        "--json",
    ];
    let short = json_of(&run(machine.folder(), &make))["token"].as_str().unwrap().to_owned();
    let first = session(&machine);
    let status = |machine: &Machine, token: &str| machine.server.get("/api/auth/me", token).0;

    machine.set(Says::Off(YEAR));
    assert_eq!((status(&machine, &first), status(&machine, &short)), (401, 401), "both are over by then");
    assert_eq!(status(&machine, &machine.key), 200, "a key without an end works");
    let ahead = session(&machine);
    assert_eq!(status(&machine, &ahead), 200);
    // The clock comes by: at a start, and twice a minute.
    machine.restart();
    assert_eq!(status(&machine, &ahead), 200);

    for says in [TRUE, Says::Off(-HOUR), Says::Still(0)] {
        machine.set(says);
        machine.restart();
        for (what, token) in [("session", &first), ("key", &short), ("session from ahead", &ahead)] {
            assert_eq!(status(&machine, token), 200, "{says:?}: the {what}");
        }
        let again = session(&machine);
        assert_eq!(status(&machine, &again), 200, "{says:?}: a new session");
    }
    machine.set(Says::Off(-50 * YEAR));
    let long_ago = session(&machine);
    assert_eq!(status(&machine, &long_ago), 200);
}

#[test]
fn a_request_sent_twice_is_done_once_though_the_clock_moved() {
    let machine = Machine::new(&[]);
    let send = |key: &str| {
        let request = machine.server.agent.post(format!("{}/api/crm/deals", machine.server.url));
        let request = request.header("Authorization", format!("Bearer {}", machine.key)).header("Idempotency-Key", key);
        let mut answer = request.send_json(json!({ "title": "Once" })).unwrap();
        assert_eq!(answer.status(), 201);
        answer.body_mut().read_json::<Value>().unwrap()["id"].clone()
    };
    for (key, before, after) in [
        ("back", TRUE, Says::Off(-HOUR)),
        ("still", Says::Still(0), Says::Still(0)),
        ("from ahead", Says::Off(YEAR), TRUE),
        ("long ago", Says::Off(-50 * YEAR), Says::Off(-50 * YEAR)),
    ] {
        machine.set(before);
        let first = send(key);
        machine.set(after);
        assert_eq!(send(key), first, "{key}");
    }
}

#[test]
fn what_is_limited_is_limited_by_the_time_that_passes() {
    let machine = Machine::new(&[("SALLY_SIGN_IN_ATTEMPTS_PER_MINUTE", "30".to_owned())]);
    let wrong = json!({ "email": "ada@example.com", "password": "Wrong-horse-7" });
    let attempt = || machine.server.post("/api/auth/login", "", &wrong).unwrap().0;
    wait_until("the limit", || attempt() == 429);
    for says in [Says::Off(YEAR), Says::Off(-YEAR), Says::Still(0)] {
        machine.set(says);
        assert_eq!(attempt(), 429, "{says:?}");
    }
    // One each two seconds, while the clock stands still.
    wait_until("another attempt", || sign_in(&machine).0 == 200);
}

#[test]
fn a_second_factor_that_was_shown_ahead_of_time_locks_nobody_out() {
    let machine = Machine::new(&[]);
    let code = |secret: &str, at: i64| {
        let secret = Secret::try_from_base32(secret).unwrap();
        let totp = Builder::new().with_secret(secret.as_bytes()).with_account_name("ada@example.com").build().unwrap();
        totp.generate(at as u64).to_string()
    };
    let first = session(&machine);
    let password = &machine.made["password"];
    let post = |path: &str, token: &str, body: Value| machine.server.post(path, token, &body).unwrap();
    let (status, begun) = post("/api/auth/2fa/setup", &first, json!({ "password": password }));
    assert_eq!(status, 200, "{begun}");
    let secret = begun["secret"].as_str().unwrap().to_owned();
    // The phone and the server are both a year ahead, as their server of time is.
    let ahead = machine.set(Says::Off(YEAR));
    let token = session(&machine);
    let (status, confirmed) = post("/api/auth/2fa/confirm", &token, json!({ "code": code(&secret, ahead) }));
    assert_eq!(status, 200, "{confirmed}");
    let now = machine.set(TRUE);
    let challenge = sign_in(&machine).1["challengeToken"].clone();
    let body = json!({ "challengeToken": challenge, "code": code(&secret, now) });
    let (status, entered) = post("/api/auth/login/2fa", "", body.clone());
    assert_eq!(status, 200, "{entered}");
    let again = json!({ "challengeToken": sign_in(&machine).1["challengeToken"], "code": body["code"] });
    assert_ne!(post("/api/auth/login/2fa", "", again).0, 200, "a code works once");
}

#[test]
fn an_mcp_session_ends_by_the_time_that_passes() {
    let mut machine = Machine::new(&[]);
    let key = machine.made["mcpKey"].as_str().unwrap().to_owned();
    let post = |machine: &Machine, session: Option<&str>, message: Value| {
        let mut request = machine.server.agent.post(format!("{}/mcp", machine.server.url));
        request = request.header("Authorization", format!("Bearer {key}"));
        request = request.header("Accept", "application/json, text/event-stream");
        if let Some(session) = session {
            request = request.header("Mcp-Session-Id", session);
        }
        request.send_json(message).unwrap()
    };
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } } });
    let open =
        |machine: &Machine| post(machine, None, hello.clone()).headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    let first = open(&machine);
    machine.set(Says::Off(YEAR));
    let ahead = open(&machine);
    for says in [Says::Off(YEAR), TRUE, Says::Off(-YEAR), Says::Still(0)] {
        machine.set(says);
        for session in [&first, &ahead] {
            assert_eq!(post(&machine, Some(session), ping.clone()).status(), 200, "{says:?}");
        }
    }
    machine.set(TRUE);
    machine.restart();
    for session in [&first, &ahead] {
        assert_eq!(post(&machine, Some(session), ping.clone()).status(), 200, "after a start");
    }
}
