//! Servers under load: started, asked by wrk, measured.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::disk::disk;

pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

pub struct Server {
    pub child: Child,
    pub port: u16,
    pub started: Duration,
    /// Answers 200 once it is ready.
    health: &'static str,
}

impl Server {
    pub fn start(mut command: Command, port: u16, slow_us: u64, folder: &Path) -> Server {
        if slow_us > 0 {
            command.env("LD_PRELOAD", disk(folder)).env("DISK_SLOW_US", slow_us.to_string());
        }
        Server::of(command, port, "/health")
    }

    /// Of whatever system.
    pub fn of(mut command: Command, port: u16, health: &'static str) -> Server {
        let begun = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("a server");
        let mut server = Server { child, port, started: Duration::ZERO, health };
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
        let asked = write!(stream, "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", self.health);
        asked.and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer.ends_with(b"200")
    }

    /// Microseconds of user and system time so far.
    pub fn cpu_us(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("a running server");
        let after_name = stat.rsplit_once(')').expect("a name").1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("ticks")).sum();
        ticks * 10_000.0
    }

    pub fn rss_mib(&self) -> f64 {
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

/// Requests with ids that count up, each session's kept ready but for the id. The time keeps a round from the ids of the
/// round before.
const NUMBERED: &str = r#"
local sent, kept = os.time() % 1000 * 1000000, {}
function init()
  for turn = 1, math.max(1, #sessions) do
    wrk.headers["Mcp-Session-Id"] = sessions[turn]
    local whole = wrk.format()
    local first, last = whole:find(id, 1, true)
    kept[turn] = { whole:sub(1, first - 1), whole:sub(last + 1) }
  end
end
function request()
  sent = sent + 1
  local parts = kept[sent % #kept + 1]
  return parts[1] .. id + sent .. parts[2]
end
"#;

/// What one round of load told.
#[derive(Clone, Copy)]
pub struct Sample {
    pub per_second: f64,
    pub p99_ms: f64,
    pub cpu_us: f64,
}

/// One request, sent again and again.
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// MCP sessions that take turns, as those of several clients would.
    pub sessions: Vec<String>,
}

/// The JSON-RPC id that stands in a body; under load each request gets one of its own, because a session may not use one
/// twice at a time.
pub const ID: u64 = 1_000_000_000;

impl Request {
    pub fn get(path: &str, key: &str) -> Request {
        Request {
            method: "GET",
            path: path.into(),
            headers: vec![("Authorization", format!("Bearer {key}"))],
            body: String::new(),
            sessions: Vec::new(),
        }
    }

    pub fn post(path: &str, key: &str, body: String) -> Request {
        let headers = vec![("Authorization", format!("Bearer {key}")), ("Content-Type", "application/json".into())];
        Request { method: "POST", path: path.into(), headers, body, sessions: Vec::new() }
    }

    /// The answer's body, so that nothing that fails counts as fast.
    pub fn once(&self, server: &Server) -> String {
        let mut request = ureq::http::Request::builder()
            .method(self.method)
            .uri(format!("http://127.0.0.1:{}{}", server.port, self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(session) = self.sessions.first() {
            request = request.header("Mcp-Session-Id", session);
        }
        let mut answer = ureq::run(request.body(self.body.clone()).expect("a request")).expect("a good answer");
        answer.body_mut().read_to_string().expect("a text")
    }

    pub fn load(&self, server: &Server, connections: u64, folder: &Path) -> Sample {
        self.once(server);
        let mut lua = format!("wrk.method = {:?}\n", self.method);
        for (name, value) in &self.headers {
            lua.push_str(&format!("wrk.headers[{name:?}] = {value:?}\n"));
        }
        if !self.body.is_empty() {
            lua.push_str(&format!("wrk.body = [==[{}]==]\n", self.body));
        }
        if self.body.contains(&ID.to_string()) {
            lua.push_str(&format!(
                "local id, sessions = {ID}, {{ {} }}\n",
                self.sessions.iter().map(|session| format!("{session:?}, ")).collect::<String>()
            ));
            lua.push_str(NUMBERED);
        }
        wrk(server, &self.path, lua, connections, folder)
    }

    /// In Lua: the whole request, ready to be sent.
    fn format(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("[{name:?}] = {value:?}, ")).collect();
        format!("wrk.format({:?}, {:?}, {{ {headers} }}, [==[{}]==])", self.method, self.path, self.body)
    }
}

/// Several requests in turn, over the same connections.
pub fn load_in_turn(server: &Server, requests: &[&Request], connections: u64, folder: &Path) -> Sample {
    for request in requests {
        request.once(server);
    }
    let requests: String = requests.iter().map(|request| request.format() + ",\n").collect();
    let lua = format!(
        "local requests, at = {{}}, 0
         function init() requests = {{ {requests} }} end
         function request() at = at % #requests + 1 return requests[at] end\n"
    );
    wrk(server, "/", lua, connections, folder)
}

fn wrk(server: &Server, path: &str, mut lua: String, connections: u64, folder: &Path) -> Sample {
    lua.push_str("function done(s, l, r) io.write(string.format('FIGURES %f %f %d\\n', s.requests / s.duration * 1e6, l:percentile(99) / 1000, s.errors.status + s.errors.read)) end\n");
    let script = folder.join("request.lua");
    std::fs::write(&script, lua).expect("a script");
    let before = server.cpu_us();
    let seconds = number("SECONDS", 3);
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s"])
        .arg(&script)
        .arg(format!("http://127.0.0.1:{}{path}", server.port))
        .output()
        .expect("wrk is needed");
    let spent = server.cpu_us() - before;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.lines().find_map(|line| line.strip_prefix("FIGURES ")).expect("wrk tells figures");
    let figures: Vec<f64> = figures.split(' ').map(|figure| figure.parse().expect("a figure")).collect();
    assert_eq!(figures[2], 0.0, "some answers failed: {text}");
    Sample { per_second: figures[0], p99_ms: figures[1], cpu_us: spent / (figures[0] * seconds as f64) }
}

/// One round of load on one system.
pub type Round<'a> = Box<dyn FnMut() -> Sample + 'a>;

/// Rounds in turn; the medians of each.
pub fn in_turn<const N: usize>(mut runs: [(&str, Round<'_>); N]) -> [Sample; N] {
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

pub fn session(server: &Server, key: &str) -> String {
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
