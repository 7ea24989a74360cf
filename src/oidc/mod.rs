//! Single sign-on: the client of an OpenID Connect provider. Authorization code with PKCE, state and nonce; discovery; keys
//! that change. What it finds out is a [`Proved`]; who that is here, and whether they may come in, is decided in
//! `features::sso`. Everything here waits for the network, so it runs on threads that may.

mod id_token;
mod signatures;

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use url::Url;

use crate::core::config::Config;
use crate::core::error::{Error, Kind, Result};
use crate::core::outward;
use crate::core::secret::{self, TokenHash};
use crate::features::sso::Proved;

/// As long as somebody may take at the provider.
pub const MINUTES: u64 = 10;
/// What the provider has said of itself is asked for again after that.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);
/// A provider that takes longer is not there.
const TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_ANSWER: u64 = 512 << 10;
/// People on their way at once; whoever floods this is stopped here and not by the machine's memory.
const MOST_WAITING: usize = 10_000;
/// Where the provider sends people back to.
pub const CALLBACK: &str = "/login/sso/callback";

/// The provider that the configuration names.
pub struct Provider {
    issuer: String,
    name: String,
    client_id: String,
    client_secret: String,
    callback: String,
    agent: ureq::Agent,
    known: Mutex<Option<Arc<Known>>>,
    waiting: Mutex<HashMap<TokenHash, Waiting>>,
}

/// What the provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

struct Known {
    metadata: Metadata,
    keys: JwkSet,
    at: Instant,
}

/// Somebody who was sent to the provider. Kept here and not in the browser, so that an answer counts once.
struct Waiting {
    /// The browser that was sent: nobody can finish a sign-in in somebody else's.
    browser: TokenHash,
    nonce: String,
    verifier: String,
    next: String,
    since: Instant,
}

/// Where to send the browser, and what it must bring back in its cookie.
pub struct Start {
    pub address: String,
    pub browser: String,
}

/// What came back in the address.
#[derive(Default)]
pub struct Returned {
    pub state: String,
    pub code: String,
    pub issuer: String,
    pub error: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Provider {
    /// `None` where none is configured.
    pub fn new(config: &Config) -> Option<Provider> {
        if config.oidc_issuer.is_empty() {
            return None;
        }
        signatures::install();
        let agent =
            outward::agent().timeout_global(Some(TIMEOUT)).https_only(config.oidc_issuer.starts_with("https:")).build();
        Some(Provider {
            issuer: config.oidc_issuer.clone(),
            name: config.oidc_name.clone(),
            client_id: config.oidc_client_id.clone(),
            client_secret: config.oidc_client_secret.reveal().to_owned(),
            callback: format!("{}{CALLBACK}", config.base_url()),
            agent: agent.into(),
            known: Mutex::default(),
            waiting: Mutex::default(),
        })
    }

    /// What the button says.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends somebody to the provider, from where they go on to `next`.
    pub fn start(&self, next: &str) -> Result<Start> {
        let known = self.known()?;
        let [state, browser, nonce, verifier] = [(); 4].map(|()| secret::session_token());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let mut address = known.metadata.authorization_endpoint.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", self.callback.as_str())
            .append_pair("scope", "openid email profile")
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let mut waiting = self.waiting.lock().expect("nothing panics while holding it");
        waiting.retain(|_, one| one.since.elapsed() < Duration::from_secs(MINUTES * 60));
        if waiting.len() >= MOST_WAITING {
            return Err(Error::busy("Too many people are signing in. Try again in a moment."));
        }
        let one =
            Waiting { browser: TokenHash::of(&browser), nonce, verifier, next: next.to_owned(), since: Instant::now() };
        waiting.insert(TokenHash::of(&state), one);
        Ok(Start { address: address.into(), browser })
    }

    /// Somebody is back: who they are, and where they wanted to go.
    pub fn finish(&self, browser: &str, returned: &Returned) -> Result<(Proved, String)> {
        let found =
            self.waiting.lock().expect("nothing panics while holding it").remove(&TokenHash::of(&returned.state));
        let fits = |one: &Waiting| {
            one.browser == TokenHash::of(browser) && one.since.elapsed() < Duration::from_secs(MINUTES * 60)
        };
        let waiting = found.filter(fits).ok_or_else(|| {
            self.refused("it took too long, or began in another window", "an answer nobody waits for")
        })?;
        // RFC 9207: an answer of another provider.
        if !returned.issuer.is_empty() && returned.issuer != self.issuer {
            return Err(self.refused(NOT_DONE, format!("the answer names {:?} as its issuer", returned.issuer)));
        }
        if !returned.error.is_empty() || returned.code.is_empty() {
            return Err(self.refused(NOT_DONE, format!("the answer is the error {:?}", returned.error)));
        }
        let known = self.known()?;
        let tokens = self.exchange(&known.metadata, &returned.code, &waiting.verifier)?;
        let claims = match id_token::check(&tokens.id_token, &known.keys, &self.issuer, &self.client_id) {
            // The provider signs with a key that is newer than what we know.
            Err(id_token::Wrong::UnknownKey) => {
                let fresh = self.discover()?;
                id_token::check(&tokens.id_token, &fresh.keys, &self.issuer, &self.client_id)
            }
            checked => checked,
        };
        let claims = claims.map_err(|wrong| self.refused(NOT_DONE, wrong))?;
        if !claims.is_for(&waiting.nonce) {
            return Err(self.refused(NOT_DONE, "the ID token has another nonce"));
        }
        let (subject, multi_factor) = (claims.sub.clone(), claims.is_multi_factor());
        let person = match (claims.person.email.is_some(), &known.metadata.userinfo_endpoint, tokens.access_token) {
            (false, Some(endpoint), Some(token)) => self.user_info(endpoint, &token, &subject)?,
            _ => claims.person,
        };
        let proved = Proved {
            issuer: self.issuer.clone(),
            subject,
            email_is_verified: person.email_is_verified(),
            email: person.email.unwrap_or_default(),
            name: person.name.unwrap_or_default(),
            multi_factor,
        };
        Ok((proved, waiting.next))
    }

    fn known(&self) -> Result<Arc<Known>> {
        let known = self.known.lock().expect("nothing panics while holding it").clone();
        match known.filter(|known| known.at.elapsed() < KNOWN_FOR) {
            Some(known) => Ok(known),
            None => self.discover(),
        }
    }

    fn discover(&self) -> Result<Arc<Known>> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata = self.get(&address, None)?;
        if metadata.issuer != self.issuer {
            return Err(self.away(format!("it calls itself {:?}, not {:?}", metadata.issuer, self.issuer)));
        }
        let is_safe = |url: &&Url| url.scheme() == "https" || self.issuer.starts_with("http:");
        let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if !endpoints.iter().all(is_safe) || !metadata.userinfo_endpoint.iter().all(|url| is_safe(&url)) {
            return Err(self.away("it names an endpoint that is not https"));
        }
        let keys = self.get(metadata.jwks_uri.as_str(), None)?;
        let known = Arc::new(Known { metadata, keys, at: Instant::now() });
        *self.known.lock().expect("nothing panics while holding it") = Some(known.clone());
        Ok(known)
    }

