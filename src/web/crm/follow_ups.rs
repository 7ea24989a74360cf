//! Follow-ups: what is to do, by when, and the forms.

use actix_web::web;
use askama::Template;
use serde_json::Value;

use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::features::crm::bridges::CreateTaskFromFollowUp;
use crate::features::crm::choices::Choices;
use crate::features::crm::deals::GetDeal;
use crate::features::crm::follow_ups::{
    AddFollowUp, FollowUp, FollowUpStatus, GetFollowUp, ListFollowUps, UpdateFollowUp,
};
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::people::GetPerson;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, Refused, came_from, own_path};
use crate::web::show::{Choice, Pager, WHEN, id_of, name_of};

use super::{ASKS_NEXT, NextStep, Todo, asking_next};

#[derive(Template)]
#[template(path = "crm/follow_ups.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
    status: &'a str,
    groups: Vec<Group>,
    /// With what it is about.
    next: Option<(NextStep, String)>,
    pager: Pager,
    is_filtered: bool,
}

struct Group {
    key: &'static str,
    name: &'static str,
    items: Vec<Todo>,
}

/// A long list is a list of nothing: as many as one can look over.
const SHOWN: usize = 100;

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let status = match query.get("status") {
        "" => "OPEN",
        given => given,
    };
    let mut input = query.input(&[("ownerId", "owner"), ("cursor", "cursor")]);
    input.insert("status".into(), status.into());
    if status != "OPEN" {
        input.insert("sort".into(), Value::from("-updatedAt"));
    }
    let found = page.list::<ListFollowUps>(input, SHOWN).await?;
    let mut groups: Vec<Group> = Vec::new();
    for item in &found.items {
        let (key, name) = group(&page, item);
        let todo = Todo::new(&page, item);
        match groups.iter_mut().find(|group| group.key == key) {
            Some(group) => group.items.push(todo),
            None => groups.push(Group { key, name, items: vec![todo] }),
        }
    }
    let choices = page.choices(false).await?;
    page.ok(&ListPage {
        page: &page,
        query: &query,
        next: next_step(&page, &query, &choices).await,
        choices,
        status,
        groups,
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "follow-up", "follow-ups"),
        is_filtered: query.has_any(&["owner", "cursor"]) || status != "OPEN",
    })
}

/// Where a follow-up stands among the groups, by the calendar where the person lives.
fn group(page: &Page, item: &FollowUp) -> (&'static str, &'static str) {
    match item.status {
        FollowUpStatus::Open => WHEN[page.when_at(item.due_at)],
        FollowUpStatus::Done => ("done", "Done"),
        FollowUpStatus::Cancelled => ("cancelled", "Cancelled"),
    }
}

async fn set_status(page: &Page, id: &str, status: FollowUpStatus) -> Result<FollowUp, Refused> {
    let follow_up_id = Ref::new(id);
    let update = UpdateFollowUp { follow_up_id, status: Patch::Set(status), ..UpdateFollowUp::default() };
    page.run(update).await
}

/// After one was done, the list asks what comes next with its deal, organization or person.
async fn next_step(page: &Page, query: &Query, choices: &Choices) -> Option<(NextStep, String)> {
    let done = page.run(reference(query.get(ASKS_NEXT))).await.ok()?;
    let (field, id, name) = match (&done.deal, &done.organization, &done.person) {
        (Some(deal), ..) => ("dealId", deal.id.to_string(), deal.name.clone()),
        (_, Some(organization), _) => ("organizationId", organization.id.to_string(), organization.name.clone()),
        (.., Some(person)) => ("personId", person.id.to_string(), person.name.clone()),
        _ => return None,
    };
    let back = format!("/crm/follow-ups{}", query.with(ASKS_NEXT, ""));
    Some((NextStep::asked(page, choices, field, id, &back)?, name))
}

/// Done, and the page where it stood asks what comes next.
pub async fn done(page: Page, id: web::Path<String>) -> Answer {
    let item = set_status(&page, &id, FollowUpStatus::Done).await?;
    let here = came_from(page.request()).unwrap_or_else(|| "/crm/follow-ups".to_owned());
    let to = if here.starts_with("/crm/") { asking_next(&here, &item.id.to_string()) } else { here };
    page.go(&to, &format!("Done: {}", item.title))
}

pub async fn reopen(page: Page, id: web::Path<String>) -> Answer {
    let item = set_status(&page, &id, FollowUpStatus::Open).await?;
    page.back("/crm/follow-ups", &format!("Open again: {}", item.title))
}

#[derive(Template)]
#[template(path = "crm/follow_up_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    title: String,
    action: String,
    cancel: String,
    button: &'static str,
    form: &'a Form,
    choices: &'a Choices,
    owners: Vec<Choice>,
    statuses: Vec<Choice>,
    /// The one that is changed here, and the projects in which it could be a task.
    known: Option<&'a FollowUp>,
    projects: Vec<Choice>,
}

fn statuses() -> Vec<Choice> {
    vec![Choice::new("OPEN", "Open"), Choice::new("DONE", "Done"), Choice::new("CANCELLED", "Cancelled")]
}

