//! What the engine takes of the scheduler's time, on clusters and lists of different sizes:
//! `cargo bench -p batch`. It prints figures and judges nothing. The store is in memory, so that
//! the engine alone is measured.

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

/// Tasks that run side by side on an agent.
const SLOTS: usize = 4;

/// The time that inputs of one kind took.
#[derive(Default)]
struct Spent(Vec<Duration>);

impl Spent {
    fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The mean, what all but one of a thousand stay under, and the worst, in microseconds. On a
    /// busy machine the worst is the time that the system gave to others.
    fn shown(mut self) -> String {
        self.0.sort_unstable();
        let mean = self.0.iter().sum::<Duration>().div_f64(self.0.len().max(1) as f64);
        let most = self.0.get(self.0.len() * 999 / 1_000).copied().unwrap_or_default();
        let worst = self.0.last().copied().unwrap_or_default();
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        format!("{:>9.1} {:>9.1} {:>9.1}", us(mean), us(most), us(worst))
    }
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
    // A first run warms the memory up.
    Run::of(100, 1_000, 1);
    println!("in microseconds:             an offer                     an update");
    println!(
        " agents   images  size      mean    99.9 %     worst      mean    99.9 %     worst  total, s"
    );
    for (agents, images, size) in [
        (100, 10_000, 1),
        (1_000, 10_000, 1),
        (100, 100_000, 1),
        (1_000, 100_000, 1),
        (1_000, 1_000_000, 16),
    ] {
        let begun = Instant::now();
        let run = Run::of(agents, images, size);
        let (offers, updates) = (run.offers.shown(), run.updates.shown());
        let total = begun.elapsed().as_secs_f64();
        println!("{agents:>7} {images:>8} {size:>5} {offers} {updates} {total:>9.2}");
    }
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

    fn give(&mut self, input: Input) -> Duration {
        let begun = Instant::now();
        let effects = self.engine.handle(self.now, input);
        let took = begun.elapsed();
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
        let took = self.give(Input::Offers(vec![offer]));
        self.offers.add(took);
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
        let took = self.give(Input::Update { status: Box::new(status), ack });
        self.updates.add(took);
    }
}

fn entry(index: u64) -> Entry {
    let (url, name) = (format!("http://h/{index}.jpg"), format!("{index}-a"));
    Entry { index, line: index, url, name, given: Given::Process }
}
