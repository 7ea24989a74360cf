//! All projects at a glance.

use std::sync::LazyLock;

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::Result;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset};
use crate::core::place::{Sight, VISIBLE};
use crate::core::store::one;

pub const OPERATIONS: &[Entry] = &[Entry::of::<SummarizeProjects>()];

/// See how work stands in all projects: open, overdue, in review, done this week.
/// One project: `project.get`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SummarizeProjects {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectsSummary {
    pub active_projects: i64,
    pub open_tasks: i64,
    /// Open ones that were due before today.
    pub overdue_tasks: i64,
    pub review_tasks: i64,
    /// Done since Monday.
    pub done_this_week: i64,
    /// `Good`, or `Needs review` when more than three tasks wait for it.
    pub cycle_health: &'static str,
}
impl Answer for ProjectsSummary {}

/// Of projects that are not archived. Statuses are counted in the index of the boards; who is done this week was changed
/// this week, which an index knows.
static SUMMARY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with seen as materialized (
           select p.id from project p where p.workspace_id = :workspace and p.archived_at is null and {VISIBLE}),
         open as materialized (
           select s.id, s.type, (select count(*) from task t indexed by task_on_board where t.status_id = s.id and t.archived_at is null) as tasks
             from seen cross join task_status s on s.project_id = seen.id where s.type <> 'DONE')
         select (select count(*) from seen),
                (select ifnull(sum(tasks), 0) from open),
                (select count(*) from task t indexed by task_open_by_due
                  where t.workspace_id = :workspace and ifnull(t.due_on, '9999-12-31') < :today
                    and t.completed_at is null and t.archived_at is null and t.status_id in (select id from open)),
                (select ifnull(sum(tasks), 0) from open where type = 'REVIEW'),
                (select count(*) from task t
                  where t.workspace_id = :workspace and t.updated_at >= :monday and t.completed_at >= :monday
                    and t.archived_at is null and +t.project_id in (select id from seen))"
    )
});

impl Operation for SummarizeProjects {
    type Output = ProjectsSummary;
    const SPEC: Spec = Spec {
        name: "project.summary",
        title: "All projects at a glance",
        route: Route::get("/projects/summary"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More::NONE,
    };

    /// It counts everything.
    fn is_slow(&self) -> bool {
        true
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<ProjectsSummary> {
        let Sight { all, me, projects } = cx.sight();
        let last_sunday = cx.today().end_of_week().plus_days(-7);
        let monday = last_sunday.end(&cx.time_zone()).ms() + 1;
        let parameters = named_params! {
            ":workspace": cx.workspace_id(), ":today": cx.today(), ":monday": monday,
            ":all": all, ":me": me, ":projects": projects,
        };
        one(cx.conn(), &SUMMARY, parameters, |row| {
            let (active_projects, open_tasks, overdue_tasks) = (row.take()?, row.take()?, row.take()?);
            let (review_tasks, done_this_week) = (row.take::<i64>()?, row.take()?);
            let cycle_health = if review_tasks > 3 { "Needs review" } else { "Good" };
            Ok(ProjectsSummary {
                active_projects,
                open_tasks,
                overdue_tasks,
                review_tasks,
                done_this_week,
                cycle_health,
            })
        })
    }
}
