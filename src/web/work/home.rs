//! My work: what somebody has to do, by when.

use askama::Template;
use serde_json::Map;

use crate::features::crm::follow_ups::ListFollowUps;
use crate::features::tasks::list::MyTasks;
use crate::web::crm::Todo;
use crate::web::page::{Answer, Page};
use crate::web::show::WHEN;

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

pub async fn show(page: Page) -> Answer {
    let mut groups: Vec<Group> =
        WHEN.iter().map(|&(key, name)| Group { key, name, tasks: Vec::new(), follow_ups: Vec::new() }).collect();
    if page.workspace.is_none() {
        return page.ok(&HomePage { page: &page, groups: Vec::new(), has_more: false });
    }
    let mine = page.list::<MyTasks>(Map::new(), SHOWN).await?;
    for task in &mine.items {
        groups[page.when(task.due_date)].tasks.push(TaskRow::new(&page, task, &[], &[]));
    }
    let mut has_more = mine.next_cursor.is_some();
    if page.crm {
        let input = [("ownerId", "me"), ("status", "OPEN")].map(|(field, value)| (field.to_owned(), value.into()));
        let due = page.list::<ListFollowUps>(Map::from_iter(input), SHOWN).await?;
        for item in &due.items {
            groups[page.when_at(item.due_at)].follow_ups.push(Todo::new(&page, item));
        }
        has_more |= due.next_cursor.is_some();
    }
    groups.retain(|group| !group.tasks.is_empty() || !group.follow_ups.is_empty());
    page.ok(&HomePage { page: &page, groups, has_more })
}
