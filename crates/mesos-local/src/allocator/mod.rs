//! Who is offered what, and when.
//!
//! Coarse-grained like the master's own: an agent's whole free bundle goes to one
//! role of one framework, the one with the smallest dominant share that neither
//! suppressed its offers nor filtered this bundle. Nothing here does I/O.

mod filters;
mod least;
mod share;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::{AgentId, FrameworkId, OfferFilters};

use filters::Filters;
use least::Least;
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

/// What a framework says of the offers it wants, beside its roles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes<'a> {
    /// Whether it is to be offered agents with GPUs.
    pub(crate) takes_gpus: bool,
    /// What offers must have at least, by role.
    pub(crate) filters: &'a BTreeMap<String, OfferFilters>,
}

/// One role of one framework.
#[derive(Debug, Default)]
struct Client {
    active: bool,
    suppressed: bool,
    takes_gpus: bool,
    least: Least,
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
        wishes: Wishes<'_>,
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
            client.takes_gpus = wishes.takes_gpus;
            client.least = Least::of(wishes.filters.get(role));
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

    /// Notes that what the framework's role holds of the agent, and the agent has, changed.
    pub(crate) fn convert(
        &mut self,
        id: &FrameworkId,
        role: &str,
        agent: &AgentId,
        from: &Resources,
        to: &Resources,
    ) {
        if let Some(agent) = self.agents.get_mut(&agent.value) {
            agent.total = minus(&agent.total, from).plus(to);
        }
        self.total = minus(&self.total, from).plus(to);
        if let Some(client) = self.client_mut(id, role) {
            client.held = minus(&client.held, from).plus(to);
        }
    }

    /// Gives every free bundle to whoever has least and wants it.
    pub(crate) fn allocate(&mut self, now: Duration) -> Vec<Allocation> {
        self.runs += 1;
        let agents: Vec<String> = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.active)
            .map(|(id, _)| id.clone())
            .collect();
        let mut allocations = Vec::new();
        for agent in agents {
            // What one may not have, as it is reserved, may be another's.
            while let Some(allocation) = self.give(now, &agent) {
                allocations.push(allocation);
            }
        }
        allocations
    }

    fn give(&mut self, now: Duration, id: &str) -> Option<Allocation> {
        let agent = self.agents.get(id)?;
        let has_gpus = !agent.total.scalar("gpus").is_zero();
        let (free, total) = (&agent.free, &self.total);
        let wanting = self.clients.iter_mut().filter_map(|(key, client)| {
            if !client.active || client.suppressed || (has_gpus && !client.takes_gpus) {
                return None;
            }
            let bundle = free.usable_by(&key.1);
            let wants =
                client.least.is_met_by(&bundle) && !client.filters.withhold(id, &bundle, now);
            wants.then(|| (dominant_share(&client.held, total), key, bundle))
        });
        let (_, (framework, role), resources) = wanting.min_by(|a, b| a.0.total_cmp(&b.0))?;
        let allocation = Allocation {
            framework_id: framework.as_str().into(),
            role: role.clone(),
            agent_id: id.into(),
            resources,
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
