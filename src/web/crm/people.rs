//! People: the list, a person's page, and the forms.

use actix_web::web;
use askama::Template;

use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::features::crm::choices::Choices;
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::people::{CreatePerson, GetPerson, ListPeople, Person, PersonDetail, SORTS, UpdatePerson};
use crate::markdown::crm;
use crate::web::confirm::Confirm;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{self, ByDay, Choice, Column, Pager, id_of, name_of};

use super::{DealRow, Entry, On, Todo, timeline};

const FILTERS: &[&str] = &["q", "owner", "archived", "cursor"];

#[derive(Template)]
#[template(path = "crm/people.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
    headings: Vec<Column>,
    people: &'a [Person],
    pager: Pager,
    is_filtered: bool,
}

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let names =
        [("search", "q"), ("ownerId", "owner"), ("archived", "archived"), ("sort", "sort"), ("cursor", "cursor")];
    let people = page.list::<ListPeople>(query.input(&names), 50).await?;
    let headings = [
        ("Name", "name", ""),
        ("Title", "", ""),
        ("Organization", "", ""),
        ("E-mail", "", ""),
        ("Phone", "", "wide-only"),
        ("Owner", "", "wide-only"),
    ];
    page.ok(&ListPage {
        page: &page,
        query: &query,
        choices: page.choices(false).await?,
        headings: show::columns(&query, SORTS, &headings),
        pager: Pager::new(&query, people.items.len(), people.next_cursor.as_deref(), "person", "people"),
        people: &people.items,
        is_filtered: query.has_any(FILTERS),
    })
}

#[derive(Template)]
#[template(path = "crm/person.html")]
struct RecordPage<'a> {
    page: &'a Page,
    base: String,
    person: &'a Person,
    created: String,
    deals: Vec<DealRow>,
    todos: Vec<Todo>,
    days: Vec<ByDay<Entry>>,
}

fn reference(id: &str) -> GetPerson {
    GetPerson { person_id: Ref::new(id) }
}

pub async fn show(page: Page, id: web::Path<String>) -> Answer {
    if let Some(id) = id.strip_suffix(".json") {
        return page.json("crm.person.get", "personId", id).await;
    }
    if let Some(id) = id.strip_suffix(".md") {
        return page.markdown(crm::person(&page.run(reference(id)).await?));
    }
    let PersonDetail { person, deals, follow_ups, activities } = page.run(reference(&id)).await?;
    let stages = page.choices(false).await?.stages;
    page.ok(&RecordPage {
        page: &page,
        base: format!("/crm/people/{}", person.id),
        created: page.day(&person.created_at),
        deals: deals.iter().map(|deal| DealRow::new(&page, &stages, deal)).collect(),
        todos: follow_ups.iter().map(|item| Todo::new(&page, item)).collect(),
        days: timeline(&page, &activities, On::Person),
        person: &person,
    })
}

pub async fn archive_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let person = page.run(reference(&id)).await?.person;
    page.ok(&Confirm::archive(&page, format!("/crm/people/{}", person.id), &person.name))
}

/// Puts a person away, or brings them back with `archived=false`.
pub async fn archive(page: Page, id: web::Path<String>, form: Form) -> Answer {
    let archived = form.value("archived") != "false";
    let person_id = Ref::new(id.as_str());
    let person =
        page.run(UpdatePerson { person_id, archived: Patch::Set(archived), ..UpdatePerson::default() }).await?;
    match archived {
        true => page.go("/crm/people", &format!("{} is archived", person.name)),
        false => page.go(&format!("/crm/people/{}", person.id), &format!("{} is back", person.name)),
    }
}

#[derive(Template)]
#[template(path = "crm/person_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    title: String,
    action: String,
    cancel: String,
    button: &'static str,
    form: &'a Form,
    choices: &'a Choices,
    owners: Vec<Choice>,
}

async fn show_form(page: &Page, form: &Form, editing: Option<&Person>) -> Answer {
    let choices = page.choices(true).await?;
    let base = editing.map(|person| format!("/crm/people/{}", person.id));
    let template = FormPage {
        page,
        title: editing.map_or_else(|| "New person".to_owned(), |known| format!("Edit {}", known.name)),
        action: base.as_ref().map_or_else(|| "/crm/people/new".to_owned(), |base| format!("{base}/edit")),
        cancel: base.unwrap_or_else(|| "/crm/people".to_owned()),
        button: if editing.is_some() { "Save person" } else { "Create person" },
        form,
        owners: page.owners_or_nobody(&choices, editing.and_then(|known| known.owner.clone())),
        choices: &choices,
    };
    page.show(form.status(), &template)
}

/// A new person, perhaps begun on the page of an organization.
pub async fn new_page(page: Page) -> Answer {
    page.must_write()?;
    let query = page.query();
    let mut form = Form::filled([("ownerId", page.account.id.to_string()), ("name", query.get("name").to_owned())]);
    if query.has_any(&["organizationId"]) {
        let id = Ref::new(query.get("organizationId"));
        form.set("organizationId", page.run(GetOrganization { organization_id: id }).await?.organization.name);
    }
    show_form(&page, &form, None).await
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    match form.make::<CreatePerson>(&page).await? {
        Some(made) => page.go(&format!("/crm/people/{}", made.text("id")), &format!("{} is added", made.text("name"))),
        None => show_form(&page, &form, None).await,
    }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let known = page.run(reference(&id)).await?.person;
    show_form(&page, &filled(&known), Some(&known)).await
}

fn filled(known: &Person) -> Form {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let labels: Vec<&str> = known.labels.iter().collect();
    Form::filled([
        ("ifVersion", known.version.to_string()),
        ("name", known.name.clone()),
        ("title", text(&known.title)),
        ("organizationId", name_of(&known.organization)),
        ("ownerId", id_of(&known.owner)),
        ("email", text(&known.email)),
        ("linkedinUrl", text(&known.linkedin_url)),
        ("phone", text(&known.phone)),
        ("mobile", text(&known.mobile)),
        ("source", text(&known.source)),
        ("labels", labels.join(", ")),
        ("notes", text(&known.notes)),
    ])
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let known = page.run(reference(&id)).await?.person;
    form.set("personId", known.id.to_string());
    form.demand("name");
    form.leave_unchanged("organizationId", &name_of(&known.organization));
    form.leave_unchanged("ownerId", &id_of(&known.owner));
    match form.run::<UpdatePerson>(&page).await? {
        Some(saved) => page.go(&format!("/crm/people/{}", saved.id), &format!("{} is saved", saved.name)),
        None => {
            let owners = page.owners_or_nobody(&page.choices(false).await?, known.owner.clone());
            form.meet(&filled(&known), &[("ownerId", &owners)]);
            show_form(&page, &form, Some(&known)).await
        }
    }
}
