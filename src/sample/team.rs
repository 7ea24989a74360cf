//! The people of the agency at their work: they meet companies and work on deals.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::clients::CLIENTS;
use super::data::{Company, Happened, Opportunity, Outcome, ToDo, Who};
use super::prospects::PROSPECTS;
use super::{key, remove};
use crate::core::app::{App, Call};
use crate::core::caller::{AccessKey, Credential};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::secret::TokenHash;
use crate::core::time::{Day, Moment};
use crate::features::keys::KeyKind;

const SCRIBE: &str = "Scribe";
const SCRIBES_WORK: &str = "Tidies up what somebody noted down in a meeting or a call: as a comment on the task, or as an activity of the deal. It adds nothing of its own and asks when two notes disagree.";

/// Who writes the sample.
pub(super) struct Team {
    app: Arc<App>,
    pub(super) today: Day,
    hands: Hands,
}

enum Hands {
    /// Everybody with a key, for as long as it takes.
    Keys(Vec<(Who, Call, Id<AccessKey>)>),
    /// One person is all of them.
    One { call: Box<Call>, email: String },
}

impl Team {
    pub(super) async fn enter(app: &Arc<App>) -> Result<Team> {
        let mut team = Team::new(app, Hands::Keys(Vec::new()));
        for who in Who::PEOPLE {
            team.give_key(who, None).await?;
        }
        let scribe = json!({ "name": SCRIBE, "role": "Meeting notes", "description": SCRIBES_WORK });
        let scribe = team.does(Who::Lena, "agent.create", scribe).await?;
        team.give_key(Who::Scribe, Some(&scribe)).await?;
        Ok(team)
    }

    pub(super) fn of_one(app: &Arc<App>, call: &Call, email: &str) -> Team {
        Team::new(app, Hands::One { call: Box::new(call.clone()), email: email.to_owned() })
    }

    fn new(app: &Arc<App>, hands: Hands) -> Team {
        Team { app: app.clone(), today: Moment::now().day(&TimeZone::UTC), hands }
    }

    /// All of it, in an empty workspace.
    pub(super) async fn work(&self) -> Result<()> {
        for company in CLIENTS.iter().chain(PROSPECTS) {
            self.meet(company).await?;
        }
        self.deliver().await
    }

    /// Is there anybody besides Lena?
    pub(super) fn is_many(&self) -> bool {
        matches!(self.hands, Hands::Keys(_))
    }

    pub(super) fn email(&self, who: Who) -> &str {
        match &self.hands {
            Hands::Keys(_) => who.email(),
            Hands::One { email, .. } => email,
        }
    }

    fn call(&self, who: Who) -> &Call {
        match &self.hands {
            Hands::Keys(keys) => &keys.iter().find(|(known, ..)| *known == who).expect("all of them have entered").1,
            Hands::One { call, .. } => call,
        }
    }

    async fn give_key(&mut self, who: Who, agent: Option<&str>) -> Result<()> {
        let (token, id) = key(&self.app, who.email(), KeyKind::Api, "Writing the sample", agent).await?;
        if let Hands::Keys(keys) = &mut self.hands {
            keys.push((who, Call::with(Credential::Token(TokenHash::of(&token))), id));
        }
        Ok(())
    }

    /// Revoked, and then taken off the list.
    pub(super) async fn leave(self) -> Result<()> {
        if let Hands::Keys(keys) = self.hands {
            for (_, _, key) in keys {
                remove(&self.app, key).await?;
            }
        }
        Ok(())
    }

    /// Runs an operation as REST would.
    pub(super) async fn asks(&self, who: Who, operation: &str, input: Value) -> Result<Map<String, Value>> {
        let listed = self.app.operation(operation).ok_or_else(|| Error::internal(format!("no {operation}")))?;
        let Value::Object(mut input) = input else { return Err(Error::internal("the input is an object")) };
        input.retain(|_, value| !value.is_null() && value != "");
        let reply = self.app.answer(listed, self.call(who).clone(), input).await?;
        serde_json::from_slice(&reply.body).map_err(Error::internal)
    }

    /// The same where only the record's id matters.
    pub(super) async fn does(&self, who: Who, operation: &str, input: Value) -> Result<String> {
        let record = self.asks(who, operation, input).await?;
        Ok(record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    async fn meet(&self, company: &Company) -> Result<()> {
        let organization = json!({
            "name": company.name,
            "website": company.domain,
            "email": format!("hello@{}", company.domain),
            "industry": company.industry,
            "size": company.size,
            "city": company.city,
            "country": company.country,
            "source": company.source,
            "labels": company.labels,
            "notes": company.notes,
        });
        let organization = self.does(company.owner, "crm.organization.create", organization).await?;
        let mut people = Vec::new();
        for contact in company.people {
            let person = json!({
                "name": contact.name,
                "organizationId": organization,
                "email": format!("{}@{}", contact.mailbox, company.domain),
                "title": contact.title,
                "phone": contact.phone,
                "source": company.source,
            });
            people.push(self.does(company.owner, "crm.person.create", person).await?);
        }
        for deal in company.deals {
            self.work_on(deal, &organization, &people[deal.contact]).await?;
        }
        Ok(())
    }

    /// A deal is opened, things happen, things are planned, and perhaps it is decided.
    async fn work_on(&self, deal: &Opportunity, organization: &str, person: &str) -> Result<()> {
        let input = json!({
            "title": deal.title,
            "organizationId": organization,
            "primaryPersonId": person,
            "value": deal.worth.0,
            "currency": deal.worth.1,
            "stage": deal.stage,
            "nextStep": deal.next_step,
            "expectedCloseAt": self.today.plus_days(deal.closes_in_days),
            "labels": deal.labels,
        });
        let id = self.does(deal.owner, "crm.deal.create", input).await?;
        let about = json!({ "organizationId": organization, "personId": person, "dealId": id });
        for happened in deal.happened {
            self.does(happened.who, "crm.activity.add", with(&about, self.activity(happened))).await?;
        }
        for to_do in deal.to_do {
            let planned = self.does(to_do.who, "crm.follow_up.add", with(&about, self.follow_up(to_do))).await?;
            if to_do.done {
                let done = json!({ "followUpId": planned, "status": "DONE" });
                self.does(to_do.who, "crm.follow_up.update", done).await?;
            }
        }
        let (status, reason) = match deal.outcome {
            Outcome::Open => return Ok(()),
            Outcome::Won => ("WON", ""),
            Outcome::Lost(reason) => ("LOST", reason),
        };
        let decided = json!({ "dealId": id, "status": status, "lostReason": reason });
        self.does(deal.owner, "crm.deal.update", decided).await.map(drop)
    }

    fn activity(&self, happened: &Happened) -> Value {
        let day = self.today.plus_days(-happened.days_ago);
        json!({ "type": happened.kind, "body": happened.text, "occurredAt": format!("{day}T{}:00Z", happened.at) })
    }

    fn follow_up(&self, to_do: &ToDo) -> Value {
        json!({ "title": to_do.title, "dueAt": to_do.due_in_days.map(|days| self.today.plus_days(days)) })
    }
}

/// Both objects as one.
pub(super) fn with(about: &Value, mut input: Value) -> Value {
    if let (Value::Object(input), Value::Object(about)) = (&mut input, about) {
        input.extend(about.clone());
    }
    input
}
