//! Tasks: what is to be done in a project.

pub mod batch;
pub mod board;
pub mod create;
pub mod dependencies;
mod edit;
pub mod get;
pub mod images;
pub mod labels;
pub mod list;
pub mod order;
mod people;
pub mod reorder;
pub mod task;
pub mod todos;
pub mod update;

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::Serialize;

use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Cx, Operation, Tx};
use crate::core::page::Columns;
use crate::core::place::{Place, ProjectRecord, Sight, VISIBLE};
use crate::core::reference::{Ref, Referable};
use crate::core::store::{all, optional};

#[derive(Debug, Clone, Copy)]
pub struct TaskRecord;
impl Record for TaskRecord {
    const PREFIX: &'static str = "task";
    const NOUN: &'static str = "task";
}

/// A task where another record points at it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TaskLink {
    pub id: Id<TaskRecord>,
    /// `WEB-12`
    pub key: String,
    pub title: String,
    #[serde(skip)]
    pub project_id: Id<ProjectRecord>,
}

impl TaskLink {
    /// Four columns of a left join of `task t` and its project `tp`: `t.id, tp.key || '-' || t.number, t.title, tp.id`.
    pub fn read(row: &mut Columns<'_>) -> rusqlite::Result<Option<Self>> {
        let (id, key, title, project) = (row.take()?, row.take()?, row.take()?, row.take()?);
        Ok(match (id, key, title, project) {
            (Some(id), Some(key), Some(title), Some(project_id)) => Some(TaskLink { id, key, title, project_id }),
            _ => None,
        })
    }
}

/// A task and the project it is in, as the caller sees both.
pub struct Seen {
    pub id: Id<TaskRecord>,
    pub place: Place,
}

/// The task and its project: 404 unless the caller sees them, 403 unless their role in the project is what the operation needs.
pub fn seen<O: Operation>(cx: &Cx<'_, O>, task: &Ref<TaskRecord>) -> Result<Seen> {
    task.find(cx, |id| {
        let Some(project) = project_of(cx, id)? else { return Ok(None) };
        Ok(cx.enter(project)?.map(|place| Seen { id, place }))
    })
}

/// The same for a field of the input.
pub fn seen_for<O: Operation>(cx: &Cx<'_, O>, field: &str, task: &Ref<TaskRecord>) -> Result<Seen> {
    let id = task.resolve_for(field, cx)?;
    let place = project_of(cx, id)?.map(|project| cx.enter(project)).transpose()?.flatten();
    Ok(Seen { id, place: place.ok_or_else(|| Error::not_found("task", task.text()))? })
}

fn project_of(tx: &Tx, id: Id<TaskRecord>) -> Result<Option<Id<ProjectRecord>>> {
    const PROJECT: &str = "select project_id from task where id = ?1 and workspace_id = ?2";
    optional(tx.conn(), PROJECT, (id, tx.workspace_id()), |row| row.take())
}

/// `WEB-12` as its project's key and its number.
pub fn parse_key(text: &str) -> Option<(String, i64)> {
    let (key, number) = text.trim().rsplit_once('-')?;
    let is_key = (2..=6).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphabetic());
    let is_number = !number.is_empty() && number.len() <= 10 && number.bytes().all(|b| b.is_ascii_digit());
    (is_key && is_number).then(|| Some((key.to_ascii_uppercase(), number.parse().ok()?))).flatten()
}

/// Within the projects that the caller sees.
impl Referable for TaskRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        let project = project_of(tx, id)?;
        Ok(project.map(|project| tx.place(project)).transpose()?.flatten().is_some())
    }

    /// By key, or by the address of its page.
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        // https://example.com/tasks/WEB-12?from=mail#comments
        let last =
            text.split(['?', '#']).next().unwrap_or(text).trim_end_matches('/').rsplit('/').next().unwrap_or(text);
        if let Some(id) = Id::parse(last) {
            return Ok(if TaskRecord::exists(tx, id)? { vec![(id, text.to_owned())] } else { Vec::new() });
        }
        let Some((key, number)) = parse_key(last) else { return Ok(Vec::new()) };
        static BY_KEY: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select t.id, p.key || '-' || t.number from project p join task t on t.project_id = p.id
                  where p.workspace_id = :workspace and p.key = :key and t.number = :number and {VISIBLE}"
            )
        });
        let Sight { all: sees_all, me, projects } = tx.sight();
        let parameters = named_params! {
            ":workspace": tx.workspace_id(), ":key": key, ":number": number, ":all": sees_all, ":me": me, ":projects": projects,
        };
        all(tx.conn(), &BY_KEY, parameters, |row| Ok((row.take()?, row.take()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_key;

    #[test]
    fn a_key_is_letters_and_a_number() {
        assert_eq!(parse_key(" web-12 "), Some(("WEB".into(), 12)));
        for other in ["WEB", "WEB-", "-12", "W-1", "LONGKEY-1", "WEB-1a", "a b-1", "WEB-99999999999"] {
            assert_eq!(parse_key(other), None, "{other}");
        }
    }
}
