//! What operators see.

use super::*;
use crate::master::{TasksWanted, View};
use mesos::v1::{Attribute, Label, Labels, value};

#[test]
fn tasks_are_listed_newest_first_with_limit_and_offset() {
    let mut bench = Bench::with_agents(&["cpus:3;mem:1024"]);
    let (client, outputs) = bench.subscribe(info());
    let offer = offers(&client, &outputs).remove(0);
    let labels = vec![Label { key: "k".into(), value: Some("v".into()) }];
    let tasks = ["a", "b", "c"].map(|id| TaskInfo {
        labels: Some(Labels { labels: labels.clone() }),
        ..command_task(id, &offer, "cpus:1;mem:64")
    });
    bench.accept(&client, std::slice::from_ref(&offer.id), tasks.to_vec());
    for (uuid, task) in [(1, "a"), (2, "b"), (3, "c")] {
        bench.pass(Duration::from_secs(1));
        let status = TaskStatus {
            task_id: task.into(),
            state: TaskState::TaskRunning.into(),
            agent_id: Some("S0".into()),
            uuid: Some(vec![uuid; 16]),
            timestamp: Some(f64::from(uuid)),
            ..TaskStatus::default()
        };
        let (framework_id, status) = (client.id.clone(), Box::new(status));
        let latest_state = TaskState::TaskRunning;
        bench.agent("S0", FromAgent::Update { framework_id, status, latest_state });
    }
    let ids = |wanted: TasksWanted| {
        let view = bench.master.view(&View::Tasks(wanted));
        let tasks = view["tasks"].as_array().unwrap().clone();
        tasks.iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(TasksWanted::default()), ["c", "b", "a"]);
    assert_eq!(ids(TasksWanted { ascending: true, offset: 1, ..Default::default() }), ["b", "c"]);
    assert_eq!(ids(TasksWanted { limit: Some(1), ..Default::default() }), ["c"]);
    assert_eq!(ids(TasksWanted { task_id: Some("b".into()), ..Default::default() }), ["b"]);
    let summary = bench.master.view(&View::Summary);
    assert_eq!(summary["frameworks"][0]["TASK_RUNNING"], 3);
    assert_eq!(summary["slaves"][0]["TASK_RUNNING"], 3);
    let role = &bench.master.view(&View::Roles)["roles"][0];
    assert_eq!((&role["name"], &role["resources"]["cpus"]), (&"*".into(), &3.0.into()));
    let state = bench.master.view(&View::State);
    let task = &state["frameworks"][0]["tasks"][0];
    assert_eq!(task["labels"][0]["key"], "k");
    assert_eq!(task.get("discovery"), None, "what is not there is left out");
    assert_eq!(state["flags"]["allocation_interval"], "1secs");
}

#[test]
fn attributes_of_agents_are_seen_and_offered() {
    let mut bench = Bench::with_agents(&[]);
    let rack = Attribute {
        name: "rack".into(),
        r#type: value::Type::Text.into(),
        text: Some(value::Text { value: "abc".into() }),
        ..Attribute::default()
    };
    let info = AgentInfo {
        id: Some("S0".into()),
        attributes: vec![rack],
        resources: bundle("cpus:1;mem:64").to_wire(),
        ..AgentInfo::default()
    };
    bench.agent("S0", FromAgent::Registered(Box::new(info)));
    assert_eq!(bench.master.view(&View::Agents(None))["slaves"][0]["attributes"]["rack"], "abc");
    let (client, outputs) = bench.subscribe(super::info());
    assert_eq!(offers(&client, &outputs)[0].attributes.len(), 1);
}
