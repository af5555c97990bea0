//! Whatever happens, a task ends in exactly one terminal status.

use std::io::Write;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::common::{
    PICTURE, Server, answer, ending, file_server, info, limits, outcome, reports, runner, task,
};
use executor::budget::Budget;
use executor::client::Clients;
use executor::origins::Courtesy;
use executor::runner::Runner;
use executor::task::Workshop;
use mesos::v1::TaskState;
use protocol::{Class, Limits, Task};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_unreadable_payload_fails_the_task() {
    let mut runner = runner();
    for (number, payload) in [Vec::new(), vec![0xff], vec![8, 99]].into_iter().enumerate() {
        runner.launch(info(&number.to_string(), payload));
        let status = runner.next_status().await;
        assert_eq!((status.state(), status.data), (TaskState::TaskFailed, None));
        assert!(status.message.unwrap().contains("payload"));
    }
}

#[tokio::test]
async fn after_the_first_task_only_those_that_take_a_moment_are_said_to_run() {
    let silent = Server::start(|_, _, _| thread::sleep(Duration::from_secs(60)));
    let (server, _) = file_server();
    let mut runner = runner();
    let first = runner.launch(info("first", vec![0xff])).unwrap();
    assert_eq!(first.state(), TaskState::TaskRunning);
    assert_eq!(runner.next_status().await.state(), TaskState::TaskFailed);
    assert_eq!(runner.launch(info("short", vec![0xff])), None);
    assert_eq!(runner.next_status().await.state(), TaskState::TaskFailed);
    let payload = task(&server, &[silent.url("/a")]).to_payload();
    assert_eq!(runner.launch(info("long", payload)), None);
    let told = timeout(SOON, runner.next_status()).await.unwrap();
    assert_eq!((told.state(), &*told.task_id.value), (TaskState::TaskRunning, "long"));
    assert_eq!(told.data, None);
    runner.kill_all();
    assert_eq!(runner.next_status().await.state(), TaskState::TaskKilled);
    assert!(runner.is_idle());
}

#[tokio::test]
async fn unknown_operations_and_a_bad_file_server_fail_the_task() {
    let (server, _) = file_server();
    let good = task(&server, &[]);
    let sepia = Task { operations: "sepia".into(), ..good.clone() };
    let nowhere = Task { file_server: "here".into(), ..good.clone() };
    for (task, word) in [(sepia, "sepia"), (nowhere, "here")] {
        let status = outcome(&task).await;
        assert_eq!(status.state(), TaskState::TaskFailed);
        assert!(status.message.unwrap().contains(word));
    }
    assert_eq!(outcome(&good).await.state(), TaskState::TaskFinished);
}

/// As many images of a task as are under way at once.
const AT_ONCE: usize = 64;

#[tokio::test]
async fn a_killed_task_reports_what_was_done() {
    let good = Server::saying("200 OK", PICTURE);
    let (asked, was_asked) = mpsc::channel();
    let silent = Server::start(move |_, _, _| {
        asked.send(()).unwrap();
        thread::sleep(Duration::from_secs(60));
    });
    let (server, _) = file_server();
    let mut urls = vec![good.url("/a")];
    urls.resize(1 + AT_ONCE, silent.url("/b"));
    let limits = Limits { idle_timeout_ms: 60_000, download_timeout_ms: 60_000, ..limits() };
    let task = Task { limits, ..task(&server, &urls) };
    let budget = Budget::new(AT_ONCE as u64, 1);
    let (clients, courtesy) = (Clients::new().unwrap(), Courtesy::default());
    let mut runner = Runner::new(Workshop { clients, courtesy, budget });
    runner.launch(info("t", task.to_payload())).unwrap();
    // The last one is asked for when the good one has made room.
    let all_asked = move || (0..AT_ONCE).try_for_each(|_| was_asked.recv_timeout(SOON));
    tokio::task::spawn_blocking(all_asked).await.unwrap().unwrap();
    assert_eq!(runner.kill(&"t".into()), None);
    assert_eq!(runner.kill(&"t".into()), None);
    let status = timeout(SOON, ending(&mut runner)).await.unwrap();
    assert_eq!(status.state(), TaskState::TaskKilled);
    let [image] = reports(&status).try_into().unwrap();
    assert_eq!((image.index, image.class()), (1, Class::Ok), "{}", image.message);
    assert!(runner.is_idle());
    assert_eq!(runner.kill(&"t".into()), None);
}

#[tokio::test]
async fn an_image_is_told_of_while_its_task_runs_and_only_once() {
    let good = Server::saying("200 OK", PICTURE);
    let (go_on, may_go_on) = mpsc::channel();
    let may_go_on = Mutex::new(may_go_on);
    let held = Server::start(move |_, _, stream| {
        may_go_on.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(SOON).unwrap();
        drop(stream.write_all(&answer("200 OK", PICTURE)));
    });
    let (server, _) = file_server();
    let limits = Limits { idle_timeout_ms: 20_000, download_timeout_ms: 20_000, ..limits() };
    let urls = [good.url("/a"), held.url("/b"), good.url("/c")];
    let task = Task { limits, ..task(&server, &urls) };
    let mut runner = runner();
    runner.launch(info("t", task.to_payload())).unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        let status = timeout(SOON, runner.next_status()).await.unwrap();
        assert_eq!((status.state(), &*status.task_id.value), (TaskState::TaskRunning, "t"));
        told.extend(reports(&status).into_iter().map(|image| image.index));
    }
    go_on.send(()).unwrap();
    let last = timeout(SOON, runner.next_status()).await.unwrap();
    assert_eq!(last.state(), TaskState::TaskFinished);
    assert_eq!(last.message.as_deref(), Some("3 images done, 0 failed"));
    told.sort_unstable();
    assert_eq!(told, [1, 3]);
    let [rest] = reports(&last).try_into().unwrap();
    assert_eq!((rest.index, rest.class()), (2, Class::Ok));
    assert!(runner.is_idle());
}

#[tokio::test]
async fn a_shutdown_kills_every_task_and_an_unknown_one_is_answered_for() {
    let silent = Server::start(|_, _, _| thread::sleep(Duration::from_secs(60)));
    let (server, _) = file_server();
    let mut runner = runner();
    let payload = task(&server, &[silent.url("/a")]).to_payload();
    for id in ["a", "b", "c"] {
        assert!(runner.launch(info(id, payload.clone())).is_some());
        assert!(runner.launch(info(id, payload.clone())).is_none());
    }
    assert_eq!(runner.kill(&"lost".into()).unwrap().state(), TaskState::TaskKilled);
    runner.kill_all();
    let mut ended = Vec::new();
    while !runner.is_idle() {
        let status = timeout(SOON, runner.next_status()).await.unwrap();
        assert_eq!(status.state(), TaskState::TaskKilled);
        ended.push(status.task_id.value);
    }
    ended.sort();
    assert_eq!(ended, ["a", "b", "c"]);
    assert!(timeout(Duration::from_millis(50), runner.next_status()).await.is_err());
}
