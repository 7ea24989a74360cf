//! Lists: keyset pages on an index, with cursors that stay true while rows come and go.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::types::{ToSql, Value as Sql};
use rusqlite::{Row, StatementStatus, params_from_iter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::{Error, Result, quoted};
use super::input::common;
use super::operation::{Answer, Spec, Tx};
use super::store;

/// Something a list can be sorted by: the name people use, and the indexed expression.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    pub name: &'static str,
    /// Never null: a sentinel stands for what is not set, in the index too.
    pub expression: &'static str,
    /// As a default: newest, largest first?
    pub descending: bool,
}

impl Sort {
    pub const fn up(name: &'static str, expression: &'static str) -> Self {
        Sort { name, expression, descending: false }
    }
    pub const fn down(name: &'static str, expression: &'static str) -> Self {
        Sort { name, expression, descending: true }
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    limit: Option<usize>,
    order: Option<(Sort, bool)>,
    after: Option<(Sql, i64)>,
    pub total: bool,
}

pub const DEFAULT_LIMIT: usize = 50;
pub const MOST: usize = 200;

/// How many of something at most, where that is no list's `limit`: 1 to `MOST`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
pub struct UpTo<const MOST: usize>(usize);

impl<const MOST: usize> UpTo<MOST> {
    pub fn get(self) -> usize {
        self.0
    }
}

impl<const MOST: usize> TryFrom<i64> for UpTo<MOST> {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        let fits = usize::try_from(number).ok().filter(|number| (1..=MOST).contains(number));
        fits.map(UpTo).ok_or_else(|| format!("must be from 1 to {MOST}, not {number}"))
    }
}

impl<const MOST: usize> JsonSchema for UpTo<MOST> {
    fn schema_name() -> Cow<'static, str> {
        format!("UpTo_{MOST}").into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MOST })
    }
}

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
    /// How many fit in all; only with `include=total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Page<T> {}

impl Paging {
    /// Takes `limit`, `sort`, `cursor`, `include` out of the input of a list.
    pub fn take(map: &mut Map<String, Value>, spec: &Spec) -> Result<Self> {
        let text = |value: Option<Value>, field: &'static str| match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(Error::field(field, format!("must be a text, not {}", quoted(&other.to_string())))),
        };
        let limit = text(map.remove(common::LIMIT), common::LIMIT)?
            .map(|text| {
                let limit = text.trim().parse::<usize>().ok().filter(|limit| (1..=MOST).contains(limit));
                limit.ok_or_else(|| {
                    Error::field(common::LIMIT, format!("must be a number from 1 to {MOST}, not {}", quoted(&text)))
                })
            })
            .transpose()?;
        let order = match text(map.remove(common::SORT), common::SORT)? {
            Some(text) => sort_named(&text, spec)?,
            None => (spec.more.sorts[0], spec.more.sorts[0].descending),
        };
        let after = text(map.remove(common::CURSOR), common::CURSOR)?
            .map(|cursor| read_cursor(&cursor, spec, order))
            .transpose()?;
        let total = match text(map.remove(common::INCLUDE), common::INCLUDE)? {
            None => false,
            Some(word) if word.trim() == "total" => true,
            Some(other) => {
                return Err(Error::field(
                    common::INCLUDE,
                    format!("{} is not known; the only choice is total", quoted(&other)),
                ));
            }
        };
        Ok(Paging { limit, order: Some(order), after, total })
    }

    /// The first page, so long.
    pub fn first(limit: usize) -> Self {
        Paging { limit: Some(limit), ..Paging::default() }
    }

    /// Unless the caller said how many.
    pub fn or_limit(mut self, limit: usize) -> Self {
        self.limit.get_or_insert(limit);
        self
    }

    pub(super) fn limit_or_none(&self) -> Option<usize> {
        self.limit
    }

    /// The name of the order, with `-` in front when it is reversed.
    pub fn sort_name(&self) -> Option<String> {
        self.order.map(|(sort, descending)| format!("{}{}", if descending { "-" } else { "" }, sort.name))
    }
}

