//! Who owns an agent's logic, feeds it and does what it says?

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mesos::codec::Codec;
use mesos::recordio;
use mesos::resources::Resources;
use mesos::v1::executor::{Call, Event};
use mesos::v1::{AgentId, AgentInfo};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::checkpoint::Checkpoint;
use super::inventory::Agent;
use super::logic::Input;
use super::outbox::{Answer, Identity, Output};
use super::state::RequestId;
use crate::containerizer::{Containerizer, Told};
use crate::http::executor;
use crate::messages::{FromAgent, ToAgent};
use crate::server::at_once;
use crate::settings::AgentSettings;
use crate::store::{Store, StoredAgent};

/// How long open connections may take to end after the agent has.
const CONNECTION_GRACE: Duration = Duration::from_secs(1);

/// How many inputs are taken together at most.
const MAX_INPUTS_AT_ONCE: usize = 64;

/// What an agent is started with.
#[derive(Debug, Clone)]
pub(crate) struct AgentConfig {
    /// Its id, given by the master.
    pub(crate) id: AgentId,
    /// What it says about itself; an empty host name becomes its address.
    pub(crate) info: AgentInfo,
    /// What it offers.
    pub(crate) resources: Resources,
    /// Where sandboxes are made.
    pub(crate) work_dir: PathBuf,
    /// Where it listens; port 0 is any free one.
    pub(crate) address: SocketAddr,
    pub(crate) settings: AgentSettings,
    /// Where it keeps what is to outlive the process, if that is wanted.
    pub(crate) kept: Option<PathBuf>,
}

/// What an agent that ended without its containers leaves to the one after it.
pub(crate) struct Remains {
    checkpoint: Checkpoint,
    containers: Containerizer,
    told: mpsc::UnboundedReceiver<Told>,
}

impl std::fmt::Debug for Remains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remains").field("checkpoint", &self.checkpoint).finish_non_exhaustive()
    }
}

impl Remains {
    /// Those of an agent in another process, of which only the checkpoint is left.
    pub(crate) fn of(checkpoint: Checkpoint) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let mut containers = Containerizer::new(tell);
        for survivor in checkpoint.survivors() {
            containers.adopt(survivor);
        }
        Self { checkpoint, containers, told }
    }
}

/// A running agent; dropping it ends the agent without waiting.
#[derive(Debug)]
pub(crate) struct AgentHandle {
    /// What the master says to it.
    pub(crate) to_agent: mpsc::UnboundedSender<ToAgent>,
    /// Where its HTTP API listens.
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<oneshot::Sender<Remains>>,
    ended: JoinHandle<()>,
}

impl AgentHandle {
    /// Ends the agent, its listener and all its executors, and waits for them.
    pub(crate) async fn shutdown(self) {
        tracing::debug!(address = %self.address, "an agent is told to end");
        drop(self.stop);
        drop(self.to_agent);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the agent did not end in order");
        }
    }
}

impl AgentHandle {
    /// Ends the agent and its listener, but of its containers only those that would not
    /// survive it; nothing if it had ended by itself.
    pub(crate) async fn halt(self) -> Option<Remains> {
        let (leave, left) = oneshot::channel();
        // Without a receiver the agent is ending, and `left` fails too.
        let _ = self.stop.send(leave);
        let remains = left.await.ok();
        drop(self.to_agent);
        let _ = self.ended.await;
        remains
    }
}

/// A call that came over HTTP, well-formed.
pub(crate) struct Request {
    pub(crate) call: Box<Call>,
    /// The encoding for events, if the answer is a stream of them.
    pub(crate) accept: Codec,
    pub(crate) respond: oneshot::Sender<Response>,
}

