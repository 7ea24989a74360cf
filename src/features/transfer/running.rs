//! Imports from the browser that are under way: each takes a turn, and the next goes on where the last line ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, timeout};

use super::imports::{Import, ImportRecord, Problems, stop};
use super::lines::{Place, Table};
use super::sheet::{Plan, Seen, Sheet};
use crate::core::app::{App, Call};
use crate::core::caller::{Account, Credential, Selector, Workspace};
use crate::core::error::{Kind, Result};
use crate::core::id::Id;
use crate::core::secret::TokenHash;
use crate::core::store::{all, one, run};
use crate::core::time::Moment;

/// The imports that are running.
pub struct Imports {
    going: HashMap<Id<ImportRecord>, Going>,
    told: Receiver<(Id<Account>, String)>,
}

impl Imports {
    pub fn new(app: &App) -> Self {
        Imports { going: HashMap::new(), told: app.news.told.subscribe() }
    }

    /// A turn of each; where there is none, waits until there may be one.
    pub async fn go_on(&mut self, app: &Arc<App>) -> Result<()> {
        // Each holds its file in memory; the others wait.
        const RUNNING: &str = "select id, updated_at from import where state = 'RUNNING' order by updated_at limit 4";
        const LOOK_EVERY: Duration = Duration::from_secs(1);
        let running: Vec<(Id<ImportRecord>, Moment)> =
            app.store().read(|reading| all(reading.conn(), RUNNING, [], |row| Ok((row.take()?, row.take()?))))?;
        if running.is_empty() {
            self.going.clear();
            let _ = timeout(LOOK_EVERY, self.told.recv()).await;
            return Ok(());
        }
        self.going.retain(|id, going| running.contains(&(*id, going.begun)));
        for (id, _) in running {
            let going = match self.going.remove(&id) {
                Some(going) => going,
                None => Going::load(app, id)?,
            };
            if let Some(going) = going.turn(app).await? {
                self.going.insert(id, going);
            }
        }
        Ok(())
    }
}

/// An import on its way.
struct Going {
    id: Id<ImportRecord>,
    account: Id<Account>,
    /// Begun anew, it has another one.
    begun: Moment,
    sheet: Arc<Sheet>,
    /// Where the next line begins, if this is not the first turn since the start of the server.
    from: Option<Place>,
    seen: Seen,
    told: Instant,
}

impl Going {
    fn load(app: &App, id: Id<ImportRecord>) -> Result<Going> {
        const LOAD: &str = "
            select account_id, workspace_id, updated_at, content, plan, rehearsal, token_hash, next_byte, next_line
              from import where id = ?1";
        app.store().read(|reading| {
            let (account, workspace, begun, content, plan, rehearsal, token, next) =
                one(reading.conn(), LOAD, [id], |row| {
                    let (account, workspace, begun): (_, Id<Workspace>, _) = (row.take()?, row.take()?, row.take()?);
                    let (content, plan): (String, Plan) = (row.take()?, row.take()?);
                    let (rehearsal, token): (bool, TokenHash) = (row.take()?, row.take()?);
                    let next = Place { byte: row.take::<i64>()? as usize, line: row.take::<i64>()? as u64 };
                    Ok((account, workspace, begun, content, plan, rehearsal, token, next))
                })?;
            let call = Call {
                selector: Some(Selector::Id(workspace.to_string())),
                request_id: id.to_string(),
                rehearsal,
                ..Call::with(Credential::Token(token))
            };
            let table = Table::of(content)?;
            // What a rehearsal had met is forgotten; it begins anew.
            let from = (!rehearsal).then_some(next);
            let sheet = Arc::new(Sheet { table, plan, call, since: id.raw() });
            Ok(Going { id, account, begun, sheet, from, seen: Seen::new(), told: Instant::now() })
        })
    }

    /// Takes the next lines. `None`: it is done, or somebody stopped it, or began it anew.
    async fn turn(mut self, app: &Arc<App>) -> Result<Option<Going>> {
        const TELL_EVERY: Duration = Duration::from_secs(1);
        let (id, account, app_then) = (self.id, self.account, app.clone());
        let written = app
            .store()
            .write(move |conn| {
                self.from = match self.take_turn(&app_then, conn)? {
                    Some(next) => Some(next),
                    None => return Ok(None),
                };
                Ok(Some(self))
            })
            .await;
        let going = match written {
            // Nothing of this turn is kept.
            Err(error) if error.status() != 503 => {
                let why = match error.kind() {
                    Kind::Internal => {
                        log::error!("{id}: {}", error.cause());
                        format!("Something went wrong in the server. Its log says what, beside {id}.")
                    }
                    _ => error.detail().to_owned(),
                };
                app.store().write(move |conn| stop(conn, id, Moment::now(), &why)).await?;
                None
            }
            written => written?,
        };
        match going {
            Some(going) if going.told.elapsed() < TELL_EVERY => Ok(Some(going)),
            going => {
                app.news.tell(account, Import::topic(id));
                Ok(going.map(|going| Going { told: Instant::now(), ..going }))
            }
        }
    }

    fn take_turn(&mut self, app: &App, conn: &Connection) -> Result<Option<Place>> {
        const IS_ON: &str =
            "select exists (select 1 from import where id = ?1 and state = 'RUNNING' and updated_at = ?2)";
        const BEGIN_ANEW: &str = "update import set made = 0, updated = 0, skipped = 0, failed = 0 where id = ?1";
        const TOLD: &str = "
            insert into import_line (import_id, became, line, name, record_id, problem, raw)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        const SO_FAR: &str = "
            update import
               set made = made + ?2, updated = updated + ?3, skipped = skipped + ?4, failed = failed + ?5, next_byte = ?6,
                   next_line = ?7
             where id = ?1";
        const DONE: &str = "
            update import set state = 'DONE', updated_at = ?2, content = iif(rehearsal, content, null) where id = ?1";
        if !one(conn, IS_ON, (self.id, self.begun), |row| row.take::<bool>())? {
            return Ok(None);
        }
        let from = match self.from {
            Some(from) => from,
            None => {
                run(conn, "delete from import_line where import_id = ?1", [self.id])?;
                run(conn, BEGIN_ANEW, [self.id])?;
                self.sheet.table.body
            }
        };
        let mut counts = [0_i64; 4];
        let next = self.sheet.turn(app, conn, from, &mut self.seen, |told| {
            counts[told.became as usize] += 1;
            let name: String = told.name.chars().take(200).collect();
            let (problems, raw) = told.problem.as_ref().map(|error| (Problems::of(error), told.raw)).unzip();
            let line = told.line as i64;
            run(conn, TOLD, (self.id, told.became, line, name, told.record, problems, raw)).map(drop)
        })?;
        let [made, updated, skipped, failed] = counts;
        let end = next.unwrap_or(from);
        let so_far = (self.id, made, updated, skipped, failed, end.byte as i64, end.line as i64);
        run(conn, SO_FAR, so_far)?;
        if next.is_none() {
            run(conn, DONE, (self.id, Moment::now()))?;
        }
        Ok(next)
    }
}
