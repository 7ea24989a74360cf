//! The administration of the server: its accounts, its workspaces, and how it is.

use actix_web::web;
use askama::Template;

use crate::core::caller::PlatformRole;
use crate::core::text;
use crate::features::accounts::{
    AccountDetail, AccountView, ArchiveAccount, CreateAccount, GetAccount, ListAccounts, SORTS, UpdatePlatformRole,
};
use crate::features::backups::{Backups, CreateBackup, ListBackups};
use crate::features::mail::{ListMail, MailKind, MailView};
use crate::features::recovery::{ChangeEmail, OfferPassword};
use crate::features::system::{GetServerFacts, ServerFacts};
use crate::features::two_factor::ResetTwoFactor;
use crate::features::workspaces::{ArchiveWorkspace, CreateWorkspace, ListWorkspaces, WorkspaceView};

use super::confirm::Confirm;
use super::form::Form;
use super::page::{Answer, Page, Query, Refused};
use super::show::{Choice, Column, Pager, columns};
use super::{at, get, post};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("/admin").route(get().to(show)))
        .service(at("/admin/backups").route(post().to(take_backup)))
        .service(at("/admin/accounts").route(get().to(accounts)).route(post().to(create_account)))
        .service(at("/admin/accounts/{id}").route(get().to(account)))
        .service(at("/admin/accounts/{id}/role").route(post().to(change_role)))
        .service(at("/admin/accounts/{id}/email").route(post().to(change_email)))
        .service(at("/admin/accounts/{id}/link").route(post().to(make_link)))
        .service(
            at("/admin/accounts/{id}/second-factor")
                .route(get().to(ask_reset_two_factor))
                .route(post().to(reset_two_factor)),
        )
        .service(at("/admin/accounts/{id}/archive").route(post().to(archive_account)))
        .service(at("/admin/workspaces").route(get().to(workspaces)).route(post().to(create_workspace)))
        .service(at("/admin/workspaces/{id}/archive").route(post().to(archive_workspace)));
}

#[derive(Template)]
#[template(path = "admin/server.html")]
struct ServerPage<'a> {
    page: &'a Page,
    facts: ServerFacts,
    size: String,
    free: String,
    backups: Backups,
    mail: Vec<MailView>,
    pager: Pager,
}

async fn show(page: Page) -> Answer {
    let facts = page.run(GetServerFacts {}).await?;
    let backups = page.run(ListBackups {}).await?;
    let query = page.query();
    let mail = page.list::<ListMail>(query.input(&[("cursor", "cursor")]), 50).await?;
    page.ok(&ServerPage {
        page: &page,
        size: text::bytes(facts.bytes.unsigned_abs()),
        free: text::bytes(facts.free_bytes.unsigned_abs()),
        backups,
        pager: Pager::new(&query, mail.items.len(), mail.next_cursor.as_deref(), "mail", "mails"),
        mail: mail.items,
        facts,
    })
}

async fn take_backup(page: Page) -> Answer {
    let taken = page.run(CreateBackup::default()).await?;
    page.go("/admin#backups", &format!("{} is taken and checked", taken.name))
}

/// What a mail is about, for people.
pub fn mail_kind_name(kind: &MailKind) -> &'static str {
    match kind {
        MailKind::Invite => "Invitation",
        MailKind::PasswordReset => "New password",
        MailKind::PasswordChanged => "Password changed",
        MailKind::EmailConfirmation => "New e-mail to confirm",
        MailKind::EmailChange => "E-mail changes",
        MailKind::Notification => "Notification",
    }
}

/// A link that was made for somebody, shown once.
struct Link {
    email: String,
    url: String,
}

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct AccountsPage<'a> {
    page: &'a Page,
    query: &'a Query,
    columns: Vec<Column>,
    accounts: Vec<AccountView>,
    pager: Pager,
    form: &'a Form,
    link: Option<Link>,
}

async fn show_accounts(page: &Page, form: &Form, link: Option<Link>) -> Answer {
    let query = page.query();
    let names = [("search", "q"), ("archived", "archived"), ("sort", "sort"), ("cursor", "cursor")];
    let found = page.list::<ListAccounts>(query.input(&names), 50).await?;
    let template = AccountsPage {
        page,
        columns: columns(&query, SORTS, &[("Account", "name", ""), ("Server", "", ""), ("Since", "createdAt", "")]),
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "account", "accounts"),
        query: &query,
        accounts: found.items,
        form,
        link,
    };
    page.show(form.status(), &template)
}

async fn accounts(page: Page) -> Answer {
    show_accounts(&page, &Form::default(), None).await
}

async fn create_account(page: Page, mut form: Form) -> Answer {
    match form.run::<CreateAccount>(&page).await? {
        Some(made) => {
            let link = made.set_password_url.map(|url| Link { email: made.account.email, url });
            show_accounts(&page, &Form::default(), link).await
        }
        None => show_accounts(&page, &form, None).await,
    }
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage<'a> {
    page: &'a Page,
    account: &'a AccountView,
    has_second_factor: bool,
    /// When the address was shown to be theirs; empty: not yet.
    proved: String,
    is_me: bool,
    is_superadmin: bool,
    /// They come in by the provider and have no password to lose.
    has_no_password: bool,
    roles: Vec<Choice>,
    form: &'a Form,
    link: Option<Link>,
}

/// What a platform role is called.
pub fn platform_role_name(role: &PlatformRole) -> &'static str {
    match role {
        PlatformRole::None => "User",
        PlatformRole::Admin => "Administrator",
        PlatformRole::Superadmin => "Superadministrator",
    }
}

