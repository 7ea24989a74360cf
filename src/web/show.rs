//! How things look on pages: initials, colours, days as people say them, headings that sort.

use crate::core::caller::Account;
use crate::core::id::{Id, Record};
use crate::core::page::Sort;
use crate::core::reference::Named;
pub use crate::core::time::duration;
use crate::core::time::{Day, Moment};

use super::page::{Page, Query};

/// One of the eight colours of an avatar, the same for the same record each time.
pub fn tint<T: Record>(id: &Id<T>) -> i64 {
    tint_of(&id.raw())
}

pub fn tint_of(raw: &i64) -> i64 {
    raw.rem_euclid(8) + 1
}

/// A picture that pages may show: those kept here, as no other site learns who looks at whom.
pub fn portrait(avatar_url: &Option<String>) -> Option<&str> {
    avatar_url.as_deref().filter(|url| url.starts_with("/files/"))
}

/// The colour of a label, by its letters.
pub fn label_tint(label: &str) -> u32 {
    label.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.to_ascii_lowercase().into())) % 8 + 1
}

/// Stages take their colours by position: grey-blue for the first, as nothing is certain there yet.
pub fn stage_tint(position: &usize) -> usize {
    const TINTS: [usize; 8] = [8, 1, 2, 5, 3, 4, 6, 7];
    TINTS[position % 8]
}

/// `Mara Lindqvist` → `ML`.
pub fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || c == '&')
        .filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

