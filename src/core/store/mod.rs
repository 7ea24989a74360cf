//! The only place that opens SQLite: one writer with group commit, a few readers, one server per file.

mod copy;
mod files;
mod journal;
mod migrations;
mod sql;
mod verify;
mod writer;

use std::fs::File;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, OpenFlags};

use super::error::{Error, Kind, Result};
use super::id;
use super::metrics::Metrics;

pub use copy::{Backup, Progress, Restored, back_up, restore, stamp};
pub use files::{clear_unfinished, keep, must_be_free, private_folder, unfinished};
pub use journal::{Acting, ChangeSet, LEFT_OUT};
pub(crate) use journal::{act, act_for, acted, audited};
pub use sql::{Change, all, delete, insert, one, optional, run};
pub use verify::{Look, Verified, broken_promises, examine, verify};
use writer::Writer;
pub(crate) use writer::panic_text;

type Reader = r2d2::PooledConnection<SqliteConnectionManager>;

/// One SQLite file, open.
pub struct Store {
    path: PathBuf,
    /// Before the writer, so that they are closed before it.
    readers: r2d2::Pool<SqliteConnectionManager>,
    writer: Writer,
    quick_steps: i32,
    /// Slow reads in flight or waiting; beyond the bound they are refused.
    slow: Arc<tokio::sync::Semaphore>,
    slow_waiting: AtomicU64,
    is_closed: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    /// Held for as long as a server runs on the file.
    lock: Option<File>,
}

/// How the store is set up; see `sally.toml.example`.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// Threads that answer requests; each has one reader of its own in practice.
    pub workers: usize,
    /// Bytes of the file that a reader maps into memory. A point read costs 8.3 instead of 9.9 µs with it.
    pub mmap_bytes: i64,
    /// Steps of SQLite's machine that a list may take where the request is; a page of 50 takes 15,000.
    pub quick_steps: i32,
    /// Statements that take longer are logged; 0: none.
    pub slow_query_ms: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { workers: 2, mmap_bytes: 64 << 20, quick_steps: 1_000_000, slow_query_ms: 0 }
    }
}

const SLOW_AT_ONCE: usize = 2;
/// Passwords being checked look their account up.
const PREPARING: usize = 2;
const SLOW_WAITING: u64 = 64;
/// Longest time a slow read may take.
const SLOW_DEADLINE: Duration = Duration::from_secs(10);

impl Store {
    /// Opens the file, makes or migrates it, and takes it for a server: a second one is refused with the holder's name.
    pub fn serve(path: &Path, tuning: Tuning) -> Result<Self> {
        let lock = hold(path)?;
        clear_unfinished(files::folder(path));
        Store::open(path, tuning, Some(lock))
    }

    /// Opens the file beside a server that may be running: for the command line.
    pub fn beside(path: &Path) -> Result<Self> {
        Store::open(path, Tuning { workers: 1, mmap_bytes: 0, ..Tuning::default() }, None)
    }

