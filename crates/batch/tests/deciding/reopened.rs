//! Images that have failed and are tried again by a later run.

use batch::{Engine, Entry, Given, ImageEnd, Record, Settings};
use protocol::{Class, ImageReport};

use super::{done, entry};

fn ended(index: u64, end: ImageEnd) -> Record {
    Record::ImageEnded { index, end: Box::new(end) }
}

fn records() -> Vec<Record> {
    let good = ImageEnd::of(ImageReport { bytes_in: 5, ..done(1) }, "a");
    vec![
        ended(1, good),
        ended(2, ImageEnd::failed(Class::Dns, "no such host", "a")),
        Record::ImageReopened { index: 1 },
        Record::ImageReopened { index: 2 },
        Record::ImageReopened { index: 4 },
    ]
}

/// Four images: one that is done, one that failed, its duplicate, and one that nothing is known of.
fn list() -> Vec<Entry> {
    let duplicate = Entry { given: Given::Duplicate { of: 2 }, ..entry(3) };
    vec![entry(1), entry(2), duplicate, entry(4)]
}

#[test]
fn what_failed_waits_for_its_first_task_and_what_is_done_stays_done() {
    let settings = || Settings::new("job", "exec");
    let listed_first = Engine::replay(settings(), list(), &records());
    let mut recorded_first = Engine::new(settings());
    records().iter().for_each(|record| recorded_first.apply(record));
    let given = batch::Input::Submit(list());
    let mut store = batch::memory::MemoryStore::default();
    recorded_first.handle(batch::Time::ZERO, given).commit(&mut store).unwrap();
    for engine in [listed_first, recorded_first] {
        let progress = engine.progress();
        assert_eq!((progress.total, progress.done, progress.failed), (4, 1, 0));
        assert_eq!((progress.duplicates, progress.pending, progress.retrying), (1, 2, 0));
        assert_eq!(progress.bytes_in, 5);
    }
}

#[test]
fn an_image_that_fails_again_has_failed_once() {
    let mut records = records();
    records.push(ended(2, ImageEnd::failed(Class::Timeout, "too slow", "a")));
    let engine = Engine::replay(Settings::new("job", "exec"), list(), &records);
    assert_eq!((engine.progress().failed, engine.progress().pending), (1, 1));
}
