//! The two encodings of every message: protobuf and JSON.

use crate::wire::Wire;

/// How messages are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// Small and fast; what this crate's clients use unless told otherwise.
    #[default]
    Protobuf,
    /// Readable; what `curl` and most scripts use.
    #[cfg(feature = "json")]
    Json,
}

/// A message that the other side cannot have meant.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not this message in protobuf.
    #[error("cannot decode a protobuf message: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// The text is not this message in JSON.
    #[cfg(feature = "json")]
    #[error("cannot decode a JSON message: {0}")]
    Json(#[from] crate::json::JsonError),
}

impl Codec {
    /// The media type for `Content-Type` and `Accept`, exactly as Mesos compares it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            #[cfg(feature = "json")]
            Self::Json => "application/json",
        }
    }

    /// The bytes of `message`.
    #[must_use]
    pub fn encode<M: Wire>(self, message: &M) -> Vec<u8> {
        match self {
            Self::Protobuf => message.encode_to_vec(),
            #[cfg(feature = "json")]
            Self::Json => crate::json::to_string(message).into_bytes(),
        }
    }

    /// The message in `bytes`.
    ///
    /// # Errors
    ///
    /// When the bytes are not such a message in this encoding.
    pub fn decode<M: Wire>(self, bytes: &[u8]) -> Result<M, CodecError> {
        match self {
            Self::Protobuf => Ok(M::decode(bytes)?),
            #[cfg(feature = "json")]
            Self::Json => Ok(crate::json::from_slice(bytes)?),
        }
    }
}
