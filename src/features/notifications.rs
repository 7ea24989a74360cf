//! Notifications: what somebody should know of, told once. Reading one keeps it.

use std::sync::LazyLock;

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::caller::{Account, Agent, Workspace};
use crate::core::error::{Error, Result};
use crate::core::id::{self, Id, Record};
use crate::core::operation::{Answer, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::place::ProjectRecord;
use crate::core::reference::Named;
use crate::core::store::{Change, all, insert, one, optional, run};
use crate::core::text::Line;
use crate::core::time::Moment;
use crate::features::comments::CommentRecord;
use crate::features::crm::follow_ups::FollowUpRecord;
use crate::features::mail::{self, MailKind};
use crate::features::projects::members;
use crate::features::tasks::TaskRecord;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<ListNotifications>(),
    Entry::of::<ReadNotification>(),
    Entry::of::<ReadAllNotifications>(),
    Entry::of::<MarkNotifications>(),
    Entry::of::<GetPreferences>(),
    Entry::of::<UpdatePreferences>(),
    Entry::of::<TellDue>(),
];

#[derive(Debug, Clone, Copy)]
pub struct NotificationRecord;
impl Record for NotificationRecord {
    const PREFIX: &'static str = "note";
    const NOUN: &'static str = "notification";
}

struct PreferenceRecord;

choices! {
    /// What a notification is about.
    pub enum NotificationType {
        TaskAssigned = "task.assigned" | "TASK.ASSIGNED" | "TASK_ASSIGNED",
        CommentMentioned = "comment.mentioned" | "COMMENT.MENTIONED" | "COMMENT_MENTIONED",
        FollowUpDue = "followup.due" | "FOLLOWUP.DUE" | "FOLLOWUP_DUE",
    }
}

/// Something to know of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    pub id: Id<NotificationRecord>,
    #[serde(rename = "type")]
    pub kind: NotificationType,
    pub title: String,
    pub body: Option<String>,
    /// The page that it is about.
    pub link: Option<String>,
    pub read_at: Option<Moment>,
    pub workspace_id: Id<Workspace>,
    /// Whose act it is; null: the clock's.
    pub actor_id: Option<Id<Account>>,
    pub actor: Option<Named<Account>>,
    /// The agent that acted on behalf of the actor.
    pub agent_id: Option<Id<Agent>>,
    pub agent: Option<Named<Agent>>,
    pub task_id: Option<Id<TaskRecord>>,
    /// `WEB-12`
    pub task_key: Option<String>,
    pub comment_id: Option<Id<CommentRecord>>,
    pub follow_up_id: Option<Id<FollowUpRecord>>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

impl Answer for Notification {
    fn version(&self) -> Option<i64> {
        Some(self.version)
    }
}

const COLUMNS: &str = "
    n.id, n.type, n.title, n.body, n.read_at, n.workspace_id, a.id, a.name, g.id, g.name, n.task_id,
    p.key || '-' || t.number, n.comment_id, n.follow_up_id, n.created_at, n.updated_at, n.version";

/// With `w` and `m` as [`members::IS_MEMBER`] has them.
const FROM: &str = "
    notification n
    cross join workspace_membership w on w.workspace_id = n.workspace_id and w.account_id = n.account_id
    left join task t on t.id = n.task_id
    left join project p on p.id = t.project_id
    left join project_membership m on m.project_id = p.id and m.account_id = n.account_id
    left join account a on a.id = n.actor_id
    left join agent g on g.id = n.agent_id";

