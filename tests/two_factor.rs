//! The second factor: setting it up, signing in with it, losing it, and a server that demands it.

mod support;

use sally::core::app::Call;
use sally::core::caller::{Credential, SecondFactorFor};
use sally::core::config::Config;
use sally::core::error::Error;
use sally::core::secret::TokenHash;
use sally::core::time::Moment;
use sally::features::recovery::OfferPassword;
use sally::features::two_factor::ResetTwoFactor;
use serde_json::{Value, json};
use support::{PASSWORD, World, console, line, put};
use totp_rs::{Builder, Secret};

/// Sam at a browser or a program: signed in by password, nothing else.
struct Sam {
    world: World,
    token: String,
}

/// What the app shows now, or so many steps of 30 seconds away. Each is taken once, and one step early is early enough
/// to spare the tests the waiting.
fn code(secret: &str, steps: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    let seconds = Moment::now().ms() / 1_000 + steps * 30;
    totp.generate(seconds.try_into().unwrap()).to_string()
}

impl Sam {
    async fn new() -> Sam {
        Sam::with(|_| {}).await
    }

    async fn with(adjust: impl FnOnce(&mut Config)) -> Sam {
        let adjust = |config: &mut Config| {
            config.sign_in_attempts_per_minute = 1_000;
            adjust(config);
        };
        let world = World::with(adjust).await;
        let mut sam = Sam { world, token: String::new() };
        let answer = sam.login().await;
        sam.token = text(&answer, "sessionToken");
        sam
    }

    async fn login(&self) -> Value {
        self.public("auth.login", json!({ "email": "sam@example.com", "password": PASSWORD })).await.unwrap()
    }

    async fn challenge(&self) -> String {
        text(&self.login().await, "challengeToken")
    }

    async fn answer(&self, challenge: &str, code: &str) -> Result<Value, Error> {
        self.public("auth.login_2fa", json!({ "challengeToken": challenge, "code": code })).await
    }

    async fn public(&self, operation: &str, input: Value) -> Result<Value, Error> {
        self.as_call(Call::default(), operation, input).await
    }

    async fn ask(&self, operation: &str, input: Value) -> Result<Value, Error> {
        self.with_token(&self.token, operation, input).await
    }

    async fn with_token(&self, token: &str, operation: &str, input: Value) -> Result<Value, Error> {
        self.as_call(Call::with(Credential::Token(TokenHash::of(token))), operation, input).await
    }

    async fn as_call(&self, call: Call, operation: &str, input: Value) -> Result<Value, Error> {
        let app = &self.world.app;
        let listed = app.operation(operation).expect(operation);
        let reply = app.answer(listed, call, input.as_object().unwrap().clone()).await?;
        Ok(support::json_of(&reply))
    }

