//! Fills every offer with tasks of one cpu and 128 MiB, until Ctrl-C.
//!
//!     cargo run -p mesos --example launch_tasks -- 127.0.0.1:5050

use std::time::Duration;

use mesos::command::Command;
use mesos::operation;
use mesos::resources::{Resources, Scalar};
use mesos::scheduler::{Calls, Driver, Event, Stop};
use mesos::state::TaskStateExt;
use mesos::v1::{FrameworkInfo, Offer, TaskInfo};
use tokio::signal::unix::{SignalKind, signal};

/// The tasks launched so far and those that finished.
#[derive(Default)]
struct Launcher {
    launched: u64,
    finished: u64,
}

impl Launcher {
    fn task(&mut self, offer: &Offer, resources: &Resources) -> TaskInfo {
        self.launched += 1;
        let task_id = format!("hello-{}", self.launched);
        println!("Launching {task_id} using offer {}", offer.id);
        TaskInfo {
            name: task_id.clone(),
            task_id: task_id.into(),
            agent_id: offer.agent_id.clone(),
            resources: resources.to_wire(),
            command: Some(Command::shell("sleep 1 && echo hello").info()),
            ..TaskInfo::default()
        }
    }

    /// Uses up an offer: as many tasks as fit.
    fn use_up(&mut self, offer: Offer, calls: &Calls) {
        let mut left = Resources::from(&offer.resources);
        let (cpus, mem) = (left.cpus(), left.mem_mib());
        println!("Received offer {} with cpus={cpus} mem={mem}", offer.id);
        let wanted = [("cpus", Scalar::from_f64(1.0)), ("mem", Scalar::from_f64(128.0))];
        let mut tasks = Vec::new();
        while let Some((taken, rest)) = left.take(&wanted) {
            tasks.push(self.task(&offer, &taken));
            left = rest;
        }
        // Should this call fail, the offer is void already and another one comes.
        drop(calls.accept(vec![offer.id], vec![operation::launch(tasks)], Duration::from_secs(1)));
    }

    fn handle(&mut self, event: Event, calls: &Calls) {
        match event {
            Event::Subscribed { framework_id, .. } => println!("Registered as {framework_id}"),
            Event::Offers(offers) => {
                offers.into_iter().for_each(|offer| self.use_up(offer, calls));
            }
            Event::Update { status, ack } => {
                println!("{} is {}", status.task_id, status.state().name());
                if status.state().is_terminal() {
                    self.finished += 1;
                    println!("{} tasks of {} have ended", self.finished, self.launched);
                }
                // If this call fails Mesos sends the update again.
                ack.into_iter().for_each(|ack| drop(calls.acknowledge(ack)));
            }
            Event::Disconnected { reason } => println!("Disconnected: {reason}"),
            Event::OfferRescinded(offer_id) => println!("Offer {offer_id} is rescinded"),
            Event::InverseOffers(_)
            | Event::InverseOfferRescinded(_)
            | Event::OperationUpdate { .. }
            | Event::Message { .. }
            | Event::AgentLost(_)
            | Event::ExecutorLost { .. }
            | Event::Error(_)
            | Event::Unknown { .. } => println!("{event:?}"),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let master = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5050".into());
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = FrameworkInfo { user, name: "launch tasks".into(), ..FrameworkInfo::default() };
    let (mut events, calls) = Driver::builder(framework).master(master.parse()?).connect()?;
    let mut launcher = Launcher::default();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            item = events.next() => match item {
                Some(Ok(event)) => launcher.handle(event, &calls),
                Some(Err(error)) => eprintln!("{error}"),
                None => return Err("the subscription ended".into()),
            },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    println!("Stopping");
    calls.stop(Stop::Teardown).await?;
    Ok(())
}
