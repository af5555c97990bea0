//! Offers, and what is launched on them.

use std::time::Duration;

use batch::{Attempt, Input, Launch};
use mesos::operation::can_have_group;
use mesos::resources::{CPUS, MEM, Resources, Scalar};
use mesos::v1::TaskState::*;
use mesos::v1::{Offer, OfferId, TaskId, TaskStatus, task_status::Reason};

use crate::cluster::{Event, Sim, Task};
use crate::harm::unavailable_at;
use crate::tasks::status;

impl Sim {
    pub(crate) fn allocate(&mut self) {
        if self.suppressed || !self.online {
            return;
        }
        let agents: Vec<String> = self.agents.keys().cloned().collect();
        let mut ids = Vec::new();
        for name in agents {
            let Some(agent) = self.agents.get_mut(&name) else { continue };
            if agent.free.cpus() < Scalar::from_f64(0.1) {
                continue;
            }
            let (free, known) = (std::mem::take(&mut agent.free), agent.executor.is_some());
            for part in self.parts(free) {
                self.serial += 1;
                let id = format!("offer-{}", self.serial);
                if known {
                    self.executor_known.insert(id.clone());
                }
                self.offers.insert(id.clone(), (name.clone(), part));
                ids.push(id);
            }
        }
        let Some(first) = ids.first().cloned() else { return };
        let after = self.random.millis(300);
        if self.harm(10)
            && let Some((agent, resources)) = self.offers.remove(&first)
        {
            self.give_back(&agent, &resources);
            self.schedule(after, Event::Rescind(first));
        }
        self.schedule(after, Event::Offers(ids));
    }

    /// Now and then an agent's resources come in two offers.
    fn parts(&mut self, whole: Resources) -> Vec<Resources> {
        let half = |amount: Scalar| Scalar::from_thousandths(amount.thousandths() / 2);
        let halves = [(CPUS, half(whole.cpus())), (MEM, half(whole.mem_mib()))];
        match whole.take(&halves).filter(|_| self.harm(20)) {
            Some((one, other)) => vec![one, other],
            None => vec![whole],
        }
    }

    /// An offer that was rescinded meanwhile is still delivered: the two crossed.
    pub(crate) fn deliver_offers(&mut self, ids: &[String]) {
        let offer = |id: &String| {
            let fallback = ("gone".to_owned(), "cpus:3;mem:2048".parse().unwrap());
            let (name, resources): &(String, Resources) = self.offers.get(id).unwrap_or(&fallback);
            let agent = self.agents.get(name);
            let known = self.executor_known.contains(id);
            Offer {
                id: id.as_str().into(),
                agent_id: name.as_str().into(),
                resources: resources.to_wire(),
                executor_ids: if known { vec!["exec".into()] } else { vec![] },
                unavailability: agent.and_then(|agent| agent.leaves).map(unavailable_at),
                ..Offer::default()
            }
        };
        let offers = ids.iter().map(offer).collect();
        self.hand_over(Input::Offers(offers));
    }

    pub(crate) fn accept(&mut self, offers: &[OfferId], launches: Vec<Launch>) {
        let undelivered = self.harm(5);
        let arrives = !undelivered || self.random.percent(50);
        let tasks: Vec<TaskId> = launches.iter().map(|launch| launch.task_id.clone()).collect();
        if arrives {
            self.launch_on(offers, launches);
        }
        if undelivered {
            self.schedule(Duration::ZERO, Event::LaunchFailed(tasks));
        }
    }

    /// All offers have to be good, or nothing is launched.
    fn launch_on(&mut self, ids: &[OfferId], launches: Vec<Launch>) {
        let offers: Vec<_> = ids.iter().filter_map(|id| self.offers.remove(&id.value)).collect();
        let pool = offers.iter().fold(Resources::default(), |sum, (_, part)| sum.plus(part));
        match offers.first() {
            Some((agent, _)) if offers.len() == ids.len() => {
                let agent = agent.clone();
                self.launch(&agent, pool, launches);
            }
            _ => {
                for (agent, part) in &offers {
                    self.give_back(agent, part);
                }
                for launch in launches {
                    let reason = Some(Reason::InvalidOffers);
                    self.say(status(&launch.task_id.value, None, TaskDropped, reason));
                }
            }
        }
    }

    fn launch(&mut self, agent: &str, mut left: Resources, launches: Vec<Launch>) {
        let group: Vec<String> = match launches.as_slice() {
            [first, _, ..] if can_have_group(&first.executor_resources) => {
                launches.iter().map(|launch| launch.task_id.value.clone()).collect()
            }
            _ => Vec::new(),
        };
        self.groups += u64::from(!group.is_empty());
        for launch in launches {
            let id = launch.task_id.value.clone();
            assert!(!self.tasks.contains_key(&id), "the id {id} is used twice");
            assert_eq!(launch.agent_id.value, agent, "the agent of the offers");
            assert!(!launch.images.is_empty(), "a task without images");
            self.count_second_run(launch.attempt);
            let place = self.agents.get_mut(agent).unwrap();
            let needs = match &place.executor {
                Some(running) => {
                    assert_eq!(running, &launch.executor_resources, "incompatible executors");
                    launch.resources.clone()
                }
                None => launch.resources.plus(&launch.executor_resources),
            };
            let Some(rest) = left.checked_sub(&needs) else {
                let has_gone = place.executor.is_none() && !launch.executor_is_new;
                assert!(has_gone, "room for the task, and for an executor that is known to be new");
                self.say(more_than_available(&id));
                continue;
            };
            place.executor = Some(launch.executor_resources);
            left = rest;
            let mut images: Vec<u64> = launch.images;
            if self.random.percent(50) {
                let running = self.running(&id, agent, &mut images);
                self.say(running);
            }
            let resources = launch.resources;
            let group = group.clone();
            let task = Task { agent: agent.to_owned(), resources, images, group, last: None };
            self.tasks.insert(id.clone(), task);
            let hangs = self.harm(4);
            let after = self.random.millis(if hangs { 900_000 } else { 5_000 });
            self.schedule(after, Event::Ends(id));
        }
        self.give_back(agent, &left);
    }

    fn count_second_run(&mut self, attempt: Attempt) {
        let first = Attempt { number: attempt.number.saturating_sub(1), ..attempt };
        let runs = |task: &Task| task.last.is_none();
        let beside = self.tasks.get(&first.task_id("job").value).is_some_and(runs);
        self.second_runs += u64::from(beside);
    }
}

/// The answer to a task whose executor is not there any more, nor what it would take.
fn more_than_available(id: &str) -> TaskStatus {
    let message = Some("Total resources are more than available".to_owned());
    TaskStatus { message, ..status(id, None, TaskError, Some(Reason::TaskInvalid)) }
}
