//! Whole numbers in ranges: ports.

/// Whole numbers as sorted ranges, both ends included, that neither overlap nor touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The ranges, as (begin, end) with both ends included, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is no number in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every number of `other` is in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(begin, end)| self.iter().any(|(low, high)| low <= begin && end <= high))
    }

    /// What is left without `other`, or `None` if a number of `other` is not in it.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.contains(other).then(|| other.iter().fold(self.clone(), Self::without))
    }

    /// How many numbers are in it, at most the largest that can be told.
    #[must_use]
    pub fn count(&self) -> u64 {
        let size = |(begin, end): (u64, u64)| (end - begin).saturating_add(1);
        self.iter().map(size).fold(0, u64::saturating_add)
    }

    /// The numbers themselves, in order.
    ///
    /// ```
    /// use mesos::resources::Resources;
    /// let offer: Resources = "ports:[31000-31001,31005-31005]".parse().unwrap();
    /// assert_eq!(offer.ports().numbers().collect::<Vec<_>>(), [31000, 31001, 31005]);
    /// ```
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.iter().flat_map(|(begin, end)| begin..=end)
    }

    /// The lowest numbers in it, at most so many.
    #[must_use]
    pub fn lowest(&self, how_many: u64) -> Self {
        let mut missing = how_many;
        let part = |(begin, end): (u64, u64)| {
            let last = begin.saturating_add(missing.checked_sub(1)?).min(end);
            missing = missing.saturating_sub((last - begin).saturating_add(1));
            Some((begin, last))
        };
        self.iter().map_while(part).collect()
    }

    /// The numbers that are in both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let cut = |(begin, end): (u64, u64)| {
            other.iter().map(move |(low, high)| (begin.max(low), end.min(high)))
        };
        self.iter().flat_map(cut).collect()
    }

    fn without(self, (begin, end): (u64, u64)) -> Self {
        let cut = |(low, high): (u64, u64)| {
            let before = (low < begin).then(|| (low, high.min(begin.saturating_sub(1))));
            let after = (end < high).then(|| (low.max(end.saturating_add(1)), high));
            before.into_iter().chain(after)
        };
        Self(self.0.into_iter().flat_map(cut).collect())
    }
}

impl FromIterator<(u64, u64)> for Ranges {
    /// Sorts, joins what overlaps or touches, and leaves out what ends before it begins.
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|(begin, end)| begin <= end).collect();
        sorted.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (begin, end) in sorted {
            match joined.last_mut() {
                Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => joined.push((begin, end)),
            }
        }
        Self(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ranges(list: &[(u64, u64)]) -> Ranges {
        list.iter().copied().collect()
    }

    #[test]
    fn ranges_join_when_they_overlap_or_touch() {
        assert_eq!(ranges(&[(5, 6), (1, 2), (3, 3), (9, 8)]), ranges(&[(1, 3), (5, 6)]));
        assert_eq!(ranges(&[(0, u64::MAX), (3, 4)]), ranges(&[(0, u64::MAX)]));
    }

    #[test]
    fn taking_from_the_middle_leaves_both_sides() {
        let ports = ranges(&[(31000, 32000)]);
        assert_eq!(
            ports.checked_sub(&ranges(&[(31500, 31501)])),
            Some(ranges(&[(31000, 31499), (31502, 32000)]))
        );
        assert_eq!(ports.checked_sub(&ranges(&[(32000, 32001)])), None);
    }

    proptest! {
        #[test]
        fn ranges_agree_with_sets(
            a in prop::collection::vec((0_u64..60, 0_u64..8), 0..6),
            b in prop::collection::vec((0_u64..60, 0_u64..8), 0..4),
        ) {
            let build = |list: &[(u64, u64)]| -> (Ranges, BTreeSet<u64>) {
                let list: Vec<_> = list.iter().map(|(at, n)| (*at, at + n)).collect();
                (ranges(&list), list.iter().flat_map(|(x, y)| *x..=*y).collect())
            };
            let ((a, a_set), (b, b_set)) = (build(&a), build(&b));
            let numbers = |r: &Ranges| r.iter().flat_map(|(x, y)| x..=y).collect::<BTreeSet<_>>();
            prop_assert_eq!(numbers(&a), a_set.clone());
            prop_assert_eq!(a.contains(&b), b_set.is_subset(&a_set));
            let left = a.checked_sub(&b).map(|r| numbers(&r));
            let wanted = b_set.is_subset(&a_set).then(|| a_set.difference(&b_set).copied().collect());
            prop_assert_eq!(left, wanted);
            prop_assert_eq!(a.count(), a_set.len() as u64);
            let both = a_set.intersection(&b_set).copied().collect::<BTreeSet<_>>();
            prop_assert_eq!(numbers(&a.common(&b)), both);
        }

        #[test]
        fn the_lowest_are_the_first_of_the_numbers(
            list in prop::collection::vec((0_u64..60, 0_u64..8), 0..6), how_many in 0_u64..70,
        ) {
            let list: Vec<_> = list.iter().map(|(at, n)| (*at, at + n)).collect();
            let all = ranges(&list);
            let first: Vec<u64> = all.numbers().take(how_many as usize).collect();
            prop_assert_eq!(all.lowest(how_many).numbers().collect::<Vec<_>>(), first);
        }
    }
}
