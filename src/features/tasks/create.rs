//! A new task.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::{Place, ProjectRecord};
use crate::core::reference::{MaybeRef, Ref};
use crate::core::store::{Change, insert, one};
use crate::core::text::{Labels, Line, Prose};
use crate::core::time::{Day, DayWord};

use super::task::{Minutes, Priority, Task};
use super::todos::NewTodos;
use super::{TaskRecord, dependencies, labels, order, people, seen_for, todos};
use crate::features::crm::bridges;
use crate::features::projects::statuses::{self, StatusRecord, StatusType};

pub const OPERATIONS: &[Entry] = &[Entry::of::<CreateTask>()];

/// Add a task to a project.
/// From a follow-up: `crm.follow_up.create_task`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTask {
    /// Key, e.g. `WEB`.
    pub project_id: Ref<ProjectRecord>,
    /// In a line.
    pub title: Line<300>,
    /// Markdown.
    pub description: Option<Prose<100_000>>,
    /// Name, type or id; else the backlog.
    pub status: Option<Line<320>>,
    /// P1 is urgent; P2 if left out.
    pub priority: Option<Priority>,
    /// E-mail, name or `me`; else nobody.
    pub owner_id: Option<Ref<Account>>,
    /// Who else works on it: e-mails or names.
    pub participants: Option<Vec<Ref<Account>>>,
    /// e.g. `2027-03-01`, `friday`, `+3d`.
    pub due_date: Option<DayWord>,
    /// e.g. `monday`.
    pub start_date: Option<DayWord>,
    /// How long it takes.
    pub estimate_minutes: Option<Minutes>,
    /// e.g. `["bug"]`; made when missing.
    pub labels: Option<Labels>,
    /// A checklist, e.g. `[{"text":"Ask the bank"}]`.
    pub todos: Option<NewTodos>,
    /// The task it is a part of.
    pub parent_id: Option<Ref<TaskRecord>>,
    /// Done first, e.g. `["WEB-3"]`.
    pub depends_on: Option<Vec<Ref<TaskRecord>>>,
}

/// What guides call the fields of a task.
pub(super) const SYNONYMS: &[(&str, &str)] = &[
    ("project_id", "projectId"),
    ("statusId", "status"),
    ("assignee", "ownerId"),
    ("assigneeId", "ownerId"),
    ("assignee_id", "ownerId"),
    ("owner", "ownerId"),
    ("due_date", "dueDate"),
    ("start_date", "startDate"),
    ("parent_id", "parentId"),
];

impl CreateTask {
    /// Of that title in that project, and nothing else said yet.
    pub fn new(project: Ref<ProjectRecord>, title: Line<300>) -> Self {
        CreateTask {
            project_id: project,
            title,
            description: None,
            status: None,
            priority: None,
            owner_id: None,
            participants: None,
            due_date: None,
            start_date: None,
            estimate_minutes: None,
            labels: None,
            todos: None,
            parent_id: None,
            depends_on: None,
        }
    }
}

impl Operation for CreateTask {
    type Output = Task;
    const SPEC: Spec = Spec {
        name: "task.create",
        title: "Add a task",
        route: Route::post("/tasks"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Core,
        more: More { aliases: &["create_ticket", "create_task"], synonyms: SYNONYMS, ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Task> {
        let place = cx.project_for("projectId", &self.project_id)?;
        place.must_be_active()?;
        let (status, kind) = match &self.status {
            Some(text) => status_for(cx, "status", &place, text.as_str())?,
            None => first_status(cx, place.id)?,
        };
        let owner = self.owner_id.resolve_for("ownerId", cx)?;
        let participants = people::resolve(cx, "participants", &self.participants.unwrap_or_default())?;
        let (due, start) = (on(cx, self.due_date), on(cx, self.start_date));
        in_order(start, due)?;
        let parent = self.parent_id.map(|parent| parent_in(cx, &place, &parent)).transpose()?;
        let depends_on = dependencies::resolve(cx, "dependsOn", &self.depends_on.unwrap_or_default())?;

        let mut row = Change::of("task");
        row.set("workspace_id", cx.workspace_id())?
            .set("project_id", place.id)?
            .set("number", next_number(cx, place.id)?)?
            .set("status_id", status)?
            .set("completed_at", (kind == StatusType::Done).then(|| cx.now()))?
            .set("position", order::end(cx, place.id)?)?
            .set("parent_id", parent)?
            .set("owner_id", owner)?
            .set("created_by_id", cx.account_id())?
            .set("title", self.title)?
            .set("description", self.description)?
            .set("priority", self.priority.unwrap_or(Priority::P2))?
            .set("due_on", due)?
            .set("start_on", start)?
            .set("estimate_minutes", self.estimate_minutes)?;
        let id: Id<TaskRecord> = insert(cx, row)?;
        people::set(cx, id, owner, &participants, None, &[])?;
        labels::replace(cx, id, &place, &self.labels.unwrap_or_default())?;
        todos::add(cx, id, &self.todos.unwrap_or_default())?;
        for other in depends_on {
            dependencies::add(cx, id, other)?;
        }
        if kind == StatusType::Done {
            bridges::task_done(cx, id)?;
        }
        Task::by_id(cx, id)
    }
}

/// The number of the project's next task. It is used up even if the task goes again.
pub(super) fn next_number(tx: &Tx, project: Id<ProjectRecord>) -> Result<i64> {
    const NEXT: &str = "update project set task_count = task_count + 1 where id = ?1 returning task_count";
    one(tx.conn(), NEXT, [project], |row| row.take())
}

/// Where a task begins: the first status that is a backlog, else the first one.
pub(super) fn first_status(tx: &Tx, project: Id<ProjectRecord>) -> Result<(Id<StatusRecord>, StatusType)> {
    // Of which only the first row is read. With a limit SQLite would sort them in a B-tree, which costs more than all the rest.
    const FIRST: &str =
        "select id, type from task_status where project_id = ?1 order by type <> 'BACKLOG', position, id";
    one(tx.conn(), FIRST, [project], |row| Ok((row.take()?, row.take()?)))
}

/// A status of the project by id, name or type.
pub(super) fn status_for(tx: &Tx, field: &str, place: &Place, text: &str) -> Result<(Id<StatusRecord>, StatusType)> {
    let id = statuses::find_for(field, tx, place.id, text)?;
    let kind = one(tx.conn(), "select type from task_status where id = ?1", [id], |row| row.take())?;
    Ok((id, kind))
}

pub(super) fn on(tx: &Tx, day: Option<DayWord>) -> Option<Day> {
    day.map(|word| word.day(tx.today()))
}

pub(super) fn in_order(start: Option<Day>, due: Option<Day>) -> Result<()> {
    match start.zip(due).filter(|(start, due)| start > due) {
        Some((start, due)) => {
            Err(Error::field("startDate", format!("{start} is after dueDate {due}; begin before it is due")))
        }
        None => Ok(()),
    }
}

/// The task that shall have parts: of the same project.
pub(super) fn parent_in<O: Operation>(
    cx: &Cx<'_, O>,
    place: &Place,
    parent: &Ref<TaskRecord>,
) -> Result<Id<TaskRecord>> {
    let parent = seen_for(cx, "parentId", parent)?;
    if parent.place.id == place.id {
        return Ok(parent.id);
    }
    let message =
        format!("is a task of {}; a task and its sub-tasks are in one project, here {}", parent.place.key, place.key);
    Err(Error::field("parentId", message))
}
