//! The cluster inside this program.

use std::fs;
use std::path::{Path, PathBuf};

use mesos::master::MasterSpec;
use mesos_local::Cluster;
use tracing::{info, warn};

use crate::cli::Arguments;
use crate::failure::Failure;

/// A running cluster and the folder of its sandboxes.
#[derive(Debug)]
pub struct LocalCluster {
    /// Its master.
    pub master: MasterSpec,
    cluster: Cluster,
    folder: PathBuf,
}

impl LocalCluster {
    /// Starts a cluster as the flags describe it. Its sandboxes, with the output of the
    /// executors, are in the state folder; those of an earlier run are removed.
    ///
    /// # Errors
    ///
    /// When it cannot listen, or the folder cannot be used.
    pub async fn start(arguments: &Arguments, job: &str) -> Result<Self, Failure> {
        let folder = arguments.state_dir().join("cluster").join(job);
        let folder = prepared(&folder).map_err(|error| {
            let folder = folder.display();
            Failure::Start(format!(
                "cannot use the folder of sandboxes {folder} ({error}): make it writable, or name \
                 another with --state-dir"
            ))
        })?;
        let agents = usize::try_from(arguments.cluster.agents).unwrap_or(usize::MAX);
        let builder = Cluster::builder()
            .agents(agents)
            .resources(arguments.cluster.agent_resources.clone())
            .work_dir(folder.clone());
        let cluster = builder.start().await.map_err(|error| {
            Failure::Start(format!("the local cluster does not start: {error}"))
        })?;
        let master = cluster.master().parse().map_err(|error| {
            Failure::Start(format!("the local cluster has no usable address: {error}"))
        })?;
        info!(
            "local cluster: master {master}, {agents} agents with {} each, sandboxes in {}",
            described(arguments),
            folder.display()
        );
        Ok(Self { master, cluster, folder })
    }

    /// Ends the cluster with its executors. The sandboxes stay if they are of `interest`.
    pub async fn stop(self, interest: bool) {
        self.cluster.shutdown().await;
        if !interest && let Err(error) = fs::remove_dir_all(&self.folder) {
            warn!("cannot remove the sandboxes in {}: {error}", self.folder.display());
        }
    }
}

fn described(arguments: &Arguments) -> String {
    let resources = &arguments.cluster.agent_resources;
    format!("cpus {}, mem {} MiB", resources.cpus(), resources.mem_mib())
}

/// An empty folder, by its absolute path: executors have a working directory of their own.
fn prepared(folder: &Path) -> std::io::Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fs::canonicalize(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandboxes_of_an_earlier_run_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let sandboxes = folder.path().join("cluster/j");
        fs::create_dir_all(sandboxes.join("old")).unwrap();
        let prepared = prepared(&sandboxes).unwrap();
        assert!(prepared.is_absolute());
        assert_eq!(fs::read_dir(prepared).unwrap().count(), 0);
    }
}
