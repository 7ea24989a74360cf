//! The pages of the work itself: projects and their boards, tasks, clients, time, and what somebody has to do.

pub mod activity;
pub mod board;
pub mod chart;
pub mod clients;
pub mod home;
pub mod inbox;
pub mod projects;
pub mod report;
pub mod settings;
pub mod tasks;
pub mod time;
pub mod week;

use actix_web::web;

use crate::core::caller::{Account, Role};
use crate::core::input;
use crate::core::reference::{Named, Ref};
use crate::features::projects::detail::{GetProject, ProjectDetail};
use crate::features::projects::labels::Label;
use crate::features::projects::statuses::{Status, StatusType};
use crate::features::projects::{Project, ShowProjects, Visibility};
use crate::features::tasks::task::{Priority, Task};

use super::page::{Page, Refused};
use super::show::{Choice, Due, Link};
use super::{at, get, post};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/").route(get().to(home::show)).route(post().to(home::add)))
        .service(at("/inbox").route(get().to(inbox::list)))
        .service(at("/inbox/read-all").route(post().to(inbox::read_all)))
        .service(at("/inbox/done").route(post().to(inbox::done)))
        .service(at("/inbox/unread").route(post().to(inbox::unread)))
        .service(at("/inbox/{id}/read").route(post().to(inbox::read)));
    config
        .service(at("/projects").route(get().to(projects::list)))
        .service(at("/projects/new").route(get().to(projects::new_page)).route(post().to(projects::create)))
        .service(at("/projects/{key}").route(get().to(board::show)))
        .service(at("/projects/{key}/tasks").route(post().to(tasks::quick_add)))
        .service(at("/projects/{key}/tasks/change").route(post().to(board::change_many)))
        .service(at("/projects/{key}/activity").route(get().to(activity::show)))
        .service(
            at("/projects/{key}/archive").route(get().to(projects::archive_page)).route(post().to(projects::archive)),
        )
        .service(at("/projects/{key}/delete").route(get().to(projects::delete_page)).route(post().to(projects::delete)))
        .service(at("/projects/{key}/settings").route(get().to(settings::show)).route(post().to(settings::save)))
        .service(at("/projects/{key}/settings/{part}").route(post().to(settings::add)))
        .service(at("/projects/{key}/settings/{part}/{id}").route(post().to(settings::change)))
        .service(at("/projects/{key}/settings/{part}/{id}/delete").route(post().to(settings::remove)));
    config
        .service(at("/tasks/new").route(get().to(tasks::new_page)).route(post().to(tasks::create)))
        .service(at("/tasks/{key}").route(get().to(tasks::show)))
        .service(at("/tasks/{key}/edit").route(get().to(tasks::edit_page)).route(post().to(tasks::edit)))
        .service(at("/tasks/{key}/set").route(post().to(tasks::set)))
        .service(at("/tasks/{key}/move").route(post().to(board::move_to)))
        .service(at("/tasks/{key}/row").route(post().to(board::change_row)))
        .service(at("/tasks/{key}/done").route(post().to(tasks::done)))
        .service(at("/tasks/{key}/due").route(post().to(home::put_off)))
        .service(at("/tasks/{key}/back").route(post().to(tasks::move_back)))
        .service(at("/tasks/{key}/reopen").route(post().to(tasks::reopen)))
        .service(at("/tasks/{key}/todos").route(post().to(tasks::add_todo)))
        .service(at("/tasks/{key}/todos/{id}").route(post().to(tasks::check_todo)))
        .service(at("/tasks/{key}/todos/{id}/delete").route(post().to(tasks::delete_todo)))
        .service(at("/tasks/{key}/parts").route(post().to(tasks::add_part)))
        .service(at("/tasks/{key}/dependencies").route(post().to(tasks::add_dependency)))
        .service(at("/tasks/{key}/dependencies/{other}/delete").route(post().to(tasks::remove_dependency)))
        .service(at("/tasks/{key}/comments").route(post().to(tasks::add_comment)))
        .service(
            at("/tasks/{key}/comments/{id}").route(get().to(tasks::comment_page)).route(post().to(tasks::edit_comment)),
        )
        .service(at("/tasks/{key}/comments/{id}/delete").route(post().to(tasks::delete_comment)))
        .service(at("/tasks/{key}/time").route(post().to(tasks::log_time)))
        .service(at("/tasks/{key}/timer").route(post().to(tasks::start_timer)))
        .service(at("/tasks/{key}/archive").route(get().to(tasks::archive_page)).route(post().to(tasks::archive)))
        .service(at("/tasks/{key}/delete").route(get().to(tasks::delete_page)).route(post().to(tasks::delete)));
    config
        .service(at("/clients").route(get().to(clients::list)))
        .service(at("/clients/new").route(get().to(clients::new_page)).route(post().to(clients::create)))
        .service(at("/clients/{id}").route(get().to(clients::show)))
        .service(at("/clients/{id}/edit").route(get().to(clients::edit_page)).route(post().to(clients::edit)))
        .service(at("/clients/{id}/delete").route(get().to(clients::delete_page)).route(post().to(clients::delete)));
    config
        .service(at("/time").route(get().to(week::show)).route(post().to(time::add)))
        .service(at("/time/week").route(post().to(week::save)))
        .service(at("/time/week/copy").route(post().to(week::copy)))
        .service(at("/time/timer/stop").route(post().to(time::stop)))
        .service(at("/time/report").route(get().to(report::show)))
        .service(at("/time/{id}").route(get().to(time::edit_page)).route(post().to(time::edit)))
        .service(at("/time/{id}/delete").route(post().to(time::delete)));
}

