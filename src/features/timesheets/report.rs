//! The report: what was spent in sum and in groups, and as a table for a spreadsheet.

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
    pub enum Format { Json = "JSON", Csv = "CSV" }
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
    #[serde(flatten)]
    pub sums: Sums,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub summary: Summary,
    /// With `groupBy`: days in their order, all else by time spent; at most 1000.
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
    /// CSV: all entries.
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
        let chosen = wanted.choose(cx)?;
        let sums = chosen.select(cx, SUMS, ENTRIES)?;
        let sums = sums.all(cx, "", Sums::read)?.remove(0);
        if self.format == Some(Format::Csv) {
            let table = Some(as_table(cx, &chosen, sums.entries)?);
            let page = Page { items: Vec::new(), next_cursor: None, total: None };
            return Ok(Report { summary: summary(sums, &chosen), groups: Vec::new(), page, table });
        }
        let groups = self.group_by.map(|by| groups(cx, &chosen, by)).transpose()?.unwrap_or_default();
        let mut page = chosen.select(cx, COLUMNS, FROM)?.page(cx, &Self::SPEC, Timesheet::read)?;
        show_seen(cx, &mut page.items)?;
        Ok(Report { summary: summary(sums, &chosen), groups, page, table: None })
    }
}

fn summary(sums: Sums, chosen: &Chosen) -> Summary {
    Summary { sums, from: chosen.from, to: chosen.to }
}

/// Key and name of each group, a project of it, what it adds up to.
macro_rules! grouped {
    ($key:literal, $name:literal) => {
        concat!(
            $key,
            ", ",
            $name,
            ", p.id, ",
            "sum(e.minutes), sum(iif(e.billable, e.minutes, 0)), sum(iif(e.billable, 0, e.minutes)), ",
            "sum(iif(e.validated, e.minutes, 0)), count(*)"
        )
    };
}

/// What sums need and no more, so that the index alone has it: looking the rest up takes ten times as long.
const ENTRIES: &str = "timesheet_entry e cross join project p on p.id = e.project_id";

fn groups(tx: &Tx, chosen: &Chosen, by: GroupBy) -> Result<Vec<Group>> {
    const CLIENTS: &str = "
        timesheet_entry e cross join project p on p.id = e.project_id left join client c on c.id = p.client_id";
    const TASKS: &str = "
        timesheet_entry e cross join project p on p.id = e.project_id
          left join task t on t.id = e.task_id and t.project_id = e.project_id";
    const ACCOUNTS: &str = "
        timesheet_entry e cross join project p on p.id = e.project_id cross join account a on a.id = e.account_id";
    const IN_ORDER: &str = "group by 1 order by 1 limit 1000";
    const LARGEST: &str = "group by 1 order by sum(e.minutes) desc, 2 limit 1000";
    let (columns, ending) = match by {
        GroupBy::Day => (grouped!("e.spent_on", "e.spent_on"), IN_ORDER),
        // The Sunday that ends the week, six days back: ISO weeks begin on Monday.
        GroupBy::Week => {
            (grouped!("date(e.spent_on, 'weekday 0', '-6 days')", "date(e.spent_on, 'weekday 0', '-6 days')"), IN_ORDER)
        }
        GroupBy::Month => (grouped!("substr(e.spent_on, 1, 7)", "substr(e.spent_on, 1, 7)"), IN_ORDER),
        GroupBy::Project => (grouped!("p.id", "p.name"), LARGEST),
        GroupBy::Client => (grouped!("c.id", "ifnull(c.name, 'No client')"), LARGEST),
        GroupBy::Task => (grouped!("t.id", "ifnull(p.key || '-' || t.number || ' ' || t.title, 'No task')"), LARGEST),
        GroupBy::Account => (grouped!("a.id", "a.name"), LARGEST),
    };
    let read = |row: &mut Columns<'_>| {
        let key = match by {
            GroupBy::Day | GroupBy::Week | GroupBy::Month => row.take()?,
            GroupBy::Project => id_text::<ProjectRecord>(row)?,
            GroupBy::Client => id_text::<ClientRecord>(row)?,
            GroupBy::Task => id_text::<TaskRecord>(row)?,
            GroupBy::Account => id_text::<Account>(row)?,
        };
        let (name, project) = (row.take()?, row.take::<Id<ProjectRecord>>()?);
        Ok((Group { key, name, sums: Sums::read(row)? }, project))
    };
    let from = match by {
        GroupBy::Day | GroupBy::Week | GroupBy::Month | GroupBy::Project => ENTRIES,
        GroupBy::Client => CLIENTS,
        GroupBy::Task => TASKS,
        GroupBy::Account => ACCOUNTS,
    };
    let mut groups = chosen.select(tx, columns, from)?.all(tx, ending, read)?;
    if matches!(by, GroupBy::Project | GroupBy::Task) {
        let project = |(group, project): &(Group, Id<ProjectRecord>)| group.key.as_ref().map(|_| *project);
        hide_unseen(tx, &mut groups, project, |(group, _)| group.name = CLOSED.into())?;
    }
    Ok(groups.into_iter().map(|(group, _)| group).collect())
}

fn id_text<T: Record>(row: &mut Columns<'_>) -> rusqlite::Result<Option<String>> {
    Ok(row.take::<Option<Id<T>>>()?.map(|id| id.to_string()))
}

/// All entries as CSV (RFC 4180), oldest day first.
fn as_table(tx: &Tx, chosen: &Chosen, entries: i64) -> Result<File> {
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
