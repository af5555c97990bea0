//! The cluster, and what is under way in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use batch::memory::MemoryStore;
use batch::{Engine, Input, Time};
use mesos::ack::AckToken;
use mesos::resources::Resources;
use mesos::v1::{TaskId, TaskStatus};

use crate::job::{Job, entries, settings};
use crate::random::Random;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is under way in the cluster.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Allocate,
    Offers(Vec<String>),
    Rescind(String),
    Update(Box<TaskStatus>),
    Ends(String),
    Resend(String),
    LaunchFailed(Vec<TaskId>),
    AgentDies,
    Maintenance,
    Leaves(String),
    Failover,
    Subscribe,
    Crash,
}

pub(crate) struct Agent {
    pub(crate) free: Resources,
    pub(crate) executor: Option<Resources>,
    /// How many of a hundred tasks fail here.
    pub(crate) fails: u64,
    /// When it is to be taken away.
    pub(crate) leaves: Option<Time>,
}

pub(crate) struct Task {
    pub(crate) agent: String,
    pub(crate) resources: Resources,
    pub(crate) images: Vec<u64>,
    /// Those it was launched with as a group.
    pub(crate) group: Vec<String>,
    /// The last update, repeated until acknowledged.
    pub(crate) last: Option<TaskStatus>,
}

pub(crate) struct Sim {
    pub(crate) seed: u64,
    pub(crate) job: Job,
    pub(crate) random: Random,
    pub(crate) now: Time,
    pub(crate) serial: u64,
    pub(crate) queue: BTreeMap<(Time, u64), Event>,
    pub(crate) engine: Engine,
    /// An engine that is told the records and nothing else, and how many it was told.
    pub(crate) shadow: Engine,
    pub(crate) shadowed: usize,
    pub(crate) store: MemoryStore,
    pub(crate) wake_at: Option<Time>,
    pub(crate) online: bool,
    pub(crate) suppressed: bool,
    pub(crate) agents: BTreeMap<String, Agent>,
    pub(crate) offers: BTreeMap<String, (String, Resources)>,
    pub(crate) tasks: BTreeMap<String, Task>,
    /// Images that have failed in a transient way.
    pub(crate) faults: BTreeMap<u64, u32>,
    /// Once quiet, the cluster does no more harm.
    pub(crate) harm_until: Time,
    /// Whether this program gives up early.
    pub(crate) gives_up: bool,
    pub(crate) second_runs: u64,
    pub(crate) groups: u64,
    /// The offers that were made when the executor was there.
    pub(crate) executor_known: BTreeSet<String>,
    pub(crate) maintenance: u64,
}

impl Sim {
    pub(crate) fn new(seed: u64, job: Job) -> Self {
        let engine = || Engine::replay(settings(seed), entries(), []);
        let mut sim = Self {
            seed,
            job,
            random: Random(seed),
            now: Time::ZERO,
            serial: 0,
            queue: BTreeMap::new(),
            engine: engine(),
            shadow: engine(),
            shadowed: 0,
            store: MemoryStore::default(),
            wake_at: None,
            online: false,
            suppressed: false,
            agents: BTreeMap::new(),
            offers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            faults: BTreeMap::new(),
            harm_until: Time::from_secs(if job.harm { 300 } else { 0 }),
            gives_up: job.give_up,
            second_runs: 0,
            groups: 0,
            executor_known: BTreeSet::new(),
            maintenance: 0,
        };
        for _ in 0..3 {
            sim.new_agent();
        }
        sim.schedule(Duration::ZERO, Event::Allocate);
        for event in [Event::AgentDies, Event::Failover, Event::Crash, Event::Maintenance] {
            let after = sim.random.millis(20_000);
            sim.schedule(after, event);
        }
        sim.boot();
        sim
    }

    pub(crate) fn schedule(&mut self, after: Duration, event: Event) {
        self.serial += 1;
        self.queue.insert((self.now + after, self.serial), event);
    }

    /// Harm of this likelihood, while there is harm at all.
    pub(crate) fn harm(&mut self, percent: u64) -> bool {
        self.random.percent(percent) && self.now < self.harm_until
    }

    /// Every fourth agent is bad while the cluster does harm.
    pub(crate) fn new_agent(&mut self) {
        self.serial += 1;
        // Where there is disk, tasks are launched as groups.
        let disk = if self.serial.is_multiple_of(2) { ";disk:600" } else { "" };
        let free = format!("cpus:3;mem:2048{disk}").parse().unwrap();
        let fails = if self.harm(25) { 90 } else { 10 };
        let agent = Agent { free, executor: None, fails, leaves: None };
        self.agents.insert(format!("agent-{}", self.serial), agent);
    }

    pub(crate) fn give_back(&mut self, agent: &str, resources: &Resources) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.free = agent.free.plus(resources);
        }
    }

    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            if self.engine.is_finished() {
                return;
            }
            if self.engine.is_idle() {
                self.start_again();
            }
            assert!(self.now < DAY, "no end in a day: {:?}", self.engine.progress());
            let next = self.queue.first_key_value().map(|((at, _), _)| *at);
            match self.wake_at {
                Some(at) if next.is_none_or(|next| at < next) => {
                    self.now = self.now.max(at);
                    self.hand_over(Input::Tick);
                }
                _ => {
                    let ((at, _), event) = self.queue.pop_first().expect("the cluster goes on");
                    self.now = self.now.max(at);
                    self.happen(event);
                }
            }
        }
        panic!("no end in 100000 steps: {:?}", self.engine.progress());
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Allocate => {
                self.allocate();
                self.schedule(Duration::from_secs(1), Event::Allocate);
            }
            Event::Offers(ids) => self.deliver_offers(&ids),
            Event::Rescind(id) => self.hand_over(Input::Rescinded(id.into())),
            Event::Update(status) => {
                let ack = AckToken::of(&status);
                self.hand_over(Input::Update { status, ack });
            }
            Event::Ends(id) => self.end_task(&id),
            Event::Resend(id) => self.resend(&id),
            Event::LaunchFailed(tasks) => self.hand_over(Input::LaunchFailed { tasks }),
            Event::AgentDies => self.kill_an_agent(),
            Event::Maintenance => self.announce_maintenance(),
            Event::Leaves(agent) => self.take_away(&agent, true),
            Event::Failover => self.fail_over(),
            Event::Subscribe => self.subscribe(),
            Event::Crash => self.crash(),
        }
    }
}
