//! Deals: the board and the table of them.

use actix_web::{HttpRequest, web};
use askama::Template;

use crate::core::caller::Account;
use crate::core::error::Error;
use crate::core::input;
use crate::core::money::Money;
use crate::core::reference::{Named, Ref};
use crate::features::crm::choices::{Choices, DealFilters, ShowDealFilters};
use crate::features::crm::deals::{Deal, DealStatus, ListDeals, SORTS, Sum, SumDeals, UpdateDeal};
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::pipeline::{self, Board, ShowBoard};
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, Refused, by_script, came_from};
use crate::web::show::{self, Due, Pager, name_of};

use super::table::{Field, Fields, text};
use super::{dot, joined};

/// A place that a card can be moved to: `stage:ID` or `status:WORD`.
struct Goal {
    value: String,
    name: String,
}

struct BoardColumn {
    /// The stage's id, or the status; part of ids in the page.
    key: String,
    name: String,
    dot: String,
    /// Of a stage that a deal is won from there.
    odds: Option<i64>,
    status: Option<&'static str>,
    sum: Sum,
    totals: String,
    /// The totals weighted by probability, of what is open.
    weighted: String,
    cards: Vec<Card>,
    /// Where all of them are listed, if the board does not show them all.
    all: Option<String>,
    /// Where its cards are now, among the goals.
    goal: String,
}

struct Card {
    id: String,
    title: String,
    organization: String,
    value: Option<String>,
    due: Option<Due>,
    owner: Option<Named<Account>>,
    next_step: Option<String>,
    status: &'static str,
    /// In its stage: `12 days`.
    age: String,
    needs_next_step: bool,
    /// For how many days nothing happened, where those are too many.
    quiet_days: Option<i64>,
    lost_reason: Option<String>,
}

/// The board alone: what a moved card is answered with.
#[derive(Template)]
#[template(path = "crm/board.html")]
struct BoardPart<'a> {
    page: &'a Page,
    columns: Vec<BoardColumn>,
    goals: Vec<Goal>,
    summary: String,
}

#[derive(Template)]
#[template(path = "crm/deals_board.html")]
struct BoardPage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
    offers: DealFilters,
    columns: Vec<BoardColumn>,
    goals: Vec<Goal>,
    summary: String,
    /// Not a single deal, and no filter that hides them.
    is_new: bool,
}

#[derive(Template)]
#[template(path = "crm/deals_table.html")]
struct TablePage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
    offers: DealFilters,
    fields: Fields<Deal>,
    rows: Vec<Row<'a>>,
    sum: Sum,
    pager: Pager,
    is_filtered: bool,
}

impl TablePage<'_> {
    fn sums(&self) -> String {
        worth(&self.sum, &show::counted(self.sum.count, "deal", "deals"))
    }
}

struct Row<'a> {
    deal: &'a Deal,
    stage: &'a str,
    status: &'static str,
    dot: String,
    due: Option<Due>,
    age: String,
}

/// What a table of deals can show.
const FIELDS: &[Field<Deal>] = &[
    Field {
        key: "title",
        label: "Deal",
        sort: "title",
        class: "",
        is_usual: true,
        sheet: &[("Deal", |_, deal| deal.title.clone())],
    },
    Field {
        key: "organization",
        label: "Organization",
        sort: "",
        class: "",
        is_usual: true,
        sheet: &[("Organization", |_, deal| name_of(&deal.organization))],
    },
    Field {
        key: "person",
        label: "Contact person",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Contact person", |_, deal| name_of(&deal.primary_person))],
    },
    Field {
        key: "stage",
        label: "Stage",
        sort: "",
        class: "",
        is_usual: true,
        sheet: &[("Status", |_, deal| deal.status.word().to_owned()), ("Stage", |_, deal| deal.stage.clone())],
    },
    Field {
        key: "age",
        label: "In stage",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Days in stage", |page, deal| page.days_in_stage(deal).to_string())],
    },
    Field {
        key: "value",
        label: "Value",
        sort: "value",
        class: "num",
        is_usual: true,
        sheet: &[
            ("Value", |_, deal| deal.value.map(Money::plain).unwrap_or_default()),
            ("Currency", |_, deal| deal.currency.map(|currency| currency.to_string()).unwrap_or_default()),
        ],
    },
    Field {
        key: "probability",
        label: "Probability",
        sort: "",
        class: "num",
        is_usual: false,
        sheet: &[("Probability in %", |_, deal| deal.probability.to_string())],
    },
    Field {
        key: "close",
        label: "Close",
        sort: "expectedCloseAt",
        class: "",
        is_usual: true,
        sheet: &[("Expected close", |_, deal| deal.expected_close_at.map(|day| day.to_string()).unwrap_or_default())],
    },
    Field {
        key: "next",
        label: "Next step",
        sort: "",
        class: "wide-only",
        is_usual: true,
        sheet: &[("Next step", |_, deal| text(&deal.next_step))],
    },
    Field {
        key: "lost",
        label: "Lost because",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Lost because", |_, deal| text(&deal.lost_reason))],
    },
    Field {
        key: "labels",
        label: "Labels",
        sort: "",
        class: "",
        is_usual: false,
        sheet: &[("Labels", |_, deal| deal.labels.iter().collect::<Vec<_>>().join(", "))],
    },
    Field {
        key: "owner",
        label: "Owner",
        sort: "",
        class: "",
        is_usual: true,
        sheet: &[("Owner", |_, deal| name_of(&deal.owner))],
    },
    Field {
        key: "created",
        label: "Created",
        sort: "createdAt",
        class: "",
        is_usual: false,
        sheet: &[("Created", |_, deal| deal.created_at.to_string())],
    },
    Field {
        key: "changed",
        label: "Changed",
        sort: "updatedAt",
        class: "",
        is_usual: false,
        sheet: &[("Changed", |_, deal| deal.updated_at.to_string())],
    },
];

