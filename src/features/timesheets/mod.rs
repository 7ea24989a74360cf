//! Time: what somebody worked on, for how long, on which day. Everyone sees and edits their own entries, owners all.

pub mod report;
pub mod timer;
pub mod week;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Agent, Role};
use crate::core::error::{Error, FieldError, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::place::{Place, ProjectRecord, hide_unseen};
use crate::core::reference::{MaybeRef, Named, Ref, Referable};
use crate::core::store::{Change, delete, insert, one, optional};
use crate::core::text::Prose;
use crate::core::time::{Day, DayWord, Moment};
use crate::features::clients::ClientRecord;
use crate::features::tasks::{self, TaskRecord};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListTimesheets>(),
    Entry::of::<ListTimesheetUsers>(),
    Entry::of::<GetTimesheet>(),
    Entry::of::<AddTimesheet>(),
    Entry::of::<UpdateTimesheet>(),
    Entry::of::<DeleteTimesheet>(),
];

#[derive(Debug, Clone, Copy)]
pub struct TimesheetRecord;
impl Record for TimesheetRecord {
    const PREFIX: &'static str = "time";
    const NOUN: &'static str = "time entry";
}

/// Time that somebody spent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timesheet {
    pub id: Id<TimesheetRecord>,
    pub date: Day,
    pub minutes: i64,
    pub description: Option<String>,
    pub billable: bool,
    /// true: frozen for all but owners.
    pub validated: bool,
    pub account_id: Id<Account>,
    pub account: Named<Account>,
    /// The agent that wrote it on behalf of an account.
    pub agent_id: Option<Id<Agent>>,
    pub agent: Option<Named<Agent>>,
    pub project_id: Id<ProjectRecord>,
    pub project: Named<ProjectRecord>,
    pub project_key: String,
    pub client_id: Option<Id<ClientRecord>>,
    pub client: Option<Named<ClientRecord>>,
    pub task_id: Option<Id<TaskRecord>>,
    pub task: Option<Named<TaskRecord>>,
    /// `WEB-12`
    pub task_key: Option<String>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Timesheet {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/timesheets/{}", self.id))
    }
}

const COLUMNS: &str = "
    e.id, e.spent_on, e.minutes, e.description, e.billable, e.validated, a.id, a.name, g.id, g.name,
    p.id, p.name, p.key, c.id, c.name, t.id, t.title, t.number, e.created_at, e.updated_at, e.version";

/// A task that has moved on to another project is no longer shown.
const FROM: &str = "
    timesheet_entry e
    cross join project p on p.id = e.project_id
    cross join account a on a.id = e.account_id
    left join client c on c.id = p.client_id
    left join task t on t.id = e.task_id and t.project_id = e.project_id
    left join agent g on g.id = e.agent_id";

