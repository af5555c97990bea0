//! Tasks, and what is heard of them.

use std::time::Duration;

use mesos::v1::TaskState::{self, *};
use mesos::v1::{AgentId, TaskId, TaskStatus, task_status::Reason};
use protocol::{Class, ImageReport, Report};

use crate::cluster::{Event, Sim};
use crate::job::expected;

impl Sim {
    /// News of a task on its way, now and then with an image that is through already and that its
    /// end will not speak of again.
    pub(crate) fn running(&mut self, id: &str, agent: &str, images: &mut Vec<u64>) -> TaskStatus {
        let early = images.pop_if(|_| self.random.percent(50));
        let report = |index| Report { images: vec![self.process(index)], ..Report::default() };
        let data = early.map(report).map(|report| report.to_payload());
        TaskStatus { data, ..status(id, Some(agent), TaskRunning, None) }
    }

    /// The executor is through with a task, in one way or another.
    pub(crate) fn end_task(&mut self, id: &str) {
        let Some(task) = self.tasks.get(id) else { return };
        let images = task.images.clone();
        let fails = self.agents.get(&task.agent).map_or(0, |agent| agent.fails);
        if self.harm(fails) {
            return self.finish(id, TaskFailed, None);
        }
        let mut report = Report::default();
        for index in images {
            if !self.harm(5) {
                report.images.push(self.process(index));
            }
        }
        let garbage = self.harm(5);
        let data = if garbage { vec![0xff] } else { report.to_payload() };
        self.finish(id, TaskFinished, Some(data));
    }

    fn process(&mut self, index: u64) -> ImageReport {
        if self.harm(10) {
            let report = ImageReport::failed(index, Class::TooManyRequests, "not asked");
            return ImageReport { not_asked: true, retry_after_ms: Some(20_000), ..report };
        }
        match expected(index) {
            Class::Ok if !self.faults.contains_key(&index) && self.random.percent(20) => {
                self.faults.insert(index, 1);
                ImageReport::failed(index, Class::Connect, "refused")
            }
            Class::Ok => ImageReport { index, sha256: "ab".repeat(32), ..Default::default() },
            class => ImageReport::failed(index, class, "as expected"),
        }
    }

    /// Now and then the executor does not have the task yet: then its whole group is killed.
    pub(crate) fn kill(&mut self, id: &str) {
        let undelivered = self.harm(50);
        let group = self.tasks.get(id).map(|task| task.group.clone()).unwrap_or_default();
        for other in group.iter().filter(|other| undelivered && *other != id) {
            self.finish(other, TaskKilled, None);
        }
        self.finish(id, TaskKilled, None);
    }

    pub(crate) fn finish(&mut self, id: &str, state: TaskState, data: Option<Vec<u8>>) {
        self.serial += 1;
        let uuid = self.serial.to_be_bytes().to_vec();
        let Some(task) = self.tasks.get_mut(id) else { return };
        if task.last.is_some() {
            return;
        }
        let status =
            TaskStatus { uuid: Some(uuid), data, ..status(id, Some(&task.agent), state, None) };
        task.last = Some(status);
        let (agent, resources) = (task.agent.clone(), task.resources.clone());
        self.give_back(&agent, &resources);
        self.resend(id);
    }

    /// Sends the last update of a task, and again until it is acknowledged.
    pub(crate) fn resend(&mut self, id: &str) {
        let Some(last) = self.tasks.get(id).and_then(|task| task.last.clone()) else { return };
        self.say(last.clone());
        if self.harm(10) {
            self.say(last);
        }
        self.schedule(Duration::from_secs(10), Event::Resend(id.to_owned()));
    }

    /// A message to the scheduler: late, or never.
    pub(crate) fn say(&mut self, status: TaskStatus) {
        if self.online && !self.harm(10) {
            let after = self.random.millis(3_000);
            self.schedule(after, Event::Update(Box::new(status)));
        }
    }

    pub(crate) fn reconcile(&mut self, tasks: Vec<(TaskId, Option<AgentId>)>) {
        for (id, agent) in tasks {
            let agent = agent.expect("an agent").value;
            let state = match self.tasks.get(&id.value) {
                Some(task) => task.last.as_ref().map_or(TaskRunning, TaskStatus::state),
                None if self.agents.contains_key(&agent) => TaskGone,
                None => TaskUnreachable,
            };
            self.say(status(&id.value, Some(&agent), state, Some(Reason::Reconciliation)));
        }
    }
}

pub(crate) fn status(
    id: &str,
    agent: Option<&str>,
    state: TaskState,
    reason: Option<Reason>,
) -> TaskStatus {
    TaskStatus {
        task_id: id.into(),
        state: state.into(),
        agent_id: agent.map(Into::into),
        reason: reason.map(Into::into),
        ..TaskStatus::default()
    }
}
