//! Where a caller stands in a project: which projects they see, and what they may do there.

use std::collections::HashSet;
use std::sync::LazyLock;

use rusqlite::named_params;
use rusqlite::types::ToSql;
use schemars::JsonSchema;
use serde::Serialize;

use super::caller::{Account, Role, Workspace};
use super::error::{Error, Kind, Permission, Result, quoted};
use super::id::{self, Id, Record};
use super::operation::{Cx, Needs, Operation, Tx};
use super::page::{Columns, Select};
use super::reference::{Ref, Referable};
use super::store::{all, optional};

#[derive(Debug, Clone, Copy)]
pub struct ProjectRecord;
impl Record for ProjectRecord {
    const PREFIX: &'static str = "proj";
    const NOUN: &'static str = "project";
}

/// A project that the caller sees, with the caller's role in it.
#[derive(Debug, Clone)]
pub struct Place {
    pub id: Id<ProjectRecord>,
    /// `WEB`
    pub key: String,
    pub name: String,
    /// The highest of: OWNER for workspace owners and platform administrators, the project membership, and the
    /// workspace role where the project is open to the workspace.
    pub role: Role,
    pub archived: bool,
}

impl Place {
    /// 409 for what an archived project does not take.
    pub fn must_be_active(&self) -> Result<()> {
        match self.archived {
            false => Ok(()),
            true => Err(Error::conflict(format!(
                "The project {} is archived; bring it back with project.archive and archived: false.",
                quoted(&self.name)
            ))),
        }
    }

    /// 403 unless the caller's role in the project does for what is named.
    pub fn must_allow(&self, least: Role, what: &str) -> Result<()> {
        if self.role >= least {
            return Ok(());
        }
        Err(Error::denied(Permission {
            scope: "project",
            required: least.word().into(),
            current: Some(self.role.word().into()),
            reason: format!("“{what}” needs the role {least} in the project {}; yours is {}.", self.key, self.role),
        }))
    }
}

/// A project where another record points at it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProjectLink {
    pub id: Id<ProjectRecord>,
    pub key: String,
    pub name: String,
}

impl ProjectLink {
    /// Three columns of a left join: id, key and name.
    pub fn read(row: &mut Columns<'_>) -> rusqlite::Result<Option<Self>> {
        let (id, key, name) = (row.take()?, row.take()?, row.take()?);
        Ok(match (id, key, name) {
            (Some(id), Some(key), Some(name)) => Some(ProjectLink { id, key, name }),
            _ => None,
        })
    }
}

/// Takes away what points into projects that the caller does not see.
pub fn hide_unseen<T>(
    tx: &Tx,
    items: &mut [T],
    project: impl Fn(&T) -> Option<Id<ProjectRecord>>,
    hide: impl Fn(&mut T),
) -> Result<()> {
    static SEEN: LazyLock<String> = LazyLock::new(|| {
        format!("select p.id from project p where p.id in (select value from json_each(:ids)) and {VISIBLE}")
    });
    let Sight { all: sees_all, me, projects } = tx.sight();
    if sees_all && projects.is_none() {
        return Ok(());
    }
    if items.iter().all(|item| project(item).is_none()) {
        return Ok(());
    }
    let ids = id::array(items.iter().filter_map(&project));
    let parameters = named_params! { ":ids": ids, ":all": sees_all, ":me": me, ":projects": projects };
    let seen: HashSet<Id<ProjectRecord>> = all(tx.conn(), &SEEN, parameters, |row| row.take())?.into_iter().collect();
    for item in items {
        if project(item).is_some_and(|id| !seen.contains(&id)) {
            hide(item);
        }
    }
    Ok(())
}

/// What decides which projects a caller sees: the values of [`VISIBLE`].
pub struct Sight {
    /// Workspace owners and platform administrators see every project.
    pub all: bool,
    pub me: Option<Id<Account>>,
    /// The only projects that the key reaches, as a JSON array of ids.
    pub projects: Option<String>,
}

/// The one condition on a project `p` that the caller sees it; its parameters are the fields of [`Sight`].
/// Used by every query over projects and what is in them.
pub const VISIBLE: &str = "
    (:all or p.visibility = 'WORKSPACE' or p.id in (select project_id from project_membership where account_id = :me))
    and (:projects is null or p.id in (select value from json_each(:projects)))";

impl Select {
    /// Narrows a list to the projects `p` that the caller sees: [`VISIBLE`] with parameters by position.
    pub fn visible(self, tx: &Tx) -> Self {
        let Sight { all, me, projects } = tx.sight();
        let mut select = self;
        if !all {
            select = select.filter("(p.visibility = 'WORKSPACE' or p.id in (select project_id from project_membership where account_id = ?))", me);
        }
        select.within_key(projects)
    }

    /// Narrows a list of what is the caller's own to the projects `p` that the key reaches, seen or not.
    pub fn within_reach(self, tx: &Tx) -> Self {
        self.within_key(tx.sight().projects)
    }

