//! Deals: the board, the table, a deal's page, and the forms.

use actix_web::{HttpRequest, web};
use askama::Template;

use crate::core::caller::Account;
use crate::core::error::Error;
use crate::core::input;
use crate::core::money::Money;
use crate::core::patch::Patch;
use crate::core::reference::Named;
use crate::core::reference::Ref;
use crate::features::crm::bridges::CreateProjectFromDeal;
use crate::features::crm::choices::{Choices, DealFilters, LostReason, ShowDealFilters};
use crate::features::crm::deals::{
    CreateDeal, Deal, DealDetail, DealStatus, GetDeal, ListDeals, SORTS, Sum, SumDeals, UpdateDeal,
};
use crate::features::crm::facts::ShowFacts;
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::people::GetPerson;
use crate::features::crm::pipeline::{self, Board, ShowBoard};
use crate::markdown::crm;
use crate::web::confirm::Confirm;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, Refused, by_script, came_from};
use crate::web::show::{self, Choice, Due, Pager, id_of, name_of};

use super::table::{Field, Fields, text};
use super::{AtAGlance, History, NextStep, On, Todo, currencies, dot, joined};

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
    fn age(&self, deal: &Deal) -> String {
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
            quiet_days: card.quiet_days(page.now),
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

#[derive(Template)]
#[template(path = "crm/deal_project.html")]
struct ProjectPage<'a> {
    page: &'a Page,
    deal: &'a Deal,
    base: String,
    form: &'a Form,
    visibilities: Vec<Choice>,
}

async fn show_project_form(page: &Page, deal: &Deal, form: &Form) -> Answer {
    let base = format!("/crm/deals/{}", deal.id);
    let visibilities =
        vec![Choice::new("WORKSPACE", "Everybody in the workspace"), Choice::new("MEMBERS", "Only its members")];
    page.show(form.status(), &ProjectPage { page, deal, base, form, visibilities })
}

pub async fn project_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
    if let Some(project) = &deal.project {
        return page.go(&format!("/projects/{}", project.key), "");
    }
    show_project_form(&page, &deal, &Form::filled([("name", deal.title.clone())])).await
}

/// Makes the project that delivers the deal.
pub async fn make_project(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    form.set("dealId", id.as_str());
    match form.run::<CreateProjectFromDeal>(&page).await? {
        Some(made) => {
            page.go(&format!("/projects/{}", made.project.key), &format!("{} is a project now", made.project.name))
        }
        None => {
            let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
            show_project_form(&page, &deal, &form).await
        }
    }
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

#[derive(Template)]
#[template(path = "crm/deal.html")]
struct DealPage<'a> {
    page: &'a Page,
    base: String,
    deal: &'a Deal,
    form: &'a Form,
    status: &'static str,
    badge: String,
    /// For how long it is in its stage.
    age: String,
    steps: Vec<Step>,
    stages: Vec<Choice>,
    owners: Vec<Choice>,
    currencies: Vec<Choice>,
    due: Option<Due>,
    created: String,
    glance: AtAGlance,
    todos: Vec<Todo>,
    history: History,
    next: Option<NextStep>,
    lost_reasons: Vec<LostReason>,
}

struct Step {
    value: String,
    name: String,
    probability: i64,
    is_past: bool,
    is_current: bool,
}

pub async fn show(page: Page, id: web::Path<String>) -> Answer {
    if let Some(id) = id.strip_suffix(".json") {
        return page.json("crm.deal.get", "dealId", id).await;
    }
    if let Some(id) = id.strip_suffix(".md") {
        return page.markdown(crm::deal(&page.run(GetDeal { deal_id: Ref::new(id) }).await?));
    }
    show_deal(&page, &id, &Form::default()).await
}

