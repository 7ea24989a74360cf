//! `sally import`: the file is read whole and checked before anything is written; then it is written in one transaction,
//! so that it is there as a whole or not at all. While that runs, other writes wait.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Column, Counts, End, FORMAT, Head, Layout, Mark, TABLES, Table, Through, hex, id_text, io, schema};
use crate::core::error::{Error, Result, quoted};
use crate::core::id;
use crate::core::store::{self, Acting, Progress, act, acted, one, optional, run};
use crate::core::text::{Email, Website};
use crate::core::time::{self, Day, Moment};
use crate::features::projects::color::Color;
use crate::features::workspaces;

/// What was made, or would be.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    pub workspace: String,
    pub dry_run: bool,
    /// New here.
    pub made: Counts,
    /// Here already and left as they are; an account of the same e-mail is one.
    pub kept: Counts,
    /// What goes by another name or id than in the file; the first hundred.
    pub renamed: Vec<Renamed>,
    /// How many are renamed in all.
    pub renamed_count: usize,
    /// People who are new here: without a password, so “sally user reset” lets them in.
    pub new_accounts: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Renamed {
    pub record: &'static str,
    pub from: String,
    pub to: String,
}

/// Renamed records told one by one.
const TOLD: usize = 100;
/// The longest line that is read: the largest picture there may be, and room.
const LONGEST_LINE: u64 = 256 << 20;

/// A file that was read and found whole.
pub struct Checked {
    file: File,
    head: Head,
    workspace: i64,
    bytes: u64,
}

fn at_line(line: u64, what: impl std::fmt::Display) -> Error {
    Error::conflict(format!("line {line}: {what}; nothing was imported"))
}

/// One line of the file with its number; the buffer is used again.
struct Lines<'a> {
    from: BufReader<&'a File>,
    line: Vec<u8>,
    number: u64,
    read: u64,
    bytes: u64,
    progress: Option<Progress>,
}

impl<'a> Lines<'a> {
    fn of(mut file: &'a File, bytes: u64, progress: Option<Progress>) -> std::io::Result<Self> {
        file.rewind()?;
        Ok(Lines { from: BufReader::new(file), line: Vec::new(), number: 0, read: 0, bytes, progress })
    }

    /// Goes on to the next line; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        self.line.clear();
        self.number += 1;
        let read = self.from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| at_line(self.number, error))?;
        self.read += read as u64;
        if let Some(progress) = &mut self.progress {
            let _ = progress(self.read, self.bytes);
        }
        if read > 0 && self.line.last() != Some(&b'\n') {
            return Err(at_line(self.number, "it breaks off; the file is not complete"));
        }
        Ok(read > 0)
    }

    fn record(&self) -> Result<Option<Record>> {
        let wrong = |what: &str| at_line(self.number, what);
        let Ok(Value::Object(object)) = serde_json::from_slice(&self.line) else {
            return Err(wrong("it is not a JSON object"));
        };
        let mut members = object.into_iter();
        let (Some((name, value)), None) = (members.next(), members.next()) else {
            return Err(wrong("it is not an object with one member"));
        };
        if name == "end" {
            return Ok(None);
        }
        let table = TABLES.iter().position(|table| table.name == name);
        let table =
            table.ok_or_else(|| at_line(self.number, format!("a record called {} is not known", quoted(&name))))?;
        let Value::Object(fields) = value else { return Err(wrong("the record is not an object")) };
        let id = reference(&fields, "id", table).map_err(|what| at_line(self.number, what))?;
        let id = id.ok_or_else(|| wrong("the record has no id"))?;
        Ok(Some(Record { table, id, fields }))
    }
}

struct Record {
    table: usize,
    id: i64,
    fields: Map<String, Value>,
}

