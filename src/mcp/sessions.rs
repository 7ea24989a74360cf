//! MCP sessions: in memory, because every request looks one up; written through, because a restart must lose none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::named_params;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::core::caller::AccessKey;
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Store, all, run};
use crate::core::time::Moment;

use super::protocol::{self, Failure, Hello};
use super::streams::{Lists, Streams};
use super::subscriptions::{Subscribed, Watched};

const IDLE_SECONDS: i64 = 30 * 60;
/// A session that is used is written down no more often than this; a restart may take that much off its life.
const WRITTEN_EVERY_SECONDS: i64 = 60;
/// Some clients begin a new session with every batch of calls and never end one, so the longest unused makes room.
const SESSIONS_OF_A_KEY: usize = 100;

/// Milliseconds since this process first asked, whatever happens to the clock meanwhile.
fn uptime_ms() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as i64
}

struct SessionRecord;
impl Record for SessionRecord {
    const PREFIX: &'static str = "mcp";
    const NOUN: &'static str = "MCP session";
}

/// One client's session, bound to the key that opened it.
#[derive(Debug)]
pub struct Session {
    /// Of the `Mcp-Session-Id`.
    pub hash: TokenHash,
    pub key: Id<AccessKey>,
    /// The token that stood for the key last, so that the key need not be looked up again.
    token: Mutex<Option<TokenHash>>,
    pub revision: &'static str,
    /// As the client named itself.
    pub client: Option<String>,
    /// By [`uptime_ms`].
    last_used: AtomicI64,
    written: AtomicI64,
    /// The lists of tools and of prompts that were given last; 0 for none yet.
    listed_tools: AtomicU64,
    listed_prompts: AtomicU64,
    /// The resources it wants to hear of.
    pub subscribed: Subscribed,
    /// Requests on their way, by their ids, until they are answered or cancelled.
    running: Mutex<HashMap<String, oneshot::Sender<()>>>,
}

pub struct Sessions {
    store: Arc<Store>,
    live: Mutex<HashMap<TokenHash, Arc<Session>>>,
    streams: Arc<Streams>,
}

const LOAD: &str = "
    select token_hash, key_id, protocol_version, client_name, last_used_at, subscriptions
      from mcp_session
     where last_used_at > ?1";

const OPEN: &str = "
    insert into mcp_session (id, token_hash, key_id, protocol_version, client_name, created_at, last_used_at)
    select :id, :hash, id, :revision, :client, :now, :now from access_key where id = :key";

impl Sessions {
    /// The sessions that were alive when the server stopped last.
    pub fn load(store: &Arc<Store>, streams: &Arc<Streams>) -> Result<Self> {
        let (now, uptime) = (Moment::now(), uptime_ms());
        let found = store.read(|reading| {
            all(reading.conn(), LOAD, [now.plus_seconds(-IDLE_SECONDS)], |row| {
                let (hash, key) = (row.take()?, row.take()?);
                let revision = protocol::revision(&row.take::<String>()?).unwrap_or(protocol::REVISIONS[0]);
                let (client, last_used_at) = (row.take()?, row.take::<Moment>()?);
                // Of one that was used later than now, no more can be said than that the clock was ahead.
                let idle = (now.ms() - last_used_at.ms()).max(0);
                let mut session = Session::new(hash, key, revision, client, uptime - idle);
                session.subscribed = Subscribed::from_json(row.take()?);
                Ok(Arc::new(session))
            })
        })?;
        let live = found.into_iter().map(|session| (session.hash, session)).collect();
        Ok(Sessions { store: store.clone(), live: Mutex::new(live), streams: streams.clone() })
    }

