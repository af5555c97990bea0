//! What each fuzz target does with its bytes, and what must hold. Shared by the targets and by
//! `tests/fuzz_regressions.rs`, which replays the files kept here in every `cargo test`.

use std::str;

use bytes::{Bytes, BytesMut};
use mesos::codec::Codec;
use mesos::definition::Definition;
use mesos::master::MasterSpec;
use mesos::recordio::{self, Decoder};
use mesos::resources::Resources;
use mesos::v1::{ExecutorInfo, FrameworkInfo, MasterInfo, TaskInfo, TaskStatus};
use mesos::v1::{executor, scheduler};
use mesos::wire::Wire;
use mesos::{duration, json};

/// A target by its name.
pub type Oracle = fn(&[u8]);

/// All of them.
pub const TARGETS: &[(&str, Oracle)] = &[
    ("recordio", recordio),
    ("events", events),
    ("events_json", events_json),
    ("calls", calls),
    ("master_spec", master_spec),
    ("resources", resources),
    ("durations", durations),
    ("definition", definition),
];

/// The largest record the target takes.
const MAX_RECORD_BYTES: usize = 1024;

/// The first byte says how large the pieces are; however a stream is cut, its records are the
/// same, none is empty or over the limit, and they survive being framed again.
pub fn recordio(data: &[u8]) {
    let Some((piece_bytes, stream)) = data.split_first() else { return };
    let (whole, ended) = records(stream, usize::MAX);
    let (cut, cut_ended) = records(stream, usize::from(*piece_bytes).max(1));
    assert_eq!((&whole, ended), (&cut, cut_ended));
    assert!(whole.iter().all(|record| (1..=MAX_RECORD_BYTES).contains(&record.len())));
    let again: Vec<u8> = whole.iter().flat_map(|record| recordio::encode(record)).collect();
    assert_eq!(records(&again, usize::MAX), (whole, true));
}

/// The records of a stream that comes in pieces, and whether it may end where it does.
fn records(stream: &[u8], piece_bytes: usize) -> (Vec<Bytes>, bool) {
    let mut decoder = Decoder::with_max_record_bytes(MAX_RECORD_BYTES);
    let (mut buffer, mut records) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(piece_bytes) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(_) => return (records, false),
            }
        }
    }
    (records, decoder.finish(&buffer).is_ok())
}

/// Events in protobuf, of both APIs.
pub fn events(data: &[u8]) {
    message::<scheduler::Event>(data);
    message::<executor::Event>(data);
}

/// Events and what ZooKeeper holds, in JSON.
pub fn events_json(data: &[u8]) {
    text::<scheduler::Event>(data);
    text::<executor::Event>(data);
    text::<MasterInfo>(data);
}

/// Calls and the largest parts of them, in both encodings.
pub fn calls(data: &[u8]) {
    message::<scheduler::Call>(data);
    message::<executor::Call>(data);
    text::<scheduler::Call>(data);
    text::<FrameworkInfo>(data);
    text::<ExecutorInfo>(data);
    text::<TaskInfo>(data);
    text::<TaskStatus>(data);
}

/// What was read can be written and read again as the same, and has a JSON form.
fn message<M: Wire + PartialEq>(data: &[u8]) {
    let _ = json::first_missing_field::<M>(data);
    let Ok(message) = Codec::Protobuf.decode::<M>(data) else { return };
    let bytes = message.encode_to_vec();
    let again: M = Codec::Protobuf.decode(&bytes).expect("our own encoding");
    // A number that is none is unequal to itself, so compare what is written.
    assert_eq!(again.encode_to_vec(), bytes);
    let text = json::to_string(&message);
    serde_json::from_str::<serde_json::Value>(&text).expect("our own JSON");
}

fn text<M: Wire + PartialEq>(data: &[u8]) {
    if let Ok(message) = Codec::Json.decode::<M>(data) {
        let again: M = Codec::Json.decode(&Codec::Json.encode(&message)).expect("our own JSON");
        assert_eq!(again.encoded_len(), message.encoded_len());
    }
}

/// An address of masters survives being shown, unless that hides a secret.
pub fn master_spec(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(spec) = text.parse::<MasterSpec>() {
        let shown = spec.to_string();
        if !shown.contains('@') && !shown.starts_with("file:") {
            let again: MasterSpec = shown.parse().expect("what was shown");
            assert_eq!(again.to_string(), shown);
        }
    }
}

/// Resources survive the wire, and hold themselves.
pub fn resources(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(bundle) = text.parse::<Resources>() {
        assert_eq!(Resources::from(&bundle.to_wire()), bundle);
        assert!(bundle.contains(&bundle));
        assert!(bundle.checked_sub(&bundle).expect("all of it").is_empty());
        let _ = bundle.to_string();
    }
}

/// Durations as Mesos writes them.
pub fn durations(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let _ = duration::parse(text);
}

/// A file of task definitions, with errors that can be shown.
pub fn definition(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Err(error) = Definition::from_json(text) {
        assert!(!error.to_string().is_empty());
    }
}
