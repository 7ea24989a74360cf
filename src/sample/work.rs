//! The shape of the sample's work: projects with their tasks, what was said about them, and the hours.

use super::data::Who;

pub(super) struct Project {
    pub name: &'static str,
    pub key: &'static str,
    pub begins: Begins,
    pub description: &'static str,
    /// Leads it, and writes its tasks.
    pub owner: Who,
    pub members: &'static [Who],
    /// Only its members see it.
    pub closed: bool,
    /// A column before the one where work begins.
    pub extra_column: Option<(&'static str, &'static str)>,
    pub tasks: &'static [Task],
    /// When everything is written.
    pub archived: bool,
}

impl Project {
    /// With the sub-tasks, each behind its task.
    pub fn all_tasks(&self) -> impl Iterator<Item = &'static Task> + use<> {
        self.tasks.iter().flat_map(|task| std::iter::once(task).chain(task.parts))
    }
}

pub(super) enum Begins {
    /// From a deal that was won, by its title.
    Won(&'static str),
    /// By hand, for a client.
    For(&'static str),
    InHouse,
}

/// Built from where it stands: `doing("Feed from the timetable system", Jonas).due(3).hours(16)`.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub title: &'static str,
    pub status: &'static str,
    pub owner: Option<Who>,
    pub with: &'static [Who],
    pub priority: &'static str,
    /// Days from today; negative is in the past.
    pub due: Option<i64>,
    pub start: Option<i64>,
    pub estimate_minutes: Option<i64>,
    pub labels: &'static [&'static str],
    pub description: &'static str,
    pub todos: &'static [Todo],
    /// Titles of tasks of the same project that stand before it.
    pub after: &'static [&'static str],
    /// Its sub-tasks.
    pub parts: &'static [Task],
    pub said: &'static [Said],
    pub archived: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Todo {
    pub text: &'static str,
    pub done: bool,
}

/// A comment; `@Jonas Ekdahl` tells him.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub who: Who,
    pub text: &'static str,
}

/// Time on a task, by its title, or on a project, by its key.
pub(super) struct Spent {
    pub minutes: i64,
    pub on: &'static str,
    pub text: &'static str,
    pub billable: bool,
}

const fn task(title: &'static str, status: &'static str, owner: Option<Who>) -> Task {
    Task {
        title,
        status,
        owner,
        with: &[],
        priority: "P2",
        due: None,
        start: None,
        estimate_minutes: None,
        labels: &[],
        description: "",
        todos: &[],
        after: &[],
        parts: &[],
        said: &[],
        archived: false,
    }
}

pub(super) const fn planned(title: &'static str, owner: Who) -> Task {
    task(title, "Backlog", Some(owner))
}

/// Nobody has taken it yet.
pub(super) const fn open(title: &'static str) -> Task {
    task(title, "Backlog", None)
}

/// In a column that the project has of its own.
pub(super) const fn standing(title: &'static str, column: &'static str, owner: Who) -> Task {
    task(title, column, Some(owner))
}

pub(super) const fn doing(title: &'static str, owner: Who) -> Task {
    task(title, "In Progress", Some(owner))
}

pub(super) const fn blocked(title: &'static str, owner: Who) -> Task {
    task(title, "Blocked", Some(owner))
}

pub(super) const fn in_review(title: &'static str, owner: Who) -> Task {
    task(title, "Review", Some(owner))
}

pub(super) const fn finished(title: &'static str, owner: Who) -> Task {
    task(title, "Done", Some(owner))
}

impl Task {
    pub const fn with(self, with: &'static [Who]) -> Task {
        Task { with, ..self }
    }

    pub const fn urgent(self) -> Task {
        Task { priority: "P1", ..self }
    }

    pub const fn minor(self) -> Task {
        Task { priority: "P3", ..self }
    }

    pub const fn due(self, in_days: i64) -> Task {
        Task { due: Some(in_days), ..self }
    }

    pub const fn from(self, in_days: i64) -> Task {
        Task { start: Some(in_days), ..self }
    }

    pub const fn hours(self, hours: i64) -> Task {
        Task { estimate_minutes: Some(hours * 60), ..self }
    }

    pub const fn labels(self, labels: &'static [&'static str]) -> Task {
        Task { labels, ..self }
    }

    /// Markdown.
    pub const fn text(self, description: &'static str) -> Task {
        Task { description, ..self }
    }

    pub const fn todos(self, todos: &'static [Todo]) -> Task {
        Task { todos, ..self }
    }

    pub const fn after(self, titles: &'static [&'static str]) -> Task {
        Task { after: titles, ..self }
    }

    pub const fn parts(self, parts: &'static [Task]) -> Task {
        Task { parts, ..self }
    }

    pub const fn said(self, said: &'static [Said]) -> Task {
        Task { said, ..self }
    }

    pub const fn dropped(self) -> Task {
        Task { archived: true, ..self }
    }
}

pub(super) const fn ticked(text: &'static str) -> Todo {
    Todo { text, done: true }
}

pub(super) const fn unticked(text: &'static str) -> Todo {
    Todo { text, done: false }
}

pub(super) const fn says(who: Who, text: &'static str) -> Said {
    Said { who, text }
}

pub(super) const fn spent(minutes: i64, on: &'static str, text: &'static str) -> Spent {
    Spent { minutes, on, text, billable: true }
}

/// Nobody pays for it.
pub(super) const fn unpaid(minutes: i64, on: &'static str, text: &'static str) -> Spent {
    Spent { minutes, on, text, billable: false }
}
