//! Statuses: the columns of a project's board.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::Role;
use crate::core::error::{Error, FieldError, Kind, Result, quoted};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::place::{Place, ProjectRecord};
use crate::core::reference::Ref;
use crate::core::store::{Change, all, delete, insert, one, optional, run};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::crm::bridges;
use crate::features::tasks::order;

use super::color::Color;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListStatuses>(),
    Entry::of::<CreateStatus>(),
    Entry::of::<UpdateStatus>(),
    Entry::of::<DeleteStatus>(),
    Entry::of::<ReorderStatuses>(),
];

#[derive(Debug, Clone, Copy)]
pub struct StatusRecord;
impl Record for StatusRecord {
    const PREFIX: &'static str = "stat";
    const NOUN: &'static str = "status";
}

choices! {
    /// What a status means for the work in it.
    pub enum StatusType {
        Backlog = "BACKLOG", Todo = "TODO", InProgress = "IN_PROGRESS", Blocked = "BLOCKED", Review = "REVIEW", Done = "DONE",
    }
}

impl StatusType {
    const fn color(self) -> &'static str {
        match self {
            StatusType::Backlog => "#64748b",
            StatusType::Todo => "#0891b2",
            StatusType::InProgress => "#2563eb",
            StatusType::Blocked => "#dc2626",
            StatusType::Review => "#d97706",
            StatusType::Done => "#16a34a",
        }
    }
}

/// More columns than a board can show.
const MOST: usize = 50;

