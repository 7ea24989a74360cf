//! Accounts: one's own profile and password, and the administration of everybody's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::{Account, Person, PlatformRole, Role, Workspace};
use crate::core::config::Config;
use crate::core::error::{Error, Kind, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::reference::{Ref, Referable};
use crate::core::secret;
use crate::core::store::{Change, all, insert, one, optional, run};
use crate::core::text::{Email, Line, Website};
use crate::core::time::{self, Moment};
use crate::features::mail::{self, MailKind};
use crate::features::ownership::{self, Proof};
use crate::features::recovery::{ask_new_address, set_password_url};
use crate::features::sessions::end_others;
use crate::features::setup::{self, hash_checked};
use crate::features::two_factor;
use crate::features::workspaces;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<GetProfile>(),
    Entry::of::<UpdateProfile>(),
    Entry::of::<ChangePassword>(),
    Entry::of::<ResetPassword>(),
    Entry::of::<ListAccounts>(),
    Entry::of::<GetAccount>(),
    Entry::of::<CreateAccount>(),
    Entry::of::<ArchiveAccount>(),
    Entry::of::<UpdatePlatformRole>(),
    Entry::of::<AddUser>(),
];

/// A person who signs in.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    pub id: Id<Account>,
    pub email: String,
    pub name: String,
    pub avatar_url: Option<String>,
    /// IANA name; days become moments in it.
    pub time_zone: String,
    pub platform_role: PlatformRole,
    pub archived_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for AccountView {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

const COLUMNS: &str = "a.id, a.email, a.name, a.avatar_url, a.time_zone, a.platform_role, a.archived_at, a.created_at, a.updated_at, a.version";

impl AccountView {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<AccountView> {
        Ok(AccountView {
            id: row.take()?,
            email: row.take()?,
            name: row.take()?,
            avatar_url: row.take()?,
            time_zone: row.take()?,
            platform_role: row.take()?,
            archived_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    pub fn by_id(tx: &Tx, id: Id<Account>) -> Result<AccountView> {
        one(tx.conn(), &format!("select {COLUMNS} from account a where a.id = ?1"), [id], AccountView::read)
    }
}

/// In a workspace, an account is named by whoever shares it: its members.
impl Referable for Account {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const MEMBER: &str = "select 1 from workspace_membership where workspace_id = ?1 and account_id = ?2";
        Ok(optional(tx.conn(), MEMBER, (tx.workspace_id(), id), |row| row.take::<i64>())?.is_some())
    }
    /// `me`, an e-mail, or a name.
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        if text.eq_ignore_ascii_case("me") {
            let me = tx.signed_in()?;
            return Ok(vec![(me.id, me.name.clone())]);
        }
        const NAMED: &str = "
            select a.id, a.name || ' <' || a.email || '>'
              from workspace_membership m join account a on a.id = m.account_id
             where m.workspace_id = ?1 and (a.email = lower(?2) or a.name = ?2 collate nocase)
             limit 6";
        all(tx.conn(), NAMED, (tx.workspace_id(), text), |row| Ok((row.take()?, row.take()?)))
    }
}

/// Any account of the server, by id or e-mail: for those who administer it.
pub fn anybody(tx: &Tx, text: &str) -> Result<Id<Account>> {
    const ANYBODY: &str = "select id from account where id = ?1 or email = lower(?2)";
    let id = Id::<Account>::parse(text.trim());
    optional(tx.conn(), ANYBODY, (id, text.trim()), |row| row.take())?.ok_or_else(|| Error::not_found("account", text))
}

/// The account that signs in with an e-mail, archived or not.
pub(super) fn of_email(tx: &Tx, email: &Email) -> Result<Option<Id<Account>>> {
    optional(tx.conn(), "select id from account where email = ?1", [email], |row| row.take())
}

/// 409 unless nobody signs in with the e-mail yet.
pub(super) fn must_be_free(tx: &Tx, email: &Email) -> Result<()> {
    match of_email(tx, email)? {
        None => Ok(()),
        Some(_) => Err(Error::conflict(format!("There is an account with the e-mail {} already.", email.as_str()))),
    }
}

/// A new account, without rights anywhere yet; `proved`: it is known that the address is theirs.
pub(super) fn make(
    tx: &Tx,
    email: &Email,
    name: &Line<120>,
    password_hash: Option<&str>,
    proved: bool,
) -> Result<Id<Account>> {
    must_be_free(tx, email)?;
    let mut row = Change::of("account");
    row.set("email", email)?.set("name", name)?.set("password_hash", password_hash)?;
    row.set("email_proved_at", proved.then(|| tx.now()))?;
    insert(tx, row)
}

pub(super) fn passwords_are_off(config: &Config) -> Error {
    let text = format!("Passwords are turned off here. Sign in by {}.", config.oidc_name);
    Error::new(Kind::SignInRefused, text)
}

pub(super) fn may_use_password(tx: &Tx, account: Id<Account>) -> Result<()> {
    let role = AccountView::by_id(tx, account)?.platform_role;
    match tx.config().allows_password_of(role) {
        true => Ok(()),
        false => Err(passwords_are_off(tx.config())),
    }
}

/// See your profile.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetProfile {}

impl Operation for GetProfile {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "profile.get",
        title: "See your profile",
        route: Route::get("/auth/profile"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        AccountView::by_id(cx, cx.signed_in()?.id)
    }
}

/// Change your profile.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateProfile {
    /// Your name as others see it.
    pub name: Patch<Line<120>>,
    /// The address of a picture.
    pub avatar_url: Patch<Website>,
    /// IANA, e.g. `Europe/Berlin`.
    pub time_zone: Patch<TimeZoneName>,
    /// It changes once the link that is mailed there is opened.
    pub email: Option<Email>,
    /// For another e-mail.
    pub current_password: Option<String>,
}

/// A time zone that exists.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
pub struct TimeZoneName(String);

impl TryFrom<String> for TimeZoneName {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        time::time_zone(name.trim()).map(|_| TimeZoneName(name.trim().to_owned()))
    }
}

