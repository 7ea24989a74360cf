//! What was typed into a form, and what is wrong with it. Read by the same parser as REST, so the messages are the same.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::core::app::{App, Call};
use crate::core::error::{Error, FieldError, Kind, Result, quoted};
use crate::core::input::{self, common};
use crate::core::operation::Operation;
use crate::core::secret;
use crate::core::time::Moment;
use crate::http::rest;

use super::markdown::{self, Rendered};
use super::page::{Page, Refused, app_of};
use super::show::Choice;

/// Names and values in the order of the form, with what is wrong at which field.
#[derive(Debug, Default, Clone)]
pub struct Form {
    typed: Vec<(String, String)>,
    /// Names that are shown again but not read: what the person left as it was.
    left_alone: Vec<String>,
    pub problems: Vec<FieldError>,
    /// What is wrong with the whole.
    pub notice: Option<Notice>,
    /// Fields that somebody else has changed as well, to choose from.
    pub clashes: Vec<Clash>,
    status: Option<StatusCode>,
    /// The text that is shown as it will look.
    previewed: Option<String>,
    /// When to try again, for whoever was too fast.
    pub retry_after_seconds: Option<u32>,
}

/// A message above the form.
#[derive(Debug, Clone)]
pub struct Notice {
    pub title: &'static str,
    pub text: String,
}

/// A field that two people have changed since both saw it.
#[derive(Debug, Clone)]
pub struct Clash {
    pub field: String,
    pub label: String,
    pub mine: String,
    pub theirs: String,
    /// As the field holds it.
    pub value: String,
}

/// What a form is for: a new record, or a change of one that is there.
pub struct Purpose {
    pub title: String,
    pub action: String,
    pub cancel: String,
    pub button: String,
}

impl Purpose {
    /// `noun` is what the record is, `list` the address of all of them; `editing`: what it is called, and its own address.
    pub fn new(noun: &str, list: &str, editing: Option<(&str, String)>) -> Self {
        match editing {
            None => Purpose {
                title: format!("New {noun}"),
                action: format!("{list}/new"),
                cancel: list.to_owned(),
                button: format!("Create {noun}"),
            },
            Some((name, own)) => Purpose {
                title: format!("Edit {name}"),
                action: format!("{own}/edit"),
                cancel: own,
                button: format!("Save {noun}"),
            },
        }
    }
}

/// More than any form of ours has: fields are looked up one by one.
const MOST_FIELDS: usize = 2_000;

/// The page's own, and no field of an operation: what each field said when it was shown, and which showing that was.
const SEEN: &str = "seen";
const ONCE: &str = "once";
/// Of the button that asks for a preview; its value is the field.
const PREVIEW: &str = "preview";
/// Of a clash: whose word is taken, and what theirs is.
const TAKE: &str = "take.";
const THEIRS: &str = "theirs.";

/// What was made, as the JSON that REST gives.
pub struct Made(Map<String, Value>);

impl Made {
    /// A field that is a text.
    pub fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field that is a number.
    pub fn number(&self, field: &str) -> i64 {
        self.0.get(field).and_then(Value::as_i64).unwrap_or_default()
    }
}

