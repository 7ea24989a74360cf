//! Tables of spreadsheets: each line goes through the ordinary operation, so that every rule holds for it, and is one change of
//! its own. A line that fails is told and holds up no other. Lines go in turns, and those of a turn share a commit: with one
//! for each, 5,000 people took eleven times as long.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::columns::{FIRST_NAME, KEY, Kind, LAST_NAME, field_of, is_field, plain};
use super::io;
use super::lines::{Line, Place, Table};
use crate::core::app::{App, Call};
use crate::core::caller::{Caller, Credential, Selector};
use crate::core::error::{Error, Kind as Fault, Result, quoted};
use crate::core::id::{self, Id};
use crate::core::operation::{Reply, Tx};
use crate::core::reference::Ref;
use crate::core::store::{ChangeSet, Progress, optional};
use crate::core::text::{Email, Website};
use crate::core::time::Moment;
use crate::features::table::as_it_was;
use crate::features::tasks::TaskRecord;

crate::choices! {
    /// What the lines of a table are.
    pub enum Records { Organizations = "ORGANIZATIONS", People = "PEOPLE", Deals = "DEALS", Tasks = "TASKS" }
}

crate::choices! {
    /// What becomes of a line whose record is here already.
    pub enum OnDuplicate { Skip = "SKIP", Update = "UPDATE", Fail = "FAIL" }
}

crate::choices! {
    /// What became of a line. Who is skipped is here already, and left alone.
    pub enum Became { Made = "MADE", Updated = "UPDATED", Skipped = "SKIPPED", Failed = "FAILED" }
}

/// What is to be made of each line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub records: Records,
    /// The field that each column goes into; a column without one is left out.
    pub columns: Vec<Option<String>>,
    /// Fields that every line gets, unless it says otherwise.
    pub set: Vec<(String, String)>,
    pub on_duplicate: OnDuplicate,
}

/// A table with what is to be made of it, and for whom.
pub struct Sheet {
    pub table: Table,
    pub plan: Plan,
    /// Whose rights hold for each line. In a rehearsal nothing is kept.
    pub call: Call,
    /// The number in the first id that may be one of its own records: no line meets what another has made.
    pub since: i64,
}

/// What is told of a line.
pub struct Told<'a> {
    pub line: u64,
    /// What its record is called.
    pub name: String,
    pub became: Became,
    /// The record that it became or met.
    pub record: Option<i64>,
    /// Why it failed.
    pub problem: Option<Error>,
    /// As it stands in the table.
    pub raw: &'a str,
}

/// So long the other writes wait for a turn.
const TURN: Duration = Duration::from_millis(20);

/// How often a turn is tried that another program, or a full disk, keeps from being written: for a minute or so.
const TRIES: u32 = 12;