    fn within_key(self, projects: Option<String>) -> Self {
        self.filter_some("p.id in (select value from json_each(?))", projects)
    }
}

const PLACE: &str = "
    select p.id, p.key, p.name, p.archived_at is not null, p.visibility = 'WORKSPACE', m.role
      from project p left join project_membership m on m.project_id = p.id and m.account_id = ?3
     where p.id = ?1 and p.workspace_id = ?2";

impl Tx<'_> {
    pub fn sight(&self) -> Sight {
        let projects = self.caller().identity.key().and_then(|key| key.projects.as_ref());
        Sight {
            all: self.is_over_projects(),
            me: self.account_id(),
            projects: projects.map(|projects| id::array(projects.iter().copied())),
        }
    }

    /// The caller's role in a project of the workspace, from whether it is open to the workspace and their membership in it.
    pub fn role_in(&self, is_open: bool, explicit: Option<Role>) -> Option<Role> {
        let inherited = if is_open { self.workspace().role } else { None };
        if self.is_over_projects() { Some(Role::Owner) } else { explicit.max(inherited) }
    }

    /// Workspace owners and platform administrators own every project.
    pub fn is_over_projects(&self) -> bool {
        let caller = self.caller();
        let is_owner = caller.workspace.as_ref().and_then(|workspace| workspace.role) == Some(Role::Owner);
        is_owner || caller.identity.is_platform_admin()
    }

    /// Is the project one of those that the caller's key is for?
    pub fn is_reached(&self, id: Id<ProjectRecord>) -> bool {
        let key = self.caller().identity.key();
        key.and_then(|key| key.projects.as_ref()).is_none_or(|only| only.contains(&id))
    }

    /// The project, if it is one of the workspace's and the caller sees it.
    pub fn place(&self, id: Id<ProjectRecord>) -> Result<Option<Place>> {
        if !self.is_reached(id) {
            return Ok(None);
        }
        let found = optional(self.conn(), PLACE, (id, self.workspace_id(), self.account_id()), |row| {
            let (id, key, name, archived) = (row.take()?, row.take()?, row.take()?, row.take()?);
            let (is_open, explicit) = (row.take::<bool>()?, row.take::<Option<Role>>()?);
            Ok(self.role_in(is_open, explicit).map(|role| Place { id, key, name, role, archived }))
        })?;
        Ok(found.flatten())
    }
}

impl<O: Operation> Cx<'_, O> {
    /// The project, if the caller sees it; refused when their role there is less than the operation needs.
    /// Every operation that needs a project role comes by here for each project it touches, or fails at its end.
    pub fn enter(&self, id: Id<ProjectRecord>) -> Result<Option<Place>> {
        let place = self.place(id)?;
        self.project_was_checked();
        if let (Some(place), Needs::Project(least)) = (&place, O::SPEC.needs) {
            place.must_allow(least, O::SPEC.title)?;
        }
        Ok(place)
    }

    /// The same by what the caller calls it: its id, key, slug or name.
    pub fn project(&self, reference: &Ref<ProjectRecord>) -> Result<Place> {
        reference.find(self, |id| self.enter(id))
    }

    /// The same for a field of the input: the error says which one.
    pub fn project_for(&self, field: &str, reference: &Ref<ProjectRecord>) -> Result<Place> {
        let id = reference.resolve_for(field, self)?;
        self.enter(id)?.ok_or_else(|| Error::new(Kind::NotFound, "The project is gone."))
    }
}

/// Within what the caller sees.
impl Referable for ProjectRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        Ok(tx.place(id)?.is_some())
    }

    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        called(tx, tx.workspace_id(), &tx.sight(), text)
    }
}

/// The projects of a workspace that the text names, within what `sight` shows: by id, by key or slug, else by name.
pub fn called(
    tx: &Tx,
    workspace: Id<Workspace>,
    sight: &Sight,
    text: &str,
) -> Result<Vec<(Id<ProjectRecord>, String)>> {
    let found = |condition: &str, value: &dyn ToSql| {
        let sql = format!(
            "select p.id, p.name || ' (' || p.key || ')' from project p
              where p.workspace_id = :workspace and {condition} and {VISIBLE} limit 6"
        );
        let parameters = named_params! {
            ":workspace": workspace, ":text": value, ":all": sight.all, ":me": sight.me, ":projects": sight.projects,
        };
        all(tx.conn(), &sql, parameters, |row| Ok((row.take()?, row.take()?)))
    };
    if let Some(id) = Id::<ProjectRecord>::parse(text) {
        return found("p.id = :text", &id);
    }
    let by_key = found("(p.key = upper(:text) or p.slug = lower(:text))", &text)?;
    if by_key.is_empty() { found("p.name = :text collate nocase", &text) } else { Ok(by_key) }
}
