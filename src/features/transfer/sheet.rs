//! Tables of spreadsheets: each line goes through the ordinary operation, so that every rule holds for it, and is one change of
//! its own. A line that fails is told and holds up no other. Lines go in turns, and those of a turn share a commit: with one
//! for each, 5,000 people took eleven times as long.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use csv::{ReaderBuilder, StringRecord, Terminator, Trim};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::io;
use crate::core::app::{App, Call, Listed};
use crate::core::caller::{Caller, Credential, Selector};
use crate::core::error::{Error, Kind as Fault, Result, quoted};
use crate::core::id::{self, Id, Record};
use crate::core::input::{Shape, common};
use crate::core::operation::{Reply, Tx};
use crate::core::reference::Ref;
use crate::core::store::{ChangeSet, Progress, optional};
use crate::core::text::{Email, Website};
use crate::core::time::Moment;
use crate::features::crm::deals::DealRecord;
use crate::features::crm::organizations::OrganizationRecord;
use crate::features::crm::people::PersonRecord;
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

/// A table as text, with the names of its columns in its first line.
#[derive(Debug)]
pub struct Table {
    text: String,
    delimiter: u8,
    pub head: Vec<String>,
    /// The same as it stands in the file.
    pub heading: String,
    /// Where the lines below the first begin.
    pub body: Place,
}

/// A place in a table: the bytes before it, and its line as an editor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub byte: usize,
    pub line: u64,
}

impl Place {
    const START: Place = Place { byte: 0, line: 1 };
}

/// A line with something in it, and where the next one begins.
pub struct Line {
    pub begin: Place,
    pub cells: StringRecord,
    pub next: Place,
}

impl Table {
    /// A file of UTF-8, or of UTF-16 that says so, as spreadsheets write “Unicode text”.
    pub fn read(bytes: Vec<u8>) -> Result<Table> {
        Table::of(text_of(bytes)?)
    }

    pub fn of(mut text: String) -> Result<Table> {
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        // As a Macintosh once ended lines.
        if !text.contains('\n') {
            text = text.replace('\r', "\n");
        }
        let (delimiter, start) = said_delimiter(&text).unwrap_or_else(|| (likely_delimiter(&text), Place::START));
        let mut table = Table { text, delimiter, head: Vec::new(), heading: String::new(), body: start };
        let head = table.lines(start).next().transpose()?.ok_or_else(|| Error::conflict("the table is empty"))?;
        table.head = head.cells.iter().map(str::to_owned).collect();
        table.heading = table.raw(&head).to_owned();
        table.body = head.next;
        Ok(table)
    }

    /// The lines from a place on. Empty ones are passed over, as spreadsheets end with many.
    pub fn lines(&self, from: Place) -> impl Iterator<Item = Result<Line>> {
        let text = self.text.as_bytes().get(from.byte..).unwrap_or_default();
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            // A carriage return alone ends no line: they are counted as an editor counts.
            .terminator(Terminator::Any(b'\n'))
            .trim(Trim::All)
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let place = move |position: &csv::Position| Place {
            byte: from.byte + position.byte() as usize,
            line: from.line + position.line() - 1,
        };
        std::iter::from_fn(move || {
            loop {
                // Of the end of a line the reader leaves a part to the next one.
                let mut begin = place(reader.position());
                let ends = text[begin.byte - from.byte..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                for byte in ends {
                    begin.byte += 1;
                    begin.line += u64::from(*byte == b'\n');
                }
                let mut cells = StringRecord::new();
                match reader.read_record(&mut cells) {
                    Ok(true) if cells.iter().all(str::is_empty) => {}
                    Ok(true) => {
                        let next = place(reader.position());
                        return Some(Ok(Line { begin, cells, next }));
                    }
                    Ok(false) => return None,
                    Err(error) => return Some(Err(Error::conflict(format!("line {}: {error}", begin.line)))),
                }
            }
        })
    }

    /// How many lines there are. Refused where a quotation mark is never closed: all that follows it would be one cell.
    pub fn count(&self) -> Result<usize> {
        let (mut count, mut last) = (0, Place::START);
        for line in self.lines(self.body) {
            (count, last) = (count + 1, line?.begin);
        }
        // What stands behind an open quotation mark is not seen as a line.
        let ending = format!("{}\n.", &self.text[last.byte..]);
        let ending = Table { text: ending, head: Vec::new(), heading: String::new(), ..*self };
        match ending.lines(Place::START).count() {
            2.. => Ok(count),
            _ => Err(Error::conflict(format!("line {}: a quotation mark is opened and never closed", last.line))),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn delimiter(&self) -> char {
        self.delimiter.into()
    }

    /// The first line and as many below it, as a table of their own.
    pub fn beginning(&self, lines: usize) -> &str {
        let end = self.lines(self.body).take(lines).flatten().last().map_or(self.body, |line| line.next);
        &self.text[..end.byte]
    }

    /// A line as it stands in the table, without its end.
    fn raw(&self, line: &Line) -> &str {
        self.text[line.begin.byte..line.next.byte].trim_end_matches(['\r', '\n'])
    }
}

/// UTF-8, or UTF-16 with the mark in front by which it is known.
fn text_of(bytes: Vec<u8>) -> Result<String> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| Error::conflict("the text is not UTF-16, as its first bytes say it is"))
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8(bytes).map_err(|error| {
            let whole = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = whole.iter().filter(|byte| **byte == b'\n').count() + 1;
            Error::conflict(format!("line {line}: the text is not UTF-8; save the table as “CSV UTF-8”"))
        }),
    }
}

