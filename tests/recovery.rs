//! Lost passwords, new e-mails, pictures and sessions; and the mail that goes with them.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sally::core::app::Call;
use sally::core::caller::Credential;
use sally::core::config::Config;
use sally::core::error::Result;
use sally::core::secret::TokenHash;
use sally::features::mail::ListMail;
use sally::features::ownership::GetLink;
use sally::features::recovery::{ChangeEmail, OfferPassword};
use sally::jobs::mail;
use serde_json::{Value, json};
use support::cli::wait_until;
use support::server::Server;
use support::{PASSWORD, Person, World, console, email, json_of, line, put};

const NEW_PASSWORD: &str = "Another-horse-8";

/// A mail server that takes everything, or nothing.
struct Inbox {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
    /// While somebody holds it, no mail is answered for.
    gate: Arc<Mutex<()>>,
}

impl Inbox {
    fn open(refuses: bool) -> Inbox {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let gate = Arc::new(Mutex::new(()));
        let (kept, passed) = (mails.clone(), gate.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up early is none of the test's business.
                let _ = stream.and_then(|stream| talk(stream, refuses, &kept, &passed));
            }
        });
        Inbox { port, mails, gate }
    }

    fn configure(&self, config: &mut Config) {
        let url: url::Url = format!("smtp://127.0.0.1:{}?tls=none", self.port).parse().expect("an address");
        config.smtp_url = Some(url.try_into().expect("a mail server"));
        config.mail_from = Some("Sally <sally@example.com>".parse().expect("a sender"));
    }

    /// Sends what waits, and tells the mails that have come since the last time.
    async fn collect(&self, world: &World) -> Vec<String> {
        let sender = mail::Sender::new(world.app.config()).expect("a sender").expect("mail is configured");
        mail::send(&world.app, &sender).await.expect("sending");
        std::mem::take(&mut *self.mails.lock().expect("a lock"))
    }
}

fn talk(stream: TcpStream, refuses: bool, kept: &Mutex<Vec<String>>, gate: &Mutex<()>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    out.write_all(b"220 inbox\r\n")?;
    while let Some(said) = lines.next().transpose()? {
        let word = said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match word.as_str() {
            "EHLO" => b"250-inbox\r\n250 8BITMIME\r\n",
            "RCPT" if refuses => b"550 no such person\r\n",
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    // A line that ends with `=` goes on.
                    match line.strip_suffix('=') {
                        Some(begun) => text.push_str(begun),
                        None => text = text + &line + "\n",
                    }
                }
                kept.lock().expect("a lock").push(text.replace("=3D", "="));
                drop(gate.lock().expect("a lock"));
                b"250 kept\r\n"
            }
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 fine\r\n",
        };
        out.write_all(answer)?;
    }
    Ok(())
}

/// The secret of the link in a mail.
fn token(mail: &str) -> String {
    let after = mail.split("?token=").nth(1).unwrap_or_else(|| panic!("no link: {mail}"));
    after.split_whitespace().next().expect("a token").to_owned()
}

async fn as_nobody(world: &World, operation: &str, input: Value) -> Result<Value> {
    let nobody = Person { app: world.app.clone(), token: String::new(), email: String::new() };
    nobody.ask_with(Call::default(), operation, input).await.map(|reply| json_of(&reply))
}

async fn sign_in(world: &World, email: &str, password: &str) -> Result<Person> {
    let made = as_nobody(world, "auth.login", json!({ "email": email, "password": password })).await?;
    let token = made["sessionToken"].as_str().expect("a token").to_owned();
    Ok(Person { app: world.app.clone(), token, email: email.to_owned() })
}

