//! A store that forgets everything when the program ends.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::outcome::{self, Ended, Found, Tries};
use crate::{Entry, Record, Store};

/// Keeps records in memory, and can be told to fail.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    records: Vec<Record>,
    fails_next: bool,
}

/// The failure that [`MemoryStore::fail_next`] asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store in memory failed because it was told to")]
pub struct ToldToFail;

impl MemoryStore {
    /// What was kept, oldest first.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What the records say of an entry of the list; `None` while it has no outcome. It goes
    /// through all records: for tests and short lists.
    #[must_use]
    pub fn outcome(&self, entry: &Entry) -> Option<Found> {
        let mut tries = Tries::default();
        let mut kept = BTreeMap::new();
        for record in &self.records {
            if let Some((index, tried)) = tries.note(record)
                && let Record::ImageEnded { end, .. } = record
            {
                kept.insert(index, Ended { end: (**end).clone(), tried });
            }
            if let Record::ImageReopened { index } = record {
                kept.remove(index);
            }
        }
        let found = outcome::find(entry, |index| Ok(kept.get(&index).cloned()));
        found.unwrap_or_else(|never: Infallible| match never {})
    }

    /// Makes the next write fail, without keeping anything of it.
    pub fn fail_next(&mut self) {
        self.fails_next = true;
    }
}

impl Store for MemoryStore {
    type Error = ToldToFail;

    fn append(&mut self, records: &[Record]) -> Result<(), ToldToFail> {
        if std::mem::take(&mut self.fails_next) {
            return Err(ToldToFail);
        }
        self.records.extend_from_slice(records);
        Ok(())
    }
}
