//! The engine against a small cluster that drops, repeats, delays and dies, with a
//! crash of the scheduler at any record: nothing lost, nothing counted twice, always
//! an end. Everything follows from a seed; a failing one is named.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing")]

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use batch::memory::MemoryStore;
use batch::{Call, Chunk, Engine, Entry, Given, Input, Launch, Record, Settings, Store, Time};
use mesos::ack::AckToken;
use mesos::resources::{Resources, Scalar};
use mesos::v1::TaskState::{self, *};
use mesos::v1::{Offer, TaskId, TaskStatus, task_status::Reason};
use protocol::{Class, ImageReport, Outcome, Report};

const IMAGES: u64 = 24;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn millis(&mut self, below: u64) -> Duration {
        Duration::from_millis(self.next() % below)
    }
}

/// What is under way in the cluster.
#[derive(Debug, Clone)]
enum Event {
    Allocate,
    Offers(Vec<String>),
    Rescind(String),
    Update(Box<TaskStatus>),
    Ends(String),
    Resend(String),
    LaunchFailed(Vec<TaskId>),
    AgentDies,
    Failover,
    Subscribe,
    Crash,
}

struct Agent {
    free: Resources,
    has_executor: bool,
}

struct Task {
    agent: String,
    resources: Resources,
    images: Vec<u64>,
    /// The last update, repeated until acknowledged.
    last: Option<TaskStatus>,
}

struct Sim {
    seed: u64,
    random: Random,
    now: Time,
    serial: u64,
    queue: BTreeMap<(Time, u64), Event>,
    engine: Engine,
    store: MemoryStore,
    wake_at: Option<Time>,
    online: bool,
    suppressed: bool,
    agents: BTreeMap<String, Agent>,
    offers: BTreeMap<String, (String, Resources)>,
    tasks: BTreeMap<String, Task>,
    /// Tasks in which an image has failed in a transient way, by image.
    faults: BTreeMap<u64, u32>,
    /// Once quiet, the cluster does no more harm.
    harm_until: Time,
}

fn entries() -> Vec<Entry> {
    let given = |index| match index {
        5 => Given::Duplicate { of: 4 },
        6 => Given::Rejected { class: Class::BadUrl, message: "line 6 is no URL".into() },
        _ => Given::Process,
    };
    let entry = |index: u64| Entry {
        index,
        line: index,
        url: format!("http://h/{index}"),
        name: index.to_string(),
        given: given(index),
    };
    (1..=IMAGES).map(entry).collect()
}

/// The only class that an image can end with, whatever the cluster does.
fn expected(index: u64) -> Class {
    match index {
        5 => Class::Duplicate,
        6 => Class::BadUrl,
        index if index % 7 == 0 => Class::Http4xx,
        index if index % 11 == 0 => Class::Timeout,
        _ => Class::Ok,
    }
}

