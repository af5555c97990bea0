//! Finding in a bundle what somebody wants.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::{CPUS, DISK, GPUS, MEM, PORTS, Quantity, Ranges, Resources, Scalar};

/// What somebody wants of an offer, whoever the offer's parts are reserved for.
///
/// ```
/// use mesos::resources::{Resources, Wanted};
/// let offer: Resources = "cpus:2;mem:512;ports:[31000-31009]".parse().unwrap();
/// let wanted = Wanted::new().cpus(0.5).mem_mib(128.0).ports(2);
/// let (task, rest) = offer.take_wanted(&wanted).unwrap();
/// assert_eq!(task.to_string(), "cpus:0.5;mem:128;ports:[31000-31001]");
/// assert_eq!(rest.to_string(), "cpus:1.5;mem:384;ports:[31002-31009]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Given things before any things, so that the latter do not use them up.
    given: Vec<(String, Quantity)>,
    any: Vec<(String, u64)>,
    revocable: bool,
}

impl Wanted {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Also so many cores.
    #[must_use]
    pub fn cpus(self, cores: impl Into<Scalar>) -> Self {
        self.scalar(CPUS, cores)
    }

    /// Also so many graphics processors; Mesos gives whole ones only.
    #[must_use]
    pub fn gpus(self, gpus: u32) -> Self {
        self.scalar(GPUS, Scalar::from_thousandths(i64::from(gpus).saturating_mul(1000)))
    }

    /// Also so much memory, in MiB.
    #[must_use]
    pub fn mem_mib(self, mib: impl Into<Scalar>) -> Self {
        self.scalar(MEM, mib)
    }

    /// Also so much of the agents' common disk, in MiB.
    #[must_use]
    pub fn disk_mib(self, mib: impl Into<Scalar>) -> Self {
        self.scalar(DISK, mib)
    }

    /// Also so much of a scalar resource.
    #[must_use]
    pub fn scalar(self, name: &str, amount: impl Into<Scalar>) -> Self {
        self.quantity(name, Quantity::Scalar(amount.into()))
    }

    /// Also this port.
    #[must_use]
    pub fn port(self, number: u16) -> Self {
        let number = u64::from(number);
        self.quantity(PORTS, Quantity::Ranges([(number, number)].into_iter().collect()))
    }

    /// Also so many ports, whichever: the lowest that are there.
    #[must_use]
    pub fn ports(self, how_many: u64) -> Self {
        self.numbers(PORTS, how_many)
    }

    /// Also so many numbers of a resource of ranges, whichever: the lowest that are there.
    #[must_use]
    pub fn numbers(mut self, name: &str, how_many: u64) -> Self {
        self.any.push((name.to_owned(), how_many));
        self
    }

    /// Also exactly this: an amount, these numbers, these items.
    #[must_use]
    pub fn quantity(mut self, name: &str, quantity: Quantity) -> Self {
        self.given.push((name.to_owned(), quantity));
        self
    }

    /// All of it from resources that may be taken away at any time, instead of none of it.
    /// Mesos refuses a task that mixes the two.
    #[must_use]
    pub fn revocable(mut self) -> Self {
        self.revocable = true;
        self
    }
}

impl Resources {
    /// Takes scalar amounts by name, whatever their role: reserved ones first, as
    /// they are of no use to anybody else. Returns what was taken and what is left,
    /// or `None` if there is not enough.
    ///
    /// Neither revocable resources are used nor volumes; see [`Wanted`] for more.
    ///
    /// ```
    /// use mesos::resources::{Resources, Scalar};
    /// let offer: Resources = "cpus:2;mem:512".parse().unwrap();
    /// let (task, rest) = offer.take(&[("cpus", Scalar::from_f64(1.0))]).unwrap();
    /// assert_eq!(task.cpus(), rest.cpus());
    /// ```
    #[must_use]
    pub fn take(&self, wanted: &[(&str, Scalar)]) -> Option<(Self, Self)> {
        let mut taking = Taking::from(self, false);
        for (name, amount) in wanted {
            taking.scalar(name, *amount)?;
        }
        Some(taking.finish())
    }

    /// Takes what is wanted, reserved resources first, as they are of no use to anybody else.
    /// Returns what was taken and what is left, or `None` if something is not there.
    #[must_use]
    #[doc(alias = "find")]
    pub fn take_wanted(&self, wanted: &Wanted) -> Option<(Self, Self)> {
        let mut taking = Taking::from(self, wanted.revocable);
        for (name, quantity) in &wanted.given {
            match quantity {
                Quantity::Scalar(amount) => taking.scalar(name, *amount)?,
                Quantity::Ranges(numbers) => taking.ranges(name, numbers)?,
                Quantity::Set(items) => taking.items(name, items)?,
            }
        }
        for (name, how_many) in &wanted.any {
            taking.numbers(name, *how_many)?;
        }
        Some(taking.finish())
    }
}

/// A bundle on its way into two.
struct Taking {
    left: Resources,
    taken: Resources,
    revocable: bool,
}

impl Taking {
    fn from(bundle: &Resources, revocable: bool) -> Self {
        Self { left: bundle.clone(), taken: Resources::default(), revocable }
    }

    fn finish(mut self) -> (Resources, Resources) {
        self.left.drop_nothings();
        (self.taken, self.left)
    }

