//! Joining, leaving a password behind and coming back: by links that work once.

mod support;

use sally::core::app::Call;
use sally::core::caller::Credential;
use sally::core::secret::TokenHash;
use sally::core::time::Moment;
use sally::features::keys::KeyKind;
use serde_json::{Value, json};
use support::{PASSWORD, Person, World, console, put};

const NEW_PASSWORD: &str = "Another-horse-8";

/// The secret behind `?token=` of a link.
fn token(answer: &Value, field: &str) -> String {
    let url = answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}"));
    url.split_once("?token=").expect("a link with a token").1.to_owned()
}

/// Somebody without a sign-in.
fn nobody(world: &World) -> Person {
    Person { app: world.app.clone(), token: "nothing".into(), email: String::new() }
}

async fn accept(world: &World, input: Value) -> sally::core::error::Result<Value> {
    let reply = nobody(world).ask_with(Call::default(), "invite.accept", input).await;
    reply.map(|reply| support::json_of(&reply))
}

async fn invited(ada: &Person, email: &str, role: &str) -> Value {
    ada.ask("workspace.invite", json!({ "email": email, "role": role })).await.expect("an invitation")
}

/// Lets what carries a time limit run out.
async fn run_out(world: &World, table: &str) {
    put(&world.app, &format!("update {table} set expires_at = 1")).await;
}

#[tokio::test]
async fn mia_joins_by_a_link_and_signs_in() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let invite = invited(&ada, "Mia@Example.com", "MEMBER").await;
    assert_eq!((&invite["email"], &invite["role"]), (&json!("mia@example.com"), &json!("MEMBER")));
    assert_eq!((&invite["state"], &invite["invitedBy"]["name"]), (&json!("PENDING"), &json!("Ada")));
    let base = world.app.config().base_url();
    assert!(invite["inviteUrl"].as_str().unwrap().starts_with(&format!("{base}/accept-invite?token=")));
    let token = token(&invite, "inviteUrl");

    let info = nobody(&world).ask_with(Call::default(), "invite.info", json!({ "token": token })).await.unwrap();
    let info = support::json_of(&info);
    assert_eq!((&info["workspace"], &info["invitedBy"]), (&json!("Acme"), &json!("Ada")));
    assert_eq!(info["accountExists"], false);

    let listed = ada.ask("workspace.invite.list", json!({ "workspaceId": "acme" })).await.unwrap();
    assert_eq!(listed["items"][0]["email"], "mia@example.com");
    assert!(!listed.to_string().contains(&token), "the link is told once");

    let joined = accept(&world, json!({ "token": token, "name": "Mia", "password": NEW_PASSWORD })).await.unwrap();
    assert_eq!((&joined["workspaceSlug"], &joined["role"]), (&json!("acme"), &json!("MEMBER")));
    let login = json!({ "email": "mia@example.com", "password": NEW_PASSWORD });
    let signed_in = nobody(&world).ask_with(Call::default(), "auth.login", login).await.unwrap();
    assert_eq!(support::json_of(&signed_in)["memberships"][0]["slug"], "acme");

    let listed = ada.ask("workspace.invite.list", json!({ "workspaceId": "acme" })).await.unwrap();
    assert_eq!(listed["items"], json!([]));
    let all = json!({ "workspaceId": "acme", "accepted": true, "include": "total" });
    let all = ada.ask("workspace.invite.list", all).await.unwrap();
    assert_eq!((&all["items"][0]["state"], &all["total"]), (&json!("ACCEPTED"), &json!(1)));

    // Used once, it is used up, whoever tries.
    let again = accept(&world, json!({ "token": token, "name": "Mallory", "password": NEW_PASSWORD })).await;
    assert!(again.unwrap_err().to_string().contains("was accepted already"));
}

