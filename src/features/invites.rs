//! Invitations: a link with which somebody joins a workspace, once, within a week.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices;
use crate::core::audit::Audited;
use crate::core::caller::{Account, PlatformRole, Role, Workspace};
use crate::core::error::{Error, Kind, Result, quoted};
use crate::core::id::{Id, Record};
use crate::core::operation::{Answer, Before, Cx, Effect, Entry, More, Needs, Operation, Route, Spec, Toolset, Tx};
use crate::core::page::{Columns, Page, Select, Sort};
use crate::core::reference::Named;
use crate::core::secret::{self, TokenHash};
use crate::core::store::{Change, Reading, all, delete, insert, one, optional};
use crate::core::text::{Email, Line};
use crate::core::time::Moment;
use crate::features::accounts::{self, AccountView};
use crate::features::mail::{self, MailKind};
use crate::features::setup::hash_checked;
use crate::features::workspaces;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<CreateInvite>(),
    Entry::of::<ListInvites>(),
    Entry::of::<ResendInvite>(),
    Entry::of::<CancelInvite>(),
    Entry::of::<GetInvite>(),
    Entry::of::<AcceptInvite>(),
];

const DAYS: i64 = 7;

#[derive(Debug, Clone, Copy)]
pub struct InviteRecord;
impl Record for InviteRecord {
    const PREFIX: &'static str = "inv";
    const NOUN: &'static str = "invitation";
}

choices! {
    /// Whether the link of an invitation works: EXPIRED are those whose week is over, and those of people who may
    /// invite no longer.
    pub enum InviteState { Pending = "PENDING", Expired = "EXPIRED", Accepted = "ACCEPTED" }
}

/// An invitation, without its link.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    pub id: Id<InviteRecord>,
    pub workspace_id: Id<Workspace>,
    pub email: String,
    pub role: Role,
    pub state: InviteState,
    pub invited_by_id: Option<Id<Account>>,
    /// Null: the machine itself.
    pub invited_by: Option<Named<Account>>,
    pub expires_at: Moment,
    pub accepted_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

/// An invitation with its link, which is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewInvite {
    #[serde(flatten)]
    pub invite: Invite,
    /// For you to pass on; works once.
    pub invite_url: String,
    /// Is it on its way by e-mail too?
    pub emailed: bool,
}

impl Answer for NewInvite {
    const SECRET: bool = true;
    fn version(&self) -> Option<i64> {
        Some(self.invite.version)
    }
}

/// What somebody sent counts as long as they might send it: who lost the workspace must not come back by a link kept aside.
const COLUMNS: &str = "
    i.id, i.workspace_id, i.email, i.role,
    case when i.accepted_at is not null then 'ACCEPTED'
         when i.expires_at > clock.now and (i.invited_by_id is null or s.archived_at is null and
              (s.platform_role <> 'NONE' or exists (
                select 1 from workspace_membership m
                 where m.workspace_id = i.workspace_id and m.account_id = s.id and m.role = 'OWNER'))) then 'PENDING'
         else 'EXPIRED' end,
    s.id, s.name, i.expires_at, i.accepted_at, i.created_at, i.updated_at, i.version";
/// Its one parameter is the time.
const FROM: &str = "(select ? as now) clock cross join invite i left join account s on s.id = i.invited_by_id";

impl Invite {
    fn read(row: &mut Columns<'_>) -> rusqlite::Result<Invite> {
        let mut invite = Invite {
            id: row.take()?,
            workspace_id: row.take()?,
            email: row.take()?,
            role: row.take()?,
            state: row.take()?,
            invited_by_id: None,
            invited_by: Named::read(row)?,
            expires_at: row.take()?,
            accepted_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        };
        invite.invited_by_id = invite.invited_by.as_ref().map(|named| named.id);
        Ok(invite)
    }

    fn by_id(tx: &Tx, id: Id<InviteRecord>) -> Result<Invite> {
        one(tx.conn(), &format!("select {COLUMNS} from {FROM} where i.id = ?"), (tx.now(), id), Invite::read)
    }

