//! Small words for SQL: every statement prepared once per connection, rows read from left to right.

use rusqlite::types::{ToSql, Value};
use rusqlite::{Connection, OptionalExtension, Params};

use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::Tx;
use crate::core::page::Columns;
use crate::core::patch::Patch;

/// The one row there must be.
pub fn one<T>(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    map: impl FnOnce(&mut Columns<'_>) -> rusqlite::Result<T>,
) -> Result<T> {
    Ok(conn.prepare_cached(sql)?.query_row(parameters, |row| map(&mut Columns::new(row)))?)
}

/// The row, if there is one.
pub fn optional<T>(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    map: impl FnOnce(&mut Columns<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    Ok(conn.prepare_cached(sql)?.query_row(parameters, |row| map(&mut Columns::new(row))).optional()?)
}

/// All rows; the statement has a limit of its own.
pub fn all<T>(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    map: impl Fn(&mut Columns<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| map(&mut Columns::new(row)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A change; answers how many rows it touched.
pub fn run(conn: &Connection, sql: &str, parameters: impl Params) -> Result<usize> {
    Ok(conn.prepare_cached(sql)?.execute(parameters)?)
}

/// The columns of one row to insert or update, from the fields that the caller set.
pub struct Change {
    table: &'static str,
    columns: Vec<&'static str>,
    values: Vec<Value>,
    archives: bool,
}

impl Change {
    pub fn of(table: &'static str) -> Self {
        Change { table, columns: Vec::new(), values: Vec::new(), archives: false }
    }

    /// The change of a record that exists: 412 unless the caller saw the version that is stored.
    pub fn existing<T>(tx: &Tx, table: &'static str, id: Id<T>) -> Result<Self> {
        let version = one(tx.conn(), &format!("select version from {table} where id = ?1"), [id], |row| row.take())?;
        tx.check_version(version)?;
        Ok(Change::of(table))
    }

    /// Puts a record away or brings it back; one that is away already keeps its time.
    pub fn archive(&mut self, tx: &Tx, archived: Option<bool>) -> Result<&mut Self> {
        match archived {
            Some(true) => {
                self.archives = true;
                self.set("archived_at", tx.now())
            }
            Some(false) => self.set("archived_at", None::<i64>),
            None => Ok(self),
        }
    }

    pub fn set(&mut self, column: &'static str, value: impl ToSql) -> Result<&mut Self> {
        self.columns.push(column);
        self.values.push(owned(&value)?);
        Ok(self)
    }

    /// Sets, clears or leaves alone.
    pub fn patch<T: ToSql>(&mut self, column: &'static str, value: &Patch<T>) -> Result<&mut Self> {
        match value.column() {
            Some(value) => self.set(column, value),
            None => Ok(self),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The next version of a record that changed in another table, such as its labels.
    pub fn touch<T>(self, tx: &Tx, id: Id<T>) -> Result<()> {
        let sql = format!("update {} set updated_at = ?2, version = version + 1 where id = ?1", self.table);
        run(tx.conn(), &sql, (id, tx.now()))?;
        Ok(())
    }

    /// Writes the changed columns of a record that exists, with the next version. The caller has checked the current one.
    pub fn update<T>(mut self, tx: &Tx, id: Id<T>) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        self.set("updated_at", tx.now())?;
        let archives = self.archives;
        let assignment = |column: &&str| match *column {
            "archived_at" if archives => "archived_at = ifnull(archived_at, ?)".to_owned(),
            column => format!("{column} = ?"),
        };
        let assignments: Vec<String> = self.columns.iter().map(assignment).collect();
        let sql = format!("update {} set {}, version = version + 1 where id = ?", self.table, assignments.join(", "));
        self.values.push(Value::Integer(id.raw()));
        run(tx.conn(), &sql, rusqlite::params_from_iter(self.values))?;
        Ok(())
    }
}

/// Inserts a record with its two times; answers its new id.
pub fn insert<T>(tx: &Tx, mut change: Change) -> Result<Id<T>> {
    let id = Id::<T>::new(tx.now().ms());
    change.set("id", id)?.set("created_at", tx.now())?.set("updated_at", tx.now())?;
    let places = vec!["?"; change.columns.len()].join(", ");
    let sql = format!("insert into {} ({}) values ({places})", change.table, change.columns.join(", "));
    run(tx.conn(), &sql, rusqlite::params_from_iter(change.values))?;
    Ok(id)
}

/// Deletes a record and what belongs to it: 412 unless the caller saw the version that is stored.
pub fn delete<T>(tx: &Tx, table: &'static str, id: Id<T>) -> Result<()> {
    Change::existing(tx, table, id)?;
    run(tx.conn(), &format!("delete from {table} where id = ?1"), [id])?;
    Ok(())
}

fn owned(value: &dyn ToSql) -> Result<Value> {
    use rusqlite::types::ToSqlOutput;
    Ok(match value.to_sql()? {
        ToSqlOutput::Owned(value) => value,
        ToSqlOutput::Borrowed(value) => value.try_into().map_err(Error::internal)?,
        _ => Value::Null,
    })
}
