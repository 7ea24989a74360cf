//! `sally completions SHELL`: what to source in a shell's start-up file.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output;
use crate::core::error::{Error, Result};

#[derive(Args)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Arguments::command(), "sally", &mut script);
        output::say(String::from_utf8(script).map_err(Error::internal)?.trim_end())
    }
}
