//! Certificates by ACME (RFC 8555): the account at the authority, an order, and the answer to its challenge in a TLS
//! handshake (RFC 8737), for which port 443 alone has to be open.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use actix_web::web::Bytes;
use http_body_util::{BodyExt, Collected};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, Problem, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use tokio::sync::oneshot;
use ureq::http::request::Parts;
use ureq::http::{Request, Response};

use super::{Certificate, Shown, provider};
use crate::core::config::Config;
use crate::core::error::{one_line, with_causes};
use crate::core::outward;
use crate::core::store;

/// What a handshake offers that is a challenge.
pub const PROTOCOL: &[u8] = b"acme-tls/1";

/// For each request to the authority.
const TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_ANSWER: u64 = 1 << 20;
/// Until the authority has looked from everywhere it looks from, and until it has signed.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(90));
const ACCOUNT: &str = "account.json";

type Outcome<T> = Result<T, Error>;

/// The folder of an authority: what another one signed, or one for tests, is not mistaken for it.
pub fn place(config: &Config) -> PathBuf {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let name = config.acme_directory.trim_start_matches("https://").chars().map(plain).collect::<String>();
    config.tls_folder().join(name)
}

/// Why there is no certificate, in words.
pub struct Trouble {
    pub reason: String,
    /// The authority was not reached, so it has counted nothing.
    pub is_silence: bool,
}

/// Whoever signs certificates.
pub struct Authority {
    directory: String,
    host: String,
    folder: PathBuf,
    agent: ureq::Agent,
    account: Option<Account>,
}

impl Authority {
    pub fn new(config: &Config) -> Authority {
        let agent = outward::agent().https_only(true).timeout_global(Some(TIMEOUT)).build();
        let host = url::Url::parse(&config.acme_directory).ok().and_then(|url| url.host_str().map(str::to_owned));
        Authority {
            directory: config.acme_directory.clone(),
            host: host.unwrap_or_default(),
            folder: place(config),
            agent: agent.into(),
            account: None,
        }
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// Orders a certificate for the name, and keeps it.
    pub async fn order(&mut self, name: &str, shown: &Shown) -> Result<Certificate, Trouble> {
        let mut outcome = self.attempt(name, shown).await;
        // An authority may forget whom it knew; we are nobody then, and say who we are again.
        if outcome.as_ref().is_err_and(|error| is_about(error, "accountDoesNotExist")) {
            self.account = None;
            let forgotten = fs::remove_file(self.folder.join(ACCOUNT));
            outcome = match forgotten {
                Ok(()) => self.attempt(name, shown).await,
                Err(error) => Err(self.unwritable(error)),
            };
        }
        shown.answer(name, None);
        if outcome.is_err() {
            // What the authority says of itself is asked anew, too.
            self.account = None;
        }
        let both = outcome.map_err(|error| self.trouble(name, &error))?;
        let certificate = Certificate::read(both.as_bytes(), both.as_bytes()).map_err(|error| Trouble {
            reason: format!("{} sent what is of no use: {error}", self.host),
            is_silence: false,
        })?;
        if let Err(error) = self.keep(&format!("{name}.pem"), &both) {
            log::error!("the certificate for {name} could not be kept, and the next start orders another: {error}");
        }
        Ok(certificate)
    }

    /// Key and certificates as PEM.
    async fn attempt(&mut self, name: &str, shown: &Shown) -> Outcome<String> {
        let account = self.account().await?;
        let identifiers = [Identifier::Dns(name.to_owned())];
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
        prove(&mut order, name, shown).await?;
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&PATIENCE).await?;
        Ok(key + &chain)
    }

