//! The eight callbacks of an executor.

use super::ExecutorDriver;
use crate::v1::{AgentInfo, ExecutorInfo, FrameworkInfo, TaskId, TaskInfo, TaskState, TaskStatus};

/// What an executor is told. Every method has a default.
///
/// The callbacks come one at a time, on a thread of the driver; see
/// [`callbacks`](super) for what they may do. A task that runs for long is better
/// started on a thread of its own with a clone of the driver: no other callback comes before
/// `launch_task` returns.
#[expect(unused_variables, reason = "defaults, whose parameters have names for the reader")]
pub trait Executor: Send {
    /// The first subscription with the agent stands. Default: nothing.
    fn registered(
        &mut self,
        driver: &ExecutorDriver,
        executor: ExecutorInfo,
        framework: FrameworkInfo,
        agent: AgentInfo,
    ) {
    }

    /// A later subscription stands, after the agent was restarted. Default: nothing.
    fn reregistered(&mut self, driver: &ExecutorDriver, agent: AgentInfo) {}

    /// The agent is gone; the driver is already looking for it, if it may. libmesos never
    /// calls this. Default: nothing.
    fn disconnected(&mut self, driver: &ExecutorDriver) {}

    /// A task to run: answer with updates, the last one terminal. The tasks of a group come
    /// one by one, in their order. Default: reports it as TASK_FAILED.
    #[doc(alias = "launchTask")]
    fn launch_task(&mut self, driver: &ExecutorDriver, task: TaskInfo) {
        driver.send_status_update(TaskStatus {
            task_id: task.task_id,
            state: TaskState::TaskFailed.into(),
            message: Some("this executor does not know how to run tasks".into()),
            ..TaskStatus::default()
        });
    }

    /// A task to end, perhaps not for the first time: answer with a terminal update. The
    /// kill policy is not passed on, as in libmesos. Default: nothing.
    #[doc(alias = "killTask")]
    fn kill_task(&mut self, driver: &ExecutorDriver, task_id: TaskId) {}

    /// Bytes from the scheduler, at most once. Default: nothing.
    #[doc(alias = "frameworkMessage")]
    fn framework_message(&mut self, driver: &ExecutorDriver, data: Vec<u8>) {}

    /// End all tasks and report them. It comes when the scheduler or the agent wants it, or
    /// when the agent is gone for good. After it returns the driver waits until the agent
    /// has every update, at most for the grace period, and is aborted. Unlike libmesos it
    /// does not kill the process: the agent does so after the grace period. Default: nothing.
    fn shutdown(&mut self, driver: &ExecutorDriver) {}

    /// The agent reported an error; the driver is aborted already. Default: logs it.
    fn error(&mut self, driver: &ExecutorDriver, message: &str) {
        tracing::error!("{message}");
    }
}
