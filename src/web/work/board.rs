//! A project: its board, and the same tasks as a list.

use std::collections::HashSet;

use actix_web::{HttpRequest, web};
use askama::Template;
use serde_json::{Map, Value};

use crate::core::caller::Account;
use crate::core::error::Error;
use crate::core::id::Id;
use crate::core::input;
use crate::core::reference::Named;
use crate::features::projects::detail::ProjectDetail;
use crate::features::projects::statuses::StatusType;
use crate::features::tasks::batch::{BatchUpdate, MOST};
use crate::features::tasks::board::{self, GetBoard, Grouping};
use crate::features::tasks::list::{ListTasks, SORTS};
use crate::features::tasks::reorder::ReorderTasks;
use crate::features::tasks::task::{Priority, Task};
use crate::features::tasks::update::UpdateTask;
use crate::markdown::work;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, Refused, by_script, html};
use crate::web::show::{self, Choice, Column, Pager, duration};

use super::{Head, TaskRow, priorities, statuses, urgency};

/// A column of the board; in a list, a section.
struct Group {
    /// Part of ids in the page, and what a folded one is remembered by.
    key: String,
    /// What stands before the ids of its cards, where a task may be in several groups.
    within: String,
    /// What a card is sent with that moves here.
    goal: String,
    name: String,
    /// `#rrggbb`; empty where there is none.
    color: String,
    owner: Option<Named<Account>>,
    is_done: bool,
    is_folded: bool,
    count: i64,
    /// The sum of what is estimated, of a group that is shown whole.
    estimate: Option<String>,
    cards: Vec<TaskRow>,
    /// Where all of them are listed, if they are not all shown.
    all: Option<String>,
    /// What a task that is added here begins with: a field and its value.
    begins: Option<(&'static str, String)>,
}

/// The board alone: what a moved card is answered with.
#[derive(Template)]
#[template(path = "work/board.html")]
struct BoardPart<'a> {
    head: &'a Head,
    grouping: &'static str,
    groups: Vec<Group>,
}

#[derive(Template)]
#[template(path = "work/project_board.html")]
struct BoardPage<'a> {
    page: &'a Page,
    head: &'a Head,
    query: &'a Query,
    filters: Filters,
    grouping: &'static str,
    groups: Vec<Group>,
    is_empty: bool,
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
    /// In place of rows and pager, where the list is grouped.
    groups: Option<Vec<Group>>,
    pager: Pager,
    is_empty: bool,
}

/// A row alone: what a change in it is answered with.
#[derive(Template)]
#[template(path = "work/row_part.html")]
struct RowPart<'a> {
    head: &'a Head,
    row: TaskRow,
}

