//! The audit: who signed in, made keys, changed roles, took data out.

use askama::Template;
use serde_json::{Map, Value};

use crate::core::audit::Audited;
use crate::features::audit::{Audit, AuditEntry, ListAudit, ListWorkspaceAudit};

use super::page::{Answer, Page, Query};
use super::show::{Choice, Pager};

#[derive(Template)]
#[template(path = "settings/audit.html")]
struct AuditPage<'a> {
    page: &'a Page,
    query: &'a Query,
    /// `/settings/audit` of a workspace, or `/admin/audit` of the server.
    base: &'static str,
    rows: Vec<Row>,
    events: Vec<Choice>,
    pager: Pager,
    /// The same as a table for a spreadsheet.
    csv: String,
    is_filtered: bool,
}

struct Row {
    iso: String,
    at: String,
    event: &'static str,
    /// Something that did not go as somebody wanted.
    is_bad: bool,
    title: String,
    who: String,
    /// The agent or key that it was done through.
    through: String,
    summary: String,
    place: String,
    address: String,
}

impl Row {
    fn new(page: &Page, entry: AuditEntry) -> Self {
        let listed = page.app().operation(&entry.operation);
        let agent = entry.agent.map(|agent| agent.name);
        Row {
            iso: entry.at.to_string(),
            at: format!("{}, {}", page.day(&entry.at), entry.at.clock(&page.zone)),
            event: word(entry.event),
            is_bad: entry.event == Audited::SignInFailed,
            title: listed.map_or(entry.operation, |listed| listed.entry.spec.title.to_owned()),
            who: match (entry.account, entry.event) {
                (Some(account), _) => account.name,
                (None, Audited::SignInFailed) => "Nobody known".into(),
                (None, _) => "This machine".into(),
            },
            through: agent.or(entry.key.map(|key| key.name)).unwrap_or_default(),
            summary: entry.summary,
            place: entry.workspace.map(|place| place.name).unwrap_or_default(),
            address: entry.address.unwrap_or_default(),
        }
    }
}

fn word(event: Audited) -> &'static str {
    match event {
        Audited::SignIn => "Sign-in",
        Audited::SignInFailed => "Failed sign-in",
        Audited::SignOut => "Sign-out",
        Audited::Password => "Password",
        Audited::TwoFactor => "Second factor",
        Audited::Key => "Key",
        Audited::Connection => "Connection",
        Audited::Account => "Account",
        Audited::Role => "Role",
        Audited::Member => "Member",
        Audited::Agent => "Agent",
        Audited::Workspace => "Workspace",
        Audited::Export => "Export",
    }
}

const FILTERS: [(&str, &str); 5] =
    [("event", "event"), ("who", "who"), ("from", "from"), ("to", "to"), ("record", "record")];

/// Of the workspace one is in, for its owners.
pub async fn of_workspace(page: Page) -> Answer {
    page.must_own()?;
    let place =
        page.workspace.as_ref().ok_or_else(|| page.refuse(crate::core::error::Error::not_found("page", "audit")))?;
    let mut input = wanted(&page);
    input.insert("workspaceId".into(), place.slug.clone().into());
    let csv = csv_of(&format!("/api/workspaces/{}/audit?", place.slug), &page);
    let found = page.list::<ListWorkspaceAudit>(input, 50).await?;
    show(&page, "/settings/audit", csv, found)
}

/// Of the whole server, for its administrators.
pub async fn of_server(page: Page) -> Answer {
    let found = page.list::<ListAudit>(wanted(&page), 50).await?;
    show(&page, "/admin/audit", csv_of("/api/audit?", &page), found)
}

fn wanted(page: &Page) -> Map<String, Value> {
    let query = page.query();
    let mut input = query.input(&FILTERS);
    input.extend(query.input(&[("cursor", "cursor")]));
    input
}

fn show(page: &Page, base: &'static str, csv: String, Audit { page: found, .. }: Audit) -> Answer {
    let query = page.query();
    page.ok(&AuditPage {
        page,
        query: &query,
        base,
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "entry", "entries"),
        rows: found.items.into_iter().map(|entry| Row::new(page, entry)).collect(),
        events: Audited::ALL.iter().map(|event| Choice::new(event, word(*event))).collect(),
        is_filtered: query.has_any(&FILTERS.map(|(_, name)| name)),
        csv,
    })
}

/// Where the same is had as a table.
fn csv_of(address: &str, page: &Page) -> String {
    let mut link = url::form_urlencoded::Serializer::for_suffix(address.to_owned(), address.len());
    let given = page.query().input(&FILTERS);
    link.extend_pairs(given.iter().map(|(field, value)| (field, value.as_str().unwrap_or_default())));
    link.append_pair("format", "CSV");
    link.finish()
}
