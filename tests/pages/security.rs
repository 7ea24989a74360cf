//! The second factor in the browser.

use sally::core::caller::SecondFactorFor;
use sally::core::time::Moment;
use serde_json::json;
use totp_rs::{Builder, Secret};

use super::Browser;
use super::support::server::Server;
use super::support::{PASSWORD, World, put};

/// What the app shows, so many steps of 30 seconds from now.
fn code(secret: &str, steps: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate((Moment::now().ms() / 1_000 + steps * 30).try_into().unwrap()).to_string()
}

#[tokio::test]
async fn sam_sets_up_a_second_factor_signs_in_with_it_and_turns_it_off() {
    let world = World::with(|config| config.sign_in_attempts_per_minute = 1_000).await;
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    browser.sign_in(PASSWORD, "");
    assert!(browser.get("/settings/security").has("Set it up"));
    let wrong = browser.post("/settings/security/setup", &[("password", "Wrong-horse-7")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.has("Is not your current password.") && !wrong.has("Wrong-horse-7"));

    let begun = browser.post("/settings/security/setup", &[("password", PASSWORD)]);
    assert!(begun.has("src=\"data:image/svg+xml;base64,") && begun.has("autocomplete=\"one-time-code\""));
    let secret = begun.hidden("secret");
    let mistyped = browser.post("/settings/security/confirm", &[("secret", &secret), ("code", "000000")]);
    assert_eq!((mistyped.status, mistyped.hidden("secret")), (422, secret.clone()), "the same picture again");
    assert!(mistyped.has("id=\"code-error\""));
    let codes = browser.post("/settings/security/confirm", &[("secret", &secret), ("code", &code(&secret, 0))]);
    assert_eq!(codes.body.matches("<li><code>").count(), 10);
    assert!(codes.has("download=\"sally-recovery-codes.txt\""));
    let paper = codes.body.split("<li><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(!browser.get("/settings/security").has(&paper), "shown once");

    browser.post("/logout", &[]);
    let asked = browser.sign_in(PASSWORD, "/inbox");
    assert_eq!((asked.status, asked.location.as_str()), (303, "/login/code?next=%2Finbox"));
    let cookie = asked.cookies.iter().find(|cookie| cookie.starts_with("sally_challenge=")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("Path=/login") && cookie.contains("Max-Age=600"));
    assert!(!asked.cookies.iter().any(|cookie| cookie.starts_with("sally_session=")));
    assert_eq!(browser.get("/inbox").location, "/login?next=%2Finbox", "nobody is in yet");
    assert_eq!(browser.get(&asked.location).heading(), "Your code");
    let wrong = browser.post("/login/code", &[("code", "000000"), ("next", "/inbox")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.has("id=\"code-error\"") && wrong.hidden("next") == "/inbox");
    let foreign = browser.post_with("/login/code", &[("code", &paper)], &[("sec-fetch-site", "cross-site")]);
    assert_eq!(foreign.status, 403);
    let right = browser.post("/login/code", &[("code", &code(&secret, 1)), ("next", "/inbox")]);
    assert_eq!((right.status, right.location.as_str()), (303, "/inbox"));
    assert_eq!(browser.get("/inbox").heading(), "Inbox");
    assert!(!browser.cookies.borrow().contains_key("sally_challenge"));
    assert_eq!(browser.get("/login/code").location, "/login", "there is nothing to ask");

    let off = browser.post("/settings/security/disable", &[("password", PASSWORD), ("code", &paper)]);
    assert_eq!(off.location, "/settings/security");
    assert!(browser.get("/settings/security").has("Your second factor is off"));
}

#[tokio::test]
async fn a_sign_in_that_took_too_long_begins_anew() {
    let world = World::new().await;
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    browser.cookies.borrow_mut().insert("sally_challenge".into(), "made-up".into());
    let shown = browser.post("/login/code", &[("code", "123456"), ("next", "/inbox")]);
    assert_eq!((shown.status, shown.heading()), (401, "Sign in"));
    assert!(shown.has("Sign in again.") && shown.hidden("next") == "/inbox");
    assert!(!browser.cookies.borrow().contains_key("sally_challenge"));
}

#[tokio::test]
async fn whoever_must_have_one_is_led_to_it_and_nowhere_else() {
    let world = World::with(|config| config.require_two_factor = SecondFactorFor::Everybody).await;
    let server = Server::start(&world.app);
    let browser = Browser::new(&server.base);
    assert_eq!(browser.sign_in(PASSWORD, "").location, "/");
    for path in ["/", "/projects", "/settings", "/settings/keys", "/search?q=x", "/crm/deals"] {
        assert_eq!(browser.get(path).location, "/settings/security", "{path}");
    }
    assert_eq!(browser.post("/settings/keys", &[("label", "x")]).location, "/settings/security");
    assert!(browser.get("/settings/security").has("This server asks for a second factor"));
    let secret = browser.post("/settings/security/setup", &[("password", PASSWORD)]).hidden("secret");
    browser.post("/settings/security/confirm", &[("secret", &secret), ("code", &code(&secret, 0))]);
    assert_eq!(browser.get("/").heading(), "My work");
    assert_eq!(browser.post("/logout", &[]).location, "/login");
}

#[tokio::test]
async fn a_superadministrator_takes_a_lost_second_factor_away_after_being_asked() {
    let world = World::with(|config| config.sign_in_attempts_per_minute = 1_000).await;
    let server = Server::start(&world.app);
    let sam = Browser::new(&server.base);
    sam.sign_in(PASSWORD, "");
    let (account, button) = ("/admin/accounts/ben@example.com", "href=\"/admin/accounts/");
    assert!(!sam.get(account).has("Lost second factor"), "there is none to lose");
    put(
        &world.app,
        "insert into second_factor (id, account_id, totp_secret, confirmed_at, created_at, updated_at)
         select 1, id, randomblob(20), 1, 1, 1 from account where email = 'ben@example.com'",
    )
    .await;
    let shown = sam.get(account);
    let path = shown.body.split(button).find_map(|rest| rest.split_once("/second-factor\"")).expect("a button").0;
    let path = format!("/admin/accounts/{path}/second-factor");
    assert!(sam.get(&path).has("Take away the second factor of Ben?"));
    assert!(sam.get(account).has("Lost second factor"), "asked, nothing has happened yet");
    assert_eq!(sam.post(&path, &[]).status, 303);
    assert!(!sam.get(account).has("Lost second factor"));
    let again = sam.post(&path, &[]);
    assert!(again.status == 409 && again.has("has no second factor"), "{}", again.body);

    let ada = Browser::new(&server.base);
    let key = world.person("ada").await.token;
    ada.cookies.borrow_mut().insert("sally_session".into(), key);
    assert_eq!((ada.get(&path).status, ada.post(&path, &[]).status), (403, 403));
}

#[tokio::test]
async fn what_one_is_told_of_is_chosen_where_it_can_be() {
    for sends_mail in [true, false] {
        let world = World::with(|config| {
            if sends_mail {
                let url: url::Url = "smtp://127.0.0.1:9?tls=none".parse().unwrap();
                config.smtp_url = Some(url.try_into().unwrap());
                config.mail_from = Some("Sally <sally@example.com>".parse().unwrap());
            }
        })
        .await;
        let server = Server::start(&world.app);
        let sam = Browser::new(&server.base);
        sam.sign_in(PASSWORD, "");
        let shown = sam.get("/settings/notifications");
        assert_eq!(shown.body.matches("type=\"checkbox\"").count(), if sends_mail { 6 } else { 3 });
        assert_eq!(shown.has("This server sends no mail"), !sends_mail);
        assert_eq!(shown.body.matches(" checked").count(), if sends_mail { 6 } else { 3 });
        let saved = sam.post("/settings/notifications", &[("inApp", "task.assigned"), ("email", "followup.due")]);
        assert_eq!((saved.status, saved.location.as_str()), (303, "/settings/notifications"));
        assert!(sam.get("/settings/notifications").has("value=\"task.assigned\" checked"));
        let chosen = world.person("sam").await.ask("notification.preferences.get", json!({})).await.unwrap();
        let of = |place: usize| (chosen["items"][place]["inApp"].clone(), chosen["items"][place]["email"].clone());
        // What the page did not show stays as it was.
        assert_eq!(of(0), (json!(true), json!(!sends_mail)));
        assert_eq!(of(1), (json!(false), json!(!sends_mail)));
        assert_eq!(of(2), (json!(false), json!(true)));
    }
}
