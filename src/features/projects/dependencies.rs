//! Which projects wait for which others.

use rusqlite::named_params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::place::{ProjectRecord, Sight, VISIBLE};
use crate::core::reference::Ref;
use crate::core::store::{Change, all, delete, insert, one, optional};
use crate::core::time::Moment;

use super::ProjectLine;

pub const OPERATIONS: &[Entry] = &[Entry::of::<AddDependency>(), Entry::of::<RemoveDependency>()];

#[derive(Debug, Clone, Copy)]
pub struct DependencyRecord;
impl Record for DependencyRecord {
    const PREFIX: &'static str = "pdep";
    const NOUN: &'static str = "dependency";
}

/// Where dependencies are kept: who waits, and for what.
#[derive(Debug, Clone, Copy)]
pub enum Graph {
    Projects,
    Tasks,
}

/// The shortest way along dependencies from one record to another, both ends included. Before `a` is made to depend on
/// `b`, a way from `b` to `a` is the cycle that would close: ask `path_between(tx, graph, b, a)`.
pub fn path_between<T>(tx: &Tx, graph: Graph, from: Id<T>, to: Id<T>) -> Result<Option<Vec<Id<T>>>> {
    // Breadth first, each dependency once: the first time a record is reached is by its shortest way.
    const THROUGH_PROJECTS: &str = "
        with recursive reached (id, via) as (
          select ?1, null union select d.depends_on_id, d.project_id
            from reached r cross join project_dependency d on d.project_id = r.id)
        select id, via from reached";
    const THROUGH_TASKS: &str = "
        with recursive reached (id, via) as (
          select ?1, null union select d.depends_on_id, d.task_id
            from reached r cross join task_dependency d on d.task_id = r.id)
        select id, via from reached";
    let sql = match graph {
        Graph::Projects => THROUGH_PROJECTS,
        Graph::Tasks => THROUGH_TASKS,
    };
    let mut came_from = std::collections::HashMap::new();
    let mut statement = tx.conn().prepare_cached(sql)?;
    let mut rows = statement.query([from])?;
    while let Some(row) = rows.next()? {
        let (id, via): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        came_from.entry(id).or_insert(via);
        if id == to.raw() {
            let mut path = vec![id];
            while let Some(Some(before)) = path.last().and_then(|last| came_from.get(last)) {
                path.push(*before);
            }
            path.reverse();
            return Ok(Some(path.into_iter().map(Id::from_raw).collect()));
        }
    }
    Ok(None)
}

/// One project waits for another.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    pub id: Id<DependencyRecord>,
    /// The one that waits.
    pub project: ProjectLine,
    /// What it waits for.
    pub depends_on: ProjectLine,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Dependency {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

/// The projects that this one waits for, as far as the caller sees them.
pub fn depends_on(tx: &Tx, project: Id<ProjectRecord>) -> Result<Vec<ProjectLine>> {
    neighbours(tx, project, "d.project_id = :project", "d.depends_on_id")
}

/// The projects that wait for this one.
pub fn depended_on_by(tx: &Tx, project: Id<ProjectRecord>) -> Result<Vec<ProjectLine>> {
    neighbours(tx, project, "d.depends_on_id = :project", "d.project_id")
}

fn neighbours(tx: &Tx, project: Id<ProjectRecord>, condition: &str, other: &str) -> Result<Vec<ProjectLine>> {
    let columns = ProjectLine::COLUMNS;
    let sql = format!(
        "select {columns} from project_dependency d cross join project p on p.id = {other}
          where {condition} and {VISIBLE} order by d.id limit 100"
    );
    let Sight { all: sees_all, me, projects } = tx.sight();
    let parameters = named_params! { ":project": project, ":all": sees_all, ":me": me, ":projects": projects };
    all(tx.conn(), &sql, parameters, ProjectLine::read)
}

fn between(tx: &Tx, project: Id<ProjectRecord>, other: Id<ProjectRecord>) -> Result<Option<Id<DependencyRecord>>> {
    const BETWEEN: &str = "select id from project_dependency where project_id = ?1 and depends_on_id = ?2";
    optional(tx.conn(), BETWEEN, (project, other), |row| row.take())
}

/// Let a project depend on another one of the workspace.
/// Between tasks: `task.dependency.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddDependency {
    /// The project that waits.
    pub project_id: Ref<ProjectRecord>,
    /// The project it waits for.
    pub depends_on_id: Ref<ProjectRecord>,
}

impl Operation for AddDependency {
    type Output = Dependency;
    const SPEC: Spec = Spec {
        name: "project.dependency.add",
        title: "Add a project dependency",
        route: Route::post("/projects/{projectId}/dependencies"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["project.dependencies.add"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Dependency> {
        let place = cx.project(&self.project_id)?;
        place.must_be_active()?;
        let other = self.depends_on_id.resolve_for("dependsOnId", cx)?;
        if other == place.id {
            return Err(Error::field("dependsOnId", "is the project itself; name another one"));
        }
        if between(cx, place.id, other)?.is_some() {
            return Err(Error::conflict(format!("{} depends on it already.", place.key)));
        }
        if let Some(path) = path_between(cx, Graph::Projects, other, place.id)? {
            return Err(Error::conflict(format!("That would close a cycle: {}.", told(cx, place.id, &path)?)));
        }
        let mut row = Change::of("project_dependency");
        row.set("project_id", place.id)?.set("depends_on_id", other)?;
        let id = insert(cx, row)?;
        const TIMES: &str = "select created_at, updated_at, version from project_dependency where id = ?1";
        let (created_at, updated_at, version) =
            one(cx.conn(), TIMES, [id], |row| Ok((row.take()?, row.take()?, row.take()?)))?;
        let line = |project: Id<ProjectRecord>| {
            let sql = format!("select {} from project p where p.id = ?1", ProjectLine::COLUMNS);
            one(cx.conn(), &sql, [project], ProjectLine::read)
        };
        Ok(Dependency { id, project: line(place.id)?, depends_on: line(other)?, created_at, updated_at, version })
    }
}

/// `WEB → API → OPS → WEB`; what the caller may not see is `…`.
fn told(tx: &Tx, start: Id<ProjectRecord>, path: &[Id<ProjectRecord>]) -> Result<String> {
    let mut keys = Vec::with_capacity(path.len() + 1);
    for id in std::iter::once(&start).chain(path) {
        keys.push(tx.place(*id)?.map_or_else(|| "…".to_owned(), |place| place.key));
    }
    Ok(keys.join(" → "))
}

/// Let a project no longer depend on another one.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveDependency {
    /// The project that waits.
    pub project_id: Ref<ProjectRecord>,
    /// The project it waits for.
    pub depends_on_id: Ref<ProjectRecord>,
}

impl Operation for RemoveDependency {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "project.dependency.remove",
        title: "Remove a project dependency",
        route: Route::delete("/projects/{projectId}/dependencies/{dependsOnId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Destructive,
        toolset: Toolset::Projects,
        more: More { aliases: &["project.dependencies.remove"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let place = cx.project(&self.project_id)?;
        let other = self.depends_on_id.resolve_for("dependsOnId", cx)?;
        let known = between(cx, place.id, other)?
            .ok_or_else(|| Error::not_found("dependency on", self.depends_on_id.text()))?;
        delete(cx, "project_dependency", known)
    }
}
