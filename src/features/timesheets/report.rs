//! The report: what was spent in sum and in groups, and as a table for a spreadsheet.

use std::collections::HashMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, File, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page};
use crate::core::place::{ProjectRecord, hide_unseen};
use crate::core::reference::Ref;
use crate::core::store::one;
use crate::core::time::{Day, DayWord};
use crate::features::clients::ClientRecord;
use crate::features::table::{self, MOST_ROWS};
use crate::features::tasks::TaskRecord;

use super::{BRIEF, CLOSED, COLUMNS, Chosen, FROM, SORTS, Timesheet, Wanted, show_seen};

pub const OPERATIONS: &[Entry] = &[Entry::of::<ReportTimesheets>()];

choices! {
    /// What the report is grouped by.
    pub enum GroupBy {
        Day = "DAY", Week = "WEEK", Month = "MONTH", Project = "PROJECT", Client = "CLIENT", Task = "TASK", Account = "ACCOUNT",
    }
}

choices! {
    /// What the report is answered as.
    pub enum Format { Json = "JSON", Csv = "CSV", CsvGroups = "CSV_GROUPS" }
}

/// What entries add up to, in minutes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    pub total_minutes: i64,
    pub billable_minutes: i64,
    pub non_billable_minutes: i64,
    pub validated_minutes: i64,
    /// How many entries there are.
    pub entries: i64,
}

const SUMS: &str = "
    ifnull(sum(e.minutes), 0), ifnull(sum(iif(e.billable, e.minutes, 0)), 0), ifnull(sum(iif(e.billable, 0, e.minutes)), 0),
    ifnull(sum(iif(e.validated, e.minutes, 0)), 0), count(*)";

impl Sums {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Sums> {
        Ok(Sums {
            total_minutes: row.take()?,
            billable_minutes: row.take()?,
            non_billable_minutes: row.take()?,
            validated_minutes: row.take()?,
            entries: row.take()?,
        })
    }

    /// What is left when parts are taken away, if anything is.
    fn without<'a>(&self, parts: impl Iterator<Item = &'a Sums>) -> Option<Sums> {
        let rest = parts.fold(self.clone(), |rest, part| Sums {
            total_minutes: rest.total_minutes - part.total_minutes,
            billable_minutes: rest.billable_minutes - part.billable_minutes,
            non_billable_minutes: rest.non_billable_minutes - part.non_billable_minutes,
            validated_minutes: rest.validated_minutes - part.validated_minutes,
            entries: rest.entries - part.entries,
        });
        (rest.entries > 0).then_some(rest)
    }

    /// Of all that was logged in a project, by everybody.
    pub fn of_project(tx: &Tx, project: Id<ProjectRecord>) -> Result<Sums> {
        let sql = format!("select {SUMS} from timesheet_entry e where e.project_id = ?1");
        one(tx.conn(), &sql, [project], Sums::read)
    }

    /// Of all that was logged at a task, by everybody.
    pub fn of_task(tx: &Tx, task: Id<TaskRecord>) -> Result<Sums> {
        let sql = format!("select {SUMS} from timesheet_entry e where e.task_id = ?1");
        one(tx.conn(), &sql, [task], Sums::read)
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    #[serde(flatten)]
    pub sums: Sums,
    /// The first and last day that were asked for.
    pub from: Option<Day>,
    pub to: Option<Day>,
}

/// The entries that have something in common.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The day, the Monday of the week, the month such as `2027-03`, or an id; null: none.
    pub key: Option<String>,
    pub name: String,
    /// true: no group, but all that have no line of their own.
    pub rest: bool,
    #[serde(flatten)]
    pub sums: Sums,
    /// With `thenBy`: what the group is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Part>>,
}

/// A group within a group.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// As that of a group.
    pub key: Option<String>,
    pub name: String,
    /// true: all others.
    pub rest: bool,
    #[serde(flatten)]
    pub sums: Sums,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub summary: Summary,
    /// With `groupBy`: days in their order, all else by time spent; from 1000 on, the rest in one.
    pub groups: Vec<Group>,
    /// The entries, page by page.
    #[serde(flatten)]
    pub page: Page<Timesheet>,
    /// Asked for as a table, the report is this file.
    #[serde(skip)]
    pub table: Option<File>,
}

