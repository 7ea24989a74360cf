//! Follow-ups: what to do next, for whom, by when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::place;
use crate::core::reference::{MaybeRef, Named, Ref, Referable};
use crate::core::store::{Change, all, insert, one, optional};
use crate::core::text::{Line, Prose};
use crate::core::time::{Due, Moment};
use crate::features::tasks::{TaskLink, TaskRecord};

use super::deals::DealRecord;
use super::organizations::OrganizationRecord;
use super::people::PersonRecord;
use super::{About, Whose, owner};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListFollowUps>(),
    Entry::of::<AddFollowUp>(),
    Entry::of::<UpdateFollowUp>(),
    Entry::of::<GetFollowUp>(),
    Entry::of::<CountOverdue>(),
];

#[derive(Debug, Clone, Copy)]
pub struct FollowUpRecord;
impl Record for FollowUpRecord {
    const PREFIX: &'static str = "fup";
    const NOUN: &'static str = "follow-up";
}

choices! {
    /// How a follow-up stands.
    pub enum FollowUpStatus { Open = "OPEN", Done = "DONE", Cancelled = "CANCELLED" }
}

choices! {
    /// Which follow-ups to list.
    pub enum FollowUpsWanted { Open = "OPEN", Done = "DONE", Cancelled = "CANCELLED", All = "ALL" }
}

/// Something to do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowUp {
    pub id: Id<FollowUpRecord>,
    pub title: String,
    pub body: Option<String>,
    pub status: FollowUpStatus,
    pub due_at: Option<Moment>,
    pub owner_id: Option<Id<Account>>,
    pub owner: Option<Named<Account>>,
    pub organization_id: Option<Id<OrganizationRecord>>,
    pub organization: Option<Named<OrganizationRecord>>,
    pub person_id: Option<Id<PersonRecord>>,
    pub person: Option<Named<PersonRecord>>,
    pub deal_id: Option<Id<DealRecord>>,
    pub deal: Option<Named<DealRecord>>,
    /// The task made of it, if you may see that.
    pub task_id: Option<Id<TaskRecord>>,
    pub task: Option<TaskLink>,
    pub created_by_id: Option<Id<Account>>,
    pub completed_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for FollowUp {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/crm/follow-ups/{}", self.id))
    }
}

const COLUMNS: &str = "
    f.id, f.title, f.body, f.status, f.due_at, a.id, a.name, o.id, o.name, p.id, p.name, d.id, d.title,
    t.id, tp.key || '-' || t.number, t.title, tp.id,
    f.created_by_id, f.completed_at, f.created_at, f.updated_at, f.version";

const FROM: &str = "
    crm_follow_up f
    left join account a on a.id = f.owner_id
    left join crm_organization o on o.id = f.organization_id
    left join crm_person p on p.id = f.person_id
    left join crm_deal d on d.id = f.deal_id
    left join task t on t.id = f.task_id
    left join project tp on tp.id = t.project_id";

impl FollowUp {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<FollowUp> {
        let mut follow_up = FollowUp {
            id: row.take()?,
            title: row.take()?,
            body: row.take()?,
            status: row.take()?,
            due_at: row.take()?,
            owner_id: None,
            owner: Named::read(row)?,
            organization_id: None,
            organization: Named::read(row)?,
            person_id: None,
            person: Named::read(row)?,
            deal_id: None,
            deal: Named::read(row)?,
            task_id: None,
            task: TaskLink::read(row)?,
            created_by_id: row.take()?,
            completed_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        follow_up.owner_id = follow_up.owner.as_ref().map(|named| named.id);
        follow_up.organization_id = follow_up.organization.as_ref().map(|named| named.id);
        follow_up.person_id = follow_up.person.as_ref().map(|named| named.id);
        follow_up.deal_id = follow_up.deal.as_ref().map(|named| named.id);
        follow_up.task_id = follow_up.task.as_ref().map(|task| task.id);
        Ok(follow_up)
    }

    fn by_id(tx: &Tx, id: Id<FollowUpRecord>) -> Result<FollowUp> {
        let sql = format!("select {COLUMNS} from {FROM} where f.id = ?1");
        let mut follow_up = one(tx.conn(), &sql, [id], FollowUp::read)?;
        FollowUp::hide_tasks(tx, std::slice::from_mut(&mut follow_up))?;
        Ok(follow_up)
    }

