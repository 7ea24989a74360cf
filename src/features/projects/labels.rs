//! Labels: what tasks of a project are sorted by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::place::{Place, ProjectRecord};
use crate::core::reference::Ref;
use crate::core::store::{Change, all, delete, insert, one, optional};
use crate::core::text::{self, Line};
use crate::core::time::Moment;

use super::color::Color;

pub const OPERATIONS: &[Entry] =
    &[Entry::of::<ListLabels>(), Entry::of::<CreateLabel>(), Entry::of::<UpdateLabel>(), Entry::of::<DeleteLabel>()];

#[derive(Debug, Clone, Copy)]
pub struct LabelRecord;
impl Record for LabelRecord {
    const PREFIX: &'static str = "lab";
    const NOUN: &'static str = "label";
}

/// A word that tasks of a project are sorted by.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    pub id: Id<LabelRecord>,
    pub project_id: Id<ProjectRecord>,
    pub name: String,
    /// `#rrggbb`
    pub color: String,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Label {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

const COLUMNS: &str = "l.id, l.project_id, l.name, l.color, l.created_at, l.updated_at, l.version";

impl Label {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Label> {
        Ok(Label {
            id: row.take()?,
            project_id: row.take()?,
            name: row.take()?,
            color: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn by_id(tx: &Tx, id: Id<LabelRecord>) -> Result<Label> {
        one(tx.conn(), &format!("select {COLUMNS} from label l where l.id = ?1"), [id], Label::read)
    }
}

/// The first two hundred of a project by name.
pub fn of_project(tx: &Tx, project: Id<ProjectRecord>) -> Result<Vec<Label>> {
    let sql = format!("select {COLUMNS} from label l where l.project_id = ?1 order by l.name collate nocase limit 200");
    all(tx.conn(), &sql, [project], Label::read)
}

/// A label of the project by id or name.
pub fn find(tx: &Tx, project: Id<ProjectRecord>, text: &str) -> Result<Id<LabelRecord>> {
    const FIND: &str = "
        select id from label where project_id = ?1 and (id = ?2 or name = ?3 collate nocase)
         order by id = ?2 desc limit 1";
    let text = text.trim();
    optional(tx.conn(), FIND, (project, Id::<LabelRecord>::parse(text), text), |row| row.take())?
        .ok_or_else(|| Error::not_found("label", text))
}

/// The labels of those names or ids, in that order; names that the project does not know are made.
pub fn find_or_make(tx: &Tx, place: &Place, labels: &text::Labels) -> Result<Vec<Id<LabelRecord>>> {
    let mut ids = Vec::new();
    for name in labels.iter() {
        let id = match find(tx, place.id, name) {
            Ok(id) => id,
            // What looks like an id of a label and is none of the project's is a mistake, not a name.
            Err(error) if Id::<LabelRecord>::parse(name).is_some() => return Err(error.about("labels")),
            Err(_) => {
                place.must_be_active()?;
                make(tx, place.id, name, None)?
            }
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn make(tx: &Tx, project: Id<ProjectRecord>, name: &str, color: Option<Color>) -> Result<Id<LabelRecord>> {
    let mut row = Change::of("label");
    row.set("project_id", project)?.set("name", name)?.set("color", color.unwrap_or_else(|| Color::for_name(name)))?;
    insert(tx, row)
}

/// 409 when another label of the project has the name.
fn must_be_free(tx: &Tx, project: Id<ProjectRecord>, name: &str, itself: Option<Id<LabelRecord>>) -> Result<()> {
    const NAMED: &str = "select id, name from label where project_id = ?1 and name = ?2 collate nocase";
    let known = optional(tx.conn(), NAMED, (project, name), |row| Ok((row.take()?, row.take::<String>()?)))?;
    match known.filter(|(id, _)| Some(*id) != itself) {
        None => Ok(()),
        Some((id, known)) => {
            Err(Error::conflict(format!("The project has a label “{known}” already; choose another name."))
                .or_rather(id, known))
        }
    }
}

/// List a project's labels by name.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListLabels {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
}

impl Operation for ListLabels {
    type Output = Page<Label>;
    const SPEC: Spec = Spec {
        name: "project.label.list",
        title: "List labels",
        route: Route::get("/projects/{projectId}/labels"),
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More {
            aliases: &["list_labels"],
            sorts: &[Sort::up("name", "l.name collate nocase")],
            brief: &["id", "name", "color"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Label>> {
        let project = cx.project(&self.project_id)?.id;
        Select::new(COLUMNS, "label l", "l.id").filter("l.project_id = ?", project).page(cx, &Self::SPEC, Label::read)
    }
}

/// Add a label to a project.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateLabel {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// e.g. `bug`; unique.
    pub name: Line<40>,
    /// e.g. `#dc2626`.
    pub color: Option<Color>,
}

impl Operation for CreateLabel {
    type Output = Label;
    const SPEC: Spec = Spec {
        name: "project.label.create",
        title: "Add a label",
        route: Route::post("/projects/{projectId}/labels"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["project.labels.create", "create_label"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Label> {
        let place = cx.project(&self.project_id)?;
        place.must_be_active()?;
        must_be_free(cx, place.id, self.name.as_str(), None)?;
        Label::by_id(cx, make(cx, place.id, self.name.as_str(), self.color)?)
    }
}

/// Rename a label or change its colour, on all tasks that have it.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateLabel {
    /// Key or name.
    #[schemars(required)]
    pub project_id: Ref<ProjectRecord>,
    /// Name or id.
    #[schemars(required)]
    pub label_id: String,
    /// Unique in the project.
    pub name: Patch<Line<40>>,
    /// e.g. `#dc2626`.
    pub color: Patch<Color>,
}

impl Operation for UpdateLabel {
    type Output = Label;
    const SPEC: Spec = Spec {
        name: "project.label.update",
        title: "Change a label",
        route: Route::patch("/projects/{projectId}/labels/{labelId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["update_label"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Label> {
        let project = cx.project(&self.project_id)?.id;
        let id = find(cx, project, &self.label_id)?;
        let name = self.name.never_cleared("name")?;
        if let Some(name) = &name {
            must_be_free(cx, project, name.as_str(), Some(id))?;
        }
        let mut row = Change::existing(cx, "label", id)?;
        row.patch("name", &name.into())?.patch("color", &self.color.never_cleared("color")?.into())?;
        row.update(cx, id)?;
        Label::by_id(cx, id)
    }
}

/// Delete a label. The tasks that have it stay and lose it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteLabel {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// Name or id.
    pub label_id: Line<120>,
}

impl Operation for DeleteLabel {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "project.label.delete",
        title: "Delete a label",
        route: Route::delete("/projects/{projectId}/labels/{labelId}"),
        needs: Needs::Project(Role::Member),
        effect: Effect::Destructive,
        toolset: Toolset::Projects,
        more: More { aliases: &["delete_label"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let project = cx.project(&self.project_id)?.id;
        delete(cx, "label", find(cx, project, self.label_id.as_str())?)
    }
}
