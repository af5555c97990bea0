//! How does an executor begin, get its tasks and end?

use std::time::Duration;

use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorInfo, FrameworkId, FrameworkInfo, TaskId, TaskState};

use super::outbox::{Launch, Outbox, Output, Signal, from_agent};
use super::state::{Blame, Executor, Framework, Kind, Phase, dropped_state, gone_state};
use super::work::Work;
use super::{commands, events};
use crate::containerizer::{environment, sandbox};
use crate::messages::FromAgent;

/// How long an executor may take to end when the whole agent ends.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(2);

/// Gives tasks to their executor, which is started if it is not there.
pub(super) fn run(now: Duration, framework: &mut Framework, work: Work, outbox: &mut Outbox) {
    let Some(first) = work.first() else { return };
    let (info, kind) = match first.executor.clone() {
        Some(info) => (info, Kind::Custom),
        None => (commands::executor_of(first), Kind::Command { is_killed: false }),
    };
    let dropped = dropped_state(&framework.info);
    let framework_id = framework.info.id.clone().unwrap_or_default();
    let Some(executor) = framework.executors.get_mut(&info.executor_id.value) else {
        let mut executor = start(now, framework, info, kind, outbox);
        executor.enqueue(work);
        framework.executors.insert(executor.info.executor_id.value.clone(), executor);
        return;
    };
    match executor.phase {
        Phase::Registering { .. } | Phase::Reregistering { .. } => executor.enqueue(work),
        Phase::Running { .. } => hand_over(executor, work, outbox),
        Phase::Terminating { .. } | Phase::Terminated => {
            for task in work.into_tasks() {
                let mut status = from_agent(
                    task.task_id,
                    dropped,
                    Reason::ExecutorTerminated,
                    "Executor terminating",
                );
                status.executor_id = Some(executor.info.executor_id.clone());
                outbox.update(now, &framework_id, status);
            }
        }
    }
}

/// Sends tasks to an executor that takes them.
pub(super) fn hand_over(executor: &mut Executor, work: Work, outbox: &mut Outbox) {
    let event = match &work {
        Work::Task(task) => events::launch((**task).clone()),
        Work::Group(tasks) => events::launch_group(tasks.clone()),
    };
    outbox.event(executor.stream, event);
    for task in work.into_tasks() {
        executor.deliver(task);
    }
}

fn start(
    now: Duration,
    framework: &Framework,
    mut info: ExecutorInfo,
    kind: Kind,
    outbox: &mut Outbox,
) -> Executor {
    let container_id = outbox.new_uuid().to_string();
    let framework_id = framework.info.id.clone().unwrap_or_default();
    info.framework_id = Some(framework_id.clone());
    let grace = grace_of(&info, outbox);
    let run = sandbox::Run {
        agent: outbox.identity.id(),
        framework: &framework_id.value,
        executor: &info.executor_id.value,
        container: &container_id,
    };
    let sandbox = run.path(&outbox.identity.work_dir);
    let command = info.command.clone().unwrap_or_default();
    let environment = environment::of(
        (&outbox.identity, &outbox.settings),
        &framework.info,
        &info,
        &sandbox,
        grace,
        &command,
    );
    outbox.push(Output::Launch(Box::new(Launch {
        container_id: container_id.clone(),
        sandbox,
        command,
        environment,
    })));
    if kind == Kind::Custom {
        let executor = Box::new(info.clone());
        outbox.tell_master(FromAgent::ExecutorStarted { framework_id, executor });
    }
    // Nobody subscribes for a command: it runs as soon as its process does.
    let timeout = outbox.settings.executor_registration_timeout;
    let until = if kind == Kind::Custom { now + timeout } else { Duration::MAX };
    Executor {
        info: info.into(),
        kind,
        container_id,
        process: 0,
        phase: Phase::Registering { until },
        stream: None,
        queued: Vec::new(),
        groups: Vec::new(),
        live: Default::default(),
        done: Default::default(),
        completed: Default::default(),
        grace,
    }
}

fn grace_of(info: &ExecutorInfo, outbox: &Outbox) -> Duration {
    info.shutdown_grace_period
        .and_then(|period| u64::try_from(period.nanoseconds).ok())
        .map_or(outbox.settings.executor_shutdown_grace_period, Duration::from_nanos)
}

/// Ends a task that its executor has not got yet, with those that would have come to it
/// together, and the executor if nothing is left for it.
pub(super) fn kill_queued(
    now: Duration,
    framework_id: &FrameworkId,
    executor: &mut Executor,
    task_id: &TaskId,
    outbox: &mut Outbox,
) {
    for task_id in executor.launched_with(task_id) {
        if !executor.unqueue(&task_id) {
            continue;
        }
        let message = "Task killed before delivery to executor";
        let reason = Reason::TaskKilledDuringLaunch;
        let mut status = from_agent(task_id, TaskState::TaskKilled, reason, message);
        status.executor_id = Some(executor.info.executor_id.clone());
        outbox.update(now, framework_id, status);
    }
    if executor.has_nothing_to_begin_with() {
        shut_down(now, executor, outbox);
    }
}

