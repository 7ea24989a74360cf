//! Deals: money that may come in.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::error::{Error, FieldError, Result};
use crate::core::id::{Id, Record};
use crate::core::money::{Amount, Currency, Money};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::Columns;
use crate::core::patch::Patch;
use crate::core::place::{self, ProjectLink, ProjectRecord};
use crate::core::reference::{MaybeRef, Named, Ref, Referable};
use crate::core::store::{Change, all, insert, one, optional};
use crate::core::text::{Labels, Line, Prose};
use crate::core::time::{Day, Moment};

use super::activities::{self, Activity};
use super::follow_ups::{self, FollowUp};
use super::organizations::OrganizationRecord;
use super::people::PersonRecord;
use super::pipeline::{self, StageRecord};
use super::{Whose, owner};

mod list;

pub use list::{Attention, DealsWanted, ListDeals, SORTS, Sum, SumDeals, Total};
pub(super) use list::{NEEDS_NEXT_STEP, Narrowing, QUIET_DAYS};

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<CreateDeal>(),
    Entry::of::<GetDeal>(),
    Entry::of::<ListDeals>(),
    Entry::of::<UpdateDeal>(),
    Entry::of::<SumDeals>(),
];

#[derive(Debug, Clone, Copy)]
pub struct DealRecord;
impl Record for DealRecord {
    const PREFIX: &'static str = "deal";
    const NOUN: &'static str = "deal";
}

choices! {
    /// How a deal stands.
    pub enum DealStatus { Open = "OPEN", Won = "WON", Lost = "LOST" }
}

/// An opportunity in the pipeline.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deal {
    pub id: Id<DealRecord>,
    pub title: String,
    pub status: DealStatus,
    /// The stage's name.
    pub stage: String,
    pub stage_id: Id<StageRecord>,
    /// When it came into its stage.
    pub stage_since: Moment,
    /// In whole units of `currency`.
    #[schemars(with = "Option<f64>")]
    pub value: Option<Money>,
    pub currency: Option<Currency>,
    /// Percent; the stage's unless set.
    pub probability: i64,
    pub organization_id: Option<Id<OrganizationRecord>>,
    pub organization: Option<Named<OrganizationRecord>>,
    pub primary_person_id: Option<Id<PersonRecord>>,
    pub primary_person: Option<Named<PersonRecord>>,
    pub owner_id: Option<Id<Account>>,
    pub owner: Option<Named<Account>>,
    /// The project it became, if you may see that.
    pub project_id: Option<Id<ProjectRecord>>,
    pub project: Option<ProjectLink>,
    pub next_step: Option<String>,
    pub expected_close_at: Option<Day>,
    pub closed_at: Option<Moment>,
    pub lost_reason: Option<String>,
    pub notes: Option<String>,
    pub labels: Labels,
    pub archived_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Deal {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
    fn location(&self) -> Option<String> {
        Some(format!("/crm/deals/{}", self.id))
    }
}

pub(super) const COLUMNS: &str = "
    d.id, d.title, d.status, s.name, s.id, ifnull(d.stage_since, d.created_at), d.value_minor, d.currency, ifnull(d.probability, s.probability),
    o.id, o.name, c.id, c.name, a.id, a.name, p.id, p.key, p.name,
    d.next_step, d.expected_close_on, d.closed_at, d.lost_reason, d.notes, d.labels,
    d.archived_at, d.created_at, d.updated_at, d.version";

pub(super) const FROM: &str = "
    crm_deal d
    join crm_stage s on s.id = d.stage_id
    left join crm_organization o on o.id = d.organization_id
    left join crm_person c on c.id = d.primary_person_id
    left join account a on a.id = d.owner_id
    left join project p on p.id = d.project_id";