/// The number of an id in a field; which kind of record it is of must fit.
fn reference(fields: &Map<String, Value>, field: &str, table: usize) -> Result<Option<i64>, String> {
    let prefix = TABLES[table].prefix;
    match fields.get(field) {
        None => Ok(None),
        Some(value) => {
            let raw = value.as_str().and_then(|text| id::untyped(prefix, text));
            raw.map(Some).ok_or_else(|| format!("{field} is not an id that begins with {prefix}_"))
        }
    }
}

/// Reads the file from beginning to end: is it one of ours, whole, unchanged, and consistent in itself? Memory does not
/// grow with it: the ids are noted in a file that goes away.
pub fn check(conn: &Connection, path: &Path, progress: Option<Progress>) -> Result<Checked> {
    let file = File::open(path).map_err(|error| io(path, &error))?;
    let bytes = file.metadata().map_err(|error| io(path, &error))?.len();
    let mut lines = Lines::of(&file, bytes, progress).map_err(|error| io(path, &error))?;
    let layout = Layout::of(conn)?;
    if !lines.advance()? {
        return Err(at_line(1, "the file is empty"));
    }
    let head = match serde_json::from_slice(&lines.line) {
        Ok(Mark::Sally(head)) => head,
        _ => {
            return Err(at_line(
                1,
                "this is not a file of “sally export”; for a table, say --as organizations, people, deals or tasks",
            ));
        }
    };
    if head.format > FORMAT || head.schema > schema(conn)? {
        let newer = format!("the file is of a newer Sally ({}); use that version or a newer one", head.version);
        return Err(at_line(1, newer));
    }
    let notes = Notes::new()?;
    let mut hash = Sha256::new();
    hash.update(&lines.line);
    let (mut records, mut table, mut workspace) = (0, 0, None);
    let end = loop {
        if !lines.advance()? {
            return Err(at_line(lines.number, "the file ends here without its last line; it is not complete"));
        }
        let Some(record) = lines.record()? else { break lines.line.clone() };
        let wrong = |what: String| at_line(lines.number, what);
        hash.update(&lines.line);
        records += 1;
        if record.table < table {
            return Err(wrong(format!("a {} comes after a {}", TABLES[record.table].name, TABLES[table].name)));
        }
        table = record.table;
        if TABLES[table].through == Through::Itself && workspace.replace(record.id).is_some() {
            return Err(wrong("there is a second workspace".into()));
        }
        check_fields(&record, &layout.0[table], workspace).map_err(wrong)?;
        notes.note(&record, &layout.0[table], lines.number)?;
    };
    match serde_json::from_slice(&end) {
        Ok(Mark::End(End { records: counted, sha256 })) if counted == records && sha256 == hex(hash) => {}
        _ => return Err(at_line(lines.number, "the checksum does not fit; the file was changed or damaged")),
    }
    if lines.advance()? {
        return Err(at_line(lines.number, "something follows the last line"));
    }
    notes.check()?;
    let workspace = workspace.ok_or_else(|| at_line(lines.number, "the file has no workspace"))?;
    drop(lines);
    Ok(Checked { file, head, workspace, bytes })
}

/// What the database itself does not check: columns that there are, and texts that pages make addresses of.
fn check_fields(record: &Record, columns: &[Column], workspace: Option<i64>) -> Result<(), String> {
    for (name, value) in &record.fields {
        let Some(column) = columns.iter().find(|column| column.name == *name) else {
            return Err(format!("a {} has no field {}", TABLES[record.table].name, quoted(name)));
        };
        if let Some(other) = column.refers_to {
            let raw = reference(&record.fields, name, other)?;
            if TABLES[other].through == Through::Itself && raw != workspace {
                return Err(format!("{name} is not the workspace of the file"));
            }
            continue;
        }
        let Some(text) = value.as_str() else {
            match value.is_i64() {
                true => continue,
                false => return Err(format!("{name} is neither a text nor a whole number")),
            }
        };
        if text.contains('\0') {
            return Err(format!("{name} has a character that no text may have (U+0000)"));
        }
        let checked = match name.as_str() {
            "website" | "linkedin_url" | "avatar_url" => Website::parse(text).map(drop),
            "email" if TABLES[record.table].through == Through::Mention => Email::parse(text).map(drop),
            "time_zone" => time::time_zone(text).map(drop),
            "color" => Color::try_from(text.to_owned()).map(drop),
            "slug" | "key" if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Err(format!("{} has other characters than letters, digits and -", quoted(text)))
            }
            _ if name.ends_with("_on") => Day::parse(text).map(drop),
            _ => Ok(()),
        };
        checked.map_err(|what| format!("{name}: {what}"))?;
    }
    Ok(())
}