    fn open(path: &Path, tuning: Tuning, lock: Option<File>) -> Result<Self> {
        let mut conn = open_for_writing(path)?;
        if migrations::is_due(&conn, path)? {
            // A server that runs on it was made for the shape that the file has.
            let _held = match lock {
                Some(_) => None,
                None => Some(hold(path).map_err(|error| {
                    Error::conflict(format!(
                        "{} is of an older Sally and has to be changed first. {error}",
                        path.display()
                    ))
                })?),
            };
            migrations::migrate(&mut conn, path)?;
        }
        journal::install(&conn)?;
        id::grow_from(journal::newest_id(&conn)?);
        let slow_query_ms = tuning.slow_query_ms;
        tell_slow_queries(&conn, slow_query_ms);
        let metrics = Arc::new(Metrics::new());
        let writer = Writer::start(conn, metrics.clone());

        let mmap_bytes = tuning.mmap_bytes;
        let manager = SqliteConnectionManager::file(path)
            .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(move |conn| {
                tell_slow_queries(conn, slow_query_ms);
                prepare_reader(conn, mmap_bytes)
            });
        let readers = r2d2::Pool::builder()
            .max_size((tuning.workers + SLOW_AT_ONCE + PREPARING) as u32)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(5))
            .build(manager)
            .map_err(Error::internal)?;
        Ok(Store {
            path: path.to_owned(),
            readers,
            writer,
            quick_steps: tuning.quick_steps,
            slow: Arc::new(tokio::sync::Semaphore::new(SLOW_AT_ONCE)),
            slow_waiting: AtomicU64::new(0),
            is_closed: Arc::default(),
            metrics,
            lock,
        })
    }

    /// Says where the server is reached, to commands beside it.
    pub fn announce(&self, address: SocketAddr) -> Result<()> {
        match &self.lock {
            Some(lock) => sign(lock, &format!("{}{AT}{address}", this_process())).map_err(Error::internal),
            None => Ok(()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finishes what is queued and checkpoints. Later writes are refused.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.writer.close();
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How the store is doing at this moment: name, what it tells, and how much it is.
    pub fn state(&self) -> [(&'static str, &'static str, i64); 4] {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |facts| facts.len() as i64);
        let readers = self.readers.state();
        let wal = PathBuf::from(format!("{}-wal", self.path.display()));
        [
            ("readers_busy", "Readers in use", i64::from(readers.connections - readers.idle_connections)),
            ("slow_reads", "Searches and reports that run or wait", self.slow_waiting.load(Ordering::Relaxed) as i64),
            ("database_bytes", "Size of the file", size(&self.path)),
            ("wal_bytes", "Size of the write-ahead log", size(&wal)),
        ]
    }

    /// Writes something that changes nothing, to see that the writer is alive and the disk takes it.
    pub async fn try_disk(&self) -> Result<()> {
        let same_again = |conn: &Connection| {
            let version: i64 = conn.query_row("pragma user_version", [], |row| row.get(0))?;
            Ok(conn.pragma_update(None, "user_version", version)?)
        };
        self.write(same_again).await
    }

    /// Takes a copy of the file as it is now. Given up when the store is closed.
    pub fn back_up(&self, to: &Path) -> Result<Backup> {
        let is_closed = self.is_closed.clone();
        let go_on = move |_, _| match is_closed.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        back_up(&self.path, to, false, Some(Box::new(go_on)))
    }

    /// A bounded read where the request already is, in one snapshot. It takes half the CPU of a hop to another thread.
    pub fn read<T>(&self, work: impl FnOnce(&mut Reading) -> Result<T>) -> Result<T> {
        work(&mut Reading::begin(self)?)
    }

    /// An unbounded read: on a thread of its own, a few at a time, with a deadline. Refused when too many wait; stopped
    /// when nobody waits for it any more.
    pub async fn read_slowly<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Reading) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _waiting = Waiting::enter(&self.slow_waiting)?;
        let permit = self.slow.clone().acquire_owned().await.map_err(Error::internal)?;
        let store = self.clone();
        let caller = Arc::new(());
        let is_abandoned = {
            let caller = Arc::downgrade(&caller);
            move || caller.strong_count() == 0
        };
        let answer = tokio::task::spawn_blocking(move || {
            // Of the work, not of the caller, who may have gone away while it runs on.
            let _permit = permit;
            if is_abandoned() {
                return Err(Error::busy("Nobody waits for this any more."));
            }
            let mut reading = Reading::begin(&store)?;
            let deadline = Instant::now() + SLOW_DEADLINE;
            reading.stop_when(100_000, move || is_abandoned() || Instant::now() > deadline)?;
            // There is nowhere left where it could take its time.
            work(&mut reading).map_err(|error| match error.kind() {
                Kind::Overdue => Error::busy(error.to_string()),
                _ => error,
            })
        });
        let answer = answer.await.map_err(Error::internal)?;
        drop(caller);
        answer
    }

    /// A write: queued, run in a savepoint of the writer's next transaction, answered once that is on disk.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.submit(work)?.await.map_err(|_| Error::busy("The server is stopping."))?
    }

    /// The same from a thread that may wait.
    pub fn write_and_wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.submit(work)?.blocking_recv().map_err(|_| Error::busy("The server is stopping."))?
    }
}

