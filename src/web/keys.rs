//! Keys: the list, a new one with its token and ready configurations, and the end of one.

use actix_web::web;
use askama::Template;

use crate::core::caller::PlatformRole;
use crate::core::config::KeysBy;
use crate::core::error::Error;
use crate::core::time::Moment;
use crate::features::keys::{
    CreateApiKey, CreateMcpKey, Key, KeyKind, ListApiKeys, ListMcpKeys, NewKey, RevokeApiKey, RevokeMcpKey,
};
use crate::http::auth::own_address;
use crate::mcp::clients::{self, ClientConfig};

use super::form::Form;
use super::page::{Answer, Page, Place, Query, Refused};
use super::show::Choice;

#[derive(Template)]
#[template(path = "settings/keys.html")]
struct KeysPage<'a> {
    page: &'a Page,
    keys: Vec<Row>,
    form: &'a Form,
    workspaces: Vec<Choice>,
    /// Who could write through it, and what it could be narrowed to; of the workspace one is in.
    agents: Vec<Choice>,
    projects: Vec<Choice>,
    expiries: Vec<Choice>,
    toolsets: Vec<&'static str>,
    /// Why no key can be made here; empty if one can.
    refusal: &'static str,
    /// What this server says of how long keys work; empty if nothing.
    policy: String,
}

struct Row {
    id: String,
    label: String,
    kind: &'static str,
    prefix: String,
    /// `None`: everything.
    scopes: Option<String>,
    /// Who writes through it.
    agent: Option<String>,
    /// The workspace, projects and toolsets it is narrowed to.
    only: String,
    expiry: String,
    /// `revoked`, `expired`, `soon` or nothing.
    state: &'static str,
    used: String,
    version: i64,
}

/// An expiry is worth a second look this long before.
const SOON_DAYS: i64 = 14;

impl Row {
    fn new(page: &Page, key: &Key) -> Self {
        let place = key.workspace_id.and_then(|id| page.workspaces.iter().find(|place| place.raw_id == id.raw()));
        let projects = key.projects.iter().flatten().map(|project| project.name.clone());
        let addresses = key.addresses.iter().flatten().map(|network| format!("from {network}"));
        let place = place.map(|place| place.name.clone()).into_iter();
        let only: Vec<String> = place.chain(projects).chain(key.toolsets.clone()).chain(addresses).collect();
        Row {
            id: key.id.to_string(),
            label: key.label.clone(),
            kind: key.kind.word(),
            prefix: key.prefix.clone(),
            scopes: Some(key.scopes.clone()).filter(|scopes| scopes != "*"),
            agent: key.agent.as_ref().map(|agent| agent.name.clone()),
            only: only.join(" · "),
            expiry: key.expires_at.map_or_else(|| "Never expires".into(), |at| expires(page, &at)),
            state: match key.expires_at {
                _ if key.revoked_at.is_some() => "revoked",
                Some(at) if at <= page.now => "expired",
                Some(at) if at <= page.now.plus_days(SOON_DAYS) => "soon",
                _ => "",
            },
            used: key.last_used_at.map_or_else(
                || "Not used yet".to_owned(),
                |at| {
                    let ago = page.ago(&at).replace("Today", "today").replace("Yesterday", "yesterday");
                    let from = key.last_address.iter().map(|address| format!(" from {address}")).collect::<String>();
                    format!("Used {ago}{from}")
                },
            ),
            version: key.version,
        }
    }
}

fn expires(page: &Page, at: &Moment) -> String {
    format!("{} {}", if *at <= page.now { "Expired" } else { "Expires" }, at.day(&page.zone).for_people())
}

async fn own_keys(page: &Page) -> Result<Vec<Key>, Refused> {
    let none = || Query::default().input(&[]);
    let mut keys = page.list::<ListMcpKeys>(none(), 200).await?.items;
    keys.extend(page.list::<ListApiKeys>(none(), 200).await?.items);
    Ok(keys)
}

async fn show(page: &Page, form: &Form) -> Answer {
    let mut keys = own_keys(page).await?;
    keys.sort_by_key(|key| (key.revoked_at.is_some(), std::cmp::Reverse(key.id.raw())));
    let mut workspaces: Vec<Choice> =
        page.workspaces.iter().map(|place| Choice::new(&place.slug, place.name.clone())).collect();
    workspaces.push(Choice::new("", "All my workspaces"));
    let mut agents = page.agents().await;
    if !agents.is_empty() {
        agents.insert(0, Choice::new("", "Myself"));
    }
    let config = page.app().config();
    let template = KeysPage {
        page,
        keys: keys.iter().map(|key| Row::new(page, key)).collect(),
        form,
        workspaces,
        agents,
        projects: match page.workspace {
            Some(_) => page.projects().await?.into_iter().map(|one| Choice::new(one.id, one.name)).collect(),
            None => Vec::new(),
        },
        expiries: expiries(config.key_max_days),
        toolsets: toolsets(page),
        refusal: match config.keys_by {
            _ if page.account.platform_role != PlatformRole::None => "",
            KeysBy::Everybody => "",
            KeysBy::Owners if page.workspaces.iter().any(Place::is_owned) => "",
            KeysBy::Owners => "On this server owners of a workspace make keys. Ask an owner of yours.",
            KeysBy::Admins => "On this server administrators make keys. Ask one of them.",
        },
        policy: match config.key_max_days {
            0 => String::new(),
            days => {
                format!("On this server a new key works for {days} days at most. Keys made before keep their expiry.")
            }
        },
    };
    page.show(form.status(), &template)
}

