//! Where tasks go, which run twice, and when a job is given up.

use std::num::NonZeroU64;
use std::time::Duration;

use batch::outcome::Tried;
use batch::{Call, Choice, Chunk, DeclineReason, Input, MaxFailures, Notice, Obstacle, Released};
use mesos::v1::resource::AllocationInfo;
use mesos::v1::{
    Attribute, DurationInfo, InverseOffer, Offer, TaskState, TimeInfo, Unavailability, value,
};
use protocol::{Class, ImageReport};

use super::{Bench, accepts, acks, done, kills, launches, offer, payload, status};

const ROOM: &str = "cpus:1.1;mem:1024";

fn reasons(bench: &Bench) -> Vec<DeclineReason> {
    let declined = bench.engine.decisions().filter_map(|decision| match decision.choice {
        Choice::Declined(reason) => Some(reason),
        Choice::Launched { .. } => None,
    });
    declined.collect()
}

fn with_executor(mut offer: Offer) -> Offer {
    offer.executor_ids = vec!["exec".into()];
    offer
}

fn loses(bench: &mut Bench, agent: &str) {
    bench.tick(Duration::from_secs(31));
    let task = launches(bench.give(Input::Offers(vec![offer("o", agent, ROOM)]))).remove(0);
    bench.tick(Duration::from_secs(1));
    bench.update(status(&task, TaskState::TaskFailed, None));
}

fn unavailable_in(seconds: i64) -> Unavailability {
    Unavailability {
        start: TimeInfo { nanoseconds: seconds * 1_000_000_000 },
        duration: Some(DurationInfo { nanoseconds: 600 * 1_000_000_000 }),
    }
}

/// A task on `slow` that is a straggler, and one on `quick` that has ended.
fn straggling() -> (Bench, batch::Launch) {
    let mut bench = Bench::new(2, |_| {});
    let offers = vec![offer("1", "slow", ROOM), offer("2", "quick", ROOM)];
    let mut tasks = launches(bench.give(Input::Offers(offers)));
    let (quick, slow) = (tasks.remove(1), tasks.remove(0));
    bench.tick(Duration::from_secs(1));
    bench.update(status(&quick, TaskState::TaskFinished, payload(vec![done(2)])));
    assert_eq!(bench.tick(Duration::from_secs(18)).calls, []);
    assert_eq!(bench.tick(Duration::from_secs(1)).calls, [Call::Revive]);
    (bench, slow)
}

#[test]
fn an_image_that_ends_its_executors_takes_no_other_with_it() {
    const POISON: u64 = 11;
    let fixed = Chunk::Fixed(NonZeroU64::new(40).unwrap());
    let mut bench = Bench::new(40, |settings| settings.images_per_task = fixed);
    let mut rounds = 0;
    while !bench.engine.is_finished() {
        bench.tick(Duration::from_secs(31));
        let room = format!("cpus:{};mem:9999", 40.1);
        for task in bench.launch(&room) {
            let report = |index: &u64| done(*index);
            let all = payload(task.images.iter().map(report).collect());
            // Restarted at any time, it goes on in the same way.
            bench.restart(40);
            bench.subscribe();
            bench.update(if task.images.contains(&POISON) {
                status(&task, TaskState::TaskFailed, None)
            } else {
                status(&task, TaskState::TaskFinished, all)
            });
        }
        rounds += 1;
    }
    assert_eq!(rounds, 10);
    let classes = |wanted| (1..=40).filter(|index| bench.class(*index) == Some(wanted)).collect();
    let failed: Vec<u64> = classes(Class::Machinery);
    assert_eq!((failed, bench.engine.progress().done), (vec![POISON], 39));
}

