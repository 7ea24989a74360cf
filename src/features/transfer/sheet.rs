//! `sally import FILE.csv`: each line goes through the ordinary operation, so that every rule holds for it, and is one change of
//! its own. A line that fails is told and holds up no other.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Map, Value};

use super::io;
use crate::core::app::{App, Call};
use crate::core::caller::{Credential, Selector};
use crate::core::error::{Error, Result, quoted};
use crate::core::id::{self, Record};
use crate::core::input::Shape;
use crate::core::store::{Progress, optional};
use crate::core::text::{Email, Website};
use crate::features::crm::deals::DealRecord;
use crate::features::crm::organizations::OrganizationRecord;
use crate::features::crm::people::PersonRecord;
use crate::features::tasks::TaskRecord;

crate::choices! {
    /// What the lines of a table are.
    pub enum Records { Organizations = "ORGANIZATIONS", People = "PEOPLE", Deals = "DEALS", Tasks = "TASKS" }
}

crate::choices! {
    /// What becomes of a line whose record is here already.
    pub enum OnDuplicate { Skip = "SKIP", Update = "UPDATE", Fail = "FAIL" }
}

/// How a table is to be read.
#[derive(Debug, Clone)]
pub struct Plan {
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

/// What is known of a kind of record: its operations, and other words for its fields, in small letters without blanks.
struct Kind {
    create: &'static str,
    update: &'static str,
    id_field: &'static str,
    prefix: &'static str,
    words: &'static [(&'static str, &'static str)],
}

const FIRST_NAME: &str = "(first name)";
const LAST_NAME: &str = "(last name)";
/// A task's key, such as WEB-12: it finds the task, and is no field that could be set.
const KEY: &str = "(key)";

impl Records {
    fn kind(self) -> Kind {
        match self {
            Records::Organizations => Kind {
                create: "crm.organization.create",
                update: "crm.organization.update",
                id_field: "organizationId",
                prefix: OrganizationRecord::PREFIX,
                words: &[
                    ("company", "name"),
                    ("companyname", "name"),
                    ("organization", "name"),
                    ("firma", "name"),
                    ("url", "website"),
                    ("web", "website"),
                    ("domain", "website"),
                    ("companydomainname", "website"),
                    ("zip", "postalCode"),
                    ("zipcode", "postalCode"),
                    ("plz", "postalCode"),
                    ("state", "region"),
                    ("street", "address"),
                    ("employees", "size"),
                ],
            },
            Records::People => Kind {
                create: "crm.person.create",
                update: "crm.person.update",
                id_field: "personId",
                prefix: PersonRecord::PREFIX,
                words: &[
                    ("fullname", "name"),
                    ("contact", "name"),
                    ("firstname", FIRST_NAME),
                    ("givenname", FIRST_NAME),
                    ("vorname", FIRST_NAME),
                    ("lastname", LAST_NAME),
                    ("surname", LAST_NAME),
                    ("familyname", LAST_NAME),
                    ("nachname", LAST_NAME),
                    ("company", "organizationId"),
                    ("organization", "organizationId"),
                    ("companyname", "organizationId"),
                    ("firma", "organizationId"),
                    ("mobilephone", "mobile"),
                    ("cell", "mobile"),
                    ("jobtitle", "title"),
                    ("position", "title"),
                    ("role", "title"),
                    ("linkedin", "linkedinUrl"),
                ],
            },
            Records::Deals => Kind {
                create: "crm.deal.create",
                update: "crm.deal.update",
                id_field: "dealId",
                prefix: DealRecord::PREFIX,
                words: &[
                    ("deal", "title"),
                    ("dealname", "title"),
                    ("name", "title"),
                    ("amount", "value"),
                    ("company", "organizationId"),
                    ("organization", "organizationId"),
                    ("person", "primaryPersonId"),
                    ("contact", "primaryPersonId"),
                    ("dealstage", "stage"),
                    ("closedate", "expectedCloseAt"),
                    ("expectedclose", "expectedCloseAt"),
                    ("expectedclosedate", "expectedCloseAt"),
                    ("project", "projectId"),
                ],
            },
            Records::Tasks => Kind {
                create: "task.create",
                update: "task.update",
                id_field: "taskId",
                prefix: TaskRecord::PREFIX,
                words: &[
                    ("key", KEY),
                    ("issuekey", KEY),
                    ("name", "title"),
                    ("summary", "title"),
                    ("task", "title"),
                    ("project", "projectId"),
                    ("assignee", "ownerId"),
                    ("due", "dueDate"),
                    ("duedate", "dueDate"),
                    ("start", "startDate"),
                    ("parent", "parentId"),
                    ("estimate", "estimateMinutes"),
                    ("notes", "description"),
                ],
            },
        }
    }
}

/// Words that mean the same everywhere.
const WORDS: &[(&str, &str)] = &[
    ("emailaddress", "email"),
    ("mail", "email"),
    ("phonenumber", "phone"),
    ("telephone", "phone"),
    ("telefon", "phone"),
    ("owner", "ownerId"),
    ("tags", "labels"),
    ("tag", "labels"),
    ("label", "labels"),
    ("note", "notes"),
    ("comments", "notes"),
];

/// `E-Mail Address` → `emailaddress`.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Reads a table and writes, or rehearses, each of its lines.
pub async fn import(app: &Arc<App>, path: &Path, plan: &Plan, mut progress: Option<Progress>) -> Result<Outcome> {
    let bytes = std::fs::metadata(path).map_err(|error| io(path, &error))?.len();
    let workspace = app.store().read(|reading| {
        const FIND: &str = "select id from workspace where slug = ?1 and deleted_at is null";
        optional(reading.conn(), FIND, [&plan.workspace], |row| row.take::<i64>())
    })?;
    let workspace =
        workspace.ok_or_else(|| Error::conflict(format!("there is no workspace {}", quoted(&plan.workspace))))?;
    let file = File::open(path).map_err(|error| io(path, &error))?;
    let mut table = ReaderBuilder::new().delimiter(delimiter(path)?).trim(Trim::All).flexible(false).from_reader(file);
    let kind = plan.records.kind();
    let create = app.operation(kind.create).ok_or_else(|| Error::internal(kind.create))?;
    let head = table.headers().map_err(unreadable)?.clone();
    let columns = columns(&head, &create.shape, &kind, plan)?;
    let mut outcome = Outcome { dry_run: plan.dry_run, ..Outcome::default() };
    for (name, field) in head.iter().zip(&columns) {
        match field {
            Some(field) => drop(outcome.columns.insert(name.to_owned(), field.clone())),
            None => outcome.ignored_columns.push(name.to_owned()),
        }
    }
    let mut seen = HashSet::new();
    let mut line = StringRecord::new();
    loop {
        match table.read_record(&mut line) {
            Ok(true) => {}
            Ok(false) => return Ok(outcome),
            // What cannot be read ends it: where the next line begins is not known any more.
            Err(error) => return Err(unreadable(error)),
        }
        let at = line.position().map_or(0, csv::Position::line);
        if let Some(progress) = &mut progress {
            let _ = progress(line.position().map_or(0, csv::Position::byte), bytes);
        }
        let one = Line { app, plan, kind: &kind, workspace };
        match one.put(&columns, &line, &mut seen).await {
            Ok(Done::Made) => outcome.made += 1,
            Ok(Done::Updated) => outcome.updated += 1,
            Ok(Done::Skipped) => outcome.skipped += 1,
            Err(error) => {
                outcome.failed += 1;
                if outcome.errors.len() < TOLD {
                    outcome.errors.push(LineError { line: at, message: error.detail().to_owned() });
                }
            }
        }
    }
}

fn unreadable(error: csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    Error::conflict(match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: the text is not UTF-8; save the table as “CSV UTF-8”"),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: it has {len} cells, the first line has {expected_len}")
        }
        _ => format!("line {line}: {error}"),
    })
}

