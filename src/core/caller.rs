//! Who is asking, and what they may do. Read in the same snapshot as the data, so authority is never stale.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::error::{Error, Kind, Permission, Result, quoted};
use super::id::{Id, Record};
use super::network::Network;
use super::operation::{Effect, Needs, Spec, Toolset};
use super::place::ProjectRecord;
use super::scopes::{Level, Scopes};
use super::secret::TokenHash;
use super::time::Moment;

/// A person who signs in.
#[derive(Debug, Clone, Copy)]
pub struct Account;
impl Record for Account {
    const PREFIX: &'static str = "acc";
    const NOUN: &'static str = "account";
}

#[derive(Debug, Clone, Copy)]
pub struct Workspace;
impl Record for Workspace {
    const PREFIX: &'static str = "ws";
    const NOUN: &'static str = "workspace";
}

#[derive(Debug, Clone, Copy)]
pub struct Session;
impl Record for Session {
    const PREFIX: &'static str = "sess";
    const NOUN: &'static str = "session";
}

/// A personal API key, a hosted MCP key, or what somebody allowed a program that connects by OAuth.
#[derive(Debug, Clone, Copy)]
pub struct AccessKey;
impl Record for AccessKey {
    const PREFIX: &'static str = "key";
    const NOUN: &'static str = "key";
}

/// A program that connects by OAuth.
#[derive(Debug, Clone, Copy)]
pub struct OauthClient;
impl Record for OauthClient {
    const PREFIX: &'static str = "client";
    const NOUN: &'static str = "client";
}

/// A program that works for somebody; keys bound to it write as it, on behalf of their account.
#[derive(Debug, Clone, Copy)]
pub struct Agent;
impl Record for Agent {
    const PREFIX: &'static str = "agent";
    const NOUN: &'static str = "agent";
}

crate::choices! {
    /// What an account may do on the whole server.
    pub enum PlatformRole { None = "NONE", Admin = "ADMIN", Superadmin = "SUPERADMIN" }
}

crate::choices! {
    /// What a member may do in a workspace. The order is the rank.
    pub enum Role { Viewer = "VIEWER", Member = "MEMBER", Owner = "OWNER" }
}

crate::choices! {
    /// Of whom the server demands a second factor. Owners are those of any workspace and the administrators of the server.
    pub enum SecondFactorFor { Nobody = "OFF", Owners = "OWNERS", Everybody = "ALL" }
}

/// What the caller showed: nothing, a token (already hashed), or a hand on the machine itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    Nobody,
    Token(TokenHash),
    /// The command line on the server's own file. Loud on purpose: it passes every check.
    ConsoleOfThisMachine,
}

/// The workspace as the caller named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    Id(String),
    Slug(String),
    /// From the path of the request: what may not be seen is absent.
    Path(String),
}

/// Everything known of a credential; cached per connection until any other connection commits.
#[derive(Debug, Clone)]
pub struct Identity {
    pub account: Option<Person>,
    pub means: Means,
    pub memberships: Vec<Membership>,
}

#[derive(Debug, Clone)]
pub struct Person {
    pub id: Id<Account>,
    pub email: String,
    pub name: String,
    pub platform_role: PlatformRole,
    pub time_zone: TimeZone,
    pub archived: bool,
}

/// By which means the account speaks.
#[derive(Debug, Clone)]
pub enum Means {
    None,
    Console,
    Session { id: Id<Session>, expires_at: Moment, second_factor: bool },
    Key(Box<KeyFacts>),
}

#[derive(Debug, Clone)]
pub struct KeyFacts {
    pub id: Id<AccessKey>,
    pub label: String,
    pub scopes: Scopes,
    pub toolsets: Option<String>,
    pub underscore_names: bool,
    pub pinned_to: Option<Id<Workspace>>,
    pub expires_at: Option<Moment>,
    /// Of a program that connects by OAuth: when the token that it shows runs out. The connection goes on with the next one.
    pub token_expires_at: Option<Moment>,
    /// Who writes through it, on behalf of the account.
    pub agent: Option<AgentFacts>,
    /// The only projects it reaches.
    pub projects: Option<Vec<Id<ProjectRecord>>>,
    /// Where it works from; empty: from anywhere.
    pub addresses: Vec<Network>,
}

