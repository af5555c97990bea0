//! What the engine takes of the scheduler's time, on clusters and lists of different sizes:
//! `cargo bench -p batch`, or with `-- --json` a line of JSON for each. It prints figures and judges
//! nothing. The store is in memory, so that the engine alone is measured. What is counted is the time
//! of this thread on a processor: on a busy machine the clock on the wall shows when others had their
//! turn. Each job runs three times, and of each input the shortest time counts: what the engine does
//! comes every time, and what interrupts it does not.

#![expect(clippy::unwrap_used, reason = "a measurement")]
#![expect(clippy::disallowed_methods, reason = "it is about time")]

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use batch::{Call, Chunk, Engine, Entry, Given, Input, Launch, Record, Settings, Store};
use mesos::ack::AckToken;
use mesos::resources::Resources;
use mesos::v1::{Offer, TaskState, TaskStatus};
use protocol::{ImageReport, Report};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

/// Tasks that run side by side on an agent.
const SLOTS: usize = 4;

/// How often the same job runs.
const REPEATS: usize = 3;

/// The time that inputs of one kind took, in their order.
#[derive(Default)]
struct Spent {
    /// On the processor.
    own: Vec<Duration>,
    /// The worst by the clock on the wall.
    worst_wall: Duration,
}

/// What is told of them, in microseconds.
struct Figures {
    mean: f64,
    /// What all but one of a thousand stay under.
    most: f64,
    worst: f64,
    worst_wall: f64,
}

impl Spent {
    fn add(&mut self, own: Duration, wall: Duration) {
        self.own.push(own);
        self.worst_wall = self.worst_wall.max(wall);
    }

    /// Of each input what it took when it took the shortest. The same job has the same inputs.
    fn shortest(&mut self, other: Self) {
        assert_eq!(self.own.len(), other.own.len(), "not the same job");
        for (own, other) in self.own.iter_mut().zip(other.own) {
            *own = other.min(*own);
        }
        self.worst_wall = self.worst_wall.max(other.worst_wall);
    }

    fn figures(mut self) -> Figures {
        self.own.sort_unstable();
        let count = self.own.len();
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        let at = |place: usize| us(self.own.get(place).copied().unwrap_or_default());
        Figures {
            mean: us(self.own.iter().sum::<Duration>().div_f64(count.max(1) as f64)),
            most: at(count * 999 / 1_000),
            worst: at(count.saturating_sub(1)),
            worst_wall: us(self.worst_wall),
        }
    }
}

impl Figures {
    fn shown(&self) -> String {
        let Self { mean, most, worst, worst_wall } = self;
        format!("{mean:>9.1} {most:>9.1} {worst:>9.1} {worst_wall:>9.1}")
    }
}

/// The time that this thread has had on a processor.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// Only counts: keeping records is another matter.
struct Counter;

impl Store for Counter {
    type Error = std::convert::Infallible;

    fn append(&mut self, _: &[Record]) -> Result<(), Self::Error> {
        Ok(())
    }
}

struct Run {
    engine: Engine,
    now: Duration,
    serial: u64,
    running: VecDeque<Launch>,
    offers: Spent,
    updates: Spent,
}

fn main() {
    let is_json = std::env::args().any(|word| word == "--json");
    // A first run warms the memory up.
    Run::of(100, 1_000, 1);
    if !is_json {
        println!("in microseconds:             an offer{:>41}", "an update");
        let heads = "     mean    99.9 %     worst   by wall";
        println!(" agents   images  size {heads} {heads}  total, s");
    }
    for (agents, images, size) in [
        (100, 10_000, 1),
        (1_000, 10_000, 1),
        (100, 100_000, 1),
        (1_000, 100_000, 1),
        (1_000, 1_000_000, 16),
    ] {
        let (mut run, mut total) = timed(agents, images, size);
        for _ in 1..REPEATS {
            let (again, took) = timed(agents, images, size);
            run.offers.shortest(again.offers);
            run.updates.shortest(again.updates);
            total = total.min(took);
        }
        let (offers, updates) = (run.offers.figures(), run.updates.figures());
        if is_json {
            let told = json!({
                "agents": agents, "images": images, "images_per_task": size,
                "offer_mean_us": offers.mean, "offer_worst_us": offers.worst,
                "offer_worst_wall_us": offers.worst_wall, "update_mean_us": updates.mean,
                "total_s": total,
            });
            println!("{told}");
        } else {
            let (offers, updates) = (offers.shown(), updates.shown());
            println!("{agents:>7} {images:>8} {size:>5} {offers} {updates} {total:>9.2}");
        }
    }
}

