//! MCP beside REST, and beside the official Rust SDK's server.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::load::{ID, Request, Sample, Server, in_turn, session};
use super::{Pool, World, commit, insert_deal, new_deal, percent, pool_of};

/// As many clients as connections of a measured read.
const SESSIONS: usize = 32;
const STATELESS: &str = "2026-07-28";

const READ: &str = "crm.deal.get";
const WRITE: &str = "crm.deal.create";
/// The file that the SDK's server writes to, beside the answers of the tools.
const DATABASE: &str = "pool.db";

pub fn measure(world: &World) {
    let (ours, theirs) = (world.folder.join("mcp.db"), world.folder.join("sdk"));
    std::fs::create_dir(&theirs).expect("a folder");
    for copy in [&ours, &theirs.join(DATABASE)] {
        std::fs::copy(&world.file, copy).expect("a copy of a file nobody serves");
    }
    let key = &world.mcp_key;
    let sally = world.sally(&ours, 0);
    let read = Tool { name: READ, arguments: json!({ "dealId": world.deal }) };
    let write = Tool { name: WRITE, arguments: new_deal() };
    let sessions = sessions(&sally, key);
    for tool in [&read, &write] {
        let answer: Value = serde_json::from_str(&tool.in_sessions(key, &sessions).once(&sally)).expect("an answer");
        std::fs::write(theirs.join(tool.name), answer["result"].to_string()).expect("its result");
    }
    let sdk = world.other("sdk", &theirs, 0);
    let both = Both { world, sally, sessions, sdk_sessions: self::sessions(&sdk, key), sdk };

    let rest = Request::get(&format!("/api/crm/deals/{}", world.deal), key);
    both.measure("A tool that reads, 32 connections", 32, &rest, &read);
    let rest = Request::post("/api/crm/deals", key, new_deal().to_string());
    both.measure("A tool that writes, durable, 64 connections", 64, &rest, &write);
    both.lists();
}

/// Sally and the SDK's server, with the same tools and as many sessions.
struct Both<'a> {
    world: &'a World,
    sally: Server,
    sessions: Vec<String>,
    sdk: Server,
    sdk_sessions: Vec<String>,
}

impl Both<'_> {
    fn measure(&self, title: &str, connections: u64, rest: &Request, tool: &Tool) {
        let (key, folder) = (&self.world.mcp_key, &self.world.folder);
        let (ours, theirs) = (tool.in_sessions(key, &self.sessions), tool.in_sessions(key, &self.sdk_sessions));
        let (stateless, plain) = (tool.stateless(key), tool.plain(key));
        for (request, server) in
            [(&ours, &self.sally), (&theirs, &self.sdk), (&stateless, &self.sally), (&stateless, &self.sdk)]
        {
            let answer = request.once(server);
            assert!(answer.contains("structuredContent") && !answer.contains("isError\":true"), "{answer}");
        }
        println!("\n{title}: {}", tool.name);
        let [rest, ours, stateless, plain, theirs, their_stateless] = in_turn([
            ("REST", Box::new(|| rest.load(&self.sally, connections, folder))),
            ("Sally, in sessions", Box::new(|| ours.load(&self.sally, connections, folder))),
            ("Sally, stateless", Box::new(|| stateless.load(&self.sally, connections, folder))),
            ("Sally, plain caller", Box::new(|| plain.load(&self.sally, connections, folder))),
            ("official Rust SDK, in sessions", Box::new(|| theirs.load(&self.sdk, connections, folder))),
            ("official Rust SDK, stateless", Box::new(|| stateless.load(&self.sdk, connections, folder))),
        ]);
        let beside = |name: &str, sample: Sample, sdk: Sample, goal: f64| {
            println!(
                "  → {name}: {:.0} % of REST (goal 70 %), {:.1} × the SDK (goal {goal} ×)",
                percent(sample.per_second, rest.per_second),
                sample.per_second / sdk.per_second
            );
        };
        beside("in sessions", ours, theirs, 3.0);
        beside("stateless", stateless, their_stateless, 1.4);
        println!("  → plain caller: {:.0} % of REST", percent(plain.per_second, rest.per_second));
    }

    fn lists(&self) {
        let (key, folder) = (&self.world.mcp_key, &self.world.folder);
        let health = Request::get("/health", key);
        let list = |path: &str| {
            let mut request = message(key, path, "tools/list", json!({}));
            request.sessions = self.sessions.clone();
            request
        };
        let (core, all) = (list("/mcp?toolsets=core"), list("/mcp"));
        let bytes = |request: &Request| request.once(&self.sally).len();
        println!("\ntools/list in sessions, 32 connections: {} bytes of core, {} of all", bytes(&core), bytes(&all));
        let [health, core, all] = in_turn([
            ("GET /health", Box::new(|| health.load(&self.sally, 32, folder))),
            ("tools/list, core", Box::new(|| core.load(&self.sally, 32, folder))),
            ("tools/list, all", Box::new(|| all.load(&self.sally, 32, folder))),
        ]);
        println!(
            "  → {:.0} % of /health (goal 70 %), all {:.0} %",
            percent(core.per_second, health.per_second),
            percent(all.per_second, health.per_second)
        );
    }
}

