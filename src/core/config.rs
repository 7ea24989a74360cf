//! Configuration: flag, then environment `SALLY_…`, then file, then default.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use serde::Deserialize;

use super::caller::{PlatformRole, Role, SecondFactorFor};
use super::error::{Error, Result, quoted};
use super::money::Currency;
use super::network::Network;
use super::page::MOST;
use super::text::likely;
use crate::choices;

choices! {
    /// Who may make keys for themselves.
    pub enum KeysBy { Everybody = "EVERYBODY", Owners = "OWNERS", Admins = "ADMINS" }
}

choices! {
    /// How the log is written.
    pub enum LogFormat { Text = "TEXT", Json = "JSON" }
}

choices! {
    /// Where the certificate comes from that browsers are shown.
    pub enum Tls { Off = "OFF", Acme = "ACME", Files = "FILES" }
}

/// Every setting; `sally.toml.example` says what each is for, and a test holds the two together.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub db: PathBuf,
    /// With TLS it is [`Config::OVER_TLS`] where nothing else is said.
    pub listen: SocketAddr,
    /// As people reach the server, e.g. `https://sally.example.com`; default: `http://` and the listening address.
    pub public_url: Option<url::Url>,
    /// Other names by which it is reached.
    pub hosts: Vec<String>,
    pub tls: Tls,
    /// The authority that certificates are ordered from.
    pub acme_directory: String,
    /// A certificate of one's own with its chain, and its key.
    pub tls_cert: PathBuf,
    pub tls_key: PathBuf,
    /// Where browsers that speak plain HTTP are sent on to `https://`.
    pub redirect_listen: Option<SocketAddr>,
    /// Threads that answer requests; 0: one for each core.
    pub workers: usize,
    pub body_limit_kib: usize,
    pub upload_limit_mib: usize,
    pub body_timeout_seconds: u64,
    /// Addresses and networks of reverse proxies whose `X-Forwarded-…` headers are believed.
    pub trusted_proxies: Vec<Network>,
    pub mmap_mib: i64,
    /// The feature key `crm.core`.
    pub crm: bool,
    pub default_currency: Currency,
    /// Limits; 0 switches one off.
    pub sign_in_attempts_per_minute: u32,
    pub password_resets_per_hour: u32,
    pub invitations_per_day: u32,
    pub writes_per_minute: u32,
    pub mcp_calls_per_minute: u32,
    pub keys_by: KeysBy,
    /// The longest that a new key may work; 0: for ever.
    pub key_max_days: u32,
    /// How long the audit is kept; 0: for ever.
    pub audit_days: u32,
    /// Where the clock puts backups; empty: it takes none.
    pub backup_dir: PathBuf,
    pub backup_every_hours: u32,
    pub backup_keep: usize,
    pub require_two_factor: SecondFactorFor,
    /// The provider of single sign-on; empty: none.
    pub oidc_issuer: String,
    pub oidc_client_id: String,
    pub oidc_client_secret: Hidden,
    /// What people call the provider.
    pub oidc_name: String,
    pub oidc_allowed_domains: Vec<String>,
    /// Where people come in who have no account yet; empty: they do not.
    pub oidc_workspace: String,
    pub oidc_role: Role,
    /// Its sign-in counts as a second factor, whatever it says of itself.
    pub oidc_second_factor: bool,
    /// Only those still have passwords who must get in when the provider fails: see [`Config::allows_password_of`].
    pub oidc_only: bool,
    /// Without it nothing is mailed, and links are passed on by hand.
    pub smtp_url: Option<SmtpUrl>,
    pub mail_from: Option<Mailbox>,
    pub oauth_registrations_per_hour: u32,
    pub oauth_requests_per_minute: u32,
    /// Programs may show the address of a document about them instead of registering; it is fetched from the internet.
    pub oauth_client_metadata: bool,
    pub log: String,
    pub log_format: LogFormat,
    /// One line for each request.
    pub log_requests: bool,
    /// Statements that take longer are logged; 0: none.
    pub slow_query_ms: u64,
    /// Shows `/metrics`: with a token to who has it, without one to this machine.
    pub metrics: bool,
    pub metrics_token: String,
}

/// A setting that no log and no error shows.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "hidden" })
    }
}

/// Where mail is handed over: `smtps://user:password@host`, or `smtp://` for STARTTLS.
#[derive(Clone, Deserialize)]
#[serde(try_from = "url::Url")]
pub struct SmtpUrl(url::Url);

