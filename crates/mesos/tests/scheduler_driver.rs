//! The scheduler's driver against a scripted peer on loopback.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod peer;
mod scripted_master;

use std::time::Duration;

use mesos::ack::AckToken;
use mesos::backoff::Backoff;
use mesos::client::{CallError, Error};
use mesos::master::{Credential, MasterSpec};
use mesos::scheduler::{Calls, Driver, Event, Events, Stop};
use mesos::v1::FrameworkInfo;
use mesos::v1::scheduler::call;
use scripted_master::{accept, listen, offer, request, running, update};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

fn connect(master: MasterSpec) -> (Events, Calls) {
    let quick = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    Driver::builder(FrameworkInfo::default()).master(master).backoff(quick).connect().unwrap()
}

async fn next(events: &mut Events) -> Event {
    events.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn calls_carry_the_id_and_the_stream_of_their_subscription() {
    let (listener, master) = listen().await;
    let (mut events, calls) = connect(master);
    let subscribe = request(&listener).await;
    assert_eq!(subscribe.call.r#type(), call::Type::Subscribe);
    assert_eq!(subscribe.header("mesos-stream-id"), None);
    assert_eq!(subscribe.header("accept"), Some("application/x-protobuf"));
    let _stream = accept(subscribe, "s-1").await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: true, .. }));

    let revive = calls.revive();
    let call = request(&listener).await;
    assert_eq!(call.header("mesos-stream-id"), Some("s-1"));
    assert_eq!(call.call.framework_id, Some("f-1".into()));
    call.answer("202 Accepted").await;
    assert_eq!(revive.await, Ok(()));
}

#[tokio::test]
async fn a_new_subscription_keeps_the_id_drops_the_header_and_voids_offers() {
    let (listener, master) = listen().await;
    let (mut events, calls) = connect(master);
    let mut stream = accept(request(&listener).await, "s-1").await;
    next(&mut events).await;
    offer(&mut stream, "o-1").await;
    assert!(matches!(next(&mut events).await, Event::Offers(_)));
    drop(stream);
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let again = request(&listener).await;
    assert_eq!(again.header("mesos-stream-id"), None);
    assert_eq!(again.call.framework_id, Some("f-1".into()));
    assert_eq!(again.call.subscribe.as_ref().unwrap().framework_info.id, Some("f-1".into()));
    let _stream = accept(again, "s-2").await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
    let accepted = calls.accept(vec!["o-1".into()], Vec::new(), Duration::ZERO).await;
    assert_eq!(accepted, Err(CallError::StaleOffer("o-1".into())));
}

#[tokio::test]
async fn a_standby_redirects_to_the_leader() {
    let (standby, master) = listen().await;
    let (leader, _) = listen().await;
    let (mut events, _calls) = connect(master);
    let location = format!("//{}/master/api/v1/scheduler", leader.local_addr().unwrap());
    let head = format!("307 Temporary Redirect\r\nLocation: {location}");
    request(&standby).await.answer(&head).await;
    let subscribe = request(&leader).await;
    assert!(subscribe.headers.starts_with("POST /master/api/v1/scheduler "));
    let _stream = accept(subscribe, "s").await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
}

#[tokio::test]
async fn a_call_while_disconnected_is_an_error_the_caller_sees() {
    let (_listener, master) = listen().await;
    let (_events, calls) = connect(master);
    assert_eq!(calls.suppress().await, Err(CallError::NotSubscribed));
}

#[tokio::test]
async fn a_call_that_is_answered_403_loses_the_subscription() {
    let (listener, master) = listen().await;
    let (mut events, calls) = connect(master);
    let _stream = accept(request(&listener).await, "s-1").await;
    next(&mut events).await;
    let revive = calls.revive();
    request(&listener).await.answer("403 Forbidden").await;
    assert_eq!(revive.await, Err(CallError::NotSubscribed));
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    assert_eq!(request(&listener).await.call.r#type(), call::Type::Subscribe);
}

#[tokio::test]
async fn a_call_that_may_be_tried_again_loses_the_subscription_as_nothing_else_repeats_it() {
    let (listener, master) = listen().await;
    let (mut events, calls) = connect(master);
    let _stream = accept(request(&listener).await, "s-1").await;
    next(&mut events).await;
    let revive = calls.revive();
    request(&listener).await.answer("503 Service Unavailable").await;
    assert!(matches!(revive.await, Err(CallError::Rejected { status: 503, .. })));
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    assert_eq!(request(&listener).await.call.r#type(), call::Type::Subscribe);
}

#[tokio::test]
async fn wrong_credentials_end_the_stream() {
    let (listener, master) = listen().await;
    let credential = Some(Credential::new("inverter", "s3cret"));
    let builder = Driver::builder(FrameworkInfo::default()).master(master);
    let (mut events, _calls) = builder.credential(credential).connect().unwrap();
    let subscribe = request(&listener).await;
    assert_eq!(subscribe.header("authorization"), Some("Basic aW52ZXJ0ZXI6czNjcmV0"));
    let principal = subscribe.call.subscribe.as_ref().unwrap().framework_info.principal.clone();
    assert_eq!(principal, Some("inverter".into()));
    subscribe.answer("401 Unauthorized").await;
    let error = events.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)) && error.is_terminal(), "{error}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn refused_connections_are_items_until_somebody_listens() {
    let (listener, master) = listen().await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (mut events, _calls) = connect(master);
    for _ in 0..3 {
        let error = events.next().await.unwrap().unwrap_err();
        assert!(!error.is_terminal(), "{error}");
    }
    let listener = TcpListener::bind(address).await.unwrap();
    let subscribe = request(&listener).await;
    let _stream = accept(subscribe, "s").await;
    loop {
        if let Ok(Event::Subscribed { first, .. }) = events.next().await.unwrap() {
            assert!(first);
            break;
        }
    }
}

#[tokio::test]
async fn an_update_is_acknowledged_with_its_own_uuid() {
    let (listener, master) = listen().await;
    let (mut events, calls) = connect(master);
    let mut stream = accept(request(&listener).await, "s").await;
    next(&mut events).await;
    update(&mut stream, running("t", Some(vec![7; 16]))).await;
    let Event::Update { ack: Some(ack), .. } = next(&mut events).await else { panic!("no update") };
    let token: AckToken = ack;
    let pending = calls.acknowledge(token);
    let call = request(&listener).await;
    assert_eq!(call.call.acknowledge.as_ref().unwrap().uuid, vec![7; 16]);
    call.answer("202 Accepted").await;
    pending.await.unwrap();
}

#[tokio::test]
async fn stop_sends_what_is_queued_then_tears_down_and_ends_the_stream() {
    let (listener, master) = listen().await;
    let (mut events, calls) = connect(master);
    let _stream = accept(request(&listener).await, "s").await;
    next(&mut events).await;
    drop(calls.revive());
    let stopping = tokio::spawn(async move { calls.stop(Stop::Teardown).await });
    for kind in [call::Type::Revive, call::Type::Teardown] {
        let call = request(&listener).await;
        assert_eq!(call.call.r#type(), kind);
        call.answer("202 Accepted").await;
    }
    stopping.await.unwrap().unwrap();
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_stream_that_is_not_recordio_is_left() {
    let (listener, master) = listen().await;
    let (mut events, _calls) = connect(master);
    let mut stream = accept(request(&listener).await, "s").await;
    next(&mut events).await;
    stream.write_all(b"<html>\n").await.unwrap();
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
}
