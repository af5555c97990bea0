//! Kills that are repeated until they have worked.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::session::Time;
use crate::state::TaskStateExt;
use crate::v1::{AgentId, TaskId, TaskState, TaskStatus};

/// Time between two KILL calls for one task.
const EVERY: Duration = Duration::from_secs(5);

/// Tasks that shall end: KILL is sent again every 5 s until the task has ended or the master
/// does not know it.
///
/// Mesos does not repeat a KILL that is lost on its way, and one sent while disconnected
/// fails. Source: MESOS "Scheduler HTTP API", KILL.
#[derive(Debug, Clone)]
pub struct Kills {
    every: Duration,
    wanted: BTreeMap<String, Wanted>,
}

#[derive(Debug, Clone)]
struct Wanted {
    agent_id: Option<AgentId>,
    at: Time,
}

impl Default for Kills {
    fn default() -> Self {
        Self::every(EVERY)
    }
}

impl Kills {
    /// Repeats after `interval` instead of 5 s.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self { every: interval, wanted: BTreeMap::new() }
    }

    /// The task shall end. Asking for it again changes nothing. If the agent's id is known
    /// it makes the answer surer, but a wrong one makes the master drop the call.
    pub fn kill(&mut self, now: Time, task_id: TaskId, agent_id: Option<AgentId>) {
        self.wanted.entry(task_id.value).or_insert(Wanted { agent_id, at: now });
    }

    /// A status came: the task may have ended.
    pub fn heard(&mut self, status: &TaskStatus) {
        let state = status.state();
        if state.is_terminal() || state == TaskState::TaskUnknown {
            self.wanted.remove(&status.task_id.value);
        }
    }

    /// The calls to make now. Call it again at [`wake_at`](Self::wake_at).
    pub fn due(&mut self, now: Time) -> Vec<(TaskId, Option<AgentId>)> {
        let mut due = Vec::new();
        for (task_id, wanted) in self.wanted.iter_mut().filter(|(_, wanted)| wanted.at <= now) {
            wanted.at = now + self.every;
            due.push((task_id.as_str().into(), wanted.agent_id.clone()));
        }
        due
    }

    /// When the next call is due, if any.
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        self.wanted.values().map(|wanted| wanted.at).min()
    }

    /// Whether the task is to end and has not, as far as is known.
    #[must_use]
    pub fn is_wanted(&self, task_id: &TaskId) -> bool {
        self.wanted.contains_key(&task_id.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(task: &str, state: TaskState) -> TaskStatus {
        TaskStatus { task_id: task.into(), state: state.into(), ..TaskStatus::default() }
    }

    fn killed(kills: &mut Kills, seconds: std::ops::Range<u64>) -> Vec<u64> {
        seconds.filter(|second| !kills.due(Time::from_secs(*second)).is_empty()).collect()
    }

    #[test]
    fn a_kill_is_repeated_until_the_task_has_ended() {
        let mut kills = Kills::default();
        kills.kill(Time::ZERO, "t".into(), Some("a".into()));
        kills.kill(Time::from_secs(3), "t".into(), None);
        assert_eq!(killed(&mut kills, 0..12), [0, 5, 10]);
        assert_eq!(kills.wake_at(), Some(Time::from_secs(15)));
        kills.heard(&status("t", TaskState::TaskKilling));
        kills.heard(&status("t", TaskState::TaskUnreachable));
        kills.heard(&status("other", TaskState::TaskKilled));
        assert!(kills.is_wanted(&"t".into()));
        assert_eq!(kills.due(Time::from_secs(15)), [("t".into(), Some("a".into()))]);
        kills.heard(&status("t", TaskState::TaskKilled));
        assert_eq!(kills.wake_at(), None);
        assert!(killed(&mut kills, 16..60).is_empty());
    }

    #[test]
    fn a_task_the_master_does_not_know_is_let_go() {
        let mut kills = Kills::default();
        for (task, state) in [("u", TaskState::TaskUnknown), ("l", TaskState::TaskLost)] {
            kills.kill(Time::ZERO, task.into(), None);
            kills.heard(&status(task, state));
            assert!(!kills.is_wanted(&task.into()));
        }
    }
}
