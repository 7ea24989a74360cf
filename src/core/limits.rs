//! How much of what is dear anybody gets: sign-in attempts, password hashes at a time.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::config::Config;
use super::error::{Error, Result};

/// The limits of one server.
pub struct Limits {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    by_account: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    /// Argon2 takes 19 MiB and a core for each: two at a time leave the rest of the server alone.
    pub slow_hashes: Arc<tokio::sync::Semaphore>,
    /// One backup at a time is enough.
    pub backups: tokio::sync::Semaphore,
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        let attempts = NonZeroU32::new(config.sign_in_attempts_per_minute).unwrap_or(NonZeroU32::MIN);
        Limits {
            by_address: RateLimiter::keyed(Quota::per_minute(attempts)),
            by_account: RateLimiter::keyed(Quota::per_minute(attempts)),
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

    /// Drops what is remembered of those who have been calm; called by the clock, so memory stays bounded.
    pub(super) fn forget_the_calm(&self) {
        self.by_address.retain_recent();
        self.by_account.retain_recent();
    }
}
