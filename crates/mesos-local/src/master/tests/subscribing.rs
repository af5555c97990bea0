use super::*;
use mesos::v1::offer_filters::{MinAllocatableResources, ResourceQuantities};
use mesos::v1::{OfferFilters, value};

#[test]
fn a_new_framework_gets_an_id_a_heartbeat_and_offers_at_once() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024", "cpus:1;mem:512"]);
    let (client, outputs) = bench.subscribe(info());
    assert_eq!(client.id.value, "M-0000");
    assert_eq!(
        kinds(&client, &outputs),
        [event::Type::Subscribed, event::Type::Heartbeat, event::Type::Offers]
    );
    let offers = offers(&client, &outputs);
    assert_eq!(offers.len(), 2);
    assert_eq!(Resources::from(&offers[0].resources), bundle("cpus:2;mem:1024"));
    assert_eq!(offers[0].id.value, "M-O0");
}

#[test]
fn heartbeats_come_every_fifteen_seconds() {
    let mut bench = Bench::with_agents(&[]);
    let (client, _) = bench.subscribe(info());
    assert!(kinds(&client, &bench.pass(Duration::from_millis(14_999))).is_empty());
    assert_eq!(
        kinds(&client, &bench.pass(Duration::from_millis(30_001))),
        [event::Type::Heartbeat; 3]
    );
}

#[test]
fn a_second_subscription_takes_over_and_offers_return_with_the_next_allocation() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (first, outputs) = bench.subscribe(info());
    let old = offers(&first, &outputs);
    let (second, outputs) = bench.subscribe(FrameworkInfo { id: Some(first.id.clone()), ..info() });
    assert_eq!(second.id, first.id);
    assert_eq!(errors(&first.stream, &outputs), ["Framework failed over"]);
    assert!(is_closed(&first.stream, &outputs));
    assert_eq!(kinds(&second, &outputs), [event::Type::Subscribed, event::Type::Heartbeat]);
    assert_eq!(reply(&bench.try_call(&first, call::Type::Revive, Call::default())).status, 400);
    let again = offers(&second, &bench.pass(Duration::from_secs(1)));
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].id, old[0].id);
    // The end of the old connection is noticed late and concerns nobody.
    bench.handle(Input::StreamClosed(first.stream));
    assert_eq!(reply(&bench.try_call(&second, call::Type::Revive, Call::default())).status, 202);
}

#[test]
fn an_unknown_id_is_welcome_and_keeps_its_name() {
    let mut bench = Bench::with_agents(&[]);
    let (client, _) = bench.subscribe(FrameworkInfo { id: Some("other-0007".into()), ..info() });
    assert_eq!(client.id.value, "other-0007");
}

#[test]
fn a_disconnected_framework_may_return_until_its_failover_timeout() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let info = FrameworkInfo { failover_timeout: Some(60.0), ..info() };
    let (first, outputs) = bench.subscribe(info.clone());
    bench.decline(&first, &offers(&first, &outputs), Some(3600.0));
    bench.handle(Input::StreamClosed(first.stream.clone()));
    let refused = bench.try_call(&first, call::Type::Revive, Call::default());
    assert_eq!(*reply(&refused), Reply::new(403, "Framework is not subscribed"));
    bench.pass(Duration::from_secs(59));
    let back = FrameworkInfo { id: Some(first.id.clone()), ..info };
    let (second, outputs) = bench.subscribe(back.clone());
    assert_eq!(offers(&second, &outputs).len(), 1, "at once, as disconnecting ends filters");
    // The timer of the first disconnection must not hit the second subscription.
    bench.pass(Duration::from_secs(120));
    assert_eq!(reply(&bench.try_call(&second, call::Type::Revive, Call::default())).status, 202);
    bench.handle(Input::StreamClosed(second.stream));
    bench.pass(Duration::from_secs(61));
    let (third, outputs) = bench.subscribe(back);
    assert_eq!(errors(&third.stream, &outputs), ["Framework has been removed"]);
    assert!(is_closed(&third.stream, &outputs));
}

