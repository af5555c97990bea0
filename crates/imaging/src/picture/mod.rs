//! The general way, for every operation and every format.

use crate::{Error, Format, Limits, Output, Pipeline};

/// Applies a chain of any operations.
pub(crate) fn process(
    _input: &[u8],
    _format: Format,
    pipeline: &Pipeline,
    _limits: &Limits,
) -> Result<Output, Error> {
    Err(Error::unsupported(format!("the operations {pipeline} are not supported yet")))
}
