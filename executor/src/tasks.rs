//! Which tasks there are, and that each ends in exactly one terminal status.
//!
//! Pure: events and endings in, statuses out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use mesos::v1::{TaskId, TaskState, TaskStatus};
use protocol::{Outcome, Report};

/// How many ended tasks are remembered, to recognise a KILL that crossed their end.
const REMEMBERED: usize = 4096;

/// How the work of a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Every image has an outcome; these were not [told](Tasks::progress) yet.
    Finished(Report),
    /// It was stopped; these images had an outcome before, and were not told yet.
    Stopped(Report),
    /// Its payload cannot be worked on, for the reason given.
    Unreadable(String),
    /// The program failed.
    Broken,
}

/// The tasks of this executor.
#[derive(Debug, Default)]
pub struct Tasks {
    /// With what was told of their images.
    running: HashMap<String, Count>,
    ended: Ended,
}

/// The tasks that ended last.
#[derive(Debug, Default)]
struct Ended {
    ids: HashSet<Arc<str>>,
    oldest_first: VecDeque<Arc<str>>,
}

impl Ended {
    fn add(&mut self, id: &str) {
        if self.oldest_first.len() == REMEMBERED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ids.remove(&oldest);
        }
        let id = Arc::from(id);
        self.oldest_first.push_back(Arc::clone(&id));
        self.ids.insert(id);
    }

    fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

impl Tasks {
    /// Takes a task in. False if it is or was already here: an agent may repeat itself
    /// after a reconnect, and a task runs once.
    pub fn launch(&mut self, id: &TaskId) -> bool {
        if self.ended.contains(&id.value) || self.running.contains_key(&id.value) {
            return false;
        }
        self.running.insert(id.value.clone(), Count::default());
        true
    }

    /// The status that says no more than that a task runs; `None` if that was said before, or it
    /// has ended.
    pub fn announce(&mut self, id: &TaskId) -> Option<TaskStatus> {
        let count = self.running.get_mut(&id.value)?;
        let is_news = !std::mem::replace(&mut count.is_announced, true);
        is_news.then(|| status(id, TaskState::TaskRunning))
    }

    /// Whether a task has ended here.
    #[must_use]
    pub fn has_ended_one(&self) -> bool {
        !self.ended.ids.is_empty()
    }

    /// What to do with a KILL.
    ///
    /// A task that never came here is answered for as killed: its LAUNCH was lost, and the
    /// scheduler would wait for ever. One that has ended has been answered for already.
    pub fn kill(&mut self, id: &TaskId) -> Kill {
        if self.running.contains_key(&id.value) {
            Kill::Stop
        } else if self.ended.contains(&id.value) {
            Kill::Nothing
        } else {
            self.ended.add(&id.value);
            let message = "killed before it reached the executor".to_owned();
            let status = TaskStatus { message: Some(message), ..status(id, TaskState::TaskKilled) };
            Kill::Answer(Box::new(status))
        }
    }

    /// The status that tells of images while their task runs; `None` once it has ended.
    pub fn progress(&mut self, id: &TaskId, report: &Report) -> Option<TaskStatus> {
        if !self.running.contains_key(&id.value) {
            return None;
        }
        let count = self.running.entry(id.value.clone()).or_default();
        count.is_announced = true;
        count.add(report);
        let status = status(id, TaskState::TaskRunning);
        Some(TaskStatus { data: Some(report.to_payload()), ..status })
    }

    /// The terminal status of a task whose work ended; `None` if it has had one.
    pub fn end(&mut self, id: &TaskId, ending: Ending) -> Option<TaskStatus> {
        let told = self.running.remove(&id.value)?;
        self.ended.add(&id.value);
        Some(terminal(id, ending, told))
    }

    /// Whether nothing runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }
}

/// The answer to a KILL.
#[derive(Debug, Clone, PartialEq)]
pub enum Kill {
    /// Stop its work; the ending follows.
    Stop,
    /// Send this.
    Answer(Box<TaskStatus>),
    /// It has ended already.
    Nothing,
}

fn terminal(id: &TaskId, ending: Ending, told: Count) -> TaskStatus {
    let (state, message, report) = match ending {
        Ending::Finished(report) => (TaskState::TaskFinished, told.with(&report), Some(report)),
        Ending::Stopped(report) => (TaskState::TaskKilled, told.with(&report), Some(report)),
        Ending::Unreadable(sentence) => (TaskState::TaskFailed, sentence, None),
        Ending::Broken => {
            (TaskState::TaskFailed, "the executor failed on this task: a bug".to_owned(), None)
        }
    };
    let data = report.map(|report| report.to_payload());
    TaskStatus { message: Some(message), data, ..status(id, state) }
}

/// What was told of a task: whether that it runs, and how many of its images ended how.
#[derive(Debug, Default)]
struct Count {
    is_announced: bool,
    done: usize,
    failed: usize,
}

