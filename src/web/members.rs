//! Who belongs to the workspace, and who is invited to it.

use actix_web::web;
use askama::Template;
use serde_json::{Map, Value};

use crate::core::caller::{Account, Role};
use crate::core::error::Error;
use crate::core::operation::Operation;
use crate::core::reference::Named;
use crate::features::invites::{CancelInvite, CreateInvite, Invite, InviteState, ListInvites, NewInvite, ResendInvite};
use crate::features::workspaces::{ListMembers, Member, RemoveMember, UpdateMember};

use super::confirm::Confirm;
use super::form::Form;
use super::page::{Answer, Page, Refused};
use super::show::{Choice, Pager};
use super::work::role_name;

const LIST: &str = "/settings/members";

#[derive(Template)]
#[template(path = "settings/members.html")]
struct MembersPage<'a> {
    page: &'a Page,
    place: String,
    members: Vec<Person>,
    pager: Pager,
    roles: Vec<Choice>,
    invites: Vec<Waiting>,
    /// What went wrong with a member.
    changed: &'a Form,
    /// The new invitation.
    form: &'a Form,
    /// It, once it is made: its link is on the page that answers, and nowhere else afterwards.
    made: Option<NewInvite>,
}

struct Person {
    id: String,
    account: Named<Account>,
    avatar_url: Option<String>,
    email: String,
    role: &'static str,
    role_name: &'static str,
    is_me: bool,
}

impl Person {
    fn new(page: &Page, member: Member) -> Self {
        Person {
            id: member.id.to_string(),
            is_me: member.account_id == page.account.id,
            account: Named { id: member.account_id, name: member.name },
            avatar_url: member.avatar_url,
            email: member.email,
            role: member.role.word(),
            role_name: role_name(member.role),
        }
    }
}

/// Somebody who was invited.
struct Waiting {
    id: String,
    email: String,
    role: &'static str,
    /// `by Ada, until 3 Mar`
    about: String,
    is_expired: bool,
}

impl Waiting {
    fn new(page: &Page, invite: Invite) -> Self {
        let by = invite.invited_by.map(|named| format!("by {}, ", named.name)).unwrap_or_default();
        Waiting {
            id: invite.id.to_string(),
            email: invite.email,
            role: role_name(invite.role),
            about: format!("{by}until {}", page.day(&invite.expires_at)),
            is_expired: invite.state == InviteState::Expired,
        }
    }
}

/// The workspace as operations with a path take it.
fn workspace(page: &Page) -> Result<String, Refused> {
    let none = || page.refuse(Error::not_found("page", LIST));
    page.workspace.as_ref().map(|place| place.slug.clone()).ok_or_else(none)
}

fn input(slug: &str, cursor: &str) -> Map<String, Value> {
    let given = [("workspaceId", slug), ("cursor", cursor)].into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(field, value)| (field.to_owned(), Value::from(value))).collect()
}

async fn show_list(page: &Page, changed: &Form, form: &Form, made: Option<NewInvite>) -> Answer {
    let slug = workspace(page)?;
    let query = page.query();
    let found = page.list::<ListMembers>(input(&slug, query.get("cursor")), 100).await?;
    let invites = match page.is_owner {
        true => page.list::<ListInvites>(input(&slug, ""), 200).await?.items,
        false => Vec::new(),
    };
    let template = MembersPage {
        page,
        place: page.workspace.as_ref().map(|place| place.name.clone()).unwrap_or_default(),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "member", "members"),
        members: found.items.into_iter().map(|member| Person::new(page, member)).collect(),
        roles: roles(),
        invites: invites.into_iter().map(|invite| Waiting::new(page, invite)).collect(),
        changed,
        form,
        made,
    };
    page.show(if changed.status().is_success() { form.status() } else { changed.status() }, &template)
}

fn roles() -> Vec<Choice> {
    [Role::Owner, Role::Member, Role::Viewer].map(|role| Choice::new(role.word(), role_name(role))).into()
}

fn blank() -> Form {
    Form::filled([("role", Role::Member.word().to_owned())])
}

pub async fn list(page: Page) -> Answer {
    show_list(&page, &Form::default(), &blank(), None).await
}

/// What an operation on one of them needs besides the form; where it is refused, the form says why above the members.
async fn change<O: Operation>(
    page: &Page,
    field: &str,
    id: &str,
    form: &mut Form,
) -> Result<Option<O::Output>, Refused> {
    form.set("workspaceId", workspace(page)?);
    form.set(field, id);
    form.run::<O>(page).await
}

pub async fn update(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    match change::<UpdateMember>(&page, "membershipId", &id, &mut form).await? {
        Some(member) => page.go(LIST, &format!("{} is {} now", member.name, role_name(member.role).to_lowercase())),
        None => show_list(&page, &form, &blank(), None).await,
    }
}

pub async fn ask_remove(page: Page, id: web::Path<String>) -> Answer {
    page.must_own()?;
    page.ok(&Confirm {
        title: "Remove this member?".to_owned(),
        text: "They see nothing of the workspace from now on. What they wrote and logged stays.",
        action: format!("{LIST}/{id}/remove"),
        cancel: LIST.to_owned(),
        button: "Remove",
        ..Confirm::archive(&page, String::new(), "")
    })
}

pub async fn remove(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    match change::<RemoveMember>(&page, "membershipId", &id, &mut form).await? {
        Some(()) => page.go(LIST, "Member removed"),
        None => show_list(&page, &form, &blank(), None).await,
    }
}

pub async fn invite(page: Page, mut form: Form) -> Answer {
    match form.run::<CreateInvite>(&page).await? {
        Some(made) => show_list(&page, &Form::default(), &blank(), Some(made)).await,
        None => show_list(&page, &Form::default(), &form, None).await,
    }
}

pub async fn resend(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    match change::<ResendInvite>(&page, "inviteId", &id, &mut form).await? {
        Some(made) => show_list(&page, &Form::default(), &blank(), Some(made)).await,
        None => show_list(&page, &form, &blank(), None).await,
    }
}

pub async fn cancel(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    match change::<CancelInvite>(&page, "inviteId", &id, &mut form).await? {
        Some(()) => page.go(LIST, "Invitation cancelled"),
        None => show_list(&page, &form, &blank(), None).await,
    }
}
