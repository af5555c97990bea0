//! A panic in a codec becomes an outcome of that one picture.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Class, Error, Format};

/// Runs `work`; a panic in it becomes [`Class::Internal`].
///
/// Nothing that `work` touches outlives it, so no half-changed state can be seen afterwards.
pub(crate) fn catch_panic<T>(
    format: Format,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::new(
            Class::Internal,
            format!("the {format} codec failed on this file; please report it with the file"),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let caught = catch_panic::<()>(Format::Png, || panic!("a codec's own words"));
        assert_eq!(caught.unwrap_err().class, Class::Internal);
    }
}
