//! Tables that come in through the browser: a file is sent, its columns are given their fields, all of it is rehearsed, then it
//! is written. The file lies in the database, for nobody but who sent it, until it was used or a day has passed.
//!
//! Each turn writes down how far it is in the transaction of its own lines, so that an import that a restart cut off goes on
//! at its next line as if nothing had been. Imports take turns; the lines of each keep their order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, ToSql, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::lines::{Place, Table};
use super::sheet::{Became, OnDuplicate, Plan, Records};
use crate::core::app::{App, Call};
use crate::core::caller::{Credential, Role};
use crate::core::error::{Error, FieldError, Kind, Result, quoted};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::ProjectRecord;
use crate::core::reference::Ref;
use crate::core::store::{all, one, optional, run};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::crm::deals::CreateDeal;
use crate::features::crm::organizations::CreateOrganization;
use crate::features::crm::people::CreatePerson;
use crate::features::table::MOST_ROWS;
use crate::features::tasks::create::CreateTask;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<UploadTable>(),
    Entry::of::<ListImports>(),
    Entry::of::<GetImport>(),
    Entry::of::<RunImport>(),
    Entry::of::<StopImport>(),
    Entry::of::<DiscardImport>(),
    Entry::of::<ListImportLines>(),
];

#[derive(Debug, Clone, Copy)]
pub struct ImportRecord;
impl Record for ImportRecord {
    const PREFIX: &'static str = "imp";
    const NOUN: &'static str = "import";
}

crate::choices! {
    /// How far an import is. What was stopped can go on.
    pub enum State { Ready = "READY", Running = "RUNNING", Stopped = "STOPPED", Done = "DONE" }
}

/// Files of one person in one workspace; the oldest makes room.
const KEPT: i64 = 5;
/// The page asks where each of them goes.
const MOST_COLUMNS: usize = 200;
/// Lines of which the page shows something.
const SAMPLES: usize = 3;

/// A table on its way in, and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    pub id: Id<ImportRecord>,
    /// The file's name.
    pub name: String,
    pub records: Records,
    pub on_duplicate: OnDuplicate,
    pub columns: Vec<Column>,
    /// Of tasks: the id of the project they go into.
    pub project_id: Option<String>,
    pub state: State,
    /// Nothing of it is kept.
    pub rehearsal: bool,
    /// Why it stopped.
    pub problem: Option<String>,
    /// Of the file, and what became of those that had their turn.
    pub lines: i64,
    pub made: i64,
    pub updated: i64,
    pub skipped: i64,
    pub failed: i64,
    pub updated_at: Moment,
    /// The first line, as it stands in the file.
    #[serde(skip)]
    pub heading: String,
    #[serde(skip)]
    pub delimiter: char,
    #[serde(skip)]
    body: Place,
}
impl Answer for Import {}

/// A column of the file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Column {
    pub name: String,
    /// The field that it goes into, if any.
    pub field: Option<String>,
    /// What stands in it, in the first lines.
    pub samples: Vec<String>,
}

const COLUMNS: &str = "
    i.id, i.name, i.beginning, i.plan, i.state, i.rehearsal, i.problem, i.lines, i.made, i.updated, i.skipped, i.failed, i.updated_at";
/// Nobody else's, whatever their role.
const MINE: &str = "i.account_id = :me and i.workspace_id = :workspace";

