//! MCP sessions: in memory, because every request looks one up; written through, because a restart must lose none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::named_params;
use tokio::sync::oneshot;

use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Store, all, run};
use crate::core::time::Moment;

use super::protocol::{self, Hello};

const IDLE_SECONDS: i64 = 30 * 60;
/// A session that is used is written down no more often than this; a restart may take that much off its life.
const WRITTEN_EVERY_SECONDS: i64 = 60;
/// Some clients begin a new session with every batch of calls and never end one, so the longest unused makes room.
const SESSIONS_OF_A_KEY: usize = 100;
/// Streams that one session may hold open; the oldest makes room.
const STREAMS_OF_A_SESSION: usize = 4;

struct SessionRecord;
impl Record for SessionRecord {
    const PREFIX: &'static str = "mcp";
    const NOUN: &'static str = "MCP session";
}

/// One client's session, bound to the key that opened it.
#[derive(Debug)]
pub struct Session {
    /// Of the `Mcp-Session-Id`.
    hash: TokenHash,
    pub key: TokenHash,
    pub revision: &'static str,
    /// As the client named itself.
    pub client: Option<String>,
    last_used: AtomicI64,
    written: AtomicI64,
    /// Whoever holds the other ends learns of the session's end by their closing.
    streams: Mutex<Vec<oneshot::Sender<()>>>,
}

pub struct Sessions {
    store: Arc<Store>,
    live: Mutex<HashMap<TokenHash, Arc<Session>>>,
    stopping: AtomicBool,
}

const LOAD: &str = "
    select token_hash, key_hash, protocol_version, client_name, last_used_at
      from mcp_session
     where last_used_at > ?1";

const OPEN: &str = "
    insert into mcp_session (id, token_hash, key_hash, protocol_version, client_name, created_at, last_used_at)
    values (:id, :hash, :key, :revision, :client, :now, :now)";

impl Sessions {
    /// The sessions that were alive when the server stopped last.
    pub fn load(store: &Arc<Store>) -> Result<Self> {
        let since = Moment::now().plus_seconds(-IDLE_SECONDS);
        let found = store.read(|reading| {
            all(reading.conn(), LOAD, [since], |row| {
                let (hash, key) = (row.take()?, row.take()?);
                let revision = protocol::revision(&row.take::<String>()?).unwrap_or(protocol::REVISIONS[0]);
                Ok(Arc::new(Session::new(hash, key, revision, row.take()?, row.take()?)))
            })
        })?;
        let live = found.into_iter().map(|session| (session.hash, session)).collect();
        Ok(Sessions { store: store.clone(), live: Mutex::new(live), stopping: AtomicBool::new(false) })
    }

    /// Opens a session; answers its id once it is on disk.
    pub async fn open(&self, key: TokenHash, hello: Hello) -> Result<String> {
        let id = secret::session_token();
        let now = Moment::now();
        let (hash, revision, client) = (TokenHash::of(&id), hello.revision, hello.client);
        let session = Arc::new(Session::new(hash, key, revision, client.clone(), now));
        let gone = self.admit(session, now);
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
        let now = Moment::now();
        let mut live = self.live();
        let session = live.get(&hash)?.clone();
        if session.is_idle(now) {
            live.remove(&hash);
            session.hang_up();
            return None;
        }
        drop(live);
        self.touch(&session, now);
        Some(session)
    }

    /// Keeps a session alive that is used without requests: by an open stream.
    pub fn keep(&self, session: &Session) {
        self.touch(session, Moment::now());
    }

    pub async fn end(&self, session: &Session) -> Result<()> {
        self.live().remove(&session.hash);
        session.hang_up();
        let hash = session.hash;
        self.store.write(move |conn| run(conn, "delete from mcp_session where token_hash = ?1", [hash])).await?;
        Ok(())
    }

    /// For a stream: resolves when the session or the server ends.
    pub fn listen(&self, session: &Session) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut streams = locked(&session.streams);
        streams.retain(|stream| !stream.is_closed());
        if streams.len() >= STREAMS_OF_A_SESSION {
            streams.remove(0);
        }
        // Looked at under the lock that `hang_up` takes, so that no stream begins behind its back.
        if !self.stopping.load(Ordering::SeqCst) {
            streams.push(sender);
        }
        receiver
    }

    /// The server stops: streams end, sessions stay for its next start.
    pub fn hang_up(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.live().values().for_each(|session| session.hang_up());
    }

    fn touch(&self, session: &Session, now: Moment) {
        session.last_used.fetch_max(now.ms(), Ordering::Relaxed);
        let written = session.written.load(Ordering::Relaxed);
        let is_due = now.ms() - written >= WRITTEN_EVERY_SECONDS * 1_000;
        // Whoever wins the exchange writes.
        if !is_due || session.written.compare_exchange(written, now.ms(), Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let (store, hash) = (self.store.clone(), session.hash);
        actix_web::rt::spawn(async move {
            const TOUCH: &str = "update mcp_session set last_used_at = ?2 where token_hash = ?1";
            if let Err(error) = store.write(move |conn| run(conn, TOUCH, (hash, now))).await {
                log::warn!("noting the use of an MCP session: {error}");
            }
        });
    }

    /// Takes a session in. Makes room for it: drops what is idle, and what the key has beyond its share; answers which those were.
    fn admit(&self, session: Arc<Session>, now: Moment) -> Vec<TokenHash> {
        let key = session.key;
        let mut live = self.live();
        let mut gone: Vec<TokenHash> = live.values().filter(|s| s.is_idle(now)).map(|s| s.hash).collect();
        let mut own: Vec<(i64, TokenHash)> = live
            .values()
            .filter(|session| session.key == key && !session.is_idle(now))
            .map(|session| (session.last_used.load(Ordering::Relaxed), session.hash))
            .collect();
        let surplus = (own.len() + 1).saturating_sub(SESSIONS_OF_A_KEY);
        own.sort_unstable_by_key(|(last_used, _)| *last_used);
        gone.extend(own.iter().take(surplus).map(|(_, hash)| *hash));
        for hash in &gone {
            if let Some(session) = live.remove(hash) {
                session.hang_up();
            }
        }
        live.insert(session.hash, session);
        gone
    }

    fn live(&self) -> MutexGuard<'_, HashMap<TokenHash, Arc<Session>>> {
        locked(&self.live)
    }
}

impl Session {
    fn new(hash: TokenHash, key: TokenHash, revision: &'static str, client: Option<String>, last_used: Moment) -> Self {
        Session {
            hash,
            key,
            revision,
            client,
            last_used: AtomicI64::new(last_used.ms()),
            written: AtomicI64::new(last_used.ms()),
            streams: Mutex::default(),
        }
    }

    fn is_idle(&self, now: Moment) -> bool {
        now.ms() - self.last_used.load(Ordering::Relaxed) > IDLE_SECONDS * 1_000
    }

    fn hang_up(&self) {
        locked(&self.streams).clear();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
