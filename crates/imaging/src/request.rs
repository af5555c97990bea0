//! What the ways by format are asked to do.

use crate::{invert::SampleMap, limits::Budget};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) input: &'a [u8],
    /// The whole chain of inversions.
    pub(crate) map: SampleMap,
    /// Whether the metadata are to be removed: all but the colour profile and the orientation.
    /// Only asked of the formats that [`process`](crate::process) lists as able to.
    pub(crate) strip: bool,
    pub(crate) limits: &'a Budget,
}
