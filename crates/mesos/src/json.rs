//! Messages as JSON, in the dialect that Mesos speaks.
//!
//! Field names as in the .proto files, bytes in base64, enums by name, 64-bit
//! integers as numbers. Reading is lenient as in Mesos: unknown fields are
//! ignored, `null` means unset, and an unknown enum name leaves its field unset.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{
    Cardinality, DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor,
    ReflectMessage, SerializeOptions, Value,
};

use crate::required::Required;
use crate::v1::DESCRIPTORS;
use crate::wire::Wire;

#[expect(clippy::expect_used, reason = "the descriptors are compiled in and covered by tests")]
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the committed descriptors"));

static REQUIRED: LazyLock<Required> = LazyLock::new(|| Required::of(&POOL));

/// Why a text is not the message that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON, or a value has the wrong type.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
    /// A required field is missing.
    #[error("the required field {path} is missing")]
    Missing {
        /// Where it should be, for example `subscribe.framework_info.user`.
        path: String,
    },
    /// The message cannot be moved into its type.
    #[error(transparent)]
    Shape(#[from] prost::DecodeError),
}

/// `message` as one line of JSON.
#[must_use]
pub fn to_string<M: Wire>(message: &M) -> String {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut text);
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(true);
    // Writing into memory cannot fail, and every message has a JSON form.
    let _ = dynamic(message).serialize_with_options(&mut serializer, &options);
    String::from_utf8(text).unwrap_or_default()
}

/// The message in `text`.
///
/// # Errors
///
/// When `text` is not JSON, a value has the wrong type, or a required field is missing.
pub fn from_slice<M: Wire>(text: &[u8]) -> Result<M, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message =
        DynamicMessage::deserialize_with_options(descriptor::<M>(), &mut deserializer, &options)?;
    deserializer.end()?;
    if let Some(path) = missing_field(&message) {
        return Err(JsonError::Missing { path });
    }
    Ok(M::decode(message.encode_to_vec().as_slice())?)
}

/// Where the first required field is that `message` (in protobuf) does not set.
///
/// Decoding into a type of [`crate::v1`] gives such a field its default and says
/// nothing; a server that must refuse such a message asks here.
#[must_use]
pub fn first_missing_field<M: Wire>(message: &[u8]) -> Option<String> {
    if REQUIRED.are_in(M::NAME, message) {
        return None;
    }
    let message = DynamicMessage::decode(descriptor::<M>(), message).ok()?;
    missing_field(&message)
}

#[expect(clippy::expect_used, reason = "every `Wire` name is checked by a test")]
fn descriptor<M: Wire>() -> MessageDescriptor {
    POOL.get_message_by_name(M::NAME).expect("a message of the protocol")
}

#[expect(clippy::expect_used, reason = "a message's own encoding has its own shape")]
fn dynamic<M: Wire>(message: &M) -> DynamicMessage {
    let bytes = message.encode_to_vec();
    DynamicMessage::decode(descriptor::<M>(), bytes.as_slice()).expect("the same message")
}

fn missing_field(message: &DynamicMessage) -> Option<String> {
    let descriptor = message.descriptor();
    let unset = descriptor
        .fields()
        .find(|field| field.cardinality() == Cardinality::Required && !message.has_field(field));
    if let Some(field) = unset {
        return Some(field.name().to_owned());
    }
    message.fields().find_map(|(field, value)| {
        missing_inside(value).map(|path| format!("{}.{path}", field.name()))
    })
}

