//! The allocator with a made-up clock.

use super::*;

const NOW: Duration = Duration::from_secs(100);

fn bundle(text: &str) -> Resources {
    text.parse().unwrap()
}

fn id(framework: &str) -> FrameworkId {
    framework.into()
}

fn cluster(frameworks: &[&str]) -> Allocator {
    let mut allocator = Allocator::new(Duration::from_secs(1));
    for framework in frameworks {
        let roles = BTreeSet::from(["*".to_owned()]);
        allocator.set_framework(
            &id(framework),
            &roles,
            &BTreeSet::new(),
            wishes(false, &BTreeMap::new()),
        );
        allocator.set_active(&id(framework), true);
    }
    allocator.add_agent(&"a".into(), &bundle("cpus:2;mem:1024"));
    allocator
}

/// Any offer, of agents with GPUs or without.
fn wishes(takes_gpus: bool, filters: &BTreeMap<String, OfferFilters>) -> Wishes<'_> {
    Wishes { takes_gpus, filters }
}

fn give_back(allocator: &mut Allocator, allocation: &Allocation) {
    let Allocation { framework_id, role, agent_id, resources } = allocation;
    allocator.release(framework_id, role, agent_id, resources);
}

fn refuse(allocator: &mut Allocator, now: Duration, seconds: Option<f64>) -> Allocation {
    let given = allocator.allocate(now).remove(0);
    give_back(allocator, &given);
    allocator.refuse(now, &given, &given.resources, seconds);
    given
}

#[test]
fn a_free_bundle_is_given_once() {
    let mut allocator = cluster(&["f"]);
    assert_eq!(allocator.allocate(NOW)[0].resources, bundle("cpus:2;mem:1024"));
    assert_eq!(allocator.allocate(NOW), vec![]);
}

#[test]
fn a_refused_bundle_comes_back_when_the_filter_ends() {
    let mut allocator = cluster(&["f"]);
    refuse(&mut allocator, NOW, Some(60.0));
    assert!(allocator.allocate(NOW + Duration::from_secs(59)).is_empty());
    assert_eq!(allocator.allocate(NOW + Duration::from_secs(60)).len(), 1);
}

#[test]
fn unset_and_negative_refusals_mean_five_seconds_and_zero_means_none() {
    for (seconds, withheld_seconds) in [(None, 5), (Some(-1.0), 5), (Some(0.3), 1)] {
        let mut allocator = cluster(&["f"]);
        refuse(&mut allocator, NOW, seconds);
        let end = NOW + Duration::from_secs(withheld_seconds);
        assert!(allocator.allocate(end - Duration::from_millis(1)).is_empty(), "{seconds:?}");
        assert_eq!(allocator.allocate(end).len(), 1, "{seconds:?}");
    }
    let mut allocator = cluster(&["f"]);
    refuse(&mut allocator, NOW, Some(0.0));
    assert_eq!(allocator.allocate(NOW).len(), 1);
}

#[test]
fn more_than_was_refused_is_offered_despite_the_filter() {
    let mut allocator = cluster(&["f"]);
    let all = allocator.allocate(NOW).remove(0);
    let (task, rest) = (bundle("cpus:1;mem:512"), bundle("cpus:1;mem:512"));
    allocator.release(&id("f"), "*", &"a".into(), &rest);
    allocator.refuse(NOW, &all, &rest, Some(3600.0));
    assert!(allocator.allocate(NOW).is_empty());
    allocator.release(&id("f"), "*", &"a".into(), &task);
    assert_eq!(allocator.allocate(NOW)[0].resources, bundle("cpus:2;mem:1024"));
}

#[test]
fn suppressing_stops_offers_and_reviving_ends_suppression_and_filters() {
    let mut allocator = cluster(&["f"]);
    refuse(&mut allocator, NOW, Some(3600.0));
    allocator.suppress(&id("f"), &[]);
    assert!(allocator.allocate(NOW + Duration::from_secs(7200)).is_empty());
    allocator.revive(&id("f"), &["other".to_owned()]);
    assert!(allocator.allocate(NOW).is_empty());
    allocator.revive(&id("f"), &["*".to_owned()]);
    assert_eq!(allocator.allocate(NOW).len(), 1);
}

#[test]
fn what_one_framework_refuses_goes_to_another() {
    let mut allocator = cluster(&["f", "g"]);
    let refused = refuse(&mut allocator, NOW, None);
    let given = allocator.allocate(NOW).remove(0);
    assert_ne!(given.framework_id, refused.framework_id);
}

#[test]
fn the_framework_that_holds_least_is_served_first() {
    let mut allocator = cluster(&["f", "g"]);
    let first = allocator.allocate(NOW).remove(0).framework_id;
    allocator.add_agent(&"b".into(), &bundle("cpus:2;mem:1024"));
    assert_ne!(allocator.allocate(NOW).remove(0).framework_id, first);
}

#[test]
fn a_disconnected_framework_is_offered_nothing_and_returns_without_filters() {
    let mut allocator = cluster(&["f"]);
    refuse(&mut allocator, NOW, Some(3600.0));
    allocator.set_active(&id("f"), false);
    assert!(allocator.allocate(NOW).is_empty());
    allocator.set_active(&id("f"), true);
    assert_eq!(allocator.allocate(NOW).len(), 1);
}

#[test]
fn agents_with_gpus_are_kept_for_those_who_ask_for_gpus() {
    let mut allocator = Allocator::new(Duration::from_secs(1));
    allocator.add_agent(&"g".into(), &bundle("cpus:1;mem:64;gpus:1"));
    let roles = BTreeSet::from(["*".to_owned()]);
    allocator.set_framework(&id("f"), &roles, &BTreeSet::new(), wishes(false, &BTreeMap::new()));
    allocator.set_active(&id("f"), true);
    assert!(allocator.allocate(NOW).is_empty());
    allocator.set_framework(&id("f"), &roles, &BTreeSet::new(), wishes(true, &BTreeMap::new()));
    assert_eq!(allocator.allocate(NOW).len(), 1);
}
