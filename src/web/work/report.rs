//! What time was spent on, by whom, and what of it can be billed: to look at, to print, to take along.

use askama::Template;
use serde_json::{Map, Value};

use crate::core::time::Day;
use crate::features::timesheets::ListTimesheetUsers;
use crate::features::timesheets::report::{self, GroupBy, Report, ReportTimesheets, Sums};
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{Choice, Pager, hours};

use super::chart::Chart;
use super::time::{Entry, target_of};

#[derive(Template)]
#[template(path = "work/time_report.html")]
struct ReportPage<'a> {
    page: &'a Page,
    query: &'a Query,
    /// What of the filters names nothing.
    form: &'a Form,
    from: String,
    to: String,
    /// `1 Nov – 30 Nov 2026`, and what else it is narrowed to: for the printed page.
    period: String,
    narrowed: Vec<String>,
    /// Usual periods: name, address, is it this one?
    periods: Vec<(&'static str, String, bool)>,
    projects: Vec<Choice>,
    clients: Vec<Choice>,
    people: Vec<Choice>,
    by: GroupBy,
    then: Option<GroupBy>,
    summary: Vec<(&'static str, String)>,
    chart: Option<Chart>,
    groups: Vec<Group>,
    total: Group,
    entries: Vec<Entry>,
    /// All entries are on this page.
    is_whole: bool,
    pager: Pager,
    /// The same as tables for a spreadsheet.
    csv: String,
    csv_of_groups: String,
    is_filtered: bool,
}

/// A line of the sums.
pub struct Group {
    pub name: String,
    /// As it fits beside a bar.
    pub short: String,
    pub minutes: i64,
    pub billable_minutes: i64,
    pub total: String,
    billable: String,
    entries: i64,
    /// Of the whole, in percent.
    share: i64,
    parts: Vec<Group>,
}

impl Group {
    fn new(page: &Page, by: GroupBy, name: String, sums: &Sums, all: i64) -> Self {
        let day = Day::parse(&name).ok();
        let (name, short) = match (by, day) {
            (GroupBy::Day, Some(day)) => (page.heading(day), day.short(page.today)),
            (GroupBy::Week, Some(day)) => {
                let (first, last) = (day.short(page.today), day.end_of_week().short(page.today));
                (format!("{first} – {last}"), first)
            }
            (GroupBy::Month, _) => {
                // `1 Mar 2027` without its day.
                let month = Day::parse(&format!("{name}-01")).map_or(name, |day| day.for_people()[2..].to_owned());
                (month.clone(), month)
            }
            _ => (name.clone(), shortened(&name)),
        };
        Group {
            name,
            short,
            minutes: sums.total_minutes,
            billable_minutes: sums.billable_minutes,
            total: hours(&sums.total_minutes),
            billable: hours(&sums.billable_minutes),
            entries: sums.entries,
            share: sums.total_minutes * 100 / all.max(1),
            parts: Vec::new(),
        }
    }

    fn with_parts(page: &Page, (by, then): (GroupBy, Option<GroupBy>), group: report::Group, all: i64) -> Self {
        let parts = group
            .groups
            .into_iter()
            .flatten()
            .map(|part| Group::new(page, then.unwrap_or(by), part.name, &part.sums, all));
        let parts = parts.collect();
        Group { parts, ..Group::new(page, by, group.name, &group.sums, all) }
    }
}

fn shortened(name: &str) -> String {
    const LETTERS: usize = 36;
    match name.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", name[..end].trim_end()),
        None => name.to_owned(),
    }
}

fn noun(by: &GroupBy) -> &'static str {
    match by {
        GroupBy::Day => "day",
        GroupBy::Week => "week",
        GroupBy::Month => "month",
        GroupBy::Project => "project",
        GroupBy::Client => "client",
        GroupBy::Task => "task",
        GroupBy::Account => "person",
    }
}

fn is_then(then: &Option<GroupBy>, by: &GroupBy) -> bool {
    *then == Some(*by)
}

/// In the address, as a filter of the report.
const FILTERS: [(&str, &str); 6] = [
    ("projectId", "project"),
    ("clientId", "client"),
    ("taskId", "task"),
    ("accountId", "person"),
    ("billable", "billable"),
    ("validated", "validated"),
];

/// As many entries as a small client's month has, so that they are printed with it.
const ENTRIES: usize = 100;

