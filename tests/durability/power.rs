//! A power failure: what was synced is there; of what was written since, each sector of 512 bytes has arrived or not.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use crate::disk::disk;
use crate::ledger::Ledger;
use crate::support::cli::{Server, number, sally, wait_until};

const SECTOR: usize = 512;
const HEAD: usize = 14;

enum Told {
    Write { offset: usize, data: Range<usize> },
    Cut { length: usize },
    Sync,
}

/// An entry of the record, as `disk.c` writes it: which file, what it was told, and where the entry ends.
fn entry(record: &[u8], at: usize) -> Option<(u8, Told, usize)> {
    let head = record.get(at..at + HEAD)?;
    let length = u32::from_le_bytes(head[2..6].try_into().ok()?) as usize;
    let offset = usize::try_from(u64::from_le_bytes(head[6..14].try_into().ok()?)).ok()?;
    let data = at + HEAD..at + HEAD + length;
    record.get(data.clone())?;
    let told = match head[0] {
        b'w' => Told::Write { offset, data: data.clone() },
        b'c' => Told::Cut { length: offset },
        _ => Told::Sync,
    };
    Some((head[1], told, data.end))
}

fn put(file: &mut Vec<u8>, offset: usize, data: &[u8]) {
    file.resize(file.len().max(offset + data.len()), 0);
    file[offset..offset + data.len()].copy_from_slice(data);
}

/// A file as the disk has it.
#[derive(Default, Clone)]
struct Kept {
    synced: Vec<u8>,
    since: Vec<(usize, Vec<u8>)>,
    cut: Option<usize>,
}

/// Which sectors made it that were not synced.
#[derive(Clone, Copy, Debug)]
enum Luck {
    None,
    All,
    Some,
}

impl Kept {
    fn hear(&mut self, told: Told, record: &[u8]) {
        match told {
            Told::Write { offset, data } => self.since.push((offset, record[data].to_vec())),
            Told::Cut { length } => {
                // A cut is all or nothing for what lies beyond it; nobody relies on it without a sync.
                self.since.retain_mut(|(offset, data)| {
                    data.truncate(length.saturating_sub(*offset));
                    !data.is_empty()
                });
                self.cut = Some(length);
            }
            Told::Sync => {
                self.synced = self.found(Luck::All, &mut fastrand::Rng::new());
                self.since.clear();
                self.cut = None;
            }
        }
    }

    /// What is found when the power is back.
    fn found(&self, luck: Luck, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut file = self.synced.clone();
        let is_lucky = |random: &mut fastrand::Rng| match luck {
            Luck::None => false,
            Luck::All => true,
            Luck::Some => random.bool(),
        };
        if let Some(length) = self.cut.filter(|_| is_lucky(random)) {
            file.truncate(length);
        }
        for (offset, data) in &self.since {
            for (number, sector) in data.chunks(SECTOR).enumerate() {
                if is_lucky(random) {
                    put(&mut file, offset + number * SECTOR, sector);
                }
            }
        }
        file
    }
}

const DATABASE: u8 = 1;
const LOG: u8 = 2;

fn place(folder: &Path, files: &BTreeMap<u8, Vec<u8>>) -> std::path::PathBuf {
    let file = folder.join("found.db");
    let _ = std::fs::remove_file(folder.join("found.db-shm"));
    std::fs::write(&file, &files[&DATABASE]).unwrap();
    std::fs::write(folder.join("found.db-wal"), &files[&LOG]).unwrap();
    file
}

#[test]
fn what_was_answered_outlives_a_power_failure() {
    let ledger = Ledger::new();
    let mut disks = BTreeMap::from([(DATABASE, Kept::default()), (LOG, Kept::default())]);
    let begun_with = std::fs::read(ledger.file()).unwrap();
    disks.get_mut(&DATABASE).unwrap().synced.clone_from(&begun_with);

    let mut command = sally(ledger.folder(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("LD_PRELOAD", disk(ledger.folder())).env("DISK_RECORD", &ledger.record);
    command.env("DISK_FILE", ledger.file().canonicalize().unwrap());
    let server = Server::launch(command);
    let points = number("POINTS", 12);
    ledger.write(&server, || {
        let changed = || std::fs::metadata(ledger.file()).unwrap().modified().unwrap();
        let before = changed();
        wait_until("the log folded into the file", || changed() != before);
        std::thread::sleep(Duration::from_secs(1 + points as u64 / 40));
        server.signal("-KILL");
    });

    let record = std::fs::read(&ledger.record).unwrap();
    let mut random = fastrand::Rng::with_seed(2);
    let mut at_points: Vec<usize> = (1..points).map(|_| random.usize(0..record.len())).chain([record.len()]).collect();
    at_points.sort_unstable();
    let elsewhere = tempfile::tempdir().unwrap();
    let (mut at, mut syncs) = (0, BTreeMap::new());
    for point in at_points {
        while let Some((file, told, end)) = entry(&record, at).filter(|(_, _, end)| *end <= point) {
            if matches!(told, Told::Sync) {
                *syncs.entry(file).or_insert(0) += 1;
            }
            disks.get_mut(&file).unwrap().hear(told, &record);
            at = end;
        }
        for luck in [Luck::None, Luck::All, Luck::Some, Luck::Some] {
            let found = disks.iter().map(|(file, kept)| (*file, kept.found(luck, &mut random))).collect();
            let file = place(elsewhere.path(), &found);
            ledger.check(&file, at as u64, &format!("at byte {at}, {luck:?}"));
        }
    }
    println!("{points} power failures, {} promises, syncs of each file: {syncs:?}", ledger.promises());
    assert!(
        syncs.get(&LOG) > Some(&20) && syncs.get(&DATABASE) > Some(&0),
        "the log was folded into the file: {syncs:?}"
    );

    // And the ledger would notice: a disk that loses all of it although it says otherwise breaks promises.
    let lying = BTreeMap::from([(DATABASE, begun_with), (LOG, Vec::new())]);
    assert!(!ledger.broken(&place(elsewhere.path(), &lying), at as u64).is_empty());
}
