//! Keys: personal API keys and hosted MCP keys, each shown once and as narrow as one likes.

mod narrowing;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::audit::Audited;
use crate::core::caller::{self, AccessKey, Account, Agent, OauthClient, Workspace};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::network::Network;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::ProjectRecord;
use crate::core::reference::{Named, Ref};
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Change, insert, one, optional, run};
use crate::core::text::Line;
use crate::core::time::{Due, Moment};
use crate::features::accounts::anybody;

use narrowing::narrowed;
pub use narrowing::{Narrowing, ScopesGiven, ToolsetsGiven};

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
