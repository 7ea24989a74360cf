//! Moments and days. A moment is a point in time; a day is a square of the calendar and never shifts.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since 1970 UTC; written as RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    pub fn now() -> Self {
        Moment(Timestamp::now().as_millisecond())
    }

    pub const fn from_ms(ms: i64) -> Self {
        Moment(ms)
    }

    pub const fn ms(self) -> i64 {
        self.0
    }

    pub fn plus_seconds(self, seconds: i64) -> Self {
        Moment(self.0 + seconds * 1_000)
    }

    /// Whole minutes from another moment on.
    pub fn minutes_since(self, other: Moment) -> i64 {
        (self.0 - other.0) / 60_000
    }

    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days * 86_400)
    }

    /// No further than so many seconds from another moment, before or after it: what a clock that was ahead has dated must not
    /// count as new until then.
    pub fn is_within(self, seconds: i64, other: Moment) -> bool {
        (self.0 - other.0).abs() <= seconds * 1_000
    }

    /// The day it is in a time zone.
    pub fn day(self, zone: &TimeZone) -> Day {
        Day(self.timestamp().to_zoned(zone.clone()).date())
    }

    /// `2027-03-01T09:30`: as a form's field for date and time has it.
    pub fn local(self, zone: &TimeZone) -> String {
        self.timestamp().to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// Reads `2027-03-01T09:30` as the clock on the wall in a time zone.
    pub fn parse_local(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let wrong = || format!("{} is not a date and time such as 2027-03-01T09:30", super::error::quoted(text));
        let clock: jiff::civil::DateTime = text.trim().parse().map_err(|_| wrong())?;
        let zoned = clock.to_zoned(zone.clone()).map_err(|_| wrong())?;
        Moment::bounded(zoned.timestamp()).ok_or_else(wrong)
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// `14:05` in a time zone.
    pub fn clock(self, zone: &TimeZone) -> String {
        self.timestamp().to_zoned(zone.clone()).strftime("%H:%M").to_string()
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{} is not a time such as 2027-03-01T09:30:00Z", super::error::quoted(text));
        let timestamp: Timestamp = text.trim().parse().map_err(|_| wrong())?;
        Moment::bounded(timestamp).ok_or_else(wrong)
    }

    /// Years 1900 to 9999 (all but its last day): what every time zone of the calendar library can hold.
    fn bounded(timestamp: Timestamp) -> Option<Self> {
        let ms = timestamp.as_millisecond();
        (-2_208_988_800_000..253_402_207_200_000).contains(&ms).then_some(Moment(ms))
    }
}

impl Moment {
    /// RFC 3339 by hand, on the stack: a general formatter was a tenth of the cost of a list of deals.
    fn with_text<R>(self, then: impl FnOnce(&str) -> R) -> R {
        let (year, month, day) = civil_from_days(self.0.div_euclid(86_400_000));
        let of_day = self.0.rem_euclid(86_400_000);
        let (seconds, ms) = (of_day / 1_000, of_day % 1_000);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |at: usize, width: usize, mut value: i64| {
            for place in (at..at + width).rev() {
                text[place] = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 4, year);
        put(5, 2, month);
        put(8, 2, day);
        put(11, 2, seconds / 3_600);
        put(14, 2, seconds / 60 % 60);
        put(17, 2, seconds % 60);
        put(20, 3, ms);
        then(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

/// Year, month, day of the proleptic Gregorian calendar, `days` after 1970-01-01.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (public domain).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Moment::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Moment)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A day of the calendar, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let date: Option<Date> = (text.len() == 10).then(|| text.parse().ok()).flatten();
        date.filter(|date| date.year() >= 1900)
            .map(Day)
            .ok_or_else(|| format!("{} is not a day such as 2027-03-01", super::error::quoted(text)))
    }

    pub fn plus_days(self, days: i64) -> Self {
        Day(self.0.saturating_add(days.days()))
    }

    /// Whole days from `other` to here; negative when this is earlier.
    pub fn days_since(self, other: Day) -> i64 {
        i64::from(self.0.since(other.0).map_or(0, |span| span.get_days()))
    }

    /// The last millisecond of the day in a time zone: what is due on a day is late only when it is over.
    pub fn end(self, zone: &TimeZone) -> Moment {
        let next = self.0.saturating_add(1.day());
        let start = next.to_zoned(zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        Moment(start.as_millisecond() - 1)
    }

    /// `Tue`.
    pub fn weekday(self) -> String {
        self.0.strftime("%a").to_string()
    }

    /// `Tuesday, 3 March`, with the year unless it is this one.
    pub fn long(self, today: Day) -> String {
        self.0.strftime(if self.0.year() == today.0.year() { "%A, %-d %B" } else { "%A, %-d %B %Y" }).to_string()
    }

    pub fn is_weekend(self) -> bool {
        matches!(self.0.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// The Sunday that ends the week.
    pub fn end_of_week(self) -> Day {
        self.plus_days(7 - i64::from(self.0.weekday().to_monday_one_offset()))
    }

    /// `3 Mar 2027`.
    pub fn for_people(self) -> String {
        self.0.strftime("%-d %b %Y").to_string()
    }

    /// `3 Mar`, with the year unless it is this one.
    pub fn short(self, today: Day) -> String {
        if self.0.year() == today.0.year() { self.0.strftime("%-d %b").to_string() } else { self.for_people() }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Day::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl ToSql for Day {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

impl FromSql for Day {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Day::parse(value.as_str()?).map_err(|_| FromSqlError::InvalidType)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

/// When something is due: a moment, or a day that is over at midnight where the caller lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    At(Moment),
    On(Day),
}

impl Due {
    pub fn moment(self, zone: &TimeZone) -> Moment {
        match self {
            Due::At(moment) => moment,
            Due::On(day) => day.end(zone),
        }
    }
}

impl<'de> Deserialize<'de> for Due {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(day) = Day::parse(&text) {
            return Ok(Due::On(day));
        }
        Moment::parse(&text).map(Due::At).map_err(|_| {
            de::Error::custom(format!(
                "{} is neither a day such as 2027-03-01 nor a time such as 2027-03-01T09:30:00Z",
                super::error::quoted(&text)
            ))
        })
    }
}

impl JsonSchema for Due {
    fn schema_name() -> Cow<'static, str> {
        "Due".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A day as people say it: `2027-03-01`, `today`, `tomorrow`, `friday` (the next one), `+3d`, `-2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayWord {
    On(Day),
    /// So many days from today.
    After(i64),
    /// The next such day, today not counted.
    Next(Weekday),
}

impl DayWord {
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(day) = Day::parse(text) {
            return Ok(DayWord::On(day));
        }
        let wrong = || {
            format!("{} is not a day such as 2027-03-01, today, tomorrow, friday or +3d", super::error::quoted(text))
        };
        let word = text.trim().to_ascii_lowercase();
        match word.as_str() {
            "yesterday" => return Ok(DayWord::After(-1)),
            "today" => return Ok(DayWord::After(0)),
            "tomorrow" => return Ok(DayWord::After(1)),
            _ => {}
        }
        let signed = word.strip_prefix('+').map(|rest| (1, rest)).or(word.strip_prefix('-').map(|rest| (-1, rest)));
        let number = signed.and_then(|(sign, rest)| Some((sign, rest.strip_suffix('d').or(rest.strip_suffix('w'))?)));
        if let Some((sign, number)) = number {
            let number = number.parse::<u16>().map_err(|_| wrong())?;
            return Ok(DayWord::After(sign * i64::from(number) * if word.ends_with('w') { 7 } else { 1 }));
        }
        let monday = Weekday::Monday;
        let named = monday.cycle_forward().take(7).find(|day| {
            let name = format!("{day:?}").to_ascii_lowercase();
            word == name || word == name[..3]
        });
        named.map(DayWord::Next).ok_or_else(wrong)
    }

    pub fn day(self, today: Day) -> Day {
        match self {
            DayWord::On(day) => day,
            DayWord::After(days) => today.plus_days(days),
            DayWord::Next(weekday) => {
                let ahead = weekday.since(today.0.weekday());
                today.plus_days(if ahead == 0 { 7 } else { i64::from(ahead) })
            }
        }
    }
}

impl<'de> Deserialize<'de> for DayWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DayWord::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for DayWord {
    fn schema_name() -> Cow<'static, str> {
        "DayWord".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// `1 h 5 min`: minutes in a sentence.
pub fn duration(minutes: &i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// A time zone by its IANA name, e.g. `Europe/Berlin`.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{} is not a time zone such as Europe/Berlin", super::error::quoted(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_the_library_would() {
        for ms in
            [0, -1, 951_782_400_000, 1_709_164_799_999, 4_102_444_800_123, 253_402_207_199_999, -2_208_988_800_000]
        {
            let expected = Timestamp::from_millisecond(ms).unwrap().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            assert_eq!(Moment(ms).to_string(), expected);
            assert_eq!(Moment::parse(&expected), Ok(Moment(ms)));
        }
    }

    #[test]
    fn a_day_ends_at_midnight_where_the_caller_lives() {
        let day = Day::parse("2027-03-28").unwrap();
        let berlin = time_zone("Europe/Berlin").unwrap();
        assert_eq!(day.end(&berlin).to_string(), "2027-03-28T21:59:59.999Z");
        assert_eq!(day.end(&TimeZone::UTC).to_string(), "2027-03-28T23:59:59.999Z");
        assert_eq!(day.end(&berlin).day(&berlin), day);
    }

    #[test]
    fn a_clock_on_the_wall_is_read_where_the_caller_lives() {
        let berlin = time_zone("Europe/Berlin").unwrap();
        let moment = Moment::parse_local("2027-03-01T09:30", &berlin).unwrap();
        assert_eq!(moment.to_string(), "2027-03-01T08:30:00.000Z");
        assert_eq!(moment.local(&berlin), "2027-03-01T09:30");
        assert!(Moment::parse_local("soon", &berlin).is_err());
        assert_eq!(Day::parse("2027-03-03").unwrap().end_of_week(), Day::parse("2027-03-07").unwrap());
    }

    #[test]
    fn a_day_can_be_said_in_words() {
        let today = Day::parse("2027-03-03").unwrap(); // a Wednesday
        let said = |text: &str| DayWord::parse(text).map(|word| word.day(today).to_string());
        for (text, day) in [
            ("2027-05-01", "2027-05-01"),
            ("Today", "2027-03-03"),
            ("yesterday", "2027-03-02"),
            ("tomorrow", "2027-03-04"),
            ("friday", "2027-03-05"),
            ("Wed", "2027-03-10"),
            ("+3d", "2027-03-06"),
            ("+2w", "2027-03-17"),
            ("-7d", "2027-02-24"),
        ] {
            assert_eq!(said(text).unwrap(), day, "{text}");
        }
        for text in ["", "someday", "+d", "+99999d", "fr", "2027-02-30"] {
            assert!(said(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in ["2027-02-30", "27-02-03", "2027-2-3", "tomorrowly", "2027-03-01T00:00:00Z", "-002027-03-01"] {
            assert!(Day::parse(text).is_err(), "{text}");
        }
    }
}
