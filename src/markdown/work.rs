//! Workspaces, projects, tasks, clients and time.

use crate::core::caller::Role;
use crate::core::choice::plain;
use crate::core::time::{Day, duration};
use crate::features::clients::ClientDetail;
use crate::features::crm::bridges::LinkedDeal;
use crate::features::projects::detail::ProjectDetail;
use crate::features::projects::statuses::StatusType;
use crate::features::projects::{ListedProject, ProjectLine};
use crate::features::tasks::get::{Remark, TaskDetail};
use crate::features::tasks::task::{Task, TaskLine};
use crate::features::timesheets::Timesheet;
use crate::features::workspaces::WorkspaceView;

use super::{SHORT, Sheet, author, joined, name_of, names_of, one_line, quote, when};

pub fn workspace(workspace: &WorkspaceView, projects: &[ListedProject]) -> String {
    let mut sheet = Sheet::titled(&workspace.name);
    sheet.facts([
        ("Slug", Some(workspace.slug.clone())),
        ("Your role", workspace.role.as_ref().map(Role::to_string)),
        ("Archived", workspace.archived_at.as_ref().map(when)),
    ]);
    sheet.list("Projects", projects, |listed| {
        let project = &listed.project;
        joined([
            Some(format!("{} {}", project.key, project.name)),
            name_of(&project.client).map(|client| format!("for {client}")),
            Some(format!("{} open tasks", listed.open_tasks)),
        ])
    });
    sheet.into_text()
}

pub fn project(detail: &ProjectDetail) -> String {
    let project = &detail.project;
    let counts = &detail.counts;
    let mut sheet = Sheet::titled(format_args!("{} {}", project.key, project.name));
    sheet
        .facts([
            ("Client", name_of(&project.client)),
            ("Your role", project.role.as_ref().map(Role::to_string)),
            ("Visible to", Some(project.visibility.to_string())),
            ("Archived", project.archived_at.as_ref().map(when)),
        ])
        .facts([
            ("Open tasks", Some(counts.open_tasks.to_string())),
            ("Overdue", Some(counts.overdue_tasks.to_string())),
            ("Done", Some(counts.done_tasks.to_string())),
            ("Time logged", Some(duration(&detail.time_summary.total_minutes))),
            ("Billable", Some(duration(&detail.time_summary.billable_minutes))),
        ])
        .prose("Description", project.description.as_deref())
        .list("Statuses", &detail.statuses, |status| {
            format!("{}: {} tasks", standing(&status.name, status.kind), status.task_count)
        })
        .list("Tasks that changed last", &detail.recent_tasks, |task| {
            joined([
                Some(format!("{} {}", task.key, task.title)),
                Some(task.status.clone()),
                Some(task.priority.to_string()),
                name_of(&task.owner),
                task.due_date.map(|day| format!("due {day}")),
            ])
        })
        .list("Members", &detail.members, |member| format!("{} <{}>, {}", member.name, member.email, member.role))
        .list("Waits for", &detail.depends_on, project_line)
        .list("Is waited for by", &detail.depended_on_by, project_line)
        .list("Deals", &detail.deals, deal_line);
    if !detail.labels.is_empty() {
        let labels: Vec<&str> = detail.labels.iter().map(|label| label.name.as_str()).collect();
        sheet.heading("Labels").line(labels.join(", "));
    }
    sheet.line(format_args!("\nid {} · version {}", project.id, project.version));
    sheet.into_text()
}

/// A status, with what kind it is where its name does not say so.
fn standing(name: &str, kind: StatusType) -> String {
    match plain(name) == kind.to_string() {
        true => name.to_owned(),
        false => format!("{name} ({kind})"),
    }
}

fn project_line(project: &ProjectLine) -> String {
    joined([
        Some(format!("{} {}", project.key, project.name)),
        project.archived_at.as_ref().map(|_| "archived".to_owned()),
    ])
}

fn deal_line(deal: &LinkedDeal) -> String {
    joined([
        Some(deal.title.clone()),
        Some(deal.status.to_string()),
        deal.value.map(|value| format!("{} {}", value.plain(), value.currency)),
        Some(deal.id.to_string()),
    ])
}

