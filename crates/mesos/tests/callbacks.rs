//! The classic interfaces against a scripted peer on loopback.

#![cfg(test)]
mod peer;
mod scripted_master;

use std::sync::mpsc;
use std::time::Duration;

use mesos::backoff::Backoff;
use mesos::callbacks::{Executor, ExecutorDriver, Scheduler, SchedulerDriver, Status};
use mesos::executor::Environment;
use mesos::master::MasterSpec;
use mesos::scheduler::{Builder, Driver};
use mesos::v1::framework_info::{Capability, capability};
use mesos::v1::scheduler::{Event as Wire, call, event};
use mesos::v1::task_status::Reason;
use mesos::v1::{
    AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, MasterInfo, Offer,
    OfferId, TaskId, TaskInfo, TaskState, TaskStatus, executor,
};
use scripted_master::{accept, listen, of_type, offer, request, running, update};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything here takes, so that a callback that never comes is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

fn stream(master: MasterSpec) -> Builder {
    let quick = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    Driver::builder(FrameworkInfo::default()).master(master).backoff(quick)
}

fn task(id: &str) -> TaskInfo {
    TaskInfo { task_id: id.into(), ..TaskInfo::default() }
}

/// Reports each callback as a line.
struct Recorder(mpsc::Sender<String>);

impl Recorder {
    fn new() -> (Self, Told) {
        let (sender, receiver) = mpsc::channel();
        (Self(sender), Told(receiver))
    }

    fn say(&self, text: impl Into<String>) {
        self.0.send(text.into()).unwrap();
    }
}

struct Told(mpsc::Receiver<String>);

impl Told {
    async fn next(self) -> (String, Self) {
        let next = move || (self.0.recv_timeout(PATIENCE).unwrap(), self);
        tokio::task::spawn_blocking(next).await.unwrap()
    }

    async fn expect(self, text: &str) -> Self {
        let (said, told) = self.next().await;
        assert_eq!(said, text);
        told
    }
}

impl Scheduler for Recorder {
    fn registered(&mut self, _: &SchedulerDriver, id: FrameworkId, _: Option<MasterInfo>) {
        self.say(format!("registered {id}"));
    }

    fn reregistered(&mut self, _: &SchedulerDriver, _: Option<MasterInfo>) {
        self.say("reregistered");
    }

    fn disconnected(&mut self, _: &SchedulerDriver) {
        self.say("disconnected");
    }

    fn resource_offers(&mut self, _: &SchedulerDriver, offers: Vec<Offer>) {
        self.say(format!("{} offers", offers.len()));
    }

    fn offer_rescinded(&mut self, _: &SchedulerDriver, offer_id: OfferId) {
        self.say(format!("rescinded {offer_id}"));
    }

    fn status_update(&mut self, driver: &SchedulerDriver, status: TaskStatus) {
        self.say(format!("{} {:?} {:?}", status.task_id, status.state(), status.reason()));
        if status.task_id == "stop".into() {
            driver.stop(true);
        }
    }

    fn framework_message(
        &mut self,
        _: &SchedulerDriver,
        executor_id: ExecutorId,
        agent_id: AgentId,
        data: Vec<u8>,
    ) {
        self.say(format!("message {executor_id} {agent_id} {data:?}"));
    }

    fn agent_lost(&mut self, _: &SchedulerDriver, agent_id: AgentId) {
        self.say(format!("lost {agent_id}"));
    }

    fn executor_lost(
        &mut self,
        _: &SchedulerDriver,
        executor_id: ExecutorId,
        agent_id: AgentId,
        status: Option<i32>,
    ) {
        self.say(format!("lost {executor_id} on {agent_id} with {status:?}"));
    }

    fn error(&mut self, driver: &SchedulerDriver, message: &str) {
        self.say(format!("{:?}: {message}", driver.status()));
    }
}

async fn join(driver: SchedulerDriver) -> Status {
    tokio::task::spawn_blocking(move || driver.join()).await.unwrap()
}