#[tokio::test]
async fn who_invited_and_who_joined_stands_in_the_journal_without_the_link() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let token = token(&invited(&ada, "mia@example.com", "MEMBER").await, "inviteUrl");
    accept(&world, json!({ "token": token, "name": "Mia", "password": NEW_PASSWORD })).await.unwrap();
    let told: Vec<(String, String, Option<String>)> = world
        .app
        .store()
        .read(|reading| {
            sally::core::store::all(
                reading.conn(),
                "select c.action, c.fields, a.name from change c join change_set s on s.id = c.change_set_id
                   left join account a on a.id = s.account_id
                  where c.record_type in ('invite', 'workspace_membership') order by c.seq desc limit 3",
                [],
                |row| Ok((row.take()?, row.take()?, row.take()?)),
            )
        })
        .unwrap();
    let [accepted, joined, sent] = told.as_slice() else { panic!("{told:?}") };
    assert!(accepted.0 == "UPDATE" && accepted.1.contains("accepted_by_id"), "{accepted:?}");
    assert!(joined.0 == "INSERT" && joined.1.contains("account_id") && joined.1.contains("MEMBER"), "{joined:?}");
    assert!(sent.0 == "INSERT" && sent.2.as_deref() == Some("Ada"), "{sent:?}");
    assert!(told.iter().all(|(_, fields, _)| !fields.contains("token_hash") && !fields.contains(&token)));
}

#[tokio::test]
async fn a_link_alone_opens_no_account_that_exists() {
    let world = World::new().await;
    let (ada, eve) = (world.person("ada").await, world.person("eve").await);
    let sam = token(&invited(&eve, "sam@example.com", "VIEWER").await, "inviteUrl");
    for (input, field) in [
        (json!({ "token": sam }), "password"),
        (json!({ "token": sam, "name": "Mallory", "password": NEW_PASSWORD }), "password"),
    ] {
        let error = accept(&world, input).await.unwrap_err();
        assert_eq!((error.status(), error.field_errors()[0].field.as_str()), (422, field), "{error}");
    }
    // Sam's own password does.
    let joined = accept(&world, json!({ "token": sam, "password": PASSWORD })).await.unwrap();
    assert_eq!((&joined["account"]["name"], &joined["role"]), (&json!("Sam Setup"), &json!("VIEWER")));

    // Eve has an account that never got a password: nobody makes her one by an invitation.
    let for_eve = token(&invited(&ada, "eve@example.com", "OWNER").await, "inviteUrl");
    let error = accept(&world, json!({ "token": for_eve, "name": "Eve", "password": NEW_PASSWORD })).await.unwrap_err();
    assert_eq!(error.status(), 422);
    // Ben is signed in and it is not his; Eve is, and it is.
    let ben = world.person("ben").await;
    let error = ben.refused("invite.accept", json!({ "token": for_eve })).await;
    assert_eq!(error.status(), 409);
    assert!(error.to_string().contains("signed in as ben@example.com"), "{error}");
    let narrow = world.keyed("eve", sally::features::keys::KeyKind::Api, Some("read workspace:write"), None).await;
    assert_eq!(narrow.refused("invite.accept", json!({ "token": for_eve })).await.status(), 403);
    let joined = eve.ask("invite.accept", json!({ "token": for_eve })).await.unwrap();
    assert_eq!((&joined["account"]["name"], &joined["role"]), (&json!("Eve"), &json!("OWNER")));
}

#[tokio::test]
async fn guessing_a_password_by_an_invitation_counts_as_signing_in() {
    let world = World::with(|config| config.sign_in_attempts_per_minute = 2).await;
    let eve = world.person("eve").await;
    let sam = token(&invited(&eve, "sam@example.com", "VIEWER").await, "inviteUrl");
    for _ in 0..2 {
        let error = accept(&world, json!({ "token": sam, "password": "Wrong-horse-99" })).await.unwrap_err();
        assert_eq!(error.status(), 422);
    }
    let error = accept(&world, json!({ "token": sam, "password": PASSWORD })).await.unwrap_err();
    assert_eq!(error.status(), 429);
    assert!(error.retry_after_seconds().is_some());
}

