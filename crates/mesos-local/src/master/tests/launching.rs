use super::*;
use mesos::v1::framework_info::capability::Type::PartitionAware;
use mesos::v1::task_status::{Reason, Source};

type Spoil = fn(&mut TaskInfo);

const SECOND: Duration = Duration::from_secs(1);

fn offered(agents: &[&str], info: FrameworkInfo) -> (Bench, Client, Vec<Offer>) {
    let mut bench = Bench::with_agents(agents);
    let (client, outputs) = bench.subscribe(info);
    let offers = offers(&client, &outputs);
    (bench, client, offers)
}

fn error_of(bench: &mut Bench, client: &Client, offer: &Offer, task: TaskInfo) -> String {
    let outputs = bench.accept(client, std::slice::from_ref(&offer.id), vec![task]);
    let status = updates(client, &outputs).remove(0);
    assert!(launched(&outputs).is_empty());
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(status.reason(), Reason::TaskInvalid);
    assert_eq!(status.source(), Source::Master);
    assert_eq!(status.uuid, None);
    status.message.unwrap()
}

#[test]
fn a_launched_task_takes_its_part_and_the_rest_is_offered_after_the_filter() {
    let (mut bench, client, offers_made) = offered(&["cpus:2;mem:1024"], info());
    let offer = &offers_made[0];
    let task = command_task("t", offer, "cpus:0.5;mem:64");
    let outputs = bench.accept(&client, std::slice::from_ref(&offer.id), vec![task]);
    assert_eq!(launched(&outputs)[0].task_id.value, "t");
    assert!(offers(&client, &bench.pass(SECOND * 4)).is_empty());
    let rest = offers(&client, &bench.pass(SECOND * 2));
    assert_eq!(Resources::from(&rest[0].resources), bundle("cpus:1.5;mem:960"));
}

#[test]
fn a_wrong_task_is_an_error_with_the_words_of_a_real_master() {
    let cases: [(&str, Spoil, &str); 6] = [
        ("no resources", |task| task.resources.clear(), "Task uses no resources"),
        ("bad id", |task| task.task_id = "a/b".into(), "contains invalid characters"),
        ("other agent", |task| task.agent_id = "S9".into(), "invalid agent S9"),
        ("nothing to run", |task| task.command = None, "at least one (but not both)"),
        (
            "too much",
            |task| task.resources = bundle("cpus:3;mem:64").to_wire(),
            "required by task and its executor is more than available",
        ),
        (
            "negative",
            |task| task.resources[0].scalar.as_mut().unwrap().value = -1.0,
            "is not an amount",
        ),
    ];
    for (name, spoil, wanted) in cases {
        let (mut bench, client, offers) = offered(&["cpus:2;mem:1024"], info());
        let mut task = command_task("t", &offers[0], "cpus:1;mem:64");
        spoil(&mut task);
        let message = error_of(&mut bench, &client, &offers[0], task);
        assert!(message.contains(wanted), "{name}: {message}");
    }
}

#[test]
fn the_second_of_two_tasks_with_one_id_is_an_error() {
    let (mut bench, client, offers) = offered(&["cpus:2;mem:1024"], info());
    let task = command_task("t", &offers[0], "cpus:0.5;mem:64");
    let outputs =
        bench.accept(&client, std::slice::from_ref(&offers[0].id), vec![task.clone(), task]);
    assert_eq!(launched(&outputs).len(), 1);
    let message = updates(&client, &outputs).remove(0).message.unwrap();
    assert_eq!(message, "Task has duplicate ID: t");
}

#[test]
fn one_malformed_resource_spoils_the_whole_launch() {
    let (mut bench, client, offers) = offered(&["cpus:2;mem:1024"], info());
    let good = command_task("good", &offers[0], "cpus:0.5;mem:64");
    let mut bad = command_task("bad", &offers[0], "cpus:0.5;mem:64");
    bad.resources[0].scalar = None;
    let outputs = bench.accept(&client, std::slice::from_ref(&offers[0].id), vec![good, bad]);
    assert_eq!(updates(&client, &outputs).len(), 2);
    assert!(launched(&outputs).is_empty());
}

