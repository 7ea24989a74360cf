//! Money: whole units with decimals outside, integer minor units inside, exact in between.

use std::borrow::Cow;
use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A currency of ISO 4217, e.g. `EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    pub fn parse(text: &str) -> Result<Self, String> {
        iso_currency::Currency::from_code(&text.trim().to_ascii_uppercase())
            .map(Currency)
            .ok_or_else(|| format!("{} is not a currency of ISO 4217 such as EUR or USD", super::error::quoted(text)))
    }

    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the currency has: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    fn symbol(self) -> String {
        self.0.symbol().to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount as it was typed, before its currency is known: `digits · 10^-decimals`, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    digits: i64,
    decimals: u32,
}

/// 10^15 minor units: below it sums of a thousand million rows of one currency stay exact in 64 bits,
/// and every amount is exact as a JSON number too.
const LARGEST_MINOR: i64 = 1_000_000_000_000_000;

impl Amount {
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not an amount such as 12500 or 12500.50", super::error::quoted(text));
        let text = text.trim();
        if text.starts_with('-') {
            return Err("must not be negative".into());
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let only_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) {
            return Err(wrong());
        }
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        if whole.len() + fraction.len() > 18 {
            return Err(format!("{} is larger or finer than Sally counts", super::error::quoted(text)));
        }
        let digits: i64 = format!("0{whole}{fraction}").parse().map_err(|_| wrong())?;
        Ok(Amount { digits, decimals: fraction.len() as u32 })
    }

    /// In the currency's smallest unit; refused where that would round.
    pub fn to_minor(self, currency: Currency) -> Result<i64, String> {
        let decimals = currency.decimals();
        if self.decimals > decimals {
            return Err(format!("has {} decimals, but {currency} has {decimals}", self.decimals));
        }
        10_i64
            .checked_pow(decimals - self.decimals)
            .and_then(|factor| self.digits.checked_mul(factor))
            .filter(|minor| *minor <= LARGEST_MINOR)
            .ok_or_else(|| {
                format!("is larger than Sally counts ({} at most)", Money { minor: LARGEST_MINOR, currency }.plain())
            })
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;
        impl de::Visitor<'_> for AmountVisitor {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount such as 12500 or 12500.50")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
                Amount::parse(&number.to_string()).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
                Amount::parse(&number.to_string()).map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
                // The shortest text that reads back as this number: what was typed, up to 15 digits.
                Amount::parse(&format!("{number}")).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                Amount::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(AmountVisitor)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }
}

/// An amount of a currency. Shown to people as `€ 12,500.50`, to programs as the number `12500.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    fn unit(self) -> i64 {
        10_i64.pow(self.currency.decimals())
    }

    /// `12500.50`, as in a form field.
    pub fn plain(self) -> String {
        let (unit, decimals) = (self.unit(), self.currency.decimals() as usize);
        match self.minor % unit {
            0 => (self.minor / unit).to_string(),
            rest => format!("{}.{rest:0decimals$}", self.minor / unit),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, d)| (w, Some(d)));
        write!(f, "{}\u{a0}", self.currency.symbol())?;
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        fraction.map_or(Ok(()), |fraction| write!(f, ".{fraction}"))
    }
}

/// The number alone; the currency stands in a field beside it.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.minor % self.unit() {
            0 => serializer.serialize_i64(self.minor / self.unit()),
            // At most 15 digits, so the nearest double prints as exactly this decimal.
            _ => serializer.serialize_f64(self.minor as f64 / self.unit() as f64),
        }
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Currency::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 3, "maxLength": 3 })
    }
}

impl ToSql for Currency {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.code().into())
    }
}

impl FromSql for Currency {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        iso_currency::Currency::from_code(value.as_str()?).map(Currency).ok_or(FromSqlError::InvalidType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str, currency: &str) -> Result<i64, String> {
        serde_json::from_str::<Amount>(text).map_err(|e| e.to_string())?.to_minor(Currency::parse(currency)?)
    }

    #[test]
    fn amounts_are_exact_in_every_currency() {
        assert_eq!(minor("12500.1", "EUR"), Ok(1_250_010));
        assert_eq!(minor("0.29", "EUR"), Ok(29));
        assert_eq!(minor("1234567890123.45", "EUR"), Ok(123_456_789_012_345));
        assert_eq!(minor("5000", "JPY"), Ok(5_000));
        assert_eq!(minor("1.234", "KWD"), Ok(1_234));
        assert_eq!(minor("\"7.50\"", "usd"), Ok(750));
    }

    #[test]
    fn amounts_that_would_round_or_overflow_are_refused() {
        assert!(minor("1.234", "EUR").unwrap_err().contains("3 decimals"));
        assert!(minor("0.5", "JPY").unwrap_err().contains("JPY has 0"));
        assert!(minor("-1", "EUR").unwrap_err().contains("negative"));
        assert!(minor("1e300", "EUR").is_err());
        assert!(minor("10000000000000.01", "EUR").is_err());
        assert!(minor("\"1,5\"", "EUR").is_err());
        assert!(Currency::parse("EURO").is_err());
    }

    #[test]
    fn money_reads_well() {
        let euros = |minor| Money { minor, currency: Currency::parse("EUR").unwrap() };
        assert_eq!(euros(123_456_789).to_string(), "€\u{a0}1,234,567.89");
        assert_eq!(euros(50_000).plain(), "500");
        assert_eq!(serde_json::to_string(&euros(1_250_050)).unwrap(), "12500.5");
        assert_eq!(serde_json::to_string(&euros(100_000_000_000_000_000 / 100 - 1)).unwrap(), "9999999999999.99");
    }
}