/// What stands above every page of a project.
pub struct Head {
    pub key: String,
    pub name: String,
    pub base: String,
    /// Board and list, on either of them with the filter of the other.
    pub board: String,
    pub list: String,
    /// `board`, `list`, `activity` or `settings`.
    pub view: &'static str,
    pub is_archived: bool,
    pub is_private: bool,
    /// May the person change tasks here?
    pub may_write: bool,
    /// Members see what happened; viewers see what is.
    pub is_member: bool,
    pub is_owner: bool,
}

impl Head {
    fn new(project: &Project, view: &'static str) -> Self {
        let is_archived = project.archived_at.is_some();
        let is_member = may_fill(project);
        Head {
            key: project.key.clone(),
            name: project.name.clone(),
            base: base_of(project),
            board: base_of(project),
            list: format!("{}?view=list", base_of(project)),
            view,
            is_archived,
            is_private: project.visibility == Visibility::Members,
            may_write: is_member && !is_archived,
            is_member,
            is_owner: project.role == Some(Role::Owner),
        }
    }
}

/// May the person put tasks and time into the project, unless it is archived?
fn may_fill(project: &Project) -> bool {
    project.role >= Some(Role::Member)
}

fn base_of(project: &Project) -> String {
    format!("/projects/{}", project.key)
}

impl Page {
    async fn project(&self, reference: &str) -> Result<ProjectDetail, Refused> {
        self.run(GetProject { project_id: Ref::new(reference) }).await
    }

    /// The projects that one can choose from, by name.
    pub(super) async fn projects(&self) -> Result<Vec<Project>, Refused> {
        Ok(self.list::<ShowProjects>(serde_json::Map::new(), 200).await?.items)
    }

    /// Those that one may put something into, by what was done there last.
    pub(super) async fn own_projects_newest_first(&self) -> Result<Vec<Choice>, Refused> {
        let input = input::of([("sort", "-updatedAt".into())]);
        let newest = self.list::<ShowProjects>(input, 50).await?.items.into_iter();
        Ok(newest.filter(may_fill).map(|project| Choice::new(project.id, project.name)).collect())
    }

