//! Parts of a bundle, by whom they are for and how they may be used.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::reservation::{is_at_or_below, role_of};
use super::{CPUS, DISK, GPUS, MEM, PORTS, Quantity, Ranges, Resources, Scalar};
use crate::v1::Resource;
use crate::v1::resource::AllocationInfo;

impl Resources {
    /// Processors in cores, over all roles and reservations.
    #[must_use]
    pub fn cpus(&self) -> Scalar {
        self.scalar(CPUS)
    }

    /// Graphics processors, over all roles and reservations.
    #[must_use]
    pub fn gpus(&self) -> Scalar {
        self.scalar(GPUS)
    }

    /// Memory in MiB, over all roles and reservations.
    #[must_use]
    pub fn mem_mib(&self) -> Scalar {
        self.scalar(MEM)
    }

    /// Disk in MiB, over all roles, reservations and volumes.
    #[must_use]
    pub fn disk_mib(&self) -> Scalar {
        self.scalar(DISK)
    }

    /// Port numbers, over all roles and reservations.
    #[must_use]
    pub fn ports(&self) -> Ranges {
        self.ranges(PORTS)
    }

    /// The sum of the scalars of that name, over all roles and reservations.
    #[must_use]
    pub fn scalar(&self, name: &str) -> Scalar {
        self.named(name).filter_map(Entry::scalar).sum()
    }

    /// The ranges of that name together, over all roles and reservations.
    #[must_use]
    pub fn ranges(&self, name: &str) -> Ranges {
        let of = |entry: &Entry| match &entry.quantity {
            Quantity::Ranges(ranges) => Some(ranges.clone()),
            Quantity::Scalar(_) | Quantity::Set(_) => None,
        };
        self.named(name)
            .filter_map(of)
            .flat_map(|ranges| ranges.iter().collect::<Vec<_>>())
            .collect()
    }

    /// The items of that name together, over all roles and reservations.
    #[must_use]
    pub fn set(&self, name: &str) -> BTreeSet<String> {
        let of = |entry: &Entry| match &entry.quantity {
            Quantity::Set(items) => Some(items.clone()),
            Quantity::Scalar(_) | Quantity::Ranges(_) => None,
        };
        self.named(name).filter_map(of).flatten().collect()
    }

    /// What is reserved for nobody.
    #[must_use]
    pub fn unreserved(&self) -> Self {
        self.filter(|resource| resource.reservations.is_empty())
    }

    /// What is reserved for somebody.
    #[must_use]
    pub fn reserved(&self) -> Self {
        self.filter(|resource| !resource.reservations.is_empty())
    }

    /// What is reserved for exactly this role.
    #[must_use]
    pub fn reserved_for(&self, role: &str) -> Self {
        self.filter(|resource| role_of(resource) == Some(role))
    }

    /// What a framework of this role may be offered: what is unreserved, and what is
    /// reserved for the role or one above it.
    #[must_use]
    #[doc(alias = "allocatableTo")]
    pub fn usable_by(&self, role: &str) -> Self {
        self.filter(|resource| role_of(resource).is_none_or(|held| is_at_or_below(role, held)))
    }

    /// The roles that something of it is reserved for.
    #[must_use]
    pub fn reserved_roles(&self) -> BTreeSet<String> {
        let role = |entry: &Entry| role_of(entry.identity.resource()).map(str::to_owned);
        self.entries().iter().filter_map(role).collect()
    }

    /// What may be taken away at any time. Only frameworks with the capability
    /// REVOCABLE_RESOURCES are offered it.
    #[must_use]
    pub fn revocable(&self) -> Self {
        self.filter(|resource| resource.revocable.is_some())
    }

    /// What stays with the task that uses it.
    #[must_use]
    #[doc(alias = "nonRevocable")]
    pub fn non_revocable(&self) -> Self {
        self.filter(|resource| resource.revocable.is_none())
    }

    /// Volumes that several tasks use at once. Only frameworks with the capability
    /// SHARED_RESOURCES are offered them.
    #[must_use]
    pub fn shared(&self) -> Self {
        self.filter(|resource| resource.shared.is_some())
    }

    /// What one task uses at a time.
    #[must_use]
    #[doc(alias = "nonShared")]
    pub fn non_shared(&self) -> Self {
        self.filter(|resource| resource.shared.is_none())
    }

    /// Volumes whose files outlive tasks.
    #[must_use]
    #[doc(alias = "persistentVolumes")]
    pub fn persistent_volumes(&self) -> Self {
        self.filter(|resource| {
            resource.disk.as_ref().is_some_and(|disk| disk.persistence.is_some())
        })
    }

    /// How often it holds this resource: how many may use a shared volume yet. At most 1 for
    /// what is neither volume nor disk.
    #[must_use]
    pub fn count(&self, resource: &Resource) -> u32 {
        let Some(wanted) = Entry::of(resource) else { return 0 };
        let found = self.entries().iter().find(|entry| entry.is_of(&wanted));
        found.filter(|entry| entry.minus(&wanted).is_some()).map_or(0, Entry::copies)
    }

    /// All of it as allocated to this role; offers to frameworks with the capability
    /// MULTI_ROLE say so of everything.
    #[must_use]
    pub fn allocated_to(&self, role: &str) -> Self {
        let info = AllocationInfo { role: Some(role.to_owned()) };
        self.map(|resource| resource.allocation_info = Some(info.clone()))
    }

    /// All of it without the role it is allocated to: to compare offers of several roles
    /// with what an agent has.
    #[must_use]
    pub fn unallocated(&self) -> Self {
        self.map(|resource| resource.allocation_info = None)
    }

    /// The roles that something of it is allocated to.
    #[must_use]
    pub fn allocated_roles(&self) -> BTreeSet<String> {
        let role = |entry: &Entry| entry.identity.resource().allocation_info.clone()?.role;
        self.entries().iter().filter_map(role).collect()
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries().iter().filter(move |entry| entry.name() == name)
    }
}
