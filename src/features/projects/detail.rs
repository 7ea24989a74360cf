//! One project with everything that its page shows.

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::ProjectRecord;
use crate::core::reference::{Named, Ref};
use crate::core::store::{all, one};
use crate::core::time::Day;
use crate::features::crm::bridges::{self, LinkedDeal};
use crate::features::tasks::TaskRecord;
use crate::features::tasks::task::Priority;
use crate::features::timesheets::report::Sums;

use super::dependencies;
use super::labels::{self, Label};
use super::members::{self, ProjectMember};
use super::statuses::{self, Status, StatusType};
use super::{Project, ProjectLine};

pub const OPERATIONS: &[Entry] = &[Entry::of::<GetProject>()];

/// Read a project: counts, statuses, labels, members, dependencies, newest tasks, time, deals.
/// Its cards: `board.get`.
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
    /// Time logged in it, by everybody.
    pub time_summary: Sums,
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
    /// In indexes alone: what is open stands in one by when it is due.
    fn of(tx: &Tx, project: Id<ProjectRecord>, statuses: &[Status]) -> Result<Counts> {
        const COUNTS: &str = "
            select (select count(*) from task where project_id = :project),
                   (select count(*) from task indexed by task_open_in_project_by_due
                     where project_id = :project and ifnull(due_on, '9999-12-31') < :today
                       and completed_at is null and archived_at is null)";
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
    pub priority: Priority,
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
            time_summary: Sums::of_project(cx, id)?,
            deals: bridges::deals_of(cx, id, 100)?,
            project,
        })
    }
}
