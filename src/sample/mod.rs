//! The sample: the work of an agency that does not exist, written through the operations. Whole, by its people, for
//! `sally serve --demo`; or as the work of one person, to fill a new workspace.

mod clients;
mod data;
mod delivery;
mod hours;
mod projects;
mod prospects;
mod team;
mod work;

use std::sync::Arc;

use crate::core::app::{App, Call};
use crate::core::caller::{AccessKey, Credential, Role};
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::reference::Ref;
use crate::core::secret;
use crate::core::text::{Email, Line};
use crate::features::accounts::AddUser;
use crate::features::keys::{CreateKeyFor, KeyKind, RevokeAnyKey};
use crate::features::setup::Init;

use data::Who;
use team::Team;

pub const WORKSPACE: &str = "Studio Nord";
const SLUG: &str = "studio-nord";

pub const OWNER: (&str, &str) = ("Lena Brandt", "lena@studio-nord.example");
pub const COLLEAGUES: [(&str, &str, Role); 3] = [
    ("Jonas Ekdahl", "jonas@studio-nord.example", Role::Member),
    ("Amara Okafor", "amara@studio-nord.example", Role::Member),
    ("Piet Hartog", "piet@studio-nord.example", Role::Viewer),
];

impl Who {
    const PEOPLE: [Who; 3] = [Who::Lena, Who::Jonas, Who::Amara];

    /// Of the account that it is written with.
    fn email(self) -> &'static str {
        match self {
            Who::Lena | Who::Scribe => OWNER.1,
            Who::Jonas => COLLEAGUES[0].1,
            Who::Amara => COLLEAGUES[1].1,
        }
    }
}

/// Fills an empty file with the whole of it; the answer is the password that was made up.
pub async fn fill(app: &Arc<App>) -> Result<String> {
    let password = secret::made_up_password();
    let init = Init::new(line(OWNER.0), email(OWNER.1), password.clone(), line(WORKSPACE));
    app.run(console(), init).await?;
    for (name, address, role) in COLLEAGUES {
        let user = AddUser::new(email(address), line(name), Ref::new(SLUG), role, Some(password.clone()));
        app.run(console(), user).await?;
    }
    let team = Team::enter(app).await?;
    team.work().await?;
    team.leave().await?;
    Ok(password)
}

/// Fills a workspace that has nothing in it yet: all of the work is the caller's own.
pub async fn fill_for(app: &Arc<App>, call: &Call, email: &str) -> Result<()> {
    Team::of_one(app, call, email).work().await
}

fn console() -> Call {
    Call::with(Credential::ConsoleOfThisMachine)
}

/// A new key: its token, and its id.
pub async fn key(
    app: &Arc<App>,
    account: &str,
    kind: KeyKind,
    label: &str,
    agent: Option<&str>,
) -> Result<(String, Id<AccessKey>)> {
    let whole = CreateKeyFor::whole(line(account), kind, line(label));
    let made = app.run(console(), CreateKeyFor { agent: agent.map(Ref::new), ..whole }).await?;
    Ok((made.token, made.key.id))
}

pub async fn remove(app: &Arc<App>, key: Id<AccessKey>) -> Result<()> {
    // The first time revokes.
    for _ in 0..2 {
        app.run(console(), RevokeAnyKey { key_id: line(&key.to_string()) }).await?;
    }
    Ok(())
}

/// One of the sample's own texts.
pub fn line<const MAX: usize>(text: &str) -> Line<MAX> {
    Line::parse(text).expect("the sample's texts are lines")
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("the sample's addresses are addresses")
}
