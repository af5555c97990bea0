//! When is a status update sent, and sent again?
//!
//! Per task one at a time: the next is held back until the scheduler has
//! acknowledged the one before; until then it is sent again and again.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;
use mesos::state::TaskStateExt as _;
use mesos::v1::{FrameworkId, TaskState, TaskStatus};

use super::encoded::Encoded;

/// The wait before an update is sent a second time.
const FIRST_RETRY: Duration = Duration::from_secs(10);
/// The longest wait between two sends.
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// An update to be sent to the master now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Forward {
    /// Whose task.
    pub(super) framework_id: FrameworkId,
    /// The update.
    pub(super) status: TaskStatus,
    /// The task's newest state, which may be ahead of the update's.
    pub(super) latest_state: TaskState,
}

/// A task's id, its unacknowledged updates, each encoded, the uuids it had, and its newest state.
pub(super) type Kept = (String, Vec<Bytes>, Vec<Bytes>, TaskState);

/// Framework id and task id.
type Key = (String, String);

/// The unacknowledged updates of all tasks of an agent.
#[derive(Debug, Default)]
pub(super) struct Updates {
    streams: BTreeMap<Key, Stream>,
}

/// The updates of one task, oldest first; the oldest is the one under way.
#[derive(Debug)]
struct Stream {
    pending: VecDeque<Encoded<TaskStatus>>,
    seen: HashSet<Bytes>,
    latest_state: TaskState,
    resend_at: Duration,
    interval: Duration,
}

impl Updates {
    /// Whether an update with this uuid was taken before.
    pub(super) fn is_known(&self, framework: &str, task: &str, uuid: &[u8]) -> bool {
        self.streams.get(&key(framework, task)).is_some_and(|stream| stream.seen.contains(uuid))
    }

    /// Whether the task has updates that the scheduler has not acknowledged.
    pub(super) fn is_pending(&self, framework: &str, task: &str) -> bool {
        self.streams.get(&key(framework, task)).is_some_and(|stream| !stream.pending.is_empty())
    }

    /// Whether any task of the framework has unacknowledged updates.
    pub(super) fn has_pending_of(&self, framework: &str) -> bool {
        self.streams.iter().any(|((of, _), stream)| of == framework && !stream.pending.is_empty())
    }

    /// The update of the task that is under way, if there is one, and the newest state.
    pub(super) fn newest(
        &self,
        framework: &str,
        task: &str,
    ) -> Option<(Option<&TaskStatus>, TaskState)> {
        let stream = self.streams.get(&key(framework, task))?;
        Some((stream.pending.front().map(Deref::deref), stream.latest_state))
    }

    /// Everything about a framework, to be restored by another process.
    pub(super) fn keep(&self, framework: &str) -> Vec<Kept> {
        let its = self.streams.iter().filter(|((of, _), _)| of == framework);
        its.map(|((_, task), stream)| {
            let pending = stream.pending.iter().map(Encoded::bytes).collect();
            let seen = stream.seen.iter().cloned().collect();
            (task.clone(), pending, seen, stream.latest_state)
        })
        .collect()
    }

    /// Takes over the updates of a task; they are sent when somebody asks for a resend.
    pub(super) fn restore(&mut self, framework: &str, kept: Kept) {
        let (task, pending, seen, latest_state) = kept;
        let stream = Stream {
            pending: pending.into_iter().filter_map(Encoded::read).collect(),
            seen: seen.into_iter().collect(),
            latest_state,
            ..Stream::new()
        };
        self.streams.insert(key(framework, &task), stream);
    }

    /// Takes charge of an update; gives it back if it is to be sent at once.
    ///
    /// A known uuid and everything after a terminal update are ignored.
    pub(super) fn add(
        &mut self,
        now: Duration,
        framework_id: &FrameworkId,
        status: TaskStatus,
    ) -> Option<Forward> {
        let key = key(&framework_id.value, &status.task_id.value);
        let stream = self.streams.entry(key).or_insert_with(Stream::new);
        if stream.latest_state.is_terminal()
            || !stream.seen.insert(Bytes::copy_from_slice(status.uuid()))
        {
            return None;
        }
        stream.latest_state = status.state();
        stream.pending.push_back(status.into());
        if stream.pending.len() > 1 {
            return None;
        }
        stream.send_head(now, FIRST_RETRY, &framework_id.value)
    }

    /// Drops the acknowledged update, if it is the task's oldest, and gives the next one.
    pub(super) fn acknowledge(
        &mut self,
        now: Duration,
        framework_id: &FrameworkId,
        task: &str,
        uuid: &[u8],
    ) -> Option<Forward> {
        let key = key(&framework_id.value, task);
        let stream = self.streams.get_mut(&key)?;
        if stream.pending.front().is_none_or(|head| head.uuid() != uuid) {
            return None;
        }
        let acknowledged = stream.pending.pop_front()?;
        if acknowledged.state().is_terminal() {
            self.streams.remove(&key);
            return None;
        }
        stream.resend_at = Duration::MAX;
        stream.send_head(now, FIRST_RETRY, &framework_id.value)
    }

