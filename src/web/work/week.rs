//! One's own week: what was spent on what, on which day, as a grid to type into, and the entries behind it.

use actix_web::HttpRequest;
use askama::Template;

use crate::core::error::Error;
use crate::core::id::Id;
use crate::core::reference::Ref;
use crate::core::time::{Day, DayWord};
use crate::features::tasks::TaskRecord;
use crate::features::timesheets::timer::StartTimer;
use crate::features::timesheets::week::{Cell, CopyWeek, DAYS, GetWeek, SetCell, Week, WeekRow};
use crate::features::timesheets::{ListTimesheets, Minutes, Timesheet};
use crate::web::form::{Form, hours_of_day};
use crate::web::page::{Answer, Page, Query, Refused, by_script};
use crate::web::show::{Choice, duration, hours};

use super::time::{Entry, started, target_of};

/// Which week is shown, and how.
pub(super) struct Shown {
    /// A day of it.
    day: Day,
    /// On a phone the only day.
    one_day: Day,
    /// Rows that are shown while they are empty, as people call them.
    rows: Vec<String>,
    /// Those of the week before too.
    usual: bool,
}

impl Shown {
    fn read<'a>(page: &Page, get: impl Fn(&str) -> &'a str) -> Self {
        let day = Day::parse(get("week")).unwrap_or(page.today);
        let last = day.end_of_week();
        let is_in_it = |day: &Day| day.end_of_week() == last;
        let one_day = Day::parse(get("day")).ok().filter(is_in_it);
        Shown {
            day,
            one_day: one_day.or(Some(page.today).filter(is_in_it)).unwrap_or(last.plus_days(1 - DAYS as i64)),
            rows: get("rows").split(',').filter(|row| !row.is_empty()).map(str::to_owned).collect(),
            usual: get("usual") == "true",
        }
    }

    fn of_query(page: &Page, query: &Query) -> Self {
        Shown::read(page, |name| query.get(name))
    }

    /// The week that a form stood on.
    pub(super) fn before(page: &Page, request: &HttpRequest) -> Self {
        Shown::of_query(page, &Query::before(request))
    }

    /// The page of this week, as this one or as another.
    fn href(&self, week: Day, one_day: Option<Day>, rows: &[String], usual: bool) -> String {
        const TIME: &str = "/time?";
        let mut link = url::form_urlencoded::Serializer::for_suffix(TIME.to_owned(), TIME.len());
        link.append_pair("week", &week.to_string());
        if let Some(day) = one_day {
            link.append_pair("day", &day.to_string());
        }
        if !rows.is_empty() {
            link.append_pair("rows", &rows.join(","));
        }
        if usual {
            link.append_pair("usual", "true");
        }
        link.finish()
    }

    fn here(&self) -> String {
        self.href(self.day, Some(self.one_day), &self.rows, self.usual)
    }

    async fn find(&self, page: &Page) -> Result<Week, Refused> {
        let day = Some(DayWord::On(self.day));
        page.run(GetWeek { day, rows: Some(self.rows.clone()), usual: Some(self.usual) }).await
    }
}

#[derive(Template)]
#[template(path = "work/time.html")]
struct WeekPage<'a> {
    page: &'a Page,
    form: &'a Form,
    shown: &'a Shown,
    projects: Vec<Choice>,
    /// `16 Nov – 22 Nov`
    name: String,
    is_this_week: bool,
    before: String,
    after: String,
    rows_of_before: String,
    week: &'a Week,
    columns: Vec<GridColumn>,
    rows: Vec<GridRow>,
    may_change: bool,
    total: String,
    billable: String,
    days: Vec<WeekDay>,
}

/// A day of the grid.
struct GridColumn {
    day: Day,
    weekday: String,
    date: String,
    total: String,
    is_today: bool,
    /// On a phone.
    is_shown: bool,
    href: String,
}

struct GridRow {
    /// Task or project, as ids name them and as people do.
    id: String,
    key: String,
    name: String,
    href: String,
    project: String,
    cells: Vec<GridCell>,
    total: String,
    open: bool,
    is_running: bool,
    /// Just asked for: its first cell is where one types next.
    is_new: bool,
}

struct GridCell {
    /// What it is for, and the day.
    id: String,
    /// The same with the minutes that are shown, so that a form tells what was typed from what was there.
    name: String,
    value: String,
    problem: bool,
    /// It can be typed into.
    open: bool,
    entries: i64,
    validated: bool,
    /// `today`, and `other` where phones show another day.
    class: &'static str,
    /// The entries behind it.
    href: String,
}

