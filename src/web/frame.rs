//! What stands around the content of every page of a signed-in person. Rendered by two functions; an included template
//! would be compiled into every page.

use askama::Template;
use askama::filters::HtmlSafe;

use super::page::Page;

#[derive(Template)]
#[template(path = "frame_top.html")]
pub struct Top<'a> {
    page: &'a Page,
}

#[derive(Template)]
#[template(path = "frame_bottom.html")]
pub struct Bottom<'a> {
    page: &'a Page,
}

impl HtmlSafe for Top<'_> {}
impl HtmlSafe for Bottom<'_> {}

impl Page {
    /// Bars and navigation, before the content.
    pub fn top(&self) -> Top<'_> {
        Top { page: self }
    }

    /// What is told and what opens, behind it.
    pub fn bottom(&self) -> Bottom<'_> {
        Bottom { page: self }
    }
}
