//! Single sign-on, against a provider that says what a test tells it to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use sally::core::caller::Role;
use sally::core::config::Config;
use sally::core::time::Moment;
use sally::features::recovery::OfferPassword;
use sally::features::sso::UnlinkProvider;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::support::server::Server;
use super::support::{PASSWORD, World, console, line, put};
use super::{Browser, Shown};

/// A provider on a port of its own. It signs whatever the test put on its tongue.
struct Idp {
    issuer: String,
    said: Arc<Mutex<Said>>,
    key: EcdsaKeyPair,
}

#[derive(Default)]
struct Said {
    keys: Value,
    discovery: Value,
    id_token: String,
    user_info: Value,
    /// The forms that the token endpoint was sent, with the name that signed for them.
    forms: Vec<BTreeMap<String, String>>,
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn new_key() -> EcdsaKeyPair {
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap()
}

fn public(key: &EcdsaKeyPair, id: &str) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": base64url(x), "y": base64url(y) })
}

impl Idp {
    fn start() -> Idp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = new_key();
        let said = Said {
            keys: json!({ "keys": [public(&key, "one")] }),
            discovery: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize?tenant=acme"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "userinfo_endpoint": format!("{issuer}/me"),
            }),
            ..Said::default()
        };
        let said = Arc::new(Mutex::new(said));
        let speaking = said.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &speaking);
            }
        });
        Idp { issuer, said, key }
    }

    /// What an honest token says of Ada.
    fn claims(&self, nonce: &str) -> Value {
        let now = Moment::now().ms() / 1_000;
        json!({ "iss": self.issuer, "aud": "sally", "sub": "ada-at-the-provider", "nonce": nonce, "iat": now,
                "exp": now + 300, "email": "ada@example.com", "email_verified": true, "name": "Ada" })
    }

    fn sign_with(&self, key: &EcdsaKeyPair, id: &str, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": id });
        let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url(signature.as_ref()))
    }

    fn says(&self, claims: &Value) {
        let token = self.sign_with(&self.key, "one", claims);
        self.said.lock().unwrap().id_token = token;
    }
}

fn answer(stream: TcpStream, said: &Mutex<Said>) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    let mut signed = String::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let lower = header.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if lower.starts_with("authorization:") {
            signed = header["authorization:".len()..].trim().to_owned();
        }
        if header.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut said = said.lock().unwrap();
    let (status, answer) = match first.split(' ').nth(1).unwrap() {
        "/.well-known/openid-configuration" => (200, said.discovery.clone()),
        "/keys" => (200, said.keys.clone()),
        "/me" => (200, said.user_info.clone()),
        "/token" => {
            let mut form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
            form.insert("signed".into(), signed);
            let is_known = form["code"] != "stale";
            said.forms.push(form);
            match is_known {
                true => (200, json!({ "token_type": "Bearer", "access_token": "at", "id_token": said.id_token })),
                false => (400, json!({ "error": "invalid_grant", "error_description": "inside of the provider" })),
            }
        }
        _ => (404, json!({})),
    };
    let body = answer.to_string();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let _ = write!(reader.get_mut(), "{head}Connection: close\r\n\r\n{body}");
}

/// A server that asks the provider, and who it finds there.
struct Scene {
    idp: Idp,
    world: World,
    server: Server,
}

/// Somebody on the way back from the provider.
struct Away {
    browser: Browser,
    state: String,
    nonce: String,
    challenge: String,
}

impl Scene {
    async fn new() -> Scene {
        Scene::with(|_| {}).await
    }

    async fn with(adjust: impl FnOnce(&mut Config)) -> Scene {
        let idp = Idp::start();
        let issuer = idp.issuer.clone();
        let world = World::with(|config| {
            config.oidc_issuer = issuer;
            config.oidc_client_id = "sally".into();
            config.oidc_client_secret = toml::Value::from("a/secret").try_into().unwrap();
            config.oidc_name = "Acme Login".into();
            config.sign_in_attempts_per_minute = 1_000;
            adjust(config);
        })
        .await;
        let server = Server::start(&world.app);
        Scene { idp, world, server }
    }

    fn go(&self) -> Away {
        self.go_from("/inbox")
    }

