//! The wire messages, generated from the files in `proto/`.
//!
//! Names, numbers and defaults are the protocol's own; the documentation of
//! what they mean is on the modules of this crate that use them.

#[expect(
    missing_docs,
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod generated {
    include!("generated/mesos.v1.rs");

    pub mod scheduler {
        include!("generated/mesos.v1.scheduler.rs");
    }

    pub mod executor {
        include!("generated/mesos.v1.executor.rs");
    }
}

pub use generated::*;

/// All messages of the package as one encoded `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
