//! Deals by the page, what they are narrowed by, and what they are worth together.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Role};
use crate::core::error::Result;
use crate::core::id::Id;
use crate::core::money::{Currency, Money};
use crate::core::operation::{Answer, Cx, Effect, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Page, Select, Sort};
use crate::core::place::ProjectRecord;
use crate::core::reference::{MaybeRef, Ref};
use crate::core::text::Line;
use crate::features::crm::organizations::OrganizationRecord;
use crate::features::crm::people::PersonRecord;
use crate::features::crm::pipeline::StageRecord;
use crate::features::search;

use super::{COLUMNS, Deal, FROM};

choices! {
    /// Which deals to list.
    pub enum DealsWanted { Open = "OPEN", Won = "WON", Lost = "LOST", All = "ALL" }
}

choices! {
    /// Open deals that somebody should look at: nothing is planned, or nothing happened for two weeks.
    pub enum Attention { NoNextStep = "NO_NEXT_STEP", Quiet = "QUIET" }
}

pub const SORTS: &[Sort] = &[
    Sort::down("updatedAt", "d.updated_at"),
    Sort::down("createdAt", "d.id"),
    Sort::up("title", "d.title collate nocase"),
    Sort::down("value", "ifnull(d.value_minor, -1)"),
    Sort::up("expectedCloseAt", "ifnull(d.expected_close_on, '9999-12-31')"),
];

/// List deals, newest change first.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListDeals {
    /// What to show.
    pub status: Option<DealsWanted>,
    /// Name or id.
    pub stage: Option<Ref<StageRecord>>,
    /// Name, domain or id.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Name, e-mail or id.
    pub person_id: Option<Ref<PersonRecord>>,
    /// E-mail, name or `me`.
    pub owner_id: Option<Ref<Account>>,
    /// Key or name.
    pub project_id: Option<Ref<ProjectRecord>>,
    /// One label.
    pub label: Option<Line<40>>,
    /// Open ones to look at.
    pub attention: Option<Attention>,
    /// The whole text.
    pub lost_reason: Option<Line<500>>,
    /// Words in any text.
    pub search: Option<Line<200>>,
    /// These too.
    pub archived: Option<bool>,
}

/// What the list, its sums and the board are narrowed by alike.
pub(in crate::features::crm) struct Narrowing {
    pub owner: Option<Id<Account>>,
    pub organization: Option<Id<OrganizationRecord>>,
    pub label: Option<Line<40>>,
    pub attention: Option<Attention>,
    pub words: Option<String>,
}

/// It is open, and nothing is planned: neither a next step nor a follow-up.
pub(in crate::features::crm) const NEEDS_NEXT_STEP: &str = "
    (d.status = 'OPEN' and d.next_step is null
     and not exists (select 1 from crm_follow_up f where f.deal_id = d.id and f.status = 'OPEN'))";

/// For how many days an open deal was not changed and nothing happened, where those are too many; else null. What is planned
/// has not happened yet: both `?` are the present moment.
pub(in crate::features::crm) const QUIET_DAYS: &str = "
    (select days from (select (? - max(d.updated_at, ifnull((
        select max(v.occurred_at) from crm_activity v where v.deal_id = d.id and v.occurred_at <= ?), 0))) / 86400000 as days)
      where d.status = 'OPEN' and days >= 14)";

impl Narrowing {
    /// The deals that fit, unless they are archived.
    pub(in crate::features::crm) fn open(&self, tx: &Tx, deals: Select) -> Select {
        self.apply(tx, deals).condition("d.archived_at is null")
    }

    fn apply(&self, tx: &Tx, deals: Select) -> Select {
        let deals = deals
            .filter_some("d.owner_id = ?", self.owner)
            .filter_some("d.organization_id = ?", self.organization)
            .filter_some(
                "exists (select 1 from json_each(d.labels) where value = ? collate nocase)",
                self.label.clone(),
            )
            .filter_some("d.id in (select rowid from search_index where search_index match ?)", self.words.clone());
        match self.attention {
            None => deals,
            Some(Attention::NoNextStep) => deals.condition(NEEDS_NEXT_STEP),
            Some(Attention::Quiet) => {
                static IS_QUIET: LazyLock<String> = LazyLock::new(|| format!("{QUIET_DAYS} is not null"));
                deals.parameter(tx.now()).filter(&IS_QUIET, tx.now())
            }
        }
    }
}

