//! HTTPS without a proxy: which certificate is shown to whom, where it comes from, and when the next one is due.

mod acme;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_cert::der::Decode;

use crate::core::config::{Config, Tls};
use crate::core::error::{Error, Result};
use crate::core::time::Moment;

use acme::Authority;

/// How long files of one's own may have changed before somebody sees it.
const LOOKS_EVERY: Duration = Duration::from_secs(60);
/// The longest sleep: a clock that was set, or a machine that slept, is noticed.
const WAKES_EVERY: Duration = Duration::from_secs(3_600);
/// A refusal counts at the authority: five validations of a name may fail within an hour.
const AFTER_A_REFUSAL: u64 = 120;
/// An authority that was not reached counts nothing.
const AFTER_SILENCE: u64 = 15;
const LONGEST_WAIT: u64 = 6 * 3_600;

/// A certificate with its chain and key, and while it counts.
#[derive(Debug, Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    from: Moment,
    pub until: Moment,
}

impl Certificate {
    /// From PEM, the server's own certificate first. What is wrong, in words.
    fn read(chain: &[u8], key: &[u8]) -> std::result::Result<Self, String> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<std::result::Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| format!("the certificate is not PEM: {error}"))?;
        let own = chain.first().ok_or("there is no certificate in it")?;
        let read =
            x509_cert::Certificate::from_der(own).map_err(|error| format!("the certificate is none: {error}"))?;
        let validity = read.tbs_certificate().validity();
        let [from, until] = [validity.not_before, validity.not_after]
            .map(|time| Moment::from_ms(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX)));
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("the key is not PEM: {error}"))?;
        let key = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| format!("certificate and key do not fit each other: {error}"))?;
        Ok(Certificate { key: Arc::new(key), from, until })
    }

    /// Whether browsers take it for the server of this name.
    pub fn is_for(&self, name: &str) -> bool {
        let own = self.key.end_entity_cert().ok().and_then(|own| ParsedCertificate::try_from(own).ok());
        let name = ServerName::try_from(name.trim_matches(['[', ']'])).ok();
        own.zip(name).is_some_and(|(own, name)| verify_server_name(&own, &name).is_ok())
    }

    fn third(&self) -> i64 {
        (self.until.ms() - self.from.ms()) / 3
    }

    /// When the last third of its time begins.
    fn is_due_at(&self) -> Moment {
        Moment::from_ms(self.until.ms() - self.third())
    }

    /// With a sixth of its time left, something keeps the next one from coming.
    pub fn is_overdue(&self, now: Moment) -> bool {
        now.ms() > self.until.ms() - self.third() / 2
    }
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// The certificate for a name, if there is one: of the settings' files, or one that was ordered and kept.
fn kept(config: &Config, name: &str) -> std::result::Result<Option<Certificate>, String> {
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()));
    match config.tls {
        Tls::Off => Ok(None),
        Tls::Files => {
            let certificate = Certificate::read(&read(&config.tls_cert)?, &read(&config.tls_key)?);
            certificate
                .map(Some)
                .map_err(|error| format!("{} and {}: {error}", config.tls_cert.display(), config.tls_key.display()))
        }
        Tls::Acme => {
            let path = acme::place(config).join(format!("{name}.pem"));
            if !path.exists() {
                return Ok(None);
            }
            let both = read(&path)?;
            Certificate::read(&both, &both).map(Some).map_err(|error| format!("{}: {error}", path.display()))
        }
    }
}

/// The same for the name of `public_url`, if the server has certificates of its own.
pub fn first(config: &Config) -> Option<std::result::Result<Option<Certificate>, String>> {
    names(config).first().map(|name| kept(config, name))
}

/// The same for each name, that of `public_url` first.
pub fn all(config: &Config) -> Vec<(String, std::result::Result<Option<Certificate>, String>)> {
    names(config).into_iter().map(|name| (name.clone(), kept(config, &name))).collect()
}

