use super::*;
use mesos::v1::framework_info::capability::Type::PartitionAware;
use mesos::v1::task_status::Reason;

const SECOND: Duration = Duration::from_secs(1);

/// A bench with task `t` on agent `S0`, holding half of it.
fn running(info: FrameworkInfo) -> (Bench, Client) {
    let mut bench = Bench::with_agents(&["cpus:2;mem:1024"]);
    let (client, outputs) = bench.subscribe(info);
    let offer = &offers(&client, &outputs)[0];
    let task = command_task("t", offer, "cpus:1;mem:512");
    bench.accept(&client, std::slice::from_ref(&offer.id), vec![task]);
    let outputs = bench.update(&client, "t", TaskState::TaskRunning, 0x41);
    let status = &updates(&client, &outputs)[0];
    assert_eq!(status.data(), b"report");
    assert_eq!(status.uuid(), [0x41; 16]);
    bench.acknowledge(&client, "t", 0x41);
    (bench, client)
}

fn kill(bench: &mut Bench, client: &Client, task: &str, agent: Option<&str>) -> Vec<Output> {
    let kill =
        call::Kill { task_id: task.into(), agent_id: agent.map(Into::into), kill_policy: None };
    bench.call(client, call::Type::Kill, Call { kill: Some(kill), ..Call::default() })
}

#[test]
fn a_terminal_update_frees_resources_and_its_acknowledgement_frees_the_id() {
    let (mut bench, client) = running(info());
    bench.update(&client, "t", TaskState::TaskFinished, 0x42);
    let all = offers(&client, &bench.pass(SECOND));
    assert_eq!(Resources::from(&all[0].resources), bundle("cpus:2;mem:1024"));
    let again = command_task("t", &all[0], "cpus:1;mem:64");
    let refused = bench.accept(&client, std::slice::from_ref(&all[0].id), vec![again]);
    assert!(updates(&client, &refused)[0].message().contains("duplicate ID"));
    let passed_on = bench.acknowledge(&client, "t", 0x42);
    assert!(matches!(to_agents(&passed_on)[..], [ToAgent::Acknowledge { .. }]));
    let all = offers(&client, &bench.pass(SECOND * 6));
    let again = command_task("t", &all[0], "cpus:1;mem:64");
    assert_eq!(
        launched(&bench.accept(&client, std::slice::from_ref(&all[0].id), vec![again])).len(),
        1
    );
}

#[test]
fn the_newest_state_frees_resources_before_its_own_update_is_forwarded() {
    let (mut bench, client) = running(info());
    let status = TaskStatus {
        task_id: "t".into(),
        state: TaskState::TaskRunning.into(),
        uuid: Some(vec![0x41; 16]),
        ..TaskStatus::default()
    };
    let ahead = FromAgent::Update {
        framework_id: client.id.clone(),
        status: Box::new(status),
        latest_state: TaskState::TaskFinished,
    };
    bench.agent("S0", ahead);
    let all = offers(&client, &bench.pass(SECOND));
    assert_eq!(Resources::from(&all[0].resources), bundle("cpus:2;mem:1024"));
    assert_eq!(bench.reconcile(&client, &[])[0].state(), TaskState::TaskRunning);
    bench.update(&client, "t", TaskState::TaskFinished, 0x42);
}

#[test]
fn implicit_reconciliation_names_every_task_until_its_end_is_acknowledged() {
    let (mut bench, client) = running(info());
    let statuses = bench.reconcile(&client, &[]);
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].state(), TaskState::TaskRunning);
    assert_eq!(statuses[0].reason(), Reason::Reconciliation);
    assert_eq!(statuses[0].message(), "Reconciliation: Latest task state");
    assert_eq!((&statuses[0].uuid, &statuses[0].data), (&None, &None));
    bench.update(&client, "t", TaskState::TaskFailed, 0x42);
    assert_eq!(bench.reconcile(&client, &[])[0].state(), TaskState::TaskFailed);
    bench.acknowledge(&client, "t", 0x42);
    assert!(bench.reconcile(&client, &[]).is_empty());
}

