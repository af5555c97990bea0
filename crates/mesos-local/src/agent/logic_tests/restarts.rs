//! What an agent still knows after a restart, and what its master learns of it.

use prost::Message as _;

use super::*;

impl World {
    /// The same world after the agent's process was replaced; nothing left to look at.
    fn restart(mut self) -> Self {
        let checkpoint = Box::new(self.agent.checkpoint());
        let mut next = Self::new();
        next.partition_aware = self.partition_aware;
        next.now = self.now;
        (next.requests, next.checkpoints) = (self.requests, self.checkpoints);
        self.outputs.clear();
        next.input(Input::Restore(checkpoint));
        next
    }

    /// The uuids of the updates of the task that no scheduler has acknowledged.
    fn pending_uuids(&self) -> Vec<Vec<u8>> {
        let kept = self.agent.outbox.updates.keep("f");
        let pending = kept.into_iter().flat_map(|(_, pending, _, _)| pending);
        let uuid = |status| TaskStatus::decode(status).unwrap().uuid().to_vec();
        pending.map(uuid).collect()
    }

    fn returning(&self) -> Vec<crate::messages::Returning> {
        let returning = |output: &Output| {
            if let Output::ToMaster(FromAgent::Reregistered(returning)) = output {
                Some((**returning).clone())
            } else {
                None
            }
        };
        self.outputs.iter().filter_map(returning).collect()
    }

    fn checkpointing() -> Self {
        let mut world = Self { checkpoints: true, ..Self::new() };
        world.run("t");
        world.container(ContainerEvent::Started(Some(7)));
        world.subscribe(call::Subscribe::default());
        world.outputs.clear();
        world
    }
}

#[test]
fn c49_c56_a_restarted_agent_waits_for_its_executors_and_then_registers() {
    let mut world = World::checkpointing();
    world.update(status("t", 1, TaskState::TaskRunning));
    let mut world = world.restart();
    assert!(world.returning().is_empty());
    world.update(status("t", 2, TaskState::TaskFinished));
    let Answer::Refused { status: code, .. } = world.answers()[0] else { panic!("refused") };
    assert_eq!(code, 503);
    world.outputs.clear();
    // Of what the executor had sent, the agent knows the first; the second is news.
    let unacknowledged_updates = [(1, TaskState::TaskRunning), (2, TaskState::TaskFinished)]
        .map(|(uuid, state)| call::Update { status: status("t", uuid, state) });
    let stream = world.subscribe(call::Subscribe {
        unacknowledged_updates: unacknowledged_updates.to_vec(),
        ..call::Subscribe::default()
    });
    let expected = [event::Type::Subscribed, event::Type::Acknowledged, event::Type::Acknowledged];
    assert_eq!(world.events(), expected.map(|kind| (stream, kind)));
    let returning = world.returning().remove(0);
    assert_eq!(returning.executors.len(), 1);
    assert_eq!(returning.tasks[0].latest_state, TaskState::TaskFinished);
    assert_eq!(world.take_states(), [(TaskState::TaskRunning, None)], "the oldest again");
    world.acknowledge("t", vec![1; 16]);
    assert_eq!(world.take_states(), [(TaskState::TaskFinished, None)]);
}

#[test]
fn c56_a_task_that_a_returning_executor_does_not_list_was_never_delivered() {
    let mut world = World::checkpointing().restart();
    world.subscribe(call::Subscribe::default());
    let expected = [(TaskState::TaskLost, Some(Reason::AgentRestarted))];
    let states = world.take_states();
    assert_eq!(states[0], expected[0]);
}

#[test]
fn an_executor_that_does_not_return_within_two_seconds_is_gone() {
    let mut world = World::checkpointing().restart();
    world.pass(1);
    assert!(world.signals().is_empty() && world.returning().is_empty());
    world.pass(1);
    assert_eq!(world.signals(), [Signal::Kill]);
    assert_eq!(world.returning().len(), 1);
    world.container(ContainerEvent::Exited(Some(9)));
    let expected = (TaskState::TaskLost, Some(Reason::ExecutorReregistrationTimeout));
    assert!(world.take_states().contains(&expected));
}

#[test]
fn without_checkpoint_nothing_survives_the_agent() {
    let world = World::with_running_task();
    assert_eq!(world.agent.orphans().len(), 1);
    let world = world.restart();
    assert!(world.returning()[0].tasks.is_empty(), "registered at once");
}

#[test]
fn a_command_outlives_its_agent() {
    let mut world = World { checkpoints: true, ..World::new() };
    world.run_command("t");
    world.container(ContainerEvent::Started(Some(7)));
    let mut world = world.restart();
    assert_eq!(world.returning()[0].tasks[0].latest_state, TaskState::TaskRunning);
    world.outputs.clear();
    world.container(ContainerEvent::Exited(Some(0)));
    for uuid in world.pending_uuids() {
        world.acknowledge("t", uuid);
    }
    let last = world.take_states().pop();
    assert_eq!(last, Some((TaskState::TaskFinished, None)));
}

#[test]
fn tasks_that_only_the_master_knows_are_denied() {
    let mut world = World::with_running_task();
    let framework = world.framework();
    let tasks = vec![("t".into(), None), ("other".into(), None)];
    world.input(Input::Master(ToAgent::UnknownTasks { framework, tasks }));
    assert_eq!(world.take_states(), [(TaskState::TaskLost, Some(Reason::Reconciliation))]);
}
