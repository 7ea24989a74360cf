//! Less of an answer, for readers who pay by the word: some fields of each record, long texts cut.
//!
//! Values that stay are copied as the text they are and never parsed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::core::error::{Error, Result};

/// What of the answer is wanted.
pub enum Excerpt {
    /// These fields, as the caller named them: whole.
    Named(Vec<String>),
    /// The fields that matter, with long texts cut, other records by their names and nothing that is empty.
    Brief(&'static [&'static str]),
    /// All fields, with long texts cut.
    Everything,
}

/// The longest text in a list, in characters.
const LONG: usize = 2_000;

impl Excerpt {
    fn keeps(&self, field: &str) -> bool {
        match self {
            Excerpt::Named(fields) => fields.iter().any(|kept| kept == field),
            Excerpt::Brief(fields) => fields.contains(&field),
            Excerpt::Everything => true,
        }
    }

    fn cuts(&self) -> bool {
        !matches!(self, Excerpt::Named(_))
    }

    fn is_brief(&self) -> bool {
        matches!(self, Excerpt::Brief(_))
    }
}

/// The excerpt of a record, or of each item of a list; `way_on` says how to read a field that was cut.
pub fn of(body: &[u8], excerpt: &Excerpt, way_on: impl Fn(&str) -> String) -> Result<Vec<u8>> {
    let answer: Members<'_> = serde_json::from_slice(body).map_err(Error::internal)?;
    let mut out = Vec::with_capacity(body.len() / 2);
    let Some((_, items)) = answer.0.iter().find(|(name, value)| *name == "items" && value.get().starts_with('['))
    else {
        write_record(&mut out, &answer, excerpt, &way_on)?;
        return Ok(out);
    };
    let items: Vec<Members<'_>> = serde_json::from_str(items.get()).map_err(Error::internal)?;
    out.extend_from_slice(b"{\"items\":[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_record(&mut out, item, excerpt, &way_on)?;
    }
    out.push(b']');
    for (name, value) in answer.0.iter().filter(|(name, _)| *name != "items") {
        write_member(&mut out, name, value.get())?;
    }
    out.push(b'}');
    Ok(out)
}

fn write_record(
    out: &mut Vec<u8>,
    record: &Members<'_>,
    excerpt: &Excerpt,
    way_on: &impl Fn(&str) -> String,
) -> Result<()> {
    out.push(b'{');
    for (name, value) in record.0.iter().filter(|(name, _)| excerpt.keeps(name)) {
        let mut value = value.get();
        if excerpt.is_brief() {
            if matches!(value, "null" | "[]" | "\"\"") {
                continue;
            }
            value = called(value);
        }
        match excerpt.cuts().then(|| cut(value)).flatten() {
            Some((start, left)) => {
                let text = format!("{start}… [{left} more characters: {}]", way_on(name));
                write_member(out, name, &serde_json::to_string(&text).map_err(Error::internal)?)?;
            }
            None => write_member(out, name, value)?,
        }
    }
    out.push(b'}');
    Ok(())
}

fn write_member(out: &mut Vec<u8>, name: &str, value: &str) -> Result<()> {
    if !matches!(out.last(), Some(b'{')) {
        out.push(b',');
    }
    serde_json::to_writer(&mut *out, name).map_err(Error::internal)?;
    out.push(b':');
    out.extend_from_slice(value.as_bytes());
    Ok(())
}

/// Another record by its name alone, which is understood wherever its id is; anything else as it is.
fn called(value: &str) -> &str {
    if !value.starts_with("{\"id\":") {
        return value;
    }
    let record: Option<Members<'_>> = serde_json::from_str(value).ok();
    let name = record.and_then(|record| record.0.into_iter().find(|(member, _)| *member == "name"));
    name.map_or(value, |(_, name)| name.get())
}

/// The beginning of a long text, and how many characters are left of it.
fn cut(value: &str) -> Option<(String, usize)> {
    if value.len() <= LONG || !value.starts_with('"') {
        return None;
    }
    let mut text: String = serde_json::from_str(value).ok()?;
    let (end, _) = text.char_indices().nth(LONG)?;
    let left = text[end..].chars().count();
    text.truncate(end);
    Some((text, left))
}

/// The members of an object in their order, values untouched. Names are those of structs, so they have no escapes.
struct Members<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(body: &str, excerpt: Excerpt) -> String {
        String::from_utf8(of(body.as_bytes(), &excerpt, |field| format!("see {field}")).unwrap()).unwrap()
    }

    #[test]
    fn each_item_keeps_the_wanted_fields_in_their_order() {
        let list = r#"{"items":[{"id":"a","title":"A \" b","notes":null},{"id":"b","title":"B","notes":"n"}],"nextCursor":null,"total":2}"#;
        assert_eq!(
            excerpt(list, Excerpt::Brief(&["title", "id"])),
            r#"{"items":[{"id":"a","title":"A \" b"},{"id":"b","title":"B"}],"nextCursor":null,"total":2}"#
        );
        assert_eq!(excerpt(list, Excerpt::Everything), list);
        let record = r#"{"id":"a","tags":["x",{"y":1}]}"#;
        assert_eq!(excerpt(record, Excerpt::Named(vec!["tags".into()])), r#"{"tags":["x",{"y":1}]}"#);
        assert_eq!(
            excerpt(r#"{"items":[],"nextCursor":null}"#, Excerpt::Brief(&[])),
            r#"{"items":[],"nextCursor":null}"#
        );
    }

    #[test]
    fn a_brief_item_names_other_records_and_leaves_out_what_is_empty() {
        let list = r#"{"items":[{"id":"a","owner":{"id":"acc_1","name":"Ben"},"labels":[],"due":null,"size":{"w":0}}],"nextCursor":null}"#;
        let fields = &["id", "owner", "labels", "due", "size"];
        assert_eq!(
            excerpt(list, Excerpt::Brief(fields)),
            r#"{"items":[{"id":"a","owner":"Ben","size":{"w":0}}],"nextCursor":null}"#
        );
        assert_eq!(excerpt(list, Excerpt::Named(fields.map(String::from).to_vec())), list);
    }

    #[test]
    fn a_long_text_is_cut_where_everybody_sees_it_unless_it_was_asked_for() {
        let list = format!(r#"{{"items":[{{"notes":"{}"}}],"nextCursor":null}}"#, "é".repeat(2_001));
        let shown = excerpt(&list, Excerpt::Everything);
        assert!(shown.contains("é… [1 more characters: see notes]"), "{shown}");
        assert_eq!(excerpt(&list, Excerpt::Named(vec!["notes".into()])), list);
        let fits = format!(r#"{{"items":[{{"notes":"{}"}}],"nextCursor":null}}"#, "é".repeat(2_000));
        assert_eq!(excerpt(&fits, Excerpt::Everything), fits);
    }
}
