//! One task with everything around it.

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Agent, Role};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::ProjectRecord;
use crate::core::reference::{Named, Ref};
use crate::core::store::all;
use crate::core::time::Moment;
use crate::features::comments::CommentRecord;
use crate::features::crm::bridges::{self, LinkedDeal, LinkedFollowUp};
use crate::features::timesheets::report::Sums;

use super::dependencies::{self, Side};
use super::task::{Task, TaskLine};
use super::todos::{self, Todo};
use super::{Seen, TaskRecord, seen};

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetTask>()];

/// Read a task with its todos, dependencies, sub-tasks, newest comments and time.
/// What changed: `task.activity`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetTask {
    /// Key, e.g. `WEB-12`, id or address.
    pub task_id: Option<Ref<TaskRecord>>,
    /// Instead: its project …
    pub project_id: Option<Ref<ProjectRecord>>,
    /// Its number there, e.g. 12.
    pub number: Option<i64>,
}

impl GetTask {
    fn seen(&self, cx: &Cx<'_, Self>) -> Result<Seen> {
        let place = self.project_id.as_ref().map(|project| cx.project_for("projectId", project)).transpose()?;
        match (&self.task_id, place, self.number) {
            (Some(task), place, None) => {
                let task = seen(cx, task)?;
                match place.filter(|place| place.id != task.place.id) {
                    None => Ok(task),
                    Some(_) => Err(Error::field("projectId", format!("is not the task's project, {}", task.place.key))),
                }
            }
            (None, Some(place), Some(number)) => seen(cx, &Ref::new(format!("{}-{number}", place.key))),
            _ => Err(Error::field("taskId", "name the task by taskId, or by projectId and number")),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDetail {
    #[serde(flatten)]
    pub task: Task,
    pub todos: Vec<Todo>,
    /// What must be done before it.
    pub depends_on: Vec<TaskLine>,
    /// What waits for it.
    pub depended_on_by: Vec<TaskLine>,
    pub sub_tasks: Vec<TaskLine>,
    /// The newest 25.
    pub comments: Vec<Remark>,
    /// Time logged on it, by everybody.
    pub time_summary: Sums,
    /// The newest deal that its project is linked with.
    pub deal: Option<LinkedDeal>,
    /// The follow-up that it was made from.
    pub follow_up: Option<LinkedFollowUp>,
}

impl Answer for TaskDetail {
    fn version(&self) -> Option<i64> {
        Some(self.task.version)
    }
}

/// A comment, as a task shows it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remark {
    pub id: Id<CommentRecord>,
    /// Markdown.
    pub body: String,
    pub author: Option<Named<Account>>,
    pub agent: Option<Named<Agent>>,
    pub created_at: Moment,
    pub edited_at: Option<Moment>,
}

impl Operation for GetTask {
    type Output = TaskDetail;
    const SPEC: Spec = Spec {
        name: "task.get",
        title: "Read a task",
        route: Route::get("/tasks/{taskId}"),
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More {
            aliases: &["get_ticket", "get_task", "task.getByNumber"],
            synonyms: TICKET,
            path_is_optional: true,
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<TaskDetail> {
        let id = self.seen(cx)?.id;
        let task = Task::by_id(cx, id)?;
        Ok(TaskDetail {
            todos: todos::of(cx, id)?,
            depends_on: dependencies::lines(cx, id, Side::DependsOn)?,
            depended_on_by: dependencies::lines(cx, id, Side::DependedOnBy)?,
            sub_tasks: sub_tasks(cx, id)?,
            comments: newest_comments(cx, id)?,
            time_summary: Sums::of_task(cx, id)?,
            deal: bridges::deals_of(cx, task.project_id, 1)?.pop(),
            follow_up: bridges::follow_up_of(cx, id)?,
            task,
        })
    }
}

/// What other systems' guides call a task.
const TICKET: &[(&str, &str)] = &[("ticket_id", "taskId"), ("task_id", "taskId")];

/// The first hundred.
fn sub_tasks(tx: &Tx, task: Id<TaskRecord>) -> Result<Vec<TaskLine>> {
    let sql = format!(
        "select {} from task t cross join project p on p.id = t.project_id cross join task_status s on s.id = t.status_id
          where t.parent_id = :task order by t.id limit 100",
        TaskLine::COLUMNS
    );
    all(tx.conn(), &sql, named_params! { ":task": task }, TaskLine::read)
}

fn newest_comments(tx: &Tx, task: Id<TaskRecord>) -> Result<Vec<Remark>> {
    const NEWEST: &str = "
        select c.id, c.body, a.id, a.name, g.id, g.name, c.created_at, c.edited_at
          from comment c left join account a on a.id = c.author_id left join agent g on g.id = c.agent_id
         where c.task_id = ?1 order by c.id desc limit 25";
    all(tx.conn(), NEWEST, [task], |row| {
        Ok(Remark {
            id: row.take()?,
            body: row.take()?,
            author: Named::read(row)?,
            agent: Named::read(row)?,
            created_at: row.take()?,
            edited_at: row.take()?,
        })
    })
}
