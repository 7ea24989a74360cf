//! References: wherever a record is named, its id and its natural key both do.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::{Candidate, Error, Result};
use super::id::{Id, Record};
use super::operation::Tx;
use super::page::Columns;
use super::patch::Patch;

/// What the caller wrote to name a record: `deal_01jd8k3m0p4qz`, a name, a slug, an e-mail, `me`.
pub struct Ref<T>(String, PhantomData<fn() -> T>);

/// A record that can be found by what people call it, within what the caller may see.
pub trait Referable: Record + Sized {
    /// Is there such a record in the caller's workspace?
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool>;

    /// The records that the text names, with the name to show; more than one is ambiguous. At most six are looked for.
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>>;
}

impl<T> Ref<T> {
    pub fn new(text: impl Into<String>) -> Self {
        Ref(text.into(), PhantomData)
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

impl<T: Record> From<Id<T>> for Ref<T> {
    fn from(id: Id<T>) -> Self {
        Ref::new(id.to_string())
    }
}

impl<T: Referable> Ref<T> {
    /// The one record that is meant: 404 if there is none, 409 if there are several.
    pub fn resolve(&self, tx: &Tx) -> Result<Id<T>> {
        let text = self.0.trim();
        if let Some(id) = Id::parse(text) {
            return if T::exists(tx, id)? { Ok(id) } else { Err(Error::not_found(T::NOUN, text)) };
        }
        only(T::named(tx, text)?, text)
    }

    /// The record itself: `read` finds it by id within the workspace. An id costs one look-up this way instead of two.
    pub fn find<R>(&self, tx: &Tx, read: impl FnOnce(Id<T>) -> Result<Option<R>>) -> Result<R> {
        let id = Id::parse(self.0.trim()).map_or_else(|| self.resolve(tx), Ok)?;
        read(id)?.ok_or_else(|| Error::not_found(T::NOUN, self.0.trim()))
    }

    /// The same for a field of the input: the error says which one.
    pub fn resolve_for(&self, field: &str, tx: &Tx) -> Result<Id<T>> {
        self.resolve(tx).map_err(|error| error.about(field))
    }
}

/// The one that was found: 404 if there is none, 409 if there are several.
pub fn only<T: Record>(found: Vec<(Id<T>, String)>, text: &str) -> Result<Id<T>> {
    match found.as_slice() {
        [] => Err(Error::not_found(T::NOUN, text)),
        [(id, _)] => Ok(*id),
        several => {
            let candidates = several.iter().take(5);
            let candidates = candidates.map(|(id, name)| Candidate { id: id.to_string(), name: name.clone() });
            Err(Error::ambiguous(T::NOUN, text, candidates.collect()))
        }
    }
}

/// A record and what to call it, where another one points at it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(bound = "")]
pub struct Named<T: Record> {
    pub id: Id<T>,
    pub name: String,
}

impl<T: Record> Named<T> {
    /// Two columns of a left join: id and name.
    pub fn read(row: &mut Columns<'_>) -> rusqlite::Result<Option<Self>> {
        let (id, name) = (row.take::<Option<Id<T>>>()?, row.take::<Option<String>>()?);
        Ok(id.zip(name).map(|(id, name)| Named { id, name }))
    }
}

/// A field that may be left out.
pub trait MaybeRef<T> {
    /// Resolves what is there, with [`Ref::resolve_for`].
    fn resolve_for(&self, field: &str, tx: &Tx) -> Result<Option<Id<T>>>;
}

impl<T: Referable> MaybeRef<T> for Option<Ref<T>> {
    fn resolve_for(&self, field: &str, tx: &Tx) -> Result<Option<Id<T>>> {
        self.as_ref().map(|reference| reference.resolve_for(field, tx)).transpose()
    }
}

impl<T: Referable> Patch<Ref<T>> {
    /// Resolves what is set, with [`Ref::resolve_for`].
    pub fn resolve_for(self, field: &str, tx: &Tx) -> Result<Patch<Id<T>>> {
        self.try_map(|reference| reference.resolve_for(field, tx))
    }
}

/// Names nothing: for the fields of an update that are left out.
impl<T> Default for Ref<T> {
    fn default() -> Self {
        Ref::new("")
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Ref::new(self.0.clone())
    }
}

impl<T> std::fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de, T> Deserialize<'de> for Ref<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = super::text::Line::<320>::deserialize(deserializer)?;
        Ok(Ref::new(line.as_str()))
    }
}

impl<T: Record> JsonSchema for Ref<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Ref_{}", T::PREFIX).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
