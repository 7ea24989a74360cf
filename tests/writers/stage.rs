//! Where two meet: runs a pair in each order, and compares.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sally::core::error::Error;
use sally::core::id;
use sally::core::store::{all, one};
use serde_json::Value;
use tokio::sync::Barrier;

use crate::pair::{Act, Pair};
use crate::support::cli::number;
use crate::support::{Person, World, json_of};

pub struct Stage {
    world: World,
    people: HashMap<&'static str, Person>,
    runs: AtomicUsize,
    rounds: usize,
}

#[derive(Clone, Copy)]
enum Order {
    AsWritten,
    Reversed,
    Together,
}

/// What came of a run, with everything that is this run's alone called by a common name.
#[derive(Debug, PartialEq)]
struct Outcome {
    answers: [Answer; 2],
    journal: Vec<String>,
    seen: Vec<Answer>,
}

#[derive(Debug, PartialEq, Clone)]
enum Answer {
    Done(Value),
    Refused(u16, String),
}

impl Outcome {
    /// The lines that only one of the two has.
    fn differs_from(&self, other: &Outcome) -> String {
        let (ours, theirs) = (format!("{self:#?}"), format!("{other:#?}"));
        let only = |one: &str, other: &str, mark: &str| {
            let others: HashSet<&str> = other.lines().collect();
            let lines =
                one.lines().filter(|line| !others.contains(line)).map(|line| format!("  {mark} {}", line.trim()));
            lines.collect::<Vec<_>>().join("\n")
        };
        let told = format!("{}\n{}", only(&ours, &theirs, "+"), only(&theirs, &ours, "-"));
        if told.trim().is_empty() { "  in their order".to_owned() } else { told }
    }
}

/// One run's names.
struct Run {
    tag: String,
    lasts: bool,
    known: BTreeMap<&'static str, Value>,
}

impl Stage {
    pub async fn new() -> Stage {
        let world = World::new().await;
        let mut people = HashMap::new();
        for name in ["ada", "ben", "vera", "sam"] {
            people.insert(name, world.person(name).await);
        }
        Stage { world, people, runs: AtomicUsize::new(0), rounds: number("ROUNDS", 3) }
    }

    /// Runs all of them; tells every one that goes wrong.
    pub async fn try_all(&self, pairs: Vec<Pair>) {
        let mut wrong = Vec::new();
        let many = pairs.len();
        for pair in pairs {
            if let Err(told) = self.try_one(&pair).await {
                wrong.push(format!("{}: {told}", pair.what));
            }
        }
        assert!(wrong.is_empty(), "{} of {many}:\n{}", wrong.len(), wrong.join("\n\n"));
    }

    async fn try_one(&self, pair: &Pair) -> Result<(), String> {
        let serial = [self.run(pair, Order::AsWritten).await, self.run(pair, Order::Reversed).await];
        for outcome in &serial {
            let done = outcome.answers.iter().filter(|answer| matches!(answer, Answer::Done(_))).count();
            if pair.wins.is_some_and(|wins| wins != done) || done == 0 {
                return Err(format!("one after the other, {done} succeed: {:#?}", outcome.answers));
            }
            for answer in &outcome.answers {
                if let Answer::Refused(status, told) = answer
                    && !matches!(status, 403 | 404 | 409 | 412 | 422)
                {
                    return Err(format!("{status} {told}"));
                }
            }
        }
        for _ in 0..self.rounds {
            let outcome = self.run(pair, Order::Together).await;
            if !serial.contains(&outcome) {
                let told = serial.each_ref().map(|other| outcome.differs_from(other));
                let [first, second] = &told;
                return Err(format!(
                    "at once it is neither as the first before the second:\n{first}\nnor the other way:\n{second}"
                ));
            }
        }
        Ok(())
    }

    async fn run(&self, pair: &Pair, order: Order) -> Outcome {
        let mut run =
            Run { tag: tag(self.runs.fetch_add(1, Ordering::Relaxed)), lasts: pair.lasts, known: BTreeMap::new() };
        for step in &pair.setup {
            let made = self.ask(&step.act, &run).await;
            let made = made.unwrap_or_else(|error| panic!("{}: setting up {}: {error}", pair.what, step.name));
            let made = made.pointer(step.at).cloned().unwrap_or_else(|| panic!("{} is not in {made}", step.name));
            run.known.insert(step.name, made);
        }
        let before = self.written();
        let [first, second] = &pair.acts;
        let run = &run;
        let answers = match order {
            Order::AsWritten => {
                let first = self.ask(first, run).await;
                [first, self.ask(second, run).await]
            }
            Order::Reversed => {
                let second = self.ask(second, run).await;
                [self.ask(first, run).await, second]
            }
            Order::Together => self.at_once([first, second], run).await,
        };
        let journal = self.journal_since(before, run);
        let mut seen = Vec::new();
        for look in &pair.looks {
            seen.push(run.answer(self.ask(look, run).await));
        }
        Outcome { answers: answers.map(|answer| run.answer(answer)), journal, seen }
    }

    async fn ask(&self, act: &Act, run: &Run) -> Result<Value, Error> {
        self.people[act.by].ask(act.operation, run.input(act)).await
    }