impl Import {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Import> {
        let (id, name, beginning): (_, _, String) = (row.take()?, row.take()?, row.take()?);
        let plan: Plan = row.take()?;
        let table = Table::of(beginning)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, Box::new(error)))?;
        let samples: Vec<_> = table.lines(table.body).flatten().collect();
        let columns = table.head.iter().zip(&plan.columns).enumerate().map(|(at, (name, field))| Column {
            name: name.clone(),
            field: field.clone(),
            samples: samples.iter().filter_map(|line| line.cells.get(at)).map(str::to_owned).collect(),
        });
        Ok(Import {
            id,
            name,
            records: plan.records,
            on_duplicate: plan.on_duplicate,
            columns: columns.collect(),
            project_id: plan.set.into_iter().find(|(field, _)| field == PROJECT).map(|(_, id)| id),
            state: row.take()?,
            rehearsal: row.take()?,
            problem: row.take()?,
            lines: row.take()?,
            made: row.take()?,
            updated: row.take()?,
            skipped: row.take()?,
            failed: row.take()?,
            updated_at: row.take()?,
            delimiter: table.delimiter(),
            body: table.body,
            heading: table.heading,
        })
    }

    /// 404 for what is somebody else's, as for what is not there.
    fn of_caller(tx: &Tx, id: &str) -> Result<Import> {
        let sql = format!("select {COLUMNS} from import i where i.id = :id and {MINE}");
        let parameters = named_params! {
            ":id": Id::<ImportRecord>::parse(id), ":me": tx.account_id(), ":workspace": tx.workspace_id(),
        };
        optional(tx.conn(), &sql, parameters, Import::read)?.ok_or_else(|| Error::not_found(ImportRecord::NOUN, id))
    }

    /// Lines that had their turn.
    pub fn treated(&self) -> i64 {
        self.made + self.updated + self.skipped + self.failed
    }

    /// What open pages are told by.
    pub fn topic(id: Id<ImportRecord>) -> String {
        format!("import:{id}")
    }
}

const PROJECT: &str = "projectId";

impl FromSql for Plan {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)
    }
}

fn json(plan: &Plan) -> Result<String> {
    serde_json::to_string(plan).map_err(Error::internal)
}

/// What all of these have in common: whoever may do nothing else can look after a file that they sent.
const fn spec(name: &'static str, title: &'static str, effect: Effect, more: More) -> Spec {
    Spec { name, title, route: None, needs: Needs::Workspace(Role::Viewer), effect, toolset: Toolset::Workspace, more }
}

/// Send a table that is to be imported. Nothing is made of it yet.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadTable {
    /// What its lines are.
    pub records: Records,
    /// Of tasks: the project they go into.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// e.g. `people.csv`.
    pub file_name: Option<Line<200>>,
    #[serde(skip)]
    file: Vec<u8>,
    #[serde(skip)]
    looked_at: Option<LookedAt>,
}

struct LookedAt {
    table: Table,
    lines: usize,
    columns: Vec<Option<String>>,
}

/// The field of the form.
pub const FILE: &str = "file";

/// The field of the form that says where a column goes.
pub fn column_field(at: usize) -> String {
    format!("column.{at}")
}

impl UploadTable {
    pub fn new(records: Records, project: Option<Ref<ProjectRecord>>, name: Option<Line<200>>, file: Vec<u8>) -> Self {
        UploadTable { records, project_id: project, file_name: name, file, looked_at: None }
    }
}

