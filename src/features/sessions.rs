//! Signing in and out, and who one is.

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::{Account, Role, Session, Workspace};
use crate::core::config::Config;
use crate::core::error::{Error, FieldError, Kind, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Reading, all, optional, run};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::accounts::AccountView;
use crate::features::two_factor;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<Login>(),
    Entry::of::<LoginWithCode>(),
    Entry::of::<Logout>(),
    Entry::of::<Me>(),
    Entry::of::<ListSessions>(),
    Entry::of::<RevokeSession>(),
];

const SESSION_DAYS: i64 = 30;
pub const CHALLENGE_MINUTES: i64 = 10;

#[derive(Debug, Clone, Copy)]
struct SignInChallenge;
impl Record for SignInChallenge {
    const PREFIX: &'static str = "challenge";
    const NOUN: &'static str = "sign-in";
}

/// Sign in with e-mail and password. The session token works as a cookie, as `Authorization: Bearer` or as
/// `X-Session-Token`. An account with a second factor gets a challenge first: go on with `auth.login_2fa`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The account's e-mail.
    pub email: Line<320>,
    pub password: String,
    #[serde(skip)]
    verified: Option<(Id<Account>, String)>,
}

impl Login {
    pub fn new(email: Line<320>, password: String) -> Self {
        Login { email, password, verified: None }
    }
}

/// A session, or the question for the second factor.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SignIn {
    Done(SignedIn),
    Challenged(Challenge),
}
impl Answer for SignIn {
    const SECRET: bool = true;
}

/// There is no session before the second factor is shown.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// Always true.
    pub requires_two_factor: bool,
    /// For `auth.login_2fa`: shown once, good for ten minutes and five codes.
    pub challenge_token: String,
    pub expires_at: Moment,
    /// What is taken as the code.
    pub methods: Vec<&'static str>,
}

/// A session.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Shown once.
    pub session_token: String,
    pub expires_at: Moment,
    pub account: AccountView,
    pub memberships: Vec<MembershipView>,
}
impl Answer for SignedIn {
    const SECRET: bool = true;
}

/// A workspace the account belongs to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembershipView {
    pub workspace_id: Id<Workspace>,
    pub slug: String,
    pub name: String,
    pub role: Role,
}

fn memberships(tx: &Tx, account: Id<Account>) -> Result<Vec<MembershipView>> {
    const MEMBERSHIPS: &str = "
        select w.id, w.slug, w.name, m.role
          from workspace_membership m join workspace w on w.id = m.workspace_id
         where m.account_id = ?1 and w.archived_at is null
         order by w.name, w.id
         limit 1000";
    all(tx.conn(), MEMBERSHIPS, [account], |row| {
        Ok(MembershipView { workspace_id: row.take()?, slug: row.take()?, name: row.take()?, role: row.take()? })
    })
}

impl Operation for Login {
    type Output = SignIn;
    const SPEC: Spec = Spec {
        name: "auth.login",
        title: "Sign in",
        route: Route::post("/auth/login"),
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::SignIn), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;

    /// The same work and the same answer whether the account exists or not, and, with `oidc_only`, whatever its password is.
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        let email = self.email.as_str().to_lowercase();
        before.app.limits.sign_in(&email, before.call.address)?;
        const FIND: &str = "
            select id, password_hash, platform_role from account where email = ?1 and archived_at is null";
        let config = before.app.config();
        let found = before.app.store().read(|reading| {
            optional(reading.conn(), FIND, [&email], |row| {
                let (id, hash) = (row.take::<Id<Account>>()?, row.take::<Option<String>>()?);
                let role = row.take()?;
                Ok((id, hash.filter(|_| config.allows_password_of(role))))
            })
        })?;
        let stored = found.as_ref().and_then(|(_, hash)| hash.as_deref());
        if !secret::password_fits(&self.password, stored) {
            before.failed(Self::SPEC.name, found.map(|(id, _)| id))?;
            return Err(wrong_password(config));
        }
        self.verified = found.and_then(|(id, hash)| Some((id, hash?)));
        Ok(())
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<SignIn> {
        let wrong = || wrong_password(cx.config());
        let (account, hash) = self.verified.ok_or_else(wrong)?;
        // The password or the role may have been changed while it was checked.
        const STILL: &str = "
            select platform_role from account where id = ?1 and password_hash = ?2 and archived_at is null";
        let role = optional(cx.conn(), STILL, (account, hash), |row| row.take())?;
        if !role.is_some_and(|role| cx.config().allows_password_of(role)) {
            return Err(wrong());
        }
        cx.act_for(account)?;
        admit(cx, account, false)
    }
}

