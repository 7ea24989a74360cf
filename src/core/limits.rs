//! How much of what is dear anybody gets: sign-in attempts, password hashes at a time.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::caller::Account;
use super::config::Config;
use super::error::{Error, Result};
use super::id::Id;
use super::secret::TokenHash;

/// The limits of one server.
pub struct Limits {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    by_account: DefaultKeyedRateLimiter<String>,
    codes_by_account: DefaultKeyedRateLimiter<i64>,
    codes_by_challenge: DefaultKeyedRateLimiter<TokenHash>,
    clock: DefaultClock,
    /// Argon2 takes 19 MiB and a core for each: two at a time leave the rest of the server alone.
    pub slow_hashes: Arc<tokio::sync::Semaphore>,
    /// One backup at a time is enough.
    pub backups: tokio::sync::Semaphore,
}

/// After ten codes of an account, one each ten minutes.
const CODE_EVERY: Duration = Duration::from_secs(600);
const CODES: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
/// Longer than any challenge is good for, so that it never gets a sixth.
const CHALLENGE_LIVES: Duration = Duration::from_secs(3_600);
const CODES_OF_A_CHALLENGE: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

fn one_each(period: Duration, at_once: NonZeroU32) -> Quota {
    Quota::with_period(period).expect("a period longer than nothing").allow_burst(at_once)
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        let attempts = NonZeroU32::new(config.sign_in_attempts_per_minute).unwrap_or(NonZeroU32::MIN);
        Limits {
            by_address: RateLimiter::keyed(Quota::per_minute(attempts)),
            by_account: RateLimiter::keyed(Quota::per_minute(attempts)),
            codes_by_account: RateLimiter::keyed(one_each(CODE_EVERY, CODES)),
            codes_by_challenge: RateLimiter::keyed(one_each(CHALLENGE_LIVES, CODES_OF_A_CHALLENGE)),
            clock: DefaultClock::default(),
            slow_hashes: Arc::new(tokio::sync::Semaphore::new(2)),
            backups: tokio::sync::Semaphore::new(1),
        }
    }

    /// One attempt of the address, then one at the account; 429 when either has had too many. An address that has used
    /// its own up costs the account nothing more.
    pub fn sign_in(&self, email: &str, address: Option<IpAddr>) -> Result<()> {
        let tried = address.map_or(Ok(()), |address| self.by_address.check_key(&address));
        let tried = tried.and_then(|()| self.by_account.check_key(&email.to_owned()));
        tried.map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now()).as_secs() as u32 + 1;
            Error::too_many(format!("Too many attempts to sign in. Try again in {wait} seconds."), wait)
        })
    }

    /// One code tried for the account. There are a million codes and three of them fit at a time, so a minute's pause, as
    /// for passwords, would let somebody who has the password get in within days.
    pub fn code(&self, account: Id<Account>) -> Result<()> {
        self.codes_by_account.check_key(&account.raw()).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now()).as_secs() as u32 + 1;
            let minutes = wait.div_ceil(60);
            Error::too_many(format!("Too many codes were tried. Try again in {minutes} minutes."), wait)
        })
    }

    /// One code tried at a sign-in; false once it has had its number.
    pub fn code_of_challenge(&self, challenge: TokenHash) -> bool {
        self.codes_by_challenge.check_key(&challenge).is_ok()
    }

    /// Drops what is remembered of those who have been calm; called by the clock, so memory stays bounded.
    pub(super) fn forget_the_calm(&self) {
        self.by_address.retain_recent();
        self.by_account.retain_recent();
        self.codes_by_account.retain_recent();
        self.codes_by_challenge.retain_recent();
    }
}