/// A whole job, and its time on the processor in seconds.
fn timed(agents: usize, images: u64, size: u64) -> (Run, f64) {
    let begun = processor_time();
    let run = Run::of(agents, images, size);
    (run, (processor_time() - begun).as_secs_f64())
}

impl Run {
    /// A whole job, with tasks of this size.
    fn of(agents: usize, images: u64, size: u64) -> Self {
        let mut settings = Settings::new("job", "exec");
        settings.images_per_task = Chunk::Fixed(NonZeroU64::new(size).unwrap());
        let mut run = Self {
            engine: Engine::new(settings),
            now: Duration::ZERO,
            serial: 0,
            running: VecDeque::new(),
            offers: Spent::default(),
            updates: Spent::default(),
        };
        run.give(Input::Submit((1..=images).map(entry).collect()));
        run.give(Input::ListEnded);
        run.give(Input::Subscribed { framework_id: "f".into(), first: true });
        for agent in 0..agents {
            run.offer(&format!("agent-{agent}"), SLOTS, false);
        }
        while let Some(launch) = run.running.pop_front() {
            run.now += Duration::from_micros(100);
            run.end(&launch);
            run.offer(&launch.agent_id.value, 1, true);
        }
        assert!(run.engine.is_finished());
        run
    }

    /// The time that it took, on the processor and by the clock on the wall.
    fn give(&mut self, input: Input) -> (Duration, Duration) {
        let (begun, begun_wall) = (processor_time(), Instant::now());
        let effects = self.engine.handle(self.now, input);
        let took = (processor_time() - begun, begun_wall.elapsed());
        for call in effects.commit(&mut Counter).unwrap().calls {
            if let Call::Accept { launches, .. } = call {
                self.running.extend(launches);
            }
        }
        took
    }

    fn offer(&mut self, agent: &str, cpus: usize, known: bool) {
        self.serial += 1;
        let room = format!("cpus:{};mem:{}", cpus as f64 + 0.1, cpus * 128 + 64);
        let offer = Offer {
            id: format!("offer-{}", self.serial).into(),
            agent_id: agent.into(),
            hostname: agent.into(),
            resources: room.parse::<Resources>().unwrap().to_wire(),
            executor_ids: if known { vec!["exec".into()] } else { vec![] },
            ..Offer::default()
        };
        let (own, wall) = self.give(Input::Offers(vec![offer]));
        self.offers.add(own, wall);
    }

    fn end(&mut self, launch: &Launch) {
        self.serial += 1;
        let done = |index: &u64| ImageReport {
            index: *index,
            sha256: "ab".repeat(32),
            output: format!("{index}-a.jpg"),
            ..ImageReport::default()
        };
        let report =
            Report { images: launch.images.iter().map(done).collect(), ..Report::default() };
        let status = TaskStatus {
            task_id: launch.task_id.clone(),
            state: TaskState::TaskFinished.into(),
            agent_id: Some(launch.agent_id.clone()),
            uuid: Some(self.serial.to_be_bytes().to_vec()),
            data: Some(report.to_payload()),
            ..TaskStatus::default()
        };
        let ack = AckToken::of(&status);
        let (own, wall) = self.give(Input::Update { status: Box::new(status), ack });
        self.updates.add(own, wall);
    }
}

fn entry(index: u64) -> Entry {
    let (url, name) = (format!("http://h/{index}.jpg"), format!("{index}-a"));
    Entry { index, line: index, url, name, given: Given::Process }
}
