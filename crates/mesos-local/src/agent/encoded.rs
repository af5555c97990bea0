//! Messages that are written to disk again and again, until they are no more.

use std::ops::Deref;

use bytes::Bytes;
use prost::Message;

/// A message together with its encoding: every checkpoint has it in it, and it never changes.
#[derive(Debug, Clone)]
pub(super) struct Encoded<M> {
    message: M,
    bytes: Bytes,
}

impl<M: Message + Default> Encoded<M> {
    /// What was encoded; nothing where that cannot be read.
    pub(super) fn read(bytes: Bytes) -> Option<Self> {
        let message = M::decode(bytes.clone()).ok()?;
        Some(Self { message, bytes })
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    pub(super) fn into_inner(self) -> M {
        self.message
    }
}

impl<M: Message> From<M> for Encoded<M> {
    fn from(message: M) -> Self {
        Self { bytes: message.encode_to_vec().into(), message }
    }
}

impl<M> Deref for Encoded<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.message
    }
}