impl Page {
    fn days_in_stage(&self, deal: &Deal) -> i64 {
        self.today.days_since(deal.stage_since.day(&self.zone))
    }

    /// `since today`, `1 day`, `12 days`: for how long a deal is in its stage.
    pub(super) fn age(&self, deal: &Deal) -> String {
        match self.days_in_stage(deal) {
            ..=0 => "since today".to_owned(),
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        }
    }
}

/// Of the board and of the table: the operation's field, and its name in the address.
const NARROWING: [(&str, &str); 5] = [
    ("search", "q"),
    ("ownerId", "owner"),
    ("organizationId", "organization"),
    ("label", "label"),
    ("attention", "attention"),
];
const OF_THE_TABLE: [(&str, &str); 3] = [("status", "status"), ("stage", "stage"), ("lostReason", "lostReason")];
const FILTERS: &[&str] =
    &["q", "owner", "organization", "label", "attention", "status", "stage", "lostReason", "archived", "cursor"];

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    if query.get("view") == "table" { table(&page, &query).await } else { board(&page, &query).await }
}

async fn columns_of(page: &Page, query: &Query) -> Result<(Vec<BoardColumn>, Vec<Goal>), Refused> {
    let board: Board = page.ask::<ShowBoard>(query.input(&NARROWING)).await?;
    let mut columns = Vec::new();
    let mut goals = Vec::new();
    for (position, column) in board.columns.into_iter().enumerate() {
        let (key, name, dot, goal) = match (&column.stage, column.status) {
            (Some(stage), _) => {
                let tint = format!("tint-{}", show::stage_tint(&position));
                (stage.id.to_string(), stage.name.clone(), tint, format!("stage:{}", stage.id))
            }
            (None, DealStatus::Lost) => ("LOST".into(), "Lost".into(), "bad".into(), "status:LOST".into()),
            (None, _) => ("WON".into(), "Won".into(), "good".into(), "status:WON".into()),
        };
        goals.push(Goal { value: goal.clone(), name: name.clone() });
        columns.push(BoardColumn {
            key,
            name,
            dot,
            odds: column.stage.as_ref().map(|stage| stage.probability),
            status: column.stage.is_none().then_some(column.status.word()),
            totals: joined(&column.sum),
            weighted: match column.stage {
                Some(_) => weighted(&column.sum),
                None => String::new(),
            },
            cards: column.cards.iter().map(|card| Card::new(page, card)).collect(),
            all: (column.sum.count > column.cards.len() as i64).then(|| {
                let table = Query::parse(query.with("view", "table").trim_start_matches('?'));
                let status = Query::parse(table.with("status", column.status.word()).trim_start_matches('?'));
                format!(
                    "/crm/deals{}",
                    status.with("stage", &column.stage.as_ref().map_or(String::new(), |s| s.id.to_string()))
                )
            }),
            sum: column.sum,
            goal,
        });
    }
    Ok((columns, goals))
}

impl Card {
    fn new(page: &Page, card: &pipeline::Card) -> Self {
        let deal = &card.deal;
        let is_open = deal.status == DealStatus::Open;
        let name = deal.organization.as_ref().map(|named| named.name.clone());
        Card {
            id: deal.id.to_string(),
            title: deal.title.clone(),
            organization: name.or(deal.primary_person.as_ref().map(|named| named.name.clone())).unwrap_or_default(),
            value: deal.value.map(|value| value.to_string()),
            due: page.closing(&deal.expected_close_at, is_open).filter(|_| is_open),
            owner: deal.owner.clone(),
            next_step: deal.next_step.clone(),
            status: deal.status.word(),
            age: page.age(deal),
            needs_next_step: card.needs_next_step,
            quiet_days: card.quiet_days,
            lost_reason: deal.lost_reason.clone(),
        }
    }
}

async fn board(page: &Page, query: &Query) -> Answer {
    let (columns, goals) = columns_of(page, query).await?;
    let is_new =
        columns.iter().all(|column| column.sum.count == 0) && !query.has_any(FILTERS) && no_deals(page).await?;
    page.ok(&BoardPage {
        page,
        query,
        choices: page.choices(false).await?,
        offers: offers(page, query).await?,
        goals,
        summary: summary(&columns),
        columns,
        is_new,
    })
}

