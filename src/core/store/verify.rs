//! Is a file whole? Everything that SQLite can check, everything that one table promises about another, and the search
//! index word by word against what it was made from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params_from_iter, types::Value};
use serde::Serialize;

use crate::core::error::{Error, Result};
use crate::core::time::Moment;

use super::{all, copy, migrations};

/// What was found in a file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    pub file: String,
    pub sound: bool,
    pub faults: Vec<String>,
    /// The version of the schema.
    pub schema: u32,
    pub bytes: u64,
    /// How many rows each table has.
    pub records: BTreeMap<String, i64>,
}

/// Faults told of one kind; the first few say what is wrong, all of them would fill the screen.
const TOLD: usize = 10;

/// What one table promises about another, beyond foreign keys and checks: each finds the rows that break it, and the
/// workspaces that these belong to.
const PROMISES: &[(&str, &str)] = &[
    (
        "a task counts other todos or comments than it has",
        "select id, workspace_id from task t
          where todo_count <> (select count(*) from task_todo o where o.task_id = t.id)
             or todo_done_count <> (select count(*) from task_todo o where o.task_id = t.id and o.done)
             or comment_count <> (select count(*) from comment c where c.task_id = t.id)",
    ),
    (
        "a task has a number that its project has not given yet",
        "select t.id, t.workspace_id from task t join project p on p.id = t.project_id where t.number > p.task_count",
    ),
    (
        "a task is in another workspace than its project, or has a status of another project",
        "select t.id, t.workspace_id
           from task t join project p on p.id = t.project_id join task_status s on s.id = t.status_id
          where t.workspace_id <> p.workspace_id or s.project_id <> t.project_id",
    ),
    (
        "a task is done without a status that says so, or the other way round",
        "select t.id, t.workspace_id from task t join task_status s on s.id = t.status_id
          where (s.type = 'DONE') <> (t.completed_at is not null)",
    ),
    (
        "a task has a label of another project",
        "select l.id, t.workspace_id from task_label l join task t on t.id = l.task_id join label n on n.id = l.label_id
          where n.project_id <> t.project_id",
    ),
    (
        // Of another project it may be: time that was validated stays where it was spent when its task moves on.
        "time is booked in another workspace than its project or task",
        "select e.id, e.workspace_id
           from timesheet_entry e join project p on p.id = e.project_id left join task t on t.id = e.task_id
          where p.workspace_id <> e.workspace_id or t.workspace_id <> e.workspace_id",
    ),
    (
        "a deal is in a stage of another workspace",
        "select d.id, d.workspace_id from crm_deal d join crm_stage s on s.id = d.stage_id
          where s.workspace_id <> d.workspace_id",
    ),
    ("a text waits to be indexed that should have been", "select id, null as workspace_id from search_pending"),
];

/// The rows that break a promise, and which one; of one workspace or of all.
pub fn broken_promises(conn: &Connection, workspace: Option<i64>) -> Result<Vec<(&'static str, i64)>> {
    let among = workspace.map_or_else(String::new, |id| format!("where workspace_id = {id}"));
    let mut broken = Vec::new();
    for (promise, rows) in PROMISES {
        let ids = all(conn, &format!("select id from ({rows}) {among} limit {TOLD}"), [], |row| row.take())?;
        broken.extend(ids.into_iter().map(|id| (*promise, id)));
    }
    Ok(broken)
}

/// Looks through the whole file, as it is at this moment; a server may go on with it meanwhile.
pub fn verify(path: &Path) -> Result<Verified> {
    let conn = copy::open_existing(path)?;
    let schema = migrations::check(&conn, path)?;
    // One snapshot for all of it; it ends with the connection, as damage may end a transaction by itself.
    conn.execute_batch("begin")?;
    let mut faults = structure(&conn)?;
    // A torn file makes no sense to anything that looks closer.
    if faults.is_empty() {
        // An older file is brought to today's shape, and checked, when it is opened.
        if schema == migrations::newest() {
            let broken = broken_promises(&conn, None)?;
            faults.extend(broken.into_iter().map(|(promise, id)| format!("{promise} (row {id})")));
        }
        faults.extend(search(&conn)?);
    }
    let records = records(&conn).unwrap_or_default();
    let bytes = copy::bytes_of(&conn)?;
    Ok(Verified { file: path.display().to_string(), sound: faults.is_empty(), faults, schema, bytes, records })
}

/// What a quick look tells of a file.
pub struct Look {
    pub schema: u32,
    pub sqlite: &'static str,
    /// The first thing that is wrong with its pages.
    pub damage: Option<String>,
    pub wal_bytes: u64,
    pub last_change_at: Option<Moment>,
    /// Accounts that administer the server and are not archived.
    pub administrators: i64,
}

/// Looks at the outside of a file: much faster than [`verify`].
pub fn examine(path: &Path) -> Result<Look> {
    const LAST_CHANGE: &str = "select max(at) from (select at from change_set order by id desc limit 1000)";
    const ADMINISTRATORS: &str = "select count(*) from account where platform_role <> 'NONE' and archived_at is null";
    let conn = copy::open_existing(path)?;
    let schema = migrations::check(&conn, path)?;
    let check = conn.query_row("pragma quick_check(1)", [], |row| row.get::<_, String>(0));
    let damage = check.map_or_else(|error| Some(error.to_string()), |told| Some(told).filter(|told| told != "ok"));
    let log = PathBuf::from(format!("{}-wal", path.display()));
    Ok(Look {
        schema,
        sqlite: rusqlite::version(),
        damage,
        wal_bytes: std::fs::metadata(log).map_or(0, |facts| facts.len()),
        last_change_at: conn.query_row(LAST_CHANGE, [], |row| row.get(0))?,
        administrators: conn.query_row(ADMINISTRATORS, [], |row| row.get(0))?,
    })
}

