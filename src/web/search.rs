//! Search: everything in the workspace that fits some words.

use askama::Template;

use crate::features::search::{Found, Hit, Search};

use super::page::{Answer, Page, Query};

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage<'a> {
    page: &'a Page,
    query: &'a Query,
    /// `4 results for “relaunch”`; empty before there is a question.
    summary: String,
    results: Vec<Shown>,
    types: Vec<(&'static str, &'static str)>,
}

struct Shown {
    image: &'static str,
    kind: &'static str,
    href: String,
    title: String,
    snippet: Vec<Part>,
}

/// A piece of text, marked where it is one of the words.
struct Part {
    text: String,
    is_hit: bool,
}

pub async fn search(page: Page) -> Answer {
    let query = page.query();
    let words = query.get("q").to_owned();
    let results = if words.is_empty() {
        Vec::new()
    } else {
        let mut input = query.input(&[("query", "q"), ("types", "type")]);
        input.insert("limit".into(), 50.into());
        let found = page.ask::<Search>(input).await?;
        found.items.iter().map(|hit| Shown::new(hit, &words)).collect()
    };
    let summary = match (words.is_empty(), results.len()) {
        (true, _) => String::new(),
        (_, 0) => format!("Nothing found for “{words}”"),
        (_, 1) => format!("1 result for “{words}”"),
        (_, count) => format!("{count} results for “{words}”"),
    };
    let types = [("", "Everything")].into_iter().chain(Found::ALL.iter().map(|kind| (kind.word(), plural(*kind))));
    page.ok(&SearchPage { page: &page, query: &query, summary, results, types: types.collect() })
}

fn plural(kind: Found) -> &'static str {
    match kind {
        Found::Task => "Tasks",
        Found::Comment => "Comments",
        Found::Project => "Projects",
        Found::Client => "Clients",
        Found::Organization => "Organizations",
        Found::Person => "People",
        Found::Deal => "Deals",
        Found::Activity => "Activities",
    }
}

impl Shown {
    fn new(hit: &Hit, words: &str) -> Self {
        let (image, kind) = match hit.kind {
            Found::Task => ("task", "Task"),
            Found::Comment => ("comment", "Comment"),
            Found::Project => ("project", "Project"),
            Found::Client => ("client", "Client"),
            Found::Organization => ("organization", "Organization"),
            Found::Person => ("person", "Person"),
            Found::Deal => ("deals", "Deal"),
            Found::Activity => match hit.title.as_str() {
                "CALL" => ("call", "Call"),
                "EMAIL" => ("email", "E-mail"),
                "MEETING" => ("meeting", "Meeting"),
                "FOLLOW_UP" => ("follow-up", "Follow-up"),
                _ => ("note", "Note"),
            },
        };
        let is_activity = hit.kind == Found::Activity;
        Shown {
            image,
            kind: if is_activity { "Activity" } else { kind },
            // An activity has no page of its own: it stands in the timeline, found there by the same words.
            href: match is_activity {
                true => {
                    let words: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
                    format!("/crm/activities?q={words}#{}", hit.id)
                }
                false => hit.url.clone(),
            },
            title: match &hit.key {
                _ if is_activity => kind.to_owned(),
                Some(key) if hit.kind != Found::Project => format!("{key} {}", hit.title),
                _ => hit.title.clone(),
            },
            snippet: marked(&hit.snippet, words),
        }
    }
}

/// The words of the question, marked where they begin a word of the text.
fn marked(text: &str, words: &str) -> Vec<Part> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let mut parts: Vec<Part> = Vec::new();
    for piece in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let lower = piece.to_lowercase();
        let is_hit = words.iter().any(|word| lower.starts_with(word.as_str()));
        let (word, rest) = match piece.char_indices().next_back() {
            Some((at, last)) if is_hit && !last.is_alphanumeric() => piece.split_at(at),
            _ => (piece, ""),
        };
        for (text, is_hit) in [(word, is_hit), (rest, false)] {
            match parts.last_mut() {
                _ if text.is_empty() => {}
                Some(part) if part.is_hit == is_hit => part.text.push_str(text),
                _ => parts.push(Part { text: text.to_owned(), is_hit }),
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_marked_where_they_begin() {
        let shown = |text, words| -> String {
            let parts = marked(text, words);
            parts.iter().map(|part| if part.is_hit { format!("[{}]", part.text) } else { part.text.clone() }).collect()
        };
        assert_eq!(shown("Asked for a relaunch, soon.", "relau soon"), "Asked for a [relaunch], [soon].");
        assert_eq!(shown("größe", "GRÖ"), "[größe]");
        assert_eq!(shown("nothing", "x"), "nothing");
    }
}
