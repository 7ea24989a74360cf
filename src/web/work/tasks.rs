//! A task: its page, everything that is done there, and the forms.

use actix_web::web;
use askama::Template;

use crate::core::caller::Account;
use crate::core::error::Error;
use crate::core::input;
use crate::core::operation::Operation;
use crate::core::reference::{Named, Ref};
use crate::core::time::Day;
use crate::features::activity::ListTaskActivity;
use crate::features::comments::{AddComment, Comment, DeleteComment, ListComments, UpdateComment};
use crate::features::projects::detail::ProjectDetail;
use crate::features::tasks::create::CreateTask;
use crate::features::tasks::dependencies::{AddDependency, RemoveDependency};
use crate::features::tasks::get::{GetTask, TaskDetail};
use crate::features::tasks::task::Task;
use crate::features::tasks::todos::{CreateTodo, DeleteTodo, UpdateTodo};
use crate::features::tasks::update::{ArchiveTask, DeleteTask, MoveTask, UpdateTask};
use crate::features::timesheets::timer::StartTimer;
use crate::features::timesheets::{AddTimesheet, ListTimesheets};
use crate::markdown::work;
use crate::web::confirm::Confirm;
use crate::web::form::{Form, Purpose};
use crate::web::markdown::{self, Rendered};
use crate::web::page::{Answer, Offer, Page, Refused, came_from, see_other};
use crate::web::show::{ByDay, Choice, Due, duration, hours, id_of};

use super::activity;
use super::time::Entry;
use super::{Head, Tag, TaskRow, priorities, statuses, tags};

#[derive(Template)]
#[template(path = "work/task.html")]
struct TaskPage<'a> {
    page: &'a Page,
    base: String,
    head: Head,
    detail: &'a TaskDetail,
    row: TaskRow,
    description: Option<Rendered>,
    /// What went wrong last, and what was typed there.
    form: &'a Form,
    /// The title and the description, to be changed where they stand.
    title_form: Form,
    text_form: Form,
    statuses: Vec<Choice>,
    owners: Vec<Choice>,
    others: Vec<String>,
    priorities: Vec<Choice>,
    labels: Vec<String>,
    tags: Vec<Tag>,
    due: Option<Due>,
    start: Option<Due>,
    estimate: Option<String>,
    comments: Vec<Remark>,
    /// Where the comments before those shown are, and the like.
    older_comments: Option<String>,
    entries: Vec<Entry>,
    older_entries: Option<String>,
    logged: String,
    /// Does one's clock run for this task?
    is_running: bool,
    days: Vec<ByDay<activity::Entry>>,
    older_changes: Option<String>,
    created: String,
}

/// A comment, as the page shows it.
struct Remark {
    id: String,
    author: Option<Named<Account>>,
    who: String,
    agent: Option<String>,
    body: Rendered,
    /// As it was written, for whom may change it.
    written: Option<Form>,
    iso: String,
    when: String,
    is_edited: bool,
    is_mine: bool,
    may_delete: bool,
}

impl Remark {
    fn new(page: &Page, head: &Head, comment: &Comment) -> Self {
        let is_mine = comment.author_id == Some(page.account.id);
        Remark {
            id: comment.id.to_string(),
            who: comment.author.as_ref().map_or_else(|| "Somebody".to_owned(), |author| author.name.clone()),
            author: comment.author.clone(),
            agent: comment.agent.as_ref().map(|agent| agent.name.clone()),
            body: markdown::render(&comment.body),
            written: (is_mine && head.may_write).then(|| filled_comment(comment)),
            iso: comment.created_at.to_string(),
            when: format!("{}, {}", page.day(&comment.created_at), comment.created_at.clock(&page.zone)),
            is_edited: comment.edited_at.is_some(),
            is_mine: is_mine && head.may_write,
            may_delete: head.may_write && (is_mine || head.is_owner),
        }
    }
}

/// As many comments, entries and changes as a page shows of itself.
const COMMENTS: usize = 50;
const ENTRIES: usize = 20;
const CHANGES: usize = 20;

pub(super) fn reference(key: &str) -> GetTask {
    GetTask { task_id: Some(Ref::new(key)), number: None, project_id: None }
}

fn base_of(task: &Task) -> String {
    format!("/tasks/{}", task.key)
}

