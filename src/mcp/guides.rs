//! The prompts: guided ways through everyday work. In a guide, `{name}` stands for an argument and a name in backticks for
//! a tool; a line whose argument is not given, or whose tool the connection does not have, is left out.

use super::address::Kind;
use super::completion::Choices;

pub struct Prompt {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub arguments: &'static [Argument],
    /// Offered only with all of these tools.
    pub needs: &'static [&'static str],
    pub guide: &'static str,
    /// What is read beforehand, so that the work can begin at once.
    pub shows: &'static [Shown],
}

pub struct Argument {
    pub name: &'static str,
    pub description: &'static str,
    pub required: bool,
    pub choices: Choices,
}

/// Fields of an operation's input; one with an argument that is not given is left out.
pub type Input = &'static [(&'static str, &'static str)];

/// Live data beside a guide.
pub enum Shown {
    /// The record that an argument names.
    Record(Kind, &'static str),
    /// An argument's own text.
    Given(&'static str, &'static str),
    Mine,
    Tasks(&'static str, Input),
    Deals(&'static str, Input),
    FollowUps(&'static str, Input),
    Entries(&'static str, Input),
    Report(&'static str, Input),
    Clients(&'static str, Input),
}

const fn needed(name: &'static str, description: &'static str, choices: Choices) -> Argument {
    Argument { name, description, required: true, choices }
}

const fn optional(name: &'static str, description: &'static str, choices: Choices) -> Argument {
    Argument { name, description, required: false, choices }
}

const PROJECT: &str = "The project: its key (WEB) or name";
const TASK: &str = "The task: its key, e.g. WEB-12";

pub const PROMPTS: &[Prompt] = &[
    Prompt {
        name: "standup",
        title: "Stand-up",
        description: "What I did, what I do next, what is in the way",
        arguments: &[optional("since", "The first day to tell of, e.g. yesterday's date or -3d; -1d if left out", Choices::Days)],
        needs: &["task.mine"],
        guide: "\
Write my stand-up from the data below: three short lists, **Done**, **Next** and **In the way**, one line each, with task keys.
- Done: tasks completed and time logged in that span; join the two where they are about the same task.
- Next: of my open tasks the two or three that matter most, by due day, then priority.
- In the way: what is blocked, or waits for another task. Look at `task.get` where the reason is not plain.
- Say nothing that the data does not show. If a day has no time logged, mention it in one line and offer to log it with `timesheet.add`.
- Offer to note a blocker as a comment with `comment.add`; do it only when I agree.",
        shows: &[
            Shown::Tasks("Done lately", &[("assignee", "me"), ("status", "DONE"), ("sort", "-updatedAt"), ("limit", "15")]),
            Shown::Entries("Time logged", &[("accountId", "me"), ("from", "{since|-1d}"), ("limit", "30")]),
            Shown::Mine,
        ],
    },
    Prompt {
        name: "my-work",
        title: "My work",
        description: "What to do next, and why",
        arguments: &[optional("hours", "How many hours there are, e.g. 3", Choices::Free)],
        needs: &["task.mine"],
        guide: "\
Tell me what to work on next from my open tasks below.
- There are {hours} hours; take estimates into account.
- Order: what is overdue, due today, what others wait for, then priority. Give the first three with one reason each, then the rest in a line.
- Read a task with `task.get` before you judge what it needs; see what waits for it there.
- Name what should be moved, split or handed on, and offer to do it with `task.update`.
- When I choose one, offer to put it in progress with `task.move` and to start the clock with `timesheet.timer.start`.",
        shows: &[Shown::Mine],
    },
    Prompt {
        name: "triage",
        title: "Triage new tasks",
        description: "Give what came in an owner, a priority and a day",
        arguments: &[needed("project", PROJECT, Choices::Of(Kind::Project))],
        needs: &["task.list", "task.update"],
        guide: "\
Go through the tasks of {project} that nobody owns yet, oldest first.
- For each: is it clear, is it done elsewhere already, how much does it matter? Look for twins with `search`.
- Propose owner, priority (P1 only if people are stopped by it), due day and labels as a table, in words from this project's own statuses and labels.
- Change nothing before I agree. Then apply with `task.update`; many alike at once with `task.batch_update`.
- Ask what is unclear as a comment on the task with `comment.add`, to whoever made it.
- What is a duplicate: say so in a comment and offer `task.archive`.",
        shows: &[
            Shown::Record(Kind::Project, "project"),
            Shown::Tasks("Without an owner, newest first", &[("projectId", "{project}"), ("assignee", "none"), ("status", "OPEN"), ("sort", "-createdAt"), ("limit", "40")]),
        ],
    },
    Prompt {
        name: "groom-backlog",
        title: "Groom a backlog",
        description: "Sort a project's backlog: keep, sharpen, split, drop",
        arguments: &[
            needed("project", PROJECT, Choices::Of(Kind::Project)),
            optional("status", "Which status to groom; BACKLOG if left out", Choices::Statuses),
        ],
        needs: &["task.list", "task.update"],
        guide: "\
Groom {status|the backlog} of {project}: those that nobody touched for longest stand first.
- Put each task into one of: ready, unclear, too big, twin of another, no longer wanted. Read doubtful ones with `task.get`.
- Ready means: title says what will be different, one owner could finish it within days, no open question.
- Show the result as a table with the key, your verdict and the change you propose; at most 20 at a time.
- After I agree: sharpen with `task.update`, split with `task.create` and parentId, order with `task.reorder`, archive with `task.archive`.",
        shows: &[Shown::Tasks("Untouched for longest first", &[("projectId", "{project}"), ("status", "{status|BACKLOG}"), ("sort", "updatedAt"), ("limit", "40")])],
    },
    Prompt {
        name: "plan-week",
        title: "Plan my week",
        description: "Spread what is open over the days of this week",
        arguments: &[optional("hours", "Hours I have for it this week, e.g. 24", Choices::Free)],
        needs: &["task.mine"],
        guide: "\
Plan my week from what is open below.
- There are {hours} hours in all; leave a fifth of them free.
- Give each day at most three things. What is overdue comes first, then what is due this week, then what moves others.
- Use estimates where there are some; where not, guess and say so.
- Say what does not fit, and what to do with it: later, somebody else, or not at all.
- When I agree, write the days down with `task.update` (dueDate), many at once with `task.batch_update`, follow-ups with `crm.follow_up.update`.",
        shows: &[Shown::Mine, Shown::FollowUps("My follow-ups", &[("ownerId", "me"), ("status", "OPEN"), ("limit", "30")])],
    },
    Prompt {
        name: "project-status",
        title: "Project status",
        description: "A status report that a client or manager can read",
        arguments: &[
            needed("project", PROJECT, Choices::Of(Kind::Project)),
            optional("for", "Who reads it, e.g. the client", Choices::Words(&["the client", "the team", "the management"])),
        ],
        needs: &["project.get", "task.list"],
        guide: "\
Write a status report of {project} from the data below, at most 200 words.
- It is for {for}: choose words and detail accordingly, and leave out what is not theirs to know.
- First one sentence: on track, at risk or off track, and why. Then what was done, what comes next, what is at risk, what we need from the reader.
- Every claim rests on a task; give keys in brackets. What you cannot see, do not say.
- Look at who did what lately with `project.activity`, at time with `timesheet.report`, if it helps.",
        shows: &[
            Shown::Record(Kind::Project, "project"),
            Shown::Tasks("Overdue", &[("projectId", "{project}"), ("due", "overdue"), ("status", "OPEN"), ("sort", "dueDate"), ("limit", "20")]),
            Shown::Tasks("Blocked", &[("projectId", "{project}"), ("status", "BLOCKED"), ("limit", "20")]),
            Shown::Tasks("Done lately", &[("projectId", "{project}"), ("status", "DONE"), ("sort", "-updatedAt"), ("limit", "15")]),
        ],
    },
    Prompt {
        name: "write-task",
        title: "Write a task",
        description: "Turn an idea into a task that somebody else can do",
        arguments: &[
            needed("idea", "What it is about, in your words", Choices::Free),
            needed("project", PROJECT, Choices::Of(Kind::Project)),
        ],
        needs: &["task.create"],
        guide: "\
Make a task in {project} out of the idea below.
- First look whether it exists: the tasks that sound alike stand below; look further with `search`. If one fits, propose to add to it with `task.update` or `comment.add` instead.
- Title: what will be different when it is done, at most 60 characters. Description: why, what, how we know it works. Todos: the steps, if there are more than two.
- Use the project's own labels; priority P2 unless something is on fire. Do not invent an owner or a day: ask.
- Show me the draft, then make it with `task.create`.",
        shows: &[
            Shown::Given("The idea", "idea"),
            Shown::Tasks("Tasks that sound alike", &[("projectId", "{project}"), ("search", "{idea}"), ("status", "ALL"), ("limit", "8")]),
            Shown::Record(Kind::Project, "project"),
        ],
    },
    Prompt {
        name: "break-down",
        title: "Break a task down",
        description: "Split a big task into sub-tasks that can be done one by one",
        arguments: &[needed("task", TASK, Choices::Of(Kind::Task))],
        needs: &["task.get", "task.create"],
        guide: "\
Split {task} into the fewest sub-tasks that can each be finished and checked alone, in half a day to two days.
- Keep what is done already; do not repeat existing sub-tasks or todos.
- For each: title, one line of description, an estimate, and which other one it waits for.
- Show the list first. When I agree, make them with `task.create` (parentId {task}) and link what waits with `task.dependency.add`.
- Then bring the description of {task} up to date with `task.update`.",
        shows: &[Shown::Record(Kind::Task, "task")],
    },
    Prompt {
        name: "task-summary",
        title: "Summarize a task",
        description: "Where a task stands, for somebody who has not followed it",
        arguments: &[needed("task", TASK, Choices::Of(Kind::Task))],
        needs: &["task.get"],
        guide: "\
Sum up {task} for somebody who has not followed it, in at most 120 words.
- What it is about, where it stands, what was decided and by whom, what is open, who has the next move.
- The comments below are the newest; read older ones with `comment.list` and the history with `task.activity` if something is missing.
- End with the one next step you would take. Offer to note the summary as a comment with `comment.add`.",
        shows: &[Shown::Record(Kind::Task, "task")],
    },
    Prompt {
        name: "unblock",
        title: "Find what is blocked",
        description: "Why work stands still, and who can move it",
        arguments: &[optional("project", PROJECT, Choices::Of(Kind::Project))],
        needs: &["task.list", "task.get"],
        guide: "\
Find out why the tasks below stand still, and what would move each.
- Read each with `task.get`: what does it wait for, who said what last, since when?
- Group by cause: waits for another task, for a person, for a client, for nobody (forgotten).
- For each the smallest next step and who should take it. Propose a comment to that person and write it with `comment.add` once I agree.
- Dependencies that are no longer true: offer `task.dependency.remove`. What can go on: `task.move`.",
        shows: &[
            Shown::Tasks("Blocked", &[("projectId", "{project}"), ("status", "BLOCKED"), ("sort", "updatedAt"), ("limit", "30")]),
            Shown::Tasks("Overdue", &[("projectId", "{project}"), ("due", "overdue"), ("status", "OPEN"), ("sort", "dueDate"), ("limit", "20")]),
        ],
    },
    Prompt {
        name: "release-notes",
        title: "Release notes",
        description: "What was finished in a project lately, for its readers",
        arguments: &[
            needed("project", PROJECT, Choices::Of(Kind::Project)),
            optional("audience", "Who reads them", Choices::Words(&["customers", "the team"])),
        ],
        needs: &["task.list"],
        guide: "\
Write release notes of {project} from the finished tasks below.
- They are for {audience}.
- Group into new, better and fixed. One line each: what a reader can do now, not how it was built. Keys in brackets at the end.
- Leave out inner work that nobody notices; count it in one last line.
- Read a task with `task.get` where its title does not tell what changed. Go further back with `task.list` if I ask.",
        shows: &[Shown::Tasks("Done, newest first", &[("projectId", "{project}"), ("status", "DONE"), ("sort", "-updatedAt"), ("limit", "50")])],
    },
    Prompt {
        name: "handover",
        title: "Hand work over",
        description: "Somebody is away or leaves: who takes what",
        arguments: &[
            needed("from", "Whose work: name or e-mail", Choices::Members),
            optional("to", "Who takes it: name or e-mail", Choices::Members),
        ],
        needs: &["task.list", "task.update"],
        guide: "\
Prepare the handover of what {from} has open.
- {to} takes it, unless something speaks for another person; say what.
- Order by what burns first. For each task one or two lines: where it stands, what comes next, whom to ask. Read it with `task.get`.
- Mark what should rather be finished before, postponed or dropped.
- When I agree, change owners with `task.update` (assignee), many at once with `task.batch_update`, and leave the two lines as a comment with `comment.add`.
- Deals and follow-ups go with them: `crm.deal.update`, `crm.follow_up.update`.",
        shows: &[
            Shown::Tasks("Open tasks", &[("assignee", "{from}"), ("status", "OPEN"), ("sort", "dueDate"), ("limit", "50")]),
            Shown::Deals("Open deals", &[("ownerId", "{from}"), ("status", "OPEN"), ("limit", "20")]),
            Shown::FollowUps("Open follow-ups", &[("ownerId", "{from}"), ("status", "OPEN"), ("limit", "20")]),
        ],
    },
    Prompt {
        name: "log-time-week",
        title: "Log my week",
        description: "Fill the gaps in this week's time sheet",
        arguments: &[optional("hours", "Hours a day should have, e.g. 8", Choices::Free)],
        needs: &["timesheet.list", "timesheet.add"],
        guide: "\
Help me complete my time of the last seven days.
- A day should have {hours} hours.
- Show the days as a table with what is logged and what is missing. Weekends count only if something is logged there.
- Propose entries for the gaps from what I finished or changed; mark each as a guess. Ask for what nothing points to.
- Nothing is logged before I agree. Then `timesheet.add`, one for each task and day, with a short description; correct with `timesheet.update`.",
        shows: &[
            Shown::Entries("Logged", &[("accountId", "me"), ("from", "-7d"), ("limit", "60")]),
            Shown::Tasks("What I finished lately", &[("assignee", "me"), ("status", "DONE"), ("sort", "-updatedAt"), ("limit", "15")]),
            Shown::Tasks("What I have open, newest change first", &[("assignee", "me"), ("status", "OPEN"), ("sort", "-updatedAt"), ("limit", "15")]),
        ],
    },
    Prompt {
        name: "time-review",
        title: "Review time",
        description: "Where the hours went, and what to bill",
        arguments: &[
            optional("project", PROJECT, Choices::Of(Kind::Project)),
            optional("from", "The first day, e.g. 2027-03-01 or -30d; -30d if left out", Choices::Days),
            optional("to", "The last day", Choices::Days),
        ],
        needs: &["timesheet.report"],
        guide: "\
Review the time below, as far as you see it: your own, and everybody's in projects you own.
- Where did it go, how much is billable, how much is validated? Three sentences and one table.
- Point out what looks wrong: days over ten hours, entries without description, billable time on inner work, projects far over their estimates.
- Look closer with `timesheet.report` (groupBy TASK or DAY) and `timesheet.list`.
- Propose corrections; make them with `timesheet.update` only when I agree. Only owners validate.",
        shows: &[
            Shown::Report("By project", &[("projectId", "{project}"), ("from", "{from|-30d}"), ("to", "{to}"), ("groupBy", "PROJECT")]),
            Shown::Report("By person", &[("projectId", "{project}"), ("from", "{from|-30d}"), ("to", "{to}"), ("groupBy", "ACCOUNT")]),
            Shown::Report("By week", &[("projectId", "{project}"), ("from", "{from|-30d}"), ("to", "{to}"), ("groupBy", "WEEK")]),
        ],
    },
    Prompt {
        name: "pipeline-review",
        title: "Review the pipeline",
        description: "Which deals need something, and what",
        arguments: &[optional("owner", "Whose deals: name, e-mail or me; all if left out", Choices::Members)],
        needs: &["crm.deal.list"],
        guide: "\
Review the open deals below, those expected soonest first.
- Worth: the sum and the sum weighted by probability, for each currency and stage; never add different currencies.
- Which ones need attention: expected day past, no next step, untouched for three weeks, no owner, probability that does not fit the stage. Read those with `crm.deal.get`.
- For the five that matter most: what to do this week.
- When I agree: `crm.deal.update` for stage, day and next step, `crm.follow_up.add` for what is to be done, `crm.activity.add` for what happened.",
        shows: &[Shown::Deals("Open deals", &[("status", "OPEN"), ("ownerId", "{owner}"), ("sort", "expectedCloseAt"), ("limit", "60")])],
    },
    Prompt {
        name: "deal-brief",
        title: "Brief on a deal",
        description: "Everything about a deal on one page, before a call",
        arguments: &[needed("deal", "The deal: its title or id", Choices::Of(Kind::Deal))],
        needs: &["crm.deal.get"],
        guide: "\
Brief me on {deal} for a call: who, what, how much, where it stands, what was said last, what is promised and open. At most 150 words.
- Then: what they will ask, what we want from the call, and the risk nobody has named yet.
- Look at the organization with `crm.organization.get` and the contact with `crm.person.get`; at older talk with `crm.activity.list`.
- After the call, offer to note it with `crm.activity.add`, and to set the next step with `crm.deal.update`.
- If it is won: `crm.deal.create_project` makes the project that delivers it.",
        shows: &[Shown::Record(Kind::Deal, "deal")],
    },
    Prompt {
        name: "follow-up-sweep",
        title: "Sweep follow-ups",
        description: "Go through what was promised and is still open",
        arguments: &[optional("owner", "Whose: name, e-mail or me; mine if left out", Choices::Members)],
        needs: &["crm.follow_up.list"],
        guide: "\
Go through the open follow-ups below, the most overdue first.
- For each: do it now, set a new day, hand it on, make it a task, or cancel it; with a reason from what happened last (`crm.activity.list`).
- Draft the messages that can be sent now, short and in the tone of earlier ones.
- When I agree: `crm.follow_up.update` (DONE, CANCELLED or a new dueAt), `crm.activity.add` for what was sent, `crm.follow_up.create_task` for real work.",
        shows: &[Shown::FollowUps("Open follow-ups", &[("status", "OPEN"), ("ownerId", "{owner|me}"), ("limit", "50")])],
    },
    Prompt {
        name: "meeting-prep",
        title: "Prepare a meeting",
        description: "What to know about an organization before you meet",
        arguments: &[needed("organization", "The organization: its name or domain", Choices::Of(Kind::Organization))],
        needs: &["crm.organization.get"],
        guide: "\
Prepare me for a meeting with {organization}: who they are, who will be there, what we do for them, what is open between us. At most 200 words.
- Then an agenda of three to five points, and what each side should leave with.
- Read open deals with `crm.deal.get`, running projects with `project.get`, older talk with `crm.activity.list`.
- Offer to note the agenda as an activity with `crm.activity.add`.",
        shows: &[Shown::Record(Kind::Organization, "organization")],
    },
    Prompt {
        name: "meeting-notes",
        title: "File meeting notes",
        description: "Turn rough notes into an activity, follow-ups and tasks",
        arguments: &[
            needed("notes", "The notes as they are", Choices::Free),
            optional("organization", "Whom it was with: name or domain", Choices::Of(Kind::Organization)),
            optional("deal", "The deal it was about", Choices::Of(Kind::Deal)),
        ],
        needs: &["crm.activity.add"],
        guide: "\
File the meeting notes below.
- It was with {organization}.
- It was about the deal {deal}.
- Find out whom and what they are about with `search`, if that is not said; ask if several fit.
- Make of them: one activity of type MEETING (what was said and decided, five lines at most), follow-ups (who does what until when), tasks in a project where there is work, and changes to the deal.
- Show all of it first. Once I agree: `crm.activity.add`, `crm.follow_up.add`, `task.create`, `crm.deal.update`.
- Invent nothing: no day that the notes do not give, no person who is not in them.",
        shows: &[
            Shown::Given("The notes", "notes"),
            Shown::Record(Kind::Deal, "deal"),
            Shown::Record(Kind::Organization, "organization"),
        ],
    },
    Prompt {
        name: "onboard-client",
        title: "Onboard a client",
        description: "Set up a new client with a first project and its tasks",
        arguments: &[
            needed("client", "The client's name", Choices::Of(Kind::Client)),
            optional("what", "What is to be delivered, in a sentence", Choices::Free),
            optional("deal", "The deal that was won", Choices::Of(Kind::Deal)),
        ],
        needs: &["client.create", "project.create"],
        guide: "\
Set {client} up.
- What is to be delivered: {what}
- First see whether the client exists (below) and whether a deal was won for it: `search`. A project made from a deal with `crm.deal.create_project` brings client and people along; prefer that.
- Plan: the client (`client.create`), a project with a short key (`project.create`), its members (`project.member.add`), and five to ten first tasks: kick-off, access, goals, first delivery, review, invoice.
- Show the plan with owners and days left open for me to fill. Make it only when I agree; give the tasks to `task.create` one by one with an idempotencyKey each.
- End with what is still missing and the address of the project's page.",
        shows: &[
            Shown::Clients("Clients that sound alike", &[("search", "{client}"), ("limit", "8")]),
            Shown::Record(Kind::Deal, "deal"),
        ],
    },
];