#[tokio::test]
async fn sam_forgot_the_password_and_comes_back_by_mail() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| {
        inbox.configure(config);
        config.public_url = Some("https://sally.example.com".parse().unwrap());
    })
    .await;
    let before = sign_in(&world, "sam@example.com", PASSWORD).await.unwrap();
    let ask = async |email: &str| as_nobody(&world, "auth.request_password_reset", json!({ "email": email })).await;
    assert_eq!(ask("sam@example.com").await.unwrap(), Value::Null);
    // The same for nobody, and nothing is sent.
    assert_eq!(ask("nobody@example.com").await.unwrap(), Value::Null);
    // Asked again at once, no second mail fills the inbox, and the first link stays good.
    ask("sam@example.com").await.unwrap();
    let mails = inbox.collect(&world).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].contains("To: sam@example.com") && mails[0].contains("From: Sally <sally@example.com>"));
    assert!(mails[0].contains("https://sally.example.com/reset-password?token="), "{}", mails[0]);
    let token = token(&mails[0]);

    let reset = json!({ "token": token, "password": NEW_PASSWORD });
    let weak = json!({ "token": token, "password": "weak" });
    assert_eq!(as_nobody(&world, "auth.reset_password", weak).await.unwrap_err().field_errors()[0].field, "password");
    as_nobody(&world, "auth.reset_password", reset.clone()).await.unwrap();
    assert_eq!(as_nobody(&world, "auth.reset_password", reset).await.unwrap_err().field_errors()[0].field, "token");
    // Who was signed in before is out, the old password is none, the new one is.
    assert_eq!(before.refused("auth.me", json!({})).await.status(), 401);
    assert!(sign_in(&world, "sam@example.com", PASSWORD).await.is_err());
    sign_in(&world, "sam@example.com", NEW_PASSWORD).await.unwrap();
    let mails = inbox.collect(&world).await;
    assert!(mails.len() == 1 && mails[0].contains("Your password was changed"), "{mails:?}");
}

/// Asks for a new password and takes the secret of the link out of the mail.
async fn forgot(world: &World, inbox: &Inbox, email: &str) -> String {
    as_nobody(world, "auth.request_password_reset", json!({ "email": email })).await.unwrap();
    let mails = inbox.collect(world).await;
    token(mails.iter().find(|mail| mail.contains("Set a new password")).expect("a link"))
}

async fn reset(world: &World, token: &str, password: &str) {
    as_nobody(world, "auth.reset_password", json!({ "token": token, "password": password })).await.unwrap();
}

async fn is_first_proof(world: &World, token: &str) -> bool {
    world.app.run(Call::default(), GetLink { token: token.to_owned() }).await.unwrap().proves
}

/// A key that the person makes in a session of theirs.
async fn key_of(person: &Person) -> Person {
    let made = person.ask("api_key.create", json!({ "label": "Old laptop" })).await.unwrap();
    Person { token: made["token"].as_str().unwrap().to_owned(), app: person.app.clone(), email: person.email.clone() }
}

