//! What the server tells while it runs: one line each on standard error, for people or as JSON for programs.

use std::io::Write;

use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Value, VisitSource};
use log::{LevelFilter, Record};
use serde_json::Map;

use crate::core::config::LogFormat;
use crate::core::time::Moment;

/// `RUST_LOG` wins over the setting, which [`Config`](crate::core::config::Config) has looked at.
pub(super) fn start(levels: &str, format: LogFormat) {
    let mut log = env_logger::Builder::new();
    // It tells of every start and stop, and so do we; and, as an error, of every request that is none.
    log.filter_module("actix_server", LevelFilter::Warn);
    log.filter_module("actix_http", LevelFilter::Off);
    log.parse_filters(&std::env::var("RUST_LOG").unwrap_or_else(|_| levels.to_owned()));
    if format == LogFormat::Json {
        log.format(json);
    }
    // A second start in the same process, which only a test could want, changes nothing.
    let _ = log.try_init();
}

fn json(out: &mut Formatter, record: &Record<'_>) -> std::io::Result<()> {
    let mut line = Fields(Map::new());
    line.put("time", Moment::now().to_string());
    line.put("level", record.level().as_str());
    line.put("target", record.target());
    line.put("message", record.args().to_string());
    record.key_values().visit(&mut line).map_err(std::io::Error::other)?;
    serde_json::to_writer(&mut *out, &line.0)?;
    writeln!(out)
}

struct Fields(Map<String, serde_json::Value>);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        match value.to_i64() {
            Some(number) => self.put(key.as_str(), number),
            None => match value.to_f64() {
                Some(number) => self.put(key.as_str(), number),
                None => self.put(key.as_str(), value.to_string()),
            },
        }
        Ok(())
    }
}
