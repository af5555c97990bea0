//! Tasks described in a JSON file: what to run, with what, where, and what to do when it ends.
//!
//! ```
//! use mesos::definition::Definition;
//! let text = r#"{ "tasks": [{
//!     "name": "web",
//!     "instances": 2,
//!     "resources": { "cpus": 0.5, "mem": 64, "ports": 1 },
//!     "command": { "cmd": "python3 -m http.server $PORT0" },
//!     "filters": [{ "name": "rack", "type": "text", "value": ["a", "b"] }]
//! }] }"#;
//! let definition = Definition::from_json(text)?;
//! assert_eq!(definition.tasks[0].instances.get(), 2);
//!
//! let wrong = text.replace("0.5", "-1");
//! let error = Definition::from_json(&wrong).unwrap_err();
//! assert!(error.to_string().starts_with("tasks[0].resources.cpus: "));
//! # Ok::<(), mesos::definition::DefinitionError>(())
//! ```
//!
//! A field that is not known is an error, and nothing that is written is left out in silence.
//! The format is the one of other frameworks (`cpu`, `health_check`, `execute` and the like are
//! understood too); every field is described at the type that it becomes, from
//! [`TaskDefinition`] on. [`Runner`] decides what to do with the tasks as offers and updates
//! come.

mod command;
mod container;
mod disk;
mod fields;
mod filter;
mod health;
mod place;
mod retry;
mod runner;
mod strategy;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde::Deserialize;

use crate::resources::Scalar;
use crate::v1::FrameworkInfo;
use crate::v1::framework_info::{Capability, capability};
pub use command::{CommandDefinition, UriDefinition};
pub use container::{
    ContainerDefinition, ContainerKind, DockerVolume, IpAddress, NetworkDefinition, PortMapping,
    Protocol, VolumeDefinition, VolumeMode, VolumeSource, VolumeSourceKind,
};
pub use disk::{DiskDefinition, DiskSource, DiskSourceKind, Persistence, PersistentVolume};
use fields::Fault;
pub use filter::{AttributeKind, Filter, FilterValue};
pub use health::{HealthDefinition, HealthKind, HttpCheck, TcpCheck};
pub use place::Placement;
pub use retry::{Restart, Retry};
pub use runner::{Decision, Reaction, Runner};
pub use strategy::{Effort, Strategy, StrategyKind};

/// A file of task definitions: `{"tasks": […]}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The tasks, each with a name of its own.
    pub tasks: Vec<TaskDefinition>,
}

/// One kind of task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskDefinition {
    /// The name, and the first part of the ids of its tasks. At most 200 bytes; no slashes.
    #[serde(deserialize_with = "fields::name")]
    pub name: String,
    /// How many of it run at once. Default: 1.
    #[serde(default = "one")]
    pub instances: NonZeroU32,
    /// What each instance takes.
    pub resources: ResourcesDefinition,
    /// What each instance runs.
    pub command: CommandDefinition,
    /// The container it runs in. Default: the agent's own file system.
    #[serde(default)]
    pub container: Option<ContainerDefinition>,
    /// How Mesos sees that it works. Default: by its process alone.
    #[serde(default, alias = "health_check")]
    pub healthcheck: Option<HealthDefinition>,
    /// Labels of each instance, as the master shows them.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What an agent's attributes must be; all filters must hold. Default: any agent.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// What happens when an instance ends.
    #[serde(default)]
    pub retry: Retry,
    /// How the instances are spread over agents.
    #[serde(default)]
    pub strategy: Strategy,
}

/// What an instance takes of an agent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourcesDefinition {
    /// Processors, in cores; more than nothing.
    #[serde(alias = "cpu", deserialize_with = "fields::amount")]
    pub cpus: Scalar,
    /// Memory, in MiB; more than nothing.
    #[serde(deserialize_with = "fields::amount")]
    pub mem: Scalar,
    /// Disk. Default: none.
    #[serde(default)]
    pub disk: Option<DiskDefinition>,
    /// How many ports. The command finds them in `PORT0`, `PORT1`, …, and `PORT` is the
    /// first. Default: 0.
    #[serde(default)]
    pub ports: u16,
    /// Only resources that are reserved for this role, which the framework must have.
    /// Default, and `*`: any that are offered.
    #[serde(default)]
    pub role: Option<String>,
}

/// Where a definition is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct DefinitionError {
    /// The place, such as `tasks[2].resources.cpus`; `.` is the whole text.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    ///
    /// The first thing that is not JSON, not known, or cannot work, with its path.
    pub fn from_json(text: &str) -> Result<Self, DefinitionError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let definition: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            // Within what is no JSON, the last part of the path is not known.
            let path = error.path().to_string();
            let path = path.trim_end_matches(['?', '.']);
            let path = if path.is_empty() { "." } else { path }.to_owned();
            DefinitionError { path, message: error.inner().to_string() }
        })?;
        json.end().map_err(|error| DefinitionError {
            path: ".".to_owned(),
            message: error.to_string(),
        })?;
        match definition.check() {
            Ok(()) => Ok(definition),
            Err(Fault { path, message }) => Err(DefinitionError { path, message }),
        }
    }

    /// A framework that can run these tasks: with the roles that they name, and `*`.
    #[must_use]
    pub fn framework(&self, name: impl Into<String>, user: impl Into<String>) -> FrameworkInfo {
        let named = self.tasks.iter().filter_map(|task| task.resources.role.clone());
        let roles: BTreeSet<String> = named.chain(["*".to_owned()]).collect();
        let capabilities = [capability::Type::MultiRole, capability::Type::ReservationRefinement];
        FrameworkInfo {
            name: name.into(),
            user: user.into(),
            roles: roles.into_iter().collect(),
            capabilities: capabilities.map(|kind| Capability { r#type: Some(kind.into()) }).into(),
            ..FrameworkInfo::default()
        }
    }

    fn check(&self) -> Result<(), Fault> {
        if self.tasks.is_empty() {
            return Err(Fault::at("tasks", "there is no task in it"));
        }
        for (index, task) in self.tasks.iter().enumerate() {
            let here = format!("tasks[{index}]");
            if let Some(other) = self.tasks.iter().take(index).position(|t| t.name == task.name) {
                let text = format!("'{}' is the name of tasks[{other}] too", task.name);
                return Err(Fault::at("name", text).within(&here));
            }
            task.check().map_err(|fault| fault.within(&here))?;
        }
        Ok(())
    }
}

impl TaskDefinition {
    fn check(&self) -> Result<(), Fault> {
        self.command.check().map_err(|fault| fault.within("command"))?;
        if let Some(disk) = &self.resources.disk {
            disk.check().map_err(|fault| fault.within("disk").within("resources"))?;
        }
        if let Some(container) = &self.container {
            container.check().map_err(|fault| fault.within("container"))?;
        }
        if let Some(health) = &self.healthcheck {
            health.check().map_err(|fault| fault.within("healthcheck"))?;
        }
        for (index, filter) in self.filters.iter().enumerate() {
            filter.check().map_err(|fault| fault.within(&format!("filters[{index}]")))?;
        }
        Ok(())
    }
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

#[cfg(test)]
mod tests;
