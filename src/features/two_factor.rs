//! The second factor: an authenticator app, and codes on paper for whoever lost it.

use rusqlite::{Connection, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};

use crate::core::audit::Audited;
use crate::core::caller::Account;
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Change, Reading, insert, one, optional, run};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::accounts::{self, AccountView};
use crate::features::sessions::end_others;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<TwoFactorStatus>(),
    Entry::of::<SetUpTwoFactor>(),
    Entry::of::<ConfirmTwoFactor>(),
    Entry::of::<DisableTwoFactor>(),
    Entry::of::<ResetTwoFactor>(),
];

/// What an authenticator app shows for us.
const ISSUER: &str = "Sally";
const RECOVERY_CODES: usize = 10;
/// Whoever has no password to show again signed in so recently.
const FRESH_MINUTES: i64 = 10;

pub(super) const WRONG_CODE: &str = "is not right, or was used before; wait for the next one";

/// The authenticator app of an account.
#[derive(Debug, Clone, Copy)]
struct SecondFactor;
impl Record for SecondFactor {
    const PREFIX: &'static str = "factor";
    const NOUN: &'static str = "second factor";
}

#[derive(Debug, Clone, Copy)]
struct RecoveryCode;
impl Record for RecoveryCode {
    const PREFIX: &'static str = "code";
    const NOUN: &'static str = "recovery code";
}

const ON: &str = "select exists (select 1 from second_factor where account_id = ?1 and confirmed_at is not null)";

/// Does the account show a second factor when it signs in?
pub(super) fn is_on(tx: &Tx, account: Id<Account>) -> Result<bool> {
    one(tx.conn(), ON, [account], |row| row.take())
}

/// RFC 6238 as every app understands it: SHA-1, six digits, 30 seconds, one step early or late.
fn totp(secret: &[u8], email: &str) -> Result<Totp> {
    let builder = Builder::new().with_secret(secret).with_issuer(Some(ISSUER)).with_account_name(email);
    builder.build().map_err(Error::internal)
}

/// Which step of the clock a code of the app is of, if it is one around now: none is taken twice, nor one older than the
/// last.
fn step_of(secret: &[u8], last_step: i64, code: &str, now: Moment) -> Result<Option<i64>> {
    let seconds = u64::try_from(now.ms() / 1_000).unwrap_or_default();
    let totp = totp(secret, "")?;
    let step = totp.check(code, seconds).map(|step| step as i64);
    // One more than a day ahead was taken while the clock was, and must not lock anybody out until then.
    let is_from_ahead = last_step > ((seconds + 86_400) / totp.step()) as i64;
    Ok(step.filter(|step| *step > last_step || is_from_ahead))
}

fn use_step(tx: &Tx, account: Id<Account>, step: i64) -> Result<()> {
    const USE: &str = "update second_factor set totp_last_step = ?2 where account_id = ?1";
    run(tx.conn(), USE, (account, step)).map(drop)
}

/// What a code is good for that an account may sign in with.
pub(super) enum Good {
    Step(i64),
    OnPaper(TokenHash),
}

/// Is it a code of the account's app or paper that was not used yet?
pub(super) fn read_code(conn: &Connection, account: Id<Account>, code: &str, now: Moment) -> Result<Option<Good>> {
    const FACTOR: &str = "
        select totp_secret, totp_last_step from second_factor where account_id = ?1 and confirmed_at is not null";
    const ON_PAPER: &str = "select exists (select 1 from recovery_code where account_id = ?1 and code_hash = ?2)";
    let code = plain(code);
    let factor = optional(conn, FACTOR, [account], |row| Ok((row.take::<Vec<u8>>()?, row.take()?)))?;
    let Some((secret, last_step)) = factor else { return Ok(None) };
    if code.len() == 6 {
        return Ok(step_of(&secret, last_step, &code, now)?.map(Good::Step));
    }
    let hash = TokenHash::of(&code);
    let is_there: bool = one(conn, ON_PAPER, (account, hash), |row| row.take())?;
    Ok(is_there.then_some(Good::OnPaper(hash)))
}

/// Uses a code up; false if it is none.
pub(super) fn use_code(tx: &Tx, account: Id<Account>, code: &str) -> Result<bool> {
    const USE: &str = "delete from recovery_code where account_id = ?1 and code_hash = ?2";
    match read_code(tx.conn(), account, code, tx.now())? {
        None => return Ok(false),
        Some(Good::Step(step)) => use_step(tx, account, step)?,
        Some(Good::OnPaper(hash)) => run(tx.conn(), USE, (account, hash)).map(drop)?,
    }
    Ok(true)
}

