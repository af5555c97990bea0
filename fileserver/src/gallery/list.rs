//! What is in the folder of results. Only what a page shows is looked at closely,
//! so that a hundred thousand results cost a list of names.

use std::fs::{self, DirEntry};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use crate::place::is_plain;

/// A job with its number of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) results: usize,
    modified: SystemTime,
}

/// A result on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// The results of one job that are on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) job: Job,
    pub(crate) items: Vec<Item>,
}

/// The jobs, the one with the newest result first.
pub(crate) fn jobs(root: &Path) -> io::Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let Some(name) = visible(&entry, fs::FileType::is_dir) else { continue };
        let results = names(&entry.path())?.count();
        jobs.push(Job { name, results, modified: entry.metadata()?.modified()? });
    }
    jobs.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.name.cmp(&b.name)));
    Ok(jobs)
}

/// The results at the positions `range`, counted through all of `jobs`, each in the
/// order of its names.
pub(crate) fn window(root: &Path, jobs: &[Job], range: &Range<usize>) -> io::Result<Vec<Listing>> {
    let mut listings = Vec::new();
    let mut first = 0;
    for job in jobs {
        let start = range.start.saturating_sub(first);
        let end = range.end.saturating_sub(first).min(job.results);
        if start < end {
            let items = items(&root.join(&job.name), start, end - start)?;
            listings.push(Listing { job: job.clone(), items });
        }
        first += job.results;
    }
    Ok(listings)
}

fn items(folder: &Path, skip: usize, take: usize) -> io::Result<Vec<Item>> {
    let mut names: Vec<String> = names(folder)?.collect();
    names.sort_unstable();
    let shown = names.into_iter().skip(skip).take(take);
    // A file that has gone since is no reason to fail.
    Ok(shown
        .filter_map(|name| {
            let bytes = fs::symlink_metadata(folder.join(&name)).ok()?.len();
            Some(Item { name, bytes })
        })
        .collect())
}

fn names(folder: &Path) -> io::Result<impl Iterator<Item = String>> {
    let entries = fs::read_dir(folder)?;
    Ok(entries.filter_map(|entry| visible(&entry.ok()?, fs::FileType::is_file)))
}

fn visible(entry: &DirEntry, wanted: impl Fn(&fs::FileType) -> bool) -> Option<String> {
    let name = entry.file_name().into_string().ok().filter(|name| is_plain(name))?;
    entry.file_type().ok().filter(wanted).map(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_runs_through_the_jobs() {
        let folder = tempfile::tempdir().unwrap();
        for (job, results) in [("a", 3), ("b", 0), ("c", 4)] {
            fs::create_dir(folder.path().join(job)).unwrap();
            for number in 0..results {
                fs::write(folder.path().join(job).join(format!("{number}.png")), "x").unwrap();
            }
        }
        fs::create_dir(folder.path().join(".incoming")).unwrap();
        fs::write(folder.path().join("manifest.jsonl"), "{}").unwrap();
        let mut jobs = jobs(folder.path()).unwrap();
        jobs.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(jobs.iter().map(|job| job.results).collect::<Vec<_>>(), [3, 0, 4]);
        let shown: Vec<String> = window(folder.path(), &jobs, &(2..5))
            .unwrap()
            .iter()
            .flat_map(|listing| {
                listing.items.iter().map(|item| format!("{}/{}", listing.job.name, item.name))
            })
            .collect();
        assert_eq!(shown, ["a/2.png", "c/0.png", "c/1.png"]);
    }
}