/// The first and the last day of the periods that people ask for.
fn usual_periods(today: Day) -> [(&'static str, Day, Day); 6] {
    let month = |day: Day| Day::parse(&format!("{}01", &day.to_string()[..8])).unwrap_or(day);
    let sunday = today.end_of_week();
    let this_month = month(today);
    let last_month = month(this_month.plus_days(-1));
    let year = Day::parse(&format!("{}-01-01", &today.to_string()[..4])).unwrap_or(today);
    [
        ("This week", sunday.plus_days(-6), sunday),
        ("Last week", sunday.plus_days(-13), sunday.plus_days(-7)),
        ("This month", this_month, today),
        ("Last month", last_month, this_month.plus_days(-1)),
        ("This year", year, today),
        (
            "Last year",
            Day::parse(&format!("{}-01-01", &year.plus_days(-1).to_string()[..4])).unwrap_or(year),
            year.plus_days(-1),
        ),
    ]
}

/// This month until today, unless the address says otherwise.
pub async fn show(page: Page) -> Answer {
    let query = page.query();
    let or = |name: &str, usual: Day| match query.get(name) {
        "" => usual.to_string(),
        given => given.to_owned(),
    };
    let periods = usual_periods(page.today);
    let (from, to) = (or("from", periods[2].1), or("to", periods[2].2));
    let by = query.get("by").parse().unwrap_or(GroupBy::Project);
    let then = query.get("then").parse::<GroupBy>().ok().filter(|then| *then != by);
    let mut input = query.input(&FILTERS);
    if let Some(task) = input.get("taskId").and_then(Value::as_str).map(target_of) {
        input.insert("taskId".into(), task.into());
    }
    input.insert("from".into(), from.clone().into());
    input.insert("to".into(), to.clone().into());
    let mut form = Form::default();
    let found = loop {
        let mut asked = input.clone();
        asked.insert("groupBy".into(), by.word().into());
        asked.extend(then.map(|then| ("thenBy".to_owned(), then.word().into())));
        asked.extend(query.input(&[("cursor", "cursor")]));
        match page.list::<ReportTimesheets>(asked, ENTRIES).await {
            Ok(found) => break found,
            Err(refused) => {
                // A filter that names nothing is told, and the report shown without it.
                let known = form.problems.len();
                let is_told = form.keeps(refused.error());
                let wrong: Vec<String> = form.problems[known..].iter().map(|problem| problem.field.clone()).collect();
                let left_out = wrong.iter().filter(|field| input.remove(field.as_str()).is_some()).count();
                if !is_told || left_out == 0 {
                    return Err(refused);
                }
            }
        }
    };
    let Report { summary, groups, page: found, .. } = found;
    let people = page.ask::<ListTimesheetUsers>(Map::new()).await?.items;
    let people: Vec<Choice> = people.into_iter().map(|person| Choice::new(person.id, person.name)).collect();
    let projects: Vec<Choice> = page.projects().await?.into_iter().map(|one| Choice::new(one.key, one.name)).collect();
    let clients = page.clients().await?;
    let all = summary.sums.total_minutes;
    // The rest is no bar among them: it would be higher than all.
    let lines = groups.iter().filter(|group| !group.rest).count();
    let groups: Vec<Group> = groups.into_iter().map(|group| Group::with_parts(&page, (by, then), group, all)).collect();
    let name_of = |choices: &[Choice], name: &str| {
        let chosen = query.get(name);
        choices.iter().find(|choice| choice.value == chosen).map(|choice| choice.text.clone())
    };
    let said = |name: &str, yes: &str, no: &str| match query.get(name) {
        "true" => Some(yes.to_owned()),
        "false" => Some(no.to_owned()),
        _ => None,
    };
    let narrowed = [
        name_of(&clients, "client"),
        name_of(&projects, "project"),
        input.get("taskId").and_then(Value::as_str).map(str::to_owned),
        name_of(&people, "person"),
        said("billable", "Billable time", "Time that is not billable"),
        said("validated", "Validated time", "Time that is not validated"),
    ];
    let day = |text: &str, known: Option<Day>| known.map_or_else(|| text.to_owned(), Day::for_people);
    let is_along_time = matches!(by, GroupBy::Day | GroupBy::Week | GroupBy::Month);
    page.ok(&ReportPage {
        page: &page,
        query: &query,
        form: &form,
        period: format!("{} – {}", day(&from, summary.from), day(&to, summary.to)),
        narrowed: narrowed.into_iter().flatten().collect(),
        periods: periods
            .map(|(name, first, last)| {
                let (first, last) = (first.to_string(), last.to_string());
                let link = Query::parse(&query.with("from", &first)[1..]).with("to", &last);
                (name, link, first == from && last == to)
            })
            .into(),
        projects,
        clients,
        people,
        chart: Chart::of(&groups[..lines], is_along_time),
        total: Group::new(&page, by, "Total".to_owned(), &summary.sums, all),
        summary: vec![
            ("Total", hours(&all)),
            ("Billable", hours(&summary.sums.billable_minutes)),
            ("Not billable", hours(&summary.sums.non_billable_minutes)),
            ("Validated", hours(&summary.sums.validated_minutes)),
        ],
        groups,
        entries: found.items.iter().map(|entry| Entry::new(&page, entry, page.is_owner)).collect(),
        is_whole: found.next_cursor.is_none() && query.get("cursor").is_empty(),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "entry", "entries"),
        is_filtered: query.has_any(&FILTERS.map(|(_, name)| name)),
        csv: csv_of(&page, &input, &[("format", "CSV")]),
        csv_of_groups: csv_of(
            &page,
            &input,
            &[("groupBy", by.word()), ("thenBy", then.map_or("", GroupBy::word)), ("format", "CSV_GROUPS")],
        ),
        by,
        then,
        from,
        to,
    })
}

/// Where the same is had as a table.
fn csv_of(page: &Page, input: &Map<String, Value>, more: &[(&str, &str)]) -> String {
    const REPORT: &str = "/api/timesheets/report?";
    let mut link = url::form_urlencoded::Serializer::for_suffix(REPORT.to_owned(), REPORT.len());
    link.extend_pairs(input.iter().map(|(field, value)| (field, value.as_str().unwrap_or_default())));
    link.extend_pairs(page.workspace.iter().map(|place| ("workspaceSlug", &place.slug)));
    link.extend_pairs(more.iter().filter(|(_, value)| !value.is_empty()));
    link.finish()
}
