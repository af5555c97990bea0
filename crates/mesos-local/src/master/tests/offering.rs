use super::*;
use mesos::v1::framework_info::capability::Type::{MultiRole, ReservationRefinement};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_declined_offer_comes_back_when_its_filter_ends_or_on_revive() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe(info());
    let first = offers(&client, &outputs);
    assert!(offers(&client, &bench.decline(&client, &first, Some(3600.0))).is_empty());
    assert!(offers(&client, &bench.pass(SECOND * 1800)).is_empty());
    let revived = bench.call(&client, call::Type::Revive, Call::default());
    assert_eq!(offers(&client, &revived)[0].resources, first[0].resources);
}

#[test]
fn declining_without_a_filter_offers_again_with_the_next_batch_only() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe(info());
    let declined = bench.decline(&client, &offers(&client, &outputs), Some(0.0));
    assert!(offers(&client, &declined).is_empty());
    assert_eq!(offers(&client, &bench.pass(SECOND)).len(), 1);
}

#[test]
fn a_suppressed_framework_is_offered_nothing_until_it_revives() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe(info());
    bench.call(&client, call::Type::Suppress, Call::default());
    bench.decline(&client, &offers(&client, &outputs), Some(0.0));
    assert!(offers(&client, &bench.pass(SECOND * 6000)).is_empty());
    assert!(offers(&client, &bench.add_agent("S9", "cpus:1;mem:64")).is_empty());
    let revived = bench.call(&client, call::Type::Revive, Call::default());
    assert_eq!(offers(&client, &revived).len(), 2);
}

#[test]
fn one_bad_role_makes_revive_count_for_nothing() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe_with(info(), &["*"]);
    assert!(offers(&client, &outputs).is_empty());
    let revive = call::Revive { roles: vec!["*".into(), "other".into()] };
    let call = Call { revive: Some(revive), ..Call::default() };
    assert!(offers(&client, &bench.call(&client, call::Type::Revive, call)).is_empty());
    assert!(offers(&client, &bench.pass(SECOND * 2)).is_empty());
}

#[test]
fn offers_have_the_shape_that_the_capabilities_ask_for() {
    let role = |offer: &Offer| {
        #[expect(deprecated, reason = "the old field is what is tested")]
        offer.resources[0].role.clone()
    };
    let allocated = |offer: &Offer| {
        let resource = offer.resources[0].allocation_info.clone();
        assert_eq!(resource, offer.allocation_info);
        resource.and_then(|info| info.role)
    };
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe(info());
    let plain = offers(&client, &outputs).remove(0);
    assert_eq!((role(&plain), allocated(&plain)), (Some("*".into()), None));

    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let roles = vec!["pictures".to_owned()];
    let modern = FrameworkInfo { roles, ..capable(&[MultiRole, ReservationRefinement]) };
    let (client, outputs) = bench.subscribe(modern);
    let offer = offers(&client, &outputs).remove(0);
    assert_eq!((role(&offer), allocated(&offer)), (None, Some("pictures".into())));
}

#[test]
fn rescinded_offers_are_named_and_made_again() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe(info());
    let offer = offers(&client, &outputs).remove(0);
    let outputs = bench.handle(Input::RescindOffers);
    let rescinded = events(&client.stream, &outputs).remove(0).rescind.unwrap();
    assert_eq!(rescinded.offer_id, offer.id);
    assert_eq!(offers(&client, &bench.pass(SECOND)).len(), 1);
}

#[test]
fn what_one_framework_leaves_another_is_offered() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (first, outputs) = bench.subscribe(info());
    let (second, none) = bench.subscribe(info());
    assert!(offers(&second, &none).is_empty());
    bench.decline(&first, &offers(&first, &outputs), None);
    let outputs = bench.pass(SECOND);
    assert!(offers(&first, &outputs).is_empty());
    assert_eq!(offers(&second, &outputs).len(), 1);
}

#[test]
fn dropped_streams_disconnect_every_framework() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let info = FrameworkInfo { failover_timeout: Some(60.0), ..info() };
    let (client, _) = bench.subscribe(info.clone());
    assert!(is_closed(&client.stream, &bench.handle(Input::DropStreams)));
    let (again, outputs) = bench.subscribe(FrameworkInfo { id: Some(client.id.clone()), ..info });
    assert_eq!(again.id, client.id);
    assert_eq!(offers(&again, &outputs).len(), 1);
}
