//! What the server counts of itself. Counting is always on and costs a request less than a microsecond; showing it is a setting.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
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
    now: Now<Gauge>,
}

/// What is looked up when somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Now<T = i64> {
    pub readers_busy: T,
    pub slow_reads: T,
    pub database_bytes: T,
    pub wal_bytes: T,
    pub sign_ins: T,
    pub mcp_sessions: T,
    pub mcp_streams: T,
    pub memory_bytes: T,
    pub open_files: T,
    pub uptime_seconds: T,
    /// -1 while there is none.
    pub backup_age_seconds: T,
}

/// From a tenth of a millisecond to ten seconds.
fn durations() -> Histogram {
    Histogram::new([0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0])
}

impl Metrics {
    pub(super) fn new() -> Self {
        let metrics = Metrics {
            registry: Registry::with_prefix("sally"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(durations),
            tool_calls: Family::default(),
            writes_waiting: Gauge::default(),
            write_wait: durations(),
            commits: Counter::default(),
            commit_seconds: durations(),
            writes_per_commit: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            checkpoints: Counter::default(),
            now: Now::default(),
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
        let now = &self.now;
        for (name, help, gauge) in [
            ("readers_busy", "Readers in use", &now.readers_busy),
            ("slow_reads", "Searches and reports that run or wait", &now.slow_reads),
            ("database_bytes", "Size of the file", &now.database_bytes),
            ("wal_bytes", "Size of the write-ahead log", &now.wal_bytes),
            ("sessions", "Sign-ins that have not expired", &now.sign_ins),
            ("mcp_sessions", "Open MCP sessions", &now.mcp_sessions),
            ("mcp_streams", "Open MCP streams", &now.mcp_streams),
            ("memory_bytes", "Memory in use (RSS)", &now.memory_bytes),
            ("open_files", "Open files and sockets", &now.open_files),
            ("uptime_seconds", "Time since the start", &now.uptime_seconds),
            (
                "backup_age_seconds",
                "Age of the newest backup in the folder of the settings; -1 for none",
                &now.backup_age_seconds,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
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

    /// Everything as text, in the OpenMetrics format that Prometheus reads.
    pub fn text(&self, now: &Now) -> Result<String, fmt::Error> {
        let gauges = &self.now;
        for (gauge, value) in [
            (&gauges.readers_busy, now.readers_busy),
            (&gauges.slow_reads, now.slow_reads),
            (&gauges.database_bytes, now.database_bytes),
            (&gauges.wal_bytes, now.wal_bytes),
            (&gauges.sign_ins, now.sign_ins),
            (&gauges.mcp_sessions, now.mcp_sessions),
            (&gauges.mcp_streams, now.mcp_streams),
            (&gauges.memory_bytes, now.memory_bytes),
            (&gauges.open_files, now.open_files),
            (&gauges.uptime_seconds, now.uptime_seconds),
            (&gauges.backup_age_seconds, now.backup_age_seconds),
        ] {
            gauge.set(value);
        }
        let mut written = String::new();
        text::encode(&mut written, &self.registry)?;
        Ok(written)
    }
}