fn settings(seed: u64) -> Settings {
    let mut settings = Settings::new("job", "exec");
    settings.seed = seed;
    settings.retry.machinery_budget = NonZeroU32::MAX;
    settings.images_per_task = Chunk::Fixed(NonZeroU64::new(1 + seed % 4).unwrap());
    settings
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut sim = Self {
            seed,
            random: Random(seed),
            now: Time::ZERO,
            serial: 0,
            queue: BTreeMap::new(),
            engine: Engine::new(settings(seed)),
            store: MemoryStore::default(),
            wake_at: None,
            online: false,
            suppressed: false,
            agents: BTreeMap::new(),
            offers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            faults: BTreeMap::new(),
            harm_until: Time::from_secs(300),
        };
        for _ in 0..3 {
            sim.new_agent();
        }
        sim.schedule(Duration::ZERO, Event::Allocate);
        for event in [Event::AgentDies, Event::Failover, Event::Crash] {
            let after = sim.random.millis(20_000);
            sim.schedule(after, event);
        }
        sim.boot();
        sim
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.serial += 1;
        self.queue.insert((self.now + after, self.serial), event);
    }

    fn harm(&mut self, percent: u64) -> bool {
        self.random.percent(percent) && self.now < self.harm_until
    }

    fn new_agent(&mut self) {
        self.serial += 1;
        let free = "cpus:3;mem:2048".parse().unwrap();
        self.agents.insert(format!("agent-{}", self.serial), Agent { free, has_executor: false });
    }

    /// A new engine from what is durable. Its time starts at zero, as after a restart.
    fn boot(&mut self) {
        self.engine = Engine::replay(settings(self.seed), entries(), self.store.records());
        self.wake_at = None;
        self.queue.retain(|_, event| !matches!(event, Event::LaunchFailed(_)));
        self.hand_over(Input::ListEnded);
        self.lose_connection();
        let after = self.random.millis(2_000);
        self.schedule(after, Event::Subscribe);
    }

    /// Everything under way to the scheduler is lost, and its offers are void.
    fn lose_connection(&mut self) {
        self.online = false;
        self.queue.retain(|_, event| {
            !matches!(
                event,
                Event::Offers(_) | Event::Update(_) | Event::Rescind(_) | Event::Subscribe
            )
        });
        for (_, (agent, resources)) in std::mem::take(&mut self.offers) {
            self.give_back(&agent, &resources);
        }
    }

    fn give_back(&mut self, agent: &str, resources: &Resources) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.free = agent.free.plus(resources);
        }
    }

    fn run(&mut self) {
        for _ in 0..100_000 {
            if self.engine.is_finished() {
                return;
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
            Event::Failover => self.fail_over(),
            Event::Subscribe => self.subscribe(),
            Event::Crash => {
                if self.now < self.harm_until {
                    self.boot();
                    let after = self.random.millis(30_000);
                    self.schedule(after, Event::Crash);
                }
            }
        }
    }

    /// Gives the engine an input. The store fails now and then; then the beginning
    /// of the records is durable, nothing was sent, and the program starts again.
    fn hand_over(&mut self, input: Input) {
        let offered = match &input {
            Input::Offers(offers) => offers.iter().map(|offer| offer.id.value.clone()).collect(),
            _ => Vec::new(),
        };
        let effects = self.engine.handle(self.now, input);
        if !effects.records().is_empty() && self.harm(3) {
            let kept = self.random.next() % (effects.records().len() as u64 + 1);
            let torn: Vec<Record> = effects.records().iter().take(kept as usize).cloned().collect();
            self.store.append(&torn).unwrap();
            return self.boot();
        }
        self.wake_at = effects.wake_at;
        let calls = effects.commit(&mut self.store).unwrap().calls;
        if self.online {
            self.check_answers(offered, &calls);
        } else {
            assert_eq!(calls, [], "a call while disconnected");
        }
        self.check_replay();
        for call in calls {
            self.obey(call);
        }
    }

    fn check_answers(&self, mut offered: Vec<String>, calls: &[Call]) {
        let mut answered: Vec<String> = Vec::new();
        for call in calls {
            if let Call::Accept { offer_ids, .. } | Call::Decline { offer_ids, .. } = call {
                answered.extend(offer_ids.iter().map(|id| id.value.clone()));
            }
        }
        offered.sort();
        answered.sort();
        assert_eq!(answered, offered, "offers and answers");
    }

    /// The records alone give the same engine.
    fn check_replay(&self) {
        let again = Engine::replay(settings(self.seed), entries(), self.store.records());
        let counts = |engine: &Engine| {
            let p = engine.progress();
            (p.total, p.done, p.failed, p.running, p.pending, p.retrying, p.tasks_running)
        };
        assert_eq!(counts(&again), counts(&self.engine));
        assert!(again.outcomes().eq(self.engine.outcomes()));
        assert_eq!(again.framework_id(), self.engine.framework_id());
    }

    fn obey(&mut self, call: Call) {
        if !self.online {
            return;
        }
        match call {
            Call::Accept { offer_ids, launches, .. } => {
                let id = offer_ids.first().unwrap().value.clone();
                self.accept(&id, launches);
            }
            Call::Decline { offer_ids, .. } => {
                for id in offer_ids {
                    if let Some((agent, resources)) = self.offers.remove(&id.value) {
                        self.give_back(&agent, &resources);
                    }
                }
            }
            Call::AcceptInverse { .. } => {}
            Call::Suppress => {
                assert!(!self.suppressed, "suppressed twice");
                self.suppressed = true;
            }
            Call::Revive => {
                self.suppressed = false;
                self.allocate();
            }
            Call::Acknowledge(token) => {
                let (_, task, uuid) = token.into_parts();
                let is_last = |task: &Task| {
                    task.last.as_ref().is_some_and(|last| last.uuid.as_ref() == Some(&uuid))
                };
                if self.tasks.get(&task.value).is_some_and(is_last) && !self.harm(5) {
                    self.tasks.remove(&task.value);
                }
            }
            Call::Reconcile(tasks) => self.reconcile(tasks),
            Call::Kill { task_id, .. } => {
                if self.tasks.contains_key(&task_id.value) && !self.harm(20) {
                    self.finish(&task_id.value, TaskKilled, None);
                }
            }
        }
    }

    fn allocate(&mut self) {
        if self.suppressed || !self.online {
            return;
        }
        let mut ids = Vec::new();
        for (name, agent) in &mut self.agents {
            if agent.free.cpus() >= Scalar::from_f64(0.1) {
                self.serial += 1;
                let id = format!("offer-{}", self.serial);
                let free = std::mem::take(&mut agent.free);
                self.offers.insert(id.clone(), (name.clone(), free));
                ids.push(id);
            }
        }
        if ids.is_empty() {
            return;
        }
        let after = self.random.millis(300);
        if self.harm(10)
            && let Some((agent, resources)) = self.offers.remove(ids.first().unwrap())
        {
            self.give_back(&agent, &resources);
            self.schedule(after, Event::Rescind(ids.first().unwrap().clone()));
        }
        self.schedule(after, Event::Offers(ids));
    }

    /// An offer that was rescinded meanwhile is still delivered: the two crossed.
    fn deliver_offers(&mut self, ids: &[String]) {
        let offer = |id: &String| {
            let fallback = ("gone".to_owned(), "cpus:3;mem:2048".parse().unwrap());
            let (agent, resources): &(String, Resources) = self.offers.get(id).unwrap_or(&fallback);
            let known = self.agents.get(agent).is_some_and(|agent| agent.has_executor);
            Offer {
                id: id.as_str().into(),
                agent_id: agent.as_str().into(),
                resources: resources.to_wire(),
                executor_ids: if known { vec!["exec".into()] } else { vec![] },
                ..Offer::default()
            }
        };
        let offers = ids.iter().map(offer).collect();
        self.hand_over(Input::Offers(offers));
    }

    fn accept(&mut self, offer: &str, launches: Vec<Launch>) {
        let undelivered = self.harm(5);
        let arrives = !undelivered || self.random.percent(50);
        let tasks: Vec<TaskId> = launches.iter().map(|launch| launch.task_id.clone()).collect();
        if arrives {
            self.launch(offer, launches);
        }
        if undelivered {
            self.schedule(Duration::ZERO, Event::LaunchFailed(tasks));
        }
    }

    fn launch(&mut self, offer: &str, launches: Vec<Launch>) {
        let Some((agent, mut left)) = self.offers.remove(offer) else {
            for launch in launches {
                self.say(status(
                    &launch.task_id.value,
                    None,
                    TaskDropped,
                    Some(Reason::InvalidOffers),
                ));
            }
            return;
        };
        for launch in launches {
            let id = launch.task_id.value.clone();
            assert!(!self.tasks.contains_key(&id), "the id {id} is used twice");
            if launch.executor_is_new {
                left = left.checked_sub(&launch.executor_resources).expect("room for the executor");
                self.agents.get_mut(&agent).unwrap().has_executor = true;
            }
            left = left.checked_sub(&launch.resources).expect("room for the task");
            let mut images: Vec<u64> = launch.images.iter().map(|image| image.index).collect();
            if self.random.percent(50) {
                let running = self.running(&id, &agent, &mut images);
                self.say(running);
            }
            let resources = launch.resources;
            let task = Task { agent: agent.clone(), resources, images, last: None };
            self.tasks.insert(id.clone(), task);
            let after = self.random.millis(5_000);
            self.schedule(after, Event::Ends(id));
        }
        self.give_back(&agent, &left);
    }

    /// News of a task on its way, now and then with an image that is through already and that its
    /// end will not speak of again.
    fn running(&mut self, id: &str, agent: &str, images: &mut Vec<u64>) -> TaskStatus {
        let early = images.pop_if(|_| self.random.percent(50));
        let report = |index| Report { images: vec![self.process(index)], ..Report::default() };
        let data = early.map(report).map(|report| report.to_payload());
        TaskStatus { data, ..status(id, Some(agent), TaskRunning, None) }
    }

    /// The executor is through with a task, in one way or another.
    fn end_task(&mut self, id: &str) {
        let Some(images) = self.tasks.get(id).map(|task| task.images.clone()) else { return };
        if self.harm(10) {
            return self.finish(id, TaskFailed, None);
        }
        let mut report = Report::default();
        for index in images {
            if !self.harm(5) {
                report.images.push(self.process(index));
            }
        }
        let garbage = self.harm(5);
        let data = if garbage { vec![0xff] } else { report.to_payload() };
        self.finish(id, TaskFinished, Some(data));
    }

    fn process(&mut self, index: u64) -> ImageReport {
        match expected(index) {
            Class::Ok if !self.faults.contains_key(&index) && self.random.percent(20) => {
                self.faults.insert(index, 1);
                ImageReport::failed(index, Class::Connect, "refused")
            }
            Class::Ok => ImageReport { index, sha256: "ab".repeat(32), ..Default::default() },
            class => ImageReport::failed(index, class, "as expected"),
        }
    }

    fn finish(&mut self, id: &str, state: TaskState, data: Option<Vec<u8>>) {
        self.serial += 1;
        let uuid = self.serial.to_be_bytes().to_vec();
        let Some(task) = self.tasks.get_mut(id) else { return };
        if task.last.is_some() {
            return;
        }
        let status =
            TaskStatus { uuid: Some(uuid), data, ..status(id, Some(&task.agent), state, None) };
        task.last = Some(status);
        let (agent, resources) = (task.agent.clone(), task.resources.clone());
        self.give_back(&agent, &resources);
        self.resend(id);
    }

    /// Sends the last update of a task, and again until it is acknowledged.
    fn resend(&mut self, id: &str) {
        let Some(last) = self.tasks.get(id).and_then(|task| task.last.clone()) else { return };
        self.say(last.clone());
        if self.harm(10) {
            self.say(last);
        }
        self.schedule(Duration::from_secs(10), Event::Resend(id.to_owned()));
    }

    /// A message to the scheduler: late, or never.
    fn say(&mut self, status: TaskStatus) {
        if self.online && !self.harm(10) {
            let after = self.random.millis(3_000);
            self.schedule(after, Event::Update(Box::new(status)));
        }
    }

    fn kill_an_agent(&mut self) {
        if self.now >= self.harm_until {
            return;
        }
        let nth = self.random.next() as usize % self.agents.len();
        let name = self.agents.keys().nth(nth).unwrap().clone();
        self.agents.remove(&name);
        let dead = self.tasks.iter().filter(|(_, task)| task.agent == name);
        let dead: Vec<String> = dead.map(|(id, _)| id.clone()).collect();
        let silently = self.random.percent(50);
        for id in dead {
            self.tasks.remove(&id);
            if !silently {
                self.say(status(&id, Some(&name), TaskUnreachable, Some(Reason::AgentRemoved)));
            }
        }
        self.offers.retain(|_, (agent, _)| *agent != name);
        self.new_agent();
        let after = self.random.millis(40_000);
        self.schedule(after, Event::AgentDies);
        if self.online && self.random.percent(50) {
            self.hand_over(Input::AgentLost(name.as_str().into()));
        }
    }

    fn fail_over(&mut self) {
        if self.now >= self.harm_until {
            return;
        }
        self.lose_connection();
        self.hand_over(Input::Disconnected);
        if !self.queue.values().any(|event| matches!(event, Event::Subscribe)) {
            let after = self.random.millis(5_000);
            self.schedule(after, Event::Subscribe);
        }
        let after = self.random.millis(60_000);
        self.schedule(after, Event::Failover);
    }

    fn subscribe(&mut self) {
        self.online = true;
        self.suppressed = false;
        let framework_id = "framework".into();
        self.hand_over(Input::Subscribed { framework_id, first: false });
        for id in self.tasks.keys().cloned().collect::<Vec<_>>() {
            if let Some(last) = self.tasks.get(&id).and_then(|task| task.last.clone()) {
                self.say(last);
            }
        }
    }

    fn reconcile(&mut self, tasks: Vec<(TaskId, Option<mesos::v1::AgentId>)>) {
        for (id, agent) in tasks {
            let agent = agent.expect("an agent").value;
            let state = match self.tasks.get(&id.value) {
                Some(task) => task.last.as_ref().map_or(TaskRunning, TaskStatus::state),
                None if self.agents.contains_key(&agent) => TaskGone,
                None => TaskUnreachable,
            };
            self.say(status(&id.value, Some(&agent), state, Some(Reason::Reconciliation)));
        }
    }

    fn check_end(&self) {
        let progress = self.engine.progress();
        assert_eq!(progress.ended(), IMAGES, "{progress:?}");
        let outcomes: Vec<_> = self.engine.outcomes().collect();
        assert_eq!(outcomes.len() as u64, IMAGES);
        for outcome in outcomes {
            assert_eq!(outcome.class, expected(outcome.index), "image {}", outcome.index);
            let has_result = matches!(outcome.class, Class::Ok | Class::Duplicate);
            assert_eq!(outcome.outcome == Outcome::Done, has_result);
        }
        let mut ends: BTreeMap<u64, u32> = BTreeMap::new();
        for record in self.store.records() {
            if let Record::ImageEnded { index, .. } = record {
                *ends.entry(*index).or_default() += 1;
            }
        }
        assert!(ends.values().all(|count| *count == 1), "counted twice: {ends:?}");
        assert_eq!(ends.len() as u64, IMAGES - 2, "all but the duplicate and the rejected line");
    }
}

