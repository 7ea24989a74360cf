//! Who works on a task: its owner, and others beside them.

use crate::core::caller::Account;
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::Tx;
use crate::core::reference::Ref;
use crate::core::store::{Change, all, insert, run};

use super::TaskRecord;

/// More people than work on anything.
const MOST: usize = 50;

/// The accounts that are meant, each once; every mistake told at once.
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

/// Makes these the participants besides the owner.
pub(super) fn set_participants(
    tx: &Tx,
    task: Id<TaskRecord>,
    owner: Option<Id<Account>>,
    people: &[Id<Account>],
) -> Result<()> {
    const NOW: &str = "select account_id from task_participant where task_id = ?1";
    const REMOVE: &str = "delete from task_participant where task_id = ?1 and account_id = ?2";
    let before: Vec<Id<Account>> = all(tx.conn(), NOW, [task], |row| row.take())?;
    let wanted = |account: &Id<Account>| people.contains(account) && Some(*account) != owner;
    for gone in before.iter().filter(|account| !wanted(account)) {
        run(tx.conn(), REMOVE, (task, gone))?;
    }
    for new in people.iter().filter(|account| wanted(account) && !before.contains(account)) {
        let mut row = Change::of("task_participant");
        row.set("task_id", task)?.set("account_id", *new)?;
        insert::<Participant>(tx, row)?;
    }
    Ok(())
}

/// A row of `task_participant`; nobody outside ever sees its id.
struct Participant;