pub async fn show(page: Page, key: web::Path<String>) -> Answer {
    if let Some(key) = key.strip_suffix(".json") {
        return page.json("task.get", "taskId", key).await;
    }
    if let Some(key) = key.strip_suffix(".md") {
        return page.markdown(work::task(&page.run(reference(key)).await?));
    }
    let detail = page.run(reference(&key)).await?;
    if detail.task.key != *key {
        let query = page.request().uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        return Ok(see_other(&format!("{}{query}", base_of(&detail.task))));
    }
    show_task(&page, &detail, &Form::default()).await
}

async fn show_task(page: &Page, detail: &TaskDetail, form: &Form) -> Answer {
    let task = &detail.task;
    let project = page.project(&task.project_id.to_string()).await?;
    let mut head = Head::new(&project.project, "");
    head.may_write &= task.archived_at.is_none();
    let query = page.query();
    let of_task = |cursor: &str| {
        let mut input = query.input(&[("cursor", cursor)]);
        input.insert("taskId".into(), task.id.to_string().into());
        input
    };
    let mut newest_first = of_task("comments");
    newest_first.insert("sort".into(), "-createdAt".into());
    let mut comments = page.list::<ListComments>(newest_first, COMMENTS).await?;
    comments.items.reverse();
    let entries = page.list::<ListTimesheets>(of_task("entries"), ENTRIES).await?;
    let changes = page.list::<ListTaskActivity>(of_task("changes"), CHANGES).await?;
    let older = |name: &str, cursor: Option<String>| cursor.map(|cursor| query.with(name, &cursor));
    let row = TaskRow::new(page, task, &project.statuses, &project.labels);
    let in_place = |name: &str, text: String| match form.answers("ifVersion") && form.answers(name) {
        true => form.clone(),
        false => Form::filled([("ifVersion", task.version.to_string()), (name, text)]),
    };
    let template = TaskPage {
        page,
        base: base_of(task),
        description: task.description.as_ref().and_then(Option::as_deref).map(markdown::render),
        form,
        title_form: in_place("title", task.title.clone()),
        text_form: in_place("description", task.description.clone().flatten().unwrap_or_default()),
        statuses: statuses(&project).collect(),
        owners: owners(page, &project, &task.owner),
        others: task
            .participants
            .iter()
            .filter(|person| Some(person.id) != task.owner_id)
            .map(|person| person.name.clone())
            .collect(),
        priorities: priorities(),
        labels: project.labels.iter().map(|label| label.name.clone()).collect(),
        tags: tags(&project.labels, &task.labels),
        due: page.due_by(&task.due_date, !row.is_done),
        start: page.due_by(&task.start_date, false),
        estimate: task.estimate_minutes.as_ref().map(duration),
        comments: comments.items.iter().map(|comment| Remark::new(page, &head, comment)).collect(),
        older_comments: older("comments", comments.next_cursor),
        entries: entries.items.iter().map(|entry| Entry::new(page, entry, head.is_owner)).collect(),
        logged: duration(&detail.time_summary.total_minutes),
        is_running: page.clock.as_ref().is_some_and(|clock| clock.href == base_of(task)),
        older_entries: older("entries", entries.next_cursor),
        days: activity::days(page, &changes.items),
        older_changes: older("changes", changes.next_cursor),
        created: page.day(&task.created_at),
        row,
        head,
        detail,
    };
    page.show(form.status(), &template)
}

/// Who can own a task: who is in the project.
fn owners(page: &Page, project: &ProjectDetail, current: &Option<Named<Account>>) -> Vec<Choice> {
    page.owners(project.members.iter().map(|member| (member.account_id, member.name.as_str())), current)
}

/// One thing of a task, from the side of its page.
pub async fn set(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    form.set("taskId", key.as_str());
    form.read_duration("estimateMinutes");
    match form.run::<UpdateTask>(&page).await? {
        Some(task) => page.go(&base_of(&task), &format!("{} is saved", task.key)),
        None => {
            let detail = page.run(reference(&key)).await?;
            form.meet(&filled(&detail.task), &[]);
            show_task(&page, &detail, &form).await
        }
    }
}

/// The task's page with what is wrong.
async fn come_back(page: &Page, key: &str, form: &Form) -> Answer {
    let detail = page.run(reference(key)).await?;
    show_task(page, &detail, form).await
}