    /// The secret and the recovery codes.
    async fn set_up(&self) -> (String, Vec<String>) {
        let secret = text(&self.ask("auth.two_factor.setup", json!({ "password": PASSWORD })).await.unwrap(), "secret");
        let codes = self.ask("auth.two_factor.confirm", json!({ "code": code(&secret, 0) })).await.unwrap();
        let codes = codes["recoveryCodes"].as_array().unwrap().iter();
        (secret, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
    }

    /// As if half a minute had gone by: codes of any step are new again.
    async fn later(&self) {
        put(&self.world.app, "update second_factor set totp_last_step = 0").await;
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

#[tokio::test]
async fn sam_sets_it_up_and_signs_in_with_the_app() {
    let sam = Sam::new().await;
    let wrong = sam.ask("auth.two_factor.setup", json!({ "password": "Wrong-horse-7" })).await.unwrap_err();
    assert_eq!((wrong.status(), wrong.field_errors()[0].field.as_str()), (422, "password"));
    let missing = sam.ask("auth.two_factor.setup", json!({})).await.unwrap_err();
    assert_eq!(missing.field_errors()[0].message, "is required");

    let begun = sam.ask("auth.two_factor.setup", json!({ "password": PASSWORD })).await.unwrap();
    let secret = text(&begun, "secret");
    assert_eq!(secret.len(), 32, "160 bits: {secret}");
    let uri = text(&begun, "otpauthUri");
    assert!(uri.starts_with("otpauth://totp/Sally:sam%40example.com?") && uri.contains(&secret), "{uri}");
    // Begun is not on: signing in asks for nothing yet.
    assert!(sam.login().await["sessionToken"].is_string());

    let other = text(&sam.login().await, "sessionToken");
    let codes = sam.ask("auth.two_factor.confirm", json!({ "code": code(&secret, 0) })).await.unwrap();
    assert_eq!(codes["recoveryCodes"].as_array().unwrap().len(), 10);
    assert_eq!(sam.with_token(&other, "auth.me", json!({})).await.unwrap_err().status(), 401, "other sessions end");
    let status = sam.ask("auth.two_factor.status", json!({})).await.unwrap();
    assert_eq!((&status["enabled"], &status["recoveryCodesLeft"]), (&json!(true), &json!(10)));

    let asked = sam.login().await;
    assert_eq!((&asked["requiresTwoFactor"], &asked["methods"]), (&json!(true), &json!(["totp", "recovery_code"])));
    assert!(asked.get("sessionToken").is_none() && asked.get("account").is_none(), "{asked}");
    let challenge = text(&asked, "challengeToken");
    assert_eq!(sam.with_token(&challenge, "auth.me", json!({})).await.unwrap_err().status(), 401, "it is no session");
    let signed_in = sam.answer(&challenge, &code(&secret, 1)).await.unwrap();
    assert_eq!(signed_in["account"]["email"], "sam@example.com");
    assert!(sam.with_token(&text(&signed_in, "sessionToken"), "auth.me", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_code_is_taken_once_and_a_challenge_too() {
    let sam = Sam::new().await;
    let secret = text(&sam.ask("auth.two_factor.setup", json!({ "password": PASSWORD })).await.unwrap(), "secret");
    let first = code(&secret, 0);
    sam.ask("auth.two_factor.confirm", json!({ "code": first })).await.unwrap();
    let challenge = sam.challenge().await;
    let used = sam.answer(&challenge, &first).await.unwrap_err();
    assert_eq!((used.status(), used.code(), used.field_errors()[0].field.as_str()), (401, "WRONG_CODE", "code"));
    let spaced = code(&secret, 1);
    let spaced = format!(" {} {} ", &spaced[..3], &spaced[3..]);
    sam.answer(&challenge, &spaced).await.unwrap();
    sam.later().await;
    let dead = sam.answer(&challenge, &code(&secret, 0)).await.unwrap_err();
    assert_eq!((dead.status(), dead.code()), (401, "UNAUTHORIZED"));
    // Older than the last one that was used is used too.
    let (older, newer) = (code(&secret, 0), code(&secret, 1));
    sam.answer(&sam.challenge().await, &newer).await.unwrap();
    assert!(sam.answer(&sam.challenge().await, &older).await.is_err());
    for nonsense in ["000000x", "", "99999999", "١٢٣٤٥٦", "' or 1=1"] {
        assert!(sam.answer(&sam.challenge().await, nonsense).await.is_err(), "{nonsense}");
    }
}

#[tokio::test]
async fn a_challenge_dies_of_five_wrong_codes_and_the_account_rests_after_ten() {
    let sam = Sam::new().await;
    let (secret, _) = sam.set_up().await;
    let challenge = sam.challenge().await;
    for _ in 0..5 {
        assert_eq!(sam.answer(&challenge, "000000").await.unwrap_err().code(), "WRONG_CODE");
    }
    let dead = sam.answer(&challenge, &code(&secret, 1)).await.unwrap_err();
    assert_eq!(dead.code(), "UNAUTHORIZED", "also for the right one");
    // One code was tried at the set-up and five here.
    let challenge = sam.challenge().await;
    for _ in 0..4 {
        assert_eq!(sam.answer(&challenge, "000000").await.unwrap_err().code(), "WRONG_CODE");
    }
    let resting = sam.answer(&sam.challenge().await, &code(&secret, 1)).await.unwrap_err();
    assert_eq!(resting.status(), 429);
    assert!(resting.retry_after_seconds().unwrap() > 60);
}

#[tokio::test]
async fn a_challenge_ends_with_time_a_new_password_or_the_account() {
    let sam = Sam::new().await;
    let (secret, _) = sam.set_up().await;
    let late = sam.challenge().await;
    put(&sam.world.app, "update sign_in_challenge set expires_at = 1").await;
    assert_eq!(sam.answer(&late, &code(&secret, 1)).await.unwrap_err().code(), "UNAUTHORIZED");

    let before = sam.challenge().await;
    let offer = sam.world.app.run(console(), OfferPassword { account: line("sam@example.com") }).await.unwrap();
    let token = offer.set_password_url.split("token=").nth(1).unwrap();
    let reset = json!({ "token": token, "password": "Another-horse-8" });
    sam.public("auth.reset_password", reset).await.unwrap();
    assert_eq!(sam.answer(&before, &code(&secret, 1)).await.unwrap_err().code(), "UNAUTHORIZED");

    // The reset link alone is not the way around it.
    let login = json!({ "email": "sam@example.com", "password": "Another-horse-8" });
    let asked = sam.public("auth.login", login).await.unwrap();
    assert_eq!(asked["requiresTwoFactor"], true);
    put(&sam.world.app, "update account set archived_at = 1 where email = 'sam@example.com'").await;
    let archived = sam.answer(&text(&asked, "challengeToken"), &code(&secret, 1)).await.unwrap_err();
    assert_eq!(archived.code(), "UNAUTHORIZED");
}

#[tokio::test]
async fn a_recovery_code_works_once_and_new_ones_replace_the_old() {
    let sam = Sam::new().await;
    let (secret, codes) = sam.set_up().await;
    assert_eq!(codes[0].len(), 29, "120 bits in groups: {}", codes[0]);
    sam.answer(&sam.challenge().await, &codes[0].to_uppercase()).await.unwrap();
    assert!(sam.answer(&sam.challenge().await, &codes[0]).await.is_err(), "it is used up");
    sam.answer(&sam.challenge().await, &codes[1].replace('-', "")).await.unwrap();
    let status = sam.ask("auth.two_factor.status", json!({})).await.unwrap();
    assert_eq!(status["recoveryCodesLeft"], 8);

    let with_paper = sam.ask("auth.two_factor.confirm", json!({ "code": codes[2] })).await.unwrap_err();
    assert_eq!(with_paper.status(), 422, "paper makes no new paper");
    let new = sam.ask("auth.two_factor.confirm", json!({ "code": code(&secret, 1) })).await.unwrap();
    assert_eq!(new["recoveryCodes"].as_array().unwrap().len(), 10);
    assert!(sam.ask("auth.me", json!({})).await.is_ok(), "new codes end no session");
    assert!(sam.answer(&sam.challenge().await, &codes[3]).await.is_err());
    sam.answer(&sam.challenge().await, new["recoveryCodes"][9].as_str().unwrap()).await.unwrap();
}

#[tokio::test]
async fn turning_it_off_takes_password_and_code() {
    let sam = Sam::new().await;
    let (_, codes) = sam.set_up().await;
    for (input, field) in [
        (json!({ "password": "Wrong-horse-7", "code": codes[0] }), "password"),
        (json!({ "password": PASSWORD, "code": "000000" }), "code"),
        (json!({ "code": codes[0] }), "password"),
        (json!({ "password": PASSWORD }), "code"),
    ] {
        let refused = sam.ask("auth.two_factor.disable", input.clone()).await.unwrap_err();
        assert_eq!((refused.status(), refused.field_errors()[0].field.as_str()), (422, field), "{input}");
    }
    let twice = sam.ask("auth.two_factor.setup", json!({ "password": PASSWORD })).await.unwrap_err();
    assert_eq!(twice.status(), 409);
    sam.ask("auth.two_factor.disable", json!({ "password": PASSWORD, "code": codes[0] })).await.unwrap();
    assert!(sam.login().await["sessionToken"].is_string());
    let status = sam.ask("auth.two_factor.status", json!({})).await.unwrap();
    assert_eq!((&status["enabled"], &status["recoveryCodesLeft"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn the_command_line_lets_somebody_back_in() {
    let sam = Sam::new().await;
    sam.set_up().await;
    let reset = || ResetTwoFactor { account: line("sam@example.com") };
    let own = sam.ask("account.reset_two_factor", json!({ "account": "sam@example.com" })).await.unwrap_err();
    assert_eq!(own.status(), 409, "not with one's own session: that takes password and code");
    sam.world.app.run(console(), reset()).await.unwrap();
    assert_eq!(sam.ask("auth.me", json!({})).await.unwrap_err().status(), 401, "what was open is closed");
    assert!(sam.login().await["sessionToken"].is_string());
    assert_eq!(sam.world.app.run(console(), reset()).await.unwrap_err().status(), 409);
}

#[tokio::test]
async fn a_server_can_demand_it_of_owners_or_of_everybody() {
    let sam = Sam::with(|config| config.require_two_factor = SecondFactorFor::Owners).await;
    let refused = sam.ask("project.list", json!({})).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (403, "SECOND_FACTOR_REQUIRED"));
    for write in [("api_key.create", json!({ "label": "x" })), ("profile.update", json!({ "name": "X" }))] {
        assert_eq!(sam.ask(write.0, write.1).await.unwrap_err().code(), "SECOND_FACTOR_REQUIRED");
    }
    assert_eq!(sam.ask("auth.two_factor.status", json!({})).await.unwrap()["missing"], true);
    // Keys work on, and Ben is no owner.
    assert!(sam.world.person("ada").await.ask("project.list", json!({})).await.is_ok());
    let hash = sally::core::secret::hash_password(PASSWORD).unwrap();
    put(&sam.world.app, &format!("update account set password_hash = '{hash}'")).await;
    for (name, may) in [("ben", true), ("ada", false)] {
        let login = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        let token = text(&sam.public("auth.login", login).await.unwrap(), "sessionToken");
        assert_eq!(sam.with_token(&token, "project.list", json!({})).await.is_ok(), may, "{name}");
    }

    let (_, codes) = sam.set_up().await;
    assert!(sam.ask("workspace.list", json!({})).await.is_ok(), "the session in which it was set up is enough");
    sam.ask("auth.two_factor.disable", json!({ "password": PASSWORD, "code": codes[0] })).await.unwrap();
    assert_eq!(sam.ask("workspace.list", json!({})).await.unwrap_err().code(), "SECOND_FACTOR_REQUIRED");

    let sam = Sam::with(|config| config.require_two_factor = SecondFactorFor::Everybody).await;
    put(&sam.world.app, "update account set platform_role = 'NONE'; delete from workspace_membership").await;
    assert_eq!(sam.ask("workspace.list", json!({})).await.unwrap_err().code(), "SECOND_FACTOR_REQUIRED");
}

#[tokio::test]
async fn a_narrowed_key_does_not_touch_it_and_no_secret_is_in_the_journal() {
    let sam = Sam::new().await;
    let key = sam.world.keyed("sam", sally::features::keys::KeyKind::Api, Some("read write"), None).await;
    for (operation, input) in [
        ("auth.two_factor.setup", json!({ "password": PASSWORD })),
        ("auth.two_factor.confirm", json!({ "code": "000000" })),
        ("auth.two_factor.disable", json!({ "password": PASSWORD, "code": "000000" })),
    ] {
        assert_eq!(key.refused(operation, input).await.status(), 403, "{operation}");
    }
    let (secret, codes) = sam.set_up().await;
    sam.answer(&sam.challenge().await, &codes[0]).await.unwrap();
    let journal = sam.world.app.store().read(|reading| {
        let all = "select group_concat(record_type || fields) from change where record_type in ('second_factor', 'recovery_code')";
        sally::core::store::one(reading.conn(), all, [], |row| row.take::<String>())
    });
    let journal = journal.unwrap();
    assert!(journal.contains("confirmed_at"), "{journal}");
    for left_out in ["totp", "hash", &secret, &secret.to_lowercase()] {
        assert!(!journal.contains(left_out), "{left_out} in {journal}");
    }
}
