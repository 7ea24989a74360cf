//! Operations as tools: which of them a client sees, how they are described, and what a call answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::core::app::{App, Listed};
use crate::core::caller::{Identity, Membership, Role, Selector};
use crate::core::error::{Error, Kind, Result, quoted};
use crate::core::input::common;
use crate::core::operation::{Effect, Method, Needs, Reply, Spec, Toolset};
use crate::core::page::Paging;
use crate::core::text::likely;
use crate::http::projection;

use super::excerpt::{self, Excerpt};
use super::protocol::{Failure, INVALID_PARAMS, Peer, REFUSED, RpcError};

/// Lists over MCP are this long unless the caller says how long.
const LIST_LENGTH: usize = 20;
/// For lists: all fields, or the few that matter.
const DETAIL: &str = "detail";
const SELECTORS: &[&str] = &["workspaceId", "workspace_id", "workspaceSlug", "workspace_slug"];

/// How tools are named in a list. Calls take both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Names {
    /// `crm.deal.list`
    Dotted,
    /// `crm_deal_list`
    Underscored,
}

/// Clients that refuse a dot in a tool's name or lose the tool, as they name themselves in `initialize`.
const REFUSE_DOTS: &[(&str, &str)] = &[
    // Claude Desktop wants ^[a-zA-Z0-9_-]{1,64}$, else no chat starts: hostinger/api-mcp-server#48.
    ("claude-ai", "Claude Desktop"),
    // Copilot answers 400: github/copilot-cli#1879, #2581.
    ("github-copilot-developer", "GitHub Copilot CLI"),
    // The model's interface answers 400: openai/codex#8174.
    ("codex-mcp-client", "Codex"),
    // Calls docs_find for docs.find and does not find it: webstudio-is/webstudio#5960.
    ("cursor-vscode", "Cursor"),
];

impl Names {
    /// What a client wants that says nothing about it but its name. Some put more behind it: `claude-ai (via mcp-remote 0.1.37)`.
    fn for_client(name: Option<&str>) -> Self {
        let is = |name: &str, known: &str| {
            name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
                && !name[known.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '-')
        };
        match name {
            Some(name) if REFUSE_DOTS.iter().any(|(known, _)| is(name, known)) => Names::Underscored,
            _ => Names::Dotted,
        }
    }

    fn of(self, name: &str) -> String {
        match self {
            Names::Dotted => name.to_owned(),
            Names::Underscored => name.replace('.', "_"),
        }
    }
}

/// What the address of the connection asks for: `/mcp?toolsets=core,crm&readonly=1&names=underscore`.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    pub names: Option<Names>,
    pub toolsets: Option<Vec<Toolset>>,
    pub read_only: bool,
}

impl Wishes {
    pub fn allow(&self, spec: &Spec) -> bool {
        self.toolsets.as_ref().is_none_or(|wanted| wanted.contains(&spec.toolset))
            && (!self.read_only || spec.effect == Effect::Read)
    }
}

/// All tools of this server, and the lists of them that were asked for so far.
pub struct Tools {
    all: Vec<Tool>,
    /// Both spellings of every name and alias.
    by_name: HashMap<String, usize>,
    /// Made once for each set of rights: describing thirty tools anew costs more than most calls.
    lists: Mutex<HashMap<ListKey, Offer>>,
}

/// A list of tools as it is sent.
#[derive(Clone)]
pub struct Offer {
    /// The result of `tools/list`: the same tools give the same bytes.
    pub list: Arc<[u8]>,
    /// Tells lists apart, after a restart too.
    pub stamp: u64,
}

struct Tool {
    /// Where it stands in the list of operations.
    operation: usize,
    /// For lists: the tool that reads one of the items whole.
    reader: Option<&'static str>,
}

/// What a list of tools depends on.
#[derive(PartialEq, Eq, Hash)]
struct ListKey {
    tools: Vec<usize>,
    names: Names,
    asks_for_workspace: bool,
}

/// There are few sets of rights; somebody who makes up new ones does not fill the memory.
const LISTS_KEPT: usize = 128;

