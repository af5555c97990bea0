//! Who is offered what, and when.
//!
//! Coarse-grained like the master's own: an agent's whole free bundle goes to one
//! role of one framework, the one with the smallest dominant share that neither
//! suppressed its offers nor filtered this bundle. Nothing here does I/O.

mod filters;
mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Resources, Scalar};
use mesos::v1::{AgentId, FrameworkId};

use filters::Filters;
use share::dominant_share;

/// How long an offer is withheld when the scheduler does not say.
const DEFAULT_REFUSAL: Duration = Duration::from_secs(5);

/// The longest refusal: 365 days.
const MAX_REFUSAL: Duration = Duration::from_secs(31_536_000);

/// One agent's free bundle for one role of one framework.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Allocation {
    pub(crate) framework_id: FrameworkId,
    pub(crate) role: String,
    pub(crate) agent_id: AgentId,
    pub(crate) resources: Resources,
}

/// What the allocator knows: agents, frameworks, who holds how much.
#[derive(Debug)]
pub(crate) struct Allocator {
    /// The time between two allocations of everything, and the shortest filter.
    interval: Duration,
    agents: BTreeMap<String, Agent>,
    clients: BTreeMap<(String, String), Client>,
    total: Resources,
    runs: u64,
}

#[derive(Debug)]
struct Agent {
    total: Resources,
    free: Resources,
    active: bool,
}

/// One role of one framework.
#[derive(Debug, Default)]
struct Client {
    active: bool,
    suppressed: bool,
    takes_gpus: bool,
    held: Resources,
    filters: Filters,
}