/// The pages, the indexes and the references of a copy: what must hold before it may be called one.
pub(super) fn must_be_sound(conn: &Connection, source: &Path) -> Result<()> {
    match structure(conn)?.first() {
        None => Ok(()),
        Some(fault) => {
            Err(Error::conflict(format!("{} is damaged: {fault}; “sally verify” tells more", source.display())))
        }
    }
}

fn structure(conn: &Connection) -> Result<Vec<String>> {
    let damage = conn
        .prepare(&format!("pragma integrity_check({TOLD})"))
        .and_then(|mut check| check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>());
    // What is too damaged to be checked is a finding too.
    let mut faults: Vec<String> = match damage {
        Ok(lines) => lines.into_iter().filter(|line| line != "ok").map(|line| line.replace('\n', " ")).collect(),
        Err(error) => vec![error.to_string()],
    };
    if faults.is_empty() {
        let mut check =
            conn.prepare(&format!("select \"table\", rowid, parent from pragma_foreign_key_check limit {TOLD}"))?;
        let rows = check.query_map([], |row| {
            let (table, id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(format!("{table} {} refers to a {parent} that is not there", id.unwrap_or_default()))
        })?;
        faults = rows.collect::<rusqlite::Result<_>>()?;
    }
    Ok(faults)
}

fn records(conn: &Connection) -> Result<BTreeMap<String, i64>> {
    let count = |table: &String| conn.query_row(&format!("select count(*) from \"{table}\""), [], |row| row.get(0));
    tables(conn)?.iter().map(|table| Ok((table.clone(), count(table)?))).collect()
}

/// Our own tables, in the order in which they were made.
fn tables(conn: &Connection) -> Result<Vec<String>> {
    const TABLES: &str = "
        select l.name from pragma_table_list l join sqlite_schema s on s.name = l.name
         where l.schema = 'main' and l.type = 'table' and l.strict order by s.rowid";
    Ok(conn.prepare(TABLES)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// Makes the index anew, in a file of its own that goes away, with the triggers that the file has; then the two must
/// have the same words in the same places.
fn search(conn: &Connection) -> Result<Vec<String>> {
    const TRIGGERS: &str = "
        select sql from sqlite_schema
         where type = 'trigger' and sql like '%after insert on%' and sql like '%into search_pending%' order by rowid";
    const INDEXED: &str = "
        select name, sql from sqlite_schema t
         where type = 'table'
           and (name in ('search_pending', 'search_index')
             or exists (select 1 from sqlite_schema s where s.type = 'trigger' and s.tbl_name = t.name
                         and s.sql like '%after insert on%' and s.sql like '%into search_pending%'))
         order by rowid";
    let anew = Connection::open("")?;
    anew.execute_batch("pragma foreign_keys = off; pragma journal_mode = off; begin")?;
    let indexed: Vec<(String, String)> =
        conn.prepare(INDEXED)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (_, sql) in &indexed {
        anew.execute_batch(sql)?;
    }
    for sql in conn.prepare(TRIGGERS)?.query_map([], |row| row.get::<_, String>(0))? {
        anew.execute_batch(&sql?)?;
    }
    for (table, _) in indexed.iter().filter(|(table, _)| !table.starts_with("search_")) {
        copy_rows(conn, &anew, table)?;
    }
    anew.execute_batch(
        "insert into search_index (rowid, scope, title, body) select id, scope, title, body from search_pending",
    )?;
    compare(conn, &anew)
}

fn copy_rows(from: &Connection, to: &Connection, table: &str) -> Result<()> {
    let mut read = from.prepare(&format!("select * from \"{table}\""))?;
    let width = read.column_count();
    let mut write = to.prepare(&format!("insert into \"{table}\" values ({})", vec!["?"; width].join(", ")))?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..width).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
        write.execute(params_from_iter(values))?;
    }
    Ok(())
}

/// Both come sorted by word, then by record, then by place, so that they can be read side by side.
fn compare(conn: &Connection, anew: &Connection) -> Result<Vec<String>> {
    const WORDS: &str = "create virtual table temp.word using fts5vocab('main', 'search_index', 'instance')";
    type Word = (String, i64, String, i64);
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Word> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    };
    conn.execute_batch(WORDS)?;
    anew.execute_batch(WORDS)?;
    let list = "select term, doc, col, offset from temp.word";
    let (mut ours, mut wanted) = (conn.prepare(list)?, anew.prepare(list)?);
    let (mut ours, mut wanted) = (ours.query([])?, wanted.query([])?);
    loop {
        let ours = ours.next()?.map(read).transpose()?;
        let wanted = wanted.next()?.map(read).transpose()?;
        if ours == wanted {
            match ours {
                Some(_) => continue,
                None => return Ok(Vec::new()),
            }
        }
        let (word, id, ..) = ours.into_iter().chain(wanted).min().expect("they differ, so there is one");
        return Ok(vec![format!(
            "the search index does not have what the records say, first at the word “{word}” of row {id}"
        )]);
    }
}