/// As people type it: `123 456`, `ABCD-EFGH-…`.
fn plain(code: &str) -> String {
    code.chars().filter(|letter| letter.is_ascii_alphanumeric()).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Ten new codes; those from before no longer work. With 120 random bits each, a plain hash is enough to keep them.
fn make_recovery_codes(tx: &Tx, account: Id<Account>) -> Result<Vec<String>> {
    const MAKE: &str =
        "insert into recovery_code (id, account_id, code_hash, created_at) values (:id, :account, :hash, :now)";
    run(tx.conn(), "delete from recovery_code where account_id = ?1", [account])?;
    let make = |_| {
        let code = Secret::from(Vec::from(secret::random_bytes::<15>())).to_base32().to_lowercase();
        tx.conn().prepare_cached(MAKE)?.execute(named_params! {
            ":id": Id::<RecoveryCode>::new(tx.now().ms()), ":account": account, ":hash": TokenHash::of(&code), ":now": tx.now(),
        })?;
        let groups: Vec<&str> = (0..code.len()).step_by(4).map(|at| &code[at..at + 4]).collect();
        Ok(groups.join("-"))
    };
    (0..RECOVERY_CODES).map(make).collect()
}

/// An open session is not enough: whoever found one must not change how its owner signs in.
fn check_it_is_them(before: &Before<'_>, operation: &'static str, password: Option<&str>) -> Result<()> {
    const STARTED: &str = "select created_at from session where id = ?1";
    let identity = &before.caller.identity;
    identity.must_be_whole()?;
    if accounts::has_password(before)? {
        let password = password.ok_or_else(|| Error::field("password", "is required"))?;
        return accounts::check_own_password(before, operation, "password", password);
    }
    let id = identity.session().ok_or_else(not_fresh)?;
    let find = |reading: &mut Reading| optional(reading.conn(), STARTED, [id], |row| row.take::<Moment>());
    let started = before.app.store().read(find)?;
    let is_fresh = started.is_some_and(|started| Moment::now().is_within(FRESH_MINUTES * 60, started));
    if is_fresh { Ok(()) } else { Err(not_fresh()) }
}

fn not_fresh() -> Error {
    Error::conflict("Your account has no password to show again. Sign out, sign in and do this within ten minutes.")
}

/// Every code that is tried counts, and one that is wrong is written down: of its transaction nothing would stay.
fn check_code(before: &Before<'_>, operation: &'static str, code: &Line<60>) -> Result<()> {
    let Some(me) = before.caller.identity.account.as_ref().map(|account| account.id) else { return Ok(()) };
    before.app.limits.code(me)?;
    let find = |reading: &mut Reading| -> Result<(bool, bool)> {
        let is_on = one(reading.conn(), ON, [me], |row| row.take())?;
        Ok((is_on, read_code(reading.conn(), me, code.as_str(), Moment::now())?.is_some()))
    };
    if let (true, false) = before.app.store().read(find)? {
        before.failed(operation, Some(me))?;
        return Err(Error::field("code", WRONG_CODE));
    }
    Ok(())
}

/// See whether you have a second factor and how many recovery codes are left.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TwoFactorStatus {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TwoFactor {
    pub enabled: bool,
    pub enabled_at: Option<Moment>,
    pub recovery_codes_left: i64,
    /// This server demands one of your account, and this session does without.
    pub missing: bool,
    /// false: the account has no password; a sign-in within the last ten minutes stands for it.
    pub has_password: bool,
}
impl Answer for TwoFactor {}

