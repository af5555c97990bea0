//! One sync for all who wait for it.
//!
//! A sync of a folder makes every rename durable that was done before it began. Uploads that come
//! to this point while a sync is under way wait for the next one, which then serves all of them:
//! under load the disk is asked once a group and not once an upload.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Shares one operation among those who ask for it.
#[derive(Debug, Default)]
pub(crate) struct Group {
    rounds: Mutex<Rounds>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    begun: u64,
    ended: u64,
    /// How many wait for a round to end.
    waiting: usize,
    /// The rounds that failed, and how.
    failed: Vec<(u64, Option<i32>)>,
}

impl Group {
    /// Returns when an operation that began after this call has ended, whoever ran it.
    ///
    /// # Errors
    ///
    /// When that operation failed. Another one is no remedy: what could not be written may be
    /// forgotten by then.
    pub(crate) fn run(&self, operation: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut rounds = self.lock();
        let round = rounds.begun + 1;
        rounds.waiting += 1;
        while rounds.begun > rounds.ended && rounds.ended < round {
            rounds = self.ended.wait(rounds).unwrap_or_else(PoisonError::into_inner);
        }
        rounds.waiting -= 1;
        if rounds.ended >= round {
            return rounds.result(round);
        }
        rounds.begun = round;
        drop(rounds);
        let result = operation();
        let mut rounds = self.lock();
        rounds.ended = round;
        if let Err(error) = &result {
            rounds.failed.push((round, error.raw_os_error()));
        }
        drop(rounds);
        self.ended.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Rounds> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rounds {
    fn result(&self, round: u64) -> io::Result<()> {
        match self.failed.iter().find(|(failed, _)| *failed == round) {
            Some((_, Some(number))) => Err(io::Error::from_raw_os_error(*number)),
            Some((_, None)) => Err(io::Error::other("the sync of the folder failed")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    /// A folder that tells which renames its syncs have seen.
    #[derive(Default)]
    struct Folder {
        renamed: Mutex<Vec<usize>>,
        durable: Mutex<Vec<usize>>,
        syncs: AtomicUsize,
    }

    impl Folder {
        fn sync(&self) -> io::Result<()> {
            let seen = self.renamed.lock().unwrap().clone();
            self.syncs.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            *self.durable.lock().unwrap() = seen;
            Ok(())
        }
    }

    #[test]
    fn whoever_returns_has_had_a_sync_that_began_after_its_rename() {
        let (group, folder) = (Group::default(), Folder::default());
        thread::scope(|scope| {
            for thread in 0..16 {
                let (group, folder) = (&group, &folder);
                scope.spawn(move || {
                    for upload in (thread * 100)..(thread * 100 + 100) {
                        folder.renamed.lock().unwrap().push(upload);
                        group.run(|| folder.sync()).unwrap();
                        assert!(folder.durable.lock().unwrap().contains(&upload), "{upload}");
                    }
                });
            }
        });
    }

    /// While a sync is under way eight others come, whose own is `next`; returns what they got.
    fn eight_during_one(
        group: &Group,
        next: impl Fn() -> io::Result<()> + Sync,
    ) -> Vec<io::Result<()>> {
        let (begun, go_on) = (Barrier::new(2), Barrier::new(2));
        let blocked = || {
            begun.wait();
            go_on.wait();
            Ok(())
        };
        thread::scope(|scope| {
            let first = scope.spawn(|| group.run(blocked));
            begun.wait();
            let others: Vec<_> = (0..8).map(|_| scope.spawn(|| group.run(&next))).collect();
            while group.lock().waiting < 8 {
                thread::yield_now();
            }
            go_on.wait();
            first.join().unwrap().unwrap();
            others.into_iter().map(|other| other.join().unwrap()).collect()
        })
    }

    #[test]
    fn those_who_wait_share_one_sync() {
        let syncs = AtomicUsize::new(0);
        let results = eight_during_one(&Group::default(), || {
            syncs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(syncs.into_inner(), 1);
    }

    #[test]
    fn a_failure_is_told_to_all_whom_the_sync_was_for() {
        let group = Group::default();
        let results = eight_during_one(&group, || Err(io::Error::from_raw_os_error(5)));
        let numbers = results.into_iter().map(|result| result.unwrap_err().raw_os_error());
        assert!(numbers.into_iter().all(|number| number == Some(5)));
        group.run(|| Ok(())).unwrap();
    }
}