fn status(id: &str, agent: Option<&str>, state: TaskState, reason: Option<Reason>) -> TaskStatus {
    TaskStatus {
        task_id: id.into(),
        state: state.into(),
        agent_id: agent.map(Into::into),
        reason: reason.map(Into::into),
        ..TaskStatus::default()
    }
}

fn simulate(seed: u64) -> (usize, u64) {
    let result = std::panic::catch_unwind(|| {
        let mut sim = Sim::new(seed);
        sim.run();
        sim.check_end();
        (sim.store.records().len(), sim.engine.progress().tasks_launched)
    });
    result.unwrap_or_else(|_| panic!("seed {seed} failed: run it with BATCH_SEED={seed}"))
}

#[expect(clippy::disallowed_methods, reason = "to run one seed again, or more of them")]
fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn whatever_happens_every_image_ends_once_and_as_it_should() {
    let seeds = match (number_from("BATCH_SEED"), number_from("BATCH_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(300),
    };
    let (mut launched, mut runs) = (0, 0);
    for seed in seeds {
        launched += simulate(seed).1;
        runs += 1;
    }
    // The cluster must have done harm: without it, a run takes some 15 tasks.
    assert!(runs < 100 || launched / runs >= IMAGES, "{launched} launches in {runs} runs");
    println!("{runs} runs, {launched} tasks");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(simulate(42), simulate(42));
}
