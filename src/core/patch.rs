//! `Patch<T>`: a field of an update is left alone, cleared, or set.

use rusqlite::types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::{Error, Result};

/// Absent = unchanged, `null` (or an empty text) = cleared, a value = set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(value) => Patch::Set(f(value)),
        }
    }

    /// Turns the value into another, keeping the three cases apart.
    pub fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(value) => Patch::Set(f(value)?),
        })
    }

    /// For what is never null: cleared means empty.
    pub fn or_empty(self) -> Patch<T>
    where
        T: Default,
    {
        match self {
            Patch::Clear => Patch::Set(T::default()),
            patch => patch,
        }
    }

    /// For what a record cannot be without: a new value or none, and null is a mistake.
    pub fn never_cleared(self, field: &str) -> Result<Option<T>> {
        match self {
            Patch::Keep => Ok(None),
            Patch::Set(value) => Ok(Some(value)),
            Patch::Clear => Err(Error::field(field, "cannot be cleared; leave it out to keep it")),
        }
    }

    pub fn is_keep(&self) -> bool {
        matches!(self, Patch::Keep)
    }

    /// What the field will be, given what it is.
    pub fn or(self, current: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => current,
            Patch::Clear => None,
            Patch::Set(value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for Patch<T> {
    /// For a field that cannot be cleared, or one that is being created.
    fn from(value: Option<T>) -> Self {
        value.map_or(Patch::Keep, Patch::Set)
    }
}

impl<T: ToSql> Patch<T> {
    /// The value to write, or `None` to leave the column alone.
    pub(crate) fn column(&self) -> Option<Option<&T>> {
        match self {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(value) => Some(Some(value)),
        }
    }
}

/// Goes by way of a value: read as an option, an absent field would look like null, and clear what it should keep.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Patch::Clear),
            value => T::deserialize(value).map(Patch::Set).map_err(de::Error::custom),
        }
    }
}

/// The plain type: clearing by null is said in words, because several MCP clients refuse unions.
impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
    fn _schemars_private_non_optional_json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
    fn _schemars_private_is_option() -> bool {
        true
    }
}