#[test]
fn teardown_ends_everything_and_bars_the_id() {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe(info());
    let offer = &offers(&client, &outputs)[0];
    bench.accept(
        &client,
        std::slice::from_ref(&offer.id),
        vec![command_task("t", offer, "cpus:1;mem:64")],
    );
    let outputs = bench.call(&client, call::Type::Teardown, Call::default());
    assert!(is_closed(&client.stream, &outputs));
    assert!(matches!(to_agents(&outputs)[..], [ToAgent::ShutdownFramework(_)]));
    let gone = bench.try_call(&client, call::Type::Revive, Call::default());
    assert_eq!(*reply(&gone), Reply::new(400, "Framework cannot be found"));
    let (other, outputs) = bench.subscribe(info());
    let all = offers(&other, &outputs);
    assert_eq!(Resources::from(&all[0].resources), bundle("cpus:2;mem:1024"));
    let (late, outputs) = bench.subscribe(FrameworkInfo { id: Some(client.id), ..info() });
    assert_eq!(errors(&late.stream, &outputs), ["Framework has been removed"]);
}

#[test]
fn bad_roles_are_an_error_on_the_stream() {
    use framework_info::capability::Type::MultiRole;
    #[expect(deprecated, reason = "the old field is what is tested")]
    let with_role = |role: &str| FrameworkInfo { role: Some(role.into()), ..info() };
    let twice = vec!["a".to_owned(), "a".to_owned()];
    let bad = [
        with_role("/test/test1"),
        FrameworkInfo { roles: vec!["a".into()], ..info() },
        FrameworkInfo { roles: twice, ..capable(&[MultiRole]) },
        FrameworkInfo { failover_timeout: Some(1e20), ..info() },
        FrameworkInfo { failover_timeout: Some(-1.0), ..info() },
    ];
    for info in bad {
        let mut bench = Bench::with_agents(&[]);
        let (client, outputs) = bench.subscribe(info.clone());
        assert_eq!(errors(&client.stream, &outputs).len(), 1, "{info:?}");
        assert!(is_closed(&client.stream, &outputs));
    }
    let mut bench = Bench::with_agents(&[]);
    let (client, outputs) = bench.subscribe_with(info(), &["other"]);
    assert_eq!(errors(&client.stream, &outputs).len(), 1);
}

#[test]
fn the_principal_must_not_change() {
    let mut bench = Bench::with_agents(&[]);
    let (client, _) = bench.subscribe(info());
    let other =
        FrameworkInfo { id: Some(client.id.clone()), principal: Some("p".into()), ..info() };
    let (second, outputs) = bench.subscribe(other);
    assert_eq!(
        errors(&second.stream, &outputs),
        ["Changing framework's principal is not allowed."]
    );
    assert_eq!(reply(&bench.try_call(&client, call::Type::Revive, Call::default())).status, 202);
}

