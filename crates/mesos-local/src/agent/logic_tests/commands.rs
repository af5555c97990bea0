//! Commands, which need no executor of the framework's own.

use super::*;

#[test]
fn a_command_reports_for_itself() {
    let endings = [
        (0, TaskState::TaskFinished, "Command exited with status 0"),
        (3 << 8, TaskState::TaskFailed, "Command exited with status 3"),
        (15, TaskState::TaskFailed, "Command terminated with signal Terminated"),
    ];
    for (raw, state, message) in endings {
        let mut world = World::new();
        world.run_command("t");
        world.container(ContainerEvent::Started(None));
        world.container(ContainerEvent::Exited(Some(raw)));
        let mut seen = Vec::new();
        for _ in 0..3 {
            let update = world.updates().pop().unwrap();
            seen.push((update.state(), update.message.clone()));
            world.acknowledge("t", update.uuid.unwrap());
        }
        let wanted = [(TaskState::TaskStarting, None), (TaskState::TaskRunning, None)];
        assert_eq!(seen[..2], wanted);
        assert_eq!(seen[2], (state, Some(message.to_owned())));
        assert!(world.exits().is_empty(), "only the framework's own executors exit for it");
        assert!(world.agent.frameworks.is_empty());
    }
}

#[test]
fn a_killed_command_is_asked_then_killed() {
    let mut world = World::new();
    world.run_command("t");
    world.container(ContainerEvent::Started(None));
    world.kill("t");
    assert_eq!(world.signals(), [Signal::Terminate]);
    world.pass(3);
    assert_eq!(world.signals(), [Signal::Terminate, Signal::Kill]);
    world.container(ContainerEvent::Exited(Some(9)));
    assert_eq!(world.agent.frameworks["f"].executors["t"].done.len(), 1);
    for _ in 0..2 {
        let uuid = world.updates().pop().unwrap().uuid.unwrap();
        world.acknowledge("t", uuid);
    }
    assert_eq!(world.updates().pop().unwrap().state(), TaskState::TaskKilled);
}

#[test]
fn a_command_killed_while_it_is_fetched_ends_at_once() {
    let mut world = World::new();
    world.run_command("t");
    world.kill("t");
    assert_eq!(world.signals(), [Signal::Kill]);
    let killed = (TaskState::TaskKilled, Some(Reason::TaskKilledDuringLaunch));
    assert_eq!(world.take_states(), [killed]);
    world.container(ContainerEvent::Failed("Container destroyed".into()));
    assert!(world.updates().is_empty());
}
