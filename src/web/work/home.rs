//! My work: what somebody has to do, by when.

use askama::Template;
use serde_json::Map;

use crate::core::time::Day;
use crate::features::crm::follow_ups::ListFollowUps;
use crate::features::tasks::list::MyTasks;
use crate::web::crm::Todo;
use crate::web::page::{Answer, Page};

use super::TaskRow;

#[derive(Template)]
#[template(path = "work/home.html")]
struct HomePage<'a> {
    page: &'a Page,
    groups: Vec<Group>,
    /// There is more than this page shows.
    has_more: bool,
}

struct Group {
    key: &'static str,
    name: &'static str,
    tasks: Vec<TaskRow>,
    follow_ups: Vec<Todo>,
}

/// As much as one can look over.
const SHOWN: usize = 100;

/// In the order of the page.
const GROUPS: [(&str, &str); 5] = [
    ("overdue", "Overdue"),
    ("today", "Today"),
    ("this-week", "This week"),
    ("later", "Later"),
    ("no-date", "No date"),
];

pub async fn show(page: Page) -> Answer {
    let mut groups: Vec<Group> =
        GROUPS.iter().map(|&(key, name)| Group { key, name, tasks: Vec::new(), follow_ups: Vec::new() }).collect();
    if page.workspace.is_none() {
        return page.ok(&HomePage { page: &page, groups: Vec::new(), has_more: false });
    }
    let mine = page.list::<MyTasks>(Map::new(), SHOWN).await?;
    for task in &mine.items {
        groups[place(&page, task.due_date)].tasks.push(TaskRow::new(&page, task, &[], &[]));
    }
    let mut has_more = mine.next_cursor.is_some();
    if page.crm {
        let input = [("ownerId", "me"), ("status", "OPEN")].map(|(field, value)| (field.to_owned(), value.into()));
        let due = page.list::<ListFollowUps>(Map::from_iter(input), SHOWN).await?;
        for item in &due.items {
            // A follow-up may be due at a time of the day, and is late from then on.
            let at = match item.due_at {
                Some(due) if due < page.now => 0,
                due => place(&page, due.map(|due| due.day(&page.zone))),
            };
            groups[at].follow_ups.push(Todo::new(&page, item));
        }
        has_more |= due.next_cursor.is_some();
    }
    groups.retain(|group| !group.tasks.is_empty() || !group.follow_ups.is_empty());
    page.ok(&HomePage { page: &page, groups, has_more })
}

/// The place of a day among the groups.
fn place(page: &Page, due: Option<Day>) -> usize {
    match due {
        Some(day) if day < page.today => 0,
        Some(day) if day == page.today => 1,
        Some(day) if day <= page.today.end_of_week() => 2,
        Some(_) => 3,
        None => 4,
    }
}