#[tokio::test]
async fn links_die_when_they_are_renewed_cancelled_or_a_week_old() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let accept = async |token: &str| {
        let error = accept(&world, json!({ "token": token, "name": "Mia", "password": NEW_PASSWORD })).await;
        error.expect_err("a dead link").to_string()
    };
    let first = invited(&ada, "mia@example.com", "MEMBER").await;
    let place = json!({ "workspaceId": "acme", "inviteId": first["id"] });
    let second = ada.ask("workspace.invite.resend", place.clone()).await.unwrap();
    assert_eq!((&second["id"], &second["role"]), (&first["id"], &json!("MEMBER")));
    assert!(accept(&token(&first, "inviteUrl")).await.contains("was taken back or renewed"));
    // Inviting the same e-mail again renews too, with the role that is said then.
    let third = invited(&ada, "mia@example.com", "VIEWER").await;
    assert_eq!((&third["id"], &third["role"]), (&first["id"], &json!("VIEWER")));
    assert!(accept(&token(&second, "inviteUrl")).await.contains("was taken back or renewed"));

    let by_email = json!({ "workspaceId": "acme", "inviteId": "mia@example.com" });
    ada.ask("workspace.invite.cancel", by_email.clone()).await.unwrap();
    assert!(accept(&token(&third, "inviteUrl")).await.contains("was taken back or renewed"));
    assert_eq!(ada.refused("workspace.invite.cancel", by_email).await.status(), 404);
    assert_eq!(ada.refused("workspace.invite.resend", place).await.status(), 404);

    let late = invited(&ada, "mia@example.com", "MEMBER").await;
    run_out(&world, "invite").await;
    assert!(accept(&token(&late, "inviteUrl")).await.contains("has expired"));
    let listed = ada.ask("workspace.invite.list", json!({ "workspaceId": "acme" })).await.unwrap();
    assert_eq!(listed["items"][0]["state"], "EXPIRED");
    for nonsense in ["", "x", &"x".repeat(10_000), "../../etc/passwd", "%00"] {
        assert!(accept(nonsense).await.contains("was taken back or renewed"), "{nonsense}");
    }
}

#[tokio::test]
async fn an_invitation_counts_as_long_as_its_sender_may_send_it() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    ada.ask(
        "workspace.member.update",
        json!({ "workspaceId": "acme", "membershipId": "ben@example.com", "role": "OWNER" }),
    )
    .await
    .unwrap();
    let ben = world.person("ben").await;
    let kept_aside = token(&invited(&ben, "mallory@example.com", "OWNER").await, "inviteUrl");
    let member = json!({ "workspaceId": "acme", "membershipId": "ben@example.com", "role": "MEMBER" });
    ada.ask("workspace.member.update", member).await.unwrap();
    let input = json!({ "token": kept_aside, "name": "Mallory", "password": NEW_PASSWORD });
    assert!(accept(&world, input.clone()).await.unwrap_err().to_string().contains("expired"));
    // Ada makes it hers.
    let renewed = json!({ "workspaceId": "acme", "inviteId": "mallory@example.com" });
    let renewed = ada.ask("workspace.invite.resend", renewed).await.unwrap();
    assert_eq!(renewed["invitedBy"]["name"], "Ada");
    assert!(accept(&world, input).await.is_err(), "the old link stays dead");
    let input = json!({ "token": token(&renewed, "inviteUrl"), "name": "Mallory", "password": NEW_PASSWORD });
    accept(&world, input).await.unwrap();
}

