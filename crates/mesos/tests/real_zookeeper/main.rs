//! The detector against a real ZooKeeper, which is killed and started again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test"
)]

#[path = "../peer/mod.rs"]
mod peer;
mod server;

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use mesos::backoff::Backoff;
use mesos::detect::{DetectError, Detection, MasterDetector, News};
use mesos::master::MasterSpec;
use mesos::scheduler::{Driver, Event, Events};
use mesos::v1::scheduler::{Call, Event as Wire, event};
use mesos::v1::{FrameworkInfo, Offer};
use tokio::net::{TcpListener, TcpStream};
use zookeeper_client::{Acls, CreateMode};

use server::{Server, announce};

const EPHEMERAL: CreateMode = CreateMode::EphemeralSequential;
const PERSISTENT: CreateMode = CreateMode::PersistentSequential;
const MESOS: &str = "/mesos";

type Masters = Pin<Box<dyn Stream<Item = News> + Send>>;

fn watch(detector: impl MasterDetector) -> Masters {
    detector.masters().boxed()
}

/// The next news, in short.
async fn next(masters: &mut Masters) -> String {
    match masters.next().await {
        Some(Ok(Some(master))) => master.to_string(),
        Some(Ok(None)) => "nobody".into(),
        Some(Err(error)) => format!("error: {error}"),
        None => "the end".into(),
    }
}

async fn create(session: &zookeeper_client::Client, path: &str) {
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    session.create(path, b"", &options).await.unwrap();
}

#[tokio::test]
async fn the_lowest_number_leads_until_it_is_gone() {
    let server = Server::start().await;
    let mut masters = watch(server.detector(MESOS));
    assert_eq!(next(&mut masters).await, "nobody", "there is no such path");
    let (first, second, third) =
        (server.session().await, server.session().await, server.session().await);
    create(&first, MESOS).await;
    announce(&first, MESOS, 5051, EPHEMERAL).await;
    assert_eq!(next(&mut masters).await, "127.0.0.1:5051");
    let node = announce(&second, MESOS, 5052, EPHEMERAL).await;
    create(&second, "/mesos/log_replicas").await;
    drop(first);
    assert_eq!(next(&mut masters).await, "127.0.0.1:5052", "the session of the first ended");
    second.delete(&node, None).await.unwrap();
    assert_eq!(next(&mut masters).await, "nobody");
    announce(&third, MESOS, 5053, EPHEMERAL).await;
    assert_eq!(next(&mut masters).await, "127.0.0.1:5053");
}

#[tokio::test]
async fn what_is_no_master_is_told_and_the_next_one_found() {
    let server = Server::start().await;
    let session = server.session().await;
    create(&session, MESOS).await;
    let options = PERSISTENT.with_acls(Acls::anyone_all());
    session.create("/mesos/json.info_", b"{}", &options).await.unwrap();
    let mut masters = watch(server.detector(MESOS));
    assert_eq!(next(&mut masters).await, "nobody");
    let error = "error: /mesos/json.info_0000000000 in ZooKeeper names no master: it has no port";
    assert_eq!(next(&mut masters).await, error);
    session.delete("/mesos/json.info_0000000000", None).await.unwrap();
    announce(&session, MESOS, 5051, PERSISTENT).await;
    assert_eq!(next(&mut masters).await, "127.0.0.1:5051");
}

#[tokio::test]
async fn a_server_that_is_killed_and_soon_back_changes_nothing() {
    let mut server = Server::start().await;
    let session = server.session().await;
    create(&session, MESOS).await;
    let node = announce(&session, MESOS, 5051, PERSISTENT).await;
    let patient = server.detector(MESOS).session_timeout(Duration::from_secs(60));
    let mut masters = watch(patient);
    assert_eq!(next(&mut masters).await, "127.0.0.1:5051");
    drop(session);
    server.kill();
    server.restart().await;
    let session = server.session().await;
    announce(&session, MESOS, 5052, PERSISTENT).await;
    session.delete(&node, None).await.unwrap();
    assert_eq!(next(&mut masters).await, "127.0.0.1:5052");
}

#[tokio::test]
async fn a_server_that_stays_away_takes_the_leader_along() {
    let mut server = Server::start().await;
    let session = server.session().await;
    create(&session, MESOS).await;
    announce(&session, MESOS, 5051, PERSISTENT).await;
    let mut masters = watch(server.detector(MESOS).session_timeout(Duration::from_secs(1)));
    assert_eq!(next(&mut masters).await, "127.0.0.1:5051");
    server.kill();
    assert_eq!(next(&mut masters).await, "nobody");
    let error = next(&mut masters).await;
    assert!(error.starts_with("error: no connection to ZooKeeper at 127.0.0.1:"), "{error}");
    server.restart().await;
    assert_eq!(next_but_errors(&mut masters).await, "127.0.0.1:5051");
}

