//! Tasks that are launched together.

use super::*;

impl World {
    fn run_group(&mut self, tasks: &[&str]) {
        let executor = ExecutorInfo { executor_id: "e".into(), ..ExecutorInfo::default() };
        let task = |id: &&str| TaskInfo {
            task_id: (*id).into(),
            executor: Some(executor.clone()),
            ..TaskInfo::default()
        };
        let (framework, tasks) = (self.framework(), tasks.iter().map(task).collect());
        self.input(Input::Master(ToAgent::RunGroup { framework, tasks }));
    }
}

#[test]
fn single_tasks_come_first_then_groups_as_one() {
    let mut world = World::new();
    world.run_group(&["a", "b"]);
    world.run("t");
    world.container(ContainerEvent::Started(None));
    let stream = world.subscribe(call::Subscribe::default());
    let expected = [event::Type::Subscribed, event::Type::Launch, event::Type::LaunchGroup];
    assert_eq!(world.events(), expected.map(|kind| (stream, kind)));
    world.outputs.clear();
    world.run_group(&["c", "d"]);
    assert_eq!(world.events(), [(stream, event::Type::LaunchGroup)]);
}

#[test]
fn killing_one_of_an_undelivered_group_kills_all_of_it() {
    let mut world = World::new();
    world.run_group(&["a", "b"]);
    world.outputs.clear();
    world.kill("a");
    let killed = (TaskState::TaskKilled, Some(Reason::TaskKilledDuringLaunch));
    assert_eq!(world.take_states(), [killed, killed]);
}
