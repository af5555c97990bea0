//! Things that each have a moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::Time;

/// At most one moment a thing, found by thing and by time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deadlines<K = u64> {
    of: BTreeMap<K, Time>,
    in_order: BTreeSet<(Time, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), in_order: BTreeSet::new() }
    }
}

impl<K: Ord + Copy> Deadlines<K> {
    /// Sets the moment of `key`, in place of an earlier one.
    pub(crate) fn set(&mut self, key: K, at: Time) {
        self.remove(key);
        self.of.insert(key, at);
        self.in_order.insert((at, key));
    }

    /// Whether `key` has a moment.
    pub(crate) fn contains(&self, key: K) -> bool {
        self.of.contains_key(&key)
    }

    /// Forgets the moment of `key`.
    pub(crate) fn remove(&mut self, key: K) {
        if let Some(at) = self.of.remove(&key) {
            self.in_order.remove(&(at, key));
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.of.clear();
        self.in_order.clear();
    }

    /// Takes out one thing whose moment has come, the earliest first.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<K> {
        let (_, key) = *self.in_order.first().filter(|(at, _)| *at <= now)?;
        self.remove(key);
        Some(key)
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
