//! Time: entries and the clock.

use actix_web::web;
use askama::Template;

use crate::core::caller::{Account, Role};
use crate::core::reference::{Named, Ref};
use crate::features::tasks::parse_key;
use crate::features::timesheets::timer::{StartTimer, Started, StopTimer};
use crate::features::timesheets::{AddTimesheet, DeleteTimesheet, GetTimesheet, Timesheet, UpdateTimesheet};
use crate::web::form::Form;
use crate::web::page::{Answer, Offer, Page, came_from, own_path};
use crate::web::show::{Choice, Link, duration, hours};

use super::week::{Shown, show_week};

/// Time that somebody spent, as a line.
pub struct Entry {
    pub id: String,
    pub iso: String,
    pub day: String,
    pub hours: String,
    /// The task, else the project; it leads nowhere where the project is closed to the person by now.
    pub what: Link,
    pub project: String,
    pub description: String,
    pub is_billable: bool,
    pub is_validated: bool,
    pub account: Named<Account>,
    /// Owners may change what is not theirs, and what is validated.
    pub may_change: bool,
}

impl Entry {
    /// `is_owner`: of the workspace, or of the project that all the entries belong to.
    pub fn new(page: &Page, entry: &Timesheet, is_owner: bool) -> Self {
        let what = match (&entry.task_key, &entry.task) {
            (Some(key), Some(task)) => Link { href: format!("/tasks/{key}"), name: format!("{key} {}", task.name) },
            _ if entry.project_key.is_empty() => Link { href: String::new(), name: entry.project.name.clone() },
            _ => Link { href: format!("/projects/{}", entry.project_key), name: entry.project.name.clone() },
        };
        let is_mine = entry.account_id == page.account.id;
        Entry {
            id: entry.id.to_string(),
            iso: entry.date.to_string(),
            day: entry.date.short(page.today),
            hours: hours(&entry.minutes),
            what,
            project: entry.project.name.clone(),
            description: entry.description.clone().unwrap_or_default(),
            is_billable: entry.billable,
            is_validated: entry.validated,
            account: entry.account.clone(),
            may_change: is_owner || (is_mine && !entry.validated),
        }
    }
}

/// `WEB-4 Draw the start page` names its task by the key, as lists to choose from show it.
pub(super) fn target_of(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    if parse_key(first).is_some() { first.to_owned() } else { text.trim().to_owned() }
}

/// What the time was for: a task by its key, or a project by its name.
fn read_target(form: &mut Form) {
    let target = target_of(&form.take("for"));
    match parse_key(&target) {
        Some(_) => form.set("taskId", target),
        None if target.is_empty() => form.complain("for", "is required"),
        None => form.set("projectId", target),
    }
}

/// The form again: what is wrong with the task or the project is wrong with what was typed.
async fn come_back(page: &Page, form: &mut Form) -> Answer {
    let target = [form.take("taskId"), form.take("projectId")].concat();
    form.set("for", target);
    for problem in &mut form.problems {
        if ["taskId", "projectId"].contains(&problem.field.as_str()) {
            problem.field = "for".to_owned();
        }
    }
    let shown = Shown::before(page, page.request());
    show_week(page, form, shown).await
}

/// The week that the form stood on.
fn here(page: &Page) -> String {
    came_from(page.request()).filter(|path| path.starts_with("/time")).unwrap_or_else(|| "/time".to_owned())
}

/// From the form above the week: time that was spent, or the clock for time to come.
pub async fn add(page: Page, mut form: Form) -> Answer {
    read_target(&mut form);
    if form.take("do") == "start" {
        for name in ["minutes", "date"] {
            form.leave(name);
        }
        return match form.run::<StartTimer>(&page).await? {
            Some(timer) => started(&page, &here(&page), &timer),
            None => come_back(&page, &mut form).await,
        };
    }
    form.read_duration("minutes");
    form.demand("minutes");
    match form.make::<AddTimesheet>(&page).await? {
        Some(made) => page.go(&here(&page), &format!("{} logged", duration(&made.number("minutes")))),
        None => come_back(&page, &mut form).await,
    }
}

