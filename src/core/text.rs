//! Texts parsed at the door: once a value has one of these types, nobody checks it again.

use std::borrow::Cow;

use email_address::{EmailAddress, Options};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// One line of text: trimmed, 1 to `MAX` characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<const MAX: usize>(String);

/// Text of several lines: 1 to `MAX` characters; line ends become `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prose<const MAX: usize>(String);

/// An e-mail address, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

/// A web address; `example.com` is understood as `https://example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Website(url::Url);

/// Up to 20 labels: one line each, no doubles, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Labels(Vec<String>);

/// The one of these names that was probably meant, if one is more alike than that; 1 is the same.
pub fn likely<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, alike: f64) -> Option<&'a str> {
    /// A whole MiB that stands where a name should be is compared with none.
    const LONGEST_NAME: usize = 100;
    let name = Some(name).filter(|name| name.len() <= LONGEST_NAME)?.to_lowercase();
    let likeness = |known: &'a str| (strsim::jaro_winkler(&known.to_lowercase(), &name), known);
    let nearest = known.into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))?;
    Some(nearest.1).filter(|_| nearest.0 > alike)
}

/// `12.3 MB`: as disks are sold.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut size = bytes as f64 / 1_000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

impl<const MAX: usize> Line<MAX> {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(bad) = text.chars().find(|c| c.is_control()) {
            return Err(format!("must be one line without control characters (found U+{:04X})", bad as u32));
        }
        within(text, MAX)?;
        Ok(Line(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Prose<MAX> {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.replace("\r\n", "\n");
        if let Some(bad) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(format!("must not hold the control character U+{:04X}", bad as u32));
        }
        let text = text.trim_end();
        within(text.trim(), MAX)?;
        Ok(Prose(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Length in characters, as people count, not in bytes.
fn within(text: &str, max: usize) -> Result<(), String> {
    match text.chars().count() {
        0 => Err(format!("must not be empty; give it 1 to {max} characters")),
        length if length > max => Err(format!("has {length} characters; at most {max} are allowed")),
        _ => Ok(()),
    }
}

impl Email {
    /// The address alone: with a name before it, one address would be two accounts.
    const PLAIN: Options = Options { minimum_sub_domains: 0, allow_domain_literal: false, allow_display_text: false };

    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_lowercase();
        if text.len() > 254 || EmailAddress::parse_with_options(&text, Self::PLAIN).is_err() {
            return Err(format!("{} is not an e-mail address such as ann@example.com", super::error::quoted(&text)));
        }
        Ok(Email(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Website {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("{} is not a web address such as https://example.com", super::error::quoted(text));
        if text.len() > 2_000 {
            return Err("has more than 2000 characters".into());
        }
        let full = if text.contains("://") { Cow::Borrowed(text) } else { Cow::Owned(format!("https://{text}")) };
        let url = url::Url::parse(&full).map_err(|_| wrong())?;
        let known_scheme = matches!(url.scheme(), "http" | "https");
        let host_has_dot = url.host_str().is_some_and(|host| host.contains('.'));
        if !known_scheme || !host_has_dot || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong());
        }
        Ok(Website(url))
    }

    /// The address as it is stored: without the slash that a bare host would get.
    pub fn address(&self) -> String {
        let text = self.0.as_str();
        let bare = self.0.path() == "/" && self.0.query().is_none() && self.0.fragment().is_none();
        if bare { text.trim_end_matches('/').to_owned() } else { text.to_owned() }
    }

    /// `example.com` for `https://www.example.com/about`.
    pub fn domain(&self) -> String {
        let host = self.0.host_str().expect("checked when it was parsed");
        host.strip_prefix("www.").unwrap_or(host).to_owned()
    }
}

impl Labels {
    const MOST: usize = 20;

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Labels that a record has already.
    pub fn of(names: Vec<String>) -> Self {
        Labels(names)
    }

    fn new(labels: Vec<Line<40>>) -> Result<Self, String> {
        let many = labels.len();
        let mut unique: Vec<String> = Vec::new();
        for label in labels {
            if unique.iter().any(|known| known.eq_ignore_ascii_case(label.as_str())) {
                continue;
            }
            // Not one by one to the end: each is compared with all before it.
            if unique.len() == Self::MOST {
                return Err(format!("has {many} labels; at most {} are allowed", Self::MOST));
            }
            unique.push(label.0);
        }
        Ok(Labels(unique))
    }
}

macro_rules! text_type {
    ([$($generics:tt)*] $type:ty, $borrow:ident, $schema:expr) => {
        impl<'de, $($generics)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                <$type>::parse(&text).map_err(de::Error::custom)
            }
        }
        impl<$($generics)*> ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.$borrow()))
            }
        }
        impl<$($generics)*> JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

text_type!([const MAX: usize] Line<MAX>, as_str, json_schema!({ "type": "string", "maxLength": MAX }));
text_type!([const MAX: usize] Prose<MAX>, as_str, json_schema!({ "type": "string", "maxLength": MAX }));
text_type!([] Email, as_str, json_schema!({ "type": "string", "format": "email" }));
text_type!([] Website, address, json_schema!({ "type": "string" }));

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Labels::new(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Stored as a JSON array, so that one column is enough and SQL can still look inside.
impl ToSql for Labels {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let json = serde_json::to_string(&self.0).expect("texts are JSON");
        Ok(ToSqlOutput::from(json))
    }
}

impl FromSql for Labels {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "[]" => Ok(Labels::default()),
            json => serde_json::from_str(json).map(Labels).map_err(FromSqlError::other),
        }
    }
}

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "string", "maxLength": 40 }, "maxItems": Labels::MOST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let told: Vec<String> = [0, 12_345, 999_949, 999_999, 5_000_000_000].map(bytes).into();
        assert_eq!(told, ["0.0 kB", "12.3 kB", "999.9 kB", "1.0 MB", "5.0 GB"]);
    }

    #[test]
    fn a_line_is_trimmed_and_bounded_in_characters() {
        assert_eq!(Line::<5>::parse("  größe ").unwrap().as_str(), "größe");
        assert!(Line::<5>::parse("größer").unwrap_err().contains("6 characters"));
        assert!(Line::<5>::parse(" \t ").is_err());
        assert!(Line::<5>::parse("a\0b").unwrap_err().contains("U+0000"));
        assert!(Line::<5>::parse("a\nb").is_err());
    }

    #[test]
    fn a_website_gets_its_scheme_and_gives_its_domain() {
        let site = Website::parse("WWW.Example.com").unwrap();
        assert_eq!((site.address().as_str(), site.domain().as_str()), ("https://www.example.com", "example.com"));
        for bad in ["javascript:alert(1)", "ftp://example.com", "https://", "nodots", "https://user:pw@example.com"] {
            assert!(Website::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_email_is_lower_case() {
        assert_eq!(Email::parse(" Ann@Example.COM ").unwrap().as_str(), "ann@example.com");
        for bad in ["ann", "ann@", "@example.com", "a b@example.com"] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
    }
}