/// The ids of the file and what refers to them, in a database of its own on the disk.
struct Notes(Connection);

impl Notes {
    fn new() -> Result<Self> {
        let conn = Connection::open("")?;
        conn.execute_batch(
            "pragma journal_mode = off; pragma synchronous = off;
             create table record (kind integer, id integer, primary key (kind, id)) without rowid;
             create table mention (line integer, field text, kind integer, id integer);
             begin",
        )?;
        Ok(Notes(conn))
    }

    fn note(&self, record: &Record, columns: &[Column], line: u64) -> Result<()> {
        const NOTE: &str = "insert or ignore into record values (?1, ?2)";
        const MENTION: &str = "insert into mention values (?1, ?2, ?3, ?4)";
        let is_new = run(&self.0, NOTE, (record.table as i64, record.id))?;
        if is_new == 0 {
            return Err(at_line(line, "the same record stands in a line before"));
        }
        for column in columns {
            let Some(other) = column.refers_to.filter(|other| TABLES[*other].through != Through::Itself) else {
                continue;
            };
            if let Some(id) = reference(&record.fields, &column.name, other).map_err(|what| at_line(line, what))? {
                run(&self.0, MENTION, (line as i64, &column.name, other as i64, id))?;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        const LOST: &str = "
            select line, field, kind, id from mention m
             where not exists (select 1 from record r where r.kind = m.kind and r.id = m.id) order by line limit 1";
        let lost = optional(&self.0, LOST, [], |row| {
            Ok((row.take::<i64>()?, row.take::<String>()?, row.take::<i64>()?, row.take::<i64>()?))
        })?;
        match lost {
            None => Ok(()),
            Some((line, field, kind, id)) => {
                let id = id_text(&TABLES[kind as usize], id);
                Err(at_line(line as u64, format!("{field} refers to {id}, which is not in the file")))
            }
        }
    }
}

/// Writes what was checked, inside the writer's transaction; a dry run takes it back again.
pub fn write(conn: &Connection, mut checked: Checked, dry_run: bool, progress: Option<Progress>) -> Result<Imported> {
    run(conn, "savepoint import", [])?;
    let mut imported = in_savepoint(conn, &mut checked, progress)?;
    if dry_run {
        run(conn, "rollback to import", [])?;
    }
    run(conn, "release import", [])?;
    imported.dry_run = dry_run;
    Ok(imported)
}

fn in_savepoint(conn: &Connection, checked: &mut Checked, progress: Option<Progress>) -> Result<Imported> {
    let workspace = Some(id::Id::from_raw(checked.workspace));
    act(conn, &Acting { workspace, ..Acting::alone(Moment::now(), "workspace.import") })?;
    let mut import = Import {
        conn,
        layout: Layout::of(conn)?,
        workspace: checked.workspace,
        ids: HashMap::new(),
        done: Imported { workspace: checked.head.workspace.clone(), ..Imported::default() },
    };
    let failed = |error: &std::io::Error| Error::conflict(format!("the file cannot be read again: {error}"));
    // Ids first: a text may name a picture that comes later.
    import.choose_ids(Lines::of(&checked.file, checked.bytes, None).map_err(|error| failed(&error))?)?;
    let mut lines = Lines::of(&checked.file, checked.bytes, progress).map_err(|error| failed(&error))?;
    lines.advance()?;
    while lines.advance()? {
        let Some(record) = lines.record()? else { break };
        import.put(record, lines.number)?;
    }
    import.check()?;
    acted(conn)?;
    Ok(import.done)
}

struct Import<'a> {
    conn: &'a Connection,
    layout: Layout,
    workspace: i64,
    /// Where a record of the file has another id here; all others keep theirs.
    ids: HashMap<(usize, i64), i64>,
    done: Imported,
}

/// What there is of a record here already.
enum Here {
    No,
    /// The same record.
    Same,
    /// One of another workspace goes by its id.
    Other,
}

impl Import<'_> {
    fn choose_ids(&mut self, mut lines: Lines<'_>) -> Result<()> {
        lines.advance()?;
        while lines.advance()? {
            let Some(record) = lines.record()? else { break };
            let table = &TABLES[record.table];
            if table.through == Through::Mention
                && let Some(known) = self.account_of(&record)?
            {
                if known != record.id {
                    self.ids.insert((record.table, record.id), known);
                }
                continue;
            }
            let mut id = record.id;
            let mut tries = 0;
            while matches!(self.here(table, id)?, Here::Other) {
                tries += 1;
                id = another(record.id, self.workspace, table, tries);
            }
            if id != record.id {
                self.renamed(table.name, id_text(table, record.id), id_text(table, id));
                self.ids.insert((record.table, record.id), id);
            }
        }
        Ok(())
    }

