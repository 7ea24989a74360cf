//! `sally serve --demo`: a sample workspace to try everything with, written by its people through the operations.

use std::sync::Arc;

use super::{console, serve};
use crate::core::app::{App, Call};
use crate::core::error::{Error, Result};
use crate::core::page::{MOST, Paging};
use crate::features::accounts::ListAccounts;
use crate::features::keys::{Key, KeyKind, ListAllKeys};
use crate::features::recovery::OfferPassword;
use crate::mcp::clients as mcp_clients;
use crate::sample::{self, COLLEAGUES, OWNER, WORKSPACE, key, line, remove};

/// Of the keys that a start tells.
const LABEL: &str = "Demo";

/// Fills an empty file, and says how to get in. A file that holds the sample already is served as it is, with a new way in.
pub(super) async fn tell(app: &Arc<App>) -> Result<String> {
    let base_url = app.config().base_url();
    let password = if !app.is_set_up() {
        format!("{} (the same for all four)", sample::fill(app).await?)
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

/// Each start tells a new key, because an old one cannot be shown again. Those that no client took up need not pile up.
async fn remove_unused_keys(app: &Arc<App>) -> Result<()> {
    let known = app.run(Call { paging: Paging::first(MOST), ..console() }, ListAllKeys {}).await?;
    let is_unused = |key: &Key| key.label == LABEL && key.kind == KeyKind::Mcp && key.last_used_at.is_none();
    for key in known.items.iter().filter(|key| is_unused(key)) {
        remove(app, key.id).await?;
    }
    Ok(())
}