impl Allocator {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            agents: BTreeMap::new(),
            clients: BTreeMap::new(),
            total: Resources::default(),
            runs: 0,
        }
    }

    /// How many allocations have run.
    pub(crate) fn runs(&self) -> u64 {
        self.runs
    }

    pub(crate) fn add_agent(&mut self, id: &AgentId, total: &Resources) {
        self.total = self.total.plus(total);
        let agent = Agent { total: total.clone(), free: total.clone(), active: true };
        self.agents.insert(id.value.clone(), agent);
    }

    pub(crate) fn remove_agent(&mut self, id: &AgentId) {
        if let Some(agent) = self.agents.remove(&id.value) {
            self.total = minus(&self.total, &agent.total);
        }
        for client in self.clients.values_mut() {
            client.filters.forget_agent(&id.value);
        }
    }

    /// Whether the agent is offered to anybody; it keeps its bookings.
    pub(crate) fn set_agent_active(&mut self, id: &AgentId, active: bool) {
        if let Some(agent) = self.agents.get_mut(&id.value) {
            agent.active = active;
        }
    }

    /// Takes the framework's roles as they are from now on. A role that is no longer
    /// suppressed loses its filters; a role that is gone loses everything.
    pub(crate) fn set_framework(
        &mut self,
        id: &FrameworkId,
        roles: &BTreeSet<String>,
        suppressed: &BTreeSet<String>,
        takes_gpus: bool,
    ) {
        let known = self.roles_of(id);
        for gone in known.difference(roles) {
            self.clients.remove(&(id.value.clone(), gone.clone()));
        }
        for role in roles {
            let client = self.clients.entry((id.value.clone(), role.clone())).or_default();
            let now_suppressed = suppressed.contains(role);
            if client.suppressed && !now_suppressed {
                client.filters.clear();
            }
            client.suppressed = now_suppressed;
            client.takes_gpus = takes_gpus;
        }
    }

    pub(crate) fn remove_framework(&mut self, id: &FrameworkId) {
        for role in self.roles_of(id) {
            self.clients.remove(&(id.value.clone(), role));
        }
    }

    /// A framework that disconnects is offered nothing and loses its filters.
    pub(crate) fn set_active(&mut self, id: &FrameworkId, active: bool) {
        self.each_client(id, None, |client| {
            client.active = active;
            if !active {
                client.filters.clear();
            }
        });
    }

    /// Stops offers for `roles`, or for all roles of the framework when there are none.
    pub(crate) fn suppress(&mut self, id: &FrameworkId, roles: &[String]) {
        self.each_client(id, Some(roles), |client| client.suppressed = true);
    }

    /// Ends suppression and filters for `roles`, or for all roles when there are none.
    pub(crate) fn revive(&mut self, id: &FrameworkId, roles: &[String]) {
        self.each_client(id, Some(roles), |client| {
            client.suppressed = false;
            client.filters.clear();
        });
    }

    /// Withholds `refused` (and less) of that agent for as long as `refuse_seconds` says.
    pub(crate) fn refuse(
        &mut self,
        now: Duration,
        allocation: &Allocation,
        refused: &Resources,
        refuse_seconds: Option<f64>,
    ) {
        let duration = refusal(refuse_seconds);
        let Allocation { framework_id, role, agent_id, .. } = allocation;
        if duration.is_zero() || refused.is_empty() {
            return;
        }
        let until = now.saturating_add(duration.max(self.interval));
        if let Some(client) = self.client_mut(framework_id, role) {
            client.filters.add(&agent_id.value, refused.clone(), now, until);
        }
    }

    /// Notes that `resources` of the agent are held by the framework's role.
    pub(crate) fn hold(
        &mut self,
        id: &FrameworkId,
        role: &str,
        agent: &AgentId,
        resources: &Resources,
    ) {
        if let Some(agent) = self.agents.get_mut(&agent.value) {
            agent.free = minus(&agent.free, resources);
        }
        if let Some(client) = self.client_mut(id, role) {
            client.held = client.held.plus(resources);
        }
    }

    /// Takes back what the framework's role held of the agent.
    pub(crate) fn release(
        &mut self,
        id: &FrameworkId,
        role: &str,
        agent: &AgentId,
        resources: &Resources,
    ) {
        if let Some(agent) = self.agents.get_mut(&agent.value) {
            agent.free = agent.free.plus(resources);
        }
        if let Some(client) = self.client_mut(id, role) {
            client.held = minus(&client.held, resources);
        }
    }

    /// Gives every free bundle to whoever has least and wants it.
    pub(crate) fn allocate(&mut self, now: Duration) -> Vec<Allocation> {
        self.runs += 1;
        let offerable: Vec<(String, Resources)> = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.active && is_allocatable(&agent.free))
            .map(|(id, agent)| (id.clone(), agent.free.clone()))
            .collect();
        offerable.into_iter().filter_map(|(agent, free)| self.give(now, agent, free)).collect()
    }

    fn give(&mut self, now: Duration, agent: String, free: Resources) -> Option<Allocation> {
        let has_gpus = !self.agents.get(&agent)?.total.scalar("gpus").is_zero();
        let total = &self.total;
        let wanting = self.clients.iter_mut().filter_map(|(key, client)| {
            let wants = client.active
                && !client.suppressed
                && (client.takes_gpus || !has_gpus)
                && !client.filters.withhold(&agent, &free, now);
            wants.then(|| (dominant_share(&client.held, total), key))
        });
        let (_, (framework, role)) = wanting.min_by(|a, b| a.0.total_cmp(&b.0))?;
        let allocation = Allocation {
            framework_id: framework.as_str().into(),
            role: role.clone(),
            agent_id: agent.into(),
            resources: free,
        };
        let Allocation { framework_id, role, agent_id, resources } = &allocation;
        self.hold(framework_id, role, agent_id, resources);
        Some(allocation)
    }

    fn roles_of(&self, id: &FrameworkId) -> BTreeSet<String> {
        self.clients
            .range((id.value.clone(), String::new())..)
            .take_while(|((framework, _), _)| *framework == id.value)
            .map(|((_, role), _)| role.clone())
            .collect()
    }

    fn each_client(
        &mut self,
        id: &FrameworkId,
        roles: Option<&[String]>,
        mut change: impl FnMut(&mut Client),
    ) {
        let named = roles.unwrap_or_default();
        for role in self.roles_of(id) {
            if (named.is_empty() || named.contains(&role))
                && let Some(client) = self.client_mut(id, &role)
            {
                change(client);
            }
        }
    }

    fn client_mut(&mut self, id: &FrameworkId, role: &str) -> Option<&mut Client> {
        self.clients.get_mut(&(id.value.clone(), role.to_owned()))
    }
}

/// Neither a sliver of processor nor of memory alone is worth an offer.
fn is_allocatable(free: &Resources) -> bool {
    free.cpus() >= Scalar::from_thousandths(10)
        || free.mem_mib() >= Scalar::from_thousandths(32_000)
}

fn refusal(seconds: Option<f64>) -> Duration {
    match seconds {
        Some(seconds) if seconds >= 0.0 => {
            Duration::try_from_secs_f64(seconds).unwrap_or(MAX_REFUSAL).min(MAX_REFUSAL)
        }
        Some(_) | None => DEFAULT_REFUSAL,
    }
}

