//! How an agent's resources are shared between our executor and its tasks.

use mesos::resources::{CPUS, DISK, MEM, Resources, Scalar};
use mesos::v1::Offer;

use crate::placement::place;
use crate::{Effects, Engine, Grouping, Record, Settings};

/// A task gives its executor no more than this part of its processors.
const MOST_YIELDED: i64 = 10;

/// What our executor takes on the agent of an offer, and what that leaves for tasks.
pub(crate) struct Room {
    pub(crate) left: Resources,
    pub(crate) executor: Resources,
    pub(crate) executor_is_new: bool,
    task: Needs,
    /// The least that a task is launched with: an executor's share of the processors comes out of
    /// one task, so that as many fit as without it.
    least_task: Needs,
}

type Needs = [(&'static str, Scalar); 2];

impl Room {
    fn new(settings: &Settings, left: Resources, executor: Resources, is_new: bool) -> Self {
        let (cpus, mem) = (settings.task_cpus, settings.task_mem_mib);
        let share = grouping(settings).map(|it| it.cpus).unwrap_or_default();
        let least_cpus = cpus.checked_sub(share).unwrap_or(cpus);
        Self {
            left,
            executor,
            executor_is_new: is_new,
            task: [(CPUS, cpus), (MEM, mem)],
            least_task: [(CPUS, least_cpus), (MEM, mem)],
        }
    }

    /// A new executor in all that is offered, if a task fits beside it: with what groups need, or
    /// without, where another framework's executor has taken its share before.
    fn for_new_executor(settings: &Settings, offered: &Resources) -> Option<Self> {
        let (cpus, mem) = ((CPUS, settings.executor_cpus), (MEM, settings.executor_mem_mib));
        let with = |needs: &[(&str, Scalar)]| {
            let (executor, left) = offered.take(needs)?;
            Some(Self::new(settings, left, executor, true))
        };
        let for_groups = grouping(settings).and_then(|it| {
            let cpus = (CPUS, settings.executor_cpus.saturating_add(it.cpus));
            with(&[cpus, mem, (DISK, it.disk_mib)])
        });
        let has_room = |room: &Self| room.task().is_some();
        for_groups.filter(has_room).or_else(|| with(&[cpus, mem]))
    }

    /// What the next task gets, and what is left then; `None` if it does not fit.
    pub(crate) fn task(&self) -> Option<(Resources, Resources)> {
        self.left.take(&self.task).or_else(|| self.left.take(&self.least_task))
    }
}

/// What executors take for groups, unless that is too much to come out of a task.
fn grouping(settings: &Settings) -> Option<Grouping> {
    let is_little = |it: &Grouping| it.cpus.saturating_mul(MOST_YIELDED) <= settings.task_cpus;
    settings.grouping.filter(is_little)
}

impl Engine {
    /// Sets aside what our executor takes, once an agent and role, out of what is offered there.
    /// An executor's resources must not change while it runs, so they are the ones it was launched
    /// with.
    pub(crate) fn room(&self, offer: &Offer, offered: Resources, is_there: bool) -> Option<Room> {
        let settings = &self.settings;
        let (agent, role) = place(offer);
        let placed = self.placed.get(agent).and_then(|roles| roles.get(role));
        if is_there {
            let executor = placed.cloned().unwrap_or_else(|| {
                Resources::scalars(settings.executor_cpus, settings.executor_mem_mib)
            });
            return Some(Room::new(settings, offered, executor, false));
        }
        if let Some(executor) = placed {
            if let Some(left) = offered.checked_sub(executor) {
                return Some(Room::new(settings, left, executor.clone(), true));
            }
            // An offer from before the master knew of the executor: another description of it
            // would be refused.
            if self.batches.running_on(agent).next().is_some() {
                return Some(Room::new(settings, offered, executor.clone(), false));
            }
        }
        Room::for_new_executor(settings, &offered)
    }

    pub(crate) fn place_executor(&mut self, fx: &mut Effects, offer: &Offer, executor: &Resources) {
        let (agent, role) = place(offer);
        if self.placed.get(agent).and_then(|roles| roles.get(role)) == Some(executor) {
            return;
        }
        let encode = |resource| prost::Message::encode_to_vec(resource);
        let resources = executor.to_wire().iter().map(encode).collect();
        self.record(fx, Record::ExecutorPlaced { agent: agent.to_owned(), resources });
    }

    /// What a task takes with an executor of its own: processors, and memory in MiB.
    pub(crate) fn least_needs(&self) -> (Scalar, Scalar) {
        let settings = &self.settings;
        (
            settings.task_cpus.saturating_add(settings.executor_cpus),
            settings.task_mem_mib.saturating_add(settings.executor_mem_mib),
        )
    }
}
