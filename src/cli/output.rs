//! Everything that commands print: answers on stdout, complaints on stderr, and no panic when nobody reads them.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;

use serde::Serialize;

use crate::core::error::{Error, Result};
use crate::core::store::Progress;

/// One text on stdout, with a line end.
pub(super) fn say(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // Whoever read has read enough, as `sally … | head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::conflict(format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// One JSON object on stdout.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    say(&serde_json::to_string_pretty(value).map_err(Error::internal)?)
}

/// One line on stderr. If even that fails, there is nobody left to tell.
pub(super) fn complain(text: &str) {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(io::stderr(), "{one_line}");
}

/// Tells on a terminal how far something is; anywhere else it would only be noise.
pub(super) fn progress(what: &'static str) -> Option<Progress> {
    let line = io::stderr().is_terminal().then(|| ProgressLine)?;
    let mut told = None;
    Some(Box::new(move |done, all| {
        let percent = (done * 100).checked_div(all).unwrap_or(0).min(100);
        if told != Some(percent) {
            told = Some(percent);
            line.tell(&format!("{what} … {percent} %"));
        }
        ControlFlow::Continue(())
    }))
}

/// The line that is written over; wiped when it is done, so that what follows stands alone.
struct ProgressLine;

impl ProgressLine {
    fn tell(&self, text: &str) {
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.tell("");
    }
}

/// Columns side by side, each as wide as its longest cell.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let lines = std::iter::once(&head).chain(rows).map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_lines_up() {
        let text = super::table(&["ID", "LABEL"], &[vec!["key_1".into(), "Über".into()], vec!["k".into(), "b".into()]]);
        assert_eq!(text, "ID     LABEL\nkey_1  Über\nk      b");
    }
}