impl rusqlite::ToSql for TimeZoneName {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Operation for UpdateProfile {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "profile.update",
        title: "Change your profile",
        route: Route::patch("/auth/profile"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NONE,
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        if self.email.is_none() {
            return Ok(());
        }
        before.caller.identity.must_be_whole()?;
        before.app.limits.reset(self.email.as_ref().map(Email::as_str), None)?;
        let needed = || Error::field("currentPassword", "is needed for another e-mail");
        let password = self.current_password.as_deref().ok_or_else(needed)?;
        check_own_password(before, Self::SPEC.name, "currentPassword", password)
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let me = cx.signed_in()?.id;
        if let Some(email) = &self.email {
            ask_new_address(cx, me, email)?;
        }
        let mut row = Change::existing(cx, "account", me)?;
        // A picture that nothing points to any more is nobody's.
        if self.avatar_url.column().is_some() {
            run(cx.conn(), "delete from account_image where account_id = ?1", [me])?;
        }
        row.patch("name", &self.name.never_cleared("name")?.into())?
            .patch("avatar_url", &self.avatar_url)?
            .patch("time_zone", &self.time_zone.never_cleared("timeZone")?.into())?;
        row.update(cx, me)?;
        AccountView::by_id(cx, me)
    }
}

/// Change your password. Your other sessions end.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    pub current_password: String,
    /// At least 12 characters with upper, lower, digit and symbol.
    pub new_password: String,
    #[serde(skip)]
    new_hash: String,
}

impl Operation for ChangePassword {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "auth.change_password",
        title: "Change your password",
        route: Route::post("/auth/change-password"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Password), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        before.caller.identity.must_be_whole()?;
        secret::check_password(&self.new_password).map_err(|message| Error::field("newPassword", message))?;
        check_own_password(before, Self::SPEC.name, "currentPassword", &self.current_password)?;
        self.new_hash = secret::hash_password(&self.new_password)?;
        Ok(())
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let me = cx.signed_in()?.id;
        let keep = cx.caller().identity.session();
        set_password(cx, me, &self.new_hash, false)?;
        end_others(cx, me, keep)
    }
}

