//! Ids: 64-bit, time-ordered integers inside, typed text such as `deal_01jd8k3m0p4qz` outside.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Serialize, Serializer};

/// A kind of record: what its ids begin with and what people call it.
pub trait Record: 'static {
    /// `deal` in `deal_01jd8k3m0p4qz`.
    const PREFIX: &'static str;
    /// `deal` in "There is no deal “x”."
    const NOUN: &'static str;
}

/// The id of one kind of record; `Id<Deal>` and `Id<Person>` do not mix.
pub struct Id<T>(i64, PhantomData<fn() -> T>);

/// 2024-01-01T00:00:00Z: ids count milliseconds from here, 41 bits of them, until 2093.
const EPOCH_MS: i64 = 1_704_067_200_000;
pub const RANDOM_BITS: u32 = 22;
/// A clock that says 2093 or later, or that it is before there was any id, is wrong; there is room for more ids behind this.
const LAST_MS: i64 = (1 << 41) - (1 << 35);
/// The last id that was made, or found in the file that this process has open.
static LAST: AtomicI64 = AtomicI64::new(0);

/// Ids grow from here on, whatever the clock says: it may have been ahead when the file was written last. Not from where
/// nothing is left to grow into: of the room behind the last time half is kept.
pub fn grow_from(raw: i64) {
    LAST.fetch_max(raw.min((LAST_MS + (1 << 34)) << RANDOM_BITS), Ordering::Relaxed);
}

fn milliseconds(ms: i64) -> i64 {
    (ms - EPOCH_MS).clamp(0, LAST_MS)
}

impl<T> Id<T> {
    /// A new id: the time in front, so that ids sort by age, then random bits, so that the server
    /// and the command line can make them at the same time. Within a process it always grows.
    pub fn new(now_ms: i64) -> Self {
        let mut random = [0; 4];
        getrandom::fill(&mut random).expect("the operating system gives random bytes");
        let noise = i64::from(u32::from_le_bytes(random)) & ((1 << RANDOM_BITS) - 1);
        let fresh = (milliseconds(now_ms) << RANDOM_BITS) | noise;
        let last = LAST.fetch_max(fresh, Ordering::Relaxed);
        if fresh > last {
            return Id(fresh, PhantomData);
        }
        // Behind the last one, as far as chance says: another process may go on from the same.
        let step = (noise >> 8) + 1;
        Id(LAST.fetch_add(step, Ordering::Relaxed) + step, PhantomData)
    }

    /// Below every id that is made at this moment or later.
    pub fn floor(ms: i64) -> Self {
        Id(milliseconds(ms) << RANDOM_BITS, PhantomData)
    }

    pub const fn from_raw(raw: i64) -> Self {
        Id(raw, PhantomData)
    }

    pub const fn raw(self) -> i64 {
        self.0
    }
}

/// Crockford's base 32: no i, l, o, u, so that ids survive being read aloud.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 13;

/// What stands behind the prefix, where any kind of record may be meant.
pub fn any(text: &str) -> Option<i64> {
    read_digits(text.rsplit_once('_')?.1)
}

fn read_digits(digits: &str) -> Option<i64> {
    if digits.len() != LENGTH {
        return None;
    }
    digits.bytes().try_fold(0_i64, |raw, byte| {
        let digit = DIGITS.iter().position(|d| *d == byte.to_ascii_lowercase())?;
        raw.checked_mul(32)?.checked_add(digit as i64)
    })
}

impl<T: Record> Id<T> {
    /// Reads `deal_01jd8k3m0p4qz`; `None` for anything else, including other kinds' ids.
    pub fn parse(text: &str) -> Option<Self> {
        untyped(T::PREFIX, text).map(Id::from_raw)
    }
}

impl<T: Record> Id<T> {
    fn with_text<R>(self, then: impl FnOnce(&str) -> R) -> R {
        with_text(T::PREFIX, self.0, then)
    }
}

/// Runs with the id's text, without allocating: a list shows hundreds of them.
fn with_text<R>(prefix: &str, raw: i64, then: impl FnOnce(&str) -> R) -> R {
    let mut text = [0; 32];
    let start = prefix.len() + 1;
    text[..start - 1].copy_from_slice(prefix.as_bytes());
    text[start - 1] = b'_';
    let mut rest = raw;
    for digit in text[start..start + LENGTH].iter_mut().rev() {
        *digit = DIGITS[(rest & 31) as usize];
        rest >>= 5;
    }
    then(std::str::from_utf8(&text[..start + LENGTH]).expect("prefix and digits are ASCII"))
}

/// Ids as a JSON array: for `json_each`.
pub fn array<T>(ids: impl IntoIterator<Item = Id<T>>) -> String {
    let raw: Vec<i64> = ids.into_iter().map(Id::raw).collect();
    serde_json::to_string(&raw).expect("numbers are JSON")
}

/// The id's text, where only the data tells which kind of record it is.
pub fn typed(prefix: &str, raw: i64) -> String {
    with_text(prefix, raw, str::to_owned)
}

/// The number in an id that begins with the prefix, where only the data tells which kind of record it is.
pub fn untyped(prefix: &str, text: &str) -> Option<i64> {
    read_digits(text.strip_prefix(prefix)?.strip_prefix('_')?)
}

impl<T: Record> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl<T: Record> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: Record> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<T: Record> schemars::JsonSchema for Id<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Id_{}", T::PREFIX).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

impl<T> ToSql for Id<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl<T> FromSql for Id<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Id::from_raw)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Deal;
    impl Record for Deal {
        const PREFIX: &'static str = "deal";
        const NOUN: &'static str = "deal";
    }
    struct Person;
    impl Record for Person {
        const PREFIX: &'static str = "person";
        const NOUN: &'static str = "person";
    }

    #[test]
    fn an_id_survives_being_written_and_read() {
        for raw in [0, 1, 31, 32, i64::MAX, 987_654_321_012_345] {
            let id = Id::<Deal>::from_raw(raw);
            assert_eq!(Id::<Deal>::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn other_kinds_and_broken_texts_are_no_ids() {
        let id = Id::<Person>::from_raw(7).to_string();
        assert_eq!(Id::<Deal>::parse(&id), None);
        for text in ["", "deal_", "deal_01", "deal_zzzzzzzzzzzzzz", "deal_0123456789ab!", "deal_zzzzzzzzzzzzz"] {
            assert_eq!(Id::<Deal>::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ids_grow_even_within_one_millisecond_and_when_the_clock_steps_back() {
        let now = EPOCH_MS + 1_000;
        let ids: Vec<i64> = (0..1_000).map(|n| Id::<Deal>::new(now - n % 3).raw()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn no_clock_makes_an_id_that_nothing_comes_after() {
        for ms in [i64::MIN / 2, 0, EPOCH_MS, EPOCH_MS + (1 << 41), EPOCH_MS + (1 << 43), i64::MAX / 2] {
            let floor = Id::<Deal>::floor(ms).raw();
            assert!((0..i64::MAX - (1 << 56)).contains(&floor), "{ms}: {floor}");
        }
    }
}
