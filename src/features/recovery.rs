//! Coming back and moving: a lost password, and another e-mail, each by a link that works once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::{Account, PlatformRole};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::store::{Change, optional, run};
use crate::core::text::{Email, Line};
use crate::core::time::Moment;
use crate::features::accounts::{self, AccountView, anybody, must_be_free, of_email, passwords_are_off};
use crate::features::mail::{self, MailKind};
use crate::features::ownership::{self, Proof};
use crate::features::setup::{self, Purpose, make_link};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<RequestPasswordReset>(),
    Entry::of::<OfferPassword>(),
    Entry::of::<ConfirmEmailChange>(),
    Entry::of::<ChangeEmail>(),
];

const RESET_SECONDS: i64 = 2 * 3_600;
const CONFIRMATION_DAYS: i64 = 1;
/// Nobody's inbox is filled by somebody else's impatience.
const BETWEEN_RESETS_SECONDS: i64 = 5 * 60;

/// The link with which an account sets a new password; `mailed`: it is shown to nobody but whoever reads the account's mail.
pub fn set_password_url(tx: &Tx, account: Id<Account>, mailed: bool, expires_at: Moment) -> Result<String> {
    let token = make_link(tx.conn(), Purpose::Password { account, mailed }, tx.now(), expires_at)?;
    Ok(format!("{}/reset-password?token={token}", tx.config().base_url()))
}

/// Ask for a link to set a new password. The answer is the same whether there is such an account; where the server sends no
/// mail, an administrator makes the link.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestPasswordReset {
    /// The account's e-mail.
    pub email: Email,
}

impl Operation for RequestPasswordReset {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "auth.request_password_reset",
        title: "Ask for a new password",
        route: Route::post("/auth/request-password-reset"),
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        before.app.limits.reset(Some(self.email.as_str()), before.call.address)?;
        // The same for everybody: those who may use one all the same get a link by the command line.
        if before.app.config().oidc_only { Err(passwords_are_off(before.app.config())) } else { Ok(()) }
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        const FIND: &str = "
            select a.id from account a
             where a.email = ?1 and a.archived_at is null
               and not exists (select 1 from one_time_link l
                                where l.account_id = a.id and l.purpose = 'PASSWORD' and l.used_at is null
                                  and abs(l.created_at - ?2) < 1000 * ?3)";
        if cx.config().smtp_url.is_none() {
            return Ok(());
        }
        let parameters = (&self.email, cx.now(), BETWEEN_RESETS_SECONDS);
        let Some(account) = optional(cx.conn(), FIND, parameters, |row| row.take())? else { return Ok(()) };
        let url = set_password_url(cx, account, true, cx.now().plus_seconds(RESET_SECONDS))?;
        let text = format!(
            "Somebody, hopefully you, asked for a new password for your account on Sally.\n\n\
             Set it here within two hours:\n{url}\n\n\
             If it was not you, do nothing: your password stays as it is."
        );
        mail::queue(cx, MailKind::PasswordReset, self.email.as_str(), "Set a new password", &text)?;
        Ok(())
    }
}

/// Make a link with which an account sets a new password, two hours long: for somebody who lost it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfferPassword {
    /// The account's id or e-mail.
    pub account: Line<320>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordOffer {
    pub account_id: Id<Account>,
    pub email: String,
    /// Works once.
    pub set_password_url: String,
}
impl Answer for PasswordOffer {
    const SECRET: bool = true;
}

impl Operation for OfferPassword {
    type Output = PasswordOffer;
    const SPEC: Spec = Spec {
        name: "account.offer_password",
        title: "Offer a new password",
        route: None,
        needs: Needs::Platform,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Password), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<PasswordOffer> {
        let account = within_reach(cx, self.account.as_str())?;
        accounts::may_use_password(cx, account.id)?;
        let set_password_url = set_password_url(cx, account.id, false, cx.now().plus_seconds(RESET_SECONDS))?;
        Ok(PasswordOffer { account_id: account.id, email: account.email, set_password_url })
    }
}

