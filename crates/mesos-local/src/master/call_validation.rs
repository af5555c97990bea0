//! Whether a call is valid in itself, whoever sends it.

use mesos::v1::scheduler::{Call, call};

/// Why the call is to be refused with 400, as a real master puts it.
pub(crate) fn validate(call: &Call) -> Result<call::Type, String> {
    let kind = call
        .r#type
        .and_then(|number| call::Type::try_from(number).ok())
        .ok_or("Expecting 'type' to be present")?;
    if let Some(field) = missing_part(kind, call) {
        return Err(format!("Expecting '{field}' to be present"));
    }
    if kind == call::Type::Subscribe {
        check_subscribe(call)?;
    } else if call.framework_id.is_none() {
        return Err("Expecting 'framework_id' to be present".to_owned());
    }
    check_uuid(call.acknowledge.as_ref().map(|part| part.uuid.as_slice()))?;
    let operation = call.acknowledge_operation_status.as_ref();
    check_uuid(operation.map(|part| part.uuid.as_slice()))?;
    if operation.is_some_and(|part| part.agent_id.is_none()) {
        return Err("Expecting 'agent_id' to be present".to_owned());
    }
    if let Some(update) = &call.update_framework
        && update.framework_info.id != call.framework_id
    {
        return Err("'framework_id' differs from 'update_framework.framework_info.id'".to_owned());
    }
    Ok(kind)
}

/// The name of the part that a call of this type needs and does not have.
fn missing_part(kind: call::Type, call: &Call) -> Option<&'static str> {
    let (name, present) = match kind {
        call::Type::Unknown | call::Type::Teardown | call::Type::Revive | call::Type::Suppress => {
            return None;
        }
        call::Type::Subscribe => ("subscribe", call.subscribe.is_some()),
        call::Type::Accept => ("accept", call.accept.is_some()),
        call::Type::Decline => ("decline", call.decline.is_some()),
        call::Type::AcceptInverseOffers => {
            ("accept_inverse_offers", call.accept_inverse_offers.is_some())
        }
        call::Type::DeclineInverseOffers => {
            ("decline_inverse_offers", call.decline_inverse_offers.is_some())
        }
        call::Type::Kill => ("kill", call.kill.is_some()),
        call::Type::Shutdown => ("shutdown", call.shutdown.is_some()),
        call::Type::Acknowledge => ("acknowledge", call.acknowledge.is_some()),
        call::Type::AcknowledgeOperationStatus => {
            ("acknowledge_operation_status", call.acknowledge_operation_status.is_some())
        }
        call::Type::Reconcile => ("reconcile", call.reconcile.is_some()),
        call::Type::ReconcileOperations => {
            ("reconcile_operations", call.reconcile_operations.is_some())
        }
        call::Type::Message => ("message", call.message.is_some()),
        call::Type::Request => ("request", call.request.is_some()),
        call::Type::UpdateFramework => ("update_framework", call.update_framework.is_some()),
    };
    (!present).then_some(name)
}

/// What is said to a principal that calls for a framework of another one.
pub(crate) fn other_principal(authenticated: &str, named: &str) -> String {
    format!(
        "Authenticated principal '{authenticated}' does not match principal '{named}' set in \
         `FrameworkInfo`"
    )
}

fn check_subscribe(call: &Call) -> Result<(), String> {
    let inner = call.subscribe.as_ref().and_then(|part| part.framework_info.id.as_ref());
    let (outer, inner) = (call.framework_id.as_ref(), inner);
    if outer == inner {
        Ok(())
    } else {
        Err("'framework_id' differs from 'subscribe.framework_info.id'".to_owned())
    }
}

/// A uuid is 16 bytes with one of the five versions of RFC 4122.
fn check_uuid(uuid: Option<&[u8]>) -> Result<(), String> {
    let Some(uuid) = uuid else { return Ok(()) };
    let version = uuid.get(6).map(|byte| byte >> 4);
    if uuid.len() == 16 && version.is_some_and(|version| (1..=5).contains(&version)) {
        Ok(())
    } else {
        Err("Not a valid UUID".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesos::v1::FrameworkInfo;

    fn call(kind: call::Type) -> Call {
        Call { framework_id: Some("f".into()), r#type: Some(kind.into()), ..Call::default() }
    }

    #[test]
    fn the_part_that_the_type_names_must_be_there() {
        assert!(validate(&Call::default()).unwrap_err().contains("'type'"));
        assert!(validate(&call(call::Type::Kill)).unwrap_err().contains("'kill'"));
        assert_eq!(validate(&call(call::Type::Revive)), Ok(call::Type::Revive));
        let bare = Call { framework_id: None, ..call(call::Type::Revive) };
        assert!(validate(&bare).unwrap_err().contains("'framework_id'"));
    }

    #[test]
    fn both_framework_ids_of_a_subscription_must_agree() {
        let info = FrameworkInfo { id: Some("f".into()), ..FrameworkInfo::default() };
        let subscribe = call::Subscribe { framework_info: info, ..call::Subscribe::default() };
        let good = Call { subscribe: Some(subscribe), ..call(call::Type::Subscribe) };
        assert!(validate(&good).is_ok());
        assert!(validate(&Call { framework_id: None, ..good.clone() }).is_err());
        let bare = call::Subscribe::default();
        assert!(validate(&Call { subscribe: Some(bare), ..good }).is_err());
    }

    #[test]
    fn a_uuid_has_sixteen_bytes_and_a_version() {
        let acknowledge = |uuid: Vec<u8>| Call {
            acknowledge: Some(call::Acknowledge { uuid, ..call::Acknowledge::default() }),
            ..call(call::Type::Acknowledge)
        };
        assert_eq!(validate(&acknowledge(b"bad-uuid".to_vec())).unwrap_err(), "Not a valid UUID");
        assert!(validate(&acknowledge(vec![0; 16])).is_err());
        assert!(validate(&acknowledge(vec![0x41; 16])).is_ok());
    }
}