#[derive(Debug, Clone)]
pub struct AgentFacts {
    pub id: Id<Agent>,
    pub name: String,
    pub enabled: bool,
}

#[derive(Debug, Clone)]
pub struct Membership {
    pub workspace: Id<Workspace>,
    pub slug: String,
    pub name: String,
    pub role: Role,
    /// The highest of it and of the account's roles in single projects.
    pub highest: Role,
    pub archived: bool,
}

/// The caller of one operation: who, and in which workspace.
#[derive(Debug, Clone)]
pub struct Caller {
    pub identity: Arc<Identity>,
    pub workspace: Option<Selected>,
}

#[derive(Debug, Clone)]
pub struct Selected {
    pub id: Id<Workspace>,
    pub slug: String,
    pub name: String,
    /// `None` for a platform administrator who is no member.
    pub role: Option<Role>,
    /// The highest of it and of the account's roles in single projects.
    pub highest: Option<Role>,
}

impl KeyFacts {
    /// A caller whose address is not known is nowhere that a key was made for.
    fn works_from(&self, address: Option<IpAddr>) -> bool {
        self.addresses.is_empty()
            || address.is_some_and(|address| self.addresses.iter().any(|network| network.contains(address)))
    }
}

impl Identity {
    fn empty(means: Means) -> Self {
        Identity { account: None, means, memberships: Vec::new() }
    }

    /// Somebody who has not said who they are.
    pub fn nobody() -> Self {
        Identity::empty(Means::None)
    }

    /// 401 for what has expired, 403 for an account that is archived and a key that is used from elsewhere.
    pub fn check(&self, now: Moment, address: Option<IpAddr>) -> Result<()> {
        if self.expires_at().is_some_and(|expiry| expiry <= now) {
            return Err(match self.means {
                Means::Key(ref key) if key.token_expires_at.is_some() => {
                    Error::new(Kind::KeyExpired, "The access token has expired. The refresh token gives a new one.")
                }
                Means::Key(_) => {
                    Error::new(Kind::KeyExpired, "The key has expired. Make a new one under Settings → Keys.")
                }
                _ => unauthorized("The session has expired. Sign in again."),
            });
        }
        if self.account.as_ref().is_some_and(|account| account.archived) {
            return Err(Error::denied(Permission {
                scope: "platform",
                required: "an active account".into(),
                current: Some("archived".into()),
                reason: "The account is archived. An administrator of this server can bring it back.".into(),
            }));
        }
        if let Some(key) = self.key()
            && !key.works_from(address)
        {
            // Not which addresses those are: whoever found the key need not know.
            return Err(Error::denied(Permission {
                scope: "key",
                required: "one of the key's addresses".into(),
                current: address.map(|address| address.to_canonical().to_string()),
                reason:
                    "The key does not work from this address. Use it from where it was made for, or make another one."
                        .into(),
            }));
        }
        if let Some(agent) = self.agent().filter(|agent| !agent.enabled) {
            return Err(Error::denied(Permission {
                scope: "key",
                required: "an enabled agent".into(),
                current: Some("disabled".into()),
                reason: format!(
                    "The agent {} is disabled. An owner of the workspace can enable it again.",
                    quoted(&agent.name)
                ),
            }));
        }
        Ok(())
    }

    /// Is this a session without the second factor that the server demands of its account? Keys are not asked for one:
    /// whoever made them was, and nobody types a code into a program.
    pub fn lacks_second_factor(&self, demanded: SecondFactorFor) -> bool {
        let owns = || self.memberships.iter().any(|membership| !membership.archived && membership.role == Role::Owner);
        matches!(self.means, Means::Session { second_factor: false, .. })
            && match demanded {
                SecondFactorFor::Nobody => false,
                SecondFactorFor::Owners => self.is_platform_admin() || owns(),
                SecondFactorFor::Everybody => true,
            }
    }