impl Deal {
    pub(super) fn read(row: &mut Columns<'_>) -> rusqlite::Result<Deal> {
        let (id, title, status, stage, stage_id) = (row.take()?, row.take()?, row.take()?, row.take()?, row.take()?);
        let stage_since = row.take()?;
        let (minor, currency) = (row.take::<Option<i64>>()?, row.take::<Option<Currency>>()?);
        let probability = row.take()?;
        let organization = Named::read(row)?;
        let primary_person = Named::read(row)?;
        let owner = Named::read(row)?;
        let project = ProjectLink::read(row)?;
        Ok(Deal {
            id,
            title,
            status,
            stage,
            stage_id,
            stage_since,
            value: minor.zip(currency).map(|(minor, currency)| Money { minor, currency }),
            currency,
            probability,
            organization_id: organization.as_ref().map(|named| named.id),
            organization,
            primary_person_id: primary_person.as_ref().map(|named| named.id),
            primary_person,
            owner_id: owner.as_ref().map(|named| named.id),
            owner,
            project_id: project.as_ref().map(|link| link.id),
            project,
            next_step: row.take()?,
            expected_close_at: row.take()?,
            closed_at: row.take()?,
            lost_reason: row.take()?,
            notes: row.take()?,
            labels: row.take()?,
            archived_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }

    fn find(tx: &Tx, id: Id<DealRecord>) -> Result<Option<Deal>> {
        static FIND: LazyLock<String> =
            LazyLock::new(|| format!("select {COLUMNS} from {FROM} where d.id = ?1 and d.workspace_id = ?2"));
        let mut found = optional(tx.conn(), &FIND, (id, tx.workspace_id()), Deal::read)?;
        Deal::hide_projects(tx, found.as_mut_slice())?;
        Ok(found)
    }

    pub(super) fn hide_projects(tx: &Tx, deals: &mut [Deal]) -> Result<()> {
        place::hide_unseen(tx, deals, |deal| deal.project_id, Deal::hide_project)
    }

    pub(super) fn hide_project(&mut self) {
        self.project_id = None;
        self.project = None;
    }

    fn by_id(tx: &Tx, id: Id<DealRecord>) -> Result<Deal> {
        Deal::find(tx, id)?.ok_or_else(|| Error::internal("a record just written is gone"))
    }
}

impl Referable for DealRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const EXISTS: &str = "select 1 from crm_deal where id = ?1 and workspace_id = ?2";
        Ok(optional(tx.conn(), EXISTS, (id, tx.workspace_id()), |row| row.take::<i64>())?.is_some())
    }
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        const NAMED: &str = "
            select id, title from crm_deal
             where workspace_id = ?1 and title = ?2 collate nocase and archived_at is null
             limit 6";
        all(tx.conn(), NAMED, (tx.workspace_id(), text), |row| Ok((row.take()?, row.take()?)))
    }
}

/// Whose deals to show on a page.
pub(super) enum For {
    Organization(Id<OrganizationRecord>),
    Person(Id<PersonRecord>),
}

/// The newest hundred that are not archived.
pub(super) fn newest_for(tx: &Tx, whose: For) -> Result<Vec<Deal>> {
    let (column, id) = match whose {
        For::Organization(id) => ("d.organization_id", id.raw()),
        For::Person(id) => ("d.primary_person_id", id.raw()),
    };
    let sql = format!(
        "select {COLUMNS} from {FROM} where {column} = ?1 and d.archived_at is null order by d.id desc limit 100"
    );
    let mut deals = all(tx.conn(), &sql, [id], Deal::read)?;
    Deal::hide_projects(tx, &mut deals)?;
    Ok(deals)
}

/// Open a deal in the workspace's pipeline.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateDeal {
    /// e.g. `Website relaunch`.
    pub title: Line<200>,
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// The main contact.
    pub primary_person_id: Option<Ref<PersonRecord>>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
    /// The project that delivers it.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// In whole units.
    pub value: Option<Amount>,
    /// e.g. `EUR`.
    pub currency: Option<Currency>,
    /// e.g. `Proposal`; else the first.
    pub stage: Option<Ref<StageRecord>>,
    /// OPEN if left out.
    pub status: Option<DealStatus>,
    /// Percent; else the stage's.
    #[schemars(range(min = 0, max = 100))]
    pub probability: Option<Percent>,
    /// What to do next.
    pub next_step: Option<Line<500>>,
    /// A day.
    pub expected_close_at: Option<Day>,
    /// Why it was lost.
    pub lost_reason: Option<Line<500>>,
    /// Free text.
    pub notes: Option<Prose<20_000>>,
    /// Any names.
    pub labels: Option<Labels>,
}

/// 0 to 100.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(inline)]
pub struct Percent(u8);

impl TryFrom<i64> for Percent {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        u8::try_from(number)
            .ok()
            .filter(|percent| *percent <= 100)
            .map(Percent)
            .ok_or_else(|| format!("must be a percentage from 0 to 100, not {number}"))
    }
}

