//! One error for all surfaces, and the problem object (RFC 9457) that each of them shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Shorthand for what nearly every function here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in words for the caller. Small, so that `Result`s stay cheap to pass.
#[derive(Debug, Clone)]
pub struct Error(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    permission: Option<Permission>,
    candidates: Vec<Candidate>,
    retry_after_seconds: Option<u32>,
}

/// The kinds of failure. Status, code and title of each stand in one table: [`Kind::facts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Malformed,
    SelectorRequired,
    Unauthorized,
    KeyExpired,
    WrongPassword,
    WrongCode,
    SignInRefused,
    PermissionDenied,
    SecondFactorRequired,
    WorkspaceDenied,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    Timeout,
    Conflict,
    Ambiguous,
    WorkspaceArchived,
    IdempotencyConflict,
    Stale,
    TooLarge,
    Misdirected,
    UnsupportedMediaType,
    Invalid,
    TooManyRequests,
    Busy,
    /// A read that was to be quick and is not; it is begun anew among the slow ones.
    Overdue,
    NotSetUp,
    StorageFull,
    Internal,
}

impl Kind {
    /// HTTP status, stable code, title.
    pub const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Kind::Malformed => (400, "MALFORMED", "The request could not be read"),
            Kind::SelectorRequired => (400, "WORKSPACE_REQUIRED", "Workspace selector required"),
            Kind::Unauthorized => (401, "UNAUTHORIZED", "Unauthorized"),
            Kind::KeyExpired => (401, "KEY_EXPIRED", "The key has expired"),
            Kind::WrongPassword => (401, "WRONG_PASSWORD", "Sign-in failed"),
            Kind::WrongCode => (401, "WRONG_CODE", "Sign-in failed"),
            Kind::PermissionDenied => (403, "PERMISSION_DENIED", "Permission denied"),
            Kind::SignInRefused => (403, "SIGN_IN_REFUSED", "Sign-in refused"),
            Kind::SecondFactorRequired => (403, "SECOND_FACTOR_REQUIRED", "A second factor is required"),
            Kind::WorkspaceDenied => (403, "WORKSPACE_DENIED", "Workspace access denied"),
            Kind::NotFound => (404, "NOT_FOUND", "Not found"),
            Kind::MethodNotAllowed => (405, "METHOD_NOT_ALLOWED", "Method not allowed"),
            Kind::NotAcceptable => (406, "NOT_ACCEPTABLE", "Not acceptable"),
            Kind::Timeout => (408, "TIMEOUT", "The request took too long to arrive"),
            Kind::Conflict => (409, "CONFLICT", "Conflict"),
            Kind::Ambiguous => (409, "AMBIGUOUS", "More than one record fits"),
            Kind::WorkspaceArchived => (409, "WORKSPACE_ARCHIVED", "The workspace is archived"),
            Kind::IdempotencyConflict => (409, "IDEMPOTENCY_CONFLICT", "The idempotency key was used before"),
            Kind::Stale => (412, "STALE", "The record has changed"),
            Kind::TooLarge => (413, "TOO_LARGE", "Too large"),
            Kind::Misdirected => (421, "MISDIRECTED", "This server has another name"),
            Kind::UnsupportedMediaType => (415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type"),
            Kind::Invalid => (422, "INVALID", "Some fields need attention"),
            Kind::TooManyRequests => (429, "TOO_MANY_REQUESTS", "Too many requests"),
            Kind::Busy | Kind::Overdue => (503, "BUSY", "Busy"),
            Kind::NotSetUp => (503, "NOT_SET_UP", "Not set up yet"),
            Kind::StorageFull => (503, "STORAGE_UNAVAILABLE", "The storage does not take writes"),
            Kind::Internal => (500, "INTERNAL", "Something went wrong on our side"),
        }
    }
}

/// What is wrong with one field, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

/// Which right was missing: the same object over REST and MCP, so that an agent can say what to ask for.
#[derive(Debug, Clone, Serialize)]
pub struct Permission {
    /// `platform`, `workspace`, `project` or `key`.
    pub scope: &'static str,
    /// The least role or scope that would do, e.g. `MEMBER` or `crm:write`.
    pub required: String,
    /// What the caller has, e.g. `VIEWER`.
    pub current: Option<String>,
    pub reason: String,
}

/// One of several records that a name fits.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    pub id: String,
    pub name: String,
}

/// RFC 9457 `application/problem+json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<&'a Permission>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [Candidate],
    request_id: &'a str,
}

