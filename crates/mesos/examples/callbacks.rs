//! Fills every offer with tasks of one cpu and 128 MiB, until Ctrl-C: `launch_tasks` once more,
//! with the classic interface.
//!
//!     cargo run -p mesos --example callbacks -- 127.0.0.1:5050

use std::time::Duration;

use mesos::callbacks::{Scheduler, SchedulerDriver, Status};
use mesos::command::Command;
use mesos::resources::{Resources, Scalar};
use mesos::scheduler::Driver;
use mesos::state::TaskStateExt;
use mesos::v1::{FrameworkId, FrameworkInfo, MasterInfo, Offer, TaskInfo, TaskStatus};
use tokio::signal::unix::{SignalKind, signal};

/// Counts the tasks launched so far.
#[derive(Default)]
struct Launcher {
    launched: u64,
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
}

impl Scheduler for Launcher {
    fn registered(
        &mut self,
        _driver: &SchedulerDriver,
        framework_id: FrameworkId,
        _master: Option<MasterInfo>,
    ) {
        println!("Registered as {framework_id}");
    }

    fn resource_offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) {
        for offer in offers {
            let mut left = Resources::from(&offer.resources);
            let (cpus, mem) = (left.cpus(), left.mem_mib());
            println!("Received offer {} with cpus={cpus} mem={mem}", offer.id);
            let wanted = [("cpus", Scalar::from_f64(1.0)), ("mem", Scalar::from_f64(128.0))];
            let mut tasks = Vec::new();
            while let Some((taken, rest)) = left.take(&wanted) {
                tasks.push(self.task(&offer, &taken));
                left = rest;
            }
            driver.launch_tasks(vec![offer.id], tasks, Duration::from_secs(1));
        }
    }

    fn status_update(&mut self, _driver: &SchedulerDriver, status: TaskStatus) {
        println!("{} is {}", status.task_id, status.state().name());
    }

    fn error(&mut self, _driver: &SchedulerDriver, message: &str) {
        eprintln!("{message}");
    }
}

// The callbacks need no runtime; waiting for the signals does.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let master = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5050".into());
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = FrameworkInfo { user, name: "callbacks".into(), ..FrameworkInfo::default() };
    let stream = Driver::builder(framework).master(master.parse()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let driver = SchedulerDriver::new(Launcher::default(), stream);
    let running = driver.clone();
    let mut ended = tokio::task::spawn_blocking(move || running.run());
    let status = tokio::select! {
        status = &mut ended => status?,
        _ = interrupt.recv() => stop(&driver, ended).await?,
        _ = terminate.recv() => stop(&driver, ended).await?,
    };
    if status == Status::Stopped { Ok(()) } else { Err("the driver was aborted".into()) }
}

async fn stop(
    driver: &SchedulerDriver,
    ended: tokio::task::JoinHandle<Status>,
) -> Result<Status, tokio::task::JoinError> {
    println!("Stopping");
    driver.stop(false);
    ended.await
}
