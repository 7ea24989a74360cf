//! `sally mcp`: a bridge for clients that want a local process, and `sally mcp config`: what to paste into a client.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::{bridge, output};
use crate::core::config::Config;
use crate::core::error::{Error, Result};
use crate::features::keys::KeyKind;
use crate::mcp::clients;

#[derive(Args)]
pub(super) struct Mcp {
    #[command(subcommand)]
    command: Option<McpCommand>,
}

#[derive(Subcommand)]
enum McpCommand {
    /// Print a client's configuration for this server
    Config(ClientArguments),
}

#[derive(Args)]
pub(super) struct ClientArguments {
    /// Which client
    #[arg(value_parser = PossibleValuesParser::new(clients::CLIENTS))]
    client: String,

    /// Where the server is reached [default: `public_url` of the settings, or the address it listens on]
    #[arg(long)]
    url: Option<url::Url>,

    /// A key: “sally key create --kind mcp” makes one, with --stdio “--kind api”
    #[arg(long, value_parser = key)]
    key: Option<String>,

    /// For a client that starts this program, which then talks to the server
    #[arg(long)]
    stdio: bool,
}

/// Stands where the key belongs.
const NO_KEY: &str = "YOUR_KEY";

impl Mcp {
    /// The bridge needs no settings of a server, which is another's, so they are read only if they are wanted.
    pub(super) fn run(self, config: impl FnOnce() -> Result<Config>) -> Result<()> {
        let Some(McpCommand::Config(ClientArguments { client, url, key, stdio })) = self.command else {
            return bridge::run(bridge::Settings::from_environment()?);
        };
        let config = config()?;
        let base_url = url.map_or_else(|| config.base_url(), |url| url.to_string());
        let base_url = base_url.trim_end_matches('/').trim_end_matches("/mcp");
        let kind = if stdio { "api" } else { "mcp" };
        let fits =
            |key: &String| key.starts_with(KeyKind::Mcp.prefix()) || stdio && key.starts_with(KeyKind::Api.prefix());
        if key.as_ref().is_some_and(|key| !fits(key)) {
            return Err(Error::malformed(format!(
                "--key: this is a key for something else; “sally key create --kind {kind}” makes one that fits"
            )));
        }
        let given = key.as_deref().unwrap_or(NO_KEY);
        let configs = match stdio {
            true => clients::local(base_url, given, &this_program()),
            false => clients::hosted(base_url, given),
        };
        let found = configs.into_iter().find(|config| config.client == client);
        let found = found.ok_or_else(|| Error::internal(format!("{client} is offered and not known")))?;
        output::complain(&format!("{}: {}.", found.title, found.place));
        if key.is_none() {
            output::complain(&format!("Put a key where {NO_KEY} stands; “sally key create --kind {kind}” makes one."));
        }
        output::say(&found.text)
    }
}

/// With its whole path: programs with windows are often not started with the `PATH` of a terminal.
fn this_program() -> String {
    std::env::current_exe().map_or_else(|_| "sally".to_owned(), |path| path.to_string_lossy().into_owned())
}

/// A key is letters, digits, `-` and `_`: anything else would break out of the text it stands in.
fn key(text: &str) -> Result<String, String> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    is_plain.then(|| text.to_owned()).ok_or_else(|| "a key is made of letters, digits, - and _".into())
}
