//! Sally as an authorization server (OAuth 2.1) for MCP clients, so that a client needs nothing but the address.
//!
//! Somebody's consent makes a key without a token of its own ([`super::keys::allow`]). The program shows tokens that lead
//! to it, so whatever narrows, lists, revokes or attributes a key does the same here.

pub mod authorize;
pub mod clients;
pub mod connections;
pub mod documents;
pub mod tokens;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::core::error::{Error, Result};
use crate::core::operation::{Answer, Entry};
use crate::core::scopes::Scopes;

pub const OPERATIONS: &[Entry] = &[
    Entry::of::<clients::RegisterClient>(),
    Entry::of::<clients::FindClient>(),
    Entry::of::<authorize::Consent>(),
    Entry::of::<tokens::ExchangeCode>(),
    Entry::of::<tokens::RefreshTokens>(),
    Entry::of::<tokens::RevokeToken>(),
    Entry::of::<connections::ListConnections>(),
    Entry::of::<connections::EndConnection>(),
    Entry::of::<connections::ClearConnections>(),
];

/// Why there is nothing, in the words that programs read (RFC 6749, 7591, 8707).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refusal {
    pub error: &'static str,
    /// For whoever writes the program.
    #[serde(rename = "error_description")]
    pub description: String,
}

impl Refusal {
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Refusal { error, description: description.into() }
    }

    pub fn request(description: impl Into<String>) -> Self {
        Refusal::new("invalid_request", description)
    }

    /// One word for whatever is wrong with a code or token, so that nobody learns which it was.
    fn grant(description: &str) -> Self {
        Refusal::new("invalid_grant", description)
    }
}

/// What was asked for, or why not. Both are committed: a refusal may have ended a connection.
pub type Outcome<T> = std::result::Result<T, Refusal>;

impl<T: Answer> Answer for Outcome<T> {
    const SECRET: bool = T::SECRET;
}

/// Why a step went no further: in the words of OAuth, or for a reason that has none there.
pub enum Stop {
    Refused(Refusal),
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

fn outcome<T>(reached: std::result::Result<T, Stop>) -> Result<Outcome<T>> {
    match reached {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Names and values as a program sent them. Each at most once, and none so long that it can only be mischief; names that
/// nobody knows are passed over, as the standard wants it.
#[derive(Debug, Default)]
pub struct Parameters(HashMap<String, String>);

/// Characters of one value.
const LONGEST: usize = 2_000;

impl Parameters {
    pub fn read<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Outcome<Self> {
        const KNOWN: &[&str] = &[
            "client_id",
            "client_secret",
            "code",
            "code_challenge",
            "code_challenge_method",
            "code_verifier",
            "grant_type",
            "redirect_uri",
            "refresh_token",
            "resource",
            "response_mode",
            "response_type",
            "scope",
            "state",
            "token",
        ];
        let mut known = HashMap::new();
        for (name, value) in pairs.filter(|(name, _)| KNOWN.contains(name)) {
            if value.chars().count() > LONGEST {
                return Err(Refusal::request(format!("{name} is longer than {LONGEST} characters")));
            }
            if known.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(Refusal::request(format!("{name} is given twice")));
            }
        }
        // To say nothing and to leave it out is the same.
        known.retain(|_, value| !value.is_empty());
        Ok(Parameters(known))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub fn demand(&self, name: &str) -> Outcome<&str> {
        self.get(name).ok_or_else(|| Refusal::request(format!("{name} is missing")))
    }
}

/// What a token is for: this server's `/mcp`, however the program writes it. Tokens for anything else are not given.
pub fn resource(base: &str, asked: Option<&str>) -> Outcome<String> {
    let own = format!("{base}/mcp");
    match asked.map(|asked| asked.strip_suffix('/').unwrap_or(asked)) {
        None => Ok(own),
        Some(asked) if asked == own || asked == base => Ok(own),
        Some(_) => Err(Refusal::new("invalid_target", format!("resource must be {own}"))),
    }
}

/// The scopes that a program asks for, as far as they mean something here: some ask for `openid` and the like as well.
pub fn asked_scopes(text: &str) -> Option<Scopes> {
    let words: Vec<&str> = text.split(' ').filter(|word| Scopes::parse(word).is_ok()).collect();
    Scopes::parse(&words.join(" ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_given_once_and_is_no_book() {
        let read = |pairs: &[(&str, &str)]| Parameters::read(pairs.iter().copied());
        let fine = read(&[("state", "a"), ("scope", ""), ("strange", "1"), ("strange", "2")]).unwrap();
        assert_eq!((fine.get("state"), fine.get("scope"), fine.get("strange")), (Some("a"), None, None));
        assert!(read(&[("state", "a"), ("state", "a")]).unwrap_err().description.contains("state is given twice"));
        assert_eq!(read(&[("state", &"x".repeat(LONGEST + 1))]).unwrap_err().error, "invalid_request");
        assert!(read(&[("state", &"ü".repeat(LONGEST))]).is_ok());
    }

    #[test]
    fn a_token_is_for_this_server_and_no_other() {
        let base = "https://sally.example.com";
        for own in [None, Some("https://sally.example.com"), Some("https://sally.example.com/mcp/")] {
            assert_eq!(resource(base, own).unwrap(), "https://sally.example.com/mcp");
        }
        for foreign in [
            "https://sally.example.com/mcp2",
            "http://sally.example.com/mcp",
            "https://sally.example.com.evil.example/mcp",
        ] {
            assert_eq!(resource(base, Some(foreign)).unwrap_err().error, "invalid_target");
        }
    }

    #[test]
    fn scopes_that_mean_nothing_here_are_passed_over() {
        assert_eq!(asked_scopes("openid mcp:tools:read offline_access").unwrap().to_string(), "*:read");
        assert_eq!(asked_scopes("openid profile"), None);
    }
}
