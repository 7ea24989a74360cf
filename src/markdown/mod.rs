//! Records as Markdown: compact, for readers who pay by the word, and complete enough to act on.
//!
//! What people wrote stands in quotes, so that it is never taken for Sally's own words; long texts and lists are cut
//! where everybody sees it.

pub mod crm;
pub mod work;

use std::fmt::{Display, Write};

use crate::core::id::Record;
use crate::core::reference::Named;
use crate::core::time::Moment;

/// The longest text of a record itself, and of something that belongs to it, in characters.
const LONG: usize = 4_000;
const SHORT: usize = 800;
/// The longest list.
const MOST: usize = 25;

/// A text in the making.
pub struct Sheet(String);

impl Sheet {
    pub fn titled(title: impl Display) -> Self {
        Sheet(format!("# {title}\n"))
    }

    /// Those facts that there are, in a line: `Status: Review · Priority: P1`.
    pub fn facts<const N: usize>(&mut self, facts: [(&str, Option<String>); N]) -> &mut Self {
        let known = facts.into_iter().filter_map(|(name, fact)| fact.map(|fact| format!("{name}: {fact}")));
        let known: Vec<String> = known.collect();
        if !known.is_empty() {
            self.line(format_args!("\n{}", known.join(" · ")));
        }
        self
    }

    pub fn line(&mut self, text: impl Display) -> &mut Self {
        writeln!(self.0, "{text}").expect("writing to memory");
        self
    }

    pub fn heading(&mut self, text: impl Display) -> &mut Self {
        self.line(format_args!("\n## {text}"))
    }

    /// A text that somebody wrote, under its heading, if there is one.
    pub fn prose(&mut self, heading: &str, text: Option<&str>) -> &mut Self {
        match text.filter(|text| !text.trim().is_empty()) {
            Some(text) => self.heading(heading).line(quote(text, LONG)),
            None => self,
        }
    }

    /// A heading and a line for each, if there are any.
    pub fn list<T>(&mut self, heading: impl Display, items: &[T], line: impl Fn(&T) -> String) -> &mut Self {
        if items.is_empty() {
            return self;
        }
        self.heading(heading);
        for item in items.iter().take(MOST) {
            self.line(format_args!("- {}", line(item)));
        }
        if items.len() > MOST {
            self.line(format_args!("- … and {} more", items.len() - MOST));
        }
        self
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

/// `Mara · done` out of the parts that there are.
fn joined<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Each line with `> ` in front; what is too long is cut.
pub fn quote(text: &str, most: usize) -> String {
    let text = text.trim();
    let (shown, left) = match text.char_indices().nth(most) {
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
        None => (text, 0),
    };
    let mut quoted: Vec<String> = shown.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
    if left > 0 {
        quoted.push(format!("> … [{left} more characters; the JSON form has them]"));
    }
    quoted.join("\n")
}

/// What somebody wrote, where it stands among other words: none of it can look like a line of ours.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn name_of<T: Record>(named: &Option<Named<T>>) -> Option<String> {
    named.as_ref().map(|named| named.name.clone())
}

fn names_of<T: Record>(named: &[Named<T>]) -> Option<String> {
    let names: Vec<&str> = named.iter().map(|named| named.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Who did it: a person, or an agent for them.
fn author<A: Record, B: Record>(person: &Option<Named<A>>, agent: &Option<Named<B>>) -> String {
    match (person, agent) {
        (Some(person), Some(agent)) => format!("{} for {}", agent.name, person.name),
        (Some(person), None) => person.name.clone(),
        (None, Some(agent)) => agent.name.clone(),
        (None, None) => "somebody who has left".into(),
    }
}

/// `2027-03-01 09:30 UTC`
fn when(moment: &Moment) -> String {
    let text = moment.to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stands_in_quotes_and_is_cut_visibly() {
        assert_eq!(quote("# Not a heading\n\nof ours \n", 100), "> # Not a heading\n>\n> of ours");
        assert_eq!(one_line("a\n\n# Not a\theading "), "a # Not a heading");
        assert_eq!(quote("éééé", 3), "> ééé\n> … [1 more characters; the JSON form has them]");
        let mut sheet = Sheet::titled("Empty");
        sheet.facts([("Owner", None)]).prose("Notes", Some(" ")).list("None", &[0; 0], i32::to_string);
        assert_eq!(sheet.into_text(), "# Empty\n");
    }

    #[test]
    fn a_long_list_says_how_much_is_left_out() {
        let mut sheet = Sheet::titled("Numbers");
        sheet.list("All", &[7; 30], i32::to_string);
        let text = sheet.into_text();
        assert_eq!(text.matches("- 7\n").count(), MOST);
        assert!(text.ends_with("- … and 5 more\n"), "{text}");
    }
}
