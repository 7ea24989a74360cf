//! Statuses and labels, as far as tasks need them.

use crate::choices;
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::Tx;
use crate::core::place::ProjectRecord;
use crate::core::store::{Change, insert, optional};
use crate::core::text::Labels;

#[derive(Debug, Clone, Copy)]
pub struct StatusRecord;
impl Record for StatusRecord {
    const PREFIX: &'static str = "stat";
    const NOUN: &'static str = "status";
}

#[derive(Debug, Clone, Copy)]
pub struct LabelRecord;
impl Record for LabelRecord {
    const PREFIX: &'static str = "lab";
    const NOUN: &'static str = "label";
}

choices! {
    /// What a status means, whatever it is called.
    pub enum StatusType { Backlog = "BACKLOG", Todo = "TODO", InProgress = "IN_PROGRESS", Blocked = "BLOCKED", Review = "REVIEW", Done = "DONE" }
}

/// A status of the project by id, name or type.
pub fn find(tx: &Tx, project: Id<ProjectRecord>, text: &str) -> Result<Id<StatusRecord>> {
    const NAMED: &str = "
        select id from task_status
         where project_id = ?1 and (id = ?2 or name = ?3 collate nocase or type = ?4)
         order by id = ?2 desc, name = ?3 collate nocase desc, position, id limit 1";
    let id = Id::<StatusRecord>::parse(text);
    let found = optional(tx.conn(), NAMED, (project, id, text, crate::core::choice::plain(text)), |row| row.take())?;
    found.ok_or_else(|| Error::not_found("status", text))
}

/// The labels by name; those that are missing are made.
pub fn find_or_make(tx: &Tx, project: Id<ProjectRecord>, labels: &Labels) -> Result<Vec<Id<LabelRecord>>> {
    const NAMED: &str = "select id from label where project_id = ?1 and name = ?2 collate nocase";
    labels
        .iter()
        .map(|name| match optional(tx.conn(), NAMED, (project, name), |row| row.take())? {
            Some(id) => Ok(id),
            None => {
                let mut row = Change::of("label");
                row.set("project_id", project)?.set("name", name)?.set("color", "#2563eb")?;
                insert(tx, row)
            }
        })
        .collect()
}