impl Timesheet {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Timesheet> {
        let (id, date, minutes, description) = (row.take()?, row.take()?, row.take()?, row.take()?);
        let (billable, validated) = (row.take()?, row.take()?);
        let account = Named { id: row.take()?, name: row.take()? };
        let agent = Named::read(row)?;
        let project = Named { id: row.take()?, name: row.take()? };
        let project_key: String = row.take()?;
        let client = Named::read(row)?;
        let task = Named::read(row)?;
        let number: Option<i64> = row.take()?;
        Ok(Timesheet {
            id,
            date,
            minutes,
            description,
            billable,
            validated,
            account_id: account.id,
            account,
            agent_id: agent.as_ref().map(|named| named.id),
            agent,
            project_id: project.id,
            project,
            task_key: number.map(|number| format!("{project_key}-{number}")),
            project_key,
            client_id: client.as_ref().map(|named| named.id),
            client,
            task_id: task.as_ref().map(|named| named.id),
            task,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn by_id(tx: &Tx, id: Id<TimesheetRecord>) -> Result<Timesheet> {
        let sql = format!("select {COLUMNS} from {FROM} where e.id = ?1");
        let mut entry = one(tx.conn(), &sql, [id], Timesheet::read)?;
        show_seen(tx, std::slice::from_mut(&mut entry))?;
        Ok(entry)
    }
}

/// What a project is called where somebody's own time outlasts their sight of it.
const CLOSED: &str = "Closed project";

/// One's own time stays one's own in a project that one no longer sees; what is in the project does not.
fn show_seen(tx: &Tx, entries: &mut [Timesheet]) -> Result<()> {
    hide_unseen(
        tx,
        entries,
        |entry| Some(entry.project_id),
        |entry| {
            entry.project.name = CLOSED.into();
            entry.project_key.clear();
            (entry.client_id, entry.client) = (None, None);
            (entry.task_id, entry.task, entry.task_key) = (None, None, None);
        },
    )
}

/// An entry that the caller sees, and where it stands.
struct Seen {
    /// `None` when the caller no longer sees the project.
    place: Option<Place>,
    account: Id<Account>,
    validated: bool,
}

/// One's own, and everybody's in a project one owns.
fn seen(tx: &Tx, id: Id<TimesheetRecord>) -> Result<Option<Seen>> {
    const FACTS: &str = "
        select project_id, account_id, validated from timesheet_entry where id = ?1 and workspace_id = ?2";
    let found = optional(tx.conn(), FACTS, (id, tx.workspace_id()), |row| {
        Ok((row.take::<Id<ProjectRecord>>()?, row.take::<Id<Account>>()?, row.take::<bool>()?))
    })?;
    let Some((project, account, validated)) = found else { return Ok(None) };
    let place = tx.place(project)?;
    let is_owner = place.as_ref().is_some_and(|place| place.role == Role::Owner);
    let is_own = tx.account_id() == Some(account) && tx.is_reached(project);
    Ok((is_owner || is_own).then_some(Seen { place, account, validated }))
}

/// An entry that the caller may change, and where it stands.
struct Changeable {
    place: Place,
    account: Id<Account>,
    validated: bool,
}

/// Where the caller still works; a validated entry is frozen for all but owners.
fn changeable<O: Operation>(cx: &Cx<'_, O>, id: Id<TimesheetRecord>) -> Result<Option<Changeable>> {
    let Some(Seen { place, account, validated }) = seen(cx, id)? else { return Ok(None) };
    let Some(place) = place.map(|place| cx.enter(place.id)).transpose()?.flatten() else {
        return Err(Error::conflict("The entry's project is closed to you. An owner of the project can change it."));
    };
    if validated && place.role < Role::Owner {
        return Err(Error::conflict(
            "The entry is validated. An owner of the project can change it, or free it again.",
        ));
    }
    Ok(Some(Changeable { place, account, validated }))
}

/// Nobody calls an entry by anything but its id.
impl Referable for TimesheetRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        Ok(seen(tx, id)?.is_some())
    }
    fn named(_: &Tx, _: &str) -> Result<Vec<(Id<Self>, String)>> {
        Ok(Vec::new())
    }
}

/// Whole minutes of at most a day.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(inline)]
pub struct Minutes(#[schemars(range(min = 1, max = 1_440))] i64);

const A_DAY: i64 = 1_440;

impl TryFrom<i64> for Minutes {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        match (1..=A_DAY).contains(&number) {
            true => Ok(Minutes(number)),
            false => Err(format!("must be 1 to {A_DAY} minutes, not {number}")),
        }
    }
}

/// The same as a number of hours, rounded to the minute.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(with = "f64", inline)]
pub struct Hours(i64);

impl TryFrom<f64> for Hours {
    type Error = String;
    fn try_from(hours: f64) -> Result<Self, String> {
        let minutes = (hours * 60.0).round();
        match (1.0..=A_DAY as f64).contains(&minutes) {
            true => Ok(Hours(minutes as i64)),
            false => Err(format!("must be more than 0 and at most 24 hours, not {hours}")),
        }
    }
}

/// The one of the two that was given.
fn spent(minutes: Option<Minutes>, hours: Option<Hours>) -> Result<Option<i64>> {
    match (minutes, hours) {
        (Some(_), Some(_)) => Err(Error::field("hours", "says the same as minutes; give one of the two")),
        (Some(Minutes(minutes)), None) | (None, Some(Hours(minutes))) => Ok(Some(minutes)),
        (None, None) => Ok(None),
    }
}

/// Time is planned at most a year ahead; what lies further is a slip of the finger.
fn day(tx: &Tx, date: DayWord) -> Result<Day> {
    let (day, today) = (date.day(tx.today()), tx.today());
    match day > today.plus_days(366) {
        true => Err(Error::field("date", format!("{day} is more than a year ahead"))),
        false => Ok(day),
    }
}

/// Where time is spent: at a task, or in a project.
struct Target {
    place: Place,
    task: Option<Id<TaskRecord>>,
}

fn target<O: Operation>(
    cx: &Cx<'_, O>,
    project: Option<&Ref<ProjectRecord>>,
    task: Option<&Ref<TaskRecord>>,
) -> Result<Target> {
    let target = match (project, task) {
        (None, None) => {
            let message = "say what it was for: projectId or taskId";
            let missing = |field: &str| FieldError { field: field.into(), message: message.into() };
            return Err(Error::fields(vec![missing("projectId"), missing("taskId")]));
        }
        (Some(project), None) => Target { place: cx.project_for("projectId", project)?, task: None },
        (None, Some(task)) => {
            let seen = tasks::seen_for(cx, "taskId", task)?;
            Target { place: seen.place, task: Some(seen.id) }
        }
        (Some(project), Some(task)) => {
            let place = cx.project_for("projectId", project)?;
            let task = task_in(cx, &place, task)?;
            Target { place, task: Some(task) }
        }
    };
    target.place.must_be_active()?;
    Ok(target)
}

/// The task, if it is one of the project's.
fn task_in<O: Operation>(cx: &Cx<'_, O>, place: &Place, task: &Ref<TaskRecord>) -> Result<Id<TaskRecord>> {
    let seen = tasks::seen_for(cx, "taskId", task)?;
    match seen.place.id == place.id {
        true => Ok(seen.id),
        false => Err(Error::field("taskId", format!("is in the project {}, not in {}", seen.place.key, place.key))),
    }
}

/// Which entries are meant, as lists and reports can be asked.
#[derive(Default)]
struct Wanted {
    project_id: Option<Ref<ProjectRecord>>,
    task_id: Option<Ref<TaskRecord>>,
    client_id: Option<Ref<ClientRecord>>,
    account_id: Option<Ref<Account>>,
    from: Option<DayWord>,
    to: Option<DayWord>,
    billable: Option<bool>,
    validated: Option<bool>,
}

/// The same, found and checked.
struct Chosen {
    project: Option<Id<ProjectRecord>>,
    task: Option<Id<TaskRecord>>,
    client: Option<Id<ClientRecord>>,
    account: Option<Id<Account>>,
    from: Option<Day>,
    to: Option<Day>,
    billable: Option<bool>,
    validated: Option<bool>,
}

impl Wanted {
    fn choose(self, tx: &Tx) -> Result<Chosen> {
        let today = tx.today();
        let chosen = Chosen {
            project: self.project_id.resolve_for("projectId", tx)?,
            task: self.task_id.resolve_for("taskId", tx)?,
            client: self.client_id.resolve_for("clientId", tx)?,
            account: self.account_id.resolve_for("accountId", tx)?,
            from: self.from.map(|word| word.day(today)),
            to: self.to.map(|word| word.day(today)),
            billable: self.billable,
            validated: self.validated,
        };
        match (chosen.from, chosen.to) {
            (Some(from), Some(to)) if from > to => Err(Error::field("from", format!("{from} is after {to}"))),
            _ => Ok(chosen),
        }
    }
}

impl Chosen {
    /// Those of the entries `e` in projects `p` that the caller sees: their own, and all in projects they own.
    fn select(&self, tx: &Tx, columns: &'static str, from: &'static str) -> Result<Select> {
        const OWNS_ANY: &str =
            "select exists (select 1 from project_membership where account_id = ?1 and role = 'OWNER')";
        let me = tx.account_id();
        let mut select = Select::new(columns, from, "e.id")
            .filter("e.workspace_id = ?", tx.workspace_id())
            .filter_some("e.project_id = ?", self.project)
            .filter_some("e.task_id = ?", self.task)
            .filter_some("e.account_id = ?", self.account)
            .filter_some("+p.client_id = ?", self.client)
            .filter_some("e.spent_on >= ?", self.from)
            .filter_some("e.spent_on <= ?", self.to)
            .filter_some("e.billable = ?", self.billable)
            .filter_some("e.validated = ?", self.validated)
            .within_reach(tx);
        if !tx.is_over_projects() {
            select = match one(tx.conn(), OWNS_ANY, [me], |row| row.take())? {
                false => select.filter("e.account_id = ?", me),
                true => select.parameter(me).filter("(+e.account_id = ? or +e.project_id in (select project_id from project_membership where account_id = ? and role = 'OWNER'))", me),
            };
        }
        Ok(select)
    }
}

pub const SORTS: &[Sort] = &[Sort::down("date", "e.spent_on"), Sort::down("updatedAt", "e.updated_at")];
const BRIEF: &[&str] = &["id", "date", "minutes", "description", "billable", "account", "project", "taskKey"];

/// List time entries, newest day first: your own, and everybody's in projects you own.
/// Sums: `timesheet.report`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListTimesheets {
    /// Key or name.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// Key or id.
    pub task_id: Option<Ref<TaskRecord>>,
    /// Name or id.
    pub client_id: Option<Ref<ClientRecord>>,
    /// E-mail, name or `me`.
    pub account_id: Option<Ref<Account>>,
    /// First day, e.g. `today`, `-7d`.
    pub from: Option<DayWord>,
    /// Last day.
    pub to: Option<DayWord>,
    /// Only these, or only others.
    pub billable: Option<bool>,
    /// Only these, or only others.
    pub validated: Option<bool>,
}

