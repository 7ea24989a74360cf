//! Completion: what may be typed on, for the arguments of prompts and the names in the addresses of resources.
//! It asks the same lists as everybody, so it names only what the key may see.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::core::app::{App, Call};
use crate::core::caller::Selector;
use crate::core::error::{Kind as ErrorKind, quoted};
use crate::features::projects::statuses::StatusType;

use super::address::Kind;
use super::guides::PROMPTS;
use super::prompts::WORKSPACE;
use super::protocol::{Failure, Peer, RpcError};
use super::resources::{Shelf, failed};

/// As many as one answer may hold.
const MOST: usize = 100;
/// As many as are looked through.
const LOOKED_THROUGH: usize = 200;

/// What an argument can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choices {
    /// Anything.
    Free,
    Words(&'static [&'static str]),
    Days,
    /// Slugs, keys or names of records.
    Of(Kind),
    /// People of the workspace.
    Members,
    /// Statuses of the project that another argument names.
    Statuses,
}

/// Days as people say them; every other one is understood too.
const DAYS: &[&str] = &["today", "tomorrow", "monday", "friday", "-1d", "-7d", "-30d", "+7d"];

/// The result of `completion/complete`.
pub async fn complete(app: &Arc<App>, peer: &Peer, params: &Map<String, Value>) -> Result<Value, Failure> {
    let wrong = |what: &str| Failure::from(RpcError::invalid_params(what));
    let reference = |name: &str| params.get("ref").and_then(|reference| reference.get(name)).and_then(Value::as_str);
    let argument = |name: &str| params.get("argument").and_then(|argument| argument.get(name)).and_then(Value::as_str);
    let name = argument("name").ok_or_else(|| wrong("argument must have a name and a value"))?;
    let typed = argument("value").ok_or_else(|| wrong("argument must have a name and a value"))?.trim();
    let given = params.get("context").and_then(|context| context.get("arguments"));
    let given = |name: &str| given.and_then(|given| given.get(name)).and_then(Value::as_str).map(str::trim);

    let (choices, mut call, workspace) = match reference("type") {
        Some("ref/prompt") => {
            let prompt = reference("name").and_then(|name| PROMPTS.iter().find(|prompt| prompt.name == name));
            let prompt = prompt.ok_or_else(|| wrong("ref: no such prompt; prompts/list names what there is"))?;
            let argument = prompt.arguments.iter().find(|argument| argument.name == name);
            let choices = match argument {
                Some(argument) => argument.choices,
                None if name == WORKSPACE => Choices::Of(Kind::Workspace),
                None => return Err(wrong(&format!("argument: {} has no argument {}", prompt.name, quoted(name)))),
            };
            (choices, peer.call.clone(), given(WORKSPACE))
        }
        Some("ref/resource") => {
            let shelf = Shelf::of(app, peer)?;
            let kind = reference("uri").and_then(Kind::of_template).filter(|kind| shelf.offers(*kind));
            let kind =
                kind.ok_or_else(|| wrong("ref: no such template; resources/templates/list names what there is"))?;
            if !kind.template().contains(&format!("{{{name}}}")) {
                return Err(wrong(&format!("argument: {} is not in {}", quoted(name), kind.template())));
            }
            let kind = if name == "slug" { Kind::Workspace } else { kind };
            (Choices::Of(kind), Call { reads_resources: true, ..peer.call.clone() }, given("slug"))
        }
        _ => return Err(wrong("ref must be a prompt (ref/prompt with name) or a template (ref/resource with uri)")),
    };
    if let Some(slug) = workspace.filter(|slug| !slug.is_empty()) {
        call.selector = Some(Selector::Slug(slug.to_owned()));
    }
    let found = match choices {
        Choices::Free => Found::default(),
        Choices::Words(words) => Found::of(words.iter().map(|word| (*word).to_owned()), typed),
        Choices::Days => Found::of(DAYS.iter().map(|word| (*word).to_owned()), typed),
        Choices::Of(Kind::Workspace | Kind::MyTasks) => {
            let identity = app.identity(&call)?;
            Found::of(identity.workspaces().map(|membership| membership.slug.clone()), typed)
        }
        Choices::Of(kind) => records(app, call, kind, typed, given("project")).await?,
        Choices::Members => members(app, call, typed).await?,
        Choices::Statuses => statuses(app, call, typed, given("project")).await?,
    };
    Ok(found.result())
}

/// What fits, and whether more does.
#[derive(Default)]
struct Found {
    values: Vec<String>,
    has_more: bool,
}

impl Found {
    /// Those that begin with what is typed.
    fn of(values: impl Iterator<Item = String>, typed: &str) -> Self {
        let typed = typed.to_lowercase();
        let values = values.filter(|value| value.to_lowercase().starts_with(&typed)).collect();
        Found { values, has_more: false }
    }

    /// Whatever begins with what is typed comes first, else the order stays.
    fn ranked(mut values: Vec<String>, has_more: bool, typed: &str) -> Self {
        let typed = typed.to_lowercase();
        values.sort_by_key(|value| !value.to_lowercase().starts_with(&typed));
        Found { values, has_more }
    }

    fn result(mut self) -> Value {
        let total = self.values.len();
        let is_cut = total > MOST;
        self.values.truncate(MOST);
        match self.has_more {
            true => json!({ "completion": { "values": self.values, "hasMore": true } }),
            false => json!({ "completion": { "values": self.values, "total": total, "hasMore": is_cut } }),
        }
    }
}

