//! The CRM's pages, and what they have in common: things to do, what happened, rows that lead to deals.

pub mod activities;
pub mod deal;
pub mod deals;
pub mod follow_ups;
pub mod organizations;
pub mod people;
pub mod table;

use actix_web::web;

use crate::core::caller::Account;
use crate::core::id::{Id, Record};
use crate::core::input;
use crate::core::money::Money;
use crate::core::operation::Operation;
use crate::core::reference::Named;
use crate::core::time::Day;
use crate::features::crm::activities::{Activity, ActivityType, ListActivities};
use crate::features::crm::choices::{Choices, ShowChoices};
use crate::features::crm::deals::{Deal, DealStatus, Sum};
use crate::features::crm::duplicates::{self, Similar};
use crate::features::crm::facts::ShowFacts;
use crate::features::crm::follow_ups::{FollowUp, FollowUpStatus};
use crate::features::crm::pipeline::{Stage, StageRecord};

use super::form::Form;
use super::page::{Page, Query, Refused};
use super::show::{self, ByDay, Choice, Due, Link};
use super::{at, get, post};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/crm/deals").route(get().to(deals::list)))
        .service(at("/crm/deals/new").route(get().to(deal::new_page)).route(post().to(deal::create)))
        .service(at("/crm/deals/{id}").route(get().to(deal::show)))
        .service(at("/crm/deals/{id}/edit").route(get().to(deal::edit_page)).route(post().to(deal::edit)))
        .service(at("/crm/deals/{id}/move").route(post().to(deals::move_to)))
        .service(at("/crm/deals/{id}/lost").route(get().to(deal::lose_page)))
        .service(at("/crm/deals/{id}/set").route(post().to(deal::set)))
        .service(at("/crm/deals/{id}/project").route(get().to(deal::project_page)).route(post().to(deal::make_project)))
        .service(at("/crm/deals/{id}/archive").route(get().to(deal::archive_page)).route(post().to(deal::archive)));
    config
        .service(at("/crm/organizations").route(get().to(organizations::list)))
        .service(
            at("/crm/organizations/new")
                .route(get().to(organizations::new_page))
                .route(post().to(organizations::create)),
        )
        .service(at("/crm/organizations/{id}").route(get().to(organizations::show)))
        .service(
            at("/crm/organizations/{id}/edit")
                .route(get().to(organizations::edit_page))
                .route(post().to(organizations::edit)),
        )
        .service(at("/crm/organizations/{id}/set").route(post().to(organizations::set)))
        .service(
            at("/crm/organizations/{id}/archive")
                .route(get().to(organizations::archive_page))
                .route(post().to(organizations::archive)),
        );
    config
        .service(at("/crm/people").route(get().to(people::list)))
        .service(at("/crm/people/new").route(get().to(people::new_page)).route(post().to(people::create)))
        .service(at("/crm/people/{id}").route(get().to(people::show)))
        .service(at("/crm/people/{id}/edit").route(get().to(people::edit_page)).route(post().to(people::edit)))
        .service(at("/crm/people/{id}/set").route(post().to(people::set)))
        .service(
            at("/crm/people/{id}/archive").route(get().to(people::archive_page)).route(post().to(people::archive)),
        );
    config
        .service(at("/crm/follow-ups").route(get().to(follow_ups::list)))
        .service(at("/crm/follow-ups/new").route(get().to(follow_ups::new_page)).route(post().to(follow_ups::create)))
        .service(
            at("/crm/follow-ups/{id}/edit").route(get().to(follow_ups::edit_page)).route(post().to(follow_ups::edit)),
        )
        .service(at("/crm/follow-ups/{id}/task").route(post().to(follow_ups::make_task)))
        .service(at("/crm/follow-ups/{id}/done").route(post().to(follow_ups::done)))
        .service(at("/crm/follow-ups/{id}/reopen").route(post().to(follow_ups::reopen)))
        .service(at("/crm/activities").route(get().to(activities::list)).route(post().to(activities::create)))
        .service(at("/crm/activities/new").route(get().to(activities::new_page)));
}

fn link<T: Record>(list: &str, named: &Option<Named<T>>) -> Option<Link> {
    named.as_ref().map(|named| Link { href: format!("/crm/{list}/{}", named.id), name: named.name.clone() })
}

/// Something to do, as a line.
pub struct Todo {
    pub id: String,
    pub title: String,
    pub is_done: bool,
    pub about: Option<Link>,
    pub due: Option<Due>,
    pub owner: Option<Named<Account>>,
}

