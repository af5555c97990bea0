//! `mesos-local`: a master and agents in one process, until Ctrl-C.

mod flags;

use std::process::ExitCode;

use clap::Parser;
use mesos_local::Error;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use flags::Flags;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let messages = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Otherwise it panics when nobody reads standard error any more.
    messages.log_internal_errors(false).init();
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesos-local: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), Error> {
    let cluster = flags.into_builder()?.start().await?;
    let (master, agents) = (cluster.master(), cluster.agents());
    println!("The master listens on {master} with {agents} agents.");
    println!("Look at it:       curl http://{master}/state");
    println!("Run a framework:  scheduler --master {master}");
    println!("Sandboxes are in  {}", cluster.work_dir().display());
    println!("Ctrl-C ends everything.");
    told_to_stop().await;
    cluster.shutdown().await;
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = interrupted.await;
        return;
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminate.recv() => {}
    }
}