#[test]
fn an_executor_is_counted_once_and_freed_when_it_ends() {
    let (mut bench, client, offers_made) = offered(&["cpus:2;mem:1024"], info());
    let offer = &offers_made[0];
    let run = executor("e", "cpus:0.5;mem:64");
    let tasks =
        ["a", "b"].map(|id| executor_task(id, offer, "cpus:0.25;mem:32", run.clone())).to_vec();
    let outputs = bench.accept(&client, std::slice::from_ref(&offer.id), tasks);
    assert_eq!(
        launched(&outputs)[0].executor.as_ref().unwrap().framework_id,
        Some(client.id.clone())
    );
    let executor_info = launched(&outputs)[0].executor.clone().unwrap();
    let started = FromAgent::ExecutorStarted {
        framework_id: client.id.clone(),
        executor: Box::new(executor_info),
    };
    bench.agent("S0", started);
    let rest = offers(&client, &bench.pass(SECOND * 6));
    assert_eq!(Resources::from(&rest[0].resources), bundle("cpus:1;mem:896"));
    assert_eq!(rest[0].executor_ids, ["e".into()]);
    for (task, uuid) in [("a", 0x41), ("b", 0x42)] {
        bench.update(&client, task, TaskState::TaskFinished, uuid);
    }
    let exited = FromAgent::ExecutorExited {
        framework_id: client.id.clone(),
        executor_id: "e".into(),
        status: 256,
    };
    let outputs = bench.agent("S0", exited);
    let failure = events(&client.stream, &outputs).remove(0).failure.unwrap();
    assert_eq!((failure.executor_id, failure.status), (Some("e".into()), Some(256)));
    bench.decline(&client, &rest, Some(0.0));
    let all = offers(&client, &bench.pass(SECOND));
    assert_eq!(Resources::from(&all[0].resources), bundle("cpus:2;mem:1024"));
}

#[test]
fn an_executor_that_the_agent_refused_to_start_holds_nothing() {
    let (mut bench, client, offers_made) = offered(&["cpus:2;mem:1024"], info());
    let offer = &offers_made[0];
    let task = executor_task("t", offer, "cpus:0.5;mem:64", executor("e", "cpus:0.5;mem:64"));
    bench.accept(&client, std::slice::from_ref(&offer.id), vec![task]);
    bench.update(&client, "t", TaskState::TaskLost, 0x41);
    let all = offers(&client, &bench.pass(SECOND));
    assert_eq!(Resources::from(&all[0].resources), bundle("cpus:2;mem:1024"));
}

#[test]
fn a_different_executor_under_the_same_id_is_an_error() {
    let (mut bench, client, offers) = offered(&["cpus:2;mem:1024"], info());
    let first = executor("e", "cpus:0.1;mem:32");
    let mut other = first.clone();
    other.data = Some(b"other".to_vec());
    let mut relabelled = first.clone();
    relabelled.labels = Some(mesos::v1::Labels::default());
    let tasks = vec![
        executor_task("a", &offers[0], "cpus:0.1;mem:32", first),
        executor_task("b", &offers[0], "cpus:0.1;mem:32", other),
        executor_task("c", &offers[0], "cpus:0.1;mem:32", relabelled),
    ];
    let outputs = bench.accept(&client, std::slice::from_ref(&offers[0].id), tasks);
    assert_eq!(launched(&outputs).len(), 2);
    let status = updates(&client, &outputs).remove(0);
    assert_eq!(status.task_id.value, "b");
    assert!(status.message.unwrap().contains("ExecutorInfo is not compatible"));
}

