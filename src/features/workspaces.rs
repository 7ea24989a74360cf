//! Workspaces and who belongs to them.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::audit::Audited;
use crate::core::caller::{Account, Role, Workspace, pin_refusal};
use crate::core::error::{Error, Result};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::store::{Change, insert, one, optional, run};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::accounts::anybody;
use crate::features::crm::pipeline;
use crate::features::timesheets::timer;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListWorkspaces>(),
    Entry::of::<GetWorkspace>(),
    Entry::of::<CreateWorkspace>(),
    Entry::of::<UpdateWorkspace>(),
    Entry::of::<ArchiveWorkspace>(),
    Entry::of::<DeleteWorkspace>(),
    Entry::of::<ClearAway>(),
    Entry::of::<ListMembers>(),
    Entry::of::<AddMember>(),
    Entry::of::<UpdateMember>(),
    Entry::of::<RemoveMember>(),
];

/// A team's own space: nothing in it is seen from another.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceView {
    pub id: Id<Workspace>,
    pub name: String,
    pub slug: String,
    /// Your role in it; null for an administrator who is no member.
    pub role: Option<Role>,
    pub archived_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for WorkspaceView {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/workspaces/{}", self.id))
    }
}

const COLUMNS: &str = "w.id, w.name, w.slug, m.role, w.archived_at, w.created_at, w.updated_at, w.version";