fn own_hash(before: &Before<'_>, me: &Person) -> Result<Option<String>> {
    const STORED: &str = "select password_hash from account where id = ?1";
    before.app.store().read(|reading| one(reading.conn(), STORED, [me.id], |row| row.take()))
}

fn caller_with_password<'a>(before: &'a Before<'_>) -> Result<&'a Person> {
    before.caller.identity.account.as_ref().ok_or_else(|| Error::malformed("The console has no password."))
}

/// Does the caller sign in with a password at all? One that lets nobody in is none.
pub(super) fn has_password(before: &Before<'_>) -> Result<bool> {
    let me = caller_with_password(before)?;
    Ok(before.app.config().allows_password_of(me.platform_role) && own_hash(before, me)?.is_some())
}

/// For what an open session alone must not do. Whoever found one must not be able to try passwords with it either, nor to
/// do so unseen.
pub(super) fn check_own_password(
    before: &Before<'_>,
    operation: &'static str,
    field: &str,
    password: &str,
) -> Result<()> {
    let me = caller_with_password(before)?;
    if !before.app.config().allows_password_of(me.platform_role) {
        return Err(passwords_are_off(before.app.config()));
    }
    before.app.limits.sign_in(&me.email, before.call.address)?;
    if secret::password_fits(password, own_hash(before, me)?.as_deref()) {
        return Ok(());
    }
    before.failed(operation, Some(me.id))?;
    Err(Error::field(field, "is not your current password"))
}

fn set_password(tx: &Tx, account: Id<Account>, hash: &str, begun_anew: bool) -> Result<()> {
    let mut row = Change::of("account");
    row.set("password_hash", hash)?;
    row.update(tx, account)?;
    // A link that was sent before must not undo it.
    run(tx.conn(), "delete from one_time_link where account_id = ?1 and used_at is null", [account])?;
    run(tx.conn(), "delete from sign_in_challenge where account_id = ?1", [account])?;
    let email = AccountView::by_id(tx, account)?.email;
    let ended = match begun_anew {
        true => {
            " So have all keys and connections and the second factor from before: until now nothing had shown that the \
                 account is yours."
        }
        false => "",
    };
    let text = format!(
        "The password of your account on Sally was changed, and its other sessions have ended.{ended}\n\n\
         If it was not you, ask your administrator for a new one at once."
    );
    mail::queue(tx, MailKind::PasswordChanged, &email, "Your password was changed", &text)?;
    Ok(())
}

/// Set a new password with the token of a link. All sessions of the account end. By the first link that was mailed, keys,
/// connections and the second factor end too: until then nothing had shown that the account belongs to whoever reads its
/// mail.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPassword {
    /// From the link.
    pub token: String,
    /// At least 12 characters with upper, lower, digit and symbol.
    pub password: String,
    #[serde(skip)]
    hash: String,
}

impl Operation for ResetPassword {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "auth.reset_password",
        title: "Set a new password",
        route: Route::post("/auth/reset-password"),
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Password), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        before.app.limits.reset(None, before.call.address)?;
        setup::check_link(before, "PASSWORD", &self.token)?;
        self.hash = hash_checked(&self.password)?;
        Ok(())
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let (account, mailed) = setup::use_password_link(cx, &self.token)?;
        may_use_password(cx, account)?;
        cx.act_for(account)?;
        let begun_anew = mailed && ownership::prove(cx, account, Proof::Mail)?;
        set_password(cx, account, &self.hash, begun_anew)?;
        end_others(cx, account, None)?;
        AccountView::by_id(cx, account)
    }
}

pub const SORTS: &[Sort] = &[Sort::up("name", "a.name collate nocase"), Sort::down("createdAt", "a.id")];

/// List all accounts of the server.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListAccounts {
    /// Part of a name or e-mail.
    pub search: Option<Line<200>>,
    /// These too.
    pub archived: Option<bool>,
}

