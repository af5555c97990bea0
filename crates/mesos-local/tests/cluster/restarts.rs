//! Masters and agents that end and begin again while tasks run.
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Scheduler, cluster, http, info};
use crate::tasks::{shell_task, until};
use mesos::codec::Codec;
use mesos::v1::scheduler::event;
use mesos::v1::task_status::Reason;
use mesos::v1::{FrameworkInfo, TaskState};
use mesos_local::Cluster;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

fn lasting() -> FrameworkInfo {
    FrameworkInfo { checkpoint: Some(true), failover_timeout: Some(600.0), ..info() }
}

/// Subscribes and starts a task that ends when it is killed.
async fn with_running_task(master: &str) -> Scheduler {
    let mut scheduler = Scheduler::subscribe_at(master, Codec::Protobuf, lasting()).await;
    let offer = scheduler.offers().await.remove(0);
    scheduler.launch(&offer, vec![shell_task("long", &offer, "sleep 1000")]).await;
    until(&mut scheduler, TaskState::TaskRunning).await;
    scheduler
}

/// Asks until somebody knows that the task runs.
async fn until_known(scheduler: &mut Scheduler) {
    loop {
        scheduler.reconcile("long", None).await;
        let answer = tokio::time::timeout(Duration::from_millis(200), scheduler.update()).await;
        if answer.is_ok_and(|status| status.state() == TaskState::TaskRunning) {
            return;
        }
    }
}

#[tokio::test]
async fn c60_a_framework_returns_to_a_new_master_and_its_task_runs_on() {
    let cluster = cluster(1).await;
    let mut scheduler = with_running_task(cluster.master()).await;
    cluster.restart_master().await;
    while scheduler.next().await.is_some() {}
    let back = FrameworkInfo { id: Some(scheduler.id.clone()), ..lasting() };
    let mut again = Scheduler::subscribe(&cluster, Codec::Json, back).await;
    assert_eq!(again.id, scheduler.id);
    until_known(&mut again).await;
    again.kill("long").await;
    until(&mut again, TaskState::TaskKilled).await;
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_task_runs_on_while_its_agent_is_restarted() {
    let mut cluster = cluster(1).await;
    let mut scheduler = with_running_task(cluster.master()).await;
    assert!(cluster.restart_agent(0).await.unwrap());
    assert!(!cluster.restart_agent(1).await.unwrap());
    scheduler.kill("long").await;
    until(&mut scheduler, TaskState::TaskKilled).await;
    cluster.shutdown().await;
}

#[tokio::test]
async fn an_agent_that_nobody_hears_is_unreachable_and_comes_back() {
    let builder = Cluster::builder().agent_ping_timeouts(Duration::from_millis(50), 2);
    let cluster = builder.start().await.unwrap();
    let mut scheduler = with_running_task(cluster.master()).await;
    assert!(cluster.partition_agent(0));
    assert_eq!(scheduler.update().await.state(), TaskState::TaskLost);
    scheduler.next_of(event::Type::Failure).await;
    assert!(cluster.heal_agent(0));
    let back = scheduler.update().await;
    assert_eq!(back.state(), TaskState::TaskRunning);
    assert_eq!(back.reason(), Reason::AgentReregistered);
    cluster.shutdown().await;
}

/// The program with one agent, and where its master listens.
async fn program(work_dir: &std::path::Path, port: u16) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mesos-local"))
        .args(["--agents", "1", "--port", &port.to_string(), "--work-dir"])
        .arg(work_dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let master = first.split(' ').nth(4).unwrap().to_owned();
    // Nobody reads further; the lines fit into the pipe.
    tokio::spawn(async move { while lines.next_line().await.is_ok_and(|line| line.is_some()) {} });
    (child, master)
}

#[tokio::test]
async fn a_task_outlives_the_program_and_is_found_by_the_next_one() {
    let work_dir = tempfile::tempdir().unwrap();
    let (mut first, master) = program(work_dir.path(), 0).await;
    let scheduler = with_running_task(&master).await;
    first.kill().await.unwrap();
    let port = master.split(':').nth(1).unwrap().parse().unwrap();
    let (mut second, master) = program(work_dir.path(), port).await;
    let back = FrameworkInfo { id: Some(scheduler.id.clone()), ..lasting() };
    let mut again = Scheduler::subscribe_at(&master, Codec::Json, back).await;
    assert_eq!(again.id, scheduler.id);
    until_known(&mut again).await;
    let url = format!("http://{master}/slaves");
    let seen: serde_json::Value = http().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["slaves"].as_array().unwrap().len(), 1);
    again.kill("long").await;
    until(&mut again, TaskState::TaskKilled).await;
    second.kill().await.unwrap();
}
