//! Many tasks changed alike: all of them or none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::core::text::{Labels, Line};
use crate::core::time::DayWord;

use super::edit::Edit;
use super::task::{Priority, Task};
use super::update::ArchiveTask;
use super::{TaskRecord, seen_for};

/// How many at a time.
pub const MOST: usize = 200;

pub const OPERATIONS: &[Entry] = &[Entry::of::<BatchUpdate>(), Entry::of::<BatchMove>()];

/// What was changed, in the order it was named.
#[derive(Serialize, JsonSchema)]
pub struct Changed {
    pub items: Vec<Task>,
}
impl Answer for Changed {}

/// Change up to 200 tasks alike: all of them or none.
/// One task: `task.update`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchUpdate {
    /// e.g. `["WEB-3","WEB-7"]`.
    #[schemars(length(min = 1, max = 200))]
    pub task_ids: Vec<Ref<TaskRecord>>,
    /// Name, type or id.
    #[serde(default)]
    pub status: Patch<Line<320>>,
    /// P1 is urgent.
    #[serde(default)]
    pub priority: Patch<Priority>,
    /// E-mail, name or `me`; null: nobody.
    #[serde(default)]
    pub owner_id: Patch<Ref<Account>>,
    /// e.g. `2027-03-01`, `friday`, `+3d`; null: none.
    #[serde(default)]
    pub due_date: Patch<DayWord>,
    /// All of them, by name.
    #[serde(default)]
    pub labels: Patch<Labels>,
    /// Labels they get in addition.
    pub add_labels: Option<Labels>,
    /// Labels they lose.
    pub remove_labels: Option<Labels>,
    /// false brings them back.
    #[serde(default)]
    pub archived: Patch<bool>,
}

impl Operation for BatchUpdate {
    type Output = Changed;
    const SPEC: Spec = Spec {
        name: "task.batch_update",
        title: "Change many tasks",
        route: Route::post("/tasks/batch-update"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More {
            aliases: &["batch_update_tickets"],
            synonyms: &[
                ("ticket_ids", "taskIds"),
                ("statusId", "status"),
                ("assignee", "ownerId"),
                ("assigneeId", "ownerId"),
                ("assignee_id", "ownerId"),
                ("owner", "ownerId"),
                ("due_date", "dueDate"),
            ],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Changed> {
        let archived = self.archived.never_cleared("archived")?;
        if archived.is_some() {
            cx.must_permit::<ArchiveTask>()?;
        }
        let today = cx.today();
        let edit = Edit {
            status: self.status.never_cleared("status")?.map(|text| ("status", text)),
            priority: self.priority.never_cleared("priority")?,
            owner: self.owner_id.resolve_for("ownerId", cx)?,
            due: self.due_date.map(|word| word.day(today)),
            labels: self.labels.or_empty().or(None),
            add_labels: self.add_labels.unwrap_or_default(),
            remove_labels: self.remove_labels.unwrap_or_default(),
            archived,
            ..Edit::default()
        };
        apply_to_all(cx, &self.task_ids, &edit)
    }
}

/// Move up to 200 tasks to the ends of columns of their projects: all of them or none.
/// One task: `task.move`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchMove {
    /// e.g. `["WEB-3","WEB-7"]`.
    #[schemars(length(min = 1, max = 200))]
    pub task_ids: Vec<Ref<TaskRecord>>,
    /// Name or type, in each of their projects.
    pub target_status: Line<320>,
}

impl Operation for BatchMove {
    type Output = Changed;
    const SPEC: Spec = Spec {
        name: "task.batch_move",
        title: "Move many tasks",
        route: Route::post("/tasks/batch-move"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More {
            aliases: &["batch_transition"],
            synonyms: &[
                ("ticket_ids", "taskIds"),
                ("targetStatusId", "targetStatus"),
                ("statusId", "targetStatus"),
                ("status", "targetStatus"),
            ],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Changed> {
        let edit = Edit { status: Some(("targetStatus", self.target_status)), ..Edit::default() };
        apply_to_all(cx, &self.task_ids, &edit)
    }
}

/// The first one that cannot be changed is named, and nothing is written.
fn apply_to_all<O: Operation>(cx: &Cx<'_, O>, tasks: &[Ref<TaskRecord>], edit: &Edit) -> Result<Changed> {
    if tasks.is_empty() || tasks.len() > MOST {
        return Err(Error::field("taskIds", format!("must name 1 to {MOST} tasks, not {}", tasks.len())));
    }
    let mut done: Vec<Id<TaskRecord>> = Vec::with_capacity(tasks.len());
    for (place, reference) in tasks.iter().enumerate() {
        let field = format!("taskIds[{place}]");
        let changed = seen_for(cx, &field, reference).and_then(|task| {
            if done.contains(&task.id) {
                return Err(Error::field(&field, "is named twice"));
            }
            edit.apply(cx, &task).map(|()| task.id)
        });
        done.push(changed.map_err(|error| error.of_one(&field, reference.text()))?);
    }
    Ok(Changed { items: Task::by_ids(cx, &done)? })
}
