//! What `cargo xtask test` checks, in which order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::steps::{self, Step};
use crate::tools::cargo;
use crate::{layers, sandbox, tools, workspace};

const STEPS: &[Step] = &[
    Step { name: "fmt", title: "formatting", action: formatting },
    Step { name: "clippy", title: "lints", action: lints },
    Step { name: "layers", title: "layers", action: layers::check },
    Step { name: "scripts", title: "scripts", action: scripts },
    Step { name: "doc", title: "documentation", action: documentation },
    Step { name: "tests", title: "tests", action: tests },
    Step { name: "install-mesos", title: "real Mesos 1.11.0, installed", action: sandbox::install },
    Step { name: "real-mesos", title: "scenarios on the real Mesos", action: real_mesos },
    Step { name: "real-zookeeper", title: "detection by a real ZooKeeper", action: real_zookeeper },
    Step { name: "vagrant", title: "Vagrantfile", action: vagrantfile },
];

/// What takes too long for every change.
const LONG_STEPS: &[Step] = &[
    Step { name: "install-mesos", title: "real Mesos 1.11.0, installed", action: sandbox::install },
    Step { name: "kills", title: "ten rounds of kills of each victim", action: kills },
    Step { name: "trouble", title: "full disks, patience and a bad host", action: trouble },
    Step { name: "million", title: "a list of a million lines", action: million },
];

/// Folders without sources of ours.
const NOT_SEARCHED: &[&str] = &[".git", ".vagrant", "output", "results", "target"];

/// Runs every check until one fails, or the one that is asked for.
///
/// # Errors
///
/// That of the first check that fails.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    match only {
        Some(name) => steps::run_only(STEPS, name),
        None => steps::run(STEPS),
    }
}

/// Runs every check that takes long until one fails, or the one that is asked for.
///
/// # Errors
///
/// That of the first check that fails.
pub(crate) fn run_long(only: Option<&str>) -> Result<()> {
    match only {
        Some(name) => steps::run_only(LONG_STEPS, name),
        None => steps::run(LONG_STEPS),
    }
}

/// Runs the provisioning of the Vagrant VM, and the tutorial's job, in a container.
///
/// # Errors
///
/// When the script fails; it says why.
pub(crate) fn test_provision() -> Result<()> {
    tools::run(&mut cargo(&["build", "--release", "--locked"]))?;
    tools::run(&mut Command::new(workspace::sandbox_script("test-provision.sh")))
}

fn formatting() -> Result<()> {
    tools::run(&mut cargo(&["fmt", "--all", "--check"]))
        .context("the code is not formatted; run `cargo fmt --all`")
}

fn lints() -> Result<()> {
    let what = [
        "--workspace",
        "--all-targets",
        "--features",
        "e2e/real-mesos,mesos/real-zookeeper,scheduler/parquet",
    ];
    tools::run(cargo(&["clippy", "--locked"]).args(what).args(["--", "-D", "warnings"]))
}

fn documentation() -> Result<()> {
    let mut command = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    tools::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn tests() -> Result<()> {
    tools::run(&mut cargo(&["test", "--workspace", "--locked"]))?;
    parquet()
}

/// Lists in Parquet are not in the programs that everything else is tested with. Libraries are
/// built for the whole workspace, as there, so that none but the scheduler's is built again.
fn parquet() -> Result<()> {
    let what = ["--workspace", "--lib", "--features", "scheduler/parquet", "--locked", "parquet"];
    tools::run(cargo(&["test"]).args(what))
}

/// What runs on the embedded cluster is among the tests before. Libraries are built for the whole
/// workspace, as there, so that none is built again.
fn real_mesos() -> Result<()> {
    tools::require("chromium", "chromium")?;
    let mut command = cargo(&["test", "--workspace", "--features", "e2e/real-mesos", "--locked"]);
    for test in ["conformance", "frameworks", "kills", "scenarios"] {
        command.args(["--test", test]);
    }
    command.args(["--", "--skip", "local::"]);
    // They wait for their processes more than anything, so more of them run than processors are there.
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        let processors = std::thread::available_parallelism()?.get();
        command.env("RUST_TEST_THREADS", (2 * processors).to_string());
    }
    tools::run(command.env("MESOS_SANDBOX_PREFIX", workspace::mesos_prefix()))
}

/// Many rounds on both engines; `KILL_ROUNDS` and `KILL_SEED` of the environment win.
fn kills() -> Result<()> {
    let mut command = end_to_end(&["--test", "kills", "--", "--nocapture"]);
    if std::env::var_os("KILL_ROUNDS").is_none() {
        command.env("KILL_ROUNDS", "10");
    }
    tools::run(&mut command)
}