/// Files hold one certificate, for whatever names; what is ordered is ordered for each.
fn names(config: &Config) -> Vec<String> {
    match config.tls {
        Tls::Off => Vec::new(),
        Tls::Acme => config.names(),
        Tls::Files => config.public_url.iter().filter_map(|url| url.host_str().map(str::to_owned)).collect(),
    }
}

/// What is shown to whom: a certificate by the name that was asked for, and to the authority the answer to its challenge.
#[derive(Debug, Default)]
struct Shown {
    /// The name of `public_url`: for whoever asks for none, or for another.
    first: String,
    certificates: RwLock<HashMap<String, Arc<CertifiedKey>>>,
    answers: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

const NOT_POISONED: &str = "nothing that holds it panics";

impl Shown {
    fn show(&self, name: &str, certificate: &Certificate) {
        self.certificates.write().expect(NOT_POISONED).insert(name.to_owned(), certificate.key.clone());
    }

    /// What answers a challenge for the name, until it is taken away.
    fn answer(&self, name: &str, answer: Option<CertifiedKey>) {
        let mut answers = self.answers.write().expect(NOT_POISONED);
        match answer {
            Some(answer) => answers.insert(name.to_owned(), Arc::new(answer)),
            None => answers.remove(name),
        };
    }

    fn find(&self, name: &str, is_challenge: bool) -> Option<Arc<CertifiedKey>> {
        if is_challenge {
            return self.answers.read().expect(NOT_POISONED).get(name).cloned();
        }
        let certificates = self.certificates.read().expect(NOT_POISONED);
        certificates.get(name).or_else(|| certificates.get(&self.first)).cloned()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        // RFC 8737: the challenge offers this protocol and no other.
        let is_challenge = hello.alpn().is_some_and(|mut offered| offered.any(|one| one == acme::PROTOCOL));
        self.find(&name, is_challenge)
    }
}

/// The certificates of a server that speaks TLS.
pub struct Certificates {
    config: Config,
    shown: Arc<Shown>,
}

impl Certificates {
    /// `None` for a server that speaks plain HTTP. Files that cannot be used are an error; what is not ordered yet is not.
    pub fn new(config: &Config) -> Result<Option<Certificates>> {
        if config.tls == Tls::Off {
            return Ok(None);
        }
        let shown = Shown { first: names(config).swap_remove(0), ..Shown::default() };
        let certificates = Certificates { config: config.clone(), shown: shown.into() };
        for name in names(config) {
            match kept(config, &name) {
                Ok(Some(certificate)) => certificates.show(&name, &certificate),
                Ok(None) => {}
                Err(error) if config.tls == Tls::Files => return Err(Error::conflict(error)),
                Err(error) => log::warn!("a certificate that was kept is of no use, another is ordered: {error}"),
            }
        }
        Ok(Some(certificates))
    }

    fn show(&self, name: &str, certificate: &Certificate) {
        self.shown.show(name, certificate);
        if !certificate.is_for(name) {
            log::warn!("the certificate is not for {name}, so browsers will refuse it");
        }
        log::info!("{name} is served with a certificate that counts until {}", certificate.until);
    }

