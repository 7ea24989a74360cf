//! What one wants to know of a record at a glance: money open and won, and the last contact.

use rusqlite::ToSql;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::Role;
use crate::core::error::Result;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset};
use crate::core::page::Select;
use crate::core::reference::{MaybeRef, Ref};
use crate::core::store::one;
use crate::core::time::Moment;

use super::deals::{DealRecord, Sum};
use super::organizations::OrganizationRecord;
use super::people::PersonRecord;

pub const OPERATIONS: &[Entry] = &[Entry::of::<ShowFacts>()];

/// Sum up an organization, a person or a deal.
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
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let person = self.person_id.resolve_for("personId", cx)?;
        let deal = self.deal_id.resolve_for("dealId", cx)?;
        let sum = |status: &'static str| {
            let deals = Select::new(Sum::COLUMNS, Sum::FROM, "d.id")
                .filter("d.workspace_id = ?", cx.workspace_id())
                .filter_some("d.organization_id = ?", organization)
                .filter_some("d.primary_person_id = ?", person)
                .filter_some("d.id = ?", deal)
                .filter("d.status = ?", status)
                .condition("d.archived_at is null");
            Sum::of(cx, &deals)
        };
        let newest = |own: &str, id: &dyn ToSql| -> Result<Option<Moment>> {
            let sql = format!("select max(v.occurred_at) from crm_activity v where {CONTACT} and {own}");
            one(cx.conn(), &sql, (id, cx.now()), |row| row.take())
        };
        let last_contact_at = match (organization, person, deal) {
            (Some(id), ..) => {
                let own = newest("v.organization_id = ?1", &id)?;
                let deals = newest("v.deal_id in (select id from crm_deal where organization_id = ?1)", &id)?;
                let people = newest("v.person_id in (select id from crm_person where organization_id = ?1)", &id)?;
                own.max(deals).max(people)
            }
            (_, Some(id), _) => newest("v.person_id = ?1", &id)?,
            (.., Some(id)) => newest("v.deal_id = ?1", &id)?,
            _ => None,
        };
        Ok(Facts { open: sum("OPEN")?, won: sum("WON")?, last_contact_at })
    }
}
