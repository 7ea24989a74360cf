//! Keys: the list, a new one with its token and ready configurations, and the end of one.

use actix_web::web;
use askama::Template;

use crate::core::time::Moment;
use crate::features::keys::{
    CreateApiKey, CreateMcpKey, Key, KeyKind, ListApiKeys, ListMcpKeys, NewKey, RevokeApiKey, RevokeMcpKey,
};
use crate::http::auth::own_address;
use crate::mcp::clients::{self, ClientConfig};

use super::form::Form;
use super::page::{Answer, Page, Query, Refused};
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
        let only: Vec<String> =
            place.map(|place| place.name.clone()).into_iter().chain(projects).chain(key.toolsets.clone()).collect();
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
                |at| format!("Used {}", page.ago(&at).replace("Today", "today").replace("Yesterday", "yesterday")),
            ),
            version: key.version,
        }
    }
}

fn expires(page: &Page, at: &Moment) -> String {
    format!("{} {}", if *at <= page.now { "Expired" } else { "Expires" }, at.day(&page.zone).for_people())
}

async fn show(page: &Page, form: &Form) -> Answer {
    let none = || Query::default().input(&[]);
    let mut keys = page.list::<ListMcpKeys>(none(), 200).await?.items;
    keys.extend(page.list::<ListApiKeys>(none(), 200).await?.items);
    keys.sort_by_key(|key| (key.revoked_at.is_some(), std::cmp::Reverse(key.id.raw())));
    let mut workspaces: Vec<Choice> =
        page.workspaces.iter().map(|place| Choice::new(&place.slug, place.name.clone())).collect();
    workspaces.push(Choice::new("", "All my workspaces"));
    let mut agents = page.agents().await;
    if !agents.is_empty() {
        agents.insert(0, Choice::new("", "Myself"));
    }
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
        expiries: [("90", "In 90 days"), ("30", "In 30 days"), ("365", "In one year"), ("", "Never")]
            .into_iter()
            .map(|(days, text)| Choice::new(days, text))
            .collect(),
        toolsets: toolsets(page),
    };
    page.show(form.status(), &template)
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
    let form = Form::filled([
        ("kind", "MCP".to_owned()),
        ("scopes", "*".to_owned()),
        ("workspaceId", slug),
        ("expires", "90".to_owned()),
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
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    let typed = ["kind", "customScopes", "expires"].map(|name| (name, form.take(name)));
    let [(_, kind), (_, custom), (_, days)] = &typed;
    let chosen = form.value("scopes").to_owned();
    if !custom.trim().is_empty() {
        form.set("scopes", custom.trim());
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
