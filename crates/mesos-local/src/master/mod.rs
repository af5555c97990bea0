//! What the master decides: `handle(now, input)` gives outputs, without I/O.
//!
//! Time is the duration since the master started. Whoever owns the master feeds it
//! inputs, carries out the outputs in order, and calls again at [`Master::next_wake`].

mod accept;
mod agent;
mod agents;
mod call_validation;
mod calls;
mod executors;
mod framework;
mod groups;
mod input;
mod metrics;
mod offer_filters;
mod offers;
mod operations;
mod reconcile;
mod reregister;
mod resource_validation;
mod roles;
mod subscribe;
mod task;
mod task_validation;
#[cfg(test)]
mod tests;
mod timers;
mod updates;
mod view;
mod view_parts;
mod views;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use mesos::v1::scheduler::Event;
use mesos::v1::{AgentId, AgentInfo, FrameworkId, MasterInfo, OfferId};

use crate::allocator::Allocator;
use crate::messages::ToAgent;
use crate::settings::MasterSettings;

use agent::Agent;
use framework::Framework;
use metrics::Metrics;
use offers::Outstanding;
use timers::{Timer, Timers};

pub(crate) use call_validation::{other_principal, validate as validate_call};
pub(crate) use input::{Input, Output, Reply, StreamId};
pub(crate) use view::View;
pub(crate) use views::TasksWanted;

/// The Mesos version whose behaviour is the model.
pub(crate) const VERSION: &str = "1.11.0";

/// How often every subscribed scheduler gets a HEARTBEAT.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// How many removed frameworks are remembered, and barred from returning.
const MAX_COMPLETED_FRAMEWORKS: usize = 50;

/// Who the master is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Unique; the beginning of every id it gives out.
    pub(crate) id: String,
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    /// Wall clock at its start: seconds since the Unix epoch.
    pub(crate) started_unix_seconds: f64,
}

/// The master's state.
#[derive(Debug)]
pub(crate) struct Master {
    identity: Identity,
    settings: MasterSettings,
    now: Duration,
    frameworks: HashMap<FrameworkId, Framework>,
    completed: VecDeque<Framework>,
    agents: BTreeMap<String, Agent>,
    /// Agents of an earlier master that have not returned.
    recovered: BTreeMap<String, AgentInfo>,
    /// Agents that went away, with the time in seconds since the Unix epoch.
    unreachable: HashMap<AgentId, f64>,
    offers: HashMap<OfferId, Outstanding>,
    streams: HashMap<StreamId, FrameworkId>,
    allocator: Allocator,
    timers: Timers,
    metrics: Metrics,
    next_framework: u64,
    next_offer: u64,
    next_operation: u128,
    must_allocate: bool,
    outputs: Vec<Output>,
}

impl Master {
    pub(crate) fn new(identity: Identity, settings: MasterSettings) -> Self {
        let mut timers = Timers::default();
        timers.set(settings.allocation_interval, Timer::Allocation);
        Self {
            identity,
            now: Duration::ZERO,
            frameworks: HashMap::new(),
            completed: VecDeque::new(),
            agents: BTreeMap::new(),
            recovered: BTreeMap::new(),
            unreachable: HashMap::new(),
            offers: HashMap::new(),
            streams: HashMap::new(),
            allocator: Allocator::new(settings.allocation_interval),
            settings,
            timers,
            metrics: Metrics::default(),
            next_framework: 0,
            next_offer: 0,
            next_operation: 0,
            must_allocate: false,
            outputs: Vec::new(),
        }
    }

    /// A master that follows another one: it knows the agents, and waits for them to return
    /// and say what they run.
    pub(crate) fn recovered(
        identity: Identity,
        settings: MasterSettings,
        agents: Vec<AgentInfo>,
    ) -> Self {
        let mut master = Self::new(identity, settings);
        let until = master.settings.agent_reregister_timeout;
        for info in agents {
            let Some(id) = info.id.clone() else { continue };
            master.timers.set(until, Timer::Return(id.clone()));
            master.recovered.insert(id.value, info);
        }
        master
    }

    /// The master after this one.
    pub(crate) fn successor(&self, identity: Identity) -> Self {
        Self::recovered(identity, self.settings.clone(), self.registry())
    }

