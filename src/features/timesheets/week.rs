//! A week as a grid: a row for each task, a column for each day, in a cell what was spent there on that day.

use std::collections::{HashMap, HashSet, hash_map};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::page::{Columns, Select};
use crate::core::patch::Patch;
use crate::core::place::{Place, ProjectRecord};
use crate::core::reference::{Named, Ref};
use crate::core::store::all;
use crate::core::text::Prose;
use crate::core::time::{Day, DayWord};
use crate::features::tasks::{self, TaskRecord};

use super::{
    AddTimesheet, CLOSED, COLUMNS, DeleteTimesheet, FROM, Minutes, Timesheet, TimesheetRecord, UpdateTimesheet, day,
    target,
};

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetWeek>(), Entry::of::<SetCell>(), Entry::of::<CopyWeek>()];

pub const DAYS: usize = 7;
/// More rows than anybody fills in a week; what else there is stands in the list of entries.
const MOST_ROWS: usize = 100;
/// More entries than anybody has in a week, and few enough that nobody waits for them to be written.
const MOST_COPIED: usize = 500;

/// What the caller spent on a task, or in a project without a task, on one day: the sum of some entries.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    pub minutes: i64,
    pub entries: i64,
    /// One of them is frozen.
    pub validated: bool,
}
impl Answer for Cell {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeekRow {
    pub project_id: Id<ProjectRecord>,
    pub project: Named<ProjectRecord>,
    /// Empty where the project is closed to the caller by now.
    pub project_key: String,
    pub task: Option<Named<TaskRecord>>,
    /// `WEB-12`
    pub task_key: Option<String>,
    #[serde(skip)]
    number: Option<i64>,
    /// From Monday to Sunday.
    pub cells: Vec<Cell>,
    /// May the caller log time here?
    pub open: bool,
}

impl WeekRow {
    pub fn minutes(&self) -> i64 {
        self.cells.iter().map(|cell| cell.minutes).sum()
    }