/// The clock runs; what it stopped for that is told as well.
pub(super) fn started(page: &Page, to: &str, timer: &Started) -> Answer {
    let name = timer.timer.task_key.as_ref().unwrap_or(&timer.timer.project.name);
    match &timer.stopped {
        None => page.go(to, &format!("The clock runs for {name}")),
        Some(made) => {
            let told = format!("The clock runs for {name}; {}", spent(made));
            page.go_with(to, &told, edit_of(made))
        }
    }
}

/// `1:12 on WEB-4`
fn spent(made: &Timesheet) -> String {
    format!("{} on {}", hours(&made.minutes), made.task_key.as_ref().unwrap_or(&made.project.name))
}

fn edit_of(made: &Timesheet) -> Offer {
    Offer::Link { href: format!("/time/{}", made.id), text: "Edit".to_owned() }
}

pub async fn stop(page: Page) -> Answer {
    let made = page.run(StopTimer { description: None, minutes: None }).await?;
    page.back_with("/time", &spent(&made), edit_of(&made))
}

#[derive(Template)]
#[template(path = "work/time_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    entry: Entry,
    is_owner: bool,
    form: &'a Form,
    billable: Vec<Choice>,
    validated: Vec<Choice>,
}

fn billable() -> Vec<Choice> {
    vec![Choice::new("true", "Billable"), Choice::new("false", "Not billable")]
}

fn validated() -> Vec<Choice> {
    vec![Choice::new("false", "Not yet"), Choice::new("true", "Validated")]
}

async fn show_form(page: &Page, known: &Timesheet, form: &Form) -> Answer {
    let is_owner = page.project(&known.project_id.to_string()).await?.project.role == Some(Role::Owner);
    let template = FormPage {
        page,
        entry: Entry::new(page, known, is_owner),
        is_owner,
        form,
        billable: billable(),
        validated: validated(),
    };
    page.show(form.status(), &template)
}

fn reference(id: &str) -> GetTimesheet {
    GetTimesheet { timesheet_id: Ref::new(id) }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    if let Some(id) = id.strip_suffix(".json") {
        return page.json("timesheet.get", "timesheetId", id).await;
    }
    let known = page.run(reference(&id)).await?;
    let mut form = filled(&known);
    form.set("back", came_from(page.request()).unwrap_or_default());
    show_form(&page, &known, &form).await
}

fn filled(known: &Timesheet) -> Form {
    Form::filled([
        ("ifVersion", known.version.to_string()),
        ("minutes", hours(&known.minutes)),
        ("date", known.date.to_string()),
        ("taskId", known.task_key.clone().unwrap_or_default()),
        ("description", known.description.clone().unwrap_or_default()),
        ("billable", known.billable.to_string()),
        ("validated", known.validated.to_string()),
    ])
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let known = page.run(reference(&id)).await?;
    let back = form.take("back");
    form.set("timesheetId", known.id.to_string());
    let minutes = form.value("minutes").to_owned();
    form.read_duration("minutes");
    form.demand("minutes");
    form.demand("date");
    form.leave_unchanged("taskId", known.task_key.as_deref().unwrap_or_default());
    form.leave_unchanged("validated", &known.validated.to_string());
    match form.run::<UpdateTimesheet>(&page).await? {
        Some(_) => page.go(own_path(&back).unwrap_or("/time"), "Time saved"),
        None => {
            form.set("back", back);
            form.set("minutes", minutes);
            form.meet(&filled(&known), &[("billable", &billable()), ("validated", &validated())]);
            show_form(&page, &known, &form).await
        }
    }
}

pub async fn delete(page: Page, id: web::Path<String>) -> Answer {
    page.run(DeleteTimesheet { timesheet_id: Ref::new(id.as_str()) }).await?;
    page.back("/time", "Time deleted")
}
