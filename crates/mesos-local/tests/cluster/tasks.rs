//! Tasks from offer to end: master, agent and a real process.
use crate::support::{BOTH, Scheduler, cluster, info};
use mesos::codec::Codec;
use mesos::resources::Resources;
use mesos::v1::scheduler::{Call, call, event};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{CommandInfo, Offer, TaskInfo, TaskState};

pub(crate) fn shell_task(id: &str, offer: &Offer, command: &str) -> TaskInfo {
    let needed: Resources = "cpus:0.5;mem:64".parse().unwrap();
    TaskInfo {
        name: id.into(),
        task_id: id.into(),
        agent_id: offer.agent_id.clone(),
        resources: needed.to_wire(),
        command: Some(CommandInfo { value: Some(command.into()), ..CommandInfo::default() }),
        ..TaskInfo::default()
    }
}

/// Acknowledges updates of the task until one is in this state.
pub(crate) async fn until(scheduler: &mut Scheduler, state: TaskState) -> mesos::v1::TaskStatus {
    loop {
        let status = scheduler.update().await;
        if status.uuid.is_some() {
            scheduler.acknowledge(&status).await;
        }
        if status.state() == state {
            return status;
        }
    }
}

#[tokio::test]
async fn a_command_runs_to_its_end_in_both_encodings() {
    for codec in BOTH {
        let cluster = cluster(1).await;
        let mut scheduler = Scheduler::subscribe(&cluster, codec, info()).await;
        let offer = scheduler.offers().await.remove(0);
        scheduler.launch(&offer, vec![shell_task("hello", &offer, "echo hello")]).await;
        until(&mut scheduler, TaskState::TaskRunning).await;
        let end = until(&mut scheduler, TaskState::TaskFinished).await;
        assert_eq!(end.source(), Source::Executor);
        let out = find(cluster.work_dir(), "stdout").expect("a sandbox");
        assert_eq!(std::fs::read_to_string(out).unwrap().trim(), "hello");
        let again = scheduler.offers().await.remove(0);
        assert_eq!(Resources::from(&again.resources), Resources::from(&offer.resources));
        cluster.shutdown().await;
    }
}

#[tokio::test]
async fn a_failing_command_fails_and_a_killed_one_is_killed() {
    let cluster = cluster(1).await;
    let mut scheduler = Scheduler::subscribe(&cluster, Codec::Protobuf, info()).await;
    let offer = scheduler.offers().await.remove(0);
    let tasks = vec![shell_task("bad", &offer, "exit 3"), shell_task("long", &offer, "sleep 1000")];
    scheduler.launch(&offer, tasks).await;
    let failed = until(&mut scheduler, TaskState::TaskFailed).await;
    assert_eq!(failed.task_id.value, "bad");
    let kill = call::Kill { task_id: "long".into(), ..call::Kill::default() };
    let call = Call { kill: Some(kill), ..Call::default() };
    assert_eq!(scheduler.call(call::Type::Kill, call).await, 202);
    let killed = until(&mut scheduler, TaskState::TaskKilled).await;
    assert_eq!(killed.task_id.value, "long");
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_scheduler_that_returns_gets_what_its_predecessor_did_not_acknowledge() {
    let cluster = cluster(1).await;
    let info = mesos::v1::FrameworkInfo { failover_timeout: Some(60.0), ..info() };
    let mut first = Scheduler::subscribe(&cluster, Codec::Protobuf, info.clone()).await;
    let offer = first.offers().await.remove(0);
    first.launch(&offer, vec![shell_task("t", &offer, "true")]).await;
    let unacknowledged = first.update().await;
    let id = first.id.clone();
    drop(first);
    let back = mesos::v1::FrameworkInfo { id: Some(id), ..info };
    let mut second = Scheduler::subscribe(&cluster, Codec::Protobuf, back).await;
    let again = second.update().await;
    assert_eq!((&again.uuid, again.state), (&unacknowledged.uuid, unacknowledged.state));
    second.acknowledge(&again).await;
    until(&mut second, TaskState::TaskFinished).await;
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_stopped_agent_loses_its_tasks_and_is_named() {
    let mut cluster = cluster(1).await;
    let mut scheduler = Scheduler::subscribe(&cluster, Codec::Protobuf, info()).await;
    let offer = scheduler.offers().await.remove(0);
    scheduler.launch(&offer, vec![shell_task("t", &offer, "sleep 1000")]).await;
    until(&mut scheduler, TaskState::TaskRunning).await;
    assert!(cluster.stop_agent(0).await);
    assert!(!cluster.stop_agent(0).await, "it is gone");
    let lost = until(&mut scheduler, TaskState::TaskLost).await;
    assert_eq!(lost.reason(), Reason::AgentRemoved);
    let failure = scheduler.next_of(event::Type::Failure).await.failure.unwrap();
    assert_eq!(failure.agent_id, Some(offer.agent_id));
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_temporary_work_directory_goes_with_the_cluster_and_a_chosen_one_stays() {
    let temporary = cluster(1).await;
    let path = temporary.work_dir().to_owned();
    assert!(path.is_dir());
    temporary.shutdown().await;
    assert!(!path.exists());

    let folder = tempfile::tempdir().unwrap();
    let chosen = folder.path().join("work");
    let builder = mesos_local::Cluster::builder().work_dir(&chosen);
    builder.start().await.unwrap().shutdown().await;
    assert!(chosen.is_dir());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = cluster(0).await;
    let port: u16 = first.master().rsplit(':').next().unwrap().parse().unwrap();
    let error = mesos_local::Cluster::builder().port(port).start().await.unwrap_err();
    assert!(error.to_string().contains(&format!("127.0.0.1:{port} is in use")), "{error}");
    first.shutdown().await;
}

fn find(folder: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|file| file == name) {
            return Some(path);
        }
    }
    None
}
