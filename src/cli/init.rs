//! `sally init`: sets a new file up without asking anything, for scripts and images.

use clap::Args;
use serde::Serialize;

use super::{console, email, line, output};
use crate::core::config::Config;
use crate::core::error::Result;
use crate::core::secret;
use crate::core::text::{Email, Line};
use crate::features::keys::{CreateKeyFor, KeyKind};
use crate::features::setup::{self, Beginning};

#[derive(Args)]
pub(super) struct Init {
    /// E-mail of the first account, which administers the server
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    admin_email: Email,

    /// Its name
    #[arg(long, value_name = "NAME", value_parser = line::<120>)]
    admin_name: Line<120>,

    /// What the team is called
    #[arg(long, value_name = "NAME", value_parser = line::<120>)]
    workspace: Line<120>,

    /// Take the password from standard input instead of making one up
    #[arg(long)]
    password_stdin: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was made. The keys, and a password that was made up, are shown this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    #[serde(flatten)]
    beginning: Beginning,
    api_key: String,
    mcp_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

impl Init {
    pub(super) fn run(self, config: Config) -> Result<()> {
        let (password, made_up) = match self.password_stdin {
            true => (super::password_from_stdin()?, None),
            false => {
                let password = secret::made_up_password();
                (password.clone(), Some(password))
            }
        };
        let app = super::open(config)?;
        let init = setup::Init::new(self.admin_name, self.admin_email, password, self.workspace);
        let beginning = app.run_now(console(), init)?;
        let key = |kind| {
            let label = Line::parse("Made at set-up").expect("a line");
            let account = Line::parse(&beginning.email).expect("an e-mail is a line");
            app.run_now(console(), CreateKeyFor::whole(account, kind, label))
        };
        let (api_key, mcp_key) = (key(KeyKind::Api)?.token, key(KeyKind::Mcp)?.token);
        let made = Made { beginning, api_key, mcp_key, password: made_up };
        if self.json {
            return output::json(&made);
        }
        let password = made.password.map_or(String::new(), |password| format!("\nPassword   {password}"));
        output::say(&format!(
            "Set up {}.\n\nSign in    {}{password}\nWorkspace  {}\nAPI key    {}\nMCP key    {}\n\nPassword and keys are shown this once.",
            app.store().path().display(),
            made.beginning.email,
            made.beginning.workspace_slug,
            made.api_key,
            made.mcp_key,
        ))
    }
}