/// One of the bounded number of callers that may wait for a slow read.
struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    fn enter(counter: &'a AtomicU64) -> Result<Self> {
        let waiting = Waiting(counter);
        if counter.fetch_add(1, Ordering::Relaxed) >= SLOW_WAITING {
            return Err(Error::busy("Too many searches are running. Try again in a moment."));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A read-only snapshot, ended when it goes out of scope, whatever happened.
pub struct Reading {
    reader: Reader,
    version: i64,
    quick_steps: i32,
    has_deadline: bool,
}

impl Reading {
    fn begin(store: &Store) -> Result<Self> {
        let reader = store.readers.get().map_err(|_| Error::busy("All readers are busy. Try again in a moment."))?;
        reader.prepare_cached("begin")?.execute([])?;
        // Changes with every commit of another connection, this process's writer and the command line alike.
        let mut reading = Reading { reader, version: 0, quick_steps: store.quick_steps, has_deadline: false };
        reading.version = one(reading.conn(), "pragma data_version", [], |row| row.take())?;
        Ok(reading)
    }

    pub fn conn(&self) -> &Connection {
        &self.reader
    }

    /// From here on it fails with [`Kind::Overdue`] rather than hold up its thread.
    pub fn keep_quick(&mut self) -> Result<()> {
        /// SQLite counts on from one run of a statement to the next, so that a look may come early.
        const LOOKS: i32 = 20;
        let mut looks = 0;
        self.stop_when((self.quick_steps / LOOKS).max(1), move || {
            looks += 1;
            looks > LOOKS
        })
    }

    /// Asks after every so many steps whether to stop.
    fn stop_when(&mut self, steps: i32, is_over: impl FnMut() -> bool + Send + 'static) -> Result<()> {
        self.has_deadline = true;
        Ok(self.reader.progress_handler(steps, Some(is_over))?)
    }

    /// What this connection remembers of the data, forgotten as soon as anybody has committed anything.
    pub fn memory<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        let version = self.version;
        let extensions = r2d2::PooledConnection::extensions_mut(&mut self.reader);
        if extensions.get::<(i64, T)>().is_none_or(|(at, _)| *at != version) {
            extensions.insert((version, T::default()));
        }
        &mut extensions.get_mut::<(i64, T)>().expect("just seen or made").1
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.has_deadline
            && let Err(error) = self.reader.progress_handler(0, None::<fn() -> bool>)
        {
            log::error!("lifting a deadline: {error}");
        }
        if !self.reader.is_autocommit()
            && let Err(error) = self.reader.prepare_cached("commit").and_then(|mut end| end.execute([]))
        {
            log::error!("ending a read: {error}");
        }
    }
}

/// Beside the file itself, by whatever name it is reached.
fn lock_of(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).with_added_extension("lock")
}

/// The lock that says "a server runs here". The operating system drops it with the process, however that ends.
fn hold(path: &Path) -> Result<File> {
    use std::io::Read;
    let lock_path = lock_of(path);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(|error| Error::conflict(format!("cannot open {}: {error}", lock_path.display())))?;
    if file.try_lock().is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        let holder = holder.trim();
        let holder = if holder.is_empty() { "another server".into() } else { format!("another server ({holder})") };
        return Err(Error::conflict(format!(
            "{} is in use by {holder}; stop it first, or choose another file with --db",
            path.display()
        )));
    }
    let signed = sign(&file, &this_process());
    signed.map_err(|error| Error::conflict(format!("cannot write {}: {error}", lock_path.display())))?;
    Ok(file)
}

fn this_process() -> String {
    format!("process {}", std::process::id())
}

/// Between who serves a file and where.
const AT: &str = " at ";

/// Writes into the lock who holds it.
fn sign(mut lock: &File, note: &str) -> std::io::Result<()> {
    use std::io::{Seek, Write};
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(note.as_bytes())
}

/// Who serves the file, if anybody does.
pub fn holder(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut lock = File::open(lock_of(path)).ok()?;
    if lock.try_lock_shared().is_ok() {
        return None;
    }
    let mut holder = String::new();
    let _ = lock.read_to_string(&mut holder);
    Some(if holder.trim().is_empty() { "a server".into() } else { holder.trim().to_owned() })
}