/// Why a row was not changed.
#[derive(Template)]
#[template(path = "work/row_refused.html")]
struct RowRefused {
    reason: String,
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

const GROUPINGS: [(Grouping, &str, &str); 4] = [
    (Grouping::Status, "status", "Status"),
    (Grouping::Assignee, "owner", "Owner"),
    (Grouping::Label, "label", "Label"),
    (Grouping::Priority, "priority", "Priority"),
];

/// What the address can hold of a filter: the field of the operations, the name in the address, and what people call it.
const FILTERS: [(&str, &str, &str); 7] = [
    ("search", "q", "Search"),
    ("status", "status", "Status"),
    ("assignee", "assignee", "Owner"),
    ("label", "label", "Label"),
    ("priority", "priority", "Priority"),
    ("due", "due", "Due"),
    ("archived", "archived", "Archived"),
];

/// What board and list can be narrowed by, the filters that are on, and each by how it is taken away.
struct Filters {
    statuses: Vec<Choice>,
    /// What is shown if no status is chosen.
    any_status: &'static str,
    people: Vec<Choice>,
    labels: Vec<Choice>,
    priorities: Vec<Choice>,
    days: Vec<Choice>,
    groupings: Vec<Choice>,
    any_grouping: &'static str,
    /// What tasks can be set to.
    columns: Vec<Choice>,
    members: Vec<Choice>,
    on: Vec<Chip>,
    clear: String,
}

struct Chip {
    text: String,
    without: String,
}

impl Filters {
    fn of(page: &Page, query: &Query, detail: &ProjectDetail) -> Self {
        let others = detail.members.iter().filter(|member| member.account_id != page.account.id);
        // By anything but status, what is done would be most of it.
        let is_open_only = !matches!(grouping_of(query), None | Some(Grouping::Status));
        let all = is_open_only.then(|| Choice::new("ALL", "Any status"));
        let is_list = query.get("view") == "list";
        let mut filters = Filters {
            any_status: if is_open_only { "Open" } else { "Any status" },
            statuses: (!is_open_only)
                .then(|| Choice::new("OPEN", "Open"))
                .into_iter()
                .chain(all)
                .chain(statuses(detail))
                .collect(),
            people: [Choice::new("me", "Mine"), Choice::new("none", "Nobody’s")]
                .into_iter()
                .chain(others.map(|member| Choice::new(member.account_id, member.name.clone())))
                .collect(),
            labels: detail.labels.iter().map(|label| Choice::new(&label.name, label.name.clone())).collect(),
            priorities: priorities(),
            days: DAYS.iter().map(|(word, text)| Choice::new(word, *text)).collect(),
            groupings: GROUPINGS
                .iter()
                .filter(|(grouping, ..)| is_list || *grouping != Grouping::Status)
                .map(|(_, word, text)| Choice::new(word, *text))
                .collect(),
            any_grouping: if is_list { "Nothing" } else { "Status" },
            columns: statuses(detail).collect(),
            members: page.owners(detail.members.iter().map(|member| (member.account_id, member.name.as_str())), &None),
            on: Vec::new(),
            clear: query.with_all(&FILTERS.map(|(_, name, _)| (name, ""))),
        };
        filters.on = FILTERS
            .iter()
            .filter(|(_, name, _)| query.has_any(&[name]))
            .map(|(_, name, label)| Chip {
                text: match *name {
                    "archived" => "Archived too".to_owned(),
                    name => format!("{label}: {}", filters.text_of(name, query.get(name))),
                },
                without: query.with(name, ""),
            })
            .collect();
        filters
    }

    /// The text of a choice; what cannot be chosen here, but was asked for, says so itself.
    fn text_of<'a>(&'a self, name: &str, value: &'a str) -> &'a str {
        let choices = match name {
            "status" => &self.statuses,
            "assignee" => &self.people,
            "label" => &self.labels,
            "priority" => &self.priorities,
            "due" => &self.days,
            _ => return value,
        };
        choices.iter().find(|choice| choice.value == value).map_or(value, |choice| &choice.text)
    }
}

fn grouping_of(query: &Query) -> Option<Grouping> {
    query.get("group").parse().ok()
}

fn word_of(grouping: Grouping) -> &'static str {
    GROUPINGS.iter().find(|(known, ..)| *known == grouping).map_or("", |(_, word, _)| word)
}

/// The filter of the address, as the input of an operation of this project.
fn wanted(query: &Query, detail: &ProjectDetail) -> Map<String, Value> {
    let mut input = query.input(&FILTERS.map(|(field, name, _)| (field, name)));
    input.insert("projectId".into(), detail.project.id.to_string().into());
    input
}

/// What stands above the board or the list, leading to either with the same filter.
fn head_of(query: &Query, detail: &ProjectDetail, view: &'static str) -> Head {
    let mut head = Head::new(&detail.project, view);
    let at = |query: String| format!("{}{}", head.base, if query == "?" { "" } else { &query });
    (head.board, head.list) = (at(query.with("view", "")), at(query.with("view", "list")));
    head
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
    let head = head_of(&query, &detail, "board");
    let (grouping, groups) = groups_of(&page, &query, &detail).await?;
    page.ok(&BoardPage {
        page: &page,
        head: &head,
        query: &query,
        filters: Filters::of(&page, &query, &detail),
        grouping,
        is_empty: groups.iter().all(|group| group.count == 0),
        groups,
    })
}