impl Tools {
    pub fn new(app: &App) -> Self {
        let is_on = |spec: &Spec| spec.more.mcp && (spec.toolset != Toolset::Crm || app.config().crm);
        let mut tools = Tools { all: Vec::new(), by_name: HashMap::new(), lists: Mutex::default() };
        for (operation, listed) in app.operations().iter().enumerate() {
            let spec = &listed.entry.spec;
            if !is_on(spec) {
                continue;
            }
            for name in std::iter::once(&spec.name).chain(spec.more.aliases) {
                for spelling in [Names::Dotted, Names::Underscored] {
                    tools.by_name.insert(spelling.of(name), tools.all.len());
                }
            }
            let reader = spec.name.strip_suffix(".list").and_then(|thing| app.operation(&format!("{thing}.get")));
            let reader = reader.map(|listed| listed.entry.spec).filter(is_on).map(|spec| spec.name);
            tools.all.push(Tool { operation, reader });
        }
        tools
    }

    /// What the peer may call now.
    pub fn offer(&self, app: &App, peer: &Peer, identity: &Identity) -> Offer {
        let is_offered = |tool: &Tool| is_offered(&app.operations()[tool.operation].entry.spec, peer, identity);
        let tools = (0..self.all.len()).filter(|index| is_offered(&self.all[*index])).collect();
        let asks_for_workspace = asks_for_workspace(peer, identity);
        let key = ListKey { tools, names: names(peer, identity), asks_for_workspace };
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offer) = lists.get(&key) {
            return offer.clone();
        }
        let is_listed = |name: &str| self.by_name.get(name).is_some_and(|index| key.tools.contains(index));
        let told = |text: &str| {
            let lines = text.lines().filter_map(|line| spelled(line, app, key.names, is_listed));
            lines.collect::<Vec<_>>().join("\n")
        };
        let described: Vec<Description<'_>> = key
            .tools
            .iter()
            .map(|index| &app.operations()[self.all[*index].operation])
            .map(|listed| describe(listed, key.names, key.asks_for_workspace, &told))
            .collect();
        let list: Arc<[u8]> = serde_json::to_vec(&List { tools: described }).expect("plain data").into();
        let stamp = stamp(&list);
        let offer = Offer { list, stamp };
        if lists.len() >= LISTS_KEPT {
            lists.clear();
        }
        lists.insert(key, offer.clone());
        offer
    }

    /// May the peer call the tool of this name now?
    pub fn offers(&self, app: &App, peer: &Peer, identity: &Identity, name: &str) -> bool {
        self.by_name
            .get(name)
            .is_some_and(|index| is_offered(&app.operations()[self.all[*index].operation].entry.spec, peer, identity))
    }

    /// Changes whenever the offer does.
    pub fn stamp(&self, app: &App, peer: &Peer, identity: &Identity) -> u64 {
        self.offer(app, peer, identity).stamp
    }

    /// The result of `tools/call`. What goes wrong inside the tool is a result too, so that the model can read it and do better.
    pub async fn call(&self, app: &Arc<App>, peer: &Peer, mut params: Map<String, Value>) -> Result<Vec<u8>, Failure> {
        let Some(Value::String(name)) = params.remove("name") else {
            return Err(RpcError::invalid_params("name must be the name of a tool").into());
        };
        let arguments = match params.remove("arguments") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(arguments)) => arguments,
            Some(_) => return Err(RpcError::invalid_params("arguments must be an object").into()),
        };
        let tool = self.by_name.get(&name).map(|index| &self.all[*index]).ok_or_else(|| self.unknown(app, &name))?;
        let listed = &app.operations()[tool.operation];
        if !peer.wishes.allow(&listed.entry.spec) {
            let why = "is left out by the address of this connection (toolsets or readonly)";
            return Err(RpcError::invalid_params(format!("Unknown tool: {} {why}", quoted(&name))).into());
        }
        let answer = self.run(app, peer, tool, listed, arguments).await;
        app.store().metrics().tool_call(listed.entry.spec.name, answer.as_ref().map_or_else(Error::code, |_| "ok"));
        match answer {
            Ok(result) => Ok(result),
            Err(error) if matches!(error.kind(), Kind::Unauthorized | Kind::KeyExpired) => Err(error.into()),
            // What the key was narrowed to is no matter of the arguments: no other call would do better.
            Err(error) if error.permission().is_some_and(|missing| missing.scope == "key") => {
                let data = json!({ "permission": error.permission() });
                Err(RpcError { data: Some(data), ..RpcError::new(REFUSED, error.detail()) }.into())
            }
            Err(error) => {
                let request_id = peer.call.request_id.as_str();
                if error.kind() == Kind::Internal {
                    log::error!(request_id; "tool {name}: {}", error.cause());
                }
                let problem = serde_json::to_vec(&error.problem(request_id)).expect("a problem is plain data");
                Ok(result(&problem, true))
            }
        }
    }

    async fn run(
        &self,
        app: &Arc<App>,
        peer: &Peer,
        tool: &Tool,
        listed: &Listed,
        mut arguments: Map<String, Value>,
    ) -> Result<Vec<u8>> {
        let spec = &listed.entry.spec;
        let mut call = peer.call.clone();
        if SELECTORS.iter().any(|name| arguments.contains_key(*name)) {
            call.selector = None;
        }
        let excerpt = wanted(listed, &mut arguments);
        if spec.is_list() {
            call.paging = Paging::first(LIST_LENGTH);
            if let Some((argument, value)) = spec.more.open
                && !arguments.contains_key(argument)
            {
                arguments.insert(argument.to_owned(), Value::from(value));
            }
        }
        let Reply { body, file, .. } = app.answer(listed, call, arguments).await?;
        // A mistake in what is wanted is told to those only whom the door let in; nothing but reads can have one.
        let body = match excerpt? {
            _ if file.is_some() => return Ok(text_result(&body)),
            _ if body.is_empty() => b"{\"ok\":true}".to_vec(),
            None => body,
            Some(excerpt) => excerpt::of(&body, &excerpt, |field| match tool.reader {
                Some(reader) => {
                    let names = peer.identity(app).map_or(Names::Dotted, |identity| names(peer, identity));
                    format!("read it whole with {}", names.of(reader))
                }
                None => format!("read it whole with fields: \"id,{field}\""),
            })?,
        };
        Ok(result(&body, false))
    }

    fn unknown(&self, app: &App, name: &str) -> RpcError {
        let is_off = app.operation(name).is_some_and(|listed| listed.entry.spec.toolset == Toolset::Crm);
        if is_off && !app.config().crm {
            return RpcError::invalid_params(format!(
                "Unknown tool: {}: the CRM is turned off on this server (feature key crm.core)",
                quoted(name)
            ));
        }
        let known = self.all.iter().map(|tool| app.operations()[tool.operation].entry.spec.name);
        RpcError::new(
            INVALID_PARAMS,
            match likely(&name.replace('_', "."), known, 0.85) {
                Some(known) => format!("Unknown tool: {}; did you mean {known}?", quoted(name)),
                None => format!("Unknown tool: {}; tools/list names what there is", quoted(name)),
            },
        )
    }
}

