//! The inbox: what somebody was told, newest first.

use actix_web::web;
use askama::Template;

use crate::features::notifications::{
    ListNotifications, Notification, NotificationType, ReadAllNotifications, ReadNotification,
};
use crate::web::form::Form;
use crate::web::page::{Answer, Page, Query, own_path};
use crate::web::show::Pager;

use super::Sentence;

#[derive(Template)]
#[template(path = "work/inbox.html")]
struct InboxPage<'a> {
    page: &'a Page,
    query: &'a Query,
    items: Vec<Item>,
    unread: usize,
    pager: Pager,
}

struct Item {
    id: String,
    image: &'static str,
    title: Sentence,
    body: String,
    agent: Option<String>,
    link: String,
    iso: String,
    when: String,
    is_unread: bool,
}

impl Item {
    fn new(page: &Page, told: &Notification) -> Self {
        let link = told.link.clone().unwrap_or_default();
        Item {
            id: told.id.to_string(),
            image: match told.kind {
                NotificationType::TaskAssigned => "task",
                NotificationType::CommentMentioned => "comment",
                NotificationType::FollowUpDue => "follow-up",
            },
            title: Sentence::new(&told.title, told.task_key.as_deref()),
            body: told.body.clone().unwrap_or_default(),
            agent: told.agent.as_ref().map(|agent| agent.name.clone()),
            link,
            iso: told.created_at.to_string(),
            when: page.ago(&told.created_at),
            is_unread: told.read_at.is_none(),
        }
    }
}

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let found = page.list::<ListNotifications>(query.input(&[("unread", "unread"), ("cursor", "cursor")]), 50).await?;
    page.ok(&InboxPage {
        page: &page,
        query: &query,
        items: found.page.items.iter().map(|told| Item::new(&page, told)).collect(),
        unread: found.unread_count,
        pager: Pager::new(&query, found.page.items.len(), found.page.next_cursor.as_deref(), "message", "messages"),
    })
}

/// Marks it as read and leads to what it is about, if the form names that.
pub async fn read(page: Page, id: web::Path<String>, form: Form) -> Answer {
    page.run(ReadNotification { notification_id: page.id(&id)? }).await?;
    match own_path(form.value("to")) {
        Some(path) => page.go(path, ""),
        None => page.back("/inbox", ""),
    }
}

pub async fn read_all(page: Page) -> Answer {
    page.run(ReadAllNotifications {}).await?;
    page.go("/inbox", "All read")
}
