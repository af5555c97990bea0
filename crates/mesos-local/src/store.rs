//! What is written to disk, so that another process can go on.

use std::fs::File;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use mesos::v1::AgentInfo;
use prost::Message;

use crate::agent::checkpoint::Checkpoint;

/// The agents that a master has, for the one after it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Registry {
    #[prost(message, repeated, tag = "1")]
    pub(crate) agents: Vec<AgentInfo>,
}

/// An agent and what it runs, for the process after its own.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StoredAgent {
    #[prost(message, optional, tag = "1")]
    pub(crate) info: Option<AgentInfo>,
    #[prost(message, optional, tag = "2")]
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// The message saved last, in one of two files that are written in turn, so that the other one
/// is whole whenever the process ends. Both are written in place: a new file each time would cost
/// far more than what is in it.
#[derive(Debug)]
pub(crate) struct Store<M> {
    path: PathBuf,
    slots: [Option<File>; 2],
    /// The number of the message saved last; they count from 1.
    number: u64,
    last: Vec<u8>,
    message: PhantomData<fn(M)>,
}

impl<M: Message + Default> Store<M> {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, slots: [None, None], number: 0, last: Vec::new(), message: PhantomData }
    }

    /// What was saved last; nothing where nothing was, or where it cannot be read.
    pub(crate) fn load(&mut self) -> Option<M> {
        let saved = (0..2).filter_map(|number| {
            let bytes = fs::read(self.slot(number)).ok()?;
            let message = read_slot(&bytes);
            if message.is_none() {
                tracing::debug!(path = %self.slot(number).display(), "nothing whole is there");
            }
            message
        });
        let (number, bytes) = saved.max_by_key(|(number, _)| *number)?;
        let message = M::decode(bytes.as_slice());
        if let Err(error) = &message {
            tracing::warn!(path = %self.path.display(), %error, "what was saved is unreadable");
        }
        (self.number, self.last) = (number, bytes);
        message.ok()
    }

    /// Saves the message unless it is the one saved before.
    pub(crate) fn save(&mut self, message: &M) {
        let bytes = message.encode_to_vec();
        if self.number == 0 {
            // The numbers go on where another process, or another agent in this one, ended.
            self.load();
        }
        if self.number > 0 && self.last == bytes {
            return;
        }
        self.number += 1;
        if let Err(error) = self.write(&bytes) {
            tracing::warn!(path = %self.path.display(), %error, "cannot save");
        }
        self.last = bytes;
    }

    fn slot(&self, number: u64) -> PathBuf {
        self.path.with_extension(if number.is_multiple_of(2) { "even" } else { "odd" })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let path = self.slot(self.number);
        let [even, odd] = &mut self.slots;
        let slot = if self.number.is_multiple_of(2) { even } else { odd };
        let file = match slot {
            Some(file) => file,
            None => slot.insert(open(&path)?),
        };
        write_slot(file, self.number, bytes)
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    File::options().write(true).create(true).truncate(false).open(path)
}

/// The number comes first and is written last: while it is zero, the rest is not whole.
fn write_slot(file: &File, number: u64, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(&0_u64.to_be_bytes(), 0)?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    file.write_all_at(&[&length.to_be_bytes(), bytes].concat(), 8)?;
    file.write_all_at(&number.to_be_bytes(), 0)
}

/// Number and bytes of a whole message.
fn read_slot(slot: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (number, rest) = slot.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let number = u64::from_be_bytes(*number);
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let bytes = rest.get(..length)?;
    (number > 0).then(|| (number, bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Registry {
        Registry { agents: vec![AgentInfo { hostname: name.into(), ..AgentInfo::default() }] }
    }

    #[test]
    fn what_was_saved_last_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta/master");
        let mut store: Store<Registry> = Store::at(path.clone());
        assert_eq!(store.load(), None);
        for name in ["a long name", "b", "b", "c"] {
            store.save(&named(name));
            let mut next: Store<Registry> = Store::at(path.clone());
            assert_eq!(next.load(), Some(named(name)));
        }
        let mut next: Store<Registry> = Store::at(path.clone());
        next.save(&named("d"));
        assert_eq!(Store::at(path).load(), Some(named("d")), "the numbers go on");
    }

    #[test]
    fn a_write_that_was_broken_off_leaves_what_was_saved_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master");
        let mut store: Store<Registry> = Store::at(path.clone());
        store.save(&named("a"));
        store.save(&named("b"));
        // As after the first step of a third one.
        fs::write(path.with_extension("odd"), [0; 8]).unwrap();
        assert_eq!(Store::at(path.clone()).load(), Some(named("b")));
        fs::write(path.with_extension("even"), [0xff; 9]).unwrap();
        assert_eq!(Store::<Registry>::at(path).load(), None, "damage is nothing");
    }
}