fn missing_inside(value: &Value) -> Option<String> {
    if let Some(message) = value.as_message() {
        missing_field(message)
    } else if let Some(list) = value.as_list() {
        list.iter().find_map(missing_inside)
    } else if let Some(map) = value.as_map() {
        map.values().find_map(missing_inside)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::offer::{Operation, operation};
    use crate::v1::scheduler::{Call, call};
    use crate::v1::value::Scalar;
    use crate::v1::{FrameworkInfo, TaskInfo, TaskState, TaskStatus};

    fn subscribe() -> Call {
        Call {
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(call::Subscribe {
                framework_info: FrameworkInfo {
                    user: "root".into(),
                    name: "inverter".into(),
                    ..FrameworkInfo::default()
                },
                ..call::Subscribe::default()
            }),
            ..Call::default()
        }
    }

    #[test]
    fn a_call_survives_the_way_through_json() {
        let text = to_string(&subscribe());
        assert!(text.contains(r#""type":"SUBSCRIBE""#), "{text}");
        assert_eq!(from_slice::<Call>(text.as_bytes()).unwrap(), subscribe());
    }

    #[test]
    fn bytes_are_base64_and_enums_are_names() {
        let status = TaskStatus {
            task_id: "t".into(),
            state: TaskState::TaskRunning.into(),
            uuid: Some(vec![0xff; 4]),
            ..TaskStatus::default()
        };
        let text = to_string(&status);
        assert!(text.contains(r#""uuid":"/////w==""#), "{text}");
        assert!(text.contains(r#""state":"TASK_RUNNING""#), "{text}");
    }

    #[test]
    fn unknown_fields_are_ignored_and_null_is_unset() {
        let text = br#"{"type":"TEARDOWN","framework_id":{"value":"f"},"kill":null,"news":[1]}"#;
        let call: Call = from_slice(text).unwrap();
        assert_eq!(call.framework_id.unwrap().value, "f");
        assert!(call.kill.is_none());
    }

    #[test]
    fn a_missing_required_field_is_named() {
        let text = br#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"n"}}}"#;
        let error = from_slice::<Call>(text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the required field subscribe.framework_info.user is missing"
        );
        assert_eq!(first_missing_field::<Call>(&subscribe().encode_to_vec()), None);
        let bare = Call { subscribe: Some(call::Subscribe::default()), ..Call::default() };
        // What prost writes always has its required fields, even if empty.
        assert_eq!(first_missing_field::<Call>(&bare.encode_to_vec()), None);
        assert_eq!(first_missing_field::<Call>(&[0x1a, 0]).unwrap(), "subscribe.framework_info");
    }

    #[test]
    fn a_field_that_is_missing_deep_inside_is_found_and_a_whole_message_is_not_decoded() {
        let whole = subscribe().encode_to_vec();
        assert!(REQUIRED.are_in(Call::NAME, &whole));
        // Two halves of a framework, which is what a message in several parts means.
        let parts = [&[0x1a, 5, 0x0a, 3, 0x0a, 1, b'u'][..], &[0x1a, 5, 0x0a, 3, 0x12, 1, b'n']];
        assert!(!REQUIRED.are_in(Call::NAME, &parts.concat()));
        assert_eq!(first_missing_field::<Call>(&parts.concat()), None);
        let missing = first_missing_field::<Call>(parts[0]);
        assert_eq!(missing.unwrap(), "subscribe.framework_info.name");
    }

    #[test]
    fn decoding_finds_the_same_fields_missing() {
        let limit = ("mem".to_owned(), Scalar { value: 1.0 });
        let task = TaskInfo { limits: [limit].into(), ..TaskInfo::default() };
        let launch = operation::Launch { task_infos: vec![task.clone(), task] };
        let operation = Operation { launch: Some(launch), ..Operation::default() };
        let accept = call::Accept { operations: vec![operation], ..call::Accept::default() };
        let accept = Call { accept: Some(accept), ..Call::default() };
        hold_against_decoding(&subscribe().encode_to_vec());
        hold_against_decoding(&accept.encode_to_vec());
    }

    /// Each beginning of the message, and each change of a byte.
    fn hold_against_decoding(whole: &[u8]) {
        let same = |bytes: &[u8]| {
            let decoded = DynamicMessage::decode(descriptor::<Call>(), bytes);
            let missing = decoded.ok().and_then(|message| missing_field(&message));
            assert_eq!(first_missing_field::<Call>(bytes), missing, "{bytes:?}");
        };
        for at in 0..whole.len() {
            same(&whole[..at]);
            for change in 1..=u8::MAX {
                let mut bytes = whole.to_vec();
                bytes[at] ^= change;
                same(&bytes);
            }
        }
    }

    #[test]
    fn garbage_is_an_error() {
        for text in ["", "{", "[]", "1", r#"{"type":"SUBSCRIBE"} x"#] {
            assert!(from_slice::<Call>(text.as_bytes()).is_err(), "{text}");
        }
    }
}
