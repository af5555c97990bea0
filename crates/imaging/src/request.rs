//! What every format is asked to do.

use crate::{Limits, invert::SampleMap};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) input: &'a [u8],
    /// The whole chain of operations. Those that move pixels will need more than this.
    pub(crate) map: SampleMap,
    pub(crate) limits: &'a Limits,
}