impl ListDeals {
    fn select(self, cx: &Tx, columns: &'static str, from: &'static str) -> Result<Select> {
        let narrowing = Narrowing {
            owner: self.owner_id.resolve_for("ownerId", cx)?,
            organization: self.organization_id.resolve_for("organizationId", cx)?,
            label: self.label,
            attention: self.attention,
            words: self.search.map(|text| search::in_workspace(cx, &["deal"], text.as_str())),
        };
        let deals = Select::new(columns, from, "d.id")
            .filter("d.workspace_id = ?", cx.workspace_id())
            .filter_some("d.status = ?", self.status.filter(|wanted| *wanted != DealsWanted::All))
            .filter_some("d.stage_id = ?", self.stage.resolve_for("stage", cx)?)
            .filter_some("d.primary_person_id = ?", self.person_id.resolve_for("personId", cx)?)
            .filter_some("d.project_id = ?", self.project_id.resolve_for("projectId", cx)?)
            .filter_some("d.status = 'LOST' and d.lost_reason = ? collate nocase", self.lost_reason);
        Ok(match self.archived {
            Some(true) => narrowing.apply(cx, deals),
            _ => narrowing.open(cx, deals),
        })
    }
}

impl Operation for ListDeals {
    type Output = Page<Deal>;
    const SPEC: Spec = Spec {
        name: "crm.deal.list",
        title: "List deals",
        route: Route::get("/crm/deals"),
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More {
            sorts: SORTS,
            brief: &[
                "id",
                "title",
                "status",
                "stage",
                "value",
                "currency",
                "organization",
                "owner",
                "project",
                "nextStep",
                "expectedCloseAt",
            ],
            open: Some(("status", "OPEN")),
            ..More::NONE
        },
    };

    /// No index has these: each may walk through all deals.
    fn is_slow(&self) -> bool {
        self.search.is_some() || self.label.is_some() || self.attention.is_some() || self.lost_reason.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Deal>> {
        let mut page = self.select(cx, COLUMNS, FROM)?.page(cx, &Self::SPEC, Deal::read)?;
        Deal::hide_projects(cx, &mut page.items)?;
        Ok(page)
    }
}

/// Sum up deals: how many fit the filter of a list, and what they are worth per currency.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SumDeals(pub ListDeals);

#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sum {
    pub count: i64,
    pub totals: Vec<Total>,
}
impl Answer for Sum {}

/// What deals in one currency are worth.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    #[schemars(with = "f64")]
    pub value: Money,
    /// Each by its probability.
    #[schemars(with = "f64")]
    pub weighted: Money,
    pub currency: Currency,
}

impl Sum {
    pub(in crate::features::crm) const COLUMNS: &str = "
        d.currency, count(*), sum(d.value_minor),
        cast(round(total(d.value_minor * case d.status
          when 'WON' then 100 when 'LOST' then 0 else ifnull(d.probability, s.probability) end / 100.0)) as integer)";
    pub(in crate::features::crm) const FROM: &str = "crm_deal d join crm_stage s on s.id = d.stage_id";

    pub(in crate::features::crm) fn of(tx: &Tx, deals: &Select) -> Result<Sum> {
        let mut sum = Sum { count: 0, totals: Vec::new() };
        for (currency, count, value, weighted) in deals.all(tx, "group by d.currency order by d.currency", |row| {
            let (currency, count) = (row.take::<Option<Currency>>()?, row.take::<i64>()?);
            Ok((currency, count, row.take::<Option<i64>>()?, row.take::<i64>()?))
        })? {
            sum.count += count;
            if let (Some(currency), Some(value)) = (currency, value) {
                let money = |minor| Money { minor, currency };
                sum.totals.push(Total { value: money(value), weighted: money(weighted), currency });
            }
        }
        Ok(sum)
    }

    /// Sums of different columns in one, each currency for itself.
    pub fn add(&mut self, other: &Sum) {
        self.count += other.count;
        for total in &other.totals {
            match self.totals.iter_mut().find(|known| known.currency == total.currency) {
                Some(known) => {
                    known.value.minor += total.value.minor;
                    known.weighted.minor += total.weighted.minor;
                }
                None => self.totals.push(*total),
            }
        }
        self.totals.sort_by_key(|total| total.currency.code());
    }
}

impl Operation for SumDeals {
    type Output = Sum;
    const SPEC: Spec = Spec {
        name: "crm.deal.sum",
        title: "Sum up deals",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };

    fn is_slow(&self) -> bool {
        true
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Sum> {
        Sum::of(cx, &self.0.select(cx, Sum::COLUMNS, Sum::FROM)?)
    }
}
