//! Work made into tasks, and their results.

use std::path::PathBuf;
use std::time::Duration;

use mesos::command::Command;
use mesos::operation;
use mesos::resources::Resources;
use mesos::scheduler::Calls;
use mesos::state::TaskStateExt;
use mesos::uri::Fetch;
use mesos::v1::{ExecutorInfo, Offer, TaskInfo, TaskStatus};
use serde_json::json;

use crate::Failure;
use crate::graph::Graph;
use crate::work::Kind;

/// The scheduler.
pub(crate) struct App {
    pub(crate) graph: Graph,
    pub(crate) calls: Calls,
    /// Where the images go.
    pub(crate) folder: PathBuf,
}

impl App {
    /// Fills each offer with what is to be done, and gives the rest back.
    pub(crate) async fn offers(&mut self, offers: Vec<Offer>) -> Result<(), Failure> {
        for offer in offers {
            let mut left = Resources::from(&offer.resources);
            let mut tasks = Vec::new();
            while let Some(kind) = self.graph.next_kind()
                && let Some((taken, rest)) = left.take_wanted(&kind.needs())
                && let Some((task_id, url)) = self.graph.launch()
            {
                left = rest;
                let image = self.folder.join(format!("{task_id}.png"));
                tasks.push(TaskInfo {
                    name: format!("{} {url}", kind.name()),
                    task_id: task_id.into(),
                    agent_id: offer.agent_id.clone(),
                    resources: taken.to_wire(),
                    executor: Some(executor_info(kind)?),
                    data: Some(json!({ "url": url.as_str(), "image": image }).to_string().into()),
                    ..TaskInfo::default()
                });
            }
            let operations = if tasks.is_empty() { vec![] } else { vec![operation::launch(tasks)] };
            self.calls.accept(vec![offer.id], operations, Duration::from_secs(1)).await?;
        }
        Ok(())
    }

    /// A result comes as a message, which may be lost, and again with the end of its task.
    pub(crate) fn result(&mut self, data: &[u8]) {
        if let Some(line) = serde_json::from_slice(data).ok().and_then(|r| self.graph.result(&r)) {
            println!("{line}");
            drop(self.calls.revive());
        }
    }

    /// Takes the end of a task in: with its result, or without.
    pub(crate) fn status(&mut self, status: &TaskStatus) {
        if let Some(data) = &status.data {
            self.result(data);
        } else if status.state().is_terminal() {
            let reason = format!("{}: {}", status.state().name(), status.message());
            println!("{}", self.graph.failure(&status.task_id.value, &reason));
        }
    }
}

/// This program itself, with another first argument.
fn executor_info(kind: Kind) -> Result<ExecutorInfo, Failure> {
    let own = std::env::current_exe()?;
    let fetch = Fetch::executable(own.display().to_string()).named("rendler").uri()?;
    Ok(ExecutorInfo {
        executor_id: kind.name().into(),
        name: Some(format!("RENDLER {}", kind.name())),
        command: Some(Command::program("./rendler").arg(kind.name()).fetch(fetch).info()),
        ..ExecutorInfo::default()
    })
}
