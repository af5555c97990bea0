//! One resource's amount: a scalar, ranges or a set.

use std::collections::BTreeSet;

use super::Scalar;
use crate::v1::{Resource, Value, value};

/// How much of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quantity {
    /// A number with three decimals: cpus, mem, disk.
    Scalar(Scalar),
    /// Whole numbers in ranges: ports.
    Ranges(Ranges),
    /// Names.
    Set(BTreeSet<String>),
}

impl Quantity {
    /// The amount that a wire resource carries, or `None` if it carries none.
    #[must_use]
    pub fn of(resource: &Resource) -> Option<Self> {
        match value::Type::try_from(resource.r#type).ok()? {
            value::Type::Scalar => {
                resource.scalar.map(|scalar| Self::Scalar(Scalar::from_f64(scalar.value)))
            }
            value::Type::Ranges => resource.ranges.as_ref().map(|ranges| {
                Self::Ranges(ranges.range.iter().map(|range| (range.begin, range.end)).collect())
            }),
            value::Type::Set => {
                resource.set.as_ref().map(|set| Self::Set(set.item.iter().cloned().collect()))
            }
            value::Type::Text => None,
        }
    }

    /// `template` with this amount in place of its own.
    #[must_use]
    pub fn write_into(&self, template: &Resource) -> Resource {
        let mut resource = Resource { scalar: None, ranges: None, set: None, ..template.clone() };
        match self {
            Self::Scalar(amount) => {
                resource.r#type = value::Type::Scalar.into();
                resource.scalar = Some(value::Scalar { value: amount.to_f64() });
            }
            Self::Ranges(ranges) => {
                resource.r#type = value::Type::Ranges.into();
                let range = ranges.iter().map(|(begin, end)| value::Range { begin, end }).collect();
                resource.ranges = Some(value::Ranges { range });
            }
            Self::Set(items) => {
                resource.r#type = value::Type::Set.into();
                resource.set = Some(value::Set { item: items.iter().cloned().collect() });
            }
        }
        resource
    }

    /// The kind as the wire names it.
    pub(super) fn kind(&self) -> value::Type {
        match self {
            Self::Scalar(_) => value::Type::Scalar,
            Self::Ranges(_) => value::Type::Ranges,
            Self::Set(_) => value::Type::Set,
        }
    }

    /// Whether there is nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(amount) => amount.is_zero(),
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(items) => items.is_empty(),
        }
    }

    /// Both together, or `None` if the two are of different kinds.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => Some(Self::Scalar(a.saturating_add(*b))),
            (Self::Ranges(a), Self::Ranges(b)) => {
                Some(Self::Ranges(a.iter().chain(b.iter()).collect()))
            }
            (Self::Set(a), Self::Set(b)) => Some(Self::Set(a.union(b).cloned().collect())),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => None,
        }
    }

    /// What is left of it without `other`, or `None` if it does not hold `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a.checked_sub(*b).map(Self::Scalar),
            (Self::Ranges(a), Self::Ranges(b)) => a.checked_sub(b).map(Self::Ranges),
            (Self::Set(a), Self::Set(b)) => {
                b.is_subset(a).then(|| Self::Set(a.difference(b).cloned().collect()))
            }
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => None,
        }
    }
}

impl From<&Quantity> for Value {
    fn from(quantity: &Quantity) -> Self {
        let resource = quantity.write_into(&Resource::default());
        Self {
            r#type: resource.r#type,
            scalar: resource.scalar,
            ranges: resource.ranges,
            set: resource.set,
            text: None,
        }
    }
}

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
        }
    }
}