/// How long a new key can work, where the server sets no limit or one of so many days.
fn expiries(most: u32) -> Vec<Choice> {
    let within = |(days, _): &(u32, &str)| most == 0 || *days <= most;
    let mut choices: Vec<Choice> = [(90, "In 90 days"), (30, "In 30 days"), (365, "In one year")]
        .into_iter()
        .filter(within)
        .map(|(days, text)| Choice::new(days, text))
        .collect();
    let last = if most == 0 { "Never".to_owned() } else { format!("As late as possible, in {most} days") };
    choices.push(Choice::new("", last));
    choices
}

/// The areas that have tools at all.
fn toolsets(page: &Page) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = Vec::new();
    for listed in page.app().operations().iter().filter(|listed| listed.entry.spec.more.mcp) {
        let word = listed.entry.spec.toolset.word();
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

pub async fn list(page: Page) -> Answer {
    let slug = page.workspace.as_ref().map(|place| place.slug.clone()).unwrap_or_default();
    let most = page.app().config().key_max_days;
    let expires = if (1..90).contains(&most) { "" } else { "90" };
    let form = Form::filled([
        ("kind", "MCP".to_owned()),
        ("scopes", "*".to_owned()),
        ("workspaceId", slug),
        ("expires", expires.to_owned()),
    ]);
    show(&page, &form).await
}

#[derive(Template)]
#[template(path = "settings/key_made.html")]
struct MadePage<'a> {
    page: &'a Page,
    token: &'a str,
    label: &'a str,
    /// What the key may do, where and until when.
    reach: String,
    /// Empty for an API key.
    clients: Vec<ClientConfig>,
    /// A first request with an API key.
    example: String,
    connection: Connection,
}

/// Has a key made its first call?
pub struct Connection {
    pub id: String,
    /// When it was used last, as far as it was.
    pub used: Option<String>,
}

impl Connection {
    pub fn new(page: &Page, key: &Key) -> Self {
        let last = page.app().last_use(key.id).or(key.last_used_at);
        let used = last.map(|at| format!("{}, {}", page.day(&at), at.clock(&page.zone)));
        Connection { id: key.id.to_string(), used }
    }
}

#[derive(Template)]
#[template(path = "settings/connection.html")]
struct ConnectionPage<'a> {
    page: &'a Page,
    label: &'a str,
    connection: Connection,
}

pub async fn connection(page: Page, id: web::Path<String>) -> Answer {
    let keys = own_keys(&page).await?;
    let key = keys.iter().find(|key| key.id.to_string() == *id);
    let key = key.ok_or_else(|| page.refuse(Error::not_found("key", &id)))?;
    page.ok(&ConnectionPage { page: &page, label: &key.label, connection: Connection::new(&page, key) })
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    let typed = ["kind", "customScopes", "expires", "addresses"].map(|name| (name, form.take(name)));
    let [(_, kind), (_, custom), (_, days), (_, addresses)] = &typed;
    let chosen = form.value("scopes").to_owned();
    if !custom.trim().is_empty() {
        form.set("scopes", custom.trim());
    }
    // One in a line, or with commas between them.
    let addresses: Vec<&str> = addresses.split([',', ' ', '\n', '\r', '\t']).filter(|part| !part.is_empty()).collect();
    if !addresses.is_empty() {
        form.set("addresses", addresses.join(","));
    }
    match days.parse::<i64>() {
        Ok(days) if (1..=3_650).contains(&days) => form.set("expiresAt", page.today.plus_days(days).to_string()),
        _ if days.is_empty() => {}
        _ => form.complain("expires", "must be a number of days"),
    }
    if form.is_blank("agentId") {
        form.leave("agentId");
    }
    let made = if kind == KeyKind::Api.word() {
        for name in ["toolsets", "toolNames"] {
            if form.is_blank(name) {
                form.take(name);
            } else {
                form.complain(name, "is for MCP keys only; leave it empty for a script");
            }
        }
        form.run::<CreateApiKey>(&page).await?
    } else {
        form.run::<CreateMcpKey>(&page).await?
    };
    match made {
        Some(key) => show_made(&page, &key),
        None => {
            for (name, value) in typed {
                form.set(name, value);
            }
            form.set("scopes", chosen);
            show(&page, &form).await
        }
    }
}

fn show_made(page: &Page, NewKey { token, key }: &NewKey) -> Answer {
    let row = Row::new(page, key);
    let base = own_address(page.request(), page.app());
    let may = row.scopes.as_deref().map_or_else(|| "Everything you may do".to_owned(), |scopes| format!("“{scopes}”"));
    let place = if row.only.is_empty() { "in all your workspaces" } else { &row.only };
    page.ok(&MadePage {
        page,
        token,
        label: &key.label,
        connection: Connection::new(page, key),
        reach: match &row.agent {
            Some(agent) => format!("{may} · as {agent} · {place} · {}", row.expiry),
            None => format!("{may} · {place} · {}", row.expiry),
        },
        clients: if key.kind == KeyKind::Mcp { clients::hosted(&base, token) } else { Vec::new() },
        example: format!("curl -H \"Authorization: Bearer {token}\" {base}/api/crm/deals"),
    })
}

/// The first time revokes, the second removes; the version keeps a double click from doing both.
pub async fn revoke(page: Page, id: web::Path<String>, form: Form) -> Answer {
    let id = page.id(&id)?;
    let seen = form.value("ifVersion").parse().ok();
    let result: Result<(), Refused> = if form.value("kind") == KeyKind::Api.word() {
        page.run_with(RevokeApiKey { api_key_id: id }, seen).await
    } else {
        page.run_with(RevokeMcpKey { mcp_key_id: id }, seen).await
    };
    result?;
    let said = if form.value("state") == "revoked" { "Key removed" } else { "Key revoked. It is dead at once." };
    page.go("/settings/keys", said)
}