#[test]
fn invalid_offers_lose_the_task_in_the_state_that_the_framework_knows() {
    let cases =
        [(info(), TaskState::TaskLost), (capable(&[PartitionAware]), TaskState::TaskDropped)];
    for (info, state) in cases {
        let (mut bench, client, offers) = offered(&["cpus:2;mem:1024"], info);
        let task = command_task("t", &offers[0], "cpus:1;mem:64");
        let ids = [offers[0].id.clone(), "gone".into()];
        let outputs = bench.accept(&client, &ids, vec![task]);
        let status = updates(&client, &outputs).remove(0);
        assert_eq!((status.state(), status.reason()), (state, Reason::InvalidOffers));
        assert_eq!(
            status.message.unwrap(),
            "Task launched with invalid offers: Offer gone is no longer valid"
        );
        assert_eq!(super::offers(&client, &bench.pass(SECOND)).len(), 1, "without a filter");
    }
}

#[test]
fn offers_of_two_agents_cannot_be_joined_and_two_of_one_agent_can() {
    let (mut bench, client, offers_made) = offered(&["cpus:2;mem:1024", "cpus:2;mem:1024"], info());
    let ids: Vec<OfferId> = offers_made.iter().map(|offer| offer.id.clone()).collect();
    let task = command_task("t", &offers_made[0], "cpus:1;mem:64");
    let outputs = bench.accept(&client, &ids, vec![task]);
    assert!(updates(&client, &outputs)[0].message().contains("one single agent"));

    let (mut bench, client, offers_made) = offered(&["cpus:2;mem:1024"], info());
    let task = command_task("a", &offers_made[0], "cpus:1;mem:512");
    bench.accept(&client, std::slice::from_ref(&offers_made[0].id), vec![task]);
    let half = offers(&client, &bench.pass(SECOND * 6)).remove(0);
    bench.update(&client, "a", TaskState::TaskFinished, 0x41);
    let other = offers(&client, &bench.pass(SECOND)).remove(0);
    let task = command_task("b", &half, "cpus:2;mem:1024");
    let outputs = bench.accept(&client, &[half.id, other.id], vec![task]);
    assert_eq!(launched(&outputs).len(), 1);
}

#[test]
fn accepting_without_tasks_is_declining() {
    let (mut bench, client, offers_made) = offered(&["cpus:2;mem:1024"], info());
    bench.accept(&client, std::slice::from_ref(&offers_made[0].id), vec![]);
    assert!(offers(&client, &bench.pass(SECOND * 4)).is_empty());
    assert_eq!(offers(&client, &bench.pass(SECOND * 2)).len(), 1);
}

fn group_executor(client: &Client) -> ExecutorInfo {
    ExecutorInfo {
        r#type: Some(mesos::v1::executor_info::Type::Custom.into()),
        framework_id: Some(client.id.clone()),
        ..executor("e", "cpus:0.1;mem:32;disk:8")
    }
}

fn accept_group(
    bench: &mut Bench,
    client: &Client,
    offer: &Offer,
    executor: ExecutorInfo,
    tasks: Vec<TaskInfo>,
) -> Vec<Output> {
    let task_group = mesos::v1::TaskGroupInfo { tasks };
    let operation = Operation {
        r#type: Some(operation::Type::LaunchGroup.into()),
        launch_group: Some(operation::LaunchGroup { executor, task_group }),
        ..Operation::default()
    };
    let accept = call::Accept {
        offer_ids: vec![offer.id.clone()],
        operations: vec![operation],
        filters: None,
    };
    bench.call(client, call::Type::Accept, Call { accept: Some(accept), ..Call::default() })
}

#[test]
fn a_group_goes_to_its_executor_as_one() {
    let (mut bench, client, offers) = offered(&["cpus:2;mem:1024;disk:64"], info());
    let tasks = ["a", "b"].map(|id| command_task(id, &offers[0], "cpus:0.5;mem:64")).to_vec();
    let executor = group_executor(&client);
    let outputs = accept_group(&mut bench, &client, &offers[0], executor, tasks);
    let [ToAgent::RunGroup { tasks, .. }] = to_agents(&outputs)[..] else { panic!("one group") };
    assert_eq!(tasks.len(), 2);
    assert!(tasks.iter().all(|task| task.executor.is_some()));
    let used = bench.master.view(&crate::master::View::Agents(None))["slaves"][0]["used_resources"]
        .clone();
    assert_eq!((&used["cpus"], &used["mem"]), (&1.1.into(), &160.0.into()));
}

