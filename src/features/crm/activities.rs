//! Activities: what happened with whom, as a timeline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Agent, Role};
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::patch::Patch;
use crate::core::place;
use crate::core::reference::{MaybeRef, Named, Ref};
use crate::core::store::{Change, all, insert, one};
use crate::core::text::{Line, Prose};
use crate::core::time::Moment;
use crate::features::search;
use crate::features::tasks::{TaskLink, TaskRecord};

use super::deals::DealRecord;
use super::organizations::OrganizationRecord;
use super::people::PersonRecord;
use super::{About, Whose, about_nothing};

pub const OPERATIONS: &[Entry] = &[Entry::of::<ListActivities>(), Entry::of::<AddActivity>()];

#[derive(Debug, Clone, Copy)]
pub struct ActivityRecord;
impl Record for ActivityRecord {
    const PREFIX: &'static str = "act";
    const NOUN: &'static str = "activity";
}

choices! {
    /// What kind of contact it was.
    pub enum ActivityType { Note = "NOTE", Call = "CALL", Email = "EMAIL", Meeting = "MEETING", FollowUp = "FOLLOW_UP" }
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    pub id: Id<ActivityRecord>,
    #[serde(rename = "type")]
    pub kind: ActivityType,
    pub body: String,
    pub occurred_at: Moment,
    pub organization_id: Option<Id<OrganizationRecord>>,
    pub organization: Option<Named<OrganizationRecord>>,
    pub person_id: Option<Id<PersonRecord>>,
    pub person: Option<Named<PersonRecord>>,
    pub deal_id: Option<Id<DealRecord>>,
    pub deal: Option<Named<DealRecord>>,
    pub actor_id: Option<Id<Account>>,
    pub actor: Option<Named<Account>>,
    /// The agent that wrote it on behalf of the actor.
    pub agent_id: Option<Id<Agent>>,
    pub agent: Option<Named<Agent>>,
    /// The task it tells of, if you may see that.
    pub task_id: Option<Id<TaskRecord>>,
    pub task: Option<TaskLink>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Activity {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

const COLUMNS: &str = "
    v.id, v.type, v.body, v.occurred_at, o.id, o.name, p.id, p.name, d.id, d.title, a.id, a.name,
    g.id, g.name, t.id, tp.key || '-' || t.number, t.title, tp.id, v.created_at, v.updated_at, v.version";

const FROM: &str = "
    crm_activity v
    left join crm_organization o on o.id = v.organization_id
    left join crm_person p on p.id = v.person_id
    left join crm_deal d on d.id = v.deal_id
    left join account a on a.id = v.actor_id
    left join agent g on g.id = v.agent_id
    left join task t on t.id = v.task_id
    left join project tp on tp.id = t.project_id";

impl Activity {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Activity> {
        let mut activity = Activity {
            id: row.take()?,
            kind: row.take()?,
            body: row.take()?,
            occurred_at: row.take()?,
            organization_id: None,
            organization: Named::read(row)?,
            person_id: None,
            person: Named::read(row)?,
            deal_id: None,
            deal: Named::read(row)?,
            actor_id: None,
            actor: Named::read(row)?,
            agent_id: None,
            agent: Named::read(row)?,
            task_id: None,
            task: TaskLink::read(row)?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        activity.organization_id = activity.organization.as_ref().map(|named| named.id);
        activity.person_id = activity.person.as_ref().map(|named| named.id);
        activity.deal_id = activity.deal.as_ref().map(|named| named.id);
        activity.actor_id = activity.actor.as_ref().map(|named| named.id);
        activity.agent_id = activity.agent.as_ref().map(|named| named.id);
        activity.task_id = activity.task.as_ref().map(|task| task.id);
        Ok(activity)
    }

    fn hide_tasks(tx: &Tx, activities: &mut [Activity]) -> Result<()> {
        place::hide_unseen(
            tx,
            activities,
            |activity| activity.task.as_ref().map(|task| task.project_id),
            |activity| {
                activity.task_id = None;
                activity.task = None;
            },
        )
    }
}

/// The newest 25.
pub(super) fn newest_for(tx: &Tx, whose: Whose) -> Result<Vec<Activity>> {
    let (column, id) = whose.column();
    let sql =
        format!("select {COLUMNS} from {FROM} where v.{column} = ?1 order by v.occurred_at desc, v.id desc limit 25");
    let mut activities = all(tx.conn(), &sql, [id], Activity::read)?;
    Activity::hide_tasks(tx, &mut activities)?;
    Ok(activities)
}

pub const SORTS: &[Sort] = &[Sort::down("occurredAt", "v.occurred_at")];

/// List activities, newest first: the timeline of a deal, a person, an organization or the workspace.
/// What is to be done: `crm.follow_up.list`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListActivities {
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Name, e-mail or id.
    pub person_id: Option<Ref<PersonRecord>>,
    /// Title or id.
    pub deal_id: Option<Ref<DealRecord>>,
    /// Only of this kind.
    #[serde(rename = "type")]
    pub kind: Option<ActivityType>,
    /// Words in the text.
    pub search: Option<Line<200>>,
}

impl Operation for ListActivities {
    type Output = Page<Activity>;
    const SPEC: Spec = Spec {
        name: "crm.activity.list",
        title: "List activities",
        route: Route::get("/crm/activities"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More {
            sorts: SORTS,
            brief: &["id", "type", "body", "occurredAt", "organization", "person", "deal", "actor", "agent"],
            ..More::NONE
        },
    };

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Activity>> {
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let person = self.person_id.resolve_for("personId", cx)?;
        let deal = self.deal_id.resolve_for("dealId", cx)?;
        let words = self.search.map(|text| search::in_workspace(cx, &["activity"], text.as_str()));
        let mut page = Select::new(COLUMNS, FROM, "v.id")
            .filter("v.workspace_id = ?", cx.workspace_id())
            .filter_some("v.organization_id = ?", organization)
            .filter_some("v.person_id = ?", person)
            .filter_some("v.deal_id = ?", deal)
            .filter_some("v.type = ?", self.kind)
            .filter_some("v.id in (select rowid from search_index where search_index match ?)", words)
            .page(cx, &Self::SPEC, Activity::read)?;
        Activity::hide_tasks(cx, &mut page.items)?;
        Ok(page)
    }
}

/// Write down a note, call, e-mail or meeting about a deal, person or organization.
/// What is to be done: `crm.follow_up.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddActivity {
    /// What was said or done.
    pub body: Prose<20_000>,
    /// NOTE if left out.
    #[serde(rename = "type")]
    pub kind: Option<ActivityType>,
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Name, e-mail or id.
    pub person_id: Option<Ref<PersonRecord>>,
    /// Title or id.
    pub deal_id: Option<Ref<DealRecord>>,
    /// Key or id.
    pub task_id: Option<Ref<TaskRecord>>,
    /// e.g. `2027-03-01T09:30:00Z`; else now.
    pub occurred_at: Option<Moment>,
}

impl Operation for AddActivity {
    type Output = Activity;
    const SPEC: Spec = Spec {
        name: "crm.activity.add",
        title: "Log an activity",
        route: Route::post("/crm/activities"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Activity> {
        let about = About::resolve(
            cx,
            Patch::from(self.organization_id),
            Patch::from(self.person_id),
            Patch::from(self.deal_id),
        )?;
        let task = self.task_id.resolve_for("taskId", cx)?;
        if about.is_nothing() {
            return Err(about_nothing());
        }
        let mut row = Change::of("crm_activity");
        row.set("workspace_id", cx.workspace_id())?
            .set("type", self.kind.unwrap_or(ActivityType::Note))?
            .set("body", self.body)?
            .set("task_id", task)?
            .set("actor_id", cx.account_id())?
            .set("agent_id", cx.agent_id())?
            .set("occurred_at", self.occurred_at.unwrap_or(cx.now()))?;
        about.write(&mut row)?;
        let id: Id<ActivityRecord> = insert(cx, row)?;
        one(cx.conn(), &format!("select {COLUMNS} from {FROM} where v.id = ?1"), [id], Activity::read)
    }
}
