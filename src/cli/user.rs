//! `sally user`: adds people, and lets them back in when a password is lost.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{console, email, everything, line, output};
use crate::core::caller::Role;
use crate::core::config::Config;
use crate::core::error::Result;
use crate::core::reference::Ref;
use crate::core::text::{Email, Line};
use crate::features::accounts::{AccountView, AddUser, ListAccounts};
use crate::features::recovery::OfferPassword;
use crate::features::sso::UnlinkProvider;
use crate::features::two_factor::ResetTwoFactor;

#[derive(Subcommand)]
pub(super) enum User {
    /// Add an account, new or known, to a workspace; without a password, it prints a link to set one
    Add(Add),
    /// List the accounts of the server, archived ones too
    List(List),
    /// Print a link with which somebody sets a new password; it works once, for two hours
    Reset(Reset),
    /// Take away the second factor of somebody who lost it; their sessions end
    #[command(name = "reset-2fa")]
    ResetTwoFactor(Reset),
    /// Forget who somebody is at the provider of single sign-on; their next sign-in by the same address links anew
    #[command(name = "unlink-sso")]
    Unlink(Reset),
}

#[derive(Args)]
pub(super) struct Add {
    #[arg(long, value_parser = email)]
    email: Email,

    #[arg(long, value_parser = line::<120>)]
    name: Line<120>,

    /// The workspace's slug
    #[arg(long, value_name = "SLUG")]
    workspace: String,

    /// OWNER, MEMBER or VIEWER
    #[arg(long)]
    role: Role,

    /// Take the password from standard input
    #[arg(long)]
    password_stdin: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct List {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Reset {
    #[arg(long, value_parser = line::<320>)]
    email: Line<320>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl User {
    pub(super) fn run(self, config: Config) -> Result<()> {
        match self {
            User::Add(add) => add.run(config),
            User::List(list) => list.run(config),
            User::Reset(reset) => reset.run(config),
            User::ResetTwoFactor(reset) => reset.second_factor(config),
            User::Unlink(reset) => reset.unlink(config),
        }
    }
}

impl Add {
    fn run(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let password = self.password_stdin.then(super::password_from_stdin).transpose()?;
        let add = AddUser::new(self.email, self.name, Ref::new(&self.workspace), self.role, password);
        let added = app.run_now(console(), add)?;
        if self.json {
            return output::json(&added);
        }
        let link = added.set_password_url.map_or(String::new(), |url| {
            format!("\nTo set a password, open this link; it works once, for a week:\n{url}")
        });
        output::say(&format!("{} is {} of {}.{link}", added.email, added.role, self.workspace))
    }
}

impl List {
    fn run(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let accounts = everything(&app, || ListAccounts { archived: Some(true), ..ListAccounts::default() })?;
        if self.json {
            return output::json(&json!({ "items": accounts }));
        }
        let row = |account: AccountView| {
            let state = if account.archived_at.is_some() { "archived" } else { "active" };
            let role = account.platform_role.to_string();
            vec![account.email, account.name, role, state.into(), account.created_at.to_string()]
        };
        let rows: Vec<_> = accounts.into_iter().map(row).collect();
        output::say(&output::table(&["E-MAIL", "NAME", "PLATFORM", "STATE", "SINCE"], &rows))
    }
}

impl Reset {
    fn run(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let offer = app.run_now(console(), OfferPassword { account: self.email })?;
        if self.json {
            return output::json(&offer);
        }
        output::say(&format!(
            "To set a new password for {}, open this link; it works once, for two hours:\n{}",
            offer.email, offer.set_password_url
        ))
    }

    fn unlink(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let account = app.run_now(console(), UnlinkProvider { account: self.email })?;
        if self.json {
            return output::json(&account);
        }
        output::say(&format!("{} is linked to nobody at the provider any more.", account.email))
    }

    fn second_factor(self, config: Config) -> Result<()> {
        let app = super::beside(config)?;
        let account = app.run_now(console(), ResetTwoFactor { account: self.email })?;
        if self.json {
            return output::json(&account);
        }
        output::say(&format!("{} signs in without a second factor now; all their sessions have ended.", account.email))
    }
}