    fn go_from(&self, next: &str) -> Away {
        let browser = Browser::new(&self.server.base);
        let sent = browser.get(&format!("/login/sso?next={next}"));
        assert_eq!(sent.status, 303, "{}", sent.body);
        let url = url::Url::parse(&sent.location).unwrap();
        assert!(sent.location.starts_with(&format!("{}/authorize?tenant=acme&", self.idp.issuer)));
        let of = |name: &str| url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
        let callback = format!("{}/login/sso/callback", self.world.app.config().base_url());
        assert_eq!(
            (of("response_type"), of("client_id"), of("redirect_uri")),
            ("code".into(), "sally".into(), callback)
        );
        assert_eq!((of("code_challenge_method"), of("scope")), ("S256".into(), "openid email profile".into()));
        Away { browser, state: of("state"), nonce: of("nonce"), challenge: of("code_challenge") }
    }

    /// Somebody whom the provider says this of.
    fn comes(&self, adjust: impl FnOnce(&mut Value)) -> (Away, Shown) {
        let away = self.go();
        let mut claims = self.idp.claims(&away.nonce);
        adjust(&mut claims);
        self.idp.says(&claims);
        let shown = away.back();
        (away, shown)
    }

    fn count(&self, what: &str) -> i64 {
        let sql = format!("select count(*) from {what}");
        let count = |reading: &mut sally::core::store::Reading| {
            sally::core::store::one(reading.conn(), &sql, [], |row| row.take())
        };
        self.world.app.store().read(count).unwrap()
    }
}

impl Away {
    fn back(&self) -> Shown {
        self.back_with(&format!("code=c0de&state={}", self.state))
    }

    /// As a browser comes from another site.
    fn back_with(&self, query: &str) -> Shown {
        let headers = [("accept", "text/html"), ("sec-fetch-site", "cross-site")];
        self.browser.send("GET", &format!("/login/sso/callback?{query}"), &headers, "")
    }

    fn is_in(&self) -> bool {
        self.browser.cookies.borrow().contains_key("sally_session")
    }
}

#[tokio::test]
async fn ada_comes_in_by_the_provider_and_is_known_by_her_subject_from_then_on() {
    let scene = Scene::new().await;
    assert!(Browser::new(&scene.server.base).get("/login?next=/inbox").has("href=\"/login/sso?next=/inbox\""));
    let (ada, shown) = scene.comes(|_| {});
    assert_eq!((shown.status, shown.location.as_str()), (303, "/inbox"), "{}", shown.body);
    assert!(ada.is_in() && !ada.browser.cookies.borrow().contains_key("sally_sso"));
    assert_eq!(ada.browser.get("/inbox").heading(), "Inbox");
    assert!(ada.browser.get("/settings").has("ada@example.com"));

    let form = scene.idp.said.lock().unwrap().forms[0].clone();
    assert_eq!(base64url(Sha256::digest(&form["code_verifier"])), ada.challenge, "PKCE");
    assert_eq!((form["grant_type"].as_str(), form["code"].as_str()), ("authorization_code", "c0de"));
    assert_eq!(form["signed"], "Basic c2FsbHk6YSUyRnNlY3JldA==", "RFC 6749: both parts are form-encoded");
    assert!(!form.contains_key("client_secret"));

    // Her address at the provider changes; Ben gets the old one. Neither becomes the other.
    let (renamed, _) = scene.comes(|claims| claims["email"] = json!("ada.l@example.com"));
    assert!(renamed.browser.get("/settings").has("ada@example.com"));
    let (other, shown) = scene.comes(|claims| claims["sub"] = json!("another person"));
    assert!(shown.has("belongs to somebody else at Acme Login") && !other.is_in());
    scene.world.app.run(console(), UnlinkProvider { account: line("ada@example.com") }).await.unwrap();
    assert!(scene.comes(|claims| claims["sub"] = json!("another person")).0.is_in());
    assert_eq!(scene.count("external_identity"), 1);
}