impl Notification {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Notification> {
        let mut notification = Notification {
            id: row.take()?,
            kind: row.take()?,
            title: row.take()?,
            body: row.take()?,
            link: None,
            read_at: row.take()?,
            workspace_id: row.take()?,
            actor_id: None,
            actor: Named::read(row)?,
            agent_id: None,
            agent: Named::read(row)?,
            task_id: row.take()?,
            task_key: row.take()?,
            comment_id: row.take()?,
            follow_up_id: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        notification.actor_id = notification.actor.as_ref().map(|named| named.id);
        notification.agent_id = notification.agent.as_ref().map(|named| named.id);
        notification.link = match (&notification.task_key, notification.comment_id, notification.follow_up_id) {
            (Some(key), Some(comment), _) => Some(format!("/tasks/{key}#{comment}")),
            (Some(key), None, _) => Some(format!("/tasks/{key}")),
            (None, _, Some(follow_up)) => Some(format!("/crm/follow-ups#{follow_up}")),
            (None, _, None) => None,
        };
        Ok(notification)
    }
}

/// The caller's own, as long as they are a member of the workspace and see the project; through a narrowed key only
/// what it reaches.
fn own(tx: &Tx, columns: &'static str) -> Result<Select> {
    static IS_SEEN: LazyLock<String> = LazyLock::new(|| format!("(n.task_id is null or {})", members::IS_MEMBER));
    let identity = &tx.caller().identity;
    let projects = identity.key().and_then(|key| key.projects.as_ref());
    let projects = projects.map(|projects| id::array(projects.iter().copied()));
    Ok(Select::new(columns, FROM, "n.id")
        .filter("n.account_id = ?", tx.signed_in()?.id)
        .filter_some("+n.workspace_id = ?", identity.pinned_to())
        .filter_some("p.id in (select value from json_each(?))", projects)
        .condition(IS_SEEN.as_str()))
}

const SORTS: &[Sort] = &[Sort::down("createdAt", "n.id")];

/// List your notifications from all your workspaces, newest first.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListNotifications {
    /// Only those not read.
    pub unread: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    #[serde(flatten)]
    pub page: Page<Notification>,
    /// 100 stands for a hundred and more.
    pub unread_count: usize,
}
impl Answer for Notifications {}