#[tokio::test]
async fn what_an_owner_made_in_mias_name_ends_with_the_first_link_that_reaches_her() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| inbox.configure(config)).await;
    let (ada, sam) = (world.person("ada").await, world.person("sam").await);
    let invite = ada.ask("workspace.invite", json!({ "email": "mia@example.com", "role": "MEMBER" })).await.unwrap();
    let passed_on = token(invite["inviteUrl"].as_str().unwrap());
    assert_ne!(token(&inbox.collect(&world).await[0]), passed_on, "what reaches the inbox is nobody else's to see");
    // Ada opens it herself, and sees to it that she can come back.
    let open = json!({ "token": passed_on, "name": "Mia", "password": PASSWORD });
    as_nobody(&world, "invite.accept", open).await.unwrap();
    let session = sign_in(&world, "mia@example.com", PASSWORD).await.unwrap();
    let key = key_of(&session).await;
    const MINE: &str = "from account where email = 'mia@example.com'";
    put(
        &world.app,
        &format!(
            "insert into second_factor (id, account_id, totp_secret, confirmed_at, created_at, updated_at) select 1, id, x'00', 1, 1, 1 {MINE};
             insert into recovery_code (id, account_id, code_hash, created_at) select 1, id, x'00', 1 {MINE};
             insert into external_identity (id, account_id, issuer, subject, created_at, updated_at) select 1, id, 'i', 's', 1, 1 {MINE}"
        ),
    )
    .await;

    let link = forgot(&world, &inbox, "mia@example.com").await;
    let told = world.app.run(Call::default(), GetLink { token: link.clone() }).await.unwrap();
    assert!(told.proves && told.ends_something);
    reset(&world, &link, NEW_PASSWORD).await;
    for old in [&session, &key] {
        assert_eq!(old.refused("auth.me", json!({})).await.status(), 401);
    }
    for table in ["second_factor", "recovery_code", "external_identity"] {
        let count = format!("select count(*) from {table}");
        let count = |reading: &mut sally::core::store::Reading| {
            sally::core::store::one(reading.conn(), &count, [], |row| row.take::<i64>())
        };
        assert_eq!(world.app.store().read(count).unwrap(), 0, "{table}");
    }
    let mails = inbox.collect(&world).await;
    assert!(mails[0].contains("keys and connections"), "{mails:?}");
    let audit = sam.ask("audit.list", json!({ "event": "PASSWORD", "limit": 1 })).await.unwrap();
    let summary = audit["items"][0]["summary"].as_str().unwrap();
    assert!(summary.contains("emailProved") && summary.contains("Old laptop: revoked"), "{summary}");

    // Once: what she makes herself outlives the next lost password.
    let mia = sign_in(&world, "mia@example.com", NEW_PASSWORD).await.unwrap();
    let key = key_of(&mia).await;
    let link = forgot(&world, &inbox, "mia@example.com").await;
    assert!(!is_first_proof(&world, &link).await);
    reset(&world, &link, PASSWORD).await;
    key.ask("auth.me", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_link_that_was_passed_on_proves_nothing_and_a_mailed_invitation_does() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| inbox.configure(config)).await;
    let (sam, ada, ben) = (world.person("sam").await, world.person("ada").await, world.person("ben").await);
    let offer = sam.run(OfferPassword { account: line("ben@example.com") }).await.unwrap();
    assert!(!is_first_proof(&world, &token(&offer.set_password_url)).await);
    reset(&world, &token(&offer.set_password_url), NEW_PASSWORD).await;
    ben.ask("auth.me", json!({})).await.unwrap();
    assert!(is_first_proof(&world, &forgot(&world, &inbox, "ben@example.com").await).await, "and is still to come");

    ada.ask("workspace.invite", json!({ "email": "mia@example.com", "role": "MEMBER" })).await.unwrap();
    let mails = inbox.collect(&world).await;
    let invited = token(mails.iter().find(|mail| mail.contains("To: mia@example.com")).expect("an invitation"));
    let join = json!({ "token": invited, "name": "Mia", "password": NEW_PASSWORD });
    as_nobody(&world, "invite.accept", join).await.unwrap();
    let key = key_of(&sign_in(&world, "mia@example.com", NEW_PASSWORD).await.unwrap()).await;
    let link = forgot(&world, &inbox, "mia@example.com").await;
    assert!(!is_first_proof(&world, &link).await);
    reset(&world, &link, PASSWORD).await;
    key.ask("auth.me", json!({})).await.unwrap();

    // Moved by an administrator, it is somebody's at the new address that has still to be shown.
    sam.run(ChangeEmail { account: line("mia@example.com"), email: email("maria@example.com") }).await.unwrap();
    inbox.collect(&world).await;
    assert!(is_first_proof(&world, &forgot(&world, &inbox, "maria@example.com").await).await);
}

