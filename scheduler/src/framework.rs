//! What the master is told of us.

use mesos::v1::FrameworkInfo;
use mesos::v1::framework_info::{Capability, capability};
use url::Url;

use crate::cli::Arguments;

/// The name on the master's pages.
const NAME: &str = "Image Inverter (Rust)";

/// What the engine is ready for: tasks on agents that come back, and resources with roles
/// and reservations, which it hands back as they were offered.
const CAPABILITIES: [capability::Type; 3] = [
    capability::Type::PartitionAware,
    capability::Type::MultiRole,
    capability::Type::ReservationRefinement,
];

/// The description of this framework. `known_as` is the id of an earlier run whose tasks
/// are taken over.
#[must_use]
pub fn info(
    arguments: &Arguments,
    job: &str,
    file_server: &Url,
    known_as: Option<&str>,
) -> FrameworkInfo {
    let cluster = &arguments.cluster;
    let capability = |kind: capability::Type| Capability { r#type: Some(kind.into()) };
    FrameworkInfo {
        user: cluster.user.clone().unwrap_or_else(current_user),
        name: NAME.into(),
        id: known_as.map(Into::into),
        failover_timeout: Some(cluster.failover_timeout.as_secs_f64()),
        // The agents of a local cluster never come back, so nothing is to wait for them.
        checkpoint: Some(!arguments.is_local()),
        roles: cluster.roles(),
        hostname: whoami::hostname().ok(),
        principal: cluster.principal.clone(),
        webui_url: Some(file_server.to_string()),
        capabilities: CAPABILITIES.map(capability).to_vec(),
        labels: Some([("job", job)].into_iter().collect()),
        ..FrameworkInfo::default()
    }
}

/// The agents' user if the system does not tell ours.
fn current_user() -> String {
    whoami::username().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn the_master_keeps_our_tasks_while_we_are_away() {
        let line = "scheduler --master h:1 --failover-timeout 2h --user nobody --role r";
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        let base = Url::parse("http://10.0.0.1:12345/").unwrap();
        let info = info(&arguments, "j", &base, Some("f-1"));
        assert_eq!(info.failover_timeout, Some(7_200.0));
        assert_eq!(info.checkpoint, Some(true));
        assert_eq!(info.user, "nobody");
        assert_eq!(info.roles, ["r"]);
        assert_eq!(info.id, Some("f-1".into()));
        assert_eq!(info.webui_url.as_deref(), Some("http://10.0.0.1:12345/"));
    }
}
