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
use crate::features::crm::choices::Choices;
use crate::features::crm::deals::{CreateDeal, Deal, DealDetail, DealStatus, GetDeal, ListDeals, SORTS, UpdateDeal};
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::people::GetPerson;
use crate::features::crm::pipeline::{Board, ShowBoard};
use crate::markdown::crm;
use crate::web::confirm::Confirm;
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, Refused, by_script, came_from};
use crate::web::show::{self, ByDay, Choice, Column, Due, Link, Pager, id_of, name_of};

use super::{Entry, On, Todo, currencies, dot, link, timeline};

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
    count: i64,
    sums: Vec<Money>,
    totals: String,
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
    is_open: bool,
}

/// The board alone: what a moved card is answered with.
#[derive(Template)]
#[template(path = "crm/board.html")]
struct BoardPart<'a> {
    page: &'a Page,
    columns: Vec<BoardColumn>,
    goals: Vec<Goal>,
}

#[derive(Template)]
#[template(path = "crm/deals_board.html")]
struct BoardPage<'a> {
    page: &'a Page,
    query: &'a Query,
    choices: Choices,
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
    headings: Vec<Column>,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
}

struct Row {
    id: String,
    title: String,
    organization: Option<Link>,
    stage: String,
    status: &'static str,
    dot: String,
    value: Option<String>,
    due: Option<Due>,
    next_step: Option<String>,
    owner: Option<Named<Account>>,
    is_archived: bool,
}

const FILTERS: &[&str] = &["q", "owner", "status", "stage", "archived", "cursor"];

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    if query.get("view") == "table" { table(&page, &query).await } else { board(&page, &query).await }
}

async fn columns_of(page: &Page, query: &Query) -> Result<(Vec<BoardColumn>, Vec<Goal>), Refused> {
    let board: Board = page.ask::<ShowBoard>(query.input(&[("search", "q"), ("ownerId", "owner")])).await?;
    let mut columns = Vec::new();
    let mut goals = Vec::new();
    for (position, column) in board.columns.into_iter().enumerate() {
        let sums: Vec<Money> = column.totals.iter().map(|total| total.value).collect();
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
            count: column.count,
            totals: joined(&sums),
            sums,
            cards: column.deals.iter().map(|deal| Card::new(page, deal)).collect(),
            all: (column.count > column.deals.len() as i64).then(|| match &column.stage {
                Some(stage) => format!("/crm/deals?view=table&status=OPEN&stage={}", stage.id),
                None => format!("/crm/deals?view=table&status={}", column.status),
            }),
            goal,
        });
    }
    Ok((columns, goals))
}

impl Card {
    fn new(page: &Page, deal: &Deal) -> Self {
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
            is_open,
        }
    }
}

async fn board(page: &Page, query: &Query) -> Answer {
    let (columns, goals) = columns_of(page, query).await?;
    let open: i64 = columns.iter().filter(|column| column.status.is_none()).map(|column| column.count).sum();
    let is_new = columns.iter().all(|column| column.count == 0) && !query.has_any(FILTERS) && no_deals(page).await?;
    page.ok(&BoardPage {
        page,
        query,
        choices: page.choices(false).await?,
        goals,
        summary: match joined(&sum_of_open(&columns)).as_str() {
            "" => format!("{open} open"),
            sums => format!("{open} open · {sums}"),
        },
        columns,
        is_new,
    })
}

fn joined(sums: &[Money]) -> String {
    sums.iter().map(Money::to_string).collect::<Vec<_>>().join(" · ")
}

/// What is in the pipeline, each currency for itself.
fn sum_of_open(columns: &[BoardColumn]) -> Vec<Money> {
    let mut sums: Vec<Money> = Vec::new();
    for money in columns.iter().filter(|column| column.status.is_none()).flat_map(|column| &column.sums) {
        match sums.iter_mut().find(|sum| sum.currency == money.currency) {
            Some(sum) => sum.minor += money.minor,
            None => sums.push(*money),
        }
    }
    sums.sort_by_key(|sum| sum.currency.code());
    sums
}

/// Decided deals leave the board after a while, so an empty board is not yet an empty pipeline.
async fn no_deals(page: &Page) -> Result<bool, Refused> {
    Ok(page.list::<ListDeals>(Query::default().input(&[]), 1).await?.items.is_empty())
}

