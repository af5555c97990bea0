//! What does an agent hold, and what may it forget?

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::v1::{ExecutorId, FrameworkId, TaskId};
use uuid::Uuid;

use super::outbox::{Identity, Outbox};
use super::state::{Executor, Framework};
use crate::settings::AgentSettings;

/// The state of one agent. Times count from the Unix epoch.
pub(crate) struct Agent {
    pub(super) frameworks: BTreeMap<String, Framework>,
    pub(super) outbox: Outbox,
    /// It has been restarted and waits for its executors.
    pub(super) is_recovering: bool,
}

impl Agent {
    pub(crate) fn new(
        identity: Identity,
        settings: AgentSettings,
        new_uuid: Box<dyn FnMut() -> Uuid + Send>,
    ) -> Self {
        let outbox = Outbox::new(identity, settings, new_uuid);
        Self { frameworks: BTreeMap::new(), outbox, is_recovering: false }
    }

    /// When [`Input::Tick`](super::logic::Input::Tick) has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let executors = self.frameworks.values().flat_map(|framework| framework.executors.values());
        executors
            .filter_map(Executor::deadline)
            .chain(self.outbox.updates.next_deadline())
            .filter(|deadline| *deadline < Duration::MAX)
            .min()
    }

    /// Whether no process is left.
    pub(crate) fn is_idle(&self) -> bool {
        let mut executors = self.frameworks.values().flat_map(|one| one.executors.values());
        !executors.any(Executor::has_process)
    }

    /// The end of a task that was acknowledged is not told to a new master.
    pub(super) fn forget_ended(&mut self, framework_id: &FrameworkId, task_id: &TaskId) {
        let Framework { executors, .. } = match self.frameworks.get_mut(&framework_id.value) {
            Some(framework)
                if !self.outbox.updates.is_pending(&framework_id.value, &task_id.value) =>
            {
                framework
            }
            Some(_) | None => return,
        };
        for executor in executors.values_mut() {
            executor.complete(&task_id.value);
        }
    }

    /// Forgets executors that have ended and have no unacknowledged updates, then
    /// frameworks without executors and updates.
    pub(super) fn forget_finished(&mut self) {
        let updates = &self.outbox.updates;
        self.frameworks.retain(|id, framework| {
            framework.executors.retain(|_, executor| {
                executor.has_process()
                    || executor.done.keys().any(|task| updates.is_pending(id, task))
            });
            !framework.executors.is_empty() || updates.has_pending_of(id)
        });
    }
}

/// The executor with these ids.
pub(super) fn executor<'a>(
    frameworks: &'a mut BTreeMap<String, Framework>,
    framework: &FrameworkId,
    executor: &ExecutorId,
) -> Option<&'a mut Executor> {
    frameworks.get_mut(&framework.value)?.executors.get_mut(&executor.value)
}
