//! A workspace as one file of JSON lines and back, into the same or another server: docs/export-format.md says how. Tables of
//! spreadsheets come in beside it ([`sheet`]).
//!
//! Which tables there are stands here; their columns and references are read off the schema, so a new column travels
//! without anybody thinking of it.

pub mod columns;
pub mod export;
pub mod import;
pub mod imports;
pub mod lines;
pub mod running;
pub mod sheet;

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::caller::{Account, Agent, Workspace};
use crate::core::error::{Error, Result};
use crate::core::id::Record;
use crate::core::place::ProjectRecord;
use crate::core::store::all;
use crate::core::time::Moment;
use crate::features::clients::ClientRecord;
use crate::features::comments::CommentRecord;
use crate::features::crm::activities::ActivityRecord;
use crate::features::crm::deals::DealRecord;
use crate::features::crm::follow_ups::FollowUpRecord;
use crate::features::crm::organizations::OrganizationRecord;
use crate::features::crm::people::PersonRecord;
use crate::features::crm::pipeline::StageRecord;
use crate::features::projects::labels::LabelRecord;
use crate::features::projects::members::ProjectMembership;
use crate::features::projects::statuses::StatusRecord;
use crate::features::tasks::TaskRecord;
use crate::features::tasks::images::ImageRecord;
use crate::features::tasks::todos::TodoRecord;
use crate::features::timesheets::TimesheetRecord;
use crate::features::workspaces::Membership;
use crate::features::{projects, tasks};

/// The version of the format; a file of a newer one is refused.
const FORMAT: u32 = 1;

/// How the rows of a table are found that belong to a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Through {
    /// It is the workspace.
    Itself,
    /// Whoever a row of the others refers to.
    Mention,
    Workspace,
    Project,
    Task,
    Comment,
}

/// A table that travels.
#[derive(Debug)]
struct Table {
    name: &'static str,
    /// What the ids of its records begin with.
    prefix: &'static str,
    through: Through,
    /// Its rows only link two records: who has the same link already needs no second one.
    links: bool,
}

impl Table {
    const fn of<T: Record>(name: &'static str, through: Through) -> Table {
        Table { name, prefix: T::PREFIX, through, links: false }
    }

    const fn link(name: &'static str, prefix: &'static str, through: Through) -> Table {
        Table { name, prefix, through, links: true }
    }

    /// The condition for the rows of the workspace `?1`.
    fn condition(&self) -> &'static str {
        match self.through {
            Through::Itself => "id = ?1",
            Through::Mention => "true",
            Through::Workspace => "workspace_id = ?1",
            Through::Project => "project_id in (select id from project where workspace_id = ?1)",
            Through::Task => "task_id in (select id from task where workspace_id = ?1)",
            Through::Comment => {
                "comment_id in (select c.id from comment c join task t on t.id = c.task_id where t.workspace_id = ?1)"
            }
        }
    }

    /// The workspace that the row `?1` belongs to.
    fn owner(&self) -> String {
        let Table { name, .. } = self;
        match self.through {
            Through::Itself | Through::Mention => format!("select id from {name} where id = ?1"),
            Through::Workspace => format!("select workspace_id from {name} where id = ?1"),
            Through::Project => {
                format!("select p.workspace_id from {name} r join project p on p.id = r.project_id where r.id = ?1")
            }
            Through::Task => {
                format!("select t.workspace_id from {name} r join task t on t.id = r.task_id where r.id = ?1")
            }
            Through::Comment => format!(
                "select t.workspace_id from {name} r join comment c on c.id = r.comment_id join task t on t.id = c.task_id where r.id = ?1"
            ),
        }
    }
}

/// In an order in which what refers comes after what it refers to; only tasks refer among themselves.
const TABLES: &[Table] = &[
    Table::of::<Workspace>("workspace", Through::Itself),
    Table::of::<Account>("account", Through::Mention),
    Table { links: true, ..Table::of::<Membership>("workspace_membership", Through::Workspace) },
    Table::of::<Agent>("agent", Through::Workspace),
    Table::of::<ClientRecord>("client", Through::Workspace),
    Table::of::<ProjectRecord>("project", Through::Workspace),
    Table { links: true, ..Table::of::<ProjectMembership>("project_membership", Through::Project) },
    Table {
        links: true,
        ..Table::of::<projects::dependencies::DependencyRecord>("project_dependency", Through::Project)
    },
    Table::of::<StatusRecord>("task_status", Through::Project),
    Table::of::<LabelRecord>("label", Through::Project),
    Table::of::<TaskRecord>("task", Through::Workspace),
    Table::link("task_participant", "part", Through::Task),
    Table::link("task_label", "tlab", Through::Task),
    Table::of::<TodoRecord>("task_todo", Through::Task),
    Table { links: true, ..Table::of::<tasks::dependencies::DependencyRecord>("task_dependency", Through::Task) },
    Table::of::<ImageRecord>("task_image", Through::Task),
    Table::of::<CommentRecord>("comment", Through::Task),
    Table::link("comment_mention", "ment", Through::Comment),
    Table::of::<TimesheetRecord>("timesheet_entry", Through::Workspace),
    Table::of::<StageRecord>("crm_stage", Through::Workspace),
    Table::of::<OrganizationRecord>("crm_organization", Through::Workspace),
    Table::of::<PersonRecord>("crm_person", Through::Workspace),
    Table::of::<DealRecord>("crm_deal", Through::Workspace),
    Table::of::<ActivityRecord>("crm_activity", Through::Workspace),
    Table::of::<FollowUpRecord>("crm_follow_up", Through::Workspace),
];