    fn account_of(&self, record: &Record) -> Result<Option<i64>> {
        let email = record.fields.get("email").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        optional(self.conn, "select id from account where email = ?1", [email], |row| row.take())
    }

    fn here(&self, table: &Table, id: i64) -> Result<Here> {
        let owner: Option<i64> = optional(self.conn, &table.owner(), [id], |row| row.take())?;
        Ok(match (owner, table.through) {
            (None, _) => Here::No,
            // An account of the same id and another e-mail is somebody else.
            (Some(_), Through::Mention) => Here::Other,
            (Some(owner), _) if owner == self.workspace => Here::Same,
            (Some(_), _) => Here::Other,
        })
    }

    fn renamed(&mut self, record: &'static str, from: String, to: String) {
        self.done.renamed_count += 1;
        if self.done.renamed.len() < TOLD {
            self.done.renamed.push(Renamed { record, from, to });
        }
    }

    fn id_here(&self, table: usize, id: i64) -> i64 {
        self.ids.get(&(table, id)).copied().unwrap_or(id)
    }

    fn put(&mut self, mut record: Record, line: u64) -> Result<()> {
        let table = &TABLES[record.table];
        let is_here = match table.through {
            Through::Mention => self.account_of(&record)?.is_some(),
            _ => matches!(self.here(table, self.id_here(record.table, record.id))?, Here::Same),
        };
        match table.through {
            Through::Itself => self.workspace(&mut record, is_here, line)?,
            Through::Mention if !is_here => {
                let email = record.fields.get("email").and_then(Value::as_str).unwrap_or_default().to_lowercase();
                self.done.new_accounts.push(email.clone());
                record.fields.insert("email".into(), email.into());
            }
            _ => {}
        }
        if is_here || self.insert(record, line)? == 0 {
            *self.done.kept.entry(table.name).or_default() += 1;
        } else {
            *self.done.made.entry(table.name).or_default() += 1;
        }
        Ok(())
    }

    /// A slug that is taken gets a number.
    fn workspace(&mut self, record: &mut Record, is_here: bool, line: u64) -> Result<()> {
        const HERE: &str = "select slug, deleted_at is not null from workspace where id = ?1";
        if is_here {
            let (slug, is_going): (String, bool) =
                one(self.conn, HERE, [self.workspace], |row| Ok((row.take()?, row.take()?)))?;
            if is_going {
                return Err(at_line(
                    line,
                    "the workspace was deleted here and is being cleared away; try again in a minute",
                ));
            }
            self.done.workspace = slug;
            return Ok(());
        }
        let wanted = record.fields.get("slug").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_taken = |slug: &str| -> Result<bool> {
            one(self.conn, "select exists (select 1 from workspace where slug = ?1)", [slug], |row| row.take())
        };
        let slug = workspaces::free_slug(&wanted, "workspace", is_taken)?;
        if slug != wanted {
            self.renamed("workspace", wanted, slug.clone());
        }
        record.fields.insert("slug".into(), slug.as_str().into());
        self.done.workspace = slug;
        Ok(())
    }

