//! What operators see at the smaller endpoints.

use std::collections::BTreeMap;

use mesos::state::TaskStateExt as _;
use mesos::v1::{FrameworkId, TaskState};
use serde_json::{Map, Value, json};

use super::Master;
use super::framework::Framework;
use super::task::Task;
use super::view_parts::{resources_view, sum, task_view};
use crate::containerizer::environment::duration;

/// How many tasks are shown when nobody says.
const DEFAULT_LIMIT: usize = 100;

/// Which tasks are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct TasksWanted {
    pub(crate) framework_id: Option<String>,
    pub(crate) task_id: Option<String>,
    /// 100 unless said.
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
    /// The oldest first.
    pub(crate) ascending: bool,
}

impl Master {
    pub(super) fn tasks_view(&self, wanted: &TasksWanted) -> Value {
        let TasksWanted { framework_id, task_id, .. } = wanted;
        let frameworks = self.frameworks.values().chain(&self.completed);
        let mut tasks: Vec<(&FrameworkId, &Task)> = frameworks
            .filter(|framework| framework_id.as_ref().is_none_or(|id| framework.id.value == *id))
            .flat_map(|framework| all_tasks(framework).map(|task| (&framework.id, task)))
            .filter(|(_, task)| task_id.as_ref().is_none_or(|id| task.id.value == *id))
            .collect();
        tasks.sort_by(|(_, a), (_, b)| began(a).total_cmp(&began(b)));
        if !wanted.ascending {
            tasks.reverse();
        }
        let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
        let shown = tasks.into_iter().skip(wanted.offset).take(limit);
        let shown: Vec<Value> = shown.map(|(id, task)| task_view(id, task)).collect();
        json!({ "tasks": shown })
    }

    pub(super) fn roles_view(&self) -> Value {
        let mut roles: BTreeMap<&str, Vec<&Framework>> = BTreeMap::new();
        for framework in self.frameworks.values() {
            for role in &framework.roles {
                roles.entry(role).or_default().push(framework);
            }
        }
        let view = |(role, frameworks): (&str, Vec<&Framework>)| {
            let ids: Vec<&str> = frameworks.iter().map(|one| one.id.value.as_str()).collect();
            let tasks = frameworks.iter().flat_map(|framework| framework.tasks.values());
            let used = tasks.filter(|task| task.role == role && task.holds_resources);
            let executors = self.agents.values().flat_map(|agent| agent.executors.values());
            let executors = executors.filter(|executor| executor.role == role);
            let offers = self.offers.values().filter(|offer| offer.allocation.role == role);
            let held = used
                .map(|task| &task.resources)
                .chain(executors.map(|executor| &executor.resources))
                .chain(offers.map(|offer| &offer.allocation.resources));
            json!({
                "name": role,
                "weight": 1.0,
                "frameworks": ids,
                "resources": resources_view(&sum(held)),
            })
        };
        json!({ "roles": roles.into_iter().map(view).collect::<Vec<_>>() })
    }

    pub(super) fn summary_view(&self) -> Value {
        let frameworks: Vec<Value> =
            self.frameworks.values().map(|framework| self.framework_summary(framework)).collect();
        let agents: Vec<Value> =
            self.agents
                .values()
                .map(|agent| {
                    let mut view = self.agent_view(agent);
                    let owners: std::collections::BTreeSet<&str> =
                        agent.tasks.iter().map(|(owner, _)| owner.value.as_str()).collect();
                    if let Some(fields) = view.as_object_mut() {
                        fields.insert("framework_ids".to_owned(), json!(owners));
                        let tasks = agent.tasks.iter().filter_map(|(owner, task)| {
                            self.frameworks.get(owner)?.tasks.get(task)
                        });
                        fields.extend(counts(tasks));
                    }
                    view
                })
                .collect();
        json!({
            "hostname": self.identity.ip.to_string(),
            "cluster": "mesos-local",
            "slaves": agents,
            "frameworks": frameworks,
        })
    }

    fn framework_summary(&self, framework: &Framework) -> Value {
        let mut view = self.framework_view(framework);
        if let Some(fields) = view.as_object_mut() {
            for list in ["tasks", "unreachable_tasks", "completed_tasks", "executors", "offers"] {
                fields.remove(list);
            }
            let agents: std::collections::BTreeSet<&str> =
                framework.tasks.values().map(|task| task.agent_id.value.as_str()).collect();
            fields.insert("slave_ids".to_owned(), json!(agents));
            fields.extend(counts(all_tasks(framework)));
        }
        view
    }

    pub(super) fn flags_view(&self) -> Value {
        let settings = &self.settings;
        json!({
            "allocation_interval": duration(settings.allocation_interval),
            "agent_ping_timeout": duration(settings.agent_ping_timeout),
            "max_agent_ping_timeouts": settings.max_agent_ping_timeouts.to_string(),
            "agent_reregister_timeout": duration(settings.agent_reregister_timeout),
            "port": self.identity.port.to_string(),
        })
    }
}

fn all_tasks(framework: &Framework) -> impl Iterator<Item = &Task> {
    let Framework { tasks, unreachable_tasks, completed_tasks, .. } = framework;
    tasks.values().chain(unreachable_tasks.values()).chain(completed_tasks)
}

/// When something was first heard of the task; never is last.
fn began(task: &Task) -> f64 {
    task.statuses.first().map_or(f64::INFINITY, mesos::v1::TaskStatus::timestamp)
}

/// How many tasks there are in each state.
fn counts<'a>(tasks: impl Iterator<Item = &'a Task>) -> Map<String, Value> {
    let states = [
        TaskState::TaskStaging,
        TaskState::TaskStarting,
        TaskState::TaskRunning,
        TaskState::TaskKilling,
        TaskState::TaskFinished,
        TaskState::TaskKilled,
        TaskState::TaskFailed,
        TaskState::TaskLost,
        TaskState::TaskError,
        TaskState::TaskUnreachable,
    ];
    let mut counts: BTreeMap<&str, u64> = states.map(|state| (state.name(), 0)).into();
    for task in tasks {
        *counts.entry(task.state.name()).or_default() += 1;
    }
    counts.into_iter().map(|(name, count)| (name.to_owned(), json!(count))).collect()
}
