//! `sally completions SHELL`: what to source in a shell's start-up file; and the man page.

use std::io::{self, Write};

use clap::{Args, Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;

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
            Kind::Man => manual(command, &mut script).map_err(Error::internal)?,
        }
        output::say(String::from_utf8(script).map_err(Error::internal)?.trim_end())
    }
}

/// One page with all commands in it: `man sally` is where somebody looks for `sally key create`.
fn manual(mut command: Command, page: &mut Vec<u8>) -> io::Result<()> {
    command.build();
    let itself = Man::new(command.clone());
    itself.render_title(page)?;
    itself.render_name_section(page)?;
    itself.render_synopsis_section(page)?;
    itself.render_description_section(page)?;
    itself.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    commands(&command, page)
}

fn commands(of: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    for command in of.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        if command.is_subcommand_required_set() {
            commands(command, page)?;
            continue;
        }
        let man = Man::new(command.clone());
        let mut parts = Vec::new();
        man.render_synopsis_section(&mut parts)?;
        man.render_description_section(&mut parts)?;
        man.render_options_section(&mut parts)?;
        writeln!(page, ".SS {}", command.get_bin_name().unwrap_or(command.get_name()))?;
        // What is a section in a page of its own is a paragraph here.
        for line in String::from_utf8_lossy(&parts).lines() {
            writeln!(page, "{}", if line.starts_with(".SH ") { ".PP" } else { line })?;
        }
        commands(command, page)?;
    }
    Ok(())
}