/// A column of a project's board.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub id: Id<StatusRecord>,
    pub project_id: Id<ProjectRecord>,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: StatusType,
    /// From the left, the first is 0.
    pub position: i64,
    /// `#rrggbb`
    pub color: String,
    /// Tasks in it that are not archived.
    pub task_count: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Status {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

/// The tasks are counted in the index of the board alone; left to itself the planner reads each of them.
const COLUMNS: &str = "
    s.id, s.project_id, s.name, s.type, s.position, s.color,
    (select count(*) from task t indexed by task_on_board where t.status_id = s.id and t.archived_at is null),
    s.created_at, s.updated_at, s.version";

impl Status {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Status> {
        Ok(Status {
            id: row.take()?,
            project_id: row.take()?,
            name: row.take()?,
            kind: row.take()?,
            position: row.take()?,
            color: row.take()?,
            task_count: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn by_id(tx: &Tx, id: Id<StatusRecord>) -> Result<Status> {
        one(tx.conn(), &format!("select {COLUMNS} from task_status s where s.id = ?1"), [id], Status::read)
    }
}

/// All statuses of a project, from the left.
pub fn of_project(tx: &Tx, project: Id<ProjectRecord>) -> Result<Vec<Status>> {
    let sql =
        format!("select {COLUMNS} from task_status s where s.project_id = ?1 order by s.position, s.id limit {MOST}");
    all(tx.conn(), &sql, [project], Status::read)
}

/// The statuses that every project begins with.
pub fn begin(tx: &Tx, project: Id<ProjectRecord>) -> Result<()> {
    const FIRST: &[(&str, StatusType)] = &[
        ("Backlog", StatusType::Backlog),
        ("In Progress", StatusType::InProgress),
        ("Blocked", StatusType::Blocked),
        ("Review", StatusType::Review),
        ("Done", StatusType::Done),
    ];
    for (position, (name, kind)) in FIRST.iter().enumerate() {
        let mut row = Change::of("task_status");
        row.set("project_id", project)?
            .set("name", name)?
            .set("type", kind)?
            .set("position", position as i64)?
            .set("color", kind.color())?;
        insert::<StatusRecord>(tx, row)?;
    }
    Ok(())
}

/// A status of the project by id, by name, or by type (the first of it); the error names the known ones.
pub fn find(tx: &Tx, project: Id<ProjectRecord>, text: &str) -> Result<Id<StatusRecord>> {
    const FIND: &str = "
        select id from task_status
         where project_id = ?1 and (id = ?2 or name = ?3 collate nocase or type = ?4)
         order by id = ?2 desc, name = ?3 collate nocase desc, position, id limit 1";
    let text = text.trim();
    let parameters = (project, Id::<StatusRecord>::parse(text), text, text.parse::<StatusType>().ok());
    if let Some(id) = optional(tx.conn(), FIND, parameters, |row| row.take())? {
        return Ok(id);
    }
    const NAMES: &str = "select name from task_status where project_id = ?1 order by position, id limit 20";
    let names: Vec<String> = all(tx.conn(), NAMES, [project], |row| row.take())?;
    let known = names.join(", ");
    Err(Error::new(Kind::NotFound, format!("There is no status {} in the project; it has {known}.", quoted(text))))
}

/// The same for a field of the input: the error says which one.
pub fn find_for(field: &str, tx: &Tx, project: Id<ProjectRecord>, text: &str) -> Result<Id<StatusRecord>> {
    find(tx, project, text).map_err(|error| error.about(field))
}

/// A status by id or name alone, for what changes the status itself: a type may be that of several.
fn itself(tx: &Tx, project: Id<ProjectRecord>, text: &str) -> Result<Id<StatusRecord>> {
    const ITSELF: &str = "
        select id from task_status where project_id = ?1 and (id = ?2 or name = ?3 collate nocase)
         order by id = ?2 desc limit 1";
    let text = text.trim();
    let found = optional(tx.conn(), ITSELF, (project, Id::<StatusRecord>::parse(text), text), |row| row.take())?;
    found.ok_or_else(|| Error::not_found("status", text))
}

/// List a project's statuses: the columns of its board, from the left.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListStatuses {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
}

impl Operation for ListStatuses {
    type Output = Page<Status>;
    const SPEC: Spec = Spec {
        name: "project.status.list",
        title: "List statuses",
        route: Route::get("/projects/{projectId}/statuses"),
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More {
            sorts: &[Sort::up("position", "s.position")],
            brief: &["id", "name", "type", "taskCount"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Status>> {
        let project = cx.project(&self.project_id)?.id;
        Select::new(COLUMNS, "task_status s", "s.id").filter("s.project_id = ?", project).page(
            cx,
            &Self::SPEC,
            Status::read,
        )
    }
}

/// Add a status at the right of a project's board.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateStatus {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// e.g. `Waiting for client`; unique.
    pub name: Line<60>,
    /// What it means.
    #[serde(rename = "type")]
    pub kind: StatusType,
    /// e.g. `#2563eb`; else the type's.
    pub color: Option<Color>,
}

impl Operation for CreateStatus {
    type Output = Status;
    const SPEC: Spec = Spec {
        name: "project.status.create",
        title: "Add a status",
        route: Route::post("/projects/{projectId}/statuses"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["project.statuses.create"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Status> {
        let place = cx.project(&self.project_id)?;
        place.must_be_active()?;
        must_be_free(cx, place.id, &self.name, None)?;
        let known = of_project(cx, place.id)?;
        if known.len() == MOST {
            return Err(Error::conflict(format!("A project has at most {MOST} statuses; delete one first.")));
        }
        let mut row = Change::of("task_status");
        row.set("project_id", place.id)?
            .set("name", self.name)?
            .set("type", self.kind)?
            .set("position", known.last().map_or(0, |last| last.position + 1))?
            .set("color", self.color.unwrap_or(Color::fixed(self.kind.color())))?;
        Status::by_id(cx, insert(cx, row)?)
    }
}

/// 409 when another status of the project has the name.
fn must_be_free(tx: &Tx, project: Id<ProjectRecord>, name: &Line<60>, itself: Option<Id<StatusRecord>>) -> Result<()> {
    const NAMED: &str = "select id, name from task_status where project_id = ?1 and name = ?2 collate nocase";
    let known = optional(tx.conn(), NAMED, (project, name), |row| Ok((row.take()?, row.take::<String>()?)))?;
    match known.filter(|(id, _)| Some(*id) != itself) {
        None => Ok(()),
        Some((id, known)) => {
            Err(Error::conflict(format!("The project has a status “{known}” already; choose another name."))
                .or_rather(id, known))
        }
    }
}

/// Rename a status, or change its type or colour. A new type holds for its tasks, too.
/// Their order: `project.status.reorder`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateStatus {
    /// Key or name.
    #[schemars(required)]
    pub project_id: Ref<ProjectRecord>,
    /// Name or id.
    #[schemars(required)]
    pub status_id: String,
    /// Unique in the project.
    pub name: Patch<Line<60>>,
    /// What it means.
    #[serde(rename = "type")]
    pub kind: Patch<StatusType>,
    /// e.g. `#2563eb`.
    pub color: Patch<Color>,
}

impl Operation for UpdateStatus {
    type Output = Status;
    const SPEC: Spec = Spec {
        name: "project.status.update",
        title: "Change a status",
        route: Route::patch("/projects/{projectId}/statuses/{statusId}"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["project.statuses.update"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Status> {
        let place = cx.project(&self.project_id)?;
        let id = itself(cx, place.id, &self.status_id)?;
        let before = Status::by_id(cx, id)?;
        let name = self.name.never_cleared("name")?;
        if let Some(name) = &name {
            must_be_free(cx, place.id, name, Some(id))?;
        }
        let kind = self.kind.never_cleared("type")?.filter(|kind| *kind != before.kind);
        let color = match self.color {
            Patch::Clear => Patch::Set(Color::fixed(kind.unwrap_or(before.kind).color())),
            color => color,
        };
        let mut row = Change::existing(cx, "task_status", id)?;
        row.patch("name", &name.into())?.patch("type", &kind.into())?.patch("color", &color)?;
        if let Some(kind) = kind {
            if before.kind == StatusType::Backlog {
                keep_a_backlog(cx, &place, id)?;
            }
            if kind == StatusType::Done || before.kind == StatusType::Done {
                const COMPLETE: &str = "
                    update task set completed_at = iif(?2, ?3, null), updated_at = ?3, version = version + 1
                     where status_id = ?1";
                run(cx.conn(), COMPLETE, (id, kind == StatusType::Done, cx.now()))?;
            }
            if kind == StatusType::Done {
                bridges::follow_ups_done_in(cx, id)?;
            }
        }
        row.update(cx, id)?;
        Status::by_id(cx, id)
    }
}

/// New tasks have to begin somewhere.
fn keep_a_backlog(tx: &Tx, place: &Place, leaving: Id<StatusRecord>) -> Result<()> {
    const OTHER: &str = "
        select exists (select 1 from task_status where project_id = ?1 and type = 'BACKLOG' and id <> ?2)";
    match one(tx.conn(), OTHER, (place.id, leaving), |row| row.take::<bool>())? {
        true => Ok(()),
        false => Err(Error::conflict(format!(
            "It is the last status of type BACKLOG in {}; make another one first.",
            place.key
        ))),
    }
}

/// Delete a status. Its tasks go to `targetStatusId`, else to one of the same type, else to the backlog.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteStatus {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// Name or id.
    pub status_id: Line<120>,
    /// Where its tasks go: name, type or id.
    pub target_status_id: Option<Line<120>>,
}

impl Operation for DeleteStatus {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "project.status.delete",
        title: "Delete a status",
        route: Route::delete("/projects/{projectId}/statuses/{statusId}"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Destructive,
        toolset: Toolset::Projects,
        more: More { aliases: &["project.statuses.delete"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let place = cx.project(&self.project_id)?;
        let id = itself(cx, place.id, self.status_id.as_str())?;
        let statuses = of_project(cx, place.id)?;
        let leaving = statuses.iter().find(|status| status.id == id).expect("it was found in the project");
        let others: Vec<&Status> = statuses.iter().filter(|status| status.id != id).collect();
        if others.is_empty() {
            return Err(Error::conflict(format!("It is the last status of {}; make another one first.", place.key)));
        }
        if leaving.kind == StatusType::Backlog {
            keep_a_backlog(cx, &place, id)?;
        }
        let first_of = |kind: StatusType| others.iter().copied().find(|status| status.kind == kind);
        let target = match &self.target_status_id {
            Some(text) => {
                let target = find_for("targetStatusId", cx, place.id, text.as_str())?;
                others.iter().copied().find(|status| status.id == target).ok_or_else(|| {
                    Error::field("targetStatusId", "is the status that is being deleted; name another one")
                })?
            }
            None => first_of(leaving.kind)
                .or_else(|| first_of(StatusType::Backlog))
                .expect("a project keeps a status of type BACKLOG"),
        };
        if target.kind == StatusType::Done && leaving.kind != StatusType::Done {
            bridges::follow_ups_done_in(cx, leaving.id)?;
        }
        order::move_column(cx, place.id, leaving.id, target.id, target.kind == StatusType::Done)?;
        delete(cx, "task_status", id)
    }
}

/// Put all statuses of a project in a new order, from the left.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReorderStatuses {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// All of them, by name or id.
    pub ordered_status_ids: Vec<Line<120>>,
}

impl Operation for ReorderStatuses {
    type Output = Page<Status>;
    const SPEC: Spec = Spec {
        name: "project.status.reorder",
        title: "Reorder statuses",
        route: Route::post("/projects/{projectId}/statuses/reorder"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["project.statuses.reorder"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Status>> {
        const FIELD: &str = "orderedStatusIds";
        let project = cx.project(&self.project_id)?.id;
        let known = of_project(cx, project)?;
        let mut errors: Vec<FieldError> = Vec::new();
        let mut mistake = |message: String| errors.push(FieldError { field: FIELD.into(), message });
        let mut ordered = Vec::with_capacity(known.len());
        for text in self.ordered_status_ids.iter().take(2 * MOST) {
            let text = text.as_str();
            let by_id = Id::<StatusRecord>::parse(text);
            let named = known.iter().find(|s| Some(s.id) == by_id || s.name.eq_ignore_ascii_case(text));
            match named {
                None => mistake(format!("{} is not a status of the project", quoted(text))),
                Some(status) if ordered.contains(&status.id) => mistake(format!("{} stands in it twice", quoted(text))),
                Some(status) => ordered.push(status.id),
            }
        }
        for missing in known.iter().filter(|status| !ordered.contains(&status.id)) {
            mistake(format!("{} ({}) is missing", quoted(&missing.name), missing.id));
        }
        if !errors.is_empty() {
            return Err(Error::fields(errors));
        }
        for (position, id) in ordered.into_iter().enumerate() {
            if known.iter().any(|status| status.id == id && status.position != position as i64) {
                let mut row = Change::of("task_status");
                row.set("position", position as i64)?;
                row.update(cx, id)?;
            }
        }
        Ok(Page { items: of_project(cx, project)?, next_cursor: None, total: None })
    }
}