impl Error {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Error(Box::new(Details {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            permission: None,
            candidates: Vec::new(),
            retry_after_seconds: None,
        }))
    }

    /// The request is not what it should be as a whole: 400.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Error::new(Kind::Malformed, detail)
    }

    /// Absent, or in another workspace: 404. The two read the same.
    pub fn not_found(what: &str, reference: impl std::fmt::Display) -> Self {
        Error::new(Kind::NotFound, format!("There is no {what} {}.", quoted(&reference.to_string())))
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Error::new(Kind::Conflict, detail)
    }

    pub fn ambiguous(what: &str, reference: &str, candidates: Vec<Candidate>) -> Self {
        let mut error = Error::new(
            Kind::Ambiguous,
            format!("More than one {what} fits {}. Use one of the ids in `candidates`.", quoted(reference)),
        );
        error.0.candidates = candidates;
        error
    }

    /// The version the caller saw is not the one that is stored: 412.
    pub fn stale(expected: i64, current: i64) -> Self {
        Error::new(
            Kind::Stale,
            format!(
                "You changed version {expected}, but the record is at version {current} by now. Read it again, then repeat the change."
            ),
        )
    }

    /// One field is wrong: 422.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Error::fields(vec![FieldError { field: field.to_owned(), message: message.into() }])
    }

    /// Several fields are wrong: 422, all of them told at once.
    pub fn fields(mut errors: Vec<FieldError>) -> Self {
        // The name may be anything that somebody has sent.
        for error in &mut errors {
            error.field = short(&error.field);
        }
        let told: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        let mut error = Error::new(Kind::Invalid, told.join("; "));
        error.0.errors = errors;
        error
    }

    /// Adds which field of the input it is about.
    pub fn at(mut self, field: FieldError) -> Self {
        self.0.errors.push(field);
        self
    }

    /// The same, told at the field that named what is absent or ambiguous.
    pub fn about(self, field: &str) -> Self {
        match self.kind() {
            Kind::NotFound | Kind::Ambiguous => {
                let message = self.detail().to_owned();
                self.at(FieldError { field: field.to_owned(), message })
            }
            _ => self,
        }
    }

    /// The same, told at the one field that all of it was read from.
    pub fn told_at(mut self, field: &str) -> Self {
        for error in &mut self.0.errors {
            error.field = field.to_owned();
        }
        self
    }

    /// Adds a record that the caller may have meant.
    pub fn or_rather(mut self, id: impl std::fmt::Display, name: impl Into<String>) -> Self {
        self.0.candidates.push(Candidate { id: id.to_string(), name: name.into() });
        self
    }

    /// The same, as the fault of one of many: `taskIds[3] (WEB-9): …`.
    pub fn of_one(mut self, field: &str, name: &str) -> Self {
        if self.0.kind != Kind::Internal {
            let message = std::mem::take(&mut self.0.detail);
            self.0.detail = format!("{field} ({name}): {message}");
            self.0.errors = vec![FieldError { field: field.to_owned(), message }];
        }
        self
    }

    pub fn denied(permission: Permission) -> Self {
        let mut error = Error::new(Kind::PermissionDenied, permission.reason.clone());
        error.0.permission = Some(permission);
        error
    }

    pub fn too_many(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        let mut error = Error::new(Kind::TooManyRequests, detail);
        error.0.retry_after_seconds = Some(retry_after_seconds.max(1));
        error
    }

    pub fn busy(detail: impl Into<String>) -> Self {
        let mut error = Error::new(Kind::Busy, detail);
        error.0.retry_after_seconds = Some(1);
        error
    }

    /// A fault of ours. The cause is for the log; the caller sees a request id.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Error::new(Kind::Internal, cause.to_string())
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn status(&self) -> u16 {
        self.0.kind.facts().0
    }

    pub fn code(&self) -> &'static str {
        self.0.kind.facts().1
    }

    pub fn title(&self) -> &'static str {
        self.0.kind.facts().2
    }

    /// What to show: for our own faults nothing of the inside.
    pub fn detail(&self) -> &str {
        match self.0.kind {
            Kind::Internal => {
                "It is not your request's fault. Try again; if it stays, tell your administrator the request id."
            }
            _ => &self.0.detail,
        }
    }

    /// What to log: for our own faults the cause.
    pub fn cause(&self) -> &str {
        &self.0.detail
    }

    pub fn field_errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// Which right was missing, if that is what went wrong.
    pub fn permission(&self) -> Option<&Permission> {
        self.0.permission.as_ref()
    }

    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.0.retry_after_seconds
    }

    pub fn problem<'a>(&'a self, request_id: &'a str) -> Problem<'a> {
        let (status, code, title) = self.0.kind.facts();
        Problem {
            kind: format!("urn:sally:problem:{}", code.to_ascii_lowercase().replace('_', "-")),
            title,
            status,
            code,
            detail: self.detail(),
            errors: &self.0.errors,
            permission: self.0.permission.as_ref(),
            candidates: &self.0.candidates,
            request_id,
        }
    }

    pub fn problem_json(&self, request_id: &str) -> Value {
        serde_json::to_value(self.problem(request_id)).expect("a problem is plain data")
    }
}

/// The offending text as people typed it, short enough for a sentence.
pub fn quoted(text: &str) -> String {
    format!("“{}”", short(text))
}

fn short(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An error of others with what caused it, as one line of the log: by itself it often says only that something failed.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    one_line(&text)
}

/// What others said, for the log: one line of it and no more than that.
pub fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(500).collect()
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let code = error.sqlite_error_code();
        match code {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
                Error::busy("The database is busy. Try again in a moment.")
            }
            Some(Code::OperationInterrupted) => {
                let text = "That took too long and was stopped. Ask for less at once, or narrow the filter.";
                Error::new(Kind::Overdue, text)
            }
            Some(Code::DiskFull | Code::ReadOnly | Code::SystemIoFailure | Code::CannotOpen) => {
                log::error!("storage: {error}");
                let mut full = Error::new(
                    Kind::StorageFull,
                    "The disk is full or does not take writes; nothing was changed. It goes on by itself once there is room.",
                );
                full.0.retry_after_seconds = Some(5);
                full
            }
            _ => Error::internal(error),
        }
    }
}
