//! Time: one's own week, entries and the clock, and the report.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::core::caller::Account;
use crate::core::reference::{Named, Ref};
use crate::core::time::Day;
use crate::features::tasks::parse_key;
use crate::features::timesheets::report::{GroupBy, Report, ReportTimesheets};
use crate::features::timesheets::timer::{StartTimer, StopTimer};
use crate::features::timesheets::{
    AddTimesheet, DeleteTimesheet, GetTimesheet, ListTimesheetUsers, ListTimesheets, Timesheet, UpdateTimesheet,
};
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, came_from};
use crate::web::show::{Choice, Link, Pager, duration, hours};

/// Time that somebody spent, as a line.
pub struct Entry {
    pub id: String,
    pub iso: String,
    pub day: String,
    pub hours: String,
    /// The task, else the project.
    pub what: Link,
    pub project: String,
    pub description: String,
    pub is_billable: bool,
    pub is_validated: bool,
    pub account: Named<Account>,
    /// Owners may change what is not theirs, and what is validated.
    pub may_change: bool,
}

impl Entry {
    pub fn new(page: &Page, entry: &Timesheet) -> Self {
        let what = match (&entry.task_key, &entry.task) {
            (Some(key), Some(task)) => Link { href: format!("/tasks/{key}"), name: format!("{key} {}", task.name) },
            _ => Link { href: format!("/projects/{}", entry.project_key), name: entry.project.name.clone() },
        };
        let is_mine = entry.account_id == page.account.id;
        Entry {
            id: entry.id.to_string(),
            iso: entry.date.to_string(),
            day: entry.date.short(page.today),
            hours: hours(&entry.minutes),
            what,
            project: entry.project.name.clone(),
            description: entry.description.clone().unwrap_or_default(),
            is_billable: entry.billable,
            is_validated: entry.validated,
            account: entry.account.clone(),
            may_change: page.is_owner || (page.may_write && is_mine && !entry.validated),
        }
    }
}

#[derive(Template)]
#[template(path = "work/time.html")]
struct WeekPage<'a> {
    page: &'a Page,
    form: &'a Form,
    projects: Vec<Choice>,
    /// `16 Nov – 22 Nov`
    week: String,
    is_this_week: bool,
    before: String,
    after: String,
    total: String,
    billable: String,
    days: Vec<WeekDay>,
}

struct WeekDay {
    heading: String,
    total: String,
    entries: Vec<Entry>,
}

/// A week of somebody who writes down every quarter of an hour.
const ENTRIES: usize = 200;

pub async fn week(page: Page) -> Answer {
    show_week(&page, &Form::default()).await
}

async fn show_week(page: &Page, form: &Form) -> Answer {
    let query = page.query();
    let asked = Day::parse(query.get("week")).unwrap_or(page.today);
    let last = asked.end_of_week();
    let first = last.plus_days(-6);
    let input = [("accountId", "me".to_owned()), ("from", first.to_string()), ("to", last.to_string())];
    let input = input.map(|(field, value)| (field.to_owned(), value.into()));
    let entries = page.list::<ListTimesheets>(input.into_iter().collect(), ENTRIES).await?.items;
    let mut days: Vec<WeekDay> = Vec::new();
    for day in (0..7).rev().map(|back| first.plus_days(back)) {
        let of_day: Vec<&Timesheet> = entries.iter().filter(|entry| entry.date == day).collect();
        if !of_day.is_empty() {
            days.push(WeekDay {
                heading: page.heading(day),
                total: hours(&of_day.iter().map(|entry| entry.minutes).sum()),
                entries: of_day.into_iter().map(|entry| Entry::new(page, entry)).collect(),
            });
        }
    }
    let sum = |wanted: fn(&&Timesheet) -> bool| hours(&entries.iter().filter(wanted).map(|entry| entry.minutes).sum());
    let template = WeekPage {
        page,
        form,
        projects: page.projects().await?.into_iter().map(|one| Choice::new(one.id, one.name)).collect(),
        week: format!("{} – {}", first.short(page.today), last.short(page.today)),
        is_this_week: last == page.today.end_of_week(),
        before: format!("?week={}", first.plus_days(-7)),
        after: format!("?week={}", first.plus_days(7)),
        total: sum(|_| true),
        billable: sum(|entry| entry.billable),
        days,
    };
    page.show(form.status(), &template)
}

