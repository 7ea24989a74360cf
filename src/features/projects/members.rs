//! Who works on a project, with which role.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::audit::Audited;
use crate::core::caller::{Account, Role};
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::ProjectRecord;
use crate::core::reference::Ref;
use crate::core::store::{Change, all, delete, insert, one, optional};
use crate::core::text::Line;
use crate::core::time::Moment;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListProjectMembers>(),
    Entry::of::<AddProjectMember>(),
    Entry::of::<UpdateProjectMember>(),
    Entry::of::<RemoveProjectMember>(),
];

#[derive(Debug, Clone, Copy)]
pub struct ProjectMembership;
impl Record for ProjectMembership {
    const PREFIX: &'static str = "pmem";
    const NOUN: &'static str = "member";
}

choices! {
    /// Where somebody has their role in a project from.
    pub enum Source { Project = "PROJECT", Workspace = "WORKSPACE" }
}

/// An account in a project, with the highest role it has there.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectMember {
    /// Of the membership in the project; null for who is there by the workspace alone.
    pub id: Option<Id<ProjectMembership>>,
    pub account_id: Id<Account>,
    pub name: String,
    pub email: String,
    pub avatar_url: Option<String>,
    pub role: Role,
    /// WORKSPACE: the role is the one in the workspace.
    pub source: Source,
    /// An owner of the workspace: owns each project in it, whatever is set here.
    pub locked: bool,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for ProjectMember {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

/// The membership in the project where there is one, else the one in the workspace.
const COLUMNS: &str = "
    m.id, a.id, a.name, a.email, a.avatar_url, m.role, w.role, p.visibility = 'WORKSPACE',
    ifnull(m.created_at, w.created_at), ifnull(m.updated_at, w.updated_at), ifnull(m.version, w.version)";

/// The accounts of a workspace beside a project of it. Its one parameter is the project. In this order, whatever the statistics say, as the members of the workspace.
pub const FROM: &str = "
    project p
    cross join workspace_membership w on w.workspace_id = p.workspace_id and p.id = ?
    cross join account a on a.id = w.account_id
    left join project_membership m on m.project_id = p.id and m.account_id = a.id";

/// Such an account sees the project.
pub const IS_MEMBER: &str = "(m.id is not null or w.role = 'OWNER' or p.visibility = 'WORKSPACE')";

impl ProjectMember {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<ProjectMember> {
        let (id, account_id, name, email, avatar_url) =
            (row.take()?, row.take()?, row.take()?, row.take()?, row.take()?);
        let (explicit, in_workspace, is_open) = (row.take::<Option<Role>>()?, row.take::<Role>()?, row.take::<bool>()?);
        let locked = in_workspace == Role::Owner;
        let inherited = (locked || is_open).then_some(in_workspace);
        Ok(ProjectMember {
            id,
            account_id,
            name,
            email,
            avatar_url,
            role: explicit.max(inherited).unwrap_or(Role::Viewer),
            source: if locked || explicit < inherited { Source::Workspace } else { Source::Project },
            locked,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    /// By the membership's id, the account's id or e-mail, or `me`.
    fn find(tx: &Tx, project: Id<ProjectRecord>, text: &str) -> Result<ProjectMember> {
        static FIND: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select {COLUMNS} from {FROM} where {IS_MEMBER} and (m.id = ?2 or a.id = ?3 or a.email = lower(?4))"
            )
        });
        let text = text.trim();
        let account = if text.eq_ignore_ascii_case("me") { tx.account_id() } else { Id::<Account>::parse(text) };
        let parameters = (project, Id::<ProjectMembership>::parse(text), account, text);
        optional(tx.conn(), &FIND, parameters, ProjectMember::read)?.ok_or_else(|| Error::not_found("member", text))
    }

    /// The membership in the project, which is all that can be changed here: 409 with why not.
    fn changeable(&self) -> Result<Id<ProjectMembership>> {
        if self.locked {
            return Err(Error::conflict(format!(
                "{} owns the workspace and with it every project; change the role in the workspace instead.",
                self.name
            )));
        }
        self.id.ok_or_else(|| {
            Error::conflict(format!(
                "{} is here by the workspace alone; give them a role of their own with project.member.add.",
                self.name
            ))
        })
    }
}

/// The first hundred by name, as [`ListProjectMembers`] shows them.
pub fn of_project(tx: &Tx, project: Id<ProjectRecord>) -> Result<Vec<ProjectMember>> {
    static FIRST: LazyLock<String> = LazyLock::new(|| {
        format!("select {COLUMNS} from {FROM} where {IS_MEMBER} order by a.name collate nocase, w.id limit 100")
    });
    all(tx.conn(), &FIRST, [project], ProjectMember::read)
}

/// Gives an account a role of its own in a project.
pub fn join(tx: &Tx, project: Id<ProjectRecord>, account: Id<Account>, role: Role) -> Result<Id<ProjectMembership>> {
    let mut row = Change::of("project_membership");
    row.set("project_id", project)?.set("account_id", account)?.set("role", role)?;
    insert(tx, row)
}

/// List who works on a project, and by what right.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListProjectMembers {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
}

