//! Clients: the list, a client's page, and the forms.

use actix_web::web;
use askama::Template;

use crate::core::operation::Operation;
use crate::core::reference::Ref;
use crate::features::clients::{
    Client, ClientDetail, CreateClient, DeleteClient, GetClient, ListClients, UpdateClient,
};
use crate::features::projects::ProjectLine;
use crate::markdown::work;
use crate::web::confirm::Confirm;
use crate::web::form::{Form, Purpose};
use crate::web::markdown::{self, Rendered};
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{self, Column, Pager};

#[derive(Template)]
#[template(path = "work/clients.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    headings: Vec<Column>,
    clients: &'a [Client],
    pager: Pager,
    is_filtered: bool,
}

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let input = query.input(&[("search", "q"), ("sort", "sort"), ("cursor", "cursor")]);
    let found = page.list::<ListClients>(input, 50).await?;
    let headings = [("Client", "name", ""), ("Projects", "", "num"), ("Changed", "updatedAt", "")];
    page.ok(&ListPage {
        page: &page,
        query: &query,
        headings: show::columns(&query, ListClients::SPEC.more.sorts, &headings),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "client", "clients"),
        clients: &found.items,
        is_filtered: query.has_any(&["q", "cursor"]),
    })
}

#[derive(Template)]
#[template(path = "work/client.html")]
struct RecordPage<'a> {
    page: &'a Page,
    base: String,
    client: &'a Client,
    notes: Option<Rendered>,
    projects: &'a [ProjectLine],
    created: String,
}

fn reference(id: &str) -> GetClient {
    GetClient { client_id: Ref::new(id) }
}

fn base_of(client: &Client) -> String {
    format!("/clients/{}", client.id)
}

pub async fn show(page: Page, id: web::Path<String>) -> Answer {
    if let Some(id) = id.strip_suffix(".json") {
        return page.json("client.get", "clientId", id).await;
    }
    if let Some(id) = id.strip_suffix(".md") {
        return page.markdown(work::client(&page.run(reference(id)).await?));
    }
    let ClientDetail { client, projects } = page.run(reference(&id)).await?;
    page.ok(&RecordPage {
        page: &page,
        base: base_of(&client),
        notes: client.notes.as_deref().map(markdown::render),
        projects: &projects,
        created: page.day(&client.created_at),
        client: &client,
    })
}

#[derive(Template)]
#[template(path = "work/client_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    purpose: Purpose,
    form: &'a Form,
}

fn show_form(page: &Page, form: &Form, editing: Option<&Client>) -> Answer {
    let template = FormPage {
        page,
        purpose: Purpose::new("client", "/clients", editing.map(|known| (&*known.name, base_of(known)))),
        form,
    };
    page.show(form.status(), &template)
}

pub async fn new_page(page: Page) -> Answer {
    page.must_own()?;
    show_form(&page, &Form::filled([("name", page.query().get("name").to_owned())]), None)
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    match form.make::<CreateClient>(&page).await? {
        Some(made) => page.go(&format!("/clients/{}", made.text("id")), &format!("{} is added", made.text("name"))),
        None => show_form(&page, &form, None),
    }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_own()?;
    let known = page.run(reference(&id)).await?.client;
    show_form(&page, &filled(&known), Some(&known))
}

fn filled(known: &Client) -> Form {
    Form::filled([
        ("ifVersion", known.version.to_string()),
        ("name", known.name.clone()),
        ("notes", known.notes.clone().unwrap_or_default()),
    ])
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let known = page.run(reference(&id)).await?.client;
    form.set("clientId", known.id.to_string());
    form.demand("name");
    match form.run::<UpdateClient>(&page).await? {
        Some(saved) => page.go(&base_of(&saved), &format!("{} is saved", saved.name)),
        None => {
            form.meet(&filled(&known), &[]);
            show_form(&page, &form, Some(&known))
        }
    }
}

pub async fn delete_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_own()?;
    let client = page.run(reference(&id)).await?.client;
    page.ok(&Confirm::delete(
        &page,
        base_of(&client),
        &client.name,
        "Its projects stay and belong to no client. This cannot be taken back.",
    ))
}

pub async fn delete(page: Page, id: web::Path<String>) -> Answer {
    let client = page.run(reference(&id)).await?.client;
    page.run(DeleteClient { client_id: Ref::new(client.id.to_string()) }).await?;
    page.go("/clients", &format!("{} is deleted", client.name))
}