/// What the time was for: a task by its key, or a project by its name.
fn read_target(form: &mut Form) {
    let target = form.take("for");
    match parse_key(&target) {
        Some(_) => form.set("taskId", target),
        None if target.trim().is_empty() => form.complain("for", "is required"),
        None => form.set("projectId", target),
    }
}

/// The form again: what is wrong with the task or the project is wrong with what was typed.
async fn come_back(page: &Page, form: &mut Form) -> Answer {
    let target = [form.take("taskId"), form.take("projectId")].concat();
    form.set("for", target);
    for problem in &mut form.problems {
        if ["taskId", "projectId"].contains(&problem.field.as_str()) {
            problem.field = "for".to_owned();
        }
    }
    show_week(page, form).await
}

/// The week that the form stood on.
fn here(page: &Page) -> String {
    came_from(page.request()).filter(|path| path.starts_with("/time")).unwrap_or_else(|| "/time".to_owned())
}

/// From the form above the week: time that was spent, or the clock for time to come.
pub async fn add(page: Page, mut form: Form) -> Answer {
    read_target(&mut form);
    if form.take("do") == "start" {
        for name in ["minutes", "date"] {
            form.leave(name);
        }
        return match form.run::<StartTimer>(&page).await? {
            Some(_) => page.go(&here(&page), "The clock runs"),
            None => come_back(&page, &mut form).await,
        };
    }
    form.read_duration("minutes");
    form.demand("minutes");
    match form.run::<AddTimesheet>(&page).await? {
        Some(made) => page.go(&here(&page), &format!("{} logged", duration(&made.minutes))),
        None => come_back(&page, &mut form).await,
    }
}

pub async fn stop(page: Page) -> Answer {
    let made = page.run(StopTimer { description: None, minutes: None }).await?;
    page.back("/time", &format!("{} logged for {}", duration(&made.minutes), made.project.name))
}

#[derive(Template)]
#[template(path = "work/time_form.html")]
struct FormPage<'a> {
    page: &'a Page,
    entry: Entry,
    form: &'a Form,
    billable: Vec<Choice>,
    validated: Vec<Choice>,
}

fn show_form(page: &Page, known: &Timesheet, form: &Form) -> Answer {
    let template = FormPage {
        page,
        entry: Entry::new(page, known),
        form,
        billable: vec![Choice::new("true", "Billable"), Choice::new("false", "Not billable")],
        validated: vec![Choice::new("false", "Not yet"), Choice::new("true", "Validated")],
    };
    page.show(form.status(), &template)
}

fn reference(id: &str) -> GetTimesheet {
    GetTimesheet { timesheet_id: Ref::new(id) }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    let known = page.run(reference(&id)).await?;
    let form = Form::filled([
        ("ifVersion", known.version.to_string()),
        ("minutes", hours(&known.minutes)),
        ("date", known.date.to_string()),
        ("taskId", known.task_key.clone().unwrap_or_default()),
        ("description", known.description.clone().unwrap_or_default()),
        ("billable", known.billable.to_string()),
        ("validated", known.validated.to_string()),
        ("back", came_from(page.request()).unwrap_or_default()),
    ]);
    show_form(&page, &known, &form)
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let known = page.run(reference(&id)).await?;
    let back = form.take("back");
    form.set("timesheetId", known.id.to_string());
    form.read_duration("minutes");
    form.demand("minutes");
    form.demand("date");
    form.leave_unchanged("taskId", known.task_key.as_deref().unwrap_or_default());
    form.leave_unchanged("validated", &known.validated.to_string());
    match form.run::<UpdateTimesheet>(&page).await? {
        Some(_) => page.go(crate::web::page::own_path(&back).unwrap_or("/time"), "Time saved"),
        None => {
            form.set("back", back);
            if form.status() == StatusCode::PRECONDITION_FAILED {
                form.set("ifVersion", known.version.to_string());
            }
            show_form(&page, &known, &form)
        }
    }
}

