//! What changes on a task when somebody changes it: one way for updates, moves and batches.

use crate::core::caller::Account;
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Cx, Operation, Tx};
use crate::core::patch::Patch;
use crate::core::place::Place;
use crate::core::store::{Change, all, one, optional, run};
use crate::core::text::{Labels, Line, Prose};
use crate::core::time::{Day, Moment};
use crate::features::crm::bridges;
use crate::features::projects::labels::find_or_make;
use crate::features::projects::statuses::{StatusRecord, StatusType};

use super::create::{first_status, in_order, next_number, status_for};
use super::order::{self, Spot};
use super::task::{Minutes, Priority};
use super::{Seen, TaskRecord, labels, people};

/// The fields that change; what is left out stays. References are resolved, except those that differ from project to project.
#[derive(Default)]
pub(super) struct Edit {
    pub title: Option<Line<300>>,
    pub description: Patch<Prose<100_000>>,
    /// Another project, which the caller may put things into.
    pub project: Option<Place>,
    /// The field that names the status, and its name, id or type.
    pub status: Option<(&'static str, Line<320>)>,
    /// Where in its column; the end of a new one if left out.
    pub spot: Option<Spot>,
    pub priority: Option<Priority>,
    pub owner: Patch<Id<Account>>,
    pub participants: Option<Vec<Id<Account>>>,
    pub due: Patch<Day>,
    pub start: Patch<Day>,
    pub estimate: Patch<Minutes>,
    pub labels: Option<Labels>,
    pub add_labels: Labels,
    pub remove_labels: Labels,
    /// A task of the project that it will be in.
    pub parent: Patch<Id<TaskRecord>>,
    pub archived: Option<bool>,
}

/// What of a task decides how others of its columns change.
struct Before {
    status: Id<StatusRecord>,
    kind: StatusType,
    owner: Option<Id<Account>>,
    due: Option<Day>,
    start: Option<Day>,
    completed_at: Option<Moment>,
    is_archived: bool,
}

impl Before {
    fn of(tx: &Tx, task: Id<TaskRecord>) -> Result<Before> {
        const BEFORE: &str = "
            select t.status_id, s.type, t.owner_id, t.due_on, t.start_on, t.completed_at, t.archived_at is not null
              from task t cross join task_status s on s.id = t.status_id where t.id = ?1";
        one(tx.conn(), BEFORE, [task], |row| {
            Ok(Before {
                status: row.take()?,
                kind: row.take()?,
                owner: row.take()?,
                due: row.take()?,
                start: row.take()?,
                completed_at: row.take()?,
                is_archived: row.take()?,
            })
        })
    }
}

impl Edit {
    /// Changes the task: 412 unless the caller saw the version that is stored.
    pub(super) fn apply<O: Operation>(&self, cx: &Cx<'_, O>, task: &Seen) -> Result<()> {
        let id = task.id;
        let before = Before::of(cx, id)?;
        let mut row = Change::existing(cx, "task", id)?;
        let (due, start) = (self.due.clone().or(before.due), self.start.clone().or(before.start));
        if !self.due.is_keep() || !self.start.is_keep() {
            in_order(start, due)?;
        }
        row.patch("title", &self.title.clone().into())?
            .patch("description", &self.description)?
            .patch("priority", &self.priority.into())?
            .patch("owner_id", &self.owner)?
            .patch("due_on", &self.due)?
            .patch("start_on", &self.start)?
            .patch("estimate_minutes", &self.estimate)?;
        if let Some(project) = &self.project {
            self.leave_for(cx, id, project, &mut row)?;
        }
        self.set_parent(cx, id, &mut row)?;
        let is_finished = self.set_place(cx, task, &before, &mut row)?;
        let is_written = !row.is_empty();
        row.update(cx, id)?;
        let has_new_people = self.set_people(cx, id, &before)?;
        let has_new_labels = self.set_labels(cx, task)?;
        if !is_written && (has_new_people || has_new_labels) {
            Change::of("task").touch(cx, id)?;
        }
        if is_finished { bridges::task_done(cx, id) } else { Ok(()) }
    }

