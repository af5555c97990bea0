//! Schedulers, executors, file servers, agents and masters that are killed at random moments of a
//! job: nothing is lost, nothing is done twice.
//!
//! Each victim is killed in jobs of 300 images, on both engines; `KILL_ROUNDS` says how many such
//! jobs, two unless it is set. Moments and pauses come from a seed that a failure names;
//! `KILL_SEED` sets it. When a scheduler, a thread or a disk is faster or slower, the same seed is
//! another moment: it says what was tried, but cannot promise to repeat it.

#![cfg(test)]

mod dice;
mod rounds;
mod victims;

use std::env;

use anyhow::{Context, Result};
use e2e::{Engine, on_each_engine};

use rounds::Bed;
use victims::Victim;

/// How many jobs each victim is killed in.
fn rounds() -> Result<u64> {
    number("KILL_ROUNDS", 2)
}

fn number(variable: &str, default: u64) -> Result<u64> {
    match env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable}={text} is no number")),
        Err(_) => Ok(default),
    }
}

/// The seed of the first round; the others count on from it.
fn first_seed() -> Result<u64> {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    number("KILL_SEED", u64::from(clock.subsec_nanos()) / 1000)
}

fn kill(engine: Engine, victim: Victim) -> Result<()> {
    let mut bed = Bed::start(engine)?;
    let first = first_seed()?;
    for seed in first..first + rounds()? {
        let told = bed.round(victim, seed);
        println!(
            "{victim:?} on {engine}, KILL_SEED={seed}: {}",
            told.with_context(|| {
                format!(
                    "when the victim was {victim:?} on {engine}, KILL_SEED={seed} KILL_ROUNDS=1"
                )
            })?
        );
    }
    Ok(())
}

fn a_killed_scheduler_loses_nothing(engine: Engine) -> Result<()> {
    kill(engine, Victim::Scheduler)
}

fn a_killed_executor_loses_nothing(engine: Engine) -> Result<()> {
    kill(engine, Victim::Executor)
}

fn a_killed_file_server_loses_nothing(engine: Engine) -> Result<()> {
    kill(engine, Victim::FileServer)
}

fn a_killed_master_loses_nothing(engine: Engine) -> Result<()> {
    kill(engine, Victim::Master)
}

on_each_engine!(
    a_killed_scheduler_loses_nothing,
    a_killed_executor_loses_nothing,
    a_killed_file_server_loses_nothing,
    a_killed_master_loses_nothing,
);

/// The agents of `mesos-local` die with its master.
#[cfg(feature = "real-mesos")]
#[test]
fn a_killed_agent_loses_nothing() -> Result<()> {
    kill(Engine::Real, Victim::Agent)
}