    /// By id, or by the e-mail of an open one; 409 for one that is accepted.
    fn find_open(tx: &Tx, text: &str) -> Result<Invite> {
        let sql = format!(
            "select {COLUMNS} from {FROM} where i.workspace_id = ? and (i.id = ? or i.email = lower(?) and i.accepted_at is null)"
        );
        let text = text.trim();
        let parameters = (tx.now(), tx.workspace_id(), Id::<InviteRecord>::parse(text), text);
        let invite = optional(tx.conn(), &sql, parameters, Invite::read)?;
        match invite.ok_or_else(|| Error::not_found(InviteRecord::NOUN, text))? {
            accepted if accepted.accepted_at.is_some() => Err(Error::conflict(format!(
                "{} has accepted the invitation. What they may do is changed among the members.",
                accepted.email
            ))),
            open => Ok(open),
        }
    }
}

/// A new link: the one before stops working. The mail gets another token than the sender: whoever accepts with that one has
/// shown that the address is theirs, and whoever accepts with the sender's has not.
struct Link {
    token: String,
    mailed_token: Option<String>,
    expires_at: Moment,
}

impl Link {
    fn new(tx: &Tx) -> Self {
        Link {
            token: secret::session_token(),
            mailed_token: tx.config().smtp_url.as_ref().map(|_| secret::session_token()),
            expires_at: tx.now().plus_days(DAYS),
        }
    }

    /// In the name of the caller, who answers for it from now on.
    fn write(&self, tx: &Tx, row: &mut Change) -> Result<()> {
        row.set("invited_by_id", tx.account_id())?
            .set("token_hash", TokenHash::of(&self.token))?
            .set("mailed_token_hash", self.mailed_token.as_deref().map(TokenHash::of))?
            .set("expires_at", self.expires_at)?;
        Ok(())
    }

    fn of(self, tx: &Tx, invite: Id<InviteRecord>) -> Result<NewInvite> {
        let invite = Invite::by_id(tx, invite)?;
        let url = |token: &str| format!("{}/accept-invite?token={token}", tx.config().base_url());
        let name = &tx.workspace().name;
        let text = match &invite.invited_by {
            Some(named) => format!("{} invites you to {name} on Sally.", named.name),
            None => format!("You are invited to {name} on Sally."),
        };
        let emailed = match &self.mailed_token {
            None => false,
            Some(token) => {
                let text = format!("{text}\n\nJoin here within seven days:\n{}", url(token));
                mail::queue(tx, MailKind::Invite, &invite.email, &format!("Join {name} on Sally"), &text)?
            }
        };
        Ok(NewInvite { invite, invite_url: url(&self.token), emailed })
    }
}

/// Invite somebody by e-mail. Pass on the answer's `inviteUrl`: it works once, for seven days. Inviting again makes a new
/// link.
/// Who has an account already: `workspace.member.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateInvite {
    /// Whom to invite.
    pub email: Email,
    /// What they will be.
    pub role: Role,
}

impl Operation for CreateInvite {
    type Output = NewInvite;
    const SPEC: Spec = Spec {
        name: "workspace.invite",
        title: "Invite to a workspace",
        route: Route::post("/auth/invite"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Member), aliases: &["create_invite"], ..More::NONE },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        count_mail(before, |tx| may_invite(tx, self.email.as_str(), self.role))
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<NewInvite> {
        const OPEN: &str = "select id from invite where workspace_id = ?1 and email = ?2 and accepted_at is null";
        let email = self.email.as_str();
        may_invite(cx, email, self.role)?;
        let link = Link::new(cx);
        let mut row = Change::of("invite");
        row.set("role", self.role)?;
        link.write(cx, &mut row)?;
        let id = match optional(cx.conn(), OPEN, (cx.workspace_id(), email), |row| row.take())? {
            Some(open) => {
                row.update(cx, open)?;
                open
            }
            None => {
                row.set("workspace_id", cx.workspace_id())?.set("email", email)?;
                insert(cx, row)?
            }
        };
        link.of(cx, id)
    }
}

/// Whether the caller may invite somebody who has the e-mail, and there is anybody to invite.
fn may_invite(tx: &Tx, email: &str, role: Role) -> Result<()> {
    const KNOWN: &str = "
        select a.archived_at is not null, m.id is not null
          from account a left join workspace_membership m on m.account_id = a.id and m.workspace_id = ?2
         where a.email = ?1";
    tx.caller().identity.must_be_whole_for(role)?;
    match optional(tx.conn(), KNOWN, (email, tx.workspace_id()), |row| Ok((row.take()?, row.take()?)))? {
        Some((_, true)) => {
            let text = format!("{email} is a member of the workspace already; change the role instead.");
            Err(Error::conflict(text))
        }
        Some((true, _)) => Err(is_archived(email)),
        _ => Ok(()),
    }
}