    /// The code against tokens, as whoever began.
    fn exchange(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Tokens> {
        let methods = &metadata.token_endpoint_auth_methods_supported;
        // RFC 8414: basic is what a provider takes that says nothing.
        let by_header = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier),
            ("client_id", self.client_id.as_str()),
        ];
        let mut request = self.agent.post(metadata.token_endpoint.as_str()).header("Accept", "application/json");
        if !self.client_secret.is_empty() {
            if by_header {
                request = request.header("Authorization", basic(&self.client_id, &self.client_secret));
            } else {
                form.push(("client_secret", self.client_secret.as_str()));
            }
        }
        let answer = request.send_form(form).map_err(|error| self.away(error))?;
        match answer.status().as_u16() {
            200 => self.read(answer),
            status => {
                let text = text_of(answer).unwrap_or_default();
                let said: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                Err(self.refused(NOT_DONE, format!("the token endpoint answers {status}, {}", said["error"])))
            }
        }
    }

    /// Where the ID token does not tell the e-mail, this does.
    fn user_info(&self, endpoint: &Url, token: &str, subject: &str) -> Result<id_token::Person> {
        #[derive(Deserialize)]
        struct UserInfo {
            sub: String,
            #[serde(flatten)]
            person: id_token::Person,
        }
        let info: UserInfo = self.get(endpoint.as_str(), Some(token))?;
        if info.sub != subject {
            return Err(self.refused(NOT_DONE, "the user info is of another subject"));
        }
        Ok(info.person)
    }

    fn get<T: DeserializeOwned>(&self, address: &str, token: Option<&str>) -> Result<T> {
        let mut request = self.agent.get(address).header("Accept", "application/json");
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.call().map_err(|error| self.away(error))?;
        match answer.status().as_u16() {
            200 => self.read(answer),
            status => Err(self.away(format!("{address} answers {status}"))),
        }
    }

    fn read<T: DeserializeOwned>(&self, answer: ureq::http::Response<ureq::Body>) -> Result<T> {
        let text = text_of(answer).map_err(|error| self.away(error))?;
        serde_json::from_str(&text).map_err(|error| self.away(error))
    }

    /// The provider is not there, or not what the configuration says. The cause is for the log.
    fn away(&self, cause: impl std::fmt::Display) -> Error {
        log::warn!("single sign-on at {}: {cause}", self.issuer);
        Error::busy(format!("{} does not answer. Try again in a moment.", self.name))
    }

    fn refused(&self, what: &str, cause: impl std::fmt::Display) -> Error {
        log::warn!("single sign-on at {}: {cause}", self.issuer);
        Error::new(Kind::SignInRefused, format!("The sign-in by {} did not work: {what}. Try again.", self.name))
    }
}

const NOT_DONE: &str = "it was not completed there";

fn text_of(mut answer: ureq::http::Response<ureq::Body>) -> std::io::Result<String> {
    let mut text = String::new();
    answer.body_mut().as_reader().take(LONGEST_ANSWER).read_to_string(&mut text)?;
    Ok(text)
}

/// RFC 6749, 2.3.1: both parts are form-encoded first.
fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}
