//! `sally completions SHELL`: what to source in a shell's start-up file; and the man page.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::output;
use crate::core::error::{Error, Result};

#[derive(Args)]
pub(super) struct Completions {
    /// Which shell; or `man` for the manual page
    #[arg(value_parser = Kind::parse)]
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Shell(Shell),
    Man,
}

impl Kind {
    fn parse(text: &str) -> Result<Kind, String> {
        match text {
            "man" => Ok(Kind::Man),
            _ => Shell::from_str(text, true).map(Kind::Shell).map_err(|_| {
                let shells: Vec<String> = Shell::value_variants().iter().map(Shell::to_string).collect();
                format!("it is one of {}, man", shells.join(", "))
            }),
        }
    }
}

impl Completions {
    pub(super) fn run(self) -> Result<()> {
        let mut command = super::Arguments::command();
        let mut script = Vec::new();
        match self.kind {
            Kind::Shell(shell) => clap_complete::generate(shell, &mut command, "sally", &mut script),
            Kind::Man => clap_mangen::Man::new(command).render(&mut script).map_err(Error::internal)?,
        }
        output::say(String::from_utf8(script).map_err(Error::internal)?.trim_end())
    }
}
