//! `sally mcp`: the real executable between a client's pipes and a real server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sally::core::store::run;
use sally::features::keys::KeyKind;
use serde_json::{Value, json};

use crate::cancellation::Busy;
use crate::client::{initialize, mcp_key, narrowed_key};
use crate::stateless::REVISION;
use crate::streams::join_bolt;
use crate::support::World;
use crate::support::server::Server;

/// A running bridge, killed when the test ends.
struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Bridge {
    fn start(url: &str, key: &str) -> Bridge {
        Bridge::launch(command(Path::new(env!("CARGO_BIN_EXE_sally")), url, key).arg("mcp"))
    }

    fn launch(command: &mut Command) -> Bridge {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        Bridge { child, input, output: BufReader::new(output) }
    }

    fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is still open");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the bridge reads");
    }

    /// The next message; every line must be one.
    fn message(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn ask(&mut self, message: &Value) -> Value {
        self.send(&message.to_string());
        self.message()
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.ask(&json!({ "jsonrpc": "2.0", "id": method, "method": method, "params": params }))
    }

    fn hello(&mut self) -> Value {
        let answer = self.ask(&initialize("2025-06-18", "test"));
        self.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        answer
    }

    /// Ends the input: the exit status, what else came on stdout, and what stderr was told.
    fn end(mut self) -> (i32, String, String) {
        drop(self.input.take());
        let (mut rest, mut told) = (String::new(), String::new());
        self.output.read_to_string(&mut rest).expect("a text");
        self.child.stderr.take().expect("a pipe").read_to_string(&mut told).expect("a text");
        (self.child.wait().expect("it ended").code().expect("by itself"), rest, told)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(executable: &Path, url: &str, key: &str) -> Command {
    let mut command = Command::new(executable);
    command.env_clear().env("SALLY_URL", url).env("SALLY_USER_API_KEY", key).current_dir(std::env::temp_dir());
    command
}

/// An address at which nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("it is bound"))
}

#[tokio::test]
async fn line_10_a_local_client_works_through_the_bridge_with_a_personal_key() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let mut bridge = Bridge::start(&server.base, &world.person("ben").await.token);
    let hello = bridge.hello();
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(hello["result"]["serverInfo"]["name"], "sally");
    let tools = bridge.request("tools/list", json!({}));
    assert!(tools["result"]["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "crm.deal.create"));
    let call = json!({ "name": "crm.deal.create", "arguments": { "title": "Ünïcode 🏗 roof" } });
    assert_eq!(bridge.request("tools/call", call)["result"]["structuredContent"]["title"], "Ünïcode 🏗 roof");

    // What is no good message is answered as the server answers it.
    for (line, code) in [("{nope", -32_700), (r#"{"jsonrpc":"2.0","id":5}"#, -32_600), ("7", -32_600), ("[]", -32_600)]
    {
        bridge.send(line);
        assert_eq!(bridge.message()["error"]["code"], code, "{line}");
    }
    assert_eq!(bridge.request("no/such", json!({}))["error"]["code"], -32_601);
    let large = bridge.request("ping", json!({ "x": "x".repeat(8 << 20) }));
    assert_eq!((&large["id"], &large["error"]["code"]), (&json!("ping"), &json!(-32_000)));
    bridge.send("");
    let (status, rest, told) = bridge.end();
    assert_eq!((status, rest.as_str(), told.as_str()), (0, "", ""));
    let open = world.app.store().read(|reading| {
        sally::core::store::one(reading.conn(), "select count(*) from mcp_session", [], |row| row.take::<i64>())
    });
    assert_eq!(open.unwrap(), 0, "the session was ended");
}

#[tokio::test]
async fn line_18_a_single_line_is_answered_before_the_process_ends() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let folder = tempfile::tempdir().unwrap();
    let alias = folder.path().join("sally-mcp");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sally"), &alias).unwrap();
    // A broken sally.toml is the server's matter.
    std::fs::write(folder.path().join("sally.toml"), "nonsense = 1").unwrap();
    for (message, answered) in [
        (initialize("2024-11-05", "test"), "/result/serverInfo/name"),
        (json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }), "/result/tools/0/name"),
    ] {
        let mut command = command(&alias, &format!("{}/mcp", server.base), &mcp_key(&world, "ben").await);
        let mut bridge = Bridge::launch(command.current_dir(folder.path()));
        bridge.send(&message.to_string());
        let (status, rest, told) = bridge.end();
        assert_eq!((status, told.as_str()), (0, ""));
        let answer: Value = serde_json::from_str(&rest).unwrap();
        assert!(answer.pointer(answered).is_some(), "{answer}");
    }
}

#[tokio::test]
async fn requests_without_a_session_travel_with_their_headers() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let mut bridge = Bridge::start(&server.base, &world.person("ben").await.token);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let discovered = bridge.request("server/discover", json!({ "_meta": meta }));
    assert_eq!(discovered["result"]["supportedVersions"][0], REVISION);
    let called = bridge.request("tools/call", json!({ "_meta": meta, "name": "auth.me" }));
    assert_eq!(called["result"]["resultType"], "complete");
    assert_eq!(bridge.request("tools/call", json!({ "_meta": meta, "name": "é" }))["error"]["code"], -32_602);
    assert_eq!(bridge.request("ping", json!({ "_meta": meta }))["error"]["code"], -32_601);
    let other = json!({ "io.modelcontextprotocol/protocolVersion": "2099-01-01", "io.modelcontextprotocol/clientCapabilities": {} });
    assert_eq!(bridge.request("server/discover", json!({ "_meta": other }))["error"]["code"], -32_022);
    assert_eq!(bridge.end().0, 0);
}

