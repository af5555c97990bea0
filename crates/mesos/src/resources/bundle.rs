//! Bundles of resources: what an agent has, an offer holds or a task needs.

use super::{CPUS, MEM, Quantity, Scalar};
use crate::v1::Resource;

/// A bundle of named quantities.
///
/// Two entries are of the same resource when everything but the amount agrees:
/// name, role, reservations, disk, revocable and shared flags. A bundle never
/// holds an entry of nothing, nor two entries of the same resource.
///
/// ```
/// use mesos::resources::{Resources, Scalar};
/// let offered: Resources = "cpus:2;mem:2048".parse().unwrap();
/// let needed = Resources::scalars(Scalar::from_f64(0.5), Scalar::from_f64(128.0));
/// let left = offered.checked_sub(&needed).unwrap();
/// assert_eq!(left.cpus(), Scalar::from_f64(1.5));
/// assert!(left.checked_sub(&offered).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resources {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    /// The wire resource without its amount.
    identity: Resource,
    quantity: Quantity,
}

impl Resources {
    /// Unreserved processors (in cores) and memory (in MiB).
    #[must_use]
    pub fn scalars(cpus: Scalar, mem_mib: Scalar) -> Self {
        let mut bundle = Self::default();
        bundle.add(named(CPUS), Quantity::Scalar(cpus));
        bundle.add(named(MEM), Quantity::Scalar(mem_mib));
        bundle
    }

    /// Processors in cores, over all roles and reservations.
    #[must_use]
    pub fn cpus(&self) -> Scalar {
        self.scalar(CPUS)
    }

    /// Memory in MiB, over all roles and reservations.
    #[must_use]
    pub fn mem_mib(&self) -> Scalar {
        self.scalar(MEM)
    }

    /// The sum of the scalars of that name, over all roles and reservations.
    #[must_use]
    pub fn scalar(&self, name: &str) -> Scalar {
        let amounts = self.entries.iter().filter(|entry| entry.identity.name == name);
        amounts
            .filter_map(|entry| match &entry.quantity {
                Quantity::Scalar(amount) => Some(*amount),
                Quantity::Ranges(_) | Quantity::Set(_) => None,
            })
            .sum()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it holds all of `other`.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.checked_sub(other).is_some()
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for entry in &other.entries {
            sum.add(entry.identity.clone(), entry.quantity.clone());
        }
        sum
    }

    /// What is left without `other`, or `None` if some of it is not there.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let mut left = self.clone();
        for wanted in &other.entries {
            let at = left.position(&wanted.identity)?;
            let entry = left.entries.get_mut(at)?;
            entry.quantity = entry.quantity.minus(&wanted.quantity)?;
        }
        left.entries.retain(|entry| !entry.quantity.is_empty());
        Some(left)
    }

    /// Takes scalar amounts by name, whatever their role: reserved ones first, as
    /// they are of no use to anybody else. Returns what was taken and what is left,
    /// or `None` if there is not enough.
    ///
    /// ```
    /// use mesos::resources::{Resources, Scalar};
    /// let offer: Resources = "cpus:2;mem:512".parse().unwrap();
    /// let (task, rest) = offer.take(&[("cpus", Scalar::from_f64(1.0))]).unwrap();
    /// assert_eq!(task.cpus(), rest.cpus());
    /// ```
    #[must_use]
    pub fn take(&self, wanted: &[(&str, Scalar)]) -> Option<(Self, Self)> {
        let mut left = self.clone();
        let mut taken = Self::default();
        for (name, amount) in wanted {
            left.take_scalar(name, *amount, &mut taken)?;
        }
        left.entries.retain(|entry| !entry.quantity.is_empty());
        Some((taken, left))
    }

    /// The bundle for a message.
    #[must_use]
    pub fn to_wire(&self) -> Vec<Resource> {
        self.entries.iter().map(|entry| entry.quantity.write_into(&entry.identity)).collect()
    }

    /// Adds an amount of the resource that `identity` describes.
    #[expect(deprecated, reason = "masters send the role in the old form to most frameworks")]
    pub(super) fn add(&mut self, mut identity: Resource, quantity: Quantity) {
        if quantity.is_empty() {
            return;
        }
        // Two ways to write the same thing must compare as equal.
        identity.r#type = quantity.kind().into();
        identity.role = identity.role.filter(|role| role != "*");
        if let Some(entry) = self.position(&identity).and_then(|at| self.entries.get_mut(at))
            && let Some(sum) = entry.quantity.plus(&quantity)
        {
            entry.quantity = sum;
            return;
        }
        self.entries.push(Entry { identity, quantity });
    }

    fn position(&self, identity: &Resource) -> Option<usize> {
        self.entries.iter().position(|entry| entry.identity == *identity)
    }

    fn take_scalar(&mut self, name: &str, amount: Scalar, taken: &mut Self) -> Option<()> {
        let mut missing = amount;
        let reserved_first = [true, false];
        for reserved in reserved_first {
            for entry in &mut self.entries {
                if entry.identity.name != name || is_reserved(&entry.identity) != reserved {
                    continue;
                }
                if let Quantity::Scalar(available) = &mut entry.quantity {
                    let part = missing.min(*available);
                    *available = available.checked_sub(part)?;
                    missing = missing.checked_sub(part)?;
                    taken.add(entry.identity.clone(), Quantity::Scalar(part));
                }
            }
        }
        missing.is_zero().then_some(())
    }
}