impl WorkspaceView {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<WorkspaceView> {
        Ok(WorkspaceView {
            id: row.take()?,
            name: row.take()?,
            slug: row.take()?,
            role: row.take()?,
            archived_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn by_id(tx: &Tx, id: Id<Workspace>) -> Result<WorkspaceView> {
        let sql = format!(
            "select {COLUMNS} from workspace w left join workspace_membership m on m.workspace_id = w.id and m.account_id = ?2 where w.id = ?1"
        );
        one(tx.conn(), &sql, (id, tx.account_id()), WorkspaceView::read)
    }
}

/// Any workspace of the server, by id or slug: for those who administer it.
pub fn any_workspace(tx: &Tx, text: &str) -> Result<Id<Workspace>> {
    const ANY: &str = "select id from workspace where (id = ?1 or slug = lower(?2)) and deleted_at is null";
    let id = Id::<Workspace>::parse(text.trim());
    optional(tx.conn(), ANY, (id, text.trim()), |row| row.take())?.ok_or_else(|| Error::not_found("workspace", text))
}

/// Makes a workspace with its pipeline.
pub fn found(tx: &Tx, name: &Line<120>) -> Result<(Id<Workspace>, String)> {
    let slug = free_slug(name.as_str(), "workspace", |slug| is_taken(tx, slug))?;
    let mut row = Change::of("workspace");
    row.set("name", name)?.set("slug", &slug)?;
    let id = insert(tx, row)?;
    pipeline::begin(tx.conn(), id, tx.now())?;
    Ok((id, slug))
}

/// Makes an account a member; 409 if it is one.
pub fn join(tx: &Tx, workspace: Id<Workspace>, account: Id<Account>, role: Role) -> Result<Id<Membership>> {
    const KNOWN: &str =
        "select exists (select 1 from workspace_membership where workspace_id = ?1 and account_id = ?2)";
    if one(tx.conn(), KNOWN, (workspace, account), |row| row.take::<bool>())? {
        return Err(Error::conflict("The account is a member of the workspace already; change its role instead."));
    }
    let mut row = Change::of("workspace_membership");
    row.set("workspace_id", workspace)?.set("account_id", account)?.set("role", role)?;
    insert(tx, row)
}

/// `Acme GmbH & Co` → `acme-gmbh-co`, with `-2` and so on where that is taken; `nameless` where no letter is left.
pub fn free_slug(name: &str, nameless: &str, is_taken: impl Fn(&str) -> Result<bool>) -> Result<String> {
    let plain: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let base: String = words.join("-").chars().take(48).collect();
    let base = if base.is_empty() { nameless.to_owned() } else { base.trim_end_matches('-').to_owned() };
    let mut slug = base.clone();
    let mut number = 2;
    while is_taken(&slug)? {
        slug = format!("{base}-{number}");
        number += 1;
    }
    Ok(slug)
}

fn is_taken(tx: &Tx, slug: &str) -> Result<bool> {
    one(tx.conn(), "select exists (select 1 from workspace where slug = ?1)", [slug], |row| row.take())
}

/// List the workspaces you can work in, with your role in each.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListWorkspaces {
    /// These too.
    pub archived: Option<bool>,
}

impl Operation for ListWorkspaces {
    type Output = Page<WorkspaceView>;
    const SPEC: Spec = Spec {
        name: "workspace.list",
        title: "List workspaces",
        route: Route::get("/workspaces"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Core,
        more: More {
            sorts: &[Sort::up("name", "w.name collate nocase"), Sort::down("createdAt", "w.id")],
            brief: &["id", "name", "slug", "role"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<WorkspaceView>> {
        let identity = &cx.caller().identity;
        // The join decides what is seen: an administrator sees all, everybody else their own.
        let from = if identity.is_platform_admin() {
            "workspace w left join workspace_membership m on m.workspace_id = w.id and m.account_id = ?"
        } else {
            "workspace_membership m join workspace w on w.id = m.workspace_id and m.account_id = ?"
        };
        let mut workspaces = Select::new(COLUMNS, from, "w.id")
            .parameter(cx.account_id())
            .filter_some("w.id = ?", identity.pinned_to())
            .condition("w.deleted_at is null");
        if !self.archived.unwrap_or(false) {
            workspaces = workspaces.condition("w.archived_at is null");
        }
        workspaces.page(cx, &Self::SPEC, WorkspaceView::read)
    }
}

/// Read one workspace.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetWorkspace {
    /// Slug or id.
    pub workspace_id: Line<120>,
}

impl Operation for GetWorkspace {
    type Output = WorkspaceView;
    const SPEC: Spec = Spec {
        name: "workspace.get",
        title: "Read a workspace",
        route: Route::get("/workspaces/{workspaceId}"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Workspace,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<WorkspaceView> {
        WorkspaceView::by_id(cx, cx.workspace_id())
    }
}

/// Make a workspace. You become its owner.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWorkspace {
    /// The slug is made from it.
    pub name: Line<120>,
}

impl Operation for CreateWorkspace {
    type Output = WorkspaceView;
    const SPEC: Spec = Spec {
        name: "workspace.create",
        title: "Make a workspace",
        route: Route::post("/workspaces"),
        needs: Needs::Platform,
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Workspace), ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<WorkspaceView> {
        if cx.caller().identity.pinned_to().is_some() {
            return Err(pin_refusal());
        }
        let (id, _) = found(cx, &self.name)?;
        if let Some(account) = cx.account_id() {
            join(cx, id, account, Role::Owner)?;
        }
        WorkspaceView::by_id(cx, id)
    }
}

/// Rename a workspace or change its slug.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateWorkspace {
    /// Slug or id.
    #[schemars(required)]
    pub workspace_id: String,
    /// What the team is called.
    pub name: Patch<Line<120>>,
    /// Lower-case letters, digits and dashes.
    pub slug: Patch<Slug>,
}

/// Lower-case letters, digits and dashes, 1 to 50 of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
pub struct Slug(String);

impl Slug {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Slug {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let slug = text.trim().to_lowercase();
        let is_plain = slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if slug.is_empty() || slug.len() > 50 || !is_plain || slug.starts_with('-') || slug.ends_with('-') {
            return Err("must be 1 to 50 lower-case letters, digits and dashes, such as acme-studio".into());
        }
        Ok(Slug(slug))
    }
}

impl rusqlite::ToSql for Slug {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Operation for UpdateWorkspace {
    type Output = WorkspaceView;
    const SPEC: Spec = Spec {
        name: "workspace.update",
        title: "Change a workspace",
        route: Route::patch("/workspaces/{workspaceId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Workspace), ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<WorkspaceView> {
        let workspace = cx.workspace();
        let slug = self.slug.never_cleared("slug")?;
        if let Some(slug) = &slug
            && slug.0 != workspace.slug
            && is_taken(cx, &slug.0)?
        {
            return Err(Error::conflict(format!("The slug {} is taken; choose another one.", slug.0)));
        }
        let mut row = Change::existing(cx, "workspace", workspace.id)?;
        row.patch("name", &self.name.never_cleared("name")?.into())?.patch("slug", &slug.into())?;
        row.update(cx, workspace.id)?;
        WorkspaceView::by_id(cx, workspace.id)
    }
}

/// Archive a workspace: nothing in it can be reached until `archived: false` brings it back.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveWorkspace {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// Else true.
    pub archived: Option<bool>,
}

impl Operation for ArchiveWorkspace {
    type Output = WorkspaceView;
    const SPEC: Spec = Spec {
        name: "workspace.archive",
        title: "Archive a workspace",
        route: Route::post("/workspaces/{workspaceId}/archive"),
        needs: Needs::Platform,
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Workspace), ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<WorkspaceView> {
        let id = within_pin(cx, any_workspace(cx, self.workspace_id.as_str())?)?;
        let mut row = Change::of("workspace");
        row.archive(cx, Some(self.archived.unwrap_or(true)))?;
        row.update(cx, id)?;
        WorkspaceView::by_id(cx, id)
    }
}

/// A pinned key reaches no other workspace, even in an administrator's hand.
fn within_pin(tx: &Tx, id: Id<Workspace>) -> Result<Id<Workspace>> {
    match tx.caller().identity.pinned_to() {
        Some(pin) if pin != id => Err(pin_refusal()),
        _ => Ok(id),
    }
}

/// Delete a workspace with everything in it. This cannot be taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteWorkspace {
    /// Slug or id.
    pub workspace_id: Line<120>,
}

impl Operation for DeleteWorkspace {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "workspace.delete",
        title: "Delete a workspace",
        route: Route::delete("/workspaces/{workspaceId}"),
        needs: Needs::Platform,
        effect: Effect::Destructive,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Workspace), ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        // Nobody reaches it any more, and its slug is free; no slug begins with a number sign.
        const LEAVE: &[&str] = &[
            "delete from workspace_membership where workspace_id = ?1",
            "delete from invite where workspace_id = ?1",
            "delete from access_key where workspace_id = ?1 or agent_id in (select id from agent where workspace_id = ?1)",
            "delete from running_timer where workspace_id = ?1",
            "update workspace set slug = '#' || id where id = ?1",
        ];
        let id = within_pin(cx, any_workspace(cx, self.workspace_id.as_str())?)?;
        let mut row = Change::existing(cx, "workspace", id)?;
        row.set("deleted_at", cx.now())?;
        row.update(cx, id)?;
        for sql in LEAVE {
            run(cx.conn(), sql, [id])?;
        }
        clear(cx, id).map(drop)
    }
}

/// Takes away a part of what is in a deleted workspace, in the end the workspace itself; answers whether anything is left.
/// In one go, a workspace of 100,000 tasks would hold up all other writes for half a minute; a part takes less than 100 ms.
fn clear(tx: &Tx, workspace: Id<Workspace>) -> Result<bool> {
    /// What goes with each of them is up to a few dozen rows. Those that point at others come before those.
    const TABLES: &[&str] = &[
        "notification",
        "timesheet_entry",
        "crm_activity",
        "crm_follow_up",
        "task",
        "crm_deal",
        "crm_person",
        "crm_organization",
        "project",
    ];
    const PART: i64 = 100;
    let mut room = PART;
    for table in TABLES {
        let sql = format!("delete from {table} where id in (select id from {table} where workspace_id = ?1 limit ?2)");
        room -= run(tx.conn(), &sql, (workspace, room))? as i64;
        if room == 0 {
            return Ok(true);
        }
    }
    run(tx.conn(), "delete from workspace where id = ?1", [workspace])?;
    Ok(false)
}

const DELETED: &str = "select id from workspace where deleted_at is not null limit 1";

/// Is a deleted workspace not empty yet? Looked at before a write is made for it.
pub fn is_any_to_clear(conn: &Connection) -> Result<bool> {
    Ok(optional(conn, DELETED, [], |row| row.take::<i64>())?.is_some())
}

/// Take away a part of what deleted workspaces leave behind: by the clock.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClearAway {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cleared {
    /// Is there more?
    pub more: bool,
}
impl Answer for Cleared {}

impl Operation for ClearAway {
    type Output = Cleared;
    const SPEC: Spec = Spec {
        name: "workspace.clear_away",
        title: "Clear deleted workspaces away",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Cleared> {
        let more = match optional(cx.conn(), DELETED, [], |row| row.take())? {
            Some(workspace) => {
                clear(cx, workspace)?;
                is_any_to_clear(cx.conn())?
            }
            None => false,
        };
        Ok(Cleared { more })
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Membership;
impl Record for Membership {
    const PREFIX: &'static str = "mem";
    const NOUN: &'static str = "member";
}

/// An account in a workspace.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Of the membership.
    pub id: Id<Membership>,
    pub account_id: Id<Account>,
    pub name: String,
    pub email: String,
    pub avatar_url: Option<String>,
    pub role: Role,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Member {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

const MEMBER_COLUMNS: &str = "m.id, a.id, a.name, a.email, a.avatar_url, m.role, m.created_at, m.updated_at, m.version";
/// In this order, whatever the statistics say: the members of a workspace are few, the accounts of a server are not.
const MEMBER_FROM: &str = "workspace_membership m cross join account a on a.id = m.account_id";

impl Member {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Member> {
        Ok(Member {
            id: row.take()?,
            account_id: row.take()?,
            name: row.take()?,
            email: row.take()?,
            avatar_url: row.take()?,
            role: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    /// By the membership's id, the account's id or e-mail, or `me`.
    fn find(tx: &Tx, text: &str) -> Result<Member> {
        let sql = format!(
            "select {MEMBER_COLUMNS} from {MEMBER_FROM} where m.workspace_id = ?1 and (m.id = ?2 or a.id = ?3 or a.email = lower(?4))"
        );
        let text = text.trim();
        let account = if text.eq_ignore_ascii_case("me") { tx.account_id() } else { Id::<Account>::parse(text) };
        let parameters = (tx.workspace_id(), Id::<Membership>::parse(text), account, text);
        optional(tx.conn(), &sql, parameters, Member::read)?.ok_or_else(|| Error::not_found("member", text))
    }
}

/// List the members of a workspace with their roles.
/// Of one project: `project.member.list`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListMembers {
    /// Slug or id.
    pub workspace_id: Line<120>,
}

impl Operation for ListMembers {
    type Output = Page<Member>;
    const SPEC: Spec = Spec {
        name: "workspace.member.list",
        title: "List members",
        route: Route::get("/workspaces/{workspaceId}/members"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Read,
        toolset: Toolset::Workspace,
        more: More {
            aliases: &["workspace.members.list", "list_members"],
            sorts: &[Sort::up("name", "a.name collate nocase"), Sort::down("createdAt", "m.id")],
            brief: &["id", "accountId", "name", "email", "role"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Member>> {
        Select::new(MEMBER_COLUMNS, MEMBER_FROM, "m.id").filter("m.workspace_id = ?", cx.workspace_id()).page(
            cx,
            &Self::SPEC,
            Member::read,
        )
    }
}

/// Add an account that exists to a workspace.
/// Into one project: `project.member.add`. By e-mail, with a link: `workspace.invite`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddMember {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// E-mail or id.
    pub account_id: Line<320>,
    /// Their new role.
    pub role: Role,
}

impl Operation for AddMember {
    type Output = Member;
    const SPEC: Spec = Spec {
        name: "workspace.member.add",
        title: "Add a member",
        route: Route::post("/workspaces/{workspaceId}/members"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Member), aliases: &["workspace.members.add"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Member> {
        cx.caller().identity.must_be_whole_for(self.role)?;
        let account = anybody(cx, self.account_id.as_str())?;
        must_be_active(cx, account)?;
        let id = join(cx, cx.workspace_id(), account, self.role)?;
        Member::find(cx, &id.to_string())
    }
}

fn must_be_active(tx: &Tx, account: Id<Account>) -> Result<()> {
    const IS_ARCHIVED: &str = "select archived_at is not null from account where id = ?1";
    match one(tx.conn(), IS_ARCHIVED, [account], |row| row.take())? {
        false => Ok(()),
        true => Err(Error::conflict("The account is archived. An administrator of this server can bring it back.")),
    }
}

/// Change a member's role. Nobody changes their own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateMember {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// E-mail or id.
    pub membership_id: Line<320>,
    /// Their new role.
    pub role: Role,
}

impl Operation for UpdateMember {
    type Output = Member;
    const SPEC: Spec = Spec {
        name: "workspace.member.update",
        title: "Change a member's role",
        route: Route::patch("/workspaces/{workspaceId}/members/{membershipId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Role), aliases: &["workspace.members.update"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Member> {
        let member = Member::find(cx, self.membership_id.as_str())?;
        cx.caller().identity.must_be_whole_for(self.role.max(member.role))?;
        if cx.account_id() == Some(member.account_id) && member.role != self.role {
            return Err(Error::conflict("Nobody changes their own role; ask another owner."));
        }
        let mut row = Change::existing(cx, "workspace_membership", member.id)?;
        if self.role != Role::Owner {
            keep_an_owner(cx, &member)?;
        }
        row.set("role", self.role)?;
        row.update(cx, member.id)?;
        Member::find(cx, &member.id.to_string())
    }
}

fn keep_an_owner(tx: &Tx, leaving: &Member) -> Result<()> {
    const OTHER: &str = "
        select exists (
          select 1 from workspace_membership m join account a on a.id = m.account_id
           where m.workspace_id = ?1 and m.role = 'OWNER' and m.id <> ?2 and a.archived_at is null)";
    if leaving.role != Role::Owner || one(tx.conn(), OTHER, (tx.workspace_id(), leaving.id), |row| row.take::<bool>())?
    {
        return Ok(());
    }
    Err(Error::conflict("A workspace keeps at least one owner; make somebody else owner first."))
}

/// Remove a member from a workspace and its projects.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveMember {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// E-mail or id.
    pub membership_id: Line<320>,
}

impl Operation for RemoveMember {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "workspace.member.remove",
        title: "Remove a member",
        route: Route::delete("/workspaces/{workspaceId}/members/{membershipId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Destructive,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Member), aliases: &["workspace.members.remove"], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let member = Member::find(cx, self.membership_id.as_str())?;
        cx.check_version(member.version)?;
        cx.caller().identity.must_be_whole_for(member.role)?;
        keep_an_owner(cx, &member)?;
        const FROM_PROJECTS: &str = "
            delete from project_membership
             where account_id = ?1 and project_id in (select id from project where workspace_id = ?2)";
        timer::stop_for_leaving(cx, member.account_id)?;
        run(cx.conn(), FROM_PROJECTS, (member.account_id, cx.workspace_id()))?;
        run(cx.conn(), "delete from workspace_membership where id = ?1", [member.id])?;
        Ok(())
    }
}