/// `1:05`: minutes as hours and minutes.
pub fn hours(minutes: &i64) -> String {
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

/// `1 deal`, `12 deals`
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// When something is due, as a mark beside it.
pub struct Due {
    pub iso: String,
    pub text: String,
    /// `overdue`, `today` or nothing.
    pub state: &'static str,
}

/// Days near today by their names, others by date.
fn near(day: Day, today: Day) -> String {
    match day.days_since(today) {
        0 => "Today".into(),
        1 => "Tomorrow".into(),
        -1 => "Yesterday".into(),
        2..=6 => day.weekday(),
        _ => day.short(today),
    }
}

impl Page {
    /// The day a deal is expected to close; late only while it is open.
    pub fn closing(&self, day: &Option<Day>, is_open: bool) -> Option<Due> {
        day.map(|day| Due {
            iso: day.to_string(),
            text: day.short(self.today),
            state: match day.days_since(self.today) {
                ..0 if is_open => "overdue",
                0 if is_open => "today",
                _ => "",
            },
        })
    }

    /// The day something is due by; late only while it is open.
    pub fn due_by(&self, day: &Option<Day>, is_open: bool) -> Option<Due> {
        day.map(|day| Due {
            iso: day.to_string(),
            text: near(day, self.today),
            state: match day.days_since(self.today) {
                ..0 if is_open => "overdue",
                0 if is_open => "today",
                _ => "",
            },
        })
    }

    /// When a follow-up is due: its day, and its time unless it is the whole day.
    pub fn due(&self, due: &Option<Moment>, is_open: bool) -> Option<Due> {
        due.map(|due| {
            let day = due.day(&self.zone);
            let is_whole_day = due == day.end(&self.zone);
            let is_today = day == self.today;
            let text = match (is_today, is_whole_day) {
                (true, false) => due.clock(&self.zone),
                (false, false) => format!("{}, {}", near(day, self.today), due.clock(&self.zone)),
                (_, true) => near(day, self.today),
            };
            let state = if is_open && due < self.now {
                "overdue"
            } else if is_open && is_today {
                "today"
            } else {
                ""
            };
            Due { iso: if is_whole_day { day.to_string() } else { due.to_string() }, text, state }
        })
    }

    /// `3 Mar`, or `3 Mar 2026` in another year; for `<time>`.
    pub fn day(&self, moment: &Moment) -> String {
        moment.day(&self.zone).short(self.today)
    }

    /// `14:05` today, `Yesterday`, `Tue`, `3 Mar`: when something changed last.
    pub fn ago(&self, moment: &Moment) -> String {
        let day = moment.day(&self.zone);
        match self.today.days_since(day) {
            0 => format!("Today, {}", moment.clock(&self.zone)),
            1 => "Yesterday".into(),
            2..=6 => day.weekday(),
            _ => day.short(self.today),
        }
    }

    /// `Today, Saturday, 21 November`: the heading of a day in a timeline.
    pub fn heading(&self, day: Day) -> String {
        let long = day.long(self.today);
        match self.today.days_since(day) {
            0 => format!("Today, {long}"),
            1 => format!("Yesterday, {long}"),
            _ => long,
        }
    }
}

/// Where things to do stand by the day they are due: part of an id, and heading.
pub const WHEN: [(&str, &str); 5] = [
    ("overdue", "Overdue"),
    ("today", "Today"),
    ("this-week", "This week"),
    ("later", "Later"),
    ("no-date", "No date"),
];

impl Page {
    /// The place in [`WHEN`] of what is due on a day.
    pub fn when(&self, day: Option<Day>) -> usize {
        match day {
            Some(day) if day < self.today => 0,
            Some(day) if day == self.today => 1,
            Some(day) if day <= self.today.end_of_week() => 2,
            Some(_) => 3,
            None => 4,
        }
    }

    /// The same for what is due at a time of the day, and late from then on.
    pub fn when_at(&self, due: Option<Moment>) -> usize {
        match due {
            Some(due) if due < self.now => 0,
            due => self.when(due.map(|due| due.day(&self.zone))),
        }
    }
}

/// What belongs to one day.
pub struct ByDay<T> {
    pub heading: String,
    pub entries: Vec<T>,
}

impl<T> ByDay<T> {
    /// In the order given, a day for each run of one day.
    pub fn of(page: &Page, entries: impl IntoIterator<Item = (Moment, T)>) -> Vec<Self> {
        let mut days: Vec<(Day, Self)> = Vec::new();
        for (moment, entry) in entries {
            let day = moment.day(&page.zone);
            match days.last_mut() {
                Some((known, group)) if *known == day => group.entries.push(entry),
                _ => days.push((day, ByDay { heading: page.heading(day), entries: vec![entry] })),
            }
        }
        days.into_iter().map(|(_, group)| group).collect()
    }
}

/// A column of a list.
pub struct Column {
    pub label: &'static str,
    pub class: &'static str,
    /// Sorts by it; clicked again, the other way.
    pub href: Option<String>,
    /// `ascending`, `descending`, or not the one sorted by.
    pub order: &'static str,
}

/// The columns of a list: label, the sort's name (empty if it cannot be sorted by), CSS class.
pub fn columns(query: &Query, sorts: &[Sort], wanted: &[(&'static str, &'static str, &'static str)]) -> Vec<Column> {
    let written = |sort: &Sort, descending: bool| format!("{}{}", if descending { "-" } else { "" }, sort.name);
    let current = match query.get("sort") {
        "" => written(&sorts[0], sorts[0].descending),
        given => given.to_owned(),
    };
    let (name, descending) = current.strip_prefix('-').map_or((current.as_str(), false), |name| (name, true));
    wanted
        .iter()
        .map(|(label, sort, class)| {
            let sort = sorts.iter().find(|known| known.name == *sort);
            let is_current = sort.is_some_and(|sort| sort.name == name);
            let next = if is_current { !descending } else { sort.is_some_and(|sort| sort.descending) };
            Column {
                label,
                class,
                href: sort.map(|sort| query.with("sort", &written(sort, next))),
                order: match (is_current, descending) {
                    (false, _) => "",
                    (true, true) => "descending",
                    (true, false) => "ascending",
                },
            }
        })
        .collect()
}

/// Below a list: how much is shown, and the way on.
pub struct Pager {
    pub text: String,
    pub next: Option<String>,
    /// The first page, for whoever is not on it.
    pub first: Option<String>,
}

impl Pager {
    pub fn new(query: &Query, shown: usize, next_cursor: Option<&str>, one: &str, many: &str) -> Self {
        let is_first = query.get("cursor").is_empty();
        let what = if shown == 1 { one } else { many };
        Pager {
            text: match (is_first, next_cursor) {
                (true, None) => format!("{shown} {what}"),
                (true, Some(_)) => format!("First {shown} {what}"),
                (false, Some(_)) => format!("{shown} more {what}"),
                (false, None) => format!("Last {shown} {what}"),
            },
            next: next_cursor.map(|cursor| query.with("cursor", cursor)),
            first: (!is_first).then(|| query.with("cursor", "")),
        }
    }
}

/// A name that leads to its page.
pub struct Link {
    pub href: String,
    pub name: String,
}

/// What a form shows for a record: its name.
pub fn name_of<T: Record>(named: &Option<Named<T>>) -> String {
    named.as_ref().map(|named| named.name.clone()).unwrap_or_default()
}

/// The id of a record that may be missing, as a form has it.
pub fn id_of<T: Record>(named: &Option<Named<T>>) -> String {
    named.as_ref().map(|named| named.id.to_string()).unwrap_or_default()
}

/// Something that can be chosen in a `<select>`.
pub struct Choice {
    pub value: String,
    pub text: String,
}

impl Choice {
    pub fn new(value: impl std::fmt::Display, text: impl Into<String>) -> Self {
        Choice { value: value.to_string(), text: text.into() }
    }

    /// Records by id.
    pub fn of<T: Record>(named: &[Named<T>]) -> Vec<Choice> {
        named.iter().map(|named| Choice::new(named.id, named.name.clone())).collect()
    }
}

impl Page {
    /// Owners to choose from in a form, oneself first; and whoever owns the record, even if they have left.
    pub fn owners<'a>(
        &self,
        known: impl IntoIterator<Item = (Id<Account>, &'a str)>,
        current: &Option<Named<Account>>,
    ) -> Vec<Choice> {
        let mut owners: Vec<Choice> = Vec::new();
        let mut left = current.as_ref();
        for (id, name) in known {
            left = left.filter(|owner| owner.id != id);
            if id == self.account.id {
                owners.insert(0, Choice::new(id, format!("{name} (you)")));
            } else {
                owners.push(Choice::new(id, name));
            }
        }
        owners.extend(left.map(|owner| Choice::new(owner.id, format!("{} (no member)", owner.name))));
        owners
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_and_the_last_word() {
        assert_eq!(initials("Mara Lindqvist"), "ML");
        assert_eq!(initials("Oat & Rye Bakery"), "OB");
        assert_eq!(initials("ada"), "A");
        assert_eq!(initials("  "), "");
        assert_eq!(initials("Örjan (Board) Ås"), "ÖÅ");
    }

    #[test]
    fn a_heading_sorts_and_then_sorts_the_other_way() {
        let sorts = &[Sort::down("updatedAt", "u"), Sort::up("name", "n")];
        let wanted = &[("Name", "name", ""), ("Phone", "", ""), ("Changed", "updatedAt", "")];
        let fresh = columns(&Query::parse("q=x"), sorts, wanted);
        assert_eq!(fresh[0].href.as_deref(), Some("?q=x&sort=name"));
        assert_eq!((fresh[1].href.as_deref(), fresh[2].order), (None, "descending"));
        let sorted = columns(&Query::parse("sort=name"), sorts, wanted);
        assert_eq!((sorted[0].href.as_deref(), sorted[0].order), (Some("?sort=-name"), "ascending"));
    }
}
