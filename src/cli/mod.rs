//! The command line: reads the arguments, opens the file, runs operations, says what came of it.

mod backup;
mod bridge;
mod completions;
mod demo;
mod doctor;
mod init;
mod key;
mod log;
mod mcp;
mod openapi;
mod output;
mod serve;
mod transfer;
mod user;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::core::app::{App, Call};
use crate::core::caller::Credential;
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::core::input;
use crate::core::operation::Operation;
use crate::core::page::{Page, Paging};
use crate::core::store::{self, Store};
use crate::core::text::{Email, Line};

#[derive(Parser)]
#[command(name = "sally", version, about)]
struct Arguments {
    /// The SQLite file that holds everything [default: sally.db]
    #[arg(long, global = true, value_name = "FILE")]
    db: Option<PathBuf>,

    /// Settings [default: sally.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve REST, pages and MCP; without any command, Sally does this
    Serve(serve::Serve),
    /// Set up a new file without asking: the first account, the first workspace and their keys
    Init(init::Init),
    /// Add people, and let them back in
    #[command(subcommand)]
    User(user::User),
    /// Make, list and revoke keys
    #[command(subcommand)]
    Key(key::Key),
    /// Speak MCP over standard input and output with the server at SALLY_URL; or print a client's configuration
    Mcp(mcp::Mcp),
    /// Copy the file while it is in use
    Backup(backup::Backup),
    /// Put a copy back in the place of the file
    Restore(backup::Restore),
    /// Look whether a file is whole: pages, references, counts and the search index
    Verify(backup::Verify),
    /// Look the installation over: the file, the disk, the settings, the backups; and say what to do
    Doctor(doctor::Doctor),
    /// Write a workspace into a file of JSON lines
    Export(transfer::Export),
    /// Bring a workspace in that “sally export” wrote; it is there as a whole or not at all
    Import(transfer::Import),
    /// Print the OpenAPI document
    Openapi,
    /// Print completions for a shell
    Completions(completions::Completions),
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("sally: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Under the name `sally-mcp`, as a link to the executable, it is `sally mcp`.
fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    if given.first().is_some_and(|name| Path::new(name).file_stem().is_some_and(|stem| stem == "sally-mcp")) {
        given.insert(1, "mcp".into());
    }
    given
}

fn run(arguments: Arguments) -> Result<()> {
    let named = arguments.config.or_else(|| std::env::var_os("SALLY_CONFIG").map(PathBuf::from));
    let settings = named.clone().unwrap_or_else(|| Config::FILE.into());
    let config = || config(arguments.db, named);
    match arguments.command.unwrap_or_else(|| Command::Serve(serve::Serve::default())) {
        Command::Serve(serve) => serve.run(config()?),
        Command::Init(init) => init.run(config()?),
        Command::User(user) => user.run(config()?),
        Command::Key(key) => key.run(config()?),
        Command::Mcp(mcp) => mcp.run(config),
        Command::Backup(backup) => backup.run(config()?),
        Command::Restore(restore) => restore.run(config()?),
        Command::Verify(verify) => verify.run(config()?),
        Command::Doctor(doctor) => doctor.run(config()?, &settings),
        Command::Export(export) => export.run(config()?),
        Command::Import(import) => import.run(config()?),
        Command::Openapi => openapi::run(config()?),
        Command::Completions(completions) => completions.run(),
    }
}

/// Help and version are answers, all else is wrong usage. A reader that went away is no reason to fail.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

/// Flag, then environment, then file, then default.
fn config(db: Option<PathBuf>, file: Option<PathBuf>) -> Result<Config> {
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    let mut config = Config::load(file.as_deref(), environment)?;
    if let Some(db) = db {
        config.db = db;
    }
    Ok(config)
}

/// The application beside a server that may be running on the same file, which must exist.
fn beside(mut config: Config) -> Result<Arc<App>> {
    if let Err(error) = config.db.try_exists() {
        return Err(Error::conflict(format!(
            "whether there is a file {} cannot be seen: {error}; ask as the user that Sally runs as",
            config.db.display()
        )));
    }
    if !config.db.exists() {
        return Err(Error::conflict(format!(
            "there is no file {}; name yours with --db, or begin one with “sally serve” or “sally init”",
            config.db.display()
        )));
    }
    // Links lead to where it is, whatever --listen it was given.
    config.listen = store::address_of_holder(&config.db).unwrap_or(config.listen);
    open(config)
}

fn open(config: Config) -> Result<Arc<App>> {
    let store = Store::beside(&config.db)?;
    Ok(Arc::new(App::new(store, config, crate::features::ALL)))
}

/// Whoever may touch the file may do everything with it.
fn console() -> Call {
    Call::with(Credential::ConsoleOfThisMachine)
}

/// All items of a list, page by page.
fn everything<T, O: Operation<Output = Page<T>>>(app: &Arc<App>, list: impl Fn() -> O) -> Result<Vec<T>> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let mut wanted = input::of([("limit", crate::core::page::MOST.into())]);
        wanted.extend(cursor.map(|cursor: String| ("cursor".to_owned(), cursor.into())));
        let call = Call { paging: Paging::take(&mut wanted, &O::SPEC)?, ..console() };
        let page = app.run_now(call, list())?;
        items.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(items),
        }
    }
}

/// One line from standard input, without its end.
fn password_from_stdin() -> Result<String> {
    use std::io::IsTerminal;
    if std::io::stdin().is_terminal() {
        output::complain("Type the password and press Enter; it is shown as you type.");
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| Error::conflict(format!("standard input: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Error::conflict("--password-stdin expects the password as one line on standard input"));
    }
    Ok(password.to_owned())
}

fn email(text: &str) -> Result<Email, String> {
    Email::parse(text)
}

fn line<const MAX: usize>(text: &str) -> Result<Line<MAX>, String> {
    Line::parse(text)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        super::Arguments::command().debug_assert();
    }
}
