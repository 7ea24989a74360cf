//! Mail: a queue that operations write to, and that is sent by the clock, outside of any transaction.

use rusqlite::{Connection, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::error::Result;
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::store::optional;
use crate::core::time::Moment;

pub const OPERATIONS: &[Entry] = &[Entry::of::<ListMail>(), Entry::of::<SettleMail>()];

#[derive(Debug, Clone, Copy)]
pub struct MailRecord;
impl Record for MailRecord {
    const PREFIX: &'static str = "mail";
    const NOUN: &'static str = "mail";
}

choices! {
    /// What a mail is about.
    pub enum MailKind {
        Invite = "INVITE",
        PasswordReset = "PASSWORD_RESET",
        PasswordChanged = "PASSWORD_CHANGED",
        EmailConfirmation = "EMAIL_CONFIRMATION",
        EmailChange = "EMAIL_CHANGE",
        Notification = "NOTIFICATION",
    }
}

choices! {
    /// What became of a mail.
    pub enum MailState { Queued = "QUEUED", Sent = "SENT", Failed = "FAILED" }
}

/// Waits between attempts: after the last one it is given up, when the links of resets are over too.
const RETRY_AFTER_SECONDS: [i64; 5] = [60, 5 * 60, 15 * 60, 30 * 60, 60 * 60];

/// Between what a mail says and who says it, as mail programs know it.
pub const FOOT: &str = "\n\n-- \n";

/// Puts a mail into the queue; false on a server that sends none.
pub fn queue(tx: &Tx, kind: MailKind, to: &str, subject: &str, text: &str) -> Result<bool> {
    const QUEUE: &str = "
        insert into mail (id, kind, recipient, subject, body, state, due_at, created_at)
        values (:id, :kind, :to, :subject, :body, 'QUEUED', :now, :now)";
    if tx.config().smtp_url.is_none() {
        return Ok(false);
    }
    let body = format!("{text}{FOOT}Sally, {}\n", tx.config().base_url());
    tx.conn().prepare_cached(QUEUE)?.execute(named_params! {
        ":id": Id::<MailRecord>::new(tx.now().ms()), ":kind": kind, ":to": to, ":subject": subject,
        ":body": body, ":now": tx.now(),
    })?;
    Ok(true)
}

/// A mail on its way.
pub struct Due {
    pub id: Id<MailRecord>,
    pub kind: MailKind,
    pub to: String,
    pub subject: String,
    pub body: String,
}

/// The mail that has waited longest; news wait until links are gone, which are good for a few hours only.
pub fn next_due(conn: &Connection) -> Result<Option<Due>> {
    const NEXT: &str = "
        select id, kind, recipient, subject, body from mail
         where state = 'QUEUED' and (due_at <= ?1 or due_at > ?2) order by kind = 'NOTIFICATION', due_at limit 1";
    let now = Moment::now();
    // No attempt waits for as long as a day: what is due then was put off by a clock that was ahead.
    optional(conn, NEXT, (now, now.plus_days(1)), |row| {
        Ok(Due {
            id: row.take()?,
            kind: row.take()?,
            to: row.take()?,
            subject: row.take()?,
            body: row.take::<Option<_>>()?.unwrap_or_default(),
        })
    })
}

/// Note what became of an attempt to send a mail: by the clock.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettleMail {
    #[serde(skip)]
    pub mail: Option<Id<MailRecord>>,
    /// Why it was not taken; without one it was.
    pub problem: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    pub state: MailState,
}
impl Answer for Settled {}

impl Operation for SettleMail {
    type Output = Settled;
    const SPEC: Spec = Spec {
        name: "mail.settle",
        title: "Note what became of a mail",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Settled> {
        const DONE: &str = "
            update mail set state = :state, body = null, problem = :problem, attempts = attempts + 1, done_at = :now
             where id = :id";
        const LATER: &str = "update mail set problem = :problem, attempts = attempts + 1, due_at = :due where id = :id";
        let attempts = optional(cx.conn(), "select attempts from mail where id = ?1", [self.mail], |row| row.take())?;
        let wait = RETRY_AFTER_SECONDS.get(attempts.unwrap_or(0_i64) as usize);
        let state = match (&self.problem, wait) {
            (None, _) => MailState::Sent,
            (Some(_), None) => MailState::Failed,
            (Some(problem), Some(seconds)) => {
                let due = cx.now().plus_seconds(*seconds);
                cx.conn()
                    .prepare_cached(LATER)?
                    .execute(named_params! { ":id": self.mail, ":problem": problem, ":due": due })?;
                return Ok(Settled { state: MailState::Queued });
            }
        };
        cx.conn().prepare_cached(DONE)?.execute(named_params! {
            ":id": self.mail, ":state": state, ":problem": self.problem, ":now": cx.now(),
        })?;
        Ok(Settled { state })
    }
}

/// A mail as administrators see it: without what it says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailView {
    pub id: Id<MailRecord>,
    pub kind: MailKind,
    pub to: String,
    pub state: MailState,
    pub attempts: i64,
    /// Why the last attempt failed.
    pub problem: Option<String>,
    /// When it is tried next.
    pub due_at: Moment,
    pub created_at: Moment,
}

impl MailView {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<MailView> {
        Ok(MailView {
            id: row.take()?,
            kind: row.take()?,
            to: row.take()?,
            state: row.take()?,
            attempts: row.take()?,
            problem: row.take()?,
            due_at: row.take()?,
            created_at: row.take()?,
        })
    }
}

/// List the mail that waits or was given up.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListMail {}

impl Operation for ListMail {
    type Output = Page<MailView>;
    const SPEC: Spec = Spec {
        name: "mail.list",
        title: "List mail that waits",
        route: None,
        needs: Needs::Platform,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More { sorts: &[Sort::down("createdAt", "l.id")], ..More::NO_TOOL },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<MailView>> {
        const COLUMNS: &str = "l.id, l.kind, l.recipient, l.state, l.attempts, l.problem, l.due_at, l.created_at";
        let mail = Select::new(COLUMNS, "mail l", "l.id").condition("l.state <> 'SENT'");
        mail.page(cx, &Self::SPEC, MailView::read)
    }
}
