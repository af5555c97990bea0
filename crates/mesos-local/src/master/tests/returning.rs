//! Masters that follow one another, and agents that come back.

use super::*;
use crate::messages::{Returning, ReturningTask};
use mesos::v1::TaskInfo;
use mesos::v1::task_status::Reason;

/// A framework that checkpoints, with a task that runs on `S0`.
fn with_running_task() -> (Bench, Client, FrameworkInfo, TaskInfo) {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let info = FrameworkInfo { checkpoint: Some(true), failover_timeout: Some(600.0), ..info() };
    let (client, outputs) = bench.subscribe(info.clone());
    let offer = offers(&client, &outputs).remove(0);
    let task = command_task("t", &offer, "cpus:1;mem:64");
    bench.accept(&client, &[offer.id], vec![task.clone()]);
    bench.update(&client, "t", TaskState::TaskRunning, 1);
    (bench, client, info, task)
}

fn returning(
    framework: &FrameworkInfo,
    id: &FrameworkId,
    tasks: &[(&TaskInfo, TaskState)],
) -> FromAgent {
    let info = AgentInfo {
        hostname: "127.0.0.1".into(),
        id: Some("S0".into()),
        resources: bundle("cpus:2;mem:1024").to_wire(),
        ..AgentInfo::default()
    };
    let tasks = tasks.iter().map(|(task, state)| ReturningTask {
        framework_id: id.clone(),
        info: (*task).clone(),
        latest_state: *state,
        sent: None,
    });
    FromAgent::Reregistered(Box::new(Returning {
        info,
        frameworks: vec![FrameworkInfo { id: Some(id.clone()), ..framework.clone() }],
        executors: Vec::new(),
        tasks: tasks.collect(),
    }))
}

/// The same bench with the next master, which has waited for nothing yet.
fn restart(bench: &Bench) -> Bench {
    let identity = Identity { id: "N".into(), ..bench.master.identity.clone() };
    Bench {
        master: bench.master.successor(identity),
        now: Duration::from_millis(1500),
        streams: bench.streams,
    }
}

#[test]
fn a_new_master_knows_agents_and_waits_for_what_they_say() {
    let (bench, old, info, task) = with_running_task();
    let mut bench = restart(&bench);
    let (client, outputs) =
        bench.subscribe(FrameworkInfo { id: Some(old.id.clone()), ..info.clone() });
    assert_eq!(client.id, old.id, "C60");
    assert_eq!(kinds(&client, &outputs), [event::Type::Subscribed, event::Type::Heartbeat]);
    for asked in [("t", Some("S0")), ("t", None)] {
        assert!(bench.reconcile(&client, &[asked]).is_empty(), "C41: {asked:?}");
    }
    let elsewhere = bench.reconcile(&client, &[("t", Some("S9"))]);
    assert_eq!(elsewhere[0].state(), TaskState::TaskLost);
    let outputs =
        bench.agent("S0", returning(&info, &client.id, &[(&task, TaskState::TaskRunning)]));
    assert!(updates(&client, &outputs).is_empty(), "it was never unreachable");
    let offered = offers(&client, &outputs);
    assert_eq!(Resources::from(&offered[0].resources), bundle("cpus:1;mem:960"));
    assert_eq!(bench.reconcile(&client, &[("t", None)])[0].state(), TaskState::TaskRunning);
}

#[test]
fn an_agent_that_returns_first_brings_its_framework_along() {
    let (bench, old, info, task) = with_running_task();
    let mut bench = restart(&bench);
    bench.agent("S0", returning(&info, &old.id, &[(&task, TaskState::TaskRunning)]));
    let view = bench.master.view(&crate::master::View::Frameworks(None));
    assert_eq!(view["frameworks"][0]["recovered"], true);
    let refused = bench.try_call(&old, call::Type::Revive, Call::default());
    assert_eq!(reply(&refused).status, 403, "known, but not subscribed");
    let (client, outputs) = bench.subscribe(FrameworkInfo { id: Some(old.id.clone()), ..info });
    assert_eq!(offers(&client, &outputs).len(), 1);
    assert_eq!(bench.reconcile(&client, &[]).len(), 1);
}