/// Spreadsheets write a comma, a semicolon or a tab, as the country has it: the one that the first line has most of.
fn delimiter(path: &Path) -> Result<u8> {
    use std::io::{BufRead, BufReader, Read};
    let mut first = Vec::new();
    let file = File::open(path).map_err(|error| io(path, &error))?;
    BufReader::new(file).take(1 << 16).read_until(b'\n', &mut first).map_err(|error| io(path, &error))?;
    let count = |byte: u8| first.iter().filter(|b| **b == byte).count();
    Ok([b',', b';', b'\t'].into_iter().rev().max_by_key(|byte| count(*byte)).unwrap_or(b','))
}

/// Which field each column goes into.
fn columns(head: &StringRecord, shape: &Shape, kind: &Kind, plan: &Plan) -> Result<Vec<Option<String>>> {
    let is_field = |field: &str| shape.has(field) || [FIRST_NAME, LAST_NAME, KEY].contains(&field);
    for (column, field) in &plan.map {
        if !head.iter().any(|name| plain(name) == plain(column)) {
            return Err(Error::conflict(format!("--map: the table has no column {}", quoted(column))));
        }
        if !field.is_empty() && !is_field(field) {
            return Err(Error::conflict(format!("--map: {} is no field of {}", quoted(field), kind.create)));
        }
    }
    if let Some((field, _)) = plan.set.iter().find(|(field, _)| !shape.has(field)) {
        return Err(Error::conflict(format!("--set: {} is no field of {}", quoted(field), kind.create)));
    }
    let known = |name: &str| -> Option<String> {
        let name = plain(name);
        if let Some((_, field)) = plan.map.iter().find(|(column, _)| plain(column) == name) {
            return Some(field.clone()).filter(|field| !field.is_empty());
        }
        let properties = shape.schema["properties"].as_object();
        let own = properties.into_iter().flat_map(|fields| fields.keys()).find(|field| plain(field) == name);
        let other = || kind.words.iter().chain(WORDS).find(|(word, field)| *word == name && is_field(field));
        own.cloned().or_else(|| other().map(|(_, field)| (*field).to_owned()))
    };
    let columns: Vec<Option<String>> = head.iter().map(|name| known(name.trim_start_matches('\u{feff}'))).collect();
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

enum Done {
    Made,
    Updated,
    Skipped,
}

/// One line on its way.
struct Line<'a> {
    app: &'a Arc<App>,
    plan: &'a Plan,
    kind: &'a Kind,
    workspace: i64,
}