impl Operation for ListProjectMembers {
    type Output = Page<ProjectMember>;
    const SPEC: Spec = Spec {
        name: "project.member.list",
        title: "List project members",
        route: Route::get("/projects/{projectId}/members"),
        needs: Needs::Project(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Projects,
        more: More {
            aliases: &["project.members.list", "list_project_members"],
            sorts: &[Sort::up("name", "a.name collate nocase"), Sort::down("createdAt", "ifnull(m.id, w.id)")],
            brief: &["id", "accountId", "name", "email", "role", "source"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<ProjectMember>> {
        let project = cx.project(&self.project_id)?.id;
        Select::new(COLUMNS, FROM, "w.id").parameter(project).condition(IS_MEMBER).page(
            cx,
            &Self::SPEC,
            ProjectMember::read,
        )
    }
}

/// Give a member of the workspace a role in a project.
/// Into the workspace, which comes first: `workspace.member.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddProjectMember {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// E-mail, name or id.
    pub account_id: Ref<Account>,
    /// MEMBER if left out.
    pub role: Option<Role>,
}

impl Operation for AddProjectMember {
    type Output = ProjectMember;
    const SPEC: Spec = Spec {
        name: "project.member.add",
        title: "Add a project member",
        route: Route::post("/projects/{projectId}/members"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More {
            audit: Some(Audited::Member),
            aliases: &["project.members.add", "add_project_member"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ProjectMember> {
        let project = cx.project(&self.project_id)?.id;
        let account = self.account_id.resolve_for("accountId", cx)?;
        const KNOWN: &str =
            "select exists (select 1 from project_membership where project_id = ?1 and account_id = ?2)";
        if one(cx.conn(), KNOWN, (project, account), |row| row.take::<bool>())? {
            return Err(Error::conflict("The account is a member of the project already; change its role instead."));
        }
        join(cx, project, account, self.role.unwrap_or(Role::Member))?;
        ProjectMember::find(cx, project, &account.to_string())
    }
}

/// Change a member's role in a project. Nobody changes their own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateProjectMember {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// E-mail or id.
    pub membership_id: Line<320>,
    /// Their new role.
    pub role: Role,
}

impl Operation for UpdateProjectMember {
    type Output = ProjectMember;
    const SPEC: Spec = Spec {
        name: "project.member.update",
        title: "Change a project member's role",
        route: Route::patch("/projects/{projectId}/members/{membershipId}"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Projects,
        more: More { audit: Some(Audited::Role), aliases: &["project.members.update"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<ProjectMember> {
        let project = cx.project(&self.project_id)?.id;
        let member = ProjectMember::find(cx, project, self.membership_id.as_str())?;
        let id = member.changeable()?;
        if cx.account_id() == Some(member.account_id) && member.role != self.role {
            return Err(Error::conflict("Nobody changes their own role; ask another owner."));
        }
        if self.role != Role::Owner {
            keep_an_owner(cx, project, id)?;
        }
        let mut row = Change::existing(cx, "project_membership", id)?;
        row.set("role", self.role)?;
        row.update(cx, id)?;
        ProjectMember::find(cx, project, &member.account_id.to_string())
    }
}

/// Owners of the workspace stay owners of the project, so they may take its last own owner away.
fn keep_an_owner(tx: &Tx, project: Id<ProjectRecord>, leaving: Id<ProjectMembership>) -> Result<()> {
    const IS_LAST: &str = "
        select role = 'OWNER' and not exists (
                 select 1 from project_membership o join account a on a.id = o.account_id
                  where o.project_id = ?1 and o.role = 'OWNER' and o.id <> ?2 and a.archived_at is null)
          from project_membership where id = ?2";
    if tx.is_over_projects() || !one(tx.conn(), IS_LAST, (project, leaving), |row| row.take::<bool>())? {
        return Ok(());
    }
    Err(Error::conflict("A project keeps at least one owner; make somebody else owner first."))
}

/// Take away somebody's role in a project.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveProjectMember {
    /// Key or name.
    pub project_id: Ref<ProjectRecord>,
    /// E-mail or id.
    pub membership_id: Line<320>,
}

impl Operation for RemoveProjectMember {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "project.member.remove",
        title: "Remove a project member",
        route: Route::delete("/projects/{projectId}/members/{membershipId}"),
        needs: Needs::Project(Role::Owner),
        effect: Effect::Destructive,
        toolset: Toolset::Projects,
        more: More {
            audit: Some(Audited::Member),
            aliases: &["project.members.remove", "remove_project_member"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let project = cx.project(&self.project_id)?.id;
        let id = ProjectMember::find(cx, project, self.membership_id.as_str())?.changeable()?;
        keep_an_owner(cx, project, id)?;
        delete(cx, "project_membership", id)
    }
}
