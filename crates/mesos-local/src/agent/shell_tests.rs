//! The agent with real processes, files and HTTP, driven through its channels.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::BytesMut;
use mesos::codec::Codec;
use mesos::recordio::Decoder;
use mesos::v1::command_info::Uri;
use mesos::v1::executor::{Call, Event, call, event};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{
    AgentId, AgentInfo, CommandInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::{AgentConfig, AgentHandle, start};
use crate::messages::{FromAgent, ToAgent};
use crate::settings::AgentSettings;

const PATIENCE: Duration = Duration::from_secs(20);

struct Rig {
    agent: AgentHandle,
    from_agent: mpsc::UnboundedReceiver<(AgentId, FromAgent)>,
    work_dir: TempDir,
}

impl Rig {
    async fn start() -> Self {
        let work_dir = tempfile::tempdir().unwrap();
        let (to_master, from_agent) = mpsc::unbounded_channel();
        let config = AgentConfig {
            id: "agent-1".into(),
            info: AgentInfo::default(),
            resources: "cpus:2;mem:512".parse().unwrap(),
            work_dir: work_dir.path().to_owned(),
            address: ([127, 0, 0, 1], 0).into(),
            settings: AgentSettings::default(),
            kept: None,
        };
        let agent = start(config, None, to_master).await.unwrap();
        Self { agent, from_agent, work_dir }
    }

    fn run(&self, task: TaskInfo) {
        let framework = FrameworkInfo { id: Some("f".into()), ..FrameworkInfo::default() };
        let run = ToAgent::Run { framework: Box::new(framework), task: Box::new(task) };
        self.agent.to_agent.send(run).unwrap();
    }

    async fn next(&mut self) -> FromAgent {
        timeout(PATIENCE, self.from_agent.recv()).await.unwrap().unwrap().1
    }

    /// The next update, acknowledged as a scheduler would.
    async fn next_update(&mut self) -> TaskStatus {
        loop {
            if let FromAgent::Update { framework_id, status, .. } = self.next().await {
                let acknowledge = ToAgent::Acknowledge {
                    framework_id,
                    task_id: status.task_id.clone(),
                    uuid: status.uuid().to_vec(),
                };
                self.agent.to_agent.send(acknowledge).unwrap();
                return *status;
            }
        }
    }

    async fn states_until_terminal(&mut self) -> Vec<TaskStatus> {
        use mesos::state::TaskStateExt as _;
        let mut seen: Vec<TaskStatus> = Vec::new();
        while !seen.last().is_some_and(|last| last.state().is_terminal()) {
            seen.push(self.next_update().await);
        }
        seen
    }

    /// The newest sandbox of an executor (or of a command, by its task's id).
    fn sandbox(&self, executor: &str) -> PathBuf {
        let executors = "slaves/agent-1/frameworks/f/executors";
        self.work_dir.path().join(executors).join(executor).join("runs/latest")
    }

    fn read(&self, executor: &str, file: &str) -> String {
        fs::read_to_string(self.sandbox(executor).join(file)).unwrap()
    }

    async fn post(&self, path: &str, call: Vec<u8>, media_type: &str) -> reqwest::Response {
        client()
            .post(format!("http://{}{path}", self.agent.address))
            .header("Content-Type", media_type)
            .header("Accept", media_type)
            .body(call)
            .send()
            .await
            .unwrap()
    }

    async fn call(&self, call: Call) -> reqwest::Response {
        let call = Call { executor_id: "e".into(), framework_id: "f".into(), ..call };
        let codec = Codec::Protobuf;
        self.post("/slave(1)/api/v1/executor", codec.encode(&call), codec.media_type()).await
    }

    async fn subscribe(&self) -> Events {
        let response = self
            .call(Call {
                r#type: Some(call::Type::Subscribe.into()),
                subscribe: Some(call::Subscribe::default()),
                ..Call::default()
            })
            .await;
        assert_eq!(response.status(), 200);
        Events { response, decoder: Decoder::default(), buffer: BytesMut::new() }
    }
}

struct Events {
    response: reqwest::Response,
    decoder: Decoder,
    buffer: BytesMut,
}

impl Events {
    /// The next event, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(record) = self.decoder.decode(&mut self.buffer).unwrap() {
                return Some(Codec::Protobuf.decode(&record).unwrap());
            }
            let piece = timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap()?;
            self.buffer.extend_from_slice(&piece);
        }
    }

    async fn next_type(&mut self) -> event::Type {
        self.next().await.unwrap().r#type()
    }
}

