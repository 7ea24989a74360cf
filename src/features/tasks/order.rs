//! The order of tasks: numbers with gaps between them, unique within a column of the board.

use std::collections::HashSet;

use crate::core::error::{Error, FieldError, Result, quoted};
use crate::core::id::{self, Id};
use crate::core::operation::Tx;
use crate::core::place::ProjectRecord;
use crate::core::store::{all, one, optional, run};

use super::TaskRecord;
use crate::features::projects::statuses::StatusRecord;

/// Between neighbours: twenty tasks fit between two, one after the other in the same place, before the column is numbered anew.
const GAP: i64 = 1 << 20;

/// Where in its column a task is put.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spot {
    End,
    Before(Id<TaskRecord>),
    After(Id<TaskRecord>),
}

/// Behind everything in the project, so behind everything in each of its columns.
pub(super) fn end(tx: &Tx, project: Id<ProjectRecord>) -> Result<i64> {
    Ok(last(tx, project)?.map_or(0, |last| last + GAP))
}

fn last(tx: &Tx, project: Id<ProjectRecord>) -> Result<Option<i64>> {
    one(tx.conn(), "select max(position) from task where project_id = ?1", [project], |row| row.take())
}

/// A free place in the column. The neighbour that is named stands in the column, and is not the task that moves.
pub(super) fn place(
    tx: &Tx,
    project: Id<ProjectRecord>,
    column: Id<StatusRecord>,
    moving: Id<TaskRecord>,
    spot: Spot,
) -> Result<i64> {
    const PREVIOUS: &str = "
        select max(position) from task where status_id = ?1 and archived_at is null and position < ?2 and id <> ?3";
    const NEXT: &str = "
        select min(position) from task where status_id = ?1 and archived_at is null and position > ?2 and id <> ?3";
    let at =
        |id: Id<TaskRecord>| one(tx.conn(), "select position from task where id = ?1", [id], |row| row.take::<i64>());
    let beside =
        |sql: &str, position: i64| one(tx.conn(), sql, (column, position, moving), |row| row.take::<Option<i64>>());
    let free = |spot: Spot| -> Result<Option<i64>> {
        let (previous, next) = match spot {
            Spot::End => return end(tx, project).map(Some),
            Spot::Before(neighbour) => {
                let next = at(neighbour)?;
                (beside(PREVIOUS, next)?, Some(next))
            }
            Spot::After(neighbour) => {
                let previous = at(neighbour)?;
                (Some(previous), beside(NEXT, previous)?)
            }
        };
        Ok(match (previous, next) {
            (Some(previous), Some(next)) => (next - previous > 1).then(|| previous + (next - previous) / 2),
            (None, Some(next)) => Some(next - GAP),
            (Some(previous), None) => Some(previous + GAP),
            (None, None) => Some(end(tx, project)?),
        })
    };
    match free(spot)? {
        Some(position) => Ok(position),
        None => {
            arrange(tx, project, &column_in_order(tx, column)?)?;
            Ok(free(spot)?.expect("neighbours that were just numbered stand apart"))
        }
    }
}

/// The column's cards from top to bottom.
pub(super) fn column_in_order(tx: &Tx, column: Id<StatusRecord>) -> Result<Vec<Id<TaskRecord>>> {
    const CARDS: &str = "select id from task where status_id = ?1 and archived_at is null order by position";
    all(tx.conn(), CARDS, [column], |row| row.take())
}

/// Numbers tasks of one column anew in this order, past the project's end: every new position is higher than any old one,
/// so no two cards stand in one place at any moment. Their versions stay: nobody changed what is in them.
pub(super) fn arrange(tx: &Tx, project: Id<ProjectRecord>, order: &[Id<TaskRecord>]) -> Result<()> {
    const ARRANGE: &str = "
        update task set position = ?1 + o.key * ?2 from json_each(?3) o where task.id = o.value";
    run(tx.conn(), ARRANGE, (end(tx, project)?, GAP, id::array(order.iter().copied())))?;
    Ok(())
}

/// Moves all tasks of a column into another one of the project, behind everything there, in the order they have.
pub fn move_column(
    tx: &Tx,
    project: Id<ProjectRecord>,
    from: Id<StatusRecord>,
    to: Id<StatusRecord>,
    is_done: bool,
) -> Result<()> {
    const MOVE: &str = "
        update task
           set status_id = ?2,
               position = ?3 + moved.place * ?4,
               completed_at = iif(?5, ifnull(completed_at, ?6), null),
               updated_at = ?6, version = version + 1
          from (select id as task_id, row_number() over (order by position, id) - 1 as place from task where status_id = ?1) moved
         where id = moved.task_id";
    run(tx.conn(), MOVE, (from, to, end(tx, project)?, GAP, is_done, tx.now()))?;
    Ok(())
}

/// Where a card that comes back from the archive stands: in its old place, unless somebody took it.
pub(super) fn back_on_board(tx: &Tx, project: Id<ProjectRecord>, task: Id<TaskRecord>) -> Result<Option<i64>> {
    const TAKEN: &str = "
        select 1 from task t cross join task o on o.status_id = t.status_id and o.position = t.position
         where t.id = ?1 and o.archived_at is null and o.id <> t.id";
    match optional(tx.conn(), TAKEN, [task], |row| row.take::<i64>())? {
        Some(_) => end(tx, project).map(Some),
        None => Ok(None),
    }
}

/// A new order names everything that is there, each once; all that is missing, foreign or doubled is told.
pub(super) fn exactly(field: &str, wanted: &[&str], here: &[String]) -> Result<()> {
    /// More than anybody reads.
    const TOLD: usize = 10;
    let known: HashSet<&str> = here.iter().map(String::as_str).collect();
    let mut seen = HashSet::new();
    let mut mistakes = Vec::new();
    for (place, name) in wanted.iter().enumerate() {
        let message = match (known.contains(name), seen.insert(*name)) {
            (false, _) => format!("{} does not belong here", quoted(name)),
            (true, false) => format!("{} is named twice", quoted(name)),
            (true, true) => continue,
        };
        mistakes.push(FieldError { field: format!("{field}[{place}]"), message });
    }
    let missing = here.iter().filter(|name| !seen.contains(name.as_str()));
    mistakes
        .extend(missing.map(|name| FieldError { field: field.into(), message: format!("misses {}", quoted(name)) }));
    mistakes.truncate(TOLD);
    if mistakes.is_empty() { Ok(()) } else { Err(Error::fields(mistakes)) }
}