#[tokio::test]
async fn what_the_provider_did_not_say_to_us_now_is_not_believed() {
    let scene = Scene::new().await;
    let now = Moment::now().ms() / 1_000;
    type Change = (&'static str, Value);
    let wrong: [(&str, Change); 12] = [
        ("nonce", ("nonce", json!("another"))),
        ("no nonce", ("nonce", json!(null))),
        ("audience", ("aud", json!("another-client"))),
        ("several audiences and nobody it was made out to", ("aud", json!(["sally", "another-client"]))),
        ("made out to another", ("azp", json!("another-client"))),
        ("no audience", ("aud", json!(null))),
        ("issuer", ("iss", json!("https://evil.example"))),
        ("several issuers", ("iss", json!([scene.idp.issuer, "https://evil.example"]))),
        ("expired", ("exp", json!(now - 120))),
        ("no end", ("exp", json!(null))),
        ("not yet", ("nbf", json!(now + 600))),
        ("nobody", ("sub", json!(""))),
    ];
    for (what, (claim, value)) in wrong {
        let (away, shown) = scene.comes(|claims| claims[claim] = value);
        assert_eq!((shown.status, shown.location.as_str()), (403, ""), "{what}");
        assert!(shown.has("it was not completed there") && !away.is_in(), "{what}");
        assert!(!shown.has("ID token"), "{what}: nothing of the inside is shown");
    }
    assert_eq!(scene.count("session"), 0);
    assert_eq!(scene.count("external_identity"), 0);
}

#[tokio::test]
async fn a_token_that_another_made_is_not_believed() {
    let scene = Scene::new().await;
    let stranger = new_key();
    let honest = |claims: &Value| scene.idp.sign_with(&scene.idp.key, "one", claims);
    // The honest token under another header.
    let under = |claims: &Value, header: Value| {
        let token = honest(claims);
        format!("{}.{}", base64url(header.to_string()), token.split_once('.').unwrap().1)
    };
    let cut = |token: String| token.rsplit_once('.').unwrap().0.to_owned() + ".";
    type Forge<'a> = (&'static str, Box<dyn Fn(&Value) -> String + 'a>);
    let tokens: Vec<Forge<'_>> = vec![
        ("alg none", Box::new(|claims| cut(under(claims, json!({ "alg": "none" }))))),
        ("alg none, signed", Box::new(|claims| under(claims, json!({ "alg": "none", "kid": "one" })))),
        ("no signature", Box::new(|claims| cut(honest(claims)))),
        (
            "altered",
            Box::new(|claims| {
                let token = honest(claims);
                let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
                let mut altered = claims.clone();
                altered["email"] = json!("sam@example.com");
                format!("{header}.{}.{signature}", base64url(altered.to_string()))
            }),
        ),
        ("a stranger's key", Box::new(|claims| scene.idp.sign_with(&stranger, "one", claims))),
        ("a key that nobody names", Box::new(|claims| scene.idp.sign_with(&stranger, "two", claims))),
        ("a shared secret", Box::new(|claims| under(claims, json!({ "alg": "HS256", "kid": "one" })))),
        ("another algorithm", Box::new(|claims| under(claims, json!({ "alg": "RS256", "kid": "one" })))),
        ("no token", Box::new(|_| "nonsense".into())),
    ];
    for (what, forge) in tokens {
        let away = scene.go();
        let token = forge(&scene.idp.claims(&away.nonce));
        scene.idp.said.lock().unwrap().id_token = token;
        let shown = away.back();
        assert!(shown.status == 403 && !away.is_in(), "{what}: {}", shown.body);
    }
    // A new key of the provider's own is asked for.
    scene.idp.said.lock().unwrap().keys = json!({ "keys": [public(&scene.idp.key, "one"), public(&stranger, "two")] });
    let away = scene.go();
    let token = scene.idp.sign_with(&stranger, "two", &scene.idp.claims(&away.nonce));
    scene.idp.said.lock().unwrap().id_token = token;
    assert_eq!(away.back().location, "/inbox");
}

#[tokio::test]
async fn an_answer_counts_once_and_in_the_browser_that_asked() {
    let scene = Scene::new().await;
    let (ada, _) = scene.comes(|_| {});
    // The same address once more, with everything that the browser had.
    let again = scene.go();
    scene.idp.says(&scene.idp.claims(&again.nonce));
    let cookie = again.browser.cookies.borrow()["sally_sso"].clone();
    assert_eq!(again.back().status, 303);
    again.browser.cookies.borrow_mut().remove("sally_session");
    again.browser.cookies.borrow_mut().insert("sally_sso".into(), cookie);
    let replayed = again.back();
    assert!(replayed.status == 403 && replayed.has("began in another window") && !again.is_in());

    // Eve sends Vera the address that would sign her in as Eve.
    let eve = scene.go();
    let vera = scene.go();
    let planted = vera.back_with(&format!("code=c0de&state={}", eve.state));
    assert!(planted.status == 403 && !vera.is_in());
    let nobody = Away { browser: Browser::new(&scene.server.base), ..scene.go() };
    assert_eq!(nobody.back().status, 403, "without the cookie");
    for query in ["", "code=c0de", "code=c0de&state=x", "state=&code="] {
        assert_eq!(scene.go().back_with(query).status, 403, "{query}");
    }
    assert!(ada.is_in());
}

