//! Connections that break, and masters that change.

use futures_util::Stream;
use mesos::client::{CallError, Error};
use mesos::detect::{DetectError, MasterDetector, News};
use mesos::master::Master;
use mesos::scheduler::Event;
use mesos::v1::scheduler::{Call, call};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::{accept, driver, listen, next, peer};

/// A detector that says what the test says.
pub(crate) struct Told(pub(crate) mpsc::UnboundedReceiver<News>);

impl MasterDetector for Told {
    fn masters(mut self) -> impl Stream<Item = News> + Send + 'static {
        futures_util::stream::poll_fn(move |context| self.0.poll_recv(context))
    }
}

pub(crate) fn leads(listener: &TcpListener) -> News {
    let address = format!("http://{}", listener.local_addr().unwrap());
    Ok(Some(Master::at(address.parse().unwrap())))
}

#[tokio::test]
async fn losing_the_connection_of_the_calls_loses_the_subscription() {
    let listener = listen().await;
    let (mut events, calls) = driver(&listener).connect().unwrap();
    let _stream = accept(&listener, 15.0).await;
    next(&mut events).await;
    let revive = calls.revive();
    let later = calls.suppress();
    let broken = peer::request::<Call>(&listener).await;
    assert_eq!(broken.call.r#type(), call::Type::Revive);
    drop(broken);
    assert!(matches!(revive.await, Err(CallError::Transport(_))));
    assert_eq!(later.await, Err(CallError::NotSubscribed), "it would overtake the lost one");
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let _stream = accept(&listener, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
}

#[tokio::test]
async fn a_new_master_cancels_the_old_subscription() {
    let (first, second) = (listen().await, listen().await);
    let (news, told) = mpsc::unbounded_channel();
    let (mut events, calls) = driver(&first).connect_with(Told(told)).unwrap();
    news.send(Ok(None)).unwrap();
    let error = events.next().await.unwrap().unwrap_err();
    assert!(error.to_string().starts_with("no master leads"), "{error}");
    news.send(leads(&first)).unwrap();
    let mut old = accept(&first, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: true, .. }));
    news.send(leads(&second)).unwrap();
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let _stream = accept(&second, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
    assert_eq!(old.read(&mut [0]).await.unwrap(), 0, "the old stream is closed");
    let revive = calls.revive();
    let call = peer::request::<Call>(&second).await;
    assert_eq!(call.header("mesos-stream-id"), Some("s"));
    call.answer("202 Accepted").await;
    revive.await.unwrap();
}

#[tokio::test]
async fn without_a_master_calls_fail_and_the_driver_waits() {
    let listener = listen().await;
    let (news, told) = mpsc::unbounded_channel();
    let (mut events, calls) = driver(&listener).connect_with(Told(told)).unwrap();
    news.send(leads(&listener)).unwrap();
    let _stream = accept(&listener, 15.0).await;
    next(&mut events).await;
    news.send(Ok(None)).unwrap();
    let Event::Disconnected { reason } = next(&mut events).await else { panic!() };
    assert_eq!(reason, "no master leads any more");
    assert_eq!(calls.revive().await, Err(CallError::NotSubscribed));
    assert!(!events.next().await.unwrap().unwrap_err().is_terminal());
    news.send(leads(&listener)).unwrap();
    let _stream = accept(&listener, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: false, .. }));
}

#[tokio::test]
async fn detection_that_is_refused_ends_the_stream() {
    let listener = listen().await;
    let (news, told) = mpsc::unbounded_channel();
    let (mut events, _calls) = driver(&listener).connect_with(Told(told)).unwrap();
    let unreachable = DetectError::Unreachable { servers: "a:1".into(), reason: "why".into() };
    news.send(Err(unreachable)).unwrap();
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no connection to ZooKeeper at a:1: why");
    news.send(Err(DetectError::Refused { path: "/mesos".into() })).unwrap();
    let error = events.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)) && error.is_terminal(), "{error}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn the_next_of_several_masters_is_tried_at_once() {
    let (gone, leader) = (listen().await, listen().await);
    let list = format!("{},{}", gone.local_addr().unwrap(), leader.local_addr().unwrap());
    drop(gone);
    let (mut events, _calls) = driver(&leader).master(list.parse().unwrap()).connect().unwrap();
    assert!(!events.next().await.unwrap().unwrap_err().is_terminal());
    let _stream = accept(&leader, 15.0).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: true, .. }));
}
