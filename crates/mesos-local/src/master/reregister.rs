//! Agents that cannot be heard, and agents that return.

use std::collections::HashSet;

use mesos::state::TaskStateExt as _;
use mesos::v1::task_status::Reason;
use mesos::v1::{AgentId, ExecutorInfo, FrameworkId, FrameworkInfo, TaskId, TaskState};

use super::Master;
use super::agent::{Agent, Executor};
use super::framework::Framework;
use super::resource_validation::{bundle, role_of};
use super::roles;
use super::task::Task;
use super::timers::Timer;
use super::updates::Verdict;
use crate::messages::{Returning, ReturningTask, ToAgent};

impl Master {
    /// The agent's connection is gone: nothing of it is offered, and frameworks that do not
    /// checkpoint lose what they have there.
    pub(super) fn disconnect_agent(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get_mut(&id.value) else { return };
        agent.is_connected = false;
        let offers: Vec<_> = agent.offers.iter().cloned().collect();
        let owners: HashSet<FrameworkId> = agent
            .tasks
            .iter()
            .map(|(owner, _)| owner)
            .chain(agent.executors.keys().map(|(owner, _)| owner))
            .cloned()
            .collect();
        self.allocator.set_agent_active(id, false);
        for offer in &offers {
            self.rescind_offer(offer);
        }
        for owner in owners {
            let framework = self.frameworks.get(&owner);
            if framework.is_some_and(|framework| !framework.info.checkpoint()) {
                self.remove_framework_from(id, &owner);
            }
        }
        self.miss_agent(id);
    }

    /// Nothing is heard of the agent from now on; it is given up unless it is heard in time.
    pub(super) fn miss_agent(&mut self, id: &AgentId) {
        let settings = &self.settings;
        let wait = settings.agent_ping_timeout * settings.max_agent_ping_timeouts;
        if let Some(agent) = self.agents.get_mut(&id.value) {
            agent.silences += 1;
            let timer = Timer::Silence { agent_id: id.clone(), silence: agent.silences };
            self.timers.set(self.now + wait, timer);
        }
    }

    /// A silent agent is heard again. If it was given up meanwhile, it must register again.
    pub(super) fn hear_agent(&mut self, id: &AgentId) {
        match self.agents.get_mut(&id.value) {
            Some(agent) => agent.silences += 1,
            None => self.outputs.push(super::Output::Agent(id.clone(), ToAgent::Reregister)),
        }
    }

    pub(super) fn on_silence(&mut self, id: &AgentId, silence: u64) {
        if self.agents.get(&id.value).is_some_and(|agent| agent.silences == silence) {
            self.lose_agent(id);
        }
    }

    /// An agent of an earlier master did not return. Nobody knows its tasks.
    pub(super) fn give_up_recovered(&mut self, id: &AgentId) {
        if self.recovered.remove(&id.value).is_some() {
            let now = self.unix_seconds();
            self.unreachable.insert(id.clone(), now);
            self.announce_failure(id);
        }
    }

    fn remove_framework_from(&mut self, agent_id: &AgentId, id: &FrameworkId) {
        let Some(agent) = self.agents.get_mut(&agent_id.value) else { return };
        let tasks: Vec<TaskId> =
            agent.tasks.iter().filter(|(of, _)| of == id).map(|(_, task)| task.clone()).collect();
        agent.tasks.retain(|(of, _)| of != id);
        let own: Vec<_> = agent.executors.keys().filter(|(of, _)| of == id).cloned().collect();
        for key in own {
            if let Some(executor) = agent.executors.remove(&key) {
                self.allocator.release(id, &executor.role, agent_id, &executor.resources);
            }
        }
        for task_id in tasks {
            self.lose_task_for_good(id, agent_id, &task_id);
        }
    }

