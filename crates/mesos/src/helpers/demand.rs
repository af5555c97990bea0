//! When to revive and when to suppress offers.

use std::time::Duration;

use crate::session::Time;

/// How many REVIVE calls may follow each other without a wait.
const BURST: u32 = 3;
/// After how long another one is allowed.
const INTERVAL: Duration = Duration::from_secs(1);

/// A call for the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `Calls::revive`.
    Revive,
    /// `Calls::suppress`.
    Suppress,
}

/// The demand for offers: SUPPRESS once when there is nothing to do, REVIVE when there is,
/// but not too often, as each one makes the master allocate anew for all frameworks.
///
/// Three may follow each other at once, then one a second. Nothing needs to be done about
/// reconnects: `scheduler::Calls` keep what was wished for.
#[derive(Debug, Clone)]
pub struct Demand {
    burst: u32,
    interval: Duration,
    /// How many may follow now.
    left: u32,
    /// Since when another one is being waited for.
    since: Time,
    revive: bool,
    idle: bool,
    suppressed: bool,
}

impl Default for Demand {
    fn default() -> Self {
        Self::throttled(BURST, INTERVAL)
    }
}

impl Demand {
    /// Allows `burst` calls of REVIVE at once, at least one, and another after each `interval`.
    #[must_use]
    pub fn throttled(burst: u32, interval: Duration) -> Self {
        let burst = burst.max(1);
        Self {
            burst,
            interval,
            left: burst,
            since: Time::ZERO,
            revive: false,
            idle: false,
            suppressed: false,
        }
    }

    /// Work or room for it has appeared: offers are wanted soon.
    pub fn want(&mut self) {
        self.revive = true;
        self.idle = false;
    }

    /// There is nothing to do: offers are of no use.
    pub fn idle(&mut self) {
        self.revive = false;
        self.idle = true;
    }

    /// The call to make now, if any. Call it again at [`wake_at`](Self::wake_at).
    pub fn due(&mut self, now: Time) -> Option<Wish> {
        if self.idle {
            return (!std::mem::replace(&mut self.suppressed, true)).then_some(Wish::Suppress);
        }
        self.refill(now);
        if !self.revive || self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.revive = false;
        self.suppressed = false;
        Some(Wish::Revive)
    }

    /// When a call that is being held back is due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        self.revive.then(|| if self.left > 0 { self.since } else { self.since + self.interval })
    }

    fn refill(&mut self, now: Time) {
        while self.left < self.burst && self.since + self.interval <= now {
            self.left += 1;
            self.since += self.interval;
        }
        if self.left == self.burst {
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn suppress_is_said_once_and_revive_takes_it_back() {
        let mut demand = Demand::default();
        assert_eq!(demand.due(at(0)), None);
        demand.idle();
        assert_eq!(demand.due(at(0)), Some(Wish::Suppress));
        demand.idle();
        assert_eq!(demand.due(at(1)), None);
        demand.want();
        assert_eq!(demand.due(at(2)), Some(Wish::Revive));
        assert_eq!(demand.due(at(3)), None);
        demand.idle();
        assert_eq!(demand.due(at(4)), Some(Wish::Suppress));
    }

    #[test]
    fn revives_beyond_the_burst_wait_for_their_time() {
        let mut demand = Demand::default();
        let mut revived = Vec::new();
        for millis in (0..6000).step_by(100) {
            demand.want();
            if demand.due(at(10_000 + millis)).is_some() {
                revived.push(millis);
            }
        }
        assert_eq!(revived, [0, 100, 200, 1000, 2000, 3000, 4000, 5000]);
    }

    #[test]
    fn a_revive_that_is_held_back_says_when_it_is_due() {
        let mut demand = Demand::throttled(1, Duration::from_secs(2));
        demand.want();
        assert_eq!(demand.due(at(5000)), Some(Wish::Revive));
        assert_eq!(demand.wake_at(), None);
        demand.want();
        assert_eq!(demand.due(at(5001)), None);
        assert_eq!(demand.wake_at(), Some(at(7000)));
        assert_eq!(demand.due(at(7000)), Some(Wish::Revive));
    }

    #[test]
    fn after_a_long_rest_no_more_than_the_burst_is_saved_up() {
        let mut demand = Demand::throttled(2, Duration::from_secs(1));
        let mut count = 0;
        for _ in 0..10 {
            demand.want();
            count += u32::from(demand.due(at(1_000_000)).is_some());
        }
        assert_eq!(count, 2);
    }
}
