use super::*;
use crate::v1::{Attribute, value};

fn definition(more: &str) -> Definition {
    let text = format!(
        r#"{{"tasks":[{{"name":"t","resources":{{"cpus":1,"mem":32}},"command":{{"cmd":"x"}}{more}}}]}}"#
    );
    Definition::from_json(&text).unwrap()
}

fn offer(id: &str, agent: &str, resources: &str) -> Offer {
    let resources: Resources = resources.parse().unwrap();
    Offer {
        id: id.into(),
        agent_id: agent.into(),
        resources: resources.to_wire(),
        ..Offer::default()
    }
}

fn ids(decision: &Decision) -> Vec<&str> {
    decision.launched.iter().map(|id| id.value.as_str()).collect()
}

fn status(task: &str, state: TaskState) -> TaskStatus {
    TaskStatus {
        task_id: task.into(),
        state: state.into(),
        agent_id: Some("a".into()),
        ..TaskStatus::default()
    }
}

const fn at(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

fn again(seconds: u64) -> Reaction {
    Reaction::Again { wait: Duration::from_secs(seconds) }
}

#[test]
fn every_offer_is_decided_and_filled_as_far_as_it_goes() {
    let mut runner = Runner::new(definition(r#","instances":4"#));
    let offers = [
        offer("o1", "a", "cpus:2;mem:64"),
        offer("o2", "b", "cpus:1;mem:16"),
        offer("o3", "c", "cpus:1;mem:32"),
    ];
    let decisions = runner.offers(at(1), &offers);
    assert_eq!(
        decisions.iter().map(|d| d.offer_id.value.as_str()).collect::<Vec<_>>(),
        ["o1", "o2", "o3"]
    );
    assert_eq!(ids(&decisions[0]), ["t.1.1", "t.2.1"]);
    assert!(decisions[1].operations.is_empty());
    assert_eq!(ids(&decisions[2]), ["t.3.1"]);
    assert_eq!(decisions[1].refuse, REFUSE_UNFIT, "one is still waiting");
    assert_eq!(runner.live().len(), 3);
    let last = runner.offers(at(2), &[offer("o4", "b", "cpus:9;mem:320")]);
    assert_eq!((ids(&last[0]), last[0].refuse), (vec!["t.4.1"], REFUSE_IDLE));
    let idle = runner.offers(at(3), &[offer("o5", "b", "cpus:9;mem:320")]);
    assert_eq!((idle[0].operations.len(), idle[0].refuse), (0, REFUSE_IDLE));
}

#[test]
fn what_ends_is_launched_again_after_its_wait() {
    let mut runner = Runner::new(definition(""));
    let big = || [offer("o", "a", "cpus:9;mem:320")];
    runner.offers(at(0), &big());
    assert_eq!(
        runner.update(at(1), &status("t.1.1", TaskState::TaskRunning), 1.0),
        Reaction::Nothing
    );
    assert_eq!(runner.running()["t"], 1);
    assert_eq!(runner.update(at(2), &status("t.1.1", TaskState::TaskFailed), 1.0), again(1));
    assert_eq!(
        runner.update(at(2), &status("t.1.1", TaskState::TaskFailed), 1.0),
        Reaction::Nothing
    );
    assert_eq!((runner.next_due(at(2)), runner.is_waiting()), (Some(at(3)), true));
    assert!(runner.offers(at(2), &big())[0].launched.is_empty());
    assert_eq!(ids(&runner.offers(at(3), &big())[0]), ["t.1.2"]);
    // Failures in a row wait longer; a lost agent is nobody's failure.
    assert_eq!(runner.update(at(4), &status("t.1.2", TaskState::TaskFailed), 1.0), again(2));
    runner.offers(at(9), &big());
    assert_eq!(runner.update(at(9), &status("t.1.3", TaskState::TaskLost), 1.0), again(1));
    runner.offers(at(19), &big());
    assert_eq!(runner.update(at(19), &status("t.1.4", TaskState::TaskFailed), 1.0), again(4));
    // What ran for a minute has no failures behind it.
    runner.offers(at(29), &big());
    runner.update(at(30), &status("t.1.5", TaskState::TaskRunning), 1.0);
    assert_eq!(runner.update(at(90), &status("t.1.5", TaskState::TaskFailed), 1.0), again(1));
}

#[test]
fn a_duplicate_end_counts_once() {
    let mut runner = Runner::new(definition(r#","retry":{"total_retries":1}"#));
    let big = || [offer("o", "a", "cpus:9;mem:320")];
    runner.offers(at(0), &big());
    runner.update(at(1), &status("t.1.1", TaskState::TaskFailed), 1.0);
    for _ in 0..3 {
        let again = runner.update(at(1), &status("t.1.1", TaskState::TaskFailed), 1.0);
        assert_eq!(again, Reaction::Nothing);
    }
    runner.offers(at(5), &big());
    assert!(!runner.is_over());
    let end = runner.update(at(6), &status("t.1.2", TaskState::TaskFailed), 1.0);
    assert_eq!((end, runner.is_over()), (Reaction::Over { well: false }, true));
}

#[test]
fn what_ended_well_is_over_if_so_wanted_and_what_is_wrong_is_given_up() {
    let big = || [offer("o", "a", "cpus:9;mem:320")];
    let mut runner = Runner::new(definition(r#","instances":2,"retry":{"restart":"on_failure"}"#));
    runner.offers(at(0), &big());
    let well = runner.update(at(1), &status("t.1.1", TaskState::TaskFinished), 1.0);
    assert_eq!((well, runner.is_over()), (Reaction::Over { well: true }, false));
    let wrong = runner.update(at(1), &status("t.2.1", TaskState::TaskError), 1.0);
    assert_eq!((wrong, runner.is_over()), (Reaction::Over { well: false }, true));
    let mut always = Runner::new(definition(""));
    always.offers(at(0), &big());
    assert_eq!(always.update(at(1), &status("t.1.1", TaskState::TaskFinished), 1.0), again(1));
}

#[test]
fn a_task_that_comes_back_after_it_was_replaced_is_killed() {
    let mut runner = Runner::new(definition(""));
    let big = || [offer("o", "a", "cpus:9;mem:320")];
    runner.offers(at(0), &big());
    runner.update(at(1), &status("t.1.1", TaskState::TaskLost), 1.0);
    runner.offers(at(9), &big());
    let back = runner.update(at(10), &status("t.1.1", TaskState::TaskRunning), 1.0);
    let kill = Reaction::Kill { task_id: "t.1.1".into(), agent_id: Some("a".into()) };
    assert_eq!(back, kill);
    assert_eq!(runner.live(), [("t.1.2".into(), Some("a".into()))]);
    let stranger = runner.update(at(10), &status("x.1.1", TaskState::TaskRunning), 1.0);
    assert!(matches!(stranger, Reaction::Kill { .. }));
}

#[test]
fn a_launch_that_did_not_arrive_is_made_again_under_another_id() {
    let mut runner = Runner::new(definition(r#","instances":2"#));
    let big = || [offer("o", "a", "cpus:9;mem:320")];
    runner.offers(at(0), &big());
    runner.not_launched(at(1), &["t.2.1".into(), "x".into()]);
    assert_eq!(runner.live(), [("t.1.1".into(), Some("a".into()))]);
    assert_eq!(ids(&runner.offers(at(1), &big())[0]), ["t.2.2"]);
    assert!(matches!(
        runner.update(at(2), &status("t.2.1", TaskState::TaskRunning), 1.0),
        Reaction::Kill { .. }
    ));
}

fn spread(strategy: &str, agents: &[(&str, &str)], instances: u32) -> Vec<usize> {
    let more = format!(r#","instances":{instances},"strategy":{strategy}"#);
    let mut runner = Runner::new(definition(&more));
    let offers: Vec<_> = agents.iter().map(|(agent, has)| offer(agent, agent, has)).collect();
    runner.offers(at(0), &offers).iter().map(|decision| decision.launched.len()).collect()
}

#[test]
fn instances_are_spread_as_the_strategy_says() {
    let agents = [("a", "cpus:2;mem:99"), ("b", "cpus:3;mem:99"), ("c", "cpus:1;mem:99")];
    assert_eq!(spread(r#"{"type":"none"}"#, &agents, 4), [2, 2, 0]);
    assert_eq!(spread(r#"{"type":"unique"}"#, &agents, 4), [1, 1, 1]);
    assert_eq!(spread(r#"{"type":"unique","effort":"best"}"#, &agents, 4), [2, 1, 1]);
    assert_eq!(spread(r#"{"type":"colocate"}"#, &agents, 4), [0, 3, 0]);
    assert_eq!(spread(r#"{"type":"mux","effort":"best"}"#, &agents, 4), [1, 3, 0]);
}

#[test]
fn an_agent_that_the_filters_exclude_gets_nothing() {
    let filters = r#","filters":[{"name":"rack","type":"text","value":["b"]}]"#;
    let mut runner = Runner::new(definition(filters));
    let plain = offer("o1", "a", "cpus:9;mem:99");
    let mut suits = offer("o2", "b", "cpus:9;mem:99");
    suits.attributes.push(Attribute {
        name: "rack".into(),
        r#type: value::Type::Text.into(),
        text: Some(value::Text { value: "b".into() }),
        ..Attribute::default()
    });
    let decisions = runner.offers(at(0), &[plain, suits]);
    assert_eq!((decisions[0].launched.len(), decisions[1].launched.len()), (0, 1));
}

proptest::proptest! {
    #[test]
    fn no_offer_is_overfilled_nor_forgotten(
        sizes in proptest::collection::vec((0_u32..5, 0_u32..200), 0..6), instances in 1_u32..12,
    ) {
        let mut runner = Runner::new(definition(&format!(r#","instances":{instances}"#)));
        let offers: Vec<Offer> = sizes.iter().enumerate()
            .map(|(n, (cpus, mem))| offer(&format!("o{n}"), &format!("a{n}"), &format!("cpus:{cpus};mem:{mem}")))
            .collect();
        let room: u32 = sizes.iter().map(|(cpus, mem)| (*cpus).min(mem / 32)).sum();
        let decisions = runner.offers(at(0), &offers);
        proptest::prop_assert_eq!(decisions.len(), offers.len());
        for (decision, offer) in decisions.iter().zip(&offers) {
            let used = decision.operations.iter().filter_map(|o| o.launch.as_ref())
                .flat_map(|launch| &launch.task_infos)
                .fold(Resources::default(), |sum, task| sum.plus(&Resources::from(&task.resources)));
            proptest::prop_assert!(Resources::from(&offer.resources).contains(&used));
        }
        let launched: usize = decisions.iter().map(|decision| decision.launched.len()).sum();
        proptest::prop_assert_eq!(launched as u32, room.min(instances));
    }
}
