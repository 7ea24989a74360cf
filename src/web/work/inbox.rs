//! The inbox: what somebody was told, newest first, all that is about one thing together.

use actix_web::web;
use askama::Template;

use crate::core::input;
use crate::core::text::Line;
use crate::features::notifications::{
    ListNotifications, MarkNotifications, Notification, NotificationType, ReadAllNotifications, ReadNotification,
};
use crate::web::form::Form;
use crate::web::page::{Answer, Offer, Page, Query, Refused, by_script, own_path};
use crate::web::show::Pager;

#[derive(Template)]
#[template(path = "work/inbox.html")]
struct InboxPage<'a> {
    page: &'a Page,
    query: &'a Query,
    groups: Vec<Group>,
    unread: usize,
    pager: Pager,
}

/// What was told of one thing.
struct Group {
    image: &'static str,
    key: Option<String>,
    name: String,
    /// Empty where the thing is gone.
    link: String,
    /// Of those that are not read, one after the other.
    unread: String,
    items: Vec<Item>,
}

struct Item {
    /// `Assigned to you`
    what: String,
    body: String,
    by: String,
    agent: Option<String>,
    iso: String,
    when: String,
}

impl Item {
    fn new(page: &Page, told: &Notification, what: &str) -> Self {
        Item {
            what: what.to_owned(),
            body: told.body.clone().unwrap_or_default(),
            by: told.actor.as_ref().map(|actor| actor.name.clone()).unwrap_or_default(),
            agent: told.agent.as_ref().map(|agent| agent.name.clone()),
            iso: told.created_at.to_string(),
            when: page.ago(&told.created_at),
        }
    }
}

/// In the order of the newest of each.
fn grouped(page: &Page, told: &[Notification]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for one in told {
        // `Assigned to you: WEB-12 Draw the start page`
        let (what, name) = one.title.split_once(": ").unwrap_or(("", &one.title));
        let key = one.task_key.as_ref().filter(|key| name.starts_with(key.as_str()));
        let name = key.map_or(name, |key| name[key.len()..].trim_start());
        let link = one.link.clone().unwrap_or_default();
        let record = link.split('#').next().unwrap_or_default();
        let is_about = |group: &Group| match &one.task_key {
            Some(_) => group.link.split('#').next() == Some(record),
            None => !link.is_empty() && group.link == link,
        };
        let at = groups.iter().position(is_about).unwrap_or_else(|| {
            groups.push(Group {
                image: match one.kind {
                    NotificationType::TaskAssigned => "task",
                    NotificationType::CommentMentioned => "comment",
                    NotificationType::FollowUpDue => "follow-up",
                },
                key: key.cloned(),
                name: name.to_owned(),
                link: link.clone(),
                unread: String::new(),
                items: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        if one.read_at.is_none() {
            if !group.unread.is_empty() {
                group.unread.push(',');
            }
            group.unread.push_str(&one.id.to_string());
        }
        group.items.push(Item::new(page, one, what));
    }
    groups
}

pub async fn list(page: Page) -> Answer {
    let query = page.query();
    let found = page.list::<ListNotifications>(query.input(&[("unread", "unread"), ("cursor", "cursor")]), 50).await?;
    page.ok(&InboxPage {
        page: &page,
        query: &query,
        groups: grouped(&page, &found.page.items),
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

/// What a form says of several: marked, and how to take it back.
async fn mark(page: &Page, form: &Form, read: bool) -> Result<usize, Refused> {
    let ids: Result<Vec<Line<40>>, _> =
        form.value("ids").split(',').filter(|id| !id.is_empty()).map(|id| page.id(id)).collect();
    Ok(page.run(MarkNotifications { ids: ids?, read }).await?.marked)
}

pub async fn done(page: Page, form: Form) -> Answer {
    let marked = mark(&page, &form, true).await?;
    if by_script(page.request()) {
        return page.back("/inbox", "");
    }
    let said = if marked == 1 { "Done".to_owned() } else { format!("{marked} done") };
    page.back_with("/inbox", &said, Offer::undo("/inbox/unread", &[("ids", form.value("ids"))]))
}

pub async fn unread(page: Page, form: Form) -> Answer {
    mark(&page, &form, false).await?;
    page.back("/inbox", "Not read after all")
}

/// As many as a cookie can name.
const UNDONE: usize = 100;

pub async fn read_all(page: Page) -> Answer {
    let input = input::of([("unread", true.into())]);
    let unread = page.list::<ListNotifications>(input, UNDONE).await?.page;
    page.run(ReadAllNotifications {}).await?;
    let ids: Vec<String> = unread.items.iter().map(|one| one.id.to_string()).collect();
    match unread.next_cursor {
        None => page.back_with("/inbox", "All read", Offer::undo("/inbox/unread", &[("ids", &ids.join(","))])),
        Some(_) => page.back("/inbox", "All read"),
    }
}
