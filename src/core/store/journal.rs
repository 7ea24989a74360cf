//! The journal writes itself: triggers on the writing connection turn every changed row into a row of `change`.
//!
//! They are temporary and made from the tables' own columns when the connection opens, so a new column is journaled
//! without anybody thinking of it, and no feature can forget it. A changed row of 16 columns costs about 5 µs.

use std::net::IpAddr;

use rusqlite::{Connection, named_params};

use crate::core::audit::Audited;
use crate::core::caller::{AccessKey, Account, Agent, Session, Workspace};
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::time::Moment;

/// One thing somebody did: the head of what it changed.
#[derive(Debug, Clone, Copy)]
pub struct ChangeSet;
impl Record for ChangeSet {
    const PREFIX: &'static str = "cs";
    const NOUN: &'static str = "change set";
}

/// Tables that tell of work in progress, not of records.
const NOT_JOURNALED: &[&str] = &[
    "change_set",
    "change",
    "idempotent_answer",
    "import",
    "import_line",
    "mail",
    "mcp_session",
    "oauth_client",
    "oauth_code",
    "oauth_token",
    "one_time_link",
    "search_pending",
    "session",
    "sign_in_challenge",
];
/// Columns that change by mere use, that are counted from other rows, or that nobody may read twice.
pub const LEFT_OUT: &[&str] = &[
    "password_hash",
    "token_hash",
    "mailed_token_hash",
    "code_hash",
    "totp_secret",
    "totp_last_step",
    "last_used_at",
    "last_address",
    "due_told_at",
    "task_count",
    "todo_count",
    "todo_done_count",
    "comment_count",
    "bytes",
];

/// Who is writing, and through what.
pub struct Acting<'a> {
    pub at: Moment,
    pub operation: &'a str,
    pub account: Option<Id<Account>>,
    pub session: Option<Id<Session>>,
    pub key: Option<Id<AccessKey>>,
    pub agent: Option<Id<Agent>>,
    pub workspace: Option<Id<Workspace>>,
    pub request_id: Option<&'a str>,
    /// For the audit, with the address; everyday work is written down without either.
    pub audit: Option<Audited>,
    pub address: Option<IpAddr>,
}

impl Acting<'_> {
    /// The machine itself does it.
    pub fn alone(at: Moment, operation: &str) -> Acting<'_> {
        Acting {
            at,
            operation,
            account: None,
            session: None,
            key: None,
            agent: None,
            workspace: None,
            request_id: None,
            audit: None,
            address: None,
        }
    }
}

const OPEN: &str = "
    insert into change_set (id, at, account_id, session_id, key_id, agent_id, workspace_id, operation, request_id, audit,
                            address)
    values (:id, :at, :account, :session, :key, :agent, :workspace, :operation, :request, :audit, :address)";

/// Opens the change set that everything written next belongs to.
pub(crate) fn act(conn: &Connection, acting: &Acting<'_>) -> Result<()> {
    let id = Id::<ChangeSet>::new(acting.at.ms());
    conn.prepare_cached(OPEN)?.execute(named_params! {
        ":id": id, ":at": acting.at, ":account": acting.account, ":session": acting.session, ":key": acting.key,
        ":agent": acting.agent, ":workspace": acting.workspace, ":operation": acting.operation, ":request": acting.request_id,
        ":audit": acting.audit,
        ":address": stored(acting.audit.and(acting.address)),
    })?;
    set_acting(conn, Some(id))
}

/// Says whose act it is after all, and where it belongs, for what only the operation finds out: a sign-in begins as nobody's.
pub(crate) fn act_for(conn: &Connection, account: Option<Id<Account>>, workspace: Option<Id<Workspace>>) -> Result<()> {
    const ACT_FOR: &str = "
        update change_set set account_id = ifnull(?1, account_id), workspace_id = ifnull(?2, workspace_id)
         where id = (select change_set_id from temp.acting)";
    conn.prepare_cached(ACT_FOR)?.execute((account, workspace))?;
    Ok(())
}

/// Closes it: what is written from here on belongs to nobody, and fails. What changed nothing and is not for the audit
/// leaves nothing behind: anybody may ask for it as often as they like.
pub(crate) fn acted(conn: &Connection) -> Result<()> {
    const NOTHING: &str = "
        delete from change_set
         where id = (select change_set_id from temp.acting) and audit is null
           and not exists (select 1 from change where change_set_id = change_set.id)";
    conn.prepare_cached(NOTHING)?.execute([])?;
    set_acting(conn, None)
}