/// What a server mails in its name to addresses that never asked for it has an end. What is refused, or only rehearsed, mails
/// nothing and uses nothing up.
fn count_mail(before: &Before<'_>, check: impl FnOnce(&Tx) -> Result<()>) -> Result<()> {
    let Before { app, call, caller } = before;
    if app.config().smtp_url.is_none() || call.rehearsal {
        return Ok(());
    }
    app.store().read(|reading| check(&Tx::new(reading.conn(), caller, app.config(), Moment::now(), call)))?;
    app.limits.invitation(caller)
}

/// Is there an invitation for the address that may be accepted? Then there may be an account for it.
pub(super) fn is_awaited(tx: &Tx, email: &Email) -> Result<bool> {
    let sql = format!(
        "select {COLUMNS} from {FROM} join workspace w on w.id = i.workspace_id
          where i.email = ?2 and i.accepted_at is null and w.archived_at is null and w.deleted_at is null"
    );
    let invites = all(tx.conn(), &sql, (tx.now(), email), Invite::read)?;
    Ok(invites.iter().any(|invite| invite.state == InviteState::Pending))
}

fn is_archived(email: &str) -> Error {
    Error::conflict(format!("The account {email} is archived. An administrator of this server can bring it back."))
}

/// List the invitations of a workspace that nobody has accepted yet.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListInvites {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// These too.
    pub accepted: Option<bool>,
}

impl Operation for ListInvites {
    type Output = Page<Invite>;
    const SPEC: Spec = Spec {
        name: "workspace.invite.list",
        title: "List invitations",
        route: Route::get("/workspaces/{workspaceId}/invites"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Read,
        toolset: Toolset::Workspace,
        more: More {
            aliases: &["list_invites"],
            sorts: &[Sort::down("createdAt", "i.id")],
            brief: &["id", "email", "role", "state", "expiresAt"],
            ..More::NONE
        },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<Page<Invite>> {
        let mut invites =
            Select::new(COLUMNS, FROM, "i.id").parameter(cx.now()).filter("i.workspace_id = ?", cx.workspace_id());
        if !self.accepted.unwrap_or(false) {
            invites = invites.condition("i.accepted_at is null");
        }
        invites.page(cx, &Self::SPEC, Invite::read)
    }
}

/// Make a new link for an invitation; the one before stops working.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResendInvite {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// Id or e-mail.
    pub invite_id: Line<320>,
}

impl Operation for ResendInvite {
    type Output = NewInvite;
    const SPEC: Spec = Spec {
        name: "workspace.invite.resend",
        title: "Send an invitation again",
        route: Route::post("/workspaces/{workspaceId}/invites/{inviteId}/resend"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Member), ..More::NONE },
    };
    const PREPARES: bool = true;
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        count_mail(before, |tx| {
            let invite = Invite::find_open(tx, self.invite_id.as_str())?;
            may_invite(tx, &invite.email, invite.role)
        })
    }
    fn execute(self, cx: &Cx<'_, Self>) -> Result<NewInvite> {
        let invite = Invite::find_open(cx, self.invite_id.as_str())?;
        // The same checks as for the first time: the account may have joined, or gone, in the meantime.
        let email = Email::parse(&invite.email).map_err(Error::internal)?;
        cx.run(CreateInvite { email, role: invite.role })
    }
}

/// Take an invitation back: its link stops working.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelInvite {
    /// Slug or id.
    pub workspace_id: Line<120>,
    /// Id or e-mail.
    pub invite_id: Line<320>,
}

impl Operation for CancelInvite {
    type Output = ();
    const SPEC: Spec = Spec {
        name: "workspace.invite.cancel",
        title: "Cancel an invitation",
        route: Route::delete("/workspaces/{workspaceId}/invites/{inviteId}"),
        needs: Needs::Workspace(Role::Owner),
        effect: Effect::Destructive,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Member), ..More::NONE },
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<()> {
        let invite = Invite::find_open(cx, self.invite_id.as_str())?;
        delete(cx, "invite", invite.id)
    }
}

/// An invitation as its link finds it, with what has to be known to accept it.
struct Invited {
    invite: Invite,
    workspace: String,
    slug: String,
    /// The account of that e-mail, where there is one.
    account: Option<Known>,
    /// It is the link that went to the address and nowhere else.
    by_mail: bool,
}

struct Known {
    id: Id<Account>,
    archived: bool,
    password_hash: Option<String>,
    platform_role: PlatformRole,
}

