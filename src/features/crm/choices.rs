//! What the CRM's forms and filters offer to choose from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset};
use crate::core::store::all;

use super::deals::DealRecord;
use super::organizations::OrganizationRecord;
use super::people::PersonRecord;
use super::pipeline::{self, Stage};
use crate::core::reference::Named;

pub const OPERATIONS: &[Entry] = &[Entry::of::<ShowChoices>(), Entry::of::<ShowDealFilters>()];

/// The stages and members of the workspace, and the records that were touched last.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowChoices {
    /// true: organizations, people and open deals too.
    pub records: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choices {
    pub stages: Vec<Stage>,
    /// Who can own a record: the members by name.
    pub owners: Vec<Named<Account>>,
    /// The hundred that changed last, as the other two.
    pub organizations: Vec<Named<OrganizationRecord>>,
    pub people: Vec<Named<PersonRecord>>,
    /// Open ones.
    pub deals: Vec<Named<DealRecord>>,
}
impl Answer for Choices {}

const OWNERS: &str = "
    select a.id, a.name from workspace_membership m join account a on a.id = m.account_id
     where m.workspace_id = ?1 and a.archived_at is null
     order by a.name collate nocase limit 500";
const ORGANIZATIONS: &str = "
    select id, name from crm_organization
     where workspace_id = ?1 and archived_at is null order by updated_at desc limit 100";
const PEOPLE: &str = "
    select id, name from crm_person
     where workspace_id = ?1 and archived_at is null order by updated_at desc limit 100";
const DEALS: &str = "
    select id, title from crm_deal
     where workspace_id = ?1 and archived_at is null and status = 'OPEN' order by updated_at desc limit 100";

impl Operation for ShowChoices {
    type Output = Choices;
    const SPEC: Spec = Spec {
        name: "crm.choices",
        title: "What to choose from",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Choices> {
        let (conn, workspace) = (cx.conn(), [cx.workspace_id()]);
        let mut choices = Choices {
            stages: pipeline::stages(cx)?,
            owners: all(conn, OWNERS, workspace, |row| Ok(Named { id: row.take()?, name: row.take()? }))?,
            organizations: Vec::new(),
            people: Vec::new(),
            deals: Vec::new(),
        };
        if self.records {
            choices.organizations =
                all(conn, ORGANIZATIONS, workspace, |row| Ok(Named { id: row.take()?, name: row.take()? }))?;
            choices.people = all(conn, PEOPLE, workspace, |row| Ok(Named { id: row.take()?, name: row.take()? }))?;
            choices.deals = all(conn, DEALS, workspace, |row| Ok(Named { id: row.take()?, name: row.take()? }))?;
        }
        Ok(choices)
    }
}

/// What the filters of deals offer: organizations, labels, and why deals were lost, of what changed last.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowDealFilters {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealFilters {
    pub organizations: Vec<Named<OrganizationRecord>>,
    pub labels: Vec<String>,
    /// The most frequent first.
    pub lost_reasons: Vec<LostReason>,
}
impl Answer for DealFilters {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LostReason {
    pub reason: String,
    pub count: i64,
}

impl Operation for ShowDealFilters {
    type Output = DealFilters;
    const SPEC: Spec = Spec {
        name: "crm.deal.filters",
        title: "What to narrow deals by",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<DealFilters> {
        // Bounded: of a pipeline with a hundred thousand deals the newest few hundred say enough.
        const LABELS: &str = "
            select distinct label.value
              from (select labels from crm_deal where workspace_id = ?1 order by updated_at desc limit 300) d, json_each(d.labels) label
             order by label.value collate nocase limit 100";
        const LOST_REASONS: &str = "
            select lost_reason, count(*)
              from (select lost_reason from crm_deal
                     where workspace_id = ?1 and status = 'LOST' and closed_at is not null and archived_at is null
                     order by closed_at desc limit 300)
             where lost_reason is not null
             group by lost_reason collate nocase order by count(*) desc, lost_reason limit 30";
        let (conn, workspace) = (cx.conn(), [cx.workspace_id()]);
        Ok(DealFilters {
            organizations: all(conn, ORGANIZATIONS, workspace, |row| Ok(Named { id: row.take()?, name: row.take()? }))?,
            labels: all(conn, LABELS, workspace, |row| row.take())?,
            lost_reasons: all(conn, LOST_REASONS, workspace, |row| {
                Ok(LostReason { reason: row.take()?, count: row.take()? })
            })?,
        })
    }
}