fn sort_named(text: &str, spec: &Spec) -> Result<(Sort, bool)> {
    let text = text.trim();
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    let sort = spec.more.sorts.iter().find(|sort| sort.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let known: Vec<&str> = spec.more.sorts.iter().map(|sort| sort.name).collect();
        Error::field(
            common::SORT,
            format!("{} is not one of {} (with - in front to reverse)", quoted(text), known.join(", ")),
        )
    })?;
    Ok((*sort, descending))
}

/// A cursor is the sort value and id of the last row, sealed so that a changed one is noticed.
fn write_cursor(spec: &Spec, (sort, descending): (Sort, bool), key: &Sql, id: i64) -> String {
    let key = match key {
        Sql::Integer(number) => Value::from(*number),
        Sql::Text(text) => Value::from(text.as_str()),
        _ => Value::Null,
    };
    let payload = serde_json::to_vec(&(key, id)).expect("plain data");
    let mut bytes = seal(spec, sort, descending, &payload).to_vec();
    bytes.extend(payload);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(text: &str, spec: &Spec, (sort, descending): (Sort, bool)) -> Result<(Sql, i64)> {
    let wrong = || {
        Error::field(
            common::CURSOR,
            format!(
                "{} is not a cursor of this list in this order; take nextCursor of the page before, or leave it out",
                quoted(text)
            ),
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| wrong())?;
    let (sealed, payload) = bytes.split_at_checked(SEAL).ok_or_else(wrong)?;
    if sealed != seal(spec, sort, descending, payload) {
        return Err(wrong());
    }
    let (key, id): (Value, i64) = serde_json::from_slice(payload).map_err(|_| wrong())?;
    let key = match key {
        Value::Number(number) => Sql::Integer(number.as_i64().ok_or_else(wrong)?),
        Value::String(text) => Sql::Text(text),
        _ => return Err(wrong()),
    };
    Ok((key, id))
}

const SEAL: usize = 6;

/// Not a secret: a cursor opens nothing that its list would not show. It tells honest mistakes from pages.
fn seal(spec: &Spec, sort: Sort, descending: bool, payload: &[u8]) -> [u8; SEAL] {
    let mut hash = Sha256::new();
    hash.update(spec.name);
    hash.update(sort.name);
    hash.update([u8::from(descending)]);
    hash.update(payload);
    hash.finalize()[..SEAL].try_into().expect("a hash is longer than its seal")
}

/// A list query, put together from fixed texts; values only ever travel as parameters.
pub struct Select {
    columns: &'static str,
    from: &'static str,
    id: &'static str,
    conditions: String,
    parameters: Vec<Box<dyn ToSql>>,
    may_scan: bool,
}

impl Select {
    /// `select columns from from where …`, with `id` breaking ties.
    pub fn new(columns: &'static str, from: &'static str, id: &'static str) -> Self {
        Select { columns, from, id, conditions: String::new(), parameters: Vec::new(), may_scan: false }
    }

    /// The value of a `?` in `from`; comes before any filter.
    pub fn parameter(mut self, value: impl ToSql + 'static) -> Self {
        self.parameters.push(Box::new(value));
        self
    }

    /// A condition with one `?` for its value.
    pub fn filter(mut self, condition: &'static str, value: impl ToSql + 'static) -> Self {
        self.parameters.push(Box::new(value));
        self.condition(condition)
    }

    /// The same, if there is a value.
    pub fn filter_some(self, condition: &'static str, value: Option<impl ToSql + 'static>) -> Self {
        match value {
            Some(value) => self.filter(condition, value),
            None => self,
        }
    }

    /// A condition without a value.
    pub fn condition(mut self, condition: &'static str) -> Self {
        self.conditions.push_str(if self.conditions.is_empty() { " where " } else { " and " });
        self.conditions.push_str(condition);
        self
    }

    /// For tables that stay small by nature, where no index fits the condition.
    pub fn of_few(mut self) -> Self {
        self.may_scan = true;
        self
    }

    /// The page that the caller asked for.
    pub fn page<T>(self, tx: &Tx, spec: &Spec, map: fn(&mut Columns<'_>) -> rusqlite::Result<T>) -> Result<Page<T>> {
        let paging = tx.paging();
        let limit = paging.limit.unwrap_or(DEFAULT_LIMIT);
        let (sort, descending) = paging.order.unwrap_or((spec.more.sorts[0], spec.more.sorts[0].descending));
        let (direction, beyond) = if descending { ("desc", "<") } else { ("asc", ">") };
        let total = match paging.total {
            true => Some(self.count(tx)?),
            false => None,
        };
        let Select { columns, from, id, conditions, parameters, may_scan } = self;
        let key = sort.expression;
        // Behind the cursor: first what has the same value, then what has a later one. In one condition, (key, id) > (?, ?),
        // SQLite would walk through all of the same value each time; and it does not see that what has the same value of an
        // expression is in order by it, and would sort it.
        let in_order = format!("{key} {direction}, {id} {direction}");
        let stretches = match &paging.after {
            None => vec![(String::new(), Vec::new(), in_order)],
            Some((value, last)) => vec![
                (
                    format!(" and {key} = ? and {id} {beyond} ?"),
                    vec![value.clone(), Sql::Integer(*last)],
                    format!("{id} {direction}"),
                ),
                (format!(" and {key} {beyond} ?"), vec![value.clone()], in_order),
            ],
        };
        let mut items = Vec::with_capacity(limit);
        let mut last = None;
        let mut next_cursor = None;
        for (stretch, bounds, order) in &stretches {
            let sql =
                format!("select {columns}, {key}, {id} from {from}{conditions}{stretch} order by {order} limit ?");
            let more = (limit + 1 - items.len()) as i64;
            let bounds = bounds.iter().map(|bound| bound as &dyn ToSql);
            let values = parameters.iter().map(|value| &**value).chain(bounds).chain([&more as &dyn ToSql]);
            let mut statement = tx.conn().prepare_cached(&sql)?;
            // It counts for as long as the statement is kept prepared.
            statement.reset_status(StatementStatus::FullscanStep);
            let mut rows = statement.query(params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                if items.len() == limit {
                    next_cursor = last.as_ref().map(|(key, id)| write_cursor(spec, (sort, descending), key, *id));
                    break;
                }
                let mut columns = Columns::new(row);
                items.push(map(&mut columns)?);
                if items.len() == limit {
                    last = Some((columns.take::<Sql>()?, columns.take::<i64>()?));
                }
            }
            drop(rows);
            // An index gives the rows one by one; what steps through a table would grow with it. tests/store.rs tries every list.
            let scanned = statement.get_status(StatementStatus::FullscanStep);
            debug_assert!(
                may_scan || scanned <= limit as i32 + 1,
                "{} stepped {scanned} times through a table",
                spec.name
            );
            if next_cursor.is_some() {
                break;
            }
        }
        Ok(Page { items, next_cursor, total })
    }

    /// All that fit, with an ending of one's own: groups, sums, an order and a limit.
    pub fn all<T>(
        &self,
        tx: &Tx,
        ending: &str,
        map: impl Fn(&mut Columns<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let sql = format!("select {} from {}{} {ending}", self.columns, self.from, self.conditions);
        store::all(tx.conn(), &sql, params_from_iter(self.parameters.iter().map(|p| &**p)), map)
    }

    /// Of what each group has, its first ones: the columns begin with the group, called `pile`, and say with `place` the row's
    /// place in it, from 1. Answers the rows with all their columns, group by group.
    pub fn first_of_each<T>(
        self,
        tx: &Tx,
        limit: usize,
        map: impl Fn(&mut Columns<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let Select { columns, from, conditions, .. } = &self;
        let sql =
            format!("select * from (select {columns} from {from}{conditions}) where place <= ? order by pile, place");
        let Select { parameters, .. } = self.parameter(limit as i64);
        store::all(tx.conn(), &sql, params_from_iter(parameters.iter().map(|p| &**p)), map)
    }

    fn count(&self, tx: &Tx) -> Result<i64> {
        let sql = format!("select count(*) from {}{}", self.from, self.conditions);
        let mut statement = tx.conn().prepare_cached(&sql)?;
        Ok(statement.query_row(params_from_iter(self.parameters.iter().map(|p| &**p)), |row| row.get(0))?)
    }
}

/// A row read from left to right: half the cost of looking columns up by name, and the order stands
/// in the constant right above the function that reads it.
pub struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    pub fn new(row: &'a Row<'a>) -> Self {
        Columns { row, next: 0 }
    }

    pub fn take<T: rusqlite::types::FromSql>(&mut self) -> rusqlite::Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }
}
