//! A machine with a clock that can be set, and Ada's server on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::preload::clock;
use crate::support::cli::{PATIENCE, Server, adas_file, sally};

pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;
pub const YEAR: i64 = 365 * DAY;

/// What a clock says.
#[derive(Clone, Copy, Debug)]
pub enum Says {
    /// So many seconds beside the true time.
    Off(i64),
    /// The same all the time; so many seconds beside the true one of now.
    Still(i64),
}

pub const TRUE: Says = Says::Off(0);

pub struct Machine {
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
    pub made: Value,
    pub key: String,
    pub server: Server,
}

fn true_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

impl Machine {
    pub fn new(settings: &[(&'static str, String)]) -> Machine {
        let (folder, made) = adas_file();
        let key = made["apiKey"].as_str().unwrap().to_owned();
        let server = launch(folder.path(), settings);
        Machine { folder, settings: settings.to_vec(), made, key, server }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self) -> PathBuf {
        self.folder().join("sally.db")
    }

    /// Sets the clock, also of the server that runs; what it says by then, in seconds.
    pub fn set(&self, says: Says) -> i64 {
        let now = true_seconds();
        let (text, seconds) = match says {
            Says::Off(by) => (format!("{by:+}"), now + by),
            Says::Still(by) => (format!("={}", now + by), now + by),
        };
        let next = self.folder().join("clock.next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, self.folder().join("clock")).unwrap();
        seconds
    }

    /// Stops the server and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.server = launch(self.folder.path(), &self.settings);
    }

    pub fn stop(&mut self) {
        self.server.signal("-TERM");
        assert_eq!(self.server.wait(), Some(0));
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.server.get(path, &self.key);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.server.post(path, &self.key, &body).unwrap();
        assert!((200..300).contains(&status), "{path} {body}: {status} {answer}");
        answer
    }

    /// What the server takes the time to be, in seconds.
    pub fn time(&self) -> i64 {
        let told = self.get("/api/ping")["time"].as_str().unwrap().to_owned();
        sally::core::time::Moment::parse(&told).unwrap().ms() / 1_000
    }

    pub fn task(&self, project: &str, title: &str) -> Value {
        self.post("/api/tasks", json!({ "projectId": project, "title": title }))
    }
}

/// A command on this machine.
pub fn on_this_machine(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = sally(folder, arguments);
    command.env("LD_PRELOAD", clock(folder)).env("CLOCK_FILE", folder.join("clock"));
    command
}

fn launch(folder: &Path, settings: &[(&'static str, String)]) -> Server {
    let mut command = on_this_machine(folder, &["serve", "--listen", "127.0.0.1:0"]);
    command.envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let mut server = Server::launch(command);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .max_idle_connections(0);
    server.agent = agent.build().new_agent();
    server
}
