//! One resource of a bundle: what it is apart from its amount, and how much there is.

use super::{Quantity, Scalar, reservation};
use crate::v1::Resource;
use crate::v1::resource::disk_info::source::Type as DiskKind;

/// Everything of a resource but the amount, in one form.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// No amount; reservations only in the new form; never the role `*`.
    resource: Resource,
    /// Whether it came with its reservation in the old form, and so is written back.
    old_form: bool,
}

impl Identity {
    pub(super) fn of(resource: &Resource, quantity: &Quantity) -> Self {
        let mut bare = Resource { scalar: None, ranges: None, set: None, ..resource.clone() };
        bare.r#type = quantity.kind().into();
        let old_form = reservation::upgrade(&mut bare);
        Self { resource: bare, old_form }
    }

    pub(super) fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The same with something changed.
    pub(super) fn map(&self, change: impl FnOnce(&mut Resource)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.resource);
        changed
    }

    pub(super) fn is_reserved(&self) -> bool {
        !self.resource.reservations.is_empty()
    }

    /// Whether it is used as a whole or not at all: a shared or persistent volume, a disk
    /// of its own.
    ///
    /// Source: `addable` and `subtractable` in resources.cpp.
    pub(super) fn is_whole(&self) -> bool {
        let own_disk = |disk: &crate::v1::resource::DiskInfo| {
            let source = disk.source.as_ref();
            disk.persistence.is_some()
                || source.is_some_and(|source| match source.r#type() {
                    DiskKind::Mount | DiskKind::Block => true,
                    DiskKind::Raw => source.id.is_some(),
                    DiskKind::Path | DiskKind::Unknown => false,
                })
        };
        self.resource.shared.is_some() || self.resource.disk.as_ref().is_some_and(own_disk)
    }

    fn template(&self) -> Resource {
        let mut resource = self.resource.clone();
        if self.old_form {
            reservation::downgrade(&mut resource);
        }
        resource
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.resource == other.resource
    }
}

/// An amount of one resource; of what is used as a whole, so many copies of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) identity: Identity,
    pub(super) quantity: Quantity,
    copies: u32,
}

impl Entry {
    pub(super) fn new(identity: Identity, quantity: Quantity) -> Self {
        Self { identity, quantity, copies: 1 }
    }

    pub(super) fn of(resource: &Resource) -> Option<Self> {
        let quantity = Quantity::of(resource)?;
        Some(Self::new(Identity::of(resource, &quantity), quantity))
    }

    /// The same amount of something else.
    pub(super) fn map(&self, change: impl FnOnce(&mut Resource)) -> Self {
        Self { identity: self.identity.map(change), ..self.clone() }
    }

    pub(super) fn name(&self) -> &str {
        &self.identity.resource.name
    }

    pub(super) fn is_empty(&self) -> bool {
        self.copies == 0 || self.quantity.is_empty()
    }

    /// Whether both are amounts of the same thing.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        self.identity == other.identity
            && (!self.identity.is_whole() || self.quantity == other.quantity)
    }

    /// Both together; `other` is of the same thing.
    pub(super) fn add(&mut self, other: &Self) {
        if self.identity.is_whole() {
            self.copies = self.copies.saturating_add(other.copies);
        } else if let Some(sum) = self.quantity.plus(&other.quantity) {
            self.quantity = sum;
        }
    }

    /// Without `other`, which is of the same thing, or `None` if that is not all there.
    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        let mut left = self.clone();
        if self.identity.is_whole() {
            left.copies = self.copies.checked_sub(other.copies)?;
        } else {
            left.quantity = self.quantity.minus(&other.quantity)?;
        }
        Some(left)
    }

    /// The sum of all copies, if it is a number.
    pub(super) fn scalar(&self) -> Option<Scalar> {
        match &self.quantity {
            Quantity::Scalar(amount) => Some(amount.saturating_mul(self.copies.into())),
            Quantity::Ranges(_) | Quantity::Set(_) => None,
        }
    }

    pub(super) fn copies(&self) -> u32 {
        self.copies
    }

    /// The messages for it, one for each copy.
    pub(super) fn to_wire(&self) -> impl Iterator<Item = Resource> + '_ {
        let one = self.quantity.write_into(&self.identity.template());
        (0..self.copies).map(move |_| one.clone())
    }
}