impl TryFrom<url::Url> for SmtpUrl {
    type Error = String;
    /// Encrypted, unless it says otherwise: a password in the clear must be nobody's accident.
    fn try_from(mut url: url::Url) -> Result<Self, String> {
        let tls = url.query().unwrap_or_default().to_owned();
        match (url.scheme(), tls.as_str()) {
            ("smtps", "") => {}
            ("smtp", "" | "tls=required") => url.set_query(Some("tls=required")),
            ("smtp", "tls=none") => url.set_query(None),
            ("smtp", "tls=opportunistic") => {}
            _ => return Err("must read smtps://user:password@host:465 or smtp://user:password@host:587".into()),
        }
        if url.host_str().unwrap_or_default().is_empty() {
            return Err("names no host".into());
        }
        Ok(SmtpUrl(url))
    }
}

impl SmtpUrl {
    /// With the password.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// `mail.example.com`
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

/// The password is nobody's to read.
impl std::fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmtpUrl({})", self.host())
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            db: "sally.db".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            public_url: None,
            hosts: Vec::new(),
            tls: Tls::Off,
            acme_directory: "https://acme-v02.api.letsencrypt.org/directory".into(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            redirect_listen: None,
            workers: 0,
            body_limit_kib: 1_024,
            upload_limit_mib: 25,
            body_timeout_seconds: 30,
            trusted_proxies: Vec::new(),
            mmap_mib: 64,
            crm: true,
            default_currency: Currency::parse("USD").expect("USD is a currency"),
            sign_in_attempts_per_minute: 10,
            password_resets_per_hour: 10,
            invitations_per_day: 100,
            writes_per_minute: 300_000,
            mcp_calls_per_minute: 1_000_000,
            keys_by: KeysBy::Everybody,
            key_max_days: 0,
            audit_days: 0,
            backup_dir: PathBuf::new(),
            backup_every_hours: 24,
            backup_keep: 7,
            require_two_factor: SecondFactorFor::Nobody,
            oidc_issuer: String::new(),
            oidc_client_id: String::new(),
            oidc_client_secret: Hidden::default(),
            oidc_name: "single sign-on".into(),
            oidc_allowed_domains: Vec::new(),
            oidc_workspace: String::new(),
            oidc_role: Role::Member,
            oidc_second_factor: false,
            oidc_only: false,
            smtp_url: None,
            mail_from: None,
            oauth_registrations_per_hour: 60,
            oauth_requests_per_minute: 120,
            oauth_client_metadata: false,
            log: "info".into(),
            log_format: LogFormat::Text,
            log_requests: false,
            slow_query_ms: 0,
            metrics: false,
            metrics_token: String::new(),
        }
    }
}

impl Config {
    /// May who has this role sign in with a password, if they have one?
    pub fn allows_password_of(&self, role: PlatformRole) -> bool {
        !self.oidc_only || role == PlatformRole::Superadmin
    }

