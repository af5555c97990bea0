//! Rules that other clients of Mesos broke, against a scripted peer on loopback.

#![cfg(test)]

mod peer;
mod scripted_master;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mesos::backoff::Backoff;
use mesos::client::CallError;
use mesos::codec::Codec;
use mesos::framework_id::{FrameworkIdFile, FrameworkIdStore};
use mesos::master::MasterSpec;
use mesos::scheduler::{Builder, Calls, Driver, Event, Events};
use mesos::v1::scheduler::{Event as Wire, OfferConstraints, call, event};
use mesos::v1::{FrameworkId, FrameworkInfo};
use scripted_master::{accept, listen, of_type, offer, request, running, update};
use tokio::net::{TcpListener, TcpStream};

fn builder(master: MasterSpec) -> Builder {
    let quick = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    Driver::builder(FrameworkInfo::default()).master(master).backoff(quick)
}

/// A subscription that stands.
async fn subscribed(listener: &TcpListener, builder: Builder) -> (Events, Calls, TcpStream) {
    let (mut events, calls) = builder.connect().unwrap();
    let stream = accept(request(listener).await, "s-1").await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
    (events, calls, stream)
}

async fn next(events: &mut Events) -> Event {
    events.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn an_update_that_comes_twice_can_be_acknowledged_twice() {
    let (listener, master) = listen().await;
    let (mut events, calls, mut stream) = subscribed(&listener, builder(master)).await;
    for _ in 0..2 {
        update(&mut stream, running("t", Some(vec![7; 16]))).await;
        let Event::Update { ack: Some(token), .. } = next(&mut events).await else {
            panic!("not an update with a uuid")
        };
        let pending = calls.acknowledge(token);
        let call = request(&listener).await;
        assert_eq!(call.call.acknowledge.as_ref().unwrap().uuid, [7; 16]);
        call.answer("202 Accepted").await;
        assert_eq!(pending.await, Ok(()));
    }
}

#[tokio::test]
async fn an_update_without_uuid_cannot_be_acknowledged() {
    let (listener, master) = listen().await;
    let (mut events, _calls, mut stream) = subscribed(&listener, builder(master)).await;
    update(&mut stream, running("t", None)).await;
    assert!(matches!(next(&mut events).await, Event::Update { ack: None, .. }));
}

/// What was logged, for the tests that look for a warning.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn of(work: impl FnOnce()) -> String {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }
}

#[test]
fn a_token_that_is_forgotten_is_a_warning_and_one_that_is_forgone_is_not() {
    let token = || mesos::ack::AckToken::of(&running("task-7", Some(vec![7; 16]))).unwrap();
    let warned = Log::of(|| drop(token()));
    assert!(warned.contains("WARN") && warned.contains("task-7"), "{warned}");
    assert_eq!(Log::of(|| token().forgo()), "");
    assert_eq!(Log::of(|| drop(token().into_parts())), "");
}

#[tokio::test]
async fn a_failure_without_an_agent_or_a_status_does_not_end_the_stream() {
    let (listener, master) = listen().await;
    let (mut events, _calls, mut stream) = subscribed(&listener, builder(master)).await;
    let failure = |agent: Option<&str>| Wire {
        failure: Some(event::Failure {
            agent_id: agent.map(Into::into),
            executor_id: Some("e".into()),
            status: None,
        }),
        ..of_type(event::Type::Failure)
    };
    peer::send(&mut stream, &failure(None)).await;
    peer::send(&mut stream, &failure(Some("a"))).await;
    let error = events.next().await.unwrap().unwrap_err();
    assert!(!error.is_terminal(), "{error}");
    assert!(matches!(next(&mut events).await, Event::ExecutorLost { status: None, .. }));
}

#[tokio::test]
async fn calls_carry_the_stream_of_the_latest_subscription() {
    let (listener, master) = listen().await;
    let (mut events, calls, stream) = subscribed(&listener, builder(master)).await;
    drop(stream);
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    assert_eq!(calls.revive().await, Err(CallError::NotSubscribed));
    let again = request(&listener).await;
    assert_eq!(again.header("mesos-stream-id"), None);
    let _stream = accept(again, "s-2").await;
    next(&mut events).await;
    let pending = calls.revive();
    let call = request(&listener).await;
    assert_eq!(call.header("mesos-stream-id"), Some("s-2"));
    call.answer("202 Accepted").await;
    assert_eq!(pending.await, Ok(()));
}

#[tokio::test]
async fn suppression_and_constraints_hold_over_a_reconnect_also_if_the_call_failed() {
    let (listener, master) = listen().await;
    let constrained = builder(master).offer_constraints(OfferConstraints::default());
    let (mut events, calls) = constrained.suppressed_roles(["*"]).connect().unwrap();
    let first = request(&listener).await;
    let wishes = first.call.subscribe.clone().unwrap();
    assert_eq!(wishes.suppressed_roles, ["*"]);
    assert!(wishes.offer_constraints.is_some());
    let stream = accept(first, "s-1").await;
    next(&mut events).await;
    drop(stream);
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    // The wish is kept although there is nobody to tell.
    assert_eq!(calls.revive().await, Err(CallError::NotSubscribed));
    let stream = accept(request(&listener).await, "s-2").await;
    next(&mut events).await;
    drop(stream);
    let again = request(&listener).await.call.subscribe.unwrap();
    assert!(again.suppressed_roles.is_empty());
    assert!(again.offer_constraints.is_some());
}