const DELIMITERS: [u8; 4] = *b",;\t|";

/// As spreadsheets understand it: `sep=;` in a line before all others.
fn said_delimiter(text: &str) -> Option<(u8, Place)> {
    let (first, _) = text.split_once('\n')?;
    let [delimiter] = first.trim_end_matches('\r').strip_prefix("sep=")?.as_bytes() else { return None };
    DELIMITERS.contains(delimiter).then_some((*delimiter, Place { byte: first.len() + 1, line: 2 }))
}

/// Spreadsheets write a comma, a semicolon or a tab, as the country has it: the one that the first line has most of, outside of
/// quotation marks.
fn likely_delimiter(text: &str) -> u8 {
    let mut is_quoted = false;
    let mut outside = |byte: &u8| {
        is_quoted ^= *byte == b'"';
        !is_quoted
    };
    let text = text.trim_start_matches(['\r', '\n']);
    let first: Vec<u8> = text.bytes().filter(|byte| outside(byte)).take_while(|byte| *byte != b'\n').collect();
    let count = |delimiter: &u8| first.iter().filter(|byte| *byte == delimiter).count();
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

/// What is known of a kind of record: its operations, and other words for its fields, in small letters without blanks.
struct Kind {
    create: &'static str,
    update: &'static str,
    id_field: &'static str,
    prefix: &'static str,
    words: &'static [(&'static str, &'static str)],
    /// Fields that no operation has, and lines do.
    also: &'static [&'static str],
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
                also: &[],
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
                also: &[FIRST_NAME, LAST_NAME],
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
                also: &[],
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
                also: &[KEY],
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

/// Which field a column goes into by its name.
fn field_of(column: &str, shape: &Shape, kind: &Kind) -> Option<String> {
    let name = plain(column);
    let own = fields(shape, kind).into_iter().find(|field| plain(field) == name);
    let other = || kind.words.iter().chain(WORDS).find(|(word, field)| *word == name && is_field(field, shape, kind));
    own.or_else(|| other().map(|(_, field)| *field)).map(str::to_owned)
}

/// What a column can go into.
fn fields<'a>(shape: &'a Shape, kind: &Kind) -> Vec<&'a str> {
    // A checklist is more than a cell can say, and the door's own is none of the record's.
    let is_plain = |field: &&str| ![common::IDEMPOTENCY_KEY, "todos"].contains(field);
    let properties = shape.schema["properties"].as_object();
    let own = properties.into_iter().flat_map(|fields| fields.keys()).map(String::as_str).filter(is_plain);
    own.chain(kind.also.iter().copied()).collect()
}

fn is_field(field: &str, shape: &Shape, kind: &Kind) -> bool {
    fields(shape, kind).contains(&field)
}

impl Records {
    fn operation(self, app: &App, which: fn(&Kind) -> &'static str) -> Result<&Listed> {
        let name = which(&self.kind());
        app.operation(name).ok_or_else(|| Error::internal(name))
    }

    /// What a column can go into.
    pub fn fields(self, app: &App) -> Result<Vec<&str>> {
        Ok(fields(&self.operation(app, |kind| kind.create)?.shape, &self.kind()))
    }

    /// Where each column goes by its name; of two that would go to the same place, the first.
    pub fn guess(self, app: &App, head: &[String]) -> Result<Vec<Option<String>>> {
        let (kind, create) = (self.kind(), self.operation(app, |kind| kind.create)?);
        let mut taken = HashSet::new();
        let mut free = |column| field_of(column, &create.shape, &kind).filter(|field| taken.insert(field.clone()));
        Ok(head.iter().map(|column| free(column)).collect())
    }

    /// A field that no record goes without, and none of the columns into.
    pub fn missing<'a>(self, app: &'a App, goes: &[String]) -> Result<Option<&'a str>> {
        let required = self.operation(app, |kind| kind.create)?.shape.schema["required"].as_array();
        let is_said = |field: &str| match field {
            // Where the tasks go was said with the table.
            "projectId" => true,
            "name" => goes.iter().any(|goes| [field, FIRST_NAME, LAST_NAME].contains(&goes.as_str())),
            _ => goes.iter().any(|goes| goes == field),
        };
        Ok(required.into_iter().flatten().filter_map(Value::as_str).find(|field| !is_said(field)))
    }

    /// The id of a record, as people see it.
    pub fn id(self, raw: i64) -> String {
        id::typed(self.kind().prefix, raw)
    }
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
    let bytes = table.text.len() as u64;
    let mut from = Some(table.body);
    let since = Id::<ChangeSet>::new(Moment::now().ms()).raw();
    let sheet = Arc::new(Sheet { table, plan, call, since });
    let mut seen = Seen::new();
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
        (from, told, seen) = app.store().write(turn).await?;
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
            return Err(Error::conflict(format!("--map: {} is no field of {}", quoted(field), kind.create)));
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