#[tokio::test]
async fn only_owners_invite_and_nobody_twice() {
    let world = World::new().await;
    let (ada, ben, eve) = (world.person("ada").await, world.person("ben").await, world.person("eve").await);
    let mia = json!({ "email": "mia@example.com", "role": "VIEWER" });
    let error = ben.refused("workspace.invite", mia.clone()).await;
    assert_eq!((error.status(), error.permission().unwrap().required.as_str()), (403, "OWNER"));
    let invite = ada.ask("workspace.invite", mia).await.unwrap();
    for operation in ["workspace.invite.resend", "workspace.invite.cancel"] {
        let foreign = json!({ "workspaceId": "bolt", "inviteId": invite["id"] });
        assert_eq!(eve.refused(operation, foreign).await.status(), 404, "{operation}");
    }
    let error = ada.refused("workspace.invite", json!({ "email": "ben@example.com", "role": "OWNER" })).await;
    assert_eq!(error.status(), 409);
    assert!(error.to_string().contains("is a member of the workspace already"), "{error}");
    for bad in
        [json!({ "email": "mia", "role": "MEMBER" }), json!({ "email": "m@x.com\r\nBcc: a@b.c", "role": "MEMBER" })]
    {
        assert_eq!(ada.refused("workspace.invite", bad).await.field_errors()[0].field, "email");
    }
    let error = ada.refused("workspace.invite", json!({ "email": "mia@example.com", "role": "ADMIN" })).await;
    assert_eq!(error.field_errors()[0].field, "role");
}

#[tokio::test]
async fn an_archived_account_is_neither_invited_nor_added_and_joins_nothing() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let eve = token(&invited(&ada, "eve@example.com", "MEMBER").await, "inviteUrl");
    let archive = json!({ "accountId": "eve@example.com" });
    let sam = world.person("sam").await;
    sam.ask("account.archive", archive).await.unwrap();
    let error = accept(&world, json!({ "token": eve, "password": NEW_PASSWORD })).await.unwrap_err();
    assert!(error.status() == 409 && error.to_string().contains("archived"), "{error}");
    let again = json!({ "email": "eve@example.com", "role": "MEMBER" });
    assert_eq!(ada.refused("workspace.invite", again).await.status(), 409);
    let add = json!({ "workspaceId": "acme", "accountId": "eve@example.com", "role": "MEMBER" });
    assert_eq!(ada.refused("workspace.member.add", add).await.status(), 409);
}

#[tokio::test]
async fn an_expired_session_is_nobody_to_an_invitation() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let token = token(&invited(&ada, "mia@example.com", "MEMBER").await, "inviteUrl");
    let dead = Call::with(Credential::Token(TokenHash::of("long gone")));
    let input = json!({ "token": token, "name": "Mia", "password": NEW_PASSWORD });
    assert!(nobody(&world).ask_with(dead, "invite.accept", input).await.is_ok());
    // Who joins and who was there before: the same e-mail is never two people.
    let people = world.app.run(console(), sally::features::accounts::ListAccounts::default()).await.unwrap();
    assert_eq!(people.items.iter().filter(|account| account.email == "mia@example.com").count(), 1);
    assert!(people.items.iter().all(|account| account.created_at <= Moment::now()));
}

/// Whoever it makes an owner would outlive the key.
#[tokio::test]
async fn a_narrowed_key_makes_and_unmakes_no_owner() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let members = ada.ask("workspace.member.list", json!({ "workspaceId": "acme" })).await.unwrap();
    let of = |email: &str| {
        let items = members["items"].as_array().unwrap();
        items.iter().find(|member| member["email"] == email).unwrap()["id"].clone()
    };
    let narrow = world.keyed("ada", KeyKind::Api, Some("*:read *:write *:destructive"), Some("acme")).await;
    let invite = |role: &str| json!({ "workspaceId": "acme", "email": "nils@example.com", "role": role });
    assert_eq!(narrow.refused("workspace.invite", invite("OWNER")).await.status(), 403);
    narrow.ask("workspace.invite", invite("MEMBER")).await.unwrap();
    let update = |email: &str, role: &str| json!({ "workspaceId": "acme", "membershipId": of(email), "role": role });
    let made = narrow.refused("workspace.member.update", update("ben@example.com", "OWNER")).await;
    assert_eq!(made.status(), 403);
    let owner = json!({ "workspaceId": "acme", "membershipId": of("sam@example.com") });
    assert_eq!(narrow.refused("workspace.member.remove", owner).await.status(), 403);
    narrow.ask("workspace.member.update", update("ben@example.com", "VIEWER")).await.unwrap();
}
