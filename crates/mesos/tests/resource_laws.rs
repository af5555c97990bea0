//! The laws of resource arithmetic, on bundles of every kind of resource.
#![cfg(test)]

use mesos::resources::{Quantity, Resources, Scalar, Wanted};
use mesos::v1::resource::disk_info::{Persistence, Source, source};
use mesos::v1::resource::reservation_info::Type;
use mesos::v1::resource::{AllocationInfo, DiskInfo, ReservationInfo, RevocableInfo, SharedInfo};
use mesos::v1::{Resource, value};
use proptest::prelude::*;

/// Who a resource is kept for.
#[derive(Debug, Clone, Copy)]
enum Kept {
    ForAll,
    Static,
    Dynamic,
    Refined,
}

/// How a resource may be used.
#[derive(Debug, Clone, Copy)]
enum Use {
    Plain,
    Revocable,
    Volume,
    Shared,
    OwnDisk,
}

fn reservation(kind: Type, role: &str, principal: Option<&str>) -> ReservationInfo {
    ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(role.into()),
        principal: principal.map(Into::into),
        labels: None,
    }
}

fn reservations(kept: Kept) -> Vec<ReservationInfo> {
    match kept {
        Kept::ForAll => vec![],
        Kept::Static => vec![reservation(Type::Static, "web", None)],
        Kept::Dynamic => vec![reservation(Type::Dynamic, "web", Some("p"))],
        Kept::Refined => vec![
            reservation(Type::Static, "web", None),
            reservation(Type::Dynamic, "web/prod", Some("p")),
        ],
    }
}

fn kept() -> impl Strategy<Value = Kept> {
    prop_oneof![Just(Kept::ForAll), Just(Kept::Static), Just(Kept::Dynamic), Just(Kept::Refined)]
}

fn uses() -> impl Strategy<Value = Use> {
    prop_oneof![
        4 => Just(Use::Plain),
        1 => Just(Use::Revocable),
        1 => Just(Use::Volume),
        1 => Just(Use::Shared),
        1 => Just(Use::OwnDisk),
    ]
}

/// Numbers and items of the two sides differ, so that sums of ranges and sets lose nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    A,
    B,
    Any,
}

fn quantity(side: Side) -> impl Strategy<Value = (&'static str, Quantity)> {
    let name = prop_oneof![Just("cpus"), Just("mem"), Just("disk")];
    let scalar = (name, 0_i64..4000)
        .prop_map(|(name, n)| (name, Quantity::Scalar(Scalar::from_thousandths(n))));
    let base = if side == Side::B { 1000_u64 } else { 0 };
    let ranges = prop::collection::vec((0_u64..40, 0_u64..6), 0..4).prop_map(move |list| {
        let range = |(at, more): (u64, u64)| (base + at, base + at + more);
        ("ports", Quantity::Ranges(list.into_iter().map(range).collect()))
    });
    let prefix = if side == Side::B { "b" } else { "a" };
    let set = prop::collection::btree_set(0_u8..6, 0..4).prop_map(move |items| {
        let name = |item: u8| format!("{prefix}{item}");
        ("zones", Quantity::Set(items.into_iter().map(name).collect()))
    });
    prop_oneof![3 => scalar, 2 => ranges, 1 => set]
}

fn resource(side: Side) -> impl Strategy<Value = Resource> {
    let allocated = prop::option::weighted(0.3, Just("web"));
    (quantity(side), kept(), uses(), allocated).prop_map(|((name, quantity), kept, uses, role)| {
        let resource = Resource {
            name: name.into(),
            reservations: reservations(kept),
            allocation_info: role.map(|role| AllocationInfo { role: Some(role.into()) }),
            ..Resource::default()
        };
        quantity.write_into(&used(resource, uses))
    })
}