    fn hide_tasks(tx: &Tx, follow_ups: &mut [FollowUp]) -> Result<()> {
        place::hide_unseen(
            tx,
            follow_ups,
            |follow_up| follow_up.task.as_ref().map(|task| task.project_id),
            |follow_up| {
                follow_up.task_id = None;
                follow_up.task = None;
            },
        )
    }
}

impl Referable for FollowUpRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const EXISTS: &str = "select 1 from crm_follow_up where id = ?1 and workspace_id = ?2";
        Ok(optional(tx.conn(), EXISTS, (id, tx.workspace_id()), |row| row.take::<i64>())?.is_some())
    }
    /// By title, while it is open.
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        const NAMED: &str = "
            select id, title from crm_follow_up
             where workspace_id = ?1 and status = 'OPEN' and title = ?2 collate nocase
             limit 6";
        all(tx.conn(), NAMED, (tx.workspace_id(), text), |row| Ok((row.take()?, row.take()?)))
    }
}

/// The first hundred that are open, soonest first.
pub(super) fn open_for(tx: &Tx, whose: Whose) -> Result<Vec<FollowUp>> {
    let (column, id) = whose.column();
    let sql = format!(
        "select {COLUMNS} from {FROM} where f.{column} = ?1 and f.status = 'OPEN' order by ifnull(f.due_at, 253402300799999), f.id limit 100"
    );
    let mut follow_ups = all(tx.conn(), &sql, [id], FollowUp::read)?;
    FollowUp::hide_tasks(tx, &mut follow_ups)?;
    Ok(follow_ups)
}

pub const SORTS: &[Sort] =
    &[Sort::up("dueAt", "ifnull(f.due_at, 253402300799999)"), Sort::down("updatedAt", "f.updated_at")];

/// List follow-ups, the soonest first, those without a date last.
/// What was done: `crm.activity.list`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListFollowUps {
    /// What to show.
    pub status: Option<FollowUpsWanted>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Name, e-mail or id.
    pub person_id: Option<Ref<PersonRecord>>,
    /// Title or id.
    pub deal_id: Option<Ref<DealRecord>>,
    /// A day or a time.
    pub due_before: Option<Due>,
}

impl Operation for ListFollowUps {
    type Output = Page<FollowUp>;
    const SPEC: Spec = Spec {
        name: "crm.follow_up.list",
        title: "List follow-ups",
        route: Route::get("/crm/follow-ups"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More {
            sorts: SORTS,
            brief: &["id", "title", "status", "dueAt", "owner", "organization", "person", "deal"],
            open: Some(("status", "OPEN")),
            ..More::NONE
        },
    };

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<FollowUp>> {
        let status = self.status.filter(|wanted| *wanted != FollowUpsWanted::All);
        let owner = self.owner_id.resolve_for("ownerId", cx)?;
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let person = self.person_id.resolve_for("personId", cx)?;
        let deal = self.deal_id.resolve_for("dealId", cx)?;
        let mut page = Select::new(COLUMNS, FROM, "f.id")
            .filter("f.workspace_id = ?", cx.workspace_id())
            .filter_some("f.status = ?", status)
            .filter_some("f.owner_id = ?", owner)
            .filter_some("f.organization_id = ?", organization)
            .filter_some("f.person_id = ?", person)
            .filter_some("f.deal_id = ?", deal)
            .filter_some("f.due_at <= ?", self.due_before.map(|due| due.moment(&cx.time_zone())))
            .page(cx, &Self::SPEC, FollowUp::read)?;
        FollowUp::hide_tasks(cx, &mut page.items)?;
        Ok(page)
    }
}

/// Plan a follow-up.
/// What was done: `crm.activity.add`. Work in a project: `task.create`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddFollowUp {
    /// e.g. `Call about the contract`.
    pub title: Line<200>,
    /// Details.
    pub body: Option<Prose<20_000>>,
    /// A day, or e.g. `2027-03-01T09:30:00Z`.
    pub due_at: Option<Due>,
    /// OPEN if left out.
    pub status: Option<FollowUpStatus>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Name, e-mail or id.
    pub person_id: Option<Ref<PersonRecord>>,
    /// Title or id.
    pub deal_id: Option<Ref<DealRecord>>,
}

