//! The task as everybody sees it: one query for its own columns, two for the labels and people of a whole page.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::Account;
use crate::core::error::{Error, Result};
use crate::core::id::{self, Id};
use crate::core::operation::{Answer, Tx};
use crate::core::page::Columns;
use crate::core::place::ProjectRecord;
use crate::core::reference::Named;
use crate::core::store::{all, optional};
use crate::core::time::{Day, Moment};

use super::TaskRecord;
use crate::features::projects::statuses::{StatusRecord, StatusType};

choices! {
    /// How much it matters: P1 before P2 before P3.
    pub enum Priority { P1 = "P1" | "URGENT" | "HIGH", P2 = "P2" | "NORMAL" | "MEDIUM", P3 = "P3" | "LOW" }
}

/// A positive number of minutes, up to a working year.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(inline)]
pub struct Minutes(#[schemars(range(min = 1, max = 200_000))] i64);

impl TryFrom<i64> for Minutes {
    type Error = String;
    fn try_from(minutes: i64) -> Result<Self, String> {
        match minutes {
            1..=200_000 => Ok(Minutes(minutes)),
            _ => Err(format!("must be a number of minutes from 1 to 200000, not {minutes}")),
        }
    }
}

impl rusqlite::ToSql for Minutes {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

/// Something to be done in a project.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub id: Id<TaskRecord>,
    /// `WEB-12`
    pub key: String,
    /// 12 in `WEB-12`; stays the same within the project.
    pub number: i64,
    pub title: String,
    /// Markdown. Cards of a board come without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    pub project_id: Id<ProjectRecord>,
    pub project: Named<ProjectRecord>,
    /// The status's name.
    pub status: String,
    pub status_id: Id<StatusRecord>,
    pub status_type: StatusType,
    pub priority: Priority,
    pub owner_id: Option<Id<Account>>,
    pub owner: Option<Named<Account>>,
    /// Everybody who works on it, the owner first.
    pub participants: Vec<Named<Account>>,
    pub due_date: Option<Day>,
    pub start_date: Option<Day>,
    pub estimate_minutes: Option<i64>,
    pub labels: Vec<String>,
    pub todo_progress: Progress,
    pub comment_count: i64,
    pub parent_id: Option<Id<TaskRecord>>,
    pub parent_key: Option<String>,
    /// Its place among the tasks of the project.
    pub position: i64,
    pub completed_at: Option<Moment>,
    pub archived_at: Option<Moment>,
    pub created_by_id: Option<Id<Account>>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
    /// Its page.
    pub url: String,
}

/// How many todos there are, and how many are done.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Progress {
    pub done: i64,
    pub total: i64,
}

impl Answer for Task {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/tasks/{}", self.id))
    }
}

pub(super) const COLUMNS: &str = "
    t.id, p.key, t.number, t.title, t.description, p.id, p.name, s.name, s.id, s.type, t.priority, a.id, a.name,
    t.due_on, t.start_on, t.estimate_minutes, t.todo_done_count, t.todo_count, t.comment_count,
    t.parent_id, parent.number, t.position, t.completed_at, t.archived_at, t.created_by_id,
    t.created_at, t.updated_at, t.version";

/// From the task on, whatever the filters: its index gives the order.
pub(super) const FROM: &str = "
    task t
    cross join project p on p.id = t.project_id
    cross join task_status s on s.id = t.status_id
    left join account a on a.id = t.owner_id
    left join task parent on parent.id = t.parent_id";

