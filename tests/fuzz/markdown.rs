//! Markdown: texts that no person would write, and what becomes of them on pages.

use serde_json::{Value, json};
use ureq::http::Request;

use crate::Target;
use crate::values::{Chance, word};

const PIECES: [&str; 48] = [
    "# ",
    "###### ",
    "> ",
    "- ",
    "* ",
    "1. ",
    "999999999. ",
    "- [ ] ",
    "- [x] ",
    "```",
    "~~~",
    "    ",
    "\t",
    "\n",
    "\n\n",
    "---\n",
    "===\n",
    "| a | b |\n|---|--:|\n| ",
    " | ",
    "**",
    "__",
    "*",
    "_",
    "~~",
    "`",
    "``",
    "[",
    "](",
    ")",
    "![",
    "<",
    ">",
    "\\",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](\u{1}javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](https://evil.example/x.png)",
    "![x\" onerror=\"alert(1)](/files/x)",
    "<javascript:alert(1)>",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<!-- ",
    "<svg/onload=alert(1)>",
    "[a]: javascript:alert(1)\n[a]",
    "https://example.com/?a=\"onmouseover=alert(1)",
    "&lt;script&gt;",
];
/// What an address on a page may begin with.
const HARMLESS: [&str; 6] = ["/", "#", "?", "http://", "https://", "mailto:"];

/// A task and a deal to write at.
pub struct Markdown {
    /// The path of the API that changes it, the field, and its page.
    places: Vec<(String, &'static str, String)>,
}

fn text(chance: &mut Chance) -> String {
    let mut text = String::new();
    for _ in 0..chance.usize(1..40) {
        let piece = *chance.choice(&PIECES).unwrap();
        match chance.u8(0..40) {
            0 => text += &piece.repeat(chance.usize(1..5_000) / piece.len() + 1),
            1..8 => text += &word(chance).chars().take(300).collect::<String>(),
            8..14 => text += " words between ",
            14 => text.push(chance.char(..)),
            _ => text += piece,
        }
    }
    text.chars().take(15_000).collect()
}

impl Markdown {
    pub fn of(target: &Target) -> Markdown {
        let make = |path: &str, body: Value| -> Value {
            let (status, made) = target.server.post(path, &target.api_key, &body).unwrap();
            assert_eq!(status, 201, "{made}");
            made
        };
        make("/api/projects", json!({ "name": "Markdown", "key": "MARK" }));
        let task = make("/api/tasks", json!({ "projectId": "MARK", "title": "Write" }));
        let deal = make("/api/crm/deals", json!({ "title": "Write" }));
        let (task, deal) = (task["key"].as_str().unwrap().to_owned(), deal["id"].as_str().unwrap().to_owned());
        let comment = make(&format!("/api/tasks/{task}/comments"), json!({ "body": "Write" }));
        let comment = comment["id"].as_str().unwrap();
        Markdown {
            places: vec![
                (format!("/api/tasks/{task}"), "description", format!("/tasks/{task}")),
                (format!("/api/comments/{comment}"), "body", format!("/tasks/{task}")),
                (format!("/api/crm/deals/{deal}"), "notes", format!("/crm/deals/{deal}")),
            ],
        }
    }

    pub fn send(&self, target: &Target, chance: &mut Chance) {
        let (path, field, page) = chance.choice(&self.places).unwrap();
        let written = text(chance);
        let url = &target.server.url;
        let change = Request::patch(format!("{url}{path}")).header("Content-Type", "application/json");
        let change = change.header("Authorization", format!("Bearer {}", target.api_key));
        let (status, _, _) = target.send(change.body(json!({ *field: written }).to_string().into_bytes()).unwrap());
        target.pool.answered("markdown", status, true);
        let end = *chance.choice(&["", "", "", ".md", ".json"]).unwrap();
        let look =
            Request::get(format!("{url}{page}{end}")).header("Cookie", format!("sally_session={}", target.api_key));
        let accept = if end == ".json" { "application/json" } else { "text/html" };
        let (status, kind, text) = target.send(look.header("Accept", accept).body(Vec::new()).unwrap());
        assert_eq!(status, 200, "{page}{end} after {written:?}: {text}");
        target.pool.answered("markdown", status, true);
        if kind.starts_with("text/html") {
            must_be_harmless(&text, &written);
        }
    }
}

/// Nothing on it runs, and no address leads to where it would.
fn must_be_harmless(page: &str, written: &str) {
    for tag in page.split('<').skip(1).filter(|tag| tag.starts_with(|c: char| c.is_ascii_alphabetic())) {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
        let is_odd = matches!(name.as_str(), "object" | "embed" | "base" | "applet" | "style" | "math" | "frame");
        assert!(!is_odd, "<{name}> after {written:?}");
        for (attribute, value) in attributes(tag) {
            let told = || format!("<{name} {attribute}=\"{value}\"> after {written:?}");
            assert!(!attribute.starts_with("on") && !matches!(attribute, "style" | "srcdoc"), "{}", told());
            let value = value.replace("&#38;", "&").replace("&amp;", "&");
            let is_address = matches!(attribute, "href" | "src" | "action" | "formaction" | "xlink:href");
            let leads = || HARMLESS.iter().any(|begin| value.starts_with(begin)) || value.is_empty();
            assert!(!is_address || leads(), "{}", told());
            assert!(name != "script" || attribute != "src" || value.starts_with("/static/"), "{}", told());
            let is_ours = value.starts_with('/') && !value.starts_with("//");
            assert!(name != "img" || attribute != "src" || is_ours, "{}", told());
        }
        assert!(name != "script" || tag.contains(" src=\""), "a script that stands there, after {written:?}");
    }
}

/// Names and values of a tag, as our templates write them.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut rest = tag.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>')).unwrap_or(rest.len());
        let (name, more) = rest.split_at(end);
        if more.is_empty() || more.starts_with('>') {
            return found;
        }
        match more.strip_prefix("=\"").and_then(|value| value.split_once('"')) {
            Some((value, after)) => {
                found.push((name, value));
                rest = after;
            }
            None => {
                found.push((name, ""));
                rest = more.trim_start_matches('=');
            }
        }
    }
}
