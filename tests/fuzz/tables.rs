//! Tables (CSV), as `sally import` reads them beside a running server.

use std::path::Path;

use serde_json::Value;

use crate::support::cli::run;
use crate::values::{Chance, word};

const COLUMNS: [&str; 22] = [
    "Name",
    "Company",
    "E-Mail Address",
    "Website",
    "Title",
    "Amount",
    "Currency",
    "Stage",
    "Close date",
    "Owner",
    "Tags",
    "Notes",
    "Phone",
    "First Name",
    "Last Name",
    "Key",
    "Due",
    "Assignee",
    "Parent",
    "Estimate",
    "",
    "What nobody knows",
];
const CELLS: [&str; 18] = [
    "Acme",
    "mia@example.com",
    "example.com",
    "1.234,56",
    "1e309",
    "-5",
    "EUR",
    "Lead",
    "2027-02-30",
    "03/04/2027",
    "a;b,c",
    "=1+1",
    "\u{feff}",
    "\u{0}",
    "WEB-1",
    "nobody@example.com",
    "P1",
    "9223372036854775808",
];

/// Bytes that are a table, more or less.
fn table(chance: &mut Chance) -> Vec<u8> {
    let comma = *chance.choice(&[",", ";", "\t"]).unwrap();
    let end = *chance.choice(&["\n", "\r\n", "\r"]).unwrap();
    let columns = chance.usize(1..8);
    let cell = |chance: &mut Chance, known: &[&str]| {
        let text = match chance.u8(0..10) {
            0 => word(chance).chars().take(500).collect(),
            1 => String::new(),
            _ => (*chance.choice(known).unwrap()).to_owned(),
        };
        match chance.u8(0..6) {
            0 => format!("\"{}\"", text.replace('"', "\"\"")),
            // Not closed, or opened in the middle.
            1 if chance.u8(0..8) == 0 => format!("\"{text}"),
            _ => text,
        }
    };
    let line = |chance: &mut Chance, known: &[&str]| {
        let many = if chance.u8(0..30) == 0 { chance.usize(0..12) } else { columns };
        (0..many).map(|_| cell(chance, known)).collect::<Vec<_>>().join(comma)
    };
    let mut text = line(chance, &COLUMNS) + end;
    for _ in 0..chance.usize(0..30) {
        text += &(line(chance, &CELLS) + end);
    }
    let mut bytes = text.into_bytes();
    match chance.u8(0..10) {
        0 if !bytes.is_empty() => {
            let at = chance.usize(0..bytes.len());
            bytes[at] = chance.u8(..);
        }
        1 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        2 => bytes.truncate(chance.usize(0..=bytes.len())),
        _ => {}
    }
    bytes
}

/// Whatever a table is, what becomes of it is told.
pub fn import(folder: &Path, chance: &mut Chance) {
    let file = folder.join("table.csv");
    let written = table(chance);
    std::fs::write(&file, &written).unwrap();
    let records = *chance.choice(&["organizations", "people", "deals", "tasks"]).unwrap();
    let on_duplicate = *chance.choice(&["skip", "update", "fail"]).unwrap();
    let mut arguments = vec!["import", file.to_str().unwrap(), "--as", records, "--workspace", "studio-nord", "--json"];
    arguments.extend(["--on-duplicate", on_duplicate]);
    if chance.bool() {
        arguments.push("--dry-run");
    }
    if chance.u8(0..4) == 0 {
        arguments.extend(["--map", *chance.choice(&["Name=", "Name=title", "Nothing=name", "Name=nothing"]).unwrap()]);
    }
    if records == "tasks" {
        arguments.extend(["--set", "projectId=MARK"]);
    }
    let output = run(folder, &arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    let shown = || format!("{arguments:?} {:?}: {told}", String::from_utf8_lossy(&written));
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", shown());
    assert!(!told.contains("panic") && !told.contains("not your request's fault"), "{}", shown());
    match serde_json::from_slice::<Value>(&output.stdout) {
        Ok(outcome) => assert_eq!(outcome["failed"] == 0, output.status.success(), "{}: {outcome}", shown()),
        Err(_) => assert!(!output.status.success() && !told.is_empty() && output.stdout.is_empty(), "{}", shown()),
    }
}