/// A client, which wants a provider of TLS even where there is none.
fn client() -> reqwest::Client {
    // Another test of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn get(url: impl reqwest::IntoUrl) -> reqwest::Response {
    client().get(url).send().await.unwrap()
}

fn shell(value: &str) -> CommandInfo {
    CommandInfo { value: Some(value.into()), ..CommandInfo::default() }
}

fn command_task(id: &str, command: CommandInfo) -> TaskInfo {
    TaskInfo { task_id: id.into(), command: Some(command), ..TaskInfo::default() }
}

fn executor_task(id: &str, command: CommandInfo) -> TaskInfo {
    let executor = ExecutorInfo {
        executor_id: "e".into(),
        framework_id: Some("f".into()),
        command: Some(command),
        ..ExecutorInfo::default()
    };
    TaskInfo { task_id: id.into(), executor: Some(executor), ..TaskInfo::default() }
}

fn states(updates: &[TaskStatus]) -> Vec<TaskState> {
    updates.iter().map(TaskStatus::state).collect()
}

#[tokio::test]
async fn the_agent_registers_with_its_address_and_answers_for_its_health() {
    let mut rig = Rig::start().await;
    let FromAgent::Registered(info) = rig.next().await else { panic!("it registers first") };
    assert_eq!(info.id.as_ref().unwrap().value, "agent-1");
    assert_eq!(info.port, Some(i32::from(rig.agent.address.port())));
    assert_eq!(info.hostname, "127.0.0.1");
    assert_eq!(info.resources.len(), 2);
    let url = |path| format!("http://{}{path}", rig.agent.address);
    assert_eq!(get(url("/health")).await.status(), 200);
    let state = get(url("/state")).await.bytes().await.unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    assert_eq!(state["pid"], format!("slave(1)@{}", rig.agent.address));
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn a_command_runs_in_its_sandbox_with_nothing_inherited() {
    let mut rig = Rig::start().await;
    rig.run(command_task(
        "t",
        shell("echo hello; echo oops >&2; pwd -P > where; env > environment"),
    ));
    let updates = rig.states_until_terminal().await;
    let wanted = [TaskState::TaskStarting, TaskState::TaskRunning, TaskState::TaskFinished];
    assert_eq!(states(&updates), wanted);
    assert_eq!(updates[2].message(), "Command exited with status 0");
    assert_eq!(
        (rig.read("t", "stdout"), rig.read("t", "stderr")),
        ("hello\n".into(), "oops\n".into())
    );
    let sandbox = fs::canonicalize(rig.sandbox("t")).unwrap();
    assert_eq!(rig.read("t", "where").trim(), sandbox.to_str().unwrap());
    let environment = rig.read("t", "environment");
    assert!(environment.contains("MESOS_SLAVE_ID=agent-1\n"), "{environment}");
    assert!(!environment.contains("CARGO"), "{environment}");
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn arguments_are_passed_as_they_are() {
    let mut rig = Rig::start().await;
    rig.run(command_task(
        "t",
        CommandInfo {
            shell: Some(false),
            value: Some("printf".into()),
            arguments: ["printf", "%s|", "a b", "$HOME"].map(Into::into).to_vec(),
            ..CommandInfo::default()
        },
    ));
    assert_eq!(rig.states_until_terminal().await.len(), 3);
    assert_eq!(rig.read("t", "stdout"), "a b|$HOME|");
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn a_fetched_file_is_an_executable_of_the_sandbox() {
    let mut rig = Rig::start().await;
    let script = rig.work_dir.path().join("tool");
    fs::write(&script, "#!/bin/sh\necho \"ran $1\"\n").unwrap();
    let uri = Uri {
        value: format!("file://{}", script.display()),
        executable: Some(true),
        ..Uri::default()
    };
    rig.run(command_task(
        "t",
        CommandInfo {
            uris: vec![uri],
            shell: Some(false),
            value: Some("tool".into()),
            arguments: vec!["tool".into(), "well".into()],
            ..CommandInfo::default()
        },
    ));
    let updates = rig.states_until_terminal().await;
    assert_eq!(updates.last().unwrap().state(), TaskState::TaskFinished, "{updates:?}");
    assert_eq!(rig.read("t", "stdout"), "ran well\n");
    let mode = fs::metadata(rig.sandbox("t").join("tool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    rig.agent.shutdown().await;
}

/// Answers each connection with the next of `answers`; gives its base URL.
async fn serve(answers: Vec<&'static [u8]>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(connection.read_u8().await.unwrap());
            }
            connection.write_all(answer).await.unwrap();
        }
    });
    url
}

async fn run_fetched(rig: &mut Rig, url: String) -> TaskStatus {
    let uri = Uri { value: url, executable: Some(true), ..Uri::default() };
    rig.run(command_task("t", CommandInfo { uris: vec![uri], ..shell("./run.sh") }));
    rig.states_until_terminal().await.pop().unwrap()
}

#[tokio::test]
async fn a_file_comes_over_http_chunked_and_after_a_redirect() {
    let mut rig = Rig::start().await;
    let url = serve(vec![
        b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n#!/bin/sh\r\n8\r\n\necho ok\r\n1\r\n\n\r\n0\r\n\r\n",
    ])
    .await;
    let last = run_fetched(&mut rig, format!("{url}/run.sh")).await;
    assert_eq!(last.state(), TaskState::TaskFinished, "{last:?} {}", rig.read("t", "stderr"));
    assert_eq!(rig.read("t", "stdout"), "ok\n");
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn a_fetch_that_fails_fails_the_task_with_details_in_the_sandbox() {
    let cases: [(&[u8], &str); 2] = [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "broke off"),
    ];
    for (answer, detail) in cases {
        let mut rig = Rig::start().await;
        let url = serve(vec![answer]).await;
        let last = run_fetched(&mut rig, format!("{url}/run.sh")).await;
        assert_eq!(last.state(), TaskState::TaskFailed);
        assert_eq!(last.reason(), Reason::ContainerLaunchFailed);
        let message = "Failed to launch container: Failed to fetch all URIs for container ";
        assert!(last.message().starts_with(message), "{}", last.message());
        let stderr = rig.read("t", "stderr");
        assert!(stderr.contains(detail), "{stderr}");
        rig.agent.shutdown().await;
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_run_fails_its_task() {
    let mut rig = Rig::start().await;
    let command = CommandInfo { shell: Some(false), ..shell("/no/such/program") };
    rig.run(command_task("t", command));
    let last = rig.next_update().await;
    assert_eq!(last.reason(), Reason::ContainerLaunchFailed);
    assert!(last.message().contains("/no/such/program"), "{}", last.message());
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn a_killed_command_ends_with_all_its_children() {
    let mut rig = Rig::start().await;
    rig.run(command_task("t", shell("sleep 1000 & echo $! > child; mv child pid; wait")));
    rig.next_update().await;
    rig.next_update().await;
    // Its child is there as soon as the file is, which the kill must not outrun.
    let pid_file = rig.sandbox("t").join("pid");
    timeout(PATIENCE, async {
        while !pid_file.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let child: i32 = rig.read("t", "pid").trim().parse().unwrap();
    let kill = ToAgent::Kill { framework_id: "f".into(), task_id: "t".into(), policy: None };
    rig.agent.to_agent.send(kill).unwrap();
    let last = rig.next_update().await;
    assert_eq!(last.state(), TaskState::TaskKilled);
    assert_eq!(last.message(), "Command terminated with signal Terminated");
    timeout(PATIENCE, async {
        while !is_gone(child) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    rig.agent.shutdown().await;
}

/// Whether the process has ended; one that nobody has waited for yet counts as ended.
fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    matches!(state, None | Some('Z' | 'X'))
}

#[tokio::test]
async fn an_executor_subscribes_reports_and_is_lost_with_its_process() {
    let mut rig = Rig::start().await;
    rig.run(executor_task("t1", shell("echo $$ > started; mv started pid; exec sleep 1000")));
    let started = loop {
        if let FromAgent::ExecutorStarted { executor, .. } = rig.next().await {
            break executor;
        }
    };
    assert_eq!(started.executor_id.value, "e");
    let mut events = rig.subscribe().await;
    let subscribed = events.next().await.unwrap().subscribed.unwrap();
    assert_eq!(subscribed.agent_info.port, Some(i32::from(rig.agent.address.port())));
    assert_eq!(events.next().await.unwrap().launch.unwrap().task.task_id.value, "t1");
    rig.run(executor_task("t2", CommandInfo::default()));
    assert_eq!(events.next().await.unwrap().launch.unwrap().task.task_id.value, "t2");
    let status = TaskStatus {
        task_id: "t1".into(),
        state: TaskState::TaskFinished.into(),
        source: Some(Source::Executor.into()),
        uuid: Some(Uuid::new_v4().as_bytes().to_vec()),
        data: Some(vec![1, 2, 3]),
        ..TaskStatus::default()
    };
    let uuid = status.uuid().to_vec();
    let r#type = Some(call::Type::Update.into());
    let update = Some(call::Update { status });
    let response = rig.call(Call { r#type, update, ..Call::default() }).await;
    assert_eq!(response.status(), 202);
    assert_eq!(events.next().await.unwrap().acknowledged.unwrap().uuid, uuid);
    assert_eq!(rig.next_update().await.data(), [1, 2, 3]);
    let pid_file = rig.sandbox("e").join("pid");
    timeout(PATIENCE, async {
        while !pid_file.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let pid = rig.read("e", "pid").trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::KILL).unwrap();
    let failed = rig.next_update().await;
    assert_eq!(
        (failed.task_id.value.as_str(), failed.reason()),
        ("t2", Reason::ExecutorTerminated)
    );
    let FromAgent::ExecutorExited { status, .. } = rig.next().await else { panic!("it exits") };
    assert_eq!(status, 9);
    assert_eq!(events.next().await, None, "its stream ends with it");
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn a_second_subscription_ends_the_first() {
    let mut rig = Rig::start().await;
    rig.next().await;
    rig.run(executor_task("t", shell("exec sleep 1000")));
    rig.next().await;
    let mut first = rig.subscribe().await;
    assert_eq!(first.next_type().await, event::Type::Subscribed);
    assert_eq!(first.next_type().await, event::Type::Launch);
    let mut second = rig.subscribe().await;
    assert_eq!(first.next().await, None);
    assert_eq!(second.next_type().await, event::Type::Subscribed);
    rig.agent.shutdown().await;
}

#[tokio::test]
async fn the_end_of_the_agent_is_told_to_executors_and_ends_them() {
    let mut rig = Rig::start().await;
    rig.next().await;
    rig.run(executor_task("t", shell("exec sleep 1000")));
    rig.next().await;
    let mut events = rig.subscribe().await;
    let address = rig.agent.address;
    rig.agent.shutdown().await;
    assert_eq!(events.next_type().await, event::Type::Subscribed);
    assert_eq!(events.next_type().await, event::Type::Launch);
    assert_eq!(events.next_type().await, event::Type::Shutdown);
    assert_eq!(events.next().await, None);
    let mut exited = None;
    while let Some((_, message)) = rig.from_agent.recv().await {
        if let FromAgent::ExecutorExited { status, .. } = message {
            exited = Some(status);
        }
    }
    assert_eq!(exited, Some(9));
    // A process that another test is just forking may still hold the listener until its exec.
    timeout(PATIENCE, async { while tokio::net::TcpStream::connect(address).await.is_ok() {} })
        .await
        .unwrap();
}

#[tokio::test]
async fn bad_calls_get_their_status_codes() {
    let rig = Rig::start().await;
    let path = "/api/v1/executor";
    let url = format!("http://{}{path}", rig.agent.address);
    let get = get(&url).await;
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let bare = client().post(&url).body("{}").send().await.unwrap();
    assert_eq!(bare.status(), 400, "no Content-Type");
    let ids = r#""executor_id":{"value":"e"},"framework_id":{"value":"f"}"#;
    let json = |rest: &str| format!("{{{ids},{rest}}}").into_bytes();
    let cases: [(Vec<u8>, &str, u16); 8] = [
        (b"{}".to_vec(), "application/unknown-media-type", 415),
        (b"{}".to_vec(), "application/json; charset=utf-8", 415),
        (b"garbage".to_vec(), "application/json", 400),
        (vec![0xff; 8], "application/x-protobuf", 400),
        (Vec::new(), "application/x-protobuf", 400),
        (json(r#""type":"SUBSCRIBE""#), "application/json", 400),
        (json(r#""type":"SUBSCRIBE","subscribe":{}"#), "application/json", 400),
        (json(r#""type":"HEARTBEAT""#), "application/json", 202),
    ];
    for (body, media_type, wanted) in cases {
        let case = String::from_utf8_lossy(&body).into_owned();
        let status = rig.post(path, body, media_type).await.status();
        assert_eq!(status, wanted, "{media_type}: {case}");
    }
    let unacceptable = client()
        .post(&url)
        .header("Content-Type", "application/json")
        .header("Accept", "foo")
        .body(json(r#""type":"SUBSCRIBE","subscribe":{}"#))
        .send()
        .await
        .unwrap();
    assert_eq!(unacceptable.status(), 406);
    rig.agent.shutdown().await;
}