    /// Each on a thread of its own, from the same moment on.
    async fn at_once(&self, acts: [&Act; 2], run: &Run) -> [Result<Value, Error>; 2] {
        let barrier = Arc::new(Barrier::new(2));
        let running = acts.map(|act| {
            let (barrier, person, operation, input) =
                (barrier.clone(), self.people[act.by].clone(), act.operation, run.input(act));
            tokio::spawn(async move {
                barrier.wait().await;
                let listed = person.app.operation(operation).expect("it is in the list");
                let Value::Object(input) = input else { panic!("an input is an object") };
                person.app.answer(listed, person.call(), input).await.map(|reply| json_of(&reply))
            })
        });
        let [first, second] = running;
        [first.await.expect("no panic"), second.await.expect("no panic")]
    }

    fn written(&self) -> i64 {
        const WRITTEN: &str = "select ifnull(max(seq), 0) from change";
        self.world.app.store().read(|reading| one(reading.conn(), WRITTEN, [], |row| row.take())).expect("a journal")
    }

    /// Row by row, with whose act each is of.
    fn journal_since(&self, seq: i64, run: &Run) -> Vec<String> {
        const SINCE: &str = "
            select s.operation, a.email, c.record_type, c.record_id, c.action, c.fields
              from change c join change_set s on s.id = c.change_set_id left join account a on a.id = s.account_id
             where c.seq > ?1 order by c.seq";
        let rows = self.world.app.store().read(|reading| {
            all(reading.conn(), SINCE, [seq], |row| {
                let (operation, by, table) =
                    (row.take::<String>()?, row.take::<Option<String>>()?, row.take::<String>()?);
                let (id, action) = (row.take::<i64>()?, row.take::<String>()?);
                let fields: Value = serde_json::from_str(&row.take::<String>()?).expect("JSON");
                let (id, fields) = (run.common(Value::from(id)), run.common(fields));
                Ok(format!("{} by {}: {table} {id} {action} {fields}", operation, by.unwrap_or_default()))
            })
        });
        rows.expect("a journal")
    }
}

/// `QAAAB`: short enough for the key of a project.
fn tag(run: usize) -> String {
    let letters = (0..4).rev().map(|place| char::from(b'A' + (run / 26_usize.pow(place) % 26) as u8));
    format!("Q{}", letters.collect::<String>())
}

impl Run {
    fn input(&self, act: &Act) -> Value {
        let mut input = self.filled(act.input.clone());
        if let Some(name) = act.sees {
            input["ifVersion"] = self.known[name]["version"].clone();
        }
        input
    }

    fn filled(&self, value: Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) => self.known.get(name).unwrap_or_else(|| panic!("nothing is called {name}"))["id"].clone(),
                None => Value::from(text.replace('~', &self.tag)),
            },
            Value::Array(items) => items.into_iter().map(|item| self.filled(item)).collect(),
            Value::Object(map) => map.into_iter().map(|(name, value)| (name, self.filled(value))).collect(),
            other => other,
        }
    }

    fn answer(&self, answer: Result<Value, Error>) -> Answer {
        match answer {
            Ok(value) => Answer::Done(self.common(value)),
            Err(error) => Answer::Refused(error.status(), self.text(&error.to_string())),
        }
    }

    /// What is known by its name, and of what is new only what it is.
    fn common(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::from(self.text(&text)),
            // Ids and times; no position is as large.
            Value::Number(number) if number.as_i64().is_some_and(|number| number > 100_000_000_000) => {
                let raw = number.as_i64();
                let known = self.known.iter().find(|(_, known)| known["id"].as_str().and_then(id::any) == raw);
                Value::from(known.map_or("new".to_owned(), |(name, _)| format!("${name}")))
            }
            Value::Array(items) => items.into_iter().map(|item| self.common(item)).collect(),
            Value::Object(map) => {
                // Two changes within a millisecond have the same time, and what a key begins with is chance.
                let is_left_out = |name: &str, value: &Value| {
                    let is_time = (name.ends_with("_at") || name.ends_with("_since"))
                        && value.as_array().is_some_and(|two| !two.contains(&Value::Null));
                    is_time || name == "prefix" || self.lasts && name == "version"
                };
                let kept = map.into_iter().filter(|(name, value)| !is_left_out(name, value));
                kept.map(|(name, value)| (name, self.common(value))).collect()
            }
            other => other,
        }
    }

    fn text(&self, text: &str) -> String {
        // A token is chance, and the last of an address.
        let text = text.split_once("token=").map_or(text, |(before, _)| before);
        let mut text = text.replace(&self.tag, "~").replace(&self.tag.to_lowercase(), "~");
        for (name, known) in &self.known {
            if let Some(id) = known["id"].as_str() {
                text = text.replace(id, &format!("${name}"));
            }
        }
        // Journal texts may hold lists of raw numbers.
        let words = text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.')));
        words.map(common_word).collect()
    }
}

/// A time or the id of something new, with what follows it.
fn common_word(word: &str) -> String {
    let end = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'))).len();
    let (text, rest) = word.split_at(end);
    let is_time = text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    let is_raw = text.len() > 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = text.rsplit_once('_').filter(|(_, digits)| digits.len() == 13 && id::any(text).is_some());
    match prefix {
        _ if is_time => format!("time{rest}"),
        _ if is_raw => format!("new{rest}"),
        Some((prefix, _)) => format!("new {prefix}{rest}"),
        None => word.to_owned(),
    }
}
