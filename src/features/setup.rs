//! The first account and workspace, and the links that work once.

use rusqlite::{Connection, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::{Account, PlatformRole, Role, Workspace};
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::page::Columns;
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Change, insert, one, optional, run};
use crate::core::text::{Email, Line};
use crate::core::time::Moment;
use crate::features::workspaces;

pub const OPERATIONS: &[Entry] = &[Entry::of::<OfferSetUp>(), Entry::of::<SetUp>(), Entry::of::<Init>()];

#[derive(Debug, Clone, Copy)]
struct Link;
impl Record for Link {
    const PREFIX: &'static str = "link";
    const NOUN: &'static str = "link";
}

/// What a one-time link is for.
pub enum Purpose {
    SetUp,
    /// For the account; did the link go to its address and nowhere else?
    Password {
        account: Id<Account>,
        mailed: bool,
    },
    /// The account's new e-mail, to be confirmed.
    Email(Id<Account>, Email),
}

impl Purpose {
    fn word(&self) -> &'static str {
        match self {
            Purpose::SetUp => "SETUP",
            Purpose::Password { .. } => "PASSWORD",
            Purpose::Email(..) => "EMAIL",
        }
    }
}

/// Makes a link's token; earlier links for the same purpose stop working.
pub fn make_link(conn: &Connection, purpose: Purpose, now: Moment, expires_at: Moment) -> Result<String> {
    const FORGET: &str = "delete from one_time_link where purpose = ?1 and account_id is ?2 and used_at is null";
    const MAKE: &str = "
        insert into one_time_link (id, purpose, account_id, email, mailed, token_hash, expires_at, created_at)
        values (:id, :purpose, :account, :email, :mailed, :hash, :expires, :now)";
    let (account, email, mailed) = match &purpose {
        Purpose::Password { account, mailed } => (Some(*account), None, *mailed),
        Purpose::Email(account, email) => (Some(*account), Some(email), true),
        Purpose::SetUp => (None, None, false),
    };
    let token = secret::session_token();
    run(conn, FORGET, (purpose.word(), account))?;
    conn.prepare_cached(MAKE)?.execute(named_params! {
        ":id": Id::<Link>::new(now.ms()), ":purpose": purpose.word(), ":account": account,
        ":email": email, ":mailed": mailed, ":hash": TokenHash::of(&token), ":expires": expires_at, ":now": now,
    })?;
    Ok(token)
}

fn no_such_link() -> Error {
    Error::field("token", "this link is used up, expired or incomplete; ask for a new one")
}

/// Refuses a link that cannot work before anything dear is done for whoever sent it.
pub(super) fn check_link(before: &Before<'_>, purpose: &str, token: &str) -> Result<()> {
    const WORKS: &str = "
        select 1 from one_time_link
         where token_hash = ?1 and purpose = ?2 and used_at is null and expires_at > ?3";
    let parameters = (TokenHash::of(token), purpose, Moment::now());
    let found =
        before.app.store().read(|reading| optional(reading.conn(), WORKS, parameters, |row| row.take::<i64>()))?;
    found.map(|_| ()).ok_or_else(no_such_link)
}

/// Uses up a link for a new password: whose it is, and whether it went to their address and nowhere else.
pub(super) fn use_password_link(tx: &Tx, token: &str) -> Result<(Id<Account>, bool)> {
    let link = use_link(tx, "PASSWORD", token)?;
    let account = link.account.ok_or_else(|| Error::internal("a password link without an account"))?;
    Ok((account, link.mailed))
}

/// Uses up the link of a new e-mail: whose it is, and which.
pub(super) fn use_email_link(tx: &Tx, token: &str) -> Result<(Id<Account>, Email)> {
    let link = use_link(tx, "EMAIL", token)?;
    let email = link.email.and_then(|email| Email::parse(&email).ok());
    link.account.zip(email).ok_or_else(|| Error::internal("a link for an e-mail without one"))
}

/// A link that was just used up.
struct Used {
    /// None: of the set-up.
    account: Option<Id<Account>>,
    email: Option<String>,
    mailed: bool,
}

