//! People: the list, a person's page, and the forms.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::features::crm::choices::Choices;
use crate::features::crm::duplicates::FindSimilarPeople;
use crate::features::crm::facts::ShowFacts;
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::people::{CreatePerson, GetPerson, ListPeople, Person, PersonDetail, SORTS, UpdatePerson};
use crate::markdown::crm;
use crate::web::confirm::Confirm;
use crate::web::form::{Form, Purpose};
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{self, Choice, Pager, id_of, name_of};

use super::table::{Field, Fields, text};
use super::{AtAGlance, DealRow, History, Lookalike, NextStep, On, Todo, alike};

const FILTERS: &[&str] = &["q", "owner", "archived", "cursor"];

#[derive(Template)]
#[template(path = "crm/people.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
    fields: Fields<Person>,
    /// `12 people`, of all that fit.
    count: String,
    people: &'a [Person],
    pager: Pager,
    is_filtered: bool,
}

/// What the table can show.
const FIELDS: &[Field<Person>] = &[
    Field {
        key: "name",
        label: "Name",
        sort: "name",
        class: "",
        is_usual: true,
        sheet: &[("Name", |_, person| person.name.clone())],
    },
    Field {
        key: "title",
        label: "Title",
        sort: "",
        class: "",
        is_usual: true,
        sheet: &[("Title", |_, person| text(&person.title))],
    },
    Field {
        key: "organization",
        label: "Organization",
        sort: "",
        class: "",
        is_usual: true,
        sheet: &[("Organization", |_, person| name_of(&person.organization))],
    },
    Field {
        key: "email",
        label: "E-mail",
        sort: "",
        class: "break",
        is_usual: true,
        sheet: &[("E-mail", |_, person| text(&person.email))],
    },
    Field {
        key: "phone",
        label: "Phone",
        sort: "",
        class: "wide-only num",
        is_usual: true,
        sheet: &[("Phone", |_, person| text(&person.phone))],
    },
    Field {
        key: "mobile",
        label: "Mobile",
        sort: "",
        class: "num",
        is_usual: false,
        sheet: &[("Mobile", |_, person| text(&person.mobile))],
    },
    Field {
        key: "owner",
        label: "Owner",
        sort: "",
        class: "wide-only",
        is_usual: true,
        sheet: &[("Owner", |_, person| name_of(&person.owner))],
    },
    Field {
        key: "labels",
        label: "Labels",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Labels", |_, person| person.labels.iter().collect::<Vec<_>>().join(", "))],
    },
    Field {
        key: "source",
        label: "Source",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Source", |_, person| text(&person.source))],
    },
    Field {
        key: "created",
        label: "Created",
        sort: "createdAt",
        class: "",
        is_usual: false,
        sheet: &[("Created", |_, person| person.created_at.to_string())],
    },
    Field {
        key: "changed",
        label: "Changed",
        sort: "updatedAt",
        class: "",
        is_usual: false,
        sheet: &[("Changed", |_, person| person.updated_at.to_string())],
    },
];

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let names =
        [("search", "q"), ("ownerId", "owner"), ("archived", "archived"), ("sort", "sort"), ("cursor", "cursor")];
    let fields = Fields::new(&query, SORTS, FIELDS);
    if query.get("format").eq_ignore_ascii_case("csv") {
        return fields.sheet::<ListPeople>(&page, &query, &names, "people").await;
    }
    let mut input = query.input(&names);
    input.insert("include".into(), "total".into());
    let people = page.list::<ListPeople>(input, 50).await?;
    page.ok(&ListPage {
        page: &page,
        query: &query,
        choices: page.choices(false).await?,
        fields,
        count: show::counted(people.total.unwrap_or_default(), "person", "people"),
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
    history: History,
    next: Option<NextStep>,
    glance: AtAGlance,
    owners: Vec<Choice>,
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
    let choices = page.choices(false).await?;
    let base = format!("/crm/people/{}", person.id);
    let facts = ShowFacts { person_id: Some(Ref::from(person.id)), ..ShowFacts::default() };
    page.ok(&RecordPage {
        page: &page,
        created: page.day(&person.created_at),
        deals: deals.iter().map(|deal| DealRow::new(&page, &choices.stages, deal)).collect(),
        todos: follow_ups.iter().map(|item| Todo::new(&page, item)).collect(),
        history: History::of(&page, &activities, "personId", person.id.to_string(), On::Person).await?,
        next: NextStep::asked(&page, &choices, "personId", person.id.to_string(), &base),
        glance: AtAGlance::of(&page, facts).await?,
        owners: page.owners_or_nobody(&choices, person.owner.clone()),
        base,
        person: &person,
    })
}

/// One thing of the record, from its page.
pub async fn set(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    form.set("personId", id.as_str());
    let saved = page.act::<UpdatePerson>(&form.pairs().collect::<Vec<_>>()).await?;
    page.go(&format!("/crm/people/{}", saved.id), &format!("{} is saved", saved.name))
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
    purpose: Purpose,
    alike: Vec<Lookalike>,
    form: &'a Form,
    choices: &'a Choices,
    owners: Vec<Choice>,
}

async fn show_form(page: &Page, form: &Form, editing: Option<&Person>, alike: Vec<Lookalike>) -> Answer {
    let choices = page.choices(true).await?;
    let template = FormPage {
        page,
        purpose: Purpose::new(
            "person",
            "/crm/people",
            editing.map(|known| (&*known.name, format!("/crm/people/{}", known.id))),
        ),
        alike,
        form,
        owners: page.owners_or_nobody(&choices, editing.and_then(|known| known.owner.clone())),
        choices: &choices,
    };
    let status = if template.alike.is_empty() { form.status() } else { StatusCode::CONFLICT };
    page.show(status, &template)
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
    show_form(&page, &form, None, Vec::new()).await
}

/// What tells that it may be one that is here.
const FOR_SIMILAR: [&str; 5] = ["name", "organizationId", "email", "phone", "mobile"];

/// Whoever looks like somebody that is here already is added after one more question.
pub async fn create(page: Page, mut form: Form) -> Answer {
    let known = alike::<CreatePerson, FindSimilarPeople, _>(&page, &mut form, "people", &FOR_SIMILAR).await?;
    if !known.is_empty() {
        return show_form(&page, &form, None, known).await;
    }
    match form.make::<CreatePerson>(&page).await? {
        Some(made) => page.go(&format!("/crm/people/{}", made.text("id")), &format!("{} is added", made.text("name"))),
        None => show_form(&page, &form, None, Vec::new()).await,
    }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let known = page.run(reference(&id)).await?.person;
    show_form(&page, &filled(&known), Some(&known), Vec::new()).await
}

fn filled(known: &Person) -> Form {
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
            show_form(&page, &form, Some(&known), Vec::new()).await
        }
    }
}
