//! Bundles of resources: what an agent has, an offer holds or a task needs.

use super::entry::{Entry, Identity};
use super::{CPUS, MEM, Quantity, Scalar};
use crate::v1::Resource;

/// A bundle of named quantities.
///
/// Two entries are of the same resource when everything but the amount agrees:
/// name, role, reservations, disk, revocable and shared flags. A bundle never
/// holds an entry of nothing, nor two entries of the same resource. Volumes and disks
/// that are used as a whole are counted instead of added up: a bundle with two copies of a
/// shared volume has room for two tasks that use it.
///
/// Bundles are equal when they hold the same, in whatever order.
///
/// ```
/// use mesos::resources::{Resources, Scalar};
/// let offered: Resources = "cpus:2;mem:2048".parse().unwrap();
/// let needed = Resources::scalars(Scalar::from_f64(0.5), Scalar::from_f64(128.0));
/// let left = offered.checked_sub(&needed).unwrap();
/// assert_eq!(left.cpus(), Scalar::from_f64(1.5));
/// assert!(left.checked_sub(&offered).is_none());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Resources {
    entries: Vec<Entry>,
}

impl Resources {
    /// Unreserved processors (in cores) and memory (in MiB).
    #[must_use]
    pub fn scalars(cpus: Scalar, mem_mib: Scalar) -> Self {
        let mut bundle = Self::default();
        bundle.add_unreserved(CPUS, Quantity::Scalar(cpus));
        bundle.add_unreserved(MEM, Quantity::Scalar(mem_mib));
        bundle
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it holds all of `other`.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.entries.iter().all(|wanted| {
            let held = self.entries.iter().find(|entry| entry.is_of(wanted));
            held.is_some_and(|entry| entry.minus(wanted).is_some())
        })
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        for entry in &other.entries {
            sum.add(entry.clone());
        }
        sum
    }

    /// What is left without `other`, or `None` if some of it is not there.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let mut left = self.clone();
        for wanted in &other.entries {
            let entry = left.entries.iter_mut().find(|entry| entry.is_of(wanted))?;
            *entry = entry.minus(wanted)?;
        }
        left.drop_nothings();
        Some(left)
    }

    /// The resources for which `wanted` holds. It is asked with each resource's reservations
    /// in the new form (none: unreserved), and without its amount.
    #[must_use]
    pub fn filter(&self, wanted: impl Fn(&Resource) -> bool) -> Self {
        let entries = self.entries.iter().filter(|entry| wanted(entry.identity.resource()));
        Self { entries: entries.cloned().collect() }
    }

    /// The bundle for a message. A volume of several copies is written as often.
    #[must_use]
    pub fn to_wire(&self) -> Vec<Resource> {
        self.entries.iter().flat_map(Entry::to_wire).collect()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    pub(super) fn add(&mut self, entry: Entry) {
        if entry.is_empty() {
            return;
        }
        match self.entries.iter_mut().find(|own| own.is_of(&entry)) {
            Some(own) => own.add(&entry),
            None => self.entries.push(entry),
        }
    }

    pub(super) fn add_unreserved(&mut self, name: &str, quantity: Quantity) {
        let resource = Resource { name: name.to_owned(), ..Resource::default() };
        self.add(Entry::new(Identity::of(&resource, &quantity), quantity));
    }

    /// Every resource changed apart from its amount.
    pub(super) fn map(&self, change: impl Fn(&mut Resource)) -> Self {
        let mut bundle = Self::default();
        for entry in &self.entries {
            bundle.add(entry.map(&change));
        }
        bundle
    }

    pub(super) fn drop_nothings(&mut self) {
        self.entries.retain(|entry| !entry.is_empty());
    }
}

impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().all(|entry| other.entries.contains(entry))
    }
}

/// What carries no amount, or less than nothing, is left out, as Mesos does.
impl<'a> FromIterator<&'a Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = &'a Resource>>(resources: I) -> Self {
        let mut bundle = Self::default();
        for entry in resources.into_iter().filter_map(Entry::of) {
            bundle.add(entry);
        }
        bundle
    }
}

impl From<&Vec<Resource>> for Resources {
    fn from(resources: &Vec<Resource>) -> Self {
        resources.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn less_than_nothing_is_nothing() {
        let mut wire = bundle("cpus:1").to_wire();
        wire[0].scalar = Some(crate::v1::value::Scalar { value: -1.0 });
        assert!(Resources::from(&wire).is_empty());
        assert!(Resources::scalars(Scalar::from_thousandths(-1), Scalar::ZERO).is_empty());
    }

    #[test]
    fn an_offer_of_everything_reads_as_one_bundle() {
        let offer = bundle("cpus:2;gpus:1;mem:512;disk:100;ports:[1-3];zones:{a,b}");
        assert_eq!((offer.cpus().to_f64(), offer.gpus().to_f64()), (2.0, 1.0));
        assert_eq!((offer.mem_mib().to_f64(), offer.disk_mib().to_f64()), (512.0, 100.0));
        assert_eq!(offer.ports().iter().collect::<Vec<_>>(), [(1, 3)]);
        assert_eq!(offer.set("zones").len(), 2);
        assert_eq!(offer.scalar("ports"), Scalar::ZERO);
        assert!(offer.ranges("cpus").is_empty());
    }
}
