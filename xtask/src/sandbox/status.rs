//! Showing a cluster.

use anyhow::Result;

use super::Place;
use super::cluster::{self, Node};
use super::master::{self, Agent};

/// Prints what runs.
///
/// # Errors
///
/// When the file about the cluster is damaged.
pub(super) fn status(place: &Place) -> Result<()> {
    let Some(cluster) = cluster::load(&place.cluster_file())? else {
        println!("No cluster runs; start one with `cargo xtask sandbox up`");
        return Ok(());
    };
    for node in &cluster.nodes {
        println!("{}", describe_node(node));
    }
    match cluster.master().map(master::agents) {
        Some(Ok(agents)) => println!("{}", describe_agents(&agents)),
        Some(Err(error)) => println!("The master gives no answer: {error:#}"),
        None => println!("No master was started"),
    }
    Ok(())
}

fn describe_node(node: &Node) -> String {
    let state = if node.process.is_running() { "runs" } else { "has ended" };
    let Node { name, address, log, process, .. } = node;
    format!("{name:9} {address}  process {} {state}  log {}", process.pid, log.display())
}

fn describe_agents(agents: &[Agent]) -> String {
    let mut lines = vec![format!("The master has {} active agents", master::count_active(agents))];
    lines.extend(agents.iter().map(|agent| {
        let state = if agent.active { "active" } else { "inactive" };
        format!("  {}  {}  {state}", agent.id, agent.pid)
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_listed_with_their_state() {
        let agent = |id: &str, active| Agent { id: id.to_owned(), pid: "s@h:1".to_owned(), active };
        assert_eq!(
            describe_agents(&[agent("a", true), agent("b", false)]),
            "The master has 1 active agents\n  a  s@h:1  active\n  b  s@h:1  inactive"
        );
    }
}
