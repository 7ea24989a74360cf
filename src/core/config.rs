//! Configuration: flag, then environment `SALLY_…`, then file, then default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::caller::SecondFactorFor;
use super::error::{Error, Result};
use super::money::Currency;
use super::network::Network;
use super::page::MOST;
use crate::choices;

choices! {
    /// Who may make keys for themselves.
    pub enum KeysBy { Everybody = "EVERYBODY", Owners = "OWNERS", Admins = "ADMINS" }
}

/// Every setting; `sally.toml.example` says what each is for, and a test holds the two together.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub db: PathBuf,
    pub listen: SocketAddr,
    /// As people reach the server, e.g. `https://sally.example.com`; default: `http://` and the listening address.
    pub public_url: Option<url::Url>,
    /// Other names by which it is reached.
    pub hosts: Vec<String>,
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
    pub oauth_registrations_per_hour: u32,
    pub oauth_requests_per_minute: u32,
    /// Programs may show the address of a document about them instead of registering; it is fetched from the internet.
    pub oauth_client_metadata: bool,
    pub log: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            db: "sally.db".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            public_url: None,
            hosts: Vec::new(),
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
            writes_per_minute: 300_000,
            mcp_calls_per_minute: 1_000_000,
            keys_by: KeysBy::Everybody,
            key_max_days: 0,
            audit_days: 0,
            backup_dir: PathBuf::new(),
            backup_every_hours: 24,
            backup_keep: 7,
            require_two_factor: SecondFactorFor::Nobody,
            oauth_registrations_per_hour: 60,
            oauth_requests_per_minute: 120,
            oauth_client_metadata: false,
            log: "info".into(),
        }
    }
}

impl Config {
    /// The file (if there is one), overlaid with the environment.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let path = file.map_or_else(|| PathBuf::from("sally.toml"), Path::to_owned);
        let mut table = match std::fs::read_to_string(&path) {
            Ok(text) => {
                text.parse::<toml::Table>().map_err(|error| wrong(&path.display().to_string(), error.message()))?
            }
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => toml::Table::new(),
            Err(error) => return Err(wrong(&path.display().to_string(), &error.to_string())),
        };
        // The two sources are read one after the other, so that a mistake is told where it stands.
        let from_file: Config = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| wrong(&path.display().to_string(), error.message()))?;
        let mut overlaid = false;
        for (name, text) in environment {
            let Some(key) =
                name.strip_prefix("SALLY_").map(str::to_ascii_lowercase).filter(|key| !OTHERS.contains(&key.as_str()))
            else {
                continue;
            };
            let mut alone = toml::Table::new();
            let value = understand(&text);
            alone.insert(key.clone(), value.clone());
            let checked: Result<Config, _> = alone.clone().try_into();
            if checked.is_err() {
                alone.insert(key.clone(), toml::Value::String(text.clone()));
                let _: Config =
                    alone.clone().try_into().map_err(|error: toml::de::Error| wrong(&name, error.message()))?;
            }
            table.extend(alone);
            overlaid = true;
        }
        let config = if overlaid {
            table.try_into().map_err(|error: toml::de::Error| wrong("the configuration", error.message()))?
        } else {
            from_file
        };
        config.checked()
    }

    fn checked(self) -> Result<Self> {
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
        if self.mmap_mib < 0 {
            return Err(wrong("mmap_mib", "must not be negative"));
        }
        Ok(self)
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

/// Variables of the same prefix that belong to `sally mcp` and to the choice of the file.
const OTHERS: &[&str] = &["config", "url", "user_api_key", "workspace_slug"];

/// `4` is a number, `true` a boolean, `[…]` a list; all else is text.
fn understand(text: &str) -> toml::Value {
    let table: Option<toml::Table> = format!("value = {text}").parse().ok();
    let value = table.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
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
        assert!(load("default_currency = 'XYZ1'", &[]).unwrap_err().to_string().contains("ISO 4217"));
        assert!(load("body_limit_kib = 0", &[]).is_err());
        assert!(Config::load(Some(Path::new("/nowhere/sally.toml")), std::iter::empty()).is_err());
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
        assert_eq!(format!("{:?}", Config { public_url: None, ..config }), format!("{:?}", Config::default()));
        let fields = format!("{:?}", Config::default()).matches(": ").count();
        assert!(table.len() >= fields - 1, "the example has {} settings, the struct about {fields}", table.len());
    }
}
