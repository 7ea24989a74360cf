//! Whether the machine's clock is to be believed. It can be set wrong by hand, by a dead battery or by a server of time, and be
//! set right again. Meanwhile times are wrong; but nothing must be gone afterwards, and nothing must live for years.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::Result;
use super::id::Id;
use super::store::{Acting, ChangeSet, Store, act, acted, optional, run};
use super::time::Moment;

/// As far as a clock is out when something is wrong. A computer that has slept finds its clock ahead too, by a night or so.
const LEAP_MS: i64 = 24 * 3_600_000;
/// A file that nobody has written for longer is either not in use, or the clock has gone ahead while nobody looked.
const LONG_UNUSED_MS: i64 = 7 * LEAP_MS;
/// After a leap nothing is cleared away for its age for so long: it may have been a mistake.
const BELIEVED_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// The machine's clock, as it was seen from time to time.
pub struct Clock(Mutex<Seen>);

struct Seen {
    at: Instant,
    moment: Moment,
    /// When it leapt last, as far as that is not long ago.
    leapt: Option<Instant>,
    /// What was dated while it was ahead is still to be found.
    is_to_be_set_right: bool,
}

impl Clock {
    pub(super) fn new(store: &Store) -> Self {
        const LAST: &str = "select at from change_set where id < ?1 order by id desc limit 1";
        let (at, moment) = (Instant::now(), Moment::now());
        let yesterday = Id::<ChangeSet>::floor(moment.ms() - LEAP_MS).raw();
        let last =
            |before: i64| store.read(|reading| optional(reading.conn(), LAST, [before], |row| row.take())).ok()?;
        Clock::beginning(at, moment, last(i64::MAX), last(yesterday))
    }

    /// What was written before the last day tells also after a start, or two, with a clock that is ahead.
    fn beginning(at: Instant, moment: Moment, last: Option<Moment>, before_yesterday: Option<Moment>) -> Self {
        let behind = last.filter(|last| last.ms() - moment.ms() > LEAP_MS);
        let ahead = before_yesterday.filter(|last| moment.ms() - last.ms() > LONG_UNUSED_MS);
        if let Some(last) = behind {
            log::warn!("it is {moment}, and the file was in use at {last}; nothing is cleared away for a day");
        } else if let Some(last) = ahead {
            log::info!(
                "the file was in use at {last}, long ago or by another clock; nothing is cleared away for a day"
            );
        }
        let leapt = behind.or(ahead).map(|_| at);
        Clock(Mutex::new(Seen { at, moment, leapt, is_to_be_set_right: true }))
    }

    /// Has it gone as it should, for long enough?
    pub fn is_believed(&self) -> bool {
        self.look(Instant::now(), Moment::now())
    }

    fn look(&self, at: Instant, moment: Moment) -> bool {
        let mut seen = self.seen();
        let passed = at.saturating_duration_since(seen.at).as_millis() as i64;
        let ahead_ms = moment.ms() - seen.moment.ms() - passed;
        if ahead_ms.abs() > LEAP_MS {
            log::warn!(
                "the clock has leapt by {} hours to {moment}; nothing is cleared away for a day",
                ahead_ms / 3_600_000
            );
            (seen.leapt, seen.is_to_be_set_right) = (Some(at), true);
        }
        (seen.at, seen.moment) = (at, moment);
        if seen.leapt.is_some_and(|leapt| at.saturating_duration_since(leapt) >= BELIEVED_AFTER) {
            seen.leapt = None;
        }
        seen.leapt.is_none()
    }

    /// For the first time since it was believed?
    pub(super) fn is_to_be_set_right(&self) -> bool {
        self.seen().is_to_be_set_right
    }

    pub(super) fn is_set_right(&self) {
        self.seen().is_to_be_set_right = false;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is dated later than now was dated by a clock that was ahead; it would live until then, and for its time from then on.
/// It counts from now.
pub(super) fn set_right(conn: &Connection, now: Moment) -> Result<()> {
    const EXPIRING: &[&str] = &["session", "oauth_code", "oauth_token", "one_time_link", "sign_in_challenge", "invite"];
    act(conn, &Acting::alone(now, "clock.set_right"))?;
    for table in EXPIRING {
        let sql = format!(
            "update {table} set expires_at = ?1 + (expires_at - created_at), created_at = ?1 where created_at > ?1"
        );
        run(conn, &sql, [now])?;
    }
    for (table, column) in [
        ("idempotent_answer", "created_at"),
        ("oauth_client", "created_at"),
        ("mcp_session", "last_used_at"),
        ("import", "updated_at"),
    ] {
        run(conn, &format!("update {table} set {column} = ?1 where {column} > ?1"), [now])?;
    }
    acted(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_leaps_is_not_believed_for_a_day() {
        const HOUR: Duration = Duration::from_secs(3_600);
        let (start, first) = (Instant::now(), Moment::now());
        let clock = Clock::beginning(start, first, None, None);
        let after = |hours: u32, ahead_days: i64| {
            clock.look(start + HOUR * hours, first.plus_seconds(i64::from(hours) * 3_600).plus_days(ahead_days))
        };
        assert!(after(0, 0) && after(1, 0));
        // It sleeps for a night.
        assert!(clock.look(start + HOUR, first.plus_seconds(12 * 3_600)) && clock.look(start + HOUR, first));
        clock.is_set_right();
        assert!(!after(2, 365) && clock.is_to_be_set_right());
        assert!(!after(25, 365) && after(26, 365), "a day later there is nothing but to believe it");
        assert!(!after(27, 0) && !after(50, 0) && after(51, 0));
        for (last, before, is_believed) in [(2, 2, false), (0, -2, true), (-6, -6, true), (0, -400, false)] {
            let [last, before] = [last, before].map(|days| Some(first.plus_days(days)));
            let clock = Clock::beginning(start, first, last, before);
            assert_eq!(clock.look(start, first), is_believed, "{last:?}, {before:?}");
        }
    }
}
