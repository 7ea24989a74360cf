//! The guest that answers what the scenarios ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use sally::core::app::{App, Call};
use sally::core::caller::{Role, Selector};
use sally::core::text::Line;
use sally::features::workspaces::UpdateMember;
use sally::mcp::guest::{Guest, Said};
use sally::mcp::http::Endpoint;
use sally::mcp::protocol::{self, Peer, Request, RpcError};

use super::content::{self, text};
use super::questions::Questions;
use super::rounds::Rounds;

const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// As long as the scenarios want a tool to work.
const A_WHILE: Duration = Duration::from_millis(50);

pub struct Fixtures {
    app: Arc<App>,
    /// Whose rights change when a scenario wants the lists to change.
    member: &'static str,
    may_only_look: Arc<AtomicBool>,
    questions: Arc<Questions>,
    rounds: Rounds,
}

impl Fixtures {
    pub fn new(app: Arc<App>, member: &'static str) -> Self {
        Fixtures { app, member, may_only_look: Arc::default(), questions: Arc::default(), rounds: Rounds::default() }
    }

    /// The result, if it is known at once.
    fn result(&self, peer: &Peer, request: &Request) -> Option<Result<Value, RpcError>> {
        let params = &request.params;
        let given = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or_default();
        let arguments = params.get("arguments").unwrap_or(&Value::Null);
        let result = match request.method.as_str() {
            "tools/call" => content::of_tool(given("name")),
            "prompts/get" => content::of_prompt(given("name"), arguments),
            "resources/read" => content::of_resource(given("uri")),
            "completion/complete" => {
                let is_ours = params.get("ref").is_some_and(|of| of["name"] == "test_prompt_with_arguments");
                is_ours.then(|| json!({ "completion": { "values": ["paris", "park", "party"], "hasMore": false } }))
            }
            _ if peer.terms.is_stateless() => None,
            "logging/setLevel" => Some(json!({})),
            "resources/subscribe" | "resources/unsubscribe" => given("uri").starts_with("test://").then(|| json!({})),
            _ => None,
        };
        match request.method.as_str() {
            "tools/call" | "prompts/get" => result.map(Ok).or_else(|| self.rounds.answer(given("name"), params)),
            _ => result.map(Ok),
        }
    }

    /// What is said bit by bit.
    fn messages(&self, peer: &Peer, request: &Request) -> Option<mpsc::Receiver<Vec<u8>>> {
        if request.method != "tools/call" {
            return None;
        }
        let tool = request.params.get("name").and_then(Value::as_str)?.to_owned();
        let work = Work::of(&tool)?;
        let (say, messages) = mpsc::channel(1);
        let voice = Voice(say);
        let meta = request.params.get("_meta").cloned().unwrap_or_default();
        let arguments = request.params.get("arguments").cloned().unwrap_or_default();
        let may_log = !peer.terms.is_stateless() || meta.get(LOG_LEVEL).is_some();
        let (questions, app, member) = (self.questions.clone(), self.app.clone(), self.member);
        let may_only_look = self.may_only_look.clone();
        let respond = responder(peer, request);
        actix_web::rt::spawn(async move {
            let result = match work {
                Work::Logs => {
                    for word in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                        if may_log {
                            voice.notify("notifications/message", json!({ "level": "info", "data": word })).await;
                        }
                        sleep(A_WHILE).await;
                    }
                    text("It has been logged.")
                }
                Work::Progresses => {
                    for progress in [0, 50, 100] {
                        if let Some(token) = meta.get("progressToken") {
                            let params = json!({ "progressToken": token, "progress": progress, "total": 100 });
                            voice.notify("notifications/progress", params).await;
                        }
                        sleep(A_WHILE).await;
                    }
                    text("It is done.")
                }
                Work::Asks => questions.call(&voice, &tool, &arguments).await,
                Work::ChangesLists => {
                    let is_viewer = !may_only_look.fetch_xor(true, Ordering::Relaxed);
                    change_role(&app, member, if is_viewer { Role::Viewer } else { Role::Member }).await
                }
            };
            voice.send(respond(&result)).await;
        });
        Some(messages)
    }
}

