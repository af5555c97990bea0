//! Executors on agents: they hold resources from their first task to their end.

use mesos::v1::{AgentId, ExecutorId, ExecutorInfo, FrameworkId, TaskId};

use super::Master;
use super::agent::Executor;
use super::agents::failure;
use super::resource_validation::bundle;

impl Master {
    /// Most executors are known since the launch of their first task; one that is not,
    /// and is not the built-in one of a command task, is counted from now on.
    pub(super) fn on_executor_started(
        &mut self,
        agent_id: &AgentId,
        id: &FrameworkId,
        info: ExecutorInfo,
    ) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let Some(agent) = self.agents.get_mut(&agent_id.value) else { return };
        let task = framework.tasks.get(&TaskId::from(info.executor_id.value.as_str()));
        let is_built_in = task.is_some_and(|task| task.executor_id.is_none());
        let key = (id.clone(), info.executor_id.clone());
        if let Some(known) = agent.executors.get_mut(&key) {
            known.is_started = true;
            return;
        }
        if is_built_in {
            return;
        }
        let Some(role) = framework.roles.first().cloned() else { return };
        let resources = bundle(&info.resources);
        self.allocator.hold(id, &role, agent_id, &resources);
        agent.executors.insert(key, Executor { info, role, resources, is_started: true });
    }

    pub(super) fn on_executor_exited(
        &mut self,
        agent_id: &AgentId,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        status: i32,
    ) {
        let Some(agent) = self.agents.get_mut(&agent_id.value) else { return };
        let key = (id.clone(), executor_id.clone());
        let Some(executor) = agent.executors.remove(&key) else { return };
        self.allocator.release(id, &executor.role, agent_id, &executor.resources);
        self.send(id, failure(agent_id, Some(executor_id), Some(status)));
    }

    /// A task has ended on an executor: if the agent refused to start that executor, it
    /// will not say so again, and nothing of it remains.
    pub(super) fn forget_unstarted_executor(
        &mut self,
        agent_id: &AgentId,
        id: &FrameworkId,
        executor_id: &ExecutorId,
    ) {
        let Some(agent) = self.agents.get_mut(&agent_id.value) else { return };
        let key = (id.clone(), executor_id.clone());
        if agent.executors.get(&key).is_some_and(|executor| !executor.is_started)
            && let Some(executor) = agent.executors.remove(&key)
        {
            self.allocator.release(id, &executor.role, agent_id, &executor.resources);
        }
    }

    /// Frees what all executors of a framework hold.
    pub(super) fn release_executors(&mut self, id: &FrameworkId) {
        for agent in self.agents.values_mut() {
            let own: Vec<_> =
                agent.executors.keys().filter(|(owner, _)| owner == id).cloned().collect();
            for key in own {
                if let Some(executor) = agent.executors.remove(&key) {
                    self.allocator.release(id, &executor.role, &agent.id, &executor.resources);
                }
            }
        }
    }
}
