//! Who works on a task: its owner, and others beside them.

use crate::core::caller::Account;
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::Tx;
use crate::core::reference::Ref;
use crate::core::store::{Change, all, insert, run};
use crate::features::notifications;

use super::TaskRecord;

/// More people than work on anything.
const MOST: usize = 50;

/// The accounts that are meant, each once.
pub(super) fn resolve(tx: &Tx, field: &str, people: &[Ref<Account>]) -> Result<Vec<Id<Account>>> {
    if people.len() > MOST {
        return Err(Error::field(field, format!("has {} people; at most {MOST} work on a task", people.len())));
    }
    let mut accounts = Vec::with_capacity(people.len());
    for (place, person) in people.iter().enumerate() {
        let account = person.resolve_for(&format!("{field}[{place}]"), tx)?;
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    Ok(accounts)
}

/// Those besides the owner, in the order they came.
pub(super) fn others(tx: &Tx, task: Id<TaskRecord>) -> Result<Vec<Id<Account>>> {
    const OTHERS: &str = "select account_id from task_participant where task_id = ?1 order by id";
    all(tx.conn(), OTHERS, [task], |row| row.take())
}

/// Writes down who works on the task besides its owner, and tells those who are new to it; answers whether anything about
/// its people changed. The owner's own column is the caller's to write, before.
pub(super) fn set(
    tx: &Tx,
    task: Id<TaskRecord>,
    owner: Option<Id<Account>>,
    wanted: &[Id<Account>],
    owner_before: Option<Id<Account>>,
    before: &[Id<Account>],
) -> Result<bool> {
    const REMOVE: &str = "delete from task_participant where task_id = ?1 and account_id = ?2";
    let stays = |account: &Id<Account>| wanted.contains(account) && Some(*account) != owner;
    let gone: Vec<_> = before.iter().filter(|account| !stays(account)).collect();
    let new: Vec<_> = wanted.iter().filter(|account| stays(account) && !before.contains(account)).collect();
    for account in &gone {
        run(tx.conn(), REMOVE, (task, *account))?;
    }
    for account in &new {
        let mut row = Change::of("task_participant");
        row.set("task_id", task)?.set("account_id", *account)?;
        insert::<Participant>(tx, row)?;
    }
    let given = owner.filter(|owner| owner_before != Some(*owner) && !before.contains(owner));
    let told: Vec<Id<Account>> = given.into_iter().chain(new.iter().map(|account| **account)).collect();
    notifications::assigned(tx, task, &told)?;
    Ok(!gone.is_empty() || !new.is_empty() || owner != owner_before)
}

/// A row of `task_participant`; nobody outside ever sees its id.
struct Participant;