#[test]
fn a_straggler_runs_a_second_time_elsewhere_and_the_loser_is_killed() {
    let (mut bench, first) = straggling();
    assert!(launches(bench.give(Input::Offers(vec![offer("3", "slow", ROOM)]))).is_empty());
    assert_eq!(reasons(&bench).last(), Some(&DeclineReason::OnlyStragglers));
    let second = launches(bench.give(Input::Offers(vec![offer("4", "quick", ROOM)]))).remove(0);
    assert_eq!(second.task_id.value, "job.1.2");
    let none = bench.give(Input::Offers(vec![offer("5", "third", ROOM)]));
    assert!(launches(none).is_empty(), "there is no third run");
    assert_eq!(bench.engine.progress().running, 1);
    let won = bench.update(status(&second, TaskState::TaskFinished, payload(vec![done(1)])));
    assert!(
        won.calls.contains(&Call::Kill {
            task_id: first.task_id.clone(),
            agent_id: Some("slow".into())
        })
    );
    assert!(bench.engine.is_finished());
    let late = bench.update(status(&first, TaskState::TaskFinished, payload(vec![done(1)])));
    assert_eq!((acks(&late), kills(&late)), (1, 0));
    let progress = bench.engine.progress();
    assert_eq!((progress.done, progress.tasks_running), (2, 0));
}

#[test]
fn a_straggler_may_win_and_a_lost_second_run_leaves_it_alone() {
    let (mut bench, first) = straggling();
    let second = launches(bench.give(Input::Offers(vec![offer("4", "quick", ROOM)]))).remove(0);
    bench.update(status(&second, TaskState::TaskLost, None));
    let progress = bench.engine.progress();
    assert_eq!((progress.running, progress.retrying, progress.tasks_running), (1, 0, 1));
    bench.tick(Duration::from_secs(20));
    let third = launches(bench.give(Input::Offers(vec![offer("5", "quick", ROOM)])));
    assert_eq!(third.len(), 1, "it still takes long");
    bench.update(status(&first, TaskState::TaskFinished, payload(vec![done(1)])));
    assert!(bench.engine.is_finished());
    let tried = bench.found(1).unwrap().ended.tried;
    assert_eq!(tried, Tried { attempts: 3, task: Some(first.attempt) }, "not the last task");
}

#[test]
fn a_straggler_whose_second_run_could_not_be_sent_gets_another() {
    let (mut bench, _first) = straggling();
    let second = launches(bench.give(Input::Offers(vec![offer("4", "quick", ROOM)]))).remove(0);
    bench.give(Input::LaunchFailed { tasks: vec![second.task_id] });
    bench.tick(Duration::from_secs(20));
    let third = launches(bench.give(Input::Offers(vec![offer("5", "quick", ROOM)])));
    assert_eq!(third.len(), 1, "it still takes long");
}

#[test]
fn a_job_that_stands_still_asks_again_for_offers() {
    let mut bench = Bench::new(1, |_| {});
    let told = bench.tick(Duration::from_secs(11));
    assert!(matches!(told.notices[..], [Notice::NoProgress { .. }]), "{:?}", told.notices);
    assert_eq!(told.calls, [Call::Revive]);
}

#[test]
fn an_agent_that_goes_makes_others_welcome_that_were_refused_for_it() {
    let mut bench = Bench::new(1, |_| {});
    assert_eq!(bench.give(Input::AgentLost("good".into())).calls, [Call::Revive]);
}

#[test]
fn a_task_that_has_reported_all_its_images_is_no_straggler_after_a_restart() {
    let mut bench = Bench::new(2, |_| {});
    let offers = vec![offer("1", "a", ROOM), offer("2", "b", ROOM)];
    let tasks = launches(bench.give(Input::Offers(offers)));
    bench.update(status(&tasks[0], TaskState::TaskRunning, payload(vec![done(1)])));
    bench.restart(2);
    bench.subscribe();
    bench.tick(Duration::from_secs(60));
    let offers = vec![offer("3", "c", ROOM), offer("4", "d", ROOM)];
    let second: Vec<_> = launches(bench.give(Input::Offers(offers)));
    let names: Vec<_> = second.iter().map(|launch| launch.task_id.value.as_str()).collect();
    assert_eq!(names, ["job.2.2"]);
}

#[test]
fn a_failure_that_may_go_better_elsewhere_is_left_to_the_rival() {
    let (mut bench, first) = straggling();
    let second = launches(bench.give(Input::Offers(vec![offer("4", "quick", ROOM)]))).remove(0);
    let slow = || payload(vec![ImageReport::failed(1, Class::Timeout, "slow")]);
    bench.update(status(&first, TaskState::TaskFinished, slow()));
    assert_eq!(bench.engine.progress().running, 1);
    bench.update(status(&second, TaskState::TaskFinished, slow()));
    assert_eq!(bench.engine.progress().retrying, 1);
}