async fn next_but_errors(masters: &mut Masters) -> String {
    loop {
        let text = next(masters).await;
        if !text.starts_with("error: no connection") {
            return text;
        }
    }
}

#[tokio::test]
async fn a_silent_server_is_noticed() {
    let server = Server::start().await;
    let session = server.session().await;
    create(&session, MESOS).await;
    announce(&session, MESOS, 5051, PERSISTENT).await;
    let mut masters = watch(server.detector(MESOS).session_timeout(Duration::from_secs(1)));
    assert_eq!(next(&mut masters).await, "127.0.0.1:5051");
    server.signal("STOP");
    assert_eq!(next(&mut masters).await, "nobody");
    server.signal("CONT");
    assert_eq!(next_but_errors(&mut masters).await, "127.0.0.1:5051");
}

#[tokio::test]
async fn nobody_at_the_address_is_told_again_and_again() {
    let mut server = Server::start().await;
    server.kill();
    let mut masters = watch(server.detector(MESOS));
    for _ in 0..2 {
        let error = next(&mut masters).await;
        assert!(error.starts_with("error: no connection to ZooKeeper at 127.0.0.1:"), "{error}");
    }
}

#[tokio::test]
async fn a_password_opens_what_others_may_not_read() {
    let server = Server::start().await;
    let owner = server.session_of("mesos:s3cret").await;
    let private = CreateMode::Persistent.with_acls(Acls::creator_all());
    owner.create(MESOS, b"", &private).await.unwrap();
    announce(&owner, MESOS, 5051, PERSISTENT).await;
    for user in ["", "mesos:wrong@", "other:s3cret@"] {
        let mut masters = watch(Detection::of(server.address(user, MESOS).into()));
        let error = masters.next().await.unwrap().unwrap_err();
        assert_eq!(error, DetectError::Refused { path: MESOS.into() });
        assert!(error.is_terminal());
        assert_eq!(next(&mut masters).await, "the end");
    }
    let mut masters = watch(Detection::of(server.address("mesos:s3cret@", MESOS).into()));
    assert_eq!(next(&mut masters).await, "127.0.0.1:5051");
}

#[tokio::test]
async fn a_file_may_name_the_servers() {
    let server = Server::start().await;
    let session = server.session().await;
    create(&session, MESOS).await;
    announce(&session, MESOS, 5051, PERSISTENT).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zk");
    let servers = server.address("", MESOS);
    std::fs::write(&file, format!("{servers}\n")).unwrap();
    let spec: MasterSpec = format!("file://{}", file.display()).parse().unwrap();
    let mut masters = watch(Detection::of(spec));
    assert_eq!(next(&mut masters).await, "127.0.0.1:5051");
}

/// Accepts a SUBSCRIBE of the framework that is known as `id` and begins its stream.
async fn accept(listener: &TcpListener, id: Option<&str>) -> TcpStream {
    let subscribe = peer::request::<Call>(listener).await;
    assert_eq!(subscribe.header("mesos-stream-id"), None);
    assert_eq!(subscribe.call.framework_id, id.map(Into::into));
    let subscribed = event::Subscribed {
        framework_id: "f-1".into(),
        heartbeat_interval_seconds: Some(15.0),
        ..event::Subscribed::default()
    };
    let event = Wire {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed),
        ..Wire::default()
    };
    subscribe.stream("Mesos-Stream-Id: s\r\n", &event).await
}

#[tokio::test]
async fn a_scheduler_finds_the_leader_and_follows_it() {
    let server = Server::start().await;
    let session = server.session().await;
    create(&session, MESOS).await;
    let (first, second) = (listen().await, listen().await);
    let node = announce(&session, MESOS, port(&first), PERSISTENT).await;
    announce(&session, MESOS, port(&second), PERSISTENT).await;
    let quick = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    let spec = server.address("", MESOS).into();
    let builder = Driver::builder(FrameworkInfo::default()).master(spec).backoff(quick);
    let (mut events, _calls) = builder.connect().unwrap();
    peer::request::<Call>(&first).await.answer("503 Service Unavailable").await;
    let error = events.next().await.unwrap().unwrap_err();
    assert!(!error.is_terminal(), "{error}");
    let _stream = accept(&first, None).await;
    assert!(matches!(event(&mut events).await, Event::Subscribed { first: true, .. }));
    session.delete(&node, None).await.unwrap();
    assert!(matches!(event(&mut events).await, Event::Disconnected { .. }));
    let mut stream = accept(&second, Some("f-1")).await;
    assert!(matches!(event(&mut events).await, Event::Subscribed { first: false, .. }));
    let offers = Wire {
        r#type: Some(event::Type::Offers.into()),
        offers: Some(event::Offers { offers: vec![Offer::default()] }),
        ..Wire::default()
    };
    peer::send(&mut stream, &offers).await;
    assert!(matches!(event(&mut events).await, Event::Offers(offers) if offers.len() == 1));
}

async fn event(events: &mut Events) -> Event {
    events.next().await.unwrap().unwrap()
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}
