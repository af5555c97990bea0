//! What happens to the connections of a scheduler's driver: silence, loss, a new master, https.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod loss;
#[path = "../peer/mod.rs"]
mod peer;
mod pipeline;
mod silence;
mod tls;

use std::time::Duration;

use mesos::backoff::Backoff;
use mesos::scheduler::{Builder, Driver, Event, Events};
use mesos::v1::scheduler::{Call, Event as Wire, call, event};
use mesos::v1::{FrameworkInfo, Offer};
use tokio::net::{TcpListener, TcpStream};

fn of_type(kind: event::Type) -> Wire {
    Wire { r#type: Some(kind.into()), ..Wire::default() }
}

/// The SUBSCRIBED event with an interval of heartbeats.
fn subscribed(heartbeat_seconds: f64) -> Wire {
    let subscribed = event::Subscribed {
        framework_id: "f-1".into(),
        heartbeat_interval_seconds: Some(heartbeat_seconds),
        ..event::Subscribed::default()
    };
    Wire { subscribed: Some(subscribed), ..of_type(event::Type::Subscribed) }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Accepts a SUBSCRIBE and begins its stream.
async fn accept(listener: &TcpListener, heartbeat_seconds: f64) -> TcpStream {
    let subscribe = peer::request::<Call>(listener).await;
    assert_eq!(subscribe.call.r#type(), call::Type::Subscribe);
    assert_eq!(subscribe.header("mesos-stream-id"), None);
    subscribe.stream("Mesos-Stream-Id: s\r\n", &subscribed(heartbeat_seconds)).await
}

async fn offer(stream: &mut TcpStream, id: &str) {
    let offer = Offer { id: id.into(), ..Offer::default() };
    let offers = event::Offers { offers: vec![offer] };
    peer::send(stream, &Wire { offers: Some(offers), ..of_type(event::Type::Offers) }).await;
}

/// A driver for the master at `listener`, quick to come back.
fn driver(listener: &TcpListener) -> Builder {
    let master = listener.local_addr().unwrap().to_string().parse().unwrap();
    let quick = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    Driver::builder(FrameworkInfo::default()).master(master).backoff(quick)
}

async fn next(events: &mut Events) -> Event {
    events.next().await.unwrap().unwrap()
}