impl GridRow {
    fn new(page: &Page, form: &Form, week: &Week, row: &WeekRow, columns: &[GridColumn]) -> Self {
        let id = row.task.as_ref().map_or_else(|| row.project_id.to_string(), |task| task.id.to_string());
        let (key, name, href) = match (&row.task_key, &row.task) {
            (Some(key), Some(task)) => (key.clone(), task.name.clone(), format!("/tasks/{key}")),
            _ if row.project_key.is_empty() => (String::new(), row.project.name.clone(), String::new()),
            _ => (row.project_key.clone(), row.project.name.clone(), format!("/projects/{}", row.project_key)),
        };
        let cells = row.cells.iter().zip(columns);
        GridRow {
            cells: cells.map(|(cell, column)| GridCell::new(form, &id, cell, column, row.open)).collect(),
            total: blank_or_hours(row.minutes()),
            open: row.open,
            is_new: form.problems.is_empty() && !form.is_blank("add") && is_called(row, &target_of(form.value("add"))),
            is_running: week.to == page.today.end_of_week() && page.clock.as_ref().is_some_and(|it| it.href == href),
            project: row.task.as_ref().map(|_| row.project.name.clone()).unwrap_or_default(),
            id,
            key,
            name,
            href,
        }
    }
}

impl GridCell {
    fn new(form: &Form, row: &str, cell: &Cell, column: &GridColumn, is_open: bool) -> Self {
        let id = format!("{row}.{}", column.day);
        let typed = form.pairs().find(|(name, _)| name.rsplit_once('.').is_some_and(|(cell, _)| cell == id));
        let problem = form.problem(&id).is_some();
        GridCell {
            name: format!("{id}.{}", cell.minutes),
            value: match typed {
                Some((_, typed)) if problem => typed.to_owned(),
                _ => blank_or_hours(cell.minutes),
            },
            problem,
            open: is_open && !cell.validated && cell.entries < 2,
            entries: cell.entries,
            validated: cell.validated,
            class: match (column.is_today, column.is_shown) {
                (true, true) => "today",
                (true, false) => "today other",
                (false, true) => "",
                (false, false) => "other",
            },
            href: format!("#day-{}", column.day),
            id,
        }
    }
}

fn is_called(row: &WeekRow, text: &str) -> bool {
    let name = match (&row.task, &row.task_key) {
        (Some(_), Some(key)) => key,
        _ => &row.project.name,
    };
    name.eq_ignore_ascii_case(text)
}

fn blank_or_hours(minutes: i64) -> String {
    if minutes == 0 { String::new() } else { hours(&minutes) }
}

struct WeekDay {
    day: Day,
    heading: String,
    total: String,
    entries: Vec<Entry>,
}

/// A week of somebody who writes down every quarter of an hour.
const ENTRIES: usize = 200;

/// The week; `add` in the address is one more row of it.
pub async fn show(page: Page) -> Answer {
    let query = page.query();
    let mut shown = Shown::of_query(&page, &query);
    let added = query.get("add");
    let mut form = Form::filled([("add", added.to_owned())]);
    if !added.is_empty() {
        let projects = page.own_projects().await?;
        let project = projects.into_iter().find(|project| project.text.eq_ignore_ascii_case(added));
        shown.rows.push(project.map_or_else(|| target_of(added), |project| project.value));
    }
    show_week(&page, &mut form, shown).await
}

/// How an error names one of the rows that were asked for: `rows[2]`.
const ROWS: &str = "rows[";

fn unknown_row(error: &Error) -> Option<usize> {
    let field = &error.field_errors().first()?.field;
    field.strip_prefix(ROWS)?.strip_suffix(']')?.parse().ok()
}

pub(super) async fn show_week(page: &Page, form: &mut Form, mut shown: Shown) -> Answer {
    let week = loop {
        match shown.find(page).await {
            Ok(week) => break week,
            // What there is no row for takes only itself away.
            Err(refused) => match unknown_row(refused.error()).filter(|at| *at < shown.rows.len()) {
                Some(at) if form.keeps(refused.error()) => drop(shown.rows.remove(at)),
                _ => return Err(refused),
            },
        }
    };
    for problem in form.problems.iter_mut().filter(|problem| problem.field.starts_with(ROWS)) {
        problem.field = "add".to_owned();
    }
    let form = &*form;
    let input = [("accountId", "me".to_owned()), ("from", week.from.to_string()), ("to", week.to.to_string())];
    let input = input.map(|(field, value)| (field.to_owned(), value.into()));
    let entries = page.list::<ListTimesheets>(input.into_iter().collect(), ENTRIES).await?.items;
    let mut days: Vec<WeekDay> = Vec::new();
    for day in (0..DAYS as i64).rev().map(|after| week.from.plus_days(after)) {
        let of_day: Vec<&Timesheet> = entries.iter().filter(|entry| entry.date == day).collect();
        if !of_day.is_empty() {
            days.push(WeekDay {
                day,
                heading: page.heading(day),
                total: hours(&of_day.iter().map(|entry| entry.minutes).sum()),
                entries: of_day.into_iter().map(|entry| Entry::new(page, entry, page.is_owner)).collect(),
            });
        }
    }
    let billable = entries.iter().filter(|entry| entry.billable).map(|entry| entry.minutes).sum();
    let columns: Vec<GridColumn> = (0..DAYS)
        .map(|at| {
            let day = week.from.plus_days(at as i64);
            GridColumn {
                day,
                weekday: day.weekday(),
                date: day.short(day),
                total: blank_or_hours(week.totals[at]),
                is_today: day == page.today,
                is_shown: day == shown.one_day,
                href: shown.href(shown.day, Some(day), &shown.rows, shown.usual),
            }
        })
        .collect();
    let projects = page.own_projects().await?;
    let (first, last) = (week.from, week.to);
    let template = WeekPage {
        page,
        form,
        may_change: !projects.is_empty(),
        projects,
        name: format!("{} – {}", first.short(page.today), last.short(page.today)),
        is_this_week: last == page.today.end_of_week(),
        before: shown.href(first.plus_days(-(DAYS as i64)), None, &[], false),
        after: shown.href(first.plus_days(DAYS as i64), None, &[], false),
        rows_of_before: shown.href(shown.day, Some(shown.one_day), &shown.rows, true),
        rows: week.rows.iter().map(|row| GridRow::new(page, form, &week, row, &columns)).collect(),
        columns,
        total: hours(&week.totals.iter().sum()),
        billable: hours(&billable),
        days,
        week: &week,
        shown: &shown,
    };
    page.show(form.status(), &template)
}

