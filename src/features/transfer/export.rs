//! `sally export`: one snapshot, read row by row and written line by line, so that memory does not grow with it.

use std::io::{BufWriter, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Counts, End, FORMAT, Head, Layout, Mark, TABLES, Table, Through, hex, id_text, io, now_text, schema};
use crate::core::error::{Error, Result, quoted};
use crate::core::store::{self, Store, all, one, optional};

/// What was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exported {
    pub workspace: String,
    pub records: Counts,
    /// Where the journal stood.
    pub journal: i64,
}

/// Writes a workspace, or the only one there is, into a file that must not exist yet unless it may be replaced.
pub fn export(from: &Store, slug: Option<&str>, to: &Path, replace: bool) -> Result<Exported> {
    store::must_be_free(to, replace)?;
    let mut file = store::unfinished(to)?;
    let exported = from.read(|reading| {
        let mut out = Out { to, out: BufWriter::new(file.as_file_mut()), hash: Sha256::new(), records: Counts::new() };
        let (workspace, journal) = write(reading.conn(), slug, &mut out)?;
        Ok(Exported { workspace, records: out.finish()?, journal })
    })?;
    file.as_file().sync_all().map_err(|error| io(to, &error))?;
    store::keep(file.into_temp_path(), to, replace)?;
    Ok(exported)
}

/// Lines on their way to the file.
struct Out<'a> {
    to: &'a Path,
    out: BufWriter<&'a mut std::fs::File>,
    hash: Sha256,
    records: Counts,
}

impl Out<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).map_err(Error::internal)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line).map_err(|error| io(self.to, &error))
    }

    fn finish(mut self) -> Result<Counts> {
        let end = End { records: self.records.values().sum(), sha256: hex(self.hash.clone()) };
        self.line(&Mark::End(end))?;
        self.out.flush().map_err(|error| io(self.to, &error))?;
        Ok(self.records)
    }
}

/// The workspace's slug and where the journal stood.
fn write(conn: &Connection, slug: Option<&str>, out: &mut Out<'_>) -> Result<(String, i64)> {
    let (workspace, slug) = find(conn, slug)?;
    let layout = Layout::of(conn)?;
    let journal: i64 = one(conn, "select ifnull(max(seq), 0) from change", [], |row| row.take())?;
    out.line(&Mark::Sally(Head {
        format: FORMAT,
        schema: schema(conn)?,
        version: env!("CARGO_PKG_VERSION").into(),
        exported_at: now_text(),
        workspace: slug.clone(),
        journal,
    }))?;
    for at in 0..TABLES.len() {
        rows(conn, &layout, at, workspace, out)?;
    }
    Ok((slug, journal))
}

fn find(conn: &Connection, slug: Option<&str>) -> Result<(i64, String)> {
    if let Some(slug) = slug {
        const FIND: &str = "select id, slug from workspace where slug = ?1 and deleted_at is null";
        let found = optional(conn, FIND, [slug], |row| Ok((row.take()?, row.take()?)))?;
        return found.ok_or_else(|| Error::conflict(format!("there is no workspace {}", quoted(slug))));
    }
    const ALL: &str = "select id, slug from workspace where deleted_at is null order by slug limit 20";
    let mut found: Vec<(i64, String)> = all(conn, ALL, [], |row| Ok((row.take()?, row.take()?)))?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::conflict("there is no workspace to export")),
        _ => {
            let slugs: Vec<String> = found.into_iter().map(|(_, slug)| slug).collect();
            Err(Error::conflict(format!("say which one with --workspace: {}", slugs.join(", "))))
        }
    }
}

fn rows(conn: &Connection, layout: &Layout, at: usize, workspace: i64, out: &mut Out<'_>) -> Result<()> {
    let (table, columns) = (&TABLES[at], &layout.0[at]);
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let condition = match table.through {
        Through::Mention => format!("id in ({})", mentions(layout, at)),
        _ => table.condition().to_owned(),
    };
    let sql = format!("select {} from {} where {condition} order by id", names.join(", "), table.name);
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([workspace])?;
    while let Some(row) = rows.next()? {
        let mut fields = Map::new();
        for (index, column) in columns.iter().enumerate() {
            let refers_to = if index == 0 { Some(table) } else { column.refers_to.map(|other| &TABLES[other]) };
            if let Some(value) = shown(row.get_ref(index)?, refers_to)? {
                fields.insert(column.name.clone(), value);
            }
        }
        out.line(&json!({ table.name: fields }))?;
        *out.records.entry(table.name).or_default() += 1;
    }
    Ok(())
}

/// Everybody that a row of the workspace refers to.
fn mentions(layout: &Layout, accounts: usize) -> String {
    let of_table = |(table, columns): (&Table, &Vec<super::Column>)| -> Vec<String> {
        let columns = columns.iter().filter(|column| column.refers_to == Some(accounts));
        columns
            .map(|column| format!("select {} from {} where {}", column.name, table.name, table.condition()))
            .collect()
    };
    TABLES.iter().zip(&layout.0).flat_map(of_table).collect::<Vec<_>>().join(" union ")
}

/// Nothing for null; ids as people see them; bytes as Base64.
fn shown(value: ValueRef<'_>, id_of: Option<&Table>) -> Result<Option<Value>> {
    Ok(match (value, id_of) {
        (ValueRef::Null, _) => None,
        (ValueRef::Integer(raw), Some(table)) => Some(Value::from(id_text(table, raw))),
        (ValueRef::Integer(number), None) => Some(Value::from(number)),
        (ValueRef::Real(number), _) => Some(Value::from(number)),
        (ValueRef::Text(text), _) => Some(Value::from(std::str::from_utf8(text).map_err(Error::internal)?)),
        (ValueRef::Blob(bytes), _) => Some(Value::from(STANDARD.encode(bytes))),
    })
}
