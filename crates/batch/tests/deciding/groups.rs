//! What an executor takes so that tasks can be launched as a group, and who pays for it.

use batch::{Grouping, Input, Launch};
use mesos::operation::can_have_group;
use mesos::resources::{Resources, Scalar};

use super::{Bench, launches, offer};

fn bench(task_cpus: i64) -> Bench {
    Bench::new(9, |settings| {
        settings.task_cpus = Scalar::from_thousandths(task_cpus);
        settings.executor_cpus = Scalar::ZERO;
        let cpus = Scalar::from_thousandths(10);
        settings.grouping = Some(Grouping { cpus, disk_mib: Scalar::from_thousandths(512_000) });
    })
}

fn cpus(launches: &[Launch]) -> Vec<i64> {
    launches.iter().map(|launch| launch.resources.cpus().thousandths()).collect()
}

#[test]
fn the_executors_share_comes_out_of_one_task_so_that_as_many_fit() {
    let mut bench = bench(1_000);
    let launches = bench.launch("cpus:3;mem:4096;disk:600");
    assert_eq!(cpus(&launches), [1_000, 1_000, 990]);
    let executor = &launches[0].executor_resources;
    assert_eq!(executor, &"cpus:0.01;mem:64;disk:512".parse::<Resources>().unwrap());
    assert!(can_have_group(executor));
}

#[test]
fn what_a_task_with_less_leaves_is_enough_for_the_next_and_for_another_frameworks() {
    let mut bench = bench(1_000);
    bench.launch("cpus:1;mem:4096;disk:600");
    let mut freed = offer("p", "a", "cpus:0.99;mem:4096");
    freed.executor_ids = vec!["exec".into()];
    assert_eq!(cpus(&launches(bench.give(Input::Offers(vec![freed])))), [990]);
    let other = offer("q", "b", "cpus:0.99;mem:4096;disk:600");
    let launches = launches(bench.give(Input::Offers(vec![other])));
    assert_eq!(cpus(&launches), [990]);
    assert_eq!(launches[0].executor_resources, "mem:64".parse().unwrap(), "no share is left");
}

#[test]
fn an_offer_from_before_the_executor_came_does_not_change_what_it_is() {
    let mut bench = bench(1_000);
    let first = bench.launch("cpus:1;mem:4096;disk:600");
    let old = offer("p", "a", "cpus:1;mem:1024");
    let second = launches(bench.give(Input::Offers(vec![old])));
    assert_eq!(second[0].executor_resources, first[0].executor_resources);
    assert!(!second[0].executor_is_new);
}

#[test]
fn without_disk_or_with_tiny_tasks_there_are_no_groups() {
    let launches = bench(1_000).launch("cpus:2;mem:4096");
    assert_eq!(cpus(&launches), [1_000, 1_000]);
    assert_eq!(launches[0].executor_resources, "mem:64".parse().unwrap());
    let launches = bench(50).launch("cpus:0.1;mem:4096;disk:600");
    assert_eq!(cpus(&launches), [50, 50], "a hundredth were more than a tenth of them");
    assert!(!can_have_group(&launches[0].executor_resources));
}
