//! What does the built-in executor of a task with a command say?

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use mesos::v1::framework_info::capability;
use mesos::v1::task_status::Source;
use mesos::v1::{ExecutorInfo, FrameworkId, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};

use super::events::HEARTBEAT;
use super::outbox::{Outbox, Signal};
use super::state::{Executor, Framework, Kind, Phase, can};

/// How long a killed command may take to end unless a policy says otherwise.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// The executor that stands for a task without one: its id is the task's.
pub(super) fn executor_of(task: &TaskInfo) -> ExecutorInfo {
    ExecutorInfo {
        executor_id: task.task_id.value.clone().into(),
        name: Some(format!("Command Executor (Task: {})", task.task_id)),
        command: task.command.clone(),
        resources: task.resources.clone(),
        ..ExecutorInfo::default()
    }
}

/// Whether the framework wants to hear of TASK_KILLING.
pub(super) fn can_say_killing(framework: &Framework) -> bool {
    can(&framework.info, capability::Type::TaskKillingState)
}

/// The command runs; `owner` is the framework if it still wants to know.
pub(super) fn started(
    now: Duration,
    owner: Option<&FrameworkId>,
    executor: &mut Executor,
    outbox: &mut Outbox,
) {
    if executor.is_custom() || !matches!(executor.phase, Phase::Registering { .. }) {
        return;
    }
    executor.phase = Phase::Running { heartbeat_at: now + HEARTBEAT };
    for task in std::mem::take(&mut executor.queued) {
        let task_id = task.task_id.clone();
        executor.deliver(task);
        for state in [TaskState::TaskStarting, TaskState::TaskRunning] {
            say(now, owner, executor, &task_id, state, None, outbox);
        }
    }
}

/// Asks the command to end.
pub(super) fn kill(
    now: Duration,
    killing: Option<&FrameworkId>,
    executor: &mut Executor,
    policy: Option<KillPolicy>,
    outbox: &mut Outbox,
) {
    let Some(task) = executor.live.values().next() else { return };
    let grace = grace_of(policy.or(task.info.kill_policy));
    let task_id = task.info.task_id.clone();
    executor.kind = Kind::Command { is_killed: true };
    executor.phase = Phase::Terminating { kill_at: now + grace, blame: None };
    if killing.is_some() {
        say(now, killing, executor, &task_id, TaskState::TaskKilling, None, outbox);
    }
    outbox.signal(&executor.container_id, Signal::Terminate);
}

fn grace_of(policy: Option<KillPolicy>) -> Duration {
    policy
        .and_then(|policy| policy.grace_period)
        .and_then(|period| u64::try_from(period.nanoseconds).ok())
        .map_or(KILL_GRACE, Duration::from_nanos)
}

/// The command has ended.
pub(super) fn ended(
    now: Duration,
    owner: Option<&FrameworkId>,
    executor: &mut Executor,
    status: Option<i32>,
    outbox: &mut Outbox,
) {
    let Kind::Command { is_killed } = executor.kind else { return };
    let status = status.map(ExitStatus::from_raw);
    let state = match (status, is_killed) {
        (_, true) => TaskState::TaskKilled,
        (Some(status), false) if status.success() => TaskState::TaskFinished,
        (Some(_), false) => TaskState::TaskFailed,
        (None, false) => return,
    };
    let message = status.map_or_else(|| "Command ended".to_owned(), describe);
    for task_id in executor.end_tasks() {
        say(now, owner, executor, &task_id, state, Some(message.clone()), outbox);
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("Command exited with status {code}"),
        (None, Some(15)) => "Command terminated with signal Terminated".to_owned(),
        (None, Some(9)) => "Command terminated with signal Killed".to_owned(),
        (None, Some(signal)) => format!("Command terminated with signal {signal}"),
        (None, None) => "Command ended in an unknown way".to_owned(),
    }
}

fn say(
    now: Duration,
    owner: Option<&FrameworkId>,
    executor: &Executor,
    task_id: &TaskId,
    state: TaskState,
    message: Option<String>,
    outbox: &mut Outbox,
) {
    let Some(framework_id) = owner else { return };
    let status = TaskStatus {
        task_id: task_id.clone(),
        state: state.into(),
        source: Some(Source::Executor.into()),
        executor_id: Some(executor.info.executor_id.clone()),
        container_status: Some(outbox.container_status(&executor.container_id)),
        message,
        ..TaskStatus::default()
    };
    outbox.update(now, framework_id, status);
}
