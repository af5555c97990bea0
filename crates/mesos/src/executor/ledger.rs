//! What the agent may not know of yet: tasks and updates without an acknowledgement.
//!
//! Source: MESOS "Executor HTTP API", SUBSCRIBE. A task stays listed until the first
//! acknowledgement of one of its updates, an update until its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::v1::executor::call;
use crate::v1::{TaskInfo, TaskStatus};

/// The shared ledger of one executor.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    entries: Arc<Mutex<Entries>>,
    /// How many updates wait for their acknowledgement.
    open: Arc<watch::Sender<usize>>,
}

#[derive(Debug, Default)]
struct Entries {
    tasks: BTreeMap<String, TaskInfo>,
    /// In the order they were made, which is the order to send them again.
    updates: Vec<TaskStatus>,
    /// The uuids that the last SUBSCRIBE listed.
    listed: HashSet<Vec<u8>>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { entries: Arc::default(), open: Arc::new(watch::channel(0).0) }
    }

    pub(super) fn launched(&self, task: TaskInfo) {
        self.with(|entries| entries.tasks.insert(task.task_id.value.clone(), task));
    }

    /// Enters an update; it must be in the ledger before it is sent.
    pub(super) fn updated(&self, status: TaskStatus) {
        self.with(|entries| entries.updates.push(status));
    }

    pub(super) fn acknowledged(&self, task_id: &str, uuid: &[u8]) {
        self.with(|entries| {
            entries.tasks.remove(task_id);
            entries.updates.retain(|status| status.uuid.as_deref() != Some(uuid));
        });
    }

    /// Strikes out an update that the agent will never take.
    pub(super) fn refused(&self, uuid: &[u8]) {
        self.with(|entries| entries.updates.retain(|status| status.uuid() != uuid));
    }

    /// The SUBSCRIBE call's content.
    pub(super) fn subscribe(&self) -> call::Subscribe {
        self.with(|entries| {
            entries.listed = entries.updates.iter().map(|it| it.uuid().to_vec()).collect();
            let update = |status: &TaskStatus| call::Update { status: status.clone() };
            call::Subscribe {
                unacknowledged_tasks: entries.tasks.values().cloned().collect(),
                unacknowledged_updates: entries.updates.iter().map(update).collect(),
            }
        })
    }

    /// The updates that were made after the last SUBSCRIBE had been written, oldest first. While
    /// there was no subscription they could not be sent either.
    pub(super) fn unlisted(&self) -> Vec<TaskStatus> {
        self.with(|entries| {
            let is_listed = |it: &TaskStatus| entries.listed.contains(it.uuid());
            entries.updates.iter().filter(|it| !is_listed(it)).cloned().collect()
        })
    }

    /// Follows the number of updates that wait for their acknowledgement.
    pub(super) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    fn with<T>(&self, change: impl FnOnce(&mut Entries) -> T) -> T {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut entries);
        self.open.send_replace(entries.updates.len());
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(uuid: u8) -> TaskStatus {
        TaskStatus { task_id: "t".into(), uuid: Some(vec![uuid]), ..TaskStatus::default() }
    }

    #[test]
    fn tasks_leave_with_the_first_acknowledgement_and_updates_with_their_own() {
        let ledger = Ledger::new();
        ledger.launched(TaskInfo { task_id: "t".into(), ..TaskInfo::default() });
        ledger.updated(status(1));
        ledger.updated(status(2));
        let content = ledger.subscribe();
        assert_eq!(content.unacknowledged_tasks.len(), 1);
        assert_eq!(content.unacknowledged_updates[1].status, status(2));
        ledger.acknowledged("t", &[1]);
        let content = ledger.subscribe();
        assert!(content.unacknowledged_tasks.is_empty());
        assert_eq!(content.unacknowledged_updates.len(), 1);
        assert_eq!(*ledger.open().borrow(), 1);
        ledger.acknowledged("t", &[2]);
        assert_eq!(*ledger.open().borrow(), 0);
    }

    #[test]
    fn an_acknowledgement_of_something_else_changes_nothing() {
        let ledger = Ledger::new();
        ledger.updated(status(1));
        ledger.acknowledged("other", &[9]);
        assert_eq!(ledger.subscribe().unacknowledged_updates.len(), 1);
    }
}