impl Operation for UploadTable {
    type Output = Import;
    const SPEC: Spec = spec("import.upload", "Send a table", Effect::Write, More::NO_TOOL);

    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        let limit = before.app.config().upload_limit_mib;
        if self.file.len() > limit << 20 {
            return Err(Error::field(FILE, format!("is larger than {limit} MiB")));
        }
        let about = |error: Error| Error::field(FILE, format!("cannot be read: {}", error.detail()));
        let table = Table::read(std::mem::take(&mut self.file)).map_err(about)?;
        let lines = table.count().map_err(about)?;
        let wrong = if lines == 0 {
            "has no lines below the names of its columns".to_owned()
        } else if lines > MOST_ROWS {
            format!(
                "has {lines} lines, and {MOST_ROWS} are taken at a time; “sally import” on the server takes any number"
            )
        } else if table.head.len() > MOST_COLUMNS {
            format!("has {} columns, and {MOST_COLUMNS} are taken", table.head.len())
        } else {
            let columns = self.records.guess(before.app, &table.head)?;
            self.looked_at = Some(LookedAt { table, lines, columns });
            return Ok(());
        };
        Err(Error::field(FILE, wrong))
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Import> {
        const MAKE_ROOM: &str = "
            delete from import where id in (
              select id from import where account_id = ?1 and workspace_id = ?2 and state <> 'RUNNING'
               order by updated_at desc limit -1
              offset max(0, ?3 - (select count(*) from import
                                   where account_id = ?1 and workspace_id = ?2 and state = 'RUNNING')))";
        const UNDER_WAY: &str = "select count(*) from import where account_id = ?1 and workspace_id = ?2";
        const SEND: &str = "
            insert into import (id, workspace_id, account_id, name, beginning, lines, plan, state, rehearsal, next_byte,
                                next_line, created_at, updated_at, content)
            values (:id, :workspace, :me, :name, :beginning, :lines, :plan, 'READY', 1, 0, 0, :now, :now, :content)";
        let me = cx.signed_in()?.id;
        let mut set = Vec::new();
        match self.records {
            Records::Organizations => cx.must_permit::<CreateOrganization>()?,
            Records::People => cx.must_permit::<CreatePerson>()?,
            Records::Deals => cx.must_permit::<CreateDeal>()?,
            Records::Tasks => {
                cx.must_permit::<CreateTask>()?;
                let project = self.project_id.ok_or_else(|| Error::field(PROJECT, "is required"))?;
                let place = cx.project_for(PROJECT, &project)?;
                place.must_allow(Role::Member, CreateTask::SPEC.title)?;
                place.must_be_active()?;
                set.push((PROJECT.to_owned(), place.id.to_string()));
            }
        }
        run(cx.conn(), MAKE_ROOM, (me, cx.workspace_id(), KEPT - 1))?;
        if one(cx.conn(), UNDER_WAY, (me, cx.workspace_id()), |row| row.take::<i64>())? >= KEPT {
            return Err(Error::conflict("You have five imports under way. Wait until one of them is done."));
        }
        let LookedAt { table, lines, columns } = self.looked_at.expect("it was looked at before");
        let plan = Plan { records: self.records, columns, set, on_duplicate: OnDuplicate::Skip };
        let id = Id::<ImportRecord>::new(cx.now().ms());
        let parameters = named_params! {
            ":id": id, ":workspace": cx.workspace_id(), ":me": me, ":now": cx.now(), ":lines": lines as i64,
            ":name": self.file_name.as_ref().map_or("table.csv", Line::as_str), ":plan": json(&plan)?,
            ":beginning": table.beginning(SAMPLES), ":content": table.text(),
        };
        run(cx.conn(), SEND, parameters)?;
        Import::of_caller(cx, &id.to_string())
    }
}

/// List your imports, newest first. Each goes a day after its last step.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListImports {}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Imported {
    pub items: Vec<Import>,
}
impl Answer for Imported {}

impl Operation for ListImports {
    type Output = Imported;
    const SPEC: Spec = spec("import.list", "List your imports", Effect::Read, More::NO_TOOL);
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Imported> {
        let sql = format!("select {COLUMNS} from import i where {MINE} order by i.id desc limit 20");
        let parameters = named_params! { ":me": cx.account_id(), ":workspace": cx.workspace_id() };
        Ok(Imported { items: all(cx.conn(), &sql, parameters, Import::read)? })
    }
}

/// Look at one of your imports.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetImport {
    /// Its id.
    pub import_id: String,
}

impl Operation for GetImport {
    type Output = Import;
    const SPEC: Spec = spec("import.get", "Look at an import", Effect::Read, More::NO_TOOL);
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Import> {
        Import::of_caller(cx, &self.import_id)
    }
}

/// Begin: first a rehearsal of which nothing is kept, then the import itself; go on with what was stopped. Asked for twice, it
/// begins once.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunImport {
    /// Its id.
    pub import_id: String,
    pub rehearsal: bool,
    /// For a rehearsal: the field that each column goes into; empty for one that is left out.
    pub columns: Option<Vec<String>>,
    /// For a rehearsal: what becomes of a line whose record is here already.
    pub on_duplicate: Option<OnDuplicate>,
}

