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
    sign_in: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    /// Argon2 takes 19 MiB and a core for each: two at a time leave the rest of the server alone.
    pub slow_hashes: Arc<tokio::sync::Semaphore>,
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        let attempts = NonZeroU32::new(config.sign_in_attempts_per_minute).unwrap_or(NonZeroU32::MIN);
        Limits {
            sign_in: RateLimiter::keyed(Quota::per_minute(attempts)),
            clock: DefaultClock::default(),
            slow_hashes: Arc::new(tokio::sync::Semaphore::new(2)),
        }
    }

    /// One attempt for the account and one for the address; 429 when either has had too many.
    pub fn sign_in(&self, email: &str, address: Option<IpAddr>) -> Result<()> {
        let address = address.map(|address| format!("from {address}"));
        for key in std::iter::once(email.to_owned()).chain(address) {
            if let Err(not_until) = self.sign_in.check_key(&key) {
                let wait = not_until.wait_time_from(self.clock.now()).as_secs() as u32 + 1;
                return Err(Error::too_many(
                    format!("Too many attempts to sign in. Try again in {wait} seconds."),
                    wait,
                ));
            }
        }
        Ok(())
    }

    /// Drops what is remembered of those who have been calm; called by the clock, so memory stays bounded.
    pub(super) fn forget_the_calm(&self) {
        self.sign_in.retain_recent();
        self.sign_in.shrink_to_fit();
    }
}
