//! Numbered things that each have a moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::Time;

/// At most one moment a number, found by number and by time.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Deadlines {
    of: BTreeMap<u64, Time>,
    in_order: BTreeSet<(Time, u64)>,
}

impl Deadlines {
    /// Sets the moment of `number`, in place of an earlier one.
    pub(crate) fn set(&mut self, number: u64, at: Time) {
        self.remove(number);
        self.of.insert(number, at);
        self.in_order.insert((at, number));
    }

    /// Whether `number` has a moment.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.of.contains_key(&number)
    }

    /// Forgets the moment of `number`.
    pub(crate) fn remove(&mut self, number: u64) {
        if let Some(at) = self.of.remove(&number) {
            self.in_order.remove(&(at, number));
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.of.clear();
        self.in_order.clear();
    }

    /// Takes out one number whose moment has come, the earliest first.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<u64> {
        let (_, number) = *self.in_order.first().filter(|(at, _)| *at <= now)?;
        self.remove(number);
        Some(number)
    }

    /// The earliest moment.
    pub(crate) fn next(&self) -> Option<Time> {
        self.in_order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_moment_replaces_the_earlier_one() {
        let mut deadlines = Deadlines::default();
        deadlines.set(1, Time::from_secs(1));
        deadlines.set(2, Time::from_secs(2));
        deadlines.set(1, Time::from_secs(3));
        assert_eq!(deadlines.next(), Some(Time::from_secs(2)));
        assert_eq!(deadlines.pop_due(Time::from_secs(1)), None);
        assert_eq!(deadlines.pop_due(Time::from_secs(9)), Some(2));
        assert_eq!(deadlines.pop_due(Time::from_secs(9)), Some(1));
        assert_eq!(deadlines.pop_due(Time::from_secs(9)), None);
    }
}