    pub fn is_nobody(&self) -> bool {
        matches!(self.means, Means::None)
    }

    pub fn is_platform_admin(&self) -> bool {
        matches!(self.means, Means::Console)
            || self.account.as_ref().is_some_and(|a| a.platform_role != PlatformRole::None)
    }

    pub fn is_superadmin(&self) -> bool {
        matches!(self.means, Means::Console)
            || self.account.as_ref().is_some_and(|a| a.platform_role == PlatformRole::Superadmin)
    }

    pub fn key(&self) -> Option<&KeyFacts> {
        match &self.means {
            Means::Key(key) => Some(key),
            _ => None,
        }
    }

    pub fn agent(&self) -> Option<&AgentFacts> {
        self.key().and_then(|key| key.agent.as_ref())
    }

    /// Does the key do less, or live shorter, than its account, or speak for somebody else?
    pub fn is_narrowed(&self) -> bool {
        self.key().is_some_and(|key| {
            key.pinned_to.is_some()
                || key.toolsets.is_some()
                || key.expires_at.is_some()
                || key.token_expires_at.is_some()
                || key.agent.is_some()
                || key.projects.is_some()
                || !key.addresses.is_empty()
                || !key.scopes.is_all()
        })
    }

    /// For what hands out rights or takes them: a narrowed key could make itself a wider one that way.
    pub fn must_be_whole(&self) -> Result<()> {
        match self.key().filter(|_| self.is_narrowed()) {
            None => Ok(()),
            Some(key) => Err(Error::denied(Permission {
                scope: "key",
                required: "*".into(),
                current: Some(key.scopes.to_string()),
                reason: "A key that is narrowed or expires cannot manage accounts, keys or sessions. Sign in, or use a key without restrictions."
                    .into(),
            })),
        }
    }

    /// The same caller while reading MCP resources: a key with that scope reads all of them, whatever its other scopes
    /// are; one without it reads none. Toolsets, projects and the workspace narrow it as ever.
    pub fn reading_resources(identity: Arc<Identity>) -> Result<Arc<Identity>> {
        let Some(key) = identity.key() else { return Ok(identity) };
        if !key.scopes.allow_resources() {
            return Err(Error::denied(Permission {
                scope: "key",
                required: "mcp:resources:read".into(),
                current: Some(key.scopes.to_string()),
                reason: "The key's scopes do not allow reading resources; it needs mcp:resources:read.".into(),
            }));
        }
        if key.scopes.allow_reading() {
            return Ok(identity);
        }
        let mut reader = Identity::clone(&identity);
        if let Means::Key(key) = &mut reader.means {
            key.scopes = Scopes::reading();
        }
        Ok(Arc::new(reader))
    }

    pub fn pinned_to(&self) -> Option<Id<Workspace>> {
        self.key().and_then(|key| key.pinned_to)
    }

    /// The active workspaces that the caller is a member of and may mean.
    pub fn workspaces(&self) -> impl Iterator<Item = &Membership> {
        let pin = self.pinned_to();
        self.memberships.iter().filter(move |m| !m.archived && pin.is_none_or(|pin| pin == m.workspace))
    }

    /// Must it be said which workspace is meant, because none is chosen by itself?
    pub fn must_name_workspace(&self) -> bool {
        self.pinned_to().is_none()
            && match self.workspaces().take(2).count() {
                0 => self.is_platform_admin(),
                1 => false,
                _ => true,
            }
    }

    /// May this key use operations of such an effect in such an area?
    pub fn scope_allows(&self, area: Toolset, effect: Effect) -> bool {
        self.key().is_none_or(|key| {
            let in_toolset = key.toolsets.as_ref().is_none_or(|names| names.split(' ').any(|name| name == area.word()));
            in_toolset && key.scopes.allow(area, effect)
        })
    }