    /// The agents that a master after this one is to know.
    pub(crate) fn registry(&self) -> Vec<AgentInfo> {
        let registered = self.agents.values().map(|agent| agent.info.clone());
        registered.chain(self.recovered.values().cloned()).collect()
    }

    /// Takes in what happened and says what is to be done, in order.
    pub(crate) fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        self.now = now;
        while let Some(timer) = self.timers.take_due(now) {
            self.on_timer(timer);
        }
        match input {
            Input::Wake => {}
            Input::Subscribe { stream, subscribe } => self.subscribe(stream, *subscribe),
            Input::Call { stream, principal, call } => {
                self.on_call(stream.as_ref(), principal.as_deref(), *call);
            }
            Input::StreamClosed(stream) => self.on_stream_closed(&stream),
            Input::Agent(agent, message) => self.on_agent_message(&agent, message),
            Input::AgentLost(agent) => self.lose_agent(&agent),
            Input::AgentDisconnected(agent) => self.disconnect_agent(&agent),
            Input::AgentSilent(agent) => self.miss_agent(&agent),
            Input::AgentHeard(agent) => self.hear_agent(&agent),
            Input::Teardown { framework, operator } => {
                self.on_operator_teardown(&framework, operator.as_deref());
            }
            Input::RescindOffers => self.rescind_all_offers(),
            Input::DropStreams => self.drop_streams(),
        }
        if mem::take(&mut self.must_allocate) {
            self.allocate();
        }
        mem::take(&mut self.outputs)
    }

    /// When the master wants to be woken next.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        self.timers.next()
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Allocation => {
                let next = self.now + self.settings.allocation_interval;
                self.timers.set(next, Timer::Allocation);
                self.must_allocate = true;
            }
            Timer::Heartbeat(stream) => self.heartbeat(stream),
            Timer::Failover { framework_id, subscription } => {
                self.on_failover_timeout(&framework_id, subscription);
            }
            Timer::Silence { agent_id, silence } => self.on_silence(&agent_id, silence),
            Timer::Return(agent_id) => self.give_up_recovered(&agent_id),
        }
    }

    /// Puts an event on the framework's stream; without a stream it is lost, as on a real master.
    fn send(&mut self, id: &FrameworkId, event: Event) {
        if let Some(stream) = self.frameworks.get(id).and_then(|f| f.stream.clone()) {
            self.outputs.push(Output::Event(stream, Box::new(event)));
        }
    }

    /// Sends a message to an agent; one that is not connected does not get it.
    fn tell_agent(&mut self, id: &AgentId, message: ToAgent) {
        if !self.agents.get(&id.value).is_some_and(|agent| agent.is_connected) {
            return;
        }
        self.outputs.push(Output::Agent(id.clone(), message));
    }

    fn tell_all_agents(&mut self, message: &ToAgent) {
        let ids: Vec<AgentId> = self.agents.keys().map(|id| id.as_str().into()).collect();
        for id in ids {
            self.tell_agent(&id, message.clone());
        }
    }

    /// Seconds since the Unix epoch, now.
    fn unix_seconds(&self) -> f64 {
        self.identity.started_unix_seconds + self.now.as_secs_f64()
    }

    fn info(&self) -> MasterInfo {
        let Identity { id, ip, port, .. } = &self.identity;
        MasterInfo {
            id: id.clone(),
            ip: match ip {
                // The address as it lies in memory, whatever the machine's byte order.
                IpAddr::V4(address) => u32::from_ne_bytes(address.octets()),
                IpAddr::V6(_) => u32::from(Ipv4Addr::UNSPECIFIED),
            },
            port: u32::from(*port),
            pid: Some(self.pid()),
            hostname: Some(ip.to_string()),
            version: Some(VERSION.to_owned()),
            address: Some(mesos::v1::Address {
                hostname: Some(ip.to_string()),
                ip: Some(ip.to_string()),
                port: i32::from(*port),
            }),
            ..MasterInfo::default()
        }
    }

    fn pid(&self) -> String {
        format!("master@{}:{}", self.identity.ip, self.identity.port)
    }
}