    /// Takes from every entry of that name what `part` wants of it, as it says what stays.
    fn each(
        &mut self,
        name: &str,
        mut part: impl FnMut(&Quantity) -> Option<(Quantity, Quantity)>,
    ) {
        for reserved in [true, false] {
            for entry in self.left.entries_mut() {
                let identity = &entry.identity;
                let is_revocable = identity.resource().revocable.is_some();
                if entry.name() != name
                    || identity.resource().disk.is_some()
                    || identity.is_reserved() != reserved
                    || is_revocable != self.revocable
                {
                    continue;
                }
                if let Some((taken, left)) = part(&entry.quantity) {
                    self.taken.add(Entry::new(identity.clone(), taken));
                    entry.quantity = left;
                }
            }
        }
    }

    fn scalar(&mut self, name: &str, amount: Scalar) -> Option<()> {
        let mut missing = amount.max(Scalar::ZERO);
        self.each(name, |quantity| {
            let Quantity::Scalar(available) = quantity else { return None };
            let part = missing.min(*available);
            missing = missing.checked_sub(part)?;
            Some((Quantity::Scalar(part), Quantity::Scalar(available.checked_sub(part)?)))
        });
        missing.is_zero().then_some(())
    }

    fn numbers(&mut self, name: &str, how_many: u64) -> Option<()> {
        let mut missing = how_many;
        self.each(name, |quantity| {
            let Quantity::Ranges(available) = quantity else { return None };
            let part = available.lowest(missing);
            missing = missing.checked_sub(part.count())?;
            let left = available.checked_sub(&part)?;
            Some((Quantity::Ranges(part), Quantity::Ranges(left)))
        });
        (missing == 0).then_some(())
    }

    fn ranges(&mut self, name: &str, numbers: &Ranges) -> Option<()> {
        let mut missing = numbers.clone();
        self.each(name, |quantity| {
            let Quantity::Ranges(available) = quantity else { return None };
            let part = available.common(&missing);
            missing = missing.checked_sub(&part)?;
            let left = available.checked_sub(&part)?;
            Some((Quantity::Ranges(part), Quantity::Ranges(left)))
        });
        missing.is_empty().then_some(())
    }

    fn items(&mut self, name: &str, items: &BTreeSet<String>) -> Option<()> {
        let mut missing = items.clone();
        self.each(name, |quantity| {
            let Quantity::Set(available) = quantity else { return None };
            let part: BTreeSet<String> = available.intersection(&missing).cloned().collect();
            missing.retain(|item| !part.contains(item));
            let left = available.difference(&part).cloned().collect();
            Some((Quantity::Set(part), Quantity::Set(left)))
        });
        missing.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::resource::{DiskInfo, RevocableInfo, disk_info::Persistence};

    fn bundle(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn reserved_amounts_are_taken_first_and_keep_their_reservation() {
        let offer = bundle("cpus:1;cpus(pictures):0.5");
        let (taken, left) = offer.take(&[(CPUS, Scalar::from_f64(0.7))]).unwrap();
        assert_eq!(left, bundle("cpus:0.8"));
        assert_eq!(taken, bundle("cpus(pictures):0.5;cpus:0.2"));
    }

    #[test]
    fn a_given_port_and_any_ports_are_different_ports() {
        let offer = bundle("ports:[31000-31002,31005-31006]");
        let wanted = Wanted::new().ports(3).port(31001);
        let (taken, left) = offer.take_wanted(&wanted).unwrap();
        assert_eq!(taken, bundle("ports:[31000-31002,31005-31005]"));
        assert_eq!(left, bundle("ports:[31006-31006]"));
        assert_eq!(offer.take_wanted(&Wanted::new().ports(5).port(31001)), None);
        assert_eq!(offer.take_wanted(&Wanted::new().port(31003)), None);
    }

    #[test]
    fn ports_are_taken_over_several_reservations() {
        let offer = bundle("ports:[10-11];ports(web):[5-6]");
        let (taken, left) = offer.take_wanted(&Wanted::new().ports(3)).unwrap();
        assert_eq!(taken, bundle("ports(web):[5-6];ports:[10-10]"));
        assert_eq!(left, bundle("ports:[11-11]"));
    }

    #[test]
    fn items_are_taken_by_name() {
        let offer = bundle("zones:{a,b,c}");
        let items = |list: &[&str]| Quantity::Set(list.iter().map(|i| (*i).to_owned()).collect());
        let wanted = Wanted::new().quantity("zones", items(&["c", "a"]));
        assert_eq!(offer.take_wanted(&wanted).unwrap().1, bundle("zones:{b}"));
        let wanted = Wanted::new().quantity("zones", items(&["d"]));
        assert_eq!(offer.take_wanted(&wanted), None);
    }

    #[test]
    fn what_may_be_taken_away_is_used_only_if_wanted_and_never_mixed() {
        let revocable = bundle("cpus:4").map(|cpus| cpus.revocable = Some(RevocableInfo {}));
        let offer = bundle("cpus:1").plus(&revocable);
        assert_eq!(offer.take_wanted(&Wanted::new().cpus(2.0)), None);
        let (taken, _) = offer.take_wanted(&Wanted::new().cpus(2.0).revocable()).unwrap();
        assert_eq!(taken.revocable(), taken);
        assert_eq!(offer.take_wanted(&Wanted::new().cpus(5.0).revocable()), None);
    }

    #[test]
    fn nobody_gets_a_part_of_a_volume() {
        let volume = bundle("disk(web):100").map(|disk| {
            let persistence = Some(Persistence { id: "v".into(), principal: None });
            disk.disk = Some(DiskInfo { persistence, ..DiskInfo::default() });
        });
        let offer = bundle("disk:10").plus(&volume);
        assert_eq!(offer.disk_mib(), Scalar::from_f64(110.0));
        assert_eq!(offer.take_wanted(&Wanted::new().disk_mib(11.0)), None);
        assert!(offer.contains(&volume));
        assert!(!offer.contains(&volume.plus(&volume)));
    }
}
