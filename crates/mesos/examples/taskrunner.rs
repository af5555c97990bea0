//! Keeps the tasks of a JSON file running on a cluster, until Ctrl-C.
//!
//!     cargo run -p mesos --example taskrunner -- crates/mesos/examples/taskrunner.json 127.0.0.1:5050
//!
//! What can be in the file is told at `mesos::definition`. It ends by itself when no instance
//! is to be started again; its exit status is 1 if one of them failed for good.

use std::process::ExitCode;
use std::time::Instant;

use mesos::definition::{Decision, Definition, Reaction, Runner};
use mesos::scheduler::{Calls, Driver, Event, Stop};
use mesos::state::TaskStateExt;
use mesos::v1::{Offer, TaskStatus};

type Failure = Box<dyn std::error::Error>;

struct App {
    runner: Runner,
    calls: Calls,
    start: Instant,
    failed: bool,
}

impl App {
    async fn item(&mut self, item: Result<Event, mesos::client::Error>) -> Result<(), Failure> {
        match item {
            Ok(Event::Subscribed { framework_id, first, .. }) => {
                println!(
                    "{} as {framework_id}",
                    if first { "registered" } else { "registered again" }
                );
                let live = self.runner.live();
                if !live.is_empty() {
                    self.calls.reconcile(live).await?;
                }
            }
            Ok(Event::Offers(offers)) => self.offers(&offers).await,
            Ok(Event::Update { status, ack }) => {
                self.update(&status).await?;
                if let Some(ack) = ack {
                    self.calls.acknowledge(ack).await?;
                }
            }
            Ok(other) => println!("{other:?}"),
            Err(error) => eprintln!("{error}"),
        }
        Ok(())
    }

    async fn offers(&mut self, offers: &[Offer]) {
        for decision in self.runner.offers(self.start.elapsed(), offers) {
            let Decision { offer_id, operations, launched, refuse } = decision;
            for task in &launched {
                println!("launching {task}");
            }
            if let Err(error) = self.calls.accept(vec![offer_id], operations, refuse).await {
                println!("not launched: {error}");
                self.runner.not_launched(self.start.elapsed(), &launched);
            }
        }
    }

    async fn update(&mut self, status: &TaskStatus) -> Result<(), Failure> {
        let task = &status.task_id;
        println!("{task} is {}: {}", status.state().name(), status.message());
        let jitter = f64::from(self.start.elapsed().subsec_micros()) / 1e6;
        match self.runner.update(self.start.elapsed(), status, jitter) {
            Reaction::Nothing => {}
            Reaction::Again { wait } => println!("{task} is started again in {wait:?}"),
            Reaction::Over { well } => {
                println!("{task} {}", if well { "is done" } else { "is given up" });
                self.failed |= !well;
            }
            Reaction::Kill { task_id, agent_id } => self.calls.kill(task_id, agent_id).await?,
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        eprintln!("taskrunner: {error}");
        ExitCode::FAILURE
    })
}

async fn run() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: taskrunner FILE [MASTER]")?;
    let definition = Definition::from_json(&std::fs::read_to_string(&file)?)
        .map_err(|error| format!("{file}: {error}"))?;
    let master = arguments.next().unwrap_or_else(|| "127.0.0.1:5050".into()).parse()?;
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = definition.framework("taskrunner", user);
    let (mut events, calls) = Driver::builder(framework).master(master).connect()?;
    let runner = Runner::new(definition);
    let mut app = App { runner, calls, start: Instant::now(), failed: false };
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    while !app.runner.is_over() {
        let now = app.start.elapsed();
        let due = app.runner.next_due(now);
        tokio::select! {
            item = events.next() => match item {
                Some(item) => app.item(item).await?,
                None => return Err("the master ended the subscription".into()),
            },
            // Offers were refused while all ran, and a REVIVE takes that back.
            () = tokio::time::sleep(due.unwrap_or(now) - now), if due.is_some() => {
                app.calls.revive().await?;
            }
            _ = &mut interrupted => break,
        }
    }
    println!("removing the framework and its tasks");
    app.calls.stop(Stop::Teardown).await?;
    Ok(if app.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
