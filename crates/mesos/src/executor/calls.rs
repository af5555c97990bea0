//! Calls an executor can make.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Environment;
use super::ledger::Ledger;
use crate::client::calls::{Prepare, Queue};
use crate::client::link::Link;
use crate::client::{CallError, Pending};
use crate::v1::executor::{Call, call};
use crate::v1::{TaskStatus, task_status};

/// The handle for calls; clones share one queue and one ledger.
#[derive(Debug, Clone)]
pub struct Calls {
    pub(super) queue: Queue<Call>,
    pub(super) ledger: Ledger,
    pub(super) environment: Environment,
}

impl Calls {
    /// Reports a task's status.
    ///
    /// Fill in task, state and whatever you want to say; uuid, source, ids and time are
    /// the driver's. It cannot fail: the update is kept, and sent again after every
    /// reconnect, until the agent acknowledges it.
    #[doc(alias = "sendStatusUpdate")]
    pub fn update(&self, status: TaskStatus) {
        let status = self.complete(status);
        self.ledger.updated(status.clone());
        let update = Some(call::Update { status });
        self.queue.push(Call { update, ..of_type(call::Type::Update) });
    }

    /// Sends bytes to the scheduler, at most once.
    #[doc(alias = "sendFrameworkMessage")]
    pub fn message(&self, data: Vec<u8>) -> Pending {
        let message = Some(call::Message { data });
        self.queue.push(Call { message, ..of_type(call::Type::Message) })
    }

    /// Waits until the agent has acknowledged every update.
    ///
    /// An executor that exits earlier loses them, and one whose agent is gone for good
    /// waits for ever: put a limit around it.
    pub async fn flushed(&self) {
        let mut open = self.ledger.open();
        // The ledger outlives this wait, so the channel cannot close.
        let _ = open.wait_for(|updates| *updates == 0).await;
    }

    fn complete(&self, status: TaskStatus) -> TaskStatus {
        TaskStatus {
            uuid: Some(uuid::Uuid::new_v4().as_bytes().to_vec()),
            source: Some(task_status::Source::Executor.into()),
            executor_id: Some(self.environment.executor_id.clone()),
            agent_id: self.environment.agent_id.clone(),
            timestamp: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .map(|since| since.as_secs_f64()),
            ..status
        }
    }
}

pub(super) fn of_type(kind: call::Type) -> Call {
    Call { r#type: Some(kind.into()), ..Call::default() }
}

/// Fills the ids into every call.
pub(super) struct Ids(pub(super) Environment);

impl Prepare<Call> for Ids {
    fn prepare(&mut self, call: &mut Call, _link: &Link) -> Result<bool, CallError> {
        call.framework_id = self.0.framework_id.clone();
        call.executor_id = self.0.executor_id.clone();
        Ok(true)
    }
}
