//! Runs `echo hello` once on a cluster and prints every status on the way.
//!
//!     cargo run -p mesos --example hello_world -- 127.0.0.1:5050

use std::time::Duration;

use mesos::resources::{Resources, Scalar};
use mesos::scheduler::{Driver, Event, Stop};
use mesos::state::TaskStateExt;
use mesos::v1::{CommandInfo, FrameworkInfo, Offer, TaskInfo, offer};

fn launch(offer: &Offer, resources: &Resources) -> offer::Operation {
    let task = TaskInfo {
        name: "hello".into(),
        task_id: "hello-1".into(),
        agent_id: offer.agent_id.clone(),
        resources: resources.to_wire(),
        command: Some(CommandInfo { value: Some("echo hello".into()), ..CommandInfo::default() }),
        ..TaskInfo::default()
    };
    offer::Operation {
        r#type: Some(offer::operation::Type::Launch.into()),
        launch: Some(offer::operation::Launch { task_infos: vec![task] }),
        ..offer::Operation::default()
    }
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
            Ok(Event::Offers(offers)) => {
                for offer in offers {
                    let bundle = Resources::from(&offer.resources);
                    let wanted = [("cpus", Scalar::from_f64(0.1)), ("mem", Scalar::from_f64(10.0))];
                    let operations = match bundle.take(&wanted) {
                        Some((task, _)) if !launched => vec![launch(&offer, &task)],
                        _ => Vec::new(),
                    };
                    launched |= !operations.is_empty();
                    calls.accept(vec![offer.id], operations, Duration::from_secs(60)).await?;
                }
            }
            Ok(Event::Update { status, ack }) => {
                println!("{} is {}: {}", status.task_id, status.state().name(), status.message());
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
