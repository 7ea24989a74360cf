//! What happened in a project.

use actix_web::web;
use askama::Template;

use crate::features::activity::{Happening, ListProjectActivity};
use crate::web::page::{Answer, Page};
use crate::web::show::{ByDay, Pager};

use super::{Head, Sentence};

/// One thing that somebody did.
pub struct Entry {
    pub image: &'static str,
    pub text: Sentence,
    pub agent: bool,
    pub iso: String,
    pub clock: String,
}

impl Entry {
    fn new(page: &Page, what: &Happening) -> Self {
        Entry {
            image: match what.kind {
                "comment" => "comment",
                "todo" => "check",
                "label" => "tag",
                "status" | "project" => "project",
                "member" | "participant" => "people",
                "time" => "time",
                "dependency" => "link",
                _ => "task",
            },
            text: Sentence::new(&what.summary, what.key.as_deref()),
            agent: what.agent.is_some(),
            iso: what.at.to_string(),
            clock: what.at.clock(&page.zone),
        }
    }
}

/// By day, in the order given.
pub fn days(page: &Page, happenings: &[Happening]) -> Vec<ByDay<Entry>> {
    ByDay::of(page, happenings.iter().map(|what| (what.at, Entry::new(page, what))))
}

#[derive(Template)]
#[template(path = "work/activity.html")]
struct ActivityPage<'a> {
    page: &'a Page,
    head: Head,
    days: Vec<ByDay<Entry>>,
    pager: Pager,
}

pub async fn show(page: Page, key: web::Path<String>) -> Answer {
    let query = page.query();
    let project = page.project(&key).await?.project;
    let mut input = query.input(&[("cursor", "cursor")]);
    input.insert("projectId".into(), key.as_str().into());
    let found = page.list::<ListProjectActivity>(input, 50).await?;
    page.ok(&ActivityPage {
        page: &page,
        head: Head::new(&project, "activity"),
        days: days(&page, &found.items),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "change", "changes"),
    })
}
