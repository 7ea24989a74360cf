//! What must be done before what.

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::{Error, Result};
use crate::core::id::{self, Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::{Sight, VISIBLE};
use crate::core::reference::{Ref, Referable};
use crate::core::store::{Change, all, delete, insert, one, optional};
use crate::core::time::Moment;
use crate::features::projects::dependencies::{Graph, path_between};

use super::task::TaskLine;
use super::{TaskLink, TaskRecord, seen};

pub const OPERATIONS: &[Entry] =
    &[Entry::of::<AddDependency>(), Entry::of::<RemoveDependency>(), Entry::of::<ListWaiting>()];

#[derive(Debug, Clone, Copy)]
pub struct DependencyRecord;
impl Record for DependencyRecord {
    const PREFIX: &'static str = "tdep";
    const NOUN: &'static str = "dependency";
}

/// The tasks that are meant, each once. It is enough to see them.
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
    insert::<DependencyRecord>(tx, row)?;
    Ok(())
}

fn between(tx: &Tx, task: Id<TaskRecord>, other: Id<TaskRecord>) -> Result<Option<Id<DependencyRecord>>> {
    const BETWEEN: &str = "select id from task_dependency where task_id = ?1 and depends_on_id = ?2";
    optional(tx.conn(), BETWEEN, (task, other), |row| row.take())
}

/// In which direction to look.
#[derive(Clone, Copy)]
pub(super) enum Side {
    DependsOn,
    DependedOnBy,
}

/// The first hundred tasks on one side, as far as the caller sees them: oldest first, as the index has them.
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
          order by d.{other} limit 100",
        TaskLine::COLUMNS
    );
    let Sight { all: sees_all, me, projects } = tx.sight();
    let parameters = named_params! { ":task": task, ":all": sees_all, ":me": me, ":projects": projects };
    all(tx.conn(), &sql, parameters, TaskLine::read)
}

/// One task waits for another.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    pub id: Id<DependencyRecord>,
    /// The one that waits.
    pub task: TaskLine,
    /// What it waits for.
    pub depends_on: TaskLine,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Dependency {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

/// Let a task wait for another one of the workspace.
/// Between projects: `project.dependency.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddDependency {
    /// The task that waits.
    pub task_id: Ref<TaskRecord>,
    /// What must be done first.
    pub depends_on_id: Ref<TaskRecord>,
}

impl Operation for AddDependency {
    type Output = Dependency;
    const SPEC: Spec = Spec {
        name: "task.dependency.add",
        title: "Add a dependency",
        route: Route::post("/tasks/{taskId}/dependencies"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Tasks,
        more: More { aliases: &["task.dependencies.add"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Dependency> {
        let task = seen(cx, &self.task_id)?;
        task.place.must_be_active()?;
        let other = self.depends_on_id.resolve_for("dependsOnId", cx)?;
        if other == task.id {
            return Err(Error::field("dependsOnId", "is the task itself; name another one"));
        }
        if between(cx, task.id, other)?.is_some() {
            return Err(Error::conflict(format!("{} waits for it already.", line(cx, task.id)?.key)));
        }
        if let Some(path) = path_between(cx, Graph::Tasks, other, task.id)? {
            return Err(Error::conflict(format!("That would close a cycle: {}.", told(cx, task.id, &path)?)));
        }
        add(cx, task.id, other)?;
        const ADDED: &str = "
            select id, created_at, updated_at, version from task_dependency where task_id = ?1 and depends_on_id = ?2";
        let (task, depends_on) = (line(cx, task.id)?, line(cx, other)?);
        one(cx.conn(), ADDED, (task.id, other), |row| {
            Ok(Dependency {
                id: row.take()?,
                created_at: row.take()?,
                updated_at: row.take()?,
                version: row.take()?,
                task,
                depends_on,
            })
        })
    }
}

fn line(tx: &Tx, task: Id<TaskRecord>) -> Result<TaskLine> {
    let sql = format!(
        "select {} from task t cross join project p on p.id = t.project_id cross join task_status s on s.id = t.status_id
          where t.id = ?1",
        TaskLine::COLUMNS
    );
    one(tx.conn(), &sql, [task], TaskLine::read)
}

/// `WEB-1 → WEB-5 → WEB-1`; what the caller may not see is `…`.
fn told(tx: &Tx, start: Id<TaskRecord>, path: &[Id<TaskRecord>]) -> Result<String> {
    let mut keys = Vec::with_capacity(path.len() + 1);
    for id in std::iter::once(&start).chain(path) {
        keys.push(if TaskRecord::exists(tx, *id)? { line(tx, *id)?.key } else { "…".to_owned() });
    }
    Ok(keys.join(" → "))
}

/// Let a task no longer wait for another one.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveDependency {
    /// The task that waits.
    pub task_id: Ref<TaskRecord>,
    /// What it no longer waits for.
    pub depends_on_id: Ref<TaskRecord>,
}

impl Operation for RemoveDependency {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "task.dependency.remove",
        title: "Remove a dependency",
        route: Route::delete("/tasks/{taskId}/dependencies/{dependsOnId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Destructive,
        toolset: Toolset::Tasks,
        more: More { aliases: &["task.dependencies.remove"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let task = seen(cx, &self.task_id)?;
        let other = self.depends_on_id.resolve_for("dependsOnId", cx)?;
        let known =
            between(cx, task.id, other)?.ok_or_else(|| Error::not_found("dependency on", self.depends_on_id.text()))?;
        delete(cx, "task_dependency", known)
    }
}

/// Which of your open tasks wait for another one that is not done yet.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListWaiting {
    /// Those that a page is about to show.
    #[serde(skip)]
    pub task_ids: Vec<Id<TaskRecord>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    pub task_id: Id<TaskRecord>,
    /// What has to be done before: the oldest, of several.
    pub waits_for: TaskLink,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllWaiting {
    pub items: Vec<Waiting>,
}
impl Answer for AllWaiting {}

impl Operation for ListWaiting {
    type Output = AllWaiting;
    const SPEC: Spec = Spec {
        name: "task.waiting",
        title: "List what my tasks wait for",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Tasks,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<AllWaiting> {
        // Of each task the row with the smallest id of another one.
        static WAITING: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select t.id, min(o.id), p.key || '-' || o.number, o.title, p.id
                   from json_each(:tasks) w
                   cross join task t on t.id = w.value
                   cross join task_dependency d on d.task_id = t.id
                   cross join task o on o.id = d.depends_on_id
                   cross join project p on p.id = o.project_id
                  where t.workspace_id = :workspace and t.completed_at is null and t.archived_at is null
                    and (t.owner_id = :me or exists (select 1 from task_participant where task_id = t.id and account_id = :me))
                    and o.completed_at is null and o.archived_at is null and {VISIBLE}
                  group by t.id"
            )
        });
        let Sight { all: sees_all, me, projects } = cx.sight();
        let parameters = named_params! {
            ":tasks": id::array(self.task_ids), ":workspace": cx.workspace_id(),
            ":all": sees_all, ":me": me, ":projects": projects,
        };
        let items = all(cx.conn(), &WAITING, parameters, |row| {
            let task_id = row.take()?;
            // Four columns of tables that are joined for certain.
            let (id, key, title, project_id) = (row.take()?, row.take()?, row.take()?, row.take()?);
            Ok(Waiting { task_id, waits_for: TaskLink { id, key, title, project_id } })
        })?;
        Ok(AllWaiting { items })
    }
}
