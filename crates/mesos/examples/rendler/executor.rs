//! What both executors have in common: each task is one piece of work with one result.

use std::future::Future;
use std::time::Duration;

use mesos::executor::{Calls, Driver, Environment, Event};
use mesos::v1::{TaskInfo, TaskState, TaskStatus};
use serde_json::{Value, json};
use url::Url;

use crate::Failure;

/// How long the last updates may take to reach the agent.
const FLUSH: Duration = Duration::from_secs(5);

/// What a task is about.
pub(crate) struct Asked {
    /// The page.
    pub(crate) url: Url,
    /// Where an image of it goes.
    pub(crate) image: String,
}

/// Does `work` for each task, all at once, until the agent says to shut down.
pub(crate) async fn run<F>(work: fn(Asked) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<Value, Failure>> + Send + 'static,
{
    let (mut events, calls) = Driver::connect(Environment::from_env()?)?;
    while let Some(item) = events.next().await {
        match item {
            Ok(Event::Launch(task)) => {
                tokio::spawn(one(calls.clone(), *task, work));
            }
            Ok(Event::Shutdown) => break,
            Ok(other) => println!("{other:?}"),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(tokio::time::timeout(FLUSH, calls.flushed()).await?)
}

/// Every way through here ends with one terminal update.
async fn one<F>(calls: Calls, task: TaskInfo, work: fn(Asked) -> F)
where
    F: Future<Output = Result<Value, Failure>>,
{
    let status = |state: TaskState| TaskStatus {
        task_id: task.task_id.clone(),
        state: state.into(),
        ..TaskStatus::default()
    };
    calls.update(status(TaskState::TaskRunning));
    let result = match asked(task.data()) {
        Some(asked) => work(asked).await,
        None => Err("the task does not say what to do".into()),
    };
    match result {
        Ok(result) => {
            let data = json!({ "task": task.task_id.value, "result": result });
            let data = data.to_string().into_bytes();
            // The message is quick and may be lost; the update is not.
            let _ = calls.message(data.clone()).await;
            calls.update(TaskStatus { data: Some(data), ..status(TaskState::TaskFinished) });
        }
        Err(error) => {
            let message = Some(error.to_string());
            calls.update(TaskStatus { message, ..status(TaskState::TaskFailed) });
        }
    }
}

fn asked(data: &[u8]) -> Option<Asked> {
    let asked: Value = serde_json::from_slice(data).ok()?;
    let text = |field| asked.get(field)?.as_str();
    Some(Asked { url: text("url")?.parse().ok()?, image: text("image")?.to_owned() })
}
