//! What a project is and how it works: its name, statuses, labels, members and what it waits for.

use actix_web::web;
use askama::Template;

use crate::core::caller::{Account, Role};
use crate::core::error::Error;
use crate::core::input;
use crate::core::operation::Operation;
use crate::core::reference::Named;
use crate::features::projects::dependencies::{AddDependency, RemoveDependency};
use crate::features::projects::detail::ProjectDetail;
use crate::features::projects::labels::{CreateLabel, DeleteLabel, UpdateLabel};
use crate::features::projects::members::{
    AddProjectMember, ProjectMember, RemoveProjectMember, Source, UpdateProjectMember,
};
use crate::features::projects::statuses::{
    CreateStatus, DeleteStatus, ReorderStatuses, Status, StatusType, UpdateStatus,
};
use crate::features::projects::{Project, UpdateProject};
use crate::features::workspaces::ListMembers;
use crate::web::form::Form;
use crate::web::markdown::{self, Rendered};
use crate::web::page::{Answer, Page, Refused};
use crate::web::show::{Choice, duration, id_of};

use super::projects::visibilities;
use super::{Head, base_of, role_name};

#[derive(Template)]
#[template(path = "work/settings.html")]
struct SettingsPage<'a> {
    page: &'a Page,
    head: Head,
    detail: &'a ProjectDetail,
    /// What went wrong last.
    form: &'a Form,
    general: Form,
    description: Option<Rendered>,
    clients: Vec<Choice>,
    visibilities: Vec<Choice>,
    types: Vec<Choice>,
    roles: Vec<Choice>,
    members: Vec<Person>,
    /// Who could be given a role of their own.
    outsiders: Vec<Choice>,
    /// What it could wait for.
    projects: Vec<Choice>,
    logged: String,
}

/// Somebody who works on the project.
struct Person {
    id: String,
    account: Named<Account>,
    email: String,
    role: &'static str,
    /// Why nothing can be changed here; empty if it can.
    fixed: &'static str,
}

fn people(page: &Page, detail: &ProjectDetail) -> Vec<Person> {
    let person = |member: &ProjectMember| Person {
        id: member.account_id.to_string(),
        account: Named { id: member.account_id, name: member.name.clone() },
        email: member.email.clone(),
        role: member.role.word(),
        fixed: match member.source {
            _ if member.locked => "Owns the workspace",
            Source::Workspace => "By the workspace",
            Source::Project if member.account_id == page.account.id => "You",
            Source::Project => "",
        },
    };
    detail.members.iter().map(person).collect()
}

fn type_name(kind: StatusType) -> &'static str {
    match kind {
        StatusType::Backlog => "Backlog",
        StatusType::Todo => "To do",
        StatusType::InProgress => "In progress",
        StatusType::Blocked => "Blocked",
        StatusType::Review => "Review",
        StatusType::Done => "Done",
    }
}

/// Who of the workspace has no role of their own in the project.
async fn outsiders(page: &Page, detail: &ProjectDetail) -> Vec<Choice> {
    let slug = page.workspace.as_ref().map(|place| place.slug.clone()).unwrap_or_default();
    let input = input::of([("workspaceId", slug.into())]);
    // Who may only look at the workspace can own a project, and does not see who else is there.
    let members = page.list::<ListMembers>(input, 200).await.map_or_else(|_| Vec::new(), |members| members.items);
    let has_own = |account| detail.members.iter().any(|m| m.account_id == account && (m.id.is_some() || m.locked));
    let outside = members.into_iter().filter(|member| !has_own(member.account_id));
    outside.map(|member| Choice::new(member.account_id, member.name)).collect()
}

/// The projects that this one does not wait for yet.
async fn others(page: &Page, detail: &ProjectDetail) -> Result<Vec<Choice>, Refused> {
    let known = |id| id == detail.project.id || detail.depends_on.iter().any(|other| other.id == id);
    let others = page.projects().await?.into_iter().filter(|other| !known(other.id));
    Ok(others.map(|other| Choice::new(other.id, other.name)).collect())
}

fn filled(project: &Project) -> Form {
    Form::filled([
        ("ifVersion", project.version.to_string()),
        ("name", project.name.clone()),
        ("key", project.key.clone()),
        ("clientId", id_of(&project.client)),
        ("visibility", project.visibility.word().to_owned()),
        ("description", project.description.clone().unwrap_or_default()),
    ])
}

async fn show_settings(page: &Page, detail: &ProjectDetail, form: &Form, general: Option<Form>) -> Answer {
    let project = &detail.project;
    let head = Head::new(project, "settings");
    let template = SettingsPage {
        page,
        detail,
        form,
        general: general.unwrap_or_else(|| filled(project)),
        description: project.description.as_deref().map(markdown::render),
        clients: page.clients().await?,
        visibilities: visibilities(),
        types: StatusType::ALL.iter().map(|kind| Choice::new(kind.word(), type_name(*kind))).collect(),
        roles: [Role::Owner, Role::Member, Role::Viewer].map(|role| Choice::new(role.word(), role_name(role))).into(),
        members: people(page, detail),
        outsiders: if head.is_owner { outsiders(page, detail).await } else { Vec::new() },
        projects: if head.may_write { others(page, detail).await? } else { Vec::new() },
        logged: duration(&detail.time_summary.total_minutes),
        head,
    };
    page.show(form.status(), &template)
}

