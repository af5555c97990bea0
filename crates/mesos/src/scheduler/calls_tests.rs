//! Every call of the protocol has a method, in both encodings.

use std::collections::BTreeSet;

use super::*;
use crate::client::calls::Rules;
use crate::client::calls::tests::{Captured, captured};
use crate::client::link::Link;
use crate::codec::Codec;
use crate::scheduler::gate::Gate;
use crate::scheduler::offers::{OfferBook, SchedulerRules};
use crate::scheduler::subscription::Wishes;
use crate::v1::{OperationStatus, TaskStatus, Uuid};

fn calls() -> (Calls, Captured<Call>) {
    let (queue, captured) = captured();
    let (control, _) = mpsc::unbounded_channel();
    let subscription = Subscription::new(Wishes::default());
    (Calls { queue, control, subscription }, captured)
}

fn token() -> AckToken {
    let status = TaskStatus {
        task_id: "t".into(),
        agent_id: Some("a".into()),
        uuid: Some(vec![7; 16]),
        ..TaskStatus::default()
    };
    AckToken::of(&status).unwrap()
}

fn operation_token() -> OperationAckToken {
    let status = OperationStatus {
        operation_id: Some("op".into()),
        agent_id: Some("a".into()),
        uuid: Some(Uuid { value: vec![7; 16] }),
        ..OperationStatus::default()
    };
    OperationAckToken::of(&status).unwrap()
}

/// Makes each call once, through its method.
fn make_every_call(calls: &Calls) {
    let second = Duration::from_secs(1);
    let policy = KillPolicy { grace_period: None };
    drop(calls.send(calls.subscription.subscribe()));
    drop(calls.accept(vec!["o-1".into()], vec![crate::operation::launch(vec![])], second));
    drop(calls.decline(vec!["o-2".into()], second));
    drop(calls.accept_inverse(vec!["i".into()], second));
    drop(calls.decline_inverse(vec!["i".into()], second));
    drop(calls.revive_roles(["r"]));
    drop(calls.suppress_roles(["r"]));
    drop(calls.kill_with("t".into(), Some("a".into()), policy));
    drop(calls.shutdown_executor("e".into(), "a".into()));
    drop(calls.acknowledge(token()));
    drop(calls.acknowledge_operation(operation_token()));
    drop(calls.reconcile(vec![("t".into(), Some("a".into()))]));
    drop(calls.reconcile_operations(vec![("op".into(), Some("a".into()), None)]));
    drop(calls.message("a".into(), "e".into(), vec![1, 2]));
    drop(calls.request(vec![Request::default()]));
    drop(calls.update_framework(FrameworkInfo::default(), vec!["r".into()], None));
    drop(calls.teardown());
}

/// What leaves the process, after the driver has filled in what is its own.
fn every_call() -> Vec<Call> {
    let (calls, mut captured) = calls();
    make_every_call(&calls);
    let book = OfferBook::default();
    book.add(["o-1".into(), "o-2".into()]);
    let subscription = calls.subscription.clone();
    let mut rules = SchedulerRules { book, subscription, gate: Gate::default() };
    let link = Link {
        endpoint: "http://h:1/".parse().unwrap(),
        stream_id: None,
        framework_id: Some("f".into()),
    };
    let prepared = |mut call: Call| {
        assert_eq!(rules.prepare(&mut call, &link), Ok(true));
        call
    };
    std::iter::from_fn(|| captured.next()).map(prepared).collect()
}

#[test]
fn every_type_of_call_has_a_method() {
    let made: BTreeSet<i32> = every_call().iter().map(|call| call.r#type().into()).collect();
    let all: BTreeSet<i32> = (1..64).filter(|n| call::Type::try_from(*n).is_ok()).collect();
    assert_eq!(all.len(), 17);
    assert_eq!(made, all);
}

#[test]
fn every_call_says_its_type_its_content_and_its_framework_in_both_encodings() {
    for call in every_call() {
        let name = call.r#type().as_str_name();
        assert_eq!(call.framework_id, Some("f".into()), "{name}");
        for codec in [Codec::Protobuf, Codec::Json] {
            let decoded: Call = codec.decode(&codec.encode(&call)).unwrap();
            assert_eq!(decoded, call, "{name}");
        }
        let json: serde_json::Value = serde_json::from_slice(&Codec::Json.encode(&call)).unwrap();
        assert_eq!(json["type"], name);
        assert_eq!(json["framework_id"]["value"], "f");
        let content: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let content: Vec<_> =
            content.iter().filter(|key| *key != "type" && *key != "framework_id").collect();
        if call.r#type() == call::Type::Teardown {
            assert!(content.is_empty());
        } else {
            assert_eq!(content, [&name.to_lowercase()]);
        }
    }
}

#[test]
fn an_update_of_the_framework_carries_its_id_in_both_places() {
    let update = every_call().into_iter().find_map(|call| call.update_framework).unwrap();
    assert_eq!(update.framework_info.id, Some("f".into()));
    assert_eq!(update.suppressed_roles, ["r"]);
}

#[test]
fn all_roles_are_an_empty_list_and_no_roles_are_no_call() {
    let (calls, mut captured) = calls();
    let none: [String; 0] = [];
    drop(calls.revive_roles(none.clone()));
    drop(calls.suppress_roles(none));
    assert!(captured.next().is_none());
    drop(calls.suppress());
    assert_eq!(captured.next().unwrap().suppress.unwrap().roles.len(), 0);
    let suppressed = |calls: &Calls| calls.subscription.subscribe().subscribe.unwrap();
    assert_eq!(suppressed(&calls).suppressed_roles, ["*"]);
    drop(calls.revive());
    assert!(suppressed(&calls).suppressed_roles.is_empty());
}