impl Operation for TwoFactorStatus {
    type Output = TwoFactor;
    const SPEC: Spec = Spec {
        name: "auth.two_factor.status",
        title: "See your second factor",
        route: Route::get("/auth/2fa/status"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { before_second_factor: true, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<TwoFactor> {
        const STATUS: &str = "
            select f.confirmed_at, (select count(*) from recovery_code c where c.account_id = a.id),
                   a.password_hash is not null, a.platform_role
              from account a left join second_factor f on f.account_id = a.id where a.id = ?1";
        one(cx.conn(), STATUS, [cx.signed_in()?.id], |row| {
            let enabled_at: Option<Moment> = row.take()?;
            Ok(TwoFactor {
                enabled: enabled_at.is_some(),
                enabled_at,
                recovery_codes_left: row.take()?,
                missing: cx.caller().identity.lacks_second_factor(cx.config().require_two_factor),
                has_password: row.take::<bool>()? && cx.config().allows_password_of(row.take()?),
            })
        })
    }
}

/// Begin to set up a second factor: a secret for an authenticator app. Signing in asks for it once you have confirmed it with
/// a code.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetUpTwoFactor {
    /// Your password again.
    pub password: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TotpSecret {
    /// To type into the app, in base 32.
    pub secret: String,
    /// The same for a QR code.
    pub otpauth_uri: String,
}
impl Answer for TotpSecret {
    const SECRET: bool = true;
}

impl TotpSecret {
    /// The secret of a set-up that is under way, as the app takes it.
    pub fn of(secret: &str, email: &str) -> Result<TotpSecret> {
        let bytes = Secret::try_from_base32(secret).map_err(|_| Error::field("secret", "is not the one shown"))?;
        let otpauth_uri = totp(bytes.as_bytes(), email)?.to_url().map_err(Error::internal)?;
        Ok(TotpSecret { secret: secret.to_owned(), otpauth_uri })
    }
}

impl Operation for SetUpTwoFactor {
    type Output = TotpSecret;
    const SPEC: Spec = Spec {
        name: "auth.two_factor.setup",
        title: "Set up a second factor",
        route: Route::post("/auth/2fa/setup"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::TwoFactor), before_second_factor: true, ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        check_it_is_them(before, Self::SPEC.name, self.password.as_deref())
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<TotpSecret> {
        let me = cx.signed_in()?;
        if is_on(cx, me.id)? {
            return Err(Error::conflict("You have a second factor already; turn it off first."));
        }
        // One that was begun before and never confirmed.
        run(cx.conn(), "delete from second_factor where account_id = ?1", [me.id])?;
        let bytes = secret::random_bytes::<20>();
        let mut row = Change::of("second_factor");
        row.set("account_id", me.id)?.set("totp_secret", bytes)?;
        insert::<SecondFactor>(cx, row)?;
        TotpSecret::of(&Secret::new_stack(bytes).to_base32(), &me.email)
    }
}

/// Confirm the second factor with a code of the app: from now on signing in asks for it, and your other sessions end. The
/// answer holds ten recovery codes. Confirm once more to get ten new ones; the old ones stop working.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmTwoFactor {
    /// Six digits of the authenticator app.
    pub code: Line<60>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// Each signs you in once in place of the app. Shown once.
    pub recovery_codes: Vec<String>,
}
impl Answer for RecoveryCodes {
    const SECRET: bool = true;
}

impl Operation for ConfirmTwoFactor {
    type Output = RecoveryCodes;
    const SPEC: Spec = Spec {
        name: "auth.two_factor.confirm",
        title: "Confirm the second factor",
        route: Route::post("/auth/2fa/confirm"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::TwoFactor), before_second_factor: true, ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        before.caller.identity.must_be_whole()?;
        check_code(before, Self::SPEC.name, &self.code)
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<RecoveryCodes> {
        const FIND: &str = "
            select id, totp_secret, totp_last_step, confirmed_at is not null from second_factor where account_id = ?1";
        let me = cx.signed_in()?.id;
        let found = optional(cx.conn(), FIND, [me], |row| {
            Ok((row.take::<Id<SecondFactor>>()?, row.take::<Vec<u8>>()?, row.take()?, row.take::<bool>()?))
        })?;
        let (id, secret, last_step, is_on) =
            found.ok_or_else(|| Error::conflict("There is nothing to confirm; begin with the set-up."))?;
        let step = step_of(&secret, last_step, &plain(self.code.as_str()), cx.now())?;
        use_step(cx, me, step.ok_or_else(|| Error::field("code", WRONG_CODE))?)?;
        if !is_on {
            let mut row = Change::of("second_factor");
            row.set("confirmed_at", cx.now())?;
            row.update(cx, id)?;
            let this = cx.caller().identity.session();
            end_others(cx, me, this)?;
            run(cx.conn(), "update session set second_factor = 1 where id = ?1", [this])?;
        }
        Ok(RecoveryCodes { recovery_codes: make_recovery_codes(cx, me)? })
    }
}

/// Turn the second factor off.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisableTwoFactor {
    /// Your password again.
    pub password: Option<String>,
    /// Six digits of the authenticator app, or a recovery code.
    pub code: Line<60>,
}

impl Operation for DisableTwoFactor {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "auth.two_factor.disable",
        title: "Turn the second factor off",
        route: Route::post("/auth/2fa/disable"),
        needs: Needs::Account,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::TwoFactor), before_second_factor: true, ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        check_it_is_them(before, Self::SPEC.name, self.password.as_deref())?;
        check_code(before, Self::SPEC.name, &self.code)
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let me = cx.signed_in()?.id;
        if !is_on(cx, me)? {
            return Err(Error::conflict("You have no second factor to turn off."));
        }
        if !use_code(cx, me, self.code.as_str())? {
            return Err(Error::field("code", WRONG_CODE));
        }
        forget(cx, me)?;
        // Where the server demands one, they are led to set up the next.
        run(cx.conn(), "update session set second_factor = 0 where account_id = ?1", [me])?;
        Ok(())
    }
}

pub(super) fn forget(tx: &Tx, account: Id<Account>) -> Result<()> {
    for table in ["second_factor", "recovery_code", "sign_in_challenge"] {
        run(tx.conn(), &format!("delete from {table} where account_id = ?1"), [account])?;
    }
    Ok(())
}

/// Take away somebody's second factor, when app and recovery codes are lost. Their sessions end.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetTwoFactor {
    /// The account's id or e-mail.
    pub account: Line<320>,
}

impl Operation for ResetTwoFactor {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "account.reset_two_factor",
        title: "Take away a second factor",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::TwoFactor), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let id = accounts::anybody(cx, self.account.as_str())?;
        if cx.account_id() == Some(id) {
            return Err(Error::conflict("Turn your own second factor off under Settings → Security."));
        }
        let account = AccountView::by_id(cx, id)?;
        if !is_on(cx, id)? {
            return Err(Error::conflict(format!("{} has no second factor.", account.email)));
        }
        forget(cx, id)?;
        end_others(cx, id, None)?;
        Ok(account)
    }
}
