//! When to ask the master what became of tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::session::Time;
use crate::v1::{AgentId, TaskId};

/// How often to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Waits between questions about tasks that no update has come of. Default: 4 s
    /// doubling to 30 s.
    pub explicit: Backoff,
    /// Time between questions about all tasks the master knows. Default: 15 min.
    pub implicit: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        let explicit = Backoff { first: Duration::from_secs(4), longest: Duration::from_secs(30) };
        Self { explicit, implicit: Duration::from_secs(15 * 60) }
    }
}

/// Asks about each task until an update of it comes, ever less often, and about all
/// tasks every now and then.
///
/// Silence is normal for minutes after a master was replaced: it waits for its agents.
/// Tasks the framework does not know come to light by the questions about all; kill them
/// or adopt them. Source: MESOS "Task Reconciliation".
#[derive(Debug, Clone, Default)]
pub struct Reconciler {
    schedule: Schedule,
    /// The tasks no update has come of, by their ids.
    silent: BTreeMap<String, Option<AgentId>>,
    ask_at: Time,
    rounds: u32,
    /// When to ask about all; `None` while there is nobody to ask.
    all_at: Option<Time>,
}

impl Reconciler {
    /// One that has not begun.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, ..Self::default() }
    }

    /// Begins anew, after each subscription, with the tasks that are not known to have ended.
    ///
    /// Give the agents' ids where they are known: without one, a task on an unreachable agent
    /// is reported as unknown.
    pub fn start(&mut self, now: Time, tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>) {
        self.silent = tasks.into_iter().map(|(task, agent)| (task.value, agent)).collect();
        self.ask_at = now;
        self.rounds = 0;
        self.all_at = Some(now + self.schedule.implicit);
    }

    /// Asks about one more task as soon as may be, such as one that is silent after its launch.
    pub fn ask(&mut self, now: Time, task_id: TaskId, agent_id: Option<AgentId>) {
        if self.all_at.is_some() && self.silent.insert(task_id.value, agent_id).is_none() {
            self.ask_at = now;
            self.rounds = 0;
        }
    }

    /// Stops asking: the subscription is gone.
    pub fn stop(&mut self) {
        self.silent.clear();
        self.all_at = None;
    }

    /// An update of the task came, whatever it says.
    pub fn heard(&mut self, task_id: &TaskId) {
        self.silent.remove(&task_id.value);
    }

    /// What to ask now, for `scheduler::Calls::reconcile`: the
    /// tasks that are silent, or an empty list, which asks for all. Call it again at
    /// [`wake_at`](Self::wake_at).
    pub fn due(&mut self, now: Time) -> Option<Vec<(TaskId, Option<AgentId>)>> {
        if !self.silent.is_empty() && self.ask_at <= now {
            // The wait is the upper bound of the backoff: one framework is no crowd.
            self.ask_at = now + self.schedule.explicit.wait(self.rounds, 1.0);
            self.rounds = self.rounds.saturating_add(1);
            let task =
                |(task, agent): (&String, &Option<AgentId>)| (task.as_str().into(), agent.clone());
            return Some(self.silent.iter().map(task).collect());
        }
        if self.all_at? <= now {
            self.all_at = Some(now + self.schedule.implicit);
            return Some(Vec::new());
        }
        None
    }

    /// When something is due next, if anything.
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        let ask_at = (!self.silent.is_empty()).then_some(self.ask_at);
        [ask_at, self.all_at].into_iter().flatten().min()
    }

    /// Whether an update of every task has come since the start.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.silent.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(ids: &[&str]) -> Vec<(TaskId, Option<AgentId>)> {
        ids.iter().map(|id| ((*id).into(), Some("a".into()))).collect()
    }

    /// The seconds at which something was asked, and about how many tasks.
    fn asked(reconciler: &mut Reconciler, seconds: std::ops::Range<u64>) -> Vec<(u64, usize)> {
        seconds
            .filter_map(|second| {
                let asked = reconciler.due(Time::from_secs(second))?;
                Some((second, asked.len()))
            })
            .collect()
    }

    #[test]
    fn asks_ever_less_often_until_every_task_has_answered() {
        let mut reconciler = Reconciler::default();
        reconciler.start(Time::ZERO, tasks(&["t1", "t2"]));
        assert_eq!(asked(&mut reconciler, 0..12), [(0, 2), (4, 2)]);
        reconciler.heard(&"t1".into());
        assert_eq!(asked(&mut reconciler, 12..120), [(12, 1), (28, 1), (58, 1), (88, 1), (118, 1)]);
        reconciler.heard(&"t2".into());
        assert!(reconciler.is_done());
        assert_eq!(asked(&mut reconciler, 120..2000), [(900, 0), (1800, 0)]);
        assert_eq!(reconciler.wake_at(), Some(Time::from_secs(2700)));
    }

    #[test]
    fn a_new_subscription_begins_anew() {
        let mut reconciler = Reconciler::default();
        reconciler.start(Time::ZERO, tasks(&["t1"]));
        asked(&mut reconciler, 0..100);
        reconciler.stop();
        assert_eq!(reconciler.wake_at(), None);
        assert!(asked(&mut reconciler, 100..2000).is_empty());
        reconciler.start(Time::from_secs(2000), tasks(&["t2"]));
        assert_eq!(asked(&mut reconciler, 2000..2010), [(2000, 1), (2004, 1)]);
    }

    #[test]
    fn a_task_that_is_silent_after_its_launch_is_asked_about_at_once() {
        let mut reconciler = Reconciler::default();
        reconciler.ask(Time::ZERO, "early".into(), None);
        assert!(reconciler.is_done());
        reconciler.start(Time::ZERO, tasks(&["old"]));
        asked(&mut reconciler, 0..30);
        reconciler.ask(Time::from_secs(30), "new".into(), None);
        assert_eq!(asked(&mut reconciler, 30..36), [(30, 2), (34, 2)]);
    }
}
