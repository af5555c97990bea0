//! The manifest, as its readers see it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One line of `manifest.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The image's number in the list, from 1.
    pub index: u64,
    /// The line it stands on, from 1.
    pub line: u64,
    /// Where it was.
    pub url: String,
    /// `done`, `failed`, or `pending` after an interruption.
    pub outcome: String,
    /// One of the words of `protocol::Class`; empty if pending.
    pub class: String,
    /// Why it failed.
    pub message: String,
    /// The result below the output folder; empty if there is none.
    pub output: String,
    /// The result's digest; empty if there is none.
    pub sha256: String,
    /// How many tasks it was in.
    pub attempts: u32,
    /// Who processed it; empty if nobody did.
    pub agent: String,
}

impl Entry {
    /// Whether there is a result.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.outcome == "done"
    }

    /// The bytes of the result, after a look at their digest.
    ///
    /// # Errors
    ///
    /// When there is no such file, or not with that digest.
    pub fn result(&self, output: &Path) -> Result<Vec<u8>> {
        ensure!(!self.output.is_empty(), "there is no output in {self:?}");
        let path = output.join(&self.output);
        let bytes = fs::read(&path).with_context(|| format!("no '{}'", path.display()))?;
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        ensure!(self.sha256 == digest, "{} has digest {digest}, {self:?}", path.display());
        Ok(bytes)
    }
}

/// The manifest in a folder of results: every image once, in the order of the list.
///
/// # Errors
///
/// When there is none, an image stands in it twice, or a line is none of a manifest.
pub fn manifest(output: &Path) -> Result<Vec<Entry>> {
    let file = output.join("manifest.jsonl");
    let text = fs::read_to_string(&file).with_context(|| format!("no '{}'", file.display()))?;
    let parse = |line| serde_json::from_str(line).with_context(|| format!("in {line}"));
    let entries: Vec<Entry> = text.lines().map(parse).collect::<Result<_>>()?;
    let is_in_order = (1..).zip(&entries).all(|(place, entry)| entry.index == place);
    ensure!(is_in_order, "not every image is there once and in its place:\n{text}");
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_listed_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("manifest.jsonl");
        let line = r#"{"index":1,"line":2,"url":"u","outcome":"failed","class":"dns","message":"m",
            "output":"","sha256":"","attempts":3,"agent":"a","more":1}"#
            .replace('\n', "");
        fs::write(&file, format!("{line}\n")).unwrap();
        assert!(!manifest(folder.path()).unwrap()[0].is_done());
        fs::write(&file, format!("{line}\n{line}\n")).unwrap();
        assert!(manifest(folder.path()).is_err());
    }

    #[test]
    fn a_result_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut entry: Entry = serde_json::from_str(
            r#"{"index":1,"line":1,"url":"u","outcome":"done","class":"ok","message":"","output":"j/a",
               "attempts":1,"agent":"a","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#,
        )
        .unwrap();
        fs::create_dir(folder.path().join("j")).unwrap();
        fs::write(folder.path().join("j/a"), "abc").unwrap();
        assert_eq!(entry.result(folder.path()).unwrap(), b"abc");
        fs::write(folder.path().join("j/a"), "abd").unwrap();
        assert!(entry.result(folder.path()).is_err());
        entry.output.clear();
        assert!(entry.result(folder.path()).is_err());
    }
}