impl Task {
    /// Without what several rows hold: see [`Task::complete`].
    pub(super) fn read(row: &mut Columns<'_>) -> rusqlite::Result<Task> {
        let (id, project_key, number) = (row.take()?, row.take::<String>()?, row.take()?);
        let (title, description) = (row.take()?, row.take()?);
        let project = Named { id: row.take()?, name: row.take()? };
        let (status, status_id, status_type) = (row.take()?, row.take()?, row.take()?);
        let priority = row.take()?;
        let owner = Named::read(row)?;
        let (due_date, start_date, estimate_minutes) = (row.take()?, row.take()?, row.take()?);
        let todo_progress = Progress { done: row.take()?, total: row.take()? };
        let (comment_count, parent_id, parent_number) = (row.take()?, row.take()?, row.take::<Option<i64>>()?);
        let key = format!("{project_key}-{number}");
        Ok(Task {
            id,
            url: format!("/tasks/{key}"),
            key,
            number,
            title,
            description: Some(description),
            project_id: project.id,
            project,
            status,
            status_id,
            status_type,
            priority,
            owner_id: owner.as_ref().map(|named: &Named<Account>| named.id),
            participants: owner.iter().cloned().collect(),
            owner,
            due_date,
            start_date,
            estimate_minutes,
            labels: Vec::new(),
            todo_progress,
            comment_count,
            parent_id,
            // A parent is in the same project.
            parent_key: parent_number.map(|number| format!("{project_key}-{number}")),
            position: row.take()?,
            completed_at: row.take()?,
            archived_at: row.take()?,
            created_by_id: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    /// Gives the tasks of a page their labels and participants: two queries, however many there are.
    pub(super) fn complete(tx: &Tx, tasks: &mut [Task]) -> Result<()> {
        const LABELS: &str = "
            select o.task_id, o.id, l.name
              from json_each(?1) w cross join task_label o on o.task_id = w.value cross join label l on l.id = o.label_id";
        const PEOPLE: &str = "
            select o.task_id, o.id, a.id, a.name
              from json_each(?1) w cross join task_participant o on o.task_id = w.value cross join account a on a.id = o.account_id";
        if tasks.is_empty() {
            return Ok(());
        }
        let ids = id::array(tasks.iter().map(|task| task.id));
        // In the order of the tasks, and within each as they were given.
        let mut labels =
            all(tx.conn(), LABELS, [&ids], |row| Ok((row.take()?, row.take::<i64>()?, row.take::<String>()?)))?;
        let mut people = all(tx.conn(), PEOPLE, [&ids], |row| {
            Ok((row.take()?, row.take::<i64>()?, Named { id: row.take()?, name: row.take()? }))
        })?;
        labels.sort_unstable_by_key(|(_, id, _)| *id);
        people.sort_unstable_by_key(|(_, id, _)| *id);
        let places: std::collections::HashMap<Id<TaskRecord>, usize> =
            tasks.iter().enumerate().map(|(place, task)| (task.id, place)).collect();
        for (task, _, name) in labels {
            tasks[places[&task]].labels.push(name);
        }
        for (task, _, person) in people {
            tasks[places[&task]].participants.push(person);
        }
        Ok(())
    }

    pub(super) fn find(tx: &Tx, id: Id<TaskRecord>) -> Result<Option<Task>> {
        static FIND: LazyLock<String> = LazyLock::new(|| format!("select {COLUMNS} from {FROM} where t.id = ?1"));
        let Some(mut task) = optional(tx.conn(), &FIND, [id], Task::read)? else { return Ok(None) };
        Task::complete(tx, std::slice::from_mut(&mut task))?;
        Ok(Some(task))
    }

    pub(super) fn by_id(tx: &Tx, id: Id<TaskRecord>) -> Result<Task> {
        Task::find(tx, id)?.ok_or_else(|| Error::internal("a task just seen is gone"))
    }

    /// Many at once, in the order of the ids.
    pub(super) fn by_ids(tx: &Tx, wanted: &[Id<TaskRecord>]) -> Result<Vec<Task>> {
        static FIND: LazyLock<String> = LazyLock::new(|| {
            format!("select {COLUMNS} from json_each(?1) w cross join {FROM} where t.id = w.value order by w.key")
        });
        let mut tasks = all(tx.conn(), &FIND, [id::array(wanted.iter().copied())], Task::read)?;
        Task::complete(tx, &mut tasks)?;
        Ok(tasks)
    }
}

/// A task where another one points at it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskLine {
    pub id: Id<TaskRecord>,
    pub key: String,
    pub title: String,
    /// The status's name.
    pub status: String,
    pub status_type: StatusType,
}

impl TaskLine {
    pub const COLUMNS: &str = "t.id, p.key || '-' || t.number, t.title, s.name, s.type";

    pub fn read(row: &mut Columns<'_>) -> rusqlite::Result<TaskLine> {
        Ok(TaskLine {
            id: row.take()?,
            key: row.take()?,
            title: row.take()?,
            status: row.take()?,
            status_type: row.take()?,
        })
    }
}
