//! What two do at the same time, and to what.

use serde_json::{Map, Value, json};

/// Somebody asks for something. In its input, `$task` stands for the id of what the set-up made under that name, and `~` in a
/// text for what is this run's alone.
#[derive(Clone)]
pub struct Act {
    pub by: &'static str,
    pub operation: &'static str,
    pub input: Value,
    /// Of which thing the version goes along that the set-up saw.
    pub sees: Option<&'static str>,
}

pub fn act(operation: &'static str, input: Value) -> Act {
    Act { by: "ada", operation, input, sees: None }
}

impl Act {
    pub fn by(self, by: &'static str) -> Act {
        Act { by, ..self }
    }

    fn seeing(&self, name: &'static str) -> Act {
        Act { sees: Some(name), ..self.clone() }
    }
}

/// Something that is there before.
#[derive(Clone)]
pub struct Step {
    pub name: &'static str,
    pub act: Act,
    /// Where in the answer it is.
    pub at: &'static str,
}

pub fn step(name: &'static str, operation: &'static str, input: Value) -> Step {
    Step { name, act: act(operation, input), at: "" }
}

impl Step {
    pub fn by(self, by: &'static str) -> Step {
        Step { act: self.act.by(by), ..self }
    }

    pub fn at(self, at: &'static str) -> Step {
        Step { at, ..self }
    }
}

pub struct Pair {
    pub what: String,
    pub setup: Vec<Step>,
    pub acts: [Act; 2],
    /// What is looked at afterwards; what cannot be seen is told as the reason.
    pub looks: Vec<Act>,
    /// Of the two, in either order, how many may succeed.
    pub wins: Option<usize>,
    /// What they change is there from one run to the next, and has another version each time.
    pub lasts: bool,
}

pub fn pair(what: impl Into<String>, setup: &[Step], first: Act, second: Act, looks: &[Act]) -> Pair {
    Pair {
        what: what.into(),
        setup: setup.to_vec(),
        acts: [first, second],
        looks: looks.to_vec(),
        wins: None,
        lasts: false,
    }
}

impl Pair {
    /// One of them gets it, whoever comes first.
    pub fn once(self) -> Pair {
        Pair { wins: Some(1), ..self }
    }

    /// They change what is there always.
    pub fn lasting(self) -> Pair {
        Pair { lasts: true, ..self }
    }

    /// Neither stands in the other's way.
    pub fn both(self) -> Pair {
        Pair { wins: Some(2), ..self }
    }
}

/// A kind of record that is changed by fields.
pub struct Kind {
    pub setup: Vec<Step>,
    /// What the set-up calls it.
    pub name: &'static str,
    pub update: &'static str,
    /// The fields that say which one it is.
    pub path: Value,
    /// The same field with two values, and another.
    pub same: (&'static str, Value, Value),
    pub other: (&'static str, Value),
    pub delete: Option<&'static str>,
    pub look: Act,
}

impl Kind {
    fn change(&self, field: &str, value: &Value) -> Act {
        act(self.update, merged(&self.path, json!({ field: value })))
    }

    /// Every way in which two can meet at it, with and without saying what they saw.
    pub fn pairs(&self) -> Vec<Pair> {
        let (field, mine, theirs) = &self.same;
        let one = self.change(field, mine);
        let mut meetings = vec![
            ("the same field", one.clone(), self.change(field, theirs)),
            ("two fields", one.clone(), self.change(self.other.0, &self.other.1)),
            ("the same change", one.clone(), one.clone()),
        ];
        if let Some(delete) = self.delete {
            let delete = act(delete, self.path.clone());
            meetings.push(("a change and the end", one, delete.clone()));
            meetings.push(("the end twice", delete.clone(), delete));
        }
        let look = std::slice::from_ref(&self.look);
        let of = |how: &str, what: &str, first: Act, second: Act| {
            pair(format!("{}: {what}, {how}", self.name), &self.setup, first, second, look)
        };
        let each = meetings.into_iter().flat_map(|(what, first, second)| {
            let (first_sees, second_sees) = (first.seeing(self.name), second.seeing(self.name));
            let ends = what.contains("the end");
            let blind = of("unseen", what, first.clone(), second.clone());
            [
                if ends { blind } else { blind.both() },
                of("one seen", what, first_sees.clone(), second),
                of("both seen", what, first_sees, second_sees).once(),
            ]
        });
        each.collect()
    }
}

pub fn merged(one: &Value, other: Value) -> Value {
    let objects = [one.clone(), other].into_iter().filter_map(|value| match value {
        Value::Object(map) => Some(map),
        _ => None,
    });
    Value::Object(objects.fold(Map::new(), |mut all, map| {
        all.extend(map);
        all
    }))
}