#[test]
fn a_slow_task_that_has_reported_all_its_images_needs_no_second_run() {
    let mut bench = Bench::new(2, |_| {});
    let task = launches(bench.give(Input::Offers(vec![offer("1", "slow", ROOM)]))).remove(0);
    bench.launch(ROOM);
    bench.update(status(&task, TaskState::TaskRunning, payload(vec![done(1)])));
    bench.tick(Duration::from_secs(60));
    let second = launches(bench.give(Input::Offers(vec![offer("2", "third", "cpus:9;mem:9999")])));
    assert_eq!(second.iter().map(|l| l.task_id.value.as_str()).collect::<Vec<_>>(), ["job.2.2"]);
}

#[test]
fn a_new_engine_knows_both_runs_and_asks_about_both() {
    let (mut bench, _) = straggling();
    bench.give(Input::Offers(vec![offer("4", "quick", ROOM)]));
    bench.restart(2);
    let asked = bench.subscribe();
    let tasks =
        vec![("job.1.1".into(), Some("slow".into())), ("job.1.2".into(), Some("quick".into()))];
    assert!(asked.calls.contains(&Call::Reconcile(tasks)), "{asked:?}");
    assert_eq!(bench.engine.progress().running, 1);
}

#[test]
fn an_agent_that_loses_one_task_after_another_is_avoided_for_a_while_but_not_if_it_is_the_only_one()
{
    let mut bench = Bench::new(1, |_| {});
    bench.give(Input::Offers(vec![offer("x", "good", "cpus:0.1;mem:1")]));
    for _ in 0..3 {
        loses(&mut bench, "bad");
    }
    bench.tick(Duration::from_secs(20));
    let released = bench
        .give(Input::Offers(vec![offer("1", "good", "cpus:0.1;mem:1"), offer("2", "bad", ROOM)]));
    assert!(launches(released).is_empty());
    assert!(matches!(reasons(&bench)[..], [.., DeclineReason::Avoided { .. }, _]));
    bench.tick(Duration::from_secs(11));
    assert_eq!(launches(bench.give(Input::Offers(vec![offer("3", "bad", ROOM)]))).len(), 1);

    let mut alone = Bench::new(1, |_| {});
    for _ in 0..5 {
        loses(&mut alone, "bad");
    }
    assert_eq!(alone.engine.progress().tasks_launched, 5);
}

#[test]
fn too_many_failures_end_the_job_kill_what_runs_and_keep_the_rest() {
    let mut bench = Bench::new(5, |settings| settings.max_failures = Some(MaxFailures::Images(1)));
    let tasks = bench.launch("cpus:3.1;mem:4096");
    let failed = |index| {
        payload(vec![ImageReport::failed(index, Class::Http4xx, "http://h/x is not there")])
    };
    let first = bench.update(status(&tasks[0], TaskState::TaskFinished, failed(1)));
    assert_eq!(kills(&first), 0);
    let second = bench.update(status(&tasks[1], TaskState::TaskFinished, failed(2)));
    assert_eq!(kills(&second), 1);
    assert!(
        second
            .notices
            .contains(&Notice::Aborted { failed: 2, max_failures: MaxFailures::Images(1) })
    );
    assert!(bench.engine.is_aborted() && !bench.engine.is_idle());
    bench.update(status(&tasks[2], TaskState::TaskKilled, None));
    assert!(bench.engine.is_idle() && !bench.engine.is_finished());
    let progress = bench.engine.progress();
    assert_eq!((progress.failed, progress.pending, progress.retrying), (2, 2, 1));
}

#[test]
fn a_job_that_is_given_up_does_not_wait_for_ever_for_what_it_killed() {
    let mut bench = Bench::new(2, |settings| settings.max_failures = Some(MaxFailures::NONE));
    let tasks = bench.launch("cpus:2.1;mem:4096");
    let report = payload(vec![ImageReport::failed(1, Class::Http4xx, "gone")]);
    bench.update(status(&tasks[0], TaskState::TaskFinished, report));
    bench.tick(Duration::from_secs(14));
    assert!(!bench.engine.is_idle());
    bench.tick(Duration::from_secs(1));
    assert!(bench.engine.is_idle());
}