#[tokio::test]
async fn a_first_confirmed_e_mail_ends_what_was_before() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| inbox.configure(config)).await;
    let (sam, key) = (world.person("sam").await, world.person("ben").await);
    let offer = sam.run(OfferPassword { account: line("ben@example.com") }).await.unwrap();
    reset(&world, &token(&offer.set_password_url), PASSWORD).await;
    let session = sign_in(&world, "ben@example.com", PASSWORD).await.unwrap();
    inbox.collect(&world).await;
    let change = json!({ "email": "benjamin@example.com", "currentPassword": PASSWORD });
    session.ask("profile.update", change).await.unwrap();
    let mails = inbox.collect(&world).await;
    let confirm = token(mails.iter().find(|mail| mail.contains("To: benjamin@example.com")).expect("a question"));
    assert!(is_first_proof(&world, &confirm).await);
    as_nobody(&world, "auth.confirm_email_change", json!({ "token": confirm })).await.unwrap();
    for old in [&session, &key] {
        assert_eq!(old.refused("auth.me", json!({})).await.status(), 401);
    }
    assert!(sign_in(&world, "benjamin@example.com", PASSWORD).await.is_err());
    let link = forgot(&world, &inbox, "benjamin@example.com").await;
    assert!(!is_first_proof(&world, &link).await);
    reset(&world, &link, NEW_PASSWORD).await;
    sign_in(&world, "benjamin@example.com", NEW_PASSWORD).await.unwrap();
}

#[tokio::test]
async fn invitations_that_are_mailed_have_an_end_for_each_account_and_workspace() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| {
        inbox.configure(config);
        config.invitations_per_day = 3;
    })
    .await;
    let (ada, eve, sam) = (world.person("ada").await, world.person("eve").await, world.person("sam").await);
    let invite = |n: i64| json!({ "email": format!("mia{n}@example.com"), "role": "MEMBER" });
    // Who may not invite uses nothing up.
    assert_eq!(world.person("ben").await.refused("workspace.invite", invite(0)).await.status(), 403);
    ada.ask("workspace.invite", invite(1)).await.unwrap();
    // Nor does what is refused, as nothing is mailed.
    for _ in 0..3 {
        let member = json!({ "email": "ben@example.com", "role": "MEMBER" });
        assert_eq!(ada.refused("workspace.invite", member).await.status(), 409);
        let nobodys = json!({ "workspaceId": "acme", "inviteId": "nobody@example.com" });
        assert_eq!(ada.refused("workspace.invite.resend", nobodys).await.status(), 404);
    }
    ada.ask("workspace.invite", invite(2)).await.unwrap();
    let again = json!({ "workspaceId": "acme", "inviteId": "mia1@example.com" });
    ada.ask("workspace.invite.resend", again.clone()).await.unwrap();
    for error in [
        ada.refused("workspace.invite", invite(3)).await,
        ada.refused("workspace.invite.resend", again).await,
        // Another owner of the same workspace has no other share of it.
        sam.ask_with(sam.call_in("acme"), "workspace.invite", invite(3)).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.status(), 429, "{error}");
        let wait = error.retry_after_seconds().unwrap();
        assert!((7 * 3_600..=8 * 3_600 + 1).contains(&wait), "a third of a day: {wait}");
        assert!(error.to_string().contains("Too many invitations were mailed today. Try again in 4"), "{error}");
    }
    eve.ask("workspace.invite", invite(4)).await.unwrap();
    assert_eq!(inbox.collect(&world).await.len(), 4);
}