impl Operation for ListNotifications {
    type Output = Notifications;
    const SPEC: Spec = Spec {
        name: "notification.list",
        title: "List notifications",
        route: Route::get("/notifications"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More {
            synonyms: &[("unreadOnly", "unread")],
            sorts: SORTS,
            brief: &["id", "type", "title", "body", "link", "readAt", "actor", "agent", "createdAt"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Notifications> {
        let unread = own(cx, "1")?.condition("n.read_at is null").all(cx, "limit 100", |row| row.take::<i64>())?;
        let mut select = own(cx, COLUMNS)?;
        if self.unread == Some(true) {
            select = select.condition("n.read_at is null");
        }
        Ok(Notifications { page: select.page(cx, &Self::SPEC, Notification::read)?, unread_count: unread.len() })
    }
}

/// Mark one of your notifications as read.
/// All: `notification.read_all`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadNotification {
    /// The notification's id.
    pub notification_id: Line<40>,
}

impl Operation for ReadNotification {
    type Output = Notification;
    const SPEC: Spec = Spec {
        name: "notification.read",
        title: "Mark a notification as read",
        route: Route::post("/notifications/{notificationId}/read"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Notification> {
        let text = self.notification_id.as_str();
        let absent = || Error::not_found("notification", text);
        let id = Id::<NotificationRecord>::parse(text).ok_or_else(absent)?;
        let find = || own(cx, COLUMNS)?.filter("n.id = ?", id).all(cx, "", Notification::read);
        let notification = find()?.pop().ok_or_else(absent)?;
        if notification.read_at.is_some() {
            return Ok(notification);
        }
        let mut row = Change::of("notification");
        row.set("read_at", cx.now())?;
        row.update(cx, id)?;
        find()?.pop().ok_or_else(absent)
    }
}

/// Mark all your notifications as read.
/// One: `notification.read`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadAllNotifications {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Marked {
    /// How many were not read yet.
    pub marked: usize,
}
impl Answer for Marked {}

impl Operation for ReadAllNotifications {
    type Output = Marked;
    const SPEC: Spec = Spec {
        name: "notification.read_all",
        title: "Mark all notifications as read",
        route: Route::post("/notifications/read-all"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Marked> {
        let unread = own(cx, "n.id")?.condition("n.read_at is null").all(cx, "", |row| row.take())?;
        mark(cx, unread, true)
    }
}

fn mark(tx: &Tx, notifications: Vec<Id<NotificationRecord>>, read: bool) -> Result<Marked> {
    const MARK: &str = "
        update notification set read_at = iif(?3, ?2, null), updated_at = ?2, version = version + 1
         where id in (select value from json_each(?1))";
    let marked = notifications.len();
    run(tx.conn(), MARK, (id::array(notifications), tx.now(), read))?;
    Ok(Marked { marked })
}

/// Mark some of your notifications as read, or as not read after all.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MarkNotifications {
    /// Their ids, at most 200.
    pub ids: Vec<Line<40>>,
    /// false: as not read.
    pub read: bool,
}

impl Operation for MarkNotifications {
    type Output = Marked;
    const SPEC: Spec = Spec {
        name: "notification.mark",
        title: "Mark notifications",
        route: None,
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Marked> {
        const MOST: usize = 200;
        if self.ids.len() > MOST {
            return Err(Error::field("ids", format!("are {}; at most {MOST} are possible", self.ids.len())));
        }
        let wanted = self.ids.iter().filter_map(|text| Id::<NotificationRecord>::parse(text.as_str()));
        let change = if self.read { "n.read_at is null" } else { "n.read_at is not null" };
        let ids = own(cx, "n.id")?
            .filter("n.id in (select value from json_each(?))", id::array(wanted))
            .condition(change)
            .all(cx, "", |row| row.take())?;
        mark(cx, ids, self.read)
    }
}

/// What somebody wants to be told of, and how.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preference {
    #[serde(rename = "type")]
    pub kind: NotificationType,
    pub in_app: bool,
    pub email: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preferences {
    pub items: Vec<Preference>,
}
impl Answer for Preferences {}

impl Preferences {
    /// Without a choice both are on.
    fn of(tx: &Tx, account: Id<Account>) -> Result<Preferences> {
        const CHOSEN: &str = "select type, in_app, email from notification_preference where account_id = ?1";
        let chosen = all(tx.conn(), CHOSEN, [account], |row| {
            Ok(Preference { kind: row.take()?, in_app: row.take()?, email: row.take()? })
        })?;
        let of = |kind: &NotificationType| {
            let known = chosen.iter().find(|preference| preference.kind == *kind).cloned();
            known.unwrap_or(Preference { kind: *kind, in_app: true, email: true })
        };
        Ok(Preferences { items: NotificationType::ALL.iter().map(of).collect() })
    }
}

/// See which notifications you get in the app and by e-mail.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetPreferences {}

impl Operation for GetPreferences {
    type Output = Preferences;
    const SPEC: Spec = Spec {
        name: "notification.preferences.get",
        title: "See notification preferences",
        route: Route::get("/notifications/preferences"),
        needs: Needs::Account,
        effect: Effect::Read,
        toolset: Toolset::Account,
        more: More::NONE,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Preferences> {
        Preferences::of(cx, cx.signed_in()?.id)
    }
}

/// A choice for one type; what is left out stays as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choice {
    #[serde(rename = "type", alias = "eventType")]
    pub kind: NotificationType,
    #[serde(alias = "inAppEnabled")]
    pub in_app: Option<bool>,
    #[serde(alias = "emailEnabled")]
    pub email: Option<bool>,
}

/// Choose which notifications you get.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdatePreferences {
    /// e.g. `[{"type":"task.assigned","inApp":true,"email":false}]`.
    pub items: Vec<Choice>,
}

impl Operation for UpdatePreferences {
    type Output = Preferences;
    const SPEC: Spec = Spec {
        name: "notification.preferences.update",
        title: "Choose notification preferences",
        route: Route::put("/notifications/preferences"),
        needs: Needs::Account,
        effect: Effect::Write,
        toolset: Toolset::Account,
        more: More { synonyms: &[("preferences", "items")], ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Preferences> {
        const FIND: &str = "select id from notification_preference where account_id = ?1 and type = ?2";
        let account = cx.signed_in()?.id;
        if self.items.len() > NotificationType::ALL.len() {
            return Err(Error::field("items", "takes each type once"));
        }
        for Choice { kind, in_app, email } in self.items {
            let mut row = Change::of("notification_preference");
            if let Some(in_app) = in_app {
                row.set("in_app", in_app)?;
            }
            if let Some(email) = email {
                row.set("email", email)?;
            }
            match optional(cx.conn(), FIND, (account, kind), |row| row.take::<Id<PreferenceRecord>>())? {
                Some(id) => row.update(cx, id)?,
                None => {
                    row.set("account_id", account)?.set("type", kind)?;
                    insert::<PreferenceRecord>(cx, row)?;
                }
            }
        }
        Preferences::of(cx, account)
    }
}

/// Tells those who were given a task.
pub fn assigned(tx: &Tx, task: Id<TaskRecord>, accounts: &[Id<Account>]) -> Result<()> {
    let title = format!("Assigned to you: {}", name_of(tx, task)?);
    tell_of_task(tx, NotificationType::TaskAssigned, task, None, accounts, &title, None)
}

/// Tells those who were mentioned in a comment.
pub fn mentioned(
    tx: &Tx,
    task: Id<TaskRecord>,
    comment: Id<CommentRecord>,
    body: &str,
    accounts: &[Id<Account>],
) -> Result<()> {
    let title = format!("You were mentioned: {}", name_of(tx, task)?);
    let body: String = body.chars().take(500).collect();
    tell_of_task(tx, NotificationType::CommentMentioned, task, Some(comment), accounts, &title, Some(&body))
}

/// `WEB-12 Draw the start page`
fn name_of(tx: &Tx, task: Id<TaskRecord>) -> Result<String> {
    const NAME: &str = "
        select p.key || '-' || t.number || ' ' || t.title from task t join project p on p.id = t.project_id where t.id = ?1";
    one(tx.conn(), NAME, [task], |row| row.take())
}

/// Those of the accounts who see the task and want to know; never the one who did it.
fn tell_of_task(
    tx: &Tx,
    kind: NotificationType,
    task: Id<TaskRecord>,
    comment: Option<Id<CommentRecord>>,
    accounts: &[Id<Account>],
    title: &str,
    body: Option<&str>,
) -> Result<()> {
    static LISTENERS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "select a.id from {}
              where {} and a.id in (select value from json_each(?)) and a.id is not ? and a.archived_at is null",
            members::FROM,
            members::IS_MEMBER
        )
    });
    if accounts.is_empty() {
        return Ok(());
    }
    let project: Id<ProjectRecord> =
        one(tx.conn(), "select project_id from task where id = ?1", [task], |row| row.take())?;
    let parameters = (project, id::array(accounts.iter().copied()), tx.account_id());
    let listeners = all(tx.conn(), &LISTENERS, parameters, |row| row.take::<Id<Account>>())?;
    let link = match comment {
        Some(comment) => format!("/tasks/{task}#{comment}"),
        None => format!("/tasks/{task}"),
    };
    for account in listeners {
        let wishes = Wishes::of(tx, account, kind)?;
        wishes.mail(tx, title, body, &link)?;
        if !wishes.in_app {
            continue;
        }
        let mut row = Change::of("notification");
        row.set("account_id", account)?
            .set("workspace_id", tx.workspace_id())?
            .set("type", kind)?
            .set("title", title)?
            .set("body", body)?
            .set("actor_id", tx.account_id())?
            .set("agent_id", tx.agent_id())?
            .set("task_id", task)?
            .set("comment_id", comment)?;
        insert::<NotificationRecord>(tx, row)?;
    }
    Ok(())
}

/// How somebody wants to be told. Who only wants e-mails has no use for a row in the app.
struct Wishes {
    in_app: bool,
    /// The address, if they want mail.
    email: Option<String>,
}

impl Wishes {
    fn of(tx: &Tx, account: Id<Account>, kind: NotificationType) -> Result<Self> {
        const CHOSEN: &str = "
            select ifnull(p.in_app, true), iif(ifnull(p.email, true), a.email, null)
              from account a left join notification_preference p on p.account_id = a.id and p.type = ?2 where a.id = ?1";
        one(tx.conn(), CHOSEN, (account, kind), |row| Ok(Wishes { in_app: row.take()?, email: row.take()? }))
    }

    fn mail(&self, tx: &Tx, title: &str, body: Option<&str>, link: &str) -> Result<()> {
        let Some(email) = &self.email else { return Ok(()) };
        let text = format!("{}\n\n{}{link}", body.unwrap_or(title), tx.config().base_url());
        mail::queue(tx, MailKind::Notification, email, title, &text)?;
        Ok(())
    }
}

/// Follow-ups that came due within the last week, and whose owners were not told of that time yet. Workspace by workspace,
/// as the index has them.
const DUE: &str = "
    from workspace k
    cross join crm_follow_up f
      on f.workspace_id = k.id and f.status = 'OPEN' and ifnull(f.due_at, 253402300799999) between ?1 and ?2
   where f.owner_id is not null and f.due_told_at is not f.due_at";

const REMINDED_FOR_DAYS: i64 = 7;

/// Is anybody to be told of a follow-up? Looked at before a write is made for it.
pub fn is_any_due(conn: &Connection) -> Result<bool> {
    static ANY: LazyLock<String> = LazyLock::new(|| format!("select exists (select 1 {DUE})"));
    let now = Moment::now();
    one(conn, &ANY, (now.plus_days(-REMINDED_FOR_DAYS), now), |row| row.take())
}

/// Tell the owners of follow-ups that have come due: by the clock.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TellDue {}

impl Operation for TellDue {
    type Output = Marked;
    const SPEC: Spec = Spec {
        name: "notification.tell_due",
        title: "Tell of due follow-ups",
        route: None,
        needs: Needs::Superadmin,
        effect: Effect::Write,
        toolset: Toolset::Crm,
        more: More::NO_TOOL,
    };
    /// At most 500 at once; the clock comes by again.
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Marked> {
        static FIND: LazyLock<String> = LazyLock::new(|| {
            format!(
                "select f.id, f.workspace_id, f.owner_id, f.title,
                        exists (select 1 from workspace_membership w where w.workspace_id = f.workspace_id and w.account_id = f.owner_id)
                 {DUE} limit 500"
            )
        });
        const TOLD: &str = "update crm_follow_up set due_told_at = due_at where id = ?1";
        let due = all(cx.conn(), &FIND, (cx.now().plus_days(-REMINDED_FOR_DAYS), cx.now()), |row| {
            let (id, workspace, owner) = (row.take()?, row.take()?, row.take()?);
            Ok((id, workspace, owner, row.take::<String>()?, row.take::<bool>()?))
        })?;
        let mut marked = 0;
        for (id, workspace, owner, title, is_member) in due {
            let (id, workspace, owner): (Id<FollowUpRecord>, Id<Workspace>, Id<Account>) = (id, workspace, owner);
            run(cx.conn(), TOLD, [id])?;
            if !is_member {
                continue;
            }
            let title = format!("Follow-up due: {title}");
            let wishes = Wishes::of(cx, owner, NotificationType::FollowUpDue)?;
            wishes.mail(cx, &title, None, &format!("/crm/follow-ups#{id}"))?;
            if !wishes.in_app {
                continue;
            }
            let mut row = Change::of("notification");
            row.set("account_id", owner)?
                .set("workspace_id", workspace)?
                .set("type", NotificationType::FollowUpDue)?
                .set("title", title)?
                .set("follow_up_id", id)?;
            insert::<NotificationRecord>(cx, row)?;
            marked += 1;
        }
        Ok(Marked { marked })
    }
}
