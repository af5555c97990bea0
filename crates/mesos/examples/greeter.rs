//! The last program of the guide "Write your own framework": a scheduler and its executor.
//!
//!     cargo run -p mesos --example greeter -- 127.0.0.1:5050

use std::time::Duration;

use mesos::command::Command;
use mesos::executor::{self, Environment};
use mesos::operation;
use mesos::resources::{Resources, Wanted};
use mesos::scheduler::{Driver, Event, Stop};
use mesos::uri::Fetch;
use mesos::v1::{ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus};

type Failure = Box<dyn std::error::Error>;

/// On the agents.
async fn greet() -> Result<(), Failure> {
    let (mut events, calls) = executor::Driver::connect(Environment::from_env()?)?;
    while let Some(item) = events.next().await {
        match item {
            Ok(executor::Event::Launch(task)) => {
                let greeting = format!("Hello, {}!", String::from_utf8_lossy(task.data()));
                for (state, data) in [
                    (TaskState::TaskRunning, None),
                    (TaskState::TaskFinished, Some(greeting.into_bytes())),
                ] {
                    let task_id = task.task_id.clone();
                    let state = state.into();
                    calls.update(TaskStatus { task_id, state, data, ..TaskStatus::default() });
                }
            }
            Ok(executor::Event::Shutdown) => break,
            Ok(other) => println!("{other:?}"),
            Err(error) => eprintln!("{error}"),
        }
    }
    calls.flushed().await;
    Ok(())
}

fn greeter() -> Result<ExecutorInfo, Failure> {
    let program = std::env::current_exe()?.display().to_string();
    let fetch = Fetch::executable(program).named("greeter").uri()?;
    Ok(ExecutorInfo {
        executor_id: "greeter".into(),
        name: Some("Greeter".into()),
        command: Some(Command::program("./greeter").arg("--executor").fetch(fetch).info()),
        ..ExecutorInfo::default()
    })
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let master = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5050".into());
    if master == "--executor" {
        return greet().await;
    }
    let mut names = vec!["Ada", "Grace", "Edsger"];
    let mut greeted = 0;
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = FrameworkInfo { user, name: "greeter".into(), ..FrameworkInfo::default() };
    let (mut events, calls) = Driver::builder(framework).master(master.parse()?).connect()?;
    while let Some(item) = events.next().await {
        match item {
            Ok(Event::Offers(offers)) => {
                for offer in offers {
                    let wanted = Wanted::new().cpus(0.5).mem_mib(32.0);
                    let place = Resources::from(&offer.resources).take_wanted(&wanted);
                    let mut operations = Vec::new();
                    if let Some((taken, _)) = place
                        && let Some(name) = names.pop()
                    {
                        operations.push(operation::launch(vec![TaskInfo {
                            name: format!("greet {name}"),
                            task_id: name.into(),
                            agent_id: offer.agent_id.clone(),
                            resources: taken.to_wire(),
                            executor: Some(greeter()?),
                            data: Some(name.into()),
                            ..TaskInfo::default()
                        }]));
                    }
                    calls.accept(vec![offer.id], operations, Duration::from_secs(1)).await?;
                }
            }
            Ok(Event::Update { status, ack }) => {
                println!("{}: {}", status.task_id, String::from_utf8_lossy(status.data()));
                if let Some(ack) = ack {
                    calls.acknowledge(ack).await?;
                }
                if status.state() == TaskState::TaskFinished {
                    greeted += 1;
                }
                if greeted == 3 {
                    calls.stop(Stop::Teardown).await?;
                }
            }
            Ok(other) => println!("{other:?}"),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
