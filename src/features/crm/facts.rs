//! What one wants to know of a record at a glance: money open and won, and the last contact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::Result;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset};
use crate::core::page::Select;
use crate::core::reference::Ref;
use crate::core::store::one;
use crate::core::time::Moment;

use super::Whose;
use super::deals::{DealRecord, Sum};
use super::organizations::OrganizationRecord;
use super::people::PersonRecord;

pub const OPERATIONS: &[Entry] = &[Entry::of::<ShowFacts>()];

/// Sum up an organization, a person or a deal: one of the three.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowFacts {
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Name, e-mail or id.
    pub person_id: Option<Ref<PersonRecord>>,
    /// Title or id.
    pub deal_id: Option<Ref<DealRecord>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    pub open: Sum,
    pub won: Sum,
    /// The newest call, e-mail or meeting up to now; with an organization also what belongs to its deals and people.
    pub last_contact_at: Option<Moment>,
}
impl Answer for Facts {}

impl Operation for ShowFacts {
    type Output = Facts;
    const SPEC: Spec = Spec {
        name: "crm.facts",
        title: "Sum up a record",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Facts> {
        const CONTACT: &str = "v.type in ('CALL', 'EMAIL', 'MEETING') and v.occurred_at <= ?2";
        let whose = Whose::the_one(cx, self.organization_id, self.person_id, self.deal_id)?;
        let (own_deals, own_activities): (_, &[&str]) = match whose {
            Whose::Organization(_) => (
                "d.organization_id = ?",
                &[
                    "v.organization_id = ?1",
                    "v.deal_id in (select id from crm_deal where organization_id = ?1)",
                    "v.person_id in (select id from crm_person where organization_id = ?1)",
                ],
            ),
            Whose::Person(_) => ("d.primary_person_id = ?", &["v.person_id = ?1"]),
            Whose::Deal(_) => ("d.id = ?", &["v.deal_id = ?1"]),
        };
        let (_, id) = whose.column();
        let sum = |status: &'static str| {
            let deals = Select::new(Sum::COLUMNS, Sum::FROM, "d.id")
                .filter("d.workspace_id = ?", cx.workspace_id())
                .filter(own_deals, id)
                .filter("d.status = ?", status)
                .condition("d.archived_at is null");
            Sum::of(cx, &deals)
        };
        let mut last_contact_at: Option<Moment> = None;
        for own in own_activities {
            let sql = format!("select max(v.occurred_at) from crm_activity v where {CONTACT} and {own}");
            last_contact_at = last_contact_at.max(one(cx.conn(), &sql, (id, cx.now()), |row| row.take())?);
        }
        Ok(Facts { open: sum("OPEN")?, won: sum("WON")?, last_contact_at })
    }
}
