//! A partition that nobody tells of: connections stay open and nothing comes.
//!
//! The clock is tokio's: it jumps to the next deadline whenever nothing else is to be done.

use std::time::Duration;

use mesos::client::CallError;
use mesos::scheduler::Event;
use mesos::v1::scheduler::{Call, call, event};
use tokio::time::{Instant, sleep};

use crate::{accept, driver, listen, next, of_type, offer, peer};

/// Whether it is so many seconds after `start`, by the clock that jumps.
fn assert_after(start: Instant, seconds: u64) {
    let elapsed = start.elapsed();
    let expected = Duration::from_secs(seconds);
    assert!(elapsed >= expected && elapsed < expected + Duration::from_secs(1), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn five_silent_heartbeats_are_a_loss() {
    for (interval, seconds) in [(15.0, 75), (2.0, 10)] {
        let listener = listen().await;
        let (mut events, _calls) = driver(&listener).connect().unwrap();
        let _silent = accept(&listener, interval).await;
        assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
        let start = Instant::now();
        let Event::Disconnected { reason } = next(&mut events).await else { panic!() };
        assert_after(start, seconds);
        assert_eq!(reason, format!("nothing came for {seconds}s"));
        let _stream = accept(&listener, interval).await;
        assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn every_heartbeat_begins_the_silence_anew() {
    let listener = listen().await;
    let (mut events, _calls) = driver(&listener).connect().unwrap();
    let mut stream = accept(&listener, 15.0).await;
    next(&mut events).await;
    let start = Instant::now();
    for _ in 0..20 {
        sleep(Duration::from_secs(70)).await;
        peer::send(&mut stream, &of_type(event::Type::Heartbeat)).await;
    }
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    assert_after(start, 20 * 70 + 75);
}

#[tokio::test(start_paused = true)]
async fn silence_does_not_count_while_the_user_is_slow() {
    let listener = listen().await;
    let (mut events, _calls) = driver(&listener).event_capacity(1).connect().unwrap();
    let mut stream = accept(&listener, 15.0).await;
    next(&mut events).await;
    for id in ["o-1", "o-2", "o-3", "o-4"] {
        offer(&mut stream, id).await;
    }
    sleep(Duration::from_secs(1000)).await;
    for id in ["o-1", "o-2", "o-3", "o-4"] {
        let Event::Offers(offers) = next(&mut events).await else { panic!("{id}") };
        assert_eq!(offers[0].id, id.into());
    }
    let start = Instant::now();
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    assert_after(start, 75);
}

#[tokio::test(start_paused = true)]
async fn a_master_that_never_answers_subscribe_is_a_failed_try() {
    let listener = listen().await;
    let (mut events, _calls) = driver(&listener).connect().unwrap();
    let start = Instant::now();
    let _silent = peer::request::<Call>(&listener).await;
    let error = events.next().await.unwrap().unwrap_err();
    assert_after(start, 15);
    assert!(error.to_string().ends_with("no answer within 15s"), "{error}");
    let _stream = accept(&listener, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: true, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_loses_the_subscription() {
    let listener = listen().await;
    let (mut events, calls) = driver(&listener).connect().unwrap();
    let _stream = accept(&listener, 15.0).await;
    next(&mut events).await;
    let start = Instant::now();
    let revive = calls.revive();
    let silent = peer::request::<Call>(&listener).await;
    assert_eq!(silent.call.r#type(), call::Type::Revive);
    assert_eq!(revive.await, Err(CallError::Timeout));
    assert_after(start, 30);
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let _stream = accept(&listener, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
}