async fn show_deal(page: &Page, id: &str, form: &Form) -> Answer {
    let DealDetail { deal, follow_ups, activities } = page.run(GetDeal { deal_id: Ref::new(id) }).await?;
    let choices = page.choices(false).await?;
    let at = choices.stages.iter().position(|stage| stage.id == deal.stage_id).unwrap_or_default();
    let is_open = deal.status == DealStatus::Open;
    let is_won = deal.status == DealStatus::Won;
    let closed = deal.closed_at.map(|moment| format!(" on {}", page.day(&moment))).unwrap_or_default();
    let base = format!("/crm/deals/{}", deal.id);
    let own = page.app().config().default_currency;
    let template = DealPage {
        page,
        form,
        status: deal.status.word(),
        badge: match deal.status {
            DealStatus::Open => "Open".to_owned(),
            DealStatus::Won => format!("Won{closed}"),
            DealStatus::Lost => format!("Lost{closed}"),
        },
        age: page.age(&deal),
        steps: choices
            .stages
            .iter()
            .enumerate()
            .map(|(position, stage)| Step {
                value: format!("stage:{}", stage.id),
                name: stage.name.clone(),
                probability: stage.probability,
                is_past: position < at || is_won,
                is_current: is_open && position == at,
            })
            .collect(),
        stages: choices.stages.iter().map(|stage| Choice::new(stage.id, stage.name.clone())).collect(),
        owners: page.owners_or_nobody(&choices, deal.owner.clone()),
        currencies: currencies(page, deal.currency.unwrap_or(own).code()),
        due: page.closing(&deal.expected_close_at, is_open),
        created: page.day(&deal.created_at),
        glance: AtAGlance::of(page, ShowFacts { deal_id: Some(Ref::from(deal.id)), ..ShowFacts::default() }).await?,
        todos: follow_ups.iter().map(|item| Todo::new(page, item)).collect(),
        history: History::of(page, &activities, "dealId", deal.id.to_string(), On::Deal).await?,
        next: NextStep::asked(page, &choices, "dealId", deal.id.to_string(), &base),
        lost_reasons: match is_open && page.may_write {
            true => page.run(ShowDealFilters {}).await?.lost_reasons,
            false => Vec::new(),
        },
        base,
        deal: &deal,
    };
    page.show(form.status(), &template)
}

/// One thing of the deal, from its page.
pub async fn set(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    form.set("dealId", id.as_str());
    if form.pairs().any(|(name, _)| name == "value") {
        currency_needs_value(&mut form);
    }
    match form.run::<UpdateDeal>(&page).await? {
        Some(deal) => page.go(&format!("/crm/deals/{}", deal.id), &format!("{} is saved", deal.title)),
        None => show_deal(&page, &id, &form).await,
    }
}

#[derive(Template)]
#[template(path = "crm/deal_lost.html")]
struct LostPage<'a> {
    page: &'a Page,
    deal: &'a Deal,
    base: String,
    lost_reasons: Vec<LostReason>,
}

pub async fn lose_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
    let lost_reasons = page.run(ShowDealFilters {}).await?.lost_reasons;
    page.ok(&LostPage { page: &page, base: format!("/crm/deals/{}", deal.id), deal: &deal, lost_reasons })
}

pub async fn archive_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
    page.ok(&Confirm::archive(&page, format!("/crm/deals/{}", deal.id), &deal.title))
}

/// Puts a deal away, or brings it back with `archived=false`.
pub async fn archive(page: Page, id: web::Path<String>, form: Form) -> Answer {
    let archived = form.value("archived") != "false";
    let deal_id = Ref::new(id.as_str());
    let deal = page.run(UpdateDeal { deal_id, archived: Patch::Set(archived), ..UpdateDeal::default() }).await?;
    match archived {
        true => page.go("/crm/deals", &format!("{} is archived", deal.title)),
        false => page.go(&format!("/crm/deals/{}", deal.id), &format!("{} is back", deal.title)),
    }
}

#[derive(Template)]
#[template(path = "crm/deal_form.html")]
struct DealForm<'a> {
    page: &'a Page,
    title: String,
    action: String,
    cancel: String,
    button: &'static str,
    form: &'a Form,
    choices: &'a Choices,
    stages: Vec<Choice>,
    statuses: Vec<Choice>,
    owners: Vec<Choice>,
    currencies: Vec<Choice>,
}

async fn show_form(page: &Page, form: &Form, editing: Option<&Deal>) -> Answer {
    let choices = page.choices(true).await?;
    let stage = |stage: &pipeline::Stage| Choice::new(stage.id, format!("{} ({} %)", stage.name, stage.probability));
    let base = editing.map(|deal| format!("/crm/deals/{}", deal.id));
    let template = DealForm {
        page,
        title: editing.map_or_else(|| "New deal".to_owned(), |deal| format!("Edit {}", deal.title)),
        action: base.as_ref().map_or_else(|| "/crm/deals/new".to_owned(), |base| format!("{base}/edit")),
        cancel: base.unwrap_or_else(|| "/crm/deals".to_owned()),
        button: if editing.is_some() { "Save deal" } else { "Create deal" },
        form,
        stages: choices.stages.iter().map(stage).collect(),
        statuses: match editing {
            Some(_) => vec![Choice::new("OPEN", "Open"), Choice::new("WON", "Won"), Choice::new("LOST", "Lost")],
            None => Vec::new(),
        },
        owners: page.owners_or_nobody(&choices, editing.and_then(|deal| deal.owner.clone())),
        currencies: currencies(page, form.value("currency")),
        choices: &choices,
    };
    page.show(form.status(), &template)
}

