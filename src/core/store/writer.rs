//! The writer: one thread that owns the writing connection and commits whatever waits together.
//!
//! With 64 callers on a disk that takes 0.15 ms to sync, one commit for each would be a sync for each; together
//! they share one, and all of them are durable before anybody is answered.

use std::cell::Cell;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use rusqlite::hooks::{CheckpointMode, Wal};
use tokio::sync::oneshot;

use crate::core::error::{Error, Result};
use crate::core::metrics::Metrics;

use super::{journal, limit_log};

/// Writes that may wait; beyond, callers get 503 instead of an ever longer queue.
const WAITING: usize = 1_024;
/// Writes of one commit: enough to share the sync, few enough to keep the last one's wait short.
const TOGETHER: usize = 256;
/// Pages of the write-ahead log from which on a commit takes them over into the file: SQLite's own default.
const CHECKPOINT_FROM: c_int = 1_000;
/// The same where Litestream has been. Checkpoints are its business then, and best left to it: only it knows what it has
/// copied. A log of 64 MB says that it is gone, or cannot.
const CHECKPOINT_FOR_LITESTREAM_FROM: c_int = 16_000;

/// Runs on the connection, or is told why it cannot.
type Job = Box<dyn FnOnce(Result<&Connection>) -> Done + Send>;

/// A job that ran: whether its savepoint is kept, and how to tell its caller once that is certain.
struct Done {
    keep: bool,
    tell: Box<dyn FnOnce(Result<()>)>,
}

pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<Connection>>>,
    /// Kept past the thread's end: whoever closes last takes the WAL file away, and a reader may not.
    closing: Mutex<Option<Connection>>,
    metrics: Arc<Metrics>,
}

