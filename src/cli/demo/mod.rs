//! `sally serve --demo`: a sample workspace to try everything with, written by its people through the operations.

mod clients;
mod data;
mod delivery;
mod hours;
mod projects;
mod prospects;
mod team;
mod work;

use std::sync::Arc;

use super::{console, serve};
use crate::core::app::{App, Call};
use crate::core::caller::{AccessKey, Role};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::page::{MOST, Paging};
use crate::core::reference::Ref;
use crate::core::secret;
use crate::core::text::{Email, Line};
use crate::features::accounts::{AddUser, ListAccounts};
use crate::features::keys::{CreateKeyFor, Key, KeyKind, ListAllKeys, RevokeAnyKey};
use crate::features::recovery::OfferPassword;
use crate::features::setup::Init;
use crate::mcp::clients as mcp_clients;

use data::Who;
use team::Team;

const WORKSPACE: &str = "Studio Nord";
const SLUG: &str = "studio-nord";

/// Of the keys that a start tells.
const LABEL: &str = "Demo";

const OWNER: (&str, &str) = ("Lena Brandt", "lena@studio-nord.example");
const COLLEAGUES: [(&str, &str, Role); 3] = [
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

/// Fills an empty file, and says how to get in. A file that holds the sample already is served as it is, with a new way in.
pub(super) async fn tell(app: &Arc<App>) -> Result<String> {
    let base_url = app.config().base_url();
    let password = if !app.is_set_up() {
        format!("{} (the same for all four)", fill(app).await?)
    } else if is_here(app).await? {
        let offer = app.run(console(), OfferPassword { account: line(OWNER.1) }).await?;
        format!("as it was shown the first time; or set a new one at\n           {}", offer.set_password_url)
    } else {
        return Err(Error::conflict(format!(
            "{} holds accounts already, and --demo fills only an empty file; name another one with --db",
            app.config().db.display()
        )));
    };
    remove_unused_keys(app).await?;
    let key = key(app, OWNER.1, KeyKind::Mcp, LABEL, None).await?.0;
    let clients = mcp_clients::hosted(&base_url, &key);
    let text = |client: &str| clients.iter().find(|known| known.client == client).map_or("", |known| &known.text);
    let [(_, jonas, _), (_, amara, _), (_, piet, _)] = COLLEAGUES;
    Ok(format!(
        "{place}
It holds the sample workspace of {WORKSPACE}, an agency that does not exist.

Sign in    {base_url}/login
E-mail     {owner} (owner), {jonas}, {amara} (members) or {piet} (may only look)
Password   {password}
MCP key    {key}

Claude Code:

{claude}

Cursor and others that read mcpServers:

{cursor}

More clients: sally mcp config claude-desktop|vscode|codex --key …
To stop, press Ctrl+C. To start over, delete {db}.",
        place = serve::place(app),
        owner = OWNER.1,
        claude = text("claude"),
        cursor = text("cursor"),
        db = app.config().db.display(),
    ))
}

/// Does the file hold the sample?
pub(super) async fn is_here(app: &Arc<App>) -> Result<bool> {
    let search = ListAccounts { search: Some(line(OWNER.1)), archived: Some(true) };
    Ok(!app.run(console(), search).await?.items.is_empty())
}

/// Writes the sample; the answer is the password that was made up.
async fn fill(app: &Arc<App>) -> Result<String> {
    let password = secret::made_up_password();
    let init = Init::new(line(OWNER.0), email(OWNER.1), password.clone(), line(WORKSPACE));
    app.run(console(), init).await?;
    for (name, address, role) in COLLEAGUES {
        let user = AddUser::new(email(address), line(name), Ref::new(SLUG), role, Some(password.clone()));
        app.run(console(), user).await?;
    }
    let team = Team::enter(app).await?;
    for company in clients::CLIENTS.iter().chain(prospects::PROSPECTS) {
        team.meet(company).await?;
    }
    team.deliver().await?;
    team.leave().await?;
    Ok(password)
}

/// A new key: its token, and its id.
async fn key(
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

async fn remove(app: &Arc<App>, key: Id<AccessKey>) -> Result<()> {
    // The first time revokes.
    for _ in 0..2 {
        app.run(console(), RevokeAnyKey { key_id: line(&key.to_string()) }).await?;
    }
    Ok(())
}

/// Each start tells a new key, because an old one cannot be shown again. Those that no client took up need not pile up.
async fn remove_unused_keys(app: &Arc<App>) -> Result<()> {
    let known = app.run(Call { paging: Paging::first(MOST), ..console() }, ListAllKeys {}).await?;
    let is_unused = |key: &Key| key.label == LABEL && key.kind == KeyKind::Mcp && key.last_used_at.is_none();
    for key in known.items.iter().filter(|key| is_unused(key)) {
        remove(app, key.id).await?;
    }
    Ok(())
}

fn line<const MAX: usize>(text: &str) -> Line<MAX> {
    Line::parse(text).expect("the sample's texts are lines")
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("the sample's addresses are addresses")
}