pub async fn show(page: Page, key: web::Path<String>) -> Answer {
    let detail = page.project(&key).await?;
    show_settings(&page, &detail, &Form::default(), None).await
}

pub async fn save(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    let detail = page.project(&key).await?;
    form.set("projectId", detail.project.id.to_string());
    form.demand("name");
    form.demand("key");
    form.leave_unchanged("clientId", &id_of(&detail.project.client));
    match form.run::<UpdateProject>(&page).await? {
        Some(saved) => page.go(&format!("{}/settings", base_of(&saved)), &format!("{} is saved", saved.name)),
        None => {
            form.meet(
                &filled(&detail.project),
                &[("clientId", &page.clients().await?), ("visibility", &visibilities())],
            );
            let mut typed: Form = Form::filled(
                ["name", "key", "clientId", "visibility", "description", "ifVersion", "seen"]
                    .map(|name| (name, form.value(name).to_owned())),
            );
            typed.problems.clone_from(&form.problems);
            typed.clashes = std::mem::take(&mut form.clashes);
            show_settings(&page, &detail, &form, Some(typed)).await
        }
    }
}

/// Runs what a small form of the page asks for; a refusal is told above the page, which stays.
async fn change_part<O: Operation>(page: &Page, detail: &ProjectDetail, mut form: Form, said: &str) -> Answer {
    form.set("projectId", detail.project.id.to_string());
    match form.run::<O>(page).await? {
        Some(_) => page.go(&format!("{}/settings", base_of(&detail.project)), said),
        None => {
            form.set("operation", O::SPEC.name);
            show_settings(page, detail, &form, None).await
        }
    }
}

fn no_such_part(page: &Page, part: &str) -> Refused {
    page.refuse(Error::not_found("page", part))
}

/// One more status, label, member, or project to wait for.
pub async fn add(page: Page, path: web::Path<(String, String)>, form: Form) -> Answer {
    let (key, part) = path.into_inner();
    let detail = page.project(&key).await?;
    match part.as_str() {
        "statuses" => change_part::<CreateStatus>(&page, &detail, form, "Status added").await,
        "labels" => change_part::<CreateLabel>(&page, &detail, form, "Label added").await,
        "members" => change_part::<AddProjectMember>(&page, &detail, form, "Member added").await,
        "dependencies" => change_part::<AddDependency>(&page, &detail, form, "Dependency added").await,
        _ => Err(no_such_part(&page, &part)),
    }
}

pub async fn change(page: Page, path: web::Path<(String, String, String)>, mut form: Form) -> Answer {
    let (key, part, id) = path.into_inner();
    let detail = page.project(&key).await?;
    match part.as_str() {
        "statuses" => match form.take("step").as_str() {
            "" => {
                form.set("statusId", id);
                form.demand("name");
                change_part::<UpdateStatus>(&page, &detail, form, "Status saved").await
            }
            step => {
                let ordered = reordered(&detail.statuses, &id, step == "up");
                let form = Form::filled([("orderedStatusIds", ordered)]);
                change_part::<ReorderStatuses>(&page, &detail, form, "Order saved").await
            }
        },
        "labels" => {
            form.set("labelId", id);
            form.demand("name");
            change_part::<UpdateLabel>(&page, &detail, form, "Label saved").await
        }
        "members" => {
            form.set("membershipId", id);
            change_part::<UpdateProjectMember>(&page, &detail, form, "Role saved").await
        }
        _ => Err(no_such_part(&page, &part)),
    }
}

/// The statuses with one of them a step further up or down.
fn reordered(statuses: &[Status], id: &str, up: bool) -> String {
    let mut ids: Vec<String> = statuses.iter().map(|status| status.id.to_string()).collect();
    if let Some(at) = ids.iter().position(|known| known == id) {
        let to = if up { at.saturating_sub(1) } else { (at + 1).min(ids.len() - 1) };
        ids.swap(at, to);
    }
    ids.join(",")
}

pub async fn remove(page: Page, path: web::Path<(String, String, String)>, mut form: Form) -> Answer {
    let (key, part, id) = path.into_inner();
    let detail = page.project(&key).await?;
    match part.as_str() {
        "statuses" => {
            form.set("statusId", id);
            if form.is_blank("targetStatusId") {
                form.take("targetStatusId");
            }
            change_part::<DeleteStatus>(&page, &detail, form, "Status deleted").await
        }
        "labels" => {
            form.set("labelId", id);
            change_part::<DeleteLabel>(&page, &detail, form, "Label deleted").await
        }
        "members" => {
            form.set("membershipId", id);
            change_part::<RemoveProjectMember>(&page, &detail, form, "Member removed").await
        }
        "dependencies" => {
            form.set("dependsOnId", id);
            change_part::<RemoveDependency>(&page, &detail, form, "Dependency removed").await
        }
        _ => Err(no_such_part(&page, &part)),
    }
}
