//! What a status update means for a task that counts.

use mesos::v1::TaskState::{self, *};
use mesos::v1::{TaskStatus, task_status::Reason};
use protocol::{Class, ImageReport, Outcome, Report};

/// How a master says that a task's id is another's.
const TAKEN: [&str; 2] = ["Task has duplicate ID", "Task reuses the ID of an unreachable task"];

/// What follows from an update.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The task is on its way. These of its images have ended since it spoke last.
    Alive(Vec<ImageReport>),
    /// The task is over, but its own update, with the report, has yet to come.
    AwaitReport,
    /// Nothing: the update speaks of something else.
    Nothing,
    /// The task is over.
    Over(Over),
}

/// The end of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Over {
    /// What it says of its images.
    pub(crate) images: Vec<ImageReport>,
    /// What it costs if images are left without an outcome.
    pub(crate) loss: Loss,
    /// Whether it speaks against its agent if images are left without an outcome.
    pub(crate) blames_agent: bool,
    /// How it ended, in words.
    pub(crate) why: String,
}

/// How bad it is that images are left without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It spends this much of the machinery's budget.
    Costs(u32),
    /// Launching it again will end in the same way.
    Final,
}

/// Reads an update.
pub(crate) fn of(status: &TaskStatus) -> Verdict {
    match status.state() {
        TaskStaging | TaskStarting | TaskRunning | TaskKilling => Verdict::Alive(reported(status)),
        TaskFinished | TaskFailed | TaskKilled if is_hearsay(status) => Verdict::AwaitReport,
        TaskFinished | TaskFailed | TaskKilled | TaskLost | TaskDropped | TaskGone
        | TaskGoneByOperator | TaskUnreachable | TaskUnknown => over(status, Loss::Costs(1)),
        TaskError if is_about_another_task(status) => Verdict::Nothing,
        TaskError => over(status, loss_by_error(status)),
    }
}

/// Whether the state is of a task that runs or will run, so that it can be killed.
pub(crate) fn can_be_killed(state: TaskState) -> bool {
    match state {
        TaskStaging | TaskStarting | TaskRunning => true,
        TaskKilling | TaskFinished | TaskFailed | TaskKilled | TaskError | TaskLost
        | TaskDropped | TaskGone | TaskGoneByOperator | TaskUnreachable | TaskUnknown => false,
    }
}

/// Whether the master tells of an end that the task's agent will report itself: only the
/// agent's update has a uuid and carries data, and it is repeated until acknowledged.
fn is_hearsay(status: &TaskStatus) -> bool {
    let has_uuid = status.uuid.as_ref().is_some_and(|uuid| !uuid.is_empty());
    let has_data = status.data.as_ref().is_some_and(|data| !data.is_empty());
    let retold = matches!(status.reason(), Reason::Reconciliation | Reason::AgentReregistered)
        && status.reason.is_some();
    !has_uuid && !has_data && (retold || status.state() == TaskFinished)
}

/// The master answers a launch under an id that is taken with that very id, though the
/// task that has the id is well. All tasks of a group are answered so, beginning with the one that
/// is meant.
fn is_about_another_task(status: &TaskStatus) -> bool {
    let message = status.message();
    let of_group = message.strip_prefix(&format!("Task '{}' is invalid: ", status.task_id));
    TAKEN.iter().any(|taken| of_group.unwrap_or(message).starts_with(taken))
}

fn loss_by_error(status: &TaskStatus) -> Loss {
    // The executor that the offer named ended before the launch, so that its
    // resources were missing.
    if status.message().contains("more than available") {
        return Loss::Costs(1);
    }
    // Another task of the group had an id that is taken.
    if TAKEN.iter().any(|taken| status.message().contains(taken)) {
        return Loss::Costs(1);
    }
    // Another executor under our id is still there; not for ever, and not everywhere.
    if status.message().contains("ExecutorInfo is not compatible") {
        return Loss::Costs(2);
    }
    let invalid = [
        Reason::TaskInvalid,
        Reason::TaskUnauthorized,
        Reason::TaskGroupInvalid,
        Reason::TaskGroupUnauthorized,
    ];
    let is_invalid = status.reason.is_some() && invalid.contains(&status.reason());
    if is_invalid { Loss::Final } else { Loss::Costs(2) }
}

fn over(status: &TaskStatus, loss: Loss) -> Verdict {
    let (images, remark) = match Report::from_payload(status.data()) {
        Ok(report) => (usable(report), String::new()),
        Err(error) if status.state() == TaskFinished => (Vec::new(), format!(": {error}")),
        Err(_) => (Vec::new(), String::new()),
    };
    let blames_agent = blames_agent(status);
    Verdict::Over(Over { images, loss, blames_agent, why: describe(status) + &remark })
}

/// Whether the agent, or what it runs, may be at fault: not if the master did not let the task get
/// there, if somebody killed it, or if nobody knows.
fn blames_agent(status: &TaskStatus) -> bool {
    let is_ours = match status.state() {
        TaskFinished | TaskFailed | TaskLost | TaskDropped | TaskGone | TaskUnreachable => true,
        TaskStaging | TaskStarting | TaskRunning | TaskKilling | TaskKilled | TaskError
        | TaskGoneByOperator | TaskUnknown => false,
    };
    let elsewhere = [Reason::InvalidOffers, Reason::Reconciliation, Reason::MasterDisconnected];
    is_ours && (status.reason.is_none() || !elsewhere.contains(&status.reason()))
}

/// What a task that is on its way says of its images. What cannot be read is left to its end.
fn reported(status: &TaskStatus) -> Vec<ImageReport> {
    Report::from_payload(status.data()).map(usable).unwrap_or_default()
}

/// The outcomes that are the images' own, and consistent.
fn usable(report: Report) -> Vec<ImageReport> {
    let is_usable = |image: &ImageReport| {
        let is_done = image.class() != Class::Ok || image.outcome() == Outcome::Done;
        let is_own = !matches!(image.class(), Class::Killed | Class::Machinery);
        is_done && is_own && Class::try_from(image.class).is_ok()
    };
    report.images.into_iter().filter(is_usable).collect()
}

/// An update in words: `TASK_LOST (REASON_AGENT_REMOVED): Agent is gone`.
fn describe(status: &TaskStatus) -> String {
    let mut text = status.state().as_str_name().to_owned();
    if status.reason.is_some() {
        text = format!("{text} ({})", status.reason().as_str_name());
    }
    let message = status.message().trim_end_matches('.');
    if !message.is_empty() {
        text = format!("{text}: {message}");
    }
    text
}