#[tokio::test]
async fn what_the_server_says_by_itself_arrives_too() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let key = world.person("ben").await.token;
    let (mut old, mut new) = (Bridge::start(&server.base, &key), Bridge::start(&server.base, &key));
    old.hello();
    old.request("tools/list", json!({}));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let listening =
        new.request("subscriptions/listen", json!({ "_meta": meta, "notifications": { "toolsListChanged": true } }));
    assert_eq!(listening["method"], "notifications/subscriptions/acknowledged");
    join_bolt(&world).await;
    for bridge in [&mut old, &mut new] {
        assert_eq!(bridge.message()["method"], "notifications/tools/list_changed");
    }
    // The same pipes go on to carry requests, and a subscription does not hold up the end.
    assert_eq!(new.request("tools/call", json!({ "_meta": meta, "name": "auth.me" }))["id"], "tools/call");
    assert_eq!((old.end().0, new.end().0), (0, 0));
}

#[tokio::test]
async fn a_cancellation_is_carried_however_many_requests_are_on_the_way() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let mut bridge = Bridge::start(&server.base, &world.person("ben").await.token);
    bridge.hello();
    let busy = Busy::new(&world);
    let call = |id: &str, tool: &str, arguments: Value| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
                "params": { "name": tool, "arguments": arguments, "_meta": { "progressToken": id } } })
        .to_string()
    };
    let slow = |number: usize| call(&format!("slow {number}"), "search", json!({ "query": "x" }));
    let cancel = |request: &str| {
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": request } }).to_string()
    };
    (0..16).for_each(|number| bridge.send(&slow(number)));
    bridge.send(&call("unsent", "auth.me", json!({})));
    bridge.send(&call("quick", "auth.me", json!({})));
    // What the server tells of the first one shows that it has got that far.
    while bridge.message()["params"]["progressToken"] != "slow 0" {}
    // One that waits in the line is not even sent, and one that is on its way gives its place to the next.
    bridge.send(&cancel("unsent"));
    bridge.send(&cancel("slow 0"));
    let answer = |bridge: &mut Bridge| loop {
        let message = bridge.message();
        if let Some(id) = message["id"].as_str() {
            return id.to_owned();
        }
    };
    assert_eq!(answer(&mut bridge), "quick");
    drop(busy);
    let mut answered: Vec<String> = (1..16).map(|_| answer(&mut bridge)).collect();
    let mut expected: Vec<String> = (1..16).map(|number| format!("slow {number}")).collect();
    answered.sort_unstable();
    expected.sort_unstable();
    assert_eq!(answered, expected);
    assert_eq!(bridge.end().1, "", "what was cancelled gets no answer");
}

