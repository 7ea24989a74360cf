//! The timer: one running clock for each account. Stopping it makes a time entry.

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Membership, Role, Workspace};
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::Columns;
use crate::core::place::{ProjectRecord, Sight, VISIBLE};
use crate::core::reference::{Named, Ref};
use crate::core::store::{Change, insert, optional, run};
use crate::core::text::Prose;
use crate::core::time::Moment;
use crate::features::tasks::TaskRecord;

use super::{A_DAY, CLOSED, Minutes, Timesheet, target};

pub const OPERATIONS: &[Entry] = &[Entry::of::<StartTimer>(), Entry::of::<StopTimer>(), Entry::of::<GetTimer>()];

#[derive(Debug, Clone, Copy)]
pub struct TimerRecord;
impl Record for TimerRecord {
    const PREFIX: &'static str = "timer";
    const NOUN: &'static str = "timer";
}

/// The clock that the caller has running.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timer {
    pub id: Id<TimerRecord>,
    pub workspace_id: Id<Workspace>,
    pub project_id: Id<ProjectRecord>,
    pub project: Named<ProjectRecord>,
    pub task_id: Option<Id<TaskRecord>>,
    pub task: Option<Named<TaskRecord>>,
    /// `WEB-12`
    pub task_key: Option<String>,
    pub description: Option<String>,
    pub billable: bool,
    pub started_at: Moment,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

const RUNNING: &str = "
    select r.id, r.workspace_id, p.id, p.name, t.id, t.title, p.key || '-' || t.number, r.description, r.billable,
           r.started_at, r.created_at, r.updated_at, r.version
      from running_timer r
      join project p on p.id = r.project_id
      left join task t on t.id = r.task_id and t.project_id = r.project_id
     where r.account_id = ?1";

impl Timer {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Timer> {
        let (id, workspace_id) = (row.take()?, row.take()?);
        let project = Named { id: row.take()?, name: row.take()? };
        let task = Named::read(row)?;
        Ok(Timer {
            id,
            workspace_id,
            project_id: project.id,
            project,
            task_id: task.as_ref().map(|named| named.id),
            task,
            task_key: row.take()?,
            description: row.take()?,
            billable: row.take()?,
            started_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }
}

/// The caller's clock, wherever it runs.
fn running(tx: &Tx) -> Result<Option<Timer>> {
    optional(tx.conn(), RUNNING, [tx.signed_in()?.id], Timer::read)
}

/// Stops the clock of somebody who leaves the workspace: they could neither stop it nor start another one.
pub fn stop_for_leaving(tx: &Tx, account: Id<Account>) -> Result<()> {
    let timer = optional(tx.conn(), RUNNING, [account], Timer::read)?;
    match timer.filter(|timer| timer.workspace_id == tx.workspace_id()) {
        Some(timer) => stop(tx, account, timer, None, None).map(drop),
        None => Ok(()),
    }
}

/// A narrowed key does not reach a clock that runs outside of what it is for.
fn is_within_reach(tx: &Tx, timer: &Timer) -> bool {
    tx.caller().identity.key().is_none_or(|key| {
        key.pinned_to.is_none_or(|pin| pin == timer.workspace_id)
            && key.projects.as_ref().is_none_or(|projects| projects.contains(&timer.project_id))
    })
}

/// The clock runs on in a project that was closed to its owner; what is in the project is not told.
fn show_seen(tx: &Tx, timer: &mut Timer) -> Result<()> {
    static SEEN: LazyLock<String> =
        LazyLock::new(|| format!("select 1 from project p where p.id = :project and {VISIBLE}"));
    let identity = &tx.caller().identity;
    // It may run in another workspace than the one the caller is in now.
    let owns = |membership: &Membership| membership.workspace == timer.workspace_id && membership.role == Role::Owner;
    let Sight { me, projects, .. } = tx.sight();
    let parameters = named_params! {
        ":project": timer.project_id, ":all": identity.is_platform_admin() || identity.workspaces().any(owns),
        ":me": me, ":projects": projects,
    };
    if optional(tx.conn(), &SEEN, parameters, |row| row.take::<i64>())?.is_none() {
        timer.project.name = CLOSED.into();
        (timer.task_id, timer.task, timer.task_key) = (None, None, None);
    }
    Ok(())
}

/// Ends the clock with an entry on the day it was started. Nobody loses time because a project was closed meanwhile.
fn stop(
    tx: &Tx,
    account: Id<Account>,
    timer: Timer,
    minutes: Option<Minutes>,
    description: Option<Prose<2_000>>,
) -> Result<Timesheet> {
    let elapsed = (tx.now().ms() - timer.started_at.ms()).max(0) as u64;
    let minutes = minutes.map_or_else(|| (elapsed.div_ceil(60_000) as i64).clamp(1, A_DAY), |Minutes(minutes)| minutes);
    run(tx.conn(), "delete from running_timer where id = ?1", [timer.id])?;
    let mut row = Change::of("timesheet_entry");
    row.set("workspace_id", timer.workspace_id)?
        .set("project_id", timer.project_id)?
        .set("task_id", timer.task_id)?
        .set("account_id", account)?
        .set("agent_id", tx.agent_id())?
        .set("spent_on", timer.started_at.day(&tx.time_zone()))?
        .set("minutes", minutes)?
        .set("description", description.map_or(timer.description, |text| Some(text.as_str().to_owned())))?
        .set("billable", timer.billable)?;
    Timesheet::by_id(tx, insert(tx, row)?)
}

/// Start the clock on a task or in a project. One that runs is stopped, its time kept.
/// Afterwards: `timesheet.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartTimer {
    /// Else the task's.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// Key or id.
    pub task_id: Option<Ref<TaskRecord>>,
    /// What is being done.
    pub description: Option<Prose<2_000>>,
    /// Else true.
    pub billable: Option<bool>,
}

/// The new clock, and what became of the one before.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    #[serde(flatten)]
    pub timer: Timer,
    /// The entry of the clock that was stopped for it.
    pub stopped: Option<Timesheet>,
}
impl Answer for Started {}

