//! The labels of a task.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::core::caller::Role;
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::operation::{Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::Place;
use crate::core::reference::Ref;
use crate::core::store::{Change, all, insert, run};
use crate::core::text::Labels;

use super::task::Task;
use super::{TaskRecord, seen};
use crate::features::projects::labels::{LabelRecord, find_or_make};

pub const OPERATIONS: &[Entry] = &[Entry::of::<UpdateLabels>()];

/// Replace a task's labels.
/// To add or take off some: `task.batch_update`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateLabels {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// All of them, by name; made when missing.
    pub labels: Labels,
}

impl Operation for UpdateLabels {
    type Output = Task;
    const SPEC: Spec = Spec {
        name: "task.labels.update",
        title: "Replace a task's labels",
        route: Route::patch("/tasks/{taskId}/labels"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Task> {
        let task = seen(cx, &self.task_id)?;
        let row = Change::existing(cx, "task", task.id)?;
        if replace(cx, task.id, &task.place, &self.labels)? {
            row.touch(cx, task.id)?;
        }
        Task::by_id(cx, task.id)
    }
}

/// Makes these the task's labels; answers whether that changed any.
pub(super) fn replace(tx: &Tx, task: Id<TaskRecord>, place: &Place, labels: &Labels) -> Result<bool> {
    let wanted = find_or_make(tx, place, labels)?;
    let before = on_task(tx, task)?;
    let gone: Vec<_> = before.iter().filter(|label| !wanted.contains(label)).copied().collect();
    let new: Vec<_> = wanted.iter().filter(|label| !before.contains(label)).copied().collect();
    take(tx, task, &gone)?;
    put(tx, task, &new)?;
    Ok(!gone.is_empty() || !new.is_empty())
}

/// Adds some and takes away others; answers whether that changed any.
pub(super) fn add_and_remove(
    tx: &Tx,
    task: Id<TaskRecord>,
    place: &Place,
    more: &Labels,
    less: &Labels,
) -> Result<bool> {
    const REMOVE: &str = "
        delete from task_label where task_id = ?1
           and label_id in (select id from label where project_id = ?2 and (name = ?3 collate nocase or id = ?4))";
    let before = on_task(tx, task)?;
    let mut new = find_or_make(tx, place, more)?;
    new.retain(|label| !before.contains(label));
    put(tx, task, &new)?;
    let mut removed = 0;
    for name in less.iter() {
        removed += run(tx.conn(), REMOVE, (task, place.id, name, Id::<LabelRecord>::parse(name)))?;
    }
    Ok(!new.is_empty() || removed > 0)
}

pub(super) fn on_task(tx: &Tx, task: Id<TaskRecord>) -> Result<Vec<Id<LabelRecord>>> {
    all(tx.conn(), "select label_id from task_label where task_id = ?1", [task], |row| row.take())
}

pub(super) fn put(tx: &Tx, task: Id<TaskRecord>, labels: &[Id<LabelRecord>]) -> Result<()> {
    for label in labels {
        let mut row = Change::of("task_label");
        row.set("task_id", task)?.set("label_id", *label)?;
        insert::<Labelling>(tx, row)?;
    }
    Ok(())
}

pub(super) fn take(tx: &Tx, task: Id<TaskRecord>, labels: &[Id<LabelRecord>]) -> Result<()> {
    for label in labels {
        run(tx.conn(), "delete from task_label where task_id = ?1 and label_id = ?2", (task, label))?;
    }
    Ok(())
}

/// A row of `task_label`; nobody outside ever sees its id.
struct Labelling;
