//! Resources that somebody wants to hear of, and which of them say something else by now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::core::app::App;
use crate::core::caller::Workspace;
use crate::core::error::{Error, Kind as ErrorKind};
use crate::core::id::Id;

use super::address::{Address, Form};
use super::protocol::{Failure, Peer, RpcError};
use super::resources::Shelf;
use super::tools::stamp;

/// Resources that one session or stream may watch.
pub const MOST: usize = 100;
/// And all sessions of a key together, or all its streams without one: whatever is written, each of them is looked at.
pub const MOST_OF_A_KEY: usize = 500;

/// What a peer watches.
#[derive(Debug, Default)]
pub struct Subscribed {
    by_uri: Mutex<BTreeMap<String, Watched>>,
    /// Wakes the stream that tells of it.
    pub changed: Notify,
}

#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// Where it is; unknown after a restart.
    pub workspace: Option<Id<Workspace>>,
    /// What the resource said when the peer last heard of it.
    pub digest: u64,
    /// The event by which it did; 0 for none yet.
    event: u64,
}

/// What a resource that is gone, or no longer to be seen, says.
const GONE: u64 = 0;

impl Watched {
    /// A resource as it is now. Fails for what the peer may not see.
    pub async fn now(app: &Arc<App>, peer: &Peer, uri: &str) -> Result<Watched, Failure> {
        let shelf = Shelf::of(app, peer)?;
        let address = shelf.find(uri)?;
        let workspace = shelf.workspace_of(&address);
        match digest(&shelf, &address).await {
            Ok(GONE) => Err(shelf.missing(uri)),
            Ok(digest) => Ok(Watched { workspace, digest, event: 0 }),
            Err(error) => Err(shelf.unread(uri, error)),
        }
    }
}

/// Stands for the whole of what the resource says, which is its JSON.
async fn digest(shelf: &Shelf<'_>, address: &Address) -> Result<u64, Error> {
    match shelf.text(&Address { form: Form::Json, ..address.clone() }).await {
        Ok(text) => Ok(stamp(text.as_bytes()).max(GONE + 1)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::WorkspaceDenied => Ok(GONE),
            _ => Err(error),
        },
    }
}

/// What it says now; `None` if that cannot be told at the moment.
pub async fn digest_now(app: &Arc<App>, peer: &Peer, uri: &str) -> Option<u64> {
    let shelf = Shelf::of(app, peer).ok()?;
    match shelf.find(uri) {
        Ok(address) => digest(&shelf, &address).await.ok(),
        Err(_) => Some(GONE),
    }
}

impl Subscribed {
    /// `elsewhere`: what the same key watches already.
    pub fn add(&self, uri: &str, watched: Watched, elsewhere: usize) -> Result<(), RpcError> {
        let mut by_uri = self.locked();
        if by_uri.contains_key(uri) {
            return Ok(());
        }
        let here = by_uri.len();
        for (known, most, by) in [(here, MOST, "at once"), (here + elsewhere, MOST_OF_A_KEY, "with one key")] {
            if known >= most {
                return Err(RpcError::invalid_params(format!("uri: at most {most} resources can be watched {by}")));
            }
        }
        by_uri.insert(uri.to_owned(), watched);
        drop(by_uri);
        self.changed.notify_waiters();
        Ok(())
    }

    pub fn remove(&self, uri: &str) {
        self.locked().remove(uri);
    }

    pub fn is_empty(&self) -> bool {
        self.locked().is_empty()
    }

    pub fn len(&self) -> usize {
        self.locked().len()
    }

    pub fn all(&self) -> Vec<(String, Watched)> {
        self.locked().iter().map(|(uri, watched)| (uri.clone(), *watched)).collect()
    }

    /// The peer hears by this event what the resource says now.
    pub fn has_told(&self, uri: &str, digest: u64, event: u64) {
        if let Some(watched) = self.locked().get_mut(uri) {
            (watched.digest, watched.event) = (digest, event);
        }
    }

    /// What was told after this event went astray: it is to be told again.
    pub fn lost_after(&self, event: u64) {
        for watched in self.locked().values_mut().filter(|watched| watched.event > event) {
            watched.digest = !watched.digest;
        }
    }

    /// The addresses with what each said, to be kept over a restart.
    pub fn to_json(&self) -> Option<String> {
        let digests: BTreeMap<String, u64> =
            self.all().into_iter().map(|(uri, watched)| (uri, watched.digest)).collect();
        (!digests.is_empty()).then(|| serde_json::to_string(&digests).expect("plain data"))
    }

    pub fn from_json(json: Option<String>) -> Self {
        let digests: BTreeMap<String, u64> = json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        let watched = |digest| Watched { workspace: None, digest, event: 0 };
        let by_uri = digests.into_iter().map(|(uri, digest)| (uri, watched(digest))).collect();
        Subscribed { by_uri: Mutex::new(by_uri), changed: Notify::new() }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.by_uri.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_survives_a_restart_and_what_went_astray_is_told_again() {
        let watched = Watched { workspace: None, digest: u64::MAX - 5, event: 0 };
        let subscribed = Subscribed::default();
        subscribed.add("sally://tasks/WEB-1", watched, 0).unwrap();
        let again = Subscribed::from_json(subscribed.to_json());
        assert_eq!(again.all()[0].1.digest, watched.digest);
        again.has_told("sally://tasks/WEB-1", 7, 3);
        again.lost_after(3);
        assert_eq!(again.all()[0].1.digest, 7);
        again.lost_after(2);
        assert_ne!(again.all()[0].1.digest, 7);
        again.remove("sally://tasks/WEB-1");
        assert_eq!((again.is_empty(), again.to_json()), (true, None));
    }
}
