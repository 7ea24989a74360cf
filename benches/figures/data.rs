//! A workspace of any size out of a seed: the same size gives the same rows on every machine.
//!
//! Rows go straight into the tables in one transaction, search index and all; there is no journal of how they came to be.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// What Sally's writer does once before each commit.
pub const INDEX: &str = "
    insert or replace into search_index (rowid, scope, title, body) select id, scope, title, body from search_pending;
    delete from search_pending;";

/// How many of each; everything else follows from the number of tasks.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub tasks: i64,
}

impl Size {
    pub fn projects(self) -> i64 {
        (self.tasks / 500).max(2)
    }
    pub fn people(self) -> i64 {
        (self.tasks / 5).min(50_000)
    }
    pub fn deals(self) -> i64 {
        (self.tasks / 20).min(20_000)
    }
    /// And as many activities.
    pub fn comments(self) -> i64 {
        self.tasks
    }
    /// Time entries.
    pub fn entries(self) -> i64 {
        self.tasks / 2
    }
}

/// Where the rows of each kind begin; ids count up from there.
pub const TASKS: i64 = 1_000_000_000_000_000;
pub const PROJECTS: i64 = 2_000_000_000_000_000;
const STATUSES: i64 = 3_000_000_000_000_000;
const ORGANIZATIONS: i64 = 4_000_000_000_000_000;
const PEOPLE: i64 = 5_000_000_000_000_000;
const DEALS: i64 = 6_000_000_000_000_000;
const ACTIVITIES: i64 = 7_000_000_000_000_000;
const COMMENTS: i64 = 8_000_000_000_000_000;
const ENTRIES: i64 = 8_100_000_000_000_000;
const ACCOUNTS: i64 = 8_200_000_000_000_000;
const LABELS: i64 = 8_300_000_000_000_000;
const REST: i64 = 8_400_000_000_000_000;

/// Accounts besides the first one.
const COLLEAGUES: i64 = 49;
const NOW: i64 = 1_795_000_000_000;

/// The word that stands in every tenth title, and the one in every thousandth.
pub const COMMON: &str = "review";
pub const RARE: &str = "zeppelin";

/// Fills a file that has been set up; answers how long the one transaction took.
pub fn fill(file: &Path, size: Size) -> Duration {
    let mut conn = Connection::open(file).expect("the file");
    conn.pragma_update(None, "cache_size", -200_000).expect("a cache");
    let begun = Instant::now();
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
    let one = |sql: &str| tx.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
    let (workspace, ada) = (one("select id from workspace"), one("select id from account"));
    Fill { tx: &tx, workspace, ada, size, dice: Dice(7) }.everything();
    tx.execute_batch(INDEX).expect("an index");
    tx.commit().expect("a commit");
    begun.elapsed()
}

/// Numbers that look random and are the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % end.max(1)
    }

    /// Small numbers often, large ones seldom: as words are used.
    fn skewed(&mut self, end: i64) -> i64 {
        let roll = self.below(end);
        self.below(roll + 1)
    }
}

const SYLLABLES: [&str; 24] = [
    "ba", "cor", "del", "fen", "gra", "hul", "jis", "kem", "lor", "mon", "nar", "pel", "qua", "rit", "sal", "tur",
    "ven", "wex", "yol", "zan", "bri", "cla", "dro", "spe",
];

struct Fill<'a> {
    tx: &'a Transaction<'a>,
    workspace: i64,
    ada: i64,
    size: Size,
    dice: Dice,
}

