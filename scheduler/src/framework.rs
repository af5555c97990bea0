//! What the master is told of us.

use std::collections::BTreeMap;

use mesos::resources::Scalar;
use mesos::v1::framework_info::{Capability, capability};
use mesos::v1::offer_filters::{MinAllocatableResources, ResourceQuantities};
use mesos::v1::{FrameworkInfo, OfferFilters, value};
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

/// Less is not worth an offer to us, unless tasks need less: what the master by itself asks of
/// processors or of memory.
const LEAST_CPUS: Scalar = Scalar::from_thousandths(10);
const LEAST_MEM_MIB: Scalar = Scalar::from_thousandths(32_000);

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
        offer_filters: offer_filters(arguments),
        ..FrameworkInfo::default()
    }
}

/// An agent whose processors are all taken is offered for its memory alone, with every REVIVE anew:
/// a third of the offers and more, and none that anybody can use. What is merely too small shall come, as the
/// reasons why a job stands still are told from it.
///
/// With several roles the processors may come for one and the memory for another.
fn offer_filters(arguments: &Arguments) -> BTreeMap<String, OfferFilters> {
    let roles = arguments.cluster.roles();
    let [role] = roles.as_slice() else { return BTreeMap::new() };
    let amount =
        |name: &str, least: Scalar| (name.to_owned(), value::Scalar { value: least.to_f64() });
    let a_little = [
        amount("cpus", LEAST_CPUS.min(arguments.work.cpus)),
        amount("mem", LEAST_MEM_MIB.min(arguments.work.mem)),
    ];
    let quantities = vec![ResourceQuantities { quantities: a_little.into() }];
    let min_allocatable_resources = Some(MinAllocatableResources { quantities });
    [(role.clone(), OfferFilters { min_allocatable_resources })].into()
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

    fn least(line: &str) -> Vec<(String, Vec<(String, f64)>)> {
        let line = format!("scheduler {line}");
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
        let amounts = |filters: OfferFilters| {
            let sets = filters.min_allocatable_resources.unwrap().quantities;
            sets.into_iter()
                .flat_map(|set| set.quantities)
                .map(|(name, it)| (name, it.value))
                .collect()
        };
        let filters = offer_filters(&arguments).into_iter();
        filters.map(|(role, filters)| (role, amounts(filters))).collect()
    }

    #[test]
    fn offers_without_any_processor_or_memory_are_not_wanted() {
        let set = |cpus: f64, mem: f64| vec![("cpus".to_owned(), cpus), ("mem".to_owned(), mem)];
        assert_eq!(least(""), [("*".to_owned(), set(0.01, 32.0))]);
        assert_eq!(least("--role r --cpus 0.001 --mem 16"), [("r".to_owned(), set(0.001, 16.0))]);
        assert_eq!(
            least("--role a,b"),
            [],
            "the one may have the processors, the other the memory"
        );
    }
}
