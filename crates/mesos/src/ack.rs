//! The duty to acknowledge an update, as a value.
//!
//! A token exists only for an update that carries a uuid: Mesos sends such an update
//! again until it is acknowledged, and holds back the next one meanwhile. Acknowledge
//! after what the update says is durable. Acknowledging consumes the token, so it cannot be
//! done twice. A token that is merely dropped makes Mesos send the update again, which is
//! safe, but mostly an oversight: it is logged as a warning. [`AckToken::forgo`] does the
//! same on purpose. A token stays valid over a reconnect.

use crate::v1::{AgentId, OperationId, OperationStatus, ResourceProviderId, TaskId, TaskStatus};

/// The right and the duty to acknowledge one status update of a task, once.
///
/// Source: MESOS "Scheduler HTTP API", ACKNOWLEDGE.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an update that is not acknowledged comes again and holds back the next one"]
pub struct AckToken {
    agent_id: AgentId,
    task_id: TaskId,
    uuid: Uuid,
}

impl AckToken {
    /// The token of `status`, or `None` if it must not be acknowledged.
    pub fn of(status: &TaskStatus) -> Option<Self> {
        let uuid = Uuid::of(status.uuid.clone())?;
        let agent_id = status.agent_id.clone()?;
        Some(Self { agent_id, task_id: status.task_id.clone(), uuid })
    }

    /// The task whose update this is.
    #[must_use]
    pub fn task_id(&self) -> &TaskId {
        &self.task_id
    }

    /// The fields of the ACKNOWLEDGE call: agent, task and uuid.
    #[must_use]
    pub fn into_parts(mut self) -> (AgentId, TaskId, Vec<u8>) {
        let uuid = self.uuid.take();
        (std::mem::take(&mut self.agent_id), std::mem::take(&mut self.task_id), uuid)
    }

    /// Leaves the update unacknowledged on purpose: Mesos sends it again.
    pub fn forgo(mut self) {
        self.uuid.take();
    }
}

impl Drop for AckToken {
    fn drop(&mut self) {
        self.uuid.warn_if_left("task", &self.task_id.value);
    }
}

/// The right and the duty to acknowledge one update of an offer operation, once.
///
/// Source: MESOS "Scheduler HTTP API", ACKNOWLEDGE_OPERATION_STATUS.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an update that is not acknowledged comes again and holds back the next one"]
pub struct OperationAckToken {
    agent_id: AgentId,
    resource_provider_id: Option<ResourceProviderId>,
    operation_id: OperationId,
    uuid: Uuid,
}

impl OperationAckToken {
    /// The token of `status`, or `None` if it must not be acknowledged.
    pub fn of(status: &OperationStatus) -> Option<Self> {
        let uuid = Uuid::of(status.uuid.clone().map(|uuid| uuid.value))?;
        Some(Self {
            agent_id: status.agent_id.clone()?,
            resource_provider_id: status.resource_provider_id.clone(),
            operation_id: status.operation_id.clone()?,
            uuid,
        })
    }

    /// The operation whose update this is.
    #[must_use]
    pub fn operation_id(&self) -> &OperationId {
        &self.operation_id
    }

    /// The fields of the call: agent, resource provider, operation and uuid.
    #[must_use]
    pub fn into_parts(mut self) -> (AgentId, Option<ResourceProviderId>, OperationId, Vec<u8>) {
        let uuid = self.uuid.take();
        let agent_id = std::mem::take(&mut self.agent_id);
        (agent_id, self.resource_provider_id.take(), std::mem::take(&mut self.operation_id), uuid)
    }

    /// Leaves the update unacknowledged on purpose: Mesos sends it again.
    pub fn forgo(mut self) {
        self.uuid.take();
    }
}

impl Drop for OperationAckToken {
    fn drop(&mut self) {
        self.uuid.warn_if_left("operation", &self.operation_id.value);
    }
}

/// What names one update; empty once it was used.
#[derive(Debug, PartialEq, Eq)]
struct Uuid(Vec<u8>);

impl Uuid {
    fn of(bytes: Option<Vec<u8>>) -> Option<Self> {
        bytes.filter(|bytes| !bytes.is_empty()).map(Self)
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    #[cfg(feature = "client")]
    fn warn_if_left(&self, of: &str, id: &str) {
        if !self.0.is_empty() {
            tracing::warn!(
                "an update of {of} {id} was dropped without an acknowledgement: Mesos will send it again"
            );
        }
    }

    #[cfg(not(feature = "client"))]
    fn warn_if_left(&self, _of: &str, _id: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;

    #[test]
    fn an_update_without_uuid_has_no_token() {
        let mut status = TaskStatus { agent_id: Some("a".into()), ..TaskStatus::default() };
        assert_eq!(AckToken::of(&status), None);
        status.uuid = Some(vec![]);
        assert_eq!(AckToken::of(&status), None);
        status.uuid = Some(vec![1; 16]);
        assert_eq!(AckToken::of(&status).unwrap().into_parts().2, vec![1; 16]);
    }

    #[test]
    fn an_operation_without_uuid_or_id_has_no_token() {
        let mut status = OperationStatus { agent_id: Some("a".into()), ..Default::default() };
        status.uuid = Some(v1::Uuid { value: vec![1; 16] });
        assert_eq!(OperationAckToken::of(&status), None);
        status.operation_id = Some("o".into());
        let (agent, provider, operation, uuid) =
            OperationAckToken::of(&status).unwrap().into_parts();
        assert_eq!((agent, provider, operation), ("a".into(), None, "o".into()));
        assert_eq!(uuid, vec![1; 16]);
        status.uuid = None;
        assert_eq!(OperationAckToken::of(&status), None);
    }
}
