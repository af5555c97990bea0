//! The harness itself: nodes get ready, and go.

use std::path::Path;

use anyhow::{Result, ensure};
use e2e::{Engine, Plan, Testbed, on_each_engine};

fn nodes_get_ready_and_leave_nothing_running(engine: Engine) -> Result<()> {
    let nodes = Testbed::start(Plan::of(engine).agents(2))?;
    let (pids, folder) = (nodes.pids(), nodes.folder().to_owned());
    ensure!(nodes.known_agents()?.len() == 2, "{:?}", nodes.known_agents()?);
    ensure!(pids.len() == if engine == Engine::Real { 3 } else { 1 }, "{pids:?}");
    drop(nodes);
    ensure!(pids.iter().all(|pid| !Path::new("/proc").join(pid.to_string()).exists()));
    ensure!(!folder.exists(), "'{}' is still there", folder.display());
    Ok(())
}

on_each_engine!(nodes_get_ready_and_leave_nothing_running);