fn wrong_password(config: &Config) -> Error {
    match config.oidc_only {
        true => {
            let text = "This is no superadministrator’s password, and all others are turned off here. Sign in by";
            Error::new(Kind::SignInRefused, format!("{text} {}.", config.oidc_name))
        }
        false => Error::new(Kind::WrongPassword, "E-mail or password is wrong."),
    }
}

/// The only way in. Whoever has shown the first factor comes through here, so that none of them gets a session without
/// the second one that the account has, unless it was shown elsewhere.
pub(super) fn admit(tx: &Tx, account: Id<Account>, second_factor: bool) -> Result<SignIn> {
    match !second_factor && two_factor::is_on(tx, account)? {
        true => challenge(tx, account).map(SignIn::Challenged),
        false => open(tx, account, second_factor).map(SignIn::Done),
    }
}

fn challenge(tx: &Tx, account: Id<Account>) -> Result<Challenge> {
    const ASK: &str = "
        insert into sign_in_challenge (id, account_id, token_hash, created_at, expires_at)
        values (:id, :account, :hash, :now, :expires)";
    let challenge_token = secret::session_token();
    let expires_at = tx.now().plus_seconds(CHALLENGE_MINUTES * 60);
    tx.conn().prepare_cached(ASK)?.execute(named_params! {
        ":id": Id::<SignInChallenge>::new(tx.now().ms()), ":account": account,
        ":hash": TokenHash::of(&challenge_token), ":now": tx.now(), ":expires": expires_at,
    })?;
    Ok(Challenge { requires_two_factor: true, challenge_token, expires_at, methods: vec!["totp", "recovery_code"] })
}

/// A new session: its token is told once, its hash is kept.
fn open(tx: &Tx, account: Id<Account>, second_factor: bool) -> Result<SignedIn> {
    const OPEN: &str = "
        insert into session (id, account_id, token_hash, user_agent, address, second_factor, created_at, last_used_at, expires_at)
        values (:id, :account, :hash, :agent, :address, :second_factor, :now, :now, :expires)";
    let token = secret::session_token();
    let expires_at = tx.now().plus_days(SESSION_DAYS);
    tx.conn().prepare_cached(OPEN)?.execute(named_params! {
        ":id": Id::<Session>::new(tx.now().ms()), ":account": account, ":hash": TokenHash::of(&token),
        ":agent": tx.call().user_agent, ":address": tx.call().address.map(|address| address.to_string()),
        ":second_factor": second_factor, ":now": tx.now(), ":expires": expires_at,
    })?;
    Ok(SignedIn {
        session_token: token,
        expires_at,
        account: AccountView::by_id(tx, account)?,
        memberships: memberships(tx, account)?,
    })
}

/// Go on with a sign-in that asked for the second factor.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginWithCode {
    /// From the answer of `auth.login`.
    pub challenge_token: String,
    /// Six digits of the authenticator app, or a recovery code.
    pub code: Line<60>,
}

const CHALLENGED: &str = "
    select c.account_id from sign_in_challenge c join account a on a.id = c.account_id
     where c.token_hash = ?1 and c.expires_at > ?2 and a.archived_at is null";

fn wrong_code() -> Error {
    let error = Error::new(Kind::WrongCode, "The code is not right, or was used before.");
    error.at(FieldError { field: "code".into(), message: two_factor::WRONG_CODE.into() })
}

fn dead_challenge() -> Error {
    Error::new(Kind::Unauthorized, "This sign-in has taken too long or had too many wrong codes. Sign in again.")
}

impl Operation for LoginWithCode {
    type Output = SignedIn;
    const SPEC: Spec = Spec {
        name: "auth.login_2fa",
        title: "Sign in with a code",
        route: Route::post("/auth/login/2fa"),
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::SignIn), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;

    /// Every code that is tried counts, also those whose transaction comes to nothing.
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        let challenge = TokenHash::of(&self.challenge_token);
        let find = |reading: &mut Reading| {
            optional(reading.conn(), CHALLENGED, (challenge, Moment::now()), |row| row.take::<Id<Account>>())
        };
        let account = before.app.store().read(find)?.ok_or_else(dead_challenge)?;
        if !before.app.limits.code_of_challenge(challenge) {
            return Err(dead_challenge());
        }
        before.app.limits.code(account)?;
        let read =
            |reading: &mut Reading| two_factor::read_code(reading.conn(), account, self.code.as_str(), Moment::now());
        if before.app.store().read(read)?.is_none() {
            before.failed(Self::SPEC.name, Some(account))?;
            return Err(wrong_code());
        }
        Ok(())
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<SignedIn> {
        let challenge = TokenHash::of(&self.challenge_token);
        let account = optional(cx.conn(), CHALLENGED, (challenge, cx.now()), |row| row.take())?;
        let account = account.ok_or_else(dead_challenge)?;
        // It may have been used since it was looked at.
        if !two_factor::use_code(cx, account, self.code.as_str())? {
            return Err(wrong_code());
        }
        cx.act_for(account)?;
        run(cx.conn(), "delete from sign_in_challenge where token_hash = ?1", [challenge])?;
        open(cx, account, true)
    }
}

