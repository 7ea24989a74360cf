//! Changing a task, moving it, giving it to somebody, putting it away.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result};
use crate::core::operation::{Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::patch::Patch;
use crate::core::place::ProjectRecord;
use crate::core::reference::Ref;
use crate::core::store::delete;
use crate::core::text::{Labels, Line, Prose};
use crate::core::time::DayWord;

use super::create::parent_in;
use super::edit::Edit;
use super::task::{Minutes, Priority, Task};
use super::{TaskRecord, people, seen};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<UpdateTask>(),
    Entry::of::<MoveTask>(),
    Entry::of::<AssignTask>(),
    Entry::of::<ArchiveTask>(),
    Entry::of::<DeleteTask>(),
];

/// Change a task.
/// Many alike: `task.batch_update`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateTask {
    /// Key or id.
    #[schemars(required)]
    pub task_id: Ref<TaskRecord>,
    /// In a line.
    pub title: Patch<Line<300>>,
    /// Markdown.
    pub description: Patch<Prose<100_000>>,
    /// Name, type or id.
    pub status: Patch<Line<320>>,
    /// P1 is urgent.
    pub priority: Patch<Priority>,
    /// E-mail, name or `me`.
    pub owner_id: Patch<Ref<Account>>,
    /// All others who work on it: e-mails or names.
    pub participants: Patch<Vec<Ref<Account>>>,
    /// e.g. `2027-03-01`, `friday`, `+3d`.
    pub due_date: Patch<DayWord>,
    /// e.g. `monday`.
    pub start_date: Patch<DayWord>,
    /// How long it takes.
    pub estimate_minutes: Patch<Minutes>,
    /// All of them, by name.
    pub labels: Patch<Labels>,
    /// The task it is a part of.
    pub parent_id: Patch<Ref<TaskRecord>>,
    /// Moves it there, with a new number.
    pub project_id: Patch<Ref<ProjectRecord>>,
    /// false brings it back.
    pub archived: Patch<bool>,
}

