//! A call out of a request's body, or the words of a real Mesos about why not.

use axum::http::{HeaderMap, header};
use mesos::codec::{Codec, CodecError};
use mesos::json::{JsonError, first_missing_field};
use mesos::wire::Wire;
use serde_json::Value;

use crate::master::Reply;

/// The call in the body.
pub(super) fn read<M: Wire>(headers: &HeaderMap, body: &[u8]) -> Result<M, Reply> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .ok_or_else(|| Reply::bad_request("Expecting 'Content-Type' to be present"))?;
    let codec = [Codec::Protobuf, Codec::Json]
        .into_iter()
        .find(|codec| content_type == codec.media_type())
        .ok_or_else(|| {
            let text = "Expecting 'Content-Type' of application/json or application/x-protobuf";
            Reply::new(415, text)
        })?;
    decode(codec, body).map_err(Reply::bad_request)
}

fn decode<M: Wire>(codec: Codec, body: &[u8]) -> Result<M, String> {
    let unparsable = || "Failed to parse body into Call protobuf".to_owned();
    match codec.decode::<M>(body) {
        // A real Mesos refuses what lacks a required field; prost would fill it in.
        Ok(_) if codec == Codec::Protobuf && first_missing_field::<M>(body).is_some() => {
            Err(unparsable())
        }
        Ok(call) => Ok(call),
        Err(CodecError::Protobuf(_)) => Err(unparsable()),
        Err(CodecError::Json(error)) => Err(json_fault(body, &error)),
    }
}

fn json_fault(body: &[u8], error: &JsonError) -> String {
    let value = match serde_json::from_slice::<Value>(body) {
        Ok(value) => value,
        Err(error) => return format!("Failed to parse body into JSON: {error}"),
    };
    let what = if !value.is_object() {
        "Expecting a JSON object".to_owned()
    } else if let JsonError::Missing { path } = error {
        format!("Missing required fields: {path}")
    } else {
        error.to_string()
    };
    format!("Failed to convert JSON into Call protobuf: {what}")
}