pub fn task(detail: &TaskDetail) -> String {
    let task = &detail.task;
    let done = detail.todos.iter().filter(|todo| todo.done).count();
    let time = &detail.time_summary;
    let mut sheet = Sheet::titled(format_args!("{} {}", task.key, task.title));
    sheet
        .facts([
            ("Status", Some(standing(&task.status, task.status_type))),
            ("Priority", Some(task.priority.to_string())),
            ("Owner", Some(name_of(&task.owner).unwrap_or_else(|| "nobody".into()))),
            ("Participants", names_of(&task.participants).filter(|_| task.participants.len() > 1)),
            ("Due", task.due_date.map(|day| day.to_string())),
            ("Start", task.start_date.map(|day| day.to_string())),
        ])
        .facts([
            ("Project", Some(task.project.name.clone())),
            ("Labels", (!task.labels.is_empty()).then(|| task.labels.join(", "))),
            ("Sub-task of", task.parent_key.clone()),
            ("Estimate", task.estimate_minutes.as_ref().map(duration)),
            ("Logged", (time.entries > 0).then(|| duration(&time.total_minutes))),
            ("Done", task.completed_at.as_ref().map(when)),
            ("Archived", task.archived_at.as_ref().map(when)),
        ])
        .facts([
            ("Deal", detail.deal.as_ref().map(|deal| format!("{} ({}, {})", deal.title, deal.status, deal.id))),
            ("Made from follow-up", detail.follow_up.as_ref().map(|made| format!("{} ({})", made.title, made.status))),
        ])
        .prose("Description", task.description.as_ref().and_then(Option::as_deref))
        .list(format_args!("Todos, {done} of {} done", detail.todos.len()), &detail.todos, |todo| {
            format!("[{}] {}", if todo.done { 'x' } else { ' ' }, todo.text)
        })
        .list("Waits for", &detail.depends_on, task_in_a_word)
        .list("Is waited for by", &detail.depended_on_by, task_in_a_word)
        .list("Sub-tasks", &detail.sub_tasks, task_in_a_word);
    if !detail.comments.is_empty() {
        sheet.heading(format_args!("Comments, newest first, {} of {}", detail.comments.len(), task.comment_count));
        for comment in &detail.comments {
            sheet.line(remark(comment));
        }
    }
    sheet.line(format_args!("\nid {} · version {} · changed {}", task.id, task.version, when(&task.updated_at)));
    sheet.into_text()
}

fn remark(comment: &Remark) -> String {
    let edited = if comment.edited_at.is_some() { ", edited" } else { "" };
    let by = author(&comment.author, &comment.agent);
    format!("{by}, {}{edited}:\n{}", when(&comment.created_at), quote(&comment.body, SHORT))
}

fn task_in_a_word(task: &TaskLine) -> String {
    format!("{} {} ({})", task.key, task.title, task.status)
}

/// A task among others.
pub fn task_line(task: &Task) -> String {
    joined([
        Some(format!("{} {}", task.key, task.title)),
        Some(task.status.clone()),
        Some(task.priority.to_string()),
        name_of(&task.owner),
        task.due_date.map(|day| format!("due {day}")),
        task.estimate_minutes.map(|minutes| format!("estimate {}", duration(&minutes))),
    ])
}

/// Somebody's open tasks by when they are due.
pub fn my_tasks(tasks: &[Task], has_more: bool, today: Day) -> String {
    let mut sheet = Sheet::titled(format_args!("My open tasks on {}, {today}", today.weekday()));
    let sunday = today.end_of_week();
    let (mut overdue, mut now, mut week, mut later, mut undated) = (vec![], vec![], vec![], vec![], vec![]);
    for task in tasks {
        let heap = match task.due_date {
            None => &mut undated,
            Some(day) if day < today => &mut overdue,
            Some(day) if day == today => &mut now,
            Some(day) if day <= sunday => &mut week,
            Some(_) => &mut later,
        };
        heap.push(task);
    }
    for (heading, heap) in
        [("Overdue", overdue), ("Today", now), ("This week", week), ("Later", later), ("Without a day", undated)]
    {
        sheet.list(heading, &heap, |task| task_line(task));
    }
    if tasks.is_empty() {
        sheet.line("\nNothing is open.");
    }
    if has_more {
        sheet.line(format_args!("\nThese are the first {}; there are more.", tasks.len()));
    }
    sheet.into_text()
}

pub fn client(detail: &ClientDetail) -> String {
    let client = &detail.client;
    let mut sheet = Sheet::titled(&client.name);
    sheet.facts([("Projects", Some(client.project_count.to_string()))]).prose("Notes", client.notes.as_deref()).list(
        "Projects, newest first",
        &detail.projects,
        project_line,
    );
    sheet.line(format_args!("\nid {} · version {}", client.id, client.version));
    sheet.into_text()
}

/// A time entry among others.
pub fn entry_line(entry: &Timesheet) -> String {
    joined([
        Some(format!("{} {}", entry.date, duration(&entry.minutes))),
        Some(entry.account.name.clone()),
        Some(match (&entry.task_key, &entry.task) {
            (Some(key), Some(task)) => format!("{key} {}", task.name),
            _ => format!("{} {}", entry.project_key, entry.project.name),
        }),
        entry.description.as_deref().map(one_line),
        (!entry.billable).then(|| "not billable".to_owned()),
        entry.validated.then(|| "validated".to_owned()),
    ])
}
