//! A project: its board, and the same tasks as a list.

use actix_web::{HttpRequest, web};
use askama::Template;

use crate::features::projects::detail::ProjectDetail;
use crate::features::projects::statuses::StatusType;
use crate::features::tasks::board::{self, GetBoard};
use crate::features::tasks::list::{ListTasks, SORTS};
use crate::features::tasks::reorder::ReorderTasks;
use crate::features::tasks::task::Task;
use crate::markdown::work;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, Refused, by_script};
use crate::web::show::{self, Choice, Column, Pager};

use super::{Head, TaskRow, priorities, statuses};

struct BoardColumn {
    id: String,
    name: String,
    color: String,
    is_done: bool,
    count: i64,
    cards: Vec<TaskRow>,
    /// Where all of them are listed, if the board does not show them all.
    all: Option<String>,
}

/// The board alone: what a moved card is answered with.
#[derive(Template)]
#[template(path = "work/board.html")]
struct BoardPart<'a> {
    head: &'a Head,
    columns: Vec<BoardColumn>,
}

#[derive(Template)]
#[template(path = "work/project_board.html")]
struct BoardPage<'a> {
    page: &'a Page,
    head: &'a Head,
    query: &'a Query,
    filters: Filters,
    columns: Vec<BoardColumn>,
}

#[derive(Template)]
#[template(path = "work/project_list.html")]
struct TablePage<'a> {
    page: &'a Page,
    head: &'a Head,
    query: &'a Query,
    filters: Filters,
    headings: Vec<Column>,
    rows: Vec<TaskRow>,
    pager: Pager,
    is_filtered: bool,
}

/// When tasks are due that one looks for.
const DAYS: [(&str, &str); 6] = [
    ("OVERDUE", "Overdue"),
    ("TODAY", "Today"),
    ("TOMORROW", "Tomorrow"),
    ("THIS_WEEK", "This week"),
    ("NEXT_WEEK", "Next week"),
    ("NONE", "No date"),
];

/// What a board and a list can be narrowed by.
struct Filters {
    statuses: Vec<Choice>,
    people: Vec<Choice>,
    labels: Vec<Choice>,
    priorities: Vec<Choice>,
    days: Vec<Choice>,
}

impl Filters {
    fn of(page: &Page, detail: &ProjectDetail) -> Self {
        let others = detail.members.iter().filter(|member| member.account_id != page.account.id);
        Filters {
            statuses: [Choice::new("OPEN", "Open")].into_iter().chain(statuses(detail)).collect(),
            people: [Choice::new("me", "Mine"), Choice::new("none", "Nobody’s")]
                .into_iter()
                .chain(others.map(|member| Choice::new(member.account_id, member.name.clone())))
                .collect(),
            labels: detail.labels.iter().map(|label| Choice::new(&label.name, label.name.clone())).collect(),
            priorities: priorities(),
            days: DAYS.iter().map(|(word, text)| Choice::new(word, *text)).collect(),
        }
    }
}

pub async fn show(page: Page, key: web::Path<String>) -> Answer {
    if let Some(key) = key.strip_suffix(".json") {
        return page.json("project.get", "projectId", key).await;
    }
    if let Some(key) = key.strip_suffix(".md") {
        return page.markdown(work::project(&page.project(key).await?));
    }
    let query = page.query();
    let detail = page.project(&key).await?;
    if query.get("view") == "list" {
        return list(&page, &query, &detail).await;
    }
    let head = Head::new(&detail.project, "board");
    let columns = columns_of(&page, &query, &detail).await?;
    page.ok(&BoardPage { page: &page, head: &head, query: &query, filters: Filters::of(&page, &detail), columns })
}

async fn columns_of(page: &Page, query: &Query, detail: &ProjectDetail) -> Result<Vec<BoardColumn>, Refused> {
    let mut input =
        query.input(&[("search", "q"), ("assignee", "assignee"), ("label", "label"), ("priority", "priority")]);
    input.insert("projectId".into(), detail.project.id.to_string().into());
    let board = page.ask::<GetBoard>(input).await?;
    let card = |task: &Task| TaskRow::new(page, task, &detail.statuses, &detail.labels);
    let column = |column: board::Column| BoardColumn {
        id: column.id.to_string(),
        is_done: column.kind == StatusType::Done,
        count: column.count,
        all: (column.count > column.cards.len() as i64)
            .then(|| format!("/projects/{}?view=list&status={}", detail.project.key, column.id)),
        cards: column.cards.iter().map(card).collect(),
        name: column.name,
        color: column.color,
    };
    Ok(board.columns.into_iter().map(column).collect())
}

async fn list(page: &Page, query: &Query, detail: &ProjectDetail) -> Answer {
    let names = [
        ("search", "q"),
        ("status", "status"),
        ("assignee", "assignee"),
        ("label", "label"),
        ("priority", "priority"),
        ("due", "due"),
        ("archived", "archived"),
        ("sort", "sort"),
        ("cursor", "cursor"),
    ];
    let mut input = query.input(&names);
    input.insert("projectId".into(), detail.project.id.to_string().into());
    let found = page.list::<ListTasks>(input, 50).await?.page;
    let rows: Vec<TaskRow> =
        found.items.iter().map(|task| TaskRow::new(page, task, &detail.statuses, &detail.labels)).collect();
    let headings = [
        ("Task", "", ""),
        ("Status", "", ""),
        ("Priority", "priority", ""),
        ("Due", "dueDate", ""),
        ("Labels", "", "wide-only"),
        ("Owner", "", ""),
        ("Changed", "updatedAt", "wide-only"),
    ];
    page.ok(&TablePage {
        page,
        head: &Head::new(&detail.project, "list"),
        query,
        filters: Filters::of(page, detail),
        headings: show::columns(query, SORTS, &headings),
        pager: Pager::new(query, rows.len(), found.next_cursor.as_deref(), "task", "tasks"),
        rows,
        is_filtered: query.has_any(&["q", "status", "assignee", "label", "priority", "due", "archived", "cursor"]),
    })
}

/// Puts a card into a column, above the one named `before` or at the end. With a script the board comes back.
pub async fn move_to(page: Page, request: HttpRequest, key: web::Path<String>, form: Form) -> Answer {
    let mut given = vec![("taskId", key.as_str()), ("targetStatusId", form.value("to"))];
    if !form.is_blank("before") {
        given.push(("beforeId", form.value("before")));
    }
    let task = page.act::<ReorderTasks>(&given).await?;
    let board = format!("/projects/{}", task.project_id);
    if by_script(&request) {
        let query = Query::before(&request);
        let detail = page.project(&task.project_id.to_string()).await?;
        let columns = columns_of(&page, &query, &detail).await?;
        return page.ok(&BoardPart { head: &Head::new(&detail.project, "board"), columns });
    }
    page.back(&board, &format!("{} moved to {}", task.key, task.status))
}