/// Tells texts apart, after a restart too.
pub fn stamp(text: &[u8]) -> u64 {
    Sha256::digest(text).iter().take(8).fold(0, |stamp, byte| stamp << 8 | u64::from(*byte))
}

/// The way of naming that counts most: the address, then the key, then what is known of the client.
pub fn names(peer: &Peer, identity: &Identity) -> Names {
    let by_key = identity.key().filter(|key| key.underscore_names).map(|_| Names::Underscored);
    peer.wishes.names.or(by_key).unwrap_or_else(|| Names::for_client(peer.terms.client()))
}

/// A line about tools, each as the connection calls it; `None` if it does not have one of them.
pub fn spelled(line: &str, app: &App, names: Names, is_offered: impl Fn(&str) -> bool) -> Option<String> {
    let mut told = String::with_capacity(line.len());
    for (index, part) in line.split('`').enumerate() {
        match index % 2 {
            0 => told.push_str(part),
            _ if app.operation(part).is_none() => told.push_str(&format!("`{part}`")),
            _ if is_offered(part) => told.push_str(&format!("`{}`", names.of(part))),
            _ => return None,
        }
    }
    Some(told)
}

fn is_offered(spec: &Spec, peer: &Peer, identity: &Identity) -> bool {
    peer.wishes.allow(spec) && identity.allows(spec) && role_allows(peer, identity, spec)
}

