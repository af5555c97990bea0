//! From a definition to a task on an agent.

use super::TaskDefinition;
use crate::discovery::Discovery;
use crate::operation;
use crate::resources::{Resources, Wanted};
use crate::v1::offer::Operation;
use crate::v1::{AgentId, Attribute, TaskId, TaskInfo};

/// An instance that has found its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// What is to be done before the launch: the creation of a persistent volume.
    pub before: Vec<Operation>,
    /// The task to launch.
    pub task: TaskInfo,
    /// What it leaves of the offer.
    pub left: Resources,
}

impl TaskDefinition {
    /// The id of a try at an instance, both from 1: `NAME.INSTANCE.ATTEMPT`.
    #[must_use]
    pub fn task_id(&self, instance: u32, attempt: u32) -> TaskId {
        format!("{}.{instance}.{attempt}", self.name).into()
    }

    /// Whether an agent with these attributes will do.
    #[must_use]
    pub fn admits(&self, attributes: &[Attribute]) -> bool {
        self.filters.iter().all(|filter| filter.holds(attributes))
    }

    /// A try at an instance, both from 1, on an agent that offers this; `None` if there is not
    /// enough. Attributes and strategy are not looked at.
    #[must_use]
    pub fn place(
        &self,
        agent: &AgentId,
        offered: &Resources,
        instance: u32,
        attempt: u32,
    ) -> Option<Placement> {
        let role = self.resources.role.as_deref().filter(|role| *role != "*");
        let usable = role.map_or_else(|| offered.clone(), |role| offered.reserved_for(role));
        let disk = match self.resources.disk.as_ref().filter(|disk| !disk.is_plain()) {
            Some(disk) => Some(disk.find(&usable, instance)?),
            None => None,
        };
        let rest = disk.as_ref().map_or(&usable, |disk| &disk.left);
        let (taken, _) = rest.take_wanted(&self.wanted())?;
        let ports: Vec<u16> =
            taken.ports().numbers().filter_map(|number| number.try_into().ok()).collect();
        let left = offered.checked_sub(&taken)?;
        let mut resources = taken.to_wire();
        let mut before = Vec::new();
        let Some(disk) = disk else {
            let task = self.task(agent, instance, attempt, resources, &ports);
            return Some(Placement { before, task, left });
        };
        let left = left.checked_sub(&usable.checked_sub(&disk.left)?)?;
        if disk.create {
            before.push(operation::create(vec![disk.used.clone()]));
        }
        resources.push(disk.used);
        let task = self.task(agent, instance, attempt, resources, &ports);
        Some(Placement { before, task, left })
    }

    fn wanted(&self) -> Wanted {
        let needs = &self.resources;
        let wanted = Wanted::new().cpus(needs.cpus).mem_mib(needs.mem).ports(needs.ports.into());
        match needs.disk.as_ref().filter(|disk| disk.is_plain()) {
            Some(disk) => wanted.disk_mib(disk.size),
            None => wanted,
        }
    }

    fn task(
        &self,
        agent: &AgentId,
        instance: u32,
        attempt: u32,
        resources: Vec<crate::v1::Resource>,
        ports: &[u16],
    ) -> TaskInfo {
        let labels = self.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
        TaskInfo {
            name: self.name.clone(),
            task_id: self.task_id(instance, attempt),
            agent_id: agent.clone(),
            resources,
            command: Some(self.command.info(&port_variables(ports))),
            container: self.container.as_ref().map(super::ContainerDefinition::message),
            health_check: self.healthcheck.as_ref().map(super::HealthDefinition::message),
            labels: (!self.labels.is_empty()).then(|| labels.collect()),
            discovery: (!ports.is_empty()).then(|| self.discovery(ports)),
            ..TaskInfo::default()
        }
    }

    fn discovery(&self, ports: &[u16]) -> crate::v1::DiscoveryInfo {
        let named = ports.iter().enumerate();
        let discovery = Discovery::cluster(&self.name);
        named.fold(discovery, |all, (n, port)| all.port(*port, format!("PORT{n}"), "tcp")).info()
    }
}

fn port_variables(ports: &[u16]) -> Vec<(String, String)> {
    let first = ports.first().map(|port| ("PORT".to_owned(), port.to_string()));
    let each = ports.iter().enumerate().map(|(n, port)| (format!("PORT{n}"), port.to_string()));
    first.into_iter().chain(each).collect()
}
