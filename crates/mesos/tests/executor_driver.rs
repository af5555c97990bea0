//! The executor's driver against a scripted peer on loopback.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod peer;

use mesos::client::CallError;
use mesos::codec::Codec;
use mesos::executor::{Calls, Driver, Environment, Event, Events};
use mesos::v1::executor::{Call, Event as Wire, call, event};
use mesos::v1::{TaskInfo, TaskState, TaskStatus, task_status};
use tokio::net::{TcpListener, TcpStream};

fn environment(listener: &TcpListener, checkpoint: &'static str) -> Environment {
    let address = listener.local_addr().unwrap().to_string();
    let environment = Environment::from_lookup(|name| match name {
        "MESOS_FRAMEWORK_ID" => Some("f".into()),
        "MESOS_EXECUTOR_ID" => Some("e".into()),
        "MESOS_AGENT_ENDPOINT" => Some(address.clone()),
        "MESOS_SLAVE_PID" => Some(format!("slave(1)@{address}")),
        "MESOS_CHECKPOINT" => Some(checkpoint.into()),
        _ => None,
    });
    environment.unwrap()
}

async fn start(checkpoint: &'static str) -> (TcpListener, Events, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (events, calls) = Driver::connect(environment(&listener, checkpoint)).unwrap();
    (listener, events, calls)
}

async fn request(listener: &TcpListener) -> peer::Request<Call> {
    peer::request(listener).await
}

fn of_type(kind: event::Type) -> Wire {
    Wire { r#type: Some(kind.into()), ..Wire::default() }
}

async fn accept(subscribe: peer::Request<Call>) -> TcpStream {
    let subscribed = Some(event::Subscribed::default());
    subscribe.stream("", &Wire { subscribed, ..of_type(event::Type::Subscribed) }).await
}

async fn launch(stream: &mut TcpStream, task: &str) {
    let task = TaskInfo { task_id: task.into(), ..TaskInfo::default() };
    let launch = Some(event::Launch { task });
    peer::send(stream, &Wire { launch, ..of_type(event::Type::Launch) }).await;
}

fn running(task: &str) -> TaskStatus {
    TaskStatus {
        task_id: task.into(),
        state: TaskState::TaskRunning.into(),
        ..TaskStatus::default()
    }
}

async fn next(events: &mut Events) -> Event {
    events.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn an_update_is_completed_and_kept_until_the_agent_has_it() {
    let (listener, mut events, calls) = start("1").await;
    let subscribe = request(&listener).await;
    assert!(subscribe.headers.starts_with("POST /slave(1)/api/v1/executor "));
    assert!(subscribe.call.subscribe.is_some());
    let mut stream = accept(subscribe).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
    launch(&mut stream, "t").await;
    assert!(matches!(next(&mut events).await, Event::Launch(_)));

    calls.update(running("t"));
    let update = request(&listener).await;
    let status = update.call.update.clone().unwrap().status;
    assert_eq!(status.uuid().len(), 16);
    assert_eq!(status.source(), task_status::Source::Executor);
    assert_eq!(status.executor_id, Some("e".into()));
    update.answer("202 Accepted").await;

    // Accepted is not acknowledged: a new subscription lists task and update again.
    drop(stream);
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    let again = request(&listener).await;
    let content = again.call.subscribe.clone().unwrap();
    assert_eq!(content.unacknowledged_tasks.len(), 1);
    assert_eq!(content.unacknowledged_updates[0].status, status);

    let mut stream = accept(again).await;
    let acknowledged = event::Acknowledged { task_id: "t".into(), uuid: status.uuid().to_vec() };
    let acknowledged = Some(acknowledged);
    peer::send(&mut stream, &Wire { acknowledged, ..of_type(event::Type::Acknowledged) }).await;
    calls.flushed().await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
}

#[tokio::test]
async fn without_checkpointing_a_lost_agent_is_a_shutdown() {
    let (listener, mut events, _calls) = start("0").await;
    let stream = accept(request(&listener).await).await;
    next(&mut events).await;
    drop(stream);
    assert!(matches!(next(&mut events).await, Event::Disconnected { .. }));
    assert!(events.next().await.unwrap().unwrap_err().is_terminal());
    assert!(matches!(next(&mut events).await, Event::Shutdown));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_update_whose_call_gets_no_answer_is_sent_again_with_its_uuid() {
    let (listener, mut events, calls) = start("1").await;
    let _stream = accept(request(&listener).await).await;
    next(&mut events).await;
    calls.update(running("t"));
    let update = request(&listener).await;
    let uuid = update.call.update.clone().unwrap().status.uuid().to_vec();
    drop(update);
    let again = request(&listener).await;
    assert_eq!(again.call.r#type(), call::Type::Subscribe);
    let updates = again.call.subscribe.clone().unwrap().unacknowledged_updates;
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].status.uuid(), uuid);
}

#[tokio::test]
async fn kill_message_and_shutdown_reach_the_user() {
    let (listener, mut events, _calls) = start("1").await;
    let mut stream = accept(request(&listener).await).await;
    next(&mut events).await;
    let kill = Some(event::Kill { task_id: "t".into(), kill_policy: None });
    peer::send(&mut stream, &Wire { kill, ..of_type(event::Type::Kill) }).await;
    assert!(matches!(next(&mut events).await, Event::Kill { task_id, .. } if task_id.value == "t"));
    let message = Some(event::Message { data: vec![1, 2] });
    peer::send(&mut stream, &Wire { message, ..of_type(event::Type::Message) }).await;
    assert!(matches!(next(&mut events).await, Event::Message(data) if data == [1, 2]));
    peer::send(&mut stream, &of_type(event::Type::Heartbeat)).await;
    peer::send(&mut stream, &of_type(event::Type::Shutdown)).await;
    assert!(matches!(next(&mut events).await, Event::Shutdown));
}

#[tokio::test]
async fn an_update_is_in_the_ledger_before_it_is_sent() {
    let (listener, mut events, calls) = start("1").await;
    // Nobody has answered SUBSCRIBE yet, so it cannot be sent at all.
    calls.update(running("t"));
    assert_eq!(calls.message(vec![1]).await, Err(CallError::NotSubscribed));
    drop(request(&listener).await);
    assert!(!events.next().await.unwrap().unwrap_err().is_terminal());
    let updates = request(&listener).await.call.subscribe.unwrap().unacknowledged_updates;
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].status.uuid().len(), 16);
}