/// Where whoever serves the file is reached.
pub fn address_of_holder(path: &Path) -> Option<SocketAddr> {
    holder(path)?.split_once(AT)?.1.parse().ok()
}

/// Statements kept prepared per connection: parsing one again costs half a point read.
const STATEMENTS: usize = 512;
/// The WAL is cut back to this size whenever a checkpoint got through it.
const WAL_LIMIT: i64 = 64 << 20;
/// The WAL-reset bug of 3.7.0 to 3.51.2 can corrupt a file that two connections write.
const LEAST_SQLITE: i32 = 3_051_003;

fn open_for_writing(path: &Path) -> Result<Connection> {
    if rusqlite::version_number() < LEAST_SQLITE {
        return Err(Error::internal(format!("SQLite {} is too old", rusqlite::version())));
    }
    let named = |error: rusqlite::Error| Error::conflict(format!("{} cannot be opened: {error}", path.display()));
    let is_new = !path.exists();
    let conn = Connection::open(path).map_err(named)?;
    if is_new {
        private(path);
    }
    let mode: String = conn.query_row("pragma journal_mode = wal", [], |row| row.get(0)).map_err(named)?;
    if mode != "wal" {
        return Err(Error::conflict(format!(
            "{} is on a file system without shared memory (mode {mode}); put it on a local disk",
            path.display()
        )));
    }
    harden(&conn)?;
    // SQLite's own waiting sleeps for up to 100 ms, and misses the moments that a program leaves which writes all the time.
    conn.busy_handler(Some(|tries| {
        std::thread::sleep(Duration::from_millis(1));
        tries < 5_000
    }))?;
    conn.pragma_update(None, "synchronous", "full")?;
    // Only here: on a reader's mapped pages it would run at every look (a tenth of a list's cost).
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "cache_size", -8_192)?;
    limit_log(&conn)?;
    Ok(conn)
}

/// How much of the old log stays behind one that is begun anew: nothing where Litestream has been, and whether it has. If it
/// was away meanwhile, it takes what is left of the old one for a sign that it missed nothing (0.5.17), and its copy is
/// damaged.
fn limit_log(conn: &Connection) -> rusqlite::Result<bool> {
    const LITESTREAM: &str = "select exists (select 1 from sqlite_schema where name = '_litestream_seq')";
    let has_litestream = conn.prepare_cached(LITESTREAM)?.query_row([], |row| row.get(0))?;
    conn.pragma_update(None, "journal_size_limit", if has_litestream { 0 } else { WAL_LIMIT })?;
    Ok(has_litestream)
}

/// Only the owner of the process reads what the team knows.
fn private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
            log::warn!("{} keeps its permissions: {error}", path.display());
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn prepare_reader(conn: &mut Connection, mmap_bytes: i64) -> rusqlite::Result<()> {
    harden(conn)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "mmap_size", mmap_bytes)?;
    conn.pragma_update(None, "cache_size", -2_048)
}

/// A statement that takes long is worth a line: its text, in which values are only ever `?`.
fn tell_slow_queries(conn: &Connection, slow_query_ms: u64) {
    /// For the whole process: SQLite calls a plain function.
    static LIMIT: AtomicU64 = AtomicU64::new(0);
    LIMIT.fetch_max(slow_query_ms, Ordering::Relaxed);
    if slow_query_ms == 0 {
        return;
    }
    conn.trace_v2(
        TraceEventCodes::SQLITE_TRACE_PROFILE,
        Some(|event| {
            if let TraceEvent::Profile(statement, took) = event
                && took.as_millis() >= u128::from(LIMIT.load(Ordering::Relaxed))
            {
                let sql = statement.sql();
                let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
                log::warn!(target: "sally::sql", milliseconds = took.as_millis() as u64; "slow: {words}");
            }
        }),
    );
}

/// What every connection has: strictness where SQLite is lenient by default.
fn harden(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Plans do not depend on the values bound; else SQLite prepares filtered lists anew for each of them.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}