#[test]
fn explicit_reconciliation_tells_gone_from_unreachable_from_unknown() {
    let cases = [
        (
            capable(&[PartitionAware]),
            [TaskState::TaskGone, TaskState::TaskUnknown, TaskState::TaskUnreachable],
        ),
        (info(), [TaskState::TaskLost; 3]),
    ];
    for (info, [gone, unknown, unreachable]) in cases {
        let (mut bench, client) = running(info);
        bench.add_agent("S1", "cpus:1;mem:64");
        bench.handle(Input::AgentLost("S1".into()));
        let asked = [("x", Some("S0")), ("x", Some("S7")), ("x", None), ("x", Some("S1"))];
        let statuses = bench.reconcile(&client, &asked);
        let states: Vec<TaskState> = statuses.iter().map(TaskStatus::state).collect();
        assert_eq!(states, [gone, unknown, unknown, unreachable]);
        assert!(statuses[3].unreachable_time.is_some());
        assert!(statuses[0].unreachable_time.is_none());
        assert_eq!(bench.reconcile(&client, &[("t", None)])[0].state(), TaskState::TaskRunning);
    }
}

#[test]
fn kill_goes_to_the_agent_or_is_answered_as_reconciliation() {
    let (mut bench, client) = running(info());
    let outputs = kill(&mut bench, &client, "t", None);
    assert!(matches!(to_agents(&outputs)[..], [ToAgent::Kill { .. }]));
    let outputs = kill(&mut bench, &client, "t", Some("S7"));
    assert!(to_agents(&outputs).is_empty() && updates(&client, &outputs).is_empty());
    let unknown = updates(&client, &kill(&mut bench, &client, "x", Some("S0"))).remove(0);
    assert_eq!((unknown.state(), unknown.reason()), (TaskState::TaskLost, Reason::Reconciliation));
}

#[test]
fn a_lost_agent_takes_its_tasks_and_offers_with_it_and_fails_last() {
    let cases =
        [(capable(&[PartitionAware]), TaskState::TaskUnreachable), (info(), TaskState::TaskLost)];
    for (info, state) in cases {
        let (mut bench, client) = running(info);
        assert_eq!(offers(&client, &bench.pass(SECOND * 6)).len(), 1);
        let outputs = bench.handle(Input::AgentLost("S0".into()));
        assert_eq!(
            kinds(&client, &outputs),
            [event::Type::Update, event::Type::Rescind, event::Type::Failure]
        );
        let status = &updates(&client, &outputs)[0];
        assert_eq!((status.state(), status.reason()), (state, Reason::AgentRemoved));
        assert!(status.unreachable_time.is_some());
        assert!(bench.reconcile(&client, &[]).is_empty());
        assert!(offers(&client, &bench.pass(SECOND * 6)).is_empty());
    }
}

#[test]
fn messages_pass_both_ways_and_only_to_the_current_stream() {
    let (mut bench, client) = running(info());
    let message =
        call::Message { agent_id: "S0".into(), executor_id: "t".into(), data: b"down".to_vec() };
    let call = Call { message: Some(message), ..Call::default() };
    let outputs = bench.call(&client, call::Type::Message, call);
    assert!(matches!(&to_agents(&outputs)[..], [ToAgent::Message { data, .. }] if data == b"down"));
    let up = FromAgent::Message {
        framework_id: client.id.clone(),
        executor_id: "t".into(),
        data: b"up".to_vec(),
    };
    let outputs = bench.agent("S0", up);
    assert_eq!(events(&client.stream, &outputs)[0].message.as_ref().unwrap().data, b"up");
}

#[test]
fn a_returning_framework_is_announced_to_the_agents() {
    let (mut bench, client) = running(info());
    let (_, outputs) = bench.subscribe(FrameworkInfo { id: Some(client.id), ..info() });
    assert!(matches!(to_agents(&outputs)[..], [ToAgent::FrameworkSubscribed(_)]));
}

#[test]
fn states_that_the_framework_cannot_know_become_lost() {
    let (mut bench, client) = running(info());
    let outputs = bench.update(&client, "t", TaskState::TaskDropped, 0x42);
    assert_eq!(updates(&client, &outputs)[0].state(), TaskState::TaskLost);
}
