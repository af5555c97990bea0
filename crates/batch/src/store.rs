//! The promise that records are durable, as a value.

use crate::Record;

/// Where records are kept.
///
/// Give [`Engine::apply`](crate::Engine::apply) all of them, in order, to have the
/// engine back as it was.
pub trait Store {
    /// Why records could not be kept.
    type Error;

    /// Keeps records, after those it has already. When it returns without an error,
    /// they survive a crash of the machine; when it fails, a beginning of them may.
    ///
    /// It is not called without records.
    ///
    /// # Errors
    ///
    /// When it is not sure that all of them are durable.
    fn append(&mut self, records: &[Record]) -> Result<(), Self::Error>;
}

/// The proof that records are durable. Only a store's success makes one:
///
/// ```compile_fail
/// let receipt = batch::Receipt(());
/// ```
#[derive(Debug)]
pub struct Receipt(());

impl Receipt {
    pub(crate) fn of<S: Store + ?Sized>(
        store: &mut S,
        records: &[Record],
    ) -> Result<Self, S::Error> {
        if !records.is_empty() {
            store.append(records)?;
        }
        Ok(Self(()))
    }
}