    /// May this key use the operation at all, whatever the account's role?
    pub fn allows(&self, spec: &Spec) -> bool {
        self.scope_allows(spec.toolset, spec.effect) && self.stays_in_its_projects(spec)
    }

    /// A key for a few projects does nothing that reaches beyond them: it reads what lists filter, and writes inside them.
    fn stays_in_its_projects(&self, spec: &Spec) -> bool {
        let is_inside = || match spec.toolset {
            Toolset::Time => true,
            Toolset::Core | Toolset::Projects | Toolset::Tasks => spec.effect == Effect::Read,
            Toolset::Account | Toolset::Workspace | Toolset::Crm | Toolset::Agents => false,
        };
        self.key().is_none_or(|key| key.projects.is_none())
            || matches!(spec.needs, Needs::Project(_) | Needs::Account)
            || is_inside()
    }

    /// The same for what makes or unmakes an owner, whose rights outlive the key.
    pub fn must_be_whole_for(&self, role: Role) -> Result<()> {
        if role == Role::Owner { self.must_be_whole() } else { Ok(()) }
    }

    fn expires_at(&self) -> Option<Moment> {
        match &self.means {
            Means::Session { expires_at, .. } => Some(*expires_at),
            Means::Key(key) => key.expires_at.into_iter().chain(key.token_expires_at).min(),
            Means::None | Means::Console => None,
        }
    }
}

const FIND_SESSION: &str = "
    select s.id, s.expires_at, s.second_factor, a.id, a.email, a.name, a.platform_role, a.time_zone, a.archived_at is not null
      from session s join account a on a.id = s.account_id
     where s.token_hash = :hash";

const FIND_KEY: &str = "
    select k.id, k.label, ifnull(t.scopes, k.scopes), k.toolsets, k.underscore_names, k.workspace_id, k.expires_at, k.revoked_at is not null,
           g.id, g.name, g.enabled, k.projects, t.expires_at, k.addresses,
           a.id, a.email, a.name, a.platform_role, a.time_zone, a.archived_at is not null
      from access_key k join account a on a.id = k.account_id left join agent g on g.id = k.agent_id
      left join oauth_token t on t.token_hash = :hash
     where k.id in (
       select id from access_key where token_hash = :hash
       union all select key_id from oauth_token where token_hash = :hash and kind = 'ACCESS')";

const MEMBERSHIPS: &str = "
    select w.id, w.slug, w.name, m.role, w.archived_at is not null,
           (select group_concat(distinct o.role) from project_membership o join project p on p.id = o.project_id
             where o.account_id = :account and p.workspace_id = w.id)
      from workspace_membership m join workspace w on w.id = m.workspace_id
     where m.account_id = :account
     order by w.name, w.id";