    /// For the listener.
    pub fn server_config(&self) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(provider()));
        let mut config = builder
            .with_safe_default_protocol_versions()
            .expect("ring knows the default versions")
            .with_no_client_auth()
            .with_cert_resolver(self.shown.clone());
        config.alpn_protocols.push(b"http/1.1".to_vec());
        if self.config.tls == Tls::Acme {
            config.alpn_protocols.push(acme::PROTOCOL.to_vec());
        }
        config
    }

    /// Sees to it that there is a good one, for as long as the server runs.
    pub async fn keep(self) {
        match self.config.tls {
            Tls::Off => {}
            Tls::Files => self.follow_files().await,
            Tls::Acme => self.order_in_time().await,
        }
    }

    async fn follow_files(&self) {
        let mut told = None;
        loop {
            tokio::time::sleep(LOOKS_EVERY).await;
            let problem = self.look().err();
            if let Some(problem) = problem.as_ref().filter(|_| told != problem) {
                log::warn!("the certificate was not read anew, the one before goes on: {problem}");
            }
            told = problem;
        }
    }

    /// Shows what the files hold now, if it is something else than before.
    fn look(&self) -> std::result::Result<(), String> {
        let name = &self.shown.first;
        let now = kept(&self.config, name)?;
        let before = self.shown.find(name, false);
        if let Some(now) = now.filter(|now| before.is_none_or(|before| before.cert != now.key.cert)) {
            self.show(name, &now);
        }
        Ok(())
    }

    async fn order_in_time(&self) {
        let mut authority = Authority::new(&self.config);
        let mut plans: Vec<Plan> = names(&self.config).into_iter().map(|name| Plan::new(&self.config, name)).collect();
        loop {
            for plan in plans.iter_mut().filter(|plan| plan.waits(Moment::now()).is_zero()) {
                self.order(&mut authority, plan).await;
            }
            let now = Moment::now();
            let next = plans.iter().map(|plan| plan.waits(now)).min().unwrap_or(WAKES_EVERY);
            tokio::time::sleep(next.clamp(Duration::from_secs(1), WAKES_EVERY)).await;
        }
    }

    async fn order(&self, authority: &mut Authority, plan: &mut Plan) {
        let name = &plan.name;
        log::info!("ordering a certificate for {name} from {}", authority.host());
        match authority.order(name, &self.shown).await {
            Ok(certificate) => {
                self.show(name, &certificate);
                log::info!("the next certificate for {name} is ordered at {}", certificate.is_due_at());
                plan.not_before = Instant::now() + Duration::from_millis(certificate.third().max(0) as u64);
                plan.kept = Some(certificate);
                plan.failures = 0;
            }
            Err(trouble) => {
                let first = if trouble.is_silence { AFTER_SILENCE } else { AFTER_A_REFUSAL };
                let wait = (first << plan.failures.min(16)).min(LONGEST_WAIT);
                plan.failures += 1;
                plan.not_before = Instant::now() + Duration::from_secs(wait);
                let goes_on = match plan.kept.as_ref().map(|kept| kept.until) {
                    Some(until) if until > Moment::now() => format!("the present one counts until {until}"),
                    Some(until) => format!("the present one ran out at {until}"),
                    None => "until then browsers do not come in by this name".to_owned(),
                };
                let reason = &trouble.reason;
                log::warn!("no new certificate for {name}: {reason}. It is tried again in {wait} seconds; {goes_on}");
            }
        }
    }
}

/// When a certificate is ordered for a name.
struct Plan {
    name: String,
    kept: Option<Certificate>,
    /// By the time that passes, whatever the clock says: where that is wrong, one would be ordered after the other, and where it
    /// was ahead, none for long.
    not_before: Instant,
    failures: u32,
}

impl Plan {
    fn new(config: &Config, name: String) -> Plan {
        let kept = kept(config, &name).ok().flatten();
        Plan { name, kept, not_before: Instant::now(), failures: 0 }
    }

