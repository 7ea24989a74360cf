//! What answers have shown: ids and keys to aim at, and how each surface has answered.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::values::Chance;

const KEPT: usize = 4_000;

#[derive(Default)]
pub struct Pool {
    names: Mutex<Vec<String>>,
    /// By surface, by status, and by whether somebody was signed in.
    statuses: Mutex<BTreeMap<(&'static str, u16, bool), u64>>,
}

impl Pool {
    pub fn answered(&self, surface: &'static str, status: u16, signed_in: bool) {
        *self.statuses.lock().unwrap().entry((surface, status, signed_in)).or_default() += 1;
    }

    /// Ids, keys, cursors and versions out of an answer.
    pub fn learn(&self, value: &Value, chance: &mut Chance) {
        match value {
            Value::Array(items) => items.iter().take(50).for_each(|item| self.learn(item, chance)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    let text = value.as_str().filter(|text| text.len() < 300);
                    match text {
                        Some(text) if matches!(name.as_str(), "id" | "key" | "slug" | "nextCursor" | "email") => {
                            self.keep(text.to_owned(), chance);
                        }
                        _ => self.learn(value, chance),
                    }
                }
            }
            _ => {}
        }
    }

    fn keep(&self, name: String, chance: &mut Chance) {
        let mut names = self.names.lock().unwrap();
        if names.len() < KEPT {
            names.push(name);
        } else {
            names[chance.usize(0..KEPT)] = name;
        }
    }

    pub fn name(&self, chance: &mut Chance) -> Option<String> {
        let names = self.names.lock().unwrap();
        chance.choice(names.iter()).cloned()
    }

    /// For a field such as `projectId`, mostly the id of a project, which begins like its name.
    pub fn id(&self, field: &str, chance: &mut Chance) -> String {
        let begins = |name: &&String| name.len() > 12 && field.get(..3).is_some_and(|begin| name.starts_with(begin));
        let fitting = Some(self.names.lock().unwrap()).filter(|_| chance.u8(0..8) > 0);
        let fitting = fitting.and_then(|names| chance.choice(names.iter().filter(begins).collect::<Vec<_>>()).cloned());
        fitting.or_else(|| self.name(chance)).unwrap_or_default()
    }

    pub fn told(&self) -> String {
        let statuses = self.statuses.lock().unwrap();
        let each = statuses.iter().map(|((surface, status, signed_in), count)| {
            format!("{surface} {status}{}: {count}", if *signed_in { "" } else { " to nobody" })
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// Requests that are all refused at the door, or led to the sign-in, would prove nothing.
    pub fn must_have_seen_good_and_bad(&self) {
        let statuses = self.statuses.lock().unwrap();
        for surface in ["rest", "mcp", "pages", "cursors", "markdown"] {
            let seen = |is_so: &dyn Fn(u16, bool) -> bool| -> u64 {
                let those = statuses.iter().filter(|((of, status, is_in), _)| *of == surface && is_so(*status, *is_in));
                those.map(|(_, count)| count).sum()
            };
            let good = seen(&|status, signed_in| signed_in && (200..300).contains(&status));
            let refused = seen(&|status, _| status >= 400);
            let is_enough = good > 20 && (refused > 20 || matches!(surface, "cursors" | "markdown"));
            assert!(is_enough, "{surface}: {good} good answers, {refused} refusals");
        }
    }
}