/// The columns that a script folded, as it keeps them in a cookie.
fn folded(page: &Page) -> HashSet<String> {
    let cookie = page.request().cookie("folded");
    cookie.iter().flat_map(|cookie| cookie.value().split('.').map(str::to_owned)).collect()
}

async fn groups_of(page: &Page, query: &Query, detail: &ProjectDetail) -> Result<(&'static str, Vec<Group>), Refused> {
    let mut input = wanted(query, detail);
    if query.has_any(&["group"]) {
        input.insert("groupBy".into(), query.get("group").into());
    }
    let board = page.ask::<GetBoard>(input).await?;
    let grouping = grouping_of(query).unwrap_or(Grouping::Status);
    let word = word_of(grouping);
    let folded = folded(page);
    let group = |column: board::Column| {
        let id = column.id.unwrap_or_else(|| "none".to_owned());
        // Ids are unique everywhere; what has none is one of the project.
        let key = match id.contains('_') {
            true => id.clone(),
            false => format!("{}-{word}-{id}", detail.project.key),
        };
        let name = match id.parse::<Priority>() {
            Ok(priority) if grouping == Grouping::Priority => urgency(priority).to_owned(),
            _ => column.name,
        };
        let is_whole = column.count == column.cards.len() as i64;
        let minutes: i64 = column.cards.iter().filter_map(|card| card.estimate_minutes).sum();
        let narrowed = match (grouping, id.as_str()) {
            (Grouping::Status, id) => Some(("status", id)),
            (Grouping::Assignee, id) => Some(("assignee", id)),
            (Grouping::Label, "none") => None,
            (Grouping::Label, _) => Some(("label", name.as_str())),
            (Grouping::Priority, id) => Some(("priority", id)),
        };
        let standing = match (grouping, query.get("status")) {
            (Grouping::Status, _) => id.as_str(),
            (_, "") => "OPEN",
            (_, given) => given,
        };
        Group {
            is_folded: folded.contains(&key),
            within: if grouping == Grouping::Label { format!("{key}-") } else { String::new() },
            key,
            is_done: column.kind == Some(StatusType::Done),
            owner: (grouping == Grouping::Assignee)
                .then(|| Id::parse(&id).map(|id| Named { id, name: name.clone() }))
                .flatten(),
            count: column.count,
            estimate: (is_whole && minutes > 0).then(|| duration(&minutes)),
            all: narrowed.filter(|_| !is_whole).map(|(name, value)| {
                query.with_all(&[("status", standing), (name, value), ("view", "list"), ("group", "")])
            }),
            begins: (id != "none").then(|| match grouping {
                Grouping::Status => ("status", id.clone()),
                Grouping::Assignee => ("ownerId", id.clone()),
                Grouping::Label => ("labels", id.clone()),
                Grouping::Priority => ("priority", id.clone()),
            }),
            cards: column.cards.iter().map(|task| TaskRow::new(page, task, &detail.statuses, &detail.labels)).collect(),
            color: column.color.unwrap_or_default(),
            goal: id,
            name,
        }
    };
    Ok((word, board.columns.into_iter().map(group).collect()))
}

/// The columns of a list: heading, the sort's name, and CSS class. The first one is for whoever may change tasks.
const HEADINGS: [(&str, &str, &str); 8] = [
    ("Selected", "", "chosen"),
    ("Task", "", "subject"),
    ("Status", "", ""),
    ("Priority", "priority", ""),
    ("Due", "dueDate", ""),
    ("Labels", "", "wide-only"),
    ("Owner", "", ""),
    ("Changed", "updatedAt", "wide-only"),
];

