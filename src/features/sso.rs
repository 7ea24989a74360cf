//! Single sign-on: whom a provider's word lets in. How that word is got and checked is `oidc`'s business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::Account;
use crate::core::error::{Error, Kind, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::store::{Change, insert, optional, run};
use crate::core::text::{Email, Line};
use crate::features::accounts::{self, AccountView};
use crate::features::invites;
use crate::features::ownership::{self, Proof};
use crate::features::sessions::{self, SignIn};
use crate::features::workspaces;

pub const OPERATIONS: &[Entry] = &[Entry::of::<SignInByProvider>(), Entry::of::<UnlinkProvider>()];

/// Who somebody is at a provider.
#[derive(Debug, Clone, Copy)]
struct ExternalIdentity;
impl Record for ExternalIdentity {
    const PREFIX: &'static str = "ext";
    const NOUN: &'static str = "external identity";
}

/// What a provider has said of somebody, and was checked to have said.
#[derive(Debug, Clone)]
pub struct Proved {
    pub issuer: String,
    /// Who it is there; unlike the e-mail, it never changes hands.
    pub subject: String,
    pub email: String,
    pub email_is_verified: bool,
    pub name: String,
    /// The provider asked for a second factor itself.
    pub multi_factor: bool,
}

/// Sign in by single sign-on. Only the page that the provider sends people back to can: no input says who somebody is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInByProvider {
    #[serde(skip)]
    proved: Option<Proved>,
}

impl SignInByProvider {
    pub fn new(proved: Proved) -> Self {
        SignInByProvider { proved: Some(proved) }
    }
}

/// What signing in by the provider led to.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByProvider {
    pub sign_in: SignIn,
    /// Nothing had shown before that the address is theirs, so whatever opened the account until now has ended.
    pub begun_anew: bool,
}
impl Answer for ByProvider {
    const SECRET: bool = true;
}

impl Operation for SignInByProvider {
    type Output = ByProvider;
    const SPEC: Spec = Spec {
        name: "auth.sign_in_by_provider",
        title: "Sign in by single sign-on",
        route: None,
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::SignIn), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ByProvider> {
        let proved = self.proved.ok_or_else(|| refused("Begin at the sign-in page."))?;
        let email = allowed_email(cx, &proved)?;
        let (account, begun_anew) = match linked(cx, &proved)? {
            Some(account) => (account, false),
            None => {
                let account = match accounts::of_email(cx, &email)? {
                    Some(account) => account,
                    None => join(cx, &proved, &email)?,
                };
                link(cx, account, &proved)?;
                (account, ownership::prove(cx, account, Proof::Provider)?)
            }
        };
        if AccountView::by_id(cx, account)?.archived_at.is_some() {
            return Err(refused("Your account here is archived. An administrator of this server can bring it back."));
        }
        cx.act_for(account)?;
        let sign_in = sessions::admit(cx, account, proved.multi_factor || cx.config().oidc_second_factor)?;
        Ok(ByProvider { sign_in, begun_anew })
    }
}

fn refused(text: impl Into<String>) -> Error {
    Error::new(Kind::SignInRefused, text)
}

/// An address that the provider has seen its owner use, at a domain that may come in.
fn allowed_email(tx: &Tx, proved: &Proved) -> Result<Email> {
    let name = &tx.config().oidc_name;
    let email = Email::parse(&proved.email)
        .map_err(|_| refused(format!("{name} does not tell your e-mail address, by which you are known here.")))?;
    if !proved.email_is_verified {
        return Err(refused(format!("{name} has not verified your e-mail address. Verify it there, then try again.")));
    }
    let domains = &tx.config().oidc_allowed_domains;
    let domain = email.as_str().rsplit('@').next().unwrap_or_default();
    if !domains.is_empty() && !domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain)) {
        return Err(refused(format!("Addresses at {domain} are not let in here.")));
    }
    Ok(email)
}

fn linked(tx: &Tx, proved: &Proved) -> Result<Option<Id<Account>>> {
    const LINKED: &str = "select account_id from external_identity where issuer = ?1 and subject = ?2";
    optional(tx.conn(), LINKED, (&proved.issuer, &proved.subject), |row| row.take())
}

/// From now on the subject is who they are, whatever becomes of the address.
fn link(tx: &Tx, account: Id<Account>, proved: &Proved) -> Result<()> {
    const OTHER: &str = "select 1 from external_identity where account_id = ?1 and issuer = ?2";
    if optional(tx.conn(), OTHER, (account, &proved.issuer), |row| row.take::<i64>())?.is_some() {
        let name = &tx.config().oidc_name;
        return Err(refused(format!(
            "The account with this address belongs to somebody else at {name}. An administrator of this server can undo the link."
        )));
    }
    let mut row = Change::of("external_identity");
    row.set("account_id", account)?.set("issuer", &proved.issuer)?.set("subject", &proved.subject)?;
    insert::<ExternalIdentity>(tx, row)?;
    Ok(())
}

/// A new account: for who is invited, where the invitation is still to be accepted, or where the configuration says into
/// which workspace people come.
fn join(tx: &Tx, proved: &Proved, email: &Email) -> Result<Id<Account>> {
    let config = tx.config();
    let workspace = match config.oidc_workspace.as_str() {
        "" if invites::is_awaited(tx, email)? => None,
        "" => {
            return Err(refused(format!(
                "There is no account for {} here. Ask an owner of your workspace to invite you.",
                email.as_str()
            )));
        }
        workspace => Some(workspaces::any_workspace(tx, workspace).map_err(|error| {
            log::error!("oidc_workspace: {}", error.cause());
            refused("The workspace that newcomers join is not there. Tell an administrator of this server.")
        })?),
    };
    let local = email.as_str().split('@').next().unwrap_or_default();
    let name: Line<120> = Line::parse(&proved.name).or_else(|_| Line::parse(local)).map_err(refused)?;
    let account = accounts::make(tx, email, &name, None, true)?;
    if let Some(workspace) = workspace {
        workspaces::join(tx, workspace, account, config.oidc_role)?;
    }
    Ok(account)
}

/// Forget who somebody is at the provider, so that the next sign-in by the same address links anew: for the command line,
/// when the provider or the person behind an address is another one.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnlinkProvider {
    /// The account's id or e-mail.
    pub account: Line<320>,
}

impl Operation for UnlinkProvider {
    type Output = AccountView;
    const SPEC: Spec = Spec {
        name: "account.unlink_provider",
        title: "Undo the link to single sign-on",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Destructive,
        toolset: Toolset::Account,
        more: More { audit: Some(Audited::Account), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AccountView> {
        let id = accounts::anybody(cx, self.account.as_str())?;
        let account = AccountView::by_id(cx, id)?;
        if run(cx.conn(), "delete from external_identity where account_id = ?1", [id])? == 0 {
            return Err(Error::conflict(format!("{} has never signed in by single sign-on.", account.email)));
        }
        Ok(account)
    }
}