#[test]
fn one_fault_in_a_group_is_an_error_for_each_of_its_tasks() {
    type Change = fn(&mut ExecutorInfo, &mut Vec<TaskInfo>);
    let cases: [(Change, &str); 8] = [
        (|executor, _| executor.r#type = None, "'ExecutorInfo.type' must be set"),
        (|executor, _| executor.framework_id = None, "'ExecutorInfo.framework_id' must be set"),
        (|executor, _| executor.command = None, "'ExecutorInfo.command' must be set for 'CUSTOM'"),
        (
            |executor, _| executor.resources = Vec::new(),
            "Executor 'e' uses less CPUs (None) than the minimum required (0.01)",
        ),
        (
            |executor, _| executor.resources = bundle("cpus:0.1;mem:31;disk:8").to_wire(),
            "Executor 'e' uses less memory (31MB) than the minimum required (32MB)",
        ),
        (
            |executor, _| executor.resources = bundle("cpus:0.1;mem:32").to_wire(),
            "Executor 'e' uses no disk",
        ),
        (
            |_, tasks| tasks[1].resources = bundle("cpus:100").to_wire(),
            "required by task group and its executor are more than available",
        ),
        (
            |_, tasks| tasks[1].executor = Some(executor("other", "cpus:0.1")),
            "The `ExecutorInfo` of task 'b' is different from executor 'e'",
        ),
    ];
    for (change, text) in cases {
        let (mut bench, client, offers) = offered(&["cpus:2;mem:1024;disk:64"], info());
        let mut tasks =
            ["a", "b"].map(|id| command_task(id, &offers[0], "cpus:0.5;mem:64")).to_vec();
        let mut executor = group_executor(&client);
        change(&mut executor, &mut tasks);
        let outputs = accept_group(&mut bench, &client, &offers[0], executor, tasks);
        let statuses = updates(&client, &outputs);
        assert_eq!(statuses.len(), 2, "{text}");
        assert!(statuses.iter().all(|status| status.reason() == Reason::TaskGroupInvalid));
        assert!(statuses[0].message().contains(text), "{text}: {}", statuses[0].message());
    }
}

#[test]
fn what_a_task_and_its_executor_say_of_themselves_is_in_the_state() {
    let framework = FrameworkInfo { labels: Some([("a", "f")].into_iter().collect()), ..info() };
    let (mut bench, client, offers) = offered(&["cpus:2;mem:1024"], framework);
    let mut runs = executor("e", "mem:32");
    runs.labels = Some([("a", "e")].into_iter().collect());
    let mut task = executor_task("t", &offers[0], "cpus:1;mem:64", runs);
    task.labels = Some([("a", "t")].into_iter().collect());
    task.discovery = Some(mesos::discovery::Discovery::cluster("web").port(80, "w", "tcp").info());
    bench.accept(&client, std::slice::from_ref(&offers[0].id), vec![task]);
    let state = bench.master.view(&super::super::view::View::State);
    let framework = &state["frameworks"][0];
    let label = |of: &str| serde_json::json!([{ "key": "a", "value": of }]);
    assert_eq!(framework["labels"], label("f"));
    assert_eq!(framework["tasks"][0]["labels"], label("t"));
    assert_eq!(framework["executors"][0]["labels"], label("e"));
    let discovery = &framework["tasks"][0]["discovery"];
    assert_eq!((&discovery["visibility"], &discovery["name"]), (&"CLUSTER".into(), &"web".into()));
    assert_eq!(discovery["ports"]["ports"][0]["number"], 80);
}