impl Answer for Report {
    fn take_file(&mut self) -> Option<File> {
        self.table.take()
    }
}

/// Sum up time by day, week, month, project, client, task or account; as CSV for a spreadsheet.
/// Single entries: `timesheet.list`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportTimesheets {
    /// First day, e.g. `today`, `-7d`.
    pub from: Option<DayWord>,
    /// Last day.
    pub to: Option<DayWord>,
    /// Key or name.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// Name or id.
    pub client_id: Option<Ref<ClientRecord>>,
    /// Key or id.
    pub task_id: Option<Ref<TaskRecord>>,
    /// E-mail, name or `me`.
    pub account_id: Option<Ref<Account>>,
    /// Only this, or only other.
    pub billable: Option<bool>,
    /// Only this, or only other.
    pub validated: Option<bool>,
    /// What a line sums up.
    pub group_by: Option<GroupBy>,
    /// Splits lines.
    pub then_by: Option<GroupBy>,
    /// CSV: all entries; CSV_GROUPS: the groups.
    pub format: Option<Format>,
}

impl Operation for ReportTimesheets {
    type Output = Report;
    const SPEC: Spec = Spec {
        name: "timesheet.report",
        title: "Report time",
        route: Route::get("/timesheets/report"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Time,
        more: More {
            aliases: &["get_time_report"],
            synonyms: &[("userId", "accountId")],
            sorts: SORTS,
            brief: BRIEF,
            file: Some(table::CSV),
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        true
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Report> {
        let wanted = Wanted {
            project_id: self.project_id,
            task_id: self.task_id,
            client_id: self.client_id,
            account_id: self.account_id,
            from: self.from,
            to: self.to,
            billable: self.billable,
            validated: self.validated,
        };
        let format = self.format.unwrap_or(Format::Json);
        if self.group_by.is_none() && self.then_by.is_some() {
            return Err(Error::field("thenBy", "splits the groups of groupBy; give that too"));
        }
        if self.group_by.is_none() && format == Format::CsvGroups {
            return Err(Error::field("format", "CSV_GROUPS needs groupBy; the entries are CSV"));
        }
        let chosen = wanted.choose(cx)?;
        let sums = chosen.select(cx, SUMS, ENTRIES)?;
        let sums = sums.all(cx, "", Sums::read)?.remove(0);
        let groups = || match self.group_by {
            Some(by) => groups(cx, &chosen, by, self.then_by, &sums),
            None => Ok(Vec::new()),
        };
        let nothing = Page { items: Vec::new(), next_cursor: None, total: None };
        let (groups, page, table) = match format {
            Format::Csv => (Vec::new(), nothing, Some(entries_as_table(cx, &chosen, sums.entries)?)),
            Format::CsvGroups => (Vec::new(), nothing, Some(groups_as_table(cx, &groups()?)?)),
            Format::Json => {
                let mut page = chosen.select(cx, COLUMNS, FROM)?.page(cx, &Self::SPEC, Timesheet::read)?;
                show_seen(cx, &mut page.items)?;
                (groups()?, page, None)
            }
        };
        Ok(Report { summary: Summary { sums, from: chosen.from, to: chosen.to }, groups, page, table })
    }
}

/// What sums need and no more, so that the index alone has it: looking the rest up takes ten times as long.
const ENTRIES: &str = "timesheet_entry e cross join project p on p.id = e.project_id";

/// What makes a group, what it is called, and what has to be joined for that.
fn grouping(by: GroupBy) -> (&'static str, &'static str, &'static str) {
    match by {
        GroupBy::Day => ("e.spent_on", "e.spent_on", ""),
        // The Sunday that ends the week, six days back: ISO weeks begin on Monday.
        GroupBy::Week => ("date(e.spent_on, 'weekday 0', '-6 days')", "date(e.spent_on, 'weekday 0', '-6 days')", ""),
        GroupBy::Month => ("substr(e.spent_on, 1, 7)", "substr(e.spent_on, 1, 7)", ""),
        GroupBy::Project => ("p.id", "p.name", ""),
        GroupBy::Client => ("c.id", "ifnull(c.name, 'No client')", " left join client c on c.id = p.client_id"),
        GroupBy::Task => (
            "t.id",
            "ifnull(p.key || '-' || t.number || ' ' || t.title, 'No task')",
            " left join task t on t.id = e.task_id and t.project_id = e.project_id",
        ),
        GroupBy::Account => ("a.id", "a.name", " cross join account a on a.id = e.account_id"),
    }
}

/// More groups, and more groups in groups, than anybody reads; what there is beyond them is summed up in one.
const MOST_GROUPS: usize = 1_000;
const MOST_PARTS: usize = 2_000;
const REST: &str = "All others";

/// For each way to group, and to group within: the columns and tables of its query.
type Groupings = HashMap<(GroupBy, Option<GroupBy>), (String, String)>;

static GROUPINGS: LazyLock<Groupings> = LazyLock::new(|| {
    let within = || GroupBy::ALL.iter().copied().map(Some).chain([None]);
    let pairs = GroupBy::ALL.iter().flat_map(|by| within().map(|then| (*by, then)));
    let written = |(by, then): (GroupBy, Option<GroupBy>)| {
        let (key, name, joined) = grouping(by);
        let (inner, inner_name, also) = then.map_or(("null", "null", ""), grouping);
        let columns = format!("{key}, {inner}, {name}, {inner_name}, p.id, {SUMS}");
        let also = if also == joined { "" } else { also };
        ((by, then), (columns, format!("{ENTRIES}{joined}{also}")))
    };
    pairs.map(written).collect()
});

/// A line of such a query: the group, and the group within it.
struct Line {
    key: Option<String>,
    name: String,
    inner_key: Option<String>,
    inner_name: String,
    project: Id<ProjectRecord>,
    sums: Sums,
}

/// Days in their order, all else by the time spent.
fn order(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Day | GroupBy::Week | GroupBy::Month => "1",
        GroupBy::Project | GroupBy::Client | GroupBy::Task | GroupBy::Account => "sum(e.minutes) desc, 3, 4",
    }
}

fn lines(tx: &Tx, chosen: &Chosen, by: GroupBy, then: Option<GroupBy>, ending: &str) -> Result<Vec<Line>> {
    let (columns, from) = &GROUPINGS[&(by, then)];
    let mut lines = chosen.select(tx, columns, from)?.all(tx, ending, |row| {
        let key = key_text(row, Some(by))?;
        let inner_key = key_text(row, then)?;
        Ok(Line {
            key,
            inner_key,
            name: row.take()?,
            inner_name: row.take::<Option<String>>()?.unwrap_or_default(),
            project: row.take()?,
            sums: Sums::read(row)?,
        })
    })?;
    let is_named_after_project = |by: GroupBy| matches!(by, GroupBy::Project | GroupBy::Task);
    let project = |is_there: bool, line: &Line| is_there.then_some(line.project);
    if is_named_after_project(by) {
        hide_unseen(tx, &mut lines, |line| project(line.key.is_some(), line), |line| line.name = CLOSED.into())?;
    }
    if then.is_some_and(is_named_after_project) {
        let hide = |line: &mut Line| line.inner_name = CLOSED.into();
        hide_unseen(tx, &mut lines, |line| project(line.inner_key.is_some(), line), hide)?;
    }
    Ok(lines)
}

fn groups(tx: &Tx, chosen: &Chosen, by: GroupBy, then: Option<GroupBy>, all: &Sums) -> Result<Vec<Group>> {
    let ending = format!("group by 1 order by {} limit {MOST_GROUPS}", order(by));
    let outer = lines(tx, chosen, by, None, &ending)?.into_iter();
    let group = |line: Line| Group { key: line.key, name: line.name, rest: false, sums: line.sums, groups: None };
    let mut groups: Vec<Group> = outer.map(group).collect();
    if let Some(then) = then {
        split(tx, chosen, (by, then), &mut groups)?;
    }
    if let Some(sums) = all.without(groups.iter().map(|group| &group.sums)) {
        groups.push(Group { key: None, name: REST.into(), rest: true, sums, groups: None });
    }
    Ok(groups)
}

/// Says what each group is made of.
fn split(tx: &Tx, chosen: &Chosen, (by, then): (GroupBy, GroupBy), groups: &mut [Group]) -> Result<()> {
    let places: HashMap<Option<String>, usize> =
        groups.iter().enumerate().map(|(at, group)| (group.key.clone(), at)).collect();
    let order = if order(then) == "1" { "2" } else { order(then) };
    let ending = format!("group by 1, 2 order by {order} limit {MOST_PARTS}");
    for line in lines(tx, chosen, by, Some(then), &ending)? {
        if let Some(at) = places.get(&line.key) {
            groups[*at].groups.get_or_insert_default().push(Part {
                key: line.inner_key,
                name: line.inner_name,
                rest: false,
                sums: line.sums,
            });
        }
    }
    for group in groups {
        if let Some(sums) = group.sums.without(group.groups.iter().flatten().map(|part| &part.sums)) {
            group.groups.get_or_insert_default().push(Part { key: None, name: REST.into(), rest: true, sums });
        }
    }
    Ok(())
}

fn key_text(row: &mut Columns<'_>, by: Option<GroupBy>) -> rusqlite::Result<Option<String>> {
    match by {
        None | Some(GroupBy::Day | GroupBy::Week | GroupBy::Month) => row.take(),
        Some(GroupBy::Project) => id_text::<ProjectRecord>(row),
        Some(GroupBy::Client) => id_text::<ClientRecord>(row),
        Some(GroupBy::Task) => id_text::<TaskRecord>(row),
        Some(GroupBy::Account) => id_text::<Account>(row),
    }
}

fn id_text<T: Record>(row: &mut Columns<'_>) -> rusqlite::Result<Option<String>> {
    Ok(row.take::<Option<Id<T>>>()?.map(|id| id.to_string()))
}

/// The groups as CSV, a group within another beside its name.
fn groups_as_table(tx: &Tx, groups: &[Group]) -> Result<File> {
    let header = ["Group", "Within", "Minutes", "Hours", "Billable minutes", "Validated minutes", "Entries"];
    let row = |name: &str, within: &str, sums: &Sums| {
        [
            name.to_owned(),
            within.to_owned(),
            sums.total_minutes.to_string(),
            format!("{:.2}", sums.total_minutes as f64 / 60.0),
            sums.billable_minutes.to_string(),
            sums.validated_minutes.to_string(),
            sums.entries.to_string(),
        ]
    };
    let rows = groups.iter().flat_map(|group| match &group.groups {
        None => vec![row(&group.name, "", &group.sums)],
        Some(parts) => parts.iter().map(|part| row(&group.name, &part.name, &part.sums)).collect(),
    });
    table::csv(format!("time-groups-{}.csv", tx.today()), header, rows)
}

/// All entries as CSV (RFC 4180), oldest day first.
fn entries_as_table(tx: &Tx, chosen: &Chosen, entries: i64) -> Result<File> {
    if entries > MOST_ROWS as i64 {
        return Err(Error::field(
            "format",
            format!("{entries} entries are more than the {MOST_ROWS} of a table; narrow them with from and to"),
        ));
    }
    let mut entries = chosen.select(tx, COLUMNS, FROM)?.all(tx, "order by e.spent_on, e.id", Timesheet::read)?;
    show_seen(tx, &mut entries)?;
    let header = [
        "Date",
        "Person",
        "Agent",
        "Client",
        "Project",
        "Task",
        "Title",
        "Minutes",
        "Hours",
        "Billable",
        "Validated",
        "Description",
        "Id",
    ];
    let yes = |flag: bool| if flag { "yes" } else { "no" };
    let rows = entries.into_iter().map(|entry| {
        [
            entry.date.to_string(),
            entry.account.name,
            entry.agent.map(|agent| agent.name).unwrap_or_default(),
            entry.client.map(|client| client.name).unwrap_or_default(),
            entry.project.name,
            entry.task_key.unwrap_or_default(),
            entry.task.map(|task| task.name).unwrap_or_default(),
            entry.minutes.to_string(),
            format!("{:.2}", entry.minutes as f64 / 60.0),
            yes(entry.billable).to_owned(),
            yes(entry.validated).to_owned(),
            entry.description.unwrap_or_default(),
            entry.id.to_string(),
        ]
    });
    table::csv(format!("time-{}.csv", tx.today()), header, rows)
}