/// A new deal, perhaps begun on the page of an organization or a person.
pub async fn new_page(page: Page) -> Answer {
    page.must_write()?;
    let query = page.query();
    let mut form = Form::filled([
        ("title", query.get("title").to_owned()),
        ("stage", query.get("stage").to_owned()),
        ("ownerId", page.account.id.to_string()),
        ("currency", page.app().config().default_currency.code().to_owned()),
    ]);
    if query.has_any(&["organizationId"]) {
        let id = Ref::new(query.get("organizationId"));
        form.set("organizationId", page.run(GetOrganization { organization_id: id }).await?.organization.name);
    }
    if query.has_any(&["personId"]) {
        let person = page.run(GetPerson { person_id: Ref::new(query.get("personId")) }).await?.person;
        form.set("primaryPersonId", person.name);
        if form.is_blank("organizationId") {
            form.set("organizationId", name_of(&person.organization));
        }
    }
    show_form(&page, &form, None).await
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    currency_needs_value(&mut form);
    match form.make::<CreateDeal>(&page).await? {
        Some(made) => {
            page.go(&format!("/crm/deals/{}", made.text("id")), &format!("{} is in the pipeline", made.text("title")))
        }
        None => show_form(&page, &form, None).await,
    }
}

pub async fn edit_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
    show_form(&page, &filled(&page, &deal).await?, Some(&deal)).await
}

async fn filled(page: &Page, deal: &Deal) -> Result<Form, Refused> {
    let labels: Vec<&str> = deal.labels.iter().collect();
    let own = page.app().config().default_currency;
    Ok(Form::filled([
        ("ifVersion", deal.version.to_string()),
        ("title", deal.title.clone()),
        ("organizationId", name_of(&deal.organization)),
        ("primaryPersonId", name_of(&deal.primary_person)),
        ("value", deal.value.map(|value| value.plain()).unwrap_or_default()),
        ("currency", deal.currency.unwrap_or(own).code().to_owned()),
        ("stage", deal.stage_id.to_string()),
        ("status", deal.status.word().to_owned()),
        ("expectedCloseAt", deal.expected_close_at.map(|day| day.to_string()).unwrap_or_default()),
        ("probability", own_probability(page, deal).await?),
        ("nextStep", text(&deal.next_step)),
        ("ownerId", id_of(&deal.owner)),
        ("labels", labels.join(", ")),
        ("lostReason", text(&deal.lost_reason)),
        ("notes", text(&deal.notes)),
    ]))
}

/// A currency is always chosen in the form, but says nothing without a value.
fn currency_needs_value(form: &mut Form) {
    if form.is_blank("value") {
        form.leave("currency");
    }
}

/// The deal's own probability; empty while it goes with the stage.
async fn own_probability(page: &Page, deal: &Deal) -> Result<String, Refused> {
    let stages = page.choices(false).await?.stages;
    let of_stage = stages.iter().find(|stage| stage.id == deal.stage_id).map(|stage| stage.probability);
    Ok(if of_stage == Some(deal.probability) { String::new() } else { deal.probability.to_string() })
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
    form.set("dealId", deal.id.to_string());
    form.demand("title");
    form.leave_unchanged("organizationId", &name_of(&deal.organization));
    form.leave_unchanged("primaryPersonId", &name_of(&deal.primary_person));
    form.leave_unchanged("ownerId", &id_of(&deal.owner));
    currency_needs_value(&mut form);
    match form.run::<UpdateDeal>(&page).await? {
        Some(deal) => page.go(&format!("/crm/deals/{}", deal.id), &format!("{} is saved", deal.title)),
        None => {
            let choices = page.choices(false).await?;
            let stages: Vec<Choice> =
                choices.stages.iter().map(|stage| Choice::new(stage.id, stage.name.clone())).collect();
            let owners = page.owners_or_nobody(&choices, deal.owner.clone());
            form.meet(&filled(&page, &deal).await?, &[("stage", &stages), ("ownerId", &owners)]);
            show_form(&page, &form, Some(&deal)).await
        }
    }
}
