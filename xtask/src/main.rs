//! Chores of the repository: `cargo xtask help`.

mod bench;
mod layers;
mod sandbox;
mod steps;
mod suite;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the repository. Everything they write is under `target/`.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check everything that CI checks: formatting, lints, layers, scripts, docs, all tests on both engines
    ///
    /// Installs what is missing when it can (Debian packages as root, Mesos from PyPI), stops at
    /// the first failure with a sentence that names the remedy, and skips nothing.
    Test {
        /// Run one step alone: fmt, clippy, layers, scripts, doc, tests, install-mesos, real-mesos, real-zookeeper or vagrant
        #[arg(long, value_name = "STEP")]
        only: Option<String>,
    },
    /// Check what takes too long for every change: many kills of everything on both engines, and a
    /// list of a million lines
    ///
    /// The programs are built in release. KILL_ROUNDS, KILL_SEED and LINES set how much.
    Long {
        /// Run one step alone: install-mesos, kills, trouble or million
        #[arg(long, value_name = "STEP")]
        only: Option<String>,
    },
    /// Measure what the programs reach on this machine, beside their peers, and print a table
    ///
    /// Installs what is missing: nginx (a Debian package, as root), img2dataset from PyPI, and Mesos.
    /// Everything is under `target/bench`, the figures also as `results.json`. Some minutes.
    Bench(bench::Options),
    /// Start, end or show a real Mesos 1.11.0 cluster on this machine
    #[command(subcommand)]
    Sandbox(sandbox::Command),
    /// Provision a fresh Debian 12 container as Vagrant would a VM, and see its services run
    ///
    /// Needs root, debootstrap and systemd-nspawn (installed when missing), and some minutes.
    /// See `sandbox/test-provision.sh`.
    TestProvision,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Test { only } => suite::run(only.as_deref()),
        Chore::Long { only } => suite::run_long(only.as_deref()),
        Chore::Bench(options) => bench::run(&options),
        Chore::Sandbox(command) => sandbox::run(&command),
        Chore::TestProvision => suite::test_provision(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