impl RunImport {
    fn must_fit(&self, import: &Import) -> Result<()> {
        let columns = self.columns.iter().flatten();
        if self.columns.as_ref().is_some_and(|columns| columns.len() != import.columns.len()) {
            return Err(Error::malformed("Each column of the table is to be named once, in order."));
        }
        let mut goes: HashMap<&str, &str> = HashMap::new();
        let mut doubled = Vec::new();
        for (at, (field, column)) in
            columns.zip(&import.columns).enumerate().filter(|(_, (field, _))| !field.is_empty())
        {
            if let Some(other) = goes.insert(field, &column.name) {
                let message = format!("{} would go where {} goes already", quoted(&column.name), quoted(other));
                doubled.push(FieldError { field: column_field(at), message });
            }
        }
        if doubled.is_empty() { Ok(()) } else { Err(Error::fields(doubled)) }
    }
}

impl Operation for RunImport {
    type Output = Import;
    const SPEC: Spec = spec("import.run", "Import a table", Effect::Write, More::NO_TOOL);
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Import> {
        const PLAN: &str = "select plan from import where id = ?1";
        const BEGIN: &str = "
            update import
               set plan = :plan, rehearsal = :rehearsal, next_byte = :byte, next_line = :line, made = 0, updated = 0, skipped = 0,
                   failed = 0
             where id = :id";
        const GO_ON: &str = "
            update import set state = 'RUNNING', problem = null, token_hash = ?2, updated_at = ?3 where id = ?1";
        let import = Import::of_caller(cx, &self.import_id)?;
        self.must_fit(&import)?;
        let begins = match (self.rehearsal, import.rehearsal, import.state) {
            (true, true, State::Running) | (false, false, State::Running | State::Done) => return Ok(import),
            (true, true, _) | (false, true, State::Done) => true,
            (false, false, _) => false,
            (false, true, _) => return Err(Error::conflict("Check the table first.")),
            (true, false, _) => return Err(Error::conflict("This table was imported. Send it again to check it.")),
        };
        let id = import.id;
        if begins {
            let mut plan: Plan = one(cx.conn(), PLAN, [id], |row| row.take())?;
            if let Some(columns) = self.columns {
                plan.columns = columns.into_iter().map(|field| Some(field).filter(|field| !field.is_empty())).collect();
            }
            plan.on_duplicate = self.on_duplicate.unwrap_or(plan.on_duplicate);
            let Place { byte, line } = import.body;
            let parameters = named_params! {
                ":id": id, ":plan": json(&plan)?, ":rehearsal": self.rehearsal, ":byte": byte as i64, ":line": line as i64,
            };
            run(cx.conn(), "delete from import_line where import_id = ?1", [id])?;
            run(cx.conn(), BEGIN, parameters)?;
        }
        let shown = match cx.call().credential {
            Some(Credential::Token(hash)) => hash,
            _ => return Err(Error::new(Kind::Unauthorized, "This is for a signed-in account.")),
        };
        // Not the same moment twice: whoever is at it sees that it has begun anew.
        let now = cx.now().max(Moment::from_ms(import.updated_at.ms() + 1));
        run(cx.conn(), GO_ON, (id, shown, now))?;
        Import::of_caller(cx, &self.import_id)
    }
}

/// Stop an import. What it has made stays, and it can go on.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StopImport {
    /// Its id.
    pub import_id: String,
}

impl Operation for StopImport {
    type Output = Import;
    const SPEC: Spec = spec("import.stop", "Stop an import", Effect::Write, More::NO_TOOL);
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Import> {
        let import = Import::of_caller(cx, &self.import_id)?;
        stop(cx.conn(), import.id, cx.now(), "You stopped it.")?;
        Import::of_caller(cx, &self.import_id)
    }
}