async fn finish(page: &Page, key: &str, type_word: &str, said: &str) -> Answer {
    let before = page.run(reference(key)).await?.task;
    let task = page.act::<MoveTask>(&[("taskId", key), ("targetStatus", type_word)]).await?;
    let undo = Offer::undo(format!("{}/back", base_of(&task)), &[("targetStatus", &before.status_id.to_string())]);
    page.back_with(&base_of(&task), &format!("{said}: {}", task.title), undo)
}

/// Takes back that a task was done, or opened again.
pub async fn move_back(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    form.set("taskId", key.as_str());
    match form.run::<MoveTask>(&page).await? {
        Some(task) => page.back(&base_of(&task), &format!("{} is in {} again", task.key, task.status)),
        None => come_back(&page, &key, &form).await,
    }
}

pub async fn done(page: Page, key: web::Path<String>) -> Answer {
    finish(&page, &key, "DONE", "Done").await
}

pub async fn reopen(page: Page, key: web::Path<String>) -> Answer {
    finish(&page, &key, "BACKLOG", "Open again").await
}

/// Runs what a small form of the page asks for; a refusal is told above the page, which stays.
async fn change<O: Operation>(page: &Page, key: &str, mut form: Form, place: &str, said: &str) -> Answer {
    form.set("taskId", key);
    match form.run::<O>(page).await? {
        Some(_) => page.go(&format!("/tasks/{key}{place}"), said),
        None => come_back(page, key, &form).await,
    }
}

pub async fn add_todo(page: Page, key: web::Path<String>, form: Form) -> Answer {
    change::<CreateTodo>(&page, &key, form, "#todos", "").await
}

pub async fn check_todo(page: Page, path: web::Path<(String, String)>, mut form: Form) -> Answer {
    let (key, id) = path.into_inner();
    form.set("todoId", id);
    change::<UpdateTodo>(&page, &key, form, "#todos", "").await
}

pub async fn delete_todo(page: Page, path: web::Path<(String, String)>, mut form: Form) -> Answer {
    let (key, id) = path.into_inner();
    form.set("todoId", id);
    change::<DeleteTodo>(&page, &key, form, "#todos", "Todo removed").await
}

/// A sub-task, by its title alone.
pub async fn add_part(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    let task = page.run(reference(&key)).await?.task;
    form.set("projectId", task.project_id.to_string());
    form.set("parentId", task.id.to_string());
    match form.make::<CreateTask>(&page).await? {
        Some(made) => page.go(&format!("{}#parts", base_of(&task)), &format!("{} is added", made.text("key"))),
        None => come_back(&page, &key, &form).await,
    }
}

pub async fn add_dependency(page: Page, key: web::Path<String>, form: Form) -> Answer {
    change::<AddDependency>(&page, &key, form, "#dependencies", "Dependency added").await
}

pub async fn remove_dependency(page: Page, path: web::Path<(String, String)>, mut form: Form) -> Answer {
    let (key, other) = path.into_inner();
    form.set("dependsOnId", other);
    change::<RemoveDependency>(&page, &key, form, "#dependencies", "Dependency removed").await
}

pub async fn add_comment(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    form.set("taskId", key.as_str());
    match form.make::<AddComment>(&page).await? {
        Some(_) => page.go(&format!("/tasks/{key}#comments"), "Comment added"),
        None => come_back(&page, &key, &form).await,
    }
}

fn filled_comment(comment: &Comment) -> Form {
    Form::filled([("body", comment.body.clone()), ("ifVersion", comment.version.to_string())])
}

#[derive(Template)]
#[template(path = "work/comment_form.html")]
struct CommentForm<'a> {
    page: &'a Page,
    task: &'a Task,
    id: &'a str,
    form: &'a Form,
}

pub async fn comment_page(page: Page, path: web::Path<(String, String)>) -> Answer {
    let (key, id) = path.into_inner();
    let task = page.run(reference(&key)).await?.task;
    let comment = comment_of(&page, &task, &id).await?;
    let form = filled_comment(&comment);
    page.ok(&CommentForm { page: &page, task: &task, id: &id, form: &form })
}

/// One comment, looked for among those of its task: most that are changed are new.
async fn comment_of(page: &Page, task: &Task, id: &str) -> Result<Comment, Refused> {
    let mut input = input::of([("taskId", task.id.to_string().into()), ("sort", "-createdAt".into())]);
    loop {
        let found = page.list::<ListComments>(input.clone(), 200).await?;
        if let Some(comment) = found.items.into_iter().find(|comment| comment.id.to_string() == id) {
            return Ok(comment);
        }
        match found.next_cursor {
            Some(cursor) => input.insert("cursor".to_owned(), cursor.into()),
            None => return Err(page.refuse(Error::not_found("comment", id))),
        };
    }
}