impl<'a> FromIterator<&'a Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = &'a Resource>>(resources: I) -> Self {
        let mut bundle = Self::default();
        for resource in resources {
            if let Some(quantity) = Quantity::of(resource) {
                let identity =
                    Resource { scalar: None, ranges: None, set: None, ..resource.clone() };
                bundle.add(identity, quantity);
            }
        }
        bundle
    }
}

impl From<&Vec<Resource>> for Resources {
    fn from(resources: &Vec<Resource>) -> Self {
        resources.iter().collect()
    }
}

#[expect(deprecated, reason = "masters still send both forms of a reservation")]
fn is_reserved(identity: &Resource) -> bool {
    !identity.reservations.is_empty()
        || identity.reservation.is_some()
        || identity.role.as_deref().is_some_and(|role| role != "*")
}

/// An unreserved resource of that name, without an amount.
pub(super) fn named(name: &str) -> Resource {
    Resource { name: name.to_owned(), ..Resource::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bundle(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let offer = bundle("cpus:1;mem:64");
        let before = offer.clone();
        assert_eq!(offer.checked_sub(&bundle("cpus:1;mem:128")), None);
        assert_eq!(
            offer.take(&[("cpus", Scalar::from_f64(1.0)), ("mem", Scalar::from_f64(65.0))]),
            None
        );
        assert_eq!(offer, before);
    }

    #[test]
    fn taking_everything_leaves_an_empty_bundle() {
        let offer = bundle("cpus:2;mem:2048;ports:[31000-32000];set:{a,b}");
        assert!(offer.checked_sub(&offer).unwrap().is_empty());
        assert!(offer.contains(&bundle("ports:[31000-31001];set:{b}")));
    }

    #[test]
    fn reserved_amounts_are_taken_first_and_keep_their_reservation() {
        let mut reserved = named(CPUS);
        reserved.reservations.push(crate::v1::resource::ReservationInfo {
            role: Some("pictures".into()),
            ..Default::default()
        });
        let mut offer = bundle("cpus:1");
        offer.add(reserved.clone(), Quantity::Scalar(Scalar::from_f64(0.5)));
        let (taken, left) = offer.take(&[(CPUS, Scalar::from_f64(0.7))]).unwrap();
        assert_eq!(left, bundle("cpus:0.8"));
        let wire = taken.to_wire();
        assert_eq!(wire.len(), 2);
        assert!(wire.iter().any(|r| !r.reservations.is_empty() && r.scalar.unwrap().value == 0.5));
    }

    #[test]
    fn a_bundle_survives_the_wire() {
        let offer = bundle("cpus:2.5;ports:[1-2,5-9];set:{x}");
        assert_eq!(Resources::from(&offer.to_wire()), offer);
    }

    proptest! {
        #[test]
        fn take_splits_without_loss(cpus in 0_i64..5000, mem in 0_i64..5000, c in 0_i64..5000, m in 0_i64..5000) {
            let offer = Resources::scalars(Scalar::from_thousandths(cpus), Scalar::from_thousandths(mem));
            let wanted = [(CPUS, Scalar::from_thousandths(c)), (MEM, Scalar::from_thousandths(m))];
            match offer.take(&wanted) {
                Some((taken, left)) => prop_assert_eq!(taken.plus(&left).cpus(), offer.cpus()),
                None => prop_assert!(c > cpus || m > mem),
            }
        }
    }
}
