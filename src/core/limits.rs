//! How much of what is dear anybody gets: sign-ins, password resets, invitations, writes, MCP calls, programs that register,
//! password hashes at a time.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::caller::{AccessKey, Account, Caller, Identity, Workspace};
use super::config::Config;
use super::error::{Error, Result};
use super::id::Id;
use super::secret::TokenHash;

/// The limits of one server.
pub struct Limits {
    sign_ins: Limit,
    resets: Limit,
    writes: Limit,
    mcp_calls: Limit,
    codes: Limit,
    codes_of_challenges: Limit,
    invitations: Limit,
    registrations: Limit,
    authorizations: Limit,
    /// Documents of programs that are read from the internet at a time.
    pub fetches: Arc<Semaphore>,
    /// Argon2 takes 19 MiB and a core for each: two at a time leave the rest of the server alone.
    pub slow_hashes: Arc<Semaphore>,
    /// One backup at a time is enough; when the last was taken, or the server started.
    pub backups: Mutex<Instant>,
    /// When the newest one in the folder was taken, as the clock saw last, in milliseconds since 1970; 0: there is none.
    pub newest_backup: AtomicI64,
    /// KiB that larger bodies may take together while they arrive.
    bodies: Semaphore,
}

/// Whoever is not known may send no more than this. Of bodies that are larger, …
pub const SMALL_BODY_KIB: usize = 16;
/// … all that are on their way take no more than this, or than two of the largest: a thousand people who each send nearly a
/// whole MiB, slowly, would take a GiB.
const BODIES_KIB: usize = 64 << 10;

/// After ten codes of an account, one each ten minutes.
const CODE_EVERY: Duration = Duration::from_secs(600);
const CODES: u32 = 10;
/// Longer than any challenge is good for, so that it never gets a sixth.
const CHALLENGE_LIVES: Duration = Duration::from_secs(3_600);
const CODES_OF_A_CHALLENGE: u32 = 5;

fn one_each(period: Duration, at_once: NonZeroU32) -> Quota {
    Quota::with_period(period).expect("a period longer than nothing").allow_burst(at_once)
}

fn per_day(most: NonZeroU32) -> Quota {
    one_each(Duration::from_secs(24 * 3_600) / most.get(), most)
}

/// Whose share something is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who<'a> {
    /// An IPv4 address, or the first half of an IPv6 one: whoever has one of those has all of its network.
    Address(IpAddr),
    Email(&'a str),
    Account(Id<Account>),
    Workspace(Id<Workspace>),
    Key(Id<AccessKey>),
    Token(TokenHash),
}

impl Who<'_> {
    fn at(address: IpAddr) -> Self {
        Who::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address => address,
        })
    }
}

/// People count longer times in minutes.
const LONGEST_IN_SECONDS: u32 = 120;

/// So much at once, and as much again within the same time.
struct Limit {
    /// `Too many …`
    what: &'static str,
    /// `None`: switched off.
    limiter: Option<RateLimiter<u64, Slots, DefaultClock>>,
    hasher: RandomState,
}

impl Limit {
    fn new(what: &'static str, quota: fn(NonZeroU32) -> Quota, most: u32) -> Self {
        let limiter =
            NonZeroU32::new(most).map(|most| RateLimiter::new(quota(most), Slots::new(), DefaultClock::default()));
        Limit { what, limiter, hasher: RandomState::new() }
    }

    /// Takes one from the share of each, in this order, and nothing from those behind one that has used its own up.
    fn take(&self, all: &[Option<Who<'_>>]) -> Result<()> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        for who in all.iter().flatten() {
            limiter.check_key(&self.hasher.hash_one(who)).map_err(|not_until| {
                let wait = not_until.wait_time_from(limiter.clock().now()).as_secs() as u32 + 1;
                let span = match wait {
                    ..=LONGEST_IN_SECONDS => format!("{wait} seconds"),
                    _ => format!("{} minutes", wait.div_ceil(60)),
                };
                Error::too_many(format!("Too many {}. Try again in {span}.", self.what), wait)
            })?;
        }
        Ok(())
    }
}

