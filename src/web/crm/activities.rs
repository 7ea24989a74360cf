//! Activities: the workspace's timeline, and the box in which one writes down what happened.

use askama::Template;

use crate::features::crm::activities::{AddActivity, ListActivities};
use crate::features::crm::choices::Choices;
use crate::features::crm::follow_ups::AddFollowUp;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, came_from};
use crate::web::show::{ByDay, Pager};

use super::{Entry, On, asking_next, timeline};

#[derive(Template)]
#[template(path = "crm/activities.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    days: Vec<ByDay<Entry>>,
    pager: Pager,
    is_filtered: bool,
}

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let names = [("search", "q"), ("type", "type"), ("cursor", "cursor")];
    let found = page.list::<ListActivities>(query.input(&names), 50).await?;
    page.ok(&ListPage {
        page: &page,
        query: &query,
        days: timeline(&page, &found.items, On::Nothing),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "activity", "activities"),
        is_filtered: query.has_any(&["q", "type", "cursor"]),
    })
}

#[derive(Template)]
#[template(path = "crm/activity_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    form: &'a Form,
    choices: &'a Choices,
    cancel: String,
}

async fn show_form(page: &Page, form: &Form) -> Answer {
    let choices = page.choices(true).await?;
    let cancel = came_from(page.request()).filter(|path| !path.starts_with("/crm/activities"));
    let cancel = cancel.unwrap_or_else(|| "/crm/activities".to_owned());
    page.show(form.status(), &FormPage { page, form, choices: &choices, cancel })
}

pub async fn new_page(page: Page) -> Answer {
    page.must_write()?;
    let form = Form::filled([("type", "NOTE".to_owned()), ("occurredAt", page.now.local(&page.zone))]);
    show_form(&page, &form).await
}

/// From the composer of a record, or from the form. One address for all five kinds: a follow-up is planned, not logged.
pub async fn create(page: Page, mut form: Form) -> Answer {
    let is_follow_up = form.value("type") == "FOLLOW_UP";
    // Without a script both dates are sent; the one of the other kind is not meant.
    let (occurred, due) = (form.take("occurredAt"), form.take("dueAt"));
    let (kind, text) = (form.value("type").to_owned(), form.value("body").to_owned());
    let here = came_from(page.request()).filter(|path| !path.starts_with("/crm/activities"));
    let here = here.unwrap_or_else(|| "/crm/activities".to_owned());
    let done = if is_follow_up {
        form.take("type");
        title_and_body(&mut form);
        form.set("dueAt", due.clone());
        form.make::<AddFollowUp>(&page).await?.map(|made| format!("Added: {}", made.text("title")))
    } else {
        form.set("occurredAt", occurred.clone());
        form.read_local_time("occurredAt", &page.zone);
        form.make::<AddActivity>(&page).await?.map(|_| said(&kind).to_owned())
    };
    match done {
        // What was said or done leads to something; a follow-up is that already.
        Some(said) if !is_follow_up && here != "/crm/activities" => page.go(&asking_next(&here, "1"), &said),
        Some(said) => page.go(&here, &said),
        None => {
            form.take("title");
            form.set("type", kind);
            form.set("body", text);
            form.set("occurredAt", occurred);
            form.set("dueAt", due);
            for problem in &mut form.problems {
                if problem.field == "title" {
                    problem.field = "body".to_owned();
                }
            }
            show_form(&page, &form).await
        }
    }
}

/// The first line is what to do, the rest are details.
fn title_and_body(form: &mut Form) {
    let text = form.take("body");
    let (title, body) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
    form.set("title", title.trim());
    form.set("body", body.trim());
}

fn said(kind: &str) -> &'static str {
    match kind {
        "CALL" => "Call logged",
        "EMAIL" => "E-mail logged",
        "MEETING" => "Meeting logged",
        _ => "Note saved",
    }
}