    fn is_same(&self, other: &WeekRow) -> bool {
        let task = |row: &WeekRow| row.task.as_ref().map(|task| task.id);
        (self.project_id, task(self)) == (other.project_id, task(other))
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Week {
    pub from: Day,
    pub to: Day,
    pub rows: Vec<WeekRow>,
    /// Of each day, with the rows that are left out.
    pub totals: Vec<i64>,
    /// How many rows there are beyond those shown.
    pub left_out: usize,
    /// How many rows of the week before are not among these.
    pub before: usize,
    /// How much the week before has in cells that are empty here.
    pub before_minutes: i64,
}
impl Answer for Week {}

/// The Monday of the week that a day is in.
fn monday(day: Day) -> Day {
    day.end_of_week().plus_days(1 - DAYS as i64)
}

/// The caller's entries `e` of some days.
fn own(tx: &Tx, columns: &'static str, from: &'static str, (first, last): (Day, Day)) -> Result<Select> {
    Ok(Select::new(columns, from, "e.id")
        .filter("e.workspace_id = ?", tx.workspace_id())
        .filter("e.account_id = ?", tx.signed_in()?.id)
        .filter("e.spent_on >= ?", first)
        .filter("e.spent_on <= ?", last)
        .within_reach(tx))
}

/// The rows of the seven days from there on.
fn rows_of(tx: &Tx, from: Day) -> Result<Vec<WeekRow>> {
    const CELLS: &str = "
        p.id, p.name, p.key, t.id, t.title, t.number, e.spent_on, sum(e.minutes), count(*), max(e.validated)";
    const ENTRIES: &str = "
        timesheet_entry e
        cross join project p on p.id = e.project_id
        left join task t on t.id = e.task_id and t.project_id = e.project_id";
    const IN_ORDER: &str = "
        group by p.id, t.id, e.spent_on order by p.id, t.id, e.spent_on";
    let found = own(tx, CELLS, ENTRIES, (from, from.plus_days(DAYS as i64 - 1)))?.all(tx, IN_ORDER, |row| {
        let place = WeekRow::read(row)?;
        let day: Day = row.take()?;
        Ok((place, day, Cell { minutes: row.take()?, entries: row.take()?, validated: row.take()? }))
    })?;
    let mut rows: Vec<WeekRow> = Vec::new();
    for (row, day, cell) in found {
        if !rows.last().is_some_and(|last| last.is_same(&row)) {
            rows.push(row);
        }
        let row = rows.last_mut().expect("one was just put there");
        row.cells[day.days_since(from) as usize] = cell;
    }
    Ok(rows)
}

impl WeekRow {
    /// Id, name and key of the project, id, title and number of the task. Whether it is open is found out later.
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<WeekRow> {
        let project = Named { id: row.take()?, name: row.take()? };
        let project_key: String = row.take()?;
        let task = Named::read(row)?;
        let number: Option<i64> = row.take()?;
        Ok(WeekRow {
            project_id: project.id,
            project,
            task_key: number.map(|number| format!("{project_key}-{number}")),
            project_key,
            task,
            number,
            cells: vec![Cell::default(); DAYS],
            open: false,
        })
    }

    /// An empty row for what somebody names: a task by its key or id, else a project.
    fn named<O: Operation>(cx: &Cx<'_, O>, field: &str, text: &str) -> Result<WeekRow> {
        const ROW: &str = "
            select p.id, p.name, p.key, t.id, t.title, t.number
              from project p left join task t on t.id = ?2 and t.project_id = p.id where p.id = ?1";
        let (project, task) = match tasks::parse_key(text).is_some() || Id::<TaskRecord>::parse(text).is_some() {
            true => {
                let seen = tasks::seen_for(cx, field, &Ref::new(text))?;
                (seen.place.id, Some(seen.id))
            }
            false => (cx.project_for(field, &Ref::new(text))?.id, None),
        };
        let mut rows = all(cx.conn(), ROW, (project, task), WeekRow::read)?;
        rows.pop().ok_or_else(|| Error::not_found("project", text).about(field))
    }
}

/// What the caller sees of the projects that they spent time in; each is looked up once.
#[derive(Default)]
struct Places(HashMap<Id<ProjectRecord>, Option<Place>>);

impl Places {
    fn get(&mut self, tx: &Tx, project: Id<ProjectRecord>) -> Result<Option<&Place>> {
        Ok(match self.0.entry(project) {
            hash_map::Entry::Occupied(known) => known.into_mut(),
            hash_map::Entry::Vacant(unknown) => unknown.insert(tx.place(project)?),
        }
        .as_ref())
    }
}

/// Says of each row whether it is open, and tells nothing of what is closed to the caller.
fn look_at_projects(tx: &Tx, places: &mut Places, rows: &mut [WeekRow]) -> Result<()> {
    for row in rows {
        match places.get(tx, row.project_id)? {
            Some(place) => row.open = is_open(place),
            None => {
                row.project.name = CLOSED.into();
                row.project_key.clear();
                (row.task, row.task_key) = (None, None);
            }
        }
    }
    Ok(())
}

fn is_open(place: &Place) -> bool {
    place.role >= Role::Member && !place.archived
}

/// What the week before has in cells that are empty in the one from there on, as far as time can be logged there still.
fn left_behind(tx: &Tx, places: &mut Places, from: Day) -> Result<Vec<Timesheet>> {
    const CELL: &str = "e.project_id, t.id, e.spent_on";
    type Cell = (Id<ProjectRecord>, Option<Id<TaskRecord>>, Day);
    let week = |from: Day| (from, from.plus_days(DAYS as i64 - 1));
    let filled: HashSet<Cell> = own(tx, CELL, FROM, week(from))?
        .all(tx, "", |row| Ok((row.take()?, row.take()?, row.take()?)))?
        .into_iter()
        .collect();
    let before = own(tx, COLUMNS, FROM, week(from.plus_days(-(DAYS as i64))))?;
    let mut left = Vec::new();
    for entry in before.all(tx, "order by e.spent_on, e.id", Timesheet::read)? {
        let is_free = !filled.contains(&(entry.project_id, entry.task_id, entry.date.plus_days(DAYS as i64)));
        if is_free && places.get(tx, entry.project_id)?.is_some_and(is_open) {
            left.push(entry);
        }
    }
    Ok(left)
}

/// See your week as a grid of tasks and days.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetWeek {
    /// A day of the week; else today.
    pub day: Option<DayWord>,
    /// Rows to show even while they are empty: tasks by key or id, else projects.
    pub rows: Option<Vec<String>>,
    /// Show the rows of the week before too?
    pub usual: Option<bool>,
}

impl Operation for GetWeek {
    type Output = Week;
    const SPEC: Spec = Spec {
        name: "timesheet.week.get",
        title: "See your week",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Time,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Week> {
        let today = cx.today();
        let from = monday(self.day.map_or(today, |word| word.day(today)));
        let mut rows = rows_of(cx, from)?;
        for (at, text) in self.rows.iter().flatten().take(MOST_ROWS).enumerate() {
            let row = WeekRow::named(cx, &format!("rows[{at}]"), text.trim())?;
            if !rows.iter().any(|known| known.is_same(&row)) {
                rows.push(row);
            }
        }
        let mut before = rows_of(cx, from.plus_days(-(DAYS as i64)))?;
        let mut places = Places::default();
        look_at_projects(cx, &mut places, &mut before)?;
        let before_minutes = left_behind(cx, &mut places, from)?.iter().map(|entry| entry.minutes).sum();
        before.retain(|row| row.open && !rows.iter().any(|known| known.is_same(row)));
        let missing = before.len();
        if self.usual == Some(true) {
            rows.extend(before.into_iter().map(|row| WeekRow { cells: vec![Cell::default(); DAYS], ..row }));
        }
        look_at_projects(cx, &mut places, &mut rows)?;
        // An empty row already stands where it will when it is filled.
        rows.sort_by_cached_key(|row| (row.project.name.to_lowercase(), row.project_id.raw(), row.number));
        let totals = (0..DAYS).map(|at| rows.iter().map(|row| row.cells[at].minutes).sum()).collect();
        let left_out = rows.len().saturating_sub(MOST_ROWS);
        rows.truncate(MOST_ROWS);
        Ok(Week {
            from,
            to: from.plus_days(DAYS as i64 - 1),
            rows,
            totals,
            left_out,
            before: if self.usual == Some(true) { 0 } else { missing },
            before_minutes,
        })
    }
}

/// Say how much time you spent on a task, or in a project without a task, on a day. Said twice it changes nothing.
/// What was one entry is changed, or deleted where there is no time any more; what is the sum of several is left as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetCell {
    /// Else the task's.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// Key or id.
    pub task_id: Option<Ref<TaskRecord>>,
    /// The day.
    pub date: DayWord,
    /// 1 to 1440; else none.
    pub minutes: Option<Minutes>,
    /// How many minutes the caller saw there: refused if there are others by now.
    pub seen: Option<i64>,
}

impl Operation for SetCell {
    type Output = Cell;
    const SPEC: Spec = Spec {
        name: "timesheet.week.set",
        title: "Set the time of a day",
        route: None,
        needs: Needs::Project(Role::Member),
        effect: Effect::Destructive,
        toolset: Toolset::Time,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Cell> {
        let target = target(cx, self.project_id.as_ref(), self.task_id.as_ref())?;
        let date = day(cx, self.date)?;
        let entries: Vec<(Id<TimesheetRecord>, i64, bool)> =
            own(cx, "e.id, e.minutes, e.validated", FROM, (date, date))?
                .filter("e.project_id = ?", target.place.id)
                .filter("t.id is ?", target.task)
                .all(cx, "", |row| Ok((row.take()?, row.take()?, row.take()?)))?;
        let sum: i64 = entries.iter().map(|(_, minutes, _)| minutes).sum();
        let wanted = self.minutes.map_or(0, |Minutes(minutes)| minutes);
        let validated = entries.iter().any(|(_, _, validated)| *validated);
        if sum == wanted {
            return Ok(Cell { minutes: sum, entries: entries.len() as i64, validated });
        }
        if self.seen.is_some_and(|seen| seen != sum) {
            return Err(Error::conflict("This was changed meanwhile. Look at what is there now, then type it again."));
        }
        match (entries.as_slice(), self.minutes) {
            ([], minutes) => {
                cx.run(AddTimesheet {
                    project_id: Some(target.place.id.into()),
                    task_id: target.task.map(Ref::from),
                    minutes,
                    hours: None,
                    date: Some(DayWord::On(date)),
                    description: None,
                    billable: None,
                    account_id: None,
                    validated: None,
                })?;
            }
            ([(id, _, _)], Some(minutes)) => {
                let timesheet_id = Ref::from(*id);
                cx.run(UpdateTimesheet { timesheet_id, minutes: Patch::Set(minutes), ..UpdateTimesheet::default() })?;
            }
            ([(id, _, _)], None) => cx.run(DeleteTimesheet { timesheet_id: Ref::from(*id) })?,
            (several, _) => {
                let count = several.len();
                return Err(Error::conflict(format!("This is the sum of {count} entries. Change one of them.")));
            }
        }
        Ok(Cell { minutes: wanted, entries: i64::from(wanted > 0), validated })
    }
}

/// Copy the time of the week before: each cell that is empty now gets the entries that it had then, seven days on.
/// Copied twice it changes nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyWeek {
    /// A day of the week to fill; else today.
    pub day: Option<DayWord>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Copied {
    pub minutes: i64,
    pub entries: usize,
}
impl Answer for Copied {}

impl Operation for CopyWeek {
    type Output = Copied;
    const SPEC: Spec = Spec {
        name: "timesheet.week.copy",
        title: "Copy the week before",
        route: None,
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Time,
        more: More { or_in_a_project: true, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Copied> {
        let today = cx.today();
        let from = monday(self.day.map_or(today, |word| word.day(today)));
        let left = left_behind(cx, &mut Places::default(), from)?;
        if left.len() > MOST_COPIED {
            let count = left.len();
            return Err(Error::conflict(format!(
                "The week before has {count} entries to copy, and at most {MOST_COPIED} are copied at once. Nothing was copied."
            )));
        }
        let mut copied = Copied { minutes: 0, entries: 0 };
        for entry in left {
            let added = cx.run(AddTimesheet {
                project_id: Some(entry.project_id.into()),
                task_id: entry.task_id.map(Ref::from),
                minutes: Some(Minutes(entry.minutes)),
                hours: None,
                date: Some(DayWord::On(entry.date.plus_days(DAYS as i64))),
                description: entry.description.as_deref().map(Prose::parse).transpose().map_err(Error::internal)?,
                billable: Some(entry.billable),
                account_id: None,
                validated: None,
            })?;
            copied.minutes += added.minutes;
            copied.entries += 1;
        }
        Ok(copied)
    }
}
