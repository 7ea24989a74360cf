//! Asks before something leaves: for browsers without the dialog, and for what cannot be taken back.

use askama::Template;

use super::form::Form;
use super::page::Page;

#[derive(Template)]
#[template(path = "confirm.html")]
pub struct Confirm<'a> {
    pub page: &'a Page,
    pub title: String,
    pub text: &'static str,
    pub action: String,
    pub cancel: String,
    pub button: &'static str,
    pub hidden: &'static [(&'static str, &'static str)],
    pub form: Form,
}

impl<'a> Confirm<'a> {
    pub fn archive(page: &'a Page, base: String, name: &str) -> Self {
        Confirm {
            page,
            title: format!("Archive “{name}”?"),
            text: "It disappears from lists and the board. Nothing is deleted, and you can bring it back.",
            action: format!("{base}/archive"),
            cancel: base,
            button: "Archive",
            hidden: &[],
            form: Form::default(),
        }
    }

    /// `text` says what goes with it.
    pub fn delete(page: &'a Page, base: String, name: &str, text: &'static str) -> Self {
        Confirm {
            title: format!("Delete “{name}”?"),
            text,
            action: format!("{base}/delete"),
            button: "Delete",
            ..Confirm::archive(page, base, name)
        }
    }
}