#[tokio::test]
async fn without_mail_a_reset_is_asked_of_an_administrator() {
    let world = World::new().await;
    let asked = as_nobody(&world, "auth.request_password_reset", json!({ "email": "sam@example.com" })).await;
    assert_eq!(asked.unwrap(), Value::Null);
    for bad in [json!({}), json!({ "email": "" }), json!({ "email": "x\r\nBcc: y@z.c" }), json!({ "email": ["a@b.c"] })]
    {
        let error = as_nobody(&world, "auth.request_password_reset", bad.clone()).await.unwrap_err();
        assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (422, "email"), "{bad}");
    }
    let offer = || OfferPassword { account: line("ben@example.com") };
    let ben = world.person("ben").await;
    assert_eq!(ben.run(offer()).await.unwrap_err().status(), 403);
    let sam = world.person("sam").await;
    let made = sam.run(offer()).await.unwrap();
    let reset = json!({ "token": token(&made.set_password_url), "password": NEW_PASSWORD });
    put(&world.app, "update one_time_link set expires_at = 1").await;
    assert_eq!(as_nobody(&world, "auth.reset_password", reset).await.unwrap_err().status(), 422);
    let made = sam.run(offer()).await.unwrap();
    let reset = json!({ "token": token(&made.set_password_url), "password": NEW_PASSWORD });
    as_nobody(&world, "auth.reset_password", reset).await.unwrap();
    sign_in(&world, "ben@example.com", NEW_PASSWORD).await.unwrap();
}

#[tokio::test]
async fn an_administrator_does_not_become_the_superadministrator() {
    let world = World::new().await;
    let sam = world.person("sam").await;
    let promote = json!({ "accountId": "ada@example.com", "platformRole": "ADMIN" });
    sam.ask("account.update_platform_role", promote).await.unwrap();
    let ada = world.person("ada").await;
    let link = ada.run(OfferPassword { account: line("sam@example.com") }).await;
    assert_eq!(link.unwrap_err().status(), 409);
    let moved = ada.run(ChangeEmail { account: line("sam@example.com"), email: email("ada2@example.com") }).await;
    assert_eq!(moved.unwrap_err().status(), 409);
    ada.run(OfferPassword { account: line("ben@example.com") }).await.unwrap();
}

