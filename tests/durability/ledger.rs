//! What writers were promised. Each makes a task, then writes 1, 2, 3 … over its description: an answer promises that the
//! task is there, with that number or a later one.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;
use sally::core::store;
use serde_json::json;

use crate::support::cli::{Server, adas_file};

const WRITERS: usize = 8;
/// Changes of a task before the next one is made.
const CHANGES: u64 = 5;

pub struct Promise {
    title: String,
    number: u64,
    /// How long the disk's record was when the answer was there.
    pub at: u64,
}

struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file with a project that everybody writes into, and what they were told.
pub struct Ledger {
    folder: tempfile::TempDir,
    key: String,
    pub record: PathBuf,
    promises: Mutex<Vec<Promise>>,
    statuses: Mutex<BTreeMap<u16, u64>>,
    writers: AtomicU64,
}

impl Ledger {
    pub fn new() -> Ledger {
        let (folder, made) = adas_file();
        let key = made["apiKey"].as_str().unwrap().to_owned();
        let mut server = Server::start(folder.path(), &[]);
        let project = json!({ "name": "Ledger", "key": "LED" });
        assert_eq!(server.post("/api/projects", &key, &project).unwrap().0, 201);
        server.signal("-TERM");
        assert_eq!(server.wait(), Some(0), "all of it is in the file now");
        let record = folder.path().join("record");
        Ledger {
            folder,
            key,
            record,
            promises: Mutex::default(),
            statuses: Mutex::default(),
            writers: AtomicU64::default(),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self) -> PathBuf {
        self.folder().join("sally.db")
    }

    /// Writes with all hands while `meanwhile` runs, and until the server is gone or `meanwhile` has ended.
    pub fn write<T>(&self, server: &Server, meanwhile: impl FnOnce() -> T) -> T {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Also when `meanwhile` fails: nobody would wait for writers that never end.
            let stopping = Stopping(&stop);
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    while self.one_task(server, &stop).is_some() {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                });
            }
            let result = meanwhile();
            drop(stopping);
            result
        })
    }

    /// `None`: nobody answers any more.
    fn one_task(&self, server: &Server, stop: &AtomicBool) -> Option<()> {
        let title = format!("Task {}", self.writers.fetch_add(1, Ordering::Relaxed));
        let task = json!({ "projectId": "LED", "title": title, "description": "0" });
        let (status, made) = server.post("/api/tasks", &self.key, &task).ok()?;
        if !self.is_promised(status, &title, 0) {
            return Some(());
        }
        for number in 1..=CHANGES {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let url = format!("{}/api/tasks/{}", server.url, made["id"].as_str().unwrap());
            let request = server.agent.patch(url).header("Authorization", format!("Bearer {}", self.key));
            let answer = request.send_json(json!({ "description": number.to_string() })).ok()?;
            self.is_promised(answer.status().as_u16(), &title, number);
        }
        Some(())
    }

    fn is_promised(&self, status: u16, title: &str, number: u64) -> bool {
        *self.statuses.lock().unwrap().entry(status).or_default() += 1;
        let is_good = matches!(status, 200 | 201);
        if is_good {
            let at = std::fs::metadata(&self.record).map_or(0, |facts| facts.len());
            self.promises.lock().unwrap().push(Promise { title: title.to_owned(), number, at });
        }
        is_good
    }

    /// How often which status was answered.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        self.statuses.lock().unwrap().clone()
    }

    pub fn promises(&self) -> usize {
        self.promises.lock().unwrap().len()
    }

    /// The promises among those up to this length of the record that a file has broken.
    pub fn broken(&self, file: &Path, up_to: u64) -> Vec<String> {
        let conn = Connection::open(file).unwrap();
        let mut rows = conn.prepare("select title, description from task where title like 'Task %'").unwrap();
        let mut kept = HashMap::new();
        for row in rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap() {
            let (title, number) = row.unwrap();
            let again = kept.insert(title, number.parse::<u64>().unwrap());
            assert_eq!(again, None, "one answer, two tasks");
        }
        let promises = self.promises.lock().unwrap();
        let due = promises.iter().filter(|promise| promise.at <= up_to);
        due.filter(|promise| kept.get(&promise.title).is_none_or(|number| *number < promise.number))
            .map(|promise| {
                format!(
                    "{}: {} instead of {}",
                    promise.title,
                    kept.get(&promise.title).map_or("nothing".into(), u64::to_string),
                    promise.number
                )
            })
            .collect()
    }

    /// The file is whole, and every promise is kept.
    pub fn check(&self, file: &Path, up_to: u64, when: &str) {
        let verified = store::verify(file).unwrap();
        assert!(verified.sound, "{when}: {:?}", verified.faults);
        let broken = self.broken(file, up_to);
        assert!(
            broken.is_empty(),
            "{when}: {} promises are broken: {:?}",
            broken.len(),
            &broken[..broken.len().min(5)]
        );
    }
}