async fn list(page: &Page, query: &Query, detail: &ProjectDetail) -> Answer {
    let head = head_of(query, detail, "list");
    let filters = Filters::of(page, query, detail);
    let headings = &HEADINGS[usize::from(!head.may_write)..];
    if query.has_any(&["group"]) {
        let (_, groups) = groups_of(page, query, detail).await?;
        return page.ok(&TablePage {
            page,
            head: &head,
            query,
            filters,
            // In groups they stand as on the board.
            headings: show::columns(
                query,
                SORTS,
                &headings.iter().map(|(label, _, class)| (*label, "", *class)).collect::<Vec<_>>(),
            ),
            rows: Vec::new(),
            pager: Pager::new(query, 0, None, "task", "tasks"),
            is_empty: groups.iter().all(|group| group.count == 0),
            groups: Some(groups),
        });
    }
    let mut input = wanted(query, detail);
    input.extend(query.input(&[("sort", "sort"), ("cursor", "cursor")]));
    let found = page.list::<ListTasks>(input, 50).await?.page;
    let rows: Vec<TaskRow> =
        found.items.iter().map(|task| TaskRow::new(page, task, &detail.statuses, &detail.labels)).collect();
    page.ok(&TablePage {
        page,
        head: &head,
        query,
        filters,
        headings: show::columns(query, SORTS, headings),
        pager: Pager::new(query, rows.len(), found.next_cursor.as_deref(), "task", "tasks"),
        is_empty: rows.is_empty(),
        rows,
        groups: None,
    })
}

/// Puts a card into a column: by status above the one named `before` or at the end, else by changing what the columns stand
/// for; a label takes the place of the one of the column it came from. With a script the board comes back.
pub async fn move_to(page: Page, request: HttpRequest, key: web::Path<String>, form: Form) -> Answer {
    let (key, to) = (key.as_str(), form.value("to"));
    let grouping = form.value("group").parse().unwrap_or(Grouping::Status);
    let set = |id: &str| if id == "none" { String::new() } else { id.to_owned() };
    let task = match grouping {
        Grouping::Status => {
            let mut given = vec![("taskId", key), ("targetStatusId", to)];
            if !form.is_blank("before") {
                given.push(("beforeId", form.value("before")));
            }
            page.act::<ReorderTasks>(&given).await?
        }
        Grouping::Assignee => page.act::<UpdateTask>(&[("taskId", key), ("ownerId", &set(to))]).await?,
        Grouping::Priority => page.act::<UpdateTask>(&[("taskId", key), ("priority", to)]).await?,
        Grouping::Label => {
            let mut change = input::of([("taskIds", vec![key].into())]);
            for (field, label) in [("addLabels", to), ("removeLabels", form.value("from"))] {
                if !set(label).is_empty() {
                    change.insert(field.to_owned(), Value::from(vec![label]));
                }
            }
            let changed = page.ask::<BatchUpdate>(change).await?.items;
            changed.into_iter().next().ok_or_else(|| page.refuse(Error::not_found("task", key)))?
        }
    };
    let detail = page.project(&task.project_id.to_string()).await?;
    if by_script(&request) {
        let query = Query::before(&request);
        let (grouping, groups) = groups_of(&page, &query, &detail).await?;
        return page.ok(&BoardPart { head: &Head::new(&detail.project, "board"), grouping, groups });
    }
    let said = match (grouping, to) {
        (Grouping::Assignee, "none") => format!("{} is nobody’s now", task.key),
        (_, "none") => format!("{} has lost its label", task.key),
        _ => format!("{} moved to {}", task.key, place_of(&task, to, &detail)),
    };
    page.back(&super::base_of(&detail.project), &said)
}

/// What the column is called that a task was moved to.
fn place_of(task: &Task, to: &str, detail: &ProjectDetail) -> String {
    let status = (task.status_id.to_string() == to).then(|| task.status.clone());
    let owner = task.owner.as_ref().filter(|owner| owner.id.to_string() == to).map(|owner| owner.name.clone());
    let label = detail.labels.iter().find(|label| label.id.to_string() == to).map(|label| label.name.clone());
    let priority = to.parse::<Priority>().ok().map(|priority| urgency(priority).to_owned());
    status.or(owner).or(label).or(priority).unwrap_or_else(|| task.status.clone())
}

