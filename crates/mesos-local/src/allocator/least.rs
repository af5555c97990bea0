//! What a bundle must have, at least, to be worth an offer.

use std::collections::BTreeMap;

use mesos::resources::{Resources, Scalar};
use mesos::v1::OfferFilters;
use mesos::v1::offer_filters::ResourceQuantities;

/// The wish of a framework for one of its roles, or the master's own rule.
#[derive(Debug, Default)]
pub(super) struct Least(Option<Vec<Amounts>>);

/// Amounts by the names of resources.
type Amounts = BTreeMap<String, Scalar>;

impl Least {
    /// What the filters ask for; the master's rule where they ask for nothing.
    pub(super) fn of(filters: Option<&OfferFilters>) -> Self {
        let asked = filters.and_then(|filters| filters.min_allocatable_resources.as_ref());
        Self(asked.map(|asked| asked.quantities.iter().map(amounts).collect()))
    }

    /// Whether a bundle may be offered. Any one of several alternatives is enough.
    pub(super) fn is_met_by(&self, bundle: &Resources) -> bool {
        // Filters may ask for nothing, and still nothing is no offer.
        if bundle.is_empty() {
            return false;
        }
        let has = |amounts: &Amounts| {
            amounts.iter().all(|(name, least)| amount_of(bundle, name) >= *least)
        };
        match &self.0 {
            Some(alternatives) => alternatives.is_empty() || alternatives.iter().any(has),
            None => is_worth_an_offer(bundle),
        }
    }
}

fn amounts(quantities: &ResourceQuantities) -> Amounts {
    let amounts = quantities.quantities.iter();
    amounts.map(|(name, it)| (name.clone(), Scalar::from_f64(it.value))).collect()
}

/// How much there is of a resource: of ranges how many numbers, of sets how many items.
fn amount_of(bundle: &Resources, name: &str) -> Scalar {
    let numbers = bundle.ranges(name).count();
    let items = u64::try_from(bundle.set(name).len()).unwrap_or(u64::MAX);
    let counted = i64::try_from(numbers.saturating_add(items)).unwrap_or(i64::MAX);
    bundle.scalar(name).saturating_add(Scalar::from_thousandths(1_000).saturating_mul(counted))
}

/// The default of the master's flag `min_allocatable_resources`: neither a sliver of processor nor
/// of memory alone.
fn is_worth_an_offer(free: &Resources) -> bool {
    free.cpus() >= Scalar::from_thousandths(10)
        || free.mem_mib() >= Scalar::from_thousandths(32_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos::v1::offer_filters::MinAllocatableResources;
    use mesos::v1::value;

    fn least(alternatives: &[&[(&str, f64)]]) -> Least {
        let amount =
            |(name, value): &(&str, f64)| ((*name).to_owned(), value::Scalar { value: *value });
        let set = |set: &&[(&str, f64)]| ResourceQuantities {
            quantities: set.iter().map(amount).collect(),
        };
        let quantities = alternatives.iter().map(set).collect();
        let min_allocatable_resources = Some(MinAllocatableResources { quantities });
        Least::of(Some(&OfferFilters { min_allocatable_resources }))
    }

    fn meets(least: &Least, bundle: &str) -> bool {
        least.is_met_by(&bundle.parse().unwrap())
    }

    #[test]
    fn without_a_wish_a_little_of_processor_or_memory_is_enough() {
        for none in [Least::default(), Least::of(None), Least::of(Some(&OfferFilters::default()))] {
            assert!(meets(&none, "cpus:0.01") && meets(&none, "mem:32"));
            assert!(!meets(&none, "cpus:0.009;mem:31;disk:100"));
        }
    }

    #[test]
    fn all_of_one_alternative_is_needed_and_no_alternative_asks_for_nothing() {
        let both = least(&[&[("cpus", 1.0), ("mem", 64.0)]]);
        assert!(meets(&both, "cpus:1;mem:64") && !meets(&both, "cpus:8;mem:63"));
        let either = least(&[&[("cpus", 1.0)], &[("mem", 64.0)]]);
        assert!(meets(&either, "cpus:1") && meets(&either, "mem:64"));
        assert!(meets(&least(&[]), "disk:1") && !meets(&least(&[]), ""));
        assert!(!meets(&least(&[&[("cpus", 0.0)]]), ""));
    }

    #[test]
    fn what_is_no_scalar_is_counted() {
        let ports = least(&[&[("ports", 3.0)]]);
        assert!(meets(&ports, "ports:[1-2,9-9]") && !meets(&ports, "cpus:9;ports:[1-2]"));
        assert!(meets(&least(&[&[("racks", 2.0)]]), "racks:{a,b}"));
    }
}