#[tokio::test]
async fn each_event_has_its_callback_in_order() {
    let (listener, master) = listen().await;
    let (recorder, told) = Recorder::new();
    let driver = SchedulerDriver::new(recorder, stream(master));
    assert_eq!(driver.start(), Status::Running);
    assert_eq!(driver.start(), Status::Running);
    let mut socket = accept(request(&listener).await, "s-1").await;
    offer(&mut socket, "o").await;
    let rescind = Some(event::Rescind { offer_id: "o".into() });
    let message =
        Some(event::Message { agent_id: "a".into(), executor_id: "e".into(), data: vec![1] });
    let lost = |executor_id| {
        Some(event::Failure { agent_id: Some("a".into()), executor_id, status: None })
    };
    for event in [
        Wire { rescind, ..of_type(event::Type::Rescind) },
        Wire { message, ..of_type(event::Type::Message) },
        Wire { failure: lost(None), ..of_type(event::Type::Failure) },
        Wire { failure: lost(Some("e".into())), ..of_type(event::Type::Failure) },
        Wire { offers: Some(event::Offers::default()), ..of_type(event::Type::Offers) },
    ] {
        peer::send(&mut socket, &event).await;
    }
    let mut told = told.expect("registered f-1").await;
    for text in ["1 offers", "rescinded o", "message e a [1]", "lost a", "lost e on a with None"] {
        told = told.expect(text).await;
    }
    drop(socket);
    let told = told.expect("disconnected").await;
    let _socket = accept(request(&listener).await, "s-2").await;
    let _told = told.expect("reregistered").await;
    assert_eq!(driver.abort(), Status::Aborted);
    assert_eq!(join(driver.clone()).await, Status::Aborted);
    assert_eq!(driver.kill_task("t".into()), Status::Aborted);
    assert_eq!(driver.start(), Status::Aborted);
}

#[tokio::test]
async fn an_update_is_acknowledged_after_its_callback_and_one_without_uuid_never() {
    let (listener, master) = listen().await;
    let (recorder, told) = Recorder::new();
    let driver = SchedulerDriver::new(recorder, stream(master));
    driver.start();
    let mut socket = accept(request(&listener).await, "s").await;
    update(&mut socket, running("no-uuid", None)).await;
    update(&mut socket, running("t", Some(vec![7; 16]))).await;
    let call = request(&listener).await;
    assert_eq!(call.call.acknowledge.as_ref().unwrap().task_id, "t".into());
    call.answer("202 Accepted").await;
    let told = told.expect("registered f-1").await;
    let told = told.expect("no-uuid TaskRunning CommandExecutorFailed").await;
    let _told = told.expect("t TaskRunning CommandExecutorFailed").await;
    driver.abort();
    join(driver).await;
}

#[tokio::test]
async fn the_update_whose_callback_stops_the_driver_is_not_acknowledged() {
    let (listener, master) = listen().await;
    let (recorder, _told) = Recorder::new();
    let driver = SchedulerDriver::new(recorder, stream(master));
    driver.start();
    let mut socket = accept(request(&listener).await, "s").await;
    update(&mut socket, running("stop", Some(vec![7; 16]))).await;
    // A stop with failover says nothing to the master either.
    assert_eq!(join(driver).await, Status::Stopped);
    // So the next to come is who comes after.
    let next = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().1, next.local_addr().unwrap());
}

#[tokio::test]
async fn explicit_acknowledgements_wait_for_the_scheduler() {
    struct Explicit;
    impl Scheduler for Explicit {
        fn status_update(&mut self, driver: &SchedulerDriver, status: TaskStatus) {
            if status.task_id == "second".into() {
                driver.acknowledge_status_update(&status);
            }
        }
    }
    let (listener, master) = listen().await;
    let driver = SchedulerDriver::explicit_acknowledgements(Explicit, stream(master));
    driver.start();
    let mut socket = accept(request(&listener).await, "s").await;
    update(&mut socket, running("first", Some(vec![1; 16]))).await;
    update(&mut socket, running("second", Some(vec![2; 16]))).await;
    let call = request(&listener).await;
    assert_eq!(call.call.acknowledge.as_ref().unwrap().uuid, [2; 16]);
    call.answer("202 Accepted").await;
    driver.abort();
    join(driver).await;
}