    fn lose_task_for_good(&mut self, id: &FrameworkId, agent_id: &AgentId, task_id: &TaskId) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        let Some(mut task) = framework.tasks.remove(task_id) else { return };
        self.stop_holding(id, &mut task);
        let was_over = task.state.is_terminal();
        let verdict = Verdict {
            state: TaskState::TaskLost,
            reason: Reason::AgentDisconnected,
            message: format!("Agent {agent_id} disconnected"),
        };
        let status = self.status_of(id, task_id, Some(agent_id), &verdict);
        if !was_over {
            task.record(&status);
        }
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.remember_completed(task);
        }
        if !was_over {
            self.metrics.count_end(TaskState::TaskLost);
            self.send_update(id, status);
        }
    }

    /// The agent is back, with what it runs.
    pub(super) fn reregister_agent(&mut self, id: &AgentId, returning: Returning) {
        let was_recovered = self.recovered.remove(&id.value).is_some();
        let was_unreachable = self.unreachable.remove(id).is_some();
        let is_known = self.agents.contains_key(&id.value);
        let now = self.unix_seconds();
        if !is_known {
            let agent = Agent::new(id.clone(), returning.info.clone(), now);
            self.allocator.add_agent(id, &agent.total);
            self.agents.insert(id.value.clone(), agent);
        }
        if let Some(agent) = self.agents.get_mut(&id.value) {
            agent.is_connected = true;
            agent.silences += 1;
            agent.reregistered_unix_seconds = Some(now);
        }
        self.allocator.set_agent_active(id, true);
        let news = if was_unreachable { "Unreachable" } else { "Unknown" };
        let news = (!is_known && !was_recovered).then_some(news);
        self.take_back(id, returning, news);
        self.send_waiting_kills(id);
        self.must_allocate |= !is_known;
    }

    fn take_back(&mut self, id: &AgentId, returning: Returning, news: Option<&str>) {
        let Returning { frameworks, executors, tasks, .. } = returning;
        let named = tasks.iter().map(|task| (task.framework_id.clone(), task.info.task_id.clone()));
        self.ask_about_others(id, &named.collect());
        self.drop_other_executors(id, &executors);
        for framework in frameworks {
            self.meet_framework(id, framework);
        }
        for executor in executors {
            self.take_back_executor(id, executor);
        }
        for task in tasks {
            self.take_back_task(id, task, news);
        }
    }

    /// A framework that has something on the agent: ended, known, or of an earlier master.
    fn meet_framework(&mut self, agent_id: &AgentId, info: FrameworkInfo) {
        let Some(id) = info.id.clone() else { return };
        if self.completed.iter().any(|framework| framework.id == id) {
            return self.tell_agent(agent_id, ToAgent::ShutdownFramework(id));
        }
        if let Some(framework) = self.frameworks.get(&id) {
            let current = Box::new(framework.info.clone());
            return self.tell_agent(agent_id, ToAgent::FrameworkSubscribed(current));
        }
        let Ok(roles) = roles::roles_of(&info) else { return };
        let now = self.unix_seconds();
        let mut framework = Framework::new(id.clone(), info, roles.clone(), now);
        framework.is_recovered = true;
        self.allocator.set_framework(&id, &roles, &roles::none(), framework.wishes());
        self.frameworks.insert(id, framework);
    }

    fn take_back_executor(&mut self, agent_id: &AgentId, info: ExecutorInfo) {
        let Some(id) = info.framework_id.clone() else { return };
        let Some(framework) = self.frameworks.get(&id) else { return };
        let Some(agent) = self.agents.get_mut(&agent_id.value) else { return };
        let key = (id.clone(), info.executor_id.clone());
        if let Some(known) = agent.executors.get_mut(&key) {
            known.is_started = true;
            return;
        }
        let fallback = framework.roles.first().map(String::as_str);
        let role = role_of(&info.resources).or(fallback).unwrap_or("*").to_owned();
        let resources = bundle(&info.resources);
        self.allocator.hold(&id, &role, agent_id, &resources);
        agent.executors.insert(key, Executor { info, role, resources, is_started: true });
    }

    fn take_back_task(&mut self, agent_id: &AgentId, returning: ReturningTask, news: Option<&str>) {
        let ReturningTask { framework_id: id, info, latest_state, sent } = returning;
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        if framework.tasks.contains_key(&info.task_id) {
            return;
        }
        framework.unreachable_tasks.remove(&info.task_id);
        let role = role_of(&info.resources).or(framework.roles.first().map(String::as_str));
        let role = role.unwrap_or("*").to_owned();
        let mut task = Task::new(&info, role, bundle(&info.resources));
        task.state = sent.as_ref().map_or(latest_state, mesos::v1::TaskStatus::state);
        task.statuses.extend(sent);
        task.holds_resources = !latest_state.is_terminal();
        if task.holds_resources {
            self.allocator.hold(&id, &task.role, agent_id, &task.resources);
        }
        let (task_id, state) = (info.task_id, task.state);
        framework.tasks.insert(task_id.clone(), task);
        if let Some(agent) = self.agents.get_mut(&agent_id.value) {
            agent.tasks.insert((id.clone(), task_id.clone()));
        }
        if let Some(news) = news {
            let message = format!("{news} agent re-registered");
            let verdict = Verdict { state, reason: Reason::AgentReregistered, message };
            self.send_verdict(&id, &task_id, Some(agent_id), &verdict);
        }
    }

    /// Asks for an end of the tasks that the agent should have and did not name.
    fn ask_about_others(&mut self, id: &AgentId, named: &HashSet<(FrameworkId, TaskId)>) {
        let Some(agent) = self.agents.get(&id.value) else { return };
        let mut asked: Vec<ToAgent> = Vec::new();
        for (framework_id, task_id) in agent.tasks.difference(named) {
            let Some(framework) = self.frameworks.get(framework_id) else { continue };
            let executor = framework.tasks.get(task_id).and_then(|task| task.executor_id.clone());
            asked.push(ToAgent::UnknownTasks {
                framework: Box::new(framework.info.clone()),
                tasks: vec![(task_id.clone(), executor)],
            });
        }
        for message in asked {
            self.tell_agent(id, message);
        }
    }

    fn drop_other_executors(&mut self, id: &AgentId, named: &[ExecutorInfo]) {
        let Some(agent) = self.agents.get_mut(&id.value) else { return };
        let is_named = |(framework, executor): &(FrameworkId, mesos::v1::ExecutorId)| {
            named.iter().any(|one| {
                one.framework_id.as_ref() == Some(framework) && one.executor_id == *executor
            })
        };
        let gone: Vec<_> = agent.executors.keys().filter(|key| !is_named(key)).cloned().collect();
        for key in gone {
            if let Some(executor) = agent.executors.remove(&key) {
                self.allocator.release(&key.0, &executor.role, id, &executor.resources);
            }
        }
    }

    fn send_waiting_kills(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get_mut(&id.value) else { return };
        for (framework_id, task_id, policy) in std::mem::take(&mut agent.kills) {
            self.tell_agent(id, ToAgent::Kill { framework_id, task_id, policy });
        }
    }
}
