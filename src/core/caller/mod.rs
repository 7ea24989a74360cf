//! Who is asking, and what they may do. Read in the same snapshot as the data, so authority is never stale.

mod admit;
mod identify;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::error::{Error, Kind, Permission, Result, quoted};
use super::id::{Id, Record};
use super::network::Network;
use super::operation::{Effect, Needs, Spec, Toolset};
use super::place::ProjectRecord;
use super::scopes::Scopes;
use super::secret::TokenHash;
use super::time::Moment;

pub use admit::{admit, pin_refusal};
pub(super) use admit::{key_permits, permits};
pub use identify::{identify, networks, not_signed_in};

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
        self.addresses.is_empty() || address.is_some_and(|address| Network::any_contains(&self.addresses, address))
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
                _ => Error::new(Kind::Unauthorized, "The session has expired. Sign in again."),
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

    /// 403 for such a session.
    pub fn must_have_second_factor(&self, demanded: SecondFactorFor) -> Result<()> {
        if self.lacks_second_factor(demanded) {
            let way = "This server asks for a second factor. Set one up under Settings → Security, then go on.";
            return Err(Error::new(Kind::SecondFactorRequired, way));
        }
        Ok(())
    }

    /// The session that was shown, where it was one.
    pub fn session(&self) -> Option<Id<Session>> {
        match self.means {
            Means::Session { id, .. } => Some(id),
            Means::None | Means::Console | Means::Key(_) => None,
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

    /// The same for what makes or unmakes an owner, whose rights outlive the key.
    pub fn must_be_whole_for(&self, role: Role) -> Result<()> {
        if role == Role::Owner { self.must_be_whole() } else { Ok(()) }
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

    fn expires_at(&self) -> Option<Moment> {
        match &self.means {
            Means::Session { expires_at, .. } => Some(*expires_at),
            Means::Key(key) => key.expires_at.into_iter().chain(key.token_expires_at).min(),
            Means::None | Means::Console => None,
        }
    }
}