/// Who the credential belongs to: 401 when it is nobody's any more.
pub fn identify(conn: &Connection, credential: Credential) -> Result<Identity> {
    let hash = match credential {
        Credential::Nobody => return Ok(Identity::nobody()),
        Credential::ConsoleOfThisMachine => return Ok(Identity::empty(Means::Console)),
        Credential::Token(hash) => hash,
    };
    let person = |row: &rusqlite::Row<'_>, at: usize| -> rusqlite::Result<Person> {
        Ok(Person {
            id: row.get(at)?,
            email: row.get(at + 1)?,
            name: row.get(at + 2)?,
            platform_role: row.get(at + 3)?,
            time_zone: TimeZone::get(row.get_ref(at + 4)?.as_str()?).unwrap_or(TimeZone::UTC),
            archived: row.get(at + 5)?,
        })
    };
    let key = conn
        .prepare_cached(FIND_KEY)?
        .query_row(named_params! { ":hash": hash }, |row| {
            let scopes: String = row.get(2)?;
            let facts = KeyFacts {
                id: row.get(0)?,
                label: row.get(1)?,
                scopes: Scopes::parse(&scopes).unwrap_or_default(),
                toolsets: row.get(3)?,
                underscore_names: row.get(4)?,
                pinned_to: row.get(5)?,
                expires_at: row.get(6)?,
                agent: match row.get(8)? {
                    Some(id) => Some(AgentFacts { id, name: row.get(9)?, enabled: row.get(10)? }),
                    None => None,
                },
                projects: row.get::<_, Option<String>>(11)?.map(|json| {
                    let ids: Vec<i64> = serde_json::from_str(&json).unwrap_or_default();
                    ids.into_iter().map(Id::from_raw).collect()
                }),
                token_expires_at: row.get(12)?,
                addresses: networks(row.get(13)?),
            };
            Ok((facts, row.get::<_, bool>(7)?, person(row, 14)?))
        })
        .optional()?;
    let (account, means) = match key {
        Some((facts, true, _)) if facts.token_expires_at.is_some() => {
            return Err(unauthorized(
                "The connection was ended in Sally, under Settings → Connections. Connect again.",
            ));
        }
        Some((_, true, _)) => return Err(unauthorized("The key was revoked. Make a new one under Settings → Keys.")),
        Some((facts, false, account)) => (account, Means::Key(Box::new(facts))),
        None => conn
            .prepare_cached(FIND_SESSION)?
            .query_row(named_params! { ":hash": hash }, |row| {
                let (id, expires_at, second_factor) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((person(row, 3)?, Means::Session { id, expires_at, second_factor }))
            })
            .optional()?
            .ok_or_else(|| {
                unauthorized(
                    "The key or session is not known here. Sign in again, or make a new key under Settings → Keys.",
                )
            })?,
    };
    let memberships = conn
        .prepare_cached(MEMBERSHIPS)?
        .query_map(named_params! { ":account": account.id }, |row| {
            let (role, projects): (Role, Option<String>) = (row.get(3)?, row.get(5)?);
            Ok(Membership {
                workspace: row.get(0)?,
                slug: row.get(1)?,
                name: row.get(2)?,
                role,
                highest: projects
                    .as_deref()
                    .unwrap_or_default()
                    .split(',')
                    .filter_map(|word| word.parse().ok())
                    .fold(role, Role::max),
                archived: row.get(4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Identity { account: Some(account), means, memberships })
}

/// As they are stored: separated by blanks.
pub fn networks(stored: Option<String>) -> Vec<Network> {
    stored.iter().flat_map(|stored| stored.split(' ')).filter_map(|text| Network::parse(text).ok()).collect()
}

fn unauthorized(detail: &str) -> Error {
    Error::new(Kind::Unauthorized, detail)
}

pub fn not_signed_in() -> Error {
    unauthorized("Sign in, or send a key as “Authorization: Bearer …”.")
}

/// The check in front of every operation: signed in, second factor, scope, workspace, role; in this order. That the
/// credential is good, [`Identity::check`] has said by now.
pub fn admit(
    conn: &Connection,
    identity: Arc<Identity>,
    selector: Option<&Selector>,
    spec: &Spec,
    demanded: SecondFactorFor,
) -> Result<Caller> {
    if spec.needs == Needs::Public {
        return Ok(Caller { identity, workspace: None });
    }
    if identity.is_nobody() {
        return Err(not_signed_in());
    }
    if !spec.more.before_second_factor && identity.lacks_second_factor(demanded) {
        return Err(Error::new(
            Kind::SecondFactorRequired,
            "This server asks for a second factor. Set one up under Settings → Security, then go on.",
        ));
    }
    key_permits(&identity, spec)?;
    if spec.toolset == Toolset::Account && matches!(spec.needs, Needs::Platform | Needs::Superadmin) {
        identity.must_be_whole()?;
    }
    let workspace = match spec.needs.workspace_role() {
        Some(_) => Some(select(conn, &identity, selector)?),
        None => None,
    };
    let caller = Caller { identity, workspace };
    permits(&caller, spec)?;
    Ok(caller)
}

/// Does the key do, whatever the account's role?
pub(super) fn key_permits(identity: &Identity, spec: &Spec) -> Result<()> {
    if !identity.scope_allows(spec.toolset, spec.effect) {
        let required = format!("{}:{}", spec.toolset.word(), Level::from(spec.effect).word().to_ascii_lowercase());
        return Err(Error::denied(Permission {
            scope: "key",
            reason: format!("The key's scopes do not allow {}; it needs {required}.", spec.name),
            required,
            current: identity.key().map(|key| key.scopes.to_string()),
        }));
    }
    if !identity.stays_in_its_projects(spec) {
        return Err(Error::denied(Permission {
            scope: "key",
            required: "every project".into(),
            current: Some("some projects".into()),
            reason: format!("The key is for single projects, and {} reaches beyond them.", spec.name),
        }));
    }
    Ok(())
}

/// Does the caller's role do, where the workspace is already known?
pub(super) fn permits(caller: &Caller, spec: &Spec) -> Result<()> {
    let identity = &caller.identity;
    let platform = |required: &str| {
        Error::denied(Permission {
            scope: "platform",
            required: required.into(),
            current: identity.account.as_ref().map(|account| account.platform_role.word().to_owned()),
            reason: format!("This is for administrators of this server (platform role {required})."),
        })
    };
    match spec.needs {
        Needs::Public | Needs::Account => Ok(()),
        Needs::Platform if identity.is_platform_admin() => Ok(()),
        Needs::Platform => Err(platform("ADMIN")),
        Needs::Superadmin if identity.is_superadmin() => Ok(()),
        Needs::Superadmin => Err(platform("SUPERADMIN")),
        Needs::Workspace(_) | Needs::Project(_) => {
            let least = spec.needs.workspace_role().expect("both name a workspace role");
            let workspace = caller.workspace.as_ref();
            let role = match spec.more.or_in_a_project {
                true => workspace.and_then(|workspace| workspace.highest),
                false => workspace.and_then(|workspace| workspace.role),
            };
            if identity.is_platform_admin() || role.is_some_and(|role| role >= least) {
                return Ok(());
            }
            let current = role.map(|role| role.word().to_owned());
            Err(Error::denied(Permission {
                scope: "workspace",
                required: least.word().into(),
                reason: format!(
                    "“{}” needs the role {least} in this workspace; yours is {}.",
                    spec.title,
                    current.as_deref().unwrap_or("none")
                ),
                current,
            }))
        }
    }
}

const FIND_WORKSPACE: &str = "
    select id, slug, name, archived_at is not null
      from workspace
     where (id = :id or slug = :slug) and deleted_at is null
     order by id = :id desc limit 1";

/// Which workspace is meant: the key's, the one named, or the only one there is.
fn select(conn: &Connection, identity: &Identity, selector: Option<&Selector>) -> Result<Selected> {
    let (text, by_path) = match selector {
        Some(Selector::Id(text) | Selector::Slug(text)) => (Some(text.trim()), false),
        Some(Selector::Path(text)) => (Some(text.trim()), true),
        None => (None, false),
    };
    let id = text.and_then(Id::parse);
    let is_meant = |membership: &&Membership| {
        Some(membership.workspace) == id || text.is_some_and(|t| t.eq_ignore_ascii_case(&membership.slug))
    };

    if let Some(pin) = identity.pinned_to() {
        let pinned = identity.memberships.iter().find(|m| m.workspace == pin);
        let pinned = match pinned {
            Some(membership) => chosen(membership)?,
            None if identity.is_platform_admin() => foreign(conn, Some(pin), "")?.ok_or_else(pin_refusal)?,
            None => return Err(pin_refusal()),
        };
        let other = text.is_some_and(|text| id != Some(pin) && !text.eq_ignore_ascii_case(&pinned.slug));
        return if other { Err(pin_refusal()) } else { Ok(pinned) };
    }

    let Some(text) = text else {
        let mut active = identity.workspaces();
        return match (active.next(), active.next()) {
            (Some(only), None) => chosen(only),
            (None, _) if !identity.is_platform_admin() => match identity.memberships.first() {
                Some(archived) => chosen(archived),
                None => Err(Error::new(
                    Kind::WorkspaceDenied,
                    "Workspace access denied: the account belongs to no workspace yet. Ask an owner to add you.",
                )),
            },
            (None, _) => only_workspace(conn)?,
            _ => Err(selector_required(identity.workspaces().map(|m| m.slug.as_str()), identity.workspaces().count())),
        };
    };

    if let Some(membership) = identity.memberships.iter().find(is_meant) {
        return chosen(membership);
    }
    let absent = || match by_path {
        true => Error::not_found("workspace", text),
        false if identity.is_platform_admin() => {
            Error::new(Kind::NotFound, format!("Workspace not found: {}.", quoted(text)))
        }
        false => Error::new(
            Kind::WorkspaceDenied,
            format!("Workspace access denied: you are not a member of {}.", quoted(text)),
        ),
    };
    if !identity.is_platform_admin() {
        return Err(absent());
    }
    foreign(conn, id, text)?.ok_or_else(absent)
}

fn chosen(membership: &Membership) -> Result<Selected> {
    if membership.archived {
        return Err(archived(&membership.slug));
    }
    Ok(Selected {
        id: membership.workspace,
        slug: membership.slug.clone(),
        name: membership.name.clone(),
        role: Some(membership.role),
        highest: Some(membership.highest),
    })
}

fn archived(slug: &str) -> Error {
    Error::new(
        Kind::WorkspaceArchived,
        format!("The workspace {} is archived. An administrator can bring it back.", quoted(slug)),
    )
}

/// A pinned key reaches no other workspace.
pub fn pin_refusal() -> Error {
    Error::new(Kind::WorkspaceDenied, "Workspace access denied by MCP key restriction")
}

/// As many workspaces as an error names; who belongs to more is told how many there are.
const NAMED: usize = 10;

fn selector_required<'a>(slugs: impl Iterator<Item = &'a str>, total: usize) -> Error {
    let slugs: Vec<&str> = slugs.take(NAMED).collect();
    let more = match total.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", … and {more} more"),
    };
    Error::new(
        Kind::SelectorRequired,
        format!(
            "workspace selector required: send X-Workspace-Slug, or workspaceSlug as a query parameter or argument; one of {}{more}",
            slugs.join(", ")
        ),
    )
}