#[tokio::test]
async fn stopping_without_failover_tears_down_after_what_was_called_before() {
    struct Stopper;
    impl Scheduler for Stopper {
        fn resource_offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) {
            let ids: Vec<_> = offers.into_iter().map(|offer| offer.id).collect();
            driver.launch_tasks(ids, vec![task("t")], Duration::ZERO);
            driver.kill_task("t".into());
            assert_eq!(driver.stop(false), Status::Stopped);
            assert_eq!(driver.join(), Status::Stopped);
        }
    }
    let (listener, master) = listen().await;
    let driver = SchedulerDriver::new(Stopper, stream(master));
    driver.start();
    let mut socket = accept(request(&listener).await, "s").await;
    offer(&mut socket, "o").await;
    for kind in [call::Type::Accept, call::Type::Kill, call::Type::Teardown] {
        let call = request(&listener).await;
        assert_eq!(call.call.r#type(), kind);
        call.answer("202 Accepted").await;
    }
    assert_eq!(join(driver).await, Status::Stopped);
}

/// Launches while there is no subscription, and gives the update that comes of it.
async fn launch_while_disconnected(stream: Builder) -> String {
    let (recorder, told) = Recorder::new();
    let driver = SchedulerDriver::new(recorder, stream);
    driver.start();
    driver.launch_tasks(vec!["o".into()], vec![task("t")], Duration::ZERO);
    let (said, _told) = told.next().await;
    driver.abort();
    join(driver).await;
    said
}

#[tokio::test]
async fn a_launch_while_disconnected_is_lost_or_dropped_at_once() {
    let (_listener, master) = listen().await;
    let said = launch_while_disconnected(stream(master.clone())).await;
    assert_eq!(said, format!("t TaskLost {:?}", Reason::MasterDisconnected));
    let aware = Capability { r#type: Some(capability::Type::PartitionAware.into()) };
    let framework = FrameworkInfo { capabilities: vec![aware], ..FrameworkInfo::default() };
    let said = launch_while_disconnected(Driver::builder(framework).master(master)).await;
    assert_eq!(said, format!("t TaskDropped {:?}", Reason::MasterDisconnected));
}

#[tokio::test]
async fn a_final_error_aborts_the_driver_before_the_callback() {
    let (listener, master) = listen().await;
    let (recorder, told) = Recorder::new();
    let driver = SchedulerDriver::new(recorder, stream(master));
    driver.start();
    let mut socket = accept(request(&listener).await, "s").await;
    let told = told.expect("registered f-1").await;
    let error = Some(event::Error { message: "Framework failed over".into() });
    let event = Wire { error, ..of_type(event::Type::Error) };
    peer::send(&mut socket, &event).await;
    let (said, _told) = told.expect("disconnected").await.next().await;
    assert!(said.starts_with("Aborted: ") && said.contains("took over"), "{said}");
    assert_eq!(join(driver).await, Status::Aborted);
}

#[tokio::test]
async fn a_panic_in_a_callback_ends_the_driver_and_not_the_process() {
    struct Panics;
    impl Scheduler for Panics {
        fn registered(&mut self, _: &SchedulerDriver, _: FrameworkId, _: Option<MasterInfo>) {
            panic!("a callback panics on purpose");
        }
    }
    let (listener, master) = listen().await;
    let driver = SchedulerDriver::new(Panics, stream(master));
    driver.start();
    let _socket = accept(request(&listener).await, "s").await;
    assert_eq!(join(driver).await, Status::Aborted);
}

#[tokio::test]
async fn a_half_written_scheduler_declines_what_it_is_offered() {
    struct Nothing;
    impl Scheduler for Nothing {}
    let (listener, master) = listen().await;
    let driver = SchedulerDriver::new(Nothing, stream(master));
    driver.start();
    let mut socket = accept(request(&listener).await, "s").await;
    offer(&mut socket, "o").await;
    let call = request(&listener).await;
    assert_eq!(call.call.decline.as_ref().unwrap().offer_ids, ["o".into()]);
    call.answer("202 Accepted").await;
    driver.abort();
    join(driver).await;
}

/// Reports a task as running, and as killed at the end.
struct Runner(mpsc::Sender<String>);

impl Runner {
    fn report(driver: &ExecutorDriver, task_id: TaskId, state: TaskState) {
        let state = state.into();
        driver.send_status_update(TaskStatus { task_id, state, ..TaskStatus::default() });
    }
}

impl Executor for Runner {
    fn registered(&mut self, _: &ExecutorDriver, _: ExecutorInfo, _: FrameworkInfo, _: AgentInfo) {
        self.0.send("registered".into()).unwrap();
    }

    fn launch_task(&mut self, driver: &ExecutorDriver, task: TaskInfo) {
        Self::report(driver, task.task_id, TaskState::TaskRunning);
    }

    fn framework_message(&mut self, driver: &ExecutorDriver, data: Vec<u8>) {
        driver.send_framework_message(data);
    }

    fn shutdown(&mut self, driver: &ExecutorDriver) {
        self.0.send("shutdown".into()).unwrap();
        Self::report(driver, "t".into(), TaskState::TaskKilled);
    }
}

async fn executor() -> (TcpListener, ExecutorDriver, Told) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let environment = Environment::from_lookup(|name| match name {
        "MESOS_FRAMEWORK_ID" => Some("f".into()),
        "MESOS_EXECUTOR_ID" => Some("e".into()),
        "MESOS_AGENT_ENDPOINT" => Some(address.clone()),
        "MESOS_CHECKPOINT" => Some("1".into()),
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD" => Some("30secs".into()),
        _ => None,
    });
    let (sender, receiver) = mpsc::channel();
    (listener, ExecutorDriver::new(Runner(sender), environment.unwrap()), Told(receiver))
}