/// What the HTTP endpoint shall answer.
pub(crate) enum Response {
    Accepted,
    Stream(mpsc::UnboundedReceiver<Bytes>),
    Refused { status: u16, message: &'static str },
}

/// Starts an agent, after another one if that left something.
pub(crate) async fn start(
    config: AgentConfig,
    remains: Option<Remains>,
    from_agent: mpsc::UnboundedSender<(AgentId, FromAgent)>,
) -> Result<AgentHandle, io::Error> {
    let listener = TcpListener::bind(config.address).await?;
    let (settings, store) = (config.settings.clone(), config.kept.clone().map(Store::at));
    let identity = identity(config, listener.local_addr()?);
    let address = identity.address;
    let (to_agent, from_master) = mpsc::unbounded_channel();
    let (requests, calls) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let router = executor::router(executor::Api { requests, agent: identity.clone() });
    let (close, closed) = oneshot::channel::<()>();
    let server = axum::serve(at_once(listener), router)
        .with_graceful_shutdown(async { drop(closed.await) })
        .into_future();
    let mut server = tokio::spawn(server);
    let mut actor = Actor::new(identity, settings, from_agent);
    actor.store = store;
    actor.begin(remains);
    let ended = tokio::spawn(async move {
        actor.run(Inbox { from_master, calls, stopped }).await;
        drop(close);
        if tokio::time::timeout(CONNECTION_GRACE, &mut server).await.is_err() {
            tracing::debug!("connections outlive their agent");
            server.abort();
            drop(server.await);
        }
    });
    Ok(AgentHandle { to_agent, address, stop, ended })
}

fn identity(config: AgentConfig, address: SocketAddr) -> Identity {
    let mut info = config.info;
    info.id = Some(config.id);
    info.port = Some(i32::from(address.port()));
    info.resources = config.resources.to_wire();
    if info.hostname.is_empty() {
        info.hostname = address.ip().to_string();
    }
    // Executors work elsewhere than we do, so their paths must not be relative.
    let work_dir = std::path::absolute(&config.work_dir).unwrap_or(config.work_dir);
    Identity { info, address, work_dir }
}

/// Where an agent's inputs come from.
struct Inbox {
    from_master: mpsc::UnboundedReceiver<ToAgent>,
    calls: mpsc::UnboundedReceiver<Request>,
    stopped: oneshot::Receiver<oneshot::Sender<Remains>>,
}

struct Actor {
    agent: Agent,
    clock: Clock,
    id: AgentId,
    info: AgentInfo,
    store: Option<Store<StoredAgent>>,
    /// Something has changed that is to be saved as soon as there is nothing else to do.
    is_unsaved: bool,
    to_master: mpsc::UnboundedSender<(AgentId, FromAgent)>,
    containers: Containerizer,
    told: mpsc::UnboundedReceiver<Told>,
    next_request: RequestId,
    asked: HashMap<RequestId, (Codec, oneshot::Sender<Response>)>,
    streams: HashMap<RequestId, (Codec, mpsc::UnboundedSender<Bytes>)>,
}

/// The time since the Unix epoch, which never goes back.
struct Clock {
    began: Instant,
    since_epoch: Duration,
}

impl Clock {
    fn new() -> Self {
        let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self { began: Instant::now(), since_epoch }
    }

    fn now(&self) -> Duration {
        self.since_epoch + self.began.elapsed()
    }

    async fn sleep_until(&self, deadline: Option<Duration>) {
        match deadline {
            Some(deadline) => tokio::time::sleep(deadline.saturating_sub(self.now())).await,
            None => std::future::pending().await,
        }
    }
}

/// Whether what follows must not happen before it is on disk. An acknowledgement that is forgotten
/// costs no more than a repeated update.
fn is_news(input: &Input) -> bool {
    !matches!(input, Input::Master(ToAgent::Acknowledge { .. }))
}

impl Actor {
    fn new(
        identity: Identity,
        settings: AgentSettings,
        to_master: mpsc::UnboundedSender<(AgentId, FromAgent)>,
    ) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let id = identity.info.id.clone().unwrap_or_default();
        Self {
            info: identity.info.clone(),
            store: None,
            is_unsaved: false,
            agent: Agent::new(identity, settings, Box::new(Uuid::new_v4)),
            clock: Clock::new(),
            id,
            to_master,
            containers: Containerizer::new(tell),
            told,
            next_request: 0,
            asked: HashMap::new(),
            streams: HashMap::new(),
        }
    }

    /// Registers, at once or after recovering what is left.
    fn begin(&mut self, remains: Option<Remains>) {
        match remains {
            Some(Remains { checkpoint, containers, told }) => {
                (self.containers, self.told) = (containers, told);
                let restore = Input::Restore(Box::new(checkpoint));
                let outputs = self.agent.handle(self.clock.now(), restore);
                self.conclude(outputs);
            }
            None => {
                let registered = FromAgent::Registered(Box::new(self.info.clone()));
                self.perform(Output::ToMaster(registered));
                self.save();
            }
        }
    }