    /// What goes along into another project, and what stays: labels by name, comments and time; but neither parent nor parts,
    /// nor time that an owner has validated where it was spent.
    fn leave_for(&self, tx: &Tx, task: Id<TaskRecord>, project: &Place, row: &mut Change) -> Result<()> {
        const NAMES: &str = "
            select l.name from task_label o cross join label l on l.id = o.label_id where o.task_id = ?1 order by o.id";
        const PARTS: &str = "
            update task set parent_id = null, updated_at = ?2, version = version + 1 where parent_id = ?1";
        const TIME: &str = "
            update timesheet_entry set project_id = ?2, updated_at = ?3, version = version + 1
             where task_id = ?1 and validated = 0";
        const CLOCKS: &str = "
            update running_timer set project_id = ?2, updated_at = ?3, version = version + 1 where task_id = ?1";
        row.set("project_id", project.id)?.set("number", next_number(tx, project.id)?)?;
        if self.parent.is_keep() {
            row.set("parent_id", None::<i64>)?;
        }
        run(tx.conn(), PARTS, (task, tx.now()))?;
        run(tx.conn(), TIME, (task, project.id, tx.now()))?;
        run(tx.conn(), CLOCKS, (task, project.id, tx.now()))?;
        let names = Labels::of(all(tx.conn(), NAMES, [task], |row| row.take())?);
        labels::take(tx, task, &labels::on_task(tx, task)?)?;
        labels::put(tx, task, &find_or_make(tx, project, &names)?)
    }

    fn set_parent(&self, tx: &Tx, task: Id<TaskRecord>, row: &mut Change) -> Result<()> {
        const CHAIN: &str = "
            with recursive chain (id, steps) as (
              select ?1, 0 union all
              select t.parent_id, c.steps + 1 from chain c cross join task t on t.id = c.id
               where t.parent_id is not null and c.id <> ?2)
            select p.key || '-' || t.number, t.id from chain c cross join task t on t.id = c.id cross join project p on p.id = t.project_id
             order by c.steps";
        if let Patch::Set(parent) = &self.parent {
            let chain = all(tx.conn(), CHAIN, (parent, task), |row| {
                Ok((row.take::<String>()?, row.take::<Id<TaskRecord>>()?))
            })?;
            if let Some((key, _)) = chain.last().filter(|(_, id)| *id == task) {
                let path: Vec<&str> =
                    std::iter::once(key.as_str()).chain(chain.iter().map(|(key, _)| key.as_str())).collect();
                return Err(Error::conflict(format!("A task cannot be a part of itself: {}.", path.join(" → "))));
            }
        }
        row.patch("parent_id", &self.parent)?;
        Ok(())
    }

    /// Status and position go together: no two cards of a column stand in the same place. Answers whether it is done by it.
    fn set_place(&self, tx: &Tx, task: &Seen, before: &Before, row: &mut Change) -> Result<bool> {
        let project = self.project.as_ref().unwrap_or(&task.place);
        let (status, kind) = match (&self.status, &self.project) {
            (Some((field, text)), _) => status_for(tx, field, project, text.as_str())?,
            (None, Some(project)) => same_in(tx, project, before.kind)?,
            (None, None) => (before.status, before.kind),
        };
        row.archive(tx, self.archived)?;
        if status != before.status {
            row.set("status_id", status)?;
            let completed_at = (kind == StatusType::Done).then(|| before.completed_at.unwrap_or_else(|| tx.now()));
            if completed_at != before.completed_at {
                row.set("completed_at", completed_at)?;
            }
        }
        let position = match self.spot {
            Some(spot) => Some(order::place(tx, project.id, status, task.id, spot)?),
            None if status != before.status => Some(order::end(tx, project.id)?),
            None if before.is_archived && self.archived == Some(false) => {
                order::back_on_board(tx, project.id, task.id)?
            }
            None => None,
        };
        if let Some(position) = position {
            row.set("position", position)?;
        }
        Ok(kind == StatusType::Done && before.completed_at.is_none())
    }

    fn set_people(&self, tx: &Tx, task: Id<TaskRecord>, before: &Before) -> Result<bool> {
        if self.owner.is_keep() && self.participants.is_none() {
            return Ok(false);
        }
        let owner = self.owner.clone().or(before.owner);
        let others = people::others(tx, task)?;
        let wanted = self.participants.as_ref().unwrap_or(&others);
        people::set(tx, task, owner, wanted, before.owner, &others)
    }

    fn set_labels(&self, tx: &Tx, task: &Seen) -> Result<bool> {
        let project = self.project.as_ref().unwrap_or(&task.place);
        let mut changed = false;
        if let Some(wanted) = &self.labels {
            changed |= labels::replace(tx, task.id, project, wanted)?;
        }
        if !self.add_labels.is_empty() || !self.remove_labels.is_empty() {
            changed |= labels::add_and_remove(tx, task.id, project, &self.add_labels, &self.remove_labels)?;
        }
        Ok(changed)
    }
}

/// The status that means the same in another project, else where its tasks begin.
fn same_in(tx: &Tx, project: &Place, kind: StatusType) -> Result<(Id<StatusRecord>, StatusType)> {
    const SAME: &str = "
        select id, type from task_status where project_id = ?1 and type = ?2 order by position, id limit 1";
    let same = optional(tx.conn(), SAME, (project.id, kind), |row| Ok((row.take()?, row.take()?)))?;
    same.map_or_else(|| first_status(tx, project.id), Ok)
}