impl Invited {
    /// Whoever holds a link may be told why it works no more; of a link that is none, nothing.
    fn find(conn: &Connection, token: &str, now: Moment) -> Result<Invited> {
        let sql = format!(
            "select {COLUMNS}, w.name, w.slug, w.archived_at is not null, i.mailed_token_hash,
                    a.id, a.archived_at is not null, a.password_hash, ifnull(a.platform_role, 'NONE')
               from {FROM} join workspace w on w.id = i.workspace_id left join account a on a.email = i.email
              where (i.token_hash = ?2 or i.mailed_token_hash = ?2) and w.deleted_at is null"
        );
        let hash = TokenHash::of(token);
        let found = optional(conn, &sql, (now, hash), |row| {
            let invite = Invite::read(row)?;
            let (workspace, slug, archived) = (row.take()?, row.take()?, row.take::<bool>()?);
            let by_mail = row.take::<Option<TokenHash>>()? == Some(hash);
            let (id, is_archived) = (row.take::<Option<_>>()?, row.take()?);
            let (password_hash, platform_role) = (row.take()?, row.take()?);
            let account = id.map(|id| Known { id, archived: is_archived, password_hash, platform_role });
            Ok((Invited { invite, workspace, slug, account, by_mail }, archived))
        })?;
        let dead = |reason: &str| Error::field("token", format!("this invitation {reason}"));
        let (invited, archived) =
            found.ok_or_else(|| dead("was taken back or renewed, or its link is incomplete; ask for a new one"))?;
        match invited.invite.state {
            InviteState::Accepted => Err(dead("was accepted already; sign in instead")),
            InviteState::Expired => Err(dead("has expired; ask for a new one")),
            InviteState::Pending if archived => Err(dead("is for a workspace that is archived")),
            InviteState::Pending => Ok(invited),
        }
    }
}

/// See what an invitation is for.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetInvite {
    /// From the link.
    pub token: String,
}

/// What an invitation says to whoever holds its link.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteInfo {
    pub email: String,
    pub role: Role,
    /// The workspace's name.
    pub workspace: String,
    pub workspace_id: Id<Workspace>,
    pub workspace_slug: String,
    /// The name of who sent it; null: the machine itself.
    pub invited_by: Option<String>,
    pub expires_at: Moment,
    /// Does the e-mail have an account here? Then accepting takes its sign-in or its password, else a name and a new password.
    pub account_exists: bool,
}
impl Answer for InviteInfo {}

impl Operation for GetInvite {
    type Output = InviteInfo;
    const SPEC: Spec = Spec {
        name: "invite.info",
        title: "See an invitation",
        route: Route::get("/auth/invite-info"),
        needs: Needs::Public,
        effect: Effect::Read,
        toolset: Toolset::Workspace,
        more: More::NO_TOOL,
    };
    fn execute(self, cx: &Cx<'_, Self>) -> Result<InviteInfo> {
        let Invited { invite, workspace, slug, account, .. } = Invited::find(cx.conn(), &self.token, cx.now())?;
        Ok(InviteInfo {
            email: invite.email,
            role: invite.role,
            workspace,
            workspace_id: invite.workspace_id,
            workspace_slug: slug,
            invited_by: invite.invited_by.map(|named| named.name),
            expires_at: invite.expires_at,
            account_exists: account.is_some(),
        })
    }
}

/// Accept an invitation. Somebody new gives a name and a password; who has an account is signed in to it, or gives its
/// password. Then sign in. Where passwords are turned off, sign in by single sign-on first.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptInvite {
    /// From the link.
    pub token: String,
    /// Your name, if you are new here.
    pub name: Option<Line<120>>,
    /// Of the account. A new one: at least 12 characters with upper, lower, digit and symbol.
    pub password: Option<String>,
    #[serde(skip)]
    proof: Option<Proof>,
}

/// Why the invitation may be accepted.
enum Proof {
    /// By who is signed in: looked at in the transaction.
    SignedIn,
    /// The account's password was right.
    Password(Id<Account>, String),
    /// Nobody has the e-mail yet; the hash of their new password.
    New(Line<120>, String),
}

/// Where one belongs now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    pub account: AccountView,
    /// The workspace's name.
    pub workspace: String,
    pub workspace_id: Id<Workspace>,
    pub workspace_slug: String,
    pub role: Role,
}
impl Answer for Joined {}

