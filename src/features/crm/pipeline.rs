//! The pipeline: the stages a workspace's deals go through, and the board that shows them.

use std::sync::LazyLock;

use rusqlite::{Connection, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role, Workspace};
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::page::Select;
use crate::core::place;
use crate::core::reference::{MaybeRef, Ref, Referable};
use crate::core::store::{all, one, optional};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::search;

use super::deals::{Attention, COLUMNS, Deal, DealStatus, FROM, NEEDS_NEXT_STEP, Narrowing, QUIET_DAYS, Sum};
use super::organizations::OrganizationRecord;

pub const OPERATIONS: &[Entry] = &[Entry::of::<ShowBoard>()];

#[derive(Debug, Clone, Copy)]
pub struct StageRecord;
impl Record for StageRecord {
    const PREFIX: &'static str = "stage";
    const NOUN: &'static str = "pipeline stage";
}

/// A step on the way from a first contact to a decision.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    pub id: Id<StageRecord>,
    pub name: String,
    /// Percent: how likely a deal in this stage is won.
    pub probability: i64,
}

/// What a workspace begins with.
const DEFAULTS: [(&str, i64); 4] = [("Lead", 10), ("Qualified", 30), ("Proposal", 60), ("Negotiation", 80)];

/// Gives a new workspace its stages.
pub fn begin(conn: &Connection, workspace: Id<Workspace>, now: Moment) -> Result<()> {
    const INSERT: &str = "
        insert into crm_stage (id, workspace_id, name, position, probability, created_at, updated_at)
        values (:id, :workspace, :name, :position, :probability, :now, :now)";
    for (position, (name, probability)) in (0_i64..).zip(DEFAULTS) {
        conn.prepare_cached(INSERT)?.execute(named_params! {
            ":id": Id::<StageRecord>::new(now.ms()), ":workspace": workspace, ":name": name,
            ":position": position, ":probability": probability, ":now": now,
        })?;
    }
    Ok(())
}

pub fn stages(tx: &Tx) -> Result<Vec<Stage>> {
    const STAGES: &str = "select id, name, probability from crm_stage where workspace_id = ?1 order by position";
    all(tx.conn(), STAGES, [tx.workspace_id()], |row| {
        Ok(Stage { id: row.take()?, name: row.take()?, probability: row.take()? })
    })
}

/// Where a new deal begins.
pub fn first_stage(tx: &Tx) -> Result<Id<StageRecord>> {
    one(
        tx.conn(),
        "select id from crm_stage where workspace_id = ?1 order by position limit 1",
        [tx.workspace_id()],
        |row| row.take(),
    )
}

impl Referable for StageRecord {
    fn exists(tx: &Tx, id: Id<Self>) -> Result<bool> {
        const EXISTS: &str = "select 1 from crm_stage where id = ?1 and workspace_id = ?2";
        Ok(optional(tx.conn(), EXISTS, (id, tx.workspace_id()), |row| row.take::<i64>())?.is_some())
    }
    fn named(tx: &Tx, text: &str) -> Result<Vec<(Id<Self>, String)>> {
        let stages = stages(tx)?.into_iter().filter(|stage| stage.name.eq_ignore_ascii_case(text));
        Ok(stages.map(|stage| (stage.id, stage.name)).collect())
    }
}

/// The pipeline as a board: each stage with its open deals, what was won and lost of late, and exact totals per currency.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShowBoard {
    /// Only one person's deals: an id, e-mail or `me`.
    pub owner_id: Option<Ref<Account>>,
    /// Only one organization's.
    pub organization_id: Option<Ref<OrganizationRecord>>,
    /// Only deals with this label.
    pub label: Option<Line<40>>,
    /// Only open deals that somebody should look at.
    pub attention: Option<Attention>,
    /// Only deals with these words.
    pub search: Option<Line<200>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    pub columns: Vec<Column>,
}
impl Answer for Board {}

/// One stage, or all that was won or lost.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Null for the two columns of what is decided.
    pub stage: Option<Stage>,
    pub status: DealStatus,
    #[serde(flatten)]
    pub sum: Sum,
    /// The first fifty; `count` and `totals` are of all.
    pub cards: Vec<Card>,
}

/// A deal on the board.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    #[serde(flatten)]
    pub deal: Deal,
    /// It is open, and nothing is planned: neither a next step nor a follow-up.
    pub needs_next_step: bool,
    /// For how many days nothing happened, where those are too many.
    pub quiet_days: Option<i64>,
}

const CARDS: &str = "limit 50";
/// Decided deals leave the board after a while; the table has them all.
const DECIDED_DAYS: i64 = 30;

impl Operation for ShowBoard {
    type Output = Board;
    const SPEC: Spec = Spec {
        name: "crm.pipeline.board",
        title: "Show the pipeline",
        route: None,
        needs: Needs::Workspace(Role::Viewer),
        effect: Effect::Read,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };

    /// As in the list of deals.
    fn is_slow(&self) -> bool {
        self.search.is_some() || self.label.is_some() || self.attention.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Board> {
        let narrowing = Narrowing {
            owner: self.owner_id.resolve_for("ownerId", cx)?,
            organization: self.organization_id.resolve_for("organizationId", cx)?,
            label: self.label,
            attention: self.attention,
            words: self.search.map(|text| search::in_workspace(cx, &["deal"], text.as_str())),
        };
        let mut columns = Vec::new();
        for stage in stages(cx)? {
            let open = |deals: Select| deals.filter("d.stage_id = ?", stage.id).condition("d.status = 'OPEN'");
            let order = "order by ifnull(d.expected_close_on, '9999-12-31'), d.id";
            let (sum, cards) = column(cx, &narrowing, open, order)?;
            columns.push(Column { stage: Some(stage), status: DealStatus::Open, sum, cards });
        }
        for status in [DealStatus::Won, DealStatus::Lost] {
            let decided = |deals: Select| {
                deals
                    .filter("d.workspace_id = ?", cx.workspace_id())
                    .filter("d.status = ?", status)
                    .filter("d.closed_at > ?", cx.now().plus_days(-DECIDED_DAYS))
            };
            let (sum, cards) = column(cx, &narrowing, decided, "order by d.closed_at desc")?;
            columns.push(Column { stage: None, status, sum, cards });
        }
        Ok(Board { columns })
    }
}

/// A deal with what its card marks: two look-ups by an index for each card that is shown.
static CARD: LazyLock<String> = LazyLock::new(|| format!("{COLUMNS}, {NEEDS_NEXT_STEP}, {QUIET_DAYS}"));

fn column(tx: &Tx, narrowing: &Narrowing, within: impl Fn(Select) -> Select, order: &str) -> Result<(Sum, Vec<Card>)> {
    let narrowed = |deals| narrowing.open(tx, within(deals));
    let sum = Sum::of(tx, &narrowed(Select::new(Sum::COLUMNS, Sum::FROM, "d.id")))?;
    if sum.count == 0 {
        return Ok((sum, Vec::new()));
    }
    let cards = Select::new(&CARD, FROM, "d.id").parameter(tx.now()).parameter(tx.now());
    let mut cards = narrowed(cards).all(tx, &format!("{order} {CARDS}"), |row| {
        Ok(Card { deal: Deal::read(row)?, needs_next_step: row.take()?, quiet_days: row.take()? })
    })?;
    place::hide_unseen(tx, &mut cards, |card| card.deal.project_id, |card| card.deal.hide_project())?;
    Ok((sum, cards))
}
