//! The file that remembers which cluster runs.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::process::Process;

/// A cluster that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// The master and then the agents, in the order of their start.
    pub(super) nodes: Vec<Node>,
}

/// One master or agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Node {
    /// `master`, `agent-1`, `agent-2` and so on.
    pub(super) name: String,
    /// Where it listens.
    pub(super) address: SocketAddrV4,
    /// Where it keeps its state and its sandboxes.
    pub(super) work_dir: PathBuf,
    /// What it writes to its output.
    pub(super) log: PathBuf,
    /// The process that it is.
    pub(super) process: Process,
}

impl Cluster {
    /// Where the master listens, if one was started.
    pub(super) fn master(&self) -> Option<SocketAddrV4> {
        self.nodes.iter().find(|node| node.name == "master").map(|node| node.address)
    }

    /// Whether any of its processes is still there.
    pub(super) fn is_running(&self) -> bool {
        self.nodes.iter().any(|node| node.process.is_running())
    }
}

/// Reads the file; without one there is no cluster.
///
/// # Errors
///
/// When the file cannot be read or is not what [`save`] wrote.
pub(super) fn load(file: &Path) -> Result<Option<Cluster>> {
    match fs::read_to_string(file) {
        Ok(text) => parse(&text).map(Some).with_context(|| {
            format!("'{}' is damaged; end its processes by hand and remove it", file.display())
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read '{}'", file.display())),
    }
}

/// Writes the file.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn save(cluster: &Cluster, file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(cluster).context("cannot describe the cluster")?;
    let fresh = file.with_extension("json.new");
    fs::write(&fresh, text + "\n")
        .and_then(|()| fs::rename(&fresh, file))
        .with_context(|| format!("cannot write '{}'", file.display()))
}

fn parse(text: &str) -> Result<Cluster> {
    Ok(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, port: u16) -> Node {
        Node {
            name: name.to_owned(),
            address: SocketAddrV4::new([127, 0, 0, 1].into(), port),
            work_dir: PathBuf::from("/w").join(name),
            log: PathBuf::from("/w/x.log"),
            process: Process { pid: 4_000_000, start_ticks: 7 },
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cluster.json");
        let cluster = Cluster { nodes: vec![node("master", 5050), node("agent-1", 40001)] };
        save(&cluster, &file).unwrap();
        assert_eq!(load(&file).unwrap(), Some(cluster));
    }

    #[test]
    fn no_file_is_no_cluster() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(&folder.path().join("cluster.json")).unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cluster.json");
        for text in ["", "{", "{\"nodes\": 3}", "{\"nodes\": [{\"name\": \"master\"}]}"] {
            fs::write(&file, text).unwrap();
            let error = load(&file).unwrap_err().to_string();
            assert!(error.contains("cluster.json' is damaged"), "{error}");
        }
    }

    #[test]
    fn the_master_is_found_by_its_name() {
        let cluster = Cluster { nodes: vec![node("agent-1", 1), node("master", 5050)] };
        assert_eq!(cluster.master().unwrap().port(), 5050);
        assert_eq!(Cluster { nodes: Vec::new() }.master(), None);
    }

    #[test]
    fn a_cluster_of_processes_that_are_gone_does_not_run() {
        assert!(!Cluster { nodes: vec![node("master", 5050)] }.is_running());
    }
}
