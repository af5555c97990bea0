//! What a scheduler is told of tasks whose launch did not leave the process.
//!
//! Source: `SchedulerProcess::launchTasks` of 1.11.0, and the answers of its master to an
//! ACCEPT that is not valid.

use crate::client::CallError;
use crate::v1::offer::Operation;
use crate::v1::task_status::{Reason, Source};
use crate::v1::{TaskId, TaskState, TaskStatus};

/// The tasks that `operations` would launch.
pub(super) fn tasks(operations: &[Operation]) -> Vec<TaskId> {
    let single = |operation: &Operation| {
        operation.launch.iter().flat_map(|l| l.task_infos.clone()).collect::<Vec<_>>()
    };
    let grouped = |operation: &Operation| {
        operation.launch_group.iter().flat_map(|l| l.task_group.tasks.clone()).collect::<Vec<_>>()
    };
    let all = operations.iter().flat_map(|operation| [single(operation), grouped(operation)]);
    all.flatten().map(|task| task.task_id).collect()
}

/// The status of a task after its ACCEPT failed with `error`, or `None` if it may have been
/// launched. `seconds` is the time since 1970.
pub(super) fn status(
    task_id: TaskId,
    error: &CallError,
    partition_aware: bool,
    seconds: f64,
) -> Option<TaskStatus> {
    let lost = if partition_aware { TaskState::TaskDropped } else { TaskState::TaskLost };
    let (state, reason, message) = match error {
        CallError::NotSubscribed | CallError::Closed => {
            (lost, Some(Reason::MasterDisconnected), "Master disconnected".to_owned())
        }
        CallError::StaleOffer(offer_id) => {
            let why = format!("Offer {offer_id} is no longer valid");
            let message = format!("Task launched with invalid offers: {why}");
            (lost, Some(Reason::InvalidOffers), message)
        }
        CallError::NotKept(_) => (lost, None, error.to_string()),
        CallError::Rejected { .. } if error.is_retryable() => (lost, None, error.to_string()),
        CallError::Rejected { .. } => {
            (TaskState::TaskError, Some(Reason::TaskInvalid), error.to_string())
        }
        CallError::Timeout | CallError::Transport(_) => return None,
    };
    Some(TaskStatus {
        task_id,
        state: state.into(),
        message: Some(message),
        source: Some(Source::Master.into()),
        reason: reason.map(Into::into),
        timestamp: Some(seconds),
        ..TaskStatus::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation;
    use crate::v1::{ExecutorInfo, TaskInfo};

    #[test]
    fn a_launch_while_disconnected_is_lost_or_dropped_and_needs_no_acknowledgement() {
        for (partition_aware, state) in
            [(false, TaskState::TaskLost), (true, TaskState::TaskDropped)]
        {
            let status = status("t".into(), &CallError::NotSubscribed, partition_aware, 1.5);
            let status = status.unwrap();
            assert_eq!(status.state(), state);
            assert_eq!(status.reason(), Reason::MasterDisconnected);
            assert_eq!(status.source(), Source::Master);
            assert_eq!((status.uuid, status.timestamp), (None, Some(1.5)));
        }
    }

    #[test]
    fn a_stale_offer_is_told_in_the_words_of_the_master() {
        let status = status("t".into(), &CallError::StaleOffer("o".into()), true, 0.0).unwrap();
        assert_eq!(status.reason(), Reason::InvalidOffers);
        let message = "Task launched with invalid offers: Offer o is no longer valid";
        assert_eq!(status.message(), message);
    }

    #[test]
    fn what_may_have_been_launched_is_not_called_lost() {
        assert_eq!(status("t".into(), &CallError::Timeout, true, 0.0), None);
        assert_eq!(status("t".into(), &CallError::Transport(String::new()), true, 0.0), None);
    }

    #[test]
    fn tasks_of_launches_and_of_groups_are_found() {
        let task = |id: &str| TaskInfo { task_id: id.into(), ..TaskInfo::default() };
        let operations = [
            operation::reserve(vec![]),
            operation::launch(vec![task("a"), task("b")]),
            operation::launch_group(ExecutorInfo::default(), vec![task("c")]),
        ];
        assert_eq!(tasks(&operations), ["a".into(), "b".into(), "c".into()]);
    }
}