    /// The account that was kept, or a new one. It is written down before anything is ordered: what cannot be kept would be
    /// ordered anew at every start.
    async fn account(&mut self) -> Outcome<Account> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let builder = || Account::builder_with_http(Box::new(Http(self.agent.clone())));
        let path = self.folder.join(ACCOUNT);
        let account = match fs::read(&path) {
            Ok(kept) => {
                let broken = |error| format!("{} is broken, delete it: {error}", path.display());
                let kept: Result<AccountCredentials, _> = serde_json::from_slice(&kept).map_err(broken);
                builder().from_credentials(kept.map_err(|broken| Error::Other(broken.into()))?).await?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
                let (account, credentials) = builder().create(&new, self.directory.clone(), None).await?;
                let written = serde_json::to_string(&credentials)?;
                self.keep(ACCOUNT, &written).map_err(|error| Error::Other(error.into()))?;
                account
            }
            Err(error) => return Err(self.unwritable(error)),
        };
        self.account = Some(account.clone());
        Ok(account)
    }

    /// For its owner's eyes only, and there as a whole or not at all.
    fn keep(&self, name: &str, text: &str) -> crate::core::error::Result<()> {
        let to = self.folder.join(name);
        let unwritable = |error| crate::core::error::Error::conflict(cannot_write(&to, error));
        store::private_folder(&self.folder)?;
        let mut file = store::unfinished(&to)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(unwritable)?;
        store::keep(file.into_temp_path(), &to, true)
    }

    fn unwritable(&self, error: std::io::Error) -> Error {
        Error::Other(cannot_write(&self.folder.join(ACCOUNT), error).into())
    }

    fn trouble(&self, name: &str, error: &Error) -> Trouble {
        let host = &self.host;
        let (reason, is_silence) = match error {
            Error::Api(problem) => (format!("{host} says {}", in_words(problem, name)), false),
            Error::Json(_) => (format!("{host} does not answer as an authority for certificates does"), true),
            Error::Timeout(_) => (format!("{host} took too long"), false),
            Error::Other(cause) => match cause.is::<ureq::Error>() {
                true => (format!("{host} cannot be reached: {}", with_causes(error)), true),
                false => (with_causes(error), false),
            },
            other => (format!("{host}: {}", with_causes(other)), false),
        };
        Trouble { reason, is_silence }
    }
}

fn cannot_write(path: &Path, error: std::io::Error) -> String {
    format!("{} cannot be used: {error}", path.display())
}

/// Answers the challenge, and waits until the authority has seen it.
async fn prove(order: &mut Order, name: &str, shown: &Shown) -> Outcome<()> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = challenge.ok_or(Error::Unsupported("the challenge tls-alpn-01"))?;
        shown.answer(name, Some(answer(name, challenge.key_authorization().digest().as_ref())?));
        challenge.set_ready().await?;
    }
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready) => Ok(()),
        // The order says that it failed, the challenge says why.
        outcome => Err(match why(order).await {
            Some(problem) => Error::Api(problem),
            None => outcome.err().unwrap_or(Error::Str("the order became invalid")),
        }),
    }
}

async fn why(order: &mut Order) -> Option<Problem> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let state = authorization.refresh().await.ok()?;
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.clone()) {
            return Some(problem);
        }
    }
    None
}

