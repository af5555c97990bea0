//! How does a command become a process in a sandbox, and how does it end?
//!
//! There is no isolation: a container is a folder and a process group. A process
//! that leaves its group is not ended with it.

mod adopted;
mod archive;
pub(crate) mod environment;
mod fetch;
mod http;
mod process;
pub(crate) mod sandbox;

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::agent::checkpoint::Survivor;
use crate::agent::logic::ContainerEvent;
use crate::agent::outbox::{Launch, Signal};

/// An event with the id of its container.
pub(crate) type Told = (String, ContainerEvent);

/// Makes containers, each in a task of its own, and tells what becomes of them.
pub(crate) struct Containerizer {
    tell: mpsc::UnboundedSender<Told>,
    signals: HashMap<String, mpsc::UnboundedSender<Signal>>,
    tasks: JoinSet<()>,
}

impl Containerizer {
    pub(crate) fn new(tell: mpsc::UnboundedSender<Told>) -> Self {
        Self { tell, signals: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Begins to make a container; how it goes is told.
    pub(crate) fn launch(&mut self, launch: Launch) {
        while self.tasks.try_join_next().is_some() {}
        self.signals.retain(|_, signals| !signals.is_closed());
        let (send, receive) = mpsc::unbounded_channel();
        self.signals.insert(launch.container_id.clone(), send);
        self.tasks.spawn(live(launch, receive, self.tell.clone()));
    }

    /// Takes charge of a container that an earlier process of ours made.
    pub(crate) fn adopt(&mut self, survivor: Survivor) {
        let (send, mut receive) = mpsc::unbounded_channel();
        self.signals.insert(survivor.container_id.clone(), send);
        let tell = self.tell.clone();
        self.tasks.spawn(async move {
            adopted::run(&survivor, &mut receive).await;
            // The agent may have gone; then nobody is left to be told.
            let _ = tell.send((survivor.container_id, ContainerEvent::Exited(None)));
        });
    }

    /// Signals a container's process group; a container that is gone ignores it.
    pub(crate) fn signal(&self, container_id: &str, signal: Signal) {
        if let Some(signals) = self.signals.get(container_id) {
            let _ = signals.send(signal);
        }
    }
}

async fn live(
    launch: Launch,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    tell: mpsc::UnboundedSender<Told>,
) {
    let id = launch.container_id.clone();
    let tell = |event| {
        // The agent may have gone; then nobody is left to be told.
        let _ = tell.send((id.clone(), event));
    };
    let made = tokio::select! {
        made = make(&launch) => made,
        () = killed(&mut signals) => Err("Container destroyed during preparing".to_owned()),
    };
    match made {
        Ok(process) => {
            tracing::debug!(sandbox = %launch.sandbox.display(), "a command runs");
            tell(ContainerEvent::Started(process.leader()));
            tell(ContainerEvent::Exited(process.run(&mut signals).await));
        }
        Err(why) => {
            tracing::warn!(sandbox = %launch.sandbox.display(), why, "a container was not made");
            tell(ContainerEvent::Failed(why));
        }
    }
}

async fn make(launch: &Launch) -> Result<process::Process, String> {
    let output = sandbox::make(&launch.sandbox).map_err(|error| {
        format!("Failed to make the sandbox {}: {error}", launch.sandbox.display())
    })?;
    if let Err(error) = fetch::all(&launch.command.uris, &launch.sandbox).await {
        output.complain(&error.to_string());
        return Err(format!(
            "Failed to fetch all URIs for container '{}': {error}",
            launch.container_id
        ));
    }
    process::spawn(launch, output)
        .await
        .map_err(|error| format!("Failed to execute {:?}: {error}", launch.command.value()))
}

async fn killed(signals: &mut mpsc::UnboundedReceiver<Signal>) {
    loop {
        match signals.recv().await {
            Some(Signal::Kill) | None => return,
            Some(Signal::Terminate) => {}
        }
    }
}
