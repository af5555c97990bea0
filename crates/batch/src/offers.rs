//! What goes into an offer.

use std::collections::BTreeSet;

use mesos::resources::{CPUS, MEM, Resources};
use mesos::v1::Offer;

use crate::effects::DeclineReason;
use crate::{Attempt, Call, Effects, Engine, Launch, Notice, Record, Settings};

/// What our executor takes on the agent of an offer.
struct Room {
    /// What is left for tasks.
    left: Resources,
    executor: Resources,
    executor_is_new: bool,
}

impl Engine {
    /// Uses or gives back every offer; none is kept.
    pub(crate) fn use_offers(&mut self, fx: &mut Effects, offers: &[Offer]) {
        if !self.online {
            return;
        }
        self.demand.offered();
        let mut started = BTreeSet::new();
        for offer in offers {
            let resources = Resources::from(&offer.resources);
            fx.notices.push(Notice::Offer {
                offer_id: offer.id.clone(),
                agent_id: offer.agent_id.clone(),
                hostname: offer.hostname.clone(),
                cpus: resources.cpus(),
                mem_mib: resources.mem_mib(),
            });
            match self.fill(fx, offer, resources, started.contains(&offer.agent_id.value)) {
                Ok(launches) => {
                    started.insert(offer.agent_id.value.clone());
                    self.accept(fx, offer, launches);
                }
                Err(reason) => self.decline(fx, offer, reason),
            }
        }
    }

    fn accept(&self, fx: &mut Effects, offer: &Offer, launches: Vec<Launch>) {
        let tasks = launches.len();
        fx.notices.push(Notice::Launching { tasks, offer_id: offer.id.clone() });
        fx.calls.push(Call::Accept {
            offer_ids: vec![offer.id.clone()],
            agent_id: offer.agent_id.clone(),
            launches,
            refuse: if self.has_work() {
                self.settings.refuse_small
            } else {
                self.settings.refuse_idle
            },
        });
    }

    /// One call for all offers that are given back for the same time.
    fn decline(&self, fx: &mut Effects, offer: &Offer, reason: DeclineReason) {
        fx.notices.push(Notice::Declined { offer_id: offer.id.clone(), reason });
        let wanted = match reason {
            DeclineReason::TooSmall => self.settings.refuse_small,
            DeclineReason::NothingToLaunch | DeclineReason::Draining => self.settings.refuse_idle,
        };
        if let Some(Call::Decline { offer_ids, refuse }) = fx.calls.last_mut()
            && *refuse == wanted
        {
            offer_ids.push(offer.id.clone());
        } else {
            fx.calls.push(Call::Decline { offer_ids: vec![offer.id.clone()], refuse: wanted });
        }
    }

    /// Tasks for an offer, first fit, or why there are none.
    fn fill(
        &mut self,
        fx: &mut Effects,
        offer: &Offer,
        resources: Resources,
        started: bool,
    ) -> Result<Vec<Launch>, DeclineReason> {
        if self.draining {
            return Err(DeclineReason::Draining);
        }
        if !self.has_work() {
            return Err(DeclineReason::NothingToLaunch);
        }
        let mut room = self.room(offer, resources, started).ok_or(DeclineReason::TooSmall)?;
        let needs = task_needs(&self.settings);
        let mut launches = Vec::new();
        while self.has_work()
            && let Some((taken, left)) = room.left.take(&needs)
            && let Some((attempt, images)) = self.next_work()
        {
            room.left = left;
            if launches.is_empty() {
                self.place_executor(fx, offer, &room.executor);
            }
            let is_new = room.executor_is_new && launches.is_empty();
            launches.push(self.launch(fx, offer, attempt, images, taken, &room, is_new));
        }
        if launches.is_empty() { Err(DeclineReason::TooSmall) } else { Ok(launches) }
    }

    #[expect(clippy::too_many_arguments, reason = "a task is made of all of these")]
    fn launch(
        &mut self,
        fx: &mut Effects,
        offer: &Offer,
        attempt: Attempt,
        images: Vec<u64>,
        resources: Resources,
        room: &Room,
        executor_is_new: bool,
    ) -> Launch {
        let task_id = attempt.task_id(&self.settings.job);
        let payload = images.iter().filter_map(|index| self.images.payload(*index)).collect();
        fx.notices.push(Notice::Prepared {
            task_id: task_id.clone(),
            images: images.clone(),
            offer_id: offer.id.clone(),
        });
        let agent = offer.agent_id.value.clone();
        self.record(fx, Record::Launched { attempt, agent, images });
        self.reconciler.launched(self.now, attempt.batch, &self.settings);
        Launch {
            task_id,
            attempt,
            agent_id: offer.agent_id.clone(),
            resources,
            images: payload,
            executor_is_new,
            executor_resources: room.executor.clone(),
        }
    }

    /// What is to be launched next: lost batches, then images that failed once, each by
    /// itself, then new ones.
    fn next_work(&self) -> Option<(Attempt, Vec<u64>)> {
        let is_listed = |images: &[u64]| images.iter().all(|i| self.images.payload(*i).is_some());
        if let Some((batch, images)) = self.batches.ready().find(|(_, images)| is_listed(images)) {
            return Some((self.batches.next_attempt(batch), images.to_vec()));
        }
        if let Some(index) = self.images.next_again() {
            return Some((self.batches.new_attempt(), vec![index]));
        }
        let size = self.settings.images_per_task.size(self.images.fresh_len());
        let images = self.images.next_fresh(size);
        (!images.is_empty()).then(|| (self.batches.new_attempt(), images))
    }

    /// Sets aside what our executor takes, once an agent. An executor's resources must
    /// not change while it runs, so they are the ones it was launched with.
    fn room(&self, offer: &Offer, offered: Resources, started: bool) -> Option<Room> {
        let ours = |id: &mesos::v1::ExecutorId| id.value == self.settings.executor_id;
        let needs = executor_needs(&self.settings);
        let placed = self.placed.get(&offer.agent_id.value);
        if started || offer.executor_ids.iter().any(ours) {
            let executor = placed.cloned().unwrap_or_else(|| {
                Resources::scalars(self.settings.executor_cpus, self.settings.executor_mem_mib)
            });
            return Some(Room { left: offered, executor, executor_is_new: false });
        }
        if let Some(executor) = placed
            && let Some(left) = offered.checked_sub(executor)
        {
            return Some(Room { left, executor: executor.clone(), executor_is_new: true });
        }
        let (executor, left) = offered.take(&needs)?;
        Some(Room { left, executor, executor_is_new: true })
    }

    fn place_executor(&mut self, fx: &mut Effects, offer: &Offer, executor: &Resources) {
        if self.placed.get(&offer.agent_id.value) == Some(executor) {
            return;
        }
        let encode = |resource| prost::Message::encode_to_vec(resource);
        let resources = executor.to_wire().iter().map(encode).collect();
        let agent = offer.agent_id.value.clone();
        self.record(fx, Record::ExecutorPlaced { agent, resources });
    }
}

fn task_needs(settings: &Settings) -> [(&'static str, mesos::resources::Scalar); 2] {
    [(CPUS, settings.task_cpus), (MEM, settings.task_mem_mib)]
}

fn executor_needs(settings: &Settings) -> [(&'static str, mesos::resources::Scalar); 2] {
    [(CPUS, settings.executor_cpus), (MEM, settings.executor_mem_mib)]
}
