//! Conversions of the identifier messages.
//!
//! Every kind of id is a message type of its own on the wire, so the compiler
//! already refuses one where another is wanted:
//!
//! ```compile_fail
//! fn launch_on(agent: mesos::v1::AgentId) {}
//! launch_on(mesos::v1::TaskId::from("batch.1"));
//! ```

use std::fmt;

use crate::v1::{
    AgentId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, TaskId,
};

macro_rules! id {
    ($($name:ident),*) => {$(
        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self { value: value.to_owned() }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self { value }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.value)
            }
        }
    )*};
}

id!(AgentId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, TaskId);