/// Asks an executor to end, and sets the time after which it is killed.
pub(super) fn shut_down(now: Duration, executor: &mut Executor, outbox: &mut Outbox) {
    match executor.phase {
        Phase::Registering { .. } | Phase::Reregistering { .. } | Phase::Running { .. } => {}
        Phase::Terminating { ref mut kill_at, .. } => {
            *kill_at = (*kill_at).min(now + executor.grace);
            return;
        }
        Phase::Terminated => return,
    }
    outbox.event(executor.stream, events::shutdown());
    if let Kind::Command { is_killed } = &mut executor.kind {
        *is_killed = true;
        let is_made = matches!(executor.phase, Phase::Running { .. });
        let signal = if is_made { Signal::Terminate } else { Signal::Kill };
        outbox.signal(&executor.container_id, signal);
    }
    executor.phase = Phase::Terminating { kill_at: now + executor.grace, blame: None };
}

/// Does what was put off until now.
pub(super) fn deadline_passed(now: Duration, executor: &mut Executor, outbox: &mut Outbox) {
    match &mut executor.phase {
        Phase::Registering { .. } => {
            let message = format!(
                "Executor did not register within {}",
                environment::duration(outbox.settings.executor_registration_timeout)
            );
            let blame = Blame { reason: Reason::ExecutorRegistrationTimeout, message };
            executor.phase = Phase::Terminating { kill_at: Duration::MAX, blame: Some(blame) };
            outbox.signal(&executor.container_id, Signal::Kill);
        }
        Phase::Reregistering { .. } => give_up(executor, outbox),
        Phase::Running { heartbeat_at } => {
            *heartbeat_at = now + events::HEARTBEAT;
            outbox.event(executor.stream, events::heartbeat());
        }
        Phase::Terminating { kill_at, .. } => {
            *kill_at = Duration::MAX;
            outbox.signal(&executor.container_id, Signal::Kill);
        }
        Phase::Terminated => {}
    }
}

/// Notes why the container could not be made, for the tasks that waited for it.
pub(super) fn launch_failed(executor: &mut Executor, why: &str) {
    let message = format!("Failed to launch container: {why}");
    let blame = Some(Blame { reason: Reason::ContainerLaunchFailed, message });
    executor.phase = Phase::Terminating { kill_at: Duration::MAX, blame };
}

/// The executor did not come back in time: it is killed, and its tasks with it.
fn give_up(executor: &mut Executor, outbox: &mut Outbox) {
    let timeout = environment::duration(outbox.settings.executor_reregistration_timeout);
    let message = format!("Executor did not reregister within {timeout}");
    let blame = Blame { reason: Reason::ExecutorReregistrationTimeout, message };
    executor.phase = Phase::Terminating { kill_at: Duration::MAX, blame: Some(blame) };
    outbox.signal(&executor.container_id, Signal::Kill);
}

/// Whether there is a process, or there may be one soon.
pub(super) const fn has_container(executor: &Executor) -> bool {
    !matches!(executor.phase, Phase::Terminated)
}

/// The executor's process has ended: so have its tasks.
pub(super) fn ended(
    now: Duration,
    framework: &FrameworkInfo,
    can_tell: bool,
    executor: &mut Executor,
    status: Option<i32>,
    outbox: &mut Outbox,
) {
    let phase = std::mem::replace(&mut executor.phase, Phase::Terminated);
    let blame = match phase {
        Phase::Terminating { blame: Some(blame), .. } => blame,
        Phase::Registering { .. }
        | Phase::Reregistering { .. }
        | Phase::Running { .. }
        | Phase::Terminating { blame: None, .. }
        | Phase::Terminated => {
            Blame { reason: Reason::ExecutorTerminated, message: "Executor terminated".into() }
        }
    };
    if let Some(stream) = executor.stream {
        outbox.push(Output::Close { stream });
    }
    let framework_id = framework.id.clone().unwrap_or_default();
    let state = if blame.reason == Reason::ExecutorReregistrationTimeout {
        gone_state(framework)
    } else {
        TaskState::TaskFailed
    };
    for task_id in executor.end_tasks() {
        if can_tell {
            let mut status = from_agent(task_id, state, blame.reason, blame.message.clone());
            status.executor_id = Some(executor.info.executor_id.clone());
            outbox.update(now, &framework_id, status);
        }
    }
    if executor.is_custom() {
        outbox.tell_master(FromAgent::ExecutorExited {
            framework_id,
            executor_id: executor.info.executor_id.clone(),
            status: status.unwrap_or(-1),
        });
    }
}