    /// Those among them that one may put something into.
    pub(super) async fn own_projects(&self) -> Result<Vec<Choice>, Refused> {
        let all = self.projects().await?.into_iter().filter(may_fill);
        Ok(all.map(|project| Choice::new(project.id, project.name)).collect())
    }

    /// A form for a project that one may only look at is not shown.
    fn must_fill(&self, project: &Project) -> Result<(), Refused> {
        let reason = "You may look at this project, but not change it. Ask one of its owners to make you a member.";
        if may_fill(project) { Ok(()) } else { Err(self.denied("project", Role::Member, project.role, reason)) }
    }
}

/// A label as it is shown: of the colour that its project gave it.
pub struct Tag {
    pub name: String,
    pub color: String,
}

fn tags(known: &[Label], names: &[String]) -> Vec<Tag> {
    let color = |name: &String| known.iter().find(|label| label.name == *name).map(|label| label.color.clone());
    names.iter().map(|name| Tag { name: name.clone(), color: color(name).unwrap_or_default() }).collect()
}

/// A sentence with a task's key in it, which stays in one piece and may lead to the task.
pub struct Sentence {
    pub before: String,
    pub key: Option<String>,
    pub after: String,
}

impl Sentence {
    fn new(text: &str, key: Option<&str>) -> Self {
        let split = key.and_then(|key| text.split_once(key));
        let (before, after) = split.unwrap_or((text, ""));
        Sentence { before: before.to_owned(), key: split.and(key).map(str::to_owned), after: after.to_owned() }
    }
}

/// How much a task matters, in a word.
fn urgency(priority: Priority) -> &'static str {
    match priority {
        Priority::P1 => "High",
        Priority::P2 => "Normal",
        Priority::P3 => "Low",
    }
}

fn priorities() -> Vec<Choice> {
    Priority::ALL.iter().map(|priority| Choice::new(priority.word(), urgency(*priority))).collect()
}

fn statuses(project: &ProjectDetail) -> impl Iterator<Item = Choice> {
    project.statuses.iter().map(|status| Choice::new(status.id, status.name.clone()))
}

pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Member => "Member",
        Role::Viewer => "Viewer",
    }
}

/// A task as a line or as a card.
pub struct TaskRow {
    pub key: String,
    pub title: String,
    pub project: Link,
    pub status: String,
    pub status_id: String,
    /// `#rrggbb`; empty where no colours are known.
    pub color: String,
    /// P1, P2 or P3.
    pub priority: &'static str,
    pub urgency: &'static str,
    pub due: Option<Due>,
    pub owner: Option<Named<Account>>,
    pub tags: Vec<Tag>,
    pub is_done: bool,
    pub is_archived: bool,
    /// `2/5` of a checklist.
    pub progress: Option<String>,
    pub comments: i64,
    pub changed: String,
}

impl TaskRow {
    fn new(page: &Page, task: &Task, statuses: &[Status], labels: &[Label]) -> Self {
        let is_done = task.status_type == StatusType::Done;
        let color = statuses.iter().find(|status| status.id == task.status_id).map(|status| status.color.clone());
        TaskRow {
            key: task.key.clone(),
            title: task.title.clone(),
            project: Link { href: format!("/projects/{}", task.project_id), name: task.project.name.clone() },
            status: task.status.clone(),
            status_id: task.status_id.to_string(),
            color: color.unwrap_or_default(),
            priority: task.priority.word(),
            urgency: urgency(task.priority),
            due: page.due_by(&task.due_date, !is_done),
            owner: task.owner.clone(),
            tags: tags(labels, &task.labels),
            is_done,
            is_archived: task.archived_at.is_some(),
            progress: (task.todo_progress.total > 0)
                .then(|| format!("{}/{}", task.todo_progress.done, task.todo_progress.total)),
            comments: task.comment_count,
            changed: page.ago(&task.updated_at),
        }
    }
}