async fn table(page: &Page, query: &Query) -> Answer {
    let names = [
        ("search", "q"),
        ("ownerId", "owner"),
        ("status", "status"),
        ("stage", "stage"),
        ("archived", "archived"),
        ("sort", "sort"),
        ("cursor", "cursor"),
    ];
    let deals = page.list::<ListDeals>(query.input(&names), 50).await?;
    let choices = page.choices(false).await?;
    let rows: Vec<Row> = deals
        .items
        .iter()
        .map(|deal| Row {
            id: deal.id.to_string(),
            title: deal.title.clone(),
            organization: link("organizations", &deal.organization),
            stage: deal.stage.clone(),
            status: deal.status.word(),
            dot: dot(&choices.stages, deal.status, deal.stage_id),
            value: deal.value.map(|value| value.to_string()),
            due: page.closing(&deal.expected_close_at, deal.status == DealStatus::Open),
            next_step: deal.next_step.clone(),
            owner: deal.owner.clone(),
            is_archived: deal.archived_at.is_some(),
        })
        .collect();
    let headings = [
        ("Deal", "title", ""),
        ("Organization", "", ""),
        ("Stage", "", ""),
        ("Value", "value", "num"),
        ("Close", "expectedCloseAt", ""),
        ("Next step", "", "wide-only"),
        ("Owner", "", ""),
    ];
    page.ok(&TablePage {
        page,
        query,
        choices,
        headings: show::columns(query, SORTS, &headings),
        pager: Pager::new(query, rows.len(), deals.next_cursor.as_deref(), "deal", "deals"),
        rows,
        is_filtered: query.has_any(FILTERS),
    })
}

/// Makes the project that delivers the deal.
pub async fn make_project(page: Page, id: web::Path<String>) -> Answer {
    let made = page.run(CreateProjectFromDeal::of(Ref::new(id.as_str()))).await?;
    page.go(&format!("/crm/deals/{}", made.deal_id), &format!("{} is a project now", made.project.name))
}

/// Moves a deal: to a stage, or won, lost, open again. With a script the board comes back, without one the page.
pub async fn move_to(page: Page, request: HttpRequest, id: web::Path<String>, mut form: Form) -> Answer {
    let to = form.take("to");
    let (field, value) = match to.split_once(':') {
        Some(("stage", stage)) => ("stage", stage),
        Some(("status", status)) => ("status", status),
        _ => return Err(page.refuse(Error::field("to", "must be stage:ID or status:WON, LOST or OPEN"))),
    };
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
    if by_script(&request) {
        let query = Query::before(&request);
        let (columns, goals) = columns_of(&page, &query).await?;
        return page.ok(&BoardPart { page: &page, columns, goals });
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
    status: &'static str,
    badge: String,
    steps: Vec<Step>,
    due: Option<Due>,
    created: String,
    todos: Vec<Todo>,
    days: Vec<ByDay<Entry>>,
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
    let DealDetail { deal, follow_ups, activities } = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?;
    let stages = page.choices(false).await?.stages;
    let at = stages.iter().position(|stage| stage.id == deal.stage_id).unwrap_or_default();
    let is_open = deal.status == DealStatus::Open;
    let is_won = deal.status == DealStatus::Won;
    let closed = deal.closed_at.map(|moment| format!(" on {}", page.day(&moment))).unwrap_or_default();
    page.ok(&DealPage {
        page: &page,
        base: format!("/crm/deals/{}", deal.id),
        status: deal.status.word(),
        badge: match deal.status {
            DealStatus::Open => "Open".to_owned(),
            DealStatus::Won => format!("Won{closed}"),
            DealStatus::Lost => format!("Lost{closed}"),
        },
        steps: stages
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
        due: page.closing(&deal.expected_close_at, is_open),
        created: page.day(&deal.created_at),
        todos: follow_ups.iter().map(|item| Todo::new(&page, item)).collect(),
        days: timeline(&page, &activities, On::Deal),
        deal: &deal,
    })
}

pub async fn lose_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
    let base = format!("/crm/deals/{}", deal.id);
    page.ok(&Confirm {
        page: &page,
        title: format!("Mark “{}” as lost?", deal.title),
        text: "It leaves the open pipeline. You can reopen it at any time.",
        action: format!("{base}/move"),
        cancel: base,
        button: "Mark as lost",
        hidden: &[("to", "status:LOST")],
        asks_reason: true,
        form: Form::default(),
    })
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
    let stage = |stage: &crate::features::crm::pipeline::Stage| {
        Choice::new(stage.id, format!("{} ({} %)", stage.name, stage.probability))
    };
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
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
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
