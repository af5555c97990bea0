//! Calls an executor can make.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Environment;
use super::ledger::Ledger;
use crate::client::calls::{Queue, Rules};
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
    /// reconnect, until the agent acknowledges it. One that the agent refuses as malformed,
    /// such as one of TASK_STAGING, is logged as an error and given up.
    #[doc(alias = "sendStatusUpdate")]
    pub fn update(&self, status: TaskStatus) {
        let status = self.complete(status);
        self.ledger.updated(status.clone());
        self.queue.push(update(status));
    }

    /// Sends bytes to the scheduler, at most once.
    #[doc(alias = "sendFrameworkMessage")]
    pub fn message(&self, data: Vec<u8>) -> Pending {
        let message = Some(call::Message { data });
        self.queue.push(Call { message, ..of_type(call::Type::Message) })
    }

    /// Shows the agent that the connection for calls lives. Not needed on a connection to
    /// the same machine; Mesos' own library sends one every half hour.
    #[doc(alias = "HEARTBEAT")]
    pub fn heartbeat(&self) -> Pending {
        self.queue.push(of_type(call::Type::Heartbeat))
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

/// The SUBSCRIBE call as it must be now.
pub(super) fn subscribe(environment: &Environment, ledger: &Ledger) -> Call {
    Call {
        framework_id: environment.framework_id.clone(),
        executor_id: environment.executor_id.clone(),
        subscribe: Some(ledger.subscribe()),
        ..of_type(call::Type::Subscribe)
    }
}

/// The UPDATE call of a status.
pub(super) fn update(status: TaskStatus) -> Call {
    Call { update: Some(call::Update { status }), ..of_type(call::Type::Update) }
}

fn of_type(kind: call::Type) -> Call {
    Call { r#type: Some(kind.into()), ..Call::default() }
}

/// What an executor does with a call beside sending it.
pub(super) struct ExecutorRules {
    pub(super) environment: Environment,
    pub(super) ledger: Ledger,
}

impl Rules<Call> for ExecutorRules {
    fn prepare(&mut self, call: &mut Call, _link: &Link) -> Result<bool, CallError> {
        call.framework_id = self.environment.framework_id.clone();
        call.executor_id = self.environment.executor_id.clone();
        Ok(true)
    }

    /// An update that the agent will never take must not be listed for ever: the agent
    /// would refuse the next subscription because of it.
    fn answered(&mut self, call: &Call, answer: &Result<(), CallError>) {
        if let (Some(update), Err(CallError::Rejected { status, body })) = (&call.update, answer)
            && !answer.as_ref().is_err_and(CallError::is_retryable)
        {
            let task = &update.status.task_id;
            tracing::error!("the agent refused an update of task {task} ({status}): {body}");
            self.ledger.refused(update.status.uuid());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::client::calls::tests::captured;
    use crate::codec::Codec;

    fn environment() -> Environment {
        Environment::from_lookup(|name| match name {
            "MESOS_FRAMEWORK_ID" => Some("f".into()),
            "MESOS_EXECUTOR_ID" => Some("e".into()),
            "MESOS_AGENT_ENDPOINT" => Some("127.0.0.1:5051".into()),
            _ => None,
        })
        .unwrap()
    }

    fn rules(ledger: &Ledger) -> ExecutorRules {
        ExecutorRules { environment: environment(), ledger: ledger.clone() }
    }

    /// Each call once, as it leaves the process.
    fn every_call() -> Vec<Call> {
        let (queue, mut captured) = captured();
        let calls = Calls { queue, ledger: Ledger::new(), environment: environment() };
        calls.update(TaskStatus::default());
        drop(calls.message(vec![1]));
        drop(calls.heartbeat());
        let known = Ledger::new();
        known.updated(TaskStatus { uuid: Some(vec![1; 16]), ..TaskStatus::default() });
        let subscribe = subscribe(&environment(), &known);
        let link = Link {
            endpoint: environment().endpoint,
            stream_id: None,
            framework_id: Some("f".into()),
        };
        let mut rules = rules(&calls.ledger);
        let prepared = |mut call: Call| {
            assert_eq!(rules.prepare(&mut call, &link), Ok(true));
            // Reading a number of sixteen digits in JSON may miss its last bit.
            if let Some(update) = &mut call.update {
                update.status.timestamp = update.status.timestamp.map(f64::trunc);
            }
            call
        };
        std::iter::from_fn(|| captured.next()).map(prepared).chain([subscribe]).collect()
    }

    #[test]
    fn every_type_of_call_has_a_method() {
        let made: BTreeSet<i32> = every_call().iter().map(|call| call.r#type().into()).collect();
        let all: BTreeSet<i32> = (1..64).filter(|n| call::Type::try_from(*n).is_ok()).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(made, all);
    }

    #[test]
    fn every_call_says_its_type_its_content_and_its_ids_in_both_encodings() {
        for call in every_call() {
            let name = call.r#type().as_str_name();
            assert_eq!((&call.framework_id, &call.executor_id), (&"f".into(), &"e".into()));
            for codec in [Codec::Protobuf, Codec::Json] {
                let decoded: Call = codec.decode(&codec.encode(&call)).unwrap();
                assert_eq!(decoded, call, "{name}");
            }
            let json: serde_json::Value =
                serde_json::from_slice(&Codec::Json.encode(&call)).unwrap();
            assert_eq!(json["type"], name);
            let has_content = json.get(name.to_lowercase()).is_some();
            assert_eq!(has_content, call.r#type() != call::Type::Heartbeat, "{name}");
        }
    }

    #[test]
    fn an_update_that_is_refused_for_good_leaves_the_ledger_and_a_passing_refusal_does_not() {
        let ledger = Ledger::new();
        let mut rules = rules(&ledger);
        let status = TaskStatus { uuid: Some(vec![1; 16]), ..TaskStatus::default() };
        ledger.updated(status.clone());
        let update = Some(call::Update { status });
        let call = Call { update, ..of_type(call::Type::Update) };
        let rejected = |status| Err(CallError::Rejected { status, body: String::new() });
        rules.answered(&call, &rejected(503));
        rules.answered(&call, &Err(CallError::Timeout));
        assert_eq!(*ledger.open().borrow(), 1);
        rules.answered(&call, &rejected(400));
        assert_eq!(*ledger.open().borrow(), 0);
    }
}