impl Guest for Fixtures {
    fn answer(&self, _: &Arc<Endpoint>, peer: &Peer, request: &Request) -> Option<Result<Said, RpcError>> {
        if let Some(messages) = self.messages(peer, request) {
            return Some(Ok(Said::Messages(messages)));
        }
        let result = self.result(peer, request)?;
        Some(result.map(|result| Said::Response(responder(peer, request)(&result))))
    }

    fn amend(&self, method: &str, result: Vec<u8>) -> Vec<u8> {
        let (list, more) = match method {
            "initialize" | "server/discover" => return with_capabilities(&result, method == "initialize"),
            "tools/list" => ("tools", content::tools()),
            "prompts/list" => ("prompts", content::prompts()),
            "resources/list" => ("resources", content::resources()),
            "resources/templates/list" => ("resourceTemplates", content::templates()),
            _ => return result,
        };
        let mut amended = object(&result);
        if let Some(Value::Array(all)) = amended.get_mut(list) {
            all.extend(more);
        }
        written(&amended)
    }

    fn hear(&self, response: Map<String, Value>) {
        self.questions.hear(response);
    }
}

/// What a tool does before it answers.
enum Work {
    Logs,
    Progresses,
    Asks,
    ChangesLists,
}

impl Work {
    fn of(tool: &str) -> Option<Self> {
        Some(match tool {
            "test_tool_with_logging" | "test_logging_tool" => Work::Logs,
            "test_tool_with_progress" => Work::Progresses,
            "test_sampling"
            | "test_elicitation"
            | "test_elicitation_sep1034_defaults"
            | "test_elicitation_sep1330_enums" => Work::Asks,
            "test_trigger_tool_change" | "test_trigger_prompt_change" => Work::ChangesLists,
            _ => return None,
        })
    }
}

/// Says things on one stream.
pub struct Voice(mpsc::Sender<Vec<u8>>);

impl Voice {
    pub async fn say(&self, message: &Value) {
        self.send(message.to_string().into_bytes()).await;
    }

    async fn notify(&self, method: &str, params: Value) {
        self.say(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Whoever listened may have gone away, and then it is said to nobody.
    async fn send(&self, message: Vec<u8>) {
        let _ = self.0.send(message).await;
    }
}

/// Lists differ by what one may do, so a real change of rights is the way to change them.
async fn change_role(app: &Arc<App>, member: &str, role: Role) -> Value {
    let (Ok(workspace_id), Ok(membership_id)) = (Line::parse("acme"), Line::parse(member)) else {
        unreachable!("both are plain words")
    };
    let call = Call { selector: Some(Selector::Slug("acme".into())), ..super::console() };
    match app.run(call, UpdateMember { workspace_id, membership_id, role }).await {
        Ok(_) => text("The lists have changed."),
        Err(error) => text(&format!("The lists have not changed: {}", error.detail())),
    }
}

/// Makes the response to a request out of its result.
fn responder(peer: &Peer, request: &Request) -> impl Fn(&Value) -> Vec<u8> + use<> {
    let (id, head) = (request.id.clone(), peer.terms.head(&request.method));
    move |result| {
        let says_itself = result.get("resultType").is_some() || result.as_object().is_some_and(Map::is_empty);
        let result = serde_json::to_vec(result).expect("plain data");
        protocol::response(&id, if says_itself { "{" } else { head }, &Ok(result))
    }
}

fn with_capabilities(result: &[u8], is_session: bool) -> Vec<u8> {
    let mut amended = object(result);
    if let Some(Value::Object(capabilities)) = amended.get_mut("capabilities") {
        for (name, value) in content::capabilities(is_session) {
            capabilities.entry(name).or_insert(value);
        }
    }
    written(&amended)
}

fn object(result: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(result).expect("results are objects")
}

fn written(result: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(result).expect("plain data")
}