impl Operation for ListAccounts {
    type Output = Page<AccountView>;
    const SPEC: Spec = Spec {
        name: "account.list",
        title: "List accounts",
        route: Route::get("/accounts"),
        needs: Needs::Platform,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { sorts: SORTS, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<AccountView>> {
        let part = self.search.map(|text| text.as_str().to_lowercase());
        let mut accounts = Select::new(COLUMNS, "account a", "a.id")
            .filter_some("instr(lower(a.name) || ' ' || a.email, ?) > 0", part);
        if !self.archived.unwrap_or(false) {
            accounts = accounts.condition("a.archived_at is null");
        }
        accounts.of_few().page(cx, &Self::SPEC, AccountView::read)
    }
}

/// Read any account of the server: for administrators.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetAccount {
    /// The account's id or e-mail.
    pub account_id: Line<320>,
}

/// An account with what opens it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountDetail {
    #[serde(flatten)]
    pub account: AccountView,
    pub has_second_factor: bool,
    /// Since when a mailed link or a provider has shown that the address is theirs; null: not yet.
    pub email_proved_at: Option<Moment>,
}
impl Answer for AccountDetail {}

impl Operation for GetAccount {
    type Output = AccountDetail;
    const SPEC: Spec = Spec {
        name: "account.get",
        title: "Read an account",
        route: None,
        needs: Needs::Platform,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountDetail> {
        const PROVED: &str = "select email_proved_at from account where id = ?1";
        let id = anybody(cx, self.account_id.as_str())?;
        Ok(AccountDetail {
            account: AccountView::by_id(cx, id)?,
            has_second_factor: two_factor::is_on(cx, id)?,
            email_proved_at: one(cx.conn(), PROVED, [id], |row| row.take())?,
        })
    }
}

/// Make an account. Without a password, the answer holds a link with which the person sets one, unless passwords are turned
/// off.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateAccount {
    pub email: Email,
    pub name: Line<120>,
    /// At least 12 characters with upper, lower, digit and symbol.
    pub password: Option<String>,
    #[serde(skip)]
    hash: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAccount {
    #[serde(flatten)]
    pub account: AccountView,
    /// Works once, for a week; only where no password was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_password_url: Option<String>,
}
impl Answer for NewAccount {
    const SECRET: bool = true;
    fn version(&self) -> Option<i64> {
        Some(self.account.version)
    }
}

/// A link to set a password lives two hours, as a reset does; one for a new colleague a week, as an invitation does.
const WELCOME_DAYS: i64 = 7;

impl Operation for CreateAccount {
    type Output = NewAccount;
    const SPEC: Spec = Spec {
        name: "account.create",
        title: "Make an account",
        route: Route::post("/accounts"),
        needs: Needs::Platform,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, _: &Before<'_>) -> Result<()> {
        self.hash = self.password.as_deref().map(hash_checked).transpose()?;
        Ok(())
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<NewAccount> {
        let has_password = self.hash.is_some();
        let allows_password = cx.config().allows_password_of(PlatformRole::None);
        if has_password && !allows_password {
            return Err(Error::field("password", "is of no use here: passwords are turned off"));
        }
        let id = make(cx, &self.email, &self.name, self.hash.as_deref(), false)?;
        let set_password_url = match allows_password && !has_password {
            true => Some(set_password_url(cx, id, false, cx.now().plus_days(WELCOME_DAYS))?),
            false => None,
        };
        Ok(NewAccount { account: AccountView::by_id(cx, id)?, set_password_url })
    }
}

/// Archive an account: its sessions end and its keys stop working. `archived: false` brings it back.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveAccount {
    /// The account's id or e-mail.
    pub account_id: Line<320>,
    /// Else true.
    pub archived: Option<bool>,
}

impl Operation for ArchiveAccount {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "account.archive",
        title: "Archive an account",
        route: Route::post("/accounts/{accountId}/archive"),
        needs: Needs::Platform,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let id = anybody(cx, self.account_id.as_str())?;
        if cx.account_id() == Some(id) {
            return Err(Error::conflict("Nobody archives their own account; ask another administrator."));
        }
        let archive = self.archived.unwrap_or(true);
        let role = AccountView::by_id(cx, id)?.platform_role;
        if role == PlatformRole::Superadmin {
            if !cx.caller().identity.is_superadmin() {
                return Err(Error::conflict("Only a SUPERADMIN archives a SUPERADMIN or brings one back."));
            }
            if archive {
                keep_a_superadmin(cx, id)?;
            }
        }
        let mut row = Change::of("account");
        row.archive(cx, Some(archive))?;
        row.update(cx, id)?;
        if archive {
            end_others(cx, id, None)?;
        }
        AccountView::by_id(cx, id)
    }
}