#[test]
fn calls_are_let_in_in_the_order_of_a_real_master() {
    let mut bench = Bench::with_agents(&[]);
    let (client, _) = bench.subscribe(info());
    let call = |id: &FrameworkId| {
        let kind = Some(call::Type::Revive.into());
        Box::new(Call { framework_id: Some(id.clone()), r#type: kind, ..Call::default() })
    };
    let unknown =
        bench.handle(Input::Call { stream: None, principal: None, call: call(&"nobody".into()) });
    assert_eq!(*reply(&unknown), Reply::new(400, "Framework cannot be found"));
    let bare = bench.handle(Input::Call { stream: None, principal: None, call: call(&client.id) });
    let text = "All non-subscribe calls should include the 'Mesos-Stream-Id' header";
    assert_eq!(*reply(&bare), Reply::new(400, text));
    let other = Some(StreamId("x".into()));
    let wrong =
        bench.handle(Input::Call { stream: other, principal: None, call: call(&client.id) });
    assert_eq!(reply(&wrong).status, 400);
    assert_eq!(reply(&bench.try_call(&client, call::Type::Unknown, Call::default())).status, 501);
}

#[test]
fn update_framework_refuses_what_must_not_change() {
    let mut bench = Bench::with_agents(&["cpus:1;mem:64"]);
    let (client, _) = bench.subscribe(info());
    let same = FrameworkInfo { id: Some(client.id.clone()), ..info() };
    let cases = [
        (FrameworkInfo { name: "new".into(), ..same.clone() }, 200),
        (FrameworkInfo { user: "nobody".into(), ..same.clone() }, 400),
        (FrameworkInfo { checkpoint: Some(true), ..same.clone() }, 400),
        (FrameworkInfo { principal: Some("p".into()), ..same }, 400),
    ];
    for (framework_info, status) in cases {
        let update = call::UpdateFramework { framework_info, ..Default::default() };
        let call = Call { update_framework: Some(update), ..Call::default() };
        let outputs = bench.try_call(&client, call::Type::UpdateFramework, call);
        assert_eq!(reply(&outputs).status, status);
    }
}

#[test]
fn a_principal_stays_and_calls_for_its_own_framework_only() {
    let mut bench = Bench::with_agents(&[]);
    let named = |principal: Option<&str>| FrameworkInfo {
        principal: principal.map(Into::into),
        failover_timeout: Some(60.0),
        ..info()
    };
    let (client, _) = bench.subscribe(named(Some("p")));
    for other in [None, Some("q")] {
        let changed = FrameworkInfo { id: Some(client.id.clone()), ..named(other) };
        let (refused, outputs) = bench.subscribe(changed);
        let message = "Changing framework's principal is not allowed.";
        assert_eq!(errors(&refused.stream, &outputs), [message], "{other:?}");
    }
    let mut ask = |principal: Option<&str>| {
        let kind = Some(call::Type::Revive.into());
        let framework_id = Some(client.id.clone());
        let call = Box::new(Call { framework_id, r#type: kind, ..Call::default() });
        let (stream, principal) = (Some(client.stream.clone()), principal.map(Into::into));
        reply(&bench.handle(Input::Call { stream, principal, call })).status
    };
    assert_eq!([ask(Some("q")), ask(Some("p")), ask(None)], [400, 202, 202]);
}

#[test]
fn an_update_may_suppress_own_roles_only() {
    let mut bench = Bench::with_agents(&[]);
    let (client, _) = bench.subscribe(info());
    let mut update = |role: &str| {
        let update = call::UpdateFramework {
            framework_info: FrameworkInfo { id: Some(client.id.clone()), ..info() },
            suppressed_roles: vec![role.into()],
            ..call::UpdateFramework::default()
        };
        let call = Call { update_framework: Some(update), ..Call::default() };
        reply(&bench.try_call(&client, call::Type::UpdateFramework, call)).status
    };
    assert_eq!([update("*"), update("other")], [200, 400]);
}

#[test]
fn offer_filters_are_kept_unless_they_make_no_sense() {
    let filtered = |sets: &[&[(&str, f64)]]| {
        let amount =
            |(name, value): &(&str, f64)| ((*name).to_owned(), value::Scalar { value: *value });
        let set = |set: &&[(&str, f64)]| ResourceQuantities {
            quantities: set.iter().map(amount).collect(),
        };
        let quantities = sets.iter().map(set).collect();
        let least = Some(MinAllocatableResources { quantities });
        let filters = OfferFilters { min_allocatable_resources: least };
        FrameworkInfo { offer_filters: [("*".to_owned(), filters)].into(), ..info() }
    };
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let mut refused = |sets: &[&[(&str, f64)]]| {
        let (client, outputs) = bench.subscribe(filtered(sets));
        errors(&client.stream, &outputs).remove(0)
    };
    let nothing = "Resource quantities must contain at least one quantity";
    assert_eq!(refused(&[&[("cpus", 1.0)], &[]]), nothing);
    let fault = "Invalid resource quantity for 'cpus': ";
    assert_eq!(refused(&[&[("cpus", -1.0)]]), format!("{fault}Negative values not supported"));
    assert_eq!(refused(&[&[("cpus", f64::NAN)]]), format!("{fault}NaN not supported"));
    let infinite = format!("{fault}Infinite values not supported");
    assert_eq!(refused(&[&[("cpus", f64::INFINITY)]]), infinite);

    let (client, outputs) = bench.subscribe(filtered(&[&[("cpus", 2.5)]]));
    assert!(offers(&client, &outputs).is_empty(), "the agent has 2 cpus");
    let id = Some(client.id.clone());
    let framework_info = FrameworkInfo { id, ..filtered(&[&[("cpus", 2.0), ("mem", 1.0)]]) };
    let update = call::UpdateFramework { framework_info, ..call::UpdateFramework::default() };
    let call = Call { update_framework: Some(update), ..Call::default() };
    let outputs = bench.try_call(&client, call::Type::UpdateFramework, call);
    assert_eq!(reply(&outputs).status, 200);
    assert_eq!(offers(&client, &bench.pass(Duration::from_secs(1))).len(), 1);
}
