//! Organizations: the list, an organization's page, and the forms.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::features::crm::bridges::Work;
use crate::features::crm::choices::Choices;
use crate::features::crm::duplicates::FindSimilarOrganizations;
use crate::features::crm::facts::ShowFacts;
use crate::features::crm::organizations::{
    CreateOrganization, GetOrganization, ListOrganizations, Organization, OrganizationDetail, SORTS, UpdateOrganization,
};
use crate::features::crm::people::Person;
use crate::markdown::crm;
use crate::web::confirm::Confirm;
use crate::web::form::{Form, Purpose};
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{self, Choice, Pager, id_of, name_of};

use super::table::{Field, Fields, text};
use super::{AtAGlance, DealRow, History, Lookalike, NextStep, On, Todo, alike};

const FILTERS: &[&str] = &["q", "owner", "archived", "cursor"];

#[derive(Template)]
#[template(path = "crm/organizations.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
    fields: Fields<Organization>,
    /// `12 organizations`, of all that fit.
    count: String,
    organizations: &'a [Organization],
    pager: Pager,
    is_filtered: bool,
}

/// What the table can show.
const FIELDS: &[Field<Organization>] = &[
    Field {
        key: "name",
        label: "Organization",
        sort: "name",
        class: "",
        is_usual: true,
        sheet: &[("Organization", |_, organization| organization.name.clone())],
    },
    Field {
        key: "website",
        label: "Website",
        sort: "",
        class: "wide-only",
        is_usual: true,
        sheet: &[("Website", |_, organization| text(&organization.website))],
    },
    Field {
        key: "industry",
        label: "Industry",
        sort: "",
        class: "",
        is_usual: true,
        sheet: &[("Industry", |_, organization| text(&organization.industry))],
    },
    Field {
        key: "city",
        label: "City",
        sort: "",
        class: "",
        is_usual: true,
        sheet: &[("City", |_, organization| text(&organization.city))],
    },
    Field {
        key: "country",
        label: "Country",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Country", |_, organization| text(&organization.country))],
    },
    Field {
        key: "email",
        label: "E-mail",
        sort: "",
        class: "break",
        is_usual: false,
        sheet: &[("E-mail", |_, organization| text(&organization.email))],
    },
    Field {
        key: "phone",
        label: "Phone",
        sort: "",
        class: "num",
        is_usual: false,
        sheet: &[("Phone", |_, organization| text(&organization.phone))],
    },
    Field {
        key: "size",
        label: "Size",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Size", |_, organization| text(&organization.size))],
    },
    Field {
        key: "owner",
        label: "Owner",
        sort: "",
        class: "wide-only",
        is_usual: true,
        sheet: &[("Owner", |_, organization| name_of(&organization.owner))],
    },
    Field {
        key: "labels",
        label: "Labels",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Labels", |_, organization| organization.labels.iter().collect::<Vec<_>>().join(", "))],
    },
    Field {
        key: "source",
        label: "Source",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Source", |_, organization| text(&organization.source))],
    },
    Field {
        key: "created",
        label: "Created",
        sort: "createdAt",
        class: "",
        is_usual: false,
        sheet: &[("Created", |_, organization| organization.created_at.to_string())],
    },
    Field {
        key: "changed",
        label: "Changed",
        sort: "updatedAt",
        class: "",
        is_usual: true,
        sheet: &[("Changed", |_, organization| organization.updated_at.to_string())],
    },
];

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let names =
        [("search", "q"), ("ownerId", "owner"), ("archived", "archived"), ("sort", "sort"), ("cursor", "cursor")];
    let fields = Fields::new(&query, SORTS, FIELDS);
    if query.get("format").eq_ignore_ascii_case("csv") {
        return fields.sheet::<ListOrganizations>(&page, &query, &names, "organizations").await;
    }
    let mut input = query.input(&names);
    input.insert("include".into(), "total".into());
    let organizations = page.list::<ListOrganizations>(input, 50).await?;
    page.ok(&ListPage {
        page: &page,
        query: &query,
        choices: page.choices(false).await?,
        fields,
        count: show::counted(organizations.total.unwrap_or_default(), "organization", "organizations"),
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
    history: History,
    next: Option<NextStep>,
    glance: AtAGlance,
    owners: Vec<Choice>,
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
    let choices = page.choices(false).await?;
    let base = format!("/crm/organizations/{}", organization.id);
    let facts = ShowFacts { organization_id: Some(Ref::from(organization.id)), ..ShowFacts::default() };
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
        sub: given([&organization.industry, &place], " · ").unwrap_or_default(),
        address: street.into_iter().flatten().collect(),
        created: page.day(&organization.created_at),
        people: &people,
        deals: deals.iter().map(|deal| DealRow::new(&page, &choices.stages, deal)).collect(),
        todos: follow_ups.iter().map(|item| Todo::new(&page, item)).collect(),
        history: History::of(&page, &activities, "organizationId", organization.id.to_string(), On::Organization)
            .await?,
        next: NextStep::asked(&page, &choices, "organizationId", organization.id.to_string(), &base),
        glance: AtAGlance::of(&page, facts).await?,
        owners: page.owners_or_nobody(&choices, organization.owner.clone()),
        base,
        work: &work,
        organization: &organization,
    })
}

/// One thing of the record, from its page.
pub async fn set(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    form.set("organizationId", id.as_str());
    let saved = page.act::<UpdateOrganization>(&form.pairs().collect::<Vec<_>>()).await?;
    page.go(&format!("/crm/organizations/{}", saved.id), &format!("{} is saved", saved.name))
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
    purpose: Purpose,
    alike: Vec<Lookalike>,
    form: &'a Form,
    owners: Vec<Choice>,
}

async fn show_form(page: &Page, form: &Form, editing: Option<&Organization>, alike: Vec<Lookalike>) -> Answer {
    let choices = page.choices(false).await?;
    let template = FormPage {
        page,
        purpose: Purpose::new(
            "organization",
            "/crm/organizations",
            editing.map(|known| (&*known.name, format!("/crm/organizations/{}", known.id))),
        ),
        alike,
        form,
        owners: page.owners_or_nobody(&choices, editing.and_then(|known| known.owner.clone())),
    };
    let status = if template.alike.is_empty() { form.status() } else { StatusCode::CONFLICT };
    page.show(status, &template)
}

pub async fn new_page(page: Page) -> Answer {
    page.must_write()?;
    let form = Form::filled([("ownerId", page.account.id.to_string()), ("name", page.query().get("name").to_owned())]);
    show_form(&page, &form, None, Vec::new()).await
}

/// What tells that it may be one that is here.
const FOR_SIMILAR: [&str; 3] = ["name", "website", "email"];

/// Whoever looks like somebody that is here already is added after one more question.
pub async fn create(page: Page, mut form: Form) -> Answer {
    let known =
        alike::<CreateOrganization, FindSimilarOrganizations, _>(&page, &mut form, "organizations", &FOR_SIMILAR)
            .await?;
    if !known.is_empty() {
        return show_form(&page, &form, None, known).await;
    }
    match form.make::<CreateOrganization>(&page).await? {
        Some(made) => {
            page.go(&format!("/crm/organizations/{}", made.text("id")), &format!("{} is added", made.text("name")))
        }
        None => show_form(&page, &form, None, Vec::new()).await,
    }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let known = page.run(reference(&id)).await?.organization;
    show_form(&page, &filled(&known), Some(&known), Vec::new()).await
}

fn filled(known: &Organization) -> Form {
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
            show_form(&page, &form, Some(&known), Vec::new()).await
        }
    }
}