impl Todo {
    pub fn new(page: &Page, item: &FollowUp) -> Self {
        Todo {
            id: item.id.to_string(),
            title: item.title.clone(),
            is_done: item.status != FollowUpStatus::Open,
            about: link("deals", &item.deal)
                .or_else(|| link("organizations", &item.organization))
                .or_else(|| link("people", &item.person)),
            due: page.due(&item.due_at, item.status == FollowUpStatus::Open),
            owner: item.owner.clone(),
        }
    }
}

/// What one is asked after something was done: what happens next?
pub struct NextStep {
    /// The field of the record that it is about, and its id.
    field: &'static str,
    id: String,
    /// Where one goes on.
    back: String,
    /// `Tomorrow` and its day.
    days: [(&'static str, Day); 3],
    owners: Vec<Choice>,
    owner: String,
}

/// Part of an address: the page asks for the next step.
const ASKS_NEXT: &str = "next";

/// The same page, asking for the next step.
fn asking_next(path: &str, value: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    format!("{path}{}", Query::parse(query).with(ASKS_NEXT, value))
}

impl NextStep {
    /// Where the address asks for it, of whoever may answer.
    fn asked(page: &Page, choices: &Choices, field: &'static str, id: String, back: &str) -> Option<Self> {
        let is_asked = page.may_write && page.query().has_any(&[ASKS_NEXT]);
        is_asked.then(|| NextStep {
            field,
            id,
            back: back.to_owned(),
            days: [
                ("Today", page.today),
                ("Tomorrow", page.today.plus_days(1)),
                ("Next week", page.today.end_of_week().plus_days(1)),
            ],
            owners: page.owners_or_nobody(choices, None),
            owner: page.account.id.to_string(),
        })
    }
}

/// What happened with a record: everything that is new, or more of one kind.
struct History {
    kind: String,
    days: Vec<ByDay<Entry>>,
}

impl History {
    /// The newest of all are at hand; those of one kind are asked for.
    async fn of(page: &Page, newest: &[Activity], field: &str, id: String, on: On) -> Result<Self, Refused> {
        let kind = page.query().get("type").to_owned();
        if kind.is_empty() {
            return Ok(History { days: timeline(page, newest, on), kind });
        }
        let input = input::of([(field, id.into()), ("type", kind.as_str().into())]);
        let found = page.list::<ListActivities>(input, 50).await?;
        Ok(History { days: timeline(page, &found.items, on), kind })
    }
}

/// A record at a glance.
struct AtAGlance {
    open: String,
    won: String,
    last_contact: Option<String>,
}

impl AtAGlance {
    async fn of(page: &Page, wanted: ShowFacts) -> Result<Self, Refused> {
        let facts = page.run(wanted).await?;
        let last_contact = facts.last_contact_at.map(|moment| match page.today.days_since(moment.day(&page.zone)) {
            ..=0 => "Today".to_owned(),
            1 => "Yesterday".to_owned(),
            days => format!("{}, {days} days ago", page.day(&moment)),
        });
        Ok(AtAGlance { open: joined(&facts.open), won: joined(&facts.won), last_contact })
    }
}

/// `€ 12,000 · $ 500`
fn joined(sum: &Sum) -> String {
    sum.totals.iter().map(|total| total.value.to_string()).collect::<Vec<_>>().join(" · ")
}

/// A record that a new one may be.
pub struct Lookalike {
    href: String,
    name: String,
    because: &'static str,
}

impl Lookalike {
    fn of<T: Record>(list: &str, similar: Similar<T>) -> Vec<Self> {
        let href = |record: &Named<T>| format!("/crm/{list}/{}", record.id);
        let each = |found: duplicates::Lookalike<T>| Lookalike {
            href: href(&found.record),
            name: found.record.name,
            because: found.because,
        };
        similar.items.into_iter().map(each).collect()
    }
}

/// Who is here already and looks like what the form would make, found by these of its fields. Nobody, once “Create anyway” was
/// pressed, and as long as something is wrong with the form.
async fn alike<Make, Find, T>(
    page: &Page,
    form: &mut Form,
    list: &str,
    fields: &[&str],
) -> Result<Vec<Lookalike>, Refused>
where
    Make: Operation,
    Find: Operation<Output = Similar<T>>,
    T: Record,
{
    if !form.take("anyway").is_empty() || form.read::<Make>(page.app()).is_none() {
        return Ok(Vec::new());
    }
    let given: Vec<(&str, &str)> = fields.iter().map(|name| (*name, form.value(name))).collect();
    match page.act::<Find>(&given).await {
        Ok(similar) => Ok(Lookalike::of(list, similar)),
        // What is wrong at a field is told when the record is made.
        Err(refused) if !refused.error().field_errors().is_empty() => Ok(Vec::new()),
        Err(refused) => Err(refused),
    }
}

/// Something that happened.
pub struct Entry {
    id: String,
    /// The icon's name and the colour's class.
    image: &'static str,
    who: String,
    verb: &'static str,
    person: Option<Link>,
    /// Between the person and what it was about.
    word: &'static str,
    about: Option<Link>,
    iso: String,
    clock: String,
    body: String,
}

/// On which record's page a timeline stands: nobody needs to be told there what it is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    Nothing,
    Organization,
    Person,
    Deal,
}

fn timeline(page: &Page, activities: &[Activity], on: On) -> Vec<ByDay<Entry>> {
    ByDay::of(page, activities.iter().map(|activity| (activity.occurred_at, Entry::new(page, activity, on))))
}

impl Entry {
    fn new(page: &Page, activity: &Activity, on: On) -> Self {
        let person = link("people", &activity.person).filter(|_| on != On::Person);
        let deal = link("deals", &activity.deal).filter(|_| on != On::Deal);
        // Where a deal or a person is at home needs no saying on their own page.
        let organization = link("organizations", &activity.organization).filter(|_| on == On::Nothing);
        let (image, to_somebody, alone) = match activity.kind {
            ActivityType::Note => ("note", "wrote a note about", "wrote a note"),
            ActivityType::Call => ("call", "called", "logged a call"),
            ActivityType::Email => ("email", "e-mailed", "logged an e-mail"),
            ActivityType::Meeting => ("meeting", "met", "logged a meeting"),
            ActivityType::FollowUp => ("follow-up", "followed up with", "followed up"),
        };
        Entry {
            id: activity.id.to_string(),
            image,
            who: activity.actor.as_ref().map_or_else(|| "Somebody".to_owned(), |actor| actor.name.clone()),
            verb: if person.is_some() { to_somebody } else { alone },
            person,
            word: if deal.is_some() { "in" } else { "at" },
            about: deal.or(organization),
            iso: activity.occurred_at.to_string(),
            clock: activity.occurred_at.clock(&page.zone),
            body: activity.body.clone(),
        }
    }
}

/// A deal in a list of another record.
pub struct DealRow {
    id: String,
    title: String,
    value: Option<Money>,
    /// The colour of its stage, or of how it ended.
    dot: String,
    sub: String,
}

impl DealRow {
    fn new(page: &Page, stages: &[Stage], deal: &Deal) -> Self {
        let sub = match (deal.status, deal.expected_close_at, deal.closed_at) {
            (DealStatus::Open, Some(day), _) => format!("{} · closes {}", deal.stage, day.short(page.today)),
            (DealStatus::Open, None, _) => deal.stage.clone(),
            (DealStatus::Won, _, Some(closed)) => format!("Won on {}", page.day(&closed)),
            (DealStatus::Lost, _, Some(closed)) => format!("Lost on {}", page.day(&closed)),
            (status, ..) => status.word().to_owned(),
        };
        DealRow {
            id: deal.id.to_string(),
            title: deal.title.clone(),
            value: deal.value,
            dot: dot(stages, deal.status, deal.stage_id),
            sub,
        }
    }
}

/// The class of a stage's dot: its position's colour, or good and bad for what is decided.
fn dot(stages: &[Stage], status: DealStatus, stage: Id<StageRecord>) -> String {
    match status {
        DealStatus::Won => "good".to_owned(),
        DealStatus::Lost => "bad".to_owned(),
        DealStatus::Open => {
            let position = stages.iter().position(|known| known.id == stage).unwrap_or_default();
            format!("tint-{}", show::stage_tint(&position))
        }
    }
}

impl Page {
    /// Stages and owners; with `records` what forms suggest, too.
    async fn choices(&self, records: bool) -> Result<Choices, Refused> {
        self.run(ShowChoices { records }).await
    }

    /// Who can own a record of the CRM.
    fn owners_or_nobody(&self, choices: &Choices, current: Option<Named<Account>>) -> Vec<Choice> {
        let known = choices.owners.iter().map(|owner| (owner.id, owner.name.as_str()));
        let mut owners = self.owners(known, &current);
        owners.push(Choice::new("", "Nobody"));
        owners
    }
}

/// The currencies that a form offers: those in wide use, and the one the record has.
fn currencies(page: &Page, chosen: &str) -> Vec<Choice> {
    const USUAL: &[&str] = &[
        "EUR", "USD", "GBP", "CHF", "JPY", "AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "HKD", "HUF", "IDR", "ILS", "INR",
        "KRW", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "VND", "ZAR",
    ];
    let own = page.app().config().default_currency.code();
    let mut codes: Vec<&str> = vec![own];
    codes.extend(Some(chosen).filter(|code| code.len() == 3));
    codes.extend(USUAL);
    let mut seen: Vec<&str> = Vec::new();
    for code in codes {
        if !seen.contains(&code) {
            seen.push(code);
        }
    }
    seen.into_iter().map(|code| Choice::new(code, code)).collect()
}