async fn show_form(page: &Page, form: &Form, editing: Option<&FollowUp>) -> Answer {
    let choices = page.choices(true).await?;
    let template = FormPage {
        page,
        title: editing.map_or_else(|| "New follow-up".to_owned(), |known| known.title.clone()),
        action: editing
            .map_or_else(|| "/crm/follow-ups/new".to_owned(), |known| format!("/crm/follow-ups/{}/edit", known.id)),
        cancel: own_path(form.value("back")).unwrap_or("/crm/follow-ups").to_owned(),
        button: if editing.is_some() { "Save follow-up" } else { "Add follow-up" },
        form,
        owners: page.owners_or_nobody(&choices, editing.and_then(|known| known.owner.clone())),
        statuses: match editing {
            Some(_) => statuses(),
            None => Vec::new(),
        },
        projects: match editing {
            Some(known) if page.may_write && known.task.is_none() && known.status == FollowUpStatus::Open => {
                page.own_projects().await?
            }
            _ => Vec::new(),
        },
        known: editing,
        choices: &choices,
    };
    page.show(form.status(), &template)
}

/// Makes the task that does the follow-up.
pub async fn make_task(page: Page, id: web::Path<String>, form: Form) -> Answer {
    let given = [("followUpId", id.as_str()), ("projectId", form.value("projectId"))];
    let made = page.act::<CreateTaskFromFollowUp>(&given).await?;
    page.go(&format!("/tasks/{}", made.task.key), &format!("{} is a task now", made.task.title))
}

/// A new follow-up, perhaps begun on the page of what it is about, to which one goes back.
pub async fn new_page(page: Page) -> Answer {
    page.must_write()?;
    let query = page.query();
    let mut form = Form::filled([("ownerId", page.account.id.to_string())]);
    if query.has_any(&["dealId"]) {
        let deal = page.run(GetDeal { deal_id: Ref::new(query.get("dealId")) }).await?.deal;
        form.set("dealId", deal.title);
        form.set("back", format!("/crm/deals/{}", deal.id));
    } else if query.has_any(&["personId"]) {
        let person = page.run(GetPerson { person_id: Ref::new(query.get("personId")) }).await?.person;
        form.set("personId", person.name);
        form.set("back", format!("/crm/people/{}", person.id));
    } else if query.has_any(&["organizationId"]) {
        let id = Ref::new(query.get("organizationId"));
        let organization = page.run(GetOrganization { organization_id: id }).await?.organization;
        form.set("organizationId", organization.name);
        form.set("back", format!("/crm/organizations/{}", organization.id));
    }
    show_form(&page, &form, None).await
}

/// A day alone is all of that day; with a time it is that moment where the person lives.
fn read_due(page: &Page, form: &mut Form) -> (String, String) {
    let (day, clock) = (form.value("dueAt").to_owned(), form.take("dueTime"));
    match (day.trim(), clock.trim()) {
        (_, "") => {}
        ("", _) => form.complain("dueAt", "is needed for the time"),
        (day, clock) => {
            form.set("dueAt", format!("{day}T{clock}"));
            form.read_local_time("dueAt", &page.zone);
        }
    }
    (day, clock)
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    let back = form.take("back");
    // The next step offers days to choose from, and another one.
    let other = form.take("otherDay");
    if !other.trim().is_empty() {
        form.set("dueAt", other);
    }
    let (day, clock) = read_due(&page, &mut form);
    match form.make::<AddFollowUp>(&page).await? {
        Some(made) => page.go(own_path(&back).unwrap_or("/crm/follow-ups"), &format!("Added: {}", made.text("title"))),
        None => {
            form.set("back", back);
            form.set("dueAt", day);
            form.set("dueTime", clock);
            show_form(&page, &form, None).await
        }
    }
}

fn reference(id: &str) -> GetFollowUp {
    GetFollowUp { follow_up_id: Ref::new(id) }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    let known = page.run(reference(&id)).await?;
    show_form(&page, &filled(&page, &known), Some(&known)).await
}

fn filled(page: &Page, known: &FollowUp) -> Form {
    let day = known.due_at.map(|due| due.day(&page.zone));
    let is_whole_day = known.due_at.zip(day).is_some_and(|(due, day)| due == day.end(&page.zone));
    let clock = known.due_at.filter(|_| !is_whole_day).map(|due| due.clock(&page.zone));
    Form::filled([
        ("ifVersion", known.version.to_string()),
        ("title", known.title.clone()),
        ("dueAt", day.map(|day| day.to_string()).unwrap_or_default()),
        ("dueTime", clock.unwrap_or_default()),
        ("ownerId", id_of(&known.owner)),
        ("status", known.status.word().to_owned()),
        ("dealId", name_of(&known.deal)),
        ("personId", name_of(&known.person)),
        ("organizationId", name_of(&known.organization)),
        ("body", known.body.clone().unwrap_or_default()),
    ])
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let known = page.run(reference(&id)).await?;
    form.take("back");
    form.set("followUpId", known.id.to_string());
    form.demand("title");
    form.leave_unchanged("dealId", &name_of(&known.deal));
    form.leave_unchanged("personId", &name_of(&known.person));
    form.leave_unchanged("organizationId", &name_of(&known.organization));
    form.leave_unchanged("ownerId", &id_of(&known.owner));
    let (day, clock) = read_due(&page, &mut form);
    match form.run::<UpdateFollowUp>(&page).await? {
        Some(saved) => page.go("/crm/follow-ups", &format!("Saved: {}", saved.title)),
        None => {
            form.set("dueAt", day);
            form.set("dueTime", clock);
            let owners = page.owners_or_nobody(&page.choices(false).await?, known.owner.clone());
            form.meet(&filled(&page, &known), &[("ownerId", &owners), ("status", &statuses())]);
            show_form(&page, &form, Some(&known)).await
        }
    }
}
