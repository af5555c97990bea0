//! The engine against a small cluster that drops, repeats, delays and reorders messages, has slow
//! and bad agents, loses agents, takes them away for maintenance and fails over, with a crash of the
//! scheduler at any record: nothing lost, nothing counted twice, always an end. Everything follows
//! from a seed, and a failing one is named with the command that runs it again.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing")]

mod checks;
mod cluster;
mod harm;
mod job;
mod offers;
mod program;
mod random;
mod tasks;

use cluster::Sim;
use job::{IMAGES, Job};

/// How many seeds run when nothing else is asked for.
const SEEDS: u64 = 10_000;

/// What a run came to.
#[derive(Debug, PartialEq)]
struct Run {
    records: usize,
    launched: u64,
    second_runs: u64,
    groups: u64,
    maintenance: u64,
}

fn simulate(seed: u64, job: Job) -> Run {
    let result = std::panic::catch_unwind(|| {
        let mut sim = Sim::new(seed, job);
        sim.run();
        sim.check_end();
        Run {
            records: sim.store.records().len(),
            launched: sim.engine.progress().tasks_launched,
            second_runs: sim.second_runs,
            groups: sim.groups,
            maintenance: sim.maintenance,
        }
    });
    result.unwrap_or_else(|_| {
        panic!("seed {seed} failed: BATCH_SEED={seed} cargo test -p batch --test simulation")
    })
}

#[expect(clippy::disallowed_methods, reason = "to run one seed again, or more of them")]
fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seeds of one of two halves, which run side by side.
fn seeds(half: u64) -> impl Iterator<Item = u64> {
    let seeds = match (number_from("BATCH_SEED"), number_from("BATCH_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SEEDS),
    };
    seeds.filter(move |seed| seed % 2 == half)
}

#[test]
fn whatever_happens_every_image_ends_once_and_as_it_should() {
    every_image_ends_once(seeds(0));
}

#[test]
fn whatever_else_happens_every_image_ends_once_and_as_it_should() {
    every_image_ends_once(seeds(1));
}

fn every_image_ends_once(seeds: impl Iterator<Item = u64>) {
    let (mut runs, mut launched, mut second_runs) = (0, 0, 0);
    let (mut groups, mut maintenance) = (0, 0);
    for seed in seeds {
        let run = simulate(seed, Job::default());
        runs += 1;
        launched += run.launched;
        second_runs += run.second_runs;
        groups += run.groups;
        maintenance += run.maintenance;
    }
    println!(
        "{runs} runs: {launched} tasks, {second_runs} of them second runs, {groups} groups, {maintenance} maintenances"
    );
    // The cluster must have done harm: without it, a run takes some 15 tasks.
    let has_enough = || {
        launched / runs >= IMAGES
            && second_runs > runs / 20
            && groups > runs
            && maintenance > runs / 10
    };
    assert!(runs < 100 || has_enough(), "too little happened");
}

#[test]
fn a_crash_at_any_record_loses_nothing() {
    let calm = Job { harm: false, ..Job::default() };
    for seed in 0..8 {
        let whole = simulate(seed, calm).records;
        for crash_at in 0..whole {
            simulate(seed, Job { crash_at: Some(crash_at), ..calm });
        }
    }
}

#[test]
fn a_job_that_was_given_up_goes_on_when_more_failures_are_allowed() {
    for seed in 0..200 {
        simulate(seed, Job { give_up: true, ..Job::default() });
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(simulate(42, Job::default()), simulate(42, Job::default()));
}