fn keep_a_superadmin(tx: &Tx, except: Id<Account>) -> Result<()> {
    const OTHER: &str =
        "select exists (select 1 from account where platform_role = 'SUPERADMIN' and archived_at is null and id <> ?1)";
    if one(tx.conn(), OTHER, [except], |row| row.take::<bool>())? {
        return Ok(());
    }
    Err(Error::conflict("The server needs at least one SUPERADMIN; make another one first."))
}

/// Change what an account may do on the whole server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdatePlatformRole {
    /// The account's id or e-mail.
    pub account_id: Line<320>,
    pub platform_role: PlatformRole,
}

impl Operation for UpdatePlatformRole {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "account.update_platform_role",
        title: "Change a platform role",
        route: Route::patch("/accounts/{accountId}/platform-role"),
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Role), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let id = anybody(cx, self.account_id.as_str())?;
        if cx.account_id() == Some(id) {
            return Err(Error::conflict("Nobody changes their own platform role; ask another SUPERADMIN."));
        }
        let mut row = Change::existing(cx, "account", id)?;
        if self.platform_role != PlatformRole::Superadmin {
            keep_a_superadmin(cx, id)?;
        }
        row.set("platform_role", self.platform_role)?;
        row.update(cx, id)?;
        AccountView::by_id(cx, id)
    }
}

/// Add an account, new or known, to a workspace: for the command line.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddUser {
    pub email: Email,
    pub name: Line<120>,
    pub workspace: Ref<Workspace>,
    pub role: Role,
    pub password: Option<String>,
    #[serde(skip)]
    hash: Option<String>,
}

impl AddUser {
    pub fn new(email: Email, name: Line<120>, workspace: Ref<Workspace>, role: Role, password: Option<String>) -> Self {
        AddUser { email, name, workspace, role, password, hash: None }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedUser {
    pub account_id: Id<Account>,
    pub email: String,
    pub workspace_id: Id<Workspace>,
    pub role: Role,
    /// Works once; for an account that is new and got no password.
    pub set_password_url: Option<String>,
}
impl Answer for AddedUser {
    const SECRET: bool = true;
}

impl Operation for AddUser {
    type Output = AddedUser;
    const SPEC: Spec = Spec {
        name: "account.add_user",
        title: "Add a user from the command line",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, _: &Before<'_>) -> Result<()> {
        self.hash = self.password.as_deref().map(hash_checked).transpose()?;
        Ok(())
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AddedUser> {
        let workspace_id = workspaces::any_workspace(cx, self.workspace.text())?;
        let email = self.email.as_str().to_owned();
        let known = of_email(cx, &self.email)?;
        let (account_id, set_password_url) = match known {
            Some(_) if self.hash.is_some() => {
                return Err(Error::conflict(format!(
                    "{email} has an account already; leave the password out to add it to the workspace."
                )));
            }
            Some(id) => (id, None),
            None => {
                let made =
                    cx.run(CreateAccount { email: self.email, name: self.name, password: None, hash: self.hash })?;
                (made.account.id, made.set_password_url)
            }
        };
        workspaces::join(cx, workspace_id, account_id, self.role)?;
        Ok(AddedUser { account_id, email, workspace_id, role: self.role, set_password_url })
    }
}
