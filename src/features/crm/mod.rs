//! The CRM: organizations, people, deals in a pipeline, activities and follow-ups.

pub mod activities;
pub mod bridges;
pub mod choices;
pub mod deals;
pub mod duplicates;
pub mod facts;
pub mod follow_ups;
pub mod organizations;
pub mod people;
pub mod pipeline;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role};
use crate::core::error::{Error, FieldError, Result};
use crate::core::id::Id;
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::patch::Patch;
use crate::core::reference::{MaybeRef, Ref};

use deals::DealRecord;
use organizations::OrganizationRecord;
use people::PersonRecord;
use pipeline::Stage;

pub const OPERATIONS: &[Entry] = &[Entry::of::<Info>()];

/// Who will own a new record: whoever is named, else the caller.
fn owner(tx: &Tx, named: Option<Ref<Account>>) -> Result<Option<Id<Account>>> {
    Ok(named.resolve_for("ownerId", tx)?.or(tx.account_id()))
}

/// On whose page activities or follow-ups are shown.
enum Whose {
    Organization(Id<OrganizationRecord>),
    Person(Id<PersonRecord>),
    Deal(Id<DealRecord>),
}

impl Whose {
    /// The one of the three that is named; 422 for none and for several.
    fn the_one(
        tx: &Tx,
        organization: Option<Ref<OrganizationRecord>>,
        person: Option<Ref<PersonRecord>>,
        deal: Option<Ref<DealRecord>>,
    ) -> Result<Self> {
        match (organization, person, deal) {
            (Some(one), None, None) => one.resolve_for("organizationId", tx).map(Whose::Organization),
            (None, Some(one), None) => one.resolve_for("personId", tx).map(Whose::Person),
            (None, None, Some(one)) => one.resolve_for("dealId", tx).map(Whose::Deal),
            _ => Err(about("name one of organizationId, personId and dealId, and only one")),
        }
    }

    /// The column that points at the record, and its id.
    fn column(self) -> (&'static str, i64) {
        match self {
            Whose::Organization(id) => ("organization_id", id.raw()),
            Whose::Person(id) => ("person_id", id.raw()),
            Whose::Deal(id) => ("deal_id", id.raw()),
        }
    }
}

/// What an activity or a follow-up is about, as the caller named it.
#[derive(Default)]
struct About {
    organization: Patch<Id<OrganizationRecord>>,
    person: Patch<Id<PersonRecord>>,
    deal: Patch<Id<DealRecord>>,
}

impl About {
    fn resolve(
        tx: &Tx,
        organization: Patch<Ref<OrganizationRecord>>,
        person: Patch<Ref<PersonRecord>>,
        deal: Patch<Ref<DealRecord>>,
    ) -> Result<Self> {
        Ok(About {
            organization: organization.resolve_for("organizationId", tx)?,
            person: person.resolve_for("personId", tx)?,
            deal: deal.resolve_for("dealId", tx)?,
        })
    }

    /// Without any of the three it would show up on no page.
    fn is_nothing(&self) -> bool {
        !matches!(
            (&self.organization, &self.person, &self.deal),
            (Patch::Set(_), ..) | (_, Patch::Set(_), _) | (.., Patch::Set(_))
        )
    }

    fn write(&self, change: &mut crate::core::store::Change) -> Result<()> {
        change
            .patch("organization_id", &self.organization)?
            .patch("person_id", &self.person)?
            .patch("deal_id", &self.deal)?;
        Ok(())
    }
}

fn about_nothing() -> Error {
    about("say what it is about: organizationId, personId or dealId")
}

/// Something is wrong with the three together.
fn about(message: &str) -> Error {
    Error::fields(
        ["organizationId", "personId", "dealId"]
            .map(|field| FieldError { field: field.into(), message: message.into() })
            .into(),
    )
}

/// See whether the CRM is on, and the stages of the workspace's pipeline.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Info {}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrmInfo {
    ok: bool,
    module: &'static str,
    status: &'static str,
    feature_key: &'static str,
    message: &'static str,
    /// The pipeline's stages in order.
    pub stages: Vec<Stage>,
}
impl Answer for CrmInfo {}

impl Operation for Info {
    type Output = CrmInfo;
    const SPEC: Spec = Spec {
        name: "crm.addon.info",
        title: "About the CRM",
        route: Route::get("/crm"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<CrmInfo> {
        Ok(CrmInfo {
            ok: true,
            module: "crm",
            status: "enabled",
            feature_key: "crm.core",
            message: "The CRM is on: organizations, people, deals, activities and follow-ups.",
            stages: pipeline::stages(cx)?,
        })
    }
}