fn executor_event(kind: executor::event::Type) -> executor::Event {
    executor::Event { r#type: Some(kind.into()), ..executor::Event::default() }
}

#[tokio::test]
async fn an_executor_reports_and_waits_for_the_agent_before_it_ends() {
    use executor::event::{self, Type};
    let (listener, driver, told) = executor().await;
    assert_eq!(driver.start(), Status::Running);
    let subscribe: peer::Request<executor::Call> = peer::request(&listener).await;
    let subscribed = Some(event::Subscribed::default());
    let subscribed = executor::Event { subscribed, ..executor_event(Type::Subscribed) };
    let mut socket = subscribe.stream("", &subscribed).await;
    let told = told.expect("registered").await;
    let launch = Some(event::Launch { task: task("t") });
    peer::send(&mut socket, &executor::Event { launch, ..executor_event(Type::Launch) }).await;
    peer::send(&mut socket, &executor_event(Type::Shutdown)).await;
    let mut uuids = Vec::new();
    for state in [TaskState::TaskRunning, TaskState::TaskKilled] {
        let update: peer::Request<executor::Call> = peer::request(&listener).await;
        let status = update.call.update.clone().unwrap().status;
        assert_eq!(status.state(), state);
        uuids.push(status.uuid().to_vec());
        update.answer("202 Accepted").await;
    }
    let _told = told.expect("shutdown").await;
    for uuid in uuids {
        let acknowledged = Some(event::Acknowledged { task_id: "t".into(), uuid });
        let event = executor::Event { acknowledged, ..executor_event(Type::Acknowledged) };
        peer::send(&mut socket, &event).await;
    }
    let status = tokio::task::spawn_blocking(move || driver.join()).await.unwrap();
    assert_eq!(status, Status::Aborted);
}

#[tokio::test]
async fn an_executor_must_not_report_staging() {
    let (_listener, driver, _told) = executor().await;
    driver.start();
    let staging = TaskStatus { state: TaskState::TaskStaging.into(), ..TaskStatus::default() };
    assert_eq!(driver.send_status_update(staging), Status::Aborted);
    let status = tokio::task::spawn_blocking(move || driver.join()).await.unwrap();
    assert_eq!(status, Status::Aborted);
}
