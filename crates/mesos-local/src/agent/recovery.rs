//! How does an agent come back, and how does it register again?

use std::time::Duration;

use mesos::state::TaskStateExt as _;
use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorId, ExecutorInfo, FrameworkInfo, TaskId, TaskInfo, TaskState};

use super::checkpoint::{Checkpoint, KeptFramework};
use super::executors;
use super::inventory::Agent;
use super::outbox::{Output, Signal, from_agent};
use super::state::{Executor, Framework, Phase, dropped_state};
use crate::messages::{FromAgent, Returning, ReturningTask};

/// What would survive if the agent's process ended now.
pub(super) fn checkpoint(agent: &Agent) -> Checkpoint {
    let keeps = |framework: &&Framework| framework.info.checkpoint() && !framework.is_terminating;
    let keep = |framework: &Framework| {
        let id = framework.info.id.clone().unwrap_or_default().value;
        KeptFramework::of(framework, agent.outbox.updates.keep(&id))
    };
    Checkpoint {
        frameworks: agent.frameworks.values().filter(keeps).map(keep).collect(),
        resources: agent.outbox.identity.info.resources.clone(),
    }
}

/// Takes over what an earlier process left. Until its executors are back, or the time for
/// that is over, the agent is recovering and has no master.
pub(super) fn restore(agent: &mut Agent, now: Duration, checkpoint: Checkpoint) {
    let until = now + agent.outbox.settings.executor_reregistration_timeout;
    if !checkpoint.resources.is_empty() {
        agent.outbox.identity.info.resources = checkpoint.resources;
    }
    let kept = checkpoint.frameworks.into_iter();
    for (framework, updates) in kept.filter_map(|kept| kept.restore(until)) {
        let id = framework.info.id.clone().unwrap_or_default().value;
        for kept in updates {
            agent.outbox.updates.restore(&id, kept);
        }
        agent.frameworks.insert(id, framework);
    }
    agent.is_recovering = true;
    finish_if_ready(agent, now);
}

/// Ends the recovery once no executor is awaited.
pub(super) fn finish_if_ready(agent: &mut Agent, now: Duration) {
    let mut executors = agent.frameworks.values().flat_map(|one| one.executors.values());
    let is_awaited = executors.any(|one| matches!(one.phase, Phase::Reregistering { .. }));
    if agent.is_recovering && !is_awaited {
        agent.is_recovering = false;
        register_again(agent, now);
    }
}

/// Tells a master what there is, and sends again what was not acknowledged.
pub(super) fn register_again(agent: &mut Agent, now: Duration) {
    let returning = Box::new(returning(agent));
    agent.outbox.tell_master(FromAgent::Reregistered(returning));
    let ids: Vec<String> = agent.frameworks.keys().cloned().collect();
    for id in ids {
        let oldest = agent.outbox.updates.resend(now, &id);
        agent.outbox.forward(oldest);
    }
}

/// Reports the end of tasks that the master counts and nobody here knows.
pub(super) fn deny(
    agent: &mut Agent,
    now: Duration,
    framework: &FrameworkInfo,
    tasks: Vec<(TaskId, Option<ExecutorId>)>,
) {
    let id = framework.id.clone().unwrap_or_default();
    for (task_id, executor_id) in tasks {
        let known = agent.frameworks.get_mut(&id.value);
        let is_known = known.is_some_and(|one| one.executor_of(&task_id).is_some());
        if is_known {
            continue;
        }
        let message = "Reconciliation: Task is unknown to the agent";
        let state = dropped_state(framework);
        let mut status = from_agent(task_id, state, Reason::Reconciliation, message);
        status.executor_id = executor_id;
        agent.outbox.update(now, &id, status);
    }
}

fn returning(agent: &Agent) -> Returning {
    let mut returning =
        Returning { info: agent.outbox.identity.info.clone(), ..Returning::default() };
    for framework in agent.frameworks.values().filter(|one| !one.is_terminating) {
        returning.frameworks.push(FrameworkInfo::clone(&framework.info));
        for executor in framework.executors.values() {
            if executor.is_custom() && executor.has_process() {
                returning.executors.push(ExecutorInfo::clone(&executor.info));
            }
            returning.tasks.extend(tasks(agent, &framework.info, executor));
        }
    }
    returning
}

fn tasks<'a>(
    agent: &'a Agent,
    framework: &'a FrameworkInfo,
    executor: &'a Executor,
) -> impl Iterator<Item = ReturningTask> + 'a {
    let id = framework.id.clone().unwrap_or_default();
    let live = executor.live.values().map(|task| (&*task.info, task.state));
    let queued = executor.queued.iter().map(|task| (task, TaskState::TaskStaging));
    let done = executor.done.values().filter_map(|ended| ended.task.as_ref());
    let done = done.map(|task| (&*task.info, TaskState::TaskLost));
    let updates = &agent.outbox.updates;
    live.chain(queued).chain(done).filter_map(move |(info, state): (&TaskInfo, TaskState)| {
        let newest = updates.newest(&id.value, &info.task_id.value);
        let (sent, latest_state) = newest.unwrap_or((None, state));
        // An end that was acknowledged is nobody's business any more.
        let is_over = latest_state.is_terminal() && sent.is_none();
        (!is_over).then(|| ReturningTask {
            framework_id: id.clone(),
            info: TaskInfo { data: None, ..info.clone() },
            latest_state,
            sent: sent.cloned(),
        })
    })
}

/// Ends at once, without a word to anybody, what would not survive the agent's process.
pub(super) fn orphans(agent: &Agent) -> Vec<Output> {
    let left = agent.frameworks.values().filter(|framework| !framework.info.checkpoint());
    let executors = left.flat_map(|framework| framework.executors.values());
    executors
        .filter(|executor| executors::has_container(executor))
        .map(|executor| Output::Signal {
            container_id: executor.container_id.clone(),
            signal: Signal::Kill,
        })
        .collect()
}