#[tokio::test]
async fn an_updated_framework_is_what_subscribes_again() {
    let (listener, master) = listen().await;
    let (_events, calls, stream) = subscribed(&listener, builder(master)).await;
    let renamed = FrameworkInfo { name: "renamed".into(), ..FrameworkInfo::default() };
    let pending = calls.update_framework(renamed, Vec::new(), None);
    let call = request(&listener).await;
    let framework = call.call.update_framework.clone().unwrap().framework_info;
    assert_eq!(framework.id, Some("f-1".into()));
    call.answer("200 OK").await;
    assert_eq!(pending.await, Ok(()));
    drop(stream);
    let again = request(&listener).await.call;
    assert_eq!(again.framework_id, Some("f-1".into()));
    assert_eq!(again.subscribe.unwrap().framework_info.name, "renamed");
}

/// A place for the id that can be broken.
#[derive(Clone, Default)]
struct Place {
    broken: Arc<AtomicBool>,
    id: Arc<Mutex<Option<FrameworkId>>>,
}

impl FrameworkIdStore for Place {
    fn load(&self) -> io::Result<Option<FrameworkId>> {
        Ok(self.id.lock().unwrap().clone())
    }

    fn keep(&self, id: &FrameworkId) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is full"));
        }
        *self.id.lock().unwrap() = Some(id.clone());
        Ok(())
    }

    fn forget(&self) -> io::Result<()> {
        *self.id.lock().unwrap() = None;
        Ok(())
    }
}

#[tokio::test]
async fn no_offer_is_accepted_before_the_framework_id_is_kept() {
    let (listener, master) = listen().await;
    let place = Place::default();
    place.broken.store(true, Ordering::SeqCst);
    let builder = builder(master).keep_id(place.clone());
    let (mut events, calls, mut stream) = subscribed(&listener, builder).await;
    offer(&mut stream, "o").await;
    next(&mut events).await;
    let accepted = calls.accept(vec!["o".into()], Vec::new(), Duration::ZERO).await;
    assert_eq!(accepted, Err(CallError::NotKept("the disk is full".into())));
    assert!(accepted.unwrap_err().is_retryable());
    // The offer is not used up by that, and other calls need no id on disk.
    place.broken.store(false, Ordering::SeqCst);
    let pending = calls.accept(vec!["o".into()], Vec::new(), Duration::ZERO);
    let call = request(&listener).await;
    assert_eq!(call.call.r#type(), call::Type::Accept);
    assert_eq!(place.load().unwrap(), Some("f-1".into()));
    call.answer("202 Accepted").await;
    assert_eq!(pending.await, Ok(()));
}

#[tokio::test]
async fn a_scheduler_that_starts_again_subscribes_with_the_id_it_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = FrameworkIdFile::new(folder.path().join("framework-id"));
    let (listener, master) = listen().await;
    let first = builder(master.clone()).keep_id(file.clone());
    let (mut events, calls, mut stream) = subscribed(&listener, first).await;
    offer(&mut stream, "o").await;
    next(&mut events).await;
    let pending = calls.accept(vec!["o".into()], Vec::new(), Duration::ZERO);
    request(&listener).await.answer("202 Accepted").await;
    assert_eq!(pending.await, Ok(()));
    drop((events, calls, stream));

    let (_events, _calls) = builder(master).keep_id(file).connect().unwrap();
    let subscribe = request(&listener).await.call;
    assert_eq!(subscribe.framework_id, Some("f-1".into()));
    assert_eq!(subscribe.subscribe.unwrap().framework_info.id, Some("f-1".into()));
}

#[tokio::test]
async fn the_whole_conversation_can_be_in_json() {
    let (listener, master) = listen().await;
    let (mut events, calls) = builder(master).codec(Codec::Json).connect().unwrap();
    let subscribe = request(&listener).await;
    assert_eq!(subscribe.header("content-type"), Some("application/json"));
    assert_eq!(subscribe.header("accept"), Some("application/json"));
    assert_eq!(subscribe.call.r#type(), call::Type::Subscribe);
    let mut stream = accept(subscribe, "s").await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
    let status = running("t", Some(vec![7; 16]));
    let wire = Wire { update: Some(event::Update { status }), ..of_type(event::Type::Update) };
    peer::send_in(Codec::Json, &mut stream, &wire).await;
    let Event::Update { ack: Some(token), .. } = next(&mut events).await else {
        panic!("not an update with a uuid")
    };
    let pending = calls.acknowledge(token);
    let call = request(&listener).await;
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.call.acknowledge.as_ref().unwrap().uuid, [7; 16]);
    call.answer("202 Accepted").await;
    assert_eq!(pending.await, Ok(()));
}
