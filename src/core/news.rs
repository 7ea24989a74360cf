//! News: that something was written, by whichever process, told to whoever holds a stream open.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};

use super::app::App;
use super::caller::{Account, Workspace};
use super::error::Result;
use super::id::Id;
use super::store::{all, one};

/// How soon a stream learns of a change.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Of what the journal does not tell, a stream may be behind with so much.
const TOLD: usize = 16;

/// What streams wait for.
pub struct News {
    /// Counts changes of anybody's rights.
    pub rights: watch::Sender<u64>,
    /// What was written last.
    pub work: watch::Sender<Work>,
    /// What the journal does not tell, for one account alone, by its topic: that a key was used which was not in use a moment
    /// ago, how far an import is.
    pub told: broadcast::Sender<(Id<Account>, String)>,
    /// Does the server stop?
    pub is_over: watch::Sender<bool>,
    listeners: Mutex<Listeners>,
}

/// Open streams of pages, by account; the oldest first.
#[derive(Default)]
struct Listeners {
    by_account: HashMap<Id<Account>, VecDeque<Line>>,
    last_number: u64,
}

struct Line {
    number: u64,
    /// Whoever holds the other end learns of the stream's end by its closing.
    _end: oneshot::Sender<()>,
}

/// A stretch of the journal, as far as it tells who may have something new to read.
#[derive(Debug, Clone, Default)]
pub struct Work {
    pub since: i64,
    pub until: i64,
    /// Where something was written; everywhere, if that cannot be told.
    pub workspaces: Option<HashSet<Id<Workspace>>>,
}

impl Default for News {
    fn default() -> Self {
        News {
            rights: watch::Sender::default(),
            work: watch::Sender::default(),
            told: broadcast::Sender::new(TOLD),
            is_over: watch::Sender::default(),
            listeners: Mutex::default(),
        }
    }
}

impl News {
    /// Looks for changes of rights and of records, for as long as the server runs.
    pub async fn watch(app: Arc<App>) {
        let news = &app.news;
        let mut clock = tokio::time::interval(LOOK_EVERY);
        let mut seen = None;
        loop {
            clock.tick().await;
            match changed_since(&app, seen) {
                Ok(None) => {}
                Ok(Some((last, is_about_rights))) => {
                    if is_about_rights {
                        news.rights.send_modify(|count| *count += 1);
                    }
                    if news.work.receiver_count() > 0 && seen != Some(last) {
                        news.work.send_replace(work_between(&app, seen.unwrap_or(last), last));
                    }
                    seen = Some(last);
                }
                Err(error) => log::warn!("looking for changes: {error}"),
            }
        }
    }

    /// Whether anybody listens is not the teller's business.
    pub fn tell(&self, account: Id<Account>, topic: String) {
        let _ = self.told.send((account, topic));
    }

    /// One more stream of a page. The oldest of the account makes room, which is one whose window has gone, if any has:
    /// that is noticed only when something is said to it.
    pub fn listen(app: &Arc<App>, account: Id<Account>, most: usize) -> Listener {
        let (end, ended) = oneshot::channel();
        let mut listeners = app.news.listeners();
        listeners.last_number += 1;
        let number = listeners.last_number;
        let open = listeners.by_account.entry(account).or_default();
        if open.len() >= most {
            open.pop_front();
        }
        open.push_back(Line { number, _end: end });
        Listener { app: app.clone(), account, number, ended }
    }

    /// How many streams of pages are open.
    pub fn count(&self) -> usize {
        self.listeners().by_account.values().map(VecDeque::len).sum()
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page's place among the open streams, given up when it is dropped.
pub struct Listener {
    app: Arc<App>,
    account: Id<Account>,
    number: u64,
    /// Made room for another.
    pub ended: oneshot::Receiver<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.app.news.listeners();
        if let Some(open) = listeners.by_account.get_mut(&self.account) {
            open.retain(|line| line.number != self.number);
            if open.is_empty() {
                listeners.by_account.remove(&self.account);
            }
        }
    }
}

/// The last change there is, and whether anything after `seen` was about rights; `None` if nobody has committed anything
/// since this was asked. What happened before the first look, every stream knows.
fn changed_since(app: &App, seen: Option<i64>) -> Result<Option<(i64, bool)>> {
    #[derive(Default)]
    struct Looked(bool);
    const LAST: &str = "
        select ifnull(max(seq), 0),
               exists (select 1 from change where seq > ?1 and record_type in
                 ('access_key', 'account', 'agent', 'workspace', 'workspace_membership', 'project_membership'))
          from change";
    app.store().read(|reading| {
        if std::mem::replace(&mut reading.memory::<Looked>().0, true) {
            return Ok(None);
        }
        one(reading.conn(), LAST, [seen.unwrap_or(i64::MAX)], |row| Ok(Some((row.take()?, row.take()?))))
    })
}

fn work_between(app: &App, since: i64, until: i64) -> Work {
    /// More than this at once is somebody's import, and reaches everywhere.
    const MANY: i64 = 5_000;
    const WORKSPACES: &str = "
        select distinct s.workspace_id
          from (select distinct change_set_id from change where seq > ?1 and seq <= ?2) c
          join change_set s on s.id = c.change_set_id";
    let looked = (until - since <= MANY).then(|| {
        app.store()
            .read(|reading| all(reading.conn(), WORKSPACES, (since, until), |row| row.take::<Option<Id<Workspace>>>()))
    });
    // What belongs to no workspace, such as somebody's name, is read in all of them.
    let workspaces = looked.and_then(Result::ok).and_then(|found| found.into_iter().collect());
    Work { since, until, workspaces }
}
