//! Tokens and passwords: random, shown once, kept as hashes.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sha2::{Digest, Sha256};

use super::error::{Error, Result};

/// SHA-256 of a token: what the database holds and what is looked up. 256 random bits need no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    pub fn of(token: &str) -> Self {
        TokenHash(Sha256::digest(token.as_bytes()).into())
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl ToSql for TokenHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_slice()))
    }
}

impl FromSql for TokenHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_blob()?.try_into().map(TokenHash).map_err(|_| FromSqlError::InvalidType)
    }
}

pub fn random_bytes<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// `BYTES` random bytes as base64url text.
fn random_text<const BYTES: usize>() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<BYTES>())
}

/// 256 random bits: sessions and links that work once.
pub fn session_token() -> String {
    random_text::<32>()
}

/// A key as people see it once: its prefix tells what it is for, 192 random bits make it unguessable.
pub fn key_token(prefix: &str) -> String {
    format!("{prefix}{}", random_text::<24>())
}

/// A password nobody has to think up; it meets [`check_password`].
pub fn made_up_password() -> String {
    loop {
        let password = random_text::<15>();
        if check_password(&password).is_ok() {
            return password;
        }
    }
}

/// At least 12 characters with upper, lower, digit and symbol; at most 256.
pub fn check_password(password: &str) -> Result<(), String> {
    let has = |test: fn(char) -> bool| password.chars().any(test);
    let length = password.chars().count();
    let strong = (12..=256).contains(&length)
        && has(char::is_lowercase)
        && has(char::is_uppercase)
        && has(|c| c.is_ascii_digit())
        && has(|c| !c.is_alphanumeric());
    if strong {
        return Ok(());
    }
    Err("needs 12 to 256 characters with an upper-case letter, a lower-case letter, a digit and a symbol".into())
}

/// Argon2id with the library's defaults (19 MiB, 2 passes): about 25 ms of CPU. Never on the writer thread.
pub fn hash_password(password: &str) -> Result<String> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(Error::internal)
}

/// Compares in the same time whether the account exists, has a password, or neither.
pub fn password_fits(password: &str, stored: Option<&str>) -> bool {
    // A hash of nothing anybody can type, with the parameters of the real ones.
    const NOBODYS: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsbHktbm9ib2R5LXNhbHQ$Pn/CN9vDkJOSjTZ1cGhOFwYYT5UMk2f2CKoLUBNWEC0";
    let phc = stored.unwrap_or(NOBODYS);
    let fits =
        PasswordHash::new(phc).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    fits && stored.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_only_its_own_hash() {
        let hash = hash_password("Correct-horse-7").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(password_fits("Correct-horse-7", Some(&hash)));
        assert!(!password_fits("correct-horse-7", Some(&hash)));
        assert!(!password_fits("Correct-horse-7", None));
        assert!(!password_fits("Correct-horse-7", Some("not a hash")));
    }

    #[test]
    fn weak_passwords_are_refused() {
        for weak in ["Short-1a", "alllowercase-1", "ALLUPPER-1234", "NoDigits-here", "NoSymbol12345", ""] {
            assert!(check_password(weak).is_err(), "{weak}");
        }
        assert!(check_password(&made_up_password()).is_ok());
    }
}