impl Operation for StartTimer {
    type Output = Started;
    const SPEC: Spec = Spec {
        name: "timesheet.timer.start",
        title: "Start the timer",
        route: Route::post("/timesheets/timer/start"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Time,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Started> {
        let account = cx.signed_in()?.id;
        let target = target(cx, self.project_id.as_ref(), self.task_id.as_ref())?;
        let stopped = match running(cx)? {
            None => None,
            Some(before) if is_within_reach(cx, &before) => Some(stop(cx, account, before, None, None)?),
            Some(_) => return Err(Error::conflict("A timer runs where this key does not reach; stop it there first.")),
        };
        let mut row = Change::of("running_timer");
        row.set("account_id", account)?
            .set("workspace_id", cx.workspace_id())?
            .set("project_id", target.place.id)?
            .set("task_id", target.task)?
            .set("description", self.description)?
            .set("billable", self.billable.unwrap_or(true))?
            .set("started_at", cx.now())?;
        insert::<TimerRecord>(cx, row)?;
        let timer = running(cx)?.ok_or_else(|| Error::internal("a timer just started is gone"))?;
        Ok(Started { timer, stopped })
    }
}

/// Stop the clock: its time becomes an entry.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StopTimer {
    /// What was done.
    pub description: Option<Prose<2_000>>,
    /// 1 to 1440; else what the clock says.
    pub minutes: Option<Minutes>,
}

impl Operation for StopTimer {
    type Output = Timesheet;
    const SPEC: Spec = Spec {
        name: "timesheet.timer.stop",
        title: "Stop the timer",
        route: Route::post("/timesheets/timer/stop"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Time,
        // Whoever may start it somewhere may stop it.
        more: More { or_in_a_project: true, ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Timesheet> {
        let timer = running(cx)?.filter(|timer| is_within_reach(cx, timer));
        let timer = timer.ok_or_else(|| Error::conflict("No timer is running; timesheet.timer.start starts one."))?;
        stop(cx, cx.signed_in()?.id, timer, self.minutes, self.description)
    }
}

/// See the clock that is running: for the head of every page.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetTimer {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// null: none is running.
    pub timer: Option<Timer>,
}
impl Answer for Running {}

impl Operation for GetTimer {
    type Output = Running;
    const SPEC: Spec = Spec {
        name: "timesheet.timer.get",
        title: "See the timer",
        route: None,
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Time,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Running> {
        let mut timer = running(cx)?.filter(|timer| is_within_reach(cx, timer));
        if let Some(timer) = &mut timer {
            show_seen(cx, timer)?;
        }
        Ok(Running { timer })
    }
}