/// It is for the audit, as only the operation found out.
pub(crate) fn audited(conn: &Connection, audit: Audited, address: Option<IpAddr>) -> Result<()> {
    const AUDITED: &str = "
        update change_set set audit = ?1, address = ?2 where id = (select change_set_id from temp.acting)";
    conn.prepare_cached(AUDITED)?.execute((audit, stored(address)))?;
    Ok(())
}

fn stored(address: Option<IpAddr>) -> Option<String> {
    address.map(|address| address.to_canonical().to_string())
}

fn set_acting(conn: &Connection, change_set: Option<Id<ChangeSet>>) -> Result<()> {
    conn.prepare_cached("update temp.acting set change_set_id = ?1")?.execute([change_set])?;
    Ok(())
}

/// Forgets who wrote last: a write that does not say who it is for fails, instead of being told as somebody else's.
pub(super) fn act_as_nobody(conn: &Connection) -> Result<()> {
    conn.prepare_cached("update temp.acting set change_set_id = null")?.execute([])?;
    Ok(())
}

/// The largest id of any record: new ones come after it.
pub(super) fn newest_id(conn: &Connection) -> Result<i64> {
    let with_ids = tables(conn, "and exists (select 1 from pragma_table_info(t.name) c where c.name = 'id' and c.pk)")?;
    let newest = with_ids.iter().map(|table| format!("select max(id) as id from main.{table}"));
    let sql = format!("select ifnull(max(id), 0) from ({})", newest.collect::<Vec<_>>().join(" union all "));
    Ok(conn.query_row(&sql, [], |row| row.get(0))?)
}

fn tables(conn: &Connection, condition: &str) -> Result<Vec<String>> {
    const OURS: &str =
        "select t.name from pragma_table_list t where t.schema = 'main' and t.type = 'table' and t.strict";
    let mut find = conn.prepare(&format!("{OURS} {condition}"))?;
    Ok(find.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// Makes the triggers. A write outside any change set fails, so nothing is changed by nobody.
pub(super) fn install(conn: &Connection) -> Result<()> {
    conn.execute_batch("create temp table acting (change_set_id integer); insert into temp.acting values (null);")?;
    let tables = tables(conn, "")?;
    for table in tables.iter().filter(|table| !NOT_JOURNALED.contains(&table.as_str())) {
        let columns: Vec<String> = conn
            .prepare("select name from pragma_table_info(?1) where name <> 'id'")?
            .query_map([table], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let columns: Vec<&str> =
            columns.iter().map(String::as_str).filter(|column| !LEFT_OUT.contains(column)).collect();
        conn.execute_batch(&triggers(table, &columns))?;
    }
    Ok(())
}

/// The project and the task that a row belongs to, as far as its columns tell: for the activity of both.
fn place(table: &str, columns: &[&str], row: &str) -> (String, String) {
    let has = |column: &str| columns.contains(&column);
    let task = match table {
        "task" => format!("{row}.id"),
        _ if has("task_id") => format!("{row}.task_id"),
        _ => "null".into(),
    };
    let project = match table {
        "project" => format!("{row}.id"),
        _ if has("project_id") => format!("{row}.project_id"),
        _ if has("task_id") => format!("(select project_id from main.task where id = {row}.task_id)"),
        _ => "null".into(),
    };
    (project, task)
}

/// `json_patch` drops the members that are null: what did not change, and what is not set.
fn triggers(table: &str, columns: &[&str]) -> String {
    let whole = |row: &str| columns.iter().map(|c| format!("'{c}', {row}.{c}")).collect::<Vec<_>>().join(", ");
    let changed = columns
        .iter()
        .map(|c| format!("'{c}', iif(old.{c} is new.{c}, null, json_array(old.{c}, new.{c}))"))
        .collect::<Vec<_>>()
        .join(", ");
    let trigger = |event: &str, of: &str, row: &str, fields: &str| {
        let (project, task) = place(table, columns, row);
        format!(
            "create temp trigger journal_{table}_{event} after {event}{of} on main.{table} begin
               insert into change (change_set_id, record_type, record_id, action, fields, project_id, task_id)
               values ((select change_set_id from temp.acting), '{table}', {row}.id, upper('{event}'), json_patch('{{}}', json_object({fields})), {project}, {task});
             end;\n"
        )
    };
    [
        trigger("insert", "", "new", &whole("new")),
        trigger("update", &format!(" of {}", columns.join(", ")), "new", &changed),
        trigger("delete", "", "old", &whole("old")),
    ]
    .concat()
}