#[test]
fn an_agent_that_never_returns_is_a_failure_and_unreachable() {
    let (bench, old, info, _) = with_running_task();
    let mut bench = restart(&bench);
    let (client, _) = bench.subscribe(FrameworkInfo { id: Some(old.id), ..info });
    let outputs = bench.pass(Duration::from_secs(600));
    assert!(kinds(&client, &outputs).contains(&event::Type::Failure));
    assert!(updates(&client, &outputs).is_empty(), "nobody knows its tasks");
    let answer = bench.reconcile(&client, &[("t", Some("S0"))]).remove(0);
    assert!(answer.unreachable_time.is_some());
}

#[test]
fn a_silent_agent_is_unreachable_after_its_pings_and_brings_its_tasks_back() {
    let (mut bench, client, info, task) = with_running_task();
    bench.handle(Input::AgentSilent("S0".into()));
    assert!(updates(&client, &bench.pass(Duration::from_millis(74_999))).is_empty());
    let outputs = bench.pass(Duration::from_millis(1));
    assert_eq!(updates(&client, &outputs)[0].state(), TaskState::TaskLost);
    assert!(kinds(&client, &outputs).contains(&event::Type::Failure));
    let outputs = bench.handle(Input::AgentHeard("S0".into()));
    assert!(matches!(to_agents(&outputs)[..], [ToAgent::Reregister]));
    let outputs =
        bench.agent("S0", returning(&info, &client.id, &[(&task, TaskState::TaskRunning)]));
    let back = updates(&client, &outputs).remove(0);
    assert_eq!((back.state(), back.reason()), (TaskState::TaskRunning, Reason::AgentReregistered));
    assert_eq!(back.uuid, None);
    // Heard in time, it is not given up.
    bench.handle(Input::AgentSilent("S0".into()));
    bench.pass(Duration::from_secs(60));
    bench.handle(Input::AgentHeard("S0".into()));
    assert!(updates(&client, &bench.pass(Duration::from_secs(600))).is_empty());
}

#[test]
fn a_disconnected_agent_costs_its_tasks_only_where_nothing_is_checkpointed() {
    let (mut bench, client, info, task) = with_running_task();
    let (other, outputs) = bench.subscribe(super::info());
    let offer = offers(&other, &outputs).remove(0);
    let tasks = vec![command_task("u", &offer, "cpus:0.5;mem:64")];
    bench.accept(&other, std::slice::from_ref(&offer.id), tasks);
    let outputs = bench.handle(Input::AgentDisconnected("S0".into()));
    let lost = updates(&other, &outputs).remove(0);
    assert_eq!((lost.state(), lost.reason()), (TaskState::TaskLost, Reason::AgentDisconnected));
    assert!(updates(&client, &outputs).is_empty());
    assert!(offers(&client, &bench.pass(Duration::from_secs(5))).is_empty());
    let kill = call::Kill { task_id: "t".into(), ..call::Kill::default() };
    let call = Call { kill: Some(kill), ..Call::default() };
    assert!(to_agents(&bench.call(&client, call::Type::Kill, call)).is_empty());
    let outputs =
        bench.agent("S0", returning(&info, &client.id, &[(&task, TaskState::TaskRunning)]));
    let killed = |message: &&ToAgent| matches!(message, ToAgent::Kill { .. });
    assert!(to_agents(&outputs).iter().any(killed), "the kill waited");
    let outputs = bench.pass(Duration::from_secs(6));
    assert!(!offers(&client, &outputs).is_empty() || !offers(&other, &outputs).is_empty());
}

#[test]
fn tasks_that_a_returning_agent_does_not_name_are_asked_about() {
    let (mut bench, client, info, _) = with_running_task();
    bench.handle(Input::AgentDisconnected("S0".into()));
    let outputs = bench.agent("S0", returning(&info, &client.id, &[]));
    let asked = |message: &&ToAgent| matches!(message, ToAgent::UnknownTasks { .. });
    assert_eq!(to_agents(&outputs).iter().filter(|message| asked(message)).count(), 1);
}