/// A page of a list; nothing for who may not see it, or where something that it depends on is not there.
async fn page(app: &Arc<App>, call: Call, operation: &str, input: Value) -> Result<(Vec<Value>, bool), Failure> {
    let Value::Object(mut input) = input else { return Ok((Vec::new(), false)) };
    input.retain(|_, value| !value.is_null());
    input.insert("limit".into(), LOOKED_THROUGH.into());
    let listed = app.operation(operation).expect("completion names operations that there are");
    match app.answer(listed, call, input).await {
        Ok(reply) => {
            let mut page: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let has_more = page["nextCursor"].is_string();
            Ok((page["items"].as_array_mut().map(std::mem::take).unwrap_or_default(), has_more))
        }
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::Ambiguous | ErrorKind::PermissionDenied | ErrorKind::WorkspaceDenied
            ) =>
        {
            Ok((Vec::new(), false))
        }
        Err(error) => Err(failed(error)),
    }
}

async fn records(app: &Arc<App>, call: Call, kind: Kind, typed: &str, project: Option<&str>) -> Result<Found, Failure> {
    // The index finds beginnings of two letters and more; a single one is looked for in the list itself.
    let search = (typed.chars().count() > 1).then_some(typed);
    let beginning = if search.is_some() { "" } else { typed };
    let (operation, field, input) = match kind {
        Kind::Task => return tasks(app, call, typed, project).await,
        Kind::Project => ("project.list", "key", json!({ "search": search })),
        Kind::Client => ("client.list", "name", json!({ "search": search })),
        Kind::Organization => ("crm.organization.list", "name", json!({ "search": search })),
        Kind::Person => ("crm.person.list", "name", json!({ "search": search })),
        Kind::Deal => ("crm.deal.list", "title", json!({ "search": search, "status": "ALL" })),
        Kind::Workspace | Kind::MyTasks => return Ok(Found::default()),
    };
    let (items, has_more) = page(app, call, operation, input).await?;
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = items.iter().map(|item| text(item, field)).collect();
    // A name that several bear would not say which; their ids do.
    let is_alone = |name: &String| names.iter().filter(|other| other.eq_ignore_ascii_case(name)).count() == 1;
    let values = items.iter().zip(&names).filter(|(item, name)| {
        let fits = |text: &str| text.to_lowercase().starts_with(&beginning.to_lowercase());
        fits(name) || fits(&text(item, "name"))
    });
    let values = values.map(|(item, name)| if is_alone(name) { name.clone() } else { text(item, "id") }).collect();
    Ok(Found::ranked(values, has_more, typed))
}

/// Keys of tasks: of a project once its own is typed, by words in the title, or one's own.
async fn tasks(app: &Arc<App>, call: Call, typed: &str, project: Option<&str>) -> Result<Found, Failure> {
    let key = typed.split_once('-').filter(|(key, number)| {
        (2..=6).contains(&key.len())
            && key.bytes().all(|letter| letter.is_ascii_alphabetic())
            && number.bytes().all(|digit| digit.is_ascii_digit())
    });
    let (operation, input) = match key {
        Some((key, _)) => {
            ("task.list", json!({ "projectId": key, "status": "ALL", "archived": true, "sort": "-createdAt" }))
        }
        None if typed.is_empty() && project.is_none() => ("task.mine", json!({})),
        None => ("task.list", json!({ "projectId": project, "search": (!typed.is_empty()).then_some(typed) })),
    };
    let (items, has_more) = page(app, call, operation, input).await?;
    let keys = items.iter().filter_map(|task| task["key"].as_str().map(str::to_owned));
    Ok(match key {
        Some(_) => Found { has_more, ..Found::of(keys, typed) },
        None => Found::ranked(keys.collect(), has_more, typed),
    })
}

/// What the statuses of a project are called; their kinds, before it is known.
async fn statuses(app: &Arc<App>, call: Call, typed: &str, project: Option<&str>) -> Result<Found, Failure> {
    let Some(project) = project.filter(|project| !project.is_empty()) else {
        return Ok(Found::of(StatusType::ALL.iter().map(StatusType::to_string), typed));
    };
    let (items, _) = page(app, call, "project.status.list", json!({ "projectId": project })).await?;
    Ok(Found::of(items.iter().filter_map(|status| status["name"].as_str().map(str::to_owned)), typed))
}

/// People of the workspace by name; by e-mail where two share one.
async fn members(app: &Arc<App>, call: Call, typed: &str) -> Result<Found, Failure> {
    let workspace = match &call.selector {
        Some(Selector::Id(text) | Selector::Slug(text) | Selector::Path(text)) => text.clone(),
        None => match app.identity(&call)?.workspaces().next() {
            Some(membership) => membership.slug.clone(),
            None => return Ok(Found::default()),
        },
    };
    let (items, has_more) = page(app, call, "workspace.member.list", json!({ "workspaceId": workspace })).await?;
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = items.iter().map(|item| text(item, "name")).collect();
    let typed = typed.to_lowercase();
    let fits = |text: &str| text.to_lowercase().split_whitespace().any(|word| word.starts_with(&typed));
    let mut values: Vec<String> = if "me".starts_with(&typed) { vec!["me".into()] } else { Vec::new() };
    for (item, name) in items.iter().zip(&names) {
        let email = text(item, "email");
        let is_alone = names.iter().filter(|other| other.eq_ignore_ascii_case(name)).count() == 1;
        if typed.is_empty() || fits(name) || fits(&email) {
            values.push(if is_alone { name.clone() } else { email });
        }
    }
    Ok(Found { values, has_more })
}
