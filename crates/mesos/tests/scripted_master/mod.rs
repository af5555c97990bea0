//! The peer as a master.

use mesos::master::MasterSpec;
use mesos::v1::scheduler::{Call, Event, event};
use mesos::v1::{Offer, TaskState, TaskStatus};
use tokio::net::{TcpListener, TcpStream};

use crate::peer::{self, Request};

pub(crate) async fn listen() -> (TcpListener, MasterSpec) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let master = listener.local_addr().unwrap().to_string().parse().unwrap();
    (listener, master)
}

pub(crate) fn of_type(kind: event::Type) -> Event {
    Event { r#type: Some(kind.into()), ..Event::default() }
}

pub(crate) async fn request(listener: &TcpListener) -> Request<Call> {
    peer::request(listener).await
}

/// Accepts a SUBSCRIBE and begins its stream with SUBSCRIBED.
pub(crate) async fn accept(subscribe: Request<Call>, stream_id: &str) -> TcpStream {
    let subscribed = event::Subscribed {
        framework_id: "f-1".into(),
        heartbeat_interval_seconds: Some(15.0),
        ..Default::default()
    };
    let event = Event { subscribed: Some(subscribed), ..of_type(event::Type::Subscribed) };
    subscribe.stream(&format!("Mesos-Stream-Id: {stream_id}\r\n"), &event).await
}

pub(crate) async fn offer(stream: &mut TcpStream, id: &str) {
    let offer = Offer { id: id.into(), ..Offer::default() };
    let offers = event::Offers { offers: vec![offer] };
    peer::send(stream, &Event { offers: Some(offers), ..of_type(event::Type::Offers) }).await;
}

pub(crate) fn running(task: &str, uuid: Option<Vec<u8>>) -> TaskStatus {
    TaskStatus {
        task_id: task.into(),
        agent_id: Some("a".into()),
        state: TaskState::TaskRunning.into(),
        uuid,
        ..TaskStatus::default()
    }
}

pub(crate) async fn update(stream: &mut TcpStream, status: TaskStatus) {
    let update = Some(event::Update { status });
    peer::send(stream, &Event { update, ..of_type(event::Type::Update) }).await;
}
