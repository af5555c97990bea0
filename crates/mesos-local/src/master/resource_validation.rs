//! Whether resources are well formed, wherever they appear.

use std::collections::BTreeSet;

use mesos::resources::{Resources, Scalar};
use mesos::v1::{Resource, value};

/// The first malformed resource, described.
pub(super) fn check(resources: &[Resource]) -> Result<(), String> {
    resources.iter().try_for_each(|resource| {
        fault_of(resource).map_or(Ok(()), |fault| {
            Err(format!("Resource '{}' is invalid: {fault}", resource.name))
        })
    })
}

/// The bundle without the role it is allocated to, which all of it shares.
pub(super) fn bundle(resources: &[Resource]) -> Resources {
    let plain: Vec<Resource> = resources
        .iter()
        .map(|resource| Resource { allocation_info: None, ..resource.clone() })
        .collect();
    Resources::from(&plain)
}

/// The role that resources are allocated to, if they say.
pub(super) fn role_of(resources: &[Resource]) -> Option<&str> {
    resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.as_deref())
}

/// Says of all resources which role they are allocated to, unless they say it themselves.
pub(super) fn allocate_to(role: &str, resources: &mut [Resource]) {
    for resource in resources {
        let info = resource.allocation_info.get_or_insert_default();
        info.role.get_or_insert_with(|| role.to_owned());
    }
}

fn fault_of(resource: &Resource) -> Option<String> {
    if resource.name.is_empty() {
        return Some("it has no name".to_owned());
    }
    match value::Type::try_from(resource.r#type) {
        Ok(value::Type::Scalar) => match &resource.scalar {
            Some(scalar) => scalar_fault(&resource.name, scalar.value),
            None => Some("it has no scalar".to_owned()),
        },
        Ok(value::Type::Ranges) => match &resource.ranges {
            Some(ranges) => ranges_fault(&ranges.range),
            None => Some("it has no ranges".to_owned()),
        },
        Ok(value::Type::Set) => match &resource.set {
            Some(set) => set_fault(&set.item),
            None => Some("it has no set".to_owned()),
        },
        Ok(value::Type::Text) | Err(_) => Some("its type is not supported".to_owned()),
    }
}

fn scalar_fault(name: &str, value: f64) -> Option<String> {
    if !value.is_finite() || value < 0.0 {
        return Some(format!("{value} is not an amount"));
    }
    if value > 0.0 && Scalar::from_f64(value).is_zero() {
        return Some(format!("{value} is too small: amounts have three decimals"));
    }
    (name == "gpus" && value.fract() != 0.0).then(|| "gpus must be whole numbers".to_owned())
}

fn ranges_fault(ranges: &[value::Range]) -> Option<String> {
    let mut sorted: Vec<(u64, u64)> = ranges.iter().map(|range| (range.begin, range.end)).collect();
    sorted.sort_unstable();
    if let Some((begin, end)) = sorted.iter().find(|(begin, end)| begin > end) {
        return Some(format!("the range {begin}-{end} ends before it begins"));
    }
    let overlap = sorted.iter().zip(sorted.iter().skip(1)).any(|((_, end), (next, _))| next <= end);
    overlap.then(|| "its ranges overlap".to_owned())
}

fn set_fault(items: &[String]) -> Option<String> {
    let distinct: BTreeSet<&String> = items.iter().collect();
    (distinct.len() != items.len()).then(|| "its items are not distinct".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(value: f64) -> Resource {
        Resource {
            name: "cpus".into(),
            scalar: Some(value::Scalar { value }),
            ..Resource::default()
        }
    }

    fn ports(ranges: &[(u64, u64)]) -> Resource {
        let range = ranges.iter().map(|&(begin, end)| value::Range { begin, end }).collect();
        Resource {
            name: "ports".into(),
            r#type: value::Type::Ranges.into(),
            ranges: Some(value::Ranges { range }),
            ..Resource::default()
        }
    }

    #[test]
    fn amounts_are_finite_not_negative_and_not_rounded_away() {
        assert!(check(&[cpus(0.5), cpus(0.0), ports(&[(1, 2), (3, 4)])]).is_ok());
        let faulty =
            [cpus(-1.0), cpus(0.0001), cpus(f64::NAN), ports(&[(2, 1)]), ports(&[(1, 3), (3, 4)])];
        for resource in faulty {
            assert!(check(std::slice::from_ref(&resource)).is_err(), "{resource:?}");
        }
    }
}
