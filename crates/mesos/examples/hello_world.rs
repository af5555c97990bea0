//! Runs `echo hello` once on a cluster and prints every status on the way.
//!
//!     cargo run -p mesos --example hello_world -- 127.0.0.1:5050

use std::time::Duration;

use mesos::command::Command;
use mesos::operation;
use mesos::resources::{Resources, Scalar};
use mesos::scheduler::{Driver, Event, Stop};
use mesos::state::TaskStateExt;
use mesos::v1::{FrameworkInfo, Offer, TaskInfo};

/// The task, if the offer has room for it.
fn hello(offer: &Offer) -> Option<TaskInfo> {
    let wanted = [("cpus", Scalar::from_f64(0.1)), ("mem", Scalar::from_f64(10.0))];
    let (resources, _) = Resources::from(&offer.resources).take(&wanted)?;
    Some(TaskInfo {
        name: "hello".into(),
        task_id: "hello-1".into(),
        agent_id: offer.agent_id.clone(),
        resources: resources.to_wire(),
        command: Some(Command::shell("echo hello").info()),
        ..TaskInfo::default()
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let master = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5050".into());
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = FrameworkInfo { user, name: "hello world".into(), ..FrameworkInfo::default() };
    let (mut events, calls) = Driver::builder(framework).master(master.parse()?).connect()?;
    let mut launched = false;
    while let Some(item) = events.next().await {
        match item {
            Ok(Event::Subscribed { framework_id, .. }) => println!("Registered as {framework_id}"),
            Ok(Event::Offers(offers)) => {
                for offer in offers {
                    // An ACCEPT without operations is a refusal.
                    let task = if launched { None } else { hello(&offer) };
                    launched |= task.is_some();
                    let operations = task.map(|task| operation::launch(vec![task]));
                    let operations = operations.into_iter().collect();
                    calls.accept(vec![offer.id], operations, Duration::from_secs(60)).await?;
                }
            }
            Ok(Event::Update { status, ack }) => {
                println!("{} is {}", status.task_id, status.state().name());
                if let Some(ack) = ack {
                    calls.acknowledge(ack).await?;
                }
                if status.state().is_terminal() {
                    calls.stop(Stop::Teardown).await?;
                }
            }
            Ok(other) => println!("{other:?}"),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