/// By which question a record is found, and by what.
type Key = (&'static str, String);

/// What later lines would find if a rehearsal wrote anything.
pub type Seen = HashSet<Key>;

impl Sheet {
    /// Takes lines from a place on, in the writer's transaction, until the turn is over. Answers where the next one begins;
    /// `None` at the end. Fails as a whole only where nobody may write, or nothing can be written.
    pub fn turn(
        &self,
        app: &App,
        conn: &Connection,
        from: Place,
        seen: &mut Seen,
        mut tell: impl FnMut(Told<'_>) -> Result<()>,
    ) -> Result<Option<Place>> {
        let begun = Instant::now();
        let create = self.plan.records.operation(app, |kind| kind.create)?;
        let caller = app.admit_to_write(conn, &create.entry.spec, &self.call)?;
        let turn = Turn { app, conn, sheet: self, caller: &caller, kind: self.plan.records.kind() };
        for line in self.table.lines(from) {
            let line = line?;
            let mut input = turn.input(&line);
            let name = ["name", "title"].into_iter().find_map(|field| input.get(field).and_then(Value::as_str));
            let name = name.or(line.cells.iter().find(|cell| !cell.is_empty())).unwrap_or_default().to_owned();
            let (became, record, problem) = match turn.put(&line, &mut input, seen) {
                Ok((became, record)) => (became, record, None),
                Err(error) if conn.is_autocommit() || matches!(error.status(), 503) => return Err(error),
                Err(error) => {
                    if error.kind() == Fault::Internal {
                        log::error!(request_id = self.call.request_id.as_str(); "line {}: {}", line.begin.line, error.cause());
                    }
                    (Became::Failed, None, Some(error))
                }
            };
            tell(Told { line: line.begin.line, name, became, record, problem, raw: self.table.raw(&line) })?;
            if begun.elapsed() >= TURN {
                return Ok(Some(line.next));
            }
        }
        Ok(None)
    }
}

/// A turn on its way.
struct Turn<'a> {
    app: &'a App,
    conn: &'a Connection,
    sheet: &'a Sheet,
    caller: &'a Caller,
    kind: Kind,
}

impl Turn<'_> {
    /// What the cells say; what is empty says nothing.
    fn input(&self, line: &Line) -> Map<String, Value> {
        let plan = &self.sheet.plan;
        let set = plan.set.iter().map(|(field, value)| (field.clone(), cell(field, value)));
        let columns = plan.columns.iter().zip(&line.cells).filter(|(_, text)| !text.is_empty());
        let own = columns.filter_map(|(field, text)| Some((field.clone()?, cell(field.as_ref()?, as_it_was(text)))));
        let mut input: Map<String, Value> = set.chain(own).collect();
        let names = [FIRST_NAME, LAST_NAME].map(|part| input.remove(part));
        let names: Vec<&str> = names.iter().flatten().filter_map(Value::as_str).collect();
        if !names.is_empty() {
            input.entry("name").or_insert_with(|| names.join(" ").into());
        }
        input
    }

    fn put(&self, line: &Line, input: &mut Map<String, Value>, seen: &mut Seen) -> Result<(Became, Option<i64>)> {
        let (plan, cells, columns) = (&self.sheet.plan, line.cells.len(), self.sheet.table.head.len());
        // Too many are forgiven where nothing stands in them, as some spreadsheets end each line.
        if cells < columns || line.cells.iter().skip(columns).any(|cell| !cell.is_empty()) {
            return Err(Error::conflict(format!("it has {cells} cells, the first line has {columns}")));
        }
        let (known_by, found) = self.find(input)?;
        let is_second = known_by.first().is_some_and(|key| seen.contains(key));
        if found.is_none() && !is_second {
            let made = self.run(self.kind.create, std::mem::take(input))?;
            if self.sheet.call.rehearsal {
                seen.extend(known_by);
                return Ok((Became::Made, None));
            }
            return Ok((Became::Made, made.location.as_deref().and_then(id::any)));
        }
        match (plan.on_duplicate, found) {
            (OnDuplicate::Skip, _) => Ok((Became::Skipped, found)),
            (OnDuplicate::Fail, _) => Err(Error::conflict("it is here already")),
            (OnDuplicate::Update, None) => Ok((Became::Updated, None)),
            (OnDuplicate::Update, Some(raw)) => {
                let update = plan.records.operation(self.app, |kind| kind.update)?;
                let mut input = std::mem::take(input);
                input.insert(self.kind.id_field.to_owned(), plan.records.id(raw).into());
                input.retain(|field, _| update.shape.has(field));
                self.run(self.kind.update, input)?;
                Ok((Became::Updated, found))
            }
        }
    }

    fn run(&self, operation: &'static str, input: Map<String, Value>) -> Result<Reply> {
        let listed = self.app.operation(operation).ok_or_else(|| Error::internal(operation))?;
        self.app.answer_within(self.conn, listed, self.caller, &self.sheet.call, input)
    }

    /// What a record made of the line can be found by, and the one here that is found by the first of it: a domain, a name, an
    /// e-mail, a title, a key.
    fn find(&self, input: &mut Map<String, Value>) -> Result<(Vec<Key>, Option<i64>)> {
        const BY_DOMAIN: &str = "select id from crm_organization where workspace_id = ?1 and domain = ?2 limit 1";
        const BY_NAME: &str =
            "select id from crm_organization where workspace_id = ?1 and name = ?2 collate nocase limit 1";
        const BY_EMAIL: &str = "select id from crm_person where workspace_id = ?1 and email = ?2 limit 1";
        const BY_TITLE: &str = "select id from crm_deal where workspace_id = ?1 and title = ?2 collate nocase limit 1";
        let text = |field: &str| input.get(field).and_then(Value::as_str);
        // In small letters as far as SQLite knows any.
        let small = |field| text(field).map(str::to_ascii_lowercase);
        let known_by: Vec<Key> = match self.sheet.plan.records {
            Records::Organizations => {
                let website = text("website").and_then(|text| Website::parse(text).ok());
                let domain = website.map(|website| (BY_DOMAIN, website.domain()));
                domain.into_iter().chain(small("name").map(|name| (BY_NAME, name))).collect()
            }
            Records::People => {
                let email = text("email").and_then(|text| Email::parse(text).ok());
                email.map(|email| (BY_EMAIL, email.as_str().to_owned())).into_iter().collect()
            }
            Records::Deals => small("title").map(|title| (BY_TITLE, title)).into_iter().collect(),
            Records::Tasks => return Ok((Vec::new(), self.task(input)?)),
        };
        let workspace = self.caller.workspace.as_ref().map(|workspace| workspace.id);
        let found = match known_by.first() {
            Some((sql, key)) => optional(self.conn, sql, (workspace, key), |row| row.take())?,
            None => None,
        };
        Ok((known_by, found))
    }

    /// The task of a key, among those that the caller sees. Keys of tasks that this table has made mean nothing to it: they are
    /// counted on from the last one, whatever stands in the table.
    fn task(&self, input: &mut Map<String, Value>) -> Result<Option<i64>> {
        let Some(Value::String(key)) = input.remove(KEY) else { return Ok(None) };
        let tx = Tx::new(self.conn, self.caller, self.app.config(), Moment::now(), &self.sheet.call);
        match Ref::<TaskRecord>::new(&key).resolve(&tx) {
            Ok(id) => Ok(Some(id.raw()).filter(|raw| *raw < self.sheet.since)),
            Err(error) if error.kind() == Fault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn cell(field: &str, text: &str) -> Value {
    match field {
        "labels" | "participants" | "dependsOn" => {
            text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect()
        }
        _ => Value::from(text),
    }
}

/// What the command line was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub records: Records,
    /// The workspace's slug.
    pub workspace: String,
    /// Columns by name, with the field that each goes into; an empty field leaves the column out.
    pub map: Vec<(String, String)>,
    /// Fields that every line gets.
    pub set: Vec<(String, String)>,
    pub on_duplicate: OnDuplicate,
    pub dry_run: bool,
}

/// What came of a table.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub dry_run: bool,
    pub made: u64,
    pub updated: u64,
    /// Here already, and left as they are.
    pub skipped: u64,
    pub failed: u64,
    /// The field that each column went into.
    pub columns: BTreeMap<String, String>,
    pub ignored_columns: Vec<String>,
    /// The first hundred lines that failed.
    pub errors: Vec<LineError>,
}

#[derive(Debug, Serialize)]
pub struct LineError {
    pub line: u64,
    pub message: String,
}

const TOLD: usize = 100;
/// A table is read as a whole.
const LARGEST: u64 = 1 << 30;

/// Reads a table and writes, or rehearses, each of its lines.
pub async fn import(app: &Arc<App>, path: &Path, asked: Asked, mut progress: Option<Progress>) -> Result<Outcome> {
    let workspace = app.store().read(|reading| {
        const FIND: &str = "select id from workspace where slug = ?1 and deleted_at is null";
        optional(reading.conn(), FIND, [&asked.workspace], |row| row.take::<i64>())
    })?;
    workspace.ok_or_else(|| Error::conflict(format!("there is no workspace {}", quoted(&asked.workspace))))?;
    let bytes = std::fs::metadata(path).map_err(|error| io(path, &error))?.len();
    if bytes > LARGEST {
        return Err(Error::conflict(format!("{} is larger than a gigabyte; import it in parts", path.display())));
    }
    let table = Table::read(std::fs::read(path).map_err(|error| io(path, &error))?)?;
    table.count()?;
    let columns = columns(app, &table.head, &asked)?;
    let mut outcome = Outcome { dry_run: asked.dry_run, ..Outcome::default() };
    for (name, field) in table.head.iter().zip(&columns) {
        match field {
            Some(field) => drop(outcome.columns.insert(name.clone(), field.clone())),
            None => outcome.ignored_columns.push(name.clone()),
        }
    }
    let call = Call {
        selector: Some(Selector::Slug(asked.workspace)),
        rehearsal: asked.dry_run,
        ..Call::with(Credential::ConsoleOfThisMachine)
    };
    let plan = Plan { records: asked.records, columns, set: asked.set, on_duplicate: asked.on_duplicate };
    let bytes = table.text().len() as u64;
    let begin = table.body;
    let mut from = Some(begin);
    let since = Id::<ChangeSet>::new(Moment::now().ms()).raw();
    let sheet = Arc::new(Sheet { table, plan, call, since });
    let mut seen = Seen::new();
    let mut tries = 0;
    while let Some(place) = from {
        if let Some(progress) = &mut progress {
            let _ = progress(place.byte as u64, bytes);
        }
        let (app_then, sheet) = (app.clone(), sheet.clone());
        let turn = move |conn: &Connection| {
            let mut told = Vec::new();
            let next = sheet.turn(&app_then, conn, place, &mut seen, |line| {
                told.push((line.line, line.became, line.problem));
                Ok(())
            })?;
            Ok((next, told, seen))
        };
        let told;
        (from, told, seen) = match app.store().write(turn).await {
            Ok(done) => done,
            // Nothing of the turn is kept. A rehearsal would have to know again what it has seen.
            Err(error) if error.status() == 503 && tries < TRIES && !asked.dry_run => {
                tries += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
                seen = Seen::new();
                continue;
            }
            Err(error) if asked.dry_run || place == begin => return Err(error),
            Err(error) => {
                return Err(Error::conflict(format!(
                    "{} What stands before line {} is imported, and nothing from there on.",
                    error.detail(),
                    place.line
                )));
            }
        };
        tries = 0;
        // A moment for a server that writes to the file, too.
        tokio::time::sleep(Duration::from_millis(3)).await;
        for (line, became, problem) in told {
            match became {
                Became::Made => outcome.made += 1,
                Became::Updated => outcome.updated += 1,
                Became::Skipped => outcome.skipped += 1,
                Became::Failed => outcome.failed += 1,
            }
            outcome.errors.extend(problem.map(|error| LineError { line, message: error.detail().to_owned() }));
        }
        outcome.errors.truncate(TOLD);
    }
    Ok(outcome)
}

/// Which field each column goes into, by its name or as the command line says.
fn columns(app: &App, head: &[String], asked: &Asked) -> Result<Vec<Option<String>>> {
    let (kind, create) = (asked.records.kind(), asked.records.operation(app, |kind| kind.create)?);
    for (column, field) in &asked.map {
        if !head.iter().any(|name| plain(name) == plain(column)) {
            return Err(Error::conflict(format!("--map: the table has no column {}", quoted(column))));
        }
        if !field.is_empty() && !is_field(field, &create.shape, &kind) {
            return Err(Error::conflict(format!(
                "--map: {} is no field; there are {}",
                quoted(field),
                asked.records.fields(app)?.join(", ")
            )));
        }
    }
    if let Some((field, _)) = asked.set.iter().find(|(field, _)| !create.shape.has(field)) {
        return Err(Error::conflict(format!("--set: {} is no field of {}", quoted(field), kind.create)));
    }
    let chosen = |name: &String| match asked.map.iter().find(|(column, _)| plain(column) == plain(name)) {
        Some((_, field)) => Some(field.clone()).filter(|field| !field.is_empty()),
        None => field_of(name, &create.shape, &kind),
    };
    let columns: Vec<Option<String>> = head.iter().map(chosen).collect();
    for (at, field) in columns.iter().enumerate().filter_map(|(at, field)| Some((at, field.as_ref()?))) {
        if let Some(other) = columns[..at].iter().position(|before| before.as_ref() == Some(field)) {
            return Err(Error::conflict(format!(
                "the columns {} and {} would both be {field}; leave one out with --map \"{}=\"",
                quoted(&head[other]),
                quoted(&head[at]),
                &head[at]
            )));
        }
    }
    Ok(columns)
}
