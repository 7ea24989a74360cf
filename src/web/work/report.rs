//! What time was spent on, by whom, and what of it can be billed.

use askama::Template;
use serde_json::{Map, Value};

use crate::core::time::Day;
use crate::features::timesheets::ListTimesheetUsers;
use crate::features::timesheets::report::{self, GroupBy, Report, ReportTimesheets};
use crate::web::page::{Answer, Page, Query};
use crate::web::show::{Choice, Pager, hours};

use super::time::Entry;

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
    by: GroupBy,
    summary: Vec<(&'static str, String)>,
    groups: Vec<Group>,
    entries: Vec<Entry>,
    pager: Pager,
    /// The same as a table for a spreadsheet.
    csv: String,
    is_filtered: bool,
}

/// A line of the sums.
struct Group {
    name: String,
    total: String,
    billable: String,
    entries: i64,
    /// Of the whole, in percent.
    share: i64,
}

impl Group {
    fn new(page: &Page, by: GroupBy, group: report::Group, all: i64) -> Self {
        Group {
            name: match by {
                GroupBy::Day => Day::parse(&group.name).map_or(group.name, |day| page.heading(day)),
                _ => group.name,
            },
            total: hours(&group.sums.total_minutes),
            billable: hours(&group.sums.billable_minutes),
            entries: group.sums.entries,
            share: group.sums.total_minutes * 100 / all.max(1),
        }
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

/// In the address, as a filter of the report.
const FILTERS: [(&str, &str); 5] = [
    ("projectId", "project"),
    ("clientId", "client"),
    ("accountId", "person"),
    ("billable", "billable"),
    ("validated", "validated"),
];

/// This month until today, unless the address says otherwise.
pub async fn show(page: Page) -> Answer {
    let query = page.query();
    let or = |name: &str, usual: String| match query.get(name) {
        "" => usual,
        given => given.to_owned(),
    };
    let from = or("from", format!("{}01", &page.today.to_string()[..8]));
    let to = or("to", page.today.to_string());
    let by = query.get("by").parse().unwrap_or(GroupBy::Project);
    let mut input = query.input(&FILTERS);
    input.insert("from".into(), from.clone().into());
    input.insert("to".into(), to.clone().into());
    let csv = csv_of(&page, &input);
    input.insert("groupBy".into(), by.word().into());
    input.extend(query.input(&[("cursor", "cursor")]));
    let Report { summary, groups, page: found, .. } = page.list::<ReportTimesheets>(input, 50).await?;
    let people = page.ask::<ListTimesheetUsers>(Map::new()).await?.items;
    let all = summary.sums.total_minutes;
    page.ok(&ReportPage {
        page: &page,
        query: &query,
        projects: page.projects().await?.into_iter().map(|one| Choice::new(one.key, one.name)).collect(),
        clients: page.clients().await?,
        people: people.into_iter().map(|person| Choice::new(person.id, person.name)).collect(),
        summary: vec![
            ("Total", hours(&all)),
            ("Billable", hours(&summary.sums.billable_minutes)),
            ("Not billable", hours(&summary.sums.non_billable_minutes)),
            ("Validated", hours(&summary.sums.validated_minutes)),
        ],
        groups: groups.into_iter().map(|group| Group::new(&page, by, group, all)).collect(),
        entries: found.items.iter().map(|entry| Entry::new(&page, entry, page.is_owner)).collect(),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "entry", "entries"),
        is_filtered: query.has_any(&FILTERS.map(|(_, name)| name)),
        by,
        from,
        to,
        csv,
    })
}

/// Where the same is had as a table.
fn csv_of(page: &Page, input: &Map<String, Value>) -> String {
    const REPORT: &str = "/api/timesheets/report?";
    let mut link = url::form_urlencoded::Serializer::for_suffix(REPORT.to_owned(), REPORT.len());
    link.extend_pairs(input.iter().map(|(field, value)| (field, value.as_str().unwrap_or_default())));
    link.extend_pairs(page.workspace.iter().map(|place| ("workspaceSlug", &place.slug)));
    link.append_pair("format", "CSV");
    link.finish()
}
