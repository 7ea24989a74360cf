//! One project with everything that its page shows.

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::money::{Currency, Money};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::ProjectRecord;
use crate::core::reference::{Named, Ref};
use crate::core::store::{all, one};
use crate::core::time::Day;
use crate::features::crm::deals::{DealRecord, DealStatus, ListDeals};
use crate::features::tasks::TaskRecord;

use super::dependencies;
use super::labels::{self, Label};
use super::members::{self, ProjectMember};
use super::statuses::{self, Status, StatusType};
use super::{Project, ProjectLine};

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetProject>()];

/// Read a project: counts, statuses, labels, members, dependencies, newest tasks, time, deals.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetProject {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectDetail {
    #[serde(flatten)]
    pub project: Project,
    pub counts: Counts,
    /// From the left of the board.
    pub statuses: Vec<Status>,
    /// The first 200 by name.
    pub labels: Vec<Label>,
    /// The first 100 by name.
    pub members: Vec<ProjectMember>,
    /// The projects it waits for.
    pub depends_on: Vec<ProjectLine>,
    /// The projects that wait for it.
    pub depended_on_by: Vec<ProjectLine>,
    /// The ten that changed last.
    pub recent_tasks: Vec<RecentTask>,
    pub time_summary: TimeSummary,
    /// The newest 100 linked to it; empty for who may not read the CRM.
    pub deals: Vec<LinkedDeal>,
}

impl Answer for ProjectDetail {
    fn version(&self) -> Option<i64> {
        self.project.version()
    }
}

/// Tasks of a project.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Neither done nor archived.
    pub open_tasks: i64,
    /// Done and not archived.
    pub done_tasks: i64,
    /// Open ones that were due before today.
    pub overdue_tasks: i64,
    pub archived_tasks: i64,
}

impl Counts {
    /// Index-only, but for a look at each open task that is overdue.
    fn of(tx: &Tx, project: Id<ProjectRecord>, statuses: &[Status]) -> Result<Counts> {
        const COUNTS: &str = "
            select (select count(*) from task where project_id = :project),
                   (select count(*) from task
                     where project_id = :project and ifnull(due_on, '9999-12-31') < :today
                       and status_id in (select id from task_status where project_id = :project and type <> 'DONE')
                       and archived_at is null)";
        let parameters = named_params! { ":project": project, ":today": tx.today() };
        let (tasks, overdue_tasks) =
            one(tx.conn(), COUNTS, parameters, |row| Ok((row.take::<i64>()?, row.take::<i64>()?)))?;
        let shown: i64 = statuses.iter().map(|status| status.task_count).sum();
        let done = statuses.iter().filter(|status| status.kind == StatusType::Done);
        let done_tasks = done.map(|status| status.task_count).sum();
        Ok(Counts { open_tasks: shown - done_tasks, done_tasks, overdue_tasks, archived_tasks: tasks - shown })
    }
}

/// A task where its project tells of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentTask {
    pub id: Id<TaskRecord>,
    pub key: String,
    pub title: String,
    /// The status's name.
    pub status: String,
    /// P1 is urgent.
    pub priority: String,
    pub owner: Option<Named<Account>>,
    pub due_date: Option<Day>,
}

fn recent_tasks(tx: &Tx, project: &Project) -> Result<Vec<RecentTask>> {
    const RECENT: &str = "
        select t.id, t.number, t.title, s.name, t.priority, a.id, a.name, t.due_on
          from task t cross join task_status s on s.id = t.status_id left join account a on a.id = t.owner_id
         where t.project_id = ?1 and t.archived_at is null
         order by t.updated_at desc, t.id desc limit 10";
    all(tx.conn(), RECENT, [project.id], |row| {
        Ok(RecentTask {
            id: row.take()?,
            key: format!("{}-{}", project.key, row.take::<i64>()?),
            title: row.take()?,
            status: row.take()?,
            priority: row.take()?,
            owner: Named::read(row)?,
            due_date: row.take()?,
        })
    })
}

/// Time logged in a project, by everybody.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeSummary {
    pub total_minutes: i64,
    pub billable_minutes: i64,
    pub non_billable_minutes: i64,
    pub validated_minutes: i64,
    /// How many entries.
    pub entries: i64,
}

fn time_summary(tx: &Tx, project: Id<ProjectRecord>) -> Result<TimeSummary> {
    const SUMMARY: &str = "
        select ifnull(sum(minutes), 0), ifnull(sum(minutes) filter (where billable), 0),
               ifnull(sum(minutes) filter (where not billable), 0), ifnull(sum(minutes) filter (where validated), 0), count(*)
          from timesheet_entry where project_id = ?1";
    one(tx.conn(), SUMMARY, [project], |row| {
        Ok(TimeSummary {
            total_minutes: row.take()?,
            billable_minutes: row.take()?,
            non_billable_minutes: row.take()?,
            validated_minutes: row.take()?,
            entries: row.take()?,
        })
    })
}

/// A deal that a project came from or belongs to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedDeal {
    pub id: Id<DealRecord>,
    pub title: String,
    pub status: DealStatus,
    /// In whole units of `currency`.
    #[schemars(with = "Option<f64>")]
    pub value: Option<Money>,
    pub currency: Option<Currency>,
}

fn deals(tx: &Tx, project: Id<ProjectRecord>) -> Result<Vec<LinkedDeal>> {
    const LINKED: &str = "
        select id, title, status, value_minor, currency from crm_deal
         where project_id = ?1 and archived_at is null order by id desc limit 100";
    if !tx.config().crm || !tx.caller().identity.allows(&ListDeals::SPEC) {
        return Ok(Vec::new());
    }
    all(tx.conn(), LINKED, [project], |row| {
        let (id, title, status) = (row.take()?, row.take()?, row.take()?);
        let (minor, currency) = (row.take::<Option<i64>>()?, row.take::<Option<Currency>>()?);
        let value = minor.zip(currency).map(|(minor, currency)| Money { minor, currency });
        Ok(LinkedDeal { id, title, status, value, currency })
    })
}

impl Operation for GetProject {
    type Output = ProjectDetail;
    const SPEC: Spec = Spec {
        name: "project.get",
        title: "Read a project",
        route: Route::get("/projects/{projectId}"),
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More { aliases: &["get_project", "get_project_summary"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ProjectDetail> {
        let id = cx.project(&self.project_id)?.id;
        let project = Project::by_id(cx, id)?;
        let statuses = statuses::of_project(cx, id)?;
        Ok(ProjectDetail {
            counts: Counts::of(cx, id, &statuses)?,
            statuses,
            labels: labels::of_project(cx, id)?,
            members: members::of_project(cx, id)?,
            depends_on: dependencies::depends_on(cx, id)?,
            depended_on_by: dependencies::depended_on_by(cx, id)?,
            recent_tasks: recent_tasks(cx, &project)?,
            time_summary: time_summary(cx, id)?,
            deals: deals(cx, id)?,
            project,
        })
    }
}
