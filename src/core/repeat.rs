//! Requests sent twice: with an idempotency key, the first answer is kept for a day and repeated.

use std::sync::LazyLock;

use rusqlite::named_params;
use serde_json::{Map, Value};

use super::error::{Error, Kind, Result};
use super::operation::{Before, Outcome, Reply, Spec, Step, Tx};
use super::secret::{self, TokenHash};
use super::store::optional;

/// A step with a reply that is executed once for each key; its answer is written in the same transaction as its effect.
pub(super) struct Once {
    step: Box<dyn Step>,
    request: TokenHash,
}

/// What makes two requests the same: operation and input. Keys of a map are sorted. This hash is quickly made, and kept, so
/// where there is a password in it, it is salted with what nobody keeps; after a restart such a request is another one.
pub(super) fn fingerprint(spec: &Spec, input: &Map<String, Value>) -> TokenHash {
    static SALT: LazyLock<String> = LazyLock::new(secret::session_token);
    let has_password = ["password", "currentPassword", "newPassword"].iter().any(|field| input.contains_key(*field));
    let salt = if has_password { SALT.as_str() } else { "" };
    TokenHash::of(&format!("{salt}{} {}", spec.name, serde_json::to_string(input).expect("plain data")))
}

impl Once {
    pub(super) fn new(step: Box<dyn Step>, request: TokenHash) -> Self {
        Once { step, request }
    }
}

const FIND: &str = "
    select request_hash, body, location, record_version
      from idempotent_answer
     where caller_hash = ?1 and created_at > ?2";

const KEEP: &str = "
    insert or replace into idempotent_answer (caller_hash, request_hash, body, location, record_version, created_at)
    values (:caller, :request, :body, :location, :version, :now)";

impl Step for Once {
    fn prepares(&self) -> bool {
        self.step.prepares()
    }
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        self.step.prepare(before)
    }
    fn is_slow(&self) -> bool {
        self.step.is_slow()
    }

    fn execute(self: Box<Self>, tx: &Tx<'_>) -> Result<Outcome> {
        let Some(key) = &tx.call().idempotency_key else { return self.step.execute(tx) };
        let who = tx.account_id().map_or_else(|| format!("{:?}", tx.call().address), |account| account.to_string());
        let workspace = tx.caller().workspace.as_ref().map(|workspace| workspace.id);
        // Hashed together, so that the keys of two people, or of one in two workspaces, never meet.
        let caller = TokenHash::of(&format!("{who} {workspace:?} {key}"));
        let first = optional(tx.conn(), FIND, (caller, tx.now().plus_days(-1)), |row| {
            Ok((row.take::<TokenHash>()?, row.take::<Option<Vec<u8>>>()?, row.take()?, row.take()?))
        })?;
        match first {
            None => {}
            Some((request, ..)) if request != self.request => {
                return Err(used(
                    "This idempotency key was used for another request within the last 24 hours. Use a new one.",
                ));
            }
            Some((_, None, ..)) => {
                return Err(used(
                    "This was done already. The first answer showed a secret, which is not kept; make a new one with another idempotency key.",
                ));
            }
            Some((_, Some(body), location, version)) => {
                return Ok(Box::new(Reply { body, version, location, ..Reply::default() }));
            }
        }
        let outcome = self.step.execute(tx)?;
        let reply: &Reply = outcome.downcast_ref().expect("a step out of JSON gives a reply");
        let body = (!reply.secret).then_some(&reply.body);
        tx.conn().prepare_cached(KEEP)?.execute(named_params! {
            ":caller": caller, ":request": self.request, ":body": body,
            ":location": reply.location, ":version": reply.version, ":now": tx.now(),
        })?;
        Ok(outcome)
    }
}

fn used(detail: &str) -> Error {
    Error::new(Kind::IdempotencyConflict, detail)
}
