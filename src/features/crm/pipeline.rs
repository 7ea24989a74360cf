//! The pipeline: the stages a workspace's deals go through, and the board that shows them.

use rusqlite::{Connection, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::caller::{Account, Role, Workspace};
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::money::{Currency, Money};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::reference::{MaybeRef, Ref, Referable};
use crate::core::store::{all, one, optional};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::search;

use super::deals::{COLUMNS, Deal, DealStatus, FROM};

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
    pub count: i64,
    pub totals: Vec<Total>,
    /// The first hundred; `count` and `totals` are of all.
    pub deals: Vec<Deal>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    #[schemars(with = "f64")]
    pub value: Money,
    pub currency: Currency,
}

const CARDS: i64 = 100;
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

    fn is_slow(&self) -> bool {
        self.search.is_some()
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Board> {
        let owner = self.owner_id.resolve_for("ownerId", cx)?;
        let words = self.search.as_ref().map(|text| search::in_workspace(cx, &["deal"], text.as_str()));
        let mut columns = Vec::new();
        for stage in stages(cx)? {
            columns.push(open_column(cx, stage, owner, words.as_deref())?);
        }
        for status in [DealStatus::Won, DealStatus::Lost] {
            columns.push(decided_column(cx, status, owner, words.as_deref())?);
        }
        Ok(Board { columns })
    }
}

/// Conditions that both halves of a column share.
const NARROWED: &str = "d.archived_at is null
    and (:owner is null or d.owner_id = :owner)
    and (:words is null or d.id in (select rowid from search_index where search_index match :words))";

fn open_column(tx: &Tx, stage: Stage, owner: Option<Id<Account>>, words: Option<&str>) -> Result<Column> {
    let narrowed = format!("d.stage_id = :stage and d.status = 'OPEN' and {NARROWED}");
    let order = "ifnull(d.expected_close_on, '9999-12-31'), d.id";
    let parameters = named_params! { ":stage": stage.id, ":owner": owner, ":words": words };
    let deals = cards(tx, &narrowed, order, parameters)?;
    let (count, totals) = totals(tx, &narrowed, parameters)?;
    Ok(Column { stage: Some(stage), status: DealStatus::Open, count, totals, deals })
}

fn decided_column(tx: &Tx, status: DealStatus, owner: Option<Id<Account>>, words: Option<&str>) -> Result<Column> {
    let narrowed =
        format!("d.workspace_id = :workspace and d.status = :status and d.closed_at > :since and {NARROWED}");
    let parameters = named_params! {
        ":workspace": tx.workspace_id(), ":status": status, ":since": tx.now().plus_days(-DECIDED_DAYS), ":owner": owner, ":words": words,
    };
    let deals = cards(tx, &narrowed, "d.closed_at desc", parameters)?;
    let (count, totals) = totals(tx, &narrowed, parameters)?;
    Ok(Column { stage: None, status, count, totals, deals })
}

fn cards(tx: &Tx, narrowed: &str, order: &str, parameters: &[(&str, &dyn rusqlite::ToSql)]) -> Result<Vec<Deal>> {
    let sql = format!("select {COLUMNS} from {FROM} where {narrowed} order by {order} limit {CARDS}");
    let mut deals = all(tx.conn(), &sql, parameters, Deal::read)?;
    Deal::hide_projects(tx, &mut deals)?;
    Ok(deals)
}

fn totals(tx: &Tx, narrowed: &str, parameters: &[(&str, &dyn rusqlite::ToSql)]) -> Result<(i64, Vec<Total>)> {
    let sql = format!(
        "select d.currency, count(*), sum(d.value_minor) from crm_deal d
          where {narrowed} group by d.currency order by d.currency"
    );
    let mut count = 0;
    let mut totals = Vec::new();
    for (currency, deals, sum) in all(tx.conn(), &sql, parameters, |row| {
        Ok((row.take::<Option<Currency>>()?, row.take::<i64>()?, row.take::<Option<i64>>()?))
    })? {
        count += deals;
        if let (Some(currency), Some(minor)) = (currency, sum) {
            totals.push(Total { value: Money { minor, currency }, currency });
        }
    }
    Ok((count, totals))
}
