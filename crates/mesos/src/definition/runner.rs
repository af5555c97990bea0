//! Which instances to launch where, and which again: decisions without I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Definition, Effort, Restart, Retry, StrategyKind, TaskDefinition};
use crate::operation;
use crate::resources::Resources;
use crate::session::Time;
use crate::state::TaskStateExt as _;
use crate::v1::offer::Operation;
use crate::v1::{AgentId, Offer, OfferId, TaskId, TaskInfo, TaskState, TaskStatus};

/// How long to refuse what is too small or does not suit while something is to be launched.
const REFUSE_UNFIT: Duration = Duration::from_secs(5);
/// How long to refuse everything while all runs; a REVIVE takes it back.
const REFUSE_IDLE: Duration = Duration::from_secs(3600);

/// Keeps the instances of a definition running.
///
/// It is told of offers and updates and says what to do. `now` is the time since some fixed
/// moment, as with [`Session`](crate::session::Session).
#[derive(Debug)]
pub struct Runner {
    definition: Definition,
    instances: Vec<Instance>,
}

#[derive(Debug)]
struct Instance {
    /// Which of the definition's tasks.
    task: usize,
    number: u32,
    /// Of the last try, from 1; 0 before the first.
    attempt: u32,
    failures: u32,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    /// To be launched at this time.
    Due(Time),
    Out {
        agent: AgentId,
        running_since: Option<Time>,
    },
    Over,
}

/// What becomes of an offer: an ACCEPT with these operations; without any, that declines it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The offer.
    pub offer_id: OfferId,
    /// What to do with it.
    pub operations: Vec<Operation>,
    /// The tasks that are launched by it.
    pub launched: Vec<TaskId>,
    /// How long to refuse what is left.
    pub refuse: Duration,
}

/// What follows from an update.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// Nothing is to be done.
    Nothing,
    /// The instance ended and will be launched again after this wait.
    Again {
        /// How long.
        wait: Duration,
    },
    /// The instance ended and is not launched again.
    Over {
        /// Whether it ended well.
        well: bool,
    },
    /// It is a task of an earlier try, long replaced: kill it.
    Kill {
        /// The task.
        task_id: TaskId,
        /// Where it runs, if that is known.
        agent_id: Option<AgentId>,
    },
}

/// An offer while it is filled.
struct Room<'a> {
    offer: &'a Offer,
    left: Resources,
    operations: Vec<Operation>,
    tasks: Vec<TaskInfo>,
}

impl Runner {
    /// All instances to be launched as soon as there is an offer.
    #[must_use]
    pub fn new(definition: Definition) -> Self {
        let instances = definition.tasks.iter().enumerate().flat_map(|(task, described)| {
            let state = || State::Due(Time::ZERO);
            (1..=described.instances.get()).map(move |number| Instance {
                task,
                number,
                attempt: 0,
                failures: 0,
                state: state(),
            })
        });
        let instances = instances.collect();
        Self { definition, instances }
    }

    /// What to do with each of these offers; none is left out.
    pub fn offers(&mut self, now: Time, offers: &[Offer]) -> Vec<Decision> {
        let room = |offer| Room {
            offer,
            left: Resources::from(&offer.resources),
            operations: Vec::new(),
            tasks: Vec::new(),
        };
        let mut rooms: Vec<Room> = offers.iter().map(room).collect();
        for index in 0..self.instances.len() {
            self.launch(now, index, &mut rooms);
        }
        let refuse = if self.is_waiting() { REFUSE_UNFIT } else { REFUSE_IDLE };
        rooms.into_iter().map(|room| room.decision(refuse)).collect()
    }

    /// Takes an update in. `jitter` between 0 and 1 shortens waits.
    pub fn update(&mut self, now: Time, status: &TaskStatus, jitter: f64) -> Reaction {
        let state = status.state();
        let definition = &self.definition;
        let found = self.instances.iter_mut().find(|instance| {
            task_of(definition, instance).is_some_and(|task| {
                task.task_id(instance.number, instance.attempt) == status.task_id
            })
        });
        let has_ended = state.is_terminal() || state.is_infrastructure_failure();
        let Some(instance) = found.filter(|instance| matches!(instance.state, State::Out { .. }))
        else {
            if has_ended {
                return Reaction::Nothing;
            }
            let (task_id, agent_id) = (status.task_id.clone(), status.agent_id.clone());
            return Reaction::Kill { task_id, agent_id };
        };
        if has_ended {
            let retry = task_of(definition, instance).map(|task| task.retry.clone());
            return instance.end(now, state, &retry.unwrap_or_default(), jitter);
        }
        if state == TaskState::TaskRunning
            && let State::Out { running_since, .. } = &mut instance.state
        {
            running_since.get_or_insert(now);
        }
        Reaction::Nothing
    }

    /// Takes back launches that did not reach the master: they are due again at once. If one
    /// of them did after all, [`Self::update`] has it killed.
    pub fn not_launched(&mut self, now: Time, tasks: &[TaskId]) {
        for instance in &mut self.instances {
            let id = task_of(&self.definition, instance)
                .map(|task| task.task_id(instance.number, instance.attempt));
            let is_out = matches!(instance.state, State::Out { .. });
            if is_out && id.is_some_and(|id| tasks.contains(&id)) {
                instance.state = State::Due(now);
            }
        }
    }