/// RFC 8737: a certificate that nobody signed but ourselves, with the proof in it.
fn answer(name: &str, digest: &[u8]) -> Outcome<CertifiedKey> {
    let broken = |error: rcgen::Error| Error::Other(error.into());
    let key = KeyPair::generate().map_err(broken)?;
    let mut certificate = CertificateParams::new([name.to_owned()]).map_err(broken)?;
    certificate.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = certificate.self_signed(&key).map_err(broken)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = provider().key_provider.load_private_key(key).map_err(|error| Error::Other(error.into()))?;
    // Without the look that rustls takes at a certificate: it has no use for this extension, and calls it broken.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

fn is_about(error: &Error, kind: &str) -> bool {
    matches!(error, Error::Api(problem) if kind_of(problem) == kind)
}

/// `rateLimited` of `urn:ietf:params:acme:error:rateLimited`.
fn kind_of(problem: &Problem) -> &str {
    problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default()
}

/// What the authority said, and what to do about it where that is known.
fn in_words(problem: &Problem, name: &str) -> String {
    let what = match kind_of(problem) {
        "connection" | "tls" | "unauthorized" | "incorrectResponse" => format!(
            "it does not find this server at port 443 of {name}: is the port open, and does the name lead here, with no proxy between?"
        ),
        "dns" => format!("it finds no address for {name}: does the name lead here?"),
        "rateLimited" => "it has had too many orders for now".to_owned(),
        "caa" => format!("a CAA record of {name} allows other authorities only"),
        "rejectedIdentifier" => {
            format!("it signs nothing for {name}; if nobody outside uses the name, take it out of hosts")
        }
        kind => kind.to_owned(),
    };
    match &problem.detail {
        Some(detail) => format!("{what} (“{}”)", one_line(detail)),
        None => what,
    }
}

/// The client that Sally has, instead of a second one.
struct Http(ureq::Agent);

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Outcome<BytesResponse>> + Send>> {
        let agent = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await.map(Collected::to_bytes);
            let (done, answered) = oneshot::channel();
            // None of the runtime's threads: a stopping server would wait for it, however slow the authority is.
            let asking = std::thread::Builder::new().spawn(move || {
                let _ = done.send(ask(&agent, head, &body)); // nobody listens any more in a server that stops
            });
            asking.map_err(|error| Error::Other(error.into()))?;
            let answer = answered.await.map_err(|error| Error::Other(error.into()))?;
            answer.map_err(|error| Error::Other(error.into()))
        })
    }
}

fn ask(agent: &ureq::Agent, head: Parts, body: &[u8]) -> Result<BytesResponse, ureq::Error> {
    let answer = match body.is_empty() {
        true => agent.run(Request::from_parts(head, ())),
        false => agent.run(Request::from_parts(head, body)),
    };
    let (head, body) = answer?.into_parts();
    let bytes = body.into_with_config().limit(LONGEST_ANSWER).read_to_vec()?;
    Ok(Response::from_parts(head, BodyWrapper::from(bytes)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, detail: &str) -> Problem {
        let urn = format!("urn:ietf:params:acme:error:{kind}");
        serde_json::from_value(serde_json::json!({ "type": urn, "detail": detail, "status": 403 })).unwrap()
    }

    #[test]
    fn a_refusal_says_what_to_look_at_and_is_one_line() {
        let told = in_words(&problem("connection", "no\nroute"), "sally.example.com");
        assert!(told.starts_with("it does not find this server at port 443 of sally.example.com"), "{told}");
        assert!(told.ends_with("(“no route”)"), "{told}");
        assert!(in_words(&problem("rateLimited", "later"), "x").contains("too many orders"));
        assert_eq!(in_words(&problem("serverInternal", "oh"), "x"), "serverInternal (“oh”)");
        assert!(is_about(&Error::Api(problem("accountDoesNotExist", "")), "accountDoesNotExist"));
    }

    #[test]
    fn each_authority_has_a_folder_of_its_own() {
        let at = |directory: &str| place(&Config { acme_directory: directory.into(), ..Config::default() });
        assert_eq!(
            at(&Config::default().acme_directory),
            Path::new("sally.db.tls/acme-v02.api.letsencrypt.org-directory")
        );
        assert_eq!(at("https://localhost:14000/../dir"), Path::new("sally.db.tls/localhost-14000-..-dir"));
    }

    #[test]
    fn the_answer_to_a_challenge_is_a_certificate_with_the_proof_in_it() {
        let answer = answer("sally.example.com", &[7; 32]).unwrap();
        assert_eq!(answer.cert.len(), 1);
        // RFC 8737: the extension 1.3.6.1.5.5.7.1.31, critical, with the digest as an octet string in an octet string.
        let proof = [&[0x2b, 6, 1, 5, 5, 7, 1, 0x1f, 1, 1, 0xff, 4, 0x22, 4, 0x20][..], &[7; 32]].concat();
        assert!(answer.cert[0].windows(proof.len()).any(|window| window == proof));
    }
}
