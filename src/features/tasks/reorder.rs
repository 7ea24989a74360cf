//! Putting a task into its place on the board.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::core::caller::Role;
use crate::core::error::{Error, Result, quoted};
use crate::core::id::Id;
use crate::core::operation::{Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::{Place, ProjectRecord};
use crate::core::reference::Ref;
use crate::core::store::{one, optional};
use crate::core::text::Line;
use crate::features::projects::statuses::{self, StatusRecord};

use super::edit::Edit;
use super::order::{self, Spot};
use super::task::Task;
use super::{Seen, TaskRecord, parse_key, seen_for};

pub const OPERATIONS: &[Entry] = &[Entry::of::<ReorderTasks>()];

/// Put a task before or after another one, in its column or another; else to the end. Or order a whole column.
/// To the end of a column: `task.move`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReorderTasks {
    /// The task that moves, unless `orderedTaskIds` are given.
    pub task_id: Option<Ref<TaskRecord>>,
    /// Its new column: name, type or id.
    pub target_status_id: Option<Line<320>>,
    /// The card right below it.
    pub before_id: Option<Ref<TaskRecord>>,
    /// The card right above it.
    pub after_id: Option<Ref<TaskRecord>>,
    /// All cards of the column in the new order: keys or ids.
    pub ordered_task_ids: Option<Vec<Ref<TaskRecord>>>,
    /// Its project, to check.
    pub project_id: Option<Ref<ProjectRecord>>,
}

impl Operation for ReorderTasks {
    type Output = Task;
    const SPEC: Spec = Spec {
        name: "task.reorder",
        title: "Reorder tasks",
        route: Route::post("/tasks/reorder"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More {
            aliases: &["project.tasks.reorder"],
            synonyms: &[("targetStatus", "targetStatusId")],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Task> {
        let task = self.moving(cx)?;
        if let Some(project) = &self.project_id
            && cx.project_for("projectId", project)?.id != task.place.id
        {
            return Err(Error::field("projectId", format!("is another project than the task's, {}", task.place.key)));
        }
        let (status, is_archived) = standing(cx, task.id)?;
        if is_archived {
            return Err(Error::conflict("The task is archived; bring it back with task.archive and archived: false."));
        }
        let column = match &self.target_status_id {
            Some(text) => statuses::find_for("targetStatusId", cx, task.place.id, text.as_str())?,
            None => status,
        };
        let spot = match (&self.before_id, &self.after_id, &self.ordered_task_ids) {
            (None, None, _) => Spot::End,
            (Some(next), None, None) => Spot::Before(neighbour(cx, "beforeId", next, task.id, column)?),
            (None, Some(previous), None) => Spot::After(neighbour(cx, "afterId", previous, task.id, column)?),
            _ => return Err(Error::field("beforeId", "give one of beforeId, afterId and orderedTaskIds")),
        };
        let order = match &self.ordered_task_ids {
            Some(names) => {
                let mut cards = order::column_in_order(cx, column)?;
                if column != status {
                    cards.push(task.id);
                }
                Some(in_order(cx, &task.place, names, &cards)?)
            }
            None => None,
        };
        let id = task.id;
        if order.is_none() || column != status {
            let target = Line::parse(&column.to_string()).expect("an id is a line");
            let edit = Edit { status: Some(("targetStatusId", target)), spot: Some(spot), ..Edit::default() };
            edit.apply(cx, &task)?;
        }
        if let Some(order) = order {
            order::arrange(cx, task.place.id, &order)?;
        }
        Task::by_id(cx, id)
    }
}

impl ReorderTasks {
    /// The task that moves, or the first one of the column that is put in order.
    fn moving(&self, cx: &Cx<'_, Self>) -> Result<Seen> {
        match (&self.task_id, self.ordered_task_ids.as_deref()) {
            (Some(task), _) => seen_for(cx, "taskId", task),
            (None, Some([first, ..])) => seen_for(cx, "orderedTaskIds[0]", first),
            _ => Err(Error::field("taskId", "is required, unless orderedTaskIds names the cards of a column")),
        }
    }
}

/// Its column, and whether it is put away.
fn standing(tx: &Tx, task: Id<TaskRecord>) -> Result<(Id<StatusRecord>, bool)> {
    const STANDING: &str = "select status_id, archived_at is not null from task where id = ?1";
    one(tx.conn(), STANDING, [task], |row| Ok((row.take()?, row.take()?)))
}

/// Another card of the column.
fn neighbour(
    cx: &Cx<'_, ReorderTasks>,
    field: &str,
    reference: &Ref<TaskRecord>,
    moving: Id<TaskRecord>,
    column: Id<StatusRecord>,
) -> Result<Id<TaskRecord>> {
    let id = seen_for(cx, field, reference)?.id;
    if id == moving {
        return Err(Error::field(field, "is the task that moves; name another one"));
    }
    if standing(cx, id)? != (column, false) {
        return Err(Error::field(field, format!("{} is no card of that column", quoted(reference.text()))));
    }
    Ok(id)
}

/// The cards in the order that was asked for, which names exactly them: by id or key.
fn in_order(
    tx: &Tx,
    place: &Place,
    names: &[Ref<TaskRecord>],
    cards: &[Id<TaskRecord>],
) -> Result<Vec<Id<TaskRecord>>> {
    const NUMBERED: &str = "select id from task where project_id = ?1 and number = ?2";
    // Of more names than there are cards some are wrong already; each one takes a look-up while other writes wait.
    let names = &names[..names.len().min(cards.len() + 10)];
    let mut wanted = Vec::with_capacity(names.len());
    for name in names {
        let numbered = parse_key(name.text()).filter(|(key, _)| *key == place.key);
        wanted.push(match numbered {
            Some((_, number)) => {
                let id = optional(tx.conn(), NUMBERED, (place.id, number), |row| row.take())?;
                id.map_or_else(|| name.text().to_owned(), |id: Id<TaskRecord>| id.to_string())
            }
            None => name.text().to_owned(),
        });
    }
    let cards: Vec<String> = cards.iter().map(Id::to_string).collect();
    let texts: Vec<&str> = wanted.iter().map(String::as_str).collect();
    order::exactly("orderedTaskIds", &texts, &cards)?;
    Ok(texts.iter().filter_map(|text| Id::parse(text)).collect())
}