impl Operation for ListTimesheets {
    type Output = Page<Timesheet>;
    const SPEC: Spec = Spec {
        name: "timesheet.list",
        title: "List time entries",
        route: Route::get("/timesheets"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Time,
        more: More {
            aliases: &["timesheet.project_list", "timesheet.task_list", "list_time_entries"],
            synonyms: &[("userId", "accountId")],
            sorts: SORTS,
            brief: BRIEF,
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Timesheet>> {
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
        let mut page = wanted.choose(cx)?.select(cx, COLUMNS, FROM)?.page(cx, &Self::SPEC, Timesheet::read)?;
        show_seen(cx, &mut page.items)?;
        Ok(page)
    }
}

/// See whose time you can see, and how much each has.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListTimesheetUsers {
    /// Key or name.
    pub project_id: Option<Ref<ProjectRecord>>,
}

/// Somebody who spent time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimesheetUser {
    pub id: Id<Account>,
    pub name: String,
    pub total_minutes: i64,
}

impl Operation for ListTimesheetUsers {
    type Output = Page<TimesheetUser>;
    const SPEC: Spec = Spec {
        name: "timesheet.users",
        title: "See whose time there is",
        route: Route::get("/timesheets/users"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Time,
        more: More::NONE,
    };
    fn is_slow(&self) -> bool {
        true
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<TimesheetUser>> {
        const USERS: &str = "a.id, a.name, sum(e.minutes)";
        const FROM: &str = "
            timesheet_entry e cross join project p on p.id = e.project_id cross join account a on a.id = e.account_id";
        let wanted = Wanted { project_id: self.project_id, ..Wanted::default() };
        let items = wanted.choose(cx)?.select(cx, USERS, FROM)?.all(
            cx,
            "group by a.id order by a.name collate nocase, a.id limit 500",
            |row| Ok(TimesheetUser { id: row.take()?, name: row.take()?, total_minutes: row.take()? }),
        )?;
        Ok(Page { items, next_cursor: None, total: None })
    }
}

/// Read one time entry.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetTimesheet {
    /// The entry's id.
    pub timesheet_id: Ref<TimesheetRecord>,
}

impl Operation for GetTimesheet {
    type Output = Timesheet;
    const SPEC: Spec = Spec {
        name: "timesheet.get",
        title: "Read a time entry",
        route: Route::get("/timesheets/{timesheetId}"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Time,
        more: More { aliases: &["get_time_entry"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Timesheet> {
        Timesheet::by_id(cx, self.timesheet_id.resolve(cx)?)
    }
}

/// Log time on a task or in a project.
/// While it is being done: `timesheet.timer.start`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddTimesheet {
    /// Else the task's.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// Key or id.
    pub task_id: Option<Ref<TaskRecord>>,
    /// 1 to 1440.
    pub minutes: Option<Minutes>,
    /// Instead of minutes: 1.5.
    pub hours: Option<Hours>,
    /// e.g. `2027-03-01`, `yesterday`; else today.
    pub date: Option<DayWord>,
    /// What was done.
    pub description: Option<Prose<2_000>>,
    /// Else true.
    pub billable: Option<bool>,
    /// Whose: e-mail, name or id; owners only.
    pub account_id: Option<Ref<Account>>,
    /// Owners: true freezes it.
    pub validated: Option<bool>,
}

impl Operation for AddTimesheet {
    type Output = Timesheet;
    const SPEC: Spec = Spec {
        name: "timesheet.add",
        title: "Log time",
        route: Route::post("/timesheets"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Time,
        more: More { aliases: &["log_time"], synonyms: &[("userId", "accountId")], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Timesheet> {
        let minutes = spent(self.minutes, self.hours)?;
        let minutes = minutes.ok_or_else(|| Error::field("minutes", "is required, or hours in its place"))?;
        let target = target(cx, self.project_id.as_ref(), self.task_id.as_ref())?;
        let account = match self.account_id.resolve_for("accountId", cx)? {
            Some(account) => account,
            None => cx.signed_in()?.id,
        };
        if Some(account) != cx.account_id() {
            target.place.must_allow(Role::Owner, "Log time for others")?;
        }
        if self.validated == Some(true) {
            target.place.must_allow(Role::Owner, "Validate time")?;
        }
        let mut row = Change::of("timesheet_entry");
        row.set("workspace_id", cx.workspace_id())?
            .set("project_id", target.place.id)?
            .set("task_id", target.task)?
            .set("account_id", account)?
            .set("agent_id", cx.agent_id())?
            .set("spent_on", self.date.map_or_else(|| Ok(cx.today()), |date| day(cx, date))?)?
            .set("minutes", minutes)?
            .set("description", self.description)?
            .set("billable", self.billable.unwrap_or(true))?
            .set("validated", self.validated.unwrap_or(false))?;
        Timesheet::by_id(cx, insert(cx, row)?)
    }
}

/// Change a time entry.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateTimesheet {
    /// The entry's id.
    #[schemars(required)]
    pub timesheet_id: Ref<TimesheetRecord>,
    /// 1 to 1440.
    pub minutes: Patch<Minutes>,
    /// Instead of minutes: 1.5.
    pub hours: Patch<Hours>,
    /// e.g. `2027-03-01`, `yesterday`.
    pub date: Patch<DayWord>,
    /// What was done.
    pub description: Patch<Prose<2_000>>,
    /// Is the client charged for it?
    pub billable: Patch<bool>,
    /// A task of the same project.
    pub task_id: Patch<Ref<TaskRecord>>,
    /// Owners only: whose time it is.
    pub account_id: Patch<Ref<Account>>,
    /// Owners: true freezes it.
    pub validated: Patch<bool>,
}

impl Operation for UpdateTimesheet {
    type Output = Timesheet;
    const SPEC: Spec = Spec {
        name: "timesheet.update",
        title: "Change a time entry",
        route: Route::patch("/timesheets/{timesheetId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Time,
        more: More { aliases: &["update_time_entry"], synonyms: &[("userId", "accountId")], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Timesheet> {
        let (id, seen) = self.timesheet_id.find(cx, |id| Ok(changeable(cx, id)?.map(|seen| (id, seen))))?;
        let minutes = spent(self.minutes.never_cleared("minutes")?, self.hours.never_cleared("hours")?)?;
        let date = self.date.never_cleared("date")?.map(|date| day(cx, date)).transpose()?;
        let task = self.task_id.try_map(|task| task_in(cx, &seen.place, &task))?;
        let validated = self.validated.never_cleared("validated")?;
        if validated.is_some_and(|validated| validated != seen.validated) {
            seen.place.must_allow(Role::Owner, "Validate time")?;
        }
        let account = self.account_id.never_cleared("accountId")?.resolve_for("accountId", cx)?;
        if account.is_some_and(|account| account != seen.account) {
            seen.place.must_allow(Role::Owner, "Log time for others")?;
        }
        let mut row = Change::existing(cx, "timesheet_entry", id)?;
        row.patch("minutes", &minutes.into())?
            .patch("spent_on", &date.into())?
            .patch("description", &self.description)?
            .patch("billable", &self.billable.never_cleared("billable")?.into())?
            .patch("task_id", &task)?
            .patch("account_id", &account.into())?
            .patch("validated", &validated.into())?;
        row.update(cx, id)?;
        Timesheet::by_id(cx, id)
    }
}

/// Delete a time entry.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteTimesheet {
    /// The entry's id.
    pub timesheet_id: Ref<TimesheetRecord>,
}

impl Operation for DeleteTimesheet {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "timesheet.delete",
        title: "Delete a time entry",
        route: Route::delete("/timesheets/{timesheetId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Destructive,
        toolset: Toolset::Time,
        more: More { aliases: &["delete_time_entry"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let id = self.timesheet_id.find(cx, |id| Ok(changeable(cx, id)?.map(|_| id)))?;
        delete(cx, "timesheet_entry", id)
    }
}
