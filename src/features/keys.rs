//! Keys: personal API keys and hosted MCP keys, each shown once and as narrow as one likes.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::choices;
use crate::core::audit::Audited;
use crate::core::caller::{self, AccessKey, Account, Agent, OauthClient, Role, Workspace};
use crate::core::config::KeysBy;
use crate::core::error::{Error, FieldError, Permission, Result};
use crate::core::id::{self, Id};
use crate::core::network::Network;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::{self, ProjectRecord, Sight};
use crate::core::reference::{Named, Ref, only};
use crate::core::scopes::Scopes;
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Change, all, insert, one, optional, run};
use crate::core::text::Line;
use crate::core::time::{Due, Moment};
use crate::features::accounts::anybody;
use crate::features::workspaces::any_workspace;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListApiKeys>(),
    Entry::of::<CreateApiKey>(),
    Entry::of::<RevokeApiKey>(),
    Entry::of::<ListMcpKeys>(),
    Entry::of::<CreateMcpKey>(),
    Entry::of::<RevokeMcpKey>(),
    Entry::of::<CreateKeyFor>(),
    Entry::of::<ListAllKeys>(),
    Entry::of::<RevokeAnyKey>(),
];

choices! {
    /// What a key is for.
    pub enum KeyKind { Api = "API", Mcp = "MCP", Oauth = "OAUTH" }
}

impl KeyKind {
    /// What its tokens begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            KeyKind::Api => "atpm_",
            KeyKind::Mcp => "sallymcp_",
            KeyKind::Oauth => "sallyat_",
        }
    }
}

choices! {
    /// How tools are named in lists: `crm.deal.list` or `crm_deal_list`.
    pub enum ToolNames { Dotted = "DOTTED", Underscore = "UNDERSCORE" }
}

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    pub id: Id<AccessKey>,
    pub kind: KeyKind,
    pub label: String,
    /// The token's first characters.
    pub prefix: String,
    /// `*` is everything.
    pub scopes: String,
    /// The only toolsets it lists, separated by blanks; null: all.
    pub toolsets: Option<String>,
    /// The only workspace it works in; null: all of the account's.
    pub workspace_id: Option<Id<Workspace>>,
    /// Who writes through it, on behalf of the account.
    pub agent_id: Option<Id<Agent>>,
    pub agent: Option<Named<Agent>>,
    /// The only projects it reaches; null: all.
    pub projects: Option<Vec<Named<ProjectRecord>>>,
    /// The only addresses and networks it works from, e.g. `10.0.0.0/8`; null: anywhere.
    pub addresses: Option<Vec<Network>>,
    pub tool_names: ToolNames,
    pub expires_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
    /// Written down twice a minute.
    pub last_used_at: Option<Moment>,
    /// Where that was.
    pub last_address: Option<String>,
    pub account_id: Id<Account>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

/// A new key with its token, which is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    pub token: String,
    #[serde(flatten)]
    pub key: Key,
}

impl Answer for NewKey {
    const SECRET: bool = true;
    fn version(&self) -> Option<i64> {
        Some(self.key.version)
    }
}

const COLUMNS: &str = "
    k.id, k.kind, k.label, k.prefix, k.scopes, k.toolsets, k.workspace_id, g.id, g.name,
    iif(k.projects is null, null, (
      select json_group_array(json_array(p.id, p.name)) from json_each(k.projects) e join project p on p.id = e.value)),
    k.addresses, k.underscore_names, k.expires_at, k.revoked_at, k.last_used_at, k.last_address, k.account_id, k.created_at, k.updated_at, k.version";

const FROM: &str = "access_key k left join agent g on g.id = k.agent_id";

