//! Colours of statuses and labels.

use rusqlite::types::{ToSql, ToSqlOutput};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::core::error::quoted;

/// `#rrggbb`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
pub struct Color(String);

impl TryFrom<String> for Color {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.trim().trim_start_matches('#').to_ascii_lowercase();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("{} is not a colour such as #2563eb", quoted(&text)));
        }
        Ok(Color(format!("#{digits}")))
    }
}

impl ToSql for Color {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Color {
    /// One of a fixed palette, the same for the same name.
    pub fn for_name(name: &str) -> Self {
        const PALETTE: &[&str] = &[
            "#2563eb", "#7c3aed", "#db2777", "#dc2626", "#ea580c", "#ca8a04", "#16a34a", "#0d9488", "#0891b2",
            "#475569",
        ];
        // FNV-1a; the hasher of the standard library may change from release to release.
        let hash = name
            .to_lowercase()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Color(PALETTE[(hash % PALETTE.len() as u64) as usize].to_owned())
    }

    /// One that stands in the code.
    pub fn fixed(text: &'static str) -> Self {
        Color(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_is_six_hexadecimal_digits() {
        assert_eq!(Color::try_from(" #2563EB".to_owned()), Ok(Color("#2563eb".into())));
        assert_eq!(Color::try_from("2563eb".to_owned()), Ok(Color("#2563eb".into())));
        for bad in ["", "#fff", "blue", "#2563eg", "#2563ebff"] {
            assert!(Color::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(Color::for_name("Bug"), Color::for_name("bug"));
    }
}