/// `from` without `what`, or `from` itself when, after a role came and went, it is not all there.
fn minus(from: &Resources, what: &Resources) -> Resources {
    from.checked_sub(what).unwrap_or_else(|| from.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn bundle(text: &str) -> Resources {
        text.parse().unwrap()
    }

    fn id(framework: &str) -> FrameworkId {
        framework.into()
    }

    fn cluster(frameworks: &[&str]) -> Allocator {
        let mut allocator = Allocator::new(Duration::from_secs(1));
        for framework in frameworks {
            let roles = BTreeSet::from(["*".to_owned()]);
            allocator.set_framework(&id(framework), &roles, &BTreeSet::new(), false);
            allocator.set_active(&id(framework), true);
        }
        allocator.add_agent(&"a".into(), &bundle("cpus:2;mem:1024"));
        allocator
    }

    fn give_back(allocator: &mut Allocator, allocation: &Allocation) {
        let Allocation { framework_id, role, agent_id, resources } = allocation;
        allocator.release(framework_id, role, agent_id, resources);
    }

    fn refuse(allocator: &mut Allocator, now: Duration, seconds: Option<f64>) -> Allocation {
        let given = allocator.allocate(now).remove(0);
        give_back(allocator, &given);
        allocator.refuse(now, &given, &given.resources, seconds);
        given
    }

    #[test]
    fn a_free_bundle_is_given_once() {
        let mut allocator = cluster(&["f"]);
        assert_eq!(allocator.allocate(NOW)[0].resources, bundle("cpus:2;mem:1024"));
        assert_eq!(allocator.allocate(NOW), vec![]);
    }

    #[test]
    fn a_refused_bundle_comes_back_when_the_filter_ends() {
        let mut allocator = cluster(&["f"]);
        refuse(&mut allocator, NOW, Some(60.0));
        assert!(allocator.allocate(NOW + Duration::from_secs(59)).is_empty());
        assert_eq!(allocator.allocate(NOW + Duration::from_secs(60)).len(), 1);
    }

    #[test]
    fn unset_and_negative_refusals_mean_five_seconds_and_zero_means_none() {
        for (seconds, withheld_seconds) in [(None, 5), (Some(-1.0), 5), (Some(0.3), 1)] {
            let mut allocator = cluster(&["f"]);
            refuse(&mut allocator, NOW, seconds);
            let end = NOW + Duration::from_secs(withheld_seconds);
            assert!(allocator.allocate(end - Duration::from_millis(1)).is_empty(), "{seconds:?}");
            assert_eq!(allocator.allocate(end).len(), 1, "{seconds:?}");
        }
        let mut allocator = cluster(&["f"]);
        refuse(&mut allocator, NOW, Some(0.0));
        assert_eq!(allocator.allocate(NOW).len(), 1);
    }

    #[test]
    fn more_than_was_refused_is_offered_despite_the_filter() {
        let mut allocator = cluster(&["f"]);
        let all = allocator.allocate(NOW).remove(0);
        let (task, rest) = (bundle("cpus:1;mem:512"), bundle("cpus:1;mem:512"));
        allocator.release(&id("f"), "*", &"a".into(), &rest);
        allocator.refuse(NOW, &all, &rest, Some(3600.0));
        assert!(allocator.allocate(NOW).is_empty());
        allocator.release(&id("f"), "*", &"a".into(), &task);
        assert_eq!(allocator.allocate(NOW)[0].resources, bundle("cpus:2;mem:1024"));
    }

    #[test]
    fn suppressing_stops_offers_and_reviving_ends_suppression_and_filters() {
        let mut allocator = cluster(&["f"]);
        refuse(&mut allocator, NOW, Some(3600.0));
        allocator.suppress(&id("f"), &[]);
        assert!(allocator.allocate(NOW + Duration::from_secs(7200)).is_empty());
        allocator.revive(&id("f"), &["other".to_owned()]);
        assert!(allocator.allocate(NOW).is_empty());
        allocator.revive(&id("f"), &["*".to_owned()]);
        assert_eq!(allocator.allocate(NOW).len(), 1);
    }

    #[test]
    fn what_one_framework_refuses_goes_to_another() {
        let mut allocator = cluster(&["f", "g"]);
        let refused = refuse(&mut allocator, NOW, None);
        let given = allocator.allocate(NOW).remove(0);
        assert_ne!(given.framework_id, refused.framework_id);
    }

    #[test]
    fn the_framework_that_holds_least_is_served_first() {
        let mut allocator = cluster(&["f", "g"]);
        let first = allocator.allocate(NOW).remove(0).framework_id;
        allocator.add_agent(&"b".into(), &bundle("cpus:2;mem:1024"));
        assert_ne!(allocator.allocate(NOW).remove(0).framework_id, first);
    }

    #[test]
    fn a_disconnected_framework_is_offered_nothing_and_returns_without_filters() {
        let mut allocator = cluster(&["f"]);
        refuse(&mut allocator, NOW, Some(3600.0));
        allocator.set_active(&id("f"), false);
        assert!(allocator.allocate(NOW).is_empty());
        allocator.set_active(&id("f"), true);
        assert_eq!(allocator.allocate(NOW).len(), 1);
    }

    #[test]
    fn agents_with_gpus_are_kept_for_those_who_ask_for_gpus() {
        let mut allocator = Allocator::new(Duration::from_secs(1));
        allocator.add_agent(&"g".into(), &bundle("cpus:1;mem:64;gpus:1"));
        let roles = BTreeSet::from(["*".to_owned()]);
        allocator.set_framework(&id("f"), &roles, &BTreeSet::new(), false);
        allocator.set_active(&id("f"), true);
        assert!(allocator.allocate(NOW).is_empty());
        allocator.set_framework(&id("f"), &roles, &BTreeSet::new(), true);
        assert_eq!(allocator.allocate(NOW).len(), 1);
    }
}
