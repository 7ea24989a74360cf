//! Enumerations that people and programs type: given in UPPER_SNAKE, accepted in any case with `-`, `_` or a blank.

/// Makes an enumeration with everything the surfaces and the store need of it.
///
/// ```
/// sally::choices! {
///     /// How a deal stands.
///     pub enum Outcome { Open = "OPEN", FollowUp = "FOLLOW_UP" }
/// }
/// assert_eq!(serde_json::from_str::<Outcome>("\"follow-up\"").unwrap(), Outcome::FollowUp);
/// sally::choices! {
///     /// How much it matters; other words are understood too.
///     pub enum Weight { Heavy = "HEAVY" | "BIG", Light = "LIGHT" }
/// }
/// assert_eq!("big".parse(), Ok(Weight::Heavy));
/// ```
#[macro_export]
macro_rules! choices {
    ($(#[$meta:meta])* pub enum $name:ident { $($variant:ident = $word:literal $(| $other:literal)*),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The words, for people: what to choose from.
            const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match $crate::core::choice::plain(text).as_str() {
                    $($word $(| $other)* => Ok($name::$variant),)+
                    _ => Err($crate::core::choice::unknown(text, $name::WORDS)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn inline_schema() -> bool { true }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": $name::WORDS })
            }
        }

        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.word().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                let word = value.as_str()?;
                $name::ALL.iter().copied().find(|choice| choice.word() == word)
                    .ok_or(rusqlite::types::FromSqlError::InvalidType)
            }
        }
    };
}

/// `follow-up` → `FOLLOW_UP`.
pub fn plain(text: &str) -> String {
    text.trim().chars().map(|c| if matches!(c, '-' | ' ') { '_' } else { c.to_ascii_uppercase() }).collect()
}

/// Names the offending word and what to choose from.
pub fn unknown(text: &str, words: &[&str]) -> String {
    format!("{} is not one of {}", super::error::quoted(text), words.join(", "))
}
