//! Whether a cluster behaves as Mesos' documentation, its own tests and its source say: one list of
//! checks, for the embedded cluster and for a real Mesos 1.11.0.
//!
//! Every check is a client of its own in plain HTTP and JSON on a cluster of its own, which takes a
//! quarter of a second to start. So checks cannot disturb each other, may set any flag, and run side
//! by side; most of them only wait. `cargo test -p e2e --test conformance -- C34` runs one of them.

#![cfg(test)]

mod bench;
mod executors;
mod failover;
mod groups;
mod list;
mod offers;
mod operator;
mod reconciling;
mod requests;
mod subscribing;
mod tasks;
mod updates;

use std::process::ExitCode;

use e2e::Engine;
use libtest_mimic::{Arguments, Failed, Trial};

use list::{CHECKS, Check};

/// So many clusters at once: some wait for half a minute, and none needs much of a processor.
const AT_ONCE: usize = 16;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let engines: &[Engine] = if cfg!(feature = "real-mesos") {
        &[Engine::Local, Engine::Real]
    } else {
        &[Engine::Local]
    };
    let mut trials = vec![Trial::test("the list is whole", || Ok(list::is_whole()?))];
    for engine in engines {
        for check in CHECKS {
            match check.on(*engine) {
                Ok(run) => trials.push(trial(check, *engine, run)),
                Err(because) => println!("{} not {}: {because}", check.id, place(*engine)),
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(check: &Check, engine: Engine, run: list::Run) -> Trial {
    let name = format!("{}::{} {}", place(engine), check.id, check.sentence);
    Trial::test(name, move || run(engine).map_err(|error| Failed::from(format!("{error:?}"))))
}

fn place(engine: Engine) -> &'static str {
    match engine {
        Engine::Local => "local",
        Engine::Real => "real",
    }
}
