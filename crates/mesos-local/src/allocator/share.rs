//! How much of the cluster somebody holds.

use mesos::resources::{CPUS, DISK, MEM, Resources, Scalar};

/// The largest share of any one resource: what dominant resource fairness compares.
pub(super) fn dominant_share(held: &Resources, total: &Resources) -> f64 {
    [CPUS, MEM, DISK, "gpus"]
        .into_iter()
        .map(|name| share(held.scalar(name), total.scalar(name)))
        .fold(0.0, f64::max)
}

fn share(held: Scalar, total: Scalar) -> f64 {
    if total.is_zero() { 0.0 } else { held.to_f64() / total.to_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_resource_counts() {
        let total: Resources = "cpus:4;mem:1000".parse().unwrap();
        let held: Resources = "cpus:1;mem:500".parse().unwrap();
        assert_eq!(dominant_share(&held, &total), 0.5);
        assert_eq!(dominant_share(&held, &Resources::default()), 0.0);
    }
}