impl Key {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Key> {
        let mut key = Key {
            id: row.take()?,
            kind: row.take()?,
            label: row.take()?,
            prefix: row.take()?,
            scopes: row.take()?,
            toolsets: row.take()?,
            workspace_id: row.take()?,
            agent_id: None,
            agent: Named::read(row)?,
            projects: row.take::<Option<String>>()?.map(|json| {
                let named: Vec<(i64, String)> = serde_json::from_str(&json).unwrap_or_default();
                named.into_iter().map(|(id, name)| Named { id: Id::from_raw(id), name }).collect()
            }),
            addresses: Some(caller::networks(row.take()?)).filter(|networks| !networks.is_empty()),
            tool_names: if row.take()? { ToolNames::Underscore } else { ToolNames::Dotted },
            expires_at: row.take()?,
            revoked_at: row.take()?,
            last_used_at: row.take()?,
            last_address: row.take()?,
            account_id: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        key.agent_id = key.agent.as_ref().map(|named| named.id);
        Ok(key)
    }
}

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

/// Makes a key; its token is told once.
fn make(tx: &Tx, account: Id<Account>, kind: KeyKind, label: &Line<120>, narrowing: Narrowing) -> Result<NewKey> {
    if kind == KeyKind::Oauth {
        return Err(Error::field("kind", "must be API or MCP; a program that connects by OAuth asks for its own"));
    }
    let token = secret::key_token(kind.prefix());
    let mut row = narrowed(tx, account, kind, label, narrowing)?;
    row.set("prefix", token.chars().take(kind.prefix().len() + 6).collect::<String>())?
        .set("token_hash", TokenHash::of(&token))?;
    let id: Id<AccessKey> = insert(tx, row)?;
    let key = one(tx.conn(), &format!("select {COLUMNS} from {FROM} where k.id = ?1"), [id], Key::read)?;
    Ok(NewKey { token, key })
}

/// What a program that connects by OAuth may do from now on: a key without a token of its own.
pub(super) fn allow(
    tx: &Tx,
    account: Id<Account>,
    client: Id<OauthClient>,
    label: &Line<120>,
    narrowing: Narrowing,
) -> Result<Id<AccessKey>> {
    let mut row = narrowed(tx, account, KeyKind::Oauth, label, narrowing)?;
    row.set("prefix", KeyKind::Oauth.prefix())?.set("oauth_client_id", client)?;
    insert(tx, row)
}

/// The row of a new key, as narrow as it was asked for.
fn narrowed(tx: &Tx, account: Id<Account>, kind: KeyKind, label: &Line<120>, narrowing: Narrowing) -> Result<Change> {
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

pub(super) fn list(tx: &Tx, spec: &Spec, kind: KeyKind) -> Result<Page<Key>> {
    let account = tx.signed_in()?.id;
    Select::new(COLUMNS, FROM, "k.id").filter("k.account_id = ?", account).filter("k.kind = ?", kind).page(
        tx,
        spec,
        Key::read,
    )
}

/// The first time revokes, and the key stays listed; the second time removes it.
pub(super) fn revoke(tx: &Tx, account: Option<Id<Account>>, kind: Option<KeyKind>, text: &str) -> Result<()> {
    const FIND: &str = "
        select id, revoked_at is not null, version, workspace_id from access_key
         where id = ?1 and (?2 is null or account_id = ?2) and (?3 is null or kind = ?3)";
    let found = optional(tx.conn(), FIND, (Id::<AccessKey>::parse(text.trim()), account, kind), |row| {
        Ok((row.take::<Id<AccessKey>>()?, row.take::<bool>()?, row.take::<i64>()?, row.take::<Option<_>>()?))
    })?;
    let (id, is_revoked, version, workspace) = found.ok_or_else(|| Error::not_found("key", text))?;
    if tx.caller().identity.key().is_none_or(|own| own.id != id) {
        tx.caller().identity.must_be_whole()?;
    }
    tx.check_version(version)?;
    tx.act_in(workspace)?;
    if is_revoked {
        run(tx.conn(), "delete from access_key where id = ?1", [id])?;
        return Ok(());
    }
    let mut row = Change::of("access_key");
    row.set("revoked_at", tx.now())?;
    row.update(tx, id)
}

pub(super) const SORTS: &[Sort] = &[Sort::down("createdAt", "k.id")];

/// List your personal API keys.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListApiKeys {}

impl Operation for ListApiKeys {
    type Output = Page<Key>;
    const SPEC: Spec = Spec {
        name: "api_key.list",
        title: "List API keys",
        route: Route::get("/auth/api-keys"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More {
            aliases: &["api_keys.list", "list_api_keys"],
            sorts: SORTS,
            brief: &["id", "label", "prefix", "scopes", "workspaceId", "expiresAt", "revokedAt", "lastUsedAt"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Key>> {
        list(cx, &Self::SPEC, KeyKind::Api)
    }
}

/// Make a personal API key for REST. Its token is shown once.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateApiKey {
    /// e.g. `Nightly import`.
    pub label: Line<120>,
    /// `*` (default), `read`, `write`, or e.g. `crm:write core:read`.
    pub scopes: Option<ScopesGiven>,
    /// The only one it works in.
    pub workspace_id: Option<Ref<Workspace>>,
    /// The agent that writes with it.
    pub agent_id: Option<Ref<Agent>>,
    /// The only ones it reaches, e.g. `["WEB"]`.
    pub projects: Option<Vec<Ref<ProjectRecord>>>,
    /// The only ones it works from, e.g. `["10.0.0.0/8"]`.
    pub addresses: Option<Vec<Network>>,
    /// e.g. `2027-12-31`.
    pub expires_at: Option<Due>,
}

impl Operation for CreateApiKey {
    type Output = NewKey;
    const SPEC: Spec = Spec {
        name: "api_key.create",
        title: "Make an API key",
        route: Route::post("/auth/api-keys"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More {
            audit: Some(Audited::Key),
            aliases: &["api_keys.create", "create_api_key"],
            synonyms: &[("name", "label")],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<NewKey> {
        let narrowing = Narrowing {
            scopes: self.scopes,
            workspace: self.workspace_id,
            agent: self.agent_id,
            projects: self.projects,
            addresses: self.addresses,
            expires_at: self.expires_at,
            ..Narrowing::default()
        };
        make(cx, cx.signed_in()?.id, KeyKind::Api, &self.label, narrowing)
    }
}

/// Revoke one of your API keys. It stays listed; revoking it again removes it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeApiKey {
    /// The key's id.
    pub api_key_id: Line<40>,
}

impl Operation for RevokeApiKey {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "api_key.revoke",
        title: "Revoke an API key",
        route: Route::delete("/auth/api-keys/{apiKeyId}"),
        needs: Needs::Account,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Key), aliases: &["api_keys.revoke", "delete_api_key"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        revoke(cx, Some(cx.signed_in()?.id), Some(KeyKind::Api), self.api_key_id.as_str())
    }
}

/// List your hosted MCP keys.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListMcpKeys {}

impl Operation for ListMcpKeys {
    type Output = Page<Key>;
    const SPEC: Spec = Spec {
        name: "mcp_key.list",
        title: "List MCP keys",
        route: Route::get("/auth/mcp-keys"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { sorts: SORTS, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Key>> {
        list(cx, &Self::SPEC, KeyKind::Mcp)
    }
}

/// Make a key for the hosted MCP endpoint. The token is in the answer and nowhere else afterwards.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateMcpKey {
    /// What it is for, e.g. `Claude on my laptop`.
    pub label: Line<120>,
    /// `*` (default), `read`, `write`, or e.g. `crm:write core:read`.
    pub scopes: Option<ScopesGiven>,
    /// The only toolsets it lists, e.g. `core crm`; all if left out.
    pub toolsets: Option<ToolsetsGiven>,
    /// The only one it works in.
    pub workspace_id: Option<Ref<Workspace>>,
    /// The agent that writes with it.
    pub agent_id: Option<Ref<Agent>>,
    /// The only ones it reaches, e.g. `["WEB"]`.
    pub projects: Option<Vec<Ref<ProjectRecord>>>,
    /// The only ones it works from, e.g. `["10.0.0.0/8"]`.
    pub addresses: Option<Vec<Network>>,
    /// e.g. `2027-12-31`.
    pub expires_at: Option<Due>,
    /// UNDERSCORE lists tools as crm_deal_list, for clients that refuse dots.
    pub tool_names: Option<ToolNames>,
}

impl Operation for CreateMcpKey {
    type Output = NewKey;
    const SPEC: Spec = Spec {
        name: "mcp_key.create",
        title: "Make an MCP key",
        route: Route::post("/auth/mcp-keys"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Key), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<NewKey> {
        let narrowing = Narrowing {
            scopes: self.scopes,
            toolsets: self.toolsets,
            workspace: self.workspace_id,
            agent: self.agent_id,
            projects: self.projects,
            addresses: self.addresses,
            expires_at: self.expires_at,
            tool_names: self.tool_names,
        };
        make(cx, cx.signed_in()?.id, KeyKind::Mcp, &self.label, narrowing)
    }
}

/// Revoke one of your MCP keys; running sessions end. It stays listed; revoking it again removes it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeMcpKey {
    /// The key's id.
    pub mcp_key_id: Line<40>,
}

impl Operation for RevokeMcpKey {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "mcp_key.revoke",
        title: "Revoke an MCP key",
        route: Route::delete("/auth/mcp-keys/{mcpKeyId}"),
        needs: Needs::Account,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Key), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        revoke(cx, Some(cx.signed_in()?.id), Some(KeyKind::Mcp), self.mcp_key_id.as_str())
    }
}

/// Make a key for any account: for the command line.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateKeyFor {
    /// The account's id or e-mail.
    pub account: Line<320>,
    pub kind: KeyKind,
    pub label: Line<120>,
    pub scopes: Option<ScopesGiven>,
    pub workspace: Option<Ref<Workspace>>,
    pub agent: Option<Ref<Agent>>,
    pub projects: Option<Vec<Ref<ProjectRecord>>>,
    pub toolsets: Option<ToolsetsGiven>,
    pub addresses: Option<Vec<Network>>,
    pub expires_at: Option<Due>,
}

impl CreateKeyFor {
    /// A key that does all its account may.
    pub fn whole(account: Line<320>, kind: KeyKind, label: Line<120>) -> Self {
        CreateKeyFor {
            account,
            kind,
            label,
            scopes: None,
            workspace: None,
            agent: None,
            projects: None,
            toolsets: None,
            addresses: None,
            expires_at: None,
        }
    }
}

impl Operation for CreateKeyFor {
    type Output = NewKey;
    const SPEC: Spec = Spec {
        name: "key.create_for",
        title: "Make a key for an account",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Key), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<NewKey> {
        let account = anybody(cx, self.account.as_str())?;
        let narrowing = Narrowing {
            scopes: self.scopes,
            workspace: self.workspace,
            agent: self.agent,
            projects: self.projects,
            toolsets: self.toolsets,
            addresses: self.addresses,
            expires_at: self.expires_at,
            ..Narrowing::default()
        };
        make(cx, account, self.kind, &self.label, narrowing)
    }
}

/// List the keys of all accounts: for the command line.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListAllKeys {}

impl Operation for ListAllKeys {
    type Output = Page<Key>;
    const SPEC: Spec = Spec {
        name: "key.list_all",
        title: "List all keys",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { sorts: SORTS, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Key>> {
        Select::new(COLUMNS, FROM, "k.id").page(cx, &Self::SPEC, Key::read)
    }
}

/// Revoke any key; a second time removes it: for the command line.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeAnyKey {
    pub key_id: Line<40>,
}

impl Operation for RevokeAnyKey {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "key.revoke_any",
        title: "Revoke any key",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Key), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        revoke(cx, None, None, self.key_id.as_str())
    }
}
