//! Is an executor's call well-formed?

use mesos::v1::executor::{Call, call};
use mesos::v1::task_status::Source;
use mesos::v1::{TaskState, TaskStatus};
use uuid::{Uuid, Variant};

/// What is wrong with a call, for the answer 400.
pub(crate) type Complaint = String;

/// Checks what can be checked without knowing the executor.
pub(crate) fn call(call: &Call) -> Result<(), Complaint> {
    let expect = |is_there, field| {
        if is_there { Ok(()) } else { Err(format!("Expecting '{field}' to be present")) }
    };
    let Some(kind) = call.r#type else { return expect(false, "type") };
    match call::Type::try_from(kind) {
        Ok(call::Type::Subscribe) => expect(call.subscribe.is_some(), "subscribe"),
        Ok(call::Type::Message) => expect(call.message.is_some(), "message"),
        Ok(call::Type::Update) => {
            expect(call.update.is_some(), "update")?;
            call.update.as_ref().map_or(Ok(()), |update| status(call, &update.status))
        }
        Ok(call::Type::Heartbeat | call::Type::Unknown) => Ok(()),
        Err(_) => expect(false, "type"),
    }
}

fn status(call: &Call, status: &TaskStatus) -> Result<(), Complaint> {
    uuid(status.uuid.as_deref())?;
    if status.executor_id.as_ref().is_some_and(|id| *id != call.executor_id) {
        return Err(format!(
            "ExecutorID in Call: {} does not match ExecutorID in TaskStatus: {}",
            call.executor_id,
            status.executor_id.clone().unwrap_or_default()
        ));
    }
    if status.source.is_none_or(|source| source != i32::from(Source::Executor)) {
        return Err(format!(
            "Received Call from executor {} of framework {} with invalid source, expecting \
             'SOURCE_EXECUTOR'",
            call.executor_id, call.framework_id
        ));
    }
    match TaskState::try_from(status.state) {
        Ok(TaskState::TaskStaging) => Err("TASK_STAGING is not for executors to send".to_owned()),
        Ok(_) => Ok(()),
        Err(_) => Err("the state of the task is not one of the protocol".to_owned()),
    }
}

/// RFC 4122, versions 1 to 5.
fn uuid(bytes: Option<&[u8]>) -> Result<(), Complaint> {
    let bytes = bytes.ok_or("Expecting 'uuid' to be present")?;
    let uuid = Uuid::from_slice(bytes).map_err(|_| "Not a valid UUID: it has not 16 bytes")?;
    if uuid.get_variant() == Variant::RFC4122 && (1..=5).contains(&uuid.get_version_num()) {
        Ok(())
    } else {
        Err(format!("Not a valid UUID: {uuid} is not of RFC 4122, version 1 to 5"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(change: impl FnOnce(&mut TaskStatus)) -> Result<(), Complaint> {
        let mut status = TaskStatus {
            task_id: "t".into(),
            state: TaskState::TaskRunning.into(),
            source: Some(Source::Executor.into()),
            uuid: Some(Uuid::from_u128(0x4000_8000_0000_0000_0001).into_bytes().to_vec()),
            ..TaskStatus::default()
        };
        change(&mut status);
        call(&Call {
            executor_id: "e".into(),
            framework_id: "f".into(),
            r#type: Some(call::Type::Update.into()),
            update: Some(call::Update { status }),
            ..Call::default()
        })
    }

    #[test]
    fn a_good_update_passes() {
        assert_eq!(update(|_| {}), Ok(()));
        assert_eq!(update(|status| status.executor_id = Some("e".into())), Ok(()));
    }

    #[test]
    fn each_broken_rule_of_an_update_is_a_complaint() {
        assert!(update(|status| status.uuid = None).is_err());
        assert!(update(|status| status.uuid = Some(vec![1; 15])).is_err());
        assert!(update(|status| status.uuid = Some(vec![0xff; 16])).is_err());
        let version_7 = Uuid::from_u128(0x7000_8000_0000_0000_0001).into_bytes().to_vec();
        assert!(update(|status| status.uuid = Some(version_7)).is_err());
        assert!(update(|status| status.executor_id = Some("other".into())).is_err());
        assert!(update(|status| status.source = None).is_err());
        assert!(update(|status| status.source = Some(Source::Master.into())).is_err());
        assert!(update(|status| status.state = TaskState::TaskStaging.into()).is_err());
    }

    #[test]
    fn a_call_without_its_sub_message_is_a_complaint() {
        for kind in [call::Type::Subscribe, call::Type::Update, call::Type::Message] {
            let bare = Call { r#type: Some(kind.into()), ..Call::default() };
            assert!(call(&bare).is_err(), "{kind:?}");
        }
        let heartbeat = Call { r#type: Some(call::Type::Heartbeat.into()), ..Call::default() };
        assert_eq!(call(&heartbeat), Ok(()));
        assert!(call(&Call::default()).is_err());
    }
}