#[test]
fn offers_of_an_agent_that_are_too_small_alone_are_used_together() {
    let mut bench = Bench::new(3, |_| {});
    let parts = vec![
        offer("1", "a", "cpus:0.6;mem:128"),
        offer("2", "b", "cpus:0.6;mem:128"),
        offer("3", "a", "cpus:0.6;mem:128"),
    ];
    let released = bench.give(Input::Offers(parts));
    let used: Vec<_> = accepts(released).map(|(ids, launches)| (ids, launches.len())).collect();
    assert_eq!(used, [(vec!["1".into(), "3".into()], 1)]);
    assert_eq!(reasons(&bench), [DeclineReason::TooSmall]);
}

#[test]
fn offers_of_different_roles_are_not_mixed_and_each_role_has_its_executor() {
    let mut bench = Bench::new(9, |_| {});
    let of_role = |id: &str, role: &str, resources| Offer {
        allocation_info: Some(AllocationInfo { role: Some(role.into()) }),
        ..offer(id, "a", resources)
    };
    let small = vec![of_role("1", "x", "cpus:0.6;mem:128"), of_role("2", "y", "cpus:0.6;mem:128")];
    assert!(launches(bench.give(Input::Offers(small))).is_empty());
    let both = vec![of_role("3", "x", ROOM), of_role("4", "y/z", ROOM)];
    let tasks = launches(bench.give(Input::Offers(both)));
    let executors: Vec<_> = tasks.iter().map(|task| task.executor_id.value.as_str()).collect();
    assert_eq!(executors, ["exec-x", "exec-y_z"]);
    assert!(tasks.iter().all(|task| task.executor_is_new));
}

