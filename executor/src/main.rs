//! The executor as a program, started by Mesos agents.

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use mesos::executor::Environment;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The exit status for being started in a way that cannot work.
const USAGE: u8 = 2;
/// The exit status of a program that has panicked.
const PANICKED: u8 = 101;
/// Threads that serve connections, and invert what goes through in pieces.
const MAX_WORKERS: usize = 8;
/// What every agent sets.
const REQUIRED: [&str; 3] = ["MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID", "MESOS_AGENT_ENDPOINT"];

/// Downloads, processes and uploads images as the tasks of a Mesos agent say.
///
/// Mesos starts this program: agents fetch it from the file server and pass what it needs in
/// MESOS_* variables. There is nothing to run by hand; run `scheduler` instead. What it logs
/// is in the file `stderr` of its sandbox; RUST_LOG says how much (default: info).
#[derive(Parser)]
#[command(version)]
struct Arguments {}

fn main() -> ExitCode {
    Arguments::parse();
    log_to_stderr();
    let environment = match environment() {
        Ok(environment) => environment,
        Err(sentence) => return fail(USAGE, &sentence),
    };
    match runtime() {
        Ok(runtime) => {
            // On a thread of the pool, where its connections are: the one of `main` would have to
            // be woken for each event.
            let result = runtime.block_on(runtime.spawn(run(environment)));
            // Pixel work of killed tasks is not worth waiting for.
            runtime.shutdown_background();
            match result {
                Ok(Ok(())) => ExitCode::SUCCESS,
                Ok(Err(sentence)) => fail(1, &sentence),
                // What there is to say has been written by then.
                Err(_) => ExitCode::from(PANICKED),
            }
        }
        Err(error) => fail(1, &format!("threads cannot be started: {error}")),
    }
}

/// Few threads whatever the machine has: each costs memory of its own.
fn runtime() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(processors.min(MAX_WORKERS))
        // Pixel work never needs more at once than there are processors.
        .max_blocking_threads(processors)
        .enable_all()
        .build()
}

async fn run(environment: Environment) -> Result<(), String> {
    let watch = |error| format!("cannot watch for signals: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(watch)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(watch)?;
    executor::run(environment, either(&mut terminate, &mut interrupt))
        .await
        .map_err(|error| error.to_string())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn environment() -> Result<Environment, String> {
    let missing: Vec<_> = REQUIRED
        .into_iter()
        .filter(|name| std::env::var_os(name).is_none_or(|v| v.is_empty()))
        .collect();
    if !missing.is_empty() {
        return Err(format!(
            "Mesos starts this program, and sets what is missing here ({}): run `scheduler` instead",
            missing.join(", ")
        ));
    }
    Environment::from_env().map_err(|error| error.to_string())
}

fn fail(status: u8, sentence: &str) -> ExitCode {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "executor: {sentence}");
    ExitCode::from(status)
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        // Otherwise it panics when nobody reads standard error any more.
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
}
