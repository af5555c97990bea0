//! The duty to acknowledge a status update, as a value.

use crate::v1::{AgentId, TaskId, TaskStatus};

/// The right and the duty to acknowledge one status update, once.
///
/// It exists only for an update that carries a uuid: Mesos sends such an update
/// again until it is acknowledged, and holds back the task's next one meanwhile.
/// Acknowledge after what the update says is durable. Acknowledging consumes the
/// token, so it cannot be done twice; a token that is merely dropped makes Mesos
/// send the update again, which is safe. It stays valid over a reconnect.
///
/// Source: MESOS "Scheduler HTTP API", ACKNOWLEDGE.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an update that is not acknowledged comes again and holds back the next one"]
pub struct AckToken {
    agent_id: AgentId,
    task_id: TaskId,
    uuid: Vec<u8>,
}

impl AckToken {
    /// The token of `status`, or `None` if it must not be acknowledged.
    pub fn of(status: &TaskStatus) -> Option<Self> {
        let uuid = status.uuid.clone().filter(|uuid| !uuid.is_empty())?;
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
    pub fn into_parts(self) -> (AgentId, TaskId, Vec<u8>) {
        (self.agent_id, self.task_id, self.uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_without_uuid_has_no_token() {
        let mut status = TaskStatus { agent_id: Some("a".into()), ..TaskStatus::default() };
        assert_eq!(AckToken::of(&status), None);
        status.uuid = Some(vec![]);
        assert_eq!(AckToken::of(&status), None);
        status.uuid = Some(vec![1; 16]);
        assert_eq!(AckToken::of(&status).unwrap().into_parts().2, vec![1; 16]);
    }
}
