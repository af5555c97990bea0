//! `mesos-local`: a master and agents in one process, until Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mesos::resources::Resources;
use mesos_local::{Cluster, Error};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Runs an embedded Mesos master and agents on this machine, until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "mesos-local", version)]
struct Options {
    /// The IP address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    address: String,
    /// The master's port; 0 is any free one
    #[arg(long, default_value_t = 5050)]
    port: u16,
    /// How many agents to run
    #[arg(long, default_value_t = 2)]
    agents: usize,
    /// What every agent offers; not a limit for what its tasks use
    #[arg(long, default_value = "cpus:2;mem:2048")]
    resources: Resources,
    /// Where sandboxes go, and stay; otherwise a temporary directory, removed at the end
    #[arg(long)]
    work_dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesos-local: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Error> {
    let mut builder = Cluster::builder()
        .agents(options.agents)
        .resources(options.resources)
        .address(options.address)
        .port(options.port);
    if let Some(path) = options.work_dir {
        builder = builder.work_dir(path);
    }
    let cluster = builder.start().await?;
    let master = cluster.master();
    println!("The master listens on {master} with {} agents.", options.agents);
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
