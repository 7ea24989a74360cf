//! Search: everything in the workspace that fits some words.

use askama::Template;

use crate::features::search::{Asked, Found, Hit, Search};

use super::page::{Answer, Page, Query};

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage<'a> {
    page: &'a Page,
    query: &'a Query,
    /// `4 results for “relaunch”`; empty before there is a question.
    summary: String,
    /// Why nothing could be looked for.
    problem: String,
    /// What narrows it: as it was written, and the search without it.
    chips: Vec<(String, String)>,
    kinds: Vec<Kind>,
    types: Vec<(&'static str, &'static str)>,
}

/// All results of one kind.
struct Kind {
    name: &'static str,
    results: Vec<Shown>,
}

struct Shown {
    image: &'static str,
    kind: &'static str,
    href: String,
    title: Vec<Part>,
    snippet: Vec<Part>,
}

/// A piece of text, marked where it is one of the words.
struct Part {
    text: String,
    is_hit: bool,
}

/// As many as one looks over.
const SHOWN: usize = 50;

pub async fn search(page: Page) -> Answer {
    let query = page.query();
    let text = query.get("q").to_owned();
    let asked = Asked::read(&text);
    let mut kinds: Vec<Kind> = Vec::new();
    let mut problem = String::new();
    if !text.is_empty() {
        let mut input = query.input(&[("query", "q"), ("types", "type")]);
        input.insert("limit".into(), SHOWN.into());
        let items = match page.ask::<Search>(input).await {
            Ok(found) => found.items,
            // Nobody of that name, no such project: what narrows it has to be written otherwise.
            Err(refused) if [404, 409, 422].contains(&refused.error().status()) => {
                problem = refused.error().detail().to_owned();
                Vec::new()
            }
            Err(refused) => return Err(refused),
        };
        // The kinds in the order of their best result.
        for hit in &items {
            let name = plural(hit.kind);
            let at = kinds.iter().position(|kind| kind.name == name).unwrap_or_else(|| {
                kinds.push(Kind { name, results: Vec::new() });
                kinds.len() - 1
            });
            kinds[at].results.push(Shown::new(hit, &asked.words));
        }
    }
    let count: usize = kinds.iter().map(|kind| kind.results.len()).sum();
    let summary = match (text.is_empty(), count) {
        (true, _) => String::new(),
        (_, 0) => format!("Nothing found for “{text}”"),
        (_, 1) => format!("1 result for “{text}”"),
        (_, SHOWN) => format!("The best {count} results for “{text}”"),
        (_, count) => format!("{count} results for “{text}”"),
    };
    let without = |written: &str| {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        words.retain(|word| !word.eq_ignore_ascii_case(written));
        query.with("q", &words.join(" "))
    };
    let chips = asked.operators.iter().map(|(name, value)| format!("{name}:{value}"));
    let chips = chips.map(|written| (written.clone(), without(&written))).collect();
    let types = [("", "Everything")].into_iter().chain(Found::ALL.iter().map(|kind| (kind.word(), plural(*kind))));
    page.ok(&SearchPage { page: &page, query: &query, summary, problem, chips, kinds, types: types.collect() })
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
                _ if is_activity => marked(kind, ""),
                Some(key) if hit.kind != Found::Project => marked(&format!("{key} {}", hit.title), words),
                _ => marked(&hit.title, words),
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