impl Writer {
    pub(super) fn start(conn: Connection, metrics: Arc<Metrics>) -> Self {
        let (queue, jobs) = sync_channel(WAITING);
        let counted = metrics.clone();
        let run = move || Loop { conn, jobs, metrics: counted }.run();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(run);
        let thread = thread.expect("a thread at start-up");
        Writer { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), closing: Mutex::default(), metrics }
    }

    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T>>> {
        let (answer, receiver) = oneshot::channel();
        let (queued, metrics) = (Instant::now(), self.metrics.clone());
        let job: Job = Box::new(move |conn| {
            metrics.write_begun(queued.elapsed());
            let result = conn.and_then(|conn| {
                catch_unwind(AssertUnwindSafe(|| work(conn)))
                    .unwrap_or_else(|panic| Err(Error::internal(panic_text(&*panic))))
            });
            Done {
                keep: result.is_ok(),
                // The caller may have gone away; the write stands all the same.
                tell: Box::new(move |committed| drop(answer.send(committed.and(result)))),
            }
        });
        self.metrics.write_queued();
        let sent = locked(&self.queue).as_ref().map(|queue| queue.try_send(job));
        if !matches!(sent, Some(Ok(()))) {
            self.metrics.write_refused();
        }
        match sent {
            Some(Ok(())) => Ok(receiver),
            Some(Err(TrySendError::Full(_))) => Err(Error::busy("Too many writes are waiting. Try again in a moment.")),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(Error::busy("The server is stopping.")),
        }
    }

    /// Finishes what is queued and checkpoints. The connection itself is closed with the writer.
    pub(super) fn close(&self) {
        drop(locked(&self.queue).take());
        if let Some(thread) = locked(&self.thread).take() {
            *locked(&self.closing) = thread.join().ok();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a message"))
}

thread_local! {
    /// Checkpoints of this writer since it last looked.
    static CHECKPOINTS: Cell<u64> = const { Cell::new(0) };
    /// Pages of the log from which on this writer checkpoints.
    static FROM: Cell<c_int> = const { Cell::new(CHECKPOINT_FROM) };
}

/// SQLite's own rule, which it keeps to itself, so that checkpoints can be counted: those that got through. One that did not
/// is tried again with the next commit; the commit before it stands. While Litestream runs, its read transaction lets none
/// through.
fn checkpoint_when_due(log: &Wal, pages: c_int) -> rusqlite::Result<()> {
    if pages >= FROM.get() && matches!(log.checkpoint_v2(CheckpointMode::PASSIVE), Ok((all, done)) if all == done) {
        CHECKPOINTS.set(CHECKPOINTS.get() + 1);
    }
    Ok(())
}

struct Loop {
    conn: Connection,
    jobs: Receiver<Job>,
    metrics: Arc<Metrics>,
}

impl Loop {
    fn run(mut self) -> Connection {
        self.conn.wal_hook(Some(checkpoint_when_due));
        self.mind_litestream();
        while let Ok(first) = self.jobs.recv() {
            self.together(first);
        }
        // No `pragma optimize`: statistics of a young file made the planner walk all accounts for one workspace's members.
        // Nor any waiting: a reader such as Litestream keeps its transaction for ever, and what stays in the log is no loss.
        self.look_after("pragma busy_timeout = 0; pragma wal_checkpoint(truncate)");
        self.conn
    }

    fn together(&mut self, first: Job) {
        if let Err(error) = self.execute("begin immediate") {
            // Another program has the file. Whoever waits behind this one need not wait as long again, each after the other.
            for job in std::iter::once(first).chain(self.jobs.try_iter()) {
                (job(Err(error.clone())).tell)(Ok(()));
            }
            return;
        }
        let mut done = vec![self.alone(first)];
        while done.len() < TOGETHER
            && !self.was_rolled_back()
            && let Ok(job) = self.jobs.try_recv()
        {
            done.push(self.alone(job));
        }
        let begun = Instant::now();
        let committed = if self.was_rolled_back() {
            Err(Error::busy("Another write failed and took this one with it; nothing was changed. Try again."))
        } else {
            self.index().and_then(|()| self.execute("commit")).inspect_err(|_| {
                if !self.was_rolled_back() {
                    self.look_after("rollback");
                }
            })
        };
        let checkpoints = CHECKPOINTS.take();
        self.metrics.committed(done.len(), begun.elapsed(), checkpoints);
        if checkpoints > 0 {
            // It may have come since the last time, and the next commit begins the log anew.
            self.mind_litestream();
        }
        for Done { keep, tell } in done {
            tell(if keep { committed.clone() } else { Ok(()) });
        }
    }

    /// One job in its own savepoint: if it fails, only it is undone.
    fn alone(&self, job: Job) -> Done {
        if let Err(error) = self.execute("savepoint job").and_then(|()| journal::act_as_nobody(&self.conn)) {
            return job(Err(error));
        }
        let Done { keep, tell } = job(Ok(&self.conn));
        if self.was_rolled_back() {
            return Done { keep, tell };
        }
        let undone = if keep { Ok(()) } else { self.execute("rollback to job") };
        match undone.and_then(|()| self.execute("release job")) {
            Ok(()) => Done { keep, tell },
            Err(error) => Done { keep: false, tell: Box::new(move |_| tell(Err(error))) },
        }
    }

    /// A full disk makes SQLite roll back the whole transaction by itself; what ran after it would commit alone.
    fn was_rolled_back(&self) -> bool {
        self.conn.is_autocommit()
    }

    /// Brings the search index up to date with everything the jobs have written, in one go.
    fn index(&self) -> Result<()> {
        self.execute(
            "insert or replace into search_index (rowid, scope, title, body) select id, scope, title, body from search_pending",
        )?;
        self.execute("delete from search_pending")
    }

    fn mind_litestream(&self) {
        match limit_log(&self.conn) {
            Ok(true) => FROM.set(CHECKPOINT_FOR_LITESTREAM_FROM),
            Ok(false) => FROM.set(CHECKPOINT_FROM),
            Err(error) => log::warn!("looking for Litestream: {error}"),
        }
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn look_after(&self, sql: &str) {
        if let Err(error) = self.conn.execute_batch(sql) {
            log::warn!("{sql}: {error}");
        }
    }
}