fn show_account(page: &Page, detail: &AccountDetail, form: &Form, link: Option<Link>) -> Answer {
    let account = &detail.account;
    let template = AccountPage {
        page,
        account,
        has_second_factor: detail.has_second_factor,
        proved: detail.email_proved_at.map_or_else(String::new, |at| page.day(&at)),
        is_me: account.id == page.account.id,
        is_superadmin: page.account.platform_role == PlatformRole::Superadmin,
        has_no_password: !page.app().config().allows_password_of(account.platform_role),
        roles: PlatformRole::ALL.iter().map(|role| Choice::new(role.word(), platform_role_name(role))).collect(),
        form,
        link,
    };
    page.show(form.status(), &template)
}

async fn found(page: &Page, id: &str) -> Result<AccountDetail, Refused> {
    page.run(GetAccount { account_id: page.id(id)? }).await
}

async fn account(page: Page, id: web::Path<String>) -> Answer {
    let detail = found(&page, &id).await?;
    show_account(&page, &detail, &filled(Form::default(), &detail), None)
}

/// The fields as they are, besides whatever was refused.
fn filled(mut form: Form, detail: &AccountDetail) -> Form {
    form.set("platformRole", detail.account.platform_role.word());
    form.set("email", detail.account.email.clone());
    form
}

fn saved(page: &Page, account: &AccountView, said: &str) -> Answer {
    page.go(&format!("/admin/accounts/{}", account.id), said)
}

async fn change_role(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let detail = found(&page, &id).await?;
    form.set("accountId", detail.account.id.to_string());
    match form.run::<UpdatePlatformRole>(&page).await? {
        Some(account) => saved(&page, &account, "Role saved"),
        None => show_account(&page, &detail, &form, None),
    }
}

async fn change_email(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let detail = found(&page, &id).await?;
    form.set("account", detail.account.id.to_string());
    match form.run::<ChangeEmail>(&page).await? {
        Some(account) => saved(&page, &account, "E-mail changed"),
        None => show_account(&page, &detail, &form, None),
    }
}

async fn make_link(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let detail = found(&page, &id).await?;
    form.set("account", detail.account.id.to_string());
    let offer = form.run::<OfferPassword>(&page).await?;
    let link = offer.map(|offer| Link { email: offer.email, url: offer.set_password_url });
    show_account(&page, &detail, &filled(form, &detail), link)
}

async fn ask_reset_two_factor(page: Page, id: web::Path<String>) -> Answer {
    let AccountDetail { account, .. } = found(&page, &id).await?;
    let base = format!("/admin/accounts/{}", account.id);
    page.ok(&Confirm {
        title: format!("Take away the second factor of {}?", account.name),
        text: "From then on their password alone lets them in, until they set up a new one. Their sessions end, and their \
               recovery codes are void. Be sure that it is them who ask.",
        action: format!("{base}/second-factor"),
        cancel: base,
        button: "Take it away",
        ..Confirm::archive(&page, String::new(), "")
    })
}

async fn reset_two_factor(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let detail = found(&page, &id).await?;
    form.set("account", detail.account.id.to_string());
    match form.run::<ResetTwoFactor>(&page).await? {
        Some(account) => saved(&page, &account, "The second factor is gone, and their sessions have ended"),
        None => show_account(&page, &detail, &filled(form, &detail), None),
    }
}

/// `archived=false` brings it back.
async fn archive_account(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    let detail = found(&page, &id).await?;
    form.set("accountId", detail.account.id.to_string());
    match form.run::<ArchiveAccount>(&page).await? {
        Some(account) if account.archived_at.is_some() => {
            saved(&page, &account, "Archived. Sessions have ended, and keys are refused.")
        }
        Some(account) => saved(&page, &account, "The account is back"),
        None => show_account(&page, &detail, &form, None),
    }
}

#[derive(Template)]
#[template(path = "admin/workspaces.html")]
struct WorkspacesPage<'a> {
    page: &'a Page,
    query: &'a Query,
    workspaces: Vec<WorkspaceView>,
    pager: Pager,
    form: &'a Form,
}

async fn show_workspaces(page: &Page, form: &Form) -> Answer {
    // Everybody has a list of their own workspaces; this one is for administrators.
    page.run(GetServerFacts {}).await?;
    let query = page.query();
    let found = page.list::<ListWorkspaces>(query.input(&[("archived", "archived"), ("cursor", "cursor")]), 50).await?;
    let template = WorkspacesPage {
        page,
        pager: Pager::new(&query, found.items.len(), found.next_cursor.as_deref(), "workspace", "workspaces"),
        query: &query,
        workspaces: found.items,
        form,
    };
    page.show(form.status(), &template)
}

async fn workspaces(page: Page) -> Answer {
    show_workspaces(&page, &Form::default()).await
}

async fn create_workspace(page: Page, mut form: Form) -> Answer {
    match form.run::<CreateWorkspace>(&page).await? {
        Some(made) => page.go("/admin/workspaces", &format!("{} is made, and you own it", made.name)),
        None => show_workspaces(&page, &form).await,
    }
}

async fn archive_workspace(page: Page, id: web::Path<String>, mut form: Form) -> Answer {
    form.set("workspaceId", id.as_str());
    match form.run::<ArchiveWorkspace>(&page).await? {
        Some(kept) if kept.archived_at.is_some() => page.go("/admin/workspaces", &format!("{} is archived", kept.name)),
        Some(kept) => page.go("/admin/workspaces", &format!("{} is back", kept.name)),
        None => show_workspaces(&page, &form).await,
    }
}