/// On both engines, with the programs as they are released.
fn trouble() -> Result<()> {
    tools::run(&mut end_to_end(&["--test", "scenarios", "--", "disk::", "manners::"]))
}

/// On the embedded cluster, as a process of its own; `LINES` of the environment wins.
fn million() -> Result<()> {
    let test = "lines::local::a_long_list_goes_to_its_end";
    let mut command = end_to_end(&["--test", "scenarios", test, "--", "--exact", "--nocapture"]);
    if std::env::var_os("LINES").is_none() {
        command.env("LINES", "1000000");
    }
    tools::run(&mut command)
}

/// Tests of programs built in release.
fn end_to_end(arguments: &[&str]) -> Command {
    let mut command = cargo(&["test", "--release", "--workspace"]);
    command.args(["--features", "e2e/real-mesos", "--locked"]).args(arguments);
    command.env("MESOS_SANDBOX_PREFIX", workspace::mesos_prefix());
    command
}

fn real_zookeeper() -> Result<()> {
    tools::require("java", "default-jre-headless")?;
    tools::require_file("/usr/share/java/zookeeper.jar", "libzookeeper-java")?;
    let test = ["--features", "mesos/real-zookeeper", "--test", "real_zookeeper"];
    tools::run(cargo(&["test", "--workspace", "--locked"]).args(test))
}

fn scripts() -> Result<()> {
    tools::require("shellcheck", "shellcheck")?;
    let scripts = shell_scripts(workspace::root())?;
    if scripts.is_empty() {
        bail!("found no shell script at all under '{}'", workspace::root().display());
    }
    tools::run(Command::new("shellcheck").current_dir(workspace::root()).args(&scripts))?;
    println!("shellcheck has nothing to say about {} scripts", scripts.len());
    Ok(())
}

/// Files below `folder` that a shell runs, by their first line.
fn shell_scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let unreadable = || format!("cannot read the folder '{}'", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let kind = entry.file_type().with_context(unreadable)?;
        let searched = !NOT_SEARCHED.iter().any(|name| entry.file_name() == *name);
        if kind.is_dir() && searched {
            found.extend(shell_scripts(&entry.path())?);
        } else if kind.is_file() && is_shell_script(&entry.path())? {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn is_shell_script(file: &Path) -> Result<bool> {
    let content = fs::read(file).with_context(|| format!("cannot read '{}'", file.display()))?;
    let first_line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(names_a_shell(&String::from_utf8_lossy(first_line)))
}

fn names_a_shell(first_line: &str) -> bool {
    let Some(interpreter) = first_line.strip_prefix("#!") else { return false };
    interpreter.split(['/', ' ']).any(|word| matches!(word.trim(), "sh" | "bash" | "dash"))
}

/// Vagrant keeps state in its home folder, so it gets one of its own.
fn vagrantfile() -> Result<()> {
    tools::require("vagrant", "vagrant")?;
    let home = workspace::target().join("vagrant-home");
    fs::create_dir_all(&home).with_context(|| format!("cannot create '{}'", home.display()))?;
    tools::run(
        Command::new("vagrant")
            .args(["validate", "--ignore-provider"])
            .current_dir(workspace::root())
            .env("HOME", &home)
            .env("VAGRANT_HOME", home.join(".vagrant.d"))
            .env("VAGRANT_CHECKPOINT_DISABLE", "1")
            .env("VAGRANT_DOTFILE_PATH", home.join("machines")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_known_by_the_first_line() {
        for line in ["#!/bin/sh", "#!/usr/bin/env bash", "#!/bin/bash -e", "#! /bin/dash"] {
            assert!(names_a_shell(line), "{line}");
        }
        for line in ["#!/usr/bin/env python3", "// sh", "", "#!/usr/bin/fish"] {
            assert!(!names_a_shell(line), "{line}");
        }
    }

    #[test]
    fn the_scripts_of_the_sandbox_and_of_ci_are_found() {
        let found = shell_scripts(workspace::root()).unwrap();
        for name in [".ci/run", "sandbox/install.sh", "sandbox/run-node"] {
            assert!(found.contains(&workspace::root().join(name)), "{name} in {found:?}");
        }
        assert!(!found.contains(&workspace::sandbox_script("mesos-fetcher")));
    }

    #[test]
    fn build_output_is_not_searched() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("target")).unwrap();
        fs::write(folder.path().join("target/x"), "#!/bin/sh\n").unwrap();
        assert!(shell_scripts(folder.path()).unwrap().is_empty());
    }
}
