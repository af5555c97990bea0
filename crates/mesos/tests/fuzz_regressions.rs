//! Replays what the fuzz targets start from and what they once found: `fuzz/README.md`.

#![cfg(test)]

#[path = "../fuzz/oracles.rs"]
#[expect(unreachable_pub, reason = "a library for the fuzz targets")]
mod oracles;

use std::path::{Path, PathBuf};
use std::{env, fs};

use mesos::codec::Codec;
use mesos::recordio;
use mesos::v1::executor::{self, event as told};
use mesos::v1::scheduler::{self, call, event};
use mesos::v1::{Offer, TaskInfo, TaskStatus};

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_seeds_of_each_target_and_what_it_found_hold() {
    update_seeds();
    for (target, oracle) in oracles::TARGETS {
        let seeds = files(&folder("seeds", target));
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for file in seeds.iter().chain(&files(&folder("regressions", target))) {
            // Says which file it was where the oracle panics.
            println!("{}", file.display());
            oracle(&fs::read(file).unwrap());
        }
    }
}

#[test]
fn every_folder_belongs_to_a_target() {
    for kind in ["seeds", "regressions"] {
        for folder in files(&folder(kind, "")) {
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(oracles::TARGETS.iter().any(|(target, _)| *target == name), "{kind}/{name}");
        }
    }
}

/// Every seed is cut at every byte, and each of its bytes is damaged.
#[test]
fn a_cut_or_a_damage_anywhere_is_no_more_than_an_error() {
    for (target, oracle) in oracles::TARGETS {
        for file in files(&folder("seeds", target)) {
            let seed = fs::read(file).unwrap();
            for at in 0..seed.len() {
                oracle(&seed[..at]);
                for byte in [0, 0x7f, 0xff, seed[at] ^ 1] {
                    let mut damaged = seed.clone();
                    damaged[at] = byte;
                    oracle(&damaged);
                }
            }
        }
    }
}

/// Writes the seeds where that is asked for.
fn update_seeds() {
    if env::var_os("UPDATE_SEEDS").is_none() {
        return;
    }
    for (name, event) in scheduler_events() {
        seed("events", name, &Codec::Protobuf.encode(&event));
        seed("events_json", name, &Codec::Json.encode(&event));
    }
    let launch = executor::Event {
        r#type: Some(told::Type::Launch.into()),
        launch: Some(told::Launch { task: task() }),
        ..executor::Event::default()
    };
    seed("events", "launch", &Codec::Protobuf.encode(&launch));
    seed("events_json", "launch", &Codec::Json.encode(&launch));
    seed("calls", "accept", &Codec::Protobuf.encode(&accept()));
    seed("calls", "accept.json", &Codec::Json.encode(&accept()));
    let records: Vec<u8> =
        [&b"a"[..], b"hello", b"{}"].iter().flat_map(|r| recordio::encode(r)).collect();
    seed("recordio", "three", &[&[3], &records[..]].concat());
    seed("recordio", "blank-lines", b"\x01\n0\n3\r\nabc\n");
    seed("recordio", "huge", b"\x0218446744073709551615\n");
    for (name, text) in [
        ("host", "127.0.0.1:5050"),
        ("https", "https://[::1]:5050/"),
        ("zk", "zk://user:secret@a:2181,b:2181/mesos"),
        ("file", "file:///etc/mesos/zk"),
    ] {
        seed("master_spec", name, text.as_bytes());
    }
    seed("resources", "all", b"cpus:0.5;mem(web):64;ports:[1-2,5-9];set:{a,b}");
    seed("durations", "minutes", b"15mins");
    seed("durations", "fraction", b"1.5secs");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/taskrunner.json");
    seed("definition", "taskrunner", &fs::read(example).unwrap());
}

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = folder("seeds", target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn task() -> TaskInfo {
    let resources: mesos::resources::Resources = "cpus:1;mem:32".parse().unwrap();
    TaskInfo {
        name: "t".into(),
        task_id: "t".into(),
        agent_id: "a".into(),
        resources: resources.to_wire(),
        command: Some(mesos::command::Command::shell("echo hello").info()),
        data: Some(vec![0, 1, 255]),
        ..TaskInfo::default()
    }
}

fn accept() -> scheduler::Call {
    scheduler::Call {
        r#type: Some(call::Type::Accept.into()),
        framework_id: Some("f".into()),
        accept: Some(call::Accept {
            offer_ids: vec!["o".into()],
            operations: vec![mesos::operation::launch(vec![task()])],
            filters: None,
        }),
        ..scheduler::Call::default()
    }
}

fn scheduler_events() -> Vec<(&'static str, scheduler::Event)> {
    let of_type = |kind: event::Type| scheduler::Event {
        r#type: Some(kind.into()),
        ..scheduler::Event::default()
    };
    let subscribed = event::Subscribed {
        framework_id: "f".into(),
        heartbeat_interval_seconds: Some(15.0),
        master_info: None,
    };
    let offer = Offer {
        id: "o".into(),
        framework_id: "f".into(),
        agent_id: "a".into(),
        hostname: "h".into(),
        resources: task().resources,
        ..Offer::default()
    };
    let status = TaskStatus {
        task_id: "t".into(),
        agent_id: Some("a".into()),
        uuid: Some(vec![7; 16]),
        timestamp: Some(1.5),
        ..TaskStatus::default()
    };
    let failure = event::Failure { agent_id: Some("a".into()), executor_id: None, status: None };
    vec![
        (
            "subscribed",
            scheduler::Event { subscribed: Some(subscribed), ..of_type(event::Type::Subscribed) },
        ),
        (
            "offers",
            scheduler::Event {
                offers: Some(event::Offers { offers: vec![offer] }),
                ..of_type(event::Type::Offers)
            },
        ),
        (
            "update",
            scheduler::Event {
                update: Some(event::Update { status }),
                ..of_type(event::Type::Update)
            },
        ),
        ("failure", scheduler::Event { failure: Some(failure), ..of_type(event::Type::Failure) }),
        ("heartbeat", of_type(event::Type::Heartbeat)),
    ]
}