impl Line<'_> {
    async fn put(&self, columns: &[Option<String>], cells: &StringRecord, seen: &mut HashSet<String>) -> Result<Done> {
        let mut input: Map<String, Value> =
            self.plan.set.iter().map(|(field, value)| (field.clone(), cell(field, value))).collect();
        for (field, text) in columns.iter().zip(cells).filter_map(|(field, text)| Some((field.as_ref()?, text))) {
            if !text.is_empty() {
                input.insert(field.clone(), cell(field, text));
            }
        }
        let names = [FIRST_NAME, LAST_NAME].map(|part| input.remove(part));
        let names: Vec<&str> = names.iter().flatten().filter_map(Value::as_str).collect();
        if !names.is_empty() {
            input.entry("name").or_insert_with(|| names.join(" ").into());
        }
        let (key, found) = self.find(&mut input)?;
        // A rehearsal writes nothing that a later line could meet, so what was met is remembered.
        let is_second = self.plan.dry_run && key.is_some_and(|key| !seen.insert(key));
        if found.is_none() && !is_second {
            self.run(self.kind.create, input).await?;
            return Ok(Done::Made);
        }
        match (self.plan.on_duplicate, found) {
            (OnDuplicate::Skip, _) => Ok(Done::Skipped),
            (OnDuplicate::Fail, _) => Err(Error::conflict("it is here already")),
            (OnDuplicate::Update, None) => Ok(Done::Updated),
            (OnDuplicate::Update, Some(id)) => {
                input.insert(self.kind.id_field.to_owned(), id.into());
                let update = self.app.operation(self.kind.update).ok_or_else(|| Error::internal(self.kind.update))?;
                input.retain(|field, _| update.shape.has(field));
                self.run(self.kind.update, input).await?;
                Ok(Done::Updated)
            }
        }
    }

    async fn run(&self, operation: &str, input: Map<String, Value>) -> Result<()> {
        let listed = self.app.operation(operation).ok_or_else(|| Error::internal(operation))?;
        let call = Call {
            selector: Some(Selector::Slug(self.plan.workspace.clone())),
            rehearsal: self.plan.dry_run,
            ..Call::with(Credential::ConsoleOfThisMachine)
        };
        self.app.answer(listed, call, input).await.map(drop)
    }

    /// What the line is known by, and the record here that is known by the same: a domain or name, an e-mail, a title, a key.
    fn find(&self, input: &mut Map<String, Value>) -> Result<(Option<String>, Option<String>)> {
        let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let (sql, key) = match self.plan.records {
            Records::Organizations => match text("website").and_then(|text| Website::parse(&text).ok()) {
                Some(website) => (
                    "select id from crm_organization where workspace_id = ?1 and domain = ?2 limit 1",
                    Some(website.domain()),
                ),
                None => (
                    "select id from crm_organization where workspace_id = ?1 and name = ?2 collate nocase limit 1",
                    text("name"),
                ),
            },
            Records::People => {
                let email = text("email").and_then(|text| Email::parse(&text).ok());
                (
                    "select id from crm_person where workspace_id = ?1 and email = ?2 limit 1",
                    email.map(|email| email.as_str().to_owned()),
                )
            }
            Records::Deals => {
                ("select id from crm_deal where workspace_id = ?1 and title = ?2 collate nocase limit 1", text("title"))
            }
            Records::Tasks => (
                "select t.id from task t join project p on p.id = t.project_id
                  where p.workspace_id = ?1 and p.key = upper(substr(?2, 1, instr(?2, '-') - 1))
                    and t.number = cast(substr(?2, instr(?2, '-') + 1) as integer)",
                input.remove(KEY).and_then(|key| key.as_str().map(str::to_owned)),
            ),
        };
        let Some(key) = key else { return Ok((None, None)) };
        let look = |conn: &Connection| optional(conn, sql, (self.workspace, &key), |row| row.take::<i64>());
        let found = self.app.store().read(|reading| look(reading.conn()))?;
        let found = found.map(|raw| id::typed(self.kind.prefix, raw));
        Ok((Some(plain(&key)), found))
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