    /// How many rows that made: none where the same link is here already.
    fn insert(&self, mut record: Record, line: u64) -> Result<usize> {
        let wrong = |what: String| at_line(line, what);
        let table = &TABLES[record.table];
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (index, column) in self.layout.0[record.table].iter().enumerate() {
            let refers_to = if index == 0 { Some(record.table) } else { column.refers_to };
            let value = match refers_to {
                Some(other) => match reference(&record.fields, &column.name, other).map_err(wrong)? {
                    Some(id) => Sql::Integer(self.id_here(other, id)),
                    None => continue,
                },
                None => match record.fields.remove(&column.name) {
                    None | Some(Value::Null) => continue,
                    Some(Value::String(text)) if column.is_blob => {
                        Sql::Blob(STANDARD.decode(text).map_err(|error| wrong(format!("{}: {error}", column.name)))?)
                    }
                    Some(Value::String(text)) => Sql::Text(self.with_pictures(table, &column.name, text)),
                    Some(Value::Number(number)) => number.as_i64().map_or(Sql::Null, Sql::Integer),
                    Some(_) => return Err(wrong(format!("{} is neither a text nor a number", column.name))),
                },
            };
            names.push(column.name.as_str());
            values.push(value);
        }
        if table.through == Through::Mention {
            // What an account has besides is this server's business.
            names.extend(["created_at", "updated_at"]);
            values.extend([Sql::Integer(Moment::now().ms()), Sql::Integer(Moment::now().ms())]);
        }
        let or_ignore = if table.links { " or ignore" } else { "" };
        let places = vec!["?"; names.len()].join(", ");
        let sql = format!("insert{or_ignore} into {} ({}) values ({places})", table.name, names.join(", "));
        run(self.conn, &sql, params_from_iter(values)).map_err(|error| at_line(line, refusal(table, &error)))
    }

    /// Descriptions and comments show pictures by their address, which has an id in it.
    fn with_pictures(&self, table: &Table, column: &str, mut text: String) -> String {
        if !matches!((table.name, column), ("task", "description") | ("comment", "body")) {
            return text;
        }
        let pictures = TABLES.iter().position(|table| table.name == "task_image").expect("pictures travel");
        for ((_, from), to) in self.ids.iter().filter(|((table, _), _)| *table == pictures) {
            text = text.replace(&id_text(&TABLES[pictures], *from), &id_text(&TABLES[pictures], *to));
        }
        text
    }

    /// What no single line shows: that records which belong together are of the same project.
    fn check(&self) -> Result<()> {
        match store::broken_promises(self.conn, Some(self.workspace))?.first() {
            None => Ok(()),
            Some((what, _)) => {
                Err(Error::conflict(format!("the file does not fit together: {what}; nothing was imported")))
            }
        }
    }
}

/// The same for the same file, so that importing it again finds what it made: the time stays, the random bits change.
fn another(id: i64, workspace: i64, table: &Table, tries: u32) -> i64 {
    const RANDOM: i64 = (1 << id::RANDOM_BITS) - 1;
    let mut hash = Sha256::new();
    hash.update(table.name);
    hash.update(workspace.to_le_bytes());
    hash.update(id.to_le_bytes());
    hash.update(tries.to_le_bytes());
    let bytes: [u8; 32] = hash.finalize().into();
    let noise = bytes[..8].iter().fold(0, |noise, byte| noise << 8 | i64::from(*byte));
    (id & !RANDOM) | (noise & RANDOM)
}

fn refusal(table: &Table, error: &Error) -> String {
    format!("this {} does not fit what is here: {}", table.name, error.cause())
}