/// What stands in a cell of the form: `task_….2026-03-02.90` is what it is for, the day, and the minutes that were shown.
struct Typed {
    id: String,
    row: String,
    day: Day,
    seen: i64,
    text: String,
}

impl Typed {
    fn read((name, text): (&str, &str)) -> Option<Typed> {
        let (id, seen) = name.rsplit_once('.')?;
        let (row, day) = id.split_once('.')?;
        Some(Typed {
            id: id.to_owned(),
            row: row.to_owned(),
            day: Day::parse(day).ok()?,
            seen: seen.parse().ok()?,
            text: text.trim().to_owned(),
        })
    }

    fn minutes(&self) -> Option<i64> {
        if self.text.is_empty() { Some(0) } else { hours_of_day(&self.text) }
    }

    fn operation(&self, minutes: i64) -> Result<SetCell, String> {
        let task = Id::<TaskRecord>::parse(&self.row);
        Ok(SetCell {
            project_id: if task.is_some() { None } else { Some(Ref::new(self.row.as_str())) },
            task_id: task.map(Ref::from),
            date: DayWord::On(self.day),
            minutes: if minutes == 0 { None } else { Some(Minutes::try_from(minutes)?) },
            seen: Some(self.seen),
        })
    }
}

/// Saves every cell in which something else was typed than was shown. What cannot be saved comes back as it was typed.
/// A row's button for the clock is in the same form, so that nothing that was typed is lost by it.
pub async fn save(page: Page, mut form: Form) -> Answer {
    let shown = Shown::read(&page, |name| form.value(name));
    let typed: Vec<Typed> = form.pairs().filter_map(Typed::read).collect();
    let mut saved = 0;
    for cell in typed {
        let Some(minutes) = cell.minutes() else {
            let text =
                format!("“{}” on {} is not a time such as 1:30, 1.5 or 90m", cell.text, cell.day.short(page.today));
            form.complain(&cell.id, text);
            continue;
        };
        if minutes == cell.seen {
            continue;
        }
        let refusal = match cell.operation(minutes) {
            Ok(operation) => match page.run(operation).await {
                Ok(_) => {
                    saved += 1;
                    continue;
                }
                Err(refused) if form.keeps(refused.error()) => {
                    let messages = form.problems.iter().filter(|problem| !problem.field.contains('.'));
                    let message = messages.map(|problem| problem.message.clone()).next();
                    form.problems.retain(|problem| problem.field.contains('.'));
                    message.or(form.notice.take().map(|notice| notice.text)).unwrap_or_default()
                }
                Err(refused) => return Err(refused),
            },
            Err(message) => message,
        };
        form.complain(&cell.id, format!("On {}: {refusal}", cell.day.short(page.today)));
    }
    if !form.problems.is_empty() {
        return show_week(&page, &mut form, shown).await;
    }
    let row = form.take("start");
    if !row.is_empty() {
        let task = Id::<TaskRecord>::parse(&row);
        let timer = page
            .run(StartTimer {
                project_id: if task.is_some() { None } else { Some(Ref::new(row)) },
                task_id: task.map(Ref::from),
                description: None,
                billable: None,
            })
            .await?;
        return started(&page, &shown.here(), &timer);
    }
    let said = match saved {
        _ if by_script(page.request()) => "",
        0 => "Nothing to save",
        _ => "Time saved",
    };
    page.go(&shown.here(), said)
}

/// Copies the hours of the week before.
pub async fn copy(page: Page, form: Form) -> Answer {
    let shown = Shown::read(&page, |name| form.value(name));
    let copied = page.run(CopyWeek { day: Some(DayWord::On(shown.day)) }).await?;
    let said = match copied.entries {
        0 => "Nothing to copy: all of it is here".to_owned(),
        _ => format!("{} copied from the week before", duration(&copied.minutes)),
    };
    page.go(&shown.here(), &said)
}