/// A tool and what it is called with.
pub struct Tool {
    pub name: &'static str,
    pub arguments: Value,
}

impl Tool {
    pub fn in_sessions(&self, key: &str, sessions: &[String]) -> Request {
        let mut request = message(key, "/mcp", "tools/call", self.params());
        request.sessions = sessions.to_vec();
        request
    }

    /// As the revision without sessions wants it: everything in the request, and the gist again in headers.
    fn stateless(&self, key: &str) -> Request {
        let mut params = self.params();
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
        });
        let mut request = message(key, "/mcp", "tools/call", params);
        request.headers.extend([
            ("MCP-Protocol-Version", STATELESS.to_owned()),
            ("Mcp-Method", "tools/call".to_owned()),
            ("Mcp-Name", self.name.to_owned()),
        ]);
        request
    }

    /// As a script calls it: no session, no revision, no Accept.
    fn plain(&self, key: &str) -> Request {
        let mut request = message(key, "/mcp", "tools/call", self.params());
        request.headers.retain(|(name, _)| *name != "Accept");
        request
    }

    fn params(&self) -> Value {
        json!({ "name": self.name, "arguments": self.arguments })
    }
}

fn message(key: &str, path: &str, method: &str, params: Value) -> Request {
    let body = json!({ "jsonrpc": "2.0", "id": ID, "method": method, "params": params });
    accepting_both(Request::post(path, key, body.to_string()))
}

fn accepting_both(mut request: Request) -> Request {
    request.headers.push(("Accept", "application/json, text/event-stream".into()));
    request
}

/// Sessions of so many clients that have said their first words.
pub fn sessions(server: &Server, key: &str) -> Vec<String> {
    let greeted = || {
        let id = session(server, key);
        let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let mut request = accepting_both(Request::post("/mcp", key, body.to_string()));
        request.sessions = vec![id.clone()];
        request.once(server);
        id
    };
    (0..SESSIONS).map(|_| greeted()).collect()
}

/// The official SDK's server as its documentation shows it, with JSON instead of streams where it can. The tools answer
/// what Sally's answered: the one that reads out of memory, the one that writes after a commit of its own. There are no
/// keys and no rights.
pub fn sdk(port: &str, folder: &Path) {
    let answer = |name: &str| -> CallToolResult {
        let bytes = std::fs::read(folder.join(name)).expect("an answer");
        serde_json::from_slice(&bytes).expect("a result of a tool")
    };
    let tools = Tools { read: answer(READ), written: answer(WRITE), pool: pool_of(&folder.join(DATABASE)) };
    let tools = Arc::new(tools);
    let service = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default().with_json_response(true),
    );
    let port: u16 = port.parse().expect("a port");
    let serving = async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            let service = service.clone();
            let answering = service_fn(move |request: hyper::Request<Incoming>| {
                let service = service.clone();
                async move {
                    Ok::<_, Infallible>(match request.uri().path() {
                        "/health" => hyper::Response::default(),
                        _ => service.handle(request).await,
                    })
                }
            });
            // That wrk hangs up when its time is over is no mistake.
            tokio::spawn(async { drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await) });
        }
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(serving)
}

struct Tools {
    read: CallToolResult,
    written: CallToolResult,
    pool: Pool,
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == READ {
            return Ok(self.read.clone().into());
        }
        let (pool, body) = (self.pool.clone(), Value::Object(request.arguments.unwrap_or_default()));
        let written = tokio::task::spawn_blocking(move || commit(&pool, &body, insert_deal));
        // A failure must not count as an answer, which its status would make it.
        written.await.expect("a thread").expect("a commit");
        Ok(self.written.clone().into())
    }
}
