//! When is an agent about to be taken away?
//!
//! An operator announces maintenance by its beginning. The master says it in offers and asks for
//! resources back by inverse offers; these are accepted. Tasks that are there may end by
//! themselves; those that still run at the beginning are killed and launched elsewhere.
//! Source: MESOS "Maintenance Primitives".

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::v1::{InverseOffer, OfferId, Unavailability};

use crate::{Call, Effects, Engine, Notice, Time};

/// How long not to be asked the same again, and not to be offered what is about to be taken away.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(60);

/// When an agent is to be left, by agent.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    of: BTreeMap<String, Leave>,
}

#[derive(Debug)]
struct Leave {
    asked_by: OfferId,
    at: Time,
}

impl Leaving {
    /// When the next agent is to be left.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.of.values().map(|leave| leave.at).min()
    }

    /// Takes note of a wish. True unless it was known.
    fn wish(&mut self, agent: &str, asked_by: OfferId, at: Time) -> bool {
        let before = self.of.insert(agent.to_owned(), Leave { asked_by, at });
        before.is_none_or(|before| before.at.abs_diff(at) > Duration::from_secs(1))
    }

    /// No agent is to be left, until somebody asks for it again.
    pub(crate) fn forget(&mut self) {
        self.of.clear();
    }

    fn rescind(&mut self, id: &OfferId) {
        self.of.retain(|_, leave| leave.asked_by != *id);
    }

    fn pop_due(&mut self, now: Time) -> Option<String> {
        let due = self.of.iter().find(|(_, leave)| leave.at <= now);
        let agent = due.map(|(agent, _)| agent.clone())?;
        self.of.remove(&agent);
        Some(agent)
    }
}

/// From when to when an agent is away, for an engine whose time began at `unix_start`. `None` is
/// without an end.
fn window(of: &Unavailability, unix_start: Duration) -> (Time, Option<Time>) {
    let nanos = |number: i64| Duration::from_nanos(u64::try_from(number).unwrap_or(0));
    let start = nanos(of.start.nanoseconds);
    let end = of.duration.map(|duration| start.saturating_add(nanos(duration.nanoseconds)));
    let moment = |since_1970: Duration| since_1970.saturating_sub(unix_start);
    (moment(start), end.map(moment))
}

/// Whether a task that begins now and takes no longer than `horizon` would be in the way.
pub(crate) fn hinders(
    of: &Unavailability,
    unix_start: Duration,
    now: Time,
    horizon: Duration,
) -> bool {
    let (start, end) = window(of, unix_start);
    start <= now.saturating_add(horizon) && end.is_none_or(|end| end > now)
}

impl Engine {
    /// Accepts every wish, and remembers until when each agent may be used.
    pub(crate) fn inverse_offers(&mut self, fx: &mut Effects, wishes: Vec<InverseOffer>) {
        if !self.online || wishes.is_empty() {
            return;
        }
        let offer_ids = wishes.iter().map(|wish| wish.id.clone()).collect();
        fx.calls.push(Call::AcceptInverse { offer_ids, refuse: ASK_AGAIN });
        for wish in wishes {
            let Some(agent_id) = wish.agent_id else { continue };
            let (start, _) = window(&wish.unavailability, self.settings.unix_start);
            if self.leaving.wish(&agent_id.value, wish.id, start) {
                let tasks = self.batches.running_on(&agent_id.value).count();
                let starts_in = start.saturating_sub(self.now);
                fx.notices.push(Notice::Maintenance { agent_id, starts_in, tasks });
            }
        }
    }

    /// The operator has thought better of it.
    pub(crate) fn inverse_offer_rescinded(&mut self, id: &OfferId) {
        self.leaving.rescind(id);
    }

    /// Has tasks launched elsewhere that have not ended when their agent is taken away.
    pub(crate) fn leave_agents(&mut self, fx: &mut Effects) {
        while let Some(agent) = self.leaving.pop_due(self.now) {
            for attempt in self.batches.running_on(&agent).collect::<Vec<_>>() {
                self.kill(fx, attempt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos::v1::{DurationInfo, TimeInfo};

    const START: Duration = Duration::from_secs(1_000_000);

    fn from(second: i64, seconds: Option<i64>) -> Unavailability {
        Unavailability {
            start: TimeInfo { nanoseconds: (1_000_000 + second) * 1_000_000_000 },
            duration: seconds.map(|s| DurationInfo { nanoseconds: s * 1_000_000_000 }),
        }
    }

    fn hinders_at(of: &Unavailability, now: u64) -> bool {
        hinders(of, START, Time::from_secs(now), Duration::from_secs(60))
    }

    #[test]
    fn an_agent_is_left_alone_from_some_time_before_until_the_end() {
        let hour = from(3_600, Some(600));
        let at = [0, 3_539, 3_540, 4_000, 4_199, 4_200].map(|now| hinders_at(&hour, now));
        assert_eq!(at, [false, false, true, true, true, false]);
        assert!(hinders_at(&from(-5, None), 1_000_000));
        assert!(!hinders_at(&from(i64::MAX / 1_000_000_000 - 1_000_001, None), 0));
    }

    #[test]
    fn a_wish_that_is_repeated_is_no_news_and_may_be_taken_back() {
        let mut leaving = Leaving::default();
        assert!(leaving.wish("a", "1".into(), Time::from_secs(5)));
        assert!(!leaving.wish("a", "2".into(), Time::from_secs(5)));
        assert!(leaving.wish("a", "3".into(), Time::from_secs(50)));
        leaving.rescind(&"2".into());
        assert_eq!(leaving.next_due(), Some(Time::from_secs(50)));
        leaving.rescind(&"3".into());
        assert_eq!(leaving.pop_due(Time::MAX), None);
    }
}
