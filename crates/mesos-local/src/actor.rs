//! Who owns the master: one task that only forwards.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use mesos::codec::Codec;
use mesos::recordio;
use mesos::v1::AgentId;
use mesos::v1::scheduler::{Call, Event, call};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::master::{Identity, Input, Master, Output, Reply, StreamId, View};
use crate::messages::{FromAgent, ToAgent};
use crate::store::{Registry, Store};

/// Framed events on their way into one response.
pub(crate) type EventBytes = mpsc::UnboundedReceiver<Bytes>;

/// What the rest of the process asks of the master.
pub(crate) enum Request {
    /// Open an event stream for a scheduler.
    Subscribe {
        stream: StreamId,
        subscribe: Box<call::Subscribe>,
        codec: Codec,
        events: oneshot::Sender<EventBytes>,
    },
    /// Perform any other call.
    Call {
        stream: Option<StreamId>,
        /// Who calls, where that is known.
        principal: Option<String>,
        call: Box<Call>,
        reply: oneshot::Sender<Reply>,
    },
    /// Remove a framework for an operator.
    Teardown { framework: String, operator: Option<String>, reply: oneshot::Sender<Reply> },
    /// Show something.
    View { view: View, answer: oneshot::Sender<Value> },
    /// Where an agent's messages go from now on.
    AgentStarted(AgentId, mpsc::UnboundedSender<ToAgent>),
    /// End this master and begin another one, which agents and frameworks must find anew.
    Restart(Box<Identity>, oneshot::Sender<()>),
    /// Lose everything that master and agent say to each other, or end that.
    Partition(AgentId, bool),
    /// Anything that needs no answer.
    Plain(Input),
}

/// A way to ask; cheap to clone.
#[derive(Clone)]
pub(crate) struct MasterHandle {
    requests: mpsc::UnboundedSender<Request>,
}

/// The master is gone, as the cluster is shutting down.
#[derive(Debug)]
pub(crate) struct Gone;

impl MasterHandle {
    /// Sends a request that needs no answer; without a master it is moot.
    pub(crate) fn tell(&self, request: Request) {
        let _ = self.requests.send(request);
    }

    /// Sends the request made with a way to answer, and waits for that answer.
    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        self.tell(request(answer));
        answered.await.map_err(|_| Gone)
    }
}

/// Starts the master. It ends when the last handle is gone.
pub(crate) fn start(
    master: Master,
    from_agents: mpsc::UnboundedReceiver<(AgentId, FromAgent)>,
    store: Option<Store<Registry>>,
) -> (MasterHandle, tokio::task::JoinHandle<()>) {
    let (sender, requests) = mpsc::unbounded_channel();
    let actor = Actor {
        master,
        store,
        started: Instant::now(),
        streams: HashMap::new(),
        agents: HashMap::new(),
        partitioned: HashSet::new(),
    };
    (MasterHandle { requests: sender }, tokio::spawn(actor.run(requests, from_agents)))
}

struct Actor {
    master: Master,
    store: Option<Store<Registry>>,
    started: Instant,
    streams: HashMap<StreamId, Stream>,
    agents: HashMap<AgentId, mpsc::UnboundedSender<ToAgent>>,
    partitioned: HashSet<AgentId>,
}

struct Stream {
    codec: Codec,
    events: mpsc::UnboundedSender<Bytes>,
}

impl Actor {
    async fn run(
        mut self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        mut from_agents: mpsc::UnboundedReceiver<(AgentId, FromAgent)>,
    ) {
        loop {
            let wake = self.master.next_wake().unwrap_or(Duration::from_secs(1));
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.on_request(request),
                    None => return,
                },
                Some((agent, message)) = from_agents.recv() => {
                    if !self.partitioned.contains(&agent) {
                        self.feed(Input::Agent(agent, message));
                        self.save();
                    }
                }
                () = sleep_until(self.started + wake) => {
                    self.feed(Input::Wake);
                }
            }
        }
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Subscribe { stream, subscribe, codec, events } => {
                let (sender, receiver) = mpsc::unbounded_channel();
                self.streams.insert(stream.clone(), Stream { codec, events: sender });
                // Nobody listening any more shows as a closed stream soon enough.
                let _ = events.send(receiver);
                self.feed(Input::Subscribe { stream, subscribe });
            }
            Request::Call { stream, principal, call, reply } => {
                if let Some(answer) = self.feed(Input::Call { stream, principal, call }) {
                    let _ = reply.send(answer);
                }
            }
            Request::Teardown { framework, operator, reply } => {
                let framework = framework.into();
                if let Some(answer) = self.feed(Input::Teardown { framework, operator }) {
                    let _ = reply.send(answer);
                }
            }
            Request::View { view, answer } => {
                let _ = answer.send(self.master.view(&view));
            }
            Request::AgentStarted(id, sender) => {
                self.agents.insert(id, sender);
            }
            Request::Restart(identity, done) => {
                self.restart(*identity);
                // Whoever asked may not have waited.
                let _ = done.send(());
            }
            Request::Partition(agent, true) => {
                self.partitioned.insert(agent.clone());
                self.feed(Input::AgentSilent(agent));
            }
            Request::Partition(agent, false) => {
                self.partitioned.remove(&agent);
                self.feed(Input::AgentHeard(agent));
            }
            Request::Plain(input) => {
                self.feed(input);
                self.save();
            }
        }
    }

    fn restart(&mut self, identity: Identity) {
        self.streams.clear();
        self.started = Instant::now();
        self.master = self.master.successor(identity);
        for agent in self.agents.values() {
            // One that has ended will not return.
            let _ = agent.send(ToAgent::Reregister);
        }
    }

    fn save(&mut self) {
        if let Some(store) = &mut self.store {
            store.save(&Registry { agents: self.master.registry() });
        }
    }

    fn feed(&mut self, input: Input) -> Option<Reply> {
        tracing::trace!(?input, "into the master");
        let mut reply = None;
        for output in self.master.handle(self.started.elapsed(), input) {
            match output {
                Output::Event(stream, event) => self.write(&stream, &event),
                Output::Close(stream) => {
                    self.streams.remove(&stream);
                }
                Output::Agent(id, message) => {
                    if let Some(agent) = self.agents.get(&id)
                        && !self.partitioned.contains(&id)
                    {
                        let _ = agent.send(message);
                    }
                }
                Output::Reply(answer) => reply = Some(answer),
            }
        }
        reply
    }

    fn write(&self, id: &StreamId, event: &Event) {
        if let Some(Stream { codec, events }) = self.streams.get(id) {
            let _ = events.send(recordio::encode(&codec.encode(event)));
        }
    }
}
