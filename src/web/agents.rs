//! Agents: who writes for whom, and the switch that stops one at once.

use actix_web::web;
use askama::Template;

use crate::core::patch::Patch;
use crate::core::reference::Ref;
use crate::features::agents::{AgentView, CreateAgent, GetAgent, ListAgents, UpdateAgent};

use super::form::Form;
use super::markdown::{self, Rendered};
use super::page::{Answer, Page, Query};
use super::show::{Choice, Pager};

#[derive(Template)]
#[template(path = "settings/agents.html")]
struct ListPage<'a> {
    page: &'a Page,
    agents: &'a [AgentView],
    pager: Pager,
    form: &'a Form,
}

async fn show_list(page: &Page, form: &Form) -> Answer {
    let query = page.query();
    let found = page.list::<ListAgents>(query.input(&[("cursor", "cursor")]), 50).await?;
    let template = ListPage {
        page,
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "agent", "agents"),
        agents: &found.items,
        form,
    };
    page.show(form.status(), &template)
}

pub async fn list(page: Page) -> Answer {
    show_list(&page, &Form::default()).await
}

pub async fn create(page: Page, mut form: Form) -> Answer {
    match form.make::<CreateAgent>(&page).await? {
        Some(made) => page.go("/settings/agents", &format!("{} is added", made.text("name"))),
        None => show_list(&page, &form).await,
    }
}

#[derive(Template)]
#[template(path = "settings/agent.html")]
struct AgentPage<'a> {
    page: &'a Page,
    agent: &'a AgentView,
    description: Option<Rendered>,
    used: String,
    form: &'a Form,
    states: Vec<Choice>,
}

fn show_agent(page: &Page, agent: &AgentView, form: &Form) -> Answer {
    let template = AgentPage {
        page,
        description: agent.description.as_deref().map(markdown::render),
        used: agent.last_used_at.map_or_else(|| "Not yet".to_owned(), |at| page.ago(&at)),
        agent,
        form,
        states: states(),
    };
    page.show(form.status(), &template)
}

fn reference(id: &str) -> GetAgent {
    GetAgent { agent_id: Ref::new(id) }
}

pub async fn show(page: Page, id: web::Path<String>) -> Answer {
    if let Some(id) = id.strip_suffix(".json") {
        return page.json("agent.get", "agentId", id).await;
    }
    let agent = page.run(reference(&id)).await?;
    show_agent(&page, &agent, &filled(&agent))
}

fn filled(agent: &AgentView) -> Form {
    Form::filled([
        ("ifVersion", agent.version.to_string()),
        ("name", agent.name.clone()),
        ("role", agent.role.clone().unwrap_or_default()),
        ("description", agent.description.clone().unwrap_or_default()),
        ("enabled", agent.enabled.to_string()),
    ])
}

fn states() -> Vec<Choice> {
    vec![Choice::new("true", "Enabled"), Choice::new("false", "Disabled")]
}

pub async fn edit(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let agent = page.run(reference(&id)).await?;
    form.set("agentId", agent.id.to_string());
    form.demand("name");
    match form.run::<UpdateAgent>(&page).await? {
        Some(saved) => page.go("/settings/agents", &format!("{} is saved", saved.name)),
        None => {
            form.meet(&filled(&agent), &[("enabled", &states())]);
            show_agent(&page, &agent, &form)
        }
    }
}

/// The switch of the list: `enabled=false` refuses the agent's keys from now on.
pub async fn switch(page: Page, id: web::Path<String>, form: Form) -> Answer {
    let enabled = form.value("enabled") != "false";
    let agent_id = Ref::new(id.as_str());
    let agent = page.run(UpdateAgent { agent_id, enabled: Patch::Set(enabled), ..UpdateAgent::default() }).await?;
    let said = if enabled { "works again" } else { "is stopped. Its keys are refused at once" };
    page.go("/settings/agents", &format!("{} {said}.", agent.name))
}

impl Page {
    /// The agents that a key can be made for; none for who may not see them.
    pub async fn agents(&self) -> Vec<Choice> {
        let input = Query::parse("enabled=true").input(&[("enabled", "enabled")]);
        let found = self.list::<ListAgents>(input, 200).await.map_or_else(|_| Vec::new(), |found| found.items);
        found.into_iter().map(|agent| Choice::new(agent.id, agent.name)).collect()
    }
}