impl Operation for AcceptInvite {
    type Output = Joined;
    const SPEC: Spec = Spec {
        name: "invite.accept",
        title: "Accept an invitation",
        route: Route::post("/auth/accept-invite"),
        needs: Needs::Public,
        effect: Effect::Write,
        toolset: Toolset::Workspace,
        more: More { audit: Some(Audited::Member), sees_caller: true, ..More::NO_TOOL },
    };
    const PREPARES: bool = true;

    /// A link alone opens no account that exists: it may have gone through many hands.
    fn prepare(&mut self, before: &Before<'_>) -> Result<()> {
        let find = |reading: &mut Reading| Invited::find(reading.conn(), &self.token, Moment::now());
        let Invited { invite, account, .. } = before.app.store().read(find)?;
        if let Some(person) = &before.caller.identity.account {
            self.proof = must_be_theirs(&person.email, &invite.email).map(|()| Some(Proof::SignedIn))?;
            return Ok(());
        }
        let role = account.as_ref().map_or(PlatformRole::None, |account| account.platform_role);
        if !before.app.config().allows_password_of(role) {
            return Err(accounts::passwords_are_off(before.app.config()));
        }
        let missing = |field: &str, message: &str| Error::field(field, message);
        self.proof = Some(match account {
            Some(account) if account.archived => return Err(is_archived(&invite.email)),
            Some(account) => {
                let password = self.password.as_deref().ok_or_else(|| {
                    missing("password", "is needed: there is an account with this e-mail. Or sign in to it first")
                })?;
                before.app.limits.sign_in(&invite.email, before.call.address)?;
                if !secret::password_fits(password, account.password_hash.as_deref()) {
                    before.failed(Self::SPEC.name, Some(account.id))?;
                    return Err(missing("password", "is not the password of this account"));
                }
                let hash = account.password_hash.ok_or_else(|| Error::internal("a password that fits no hash"))?;
                Proof::Password(account.id, hash)
            }
            None => {
                let name = self.name.take().ok_or_else(|| missing("name", "is required"))?;
                let password = self.password.as_deref().ok_or_else(|| missing("password", "is required"))?;
                Proof::New(name, hash_checked(password)?)
            }
        });
        Ok(())
    }

    fn execute(self, cx: &Cx<'_, Self>) -> Result<Joined> {
        const ROLE: &str = "select role from workspace_membership where workspace_id = ?1 and account_id = ?2";
        let Invited { invite, workspace, slug, account, by_mail } = Invited::find(cx.conn(), &self.token, cx.now())?;
        // What was proved before may be over by now.
        let again = || Error::new(Kind::Conflict, "The account has changed meanwhile. Open the link again.");
        let account_id = match (self.proof.ok_or_else(|| Error::internal("an invitation without a proof"))?, account) {
            (Proof::SignedIn, _) => {
                let person = cx.signed_in()?;
                let identity = &cx.caller().identity;
                identity.must_be_whole()?;
                identity.must_have_second_factor(cx.config().require_two_factor)?;
                must_be_theirs(&person.email, &invite.email)?;
                person.id
            }
            (Proof::Password(id, hash), Some(known))
                if known.id == id
                    && !known.archived
                    && known.password_hash.as_ref() == Some(&hash)
                    && cx.config().allows_password_of(known.platform_role) =>
            {
                id
            }
            (Proof::New(name, hash), None) => {
                let email = Email::parse(&invite.email).map_err(Error::internal)?;
                accounts::make(cx, &email, &name, Some(&hash), by_mail)?
            }
            _ => return Err(again()),
        };
        cx.act_for(account_id)?;
        cx.act_in(Some(invite.workspace_id))?;
        // Who was added by hand meanwhile keeps that role.
        let known = optional(cx.conn(), ROLE, (invite.workspace_id, account_id), |row| row.take::<Role>())?;
        if known.is_none() {
            workspaces::join(cx, invite.workspace_id, account_id, invite.role)?;
        }
        let mut row = Change::of("invite");
        row.set("accepted_at", cx.now())?.set("accepted_by_id", account_id)?;
        row.update(cx, invite.id)?;
        Ok(Joined {
            account: AccountView::by_id(cx, account_id)?,
            workspace,
            workspace_id: invite.workspace_id,
            workspace_slug: slug,
            role: known.unwrap_or(invite.role),
        })
    }
}

fn must_be_theirs(caller: &str, invited: &str) -> Result<()> {
    if caller == invited {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "You are signed in as {caller}, and the invitation is for {}. Sign out, then open the link again.",
        quoted(invited)
    )))
}