#[tokio::test]
async fn what_goes_wrong_at_the_provider_is_told_in_plain_words() {
    let scene = Scene::new().await;
    let stale = scene.go();
    let shown = stale.back_with(&format!("code=stale&state={}", stale.state));
    assert!(shown.has("The sign-in by Acme Login did not work") && !shown.has("inside of the provider"));
    assert!(!shown.has("invalid_grant"));
    let denied = scene.go();
    let error = format!("error=access_denied&error_description=%3Cscript%3E&state={}", denied.state);
    let shown = denied.back_with(&error);
    assert!(shown.status == 403 && !shown.has("access_denied") && !shown.has("<script>"));
    let mixed = scene.go();
    scene.idp.says(&scene.idp.claims(&mixed.nonce));
    let shown = mixed.back_with(&format!("code=c0de&state={}&iss=https%3A%2F%2Fevil.example", mixed.state));
    assert!(shown.status == 403 && !mixed.is_in(), "the answer of another provider");

    let away = Scene::with(|config| config.oidc_issuer = "http://127.0.0.1:9".into()).await;
    let shown = Browser::new(&away.server.base).get("/login/sso");
    assert_eq!((shown.status, shown.heading()), (503, "Sign in"));
    assert!(shown.has("Acme Login does not answer.") && !shown.has("127.0.0.1:9"));
    // One that calls itself something else is another one.
    let liar = Scene::new().await;
    liar.idp.said.lock().unwrap().discovery["issuer"] = json!("https://evil.example");
    assert_eq!(Browser::new(&liar.server.base).get("/login/sso").status, 503);
    let none = World::new().await;
    let server = Server::start(&none.app);
    assert_eq!(Browser::new(&server.base).get("/login/sso").status, 404);
    assert_eq!(Browser::new(&server.base).get("/login/sso/callback?code=x&state=x").status, 404);
    assert!(!Browser::new(&server.base).get("/login").has("/login/sso"));
}

#[tokio::test]
async fn only_verified_addresses_of_the_allowed_domains_come_in_and_strangers_only_where_they_may_join() {
    let scene = Scene::with(|config| config.oidc_allowed_domains = vec!["Example.com".into()]).await;
    for unverified in [json!(false), json!(null), json!("yes"), json!(1)] {
        let (away, shown) = scene.comes(|claims| claims["email_verified"] = unverified.clone());
        assert!(shown.has("has not verified your e-mail address") && !away.is_in(), "{unverified}");
    }
    let (foreign, shown) = scene.comes(|claims| claims["email"] = json!("ada@example.com.evil.example"));
    assert!(shown.has("Addresses at example.com.evil.example are not let in here.") && !foreign.is_in());
    let (_, shown) = scene.comes(|claims| claims["email"] = json!("not an address"));
    assert!(shown.has("does not tell your e-mail address"));
    let (stranger, shown) = scene.comes(|claims| claims["email"] = json!("mia@example.com"));
    assert!(shown.has("There is no account for mia@example.com here.") && !stranger.is_in());
    put(&scene.world.app, "update account set archived_at = 1 where email = 'ada@example.com'").await;
    let (archived, shown) = scene.comes(|_| {});
    assert!(shown.has("Your account here is archived.") && !archived.is_in());

    let open = Scene::with(|config| {
        config.oidc_workspace = "acme".into();
        config.oidc_role = Role::Viewer;
    })
    .await;
    let mias = |claims: &mut Value| {
        claims["sub"] = json!("mia");
        claims["email"] = json!("Mia@Example.com");
        claims["name"] = json!("Mia Lind");
    };
    let (mia, _) = open.comes(mias);
    assert!(mia.is_in());
    assert!(mia.browser.get("/settings").has("mia@example.com") && mia.browser.get("/projects").has("Acme"));
    assert_eq!(open.count("workspace_membership m join account a on a.id = m.account_id where a.name = 'Mia Lind' and m.role = 'VIEWER'"), 1);
    // Who was taken out of the workspace is not put back by signing in.
    put(
        &open.world.app,
        "delete from workspace_membership where account_id = (select id from account where name = 'Mia Lind')",
    )
    .await;
    assert!(open.comes(mias).0.is_in());
    assert_eq!(open.count("workspace_membership m join account a on a.id = m.account_id where a.name = 'Mia Lind'"), 0);
}

