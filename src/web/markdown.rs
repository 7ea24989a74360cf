//! Markdown as HTML that cannot do anything: what people wrote is text, whatever it looks like.

use std::fmt::{self, Display, Write};

use pulldown_cmark::{Alignment, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// HTML made here and nowhere else, so that a template may show it as it is.
pub struct Rendered(String);

impl Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Rendered {}

/// Every element and attribute is one of those written below. HTML in the text becomes text, links lead to the web or
/// to a mailbox, and pictures come from this server only.
pub fn render(text: &str) -> Rendered {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer { html: String::with_capacity(text.len() * 3 / 2), ..Writer::default() };
    for event in Parser::new_ext(text, options) {
        writer.write(event);
    }
    Rendered(writer.html)
}

#[derive(Default)]
struct Writer {
    html: String,
    /// Inside a picture there are no elements, only the words that stand for it.
    alternative: Option<Picture>,
    /// Links do not stand in links.
    in_link: bool,
    is_linked: Vec<bool>,
    in_code: bool,
    in_head: bool,
    alignments: Vec<Alignment>,
    cell: usize,
}

struct Picture {
    address: Option<String>,
    words: String,
}

impl Writer {
    fn write(&mut self, event: Event<'_>) {
        if let Some(picture) = &mut self.alternative {
            match event {
                Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                    picture.words.push_str(&text);
                }
                Event::End(TagEnd::Image) => self.picture(),
                _ => {}
            }
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.in_code || self.in_link => self.text(&text),
            Event::Text(text) => self.text_with_addresses(&text),
            Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => {
                self.html.push_str("<code>");
                self.text(&text);
                self.html.push_str("</code>");
            }
            // A line that was ended where one writes is ended where one reads.
            Event::SoftBreak | Event::HardBreak => self.html.push_str("<br>\n"),
            Event::Rule => self.html.push_str("<hr>\n"),
            Event::TaskListMarker(done) => self.html.push_str(if done { "☑ " } else { "☐ " }),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => self.text(&text),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.html.push_str("<p>"),
            Tag::Heading { level, .. } => self.open(heading(level)),
            Tag::BlockQuote(_) => self.html.push_str("<blockquote>\n"),
            Tag::CodeBlock(_) => {
                self.in_code = true;
                // It scrolls sideways, so it must be reachable by keyboard.
                self.html.push_str("<pre tabindex=\"0\"><code>");
            }
            Tag::List(Some(first)) if first != 1 => {
                let _ = writeln!(self.html, "<ol start=\"{first}\">");
            }
            Tag::List(Some(_)) => self.html.push_str("<ol>\n"),
            Tag::List(None) => self.html.push_str("<ul>\n"),
            Tag::Item => self.html.push_str("<li>"),
            Tag::Table(alignments) => {
                self.alignments = alignments;
                self.html.push_str("<div class=\"table-wrap\" tabindex=\"0\"><table>\n");
            }
            Tag::TableHead => {
                self.in_head = true;
                self.cell = 0;
                self.html.push_str("<thead><tr>");
            }
            Tag::TableRow => {
                self.cell = 0;
                self.html.push_str("<tr>");
            }
            Tag::TableCell => {
                let name = if self.in_head { "th" } else { "td" };
                let is_right = self.alignments.get(self.cell) == Some(&Alignment::Right);
                let _ = write!(self.html, "<{name}{}>", if is_right { " class=\"num\"" } else { "" });
                self.cell += 1;
            }
            Tag::Emphasis => self.html.push_str("<em>"),
            Tag::Strong => self.html.push_str("<strong>"),
            Tag::Strikethrough => self.html.push_str("<del>"),
            Tag::Link { dest_url, .. } => {
                let address = web_address(&dest_url);
                self.is_linked.push(address.is_some());
                if let Some(address) = address {
                    self.in_link = true;
                    self.link(&address);
                }
            }
            Tag::Image { dest_url, .. } => {
                let address = own_file(&dest_url).map(str::to_owned);
                self.alternative = Some(Picture { address, words: String::new() });
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.html.push_str("</p>\n"),
            TagEnd::Heading(level) => {
                let _ = writeln!(self.html, "</{}>", heading(level));
            }
            TagEnd::BlockQuote(_) => self.html.push_str("</blockquote>\n"),
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.html.push_str("</code></pre>\n");
            }
            TagEnd::List(is_ordered) => self.html.push_str(if is_ordered { "</ol>\n" } else { "</ul>\n" }),
            TagEnd::Item => self.html.push_str("</li>\n"),
            TagEnd::Table => self.html.push_str("</tbody></table></div>\n"),
            TagEnd::TableHead => {
                self.in_head = false;
                self.html.push_str("</tr></thead><tbody>\n");
            }
            TagEnd::TableRow => self.html.push_str("</tr>\n"),
            TagEnd::TableCell => self.html.push_str(if self.in_head { "</th>" } else { "</td>" }),
            TagEnd::Emphasis => self.html.push_str("</em>"),
            TagEnd::Strong => self.html.push_str("</strong>"),
            TagEnd::Strikethrough => self.html.push_str("</del>"),
            TagEnd::Link if self.is_linked.pop() == Some(true) => {
                self.in_link = false;
                self.html.push_str("</a>");
            }
            _ => {}
        }
    }

    fn open(&mut self, name: &str) {
        let _ = write!(self.html, "<{name}>");
    }

    /// A picture of ours; one from elsewhere would tell its server who reads this, so its words stand instead.
    fn picture(&mut self) {
        let Some(Picture { address, words }) = self.alternative.take() else { return };
        match address {
            Some(address) => {
                self.html.push_str("<img loading=\"lazy\" src=\"");
                self.text(&address);
                self.html.push_str("\" alt=\"");
                self.text(&words);
                self.html.push_str("\">");
            }
            None => self.text(&words),
        }
    }

    fn link(&mut self, address: &str) {
        self.html.push_str("<a rel=\"nofollow noopener noreferrer\" href=\"");
        self.text(address);
        self.html.push_str("\">");
    }

    /// Addresses written out can be followed, too.
    fn text_with_addresses(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = next_address(rest) {
            let (before, from) = rest.split_at(at);
            let end = from.find(|c: char| c.is_whitespace() || "<>\"`".contains(c)).unwrap_or(from.len());
            let address = from[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '*', '_']);
            self.text(before);
            match web_address(address) {
                Some(_) => {
                    self.link(address);
                    self.text(address);
                    self.html.push_str("</a>");
                }
                None => self.text(address),
            }
            rest = &from[address.len()..];
        }
        self.text(rest);
    }

    fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.html.push_str("&#38;"),
                '<' => self.html.push_str("&#60;"),
                '>' => self.html.push_str("&#62;"),
                '"' => self.html.push_str("&#34;"),
                '\'' => self.html.push_str("&#39;"),
                other => self.html.push(other),
            }
        }
    }
}