#[tokio::test]
async fn a_new_e_mail_counts_once_its_link_is_opened() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| inbox.configure(config)).await;
    let sam = sign_in(&world, "sam@example.com", PASSWORD).await.unwrap();
    let change = |email: &str, password: &str| json!({ "email": email, "currentPassword": password });
    let error = sam.refused("profile.update", json!({ "email": "samuel@example.com" })).await;
    assert_eq!(error.field_errors()[0].field, "currentPassword");
    assert_eq!(sam.refused("profile.update", change("samuel@example.com", "Wrong-horse-99")).await.status(), 422);
    // An address that somebody has is told nothing, and neither is who asks.
    let asked = sam.ask("profile.update", change("eve@example.com", PASSWORD)).await.unwrap();
    assert_eq!(asked["email"], "sam@example.com");
    let mails = inbox.collect(&world).await;
    assert!(mails.len() == 1 && mails[0].contains("To: sam@example.com"), "{mails:?}");

    let asked = sam.ask("profile.update", change("Samuel@example.com", PASSWORD)).await.unwrap();
    assert_eq!(asked["email"], "sam@example.com", "not yet");
    let mails = inbox.collect(&world).await;
    let confirm = mails.iter().find(|mail| mail.contains("To: samuel@example.com")).expect("a question");
    assert!(mails.iter().any(|mail| mail.contains("To: sam@example.com") && mail.contains("about to change")));
    let confirm = json!({ "token": token(confirm) });
    // A link for one thing opens nothing else.
    let reset = json!({ "token": confirm["token"], "password": NEW_PASSWORD });
    assert_eq!(as_nobody(&world, "auth.reset_password", reset).await.unwrap_err().status(), 422);
    let done = as_nobody(&world, "auth.confirm_email_change", confirm.clone()).await.unwrap();
    assert_eq!(done["email"], "samuel@example.com");
    assert_eq!(as_nobody(&world, "auth.confirm_email_change", confirm).await.unwrap_err().status(), 422);
    assert!(sign_in(&world, "sam@example.com", PASSWORD).await.is_err());
    sign_in(&world, "samuel@example.com", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn without_mail_an_administrator_changes_an_e_mail() {
    let world = World::new().await;
    let sam = sign_in(&world, "sam@example.com", PASSWORD).await.unwrap();
    let change = json!({ "email": "samuel@example.com", "currentPassword": PASSWORD });
    assert_eq!(sam.refused("profile.update", change).await.status(), 409);
    let to = |address: &str| ChangeEmail { account: line("ben@example.com"), email: email(address) };
    assert_eq!(sam.run(to("eve@example.com")).await.unwrap_err().status(), 409);
    assert_eq!(sam.run(to("benjamin@example.com")).await.unwrap().email, "benjamin@example.com");
}

#[tokio::test]
async fn mail_that_is_not_taken_is_tried_again_then_given_up_without_its_link() {
    let inbox = Inbox::open(true);
    let world = World::with(|config| inbox.configure(config)).await;
    let ada = world.person("ada").await;
    let invite = ada.ask("workspace.invite", json!({ "email": "mia@example.com", "role": "MEMBER" })).await.unwrap();
    assert_eq!(invite["emailed"], true);
    for attempt in 1..=6 {
        assert!(inbox.collect(&world).await.is_empty());
        let listed = world.app.run(console(), ListMail {}).await.unwrap().items;
        assert_eq!(listed[0].attempts, attempt);
        assert!(listed[0].problem.as_deref().unwrap().contains("no such person"), "{listed:?}");
        assert_eq!(listed[0].state.word(), if attempt == 6 { "FAILED" } else { "QUEUED" });
        put(&world.app, "update mail set due_at = 1").await;
    }
    let bodies = |reading: &mut sally::core::store::Reading| {
        sally::core::store::one(reading.conn(), "select count(body) from mail", [], |row| row.take::<i64>())
    };
    assert_eq!(world.app.store().read(bodies).unwrap(), 0);
}

#[tokio::test]
async fn a_stop_waits_for_the_mail_that_is_on_its_way() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| inbox.configure(config)).await;
    let ada = world.person("ada").await;
    ada.ask("workspace.invite", json!({ "email": "mia@example.com", "role": "MEMBER" })).await.unwrap();
    {
        let held = inbox.gate.lock().unwrap();
        let server = Server::start(&world.app);
        wait_until("a mail", || !inbox.mails.lock().unwrap().is_empty());
        // Dropped, it stops.
        let stopping = std::thread::spawn(move || drop(server));
        wait_until("the stop", || *world.app.news.is_over.borrow());
        drop(held);
        stopping.join().unwrap();
    }
    let waiting = world.app.run(console(), ListMail {}).await.unwrap().items;
    assert!(waiting.is_empty(), "it would be sent again: {waiting:?}");
    assert_eq!(inbox.mails.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn who_is_assigned_a_task_gets_mail_unless_they_do_not_want_it() {
    let inbox = Inbox::open(false);
    let world = World::with(|config| inbox.configure(config)).await;
    let (ada, ben) = (world.person("ada").await, world.person("ben").await);
    let project = ada.ask("project.create", json!({ "name": "Website" })).await.unwrap();
    let task = json!({ "projectId": project["id"], "title": "Draw the start page", "ownerId": "ben@example.com" });
    ada.ask("task.create", task.clone()).await.unwrap();
    let mails = inbox.collect(&world).await;
    assert!(mails.len() == 1 && mails[0].contains("To: ben@example.com"), "{mails:?}");
    assert!(mails[0].contains("Draw the start page") && mails[0].contains("/tasks/"), "{}", mails[0]);
    let quiet = json!({ "items": [{ "type": "task.assigned", "email": false }] });
    ben.ask("notification.preferences.update", quiet).await.unwrap();
    ada.ask("task.create", task).await.unwrap();
    assert!(inbox.collect(&world).await.is_empty());
    assert_eq!(ben.ask("notification.list", json!({})).await.unwrap()["unreadCount"], 2);
}

#[tokio::test]
async fn all_other_sessions_end_at_once() {
    let world = World::new().await;
    let here = sign_in(&world, "sam@example.com", PASSWORD).await.unwrap();
    let there = sign_in(&world, "sam@example.com", PASSWORD).await.unwrap();
    let listed = here.ask("auth.session.list", json!({})).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(listed["items"][0]["lastUsedAt"].is_string());
    here.ask("auth.session.revoke", json!({ "sessionId": "others" })).await.unwrap();
    assert_eq!(there.refused("auth.me", json!({})).await.status(), 401);
    assert_eq!(here.ask("auth.session.list", json!({})).await.unwrap()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_portrait_is_drawn_anew_and_seen_by_those_who_share_a_workspace() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let (ada, ben, eve) = (world.person("ada").await, world.person("ben").await, world.person("eve").await);
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(400, 300, image::Rgb([200, 30, 30]))
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    let mut bytes = png.into_inner();
    bytes.extend_from_slice(b"<script>alert(1)</script>");
    let bearer = |person: &Person| format!("Bearer {}", person.token);
    let body = [
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"me.png\"\r\nContent-Type: image/png\r\n\r\n"
            .as_slice(),
        &bytes,
        b"\r\n--x--\r\n",
    ]
    .concat();
    let as_ada = bearer(&ada);
    let headers = [("Authorization", as_ada.as_str()), ("Content-Type", "multipart/form-data; boundary=x")];
    let answer = server.send("POST", "/api/auth/profile/image-upload", &headers, &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let url = answer.json()["avatarUrl"].as_str().unwrap().to_owned();
    let stored = world.app.store().read(|reading| {
        sally::core::store::one(reading.conn(), "select bytes from account_image", [], |row| row.take::<Vec<u8>>())
    });
    let stored = stored.unwrap();
    let drawn = image::load_from_memory(&stored).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (256, 256));
    assert!(!stored.windows(8).any(|part| part == b"<script>"));
    for (person, status) in [(&ada, 200), (&ben, 200), (&eve, 404)] {
        let as_them = bearer(person);
        let known = [("Authorization", as_them.as_str())];
        // A picture is no text; its head is enough.
        assert_eq!(server.send("HEAD", &url, &known, "").status, status, "{}", person.email);
    }
    for bad in ["", "bm90IGEgcGljdHVyZQ==", "<svg/>"] {
        let error = ada.refused("profile.image_upload", json!({ "base64": bad })).await;
        assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (422, "base64"), "{bad}");
    }
    ada.ask("profile.update", json!({ "avatarUrl": null })).await.unwrap();
    assert_eq!(server.send("HEAD", &url, &[("Authorization", as_ada.as_str())], "").status, 404);
}

#[tokio::test]
async fn an_archived_account_is_out_at_once() {
    let world = World::new().await;
    let (sam, ben) = (world.person("sam").await, world.person("ben").await);
    let offer = sam.run(OfferPassword { account: line("ben@example.com") }).await.unwrap();
    let reset = json!({ "token": token(&offer.set_password_url), "password": NEW_PASSWORD });
    as_nobody(&world, "auth.reset_password", reset).await.unwrap();
    let session = sign_in(&world, "ben@example.com", NEW_PASSWORD).await.unwrap();
    sam.ask("account.archive", json!({ "accountId": "ben@example.com" })).await.unwrap();
    assert_eq!(session.refused("auth.me", json!({})).await.status(), 401);
    assert_eq!(ben.refused("auth.me", json!({})).await.status(), 403);
    assert!(sign_in(&world, "ben@example.com", NEW_PASSWORD).await.is_err());
    assert_eq!(sam.run(OfferPassword { account: line("ben@example.com") }).await.unwrap_err().status(), 409);
    let unknown = Call::with(Credential::Token(TokenHash::of("x")));
    assert_eq!(sam.ask_with(unknown, "account.list", json!({})).await.unwrap_err().status(), 401);
}