#[tokio::test]
async fn where_the_token_is_silent_the_user_info_tells_the_address_of_the_same_person() {
    let scene = Scene::new().await;
    let silent = |claims: &mut Value| {
        claims.as_object_mut().unwrap().remove("email");
        claims.as_object_mut().unwrap().remove("email_verified");
    };
    let info =
        json!({ "sub": "ada-at-the-provider", "email": "ada@example.com", "email_verified": "true", "name": "Ada" });
    scene.idp.said.lock().unwrap().user_info = info.clone();
    assert!(scene.comes(silent).0.is_in());
    scene.idp.said.lock().unwrap().user_info["sub"] = json!("somebody else");
    assert!(!scene.comes(silent).0.is_in());
}

#[tokio::test]
async fn the_second_factor_is_asked_for_unless_the_provider_vouches_for_one() {
    let scene = Scene::with(|config| config.require_two_factor = sally::core::caller::SecondFactorFor::Everybody).await;
    // Ada has none yet: she is led to set one up, and may without a password, as she has just signed in.
    let (ada, _) = scene.comes(|_| {});
    assert_eq!(ada.browser.get("/inbox").location, "/settings/security");
    let begun = ada.browser.post("/settings/security/setup", &[]);
    assert!(begun.has("id=\"totp-secret\""), "{}", begun.body);
    let (vouched, _) = scene.comes(|claims| claims["amr"] = json!(["pwd", "mfa"]));
    assert_eq!(vouched.browser.get("/inbox").heading(), "Inbox");
    let (pretended, _) = scene.comes(|claims| claims["amr"] = json!("mfa"));
    assert_eq!(pretended.browser.get("/inbox").location, "/settings/security");

    put(&scene.world.app, "update second_factor set confirmed_at = 1; delete from session").await;
    let (asked, shown) = scene.comes(|_| {});
    assert_eq!((shown.location.as_str(), asked.is_in()), ("/login/code?next=%2Finbox", false));
    assert!(scene.comes(|claims| claims["amr"] = json!(["mfa"])).0.is_in());

    let trusting = Scene::with(|config| {
        config.require_two_factor = sally::core::caller::SecondFactorFor::Everybody;
        config.oidc_second_factor = true;
    })
    .await;
    assert_eq!(trusting.comes(|_| {}).0.browser.get("/inbox").heading(), "Inbox");
}

#[tokio::test]
async fn where_passwords_are_off_a_superadmin_still_gets_in() {
    let scene = Scene::with(|config| config.oidc_only = true).await;
    let browser = Browser::new(&scene.server.base);
    assert!(browser.get("/login").has("Administrators"));
    assert_eq!(browser.sign_in(PASSWORD, "").status, 303);
    put(&scene.world.app, "update account set platform_role = 'ADMIN'").await;
    let browser = Browser::new(&scene.server.base);
    let shown = browser.sign_in(PASSWORD, "");
    assert_eq!(shown.status, 403);
    let words = "all others are turned off here. Sign in by Acme Login.";
    assert!(shown.has(words));
    assert!(browser.sign_in("Wrong-horse-7", "").has(words), "and no stranger is told more");
    let nobody = browser.post("/login", &[("email", "nobody@example.com"), ("password", PASSWORD)]);
    assert!(nobody.status == 403 && nobody.has(words), "{}", nobody.body);

    assert!(!browser.get("/login").has("/forgot-password"), "a reset is not offered");
    assert!(browser.get("/forgot-password").has("href=\"/login/sso\""));
    for email in ["sam@example.com", "nobody@example.com"] {
        let asked = browser.post("/forgot-password", &[("email", email)]);
        assert_eq!((asked.status, asked.has("Passwords are turned off here.")), (403, true), "{email}");
    }
    let offer = scene.world.app.run(console(), OfferPassword { account: line("ada@example.com") }).await;
    assert!(offer.unwrap_err().to_string().contains("Passwords are turned off here."));
}

