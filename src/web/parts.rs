//! The smallest thing that every page is put together from, rendered by one function: a macro of the templates would be
//! compiled anew wherever it is used.

use askama::Template;
use askama::filters::HtmlSafe;

/// A picture of the sprite; `class` may be empty.
#[derive(Template)]
#[template(path = "icon.html")]
pub struct Icon<'a> {
    name: &'a str,
    class: &'a str,
}

impl HtmlSafe for Icon<'_> {}

pub fn icon<'a>(name: &'a str, class: &'a str) -> Icon<'a> {
    Icon { name, class }
}