#[tokio::test]
async fn a_local_client_may_mean_one_of_several_workspaces() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    join_bolt(&world).await;
    let key = world.person("ben").await.token;
    let list = json!({ "name": "project.list" });
    let mut unsaid = Bridge::start(&server.base, &key);
    unsaid.hello();
    let which = unsaid.request("tools/call", list.clone());
    assert_eq!(which["result"]["structuredContent"]["code"], "WORKSPACE_REQUIRED", "{which}");
    for (slug, is_own) in [("acme", true), ("nowhere", false)] {
        let mut command = command(Path::new(env!("CARGO_BIN_EXE_sally")), &server.base, &key);
        let mut bridge = Bridge::launch(command.arg("mcp").env("SALLY_WORKSPACE_SLUG", slug));
        bridge.hello();
        let listed = bridge.request("tools/call", list.clone());
        assert_eq!(listed["result"]["isError"].is_null(), is_own, "{listed}");
    }
}

#[tokio::test]
async fn a_restart_and_a_lost_session_are_settled_behind_the_clients_back() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let address = server.address;
    let mut bridge = Bridge::start(&server.base, &world.person("ben").await.token);
    bridge.hello();
    drop(server);

    let world = world.restarted();
    world.app.store().write(|conn| run(conn, "delete from mcp_session", [])).await.unwrap();
    // The client asks while nobody is there.
    bridge.send(r#"{"jsonrpc":"2.0","id":"early","method":"tools/call","params":{"name":"auth.me"}}"#);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let _server = Server::start_on(&world.app, TcpListener::bind(address).unwrap());
    let answer = bridge.message();
    assert_eq!(answer["id"], "early");
    assert_eq!(answer["result"]["structuredContent"]["account"]["name"], "Ben", "{answer}");
    let (status, rest, told) = bridge.end();
    assert_eq!((status, rest.as_str()), (0, ""));
    assert!(told.contains("connection refused") && told.contains("answers again"), "{told}");
}

#[tokio::test]
async fn line_23_what_is_wrong_is_said_on_stderr_and_to_whoever_waits() {
    let world = World::new().await;
    let server = Server::start(&world.app);

    let mut bridge = Bridge::start(&nowhere(), "atpm_x");
    let refused = bridge.request("tools/list", json!({}));
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("tools/list"), &json!(-32_000)));
    assert!(refused["error"]["message"].as_str().unwrap().contains("connection refused"), "{refused}");
    bridge.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let (status, _, told) = bridge.end();
    assert_eq!((status, told.lines().count()), (0, 1), "the same trouble is told once: {told}");
    assert!(told.starts_with("sally mcp: connection refused"), "{told}");

    let mut bridge = Bridge::start(&server.base, "atpm_nobodys");
    let refused = bridge.ask(&initialize("2025-06-18", "test"));
    assert!(refused["error"]["message"].as_str().unwrap().starts_with("unauthorized (401): invalid API token"));
    let (_, _, told) = bridge.end();
    assert!(told.contains("unauthorized (401)"), "{told}");

    let reader = narrowed_key(&world.person("ben").await, json!({ "scopes": "crm:read" })).await;
    let mut bridge = Bridge::start(&server.base, &reader);
    bridge.hello();
    let forbidden = bridge.request("tools/call", json!({ "name": "crm.deal.create", "arguments": { "title": "x" } }));
    assert_eq!(forbidden["error"]["code"], -32_000);
    let (_, _, told) = bridge.end();
    assert!(told.contains("forbidden (403)") && told.contains("crm:write"), "{told}");

    for (url, key, word) in [
        ("", "atpm_x", "SALLY_URL is missing"),
        ("sally.example.com", "atpm_x", "SALLY_URL must be"),
        (&server.base, "", "SALLY_USER_API_KEY is missing"),
        (&server.base, "alloy_live_x", "invalid API token"),
    ] {
        let (status, rest, told) = Bridge::start(url, key).end();
        assert_eq!((status, rest.as_str(), told.lines().count()), (1, "", 1), "{told}");
        assert!(told.contains(word), "{told}");
    }
}

#[tokio::test]
async fn a_personal_key_is_for_the_bridge_and_for_no_hosted_client() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let bearer = format!("Bearer {}", world.keyed("ben", KeyKind::Api, None, None).await.token);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let status = |agent: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json"), ("User-Agent", agent)];
        server.send("POST", "/mcp", &headers, ping).status
    };
    assert_eq!((status("sally-mcp/0.1.0"), status("claude-code/2.1"), status("")), (200, 401, 401));
}
