//! Whose an account is. Somebody may have opened it before its person came: an owner by the link of an invitation, an
//! administrator by a password. Once a mailed link or the provider of single sign-on shows that the address belongs to who
//! is there, nothing is left of what was made before to those who made it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Account;
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::secret::TokenHash;
use crate::core::store::{Change, one, optional, run};
use crate::features::sessions::end_others;
use crate::features::two_factor;

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetLink>()];

/// What shows that an address belongs to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A link that went to the address and nowhere else.
    Mail,
    /// The provider has verified it; the account is linked to them by now.
    Provider,
}

/// The address is theirs. The first time that this is shown, everything ends that opens the account: password, sessions,
/// keys, connections, second factor, links. Tells whether it was the first time.
pub(super) fn prove(tx: &Tx, account: Id<Account>, by: Proof) -> Result<bool> {
    const PROVED: &str = "select email_proved_at is not null from account where id = ?1";
    const END_KEYS: &str = "
        update access_key set revoked_at = ?2, updated_at = ?2, version = version + 1
         where account_id = ?1 and revoked_at is null";
    if one(tx.conn(), PROVED, [account], |row| row.take())? {
        return Ok(false);
    }
    let mut row = Change::of("account");
    row.set("email_proved_at", tx.now())?.set("password_hash", None::<String>)?;
    row.update(tx, account)?;
    run(tx.conn(), END_KEYS, (account, tx.now()))?;
    two_factor::forget(tx, account)?;
    end_others(tx, account, None)?;
    run(tx.conn(), "delete from one_time_link where account_id = ?1 and used_at is null", [account])?;
    if by == Proof::Mail {
        // Somebody else may have signed in by the provider while the account had another address.
        run(tx.conn(), "delete from external_identity where account_id = ?1", [account])?;
    }
    Ok(true)
}

/// See what a link that works once will do, before it is used.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetLink {
    /// From the link.
    pub token: String,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkInfo {
    /// It is the first to show that the address is theirs: what was made for the account before ends.
    pub proves: bool,
    /// There are keys, connections or a second factor that end with it.
    pub ends_something: bool,
}
impl Answer for LinkInfo {}

impl Operation for GetLink {
    type Output = LinkInfo;
    const SPEC: Spec = Spec {
        name: "auth.link.info",
        title: "See what a link will do",
        route: None,
        needs: Needs::Public,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    /// Of a link that does not work nothing is said; using it tells why.
    fn execute(self, cx: &Cx<'_, Self>) -> Result<LinkInfo> {
        const FIND: &str = "
            select l.mailed and a.email_proved_at is null,
                   exists (select 1 from access_key k where k.account_id = a.id and k.revoked_at is null)
                     or exists (select 1 from second_factor f where f.account_id = a.id and f.confirmed_at is not null)
              from one_time_link l join account a on a.id = l.account_id
             where l.token_hash = ?1 and l.used_at is null and l.expires_at > ?2";
        let found = optional(cx.conn(), FIND, (TokenHash::of(&self.token), cx.now()), |row| {
            Ok(LinkInfo { proves: row.take()?, ends_something: row.take()? })
        })?;
        Ok(found.unwrap_or_default())
    }
}
