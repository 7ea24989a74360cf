//! Organizations: the list, an organization's page, and the forms.

use actix_web::web;
use askama::Template;

use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::features::crm::bridges::Work;
use crate::features::crm::choices::Choices;
use crate::features::crm::organizations::{
    CreateOrganization, GetOrganization, ListOrganizations, Organization, OrganizationDetail, SORTS, UpdateOrganization,
};
use crate::features::crm::people::Person;
use crate::markdown::crm;
use crate::web::confirm::Confirm;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{self, ByDay, Choice, Column, Pager, id_of};

use super::{DealRow, Entry, On, Todo, timeline};

const FILTERS: &[&str] = &["q", "owner", "archived", "cursor"];

#[derive(Template)]
#[template(path = "crm/organizations.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
    headings: Vec<Column>,
    organizations: &'a [Organization],
    pager: Pager,
    is_filtered: bool,
}

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let names =
        [("search", "q"), ("ownerId", "owner"), ("archived", "archived"), ("sort", "sort"), ("cursor", "cursor")];
    let organizations = page.list::<ListOrganizations>(query.input(&names), 50).await?;
    let headings = [
        ("Organization", "name", ""),
        ("Website", "", "wide-only"),
        ("Industry", "", ""),
        ("City", "", ""),
        ("Owner", "", "wide-only"),
        ("Changed", "updatedAt", ""),
    ];
    page.ok(&ListPage {
        page: &page,
        query: &query,
        choices: page.choices(false).await?,
        headings: show::columns(&query, SORTS, &headings),
        pager: Pager::new(
            &query,
            organizations.items.len(),
            organizations.next_cursor.as_deref(),
            "organization",
            "organizations",
        ),
        organizations: &organizations.items,
        is_filtered: query.has_any(FILTERS),
    })
}

#[derive(Template)]
#[template(path = "crm/organization.html")]
struct RecordPage<'a> {
    page: &'a Page,
    base: String,
    organization: &'a Organization,
    /// Industry and place, under the name.
    sub: String,
    address: Vec<String>,
    created: String,
    people: &'a [Person],
    deals: Vec<DealRow>,
    todos: Vec<Todo>,
    days: Vec<ByDay<Entry>>,
    work: &'a Work,
}

fn reference(id: &str) -> GetOrganization {
    GetOrganization { organization_id: Ref::new(id) }
}

pub async fn show(page: Page, id: web::Path<String>) -> Answer {
    if let Some(id) = id.strip_suffix(".json") {
        return page.json("crm.organization.get", "organizationId", id).await;
    }
    if let Some(id) = id.strip_suffix(".md") {
        return page.markdown(crm::organization(&page.run(reference(id)).await?));
    }
    let OrganizationDetail { organization, people, deals, follow_ups, activities, work } =
        page.run(reference(&id)).await?;
    let stages = page.choices(false).await?.stages;
    let given = |parts: [&Option<String>; 2], between: &str| {
        let parts: Vec<&str> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
        Some(parts.join(between)).filter(|text| !text.is_empty())
    };
    let place = given([&organization.city, &organization.country], ", ");
    let street = [
        organization.address.clone(),
        given([&organization.postal_code, &organization.city], " "),
        given([&organization.region, &organization.country], ", "),
    ];
    page.ok(&RecordPage {
        page: &page,
        base: format!("/crm/organizations/{}", organization.id),
        sub: given([&organization.industry, &place], " · ").unwrap_or_default(),
        address: street.into_iter().flatten().collect(),
        created: page.day(&organization.created_at),
        people: &people,
        deals: deals.iter().map(|deal| DealRow::new(&page, &stages, deal)).collect(),
        todos: follow_ups.iter().map(|item| Todo::new(&page, item)).collect(),
        days: timeline(&page, &activities, On::Organization),
        work: &work,
        organization: &organization,
    })
}

pub async fn archive_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let organization = page.run(reference(&id)).await?.organization;
    page.ok(&Confirm::archive(&page, format!("/crm/organizations/{}", organization.id), &organization.name))
}

/// Puts an organization away, or brings it back with `archived=false`.
pub async fn archive(page: Page, id: web::Path<String>, form: Form) -> Answer {
    let archived = form.value("archived") != "false";
    let organization_id = Ref::new(id.as_str());
    let update =
        UpdateOrganization { organization_id, archived: Patch::Set(archived), ..UpdateOrganization::default() };
    let organization = page.run(update).await?;
    match archived {
        true => page.go("/crm/organizations", &format!("{} is archived", organization.name)),
        false => page.go(&format!("/crm/organizations/{}", organization.id), &format!("{} is back", organization.name)),
    }
}

#[derive(Template)]
#[template(path = "crm/organization_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    title: String,
    action: String,
    cancel: String,
    button: &'static str,
    form: &'a Form,
    owners: Vec<Choice>,
}

async fn show_form(page: &Page, form: &Form, editing: Option<&Organization>) -> Answer {
    let choices = page.choices(false).await?;
    let base = editing.map(|organization| format!("/crm/organizations/{}", organization.id));
    let template = FormPage {
        page,
        title: editing.map_or_else(|| "New organization".to_owned(), |known| format!("Edit {}", known.name)),
        action: base.as_ref().map_or_else(|| "/crm/organizations/new".to_owned(), |base| format!("{base}/edit")),
        cancel: base.unwrap_or_else(|| "/crm/organizations".to_owned()),
        button: if editing.is_some() { "Save organization" } else { "Create organization" },
        form,
        owners: page.owners_or_nobody(&choices, editing.and_then(|known| known.owner.clone())),
    };
    page.show(form.status(), &template)
}

pub async fn new_page(page: Page) -> Answer {
    page.must_write()?;
    let form = Form::filled([("ownerId", page.account.id.to_string()), ("name", page.query().get("name").to_owned())]);
    show_form(&page, &form, None).await
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    match form.make::<CreateOrganization>(&page).await? {
        Some(made) => {
            page.go(&format!("/crm/organizations/{}", made.text("id")), &format!("{} is added", made.text("name")))
        }
        None => show_form(&page, &form, None).await,
    }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let known = page.run(reference(&id)).await?.organization;
    show_form(&page, &filled(&known), Some(&known)).await
}

fn filled(known: &Organization) -> Form {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let labels: Vec<&str> = known.labels.iter().collect();
    Form::filled([
        ("ifVersion", known.version.to_string()),
        ("name", known.name.clone()),
        ("website", text(&known.website)),
        ("industry", text(&known.industry)),
        ("email", text(&known.email)),
        ("phone", text(&known.phone)),
        ("size", text(&known.size)),
        ("ownerId", id_of(&known.owner)),
        ("address", text(&known.address)),
        ("postalCode", text(&known.postal_code)),
        ("city", text(&known.city)),
        ("region", text(&known.region)),
        ("country", text(&known.country)),
        ("source", text(&known.source)),
        ("labels", labels.join(", ")),
        ("notes", text(&known.notes)),
    ])
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let known = page.run(reference(&id)).await?.organization;
    form.set("organizationId", known.id.to_string());
    form.demand("name");
    form.leave_unchanged("ownerId", &id_of(&known.owner));
    match form.run::<UpdateOrganization>(&page).await? {
        Some(saved) => page.go(&format!("/crm/organizations/{}", saved.id), &format!("{} is saved", saved.name)),
        None => {
            let owners = page.owners_or_nobody(&page.choices(false).await?, known.owner.clone());
            form.meet(&filled(&known), &[("ownerId", &owners)]);
            show_form(&page, &form, Some(&known)).await
        }
    }
}