    /// Opens a session; answers its id once it is on disk.
    pub async fn open(&self, key: Id<AccessKey>, hello: Hello) -> Result<String> {
        let id = secret::session_token();
        let now = Moment::now();
        let (hash, revision, client) = (TokenHash::of(&id), hello.revision, hello.client);
        let session = Arc::new(Session::new(hash, key, revision, client.clone(), uptime_ms()));
        let gone = self.admit(session);
        let write = move |conn: &rusqlite::Connection| {
            for hash in gone {
                run(conn, "delete from mcp_session where token_hash = ?1", [hash])?;
            }
            conn.prepare_cached(OPEN)?.execute(named_params! {
                ":id": Id::<SessionRecord>::new(now.ms()), ":hash": hash, ":key": key, ":revision": revision,
                ":client": client, ":now": now,
            })?;
            Ok(())
        };
        self.store.write(write).await.inspect_err(|_| drop(self.live().remove(&hash)))?;
        Ok(id)
    }

    /// The session of this id, used now; `None` if there never was one, or it has ended.
    pub fn find(&self, id: &str) -> Option<Arc<Session>> {
        let hash = TokenHash::of(id);
        let mut live = self.live();
        let session = live.get(&hash)?.clone();
        if session.is_idle(uptime_ms()) {
            live.remove(&hash);
            self.streams.close(&hash);
            return None;
        }
        drop(live);
        self.touch(&session);
        Some(session)
    }

    /// How many are alive, or were when they were used last.
    pub fn count(&self) -> usize {
        self.live().len()
    }

    /// Keeps a session alive that is used without requests: by an open stream.
    pub fn keep(&self, session: &Session) {
        self.touch(session);
    }

    pub async fn end(&self, session: &Session) -> Result<()> {
        self.live().remove(&session.hash);
        self.streams.close(&session.hash);
        let hash = session.hash;
        self.store.write(move |conn| run(conn, "delete from mcp_session where token_hash = ?1", [hash])).await?;
        Ok(())
    }

    /// The session's streams tell it from now on when the resource changes.
    pub async fn subscribe(&self, session: &Arc<Session>, uri: &str, watched: Watched) -> Result<(), Failure> {
        session.subscribed.add(uri, watched, self.watched_elsewhere(session))?;
        Ok(self.write_subscriptions(session).await?)
    }

    pub async fn unsubscribe(&self, session: &Arc<Session>, uri: &str) -> Result<(), Failure> {
        session.subscribed.remove(uri);
        Ok(self.write_subscriptions(session).await?)
    }

    fn watched_elsewhere(&self, session: &Session) -> usize {
        let live = self.live();
        let others = live.values().filter(|other| other.key == session.key && other.hash != session.hash);
        others.map(|other| other.subscribed.len()).sum()
    }

    async fn write_subscriptions(&self, session: &Arc<Session>) -> Result<()> {
        const WRITE: &str = "update mcp_session set subscriptions = ?2 where token_hash = ?1";
        let session = session.clone();
        // Looked at by the writer, so that of two at once the later one writes both.
        self.store.write(move |conn| run(conn, WRITE, (session.hash, session.subscribed.to_json()))).await?;
        Ok(())
    }