/// The page has a heading of its own, and so has the part of it in which the text stands.
fn heading(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 => "h3",
        HeadingLevel::H2 => "h4",
        HeadingLevel::H3 => "h5",
        _ => "h6",
    }
}

/// Where the next address written out begins. Each letter is looked at once, however many there are.
fn next_address(text: &str) -> Option<usize> {
    let begins = |at: &usize| text[*at..].starts_with("http://") || text[*at..].starts_with("https://");
    text.match_indices("http").map(|(at, _)| at).find(begins)
}

/// Where a link may lead: the web, a mailbox, or another page of ours.
fn web_address(text: &str) -> Option<String> {
    if super::page::own_path(text).is_some() || text.starts_with('#') {
        return Some(text.to_owned());
    }
    let url = url::Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https" | "mailto").then(|| url.to_string())
}

fn own_file(text: &str) -> Option<&str> {
    super::page::own_path(text).filter(|path| path.starts_with("/files/") && !path.contains(".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        render(text).to_string()
    }

    #[test]
    fn what_people_write_is_shown_as_they_mean_it() {
        assert_eq!(html("**Now** and *then*"), "<p><strong>Now</strong> and <em>then</em></p>\n");
        assert_eq!(html("one\ntwo"), "<p>one<br>\ntwo</p>\n");
        assert_eq!(html("# Plan"), "<h3>Plan</h3>\n");
        assert_eq!(html("- [x] done\n- [ ] open"), "<ul>\n<li>☑ done</li>\n<li>☐ open</li>\n</ul>\n");
        assert!(html("|a|b|\n|-|-:|\n|1|2|").contains("<td>1</td><td class=\"num\">2</td>"));
        assert!(html("see https://example.com/x?a=1&b=2.").contains("href=\"https://example.com/x?a=1&#38;b=2\""));
        assert!(html("![shot](/files/img_1)").contains("<img loading=\"lazy\" src=\"/files/img_1\" alt=\"shot\">"));
        assert!(html("[us](/tasks/WEB-1)").contains("href=\"/tasks/WEB-1\""));
    }

    #[test]
    fn nothing_in_it_can_do_anything() {
        for hostile in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <b onclick=\"x()\">b</b>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "[x](vbscript:x)",
            "[x](//evil.example)",
            "![x](https://evil.example/pixel.png)",
            "![x](/files/../settings)",
            "![\" onerror=\"alert(1)](/files/a)",
            "[x](https://a.example/\"onmouseover=\"alert(1))",
            "```\"><script>\n</code><script>\n```",
            "<javascript:alert(1)>",
            "[a]: javascript:alert(1)\n[a]",
            "http://a.example/<script>",
        ] {
            let html = html(hostile);
            for forbidden in [
                "<script",
                "<b ",
                "href=\"javascript",
                "href=\"data",
                "href=\"//",
                "src=\"http",
                "\" on",
                "src=\"/files/../",
                "vbscript:x\"",
            ] {
                assert!(!html.to_lowercase().contains(forbidden), "{hostile} → {html}");
            }
        }
    }

    #[test]
    fn deep_and_long_texts_are_no_trouble() {
        assert!(!html(&">".repeat(20_000)).is_empty());
        assert!(!html(&"[".repeat(20_000)).is_empty());
        assert!(!html(&"*a ".repeat(20_000)).is_empty());
        assert_eq!(html(&"http://a ".repeat(11_000)).matches("<a ").count(), 11_000);
    }
}
