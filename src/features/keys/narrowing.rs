//! How narrow a key is made: what it may do, where it works, and until when.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use crate::core::caller::{Account, Agent, Role, Workspace};
use crate::core::config::KeysBy;
use crate::core::error::{Error, FieldError, Permission, Result};
use crate::core::id::{self, Id};
use crate::core::network::Network;
use crate::core::operation::{Toolset, Tx};
use crate::core::place::{self, ProjectRecord, Sight};
use crate::core::reference::{Ref, only};
use crate::core::scopes::Scopes;
use crate::core::store::{Change, all, one};
use crate::core::text::Line;
use crate::core::time::{Due, Moment};
use crate::features::workspaces::any_workspace;

use super::{KeyKind, ToolNames};

/// Scopes as one text or as a list of them.
#[derive(Debug, Clone)]
pub struct ScopesGiven(Scopes);

impl<'de> Deserialize<'de> for ScopesGiven {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "must be a text such as crm:write, or a list of such texts")]
        enum Given {
            Text(String),
            List(Vec<String>),
        }
        let text = match Given::deserialize(deserializer)? {
            Given::Text(text) => text,
            Given::List(words) => words.join(" "),
        };
        Scopes::parse(&text).map(ScopesGiven).map_err(de::Error::custom)
    }
}

impl ScopesGiven {
    pub fn parse(text: &str) -> Result<Self, String> {
        Scopes::parse(text).map(ScopesGiven)
    }
}