/// Uses a link up, or gives the one answer for every link that does not work.
fn use_link(tx: &Tx, purpose: &str, token: &str) -> Result<Used> {
    const USE: &str = "
        update one_time_link set used_at = :now
         where token_hash = :hash and purpose = :purpose and used_at is null and expires_at > :now
        returning account_id, email, mailed";
    let parameters = named_params! { ":hash": TokenHash::of(token), ":purpose": purpose, ":now": tx.now() };
    let read = |row: &mut Columns<'_>| Ok(Used { account: row.take()?, email: row.take()?, mailed: row.take()? });
    optional(tx.conn(), USE, parameters, read)?.ok_or_else(no_such_link)
}

fn refuse_if_set_up(tx: &Tx) -> Result<()> {
    let is_set_up: bool = one(tx.conn(), "select exists (select 1 from account)", [], |row| row.take())?;
    if is_set_up { Err(Error::conflict("The server is set up already; sign in instead.")) } else { Ok(()) }
}

/// Make the one-time link for the first set-up, 24 hours long.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferSetUp {}

#[derive(Serialize, JsonSchema)]
pub struct Offer {
    pub token: String,
}
impl Answer for Offer {
    const SECRET: bool = true;
}

impl Operation for OfferSetUp {
    type Output = Offer;
    const SPEC: Spec = Spec {
        name: "setup.offer",
        title: "Offer the set-up",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Offer> {
        refuse_if_set_up(cx)?;
        Ok(Offer { token: make_link(cx.conn(), Purpose::SetUp, cx.now(), cx.now().plus_days(1))? })
    }
}

/// Set the server up: the first account, which administers it, and the first workspace.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetUp {
    /// From the link.
    pub token: String,
    /// Your name.
    pub name: Line<120>,
    pub email: Email,
    /// At least 12 characters with upper, lower, digit and symbol.
    pub password: String,
    /// What your team is called.
    pub workspace: Line<120>,
    #[serde(skip)]
    password_hash: String,
}

/// What was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Beginning {
    pub account_id: Id<Account>,
    pub email: String,
    pub workspace_id: Id<Workspace>,
    pub workspace_slug: String,
}
impl Answer for Beginning {}

impl Operation for SetUp {
    type Output = Beginning;
    const SPEC: Spec = Spec {
        name: "setup.complete",
        title: "Set up",
        route: None,
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        check_link(before, "SETUP", &self.token)?;
        self.password_hash = hash_checked(&self.password)?;
        Ok(())
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Beginning> {
        use_link(cx, "SETUP", &self.token)?;
        begin(cx, &self.name, &self.email, &self.password_hash, &self.workspace)
    }
}

/// Set the server up from the command line.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Init {
    pub name: Line<120>,
    pub email: Email,
    pub password: String,
    pub workspace: Line<120>,
    #[serde(skip)]
    password_hash: String,
}

impl Init {
    pub fn new(name: Line<120>, email: Email, password: String, workspace: Line<120>) -> Self {
        Init { name, email, password, workspace, password_hash: String::new() }
    }
}

impl Operation for Init {
    type Output = Beginning;
    const SPEC: Spec = Spec {
        name: "setup.init",
        title: "Set up from the command line",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, _: &Before<'_>) -> Result<()> {
        self.password_hash = hash_checked(&self.password)?;
        Ok(())
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Beginning> {
        begin(cx, &self.name, &self.email, &self.password_hash, &self.workspace)
    }
}

/// The hash of a password that is strong enough.
pub(super) fn hash_checked(password: &str) -> Result<String> {
    secret::check_password(password).map_err(|message| Error::field("password", message))?;
    secret::hash_password(password)
}

fn begin(tx: &Tx, name: &Line<120>, email: &Email, password_hash: &str, workspace: &Line<120>) -> Result<Beginning> {
    refuse_if_set_up(tx)?;
    let mut row = Change::of("account");
    row.set("email", email)?
        .set("name", name)?
        .set("platform_role", PlatformRole::Superadmin)?
        .set("password_hash", password_hash)?
        // Whoever sets the server up holds the machine: nobody else can have opened this account for them.
        .set("email_proved_at", tx.now())?;
    let account_id: Id<Account> = insert(tx, row)?;
    let (workspace_id, workspace_slug) = workspaces::found(tx, workspace)?;
    workspaces::join(tx, workspace_id, account_id, Role::Owner)?;
    Ok(Beginning { account_id, email: email.as_str().to_owned(), workspace_id, workspace_slug })
}