impl Operation for AddFollowUp {
    type Output = FollowUp;
    const SPEC: Spec = Spec {
        name: "crm.follow_up.add",
        title: "Plan a follow-up",
        route: Route::post("/crm/follow-ups"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<FollowUp> {
        let about = About::resolve(
            cx,
            Patch::from(self.organization_id),
            Patch::from(self.person_id),
            Patch::from(self.deal_id),
        )?;
        let owner = owner(cx, self.owner_id)?;
        let status = self.status.unwrap_or(FollowUpStatus::Open);
        let mut row = Change::of("crm_follow_up");
        row.set("workspace_id", cx.workspace_id())?
            .set("title", self.title)?
            .set("body", self.body)?
            .set("due_at", self.due_at.map(|due| due.moment(&cx.time_zone())))?
            .set("status", status)?
            .set("completed_at", (status == FollowUpStatus::Done).then(|| cx.now()))?
            .set("owner_id", owner)?
            .set("created_by_id", cx.account_id())?;
        about.write(&mut row)?;
        FollowUp::by_id(cx, insert(cx, row)?)
    }
}

/// Change a follow-up; DONE or CANCELLED ends it.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateFollowUp {
    /// Id, or title of an open one.
    #[schemars(required)]
    pub follow_up_id: Ref<FollowUpRecord>,
    /// What to do.
    pub title: Patch<Line<200>>,
    /// Details.
    pub body: Patch<Prose<20_000>>,
    /// A day, or e.g. `2027-03-01T09:30:00Z`.
    pub due_at: Patch<Due>,
    /// OPEN takes it up again.
    pub status: Patch<FollowUpStatus>,
    /// E-mail, name or `me`.
    pub owner_id: Patch<Ref<Account>>,
    /// Name, domain or id.
    pub organization_id: Patch<Ref<OrganizationRecord>>,
    /// Name, e-mail or id.
    pub person_id: Patch<Ref<PersonRecord>>,
    /// Title or id.
    pub deal_id: Patch<Ref<DealRecord>>,
}

impl Operation for UpdateFollowUp {
    type Output = FollowUp;
    const SPEC: Spec = Spec {
        name: "crm.follow_up.update",
        title: "Change a follow-up",
        route: Route::patch("/crm/follow-ups/{followUpId}"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<FollowUp> {
        let id = self.follow_up_id.resolve(cx)?;
        let about = About::resolve(cx, self.organization_id, self.person_id, self.deal_id)?;
        let status: FollowUpStatus =
            one(cx.conn(), "select status from crm_follow_up where id = ?1", [id], |row| row.take())?;
        let mut row = Change::existing(cx, "crm_follow_up", id)?;
        row.patch("title", &self.title.never_cleared("title")?.into())?
            .patch("body", &self.body)?
            .patch("due_at", &self.due_at.map(|due| due.moment(&cx.time_zone())))?
            .patch("owner_id", &self.owner_id.resolve_for("ownerId", cx)?)?;
        about.write(&mut row)?;
        if let Some(next) = self.status.never_cleared("status")?.filter(|next| *next != status) {
            row.set("status", next)?.set("completed_at", (next == FollowUpStatus::Done).then(|| cx.now()))?;
        }
        row.update(cx, id)?;
        FollowUp::by_id(cx, id)
    }
}

/// Read one follow-up: for its page.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetFollowUp {
    /// Id, or title of an open one.
    pub follow_up_id: Ref<FollowUpRecord>,
}

impl Operation for GetFollowUp {
    type Output = FollowUp;
    const SPEC: Spec = Spec {
        name: "crm.follow_up.get",
        title: "Read a follow-up",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<FollowUp> {
        FollowUp::by_id(cx, self.follow_up_id.resolve(cx)?)
    }
}

/// Count your follow-ups that should be done by now: for the badge in the navigation.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountOverdue {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overdue {
    /// 100 stands for a hundred and more.
    pub count: i64,
}
impl Answer for Overdue {}

impl Operation for CountOverdue {
    type Output = Overdue;
    const SPEC: Spec = Spec {
        name: "crm.follow_up.count_overdue",
        title: "Count overdue follow-ups",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Overdue> {
        const OVERDUE: &str = "
            select count(*) from (
              select 1 from crm_follow_up f
               where f.workspace_id = ?1 and f.status = 'OPEN' and ifnull(f.due_at, 253402300799999) < ?2 and f.owner_id = ?3
               limit 100)";
        let me = cx.signed_in()?.id;
        let count = one(cx.conn(), OVERDUE, (cx.workspace_id(), cx.now(), me), |row| row.take())?;
        Ok(Overdue { count })
    }
}