impl JsonSchema for ScopesGiven {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scopes".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// Toolset names as one text or as a list.
#[derive(Debug, Clone)]
pub struct ToolsetsGiven(String);

impl<'de> Deserialize<'de> for ToolsetsGiven {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ToolsetsGiven::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl ToolsetsGiven {
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        match words.iter().find(|word| Toolset::named(word).is_none()) {
            Some(unknown) => {
                let all: Vec<&str> = Toolset::ALL.iter().map(|toolset| toolset.word()).collect();
                Err(crate::core::choice::unknown(unknown, &all))
            }
            None if words.is_empty() => Err("must name at least one toolset; leave it out for all".into()),
            None => Ok(ToolsetsGiven(words.join(" "))),
        }
    }
}

impl JsonSchema for ToolsetsGiven {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Toolsets".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// What both kinds of key can be narrowed by.
#[derive(Debug, Default)]
pub struct Narrowing {
    pub scopes: Option<ScopesGiven>,
    pub toolsets: Option<ToolsetsGiven>,
    pub workspace: Option<Ref<Workspace>>,
    pub agent: Option<Ref<Agent>>,
    pub projects: Option<Vec<Ref<ProjectRecord>>>,
    pub addresses: Option<Vec<Network>>,
    pub expires_at: Option<Due>,
    pub tool_names: Option<ToolNames>,
}

/// The row of a new key, as narrow as it was asked for.
pub(super) fn narrowed(
    tx: &Tx,
    account: Id<Account>,
    kind: KeyKind,
    label: &Line<120>,
    narrowing: Narrowing,
) -> Result<Change> {
    tx.caller().identity.must_be_whole()?;
    let mut workspace = narrowing.workspace.map(|reference| pin(tx, account, reference.text())).transpose()?;
    let agent = narrowing.agent.map(|reference| agent_of(tx, account, workspace, reference.text())).transpose()?;
    if let Some((_, its_workspace)) = agent {
        workspace = Some(its_workspace);
    }
    let projects = match narrowing.projects {
        Some(projects) => {
            let within = workspace.map_or_else(|| only_workspace(tx, account), Ok)?;
            workspace = Some(within);
            Some(projects_of(tx, account, within, &projects)?)
        }
        None => None,
    };
    if tx.caller().identity.account.is_some() {
        may_have_keys(tx, account, workspace)?;
    }
    let expires_at = expiry(tx, narrowing.expires_at)?;
    let addresses = narrowing.addresses.as_deref().map(stored).transpose()?;
    let scopes = narrowing.scopes.map_or_else(Scopes::all, |given| given.0);
    let mut row = Change::of("access_key");
    row.set("account_id", account)?
        .set("kind", kind)?
        .set("label", label)?
        .set("scopes", scopes.to_string())?
        .set("toolsets", narrowing.toolsets.map(|given| given.0))?
        .set("workspace_id", workspace)?
        .set("agent_id", agent.map(|(agent, _)| agent))?
        .set("projects", projects)?
        .set("addresses", addresses)?
        .set("underscore_names", narrowing.tool_names == Some(ToolNames::Underscore))?
        .set("expires_at", expires_at)?;
    tx.act_in(workspace)?;
    Ok(row)
}

/// A workspace that the key's account can reach.
fn pin(tx: &Tx, account: Id<Account>, text: &str) -> Result<Id<Workspace>> {
    const REACHES: &str = "
        select exists (select 1 from workspace_membership where workspace_id = ?1 and account_id = ?2)
            or exists (select 1 from account where id = ?2 and platform_role <> 'NONE')";
    let id = any_workspace(tx, text)?;
    match one(tx.conn(), REACHES, (id, account), |row| row.take::<bool>())? {
        true => Ok(id),
        false => Err(Error::not_found("workspace", text)),
    }
}

/// The agent in a workspace that the key's account reaches, and that workspace: the key works nowhere else.
fn agent_of(
    tx: &Tx,
    account: Id<Account>,
    workspace: Option<Id<Workspace>>,
    text: &str,
) -> Result<(Id<Agent>, Id<Workspace>)> {
    const AGENTS: &str = "
        select g.id, g.name || ' (' || w.slug || ')', w.id
          from workspace w join agent g on g.workspace_id = w.id
         where (g.id = ?1 or ?1 is null and g.name = ?2 collate nocase)
           and (w.id in (select workspace_id from workspace_membership where account_id = ?3)
                or exists (select 1 from account where id = ?3 and platform_role <> 'NONE'))
         limit 50";
    let id = Id::<Agent>::parse(text.trim());
    let mut found = all(tx.conn(), AGENTS, (id, text.trim(), account), |row| {
        Ok((row.take::<Id<Agent>>()?, row.take::<String>()?, row.take::<Id<Workspace>>()?))
    })?;
    if let Some(workspace) = workspace
        && !found.is_empty()
    {
        found.retain(|(_, _, within)| *within == workspace);
        if found.is_empty() {
            return Err(Error::field("agentId", "belongs to another workspace than the one of workspaceId"));
        }
    }
    let agents = found.iter().map(|(id, name, _)| (*id, name.clone())).collect();
    let agent = only(agents, text).map_err(|error| error.about("agentId"))?;
    Ok((agent, found[0].2))
}

/// Where the projects of a key are looked for that names no workspace.
fn only_workspace(tx: &Tx, account: Id<Account>) -> Result<Id<Workspace>> {
    const WORKSPACES: &str = "select workspace_id from workspace_membership where account_id = ?1 limit 2";
    match all(tx.conn(), WORKSPACES, [account], |row| row.take())?.as_slice() {
        [only] => Ok(*only),
        _ => Err(Error::field("workspaceId", "is needed to say where the projects are")),
    }
}

/// Nobody narrows a key to more projects than this.
const MOST_PROJECTS: usize = 50;

/// The projects that the key's account sees in the workspace, as the JSON array of their ids.
fn projects_of(
    tx: &Tx,
    account: Id<Account>,
    workspace: Id<Workspace>,
    references: &[Ref<ProjectRecord>],
) -> Result<String> {
    const SEES_ALL: &str = "
        select exists (select 1 from workspace_membership where workspace_id = ?1 and account_id = ?2 and role = 'OWNER')
            or exists (select 1 from account where id = ?2 and platform_role <> 'NONE')";
    if references.is_empty() || references.len() > MOST_PROJECTS {
        return Err(Error::field("projects", format!("takes 1 to {MOST_PROJECTS} projects; leave it out for all")));
    }
    let sees_all = one(tx.conn(), SEES_ALL, (workspace, account), |row| row.take())?;
    let sight = Sight { all: sees_all, me: Some(account), projects: None };
    let mut ids = Vec::with_capacity(references.len());
    for reference in references {
        let text = reference.text().trim();
        let id = only(place::called(tx, workspace, &sight, text)?, text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(id::array(ids))
}

/// May the account have keys, as the setting `keys_by` says? Owners make keys for workspaces that they own only: one
/// that works in all of the account's works in those of others too.
fn may_have_keys(tx: &Tx, account: Id<Account>, workspace: Option<Id<Workspace>>) -> Result<()> {
    const ADMINISTERS: &str = "select platform_role <> 'NONE' from account where id = ?1";
    const OWNS: &str = "
        select count(*) > 0 and sum(m.role <> 'OWNER') is 0
          from workspace_membership m join workspace w on w.id = m.workspace_id
         where m.account_id = ?1 and (w.id = ?2 or ?2 is null and w.archived_at is null)";
    let keys_by = tx.config().keys_by;
    if keys_by == KeysBy::Everybody || one(tx.conn(), ADMINISTERS, [account], |row| row.take())? {
        return Ok(());
    }
    if keys_by == KeysBy::Owners && one(tx.conn(), OWNS, (account, workspace), |row| row.take())? {
        return Ok(());
    }
    let (scope, required, reason) = match keys_by {
        KeysBy::Owners => (
            "workspace",
            Role::Owner.word(),
            "On this server only owners make keys, for workspaces that they own (setting keys_by). Choose one of yours, or ask an owner.",
        ),
        _ => ("platform", "ADMIN", "On this server only administrators make keys (setting keys_by). Ask one of them."),
    };
    let field = FieldError { field: "workspaceId".into(), message: reason.into() };
    Err(Error::denied(Permission { scope, required: required.into(), current: None, reason: reason.into() }).at(field))
}

/// Until when a new key works, within the setting `key_max_days`.
fn expiry(tx: &Tx, wanted: Option<Due>) -> Result<Option<Moment>> {
    let wanted = wanted.map(|due| due.moment(&tx.time_zone()));
    if wanted.is_some_and(|moment| moment <= tx.now()) {
        return Err(Error::field("expiresAt", "must be in the future"));
    }
    // Whoever has a hand on the machine could change the setting as well.
    let days = if tx.caller().identity.account.is_none() { 0 } else { i64::from(tx.config().key_max_days) };
    if days == 0 {
        return Ok(wanted);
    }
    // A day given as the last one ends at midnight.
    if wanted.is_some_and(|moment| moment > tx.now().plus_days(days + 1)) {
        let message = format!("is too late: a key works for {days} days at most on this server (setting key_max_days)");
        return Err(Error::field("expiresAt", message));
    }
    Ok(Some(wanted.unwrap_or_else(|| tx.now().plus_days(days))))
}

/// Nobody narrows a key to more networks than this.
const MOST_NETWORKS: usize = 20;

/// As they are stored: separated by blanks.
fn stored(networks: &[Network]) -> Result<String> {
    if networks.is_empty() || networks.len() > MOST_NETWORKS {
        return Err(Error::field(
            "addresses",
            format!("takes 1 to {MOST_NETWORKS} addresses; leave it out for anywhere"),
        ));
    }
    Ok(networks.iter().map(Network::to_string).collect::<Vec<_>>().join(" "))
}