impl Count {
    fn add(&mut self, report: &Report) {
        let done = report.images.iter().filter(|i| i.outcome() == Outcome::Done).count();
        self.done += done;
        self.failed += report.images.len() - done;
    }

    /// The whole task in words.
    fn with(mut self, rest: &Report) -> String {
        self.add(rest);
        let images = if self.done == 1 { "image" } else { "images" };
        format!("{} {images} done, {} failed", self.done, self.failed)
    }
}

fn status(id: &TaskId, state: TaskState) -> TaskStatus {
    TaskStatus { task_id: id.clone(), state: state.into(), ..TaskStatus::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Class, ImageReport};

    fn id(text: &str) -> TaskId {
        TaskId::from(text)
    }

    fn report() -> Report {
        Report { images: vec![ImageReport::failed(1, Class::Dns, "no")], ..Report::default() }
    }

    fn endings() -> [(Ending, TaskState, bool); 4] {
        [
            (Ending::Finished(report()), TaskState::TaskFinished, true),
            (Ending::Stopped(report()), TaskState::TaskKilled, true),
            (Ending::Unreadable("version 9".into()), TaskState::TaskFailed, false),
            (Ending::Broken, TaskState::TaskFailed, false),
        ]
    }

    #[test]
    fn every_ending_gives_exactly_one_terminal_status() {
        for (ending, state, has_report) in endings() {
            let mut tasks = Tasks::default();
            assert!(tasks.launch(&id("t")));
            let last = tasks.end(&id("t"), ending).unwrap();
            assert_eq!(last.state(), state);
            assert!(last.message.is_some_and(|message| !message.is_empty()));
            let read = last.data.map(|data| Report::from_payload(&data).unwrap().images);
            assert_eq!(read, has_report.then(|| report().images));
            for (again, _, _) in endings() {
                assert_eq!(tasks.end(&id("t"), again), None);
            }
            assert!(tasks.is_empty());
        }
    }

    #[test]
    fn what_was_told_on_the_way_counts_in_the_last_message() {
        let mut tasks = Tasks::default();
        assert_eq!(tasks.progress(&id("t"), &report()), None);
        tasks.launch(&id("t"));
        let told = tasks.progress(&id("t"), &report()).unwrap();
        assert_eq!(told.state(), TaskState::TaskRunning);
        assert_eq!(Report::from_payload(&told.data.unwrap()).unwrap().images, report().images);
        let last = tasks.end(&id("t"), Ending::Finished(Report::default())).unwrap();
        assert_eq!(last.message.as_deref(), Some("0 images done, 1 failed"));
        assert_eq!(tasks.progress(&id("t"), &report()), None);
    }

    #[test]
    fn that_a_task_runs_is_said_once_and_not_after_its_end() {
        let mut tasks = Tasks::default();
        assert_eq!(tasks.announce(&id("t")), None);
        tasks.launch(&id("t"));
        assert_eq!(tasks.announce(&id("t")).unwrap().state(), TaskState::TaskRunning);
        assert_eq!(tasks.announce(&id("t")), None);
        tasks.launch(&id("told"));
        tasks.progress(&id("told"), &report());
        assert_eq!(tasks.announce(&id("told")), None, "that said it");
        assert!(!tasks.has_ended_one());
        tasks.launch(&id("short"));
        tasks.end(&id("short"), Ending::Broken);
        assert_eq!(tasks.announce(&id("short")), None);
        assert!(tasks.has_ended_one());
    }

    #[test]
    fn a_repeated_launch_starts_nothing() {
        let mut tasks = Tasks::default();
        assert!(tasks.launch(&id("t")));
        assert!(!tasks.launch(&id("t")));
        tasks.end(&id("t"), Ending::Broken);
        assert!(!tasks.launch(&id("t")));
    }

    #[test]
    fn a_kill_stops_what_runs_and_ignores_what_has_ended() {
        let mut tasks = Tasks::default();
        tasks.launch(&id("t"));
        assert_eq!(tasks.kill(&id("t")), Kill::Stop);
        assert_eq!(tasks.kill(&id("t")), Kill::Stop);
        tasks.end(&id("t"), Ending::Stopped(report()));
        assert_eq!(tasks.kill(&id("t")), Kill::Nothing);
    }

    #[test]
    fn a_task_that_never_came_is_answered_for_once() {
        let mut tasks = Tasks::default();
        let Kill::Answer(status) = tasks.kill(&id("lost")) else { panic!("no answer") };
        assert_eq!(status.state(), TaskState::TaskKilled);
        assert_eq!(tasks.kill(&id("lost")), Kill::Nothing);
        assert!(!tasks.launch(&id("lost")));
    }

    #[test]
    fn memory_of_ended_tasks_is_bounded() {
        let mut tasks = Tasks::default();
        for number in 0..REMEMBERED + 10 {
            let id = id(&number.to_string());
            tasks.launch(&id);
            tasks.end(&id, Ending::Broken);
        }
        assert_eq!(tasks.ended.ids.len(), REMEMBERED);
    }
}