/// Ends the sessions of an account, but for the one to keep.
pub fn end_others(tx: &Tx, account: Id<Account>, keep: Option<Id<Session>>) -> Result<()> {
    run(tx.conn(), "delete from session where account_id = ?1 and id is not ?2", (account, keep))?;
    Ok(())
}

/// End the session this request came with.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logout {}

impl Operation for Logout {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "auth.logout",
        title: "Sign out",
        route: Route::post("/auth/logout"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::SignOut), before_second_factor: true, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let session = cx.caller().identity.session().ok_or_else(|| {
            Error::malformed("There is no session to end: the request came with a key. Revoke the key instead.")
        })?;
        run(cx.conn(), "delete from session where id = ?1", [session]).map(drop)
    }
}

/// See who you are here: account, workspaces with your role, and what the key allows.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Me {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhoAmI {
    pub account: AccountView,
    pub memberships: Vec<MembershipView>,
    /// Null for a session.
    pub key: Option<KeyInUse>,
}
impl Answer for WhoAmI {}

/// The key that the request came with.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyInUse {
    label: String,
    /// `*` is everything.
    scopes: String,
    /// The only workspace the key works in; null: all of the account's.
    workspace_id: Option<Id<Workspace>>,
    expires_at: Option<Moment>,
}

impl Operation for Me {
    type Output = WhoAmI;
    const SPEC: Spec = Spec {
        name: "auth.me",
        title: "Who am I",
        route: Route::get("/auth/me"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More { aliases: &["whoami"], before_second_factor: true, ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<WhoAmI> {
        let me = cx.signed_in()?.id;
        let key = cx.caller().identity.key();
        let pin = key.and_then(|key| key.pinned_to);
        let mut memberships = memberships(cx, me)?;
        memberships.retain(|membership| pin.is_none_or(|pin| pin == membership.workspace_id));
        Ok(WhoAmI {
            account: AccountView::by_id(cx, me)?,
            memberships,
            key: key.map(|key| KeyInUse {
                label: key.label.clone(),
                scopes: key.scopes.to_string(),
                workspace_id: key.pinned_to,
                expires_at: key.expires_at,
            }),
        })
    }
}

/// List your sessions: where you are signed in.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListSessions {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    pub id: Id<Session>,
    /// The one that asks.
    pub current: bool,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub created_at: Moment,
    /// Noted twice a minute.
    pub last_used_at: Moment,
    pub expires_at: Moment,
}

impl SessionView {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Self> {
        Ok(SessionView {
            id: row.take()?,
            user_agent: row.take()?,
            address: row.take()?,
            created_at: row.take()?,
            last_used_at: row.take()?,
            expires_at: row.take()?,
            current: false,
        })
    }
}

impl Operation for ListSessions {
    type Output = Page<SessionView>;
    const SPEC: Spec = Spec {
        name: "auth.session.list",
        title: "List sessions",
        route: Route::get("/auth/sessions"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { sorts: &[Sort::down("createdAt", "s.id")], ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<SessionView>> {
        const COLUMNS: &str = "s.id, s.user_agent, s.address, s.created_at, s.last_used_at, s.expires_at";
        let mut page = Select::new(COLUMNS, "session s", "s.id")
            .filter("s.account_id = ?", cx.signed_in()?.id)
            .filter("s.expires_at > ?", cx.now())
            .page(cx, &Self::SPEC, SessionView::read)?;
        let own = cx.caller().identity.session();
        page.items.iter_mut().for_each(|session| session.current = Some(session.id) == own);
        Ok(page)
    }
}

/// End one of your sessions, or all but the one that asks.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeSession {
    /// The session's id; `others` for all but this one.
    pub session_id: Line<40>,
}

impl Operation for RevokeSession {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "auth.session.revoke",
        title: "End a session",
        route: Route::delete("/auth/sessions/{sessionId}"),
        needs: Needs::Account,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::SignOut), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let me = cx.signed_in()?.id;
        cx.caller().identity.must_be_whole()?;
        if self.session_id.as_str() == "others" {
            return end_others(cx, me, cx.caller().identity.session());
        }
        let absent = || Error::not_found("session", self.session_id.as_str());
        let id = Id::<Session>::parse(self.session_id.as_str()).ok_or_else(absent)?;
        let ended = run(cx.conn(), "delete from session where id = ?1 and account_id = ?2", (id, me))?;
        if ended == 0 { Err(absent()) } else { Ok(()) }
    }
}