#[test]
fn agents_that_do_not_suit_a_constraint_get_nothing_and_it_is_said_why() {
    let mut bench = Bench::new(1, |settings| {
        settings.constraints = vec!["rack:LIKE:r[12]".parse().unwrap()];
    });
    let on_rack = |rack: &str| {
        let text = Some(value::Text { value: rack.into() });
        let r#type = value::Type::Text.into();
        let rack = Attribute { name: "rack".into(), r#type, text, ..Attribute::default() };
        Offer { attributes: vec![rack], ..offer("o", "a", ROOM) }
    };
    assert!(launches(bench.give(Input::Offers(vec![on_rack("r3")]))).is_empty());
    assert_eq!(reasons(&bench), [DeclineReason::Constraint]);
    let said = bench.tick(Duration::from_secs(10));
    let wanted = Obstacle::Constraint { constraint: "rack:LIKE:r[12]".into() };
    assert_eq!(obstacle(&said), Some(wanted));
    assert_eq!(launches(bench.give(Input::Offers(vec![on_rack("r2")]))).len(), 1);
}

fn obstacle(released: &Released) -> Option<Obstacle> {
    released.notices.iter().find_map(|notice| {
        if let Notice::NoProgress { obstacle, .. } = notice { Some(obstacle.clone()) } else { None }
    })
}

#[test]
fn a_job_that_cannot_go_on_says_why_and_is_silent_while_tasks_run() {
    let mut bench = Bench::new(2, |_| {});
    let said = bench.tick(Duration::from_secs(10));
    assert_eq!(obstacle(&said), Some(Obstacle::NoOffers { roles: "*".into() }));
    bench.give(Input::Offers(vec![with_executor(offer("o", "a", "cpus:0.5;mem:4096"))]));
    let said = obstacle(&bench.tick(Duration::from_secs(20))).unwrap().to_string();
    assert!(said.contains("needs 1.1 cpus and 192 MiB"), "{said}");
    assert!(said.contains("had 0.5 cpus and 4096 MiB"), "{said}");
    bench.launch(ROOM);
    assert_eq!(obstacle(&bench.tick(Duration::from_secs(19))), None);
}

#[test]
fn nothing_is_launched_on_an_agent_that_will_be_taken_away_before_a_task_could_end() {
    let mut bench = Bench::new(2, |settings| settings.unix_start = Duration::from_secs(1_000));
    let leaving = |id: &str, start: i64| Offer {
        unavailability: Some(unavailable_in(1_000 + start)),
        ..offer(id, "a", ROOM)
    };
    assert!(launches(bench.give(Input::Offers(vec![leaving("1", 59)]))).is_empty());
    assert_eq!(reasons(&bench), [DeclineReason::Maintenance]);
    assert_eq!(launches(bench.give(Input::Offers(vec![leaving("2", 3_600)]))).len(), 1);
    bench.tick(Duration::from_secs(700));
    assert_eq!(launches(bench.give(Input::Offers(vec![leaving("3", 59)]))).len(), 1, "it is over");
}

#[test]
fn before_maintenance_tasks_may_end_and_what_has_not_ended_is_moved_at_no_cost() {
    let mut bench = Bench::new(1, |settings| settings.unix_start = Duration::from_secs(1_000));
    let task = bench.launch(ROOM).remove(0);
    let wish = InverseOffer {
        id: "i".into(),
        agent_id: Some("a".into()),
        unavailability: unavailable_in(1_100),
        ..InverseOffer::default()
    };
    let agreed = bench.give(Input::InverseOffers(vec![wish.clone()]));
    assert!(
        matches!(&agreed.calls[..], [Call::AcceptInverse { offer_ids, .. }] if *offer_ids == ["i".into()])
    );
    assert!(agreed.notices.iter().any(|n| matches!(n, Notice::Maintenance { tasks: 1, .. })));
    assert_eq!(bench.give(Input::InverseOffers(vec![wish])).notices, []);
    assert_eq!(kills(&bench.tick(Duration::from_secs(99))), 0);
    assert_eq!(kills(&bench.tick(Duration::from_secs(1))), 1);
    bench.update(status(&task, TaskState::TaskKilled, None));
    let again = launches(bench.give(Input::Offers(vec![offer("2", "b", ROOM)]))).remove(0);
    assert_eq!(again.task_id.value, "job.1.2");
}

#[test]
fn maintenance_that_is_called_off_moves_nothing() {
    let mut bench = Bench::new(1, |_| {});
    bench.launch(ROOM);
    let (agent_id, unavailability) = (Some("a".into()), unavailable_in(100));
    let wish = InverseOffer { id: "i".into(), agent_id, unavailability, ..InverseOffer::default() };
    bench.give(Input::InverseOffers(vec![wish]));
    bench.give(Input::InverseOfferRescinded("i".into()));
    assert_eq!(kills(&bench.tick(Duration::from_secs(200))), 0);
}

#[test]
fn maintenance_that_was_called_off_while_nobody_could_tell_us_moves_nothing() {
    let mut bench = Bench::new(1, |_| {});
    bench.launch(ROOM);
    let (agent_id, unavailability) = (Some("a".into()), unavailable_in(100));
    let wish = InverseOffer { id: "i".into(), agent_id, unavailability, ..InverseOffer::default() };
    bench.give(Input::InverseOffers(vec![wish.clone()]));
    bench.give(Input::Disconnected);
    bench.subscribe();
    assert_eq!(kills(&bench.tick(Duration::from_secs(99))), 0);
    assert_eq!(kills(&bench.tick(Duration::from_secs(1))), 0);
    let still = InverseOffer { unavailability: unavailable_in(200), ..wish };
    bench.give(Input::InverseOffers(vec![still]));
    assert_eq!(kills(&bench.tick(Duration::from_secs(100))), 1, "asked again");
}

#[test]
fn tasks_grow_while_they_are_short() {
    let mut bench = Bench::new(10_000, |_| {});
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let task = bench.launch(ROOM).remove(0);
        sizes.push(task.images.len());
        bench.tick(Duration::from_millis(100));
        let images = bench.indexes(&task).into_iter().map(done).collect();
        bench.update(status(&task, TaskState::TaskFinished, payload(images)));
    }
    assert_eq!(sizes, [1, 2, 4, 8, 16]);
}