/// What is in the pipeline, each currency for itself.
fn summary(columns: &[BoardColumn]) -> String {
    let mut open = Sum::default();
    for column in columns.iter().filter(|column| column.status.is_none()) {
        open.add(&column.sum);
    }
    worth(&open, &format!("{} open", open.count))
}

fn weighted(sum: &Sum) -> String {
    sum.totals.iter().map(|total| total.weighted.to_string()).collect::<Vec<_>>().join(" · ")
}

/// `7 open · € 120,000 · $ 500 · weighted € 45,000 · $ 50`
fn worth(sum: &Sum, count: &str) -> String {
    match sum.totals.is_empty() {
        true => count.to_owned(),
        false => format!("{count} · {} · weighted {}", joined(sum), weighted(sum)),
    }
}

/// What the filters offer, with the organization that a link brought along.
async fn offers(page: &Page, query: &Query) -> Result<DealFilters, Refused> {
    let mut offers = page.run(ShowDealFilters {}).await?;
    let chosen = query.get("organization");
    if !chosen.is_empty() && offers.organizations.iter().all(|known| known.id.to_string() != chosen) {
        let known = page.run(GetOrganization { organization_id: Ref::new(chosen) }).await?.organization;
        offers.organizations.push(Named { id: known.id, name: known.name });
    }
    Ok(offers)
}

/// Decided deals leave the board after a while, so an empty board is not yet an empty pipeline.
async fn no_deals(page: &Page) -> Result<bool, Refused> {
    Ok(page.list::<ListDeals>(Query::default().input(&[]), 1).await?.items.is_empty())
}

async fn table(page: &Page, query: &Query) -> Answer {
    let filters = [NARROWING.as_slice(), &OF_THE_TABLE, &[("archived", "archived")]].concat();
    let names = [filters.as_slice(), &[("sort", "sort"), ("cursor", "cursor")]].concat();
    let fields = Fields::new(query, SORTS, FIELDS);
    if query.get("format").eq_ignore_ascii_case("csv") {
        return fields.sheet::<ListDeals>(page, query, &names, "deals").await;
    }
    let deals = page.list::<ListDeals>(query.input(&names), 50).await?;
    let choices = page.choices(false).await?;
    let rows: Vec<Row<'_>> = deals
        .items
        .iter()
        .map(|deal| Row {
            stage: &deal.stage,
            status: deal.status.word(),
            dot: dot(&choices.stages, deal.status, deal.stage_id),
            due: page.closing(&deal.expected_close_at, deal.status == DealStatus::Open),
            age: page.age(deal),
            deal,
        })
        .collect();
    page.ok(&TablePage {
        page,
        query,
        choices,
        offers: offers(page, query).await?,
        fields,
        sum: page.ask::<SumDeals>(query.input(&filters)).await?,
        pager: Pager::new(query, rows.len(), deals.next_cursor.as_deref(), "deal", "deals"),
        rows,
        is_filtered: query.has_any(FILTERS),
    })
}

/// Moves a deal: to a stage, or won, lost, open again. With a script the board comes back, without one the page.
pub async fn move_to(page: Page, request: HttpRequest, id: web::Path<String>, mut form: Form) -> Answer {
    let to = form.take("to");
    let (field, value) = match to.split_once(':') {
        Some(("stage", stage)) => ("stage", stage),
        Some(("status", status)) => ("status", status),
        _ => return Err(page.refuse(Error::field("to", "must be stage:ID or status:WON, LOST or OPEN"))),
    };
    let is_scripted = by_script(&request);
    if to == "status:LOST" && !is_scripted && !form.pairs().any(|(name, _)| name == "lostReason") {
        return page.go(&format!("/crm/deals/{id}/lost"), "");
    }
    form.set(field, value);
    form.set("dealId", id.as_str());
    if field == "stage" {
        form.set("status", "OPEN");
    }
    if form.is_blank("lostReason") {
        form.take("lostReason");
    }
    let update = input::read::<UpdateDeal>(form.input(), page.app().shape_of::<UpdateDeal>());
    let deal = page.run(update.map_err(|error| page.refuse(error))?).await?;
    if is_scripted {
        let query = Query::before(&request);
        let (columns, goals) = columns_of(&page, &query).await?;
        return page.ok(&BoardPart { page: &page, summary: summary(&columns), columns, goals });
    }
    let said = match deal.status {
        DealStatus::Won => format!("{} is won", deal.title),
        DealStatus::Lost => format!("{} is lost", deal.title),
        DealStatus::Open if field == "status" => format!("{} is open again", deal.title),
        DealStatus::Open => format!("{} moved to {}", deal.title, deal.stage),
    };
    let own = format!("/crm/deals/{}", deal.id);
    match came_from(&request).filter(|path| !path.ends_with("/lost")) {
        Some(path) => page.go(&path, &said),
        None => page.go(&own, &said),
    }
}