impl Operation for UpdateTask {
    type Output = Task;
    const SPEC: Spec = Spec {
        name: "task.update",
        title: "Change a task",
        route: Route::patch("/tasks/{taskId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Core,
        more: More {
            aliases: &["update_ticket", "update_task"],
            synonyms: &[
                ("ticket_id", "taskId"),
                ("task_id", "taskId"),
                ("project_id", "projectId"),
                ("statusId", "status"),
                ("assignee", "ownerId"),
                ("assigneeId", "ownerId"),
                ("assignee_id", "ownerId"),
                ("owner", "ownerId"),
                ("due_date", "dueDate"),
                ("start_date", "startDate"),
                ("parent_id", "parentId"),
            ],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Task> {
        let task = seen(cx, &self.task_id)?;
        let project = match self.project_id.never_cleared("projectId")? {
            Some(reference) => Some(cx.project_for("projectId", &reference)?).filter(|place| place.id != task.place.id),
            None => None,
        };
        if let Some(project) = &project {
            project.must_be_active()?;
        }
        let archived = self.archived.never_cleared("archived")?;
        if archived.is_some() {
            cx.must_permit::<ArchiveTask>()?;
        }
        let place = project.as_ref().unwrap_or(&task.place);
        let parent = self.parent_id.try_map(|parent| parent_in(cx, place, &parent))?;
        let today = cx.today();
        let edit = Edit {
            title: self.title.never_cleared("title")?,
            description: self.description,
            status: self.status.never_cleared("status")?.map(|text| ("status", text)),
            priority: self.priority.never_cleared("priority")?,
            owner: self.owner_id.resolve_for("ownerId", cx)?,
            participants: match self.participants.or_empty() {
                Patch::Set(people) => Some(people::resolve(cx, "participants", &people)?),
                _ => None,
            },
            due: self.due_date.map(|word| word.day(today)),
            start: self.start_date.map(|word| word.day(today)),
            estimate: self.estimate_minutes,
            labels: self.labels.or_empty().or(None),
            parent,
            project,
            archived,
            ..Edit::default()
        };
        edit.apply(cx, &task)?;
        Task::by_id(cx, task.id)
    }
}

/// Move a task to the end of another column.
/// Many: `task.batch_move`. To a place between cards: `task.reorder`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MoveTask {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// Name, type or id, e.g. `Review`.
    pub target_status: Line<320>,
}

impl Operation for MoveTask {
    type Output = Task;
    const SPEC: Spec = Spec {
        name: "task.move",
        title: "Move a task",
        route: Route::post("/tasks/{taskId}/move"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Core,
        more: More {
            aliases: &["transition_ticket"],
            synonyms: &[
                ("ticket_id", "taskId"),
                ("targetStatusId", "targetStatus"),
                ("statusId", "targetStatus"),
                ("status", "targetStatus"),
            ],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Task> {
        let task = seen(cx, &self.task_id)?;
        Edit { status: Some(("targetStatus", self.target_status)), ..Edit::default() }.apply(cx, &task)?;
        Task::by_id(cx, task.id)
    }
}

/// Say who works on a task.
/// With other changes: `task.update`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AssignTask {
    /// Key or id.
    #[schemars(required)]
    pub task_id: Ref<TaskRecord>,
    /// E-mail, name or `me`; null: nobody.
    pub owner_id: Patch<Ref<Account>>,
    /// All others who work on it: e-mails or names.
    pub participants: Patch<Vec<Ref<Account>>>,
}

impl Operation for AssignTask {
    type Output = Task;
    const SPEC: Spec = Spec {
        name: "task.assign",
        title: "Assign a task",
        route: Route::post("/tasks/{taskId}/assign"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More {
            aliases: &["assign_ticket"],
            synonyms: &[
                ("ticket_id", "taskId"),
                ("assignee", "ownerId"),
                ("assigneeId", "ownerId"),
                ("assignee_id", "ownerId"),
                ("owner", "ownerId"),
            ],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Task> {
        let task = seen(cx, &self.task_id)?;
        if self.owner_id.is_keep() && matches!(self.participants, Patch::Keep) {
            return Err(Error::field("ownerId", "is required; null takes the task from its owner"));
        }
        let participants = match self.participants.or_empty() {
            Patch::Set(people) => Some(people::resolve(cx, "participants", &people)?),
            _ => None,
        };
        let owner = self.owner_id.resolve_for("ownerId", cx)?;
        Edit { owner, participants, ..Edit::default() }.apply(cx, &task)?;
        Task::by_id(cx, task.id)
    }
}

/// Put a task away, or bring it back.
/// For good: `task.delete`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveTask {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
    /// false brings it back.
    pub archived: Option<bool>,
}

impl Operation for ArchiveTask {
    type Output = Task;
    const SPEC: Spec = Spec {
        name: "task.archive",
        title: "Archive a task",
        route: Route::post("/tasks/{taskId}/archive"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More { synonyms: &[("ticket_id", "taskId")], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Task> {
        let task = seen(cx, &self.task_id)?;
        Edit { archived: Some(self.archived.unwrap_or(true)), ..Edit::default() }.apply(cx, &task)?;
        Task::by_id(cx, task.id)
    }
}

/// Delete a task with its todos, comments and pictures. Its sub-tasks and time stay.
/// To keep it: `task.archive`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteTask {
    /// Key or id.
    pub task_id: Ref<TaskRecord>,
}

impl Operation for DeleteTask {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "task.delete",
        title: "Delete a task",
        route: Route::delete("/tasks/{taskId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Destructive,
        toolset: Toolset::Tasks,
        more: More { aliases: &["delete_ticket"], synonyms: &[("ticket_id", "taskId")], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let task = seen(cx, &self.task_id)?;
        delete(cx, "task", task.id)
    }
}
