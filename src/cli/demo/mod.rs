//! `sally serve --demo`: a sample workspace to try everything with, written by its people through the operations.

mod clients;
mod data;
mod prospects;

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{console, serve};
use crate::core::app::{App, Call};
use crate::core::caller::{AccessKey, Credential, Role};
use crate::core::error::{Error, Result};
use crate::core::id::Id;
use crate::core::reference::Ref;
use crate::core::secret::{self, TokenHash};
use crate::core::text::{Email, Line};
use crate::core::time::{Day, Moment};
use crate::features::accounts::{AddUser, ListAccounts, OfferPassword};
use crate::features::keys::{CreateKeyFor, KeyKind, RevokeAnyKey};
use crate::features::setup::Init;
use crate::mcp::clients as mcp_clients;

use data::{Company, Happened, Opportunity, Outcome, ToDo, Who};

const WORKSPACE: &str = "Studio Nord";
const SLUG: &str = "studio-nord";

const OWNER: (&str, &str) = ("Lena Brandt", "lena@studio-nord.example");
const COLLEAGUES: [(&str, &str, Role); 3] = [
    ("Jonas Ekdahl", "jonas@studio-nord.example", Role::Member),
    ("Amara Okafor", "amara@studio-nord.example", Role::Member),
    ("Piet Hartog", "piet@studio-nord.example", Role::Viewer),
];

impl Who {
    const ALL: [Who; 3] = [Who::Lena, Who::Jonas, Who::Amara];

    fn email(self) -> &'static str {
        match self {
            Who::Lena => OWNER.1,
            Who::Jonas => COLLEAGUES[0].1,
            Who::Amara => COLLEAGUES[1].1,
        }
    }
}

/// Fills an empty file, and says how to get in. A file that holds the sample already is served as it is, with a new way in.
pub(super) async fn tell(app: &Arc<App>) -> Result<String> {
    let base_url = app.config().base_url();
    let password = if !app.is_set_up() {
        format!("{} (the same for all four)", fill(app).await?)
    } else if is_here(app).await? {
        let offer = app.run(console(), OfferPassword { account: line(OWNER.1) }).await?;
        format!("as it was shown the first time; or set a new one at\n           {}", offer.set_password_url)
    } else {
        return Err(Error::conflict(format!(
            "{} holds accounts already, and --demo fills only an empty file; name another one with --db",
            app.config().db.display()
        )));
    };
    let key = key(app, OWNER.1, KeyKind::Mcp, "Demo").await?.0;
    let clients = mcp_clients::hosted(&base_url, &key);
    let text = |client: &str| clients.iter().find(|known| known.client == client).map_or("", |known| &known.text);
    let [(_, jonas, _), (_, amara, _), (_, piet, _)] = COLLEAGUES;
    Ok(format!(
        "{place}
It holds the sample workspace of {WORKSPACE}, an agency that does not exist.

Sign in    {base_url}/login
E-mail     {owner} (owner), {jonas}, {amara} (members) or {piet} (may only look)
Password   {password}
MCP key    {key}

Claude Code:

{claude}

Cursor and others that read mcpServers:

{cursor}

More clients: sally mcp config claude-desktop|vscode|codex --key …
To stop, press Ctrl+C. To start over, delete {db}.",
        place = serve::place(app),
        owner = OWNER.1,
        claude = text("claude"),
        cursor = text("cursor"),
        db = app.config().db.display(),
    ))
}

/// Does the file hold the sample?
pub(super) async fn is_here(app: &Arc<App>) -> Result<bool> {
    let search = ListAccounts { search: Some(line(OWNER.1)), archived: Some(true) };
    Ok(!app.run(console(), search).await?.items.is_empty())
}

/// Writes the sample; the answer is the password that was made up.
async fn fill(app: &Arc<App>) -> Result<String> {
    let password = secret::made_up_password();
    let init = Init::new(line(OWNER.0), email(OWNER.1), password.clone(), line(WORKSPACE));
    app.run(console(), init).await?;
    for (name, address, role) in COLLEAGUES {
        let user = AddUser::new(email(address), line(name), Ref::new(SLUG), role, Some(password.clone()));
        app.run(console(), user).await?;
    }
    let team = Team::enter(app).await?;
    for company in clients::CLIENTS.iter().chain(prospects::PROSPECTS) {
        team.meet(company).await?;
    }
    team.leave().await?;
    Ok(password)
}

/// The people of the agency, each with a key for as long as the sample is written.
struct Team {
    app: Arc<App>,
    today: Day,
    keys: Vec<(Who, Call, Id<AccessKey>)>,
}

impl Team {
    async fn enter(app: &Arc<App>) -> Result<Team> {
        let mut keys = Vec::new();
        for who in Who::ALL {
            let (token, id) = key(app, who.email(), KeyKind::Api, "Writing the sample").await?;
            keys.push((who, Call::with(Credential::Token(TokenHash::of(&token))), id));
        }
        Ok(Team { app: app.clone(), today: Moment::now().day(&TimeZone::UTC), keys })
    }

    /// Revoked, and then taken off the list.
    async fn leave(self) -> Result<()> {
        for (_, _, key) in self.keys {
            for _ in 0..2 {
                self.app.run(console(), RevokeAnyKey { key_id: line(&key.to_string()) }).await?;
            }
        }
        Ok(())
    }

    /// Runs an operation as REST would; the answer is the record's id.
    async fn does(&self, who: Who, operation: &str, input: Value) -> Result<String> {
        let listed = self.app.operation(operation).ok_or_else(|| Error::internal(format!("no {operation}")))?;
        let (_, call, _) = self.keys.iter().find(|(known, ..)| *known == who).expect("all of them have entered");
        let Value::Object(mut input) = input else { return Err(Error::internal("the input is an object")) };
        input.retain(|_, value| !value.is_null() && value != "");
        let reply = self.app.answer(listed, call.clone(), input).await?;
        let record: Map<String, Value> = serde_json::from_slice(&reply.body).map_err(Error::internal)?;
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
fn with(about: &Value, mut input: Value) -> Value {
    if let (Value::Object(input), Value::Object(about)) = (&mut input, about) {
        input.extend(about.clone());
    }
    input
}

/// A new key: its token, and its id.
async fn key(app: &Arc<App>, account: &str, kind: KeyKind, label: &str) -> Result<(String, Id<AccessKey>)> {
    let made = app.run(console(), CreateKeyFor::whole(line(account), kind, line(label))).await?;
    Ok((made.token, made.key.id))
}

fn line<const MAX: usize>(text: &str) -> Line<MAX> {
    Line::parse(text).expect("the sample's texts are lines")
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("the sample's addresses are addresses")
}
