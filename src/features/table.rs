//! Tables for spreadsheets: CSV as RFC 4180 has it.

use crate::core::error::{Error, Result};
use crate::core::operation::File;

/// The media type, with which operations that answer as a table are listed.
pub const CSV: &str = "text/csv; charset=utf-8";

/// What a spreadsheet still opens.
pub const MOST_ROWS: usize = 100_000;

/// Rows under a header, as a file of that name.
pub fn csv<'a>(
    name: String,
    header: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item: IntoIterator<Item = String>>,
) -> Result<File> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    csv.write_record(header).map_err(Error::internal)?;
    for row in rows {
        csv.write_record(row.into_iter().map(plain)).map_err(Error::internal)?;
    }
    Ok(File { name, media_type: CSV, bytes: csv.into_inner().map_err(Error::internal)? })
}

/// What a spreadsheet takes for a formula begins with one of these.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// A text that no spreadsheet takes for a formula.
fn plain(text: String) -> String {
    match text.starts_with(FORMULA) {
        true => format!("'{text}"),
        false => text,
    }
}

/// The text that [`plain`] was made of.
pub fn as_it_was(text: &str) -> &str {
    text.strip_prefix('\'').filter(|text| text.starts_with(FORMULA)).unwrap_or(text)
}