    /// When the next instance is due that is not yet: time for a REVIVE.
    #[must_use]
    pub fn next_due(&self, now: Time) -> Option<Time> {
        let due = |instance: &Instance| match instance.state {
            State::Due(at) if at > now => Some(at),
            State::Due(_) | State::Out { .. } | State::Over => None,
        };
        self.instances.iter().filter_map(due).min()
    }

    /// Whether an instance has no place yet, or will need one: with none, offers are of no use.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.instances.iter().any(|instance| matches!(instance.state, State::Due(_)))
    }

    /// Whether no instance will run any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.instances.iter().all(|instance| instance.state == State::Over)
    }

    /// The tasks that were launched and have not ended, with their agents: to reconcile.
    #[must_use]
    pub fn live(&self) -> Vec<(TaskId, Option<AgentId>)> {
        let live = |instance: &Instance| match &instance.state {
            State::Out { agent, .. } => {
                let task = task_of(&self.definition, instance)?;
                Some((task.task_id(instance.number, instance.attempt), Some(agent.clone())))
            }
            State::Due(_) | State::Over => None,
        };
        self.instances.iter().filter_map(live).collect()
    }

    /// How many instances of each task run: were launched and said so.
    #[must_use]
    pub fn running(&self) -> BTreeMap<&str, usize> {
        let mut running: BTreeMap<&str, usize> =
            self.definition.tasks.iter().map(|task| (task.name.as_str(), 0)).collect();
        for instance in &self.instances {
            if let State::Out { running_since: Some(_), .. } = instance.state
                && let Some(task) = task_of(&self.definition, instance)
            {
                *running.entry(task.name.as_str()).or_default() += 1;
            }
        }
        running
    }

    fn launch(&mut self, now: Time, index: usize, rooms: &mut [Room]) {
        let Some(instance) = self.instances.get(index) else { return };
        let Some(task) = task_of(&self.definition, instance) else { return };
        if !matches!(instance.state, State::Due(at) if at <= now) {
            return;
        }
        let others: Vec<&str> = self.agents_of(instance.task);
        let (number, attempt) = (instance.number, instance.attempt + 1);
        for at in order(task, rooms, &others) {
            let Some(room) = rooms.get_mut(at) else { continue };
            let Some(placed) = task.place(&room.offer.agent_id, &room.left, number, attempt) else {
                continue;
            };
            room.left = placed.left;
            room.operations.extend(placed.before);
            room.tasks.push(placed.task);
            let agent = room.offer.agent_id.clone();
            if let Some(instance) = self.instances.get_mut(index) {
                instance.attempt = attempt;
                instance.state = State::Out { agent, running_since: None };
            }
            return;
        }
    }

    /// Where instances of a task are.
    fn agents_of(&self, task: usize) -> Vec<&str> {
        self.instances
            .iter()
            .filter(|instance| instance.task == task)
            .filter_map(|instance| match &instance.state {
                State::Out { agent, .. } => Some(agent.value.as_str()),
                State::Due(_) | State::Over => None,
            })
            .collect()
    }
}

fn task_of<'a>(definition: &'a Definition, instance: &Instance) -> Option<&'a TaskDefinition> {
    definition.tasks.get(instance.task)
}

/// The offers to try, the best first.
fn order(task: &TaskDefinition, rooms: &[Room], others: &[&str]) -> Vec<usize> {
    let suits =
        |room: &Room| task.strategy.suits(&room.offer.agent_id.value, others.iter().copied());
    let mut order: Vec<(bool, usize, &Room)> = rooms
        .iter()
        .enumerate()
        .filter(|(_, room)| task.admits(&room.offer.attributes))
        .map(|(at, room)| (suits(room), at, room))
        .filter(|(suits, _, _)| *suits || task.strategy.effort == Effort::Best)
        .collect();
    // The first of those that belong together goes where there is most room for the others.
    if task.strategy.kind == StrategyKind::Colocate {
        order.sort_by_key(|(_, _, room)| std::cmp::Reverse(room.left.cpus()));
    }
    order.sort_by_key(|(suits, _, _)| !suits);
    order.into_iter().map(|(_, at, _)| at).collect()
}

impl Room<'_> {
    fn decision(self, refuse: Duration) -> Decision {
        let launched = self.tasks.iter().map(|task| task.task_id.clone()).collect();
        let mut operations = self.operations;
        if !self.tasks.is_empty() {
            operations.push(operation::launch(self.tasks));
        }
        Decision { offer_id: self.offer.id.clone(), operations, launched, refuse }
    }
}

impl Instance {
    fn end(&mut self, now: Time, state: TaskState, retry: &Retry, jitter: f64) -> Reaction {
        let well = state == TaskState::TaskFinished;
        let ran_for = match &self.state {
            State::Out { running_since: Some(since), .. } => now.saturating_sub(*since),
            State::Out { .. } | State::Due(_) | State::Over => Duration::ZERO,
        };
        if well || ran_for >= Retry::STEADY {
            self.failures = 0;
        }
        if !well && !state.is_infrastructure_failure() {
            self.failures = self.failures.saturating_add(1);
        }
        let is_last =
            state == TaskState::TaskError || (well && retry.restart == Restart::OnFailure);
        let counted = if state.is_infrastructure_failure() { 0 } else { self.failures };
        match retry.wait(counted, jitter).filter(|_| !is_last) {
            Some(wait) => {
                self.state = State::Due(now.saturating_add(wait));
                Reaction::Again { wait }
            }
            None => {
                self.state = State::Over;
                Reaction::Over { well }
            }
        }
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
