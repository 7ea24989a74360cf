//! Projects: what is worked on, for clients or for oneself, with statuses, labels and members of their own.

pub mod color;
pub mod dependencies;
pub mod detail;
pub mod labels;
pub mod members;
pub mod statuses;
pub mod summary;

use std::sync::LazyLock;

use rusqlite::named_params;
use rusqlite::types::{ToSql, ToSqlOutput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result, quoted};
use crate::core::id::{self, Id};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::place::{ProjectRecord, Sight, VISIBLE};
use crate::core::reference::{MaybeRef, Named, Ref};
use crate::core::store::{Change, all, delete, insert, one, optional};
use crate::core::text::{Line, Prose};
use crate::core::time::Moment;
use crate::features::clients::ClientRecord;
use crate::features::crm::bridges;
use crate::features::search;
use crate::features::workspaces::{Slug, free_slug};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListProjects>(),
    Entry::of::<ShowProjects>(),
    Entry::of::<CreateProject>(),
    Entry::of::<UpdateProject>(),
    Entry::of::<ArchiveProject>(),
    Entry::of::<DeleteProject>(),
];

choices! {
    /// Who sees a project besides its members: everybody in the workspace, or nobody but its owners.
    pub enum Visibility { Workspace = "WORKSPACE", Members = "MEMBERS" }
}

/// What is worked on: tasks on a board, with people and time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    pub id: Id<ProjectRecord>,
    /// `WEB` in `WEB-12`.
    pub key: String,
    pub name: String,
    pub slug: String,
    /// Markdown.
    pub description: Option<String>,
    pub client_id: Option<Id<ClientRecord>>,
    pub client: Option<Named<ClientRecord>>,
    pub visibility: Visibility,
    /// Your role in it.
    pub role: Option<Role>,
    pub archived_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Project {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/projects/{}", self.id))
    }
}

const COLUMNS: &str = "
    p.id, p.key, p.name, p.slug, p.description, c.id, c.name, p.visibility, m.role,
    p.archived_at, p.created_at, p.updated_at, p.version";

/// Its one parameter is the caller's account.
const FROM: &str = "
    project p
    left join client c on c.id = p.client_id
    left join project_membership m on m.project_id = p.id and m.account_id = ?";

impl Project {
    /// With the membership's role; [`Project::seen_by`] makes it the caller's.
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Project> {
        let (id, key, name, slug, description) = (row.take()?, row.take()?, row.take()?, row.take()?, row.take()?);
        let client = Named::read(row)?;
        Ok(Project {
            id,
            key,
            name,
            slug,
            description,
            client_id: client.as_ref().map(|named| named.id),
            client,
            visibility: row.take()?,
            role: row.take()?,
            archived_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn seen_by(mut self, tx: &Tx) -> Project {
        self.role = tx.role_in(self.visibility == Visibility::Workspace, self.role);
        self
    }

    fn by_id(tx: &Tx, id: Id<ProjectRecord>) -> Result<Project> {
        static BY_ID: LazyLock<String> = LazyLock::new(|| format!("select {COLUMNS} from {FROM} where p.id = ?"));
        Ok(one(tx.conn(), &BY_ID, (tx.account_id(), id), Project::read)?.seen_by(tx))
    }
}

/// A project where something else tells of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectLine {
    pub id: Id<ProjectRecord>,
    pub key: String,
    pub name: String,
    pub slug: String,
    pub archived_at: Option<Moment>,
}

impl ProjectLine {
    const COLUMNS: &str = "p.id, p.key, p.name, p.slug, p.archived_at";

    fn read(row: &mut Columns<'_>) -> rusqlite::Result<ProjectLine> {
        Ok(ProjectLine {
            id: row.take()?,
            key: row.take()?,
            name: row.take()?,
            slug: row.take()?,
            archived_at: row.take()?,
        })
    }
}

/// The newest hundred of a client's projects that the caller sees.
pub fn newest_for(tx: &Tx, client: Id<ClientRecord>) -> Result<Vec<ProjectLine>> {
    static NEWEST: LazyLock<String> = LazyLock::new(|| {
        let columns = ProjectLine::COLUMNS;
        format!(
            "select {columns} from project p where p.client_id = :client and {VISIBLE} order by p.id desc limit 100"
        )
    });
    let Sight { all: sees_all, me, projects } = tx.sight();
    let parameters = named_params! { ":client": client, ":all": sees_all, ":me": me, ":projects": projects };
    all(tx.conn(), &NEWEST, parameters, ProjectLine::read)
}

/// 2 to 6 letters, in upper case: `WEB` in `WEB-12`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
pub struct Key(String);

impl TryFrom<String> for Key {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let key = text.trim().to_ascii_uppercase();
        if !(2..=6).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(format!("{} is not 2 to 6 letters, such as WEB", quoted(&text)));
        }
        Ok(Key(key))
    }
}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Key {
    const LONGEST: usize = 6;

    /// The keys that suit a name, best first: its words' initials or its first letters, longer ones, then with letters
    /// counted up behind. Never ends.
    fn for_name(name: &str) -> impl Iterator<Item = Key> {
        let letters = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect()
        };
        let words: Vec<String> = name.split_whitespace().map(letters).filter(|word| !word.is_empty()).collect();
        let initials: String = words.iter().filter_map(|word| word.chars().next()).take(Key::LONGEST).collect();
        let whole = words.concat();
        let mut best = Vec::new();
        if initials.len() >= 2 {
            best.push(initials);
        }
        best.extend((3..=Key::LONGEST).filter_map(|length| whole.get(..length)).map(str::to_owned));
        if whole.len() == 2 {
            best.push(whole);
        }
        let base = best.first().cloned().unwrap_or_else(|| "PR".to_owned());
        if best.is_empty() {
            best.push(base.clone());
        }
        let counted = (0_u64..).map(move |number| {
            let behind = in_letters(number);
            let room = Key::LONGEST.saturating_sub(behind.len());
            format!("{}{behind}", &base[..base.len().min(room)])
        });
        best.into_iter().chain(counted).map(Key)
    }

    fn free(tx: &Tx, name: &str) -> Result<Key> {
        for key in Key::for_name(name) {
            if owner_of_key(tx, &key)?.is_none() {
                return Ok(key);
            }
        }
        unreachable!("the keys for a name never end")
    }
}