/// Must it be said which workspace is meant? Not where the key or the connection says so.
pub fn asks_for_workspace(peer: &Peer, identity: &Identity) -> bool {
    peer.call.selector.is_none() && identity.must_name_workspace()
}

/// Would some workspace that the peer may mean let it?
fn role_allows(peer: &Peer, identity: &Identity, spec: &Spec) -> bool {
    let least: Role = match spec.needs {
        Needs::Public | Needs::Account => return true,
        Needs::Platform => return identity.is_platform_admin(),
        Needs::Superadmin => return identity.is_superadmin(),
        Needs::Workspace(_) | Needs::Project(_) if identity.is_platform_admin() => return true,
        Needs::Workspace(least) | Needs::Project(least) => least,
    };
    let is_meant = |id: String, slug: &str| match &peer.call.selector {
        None => true,
        Some(Selector::Id(text) | Selector::Slug(text) | Selector::Path(text)) => {
            text.eq_ignore_ascii_case(slug) || *text == id
        }
    };
    let role = |membership: &Membership| match spec.needs {
        Needs::Workspace(_) if !spec.more.or_in_a_project => membership.role,
        _ => membership.highest,
    };
    identity.workspaces().any(|m| role(m) >= least && is_meant(m.workspace.to_string(), &m.slug))
}

/// Which fields of the answer are wanted; `None` for the answer as it is.
fn wanted(listed: &Listed, arguments: &mut Map<String, Value>) -> Result<Option<Excerpt>> {
    let spec = &listed.entry.spec;
    let has_brief = spec.is_list() && !spec.more.brief.is_empty();
    let is_full = match has_brief.then(|| arguments.remove(DETAIL)).flatten() {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("full") => true,
        Some(Value::String(text)) if text.trim().is_empty() || text.trim().eq_ignore_ascii_case("brief") => false,
        Some(other) => {
            return Err(Error::field(DETAIL, format!("must be brief or full, not {}", quoted(&other.to_string()))));
        }
    };
    let says_fields = match arguments.get(common::FIELDS) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    };
    let fields = if spec.effect == Effect::Read { projection::take(arguments)? } else { None };
    if let Some(fields) = fields {
        projection::check(&listed.entry, &fields)?;
        return Ok(Some(Excerpt::Named(fields)));
    }
    Ok(match spec.is_list() {
        false => None,
        true if has_brief && !is_full && !says_fields => Some(Excerpt::Brief(spec.more.brief)),
        true => Some(Excerpt::Everything),
    })
}

/// The answer of a tool, twice: as data, and as the same JSON in a text for clients that only show texts.
fn result(body: &[u8], is_error: bool) -> Vec<u8> {
    let text = std::str::from_utf8(body).expect("JSON is UTF-8");
    let mut out = Vec::with_capacity(body.len() * 2 + body.len() / 4 + 96);
    out.extend_from_slice(b"{\"content\":[{\"type\":\"text\",\"text\":");
    serde_json::to_writer(&mut out, text).expect("writing to memory");
    out.extend_from_slice(b"}],\"structuredContent\":");
    out.extend_from_slice(body);
    out.extend_from_slice(if is_error { b",\"isError\":true}" } else { b"}" });
    out
}

/// A file of text, as the text it is.
fn text_result(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    serde_json::to_vec(&json!({ "content": [{ "type": "text", "text": text }] })).expect("plain data")
}

