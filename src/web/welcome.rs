//! The first steps behind the set-up: sample data or none, an assistant, and what to do first. Each can be skipped.

use askama::Template;

use crate::features::crm::deals::ListDeals;
use crate::features::crm::organizations::ListOrganizations;
use crate::features::crm::people::ListPeople;
use crate::features::keys::{CreateMcpKey, NewKey};
use crate::features::projects::ListProjects;
use crate::http::auth::own_address;
use crate::mcp::clients::{self, ClientConfig};
use crate::sample;

use super::form::Form;
use super::keys::Connection;
use super::page::{Answer, Page, Query, Refused, see_other};

/// Where they begin.
pub const START: &str = "/welcome";
const ASSISTANT: &str = "/welcome/assistant";

#[derive(Template)]
#[template(path = "welcome/data.html")]
struct DataPage<'a> {
    page: &'a Page,
    /// Only what is empty is filled.
    is_empty: bool,
}

#[derive(Template)]
#[template(path = "welcome/assistant.html")]
struct AssistantPage<'a> {
    page: &'a Page,
    form: &'a Form,
    made: Option<Made>,
}

/// A key that was just made, with what to paste where.
struct Made {
    token: String,
    clients: Vec<ClientConfig>,
    connection: Connection,
}

#[derive(Template)]
#[template(path = "welcome/first.html")]
struct FirstPage<'a> {
    page: &'a Page,
    has_projects: bool,
}

async fn has_projects(page: &Page) -> Result<bool, Refused> {
    Ok(!page.list::<ListProjects>(Query::default().input(&[]), 1).await?.items.is_empty())
}

async fn is_empty(page: &Page) -> Result<bool, Refused> {
    if has_projects(page).await? {
        return Ok(false);
    }
    let all = || Query::default().input(&[]);
    Ok(!page.crm
        || page.list::<ListOrganizations>(all(), 1).await?.items.is_empty()
            && page.list::<ListPeople>(all(), 1).await?.items.is_empty()
            && page.list::<ListDeals>(all(), 1).await?.items.is_empty())
}

pub async fn show(page: Page) -> Answer {
    page.must_own()?;
    page.ok(&DataPage { page: &page, is_empty: is_empty(&page).await? })
}

pub async fn fill(page: Page) -> Answer {
    page.must_own()?;
    if page.crm && is_empty(&page).await? {
        let filled = sample::fill_for(page.app(), page.call(), &page.account.email).await;
        filled.map_err(|error| page.refuse(error))?;
    }
    Ok(see_other(ASSISTANT))
}

pub async fn assistant_page(page: Page) -> Answer {
    page.must_own()?;
    let form = Form::filled([("label", "My assistant".to_owned())]);
    page.ok(&AssistantPage { page: &page, form: &form, made: None })
}

/// A key for this workspace, with everything the person may do here: what they would choose themselves.
pub async fn connect(page: Page, mut form: Form) -> Answer {
    page.must_own()?;
    if let Some(place) = &page.workspace {
        form.set("workspaceId", place.slug.as_str());
    }
    let made = form.run::<CreateMcpKey>(&page).await?;
    let made = made.map(|NewKey { token, key }| Made {
        clients: clients::hosted(&own_address(page.request(), page.app()), &token),
        connection: Connection::new(&page, &key),
        token,
    });
    page.show(form.status(), &AssistantPage { page: &page, form: &form, made })
}

pub async fn first(page: Page) -> Answer {
    page.must_own()?;
    page.ok(&FirstPage { page: &page, has_projects: has_projects(&page).await? })
}
