//! Connections: the programs that signed in through Sally, and their end.

use actix_web::web;
use askama::Template;

use crate::features::keys::Key;
use crate::features::oauth::connections::{EndConnection, ListConnections};
use crate::http::auth::own_address;

use super::form::Form;
use super::page::{Answer, Page, Query};

#[derive(Template)]
#[template(path = "settings/connections.html")]
struct ConnectionsPage<'a> {
    page: &'a Page,
    connections: Vec<Connection>,
    /// Of `/mcp`.
    address: String,
}

struct Connection {
    id: String,
    name: String,
    /// What it may do, in plain words where there are some.
    may: String,
    /// The workspace and toolsets that it is kept to.
    only: String,
    since: String,
    used: String,
    is_over: bool,
    version: i64,
}

impl Connection {
    fn new(page: &Page, key: Key) -> Self {
        let place = key.workspace_id.and_then(|id| page.workspaces.iter().find(|place| place.raw_id == id.raw()));
        let place = match key.workspace_id {
            None => "All workspaces".to_owned(),
            Some(_) => place.map_or_else(|| "A workspace you have left".to_owned(), |place| place.name.clone()),
        };
        let may = match key.scopes.as_str() {
            "*" => "Everything you may do",
            "*:read *:write" => "Read and write",
            "*:read" => "Read only",
            other => other,
        };
        Connection {
            id: key.id.to_string(),
            may: may.to_owned(),
            only: std::iter::once(place).chain(key.toolsets).collect::<Vec<_>>().join(" · "),
            since: format!("Connected: {}", page.ago(&key.created_at)),
            used: key.last_used_at.map_or_else(|| "Not used yet".to_owned(), |at| format!("Used: {}", page.ago(&at))),
            is_over: key.revoked_at.is_some(),
            version: key.version,
            name: key.label,
        }
    }
}

pub async fn list(page: Page) -> Answer {
    let mut keys = page.list::<ListConnections>(Query::default().input(&[]), 200).await?.items;
    keys.sort_by_key(|key| (key.revoked_at.is_some(), std::cmp::Reverse(key.id.raw())));
    let connections = keys.into_iter().map(|key| Connection::new(&page, key)).collect();
    page.ok(&ConnectionsPage {
        page: &page,
        connections,
        address: format!("{}/mcp", own_address(page.request(), page.app())),
    })
}

/// The first time disconnects, the second removes; the version keeps a double click from doing both.
pub async fn end(page: Page, id: web::Path<String>, form: Form) -> Answer {
    let seen = form.value("ifVersion").parse().ok();
    page.run_with(EndConnection { connection_id: page.id(&id)? }, seen).await?;
    let said =
        if form.value("state") == "over" { "Connection removed" } else { "Disconnected. It is cut off at once." };
    page.go("/settings/connections", said)
}
