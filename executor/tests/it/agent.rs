//! The program under an agent that ends it, loses it and takes it back.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{PICTURE, Server, answer, file_server, info, limits, reports, task};
use mesos::codec::Codec;
use mesos::recordio;
use mesos::v1::executor::{Call, Event, event};
use mesos::v1::{TaskInfo, TaskState, TaskStatus};
use protocol::{Limits, Task};

const SOON: Duration = Duration::from_secs(20);

/// An agent with one executor.
pub(crate) struct Agent {
    server: Server,
    calls: mpsc::Receiver<Call>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The stream of events of the latest subscription.
    events: Mutex<Option<TcpStream>>,
    is_forgetful: AtomicBool,
}

impl Shared {
    fn send(&self, event: &Event) {
        let record = recordio::encode(&Codec::Protobuf.encode(event));
        let mut events = self.events.lock().unwrap();
        events.as_mut().unwrap().write_all(&record).unwrap();
    }
}

impl Agent {
    pub(crate) fn start() -> Self {
        let (tell, calls) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let server = Server::start(move |_, request, stream| {
            let call: Call = Codec::Protobuf.decode(&request.body).unwrap();
            if call.subscribe.is_some() {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                *own.events.lock().unwrap() = Some(stream.try_clone().unwrap());
                let subscribed = Some(event::Subscribed::default());
                own.send(&Event { subscribed, ..of_type(event::Type::Subscribed) });
            } else {
                stream.write_all(&answer("202 Accepted", b"")).unwrap();
            }
            let update = call.update.clone().filter(|_| !own.is_forgetful.load(Ordering::SeqCst));
            update.inspect(|update| own.send(&acknowledged(&update.status)));
            // Nobody listens any more when a test is over.
            let _ = tell.send(call);
        });
        Self { server, calls, shared }
    }

    fn executor(&self) -> Executor {
        self.executor_with(&[])
    }

    /// With these variables besides.
    pub(crate) fn executor_with(&self, variables: &[(&str, &Path)]) -> Executor {
        let child = Command::new(env!("CARGO_BIN_EXE_executor"))
            .env_clear()
            .envs(variables.iter().copied())
            .env("MESOS_FRAMEWORK_ID", "f")
            .env("MESOS_EXECUTOR_ID", "e")
            .env("MESOS_AGENT_ENDPOINT", self.server.address.to_string())
            .env("MESOS_CHECKPOINT", "1")
            .env("MESOS_SUBSCRIPTION_BACKOFF_MAX", "100ms")
            .env("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "15secs")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert!(self.call().subscribe.is_some());
        Executor(child)
    }

    pub(crate) fn launch(&self, task: TaskInfo) {
        let launch = Some(event::Launch { task });
        self.shared.send(&Event { launch, ..of_type(event::Type::Launch) });
    }

    /// The next call.
    fn call(&self) -> Call {
        self.calls.recv_timeout(SOON).unwrap()
    }

    /// The next update, which may follow calls of other kinds.
    pub(crate) fn update(&self) -> TaskStatus {
        std::iter::repeat_with(|| self.call()).find_map(|call| call.update).unwrap().status
    }

    fn forget_the_executor(&self) {
        let stream = self.shared.events.lock().unwrap().take().unwrap();
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

fn of_type(kind: event::Type) -> Event {
    Event { r#type: Some(kind.into()), ..Event::default() }
}

fn acknowledged(status: &TaskStatus) -> Event {
    let (task_id, uuid) = (status.task_id.clone(), status.uuid().to_vec());
    let acknowledged = Some(event::Acknowledged { task_id, uuid });
    Event { acknowledged, ..of_type(event::Type::Acknowledged) }
}

/// Ends with its value.
pub(crate) struct Executor(Child);

impl Executor {
    fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the executor does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An origin whose answers wait until a test lets them go, and who says that it was asked.
fn held() -> (Server, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((ask, asked), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    let may_go = Mutex::new(may_go);
    let server = Server::start(move |_, _, stream| {
        let _ = ask.send(());
        if may_go.lock().unwrap().recv_timeout(Duration::from_secs(60)).is_ok() {
            drop(stream.write_all(&answer("200 OK", PICTURE)));
        }
    });
    (server, asked, go)
}

fn patient(task: Task) -> Task {
    let limits = Limits { idle_timeout_ms: 60_000, download_timeout_ms: 60_000, ..limits() };
    Task { limits, ..task }
}

#[test]
fn a_signal_in_the_middle_of_a_download_ends_it_with_every_status_sent() {
    let (agent, (server, _), good) =
        (Agent::start(), file_server(), Server::saying("200 OK", PICTURE));
    let (origin, asked, _go) = held();
    let mut executor = agent.executor();
    let task = patient(task(&server, &[good.url("/a"), origin.url("/b")]));
    agent.launch(info("t", task.to_payload()));
    assert_eq!(agent.update().state(), TaskState::TaskRunning);
    asked.recv_timeout(SOON).unwrap();
    assert_eq!(reports(&agent.update())[0].index, 1);
    let terminate = format!("kill -TERM {}", executor.0.id());
    assert!(Command::new("sh").args(["-c", &terminate]).status().unwrap().success());
    let last = agent.update();
    assert_eq!(last.state(), TaskState::TaskKilled);
    assert!(reports(&last).is_empty(), "what was told is not told again");
    assert!(executor.ends().success());
}

#[test]
fn what_an_agent_has_not_acknowledged_is_told_to_the_one_that_comes_back() {
    let (agent, (server, stored), good) =
        (Agent::start(), file_server(), Server::saying("200 OK", PICTURE));
    let (origin, asked, go) = held();
    let mut executor = agent.executor();
    let task = patient(task(&server, &[good.url("/a"), origin.url("/b")]));
    agent.launch(info("t", task.to_payload()));
    assert_eq!(agent.update().state(), TaskState::TaskRunning);
    agent.shared.is_forgetful.store(true, Ordering::SeqCst);
    asked.recv_timeout(SOON).unwrap();
    let told = agent.update();
    agent.forget_the_executor();
    let again = std::iter::repeat_with(|| agent.call()).find_map(|call| call.subscribe).unwrap();
    let [update] = again.unacknowledged_updates.try_into().unwrap();
    assert_eq!((update.status.uuid(), &update.status.data), (told.uuid(), &told.data));
    agent.shared.is_forgetful.store(false, Ordering::SeqCst);
    agent.shared.send(&acknowledged(&update.status));
    go.send(()).unwrap();
    // By uuid, as an agent counts them: one may have been sent twice.
    let mut updates = HashMap::from([(told.uuid().to_vec(), told)]);
    while !updates.values().any(|status| status.state() == TaskState::TaskFinished) {
        let status = agent.update();
        updates.insert(status.uuid().to_vec(), status);
    }
    let mut images: Vec<u64> = updates.values().flat_map(reports).map(|it| it.index).collect();
    images.sort_unstable();
    assert_eq!(images, [1, 2], "each is told once");
    assert_eq!(stored.lock().unwrap().len(), 2, "and done once");
    agent.shared.send(&of_type(event::Type::Shutdown));
    assert!(executor.ends().success());
}