/// Volumes are made of disk only.
fn used(mut resource: Resource, uses: Use) -> Resource {
    let is_disk = resource.name == "disk";
    let volume = Persistence { id: "v".into(), principal: None };
    match uses {
        Use::Plain => {}
        Use::Revocable => resource.revocable = Some(RevocableInfo {}),
        Use::Volume | Use::Shared if is_disk => {
            resource.disk = Some(DiskInfo { persistence: Some(volume), ..DiskInfo::default() });
            resource.shared = matches!(uses, Use::Shared).then_some(SharedInfo {});
        }
        Use::OwnDisk if is_disk => {
            let source = Source { r#type: source::Type::Mount.into(), ..Source::default() };
            resource.disk = Some(DiskInfo { source: Some(source), ..DiskInfo::default() });
        }
        Use::Volume | Use::Shared | Use::OwnDisk => {}
    }
    resource
}

fn bundle_of(side: Side) -> impl Strategy<Value = Resources> {
    prop::collection::vec(resource(side), 0..6).prop_map(|list| list.iter().collect())
}

fn bundle() -> impl Strategy<Value = Resources> {
    bundle_of(Side::Any)
}

fn wanted() -> impl Strategy<Value = (Wanted, i64, u64)> {
    let port = prop::option::of(0_u16..46);
    (0_i64..6000, 0_u64..12, port, any::<bool>()).prop_map(|(cpus, ports, port, revocable)| {
        let mut wanted = Wanted::new().cpus(Scalar::from_thousandths(cpus)).ports(ports);
        if let Some(port) = port {
            wanted = wanted.port(port);
        }
        if revocable {
            wanted = wanted.revocable();
        }
        (wanted, cpus, ports + u64::from(port.is_some()))
    })
}

proptest! {
    #[test]
    fn sums_do_not_depend_on_order(a in bundle(), b in bundle(), c in bundle()) {
        prop_assert_eq!(a.plus(&b), b.plus(&a));
        prop_assert_eq!(a.plus(&b).plus(&c), a.plus(&b.plus(&c)));
    }

    #[test]
    fn nothing_changes_nothing(a in bundle()) {
        let nothing = Resources::default();
        prop_assert_eq!(a.plus(&nothing), a.clone());
        prop_assert_eq!(a.checked_sub(&nothing), Some(a.clone()));
        prop_assert_eq!(a.checked_sub(&a), Some(nothing.clone()));
        prop_assert!(a.contains(&nothing) && a.contains(&a));
        prop_assert_eq!(nothing.contains(&a), a.is_empty());
    }

    #[test]
    fn what_is_added_can_be_taken_away(a in bundle_of(Side::A), b in bundle_of(Side::B)) {
        let sum = a.plus(&b);
        prop_assert!(sum.contains(&a) && sum.contains(&b));
        prop_assert_eq!(sum.checked_sub(&b), Some(a.clone()));
        prop_assert_eq!(sum.checked_sub(&a), Some(b));
    }

    #[test]
    fn what_is_contained_can_be_taken_away_and_put_back(a in bundle(), b in bundle()) {
        let (a_before, b_before) = (a.clone(), b.clone());
        let left = a.checked_sub(&b);
        prop_assert_eq!(a.contains(&b), left.is_some());
        if let Some(left) = left {
            prop_assert!(a.contains(&left));
            prop_assert_eq!(left.plus(&b), a.clone());
        }
        prop_assert_eq!((a, b), (a_before, b_before));
    }

    #[test]
    fn two_that_contain_each_other_are_equal(a in bundle(), b in bundle()) {
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
    }

    #[test]
    fn taking_splits_without_loss(offer in bundle(), (wanted, cpus, ports) in wanted()) {
        let before = offer.clone();
        if let Some((taken, left)) = offer.take_wanted(&wanted) {
            prop_assert_eq!(taken.cpus().thousandths(), cpus);
            prop_assert_eq!(taken.to_wire().iter().filter(|r| r.name == "ports")
                .map(|r| Resources::from_iter([r]).ports().count()).sum::<u64>(), ports);
            prop_assert!(offer.contains(&taken));
            prop_assert_eq!(offer.checked_sub(&taken), Some(left.clone()));
            prop_assert_eq!(taken.plus(&left), offer.clone());
            prop_assert!(taken.revocable().is_empty() || taken.non_revocable().is_empty());
            // What is nobody else's is used first.
            let reserved_is_left = left.filter(|r| r.name == "cpus" && !r.reservations.is_empty()
                && r.revocable.is_some() != taken.revocable().is_empty());
            let unreserved_is_taken = taken.filter(|r| r.name == "cpus" && r.reservations.is_empty());
            prop_assert!(reserved_is_left.is_empty() || unreserved_is_taken.is_empty());
        }
        prop_assert_eq!(offer, before);
    }

    #[test]
    fn taking_fails_only_if_there_is_not_enough(offer in bundle(), cpus in 0_i64..6000) {
        let amount = Scalar::from_thousandths(cpus);
        let enough = offer.non_revocable().cpus() >= amount;
        prop_assert_eq!(offer.take_wanted(&Wanted::new().cpus(amount)).is_some(), enough);
        prop_assert_eq!(offer.take(&[("cpus", amount)]).is_some(), enough);
    }

    #[test]
    fn every_part_is_in_one_half_or_the_other(a in bundle()) {
        prop_assert_eq!(a.reserved().plus(&a.unreserved()), a.clone());
        prop_assert_eq!(a.revocable().plus(&a.non_revocable()), a.clone());
        prop_assert_eq!(a.shared().plus(&a.non_shared()), a.clone());
        let by_role = a.reserved_roles().iter().fold(a.unreserved(), |sum, role| {
            sum.plus(&a.reserved_for(role))
        });
        prop_assert_eq!(by_role, a.clone());
        prop_assert_eq!(a.usable_by("web/prod/eu"), a.clone());
        prop_assert_eq!(a.usable_by("db"), a.unreserved());
        prop_assert_eq!(a.usable_by("website"), a.unreserved());
        prop_assert_eq!(a.filter(|_| true), a.clone());
        prop_assert!(a.filter(|_| false).is_empty());
    }

    #[test]
    fn a_reservation_can_be_taken_back(a in bundle()) {
        let free = a.without_reservations();
        let dynamic = reservation(Type::Dynamic, "db", None);
        let reserved = free.reserve(&dynamic).unwrap();
        prop_assert!(reserved.unreserved().is_empty());
        prop_assert_eq!(reserved.unreserve(), free);
        prop_assert_eq!(a.reserve(&dynamic).is_ok(), a.reserved().is_empty());
    }

    #[test]
    fn a_bundle_survives_the_wire(a in bundle()) {
        let wire = a.to_wire();
        prop_assert_eq!(Resources::from(&wire), a);
        for resource in &wire {
            let well_formed = match resource.r#type() {
                value::Type::Scalar => resource.scalar.is_some(),
                value::Type::Ranges => resource.ranges.is_some(),
                value::Type::Set => resource.set.is_some(),
                value::Type::Text => false,
            };
            prop_assert!(well_formed, "{:?}", resource);
        }
    }

    #[test]
    fn the_order_on_the_wire_does_not_matter(mut list in prop::collection::vec(resource(Side::Any), 0..6)) {
        let there: Resources = list.iter().collect();
        list.reverse();
        prop_assert_eq!(there, list.iter().collect::<Resources>());
    }

    #[test]
    fn the_text_form_reads_back(a in bundle()) {
        let plain = a.unallocated().non_revocable().filter(|r| {
            r.disk.is_none() && r.reservations.iter().all(|info| info.principal.is_none())
        });
        prop_assert_eq!(plain.to_string().parse::<Resources>(), Ok(plain));
    }
}

#[test]
fn copies_of_a_shared_volume_are_counted() {
    let volume = used(Resource { name: "disk".into(), ..Resource::default() }, Use::Shared);
    let volume = Quantity::Scalar(Scalar::from_f64(10.0)).write_into(&volume);
    let one: Resources = [&volume].into_iter().collect();
    let two = one.plus(&one);
    assert_eq!((one.count(&volume), two.count(&volume)), (1, 2));
    assert_eq!(two.checked_sub(&one), Some(one.clone()));
    assert!(!one.contains(&two));
    assert_eq!(two.to_wire().len(), 2);
    // A copy of another size is another volume.
    let other = Quantity::Scalar(Scalar::from_f64(5.0)).write_into(&volume);
    assert_eq!(two.count(&other), 0);
}
