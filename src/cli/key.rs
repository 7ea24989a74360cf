//! `sally key`: makes, lists and revokes keys of any account; a running server honours it with the next request.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{console, everything, line, output};
use crate::core::config::Config;
use crate::core::error::Result;
use crate::core::network::Network;
use crate::core::place::ProjectRecord;
use crate::core::reference::{Named, Ref};
use crate::core::text::Line;
use crate::core::time::{Due, Moment};
use crate::features::accounts::ListAccounts;
use crate::features::keys::{self, CreateKeyFor, KeyKind, ListAllKeys, RevokeAnyKey, ScopesGiven, ToolsetsGiven};
use crate::features::workspaces::ListWorkspaces;

#[derive(Subcommand)]
pub(super) enum Key {
    /// Make a key; its token is shown once
    Create(Create),
    /// List the keys of all accounts
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key; revoking it again removes it from the list
    Revoke {
        /// The key's id
        #[arg(value_parser = line::<40>)]
        id: Line<40>,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// The account's e-mail or id
    #[arg(long, value_name = "EMAIL", value_parser = line::<320>)]
    account: Line<320>,

    /// api for REST, mcp for MCP clients
    #[arg(long)]
    kind: KeyKind,

    /// What it is for, e.g. "Claude on my laptop"
    #[arg(long, value_parser = line::<120>)]
    label: Line<120>,

    /// The only workspace it works in
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,

    /// The agent that writes through it; the key then works in the agent's workspace only
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,

    /// What it may do, e.g. "read" or "crm:write core:read" [default: everything its account may]
    #[arg(long, value_parser = ScopesGiven::parse)]
    scopes: Option<ScopesGiven>,

    /// A project that it reaches, by its key; give it again for more, and --workspace to say where they are
    #[arg(long = "project", value_name = "KEY")]
    projects: Vec<String>,

    /// The only tools it lists, e.g. "core crm" [default: all]
    #[arg(long, value_parser = ToolsetsGiven::parse)]
    toolsets: Option<ToolsetsGiven>,

    /// An address or network that it works from, e.g. 10.0.0.0/8; give it again for more [default: anywhere]
    #[arg(long = "from", value_name = "ADDRESS", value_parser = Network::parse)]
    addresses: Vec<Network>,

    /// How long it works: 90d, 12w, 1y, or a day such as 2027-12-31 [default: until revoked]
    #[arg(long, value_parser = expiry)]
    expires: Option<Due>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Key {
    pub(super) fn run(self, config: Config) -> Result<()> {
        match self {
            Key::Create(create) => create.run(config),
            Key::List { json } => list(config, json),
            Key::Revoke { id } => revoke(config, id),
        }
    }
}

impl Create {
    fn run(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let create = CreateKeyFor {
            account: self.account,
            kind: self.kind,
            label: self.label,
            scopes: self.scopes,
            workspace: self.workspace.map(Ref::new),
            agent: self.agent.map(Ref::new),
            projects: Some(self.projects.into_iter().map(Ref::new).collect()).filter(|all: &Vec<_>| !all.is_empty()),
            toolsets: self.toolsets,
            addresses: Some(self.addresses).filter(|all| !all.is_empty()),
            expires_at: self.expires,
        };
        let made = app.run_now(console(), create)?;
        if self.json {
            return output::json(&made);
        }
        output::say(&made.token)?;
        output::complain(&format!("The key is shown this once; “sally key revoke {}” ends it.", made.key.id));
        Ok(())
    }
}

fn list(config: Config, json: bool) -> Result<()> {
    let app = super::beside(config)?;
    let keys = everything(&app, || ListAllKeys {})?;
    if json {
        return output::json(&json!({ "items": keys }));
    }
    let accounts = everything(&app, || ListAccounts { archived: Some(true), ..ListAccounts::default() })?;
    let accounts: HashMap<_, _> = accounts.into_iter().map(|account| (account.id, account.email)).collect();
    let workspaces = everything(&app, || ListWorkspaces { archived: Some(true) })?;
    let workspaces: HashMap<_, _> = workspaces.into_iter().map(|workspace| (workspace.id, workspace.slug)).collect();
    let now = Moment::now();
    let rows: Vec<Vec<String>> = keys
        .into_iter()
        .map(|key| {
            vec![
                key.id.to_string(),
                key.prefix.clone(),
                accounts.get(&key.account_id).cloned().unwrap_or_default(),
                reach(key.workspace_id.and_then(|id| workspaces.get(&id)), key.projects.as_deref()),
                key.scopes.clone(),
                state(&key, now),
                key.last_used_at.map_or_else(|| "never".into(), |at| at.to_string()),
                key.last_address.unwrap_or_default(),
                key.label,
            ]
        })
        .collect();
    output::say(&output::table(
        &["ID", "BEGINS WITH", "ACCOUNT", "REACHES", "SCOPES", "STATE", "LAST USED", "FROM", "LABEL"],
        &rows,
    ))
}

/// `all`, `acme`, or `acme: Website, Support`.
fn reach(workspace: Option<&String>, projects: Option<&[Named<ProjectRecord>]>) -> String {
    let workspace = workspace.map_or("all", String::as_str);
    let Some(projects) = projects else { return workspace.into() };
    let names: Vec<&str> = projects.iter().map(|project| project.name.as_str()).collect();
    format!("{workspace}: {}", names.join(", "))
}

fn state(key: &keys::Key, now: Moment) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked".into(),
        (None, Some(at)) if at <= now => "expired".into(),
        (None, Some(at)) => format!("until {}", at.day(&jiff::tz::TimeZone::UTC)),
        (None, None) => "works".into(),
    }
}

fn revoke(config: Config, id: Line<40>) -> Result<()> {
    let app = super::beside(config)?;
    app.run_now(console(), RevokeAnyKey { key_id: id.clone() })?;
    let is_listed = everything(&app, || ListAllKeys {})?.iter().any(|key| key.id.to_string() == id.as_str());
    match is_listed {
        true => output::say(&format!("{} is revoked. Revoke it again to take it off the list.", id.as_str())),
        false => output::say(&format!("{} is removed.", id.as_str())),
    }
}

/// `90d`, `12w`, `1y` from now, or a day or time as anywhere else.
fn expiry(text: &str) -> Result<Due, String> {
    let text = text.trim();
    let length = text.char_indices().last().and_then(|(at, unit)| {
        let days = match unit.to_ascii_lowercase() {
            'd' => 1,
            'w' => 7,
            'y' => 365,
            _ => return None,
        };
        let number: i64 = text[..at].parse().ok()?;
        number.checked_mul(days).filter(|days| (1..=36_500).contains(days))
    });
    if let Some(days) = length {
        return Ok(Due::At(Moment::now().plus_days(days)));
    }
    serde_json::from_value(text.into()).map_err(|_| "expected 90d, 12w, 1y, or a day such as 2027-12-31".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_length_or_a_day() {
        let days_of = |text: &str| match expiry(text).unwrap() {
            Due::At(at) => (at.ms() - Moment::now().ms() + 1_000) / 86_400_000,
            Due::On(_) => panic!("{text} is a length"),
        };
        assert_eq!((days_of("90d"), days_of("12w"), days_of("1Y")), (90, 84, 365));
        assert_eq!(expiry("2027-12-31"), Ok(Due::On(crate::core::time::Day::parse("2027-12-31").unwrap())));
        for wrong in ["", "d", "0d", "-3d", "90", "90m", "soon", "99999999999999999999y", "1000y", "9é"] {
            assert!(expiry(wrong).is_err(), "{wrong}");
        }
    }
}
