//! Hands the mail that waits over to the server that delivers it.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message, SmtpTransport, Transport};

use crate::core::app::{App, Call};
use crate::core::caller::Credential;
use crate::core::config::Config;
use crate::core::error::{Error, Result, with_causes};
use crate::features::mail::{self, Due, MailKind, MailState, SettleMail};

/// So many go out before the clock does something else.
const AT_ONCE: usize = 100;

/// Where mail goes and whom it comes from.
#[derive(Clone)]
pub struct Sender {
    transport: SmtpTransport,
    from: Mailbox,
    /// What the ids of messages end with.
    domain: String,
    /// What links of ours begin with.
    base: String,
}

/// The same words for programs that show HTML: the link is a button there.
#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    subject: &'a str,
    before: &'a str,
    /// Empty: nothing to go to.
    link: &'a str,
    button: &'static str,
    after: &'a str,
    foot: &'a str,
}

impl<'a> Html<'a> {
    fn new(due: &'a Due, base: &str) -> Html<'a> {
        let (text, foot) = due.body.rsplit_once(mail::FOOT).unwrap_or((&due.body, ""));
        let is_ours = |line: &&str| line.strip_prefix(base).is_some_and(|path| path.starts_with('/'));
        // The last one: what people wrote, which may hold others, stands before it.
        let link = text.lines().rfind(is_ours).unwrap_or_default();
        let (before, after) = text.rsplit_once(link).filter(|_| !link.is_empty()).unwrap_or((text, ""));
        Html {
            subject: &due.subject,
            before: before.trim(),
            link,
            button: match due.kind {
                MailKind::Invite => "Join",
                MailKind::EmailConfirmation => "Confirm this address",
                MailKind::PasswordReset => "Set a new password",
                MailKind::PasswordChanged | MailKind::EmailChange | MailKind::Notification => "Open in Sally",
            },
            after: after.trim(),
            foot,
        }
    }
}

impl Sender {
    /// `None` for a server that sends no mail.
    pub fn new(config: &Config) -> Result<Option<Sender>> {
        let Some((url, from)) = config.smtp_url.as_ref().zip(config.mail_from.clone()) else { return Ok(None) };
        let transport = SmtpTransport::from_url(url.as_str()).map_err(Error::internal)?;
        let transport = transport.timeout(Some(Duration::from_secs(20))).build();
        let domain = from.email.domain().to_owned();
        Ok(Some(Sender { transport, from, domain, base: config.base_url() }))
    }

    fn send(&self, due: &Due) -> Result<(), String> {
        let to: Address = due.to.parse().map_err(|error| format!("the address is none: {error}"))?;
        let html = Html::new(due, &self.base).render().map_err(|error| error.to_string())?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&due.subject)
            .message_id(Some(format!("<{}@{}>", due.id, self.domain)))
            .multipart(MultiPart::alternative_plain_html(due.body.clone(), html))
            .map_err(|error| error.to_string())?;
        self.transport.send(&message).map(drop).map_err(|error| with_causes(&error))
    }
}

/// Sends what is due, one after the other: each attempt outside of any transaction, then what became of it in one.
pub async fn send(app: &Arc<App>, sender: &Sender) -> Result<()> {
    for _ in 0..AT_ONCE {
        if *app.news.is_over.borrow() {
            break;
        }
        let Some(due) = app.store().read(|reading| mail::next_due(reading.conn()))? else { break };
        let (id, sender) = (due.id, sender.clone());
        let sent = tokio::task::spawn_blocking(move || sender.send(&due)).await.map_err(Error::internal)?;
        let problem = sent.err();
        // Until it is written down, it would be sent again.
        let settled = loop {
            let settle = SettleMail { mail: Some(id), problem: problem.clone() };
            match app.run(Call::with(Credential::ConsoleOfThisMachine), settle).await {
                Ok(settled) => break settled,
                Err(error) => log::warn!("what became of {id} cannot be written down yet: {error}"),
            }
            tokio::time::sleep(Duration::from_secs(30)).await;
        };
        if let Some(problem) = problem {
            let next = if settled.state == MailState::Failed { "given up" } else { "it is tried again" };
            log::warn!("{id} was not sent, {next}: {problem}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::id::Id;

    #[test]
    fn the_button_is_our_own_link_and_words_are_words() {
        let due = |kind, body: &str| Due {
            id: Id::from_raw(1),
            kind,
            to: "mia@example.com".into(),
            subject: "<b>".into(),
            body: format!("{body}{}Sally, https://sally.example.com\n", mail::FOOT),
        };
        let invite =
            due(MailKind::Invite, "Ada invites you.\n\nJoin here:\nhttps://sally.example.com/x?token=y\n\nOr not.");
        let html = Html::new(&invite, "https://sally.example.com").render().unwrap();
        assert!(html.contains("<a href=\"https://sally.example.com/x?token=y\""), "{html}");
        assert!(html.contains("Join here:</p>") && html.contains(">Or not.</p>"), "{html}");
        assert!(!html.contains("<b>") && !html.contains("-- "), "{html}");

        let news = due(
            MailKind::Notification,
            "<script>\nhttps://sally.example.com/looks-like-it\nhttps://evil.example/\n\nhttps://sally.example.com/tasks/1",
        );
        let html = Html::new(&news, "https://sally.example.com").render().unwrap();
        assert_eq!(html.matches("href=").count(), 1, "{html}");
        assert!(html.contains("href=\"https://sally.example.com/tasks/1\"") && !html.contains("<script>"), "{html}");

        let told = due(MailKind::PasswordChanged, "It was changed.\nhttps://sally.example.com.evil.example/");
        assert!(!Html::new(&told, "https://sally.example.com").render().unwrap().contains("href="));
    }
}