/// An account travels as far as others see it: no role on the server, no password.
const OF_ACCOUNTS: &[&str] = &["id", "email", "name", "avatar_url", "time_zone", "archived_at"];

/// Counted by triggers from other rows, or on its way out.
const NOT_TRAVELLING: &[&str] = &["todo_count", "todo_done_count", "comment_count", "deleted_at"];

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    format: u32,
    /// The version of the schema that the columns are of.
    schema: u32,
    /// The program that wrote it.
    version: String,
    exported_at: String,
    workspace: String,
    /// Where the journal stood: everything up to this change is in the file, nothing after it.
    journal: i64,
}

/// The last line, which a file that broke off does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    records: u64,
    /// Of all lines before.
    sha256: String,
}

/// A line that is no record.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mark {
    Sally(Head),
    End(End),
}

/// A column that travels.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// Which of [`TABLES`] it refers to.
    refers_to: Option<usize>,
    is_blob: bool,
}

/// The columns of each of [`TABLES`], as the file has them.
struct Layout(Vec<Vec<Column>>);

impl Layout {
    fn of(conn: &Connection) -> Result<Layout> {
        const COLUMNS: &str = "
            select c.name, (select f.\"table\" from pragma_foreign_key_list(?1) f where f.\"from\" = c.name), c.type = 'BLOB'
              from pragma_table_info(?1) c order by c.cid";
        let columns = |table: &Table| -> Result<Vec<Column>> {
            let mut columns = all(conn, COLUMNS, [table.name], |row| {
                let (name, refers_to): (String, Option<String>) = (row.take()?, row.take()?);
                let refers_to = refers_to.and_then(|name| TABLES.iter().position(|table| table.name == name));
                Ok(Column { name, refers_to, is_blob: row.take()? })
            })?;
            columns.retain(|column| match table.through {
                Through::Mention => OF_ACCOUNTS.contains(&column.name.as_str()),
                _ => !NOT_TRAVELLING.contains(&column.name.as_str()) && !column.name.ends_with("_hash"),
            });
            Ok(columns)
        };
        Ok(Layout(TABLES.iter().map(columns).collect::<Result<_>>()?))
    }
}

/// How many records of each table.
pub type Counts = BTreeMap<&'static str, u64>;

fn schema(conn: &Connection) -> Result<u32> {
    Ok(conn.query_row("pragma user_version", [], |row| row.get(0))?)
}

/// `task_01jd8k3m0p4qz` for a number.
fn id_text(table: &Table, raw: i64) -> String {
    crate::core::id::typed(table.prefix, raw)
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn io(path: &std::path::Path, error: &std::io::Error) -> Error {
    Error::conflict(format!("{}: {error}", path.display()))
}

fn now_text() -> String {
    Moment::now().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stays: secrets, what is one server's or one person's own, the journal. Every table of the schema stands here or in
    /// [`TABLES`].
    const STAYING: &[&str] = &[
        "access_key",
        "account_image",
        "change",
        "change_set",
        "external_identity",
        "idempotent_answer",
        "import",
        "import_line",
        "invite",
        "mail",
        "mcp_session",
        "notification",
        "notification_preference",
        "oauth_client",
        "oauth_code",
        "oauth_token",
        "one_time_link",
        "recovery_code",
        "running_timer",
        "search_pending",
        "second_factor",
        "session",
        "sign_in_challenge",
    ];

    #[test]
    fn every_table_travels_or_stays_and_what_refers_comes_after_what_it_refers_to() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../../../schema.sql")).unwrap();
        let tables = all(
            &conn,
            "select name from pragma_table_list where schema = 'main' and type = 'table' and strict",
            [],
            |row| row.take::<String>(),
        );
        for table in tables.unwrap() {
            let travels = TABLES.iter().any(|known| known.name == table);
            assert!(travels != STAYING.contains(&table.as_str()), "say in transfer/mod.rs whether {table} travels");
        }
        let layout = Layout::of(&conn).unwrap();
        for (at, (table, columns)) in TABLES.iter().zip(&layout.0).enumerate() {
            assert_eq!(columns[0].name, "id", "{}", table.name);
            for column in columns {
                let is_parent = table.name == "task" && column.name == "parent_id";
                assert!(is_parent || column.refers_to.is_none_or(|other| other < at), "{}.{}", table.name, column.name);
                assert!(!["hash", "secret", "token", "password"].iter().any(|word| column.name.contains(word)));
            }
        }
    }
}
