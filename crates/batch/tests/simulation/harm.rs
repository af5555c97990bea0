//! What befalls a cluster.

use std::time::Duration;

use batch::{Input, Time};
use mesos::v1::TaskState::*;
use mesos::v1::{DurationInfo, InverseOffer, TimeInfo, Unavailability, task_status::Reason};

use crate::cluster::{Event, Sim};
use crate::job::UNIX_START;
use crate::tasks::status;

/// Ten minutes of maintenance from then on.
pub(crate) fn unavailable_at(start: Time) -> Unavailability {
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap();
    Unavailability {
        start: TimeInfo { nanoseconds: nanos(UNIX_START + start) },
        duration: Some(DurationInfo { nanoseconds: nanos(Duration::from_secs(600)) }),
    }
}

impl Sim {
    fn some_agent(&mut self) -> Option<String> {
        let nth = usize::try_from(self.random.next() % self.agents.len() as u64).unwrap();
        self.agents.keys().nth(nth).cloned()
    }

    pub(crate) fn kill_an_agent(&mut self) {
        if self.now >= self.harm_until {
            return;
        }
        if let Some(name) = self.some_agent() {
            let silently = self.random.percent(50);
            self.take_away(&name, silently);
        }
        let after = self.random.millis(40_000);
        self.schedule(after, Event::AgentDies);
    }

    /// An agent is gone with its tasks, and another one comes in its place.
    pub(crate) fn take_away(&mut self, name: &str, silently: bool) {
        if self.agents.remove(name).is_none() {
            return;
        }
        let dead = self.tasks.iter().filter(|(_, task)| task.agent == name);
        let dead: Vec<String> = dead.map(|(id, _)| id.clone()).collect();
        for id in dead {
            self.tasks.remove(&id);
            if !silently {
                self.say(status(&id, Some(name), TaskUnreachable, Some(Reason::AgentRemoved)));
            }
        }
        self.offers.retain(|_, (agent, _)| agent != name);
        self.new_agent();
        if self.online && self.random.percent(50) {
            self.hand_over(Input::AgentLost(name.into()));
        }
    }

    /// An operator asks for an agent, and takes it some time later.
    pub(crate) fn announce_maintenance(&mut self) {
        if self.now >= self.harm_until {
            return;
        }
        let after = self.random.millis(120_000);
        self.schedule(after, Event::Maintenance);
        let Some(name) = self.some_agent() else { return };
        let notice = Duration::from_secs(5) + self.random.millis(100_000);
        let start = self.now + notice;
        self.agents.get_mut(&name).unwrap().leaves = Some(start);
        self.maintenance += 1;
        self.schedule(notice, Event::Leaves(name.clone()));
        if self.online && !self.harm(20) {
            self.serial += 1;
            let wish = InverseOffer {
                id: format!("inverse-{}", self.serial).into(),
                agent_id: Some(name.as_str().into()),
                unavailability: unavailable_at(start),
                ..InverseOffer::default()
            };
            self.hand_over(Input::InverseOffers(vec![wish]));
        }
    }

    pub(crate) fn fail_over(&mut self) {
        if self.now >= self.harm_until {
            return;
        }
        self.lose_connection();
        self.hand_over(Input::Disconnected);
        if !self.queue.values().any(|event| matches!(event, Event::Subscribe)) {
            let after = self.random.millis(5_000);
            self.schedule(after, Event::Subscribe);
        }
        let after = self.random.millis(60_000);
        self.schedule(after, Event::Failover);
    }

    pub(crate) fn subscribe(&mut self) {
        self.online = true;
        self.suppressed = false;
        let framework_id = "framework".into();
        self.hand_over(Input::Subscribed { framework_id, first: false });
        for id in self.tasks.keys().cloned().collect::<Vec<_>>() {
            if let Some(last) = self.tasks.get(&id).and_then(|task| task.last.clone()) {
                self.say(last);
            }
        }
    }

    pub(crate) fn crash(&mut self) {
        if self.now < self.harm_until {
            self.boot();
            let after = self.random.millis(30_000);
            self.schedule(after, Event::Crash);
        }
    }
}
