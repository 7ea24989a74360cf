//! A deal: its page, its forms, and what becomes of it.

use actix_web::web;
use askama::Template;

use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::features::crm::bridges::CreateProjectFromDeal;
use crate::features::crm::choices::{Choices, LostReason, ShowDealFilters};
use crate::features::crm::deals::{CreateDeal, Deal, DealDetail, DealStatus, GetDeal, UpdateDeal};
use crate::features::crm::facts::ShowFacts;
use crate::features::crm::organizations::GetOrganization;
use crate::features::crm::people::GetPerson;
use crate::features::crm::pipeline;
use crate::markdown::crm;
use crate::web::confirm::Confirm;
use crate::web::form::{Form, Purpose};
use crate::web::page::{Answer, Page, Refused};
use crate::web::show::{Choice, Due, id_of, name_of};

use super::table::text;
use super::{AtAGlance, History, NextStep, On, Todo, currencies};

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
    /// Then only the reason is asked for.
    is_lost: bool,
    base: String,
    lost_reasons: Vec<LostReason>,
}

pub async fn lose_page(page: Page, id: web::Path<String>) -> Answer {
    page.must_write()?;
    let deal = page.run(GetDeal { deal_id: Ref::new(id.as_str()) }).await?.deal;
    let lost_reasons = page.run(ShowDealFilters {}).await?.lost_reasons;
    page.ok(&LostPage {
        page: &page,
        is_lost: deal.status == DealStatus::Lost,
        base: format!("/crm/deals/{}", deal.id),
        deal: &deal,
        lost_reasons,
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
    purpose: Purpose,
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
    let template = DealForm {
        page,
        purpose: Purpose::new(
            "deal",
            "/crm/deals",
            editing.map(|deal| (&*deal.title, format!("/crm/deals/{}", deal.id))),
        ),
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
