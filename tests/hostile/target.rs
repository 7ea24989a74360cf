//! The server that all this is sent to.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cli::{self, PATIENCE, Server, adas_file, sally, wait_until};

/// Connections to an address of ours, as far as a process holds them: neither what listens nor what is the system's alone.
pub fn connections(address: SocketAddr) -> usize {
    const LISTENS: &str = "0A";
    let port = format!(":{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let held = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields[1], fields[3], fields[9]);
        local.ends_with(&port) && state != LISTENS && inode != "0"
    };
    table.lines().skip(1).filter(held).count()
}

pub struct Target {
    pub server: Server,
    pub address: SocketAddr,
    pub api_key: String,
    pub mcp_key: String,
    folder: tempfile::TempDir,
    log: PathBuf,
}

impl Target {
    pub fn start(settings: &[(&str, &str)]) -> Target {
        Target::start_as(settings, |command| command)
    }

    /// In another way than by its name alone.
    pub fn start_as(settings: &[(&str, &str)], launch: impl FnOnce(Command) -> Command) -> Target {
        let (folder, made) = adas_file();
        let log = folder.path().join("log");
        let mut command = sally(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        command.envs(settings.iter().copied());
        let mut server = Server::launch_logging(launch(command), File::create(&log).unwrap());
        // None that is kept open, and closed by the server just when it is used again.
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections(0);
        server.agent = agent.build().new_agent();
        let address = server.url.trim_start_matches("http://").parse().unwrap();
        let key = |name: &str| made[name].as_str().unwrap().to_owned();
        let target = Target { server, address, api_key: key("apiKey"), mcp_key: key("mcpKey"), folder, log };
        target.is_there_for_others();
        target
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Connections that the server holds.
    pub fn connections(&self) -> usize {
        connections(self.address)
    }

    pub fn has_let_everybody_go(&self) {
        wait_until("the end of all connections", || self.connections() == 0);
    }

    /// Somebody with nothing but good manners reads and writes.
    pub fn is_there_for_others(&self) {
        assert_eq!(self.server.status("/health"), 200);
        assert_eq!(self.server.status("/login"), 200);
        let (status, made) =
            self.server.post("/api/crm/deals", &self.api_key, &json!({ "title": "Relaunch" })).unwrap();
        assert_eq!(status, 201, "{made}");
        let (status, found) =
            self.server.get(&format!("/api/crm/deals/{}", made["id"].as_str().unwrap()), &self.api_key);
        assert_eq!((status, &found["title"]), (200, &Value::from("Relaunch")));
    }

    /// Memory falls to this, in KiB: the allocator gives back what is free while it is at work, with a few thousand requests.
    pub fn gives_back(&self, most: u64) {
        wait_until("the memory", || {
            let held = self.server.memory();
            println!("{held} KiB of memory, {most} are fine");
            if held > most {
                (0..2_000).for_each(|_| assert_eq!(self.server.status("/health"), 200));
            }
            held <= most
        });
    }

    pub fn has_nothing_to_complain_of(&self) {
        cli::has_nothing_to_complain_of(&self.log);
    }
}
