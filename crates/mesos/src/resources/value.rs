//! One resource's amount: a scalar, ranges or a set.

use std::collections::BTreeSet;

use super::{Ranges, Scalar};
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
            Self::Scalar(amount) => *amount <= Scalar::ZERO,
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