    /// Everywhere, at the port that browsers and authorities try.
    pub const OVER_TLS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 443);

    /// Read if it exists and no other is named.
    pub const FILE: &str = "sally.toml";

    /// The file (if there is one), overlaid with the environment.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let path = file.map_or_else(|| PathBuf::from(Config::FILE), Path::to_owned);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(wrong(&path.display().to_string(), &error.to_string())),
        };
        let mistake = |error: toml::de::Error| wrong(&place_in(&path, &text, error.span()), &in_words(error.message()));
        let mut table: toml::Table = toml::from_str(&text).map_err(mistake)?;
        // The two sources are read one after the other, so that a mistake is told where it stands.
        let from_file: Config = toml::from_str(&text).map_err(mistake)?;
        let mut overlaid = false;
        for (name, text) in environment {
            let Some(key) = name.strip_prefix("SALLY_").map(str::to_ascii_lowercase).filter(|key| !is_others(key))
            else {
                continue;
            };
            let mut alone = toml::Table::new();
            let value = understand(&text);
            alone.insert(key.clone(), value.clone());
            let checked: Result<Config, _> = alone.clone().try_into();
            if checked.is_err() {
                alone.insert(key.clone(), toml::Value::String(text.clone()));
                let _: Config = alone
                    .clone()
                    .try_into()
                    .map_err(|error: toml::de::Error| wrong(&name, &in_words(error.message())))?;
            }
            table.extend(alone);
            overlaid = true;
        }
        let says_where = table.contains_key("listen");
        let mut config: Config = if overlaid {
            table.try_into().map_err(|error: toml::de::Error| wrong("the configuration", error.message()))?
        } else {
            from_file
        };
        if config.tls != Tls::Off && !says_where {
            config.listen = Config::OVER_TLS;
        }
        config.checked()
    }

    /// A word that is no level would be taken for the name of a part that nothing comes from, and the log be empty.
    fn check_log(&self) -> Result<()> {
        let is_level = |text: &str| text.trim().parse::<log::LevelFilter>().is_ok();
        let is_fine = |part: &str| match part.split_once('=') {
            Some((_, level)) => is_level(level),
            None => part.trim().is_empty() || is_level(part),
        };
        match self.log.split(',').find(|part| !is_fine(part)) {
            Some(part) => {
                Err(wrong("log", &format!("{} is none of off, error, warn, info, debug, trace", quoted(part))))
            }
            None => Ok(()),
        }
    }

    fn checked(self) -> Result<Self> {
        self.check_log()?;
        let positive = [
            ("body_limit_kib", self.body_limit_kib),
            ("upload_limit_mib", self.upload_limit_mib),
            ("body_timeout_seconds", self.body_timeout_seconds as usize),
            ("backup_every_hours", self.backup_every_hours as usize),
            ("backup_keep", self.backup_keep),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(wrong(name, "must be more than 0"));
        }
        self.check_provider()?;
        self.check_tls()?;
        if self.smtp_url.is_some() != self.mail_from.is_some() {
            return Err(wrong("smtp_url and mail_from", "belong together: set both, or neither"));
        }
        if self.mmap_mib < 0 {
            return Err(wrong("mmap_mib", "must not be negative"));
        }
        Ok(self)
    }

    /// What passes between us and the provider says who somebody is, so nobody may read along or answer in its place.
    fn check_provider(&self) -> Result<()> {
        if self.oidc_issuer.is_empty() {
            return match self.oidc_only {
                true => Err(wrong("oidc_only", "needs oidc_issuer")),
                false => Ok(()),
            };
        }
        let url = url::Url::parse(&self.oidc_issuer).map_err(|error| wrong("oidc_issuer", &error.to_string()))?;
        let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(wrong("oidc_issuer", "must begin with https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("oidc_issuer", "must have no ? and no #"));
        }
        if self.oidc_client_id.is_empty() {
            return Err(wrong("oidc_client_id", "is needed where there is an oidc_issuer"));
        }
        Ok(())
    }

    /// Half of it would be worse than none: whoever sets a part believes that nobody can read along.
    fn check_tls(&self) -> Result<()> {
        let has_files = [&self.tls_cert, &self.tls_key].map(|path| !path.as_os_str().is_empty());
        match self.tls {
            Tls::Files if has_files != [true; 2] => return Err(wrong("tls", "\"files\" needs tls_cert and tls_key")),
            Tls::Off | Tls::Acme if has_files != [false; 2] => {
                return Err(wrong("tls_cert and tls_key", "need tls = \"files\""));
            }
            Tls::Off if self.redirect_listen.is_some() => {
                return Err(wrong("redirect_listen", "needs tls: without it there is no https:// to send people to"));
            }
            Tls::Off => return Ok(()),
            Tls::Files | Tls::Acme => {}
        }
        if !self.is_behind_tls() {
            return Err(wrong("tls", "needs a public_url that begins with https://"));
        }
        if self.tls == Tls::Acme && self.names().is_empty() {
            return Err(wrong(
                "tls",
                "\"acme\" needs a name in public_url; nobody orders a certificate for an address",
            ));
        }
        if !self.acme_directory.starts_with("https://") || url::Url::parse(&self.acme_directory).is_err() {
            return Err(wrong("acme_directory", "must begin with https://"));
        }
        Ok(())
    }

    /// The names that certificates are for: first the one of `public_url`. None where that is an address.
    pub fn names(&self) -> Vec<String> {
        let own = self.public_url.as_ref().and_then(|url| url.domain());
        let others = self.hosts.iter().map(String::as_str).filter(|_| own.is_some());
        let mut names: Vec<String> = Vec::new();
        for name in own.into_iter().chain(others).map(str::to_ascii_lowercase) {
            if is_name(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Where certificates and their keys are kept: beside the file, and never in a copy of it.
    pub fn tls_folder(&self) -> PathBuf {
        let mut folder = self.db.clone().into_os_string();
        folder.push(".tls");
        folder.into()
    }

    /// Bytes of a request that carries a file: as base64 it is a third larger, with some room for what stands around it.
    pub fn upload_body_limit(&self) -> usize {
        (self.upload_limit_mib << 20) / 3 * 4 + (64 << 10)
    }

    pub fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            given => given.min(MOST),
        }
    }

    /// Without a slash at the end, so that paths can be put behind it.
    pub fn base_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }

    pub fn is_behind_tls(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

/// Variables of the same prefix that belong to `sally mcp` and to the choice of the file, or that Kubernetes sets beside a
/// service that is called sally.
fn is_others(key: &str) -> bool {
    matches!(key, "config" | "url" | "user_api_key" | "workspace_slug" | "port")
        || key.starts_with("port_")
        || key.starts_with("service_")
}

/// Where a mistake stands: never what stands there, which may be a password.
fn place_in(path: &Path, text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let path = path.display();
    let Some(before) = span.and_then(|span| text.get(..span.start)) else { return path.to_string() };
    let line = before.matches('\n').count();
    let setting = text.lines().nth(line).and_then(|line| line.split_once('=')).map(|(name, _)| name.trim());
    let setting = setting.map(|name| format!(", {name}")).unwrap_or_default();
    format!("{path} line {}{setting}", line + 1)
}

/// In place of a list of all settings, the one that was probably meant.
fn in_words(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    match message.starts_with("unknown field").then(|| names.next()).flatten() {
        Some(name) => match likely(name, names, 0.75) {
            Some(known) => format!("there is no setting {}; did you mean {known}?", quoted(name)),
            None => format!("there is no setting {}; sally.toml.example has them all", quoted(name)),
        },
        None => message.to_owned(),
    }
}

/// `4` is a number, `true` a boolean, `[…]` a list; all else is text.
fn understand(text: &str) -> toml::Value {
    let table: Option<toml::Table> = format!("value = {text}").parse().ok();
    let value = table.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// A name that can stand in a certificate, and so in the name of a file.
fn is_name(text: &str) -> bool {
    rustls::pki_types::DnsName::try_from(text).is_ok() && text.parse::<IpAddr>().is_err()
}

fn wrong(place: &str, message: &str) -> Error {
    Error::malformed(format!("{place}: {}", message.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sally.toml");
        std::fs::write(&path, file).unwrap();
        Config::load(Some(&path), environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let config = load(
            "workers = 3\ncrm = false",
            &[("SALLY_WORKERS", "5"), ("SALLY_LISTEN", "0.0.0.0:80"), ("PATH", "/bin")],
        )
        .unwrap();
        assert_eq!((config.workers, config.crm, config.listen.port(), config.body_limit_kib), (5, false, 80, 1_024));
    }

    #[test]
    fn a_mistake_is_told_where_it_stands() {
        assert!(load("wrokers = 3", &[]).unwrap_err().to_string().contains("wrokers"));
        assert!(load("", &[("SALLY_LISTEN", "nowhere")]).unwrap_err().to_string().starts_with("SALLY_LISTEN"));
        assert!(load("", &[("SALLY_NONSENSE", "1")]).unwrap_err().to_string().contains("nonsense"));
        load("", &[("SALLY_PORT", "tcp://10.0.0.1:4000"), ("SALLY_SERVICE_HOST", "10.0.0.1")]).unwrap();
        for (text, told) in [
            (
                "db = 'x'\nlisten_on = '127.0.0.1:80'",
                "line 2, listen_on: there is no setting “listen_on”; did you mean listen?",
            ),
            ("\n\nworkers = \"two\"", "line 3, workers: invalid type"),
            ("smtp_url = 'hush'", "line 1, smtp_url: "),
            ("log = 'warning'", "log: “warning” is none of off"),
            ("log = 'info,sally::tls=loud'", "log: “sally::tls=loud” is none of off"),
        ] {
            let error = load(text, &[]).unwrap_err().to_string();
            assert!(error.contains(told) && error.lines().count() == 1, "{text}: {error}");
        }
        load("log = 'warn, sally::tls=debug'", &[]).unwrap();
        assert!(load("default_currency = 'XYZ1'", &[]).unwrap_err().to_string().contains("ISO 4217"));
        assert!(load("body_limit_kib = 0", &[]).is_err());
        for (mistake, at) in [
            ("oidc_issuer = 'http://login.example.com'\noidc_client_id = 'x'", "oidc_issuer"),
            ("oidc_issuer = 'https://login.example.com?x'\noidc_client_id = 'x'", "oidc_issuer"),
            ("oidc_issuer = 'login'\noidc_client_id = 'x'", "oidc_issuer"),
            ("oidc_issuer = 'https://login.example.com'", "oidc_client_id"),
            ("oidc_only = true", "oidc_only"),
            ("oidc_role = 'KING'", "KING"),
            ("require_two_factor = 'maybe'", "maybe"),
            ("tls = 'acme'", "public_url"),
            ("tls = 'acme'\npublic_url = 'http://sally.example.com'", "public_url"),
            ("tls = 'acme'\npublic_url = 'https://192.0.2.7'", "public_url"),
            ("tls = 'acme'\npublic_url = 'https://a.example'\nacme_directory = 'http://x'", "acme_directory"),
            ("tls = 'files'\npublic_url = 'https://a.example'\ntls_cert = 'x'", "tls_key"),
            ("tls_cert = 'x'", "tls_cert"),
            ("redirect_listen = '[::]:80'", "redirect_listen"),
        ] {
            assert!(load(mistake, &[]).unwrap_err().to_string().contains(at), "{mistake}");
        }
        let secret = load("", &[("SALLY_OIDC_CLIENT_SECRET", "12345")]).unwrap();
        assert_eq!(secret.oidc_client_secret.reveal(), "12345");
        assert!(!format!("{secret:?}").contains("12345"));
        assert!(Config::load(Some(Path::new("/nowhere/sally.toml")), std::iter::empty()).is_err());
    }

    #[test]
    fn with_tls_it_listens_where_browsers_look_unless_it_is_told_where() {
        let tls = "tls = 'acme'\npublic_url = 'https://Sally.Example.com:8443/'\n";
        let config = load(&format!("{tls}hosts = ['tasks.example.com', 'sally.example.com', '../x', '10.0.0.1']"), &[]);
        let config = config.unwrap();
        assert_eq!(config.listen, Config::OVER_TLS);
        assert_eq!(config.names(), ["sally.example.com", "tasks.example.com"]);
        assert_eq!(config.tls_folder(), Path::new("sally.db.tls"));
        for (file, environment) in [
            (format!("{tls}listen = '127.0.0.1:4000'"), None),
            (tls.to_owned(), Some(("SALLY_LISTEN", "127.0.0.1:4000"))),
        ] {
            assert_eq!(load(&file, environment.as_slice()).unwrap().listen, Config::default().listen);
        }
    }

    #[test]
    fn mail_is_encrypted_unless_it_is_said_otherwise_and_its_password_is_not_told() {
        let url = |text: &str| {
            load(&format!("smtp_url = '{text}'\nmail_from = 'Sally <sally@example.com>'"), &[])
                .map(|config| config.smtp_url)
        };
        let given = |text: &str| url(text).unwrap().unwrap();
        assert_eq!(
            given("smtp://u:geheim@mail.example.com:587").as_str(),
            "smtp://u:geheim@mail.example.com:587?tls=required"
        );
        assert_eq!(given("smtp://127.0.0.1:25?tls=none").as_str(), "smtp://127.0.0.1:25");
        assert_eq!(given("smtps://mail.example.com").as_str(), "smtps://mail.example.com");
        assert!(!format!("{:?}", given("smtps://u:geheim@mail.example.com")).contains("geheim"));
        for bad in ["http://mail.example.com", "smtp://", "smtp://host?tls=never", "mail.example.com:25", ""] {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert!(load("smtp_url = 'smtps://mail.example.com'", &[]).unwrap_err().to_string().contains("mail_from"));
        assert!(load("smtp_url = 'smtps://m.example.com'\nmail_from = 'a@b.c\\nBcc: d@e.f'", &[]).is_err());
    }

    #[test]
    fn the_example_names_every_setting_with_its_default() {
        let example = include_str!("../../sally.toml.example");
        let uncommented: String = example
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let table: toml::Table = uncommented.parse().unwrap();
        let config: Config = table.clone().try_into().unwrap();
        let without = Config { public_url: None, redirect_listen: None, smtp_url: None, mail_from: None, ..config };
        assert_eq!(format!("{without:?}"), format!("{:?}", Config::default()));
        let fields = format!("{:?}", Config::default()).matches(": ").count();
        assert!(table.len() >= fields - 1, "the example has {} settings, the struct about {fields}", table.len());
    }
}