impl Fill<'_> {
    fn everything(mut self) {
        self.colleagues();
        self.projects();
        self.tasks();
        self.crm();
        self.time();
    }

    fn insert(&self, sql: &str, values: impl rusqlite::Params) {
        self.tx.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).expect(sql);
    }

    /// One of 12,000 words, a few of them very often.
    fn word(&mut self) -> String {
        let mut number = self.dice.skewed(12_000);
        let mut word = String::new();
        for _ in 0..3 {
            word.push_str(SYLLABLES[(number % 24) as usize]);
            number /= 24;
        }
        word
    }

    fn words(&mut self, count: i64) -> String {
        let words: Vec<String> = (0..count).map(|_| self.word()).collect();
        words.join(" ")
    }

    fn somebody(&mut self) -> i64 {
        match self.dice.below(COLLEAGUES + 1) {
            0 => self.ada,
            n => ACCOUNTS + n,
        }
    }

    fn day(&mut self) -> String {
        let days = self.dice.below(700) - 350;
        let date = jiff::Timestamp::from_millisecond(NOW + days * 86_400_000).expect("a time");
        date.strftime("%Y-%m-%d").to_string()
    }

    fn colleagues(&mut self) {
        for n in 1..=COLLEAGUES {
            self.insert(
                "insert into account (id, email, name, created_at, updated_at) values (?1, ?2, ?3, 0, 0)",
                params![ACCOUNTS + n, format!("colleague{n}@example.com"), format!("Colleague {n}")],
            );
            self.insert(
                "insert into workspace_membership (id, workspace_id, account_id, role, created_at, updated_at) values (?1, ?2, ?1, 'MEMBER', 0, 0)",
                params![ACCOUNTS + n, self.workspace],
            );
        }
    }

    fn projects(&mut self) {
        for n in 0..self.size.projects() {
            let id = PROJECTS + n;
            let letter = |place: i64| char::from(b'A' + (n / 26_i64.pow(place as u32) % 26) as u8);
            let key: String = [letter(3), letter(2), letter(1), letter(0)].iter().collect();
            let tasks = self.size.tasks / self.size.projects();
            self.insert(
                "insert into project (id, workspace_id, name, key, slug, task_count, created_at, updated_at) values (?1, ?2, ?3, ?4, lower(?4), ?5, ?1, ?1)",
                params![id, self.workspace, format!("Project {n}"), key, tasks + 1],
            );
            for (place, (name, kind)) in [
                ("Backlog", "BACKLOG"),
                ("In Progress", "IN_PROGRESS"),
                ("Blocked", "BLOCKED"),
                ("Review", "REVIEW"),
                ("Done", "DONE"),
            ]
            .into_iter()
            .enumerate()
            {
                self.insert(
                    "insert into task_status (id, project_id, name, type, position, color, created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, '#64748b', 0, 0)",
                    params![STATUSES + n * 5 + place as i64, id, name, kind, place as i64],
                );
            }
            for place in 0..4 {
                self.insert(
                    "insert into label (id, project_id, name, color, created_at, updated_at) values (?1, ?2, ?3, '#2563eb', 0, 0)",
                    params![LABELS + n * 4 + place, id, ["bug", "feature", "chore", "idea"][place as usize]],
                );
            }
        }
    }

    fn tasks(&mut self) {
        let projects = self.size.projects();
        for n in 0..self.size.tasks {
            let id = TASKS + n;
            let project = n % projects;
            // Two of five are done, as in a workspace that has lived a while.
            let status = [0, 0, 0, 1, 1, 2, 3, 4, 4, 4][self.dice.below(10) as usize];
            let completed = (status == 4).then_some(NOW);
            let mut title = self.words(4);
            if n % 10 == 3 {
                title = format!("{title} {COMMON}");
            }
            if n % 1_000 == 500 {
                title = format!("{title} {RARE}");
            }
            let description = (n % 3 == 0).then(|| self.words(30));
            let (owner, due) = (self.somebody(), (n % 2 == 0).then(|| self.day()));
            let priority = ["P1", "P2", "P2", "P3"][self.dice.below(4) as usize];
            self.insert(
                "insert into task (id, workspace_id, project_id, number, status_id, owner_id, created_by_id, title, description, priority, due_on, position, completed_at, created_at, updated_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
                params![
                    id, self.workspace, PROJECTS + project, n / projects + 1, STATUSES + project * 5 + status, owner, self.ada,
                    title, description, priority, due, (n + 1) << 20, completed, NOW - 100_000_000 + n
                ],
            );
            if n % 4 == 0 {
                let label = LABELS + project * 4 + self.dice.below(4);
                self.insert(
                    "insert into task_label (id, task_id, label_id, created_at, updated_at) values (?1, ?2, ?3, 0, 0)",
                    params![REST + n, id, label],
                );
            }
        }
        for n in 0..self.size.comments() {
            let (task, body, author) = (TASKS + self.dice.below(self.size.tasks), self.words(10), self.somebody());
            self.insert(
                "insert into comment (id, task_id, author_id, body, created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?5)",
                params![COMMENTS + n, task, author, body, NOW + n],
            );
        }
    }

    fn crm(&mut self) {
        let stages: Vec<i64> = (0..4)
            .map(|n| {
                let sql = format!("select id from crm_stage where position = {n}");
                self.tx.query_row(&sql, [], |row| row.get(0)).expect("a stage")
            })
            .collect();
        let organizations = (self.size.people() / 5).max(1);
        for n in 0..organizations {
            let name = format!("{} {n}", self.word());
            self.insert(
                "insert into crm_organization (id, workspace_id, name, owner_id, created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?5)",
                params![ORGANIZATIONS + n, self.workspace, name, self.ada, NOW + n],
            );
        }
        for n in 0..self.size.people() {
            let name = self.words(2);
            self.insert(
                "insert into crm_person (id, workspace_id, organization_id, name, owner_id, created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
                params![PEOPLE + n, self.workspace, ORGANIZATIONS + n % organizations, name, self.ada, NOW + n],
            );
        }
        for n in 0..self.size.deals() {
            let (title, value) = (self.words(3), self.dice.below(10_000_000));
            let stage = stages[self.dice.below(4) as usize];
            self.insert(
                "insert into crm_deal (id, workspace_id, organization_id, primary_person_id, owner_id, stage_id, title, value_minor, currency, next_step, created_at, updated_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'EUR', 'Call about the offer', ?9, ?9)",
                params![
                    DEALS + n, self.workspace, ORGANIZATIONS + n % organizations, PEOPLE + n, self.ada,
                    stage, title, value, NOW + n
                ],
            );
        }
        for n in 0..self.size.comments() {
            let (deal, body) = (DEALS + self.dice.below(self.size.deals()), self.words(10));
            self.insert(
                "insert into crm_activity (id, workspace_id, type, body, deal_id, actor_id, occurred_at, created_at, updated_at) values (?1, ?2, 'NOTE', ?3, ?4, ?5, ?6, ?6, ?6)",
                params![ACTIVITIES + n, self.workspace, body, deal, self.ada, NOW + n],
            );
        }
    }

    fn time(&mut self) {
        for n in 0..self.size.entries() {
            let task = self.dice.below(self.size.tasks);
            let (account, day, minutes) = (self.somebody(), self.day(), 15 * (1 + self.dice.below(16)));
            self.insert(
                "insert into timesheet_entry (id, workspace_id, project_id, task_id, account_id, spent_on, minutes, billable, validated, created_at, updated_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
                params![
                    ENTRIES + n, self.workspace, PROJECTS + task % self.size.projects(), TASKS + task, account, day, minutes,
                    n % 4 != 0, n % 3 == 0, NOW + n
                ],
            );
        }
    }
}