impl rusqlite::ToSql for Percent {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Operation for CreateDeal {
    type Output = Deal;
    const SPEC: Spec = Spec {
        name: "crm.deal.create",
        title: "Open a deal",
        route: Route::post("/crm/deals"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Deal> {
        let organization = self.organization_id.resolve_for("organizationId", cx)?;
        let person = self.primary_person_id.resolve_for("primaryPersonId", cx)?;
        let owner = owner(cx, self.owner_id)?;
        let stage = match self.stage {
            Some(reference) => reference.resolve_for("stage", cx)?,
            None => pipeline::first_stage(cx)?,
        };
        let status = self.status.unwrap_or(DealStatus::Open);
        let currency = self.currency.or(self.value.map(|_| cx.config().default_currency));
        let mut row = Change::of("crm_deal");
        row.set("workspace_id", cx.workspace_id())?
            .set("title", self.title)?
            .set("organization_id", organization)?
            .set("primary_person_id", person)?
            .set("owner_id", owner)?
            .set("project_id", self.project_id.resolve_for("projectId", cx)?)?
            .set("stage_id", stage)?
            .set("stage_since", cx.now())?
            .set("status", status)?
            .set("closed_at", (status != DealStatus::Open).then(|| cx.now()))?
            .set("value_minor", in_minor_units(self.value, currency)?)?
            .set("currency", currency)?
            .set("probability", self.probability)?
            .set("next_step", self.next_step)?
            .set("expected_close_on", self.expected_close_at)?
            .set("lost_reason", self.lost_reason)?
            .set("notes", self.notes)?
            .set("labels", self.labels.unwrap_or_default())?;
        Deal::by_id(cx, insert(cx, row)?)
    }
}

fn in_minor_units(value: Option<Amount>, currency: Option<Currency>) -> Result<Option<i64>> {
    let Some((value, currency)) = value.zip(currency) else { return Ok(None) };
    value.to_minor(currency).map(Some).map_err(|message| Error::field("value", message))
}

/// Read one deal with its open follow-ups and newest activities.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetDeal {
    /// Title or id.
    pub deal_id: Ref<DealRecord>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealDetail {
    #[serde(flatten)]
    pub deal: Deal,
    /// What is still to do, soonest first.
    pub follow_ups: Vec<FollowUp>,
    /// The newest 25.
    pub activities: Vec<Activity>,
}

impl Answer for DealDetail {
    fn version(&self) -> Option<i64> {
        Some(self.deal.version)
    }
}

impl Operation for GetDeal {
    type Output = DealDetail;
    const SPEC: Spec = Spec {
        name: "crm.deal.get",
        title: "Read a deal",
        route: Route::get("/crm/deals/{dealId}"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<DealDetail> {
        let deal = self.deal_id.find(cx, |id| Deal::find(cx, id))?;
        let id = deal.id;
        Ok(DealDetail {
            deal,
            follow_ups: follow_ups::open_for(cx, Whose::Deal(id))?,
            activities: activities::newest_for(cx, Whose::Deal(id))?,
        })
    }
}

/// Change a deal.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateDeal {
    /// Title or id.
    #[schemars(required)]
    pub deal_id: Ref<DealRecord>,
    /// A short name.
    pub title: Patch<Line<200>>,
    /// Name, domain or id.
    pub organization_id: Patch<Ref<OrganizationRecord>>,
    /// The main contact.
    pub primary_person_id: Patch<Ref<PersonRecord>>,
    /// E-mail, name or `me`.
    pub owner_id: Patch<Ref<Account>>,
    /// The project that delivers it.
    pub project_id: Patch<Ref<ProjectRecord>>,
    /// In whole units.
    pub value: Patch<Amount>,
    /// e.g. `EUR`.
    pub currency: Patch<Currency>,
    /// Name or id.
    pub stage: Patch<Ref<StageRecord>>,
    /// OPEN takes it up again.
    pub status: Patch<DealStatus>,
    /// Percent; null: the stage's.
    #[schemars(range(min = 0, max = 100))]
    pub probability: Patch<Percent>,
    /// What to do next.
    pub next_step: Patch<Line<500>>,
    /// A day.
    pub expected_close_at: Patch<Day>,
    /// Why it was lost.
    pub lost_reason: Patch<Line<500>>,
    /// Free text.
    pub notes: Patch<Prose<20_000>>,
    /// All it will have.
    pub labels: Patch<Labels>,
    /// false brings it back.
    pub archived: Patch<bool>,
}

const BEFORE: &str = "select stage_id, status, value_minor, currency, project_id from crm_deal where id = ?1";

impl Operation for UpdateDeal {
    type Output = Deal;
    const SPEC: Spec = Spec {
        name: "crm.deal.update",
        title: "Change a deal",
        route: Route::patch("/crm/deals/{dealId}"),
        needs: Needs::Workspace(Role::Member),
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Deal> {
        let id = self.deal_id.resolve(cx)?;
        let (old_stage, status, minor, currency, project) = one(cx.conn(), BEFORE, [id], |row| {
            let (stage, status) = (row.take::<Id<StageRecord>>()?, row.take::<DealStatus>()?);
            let (minor, currency) = (row.take::<Option<i64>>()?, row.take()?);
            Ok((stage, status, minor, currency, row.take::<Option<Id<ProjectRecord>>>()?))
        })?;
        if !self.project_id.is_keep()
            && let Some(project) = project
            && cx.place(project)?.is_none()
        {
            return Err(Error::conflict(
                "The deal belongs to a project that you do not see; somebody who sees it can change that.",
            ));
        }
        let stage = self.stage.never_cleared("stage")?.resolve_for("stage", cx)?;
        let mut row = Change::existing(cx, "crm_deal", id)?;
        row.patch("title", &self.title.never_cleared("title")?.into())?
            .patch("organization_id", &self.organization_id.resolve_for("organizationId", cx)?)?
            .patch("primary_person_id", &self.primary_person_id.resolve_for("primaryPersonId", cx)?)?
            .patch("owner_id", &self.owner_id.resolve_for("ownerId", cx)?)?
            .patch("project_id", &self.project_id.resolve_for("projectId", cx)?)?
            .patch("stage_id", &stage.into())?
            .patch("probability", &self.probability)?
            .patch("next_step", &self.next_step)?
            .patch("expected_close_on", &self.expected_close_at)?
            .patch("lost_reason", &self.lost_reason)?
            .patch("notes", &self.notes)?
            .patch("labels", &self.labels.or_empty())?
            .archive(cx, self.archived.never_cleared("archived")?)?;
        if stage.is_some_and(|stage| stage != old_stage) {
            row.set("stage_since", cx.now())?;
        }
        set_worth(&mut row, cx, self.value, self.currency, minor, currency)?;
        if let Some(next) = self.status.never_cleared("status")?.filter(|next| *next != status) {
            row.set("status", next)?.set("closed_at", (next != DealStatus::Open).then(|| cx.now()))?;
        }
        row.update(cx, id)?;
        Deal::by_id(cx, id)
    }
}

/// Value and currency go together: a value without a currency says nothing.
fn set_worth(
    row: &mut Change,
    tx: &Tx,
    value: Patch<Amount>,
    currency: Patch<Currency>,
    old_minor: Option<i64>,
    old: Option<Currency>,
) -> Result<()> {
    if value.is_keep() && currency.is_keep() {
        return Ok(());
    }
    let has_value = matches!(value, Patch::Set(_)) || (value.is_keep() && old_minor.is_some());
    if has_value && currency == Patch::Clear {
        return Err(Error::field("currency", "cannot be cleared while the deal has a value"));
    }
    let new = currency.or(old).or(has_value.then(|| tx.config().default_currency));
    let minor = match (value, old_minor.zip(old), new) {
        (Patch::Set(amount), _, new) => in_minor_units(Some(amount), new)?,
        (Patch::Clear, ..) | (Patch::Keep, None, _) => None,
        // Another currency means the same number of it: 500 USD become 500 EUR.
        (Patch::Keep, Some((minor, old)), Some(new)) => {
            let amount = Amount::parse(&Money { minor, currency: old }.plain()).map_err(Error::internal)?;
            let minor = amount.to_minor(new).map_err(|message| {
                Error::fields(vec![FieldError {
                    field: "currency".into(),
                    message: format!("does not fit the value, which {message}; send the value too"),
                }])
            })?;
            Some(minor)
        }
        (Patch::Keep, Some(_), None) => None,
    };
    row.set("value_minor", minor)?.set("currency", new)?;
    Ok(())
}