/// `A` … `Z`, `AA` … as columns of a spreadsheet are counted.
fn in_letters(mut number: u64) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + (number % 26) as u8);
        match number / 26 {
            0 => break,
            rest => number = rest - 1,
        }
    }
    letters.iter().rev().map(|letter| *letter as char).collect()
}

fn owner_of_key(tx: &Tx, key: &Key) -> Result<Option<Id<ProjectRecord>>> {
    const OWNER: &str = "select id from project where workspace_id = ?1 and key = ?2";
    optional(tx.conn(), OWNER, (tx.workspace_id(), key), |row| row.take())
}

fn owner_of_slug(tx: &Tx, slug: &str) -> Result<Option<Id<ProjectRecord>>> {
    const OWNER: &str = "select id from project where workspace_id = ?1 and slug = ?2";
    optional(tx.conn(), OWNER, (tx.workspace_id(), slug), |row| row.take())
}

/// 409 when the key or the slug is another project's.
fn must_be_free(tx: &Tx, key: Option<&Key>, slug: Option<&Slug>, itself: Option<Id<ProjectRecord>>) -> Result<()> {
    if let Some(key) = key
        && owner_of_key(tx, key)?.is_some_and(|owner| Some(owner) != itself)
    {
        return Err(Error::conflict(format!("The key {} is taken; choose another one.", key.0)));
    }
    if let Some(slug) = slug
        && owner_of_slug(tx, slug.as_str())?.is_some_and(|owner| Some(owner) != itself)
    {
        return Err(Error::conflict(format!("The slug {} is taken; choose another one.", slug.as_str())));
    }
    Ok(())
}

/// Each is looked up while the writer waits.
const MOST_MEMBERS: usize = 100;

/// Start a project with the statuses Backlog, In Progress, Blocked, Review and Done.
/// From a deal: `crm.deal.create_project`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateProject {
    /// e.g. `Website relaunch`.
    pub name: Line<200>,
    /// 2 to 6 letters; else made from the name.
    pub key: Option<Key>,
    /// e.g. `website-relaunch`; else made from the name.
    pub slug: Option<Slug>,
    /// Markdown.
    pub description: Option<Prose<50_000>>,
    /// Name or id.
    pub client_id: Option<Ref<ClientRecord>>,
    /// WORKSPACE (default): all see it. MEMBERS: only they.
    pub visibility: Option<Visibility>,
    /// E-mails, names or ids.
    pub members: Option<Vec<Ref<Account>>>,
}

