//! What goes into an offer.

use std::collections::{BTreeMap, BTreeSet};

use mesos::resources::Resources;
use mesos::v1::{ExecutorId, Offer};

use crate::decisions::Choice;
use crate::effects::DeclineReason;
use crate::placement::{executor_id, place, role_of};
use crate::room::Room;
use crate::{Attempt, Call, Effects, Engine, Launch, Notice, Record};

/// Offers of one agent and one role that are used together: mostly a single one.
struct Bundle<'a> {
    offers: Vec<(&'a Offer, Resources)>,
    /// Whether our executor was put there by an earlier bundle of the same event.
    started: bool,
}

impl Bundle<'_> {
    fn resources(&self) -> Resources {
        let all = self.offers.iter().map(|(_, resources)| resources);
        all.fold(Resources::default(), |sum, resources| sum.plus(resources))
    }

    fn has_executor(&self, id: &ExecutorId) -> bool {
        self.started || self.offers.iter().any(|(offer, _)| offer.executor_ids.contains(id))
    }
}

impl Engine {
    /// Uses or gives back every offer; none is kept. Offers that are too small for a task are
    /// tried again together with others of their agent and role.
    pub(crate) fn use_offers(&mut self, fx: &mut Effects, offers: &[Offer]) {
        if !self.online {
            return;
        }
        self.demand.offered();
        let mut started = BTreeSet::new();
        let mut small: BTreeMap<_, Vec<(&Offer, Resources)>> = BTreeMap::new();
        for offer in offers {
            let resources = self.look_at(fx, offer);
            if let Some(reason) = self.obstacle(offer) {
                self.decline(fx, offer, &resources, reason);
                continue;
            }
            let place = place(offer);
            let started_here = started.contains(&place);
            let bundle = Bundle { offers: vec![(offer, resources)], started: started_here };
            match self.fill(fx, offer, &bundle) {
                Ok(launches) => {
                    started.insert(place);
                    self.accept(fx, offer, &bundle, launches);
                }
                Err(DeclineReason::TooSmall) => {
                    small.entry(place).or_default().extend(bundle.offers);
                }
                Err(reason) => self.decline_all(fx, &bundle, reason),
            }
        }
        for (place, offers) in small {
            let bundle = Bundle { offers, started: started.contains(&place) };
            self.use_together(fx, &bundle);
        }
    }

    fn look_at(&mut self, fx: &mut Effects, offer: &Offer) -> Resources {
        self.agents.seen(self.now, &offer.agent_id.value);
        let resources = Resources::from(&offer.resources);
        fx.notices.push(Notice::Offer {
            offer_id: offer.id.clone(),
            agent_id: offer.agent_id.clone(),
            hostname: offer.hostname.clone(),
            cpus: resources.cpus(),
            mem_mib: resources.mem_mib(),
        });
        resources
    }

    /// Offers of which each alone is too small.
    fn use_together(&mut self, fx: &mut Effects, bundle: &Bundle<'_>) {
        let result = match bundle.offers.as_slice() {
            [(first, _), _, ..] => match self.obstacle(first) {
                Some(reason) => Err(reason),
                None => self.fill(fx, first, bundle).map(|launches| (*first, launches)),
            },
            [_] | [] => Err(DeclineReason::TooSmall),
        };
        match result {
            Ok((first, launches)) => self.accept(fx, first, bundle, launches),
            Err(reason) => self.decline_all(fx, bundle, reason),
        }
    }

    fn accept(
        &mut self,
        fx: &mut Effects,
        first: &Offer,
        bundle: &Bundle<'_>,
        launches: Vec<Launch>,
    ) {
        let tasks = launches.len();
        for (offer, resources) in &bundle.offers {
            self.decisions.note(self.now, offer, resources, Choice::Launched { tasks });
        }
        fx.notices.push(Notice::Launching { tasks, offer_id: first.id.clone() });
        fx.calls.push(Call::Accept {
            offer_ids: bundle.offers.iter().map(|(offer, _)| offer.id.clone()).collect(),
            agent_id: first.agent_id.clone(),
            launches,
            refuse: if self.has_work() {
                self.settings.refuse_small
            } else {
                self.settings.refuse_idle
            },
        });
    }

    fn decline_all(&mut self, fx: &mut Effects, bundle: &Bundle<'_>, reason: DeclineReason) {
        for (offer, resources) in &bundle.offers {
            self.decline(fx, offer, resources, reason);
        }
    }