    /// The updates whose time has come to be sent again.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Forward> {
        let due = self.streams.iter_mut().filter(|(_, stream)| stream.resend_at <= now);
        due.filter_map(|((framework, _), stream)| {
            let interval = (stream.interval * 2).min(LONGEST_RETRY);
            stream.send_head(now, interval, framework)
        })
        .collect()
    }

    /// The oldest update of each task of a framework that has just subscribed.
    pub(super) fn resend(&mut self, now: Duration, framework: &str) -> Vec<Forward> {
        let its = self.streams.iter_mut().filter(|((of, _), _)| of == framework);
        its.filter_map(|(_, stream)| stream.send_head(now, FIRST_RETRY, framework)).collect()
    }

    /// Drops everything of a framework that is gone.
    pub(super) fn forget(&mut self, framework: &str) {
        self.streams.retain(|(of, _), _| of != framework);
    }

    /// When [`Updates::due`] has something next.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.streams.values().map(|stream| stream.resend_at).filter(|at| *at < Duration::MAX).min()
    }
}

impl Stream {
    fn new() -> Self {
        Self {
            pending: VecDeque::new(),
            seen: HashSet::new(),
            latest_state: TaskState::TaskStaging,
            resend_at: Duration::MAX,
            interval: FIRST_RETRY,
        }
    }

    /// Sends the oldest update, and again after `interval`.
    fn send_head(&mut self, now: Duration, interval: Duration, framework: &str) -> Option<Forward> {
        let status = TaskStatus::clone(self.pending.front()?);
        self.interval = interval;
        self.resend_at = now + interval;
        Some(Forward { framework_id: framework.into(), status, latest_state: self.latest_state })
    }
}

fn key(framework: &str, task: &str) -> Key {
    (framework.to_owned(), task.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000_000 + seconds)
    }

    fn status(uuid: u8, state: TaskState) -> TaskStatus {
        TaskStatus {
            task_id: "t".into(),
            state: state.into(),
            uuid: Some(vec![uuid; 16]),
            ..TaskStatus::default()
        }
    }

    fn sent<'a>(forwards: impl IntoIterator<Item = &'a Forward>) -> Vec<u8> {
        forwards.into_iter().map(|forward| forward.status.uuid()[0]).collect()
    }

    #[test]
    fn the_next_update_waits_for_the_acknowledgement_of_the_one_before() {
        let mut updates = Updates::default();
        let framework = FrameworkId::from("f");
        let first = updates.add(at(0), &framework, status(1, TaskState::TaskRunning));
        assert_eq!(sent(&first), [1]);
        assert_eq!(updates.add(at(1), &framework, status(2, TaskState::TaskFinished)), None);
        assert_eq!(updates.acknowledge(at(2), &framework, "t", &[2; 16]), None, "not the head");
        let next = updates.acknowledge(at(2), &framework, "t", &[1; 16]);
        assert_eq!(sent(&next), [2]);
        assert_eq!(updates.acknowledge(at(3), &framework, "t", &[2; 16]), None);
        assert!(!updates.has_pending_of("f"));
        assert_eq!(updates.next_deadline(), None);
    }

    #[test]
    fn an_unacknowledged_update_comes_again_after_10_s_then_twice_as_long_up_to_10_min() {
        let mut updates = Updates::default();
        updates.add(at(0), &"f".into(), status(1, TaskState::TaskRunning));
        let mut last = at(0);
        let mut waits_seconds = Vec::new();
        for _ in 0..9 {
            let due = updates.next_deadline().unwrap();
            waits_seconds.push((due - last).as_secs());
            assert!(updates.due(due - Duration::from_millis(1)).is_empty());
            assert_eq!(sent(&updates.due(due)), [1]);
            last = due;
        }
        assert_eq!(waits_seconds, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    }

    #[test]
    fn a_resend_of_the_oldest_says_the_newest_state() {
        let mut updates = Updates::default();
        updates.add(at(0), &"f".into(), status(1, TaskState::TaskRunning));
        updates.add(at(0), &"f".into(), status(2, TaskState::TaskFailed));
        let again = updates.due(at(10));
        assert_eq!(sent(&again), [1]);
        assert_eq!(again[0].latest_state, TaskState::TaskFailed);
    }

    #[test]
    fn a_subscribing_framework_gets_the_oldest_at_once_and_the_retries_begin_anew() {
        let mut updates = Updates::default();
        updates.add(at(0), &"f".into(), status(1, TaskState::TaskRunning));
        updates.due(at(10));
        updates.add(at(11), &"other".into(), status(9, TaskState::TaskRunning));
        assert_eq!(sent(&updates.resend(at(12), "f")), [1]);
        assert_eq!(sent(&updates.due(at(22))), [1, 9]);
    }

    #[test]
    fn duplicates_and_what_comes_after_a_terminal_update_are_ignored() {
        let mut updates = Updates::default();
        let framework = FrameworkId::from("f");
        updates.add(at(0), &framework, status(1, TaskState::TaskRunning));
        assert!(updates.is_known("f", "t", &[1; 16]));
        updates.acknowledge(at(0), &framework, "t", &[1; 16]);
        assert_eq!(updates.add(at(0), &framework, status(1, TaskState::TaskRunning)), None);
        assert!(updates.add(at(0), &framework, status(2, TaskState::TaskFailed)).is_some());
        assert_eq!(updates.add(at(0), &framework, status(3, TaskState::TaskFinished)), None);
        updates.acknowledge(at(0), &framework, "t", &[2; 16]);
        assert!(!updates.is_pending("f", "t"));
    }

    #[test]
    fn a_forgotten_framework_has_nothing_to_send() {
        let mut updates = Updates::default();
        updates.add(at(0), &"f".into(), status(1, TaskState::TaskRunning));
        updates.forget("f");
        assert!(updates.due(at(100)).is_empty());
    }
}
