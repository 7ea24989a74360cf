//! The text of a table, line by line, as spreadsheets and other programs write it.

use csv::{ReaderBuilder, StringRecord, Terminator, Trim};

use crate::core::error::{Error, Result};

/// A table as text, with the names of its columns in its first line.
#[derive(Debug)]
pub struct Table {
    text: String,
    delimiter: u8,
    pub head: Vec<String>,
    /// The same as it stands in the file.
    pub heading: String,
    /// Where the lines below the first begin.
    pub body: Place,
}

/// A place in a table: the bytes before it, and its line as an editor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub byte: usize,
    pub line: u64,
}

impl Place {
    const START: Place = Place { byte: 0, line: 1 };
}

/// A line with something in it, and where the next one begins.
pub struct Line {
    pub begin: Place,
    pub cells: StringRecord,
    pub next: Place,
}

impl Table {
    /// A file of UTF-8, or of UTF-16 that says so, as spreadsheets write “Unicode text”.
    pub fn read(bytes: Vec<u8>) -> Result<Table> {
        Table::of(text_of(bytes)?)
    }

    pub fn of(mut text: String) -> Result<Table> {
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        // As a Macintosh once ended lines.
        if !text.contains('\n') {
            text = text.replace('\r', "\n");
        }
        let (delimiter, start) = said_delimiter(&text).unwrap_or_else(|| (likely_delimiter(&text), Place::START));
        let mut table = Table { text, delimiter, head: Vec::new(), heading: String::new(), body: start };
        let head = table.lines(start).next().transpose()?.ok_or_else(|| Error::conflict("the table is empty"))?;
        table.head = head.cells.iter().map(str::to_owned).collect();
        table.heading = table.raw(&head).to_owned();
        table.body = head.next;
        Ok(table)
    }

    /// The lines from a place on. Empty ones are passed over, as spreadsheets end with many.
    pub fn lines(&self, from: Place) -> impl Iterator<Item = Result<Line>> {
        let text = self.text.as_bytes().get(from.byte..).unwrap_or_default();
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            // A carriage return alone ends no line: they are counted as an editor counts.
            .terminator(Terminator::Any(b'\n'))
            .trim(Trim::All)
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let place = move |position: &csv::Position| Place {
            byte: from.byte + position.byte() as usize,
            line: from.line + position.line() - 1,
        };
        std::iter::from_fn(move || {
            loop {
                // Of the end of a line the reader leaves a part to the next one.
                let mut begin = place(reader.position());
                let ends = text[begin.byte - from.byte..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                for byte in ends {
                    begin.byte += 1;
                    begin.line += u64::from(*byte == b'\n');
                }
                let mut cells = StringRecord::new();
                match reader.read_record(&mut cells) {
                    Ok(true) if cells.iter().all(str::is_empty) => {}
                    Ok(true) => {
                        let next = place(reader.position());
                        return Some(Ok(Line { begin, cells, next }));
                    }
                    Ok(false) => return None,
                    Err(error) => return Some(Err(Error::conflict(format!("line {}: {error}", begin.line)))),
                }
            }
        })
    }

    /// How many lines there are. Refused where a quotation mark is never closed: all that follows it would be one cell.
    pub fn count(&self) -> Result<usize> {
        let (mut count, mut last) = (0, Place::START);
        for line in self.lines(self.body) {
            (count, last) = (count + 1, line?.begin);
        }
        // What stands behind an open quotation mark is not seen as a line.
        let ending = format!("{}\n.", &self.text[last.byte..]);
        let ending = Table { text: ending, head: Vec::new(), heading: String::new(), ..*self };
        match ending.lines(Place::START).count() {
            2.. => Ok(count),
            _ => Err(Error::conflict(format!("line {}: a quotation mark is opened and never closed", last.line))),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn delimiter(&self) -> char {
        self.delimiter.into()
    }

    /// The first line and as many below it, as a table of their own.
    pub fn beginning(&self, lines: usize) -> &str {
        let end = self.lines(self.body).take(lines).flatten().last().map_or(self.body, |line| line.next);
        &self.text[..end.byte]
    }

    /// A line as it stands in the table, without its end.
    pub fn raw(&self, line: &Line) -> &str {
        self.text[line.begin.byte..line.next.byte].trim_end_matches(['\r', '\n'])
    }
}

/// UTF-8, or UTF-16 with the mark in front by which it is known.
fn text_of(bytes: Vec<u8>) -> Result<String> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| Error::conflict("the text is not UTF-16, as its first bytes say it is"))
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8(bytes).map_err(|error| {
            let whole = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = whole.iter().filter(|byte| **byte == b'\n').count() + 1;
            Error::conflict(format!("line {line}: the text is not UTF-8; save the table as “CSV UTF-8”"))
        }),
    }
}

const DELIMITERS: [u8; 4] = *b",;\t|";

/// As spreadsheets understand it: `sep=;` in a line before all others.
fn said_delimiter(text: &str) -> Option<(u8, Place)> {
    let (first, _) = text.split_once('\n')?;
    let [delimiter] = first.trim_end_matches('\r').strip_prefix("sep=")?.as_bytes() else { return None };
    DELIMITERS.contains(delimiter).then_some((*delimiter, Place { byte: first.len() + 1, line: 2 }))
}

/// Spreadsheets write a comma, a semicolon or a tab, as the country has it: the one that the first line has most of, outside of
/// quotation marks.
fn likely_delimiter(text: &str) -> u8 {
    let mut is_quoted = false;
    let mut outside = |byte: &u8| {
        is_quoted ^= *byte == b'"';
        !is_quoted
    };
    let text = text.trim_start_matches(['\r', '\n']);
    let first: Vec<u8> = text.bytes().filter(|byte| outside(byte)).take_while(|byte| *byte != b'\n').collect();
    let count = |delimiter: &u8| first.iter().filter(|byte| *byte == delimiter).count();
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}