#[tokio::test]
async fn where_passwords_are_off_one_rule_says_whose() {
    let scene = Scene::with(|config| config.oidc_only = true).await;
    let ben = scene.world.person("ben").await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "Another-horse-8" });
    let refused = ben.refused("auth.change_password", change).await;
    assert_eq!((refused.status(), refused.detail()), (403, "Passwords are turned off here. Sign in by Acme Login."));

    // A superadministrator has theirs: for an invitation too.
    let eve = scene.world.person("eve").await;
    for (email, status) in [("sam@example.com", 303), ("ben@example.com", 403)] {
        let invite = eve.ask("workspace.invite", json!({ "email": email, "role": "MEMBER" })).await.unwrap();
        let token = invite["inviteUrl"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
        let browser = Browser::new(&scene.server.base);
        let shown = browser.post("/accept-invite", &[("token", &token), ("password", PASSWORD)]);
        assert_eq!(shown.status, status, "{}", shown.body);
    }
}

#[tokio::test]
async fn where_passwords_are_off_an_invitation_leads_to_the_provider() {
    let scene = Scene::with(|config| config.oidc_only = true).await;
    let ada = scene.world.person("ada").await;
    let invite = json!({ "email": "mia@example.com", "role": "MEMBER" });
    let made = ada.ask("workspace.invite", invite).await.unwrap();
    let path = made["inviteUrl"].as_str().unwrap().split_once("/accept-invite").unwrap().1.to_owned();
    let (path, token) = (format!("/accept-invite{path}"), path.split_once("token=").unwrap().1.to_owned());
    let browser = Browser::new(&scene.server.base);
    let shown = browser.get(&path);
    assert!(!shown.has("type=\"password\"") && shown.has("Sign in with Acme Login"), "{}", shown.body);
    let fields = [("token", token.as_str()), ("name", "Mia"), ("password", "Another-horse-8")];
    let refused = browser.post("/accept-invite", &fields);
    assert_eq!((refused.status, scene.count("account where email = 'mia@example.com'")), (403, 0));

    // Who is not invited stays outside; who is comes in, and has then to say yes.
    let next = path.replace('=', "%3D");
    let come = |email: &'static str| {
        let away = scene.go_from(&next);
        let mut claims = scene.idp.claims(&away.nonce);
        (claims["sub"], claims["email"], claims["name"]) = (json!(email), json!(email), json!("Mia"));
        scene.idp.says(&claims);
        let shown = away.back();
        (away, shown)
    };
    assert!(!come("max@example.com").0.is_in());
    let (mia, shown) = come("mia@example.com");
    assert_eq!(shown.location, path, "{}", shown.body);
    assert!(mia.browser.get(&path).has("You are signed in as <b>mia@example.com</b>."));
    let joined = mia.browser.post("/accept-invite", &[("token", &token)]);
    assert_eq!((joined.status, joined.location.as_str()), (303, "/"), "{}", joined.body);
    assert!(mia.browser.get("/settings/members").has("mia@example.com"));
}

#[tokio::test]
async fn what_somebody_made_before_her_ends_when_ada_first_comes_by_the_provider() {
    let scene = Scene::new().await;
    let offer = scene.world.app.run(console(), OfferPassword { account: line("ada@example.com") }).await.unwrap();
    let token = offer.set_password_url.split_once("token=").unwrap().1.to_owned();
    let before = Browser::new(&scene.server.base);
    assert_eq!(before.post("/reset-password", &[("token", &token), ("password", "Another-horse-8")]).status, 303);
    let key = scene.world.person("ada").await;
    assert_eq!(before.get("/inbox").heading(), "Inbox");

    let (ada, _) = scene.comes(|_| {});
    assert!(ada.browser.get("/inbox").has("You have shown that this account is yours."));
    assert_eq!(before.get("/inbox").location, "/login?next=%2Finbox");
    assert_eq!(key.refused("auth.me", json!({})).await.status(), 401);
    assert_eq!(scene.count("account where email = 'ada@example.com' and password_hash is not null"), 0);

    // Once; what she makes herself stays.
    let key = scene.world.person("ada").await;
    assert!(!scene.comes(|_| {}).0.browser.get("/inbox").has("You have shown"));
    key.ask("auth.me", json!({})).await.unwrap();
}
