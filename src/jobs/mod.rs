//! What happens by the clock.

pub mod mail;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future;

use crate::core::app::{App, Call};
use crate::core::caller::Credential;
use crate::core::error::Result;
use crate::features::backups;
use crate::features::notifications::{self, TellDue};
use crate::features::oauth::connections::{self, ClearConnections};
use crate::features::transfer::running::Imports;
use crate::features::workspaces::{self, ClearAway};

/// Tidies up, reminds and takes backups, for as long as the server runs.
pub async fn by_the_clock(app: Arc<App>) {
    future::join(look_after(&app), back_up(&app)).await;
}

/// Twice a minute.
async fn look_after(app: &Arc<App>) {
    let mut clock = tokio::time::interval(Duration::from_secs(30));
    loop {
        clock.tick().await;
        if let Err(error) = app.tidy().await {
            log::warn!("tidying: {error}");
        }
        if let Err(error) = remind(app).await {
            log::warn!("reminding of follow-ups: {error}");
        }
        if let Err(error) = clear_away(app).await {
            log::warn!("clearing deleted workspaces away: {error}");
        }
        if let Err(error) = clear_connections(app).await {
            log::warn!("clearing dead connections away: {error}");
        }
    }
}

/// On its own, as a large file takes a while. What failed, for want of room perhaps, is not tried again at once.
async fn back_up(app: &Arc<App>) {
    loop {
        let minutes = match backups::take_if_due(app).await {
            Ok(()) => 1,
            Err(error) => {
                log::error!("taking a backup: {error}");
                15
            }
        };
        tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
    }
}

/// Tells the owners of follow-ups that have come due.
async fn remind(app: &Arc<App>) -> Result<()> {
    if app.config().crm && app.store().read(|reading| notifications::is_any_due(reading.conn()))? {
        app.run(Call::with(Credential::ConsoleOfThisMachine), TellDue {}).await?;
    }
    Ok(())
}

/// Sends mail soon after it was written, for as long as the server runs.
pub async fn send_mail(app: Arc<App>) {
    let sender = match mail::Sender::new(app.config()) {
        Ok(Some(sender)) => sender,
        Ok(None) => return,
        Err(error) => return log::error!("mail is not sent: {error}"),
    };
    let mut clock = tokio::time::interval(Duration::from_secs(1));
    let mut is_over = app.news.is_over.subscribe();
    // Never in the middle: what became of a mail is written down, or it would be sent again at the next start.
    while !*is_over.borrow_and_update() {
        tokio::select! { _ = clock.tick() => {}, _ = is_over.changed() => continue }
        if let Err(error) = mail::send(&app, &sender).await {
            log::warn!("sending mail: {error}");
        }
    }
}

/// Goes on with tables that people import, for as long as the server runs.
pub async fn import_tables(app: Arc<App>) {
    let mut imports = Imports::new(&app);
    loop {
        if let Err(error) = imports.go_on(&app).await {
            log::warn!("importing: {error}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Programs that can never come back by themselves.
async fn clear_connections(app: &Arc<App>) -> Result<()> {
    if app.clock.is_believed() && app.store().read(|reading| connections::is_any_dead(reading.conn()))? {
        app.run(Call::with(Credential::ConsoleOfThisMachine), ClearConnections {}).await?;
    }
    Ok(())
}

/// Part by part, each a write of its own, so that other writes come in between.
async fn clear_away(app: &Arc<App>) -> Result<()> {
    let mut more = app.store().read(|reading| workspaces::is_any_to_clear(reading.conn()))?;
    while more {
        more = app.run(Call::with(Credential::ConsoleOfThisMachine), ClearAway {}).await?.more;
    }
    Ok(())
}
