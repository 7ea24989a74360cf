//! Settings → Notifications: what one is told of, and where.

use askama::Template;

use crate::features::notifications::{Choice, GetPreferences, NotificationType, Preference, UpdatePreferences};

use super::form::Form;
use super::page::{Answer, Page};

const LIST: &str = "/settings/notifications";

#[derive(Template)]
#[template(path = "settings/notifications.html")]
struct PreferencesPage<'a> {
    page: &'a Page,
    preferences: Vec<Preference>,
    /// Without mail there is nothing to choose about it.
    sends_mail: bool,
}

/// What a kind is called, and when it comes.
pub fn kind_name(kind: &NotificationType) -> (&'static str, &'static str) {
    match kind {
        NotificationType::TaskAssigned => ("A task is mine", "Somebody else made you its owner."),
        NotificationType::CommentMentioned => ("A comment mentions me", "Somebody wrote your name with an @."),
        NotificationType::FollowUpDue => ("A follow-up is due", "One that you own has reached its date."),
    }
}

pub async fn show(page: Page) -> Answer {
    let preferences = page.run(GetPreferences {}).await?.items;
    let sends_mail = page.app().config().smtp_url.is_some();
    page.ok(&PreferencesPage { page: &page, preferences, sends_mail })
}

/// A box that is not ticked is not sent: of all that the page showed, what is not named is off.
pub async fn save(page: Page, form: Form) -> Answer {
    let sends_mail = page.app().config().smtp_url.is_some();
    let choice = |kind: &NotificationType| Choice {
        kind: *kind,
        in_app: Some(form.has("inApp", kind.word())),
        email: sends_mail.then(|| form.has("email", kind.word())),
    };
    page.run(UpdatePreferences { items: NotificationType::ALL.iter().map(choice).collect() }).await?;
    page.go(LIST, "Notifications saved")
}
