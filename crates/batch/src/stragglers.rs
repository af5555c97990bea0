//! Which task has been out for too long?
//!
//! While nothing else is left to launch, a task that takes far longer than tasks do is launched a
//! second time on another agent. Whichever comes first gives the results, and the other is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::deadlines::Deadlines;
use crate::{Attempt, Time};

/// A task is a straggler when it takes so many times as long as tasks do.
const FACTOR: u32 = 3;

/// The tasks that are out, by how long.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    out: BTreeMap<Attempt, Started>,
    /// Those without a second run, by their start.
    alone: Deadlines<Attempt>,
    /// Stragglers that wait for room.
    due: BTreeSet<Attempt>,
    /// How long a task takes, as a moving average.
    usual: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Started {
    launched: Time,
    running: Option<Time>,
    images: usize,
}

/// A task that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lasted {
    /// When it was launched.
    pub(crate) launched: Time,
    /// How many images it was launched with.
    pub(crate) images: usize,
    /// How long it ran, as far as it was seen.
    pub(crate) took: Duration,
}

impl Watch {
    /// A task was launched; or is known from the records, and was out all the time.
    pub(crate) fn launched(&mut self, now: Time, attempt: Attempt, images: usize) {
        let started = Started { launched: now, running: None, images };
        self.out.entry(attempt).or_insert(started);
        self.alone.set(attempt, now);
    }

    /// Whether it is known that this task is out.
    pub(crate) fn knows(&self, attempt: Attempt) -> bool {
        self.out.contains_key(&attempt)
    }

    /// A task says that it runs: what came before was the start of its executor.
    pub(crate) fn runs(&mut self, now: Time, attempt: Attempt) {
        if let Some(started) = self.out.get_mut(&attempt) {
            started.running.get_or_insert(now);
        }
    }

    /// A straggler has its second run, or is one, or needs none as it has reported all images.
    pub(crate) fn paired(&mut self, attempt: Attempt) {
        self.alone.remove(attempt);
        self.due.remove(&attempt);
    }

    /// The second run of a task was lost. From now on it is watched as if it were new.
    pub(crate) fn alone_again(&mut self, now: Time, attempt: Attempt) {
        if self.out.contains_key(&attempt) {
            self.alone.set(attempt, now);
        }
    }

    /// A task is over.
    pub(crate) fn ended(&mut self, now: Time, attempt: Attempt) -> Option<Lasted> {
        self.paired(attempt);
        let started = self.out.remove(&attempt)?;
        let took = now.saturating_sub(started.running.unwrap_or(started.launched));
        Some(Lasted { launched: started.launched, images: started.images, took })
    }

    /// A task went well and took this long.
    pub(crate) fn learn(&mut self, took: Duration) {
        self.usual = Some(self.usual.map_or(took, |usual| usual * 7 / 8 + took / 8));
    }

    /// Finds the stragglers. True if there are new ones.
    pub(crate) fn promote(&mut self, now: Time, at_least: Duration) -> bool {
        let limit = self.limit(at_least);
        let mut any = false;
        while let Some(attempt) =
            now.checked_sub(limit).and_then(|moment| self.alone.pop_due(moment))
        {
            any |= self.due.insert(attempt);
        }
        any
    }

    /// When the next task becomes a straggler.
    pub(crate) fn next_due(&self, at_least: Duration) -> Option<Time> {
        self.alone.next().map(|started| started.saturating_add(self.limit(at_least)))
    }

    /// The stragglers that have no second run.
    pub(crate) fn due(&self) -> impl Iterator<Item = Attempt> {
        self.due.iter().copied()
    }

    /// From what age on a task is a straggler.
    pub(crate) fn limit(&self, at_least: Duration) -> Duration {
        self.usual.unwrap_or_default().saturating_mul(FACTOR).max(at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: Attempt = Attempt { batch: 1, number: 1 };
    const LEAST: Duration = Duration::from_secs(20);

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn a_task_is_a_straggler_when_it_takes_three_times_as_long_as_usual_but_not_a_short_one() {
        let mut watch = Watch::default();
        watch.launched(at(0), TASK, 1);
        assert_eq!(watch.next_due(LEAST), Some(at(20)));
        watch.learn(Duration::from_secs(10));
        assert_eq!(watch.next_due(LEAST), Some(at(30)));
        assert!(!watch.promote(at(29), LEAST));
        assert!(watch.promote(at(30), LEAST) && watch.due().eq([TASK]));
        assert!(!watch.promote(at(31), LEAST));
        watch.paired(TASK);
        assert_eq!((watch.due().count(), watch.next_due(LEAST)), (0, None));
    }

    #[test]
    fn the_start_of_an_executor_does_not_count_as_time_of_a_task() {
        let mut watch = Watch::default();
        watch.launched(at(0), TASK, 4);
        watch.runs(at(7), TASK);
        watch.runs(at(8), TASK);
        let lasted = Lasted { launched: at(0), images: 4, took: Duration::from_secs(2) };
        assert_eq!(watch.ended(at(9), TASK), Some(lasted));
        assert_eq!(watch.ended(at(9), TASK), None);
    }

    #[test]
    fn what_is_usual_follows_slowly() {
        let mut watch = Watch::default();
        watch.learn(Duration::from_secs(8));
        watch.learn(Duration::from_secs(80));
        assert_eq!(watch.limit(Duration::ZERO), Duration::from_secs(3 * 17));
    }
}
