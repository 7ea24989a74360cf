//! The shape of the sample: companies with their people and deals, each with its story.

use crate::features::crm::activities::ActivityType;

/// Who at Studio Nord did it, or has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Lena,
    Jonas,
    Amara,
    /// The agent, on Lena's behalf.
    Scribe,
}

pub(super) struct Company {
    pub name: &'static str,
    pub domain: &'static str,
    pub industry: &'static str,
    pub size: &'static str,
    pub city: &'static str,
    pub country: &'static str,
    pub source: &'static str,
    pub owner: Who,
    pub labels: &'static [&'static str],
    pub notes: &'static str,
    pub people: &'static [Contact],
    pub deals: &'static [Opportunity],
}

/// The e-mail address is `mailbox` at the company's domain.
pub(super) struct Contact {
    pub name: &'static str,
    pub mailbox: &'static str,
    pub title: &'static str,
    pub phone: &'static str,
}

pub(super) struct Opportunity {
    pub title: &'static str,
    /// Place in the company's people.
    pub contact: usize,
    pub owner: Who,
    /// In whole units, and in which.
    pub worth: (i64, &'static str),
    pub stage: &'static str,
    pub outcome: Outcome,
    pub next_step: &'static str,
    /// From today; negative is overdue.
    pub closes_in_days: i64,
    pub labels: &'static [&'static str],
    pub happened: &'static [Happened],
    pub to_do: &'static [ToDo],
}

#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Open,
    Won,
    Lost(&'static str),
}

pub(super) struct Happened {
    pub days_ago: i64,
    pub at: &'static str,
    pub who: Who,
    pub kind: ActivityType,
    pub text: &'static str,
}

pub(super) struct ToDo {
    pub title: &'static str,
    pub who: Who,
    /// From today; negative is overdue, `None` some day.
    pub due_in_days: Option<i64>,
    pub done: bool,
}

pub(super) const fn person(
    name: &'static str,
    mailbox: &'static str,
    title: &'static str,
    phone: &'static str,
) -> Contact {
    Contact { name, mailbox, title, phone }
}

const fn happened(days_ago: i64, at: &'static str, who: Who, kind: ActivityType, text: &'static str) -> Happened {
    Happened { days_ago, at, who, kind, text }
}

pub(super) const fn note(days_ago: i64, at: &'static str, who: Who, text: &'static str) -> Happened {
    happened(days_ago, at, who, ActivityType::Note, text)
}

pub(super) const fn call(days_ago: i64, at: &'static str, who: Who, text: &'static str) -> Happened {
    happened(days_ago, at, who, ActivityType::Call, text)
}

pub(super) const fn mail(days_ago: i64, at: &'static str, who: Who, text: &'static str) -> Happened {
    happened(days_ago, at, who, ActivityType::Email, text)
}

pub(super) const fn meeting(days_ago: i64, at: &'static str, who: Who, text: &'static str) -> Happened {
    happened(days_ago, at, who, ActivityType::Meeting, text)
}

pub(super) const fn chased(days_ago: i64, at: &'static str, who: Who, text: &'static str) -> Happened {
    happened(days_ago, at, who, ActivityType::FollowUp, text)
}

pub(super) const fn due(in_days: i64, who: Who, title: &'static str) -> ToDo {
    ToDo { title, who, due_in_days: Some(in_days), done: false }
}

pub(super) const fn some_day(who: Who, title: &'static str) -> ToDo {
    ToDo { title, who, due_in_days: None, done: false }
}

pub(super) const fn done(due_days_ago: i64, who: Who, title: &'static str) -> ToDo {
    ToDo { title, who, due_in_days: Some(-due_days_ago), done: true }
}