impl Form {
    /// A form as it is shown first.
    pub fn filled<'a>(typed: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        Form { typed: typed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), ..Form::default() }
    }

    /// A blank form that tells why the person is back at it.
    pub fn refused(error: &Error) -> Self {
        Form {
            notice: Some(Notice { title: "", text: error.detail().to_owned() }),
            status: StatusCode::from_u16(error.status()).ok(),
            retry_after_seconds: error.retry_after_seconds(),
            ..Form::default()
        }
    }

    fn parse(body: &[u8]) -> Self {
        let mut form = Form { typed: url::form_urlencoded::parse(body).into_owned().collect(), ..Form::default() };
        let taken: Vec<(String, String)> = form
            .typed
            .iter()
            .filter_map(|(name, whose)| name.strip_prefix(TAKE).filter(|_| whose == "theirs"))
            .map(|field| (field.to_owned(), form.value(&format!("{THEIRS}{field}")).to_owned()))
            .collect();
        for (field, value) in taken {
            form.set(&field, value);
        }
        form.typed.retain(|(name, _)| !name.starts_with(TAKE) && !name.starts_with(THEIRS));
        form
    }

    /// The first value of that name; empty if there is none.
    pub fn value(&self, name: &str) -> &str {
        self.typed.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Names and values as they were sent.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.typed.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn is_blank(&self, name: &str) -> bool {
        self.value(name).trim().is_empty()
    }

    /// Is this the answer to a form that had such a field?
    pub fn answers(&self, name: &str) -> bool {
        self.typed.iter().any(|(known, _)| known == name)
    }

    /// A text as it will look, where that was asked for.
    pub fn preview(&self, name: &str) -> Option<Rendered> {
        (self.previewed.as_deref() == Some(name)).then(|| markdown::render(self.value(name)))
    }

    /// Was it sent only to see what a text will look like? Then it goes back with that.
    fn asks_preview(&mut self) -> bool {
        let asks = self.answers(PREVIEW);
        if asks {
            self.previewed = Some(self.take(PREVIEW));
            self.problems.clear();
        }
        asks
    }

    /// Is this one of the values given under that name?
    pub fn has(&self, name: &str, value: impl std::fmt::Display) -> bool {
        let value = value.to_string();
        self.typed.iter().any(|(known, given)| known == name && *given == value)
    }

    /// The first message at a field.
    pub fn problem(&self, name: &str) -> Option<String> {
        self.problems.iter().find(|problem| problem.field == name).map(|problem| capitalised(&problem.message))
    }

    /// Every problem as a sentence, with the field to go to.
    pub fn summary(&self) -> Vec<(&str, String)> {
        let sentence = |problem: &FieldError| match problem.message.starts_with(char::is_lowercase) {
            true => format!("{} {}", label(&problem.field), problem.message),
            false => capitalised(&problem.message),
        };
        let entry = |problem| sentence(problem).trim_end_matches('.').to_owned();
        self.problems.iter().map(|problem| (problem.field.as_str(), entry(problem))).collect()
    }

    /// 200 for a fresh form, else what the refusal was.
    pub fn status(&self) -> StatusCode {
        let refused = || !self.problems.is_empty() || self.notice.is_some();
        self.status.unwrap_or(if refused() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK })
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.typed.retain(|(known, _)| known != name);
        self.typed.push((name.to_owned(), value.into()));
    }

    /// Takes out what is the page's own and no field of the operation.
    pub fn take(&mut self, name: &str) -> String {
        let value = self.value(name).to_owned();
        self.typed.retain(|(known, _)| known != name);
        value
    }

    pub fn complain(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    fn is_stale(&self) -> bool {
        self.status() == StatusCode::PRECONDITION_FAILED
    }

    /// After somebody else was faster: what only they have changed is taken over, and what both have changed is shown side
    /// by side. `theirs` is the form as it would be shown now; `choices` tell what values of a field are called.
    pub fn meet(&mut self, theirs: &Form, choices: &[(&str, &[Choice])]) {
        if !self.is_stale() {
            return;
        }
        let before = self.value(SEEN).to_owned();
        let before: HashMap<&str, &str> = before.split(' ').filter_map(|part| part.split_once(':')).collect();
        let mut taken_over = Vec::new();
        for (field, value) in &theirs.typed {
            let mine = self.value(field).to_owned();
            if field == common::IF_VERSION || !self.answers(field) || stamp(&mine) == stamp(value) {
                continue;
            }
            let since = |text: &str| before.get(field.as_str()).is_none_or(|seen| *seen != stamp(text));
            if !since(&mine) {
                self.set(field, value.as_str());
                taken_over.push(label(field));
            } else if since(value) {
                let known = choices.iter().find(|(name, _)| name == field).map_or(&[][..], |(_, choices)| choices);
                let called = |text: &str| {
                    let choice = known.iter().find(|choice| choice.value == text);
                    choice.map_or_else(|| text.to_owned(), |choice| choice.text.clone())
                };
                self.clashes.push(Clash {
                    field: field.clone(),
                    label: label(field),
                    mine: called(&mine),
                    theirs: called(value),
                    value: value.clone(),
                });
            }
        }
        let mut text = match self.clashes.is_empty() {
            true => "What you typed is below.".to_owned(),
            false => "What you typed is below. Where both of you changed the same, choose.".to_owned(),
        };
        if !taken_over.is_empty() {
            text.push_str(&format!(" Theirs is in place already: {}.", taken_over.join(", ")));
        }
        text.push_str(" Then save again.");
        if let Some(notice) = &mut self.notice {
            notice.text = text;
        }
        self.set(common::IF_VERSION, theirs.value(common::IF_VERSION));
        self.set(SEEN, theirs.seen());
    }

    /// What each field says, in short: so that it can be told later who has changed what.
    pub fn seen(&self) -> String {
        if !self.is_blank(SEEN) {
            return self.value(SEEN).to_owned();
        }
        let fields = self.typed.iter().filter(|(name, _)| name != common::IF_VERSION);
        fields.map(|(name, value)| format!("{name}:{}", stamp(value))).collect::<Vec<_>>().join(" ")
    }

    /// Names this showing of the form: sent twice, it makes one record.
    pub fn once(&self) -> String {
        if self.is_blank(ONCE) { secret::session_token() } else { self.value(ONCE).to_owned() }
    }

    /// Does not send a field that still says what it said: an absent field of an update stays as it is, whatever
    /// the name in it would mean by now.
    pub fn leave_unchanged(&mut self, name: &str, shown: &str) {
        if self.value(name).trim() == shown.trim() {
            self.leave(name);
        }
    }

    /// Shows a field again, but does not send it.
    pub fn leave(&mut self, name: &str) {
        self.left_alone.push(name.to_owned());
    }

    /// An update leaves out what is blank; a form that blanks it means something else.
    pub fn demand(&mut self, name: &str) {
        if self.is_blank(name) {
            self.complain(name, "is required");
        }
    }

    /// The date and time of the clock on the person's wall.
    pub fn read_local_time(&mut self, name: &str, zone: &TimeZone) {
        if self.is_blank(name) {
            return;
        }
        match Moment::parse_local(self.value(name), zone) {
            Ok(moment) => self.set(name, moment.to_string()),
            Err(message) => self.complain(name, message),
        }
    }

    /// Time as people write it, as whole minutes: `45`, `45m`, `1:30`, `1.5h`, `1h 30m`.
    pub fn read_duration(&mut self, name: &str) {
        if self.is_blank(name) {
            return;
        }
        match minutes(self.value(name)) {
            Some(minutes) => self.set(name, minutes.to_string()),
            None => {
                let message = format!("{} is not a time such as 45, 1:30 or 1.5h", quoted(self.value(name)));
                self.complain(name, message);
                self.leave(name);
            }
        }
    }

    /// The operation that the form describes, or `None` and the problems.
    pub fn read<O: Operation>(&mut self, app: &App) -> Option<O> {
        match input::read::<O>(self.input(), app.shape_of::<O>()) {
            Ok(operation) if self.problems.is_empty() => Some(operation),
            Ok(_) => None,
            Err(error) => {
                for problem in error.field_errors() {
                    if self.problem(&problem.field).is_none() {
                        self.problems.push(problem.clone());
                    }
                }
                if error.field_errors().is_empty() {
                    self.notice = Some(Notice { title: error.title(), text: error.detail().to_owned() });
                }
                None
            }
        }
    }

    /// Names given more than once become a list, as a query string would write it.
    pub fn input(&self) -> Map<String, Value> {
        let mut map: Map<String, Value> = Map::new();
        let own = [common::IF_VERSION, SEEN, ONCE];
        let is_sent = |name: &str| !own.contains(&name) && !self.left_alone.iter().any(|left| left == name);
        for (name, value) in self.typed.iter().filter(|(name, _)| is_sent(name)) {
            match map.get_mut(name) {
                Some(Value::String(known)) => {
                    known.push(',');
                    known.push_str(value);
                }
                _ => {
                    map.insert(name.clone(), Value::from(value.as_str()));
                }
            }
        }
        map
    }

    /// Reads and runs an operation. `None`: the form goes back to the person with what is wrong.
    pub async fn run<O: Operation>(&mut self, page: &Page) -> Result<Option<O::Output>, Refused> {
        if self.asks_preview() {
            return Ok(None);
        }
        let seen = self.value(common::IF_VERSION).parse().ok();
        let Some(operation) = self.read::<O>(page.app()) else { return Ok(None) };
        match page.run_with(operation, seen).await {
            Ok(output) => Ok(Some(output)),
            Err(refused) if self.keeps(refused.error()) => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Reads and runs what makes a record, once for each time that the form was shown: sent twice, the first answer is given
    /// again. `None`: the form goes back to the person with what is wrong.
    pub async fn make<O: Operation>(&mut self, page: &Page) -> Result<Option<Made>, Refused> {
        if self.asks_preview() || self.read::<O>(page.app()).is_none() {
            return Ok(None);
        }
        let listed = page.app().operation(O::SPEC.name).expect("every operation stands in the list");
        let key = Some(self.value(ONCE)).filter(|key| (1..=100).contains(&key.len())).map(str::to_owned);
        let call = |key| Call { idempotency_key: key, ..page.call().clone() };
        let answer = match page.app().answer(listed, call(key), self.input()).await {
            // Gone back to and changed: that is another record.
            Err(error) if error.kind() == Kind::IdempotencyConflict => {
                page.app().answer(listed, call(None), self.input()).await
            }
            answer => answer,
        };
        match answer {
            Ok(reply) => {
                let made = serde_json::from_slice(&reply.body).map_err(|error| page.refuse(Error::internal(error)))?;
                Ok(Some(Made(made)))
            }
            Err(error) if self.keeps(&error) => Ok(None),
            Err(error) => Err(page.refuse(error)),
        }
    }

    /// Keeps a refusal that the person can do something about here; false for any other.
    pub fn keeps(&mut self, error: &Error) -> bool {
        let title = match error.kind() {
            Kind::Stale => "Someone else changed this meanwhile",
            Kind::Conflict
            | Kind::TooManyRequests
            | Kind::WrongPassword
            | Kind::SignInRefused
            | Kind::Busy
            | Kind::StorageFull => "",
            _ if !error.field_errors().is_empty() => {
                for problem in error.field_errors() {
                    let message = match error.kind() {
                        Kind::Ambiguous => several(error, self.value(&problem.field)),
                        _ => problem.message.clone(),
                    };
                    self.complain(&problem.field, message);
                }
                return true;
            }
            _ => return false,
        };
        let text = match error.kind() {
            Kind::Stale => "What you typed is below. Look at what is new, then save again.".to_owned(),
            _ => error.detail().to_owned(),
        };
        self.notice = Some(Notice { title, text });
        self.status = StatusCode::from_u16(error.status()).ok();
        self.retry_after_seconds = error.retry_after_seconds();
        true
    }
}

/// The same where all around it is hours: there a bare number is one of hours.
pub fn hours_of_day(text: &str) -> Option<i64> {
    let is_bare = text.trim().bytes().all(|byte| byte.is_ascii_digit());
    if is_bare { minutes(&format!("{text}h")) } else { minutes(text) }
}

/// Stands for a text in one field of a form; line ends and the blanks around it do not count.
fn stamp(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.trim().replace("\r\n", "\n").hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32)
}

fn minutes(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase().replace(',', ".");
    if let Some((hours, minutes)) = text.split_once(':') {
        let minutes: i64 = minutes.parse().ok().filter(|minutes| (0..60).contains(minutes))?;
        return hours.parse::<i64>().ok().filter(|hours| (0..10_000).contains(hours)).map(|hours| hours * 60 + minutes);
    }
    let hours = |text: &str| -> Option<i64> {
        let hours: f64 = text.trim().parse().ok().filter(|hours| (0.0..10_000.0).contains(hours))?;
        Some((hours * 60.0).round() as i64)
    };
    let (of_hours, rest) = match text.split_once('h') {
        Some((before, rest)) => (hours(before)?, rest.trim()),
        None if text.contains('.') => return hours(&text),
        None => (0, text.as_str()),
    };
    if rest.is_empty() && text.contains('h') {
        return Some(of_hours);
    }
    let rest = rest.strip_suffix("min").or(rest.strip_suffix('m')).unwrap_or(rest).trim();
    rest.parse::<i64>().ok().filter(|minutes| (0..600_000).contains(minutes)).map(|minutes| of_hours + minutes)
}

/// Which records a name fits, for people.
fn several(error: &Error, typed: &str) -> String {
    let candidates = error.problem_json("");
    let known = candidates["candidates"].as_array().into_iter().flatten();
    let known: Vec<String> = known
        .filter_map(|candidate| Some(format!("{} ({})", candidate["id"].as_str()?, candidate["name"].as_str()?)))
        .collect();
    format!("{} fits several; write the id of one: {}", quoted(typed), known.join(", "))
}

fn capitalised(text: &str) -> String {
    let mut sentence = first_upper(text);
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

pub fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.collect::<String>() + letters.as_str()
}

/// What the forms call a field: `expectedCloseAt` is "Expected close".
pub fn label(field: &str) -> String {
    const OTHERS: &[(&str, &str)] = &[
        ("primaryPersonId", "Contact person"),
        ("linkedinUrl", "LinkedIn"),
        ("email", "E-mail"),
        ("base64", "The file"),
        ("file", "The table"),
        ("body", "Text"),
        ("for", "Project or task"),
        ("minutes", "Time"),
        ("estimateMinutes", "Estimate"),
        ("parentId", "Part of"),
        ("dependsOnId", "Waits for"),
        ("currentPassword", "Current password"),
        ("code", "The code"),
    ];
    if let Some((_, label)) = OTHERS.iter().find(|(name, _)| *name == field) {
        return (*label).to_owned();
    }
    let mut words = String::new();
    for letter in field.chars() {
        if letter.is_uppercase() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    let words = words.strip_suffix(" id").or(words.strip_suffix(" at")).unwrap_or(&words);
    first_upper(words)
}

impl FromRequest for Form {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = web::Payload::from_request(&request, payload);
        Box::pin(async move {
            let app = app_of(&request);
            let read = async {
                let payload = payload.await.map_err(Error::internal)?;
                let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
                let body = rest::read(&request, payload, &app, app.config().body_limit_kib * 1_024).await?;
                let is_form = kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
                if body.iter().filter(|byte| **byte == b'&').count() >= MOST_FIELDS {
                    return Err(Error::new(Kind::TooLarge, format!("The form has more than {MOST_FIELDS} fields.")));
                }
                if !body.is_empty() && !is_form {
                    let what = format!("A form must be application/x-www-form-urlencoded, not {}.", quoted(kind));
                    return Err(Error::new(Kind::UnsupportedMediaType, what));
                }
                Ok(Form::parse(&body))
            };
            read.await.map_err(|error| Refused::bare(&request, error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_read_as_sentences() {
        let mut form = Form::parse(b"title=&value=x");
        form.complain("expectedCloseAt", "is required");
        form.complain("value", "“x” is not an amount");
        let summary = form.summary();
        assert_eq!(summary[0], ("expectedCloseAt", "Expected close is required".into()));
        assert_eq!(summary[1], ("value", "“x” is not an amount".into()));
        assert_eq!(form.problem("expectedCloseAt").as_deref(), Some("Is required."));
        assert_eq!(form.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn two_people_at_one_record_choose_only_where_both_changed_the_same() {
        let shown = |title: &str, notes: &str, owner: &str, version: &str| {
            let typed = [("ifVersion", version), ("title", title), ("notes", notes), ("ownerId", owner)];
            Form::filled(typed.map(|(name, value)| (name, value.to_owned())))
        };
        let seen = shown("Offer", "One\nline", "acc_1", "1").seen();
        let sent = [
            ("ifVersion", "1"),
            ("seen", &seen),
            ("title", "My offer"),
            ("notes", "One\r\nline"),
            ("ownerId", "acc_2"),
        ];
        let mut form = Form::filled(sent.map(|(name, value)| (name, value.to_owned())));
        form.keeps(&Error::new(Kind::Stale, "changed"));
        let people = [Choice::new("acc_2", "Ben"), Choice::new("acc_3", "Vera")];
        form.meet(&shown("Offer", "Two lines", "acc_3", "2"), &[("ownerId", &people)]);
        assert_eq!((form.value("title"), form.value("notes")), ("My offer", "Two lines"), "mine, and theirs");
        let [clash] = form.clashes.as_slice() else { panic!("{:?}", form.clashes) };
        assert_eq!((clash.label.as_str(), clash.mine.as_str(), clash.theirs.as_str()), ("Owner", "Ben", "Vera"));
        assert_eq!(form.value("ifVersion"), "2");

        let again = Form::parse(
            b"ownerId=acc_2&take.ownerId=theirs&theirs.ownerId=acc_3&title=x&take.title=mine&theirs.title=y",
        );
        assert_eq!((again.value("ownerId"), again.value("title")), ("acc_3", "x"));
        assert_eq!(again.input().len(), 2);
    }

    #[test]
    fn time_is_read_as_people_write_it() {
        let known = [
            ("45", 45),
            ("45m", 45),
            ("1:30", 90),
            ("0:05", 5),
            ("1.5h", 90),
            ("1,5", 90),
            ("2h", 120),
            ("1h 30m", 90),
            ("1h30", 90),
            ("90 min", 90),
        ];
        for (text, wanted) in known {
            assert_eq!(minutes(text), Some(wanted), "{text}");
        }
        for (text, wanted) in [("8", 480), (" 2 ", 120), ("1:30", 90), ("1.5", 90), ("90m", 90)] {
            assert_eq!(hours_of_day(text), Some(wanted), "{text}");
        }
        for text in ["", "x", "1:99", "-5", "h", "1h x", "1:2:3", "NaNh", "inf", "1e9h"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }

    #[test]
    fn order_and_repeats_are_kept() {
        let form = Form::parse(b"toolsets=core&toolsets=crm&label=a+b");
        assert!(form.has("toolsets", "crm") && form.has("toolsets", "core"));
        assert_eq!(form.input()["toolsets"], "core,crm");
        assert_eq!(form.value("label"), "a b");
    }
}