#[derive(Serialize)]
struct List<'a> {
    tools: Vec<Description<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    name: String,
    title: &'a str,
    description: Value,
    input_schema: Value,
    annotations: Annotations,
}

/// What a client may take as promised: several ask their person before anything that is not read-only.
/// What is left out is as the protocol has it: a write is not idempotent, and for a read the rest means nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotations {
    read_only_hint: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    destructive_hint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotent_hint: Option<bool>,
    /// Sally talks to nobody else.
    open_world_hint: bool,
}

impl Annotations {
    fn of(spec: &Spec) -> Self {
        let is_read = spec.effect == Effect::Read;
        let is_update = spec.route.is_some_and(|route| matches!(route.method, Method::Patch | Method::Put));
        Annotations {
            read_only_hint: is_read,
            destructive_hint: (!is_read).then_some(spec.effect == Effect::Destructive),
            idempotent_hint: (!is_read && is_update).then_some(true),
            open_world_hint: false,
        }
    }
}

fn describe<'a>(
    listed: &'a Listed,
    names: Names,
    asks_for_workspace: bool,
    told: &impl Fn(&str) -> String,
) -> Description<'a> {
    let spec = &listed.entry.spec;
    let mut schema = listed.shape.schema.clone();
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = told(text);
    }
    lighten(&mut schema);
    let object = schema.as_object_mut().expect("the schema of an input is an object");
    let description = object.remove("description").unwrap_or_else(|| spec.title.into());
    // What every tool of a kind takes is told once, in the instructions; so these are not all.
    object.remove("additionalProperties");
    let properties = object.get_mut("properties").and_then(Value::as_object_mut).expect("every shape has properties");
    for name in [common::IDEMPOTENCY_KEY, common::IF_VERSION, common::INCLUDE, common::FIELDS] {
        properties.remove(name);
    }
    if spec.is_list() {
        // How many it gives by itself stands in the instructions, too.
        properties.insert(common::LIMIT.into(), json!({ "type": "integer", "description": "1-200" }));
        // Every order in both directions as an enumeration costs three times the words.
        match spec.more.sorts {
            [_] => properties.remove(common::SORT),
            sorts => {
                let sorts: Vec<&str> = sorts.iter().map(|sort| sort.name).collect();
                let sort = json!({ "type": "string", "description": sorts.join(", ") });
                properties.insert(common::SORT.into(), sort)
            }
        };
        if let Some((argument, value)) = spec.more.open {
            properties[argument]["default"] = value.into();
        }
        if !spec.more.brief.is_empty() {
            let fields = json!({ "type": "string", "description": "id,title" });
            properties.insert(common::FIELDS.into(), fields);
        }
    }
    if asks_for_workspace && spec.needs.workspace_role().is_some() && !listed.shape.has("workspaceId") {
        properties.insert("workspaceSlug".into(), json!({ "type": "string", "description": "Which one." }));
    }
    Description {
        name: names.of(spec.name),
        title: spec.title,
        description,
        input_schema: schema,
        annotations: Annotations::of(spec),
    }
}

/// Leaves out of a schema what costs tokens and tells a model little: bounds and forms, which the answer names when
/// they are not kept, and the marks of Markdown.
fn lighten(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    for keyword in ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "format"] {
        schema.remove(keyword);
    }
    if schema.get("default").is_some_and(|default| default == "") {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        text.retain(|letter| letter != '`');
    }
    schema.get_mut("items").into_iter().for_each(lighten);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(lighten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_refuse_dots_are_known_by_their_name() {
        for name in ["claude-ai", "Claude-AI", "claude-ai (via mcp-remote 0.1.37)", "codex-mcp-client", "cursor-vscode"]
        {
            assert_eq!(Names::for_client(Some(name)), Names::Underscored, "{name}");
        }
        for name in ["claude-aide", "claude-code", "cursor-vscode-api-tests", "", "é"] {
            assert_eq!(Names::for_client(Some(name)), Names::Dotted, "{name}");
        }
        assert_eq!(Names::for_client(None), Names::Dotted);
    }
}
