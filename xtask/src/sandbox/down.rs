//! Ending a cluster.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Place;
use super::cluster::{self, Cluster};
use super::process::{self, Process};

const GRACE: Duration = Duration::from_secs(5);

/// Ends what `up` started.
///
/// # Errors
///
/// When a process cannot be ended.
pub(super) fn down(place: &Place) -> Result<()> {
    let Some(cluster) = cluster::load(&place.cluster_file())? else {
        println!("No cluster runs");
        return Ok(());
    };
    let ended = end(&cluster, place)?;
    println!(
        "Ended {ended} of {} nodes; logs are in {}",
        cluster.nodes.len(),
        place.folder.display()
    );
    Ok(())
}

/// Ends its nodes, agents before the master, and what they ran; returns how many nodes were still
/// there.
///
/// # Errors
///
/// When a process cannot be ended.
pub(super) fn end(cluster: &Cluster, place: &Place) -> Result<usize> {
    let containers: Vec<Process> = cluster
        .nodes
        .iter()
        .flat_map(|node| process::containers(node.process, &node.work_dir))
        .collect();
    let mut ended = 0;
    for node in cluster.nodes.iter().rev() {
        ended += usize::from(node.process.is_running());
        node.process.end(GRACE).with_context(|| format!("cannot end the {}", node.name))?;
    }
    for container in containers {
        container.end(GRACE).context("cannot end a container")?;
    }
    forget(place)?;
    Ok(ended)
}

fn forget(place: &Place) -> Result<()> {
    let file = place.cluster_file();
    if file.exists() {
        fs::remove_file(&file).with_context(|| format!("cannot remove '{}'", file.display()))?;
    }
    Ok(())
}
