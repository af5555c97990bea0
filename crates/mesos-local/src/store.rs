//! What is written to disk, so that another process can go on.

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

/// A file that always holds a whole message.
#[derive(Debug, Clone)]
pub(crate) struct Store<M> {
    path: PathBuf,
    last: Option<M>,
}

impl<M: Message + Default + Clone + PartialEq> Store<M> {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, last: None }
    }

    /// What was saved last; nothing where nothing was, or where it cannot be read.
    pub(crate) fn load(&self) -> Option<M> {
        let bytes = fs::read(&self.path).ok()?;
        let message = M::decode(bytes.as_slice());
        if let Err(error) = &message {
            tracing::warn!(path = %self.path.display(), %error, "what was saved is unreadable");
        }
        message.ok()
    }

    /// Saves the message unless it is the one saved before.
    pub(crate) fn save(&mut self, message: M) {
        if self.last.as_ref() == Some(&message) {
            return;
        }
        if let Err(error) = replace(&self.path, &message.encode_to_vec()) {
            tracing::warn!(path = %self.path.display(), %error, "cannot save");
        }
        self.last = Some(message);
    }
}

/// Writes beside the file and moves over it, so that no reader sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let beside = path.with_extension("new");
    fs::write(&beside, bytes)?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_last_is_loaded_and_damage_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta/master");
        let mut store: Store<Registry> = Store::at(path.clone());
        assert_eq!(store.load(), None);
        for name in ["a", "b"] {
            let info = AgentInfo { hostname: name.into(), ..AgentInfo::default() };
            store.save(Registry { agents: vec![info] });
        }
        assert_eq!(store.load().unwrap().agents[0].hostname, "b");
        fs::write(path, [0xff; 9]).unwrap();
        assert_eq!(store.load(), None);
    }
}
