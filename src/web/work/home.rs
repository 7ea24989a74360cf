//! My work: what somebody has to do, by when.

use std::collections::HashMap;

use actix_web::web;
use askama::Template;
use serde_json::Map;

use crate::core::input;
use crate::core::time::{Day, DayWord};
use crate::features::crm::follow_ups::ListFollowUps;
use crate::features::tasks::create::CreateTask;
use crate::features::tasks::dependencies::ListWaiting;
use crate::features::tasks::list::MyTasks;
use crate::features::tasks::update::UpdateTask;
use crate::features::timesheets::week::GetWeek;
use crate::web::crm::Todo;
use crate::web::form::Form;
use crate::web::page::{Answer, Offer, Page};
use crate::web::show::{Choice, Link, WHEN, hours};

use super::TaskRow;

#[derive(Template)]
#[template(path = "work/home.html")]
struct HomePage<'a> {
    page: &'a Page,
    form: &'a Form,
    /// Where a new task can go, the project that changed last first.
    projects: Vec<Choice>,
    /// What one spent today, and in this week.
    today: String,
    week: String,
    groups: Vec<Group>,
    later: Later,
    /// There is more than this page shows.
    has_more: bool,
}

/// Days that something is put off to.
struct Later {
    tomorrow: Day,
    next_week: Day,
}

struct Group {
    key: &'static str,
    name: &'static str,
    /// What makes it a group, where its name does not say so.
    about: &'static str,
    tasks: Vec<Line>,
    follow_ups: Vec<Todo>,
}

struct Line {
    row: TaskRow,
    waits_for: Option<Link>,
    /// The clock runs for it.
    is_running: bool,
}

/// As much as one can look over.
const SHOWN: usize = 100;

pub async fn show(page: Page) -> Answer {
    show_home(&page, &Form::default()).await
}

async fn show_home(page: &Page, form: &Form) -> Answer {
    let later = Later { tomorrow: page.today.plus_days(1), next_week: page.today.end_of_week().plus_days(1) };
    let mut template = HomePage {
        page,
        form,
        projects: Vec::new(),
        today: hours(&0),
        week: hours(&0),
        groups: Vec::new(),
        later,
        has_more: false,
    };
    if page.workspace.is_none() {
        return page.ok(&template);
    }
    const WAITING: (&str, &str, &str) =
        ("waiting", "Waiting", "Something else has to be done first. What is due by today stands above all the same.");
    let kinds = WHEN.iter().map(|&(key, name)| (key, name, "")).chain([WAITING]);
    let mut groups: Vec<Group> =
        kinds.map(|(key, name, about)| Group { key, name, about, tasks: Vec::new(), follow_ups: Vec::new() }).collect();
    let mine = page.list::<MyTasks>(Map::new(), SHOWN).await?;
    let waiting = page.run(ListWaiting { task_ids: mine.items.iter().map(|task| task.id).collect() }).await?.items;
    let mut waiting: HashMap<_, _> = waiting.into_iter().map(|waiting| (waiting.task_id, waiting.waits_for)).collect();
    for task in &mine.items {
        let when = page.when(task.due_date);
        let waits_for =
            waiting.remove(&task.id).map(|other| Link { href: format!("/tasks/{}", other.key), name: other.title });
        let is_due = task.due_date.is_some_and(|day| day <= page.today);
        let place = if waits_for.is_some() && !is_due { WHEN.len() } else { when };
        let row = TaskRow::new(page, task, &[], &[]);
        let is_running = page.clock.as_ref().is_some_and(|clock| clock.href == task.url);
        groups[place].tasks.push(Line { row, waits_for, is_running });
    }
    template.has_more = mine.next_cursor.is_some();
    if page.crm {
        let input = input::of([("ownerId", "me".into()), ("status", "OPEN".into())]);
        let due = page.list::<ListFollowUps>(input, SHOWN).await?;
        for item in &due.items {
            groups[page.when_at(item.due_at)].follow_ups.push(Todo::new(page, item));
        }
        template.has_more |= due.next_cursor.is_some();
    }
    groups.retain(|group| !group.tasks.is_empty() || !group.follow_ups.is_empty());
    let week = page.run(GetWeek::default()).await?;
    let at = page.today.days_since(week.from).clamp(0, 6) as usize;
    template.today = hours(&week.totals[at]);
    template.week = hours(&week.totals.iter().sum());
    template.projects = page.own_projects_newest_first().await?;
    template.groups = groups;
    page.show(form.status(), &template)
}

/// `Write the offer friday`: a title, and after it a word for the day it is due.
fn with_due_word(text: &str) -> (&str, Option<&str>) {
    match text.trim().rsplit_once(char::is_whitespace) {
        Some((title, word)) if DayWord::parse(word).is_ok() => (title.trim_end(), Some(word)),
        _ => (text.trim(), None),
    }
}

/// A task of one's own, by a line.
pub async fn add(page: Page, mut form: Form) -> Answer {
    let line = form.take("line");
    let (title, due) = with_due_word(&line);
    form.set("title", title);
    form.set("ownerId", "me");
    if let Some(due) = due {
        form.set("dueDate", due);
    }
    match form.make::<CreateTask>(&page).await? {
        Some(made) => {
            let due = page.due_by(&Day::parse(made.text("dueDate")).ok(), true);
            let due = due.map(|due| format!(", due {}", due.text)).unwrap_or_default();
            let open = Offer::Link { href: made.text("url").to_owned(), text: "Open".to_owned() };
            page.go_with("/", &format!("{} is added{due}", made.text("key")), open)
        }
        None => {
            for problem in form.problems.iter_mut().filter(|problem| problem.field == "title") {
                problem.field = "line".to_owned();
            }
            form.set("line", line);
            show_home(&page, &form).await
        }
    }
}

/// Puts off when a task is due, or takes the day away.
pub async fn put_off(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    let before = page.run(super::tasks::reference(&key)).await?.task;
    form.set("taskId", key.as_str());
    let Some(task) = form.run::<UpdateTask>(&page).await? else { return show_home(&page, &form).await };
    let said = match page.due_by(&task.due_date, true) {
        Some(due) => format!("{} is due {}", task.key, due.text),
        None => format!("{} has no due day any more", task.key),
    };
    let was = before.due_date.map(|day| day.to_string()).unwrap_or_default();
    page.back_with("/", &said, Offer::undo(format!("/tasks/{}/due", task.key), &[("dueDate", &was)]))
}

#[cfg(test)]
mod tests {
    use super::with_due_word;

    #[test]
    fn a_day_at_the_end_of_a_line_is_when_it_is_due() {
        assert_eq!(with_due_word("Write the offer friday"), ("Write the offer", Some("friday")));
        assert_eq!(with_due_word(" Call Ann  +3d "), ("Call Ann", Some("+3d")));
        assert_eq!(with_due_word("Send it 2027-03-01"), ("Send it", Some("2027-03-01")));
        assert_eq!(with_due_word("Friday"), ("Friday", None));
        assert_eq!(with_due_word("Plan the Friday talk"), ("Plan the Friday talk", None));
    }
}
