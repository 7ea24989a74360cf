//! Projects: the list, a new one, and the end of one.

use actix_web::web;
use askama::Template;

use crate::core::operation::Operation;
use crate::core::reference::Ref;
use crate::features::clients::{GetClient, ListClients};
use crate::features::projects::{
    ArchiveProject, CreateProject, DeleteProject, ListProjects, ListedProject, Project, Visibility,
};
use crate::web::confirm::Confirm;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, Refused};
use crate::web::show::{self, Choice, Column, Pager};

use super::{base_of, role_name};

#[derive(Template)]
#[template(path = "work/projects.html")]
struct ListPage<'a> {
    page: &'a Page,
    query: &'a Query,
    clients: Vec<Choice>,
    headings: Vec<Column>,
    rows: Vec<Row<'a>>,
    pager: Pager,
    is_filtered: bool,
}

struct Row<'a> {
    project: &'a Project,
    open_tasks: i64,
    role: &'static str,
    is_private: bool,
}

impl<'a> Row<'a> {
    fn new(listed: &'a ListedProject) -> Self {
        Row {
            project: &listed.project,
            open_tasks: listed.open_tasks,
            role: listed.project.role.map_or("", role_name),
            is_private: listed.project.visibility == Visibility::Members,
        }
    }
}

impl Page {
    /// The clients that one can choose from, by name.
    pub(super) async fn clients(&self) -> Result<Vec<Choice>, Refused> {
        let all = self.list::<ListClients>(serde_json::Map::new(), 200).await?;
        Ok(all.items.iter().map(|client| Choice::new(client.id, client.name.clone())).collect())
    }
}

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let names = [
        ("search", "q"),
        ("clientId", "client"),
        ("mine", "mine"),
        ("archived", "archived"),
        ("sort", "sort"),
        ("cursor", "cursor"),
    ];
    let found = page.list::<ListProjects>(query.input(&names), 50).await?;
    let headings = [
        ("Project", "name", ""),
        ("Client", "", ""),
        ("Open tasks", "", "num"),
        ("My role", "", "wide-only"),
        ("Changed", "updatedAt", ""),
    ];
    page.ok(&ListPage {
        page: &page,
        query: &query,
        clients: page.clients().await?,
        headings: show::columns(&query, ListProjects::SPEC.more.sorts, &headings),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "project", "projects"),
        rows: found.items.iter().map(Row::new).collect(),
        is_filtered: query.has_any(&["q", "client", "mine", "archived", "cursor"]),
    })
}

#[derive(Template)]
#[template(path = "work/project_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    form: &'a Form,
    clients: Vec<Choice>,
    visibilities: Vec<Choice>,
}

pub fn visibilities() -> Vec<Choice> {
    vec![Choice::new("WORKSPACE", "Everybody in the workspace"), Choice::new("MEMBERS", "Its members only")]
}

async fn show_form(page: &Page, form: &Form) -> Answer {
    let template = FormPage { page, form, clients: page.clients().await?, visibilities: visibilities() };
    page.show(form.status(), &template)
}

pub async fn new_page(page: Page) -> Answer {
    page.must_write()?;
    let query = page.query();
    let mut form = Form::filled([("name", query.get("name").to_owned()), ("visibility", "WORKSPACE".to_owned())]);
    if query.has_any(&["client"]) {
        let client = page.run(GetClient { client_id: Ref::new(query.get("client")) }).await?.client;
        form.set("clientId", client.id.to_string());
    }
    show_form(&page, &form).await
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    match form.make::<CreateProject>(&page).await? {
        Some(made) => page.go(&format!("/projects/{}", made.text("key")), &format!("{} is started", made.text("name"))),
        None => show_form(&page, &form).await,
    }
}

pub async fn archive_page(page: Page, key: web::Path<String>) -> Answer {
    page.must_own()?;
    let project = page.project(&key).await?.project;
    page.ok(&Confirm {
        text: "It stays readable, and takes no new tasks or time. You can bring it back.",
        cancel: format!("{}/settings", base_of(&project)),
        ..Confirm::archive(&page, base_of(&project), &project.name)
    })
}

/// Puts a project away, or brings it back with `archived=false`.
pub async fn archive(page: Page, key: web::Path<String>, form: Form) -> Answer {
    let archived = form.value("archived") != "false";
    let archive = ArchiveProject { project_id: Ref::new(key.as_str()), archived: Some(archived) };
    let project = page.run(archive).await?;
    match archived {
        true => page.go("/projects", &format!("{} is archived", project.name)),
        false => page.go(&base_of(&project), &format!("{} is back", project.name)),
    }
}

pub async fn delete_page(page: Page, key: web::Path<String>) -> Answer {
    page.must_own()?;
    let project = page.project(&key).await?.project;
    page.ok(&Confirm {
        cancel: format!("{}/settings", base_of(&project)),
        ..Confirm::delete(
            &page,
            base_of(&project),
            &project.name,
            "All its tasks, comments and logged time go with it. This cannot be taken back; archiving can.",
        )
    })
}

pub async fn delete(page: Page, key: web::Path<String>) -> Answer {
    let project = page.project(&key).await?.project;
    page.run(DeleteProject { project_id: Ref::new(project.id.to_string()) }).await?;
    page.go("/projects", &format!("{} is deleted", project.name))
}