/// An account that the administrator may speak for: whose password or e-mail one changes, one can become.
fn within_reach(tx: &Tx, text: &str) -> Result<AccountView> {
    let account = AccountView::by_id(tx, anybody(tx, text)?)?;
    if account.archived_at.is_some() {
        return Err(Error::conflict("The account is archived; bring it back first."));
    }
    if account.platform_role == PlatformRole::Superadmin && !tx.caller().identity.is_superadmin() {
        return Err(Error::conflict("Only a SUPERADMIN does this for a SUPERADMIN."));
    }
    Ok(account)
}

/// Asks the new address whether it is theirs, and tells the old one. Where nothing can be mailed nobody can be asked, so an
/// administrator has to know. Of an address that belongs to somebody else nothing is said to either of them.
pub fn ask_new_address(tx: &Tx, me: Id<Account>, email: &Email) -> Result<()> {
    let account = AccountView::by_id(tx, me)?;
    if account.email == email.as_str() {
        return Ok(());
    }
    if tx.config().smtp_url.is_none() {
        let text =
            "This server sends no mail and cannot ask the new address. Ask an administrator to change your e-mail.";
        return Err(Error::conflict(text));
    }
    if of_email(tx, email)?.is_none() {
        let until = tx.now().plus_days(CONFIRMATION_DAYS);
        let token = make_link(tx.conn(), Purpose::Email(me, email.clone()), tx.now(), until)?;
        let url = format!("{}/confirm-email?token={token}", tx.config().base_url());
        let text = format!(
            "{} wants to use this address for their account on Sally.\n\n\
             If that is you, confirm it within a day:\n{url}\n\n\
             If not, do nothing.",
            account.name
        );
        mail::queue(tx, MailKind::EmailConfirmation, email.as_str(), "Confirm your new e-mail", &text)?;
    }
    let text = format!(
        "Somebody, hopefully you, asked to change the e-mail of your account on Sally to {}. It changes once that \
         address is confirmed.\n\nIf it was not you, change your password now and tell your administrator.",
        email.as_str()
    );
    mail::queue(tx, MailKind::EmailChange, &account.email, "Your e-mail is about to change", &text)?;
    Ok(())
}

/// Confirm a new e-mail with the token of a link. The first time that an address of the account is confirmed, everything ends
/// that was made before: password, sessions, keys, connections and second factor.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmEmailChange {
    /// From the link.
    pub token: String,
}

impl Operation for ConfirmEmailChange {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "auth.confirm_email_change",
        title: "Confirm a new e-mail",
        route: Route::post("/auth/confirm-email-change"),
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let (account, email) = setup::use_email_link(cx, &self.token)?;
        cx.act_for(account)?;
        must_be_free(cx, &email)?;
        let mut row = Change::of("account");
        row.set("email", &email)?;
        set_email(cx, account, row)?;
        ownership::prove(cx, account, Proof::Mail)?;
        AccountView::by_id(cx, account)
    }
}

fn set_email(tx: &Tx, account: Id<Account>, row: Change) -> Result<()> {
    row.update(tx, account)?;
    // What went to the address before must open nothing any more.
    run(tx.conn(), "delete from one_time_link where account_id = ?1 and used_at is null", [account])?;
    Ok(())
}

/// Change somebody's e-mail, without asking the new address: for administrators who know whose it is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeEmail {
    /// The account's id or e-mail.
    pub account: Line<320>,
    /// The new one.
    pub email: Email,
}

impl Operation for ChangeEmail {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "account.change_email",
        title: "Change somebody's e-mail",
        route: None,
        needs: Needs::Platform,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let account = within_reach(cx, self.account.as_str())?;
        if account.email != self.email.as_str() {
            must_be_free(cx, &self.email)?;
            let mut row = Change::of("account");
            // Whose the new address is, has still to be shown.
            row.set("email", &self.email)?.set("email_proved_at", None::<Moment>)?;
            set_email(cx, account.id, row)?;
            let text = format!(
                "An administrator changed the e-mail of your account on Sally to {}.\n\n\
                 If you did not ask for it, talk to them.",
                self.email.as_str()
            );
            mail::queue(cx, MailKind::EmailChange, &account.email, "Your e-mail was changed", &text)?;
        }
        AccountView::by_id(cx, account.id)
    }
}