/// One thing of a task, changed in its row, which comes back.
pub async fn change_row(page: Page, key: web::Path<String>, mut form: Form) -> Answer {
    form.set("taskId", key.as_str());
    for name in ["title", "status", "priority"] {
        if form.pairs().any(|(known, _)| known == name) {
            form.demand(name);
        }
    }
    match form.run::<UpdateTask>(&page).await? {
        Some(task) => {
            let detail = page.project(&task.project_id.to_string()).await?;
            let row = TaskRow::new(&page, &task, &detail.statuses, &detail.labels);
            page.ok(&RowPart { head: &Head::new(&detail.project, "list"), row })
        }
        None => {
            let summary = form.summary();
            let reason = summary.into_iter().map(|(_, text)| text).next();
            let reason = reason.or(form.notice.as_ref().map(|notice| notice.text.clone())).unwrap_or_default();
            html(form.status(), &RowRefused { reason }).map_err(|error| page.refuse(error))
        }
    }
}

/// What can be changed of many tasks at once. Left blank, a field stays as it is; `none` takes the value away.
const CHANGES: [&str; 7] = ["status", "ownerId", "priority", "addLabels", "removeLabels", "dueDate", "archived"];

/// How many reasons are told of why tasks were not changed; the rest are much the same.
const SHOWN_REASONS: usize = 3;

/// The tasks that were chosen, changed alike: all of them, or those that can be.
pub async fn change_many(page: Page, key: web::Path<String>, form: Form) -> Answer {
    let base = format!("/projects/{}", key.as_str());
    // On a board by label a task may stand in several columns.
    let mut tasks: Vec<&str> = form.pairs().filter(|(name, _)| *name == "task").map(|(_, value)| value).collect();
    tasks.sort_unstable();
    tasks.dedup();
    let mut change = Map::new();
    for (name, value) in form.pairs().filter(|(name, value)| CHANGES.contains(name) && !value.trim().is_empty()) {
        change.insert(name.to_owned(), if value == "none" { Value::Null } else { value.into() });
    }
    if tasks.is_empty() {
        return page.back(&base, "Nothing changed: choose tasks by their check boxes first");
    }
    if change.is_empty() {
        return page.back(&base, "Nothing changed: choose what the tasks shall have in common");
    }
    if tasks.len() > MOST {
        return page.back(&base, &format!("Nothing changed: choose up to {MOST} tasks at a time, not {}", tasks.len()));
    }
    let run = async |tasks: &[&str]| {
        let mut input = change.clone();
        input.insert("taskIds".to_owned(), tasks.to_vec().into());
        page.ask::<BatchUpdate>(input).await
    };
    let whole = match run(&tasks).await {
        Ok(changed) => return page.back(&base, &format!("{} changed", counted(changed.items.len()))),
        Err(refused) => refused,
    };
    // A batch is done whole or not at all, and names the first that stands in its way.
    let mut reasons = Vec::new();
    for task in &tasks {
        if let Err(refused) = run(&[*task]).await {
            reasons.push(format!("{task}: {}", refused.error().detail().trim_end_matches('.')));
        }
    }
    if reasons.len() == tasks.len() {
        return Err(whole);
    }
    let (done, refused) = (counted(tasks.len() - reasons.len()), reasons.len());
    reasons.truncate(SHOWN_REASONS);
    let more = if refused > SHOWN_REASONS { "; …" } else { "" };
    page.back_partly(&base, &format!("{done} changed, {refused} not. {}{more}", reasons.join("; ")))
}

fn counted(tasks: usize) -> String {
    show::counted(tasks as i64, "task", "tasks")
}
