//! The fields of forms: label, control, what is wrong, help. A field is rendered by one function; a macro of the template
//! would be compiled anew wherever one stands.

use askama::Template;
use askama::filters::{HtmlSafe, HtmlSafeOutput};

use super::form::Form;
use super::show::Choice;

/// One field, as templates build it: `{{ form.text("website", "Website").mode("url") }}`.
#[derive(Template)]
#[template(path = "field.html")]
pub struct Field<'a> {
    form: &'a Form,
    name: &'a str,
    label: &'a str,
    control: Control<'a>,
    is_required: bool,
    is_full: bool,
    help: &'a str,
    placeholder: &'a str,
    list: &'a str,
    complete: &'a str,
    mode: &'a str,
}

enum Control<'a> {
    /// One line, of that type.
    Text(&'a str),
    /// Several lines, that many at first.
    Area(usize),
    /// Markdown: Write or Preview, with pictures and people of a task, where there is one.
    Editor {
        rows: usize,
        task: &'a str,
    },
    Select(&'a [Choice]),
}

impl HtmlSafe for Field<'_> {}

impl Form {
    pub fn text<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Control::Text("text"))
    }

    pub fn area<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(self, name, label, Control::Area(4)).full()
    }

    pub fn editor<'a>(&'a self, name: &'a str, label: &'a str, task: &'a str) -> Field<'a> {
        Field::new(self, name, label, Control::Editor { rows: 8, task }).full()
    }

    /// Something is chosen, unless it may stay empty.
    pub fn select<'a>(&'a self, name: &'a str, label: &'a str, choices: &'a [Choice]) -> Field<'a> {
        Field::new(self, name, label, Control::Select(choices)).required()
    }

    /// What is wrong, all of it: above the form.
    pub fn problems(&self) -> Problems<'_> {
        Problems { form: self }
    }

    /// What every form of a record carries: of which version it is an edit, or which showing of a new one it is. After
    /// somebody else was faster, also what both have changed.
    pub fn origin(&self) -> Origin<'_> {
        Origin { form: self }
    }
}

impl<'a> Field<'a> {
    fn new(form: &'a Form, name: &'a str, label: &'a str, control: Control<'a>) -> Self {
        Field {
            form,
            name,
            label,
            control,
            is_required: false,
            is_full: false,
            help: "",
            placeholder: "",
            list: "",
            complete: "off",
            mode: "",
        }
    }

    pub fn required(self) -> Self {
        Field { is_required: true, ..self }
    }

    pub fn optional(self) -> Self {
        Field { is_required: false, ..self }
    }

    /// As wide as the form.
    pub fn full(self) -> Self {
        Field { is_full: true, ..self }
    }

    /// The `type` of an input: `email`, `date`.
    pub fn kind(self, kind: &'a str) -> Self {
        Field { control: Control::Text(kind), ..self }
    }

    /// How many lines an area has at first.
    pub fn rows(self, rows: usize) -> Self {
        Field { control: Control::Area(rows), ..self }
    }

    pub fn help(self, help: &'a str) -> Self {
        Field { help, ..self }
    }

    pub fn placeholder(self, placeholder: &'a str) -> Self {
        Field { placeholder, ..self }
    }

    /// The id of the `<datalist>` with what may be meant.
    pub fn list(self, list: &'a str) -> Self {
        Field { list, ..self }
    }

    /// What a browser or password manager fills in.
    pub fn complete(self, complete: &'a str) -> Self {
        Field { complete, ..self }
    }

    /// The keyboard of a phone: `numeric`, `url`.
    pub fn mode(self, mode: &'a str) -> Self {
        Field { mode, ..self }
    }
}

#[derive(Template)]
#[template(path = "form_problems.html")]
pub struct Problems<'a> {
    form: &'a Form,
}

impl HtmlSafe for Problems<'_> {}

#[derive(Template)]
#[template(path = "form_origin.html")]
pub struct Origin<'a> {
    form: &'a Form,
}

impl HtmlSafe for Origin<'_> {}

/// Names this showing of a form that is not shown again with what is wrong: sent twice, it makes one record.
pub fn once() -> HtmlSafeOutput<String> {
    HtmlSafeOutput(format!(r#"<input type="hidden" name="once" value="{}">"#, Form::default().once()))
}