pub async fn delete(page: Page, id: web::Path<String>) -> Answer {
    page.run(DeleteTimesheet { timesheet_id: Ref::new(id.as_str()) }).await?;
    page.back("/time", "Time deleted")
}

#[derive(Template)]
#[template(path = "work/time_report.html")]
struct ReportPage<'a> {
    page: &'a Page,
    query: &'a Query,
    from: String,
    to: String,
    projects: Vec<Choice>,
    clients: Vec<Choice>,
    people: Vec<Choice>,
    by: &'a str,
    summary: Vec<(&'static str, String)>,
    groups: Vec<Group>,
    entries: Vec<Entry>,
    pager: Pager,
    /// The same as a table for a spreadsheet.
    csv: String,
    is_filtered: bool,
}

struct Group {
    name: String,
    total: String,
    billable: String,
    entries: i64,
    /// Of the whole, in percent.
    share: i64,
}

const GROUPS: [(&str, &str); 7] = [
    ("PROJECT", "Project"),
    ("CLIENT", "Client"),
    ("TASK", "Task"),
    ("ACCOUNT", "Person"),
    ("DAY", "Day"),
    ("WEEK", "Week"),
    ("MONTH", "Month"),
];

/// This month until today, unless the address says otherwise.
pub async fn report(page: Page) -> Answer {
    let query = page.query();
    let first_of_month = format!("{}01", &page.today.to_string()[..8]);
    let or =
        |name: &str, default: String| Some(query.get(name).to_owned()).filter(|v| !v.is_empty()).unwrap_or(default);
    let (from, to) = (or("from", first_of_month), or("to", page.today.to_string()));
    let by = or("by", "PROJECT".to_owned());
    let names = [
        ("projectId", "project"),
        ("clientId", "client"),
        ("accountId", "person"),
        ("billable", "billable"),
        ("cursor", "cursor"),
    ];
    let mut input = query.input(&names);
    input.insert("from".into(), from.clone().into());
    input.insert("to".into(), to.clone().into());
    let mut csv = url::form_urlencoded::Serializer::new("/api/timesheets/report?".to_owned());
    for (field, value) in input.iter().filter(|(field, _)| *field != "cursor") {
        csv.append_pair(field, value.as_str().unwrap_or_default());
    }
    if let Some(place) = &page.workspace {
        csv.append_pair("workspaceSlug", &place.slug);
    }
    csv.append_pair("format", "CSV");
    let csv = csv.finish();
    input.insert("groupBy".into(), by.clone().into());
    let Report { summary, groups, page: found, .. } = page.list::<ReportTimesheets>(input, 50).await?;
    let people = page.list::<ListTimesheetUsers>(serde_json::Map::new(), 200).await?.items;
    let all = summary.sums.total_minutes.max(1);
    page.ok(&ReportPage {
        page: &page,
        query: &query,
        projects: page.projects().await?.into_iter().map(|one| Choice::new(one.key, one.name)).collect(),
        clients: page.clients().await?,
        people: people.into_iter().map(|person| Choice::new(person.id, person.name)).collect(),
        by: &by,
        summary: vec![
            ("Total", hours(&summary.sums.total_minutes)),
            ("Billable", hours(&summary.sums.billable_minutes)),
            ("Not billable", hours(&summary.sums.non_billable_minutes)),
            ("Validated", hours(&summary.sums.validated_minutes)),
        ],
        groups: groups
            .into_iter()
            .map(|group| Group {
                name: match by.parse() {
                    Ok(GroupBy::Day) => Day::parse(&group.name).map_or(group.name, |day| page.heading(day)),
                    _ => group.name,
                },
                total: hours(&group.sums.total_minutes),
                billable: hours(&group.sums.billable_minutes),
                entries: group.sums.entries,
                share: group.sums.total_minutes * 100 / all,
            })
            .collect(),
        entries: found.items.iter().map(|entry| Entry::new(&page, entry)).collect(),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "entry", "entries"),
        is_filtered: query.has_any(&["project", "client", "person", "billable"]),
        from,
        to,
        csv,
    })
}