    async fn run(mut self, mut inbox: Inbox) {
        let mut is_stopping = false;
        while !(is_stopping && self.agent.is_idle()) {
            let input = tokio::select! {
                biased;
                halt = &mut inbox.stopped, if !is_stopping => match halt {
                    Ok(leave) => return self.leave(leave),
                    Err(_) => Input::Stop,
                },
                message = inbox.from_master.recv(), if !is_stopping => {
                    message.map_or(Input::Stop, Input::Master)
                }
                Some((container_id, event)) = self.told.recv() => {
                    Input::Container { container_id, event }
                }
                Some(request) = inbox.calls.recv() => self.ask(request),
                () = std::future::ready(()), if self.is_unsaved => {
                    self.save();
                    continue;
                }
                () = self.clock.sleep_until(self.agent.next_deadline()) => Input::Tick,
            };
            is_stopping = is_stopping || matches!(input, Input::Stop);
            let at_once = if is_stopping { 1 } else { MAX_INPUTS_AT_ONCE };
            self.handle(input, &mut inbox, at_once);
        }
    }

    /// Ends without ending the containers.
    fn leave(mut self, leave: oneshot::Sender<Remains>) {
        for orphan in self.agent.orphans() {
            self.perform(orphan);
        }
        let Self { agent, containers, told, .. } = self;
        // Whoever asked waits for it.
        let _ = leave.send(Remains { checkpoint: agent.checkpoint(), containers, told });
    }

    /// Takes an input and those that are there already, so that one write to the disk serves all.
    fn handle(&mut self, first: Input, inbox: &mut Inbox, at_once: usize) {
        let now = self.clock.now();
        let mut must_save = is_news(&first);
        let mut outputs = self.agent.handle(now, first);
        for _ in 1..at_once {
            let Some(input) = self.waiting(inbox) else { break };
            must_save |= is_news(&input);
            outputs.extend(self.agent.handle(now, input));
        }
        if must_save {
            self.conclude(outputs);
        } else {
            self.is_unsaved = true;
            outputs.into_iter().for_each(|output| self.perform(output));
        }
    }

    /// An input that is there already.
    fn waiting(&mut self, inbox: &mut Inbox) -> Option<Input> {
        if let Ok(message) = inbox.from_master.try_recv() {
            return Some(Input::Master(message));
        }
        if let Ok((container_id, event)) = self.told.try_recv() {
            return Some(Input::Container { container_id, event });
        }
        inbox.calls.try_recv().ok().map(|request| self.ask(request))
    }

    fn conclude(&mut self, outputs: Vec<Output>) {
        // First on disk, then to anybody else.
        self.save();
        outputs.into_iter().for_each(|output| self.perform(output));
    }

    fn save(&mut self) {
        self.is_unsaved = false;
        if let Some(store) = &mut self.store {
            let (info, checkpoint) = (Some(self.info.clone()), Some(self.agent.checkpoint()));
            store.save(&StoredAgent { info, checkpoint });
        }
    }

    fn ask(&mut self, Request { call, accept, respond }: Request) -> Input {
        self.next_request += 1;
        self.asked.insert(self.next_request, (accept, respond));
        Input::Call { request: self.next_request, call }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::ToMaster(message) => {
                // A master that is gone ends its agents.
                let _ = self.to_master.send((self.id.clone(), message));
            }
            Output::Answer { request, answer } => self.answer(request, answer),
            Output::Event { stream, event } => self.write(stream, &event),
            Output::Close { stream } => {
                self.streams.remove(&stream);
            }
            Output::Launch(launch) => self.containers.launch(*launch),
            Output::Signal { container_id, signal } => {
                self.containers.signal(&container_id, signal);
            }
        }
    }

    fn answer(&mut self, request: RequestId, answer: Answer) {
        let Some((accept, respond)) = self.asked.remove(&request) else { return };
        let response = match answer {
            Answer::Accepted => Response::Accepted,
            Answer::Refused { status, message } => Response::Refused { status, message },
            Answer::Stream => {
                let (events, stream) = mpsc::unbounded_channel();
                self.streams.insert(request, (accept, events));
                Response::Stream(stream)
            }
        };
        // The caller may have hung up, which its executor notices by itself.
        let _ = respond.send(response);
    }

    fn write(&mut self, stream: RequestId, event: &Event) {
        let Some((codec, events)) = self.streams.get(&stream) else { return };
        if events.send(recordio::encode(&codec.encode(event))).is_err() {
            self.streams.remove(&stream);
        }
    }
}