pub async fn edit_comment(page: Page, path: web::Path<(String, String)>, mut form: Form) -> Answer {
    let (key, id) = path.into_inner();
    let task = page.run(reference(&key)).await?.task;
    form.set("commentId", id.as_str());
    form.demand("body");
    match form.run::<UpdateComment>(&page).await? {
        Some(_) => page.go(&format!("{}#comments", base_of(&task)), "Comment saved"),
        None => {
            form.meet(&filled_comment(&comment_of(&page, &task, &id).await?), &[]);
            page.show(form.status(), &CommentForm { page: &page, task: &task, id: &id, form: &form })
        }
    }
}

pub async fn delete_comment(page: Page, path: web::Path<(String, String)>) -> Answer {
    let (key, id) = path.into_inner();
    page.run(DeleteComment { comment_id: Ref::new(id) }).await?;
    page.go(&format!("/tasks/{key}#comments"), "Comment deleted")
}

pub async fn log_time(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    form.read_duration("minutes");
    form.demand("minutes");
    let said = format!("Time logged on {key}");
    change::<AddTimesheet>(&page, &key, form, "#time", &said).await
}

pub async fn start_timer(page: Page, key: web::Path<String>) -> Answer {
    let timer = page.act::<StartTimer>(&[("taskId", key.as_str())]).await?;
    let to = came_from(page.request()).unwrap_or_else(|| format!("/tasks/{key}"));
    super::time::started(&page, &to, &timer)
}

pub async fn archive_page(page: Page, key: web::Path<String>) -> Answer {
    page.must_own()?;
    let task = page.run(reference(&key)).await?.task;
    page.ok(&Confirm::archive(&page, base_of(&task), &task.title))
}

pub async fn archive(page: Page, key: web::Path<String>, form: Form) -> Answer {
    let archived = form.value("archived") != "false";
    let task = page.run(ArchiveTask { task_id: Ref::new(key.as_str()), archived: Some(archived) }).await?;
    match archived {
        true => page.go(&format!("/projects/{}", task.project_id), &format!("{} is archived", task.key)),
        false => page.go(&base_of(&task), &format!("{} is back", task.key)),
    }
}

pub async fn delete_page(page: Page, key: web::Path<String>) -> Answer {
    page.must_own()?;
    let task = page.run(reference(&key)).await?.task;
    page.ok(&Confirm::delete(
        &page,
        base_of(&task),
        &task.title,
        "Its todos and comments go with it; logged time stays with the project. This cannot be taken back.",
    ))
}

pub async fn delete(page: Page, key: web::Path<String>) -> Answer {
    let task = page.run(reference(&key)).await?.task;
    page.run(DeleteTask { task_id: Ref::new(task.id.to_string()) }).await?;
    page.go(&format!("/projects/{}", task.project_id), &format!("{} is deleted", task.key))
}

#[derive(Template)]
#[template(path = "work/task_form.html")]
struct TaskForm<'a> {
    page: &'a Page,
    purpose: Purpose,
    form: &'a Form,
    /// The project of a new task, and those it could be in instead.
    project: &'a ProjectDetail,
    projects: Vec<Choice>,
    /// Whose pictures and people the text can have; empty for a new one.
    task: &'a str,
    statuses: Vec<Choice>,
    owners: Vec<Choice>,
    priorities: Vec<Choice>,
    is_new: bool,
}

async fn show_form(page: &Page, form: &Form, project: &ProjectDetail, editing: Option<&Task>) -> Answer {
    let mut purpose = Purpose::new("task", "/tasks", editing.map(|task| (&*task.key, base_of(task))));
    if editing.is_none() {
        purpose.cancel = super::base_of(&project.project);
    }
    let template = TaskForm {
        page,
        purpose,
        form,
        projects: page.own_projects().await?,
        task: editing.map_or("", |task| &task.key),
        statuses: statuses(project).collect(),
        owners: owners(page, project, &editing.and_then(|task| task.owner.clone())),
        priorities: priorities(),
        is_new: editing.is_none(),
        project,
    };
    page.show(form.status(), &template)
}