    fn touch(&self, session: &Session) {
        let uptime = uptime_ms();
        session.last_used.fetch_max(uptime, Ordering::Relaxed);
        let written = session.written.load(Ordering::Relaxed);
        let is_due = uptime - written >= WRITTEN_EVERY_SECONDS * 1_000;
        // Whoever wins the exchange writes.
        if !is_due || session.written.compare_exchange(written, uptime, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let (store, hash, now) = (self.store.clone(), session.hash, Moment::now());
        actix_web::rt::spawn(async move {
            const TOUCH: &str = "update mcp_session set last_used_at = ?2 where token_hash = ?1";
            if let Err(error) = store.write(move |conn| run(conn, TOUCH, (hash, now))).await {
                log::warn!("noting the use of an MCP session: {error}");
            }
        });
    }

    /// Takes a session in. Makes room for it: drops what is idle, and what the key has beyond its share; answers which those were.
    fn admit(&self, session: Arc<Session>) -> Vec<TokenHash> {
        let (key, uptime) = (session.key, uptime_ms());
        let mut live = self.live();
        let mut gone: Vec<TokenHash> = live.values().filter(|s| s.is_idle(uptime)).map(|s| s.hash).collect();
        let mut own: Vec<(i64, TokenHash)> = live
            .values()
            .filter(|session| session.key == key && !session.is_idle(uptime))
            .map(|session| (session.last_used.load(Ordering::Relaxed), session.hash))
            .collect();
        let surplus = (own.len() + 1).saturating_sub(SESSIONS_OF_A_KEY);
        own.sort_unstable_by_key(|(last_used, _)| *last_used);
        gone.extend(own.iter().take(surplus).map(|(_, hash)| *hash));
        for hash in &gone {
            live.remove(hash);
            self.streams.close(hash);
        }
        live.insert(session.hash, session);
        gone
    }

    fn live(&self) -> MutexGuard<'_, HashMap<TokenHash, Arc<Session>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn new(
        hash: TokenHash,
        key: Id<AccessKey>,
        revision: &'static str,
        client: Option<String>,
        last_used: i64,
    ) -> Self {
        Session {
            hash,
            key,
            token: Mutex::default(),
            revision,
            client,
            last_used: AtomicI64::new(last_used),
            written: AtomicI64::new(last_used),
            listed_tools: AtomicU64::default(),
            listed_prompts: AtomicU64::default(),
            subscribed: Subscribed::default(),
            running: Mutex::default(),
        }
    }

    /// Was this token good for the session's key when it was looked up last? Whether it still is, is asked elsewhere.
    pub fn knows(&self, token: TokenHash) -> bool {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) == Some(token)
    }

    pub fn learns(&self, token: TokenHash) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    fn is_idle(&self, uptime: i64) -> bool {
        uptime - self.last_used.load(Ordering::Relaxed) > IDLE_SECONDS * 1_000
    }

    /// Which lists the client has, as far as it asked for them since the server started.
    pub fn listed(&self) -> Lists<Option<u64>> {
        let known = |stamp: &AtomicU64| Some(stamp.load(Ordering::Relaxed)).filter(|stamp| *stamp != 0);
        Lists { tools: known(&self.listed_tools), prompts: known(&self.listed_prompts) }
    }

    pub fn has_listed_tools(&self, stamp: u64) {
        self.listed_tools.store(stamp, Ordering::Relaxed);
    }

    pub fn has_listed_prompts(&self, stamp: u64) {
        self.listed_prompts.store(stamp, Ordering::Relaxed);
    }

    /// Notes that a request is on its way, for as long as the answer lives.
    pub fn running(&self, id: &Value) -> Running<'_> {
        let id = id.to_string();
        let (cancel, cancelled) = oneshot::channel();
        self.requests().insert(id.clone(), cancel);
        Running { session: self, id, cancelled }
    }

    /// Nobody waits for the answer of this request any more.
    pub fn cancel(&self, id: &Value) {
        if let Some(cancel) = self.requests().remove(&id.to_string()) {
            let _ = cancel.send(());
        }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request of a session that is being answered.
pub struct Running<'a> {
    session: &'a Session,
    id: String,
    cancelled: oneshot::Receiver<()>,
}

impl Running<'_> {
    /// The answer, or nothing once it is cancelled: the work for it is dropped then.
    pub async fn or_cancelled<T>(mut self, answer: impl Future<Output = T>) -> Option<T> {
        let cancelled = async {
            // A second request of the same id takes the first one's place, which goes on all the same.
            if (&mut self.cancelled).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = cancelled => None,
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // The entry is this one's unless another request took the id since.
        self.cancelled.close();
        let mut requests = self.session.requests();
        if requests.get(&self.id).is_some_and(oneshot::Sender::is_closed) {
            requests.remove(&self.id);
        }
    }
}
