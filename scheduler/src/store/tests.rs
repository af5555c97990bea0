//! What is kept, read back, and refused.

use super::*;
use crate::failure::Failure;
use crate::job::hexadecimal;
use batch::ImageEnd;
use protocol::Class;

fn records() -> Vec<Record> {
    let attempt = Attempt { batch: 1, number: 1 };
    vec![
        Record::FrameworkSubscribed { framework_id: "f".into() },
        Record::Launched { attempt, agent: "a".into(), images: vec![1] },
        Record::ImageFailedOnce { index: 1, class: Class::Dns },
        Record::TaskEnded { attempt, cost: 0 },
    ]
}

fn kept(store: &mut JobStore) -> Vec<Record> {
    let mut records = Vec::new();
    store.replay(|record| records.push(record.clone())).unwrap();
    records
}

#[test]
fn what_was_kept_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = JobStore::open(folder.path(), "j").unwrap();
    assert_eq!(kept(&mut store), []);
    store.append(&records()[..1]).unwrap();
    store.append(&records()[1..]).unwrap();
    let token = store.upload_token(|| "t1".into()).unwrap();
    drop(store);

    let mut store = JobStore::open(folder.path(), "j").unwrap();
    assert_eq!(kept(&mut store), records());
    assert_eq!(store.upload_token(|| "t2".into()).unwrap(), token);
    store.append(&records()[3..]).unwrap();
    assert_eq!(kept(&mut store).len(), 5);
}

#[test]
fn the_end_of_an_image_is_found_by_its_index_with_its_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = JobStore::open(folder.path(), "j").unwrap();
    assert_eq!(kept(&mut store), []);
    store.append(&records()).unwrap();
    let second = Attempt { batch: 2, number: 1 };
    let launched = |attempt| Record::Launched { attempt, agent: "b".into(), images: vec![1, 2] };
    let not_asked = Attempt { batch: 3, number: 1 };
    let put_off = [Record::ImagePutOff { index: 1 }, Record::ImagePutOff { index: 2 }];
    store.append(&[launched(not_asked)]).unwrap();
    store.append(&put_off).unwrap();
    store.append(&[launched(second)]).unwrap();
    drop(store);

    let mut store = JobStore::open(folder.path(), "j").unwrap();
    kept(&mut store);
    assert_eq!(store.outcomes().unwrap().get(1).unwrap(), None);
    assert_eq!(store.last_task(1), Some(second));
    let end = ImageEnd::failed(Class::Dns, "no such host", "b");
    let ended = Record::ImageEnded { index: 1, end: Box::new(end.clone()) };
    store.append(&[ended]).unwrap();
    let tried = Tried { attempts: 2, task: Some(second) };
    assert_eq!(store.outcomes().unwrap().get(1).unwrap(), Some(Ended { end, tried }));
    assert_eq!((store.last_task(1), store.last_task(2)), (None, Some(second)));
}

/// If this fails, what is written has changed: then a new form is due, and this with it.
#[test]
fn records_are_written_in_the_form_that_the_file_names() {
    let end = ImageEnd { bytes_in: 300, ..ImageEnd::failed(Class::Dns, "m", "a") };
    let mut records = records();
    records.push(Record::ImageEnded { index: 7, end: Box::new(end) });
    records.push(Record::ExecutorPlaced { agent: "a".into(), resources: vec![vec![1, 2]] });
    records.push(Record::ImageReopened { index: 9 });
    records.push(Record::ImagePutOff { index: 8 });
    let written: Vec<String> = records
        .iter()
        .map(|record| hexadecimal(&postcard::to_allocvec(record).unwrap(), usize::MAX))
        .collect();
    assert_eq!(written, FORM_4_EXAMPLES, "{written:#?}");
}

const FORM_4_EXAMPLES: [&str; 8] = [
    "000166",
    "02010101610101",
    "040103646e73",
    "05010100",
    "030703646e73016d0000016100ac0200000000000000000000000000000000000000",
    "01016101020102",
    "0609",
    "0708",
];

#[test]
fn a_damaged_file_is_named_and_gives_no_wrong_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = JobStore::open(folder.path(), "j").unwrap();
    assert_eq!(kept(&mut store), []);
    for _ in 0..50 {
        store.append(&records()).unwrap();
    }
    let written = kept(&mut store);
    drop(store);
    let path = JobStore::path_of(folder.path(), "j");
    let whole = std::fs::read(&path).unwrap();
    let used = (0..whole.len()).filter(|at| whole[*at] != 0);
    let mut damaged = 0;
    for at in used.step_by(101) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&path, &bytes).unwrap();
        match JobStore::open(folder.path(), "j") {
            Ok(mut store) => assert_eq!(kept(&mut store), written, "byte {at}"),
            Err(StoreError::Damaged { .. }) => damaged += 1,
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    assert!(damaged > 0);
}

#[test]
fn a_cleared_store_knows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = JobStore::open(folder.path(), "j").unwrap();
    store.append(&records()).unwrap();
    store.close().unwrap();
    assert!(store.is_closed().unwrap());
    store.clear().unwrap();
    assert!(!store.is_closed().unwrap());
    assert_eq!(kept(&mut store), []);
    store.append(&records()[..1]).unwrap();
    assert_eq!(kept(&mut store), records()[..1]);
}

#[test]
fn a_second_scheduler_is_told_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let first = JobStore::open(folder.path(), "j").unwrap();
    let failure = Failure::from(JobStore::open(folder.path(), "j").unwrap_err());
    assert_eq!(failure.status(), 8);
    assert!(failure.to_string().contains("another scheduler"), "{failure}");
    assert!(JobStore::open(folder.path(), "other").is_ok());
    drop(first);
    assert!(JobStore::open(folder.path(), "j").is_ok());
}

#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = JobStore::open(folder.path(), "j").unwrap();
    let mode = std::fs::metadata(store.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("j.redb"), "no database").unwrap();
    let error = JobStore::open(folder.path(), "j").unwrap_err();
    assert!(error.to_string().contains("is damaged (Not a redb"), "{error}");
}
