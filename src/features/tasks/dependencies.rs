//! What must be done before what.

use rusqlite::named_params;

use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Cx, Operation, Tx};
use crate::core::place::{Sight, VISIBLE};
use crate::core::reference::Ref;
use crate::core::store::{Change, all, insert};

use super::TaskRecord;
use super::task::TaskLine;

/// The tasks that are meant, each once. Whoever names a task must see it, and may do with it what they may here.
pub(super) fn resolve<O: Operation>(
    cx: &Cx<'_, O>,
    field: &str,
    tasks: &[Ref<TaskRecord>],
) -> Result<Vec<Id<TaskRecord>>> {
    /// More than anybody waits for.
    const MOST: usize = 50;
    if tasks.len() > MOST {
        return Err(Error::field(field, format!("has {} tasks; at most {MOST} are possible", tasks.len())));
    }
    let mut found = Vec::with_capacity(tasks.len());
    for (place, task) in tasks.iter().enumerate() {
        let id = task.resolve_for(&format!("{field}[{place}]"), cx)?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

pub(super) fn add(tx: &Tx, task: Id<TaskRecord>, depends_on: Id<TaskRecord>) -> Result<()> {
    let mut row = Change::of("task_dependency");
    row.set("task_id", task)?.set("depends_on_id", depends_on)?;
    insert::<Dependency>(tx, row)?;
    Ok(())
}

/// A row of `task_dependency`; nobody outside ever sees its id.
struct Dependency;

/// In which direction to look.
#[derive(Clone, Copy)]
pub(super) enum Side {
    DependsOn,
    DependedOnBy,
}

/// The first hundred tasks on one side, as far as the caller sees them.
pub(super) fn lines(tx: &Tx, task: Id<TaskRecord>, side: Side) -> Result<Vec<TaskLine>> {
    let (mine, other) = match side {
        Side::DependsOn => ("task_id", "depends_on_id"),
        Side::DependedOnBy => ("depends_on_id", "task_id"),
    };
    let sql = format!(
        "select {} from task_dependency d
           cross join task t on t.id = d.{other}
           cross join project p on p.id = t.project_id
           cross join task_status s on s.id = t.status_id
          where d.{mine} = :task and {VISIBLE}
          order by d.id limit 100",
        TaskLine::COLUMNS
    );
    let Sight { all: sees_all, me, projects } = tx.sight();
    let parameters = named_params! { ":task": task, ":all": sees_all, ":me": me, ":projects": projects };
    all(tx.conn(), &sql, parameters, TaskLine::read)
}