#[derive(Template)]
#[template(path = "work/no_project.html")]
struct NoProject<'a> {
    page: &'a Page,
}

/// A new task in the project of the address, else in the one that changed last.
pub async fn new_page(page: Page) -> Answer {
    let query = page.query();
    let project = match query.get("project") {
        "" => page.own_projects_newest_first().await?.into_iter().next().map(|newest| newest.value),
        known => Some(known.to_owned()),
    };
    let Some(project) = project else {
        page.must_write()?;
        return page.ok(&NoProject { page: &page });
    };
    let project = page.project(&project).await?;
    page.must_fill(&project.project)?;
    let mut form = Form::filled([
        ("projectId", project.project.id.to_string()),
        ("priority", "P2".to_owned()),
        ("title", query.get("title").to_owned()),
        ("status", query.get("status").to_owned()),
        ("ownerId", query.get("owner").to_owned()),
    ]);
    if query.has_any(&["parent"]) {
        form.set("parentId", page.run(reference(query.get("parent"))).await?.task.key);
    }
    show_form(&page, &form, &project, None).await
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    leave_blanks(&mut form);
    form.read_duration("estimateMinutes");
    match form.make::<CreateTask>(&page).await? {
        Some(made) => page.go(&format!("/tasks/{}", made.text("key")), &format!("{} is added", made.text("key"))),
        None => {
            let project = page.project(form.value("projectId")).await?;
            show_form(&page, &form, &project, None).await
        }
    }
}

/// A new task leaves out what was left empty, so that the project's own defaults hold.
fn leave_blanks(form: &mut Form) {
    for name in ["status", "ownerId", "parentId"] {
        if form.is_blank(name) {
            form.leave(name);
        }
    }
}

/// A task by its title alone, at the foot of a column.
pub async fn quick_add(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    let project = page.project(&key).await?;
    form.set("projectId", project.project.id.to_string());
    match form.make::<CreateTask>(&page).await? {
        Some(made) => page.back(&super::base_of(&project.project), &format!("{} is added", made.text("key"))),
        None => show_form(&page, &form, &project, None).await,
    }
}

pub async fn edit_page(page: Page, key: web::Path<String>) -> Answer {
    let task = page.run(reference(&key)).await?.task;
    let project = page.project(&task.project_id.to_string()).await?;
    page.must_fill(&project.project)?;
    show_form(&page, &filled(&task), &project, Some(&task)).await
}

fn filled(task: &Task) -> Form {
    let day = |day: &Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    Form::filled([
        ("ifVersion", task.version.to_string()),
        ("projectId", task.project_id.to_string()),
        ("title", task.title.clone()),
        ("description", task.description.clone().flatten().unwrap_or_default()),
        ("status", task.status_id.to_string()),
        ("priority", task.priority.word().to_owned()),
        ("ownerId", id_of(&task.owner)),
        ("dueDate", day(&task.due_date)),
        ("startDate", day(&task.start_date)),
        ("estimateMinutes", task.estimate_minutes.as_ref().map(hours).unwrap_or_default()),
        ("labels", task.labels.join(", ")),
        ("parentId", task.parent_key.clone().unwrap_or_default()),
    ])
}

pub async fn edit(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    let task = page.run(reference(&key)).await?.task;
    form.set("taskId", task.id.to_string());
    form.demand("title");
    let estimate = form.value("estimateMinutes").to_owned();
    form.read_duration("estimateMinutes");
    form.leave_unchanged("projectId", &task.project_id.to_string());
    form.leave_unchanged("status", &task.status_id.to_string());
    form.leave_unchanged("ownerId", &id_of(&task.owner));
    form.leave_unchanged("parentId", task.parent_key.as_deref().unwrap_or_default());
    match form.run::<UpdateTask>(&page).await? {
        Some(saved) => page.go(&base_of(&saved), &format!("{} is saved", saved.key)),
        None => {
            let project = page.project(&task.project_id.to_string()).await?;
            form.set("estimateMinutes", estimate);
            form.meet(
                &filled(&task),
                &[
                    ("status", &statuses(&project).collect::<Vec<_>>()),
                    ("ownerId", &owners(&page, &project, &task.owner)),
                    ("priority", &priorities()),
                    ("projectId", &page.own_projects().await?),
                ],
            );
            show_form(&page, &form, &project, Some(&task)).await
        }
    }
}