impl Operation for CreateProject {
    type Output = Project;
    const SPEC: Spec = Spec {
        name: "project.create",
        title: "Start a project",
        route: Route::post("/projects"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["create_project"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Project> {
        must_be_free(cx, self.key.as_ref(), self.slug.as_ref(), None)?;
        let client = self.client_id.resolve_for("clientId", cx)?;
        if self.members.as_ref().is_some_and(|members| members.len() > MOST_MEMBERS) {
            return Err(Error::field("members", format!("takes at most {MOST_MEMBERS}; add the others afterwards")));
        }
        let mut members = Vec::new();
        for account in self.members.iter().flatten() {
            members.push(account.resolve_for("members", cx)?);
        }
        let name = self.name.as_str();
        let key = self.key.map_or_else(|| Key::free(cx, name), Ok)?;
        let slug = match &self.slug {
            Some(slug) => slug.as_str().to_owned(),
            None => free_slug(name, "project", |slug| Ok(owner_of_slug(cx, slug)?.is_some()))?,
        };
        let mut row = Change::of("project");
        row.set("workspace_id", cx.workspace_id())?
            .set("name", &self.name)?
            .set("key", key)?
            .set("slug", slug)?
            .set("description", self.description)?
            .set("client_id", client)?
            .set("visibility", self.visibility.unwrap_or(Visibility::Workspace))?;
        let id = insert(cx, row)?;
        statuses::begin(cx, id)?;
        // An administrator who is no member of the workspace is none of the project either.
        if let (Some(me), Some(_)) = (cx.account_id(), cx.workspace().role) {
            members::join(cx, id, me, Role::Owner)?;
            members.retain(|member| *member != me);
        }
        members.sort_unstable_by_key(|member| member.raw());
        members.dedup();
        for member in members {
            members::join(cx, id, member, Role::Member)?;
        }
        Project::by_id(cx, id)
    }
}

/// A project in a list.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedProject {
    #[serde(flatten)]
    pub project: Project,
    /// Tasks that are neither done nor archived.
    pub open_tasks: i64,
}

/// List the projects you see by name.
/// Counts over all of them: `project.summary`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListProjects {
    /// Words in any text.
    pub search: Option<Line<200>>,
    /// Name or id.
    pub client_id: Option<Ref<ClientRecord>>,
    /// true: those you are a member of.
    pub mine: Option<bool>,
    /// These too.
    pub archived: Option<bool>,
}

impl Operation for ListProjects {
    type Output = Page<ListedProject>;
    const SPEC: Spec = Spec {
        name: "project.list",
        title: "List projects",
        route: Route::get("/projects"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More {
            aliases: &["list_projects"],
            sorts: &[
                Sort::up("name", "p.name collate nocase"),
                Sort::down("updatedAt", "p.updated_at"),
                Sort::down("createdAt", "p.id"),
            ],
            brief: &["id", "key", "name", "client", "role", "openTasks"],
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<ListedProject>> {
        let page = self.found(cx, &Self::SPEC)?;
        let open = open_tasks(cx, &page.items)?;
        let items = page.items.into_iter().zip(open);
        Ok(Page {
            items: items
                .map(|(project, open_tasks)| ListedProject { project: project.seen_by(cx), open_tasks })
                .collect(),
            next_cursor: page.next_cursor,
            total: page.total,
        })
    }
}

impl ListProjects {
    fn found(self, tx: &Tx, spec: &Spec) -> Result<Page<Project>> {
        let client = self.client_id.resolve_for("clientId", tx)?;
        let words = self.search.map(|text| search::in_workspace(tx, &["project"], text.as_str()));
        let mut projects = Select::new(COLUMNS, FROM, "p.id")
            .parameter(tx.account_id())
            .filter("p.workspace_id = ?", tx.workspace_id())
            .filter_some("p.client_id = ?", client)
            .filter_some("p.id in (select rowid from search_index where search_index match ?)", words)
            .visible(tx);
        if self.mine.unwrap_or(false) {
            projects = projects.condition("m.id is not null");
        }
        if !self.archived.unwrap_or(false) {
            projects = projects.condition("p.archived_at is null");
        }
        projects.page(tx, spec, Project::read)
    }
}

/// The projects that one can choose from: nothing is counted in them.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowProjects {}

impl Operation for ShowProjects {
    type Output = Page<Project>;
    const SPEC: Spec = Spec {
        name: "project.choices",
        title: "Projects to choose from",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More { sorts: ListProjects::SPEC.more.sorts, ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Project>> {
        let page = ListProjects::default().found(cx, &Self::SPEC)?;
        Ok(Page { items: page.items.into_iter().map(|project| project.seen_by(cx)).collect(), ..page })
    }
}

/// How many tasks of the project `p` are neither done nor archived, in the index of the boards alone.
pub const OPEN_TASKS: &str = "
    (select count(*) from task_status s cross join task t indexed by task_on_board on t.status_id = s.id
      where s.project_id = p.id and s.type <> 'DONE' and t.archived_at is null)";

/// How many tasks of each are open, in one pass over the index of the boards; what is done is not touched.
fn open_tasks(tx: &Tx, projects: &[Project]) -> Result<Vec<i64>> {
    static OPEN: LazyLock<String> = LazyLock::new(|| {
        format!("select {OPEN_TASKS} from json_each(?1) j cross join project p on p.id = j.value order by j.key")
    });
    all(tx.conn(), &OPEN, [id::array(projects.iter().map(|project| project.id))], |row| row.take())
}

/// Change a project.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateProject {
    /// Key or name.
    #[schemars(required)]
    pub project_id: Ref<ProjectRecord>,
    /// What people call it.
    pub name: Patch<Line<200>>,
    /// 2 to 6 letters; renames its tasks: `WEB-12` to `SITE-12`.
    pub key: Patch<Key>,
    /// For addresses.
    pub slug: Patch<Slug>,
    /// Markdown.
    pub description: Patch<Prose<50_000>>,
    /// Name or id.
    pub client_id: Patch<Ref<ClientRecord>>,
    /// WORKSPACE: all see it. MEMBERS: only they.
    pub visibility: Patch<Visibility>,
}

impl Operation for UpdateProject {
    type Output = Project;
    const SPEC: Spec = Spec {
        name: "project.update",
        title: "Change a project",
        route: Route::patch("/projects/{projectId}"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { aliases: &["update_project"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Project> {
        let id = cx.project(&self.project_id)?.id;
        let (key, slug) = (self.key.never_cleared("key")?, self.slug.never_cleared("slug")?);
        must_be_free(cx, key.as_ref(), slug.as_ref(), Some(id))?;
        let mut row = Change::existing(cx, "project", id)?;
        row.patch("name", &self.name.never_cleared("name")?.into())?
            .patch("key", &key.into())?
            .patch("slug", &slug.into())?
            .patch("description", &self.description)?
            .patch("client_id", &self.client_id.resolve_for("clientId", cx)?)?
            .patch("visibility", &self.visibility.never_cleared("visibility")?.into())?;
        row.update(cx, id)?;
        Project::by_id(cx, id)
    }
}

/// Archive a project: it stays readable and takes nothing new until `archived: false` brings it back.
/// For good: `project.delete`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveProject {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// Else true.
    pub archived: Option<bool>,
}

impl Operation for ArchiveProject {
    type Output = Project;
    const SPEC: Spec = Spec {
        name: "project.archive",
        title: "Archive a project",
        route: Route::post("/projects/{projectId}/archive"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Project> {
        let id = self.project_id.resolve(cx)?;
        let mut row = Change::of("project");
        let archived = self.archived.unwrap_or(true);
        let was_archived = Project::by_id(cx, id)?.archived_at.is_some();
        row.archive(cx, Some(archived))?;
        row.update(cx, id)?;
        let project = Project::by_id(cx, id)?;
        if archived && !was_archived {
            bridges::project_archived(cx, &project)?;
        }
        Ok(project)
    }
}

/// Delete a project with its tasks, comments and time.
/// To keep it readable: `project.archive`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteProject {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
}

impl Operation for DeleteProject {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "project.delete",
        title: "Delete a project",
        route: Route::delete("/projects/{projectId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Destructive,
        toolset: Toolset::Projects,
        more: More { aliases: &["delete_project"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        delete(cx, "project", self.project_id.resolve(cx)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str, count: usize) -> Vec<String> {
        Key::for_name(name).take(count).map(|key| key.0).collect()
    }

    #[test]
    fn a_key_is_made_from_the_name() {
        assert_eq!(keys("Website relaunch", 4), ["WR", "WEB", "WEBS", "WEBSI"]);
        assert_eq!(keys("Website", 2), ["WEB", "WEBS"]);
        assert_eq!(keys("Up", 3), ["UP", "UPA", "UPB"]);
        assert_eq!(keys("2027 – ☃", 3), ["PR", "PRA", "PRB"]);
        assert_eq!(keys("Ä x", 2), ["PR", "PRA"]);
        assert_eq!(keys("one two three four five six seven", 1), ["OTTFFS"]);
    }

    #[test]
    fn keys_never_run_out_and_are_always_keys() {
        for key in Key::for_name("Internal tools").take(2_000) {
            assert_eq!(Key::try_from(key.0.clone()), Ok(key));
        }
        let distinct: std::collections::HashSet<_> = keys("Internal tools", 2_000).into_iter().collect();
        assert!(distinct.len() > 1_990);
    }
}