    /// One call for all offers that are given back for the same time.
    fn decline(
        &mut self,
        fx: &mut Effects,
        offer: &Offer,
        resources: &Resources,
        reason: DeclineReason,
    ) {
        self.decisions.note(self.now, offer, resources, Choice::Declined(reason));
        let detail =
            if reason == DeclineReason::Constraint { self.unmet(offer) } else { "".into() };
        self.stuck.declined(reason, resources.cpus(), resources.mem_mib(), &detail);
        fx.notices.push(Notice::Declined { offer_id: offer.id.clone(), reason });
        let wanted = self.refusal(reason);
        if let Some(Call::Decline { offer_ids, refuse }) = fx.calls.last_mut()
            && *refuse == wanted
        {
            offer_ids.push(offer.id.clone());
        } else {
            fx.calls.push(Call::Decline { offer_ids: vec![offer.id.clone()], refuse: wanted });
        }
    }

    /// Tasks for a bundle, first fit, or why there are none. `first` is one of its offers.
    fn fill(
        &mut self,
        fx: &mut Effects,
        first: &Offer,
        bundle: &Bundle<'_>,
    ) -> Result<Vec<Launch>, DeclineReason> {
        let has_executor = bundle.has_executor(&executor_id(&self.settings, role_of(first)));
        let room = self.room(first, bundle.resources(), has_executor);
        let mut room = room.ok_or(DeclineReason::TooSmall)?;
        let mut launches = Vec::new();
        let mut fits_none = true;
        while self.has_work()
            && let Some((taken, left)) = room.task()
        {
            fits_none = false;
            let Some((attempt, images)) = self.next_work(&first.agent_id.value) else { break };
            room.left = left;
            if launches.is_empty() {
                self.place_executor(fx, first, &room.executor);
            }
            let is_new = room.executor_is_new && launches.is_empty();
            launches.push(self.launch(fx, first, attempt, images, taken, &room, is_new));
        }
        match launches.is_empty() {
            false => Ok(launches),
            true if fits_none => Err(DeclineReason::TooSmall),
            true => Err(DeclineReason::OnlyStragglers),
        }
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
        fx.notices.push(Notice::Prepared {
            task_id: task_id.clone(),
            images: images.clone(),
            offer_id: offer.id.clone(),
        });
        let agent = offer.agent_id.value.clone();
        self.watch.launched(self.now, attempt, images.len());
        self.record(fx, Record::Launched { attempt, agent, images: images.clone() });
        if let Some(straggler) = self.batches.rival(attempt) {
            self.watch.paired(straggler);
            self.watch.paired(attempt);
            fx.notices.push(Notice::SecondRun {
                straggler: straggler.task_id(&self.settings.job),
                task_id: task_id.clone(),
            });
        }
        self.sizing.out(self.batches.running_len());
        self.reconciler.launched(self.now, attempt, &self.settings);
        Launch {
            task_id,
            attempt,
            agent_id: offer.agent_id.clone(),
            resources,
            images,
            executor_id: executor_id(&self.settings, role_of(offer)),
            executor_is_new,
            executor_resources: room.executor.clone(),
        }
    }

    /// What is to be launched next on an agent: lost batches, then images that have failed, then
    /// new ones, which those do not hold up; and when all of these are out, what another agent is
    /// long over.
    fn next_work(&self, agent: &str) -> Option<(Attempt, Vec<u64>)> {
        let is_listed = |images: &[u64]| images.iter().all(|i| self.images.is_listed(*i));
        if let Some((attempt, images)) = self.batches.ready().find(|(_, images)| is_listed(images))
        {
            return Some((attempt, images.to_vec()));
        }
        let size = self.sizing.next(self.settings.images_per_task, self.images.ready_len());
        let again = self.images.next_again(size);
        let images = if again.is_empty() { self.images.next_fresh(size) } else { again };
        if !images.is_empty() {
            return Some((self.batches.new_attempt(), images));
        }
        let is_elsewhere = |task: &Attempt| self.batches.agent_of(*task) != Some(agent);
        let straggler = self.watch.due().find(is_elsewhere)?;
        let batch = self.batches.current(straggler)?;
        Some((self.batches.next_attempt(straggler.batch), batch.images.clone()))
    }
}