/// What is remembered, in as much memory as ever: a million addresses take no more than one. Two that meet in a slot
/// share what one may; nobody can aim at another's slot, as the hash is seeded anew with each start.
struct Slots(Box<[InMemoryState]>);

impl Slots {
    const MANY: usize = 1 << 14;

    fn new() -> Self {
        Slots(std::iter::repeat_with(InMemoryState::default).take(Slots::MANY).collect())
    }
}

impl StateStore for Slots {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, hash: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0[*hash as usize % Slots::MANY].measure_and_replace(&NotKeyed::NonKey, decide)
    }
}

/// What a body takes of what all may take together, given back when it has arrived or broken off.
pub struct Room<'a> {
    bodies: &'a Semaphore,
    taken: Option<SemaphorePermit<'a>>,
}

impl Room<'_> {
    /// The body has grown to so many bytes; 503 where too many others are as large.
    pub fn grow(&mut self, bytes: usize) -> Result<()> {
        let wanted = (bytes / 1_024).saturating_sub(SMALL_BODY_KIB);
        let taken = self.taken.as_ref().map_or(0, SemaphorePermit::num_permits);
        if wanted <= taken {
            return Ok(());
        }
        let more = self.bodies.try_acquire_many((wanted - taken) as u32);
        let more = more.map_err(|_| Error::busy("Too many large requests are arriving. Try again in a moment."))?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        Limits {
            sign_ins: Limit::new("attempts to sign in", Quota::per_minute, config.sign_in_attempts_per_minute),
            resets: Limit::new("password resets", Quota::per_hour, config.password_resets_per_hour),
            writes: Limit::new("changes", Quota::per_minute, config.writes_per_minute),
            mcp_calls: Limit::new("MCP calls", Quota::per_minute, config.mcp_calls_per_minute),
            codes: Limit::new("codes were tried", |most| one_each(CODE_EVERY, most), CODES),
            codes_of_challenges: Limit::new(
                "codes were tried",
                |most| one_each(CHALLENGE_LIVES, most),
                CODES_OF_A_CHALLENGE,
            ),
            invitations: Limit::new("invitations were mailed today", per_day, config.invitations_per_day),
            registrations: Limit::new("registrations", Quota::per_hour, config.oauth_registrations_per_hour),
            authorizations: Limit::new("requests", Quota::per_minute, config.oauth_requests_per_minute),
            fetches: Arc::new(Semaphore::new(4)),
            slow_hashes: Arc::new(Semaphore::new(2)),
            backups: Mutex::new(Instant::now()),
            newest_backup: AtomicI64::new(0),
            bodies: Semaphore::new(BODIES_KIB.max(config.upload_body_limit() / 512)),
        }
    }

    /// Where a body that arrives is kept.
    pub fn room_for_body(&self) -> Room<'_> {
        Room { bodies: &self.bodies, taken: None }
    }

    /// One attempt of the address, then one at the account; 429 when either has had too many. An address that has used
    /// its own up costs the account nothing more.
    pub fn sign_in(&self, email: &str, address: Option<IpAddr>) -> Result<()> {
        self.sign_ins.take(&[address.map(Who::at), Some(Who::Email(email))])
    }

    /// One attempt of the address, where nobody has said yet who they are.
    pub fn sign_in_from(&self, address: Option<IpAddr>) -> Result<()> {
        self.sign_ins.take(&[address.map(Who::at)])
    }

    /// One code tried for the account. There are a million codes and three of them fit at a time, so a minute's pause, as
    /// for passwords, would let somebody who has the password get in within days.
    pub fn code(&self, account: Id<Account>) -> Result<()> {
        self.codes.take(&[Some(Who::Account(account))])
    }

    /// One code tried at a sign-in; false once it has had its number.
    pub fn code_of_challenge(&self, challenge: TokenHash) -> bool {
        self.codes_of_challenges.take(&[Some(Who::Token(challenge))]).is_ok()
    }

    /// One link to a new password, asked for or used; the e-mail where it is known.
    pub fn reset(&self, email: Option<&str>, address: Option<IpAddr>) -> Result<()> {
        self.resets.take(&[address.map(Who::at), email.map(Who::Email)])
    }

    /// One change by whoever it is.
    pub(super) fn write(&self, identity: &Identity, address: Option<IpAddr>) -> Result<()> {
        let key = identity.key().map(|key| Who::Key(key.id));
        let account = identity.account.as_ref().map(|account| Who::Account(account.id));
        self.writes.take(&[address.map(Who::at), key, account])
    }

    /// One message of an MCP client, before anything is looked up for it.
    pub fn mcp_call(&self, key: TokenHash, address: Option<IpAddr>) -> Result<()> {
        self.mcp_calls.take(&[address.map(Who::at), Some(Who::Token(key))])
    }

    /// One invitation that is mailed: by the account, and by the workspace whoever of it asks.
    pub fn invitation(&self, caller: &Caller) -> Result<()> {
        let account = caller.identity.account.as_ref().map(|account| Who::Account(account.id));
        let workspace = caller.workspace.as_ref().map(|workspace| Who::Workspace(workspace.id));
        self.invitations.take(&[account, workspace])
    }

    /// One program of the address that registers itself.
    pub fn registration(&self, address: Option<IpAddr>) -> Result<()> {
        self.registrations.take(&[address.map(Who::at)])
    }

    /// One step of the address on the way to a token.
    pub fn authorization(&self, address: Option<IpAddr>) -> Result<()> {
        self.authorizations.take(&[address.map(Who::at)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_network_is_one_and_what_is_used_up_costs_nobody_else() {
        let config = Config { sign_in_attempts_per_minute: 2, ..Config::default() };
        let limits = Limits::new(&config);
        for last in ["1", "2"] {
            limits.sign_in("ada@example.com", address(&format!("2001:db8:0:7::{last}"))).unwrap();
        }
        let refused = limits.sign_in("ben@example.com", address("2001:db8:0:7:ffff::3")).unwrap_err();
        assert_eq!((refused.status(), refused.retry_after_seconds().is_some_and(|wait| wait <= 60)), (429, true));
        assert!(refused.detail().ends_with(" seconds."), "{refused}");
        limits.sign_in("ben@example.com", address("2001:db8:0:8::3")).unwrap();
        limits.sign_in("ben@example.com", address("192.0.2.1")).unwrap();
        // The account has had its two by now, wherever the third comes from.
        assert_eq!(limits.sign_in("ada@example.com", address("192.0.2.1")).unwrap_err().status(), 429);
        // An IPv4 address is the same one however it is written.
        assert_eq!(limits.sign_in("eve@example.com", address("::ffff:192.0.2.1")).unwrap_err().status(), 429);
    }

    #[test]
    fn large_bodies_share_their_room_and_small_ones_always_have_some() {
        let limits = Limits::new(&Config::default());
        let mut rooms = Vec::new();
        let refused = loop {
            let mut room = limits.room_for_body();
            let grown = (1..=4).try_for_each(|mib| room.grow(mib << 20));
            match grown {
                Ok(()) => rooms.push(room),
                Err(refused) => break refused,
            }
        };
        assert_eq!((refused.status(), rooms.len() >= 16), (503, true));
        let mut one_more = limits.room_for_body();
        one_more.grow(SMALL_BODY_KIB * 1_024).unwrap();
        assert_eq!(one_more.grow(5 << 20).unwrap_err().status(), 503);
        drop(rooms);
        one_more.grow(25 << 20).unwrap();
    }

    #[test]
    fn none_is_switched_off() {
        let limits = Limits::new(&Config { sign_in_attempts_per_minute: 0, ..Config::default() });
        for _ in 0..10_000 {
            limits.sign_in("ada@example.com", address("192.0.2.1")).unwrap();
        }
    }
}