/// A workspace that the administrator is not a member of.
fn foreign(conn: &Connection, id: Option<Id<Workspace>>, slug: &str) -> Result<Option<Selected>> {
    let found = conn
        .prepare_cached(FIND_WORKSPACE)?
        .query_row(named_params! { ":id": id, ":slug": slug.to_lowercase() }, |row| {
            Ok((
                Selected { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)?, role: None, highest: None },
                row.get::<_, bool>(3)?,
            ))
        })
        .optional()?;
    match found {
        Some((workspace, true)) => Err(archived(&workspace.slug)),
        found => Ok(found.map(|(workspace, _)| workspace)),
    }
}

/// An administrator without memberships means the only workspace there is, if there is only one.
fn only_workspace(conn: &Connection) -> Result<Result<Selected>> {
    const ACTIVE: &str = "
        select id, slug, name, count(*) over () from workspace
         where archived_at is null and deleted_at is null order by id limit ?1";
    let mut total = 0;
    let active: Vec<Selected> = conn
        .prepare_cached(ACTIVE)?
        .query_map([NAMED as i64], |row| {
            total = row.get::<_, i64>(3)?;
            Ok(Selected { id: row.get(0)?, slug: row.get(1)?, name: row.get(2)?, role: None, highest: None })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(match <[Selected; 1]>::try_from(active) {
        Ok([only]) => Ok(only),
        Err(several) => Err(selector_required(several.iter().map(|workspace| workspace.slug.as_str()), total as usize)),
    })
}