/// Stops it if it runs. A rehearsal has nothing to go on with.
pub(super) fn stop(conn: &Connection, id: Id<ImportRecord>, now: Moment, why: &str) -> Result<()> {
    const STOP: &str = "
        update import set state = iif(rehearsal, 'READY', 'STOPPED'), problem = ?3, updated_at = ?2
         where id = ?1 and state = 'RUNNING'";
    run(conn, STOP, (id, now, why)).map(drop)
}

/// Delete an import with its file and what is told of its lines. The records stay.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscardImport {
    /// Its id.
    pub import_id: String,
}

impl Operation for DiscardImport {
    type Output = ();
    const SPEC: Spec = spec("import.discard", "Discard an import", Effect::Destructive, More::NO_TOOL);
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let import = Import::of_caller(cx, &self.import_id)?;
        if import.state == State::Running {
            return Err(Error::conflict("It is running; stop it first."));
        }
        run(cx.conn(), "delete from import where id = ?1", [import.id]).map(drop)
    }
}

/// List what became of the lines of one of your imports, in their order.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListImportLines {
    /// Its id.
    pub import_id: String,
    pub became: Became,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportLine {
    /// As an editor counts.
    pub line: i64,
    /// What its record is called.
    pub name: String,
    /// The number in the id of the record that it became or met.
    pub record: Option<i64>,
    /// Why it failed: what is wrong with which fields; what is wrong with the line as a whole has an empty one.
    pub problems: Vec<FieldError>,
    /// Of one that failed: as it stands in the file.
    #[serde(skip)]
    pub raw: Option<String>,
}

impl ImportLine {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<ImportLine> {
        Ok(ImportLine {
            line: row.take()?,
            name: row.take()?,
            record: row.take()?,
            problems: row.take::<Problems>()?.0,
            raw: row.take()?,
        })
    }
}

/// As they are kept.
pub(super) struct Problems(Vec<FieldError>);

impl Problems {
    pub(super) fn of(error: &Error) -> Self {
        match error.field_errors() {
            [] => Problems(vec![FieldError { field: String::new(), message: error.detail().to_owned() }]),
            errors => Problems(errors.to_vec()),
        }
    }
}

impl ToSql for Problems {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text =
            serde_json::to_string(&self.0).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(text.into())
    }
}

impl FromSql for Problems {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let Some(text) = value.as_str_or_null()? else { return Ok(Problems(Vec::new())) };
        serde_json::from_str(text).map(Problems).map_err(FromSqlError::other)
    }
}

impl Operation for ListImportLines {
    type Output = Page<ImportLine>;
    const SPEC: Spec = spec(
        "import.line.list",
        "List the lines of an import",
        Effect::Read,
        More { sorts: &[Sort::up("line", "l.line")], ..More::NO_TOOL },
    );
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<ImportLine>> {
        let import = Import::of_caller(cx, &self.import_id)?;
        Select::new("l.line, l.name, l.record_id, l.problem, l.raw", "import_line l", "l.line")
            .filter("l.import_id = ?", import.id)
            .filter("l.became = ?", self.became)
            .page(cx, &Self::SPEC, ImportLine::read)
    }
}

/// Begins at once, and waits a moment: most tables are done before anybody could look how far they are.
pub async fn begin(app: &Arc<App>, call: &Call, run: RunImport) -> Result<()> {
    const MOMENT: Duration = Duration::from_secs(1);
    let mut told = app.news.told.subscribe();
    let import_id = run.import_id.clone();
    let import = app.run(call.clone(), run).await?;
    if let Some(account) = app.identity(call)?.account.as_ref() {
        app.news.tell(account.id, Import::topic(import.id));
    }
    let done = async {
        while app.run(call.clone(), GetImport { import_id: import_id.clone() }).await?.state == State::Running {
            while told.recv().await.is_ok_and(|(_, topic)| topic != Import::topic(import.id)) {}
        }
        Ok(())
    };
    timeout(MOMENT, done).await.unwrap_or(Ok(()))
}