#[tokio::test]
async fn an_update_made_while_a_subscription_is_under_way_is_sent_after_it() {
    let (listener, mut events, calls) = start("1").await;
    let subscribe = request(&listener).await;
    // SUBSCRIBE was written before the update was made, and is answered after.
    calls.update(running("t"));
    assert_eq!(calls.message(vec![1]).await, Err(CallError::NotSubscribed));
    assert!(subscribe.call.subscribe.clone().unwrap().unacknowledged_updates.is_empty());
    let _stream = accept(subscribe).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
    let update = request(&listener).await;
    assert_eq!(update.call.update.unwrap().status.task_id, "t".into());
}

#[tokio::test]
async fn an_update_that_the_agent_refuses_is_given_up() {
    let (listener, mut events, calls) = start("1").await;
    let _stream = accept(request(&listener).await).await;
    next(&mut events).await;
    calls.update(running("t"));
    request(&listener).await.answer("400 Bad Request").await;
    calls.flushed().await;
}

#[tokio::test]
async fn acknowledgements_are_told_if_asked_for_also_in_json() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let builder = Driver::builder(environment(&listener, "1")).codec(Codec::Json);
    let (mut events, _calls) = builder.acknowledgements(true).connect().unwrap();
    let subscribe = request(&listener).await;
    assert_eq!(subscribe.header("content-type"), Some("application/json"));
    let mut stream = accept(subscribe).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { first: true, .. }));
    let acknowledged = Some(event::Acknowledged { task_id: "t".into(), uuid: vec![7; 16] });
    let wire = Wire { acknowledged, ..of_type(event::Type::Acknowledged) };
    peer::send_in(Codec::Json, &mut stream, &wire).await;
    assert!(matches!(next(&mut events).await, Event::Acknowledged { uuid, .. } if uuid == [7; 16]));
}
