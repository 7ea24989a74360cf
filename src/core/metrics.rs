//! What the server counts of itself. Counting is always on and costs a request less than a microsecond; showing it is a setting.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// A request by the surface that answered it and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    surface: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Surface {
    surface: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToolCall {
    tool: &'static str,
    /// `ok`, or the code of the error.
    outcome: &'static str,
}

type Durations = fn() -> Histogram;

/// All counters of one server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Family<Surface, Histogram, Durations>,
    tool_calls: Family<ToolCall, Counter>,
    writes_waiting: Gauge,
    write_wait: Histogram,
    commits: Counter,
    commit_seconds: Histogram,
    writes_per_commit: Histogram,
    checkpoints: Counter,
}

/// What every name begins with.
const PREFIX: &str = "sally";

/// From a tenth of a millisecond to ten seconds.
fn durations() -> Histogram {
    Histogram::new([0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0])
}

impl Metrics {
    pub(super) fn new() -> Self {
        let metrics = Metrics {
            registry: Registry::with_prefix(PREFIX),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(durations),
            tool_calls: Family::default(),
            writes_waiting: Gauge::default(),
            write_wait: durations(),
            commits: Counter::default(),
            commit_seconds: durations(),
            writes_per_commit: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            checkpoints: Counter::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests by surface and status", self.requests.clone());
        registry.register(
            "http_request_seconds",
            "Time until an answer began, by surface",
            self.request_seconds.clone(),
        );
        registry.register("tool_calls", "Calls of MCP tools by tool and outcome", self.tool_calls.clone());
        registry.register("writes_waiting", "Writes in the queue", self.writes_waiting.clone());
        registry.register("write_wait_seconds", "Time that a write waited for its turn", self.write_wait.clone());
        registry.register("commits", "Commits, each of one write or many", self.commits.clone());
        registry.register(
            "commit_seconds",
            "Time that a commit took, most of it the disk's",
            self.commit_seconds.clone(),
        );
        registry.register("writes_per_commit", "Writes that shared a commit", self.writes_per_commit.clone());
        registry.register("checkpoints", "Checkpoints of the write-ahead log", self.checkpoints.clone());
        self
    }

    pub fn request(&self, surface: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Request { surface, status }).inc();
        self.request_seconds.get_or_create(&Surface { surface }).observe(took.as_secs_f64());
    }

    pub fn tool_call(&self, tool: &'static str, outcome: &'static str) {
        self.tool_calls.get_or_create(&ToolCall { tool, outcome }).inc();
    }

    pub(super) fn write_queued(&self) {
        self.writes_waiting.inc();
    }

    pub(super) fn write_refused(&self) {
        self.writes_waiting.dec();
    }

    pub(super) fn write_begun(&self, waited: Duration) {
        self.writes_waiting.dec();
        self.write_wait.observe(waited.as_secs_f64());
    }

    pub(super) fn committed(&self, writes: usize, took: Duration, checkpoints: u64) {
        self.commits.inc();
        self.commit_seconds.observe(took.as_secs_f64());
        self.writes_per_commit.observe(writes as f64);
        self.checkpoints.inc_by(checkpoints);
    }

    /// Everything as text, in the OpenMetrics format that Prometheus reads; `now` is what is looked up when somebody asks:
    /// name, what it tells, and how much it is.
    pub fn text(&self, now: &[(&str, &str, i64)]) -> Result<String, fmt::Error> {
        let mut looked_up = Registry::with_prefix(PREFIX);
        for (name, help, value) in now {
            looked_up.register(*name, *help, ConstGauge::new(*value));
        }
        let mut written = String::new();
        text::encode_registry(&mut written, &self.registry)?;
        text::encode_registry(&mut written, &looked_up)?;
        text::encode_eof(&mut written)?;
        Ok(written)
    }
}
