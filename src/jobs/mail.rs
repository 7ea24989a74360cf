//! Hands the mail that waits over to the server that delivers it.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Address, Message, SmtpTransport, Transport};

use crate::core::app::{App, Call};
use crate::core::caller::Credential;
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::features::mail::{self, Due, MailState, SettleMail};

/// So many go out before the clock does something else.
const AT_ONCE: usize = 100;

/// Where mail goes and whom it comes from.
#[derive(Clone)]
pub struct Sender {
    transport: SmtpTransport,
    from: Mailbox,
    /// What the ids of messages end with.
    domain: String,
}

impl Sender {
    /// `None` for a server that sends no mail.
    pub fn new(config: &Config) -> Result<Option<Sender>> {
        let Some((url, from)) = config.smtp_url.as_ref().zip(config.mail_from.clone()) else { return Ok(None) };
        let transport = SmtpTransport::from_url(url.as_str()).map_err(Error::internal)?;
        let transport = transport.timeout(Some(Duration::from_secs(20))).build();
        let domain = from.email.domain().to_owned();
        Ok(Some(Sender { transport, from, domain }))
    }

    fn send(&self, due: &Due) -> Result<(), String> {
        let to: Address = due.to.parse().map_err(|error| format!("the address is none: {error}"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&due.subject)
            .message_id(Some(format!("<{}@{}>", due.id, self.domain)))
            .header(ContentType::TEXT_PLAIN)
            .body(due.body.clone())
            .map_err(|error| error.to_string())?;
        self.transport.send(&message).map(drop).map_err(|error| told(&error))
    }
}

/// An error with what caused it: by itself it only says that the connection failed.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

/// Sends what is due, one after the other: each attempt outside of any transaction, then what became of it in one.
pub async fn send(app: &Arc<App>, sender: &Sender) -> Result<()> {
    for _ in 0..AT_ONCE {
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
