//! Runs on the agents: downloads, processes and uploads images.
//!
//! | question | module |
//! |---|---|
//! | which tasks are there, and how does each end | [`tasks`] |
//! | what starts and stops their work | [`runner`] |
//! | how does a task bring its images to an end | [`task`] |
//! | when are its images told of while it runs | [`progress`] |
//! | what happens to one image | [`image`] |
//! | how is it downloaded, with which deadlines | [`fetch`] |
//! | is it held as a whole, or does it go through in pieces | [`receive`] |
//! | how does it go through in pieces | [`passage`] |
//! | how is a whole file processed | [`process`] |
//! | how does the result reach the file server | [`upload`] |
//! | who is trusted, which connections are kept | [`client`] |
//! | which addresses may be reached, and which are public | [`guard`], [`address`] |
//! | how many downloads does a host get, and when | [`hosts`] |
//! | how is an origin asked | [`origins`] |
//! | where does the time of a download go | [`probe`] |
//! | what does an error mean | [`classify`] |
//! | what may images take, and of what do they share | [`budget`] |
//! | what of a URL may be shown | [`shown`] |
//!
//! Every task ends in exactly one terminal status: finished when every image has an outcome,
//! a failed image included; killed when it was stopped; failed when its payload is unreadable
//! or the program broke down.
//!
//! That a task runs is told at once of the first ones, and of later ones when they have run for
//! [a moment](runner::ANNOUNCE_AFTER): a task that ends sooner has one update instead of two.
//!
//! The outcome of an image is told exactly once. While a task runs, further `TASK_RUNNING`
//! updates carry a [`Report`](protocol::Report) of the images that ended since the last one,
//! about two a second at most; the terminal update carries the rest. Updates arrive in order
//! and are repeated until acknowledged, so a task that is lost costs no more than the images
//! it had not told of.

pub mod address;
pub mod budget;
pub mod classify;
pub mod client;
pub mod fetch;
pub mod guard;
pub mod hosts;
pub mod image;
mod names;
pub mod origins;
mod pace;
pub mod passage;
pub mod probe;
pub mod process;
pub mod progress;
mod queue;
pub mod receive;
mod robots;
pub mod runner;
pub mod shown;
pub mod task;
pub mod tasks;
pub mod upload;

use std::ops::ControlFlow;

use mesos::executor::{Calls, Driver, Environment, Event, Events};
use tokio::time::{Duration, timeout};

use crate::budget::Budget;
use crate::client::{Clients, SetupError};
use crate::origins::Courtesy;
use crate::runner::Runner;
use crate::task::Workshop;

/// Why the executor cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection to the agent cannot even be tried.
    #[error("the agent cannot be reached: {0}")]
    Agent(#[from] mesos::client::Error),
    /// There is no client for downloads and uploads.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

/// Works for the agent of `environment` until the agent says SHUTDOWN, is gone for good, or
/// `stop` comes; then kills what runs and waits until all is reported, at most for the
/// agent's grace period.
///
/// # Errors
///
/// When the clients cannot be set up. Once connected, it always ends well.
pub async fn run(environment: Environment, stop: impl Future<Output = ()>) -> Result<(), Error> {
    let grace_period = environment.shutdown_grace_period;
    let workshop = Workshop {
        clients: Clients::new()?,
        courtesy: Courtesy::default(),
        budget: Budget::of_this_machine(),
    };
    let mut runner = Runner::new(workshop);
    let (mut events, calls) = Driver::connect(environment)?;
    work(&mut events, &calls, &mut runner, stop).await;
    wind_up(&calls, &mut runner, grace_period).await;
    Ok(())
}

async fn work(
    events: &mut Events,
    calls: &Calls,
    runner: &mut Runner,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            item = events.next() => match item {
                Some(Ok(event)) => if handle(event, calls, runner).is_break() { return },
                Some(Err(error)) => tracing::warn!("{error}"),
                None => return,
            },
            status = runner.next_status() => calls.update(status),
            () = &mut stop => return,
        }
    }
}

fn handle(event: Event, calls: &Calls, runner: &mut Runner) -> ControlFlow<()> {
    match event {
        Event::Launch(task) => runner.launch(*task).into_iter().for_each(|s| calls.update(s)),
        Event::LaunchGroup(tasks) => {
            tasks.into_iter().filter_map(|task| runner.launch(task)).for_each(|s| calls.update(s));
        }
        Event::Kill { task_id, .. } => {
            runner.kill(&task_id).into_iter().for_each(|status| calls.update(status));
        }
        Event::Shutdown => {
            tracing::info!("shutting down");
            return ControlFlow::Break(());
        }
        Event::Subscribed { agent, .. } => tracing::info!("registered on {}", agent.hostname),
        Event::Disconnected { reason } => tracing::warn!("the agent is gone: {reason}"),
        Event::Error(message) => tracing::error!("the agent says: {message}"),
        Event::Acknowledged { task_id, .. } => {
            tracing::debug!("the agent has an update of {task_id}");
        }
        Event::Message(data) => tracing::debug!("{} bytes from the scheduler", data.len()),
        Event::Unknown { type_number } => tracing::debug!("an event of type {type_number}"),
    }
    ControlFlow::Continue(())
}

/// Kills what runs, and waits until the agent has every status.
async fn wind_up(calls: &Calls, runner: &mut Runner, grace_period: Duration) {
    runner.kill_all();
    let reported = async {
        while !runner.is_idle() {
            calls.update(runner.next_status().await);
        }
        calls.flushed().await;
    };
    if timeout(grace_period, reported).await.is_err() {
        tracing::warn!("the agent did not confirm every status within {grace_period:?}");
    }
}