    fn waits(&self, now: Moment) -> Duration {
        let until_due = self.kept.as_ref().map_or(0, |kept| kept.is_due_at().ms() - now.ms());
        let until_due = Duration::from_millis(until_due.max(0) as u64);
        self.not_before.saturating_duration_since(Instant::now()).max(until_due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    /// Chain and key as PEM: good for nine days from three days ago, with so many added.
    fn made(days: i64) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut parts = CertificateParams::new(["sally.example.com".to_owned()]).unwrap();
        let year = |days: i64| rcgen::date_time_ymd(2026, 6, 10) + Duration::from_secs(days as u64 * 86_400);
        (parts.not_before, parts.not_after) = (year(days), year(days + 9));
        (parts.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(days: i64) -> Certificate {
        let (chain, key) = made(days);
        Certificate::read(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    fn moment(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn the_next_certificate_is_due_with_a_third_left_and_never_one_after_the_other() {
        let certificate = read(0);
        assert_eq!(certificate.until, moment("2026-06-19T00:00:00Z"));
        assert!(certificate.is_for("sally.example.com") && !certificate.is_for("example.com"));
        assert_eq!(certificate.is_due_at(), moment("2026-06-16T00:00:00Z"));
        let mut plan = Plan {
            name: String::new(),
            kept: Some(certificate.clone()),
            not_before: Instant::now() + Duration::from_secs(3_600),
            failures: 0,
        };
        let day = |day: &str| moment(&format!("{day}T00:00:00Z"));
        assert_eq!(plan.waits(day("2026-06-10")), Duration::from_secs(6 * 86_400));
        // By a clock that is wrong it has run out already.
        let waits = plan.waits(day("2027-01-01"));
        assert!((Duration::from_secs(3_500)..=Duration::from_secs(3_600)).contains(&waits), "{waits:?}");
        plan.not_before = Instant::now();
        assert!(plan.waits(day("2026-06-15")) > Duration::ZERO && plan.waits(day("2026-06-16")).is_zero());
        assert!(!certificate.is_overdue(moment("2026-06-17T00:00:00Z")));
        assert!(certificate.is_overdue(moment("2026-06-18T00:00:00Z")));
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        let ((chain, key), (_, other)) = (made(0), made(0));
        let problem = |chain: &str, key: &str| Certificate::read(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(problem(&chain, &other).contains("do not fit each other"));
        assert!(problem(&chain, "").contains("the key is not PEM"));
        assert!(problem(&key, &key).contains("there is no certificate in it"));
        assert!(problem(&chain.replace("MII", "MIX"), &key).contains("certificate"));
    }

    #[test]
    fn each_name_has_its_own_and_a_challenge_is_answered_only_while_it_runs() {
        let shown = Shown { first: "a.example".into(), ..Shown::default() };
        assert!(shown.find("a.example", false).is_none());
        let [a, b] = [read(0), read(0)];
        shown.show("a.example", &a);
        shown.show("b.example", &b);
        let found = |name: &str| shown.find(name, false).unwrap();
        assert!(Arc::ptr_eq(&found("b.example"), &b.key));
        assert!(Arc::ptr_eq(&found("a.example"), &a.key) && Arc::ptr_eq(&found("192.0.2.7"), &a.key));

        assert!(shown.find("a.example", true).is_none());
        shown.answer("a.example", Some((*b.key).clone()));
        assert!(shown.find("a.example", true).is_some() && shown.find("b.example", true).is_none());
        assert!(Arc::ptr_eq(&found("a.example"), &a.key));
        shown.answer("a.example", None);
        assert!(shown.find("a.example", true).is_none());
    }

    #[test]
    fn files_are_read_anew_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [tls_cert, tls_key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let write = |(chain, key): (String, String)| {
            fs::write(&tls_cert, chain).unwrap();
            fs::write(&tls_key, key).unwrap();
        };
        let public_url = Some("https://sally.example.com".parse().unwrap());
        let config = Config {
            public_url,
            tls: Tls::Files,
            tls_cert: tls_cert.clone(),
            tls_key: tls_key.clone(),
            ..Config::default()
        };
        assert!(Certificates::new(&config).is_err_and(|error| error.to_string().contains("cert.pem cannot be read")));
        write(made(0));
        let certificates = Certificates::new(&config).unwrap().unwrap();
        let shown = || certificates.shown.find("sally.example.com", false).unwrap();
        let before = shown();
        certificates.look().unwrap();
        assert!(Arc::ptr_eq(&shown(), &before));

        write(made(30));
        certificates.look().unwrap();
        assert_ne!(shown().cert, before.cert);
        let before = shown();
        fs::write(&tls_key, made(30).1).unwrap();
        assert!(certificates.look().unwrap_err().contains("do not fit"));
        assert!(Arc::ptr_eq(&shown(), &before));
        assert_eq!(all(&config).len(), 1);
    }
}
