//! The executable as people and scripts meet it: real processes, real files, real sockets.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A `sally` that sees nothing of the environment of whoever runs the tests; `TESTED` names another one than was just built.
pub fn sally(folder: &Path, arguments: &[&str]) -> Command {
    let tested = std::env::var_os("TESTED").unwrap_or_else(|| env!("CARGO_BIN_EXE_sally").into());
    let mut command = Command::new(tested);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SALLY_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").current_dir(folder).args(arguments);
    command
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    sally(folder, arguments).stdin(Stdio::null()).output().unwrap()
}

pub fn run_with(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = sally(folder, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Exactly one JSON object on stdout, from a command that did what it should.
pub fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// It failed with one line on stderr and nothing on stdout; that line.
pub fn complaint(output: &Output) -> String {
    let told = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.trim_end().lines().count(), 1, "{told}");
    assert!(output.stdout.is_empty());
    told
}

pub const ADA: &[&str] =
    &["init", "--admin-email", "ada@example.com", "--admin-name", "Ada", "--workspace", "Acme Studio", "--json"];

/// A file that Ada administers, with what `init` told.
pub fn adas_file() -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let made = json_of(&run(folder.path(), ADA));
    (folder, made)
}

/// How much of a thing: as the environment says, or the short form.
pub fn number(name: &str, short: usize) -> usize {
    std::env::var(name).map_or(short, |text| text.parse().expect("a number"))
}

/// What takes longer than this does not come any more.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again, and says what did not come.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kills a command as soon as something is to be seen, or lets it end. Whether it was killed.
pub fn kill_when(mut command: Command, mut is_time: impl FnMut() -> bool) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        if is_time() {
            let _ = child.kill();
            return child.wait().unwrap().code().is_none();
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return false;
        }
        std::thread::yield_now();
    }
}

/// Nothing went wrong inside, as far as the log tells.
pub fn has_nothing_to_complain_of(log: &Path) {
    let log = std::fs::read_to_string(log).unwrap();
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("ERROR") || line.contains("panic")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// A server on a port of its own; killed when the test ends.
pub struct Server {
    pub child: Child,
    pub url: String,
    /// What it said before it began to wait.
    pub told: String,
    pub agent: ureq::Agent,
}

impl Server {
    pub fn start(folder: &Path, arguments: &[&str]) -> Server {
        Server::launch(sally(folder, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()))
    }

    pub fn launch(command: Command) -> Server {
        Server::launch_logging(command, Stdio::null())
    }

    pub fn launch_logging(mut command: Command, log: impl Into<Stdio>) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut told = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !told.contains("To stop") {
            assert!(lines.read_line(&mut told).unwrap() > 0, "it ended early: {told}");
        }
        let url = told.lines().next().unwrap().split(" at ").last().unwrap().to_owned();
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let agent = config.build().new_agent();
        Server { child, url, told, agent }
    }

    pub fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let request = self.agent.get(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {token}"));
        let mut response = request.call().unwrap();
        (response.status().as_u16(), response.body_mut().read_json().unwrap())
    }

    pub fn status(&self, path: &str) -> u16 {
        self.agent.get(format!("{}{path}", self.url)).call().unwrap().status().as_u16()
    }

    pub fn post(&self, path: &str, token: &str, body: &Value) -> Result<(u16, Value), ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.send_json(body)?;
        Ok((response.status().as_u16(), response.body_mut().read_json()?))
    }

    /// Memory that is not a part of a file, in KiB: the least of a second, as each password that is being looked at has its
    /// 19 MiB for a moment, and what is given back goes with the next work. Told by Linux only.
    pub fn memory(&self) -> u64 {
        let looks = (0..20).map(|_| {
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(self.status("/health"), 200);
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("RssAnon"));
            line.map_or(0, |line| line.split_whitespace().nth(1).unwrap().parse().unwrap())
        });
        looks.min().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn wait(&mut self) -> Option<i32> {
        let mut status = None;
        wait_until("the end of the server", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|status| status.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
