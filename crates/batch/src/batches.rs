//! Which tasks are out, and which batches wait to be launched again.

use std::collections::{BTreeMap, BTreeSet};

use crate::deadlines::Deadlines;
use crate::{Attempt, Time};

/// All batches that have images without an outcome, or a task that is out.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq))]
pub(crate) struct Batches {
    open: BTreeMap<u64, Batch>,
    /// To be launched again, due.
    ready: BTreeSet<u64>,
    /// To be launched again, not due yet.
    waiting: Deadlines,
    /// The tasks that are out, by agent.
    on: BTreeMap<String, BTreeSet<Attempt>>,
    running: usize,
    running_images: usize,
    last_number: u64,
    launched: u64,
}

/// Of a task that was lost. Halved again each time, an image is by itself before its tenth loss.
const MOST_AFTER_LOSS: usize = 256;

/// Images that are launched together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    /// Those without an outcome.
    pub(crate) images: Vec<u64>,
    /// The number of its last attempt.
    pub(crate) attempts: u32,
    /// What the machinery's failures have cost so far.
    pub(crate) spent: u32,
    /// How many of them go into its next task; the others go into one of their own.
    most: usize,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// One task is out, or two while the second one races against a straggler.
    Running(Vec<Task>),
    Ready,
    Waiting,
}

#[derive(Debug, Clone, PartialEq)]
struct Task {
    number: u32,
    agent: Box<str>,
}

impl Batch {
    fn tasks(&self) -> &[Task] {
        match &self.stage {
            Stage::Running(tasks) => tasks,
            Stage::Ready | Stage::Waiting => &[],
        }
    }

    fn task(&self, number: u32) -> Option<&Task> {
        self.tasks().iter().find(|task| task.number == number)
    }
}

impl Batches {
    /// The name of the first task of a new batch.
    pub(crate) fn new_attempt(&self) -> Attempt {
        Attempt { batch: self.last_number + 1, number: 1 }
    }

    /// The name of the next task of a batch that was launched before.
    pub(crate) fn next_attempt(&self, batch: u64) -> Attempt {
        let before = self.open.get(&batch).map_or(0, |batch| batch.attempts);
        Attempt { batch, number: before + 1 }
    }

    /// A task is out: the batch's only one, or one beside another. A new batch may be a part of
    /// the batch `from`, and then has spent what that has.
    pub(crate) fn launch(
        &mut self,
        attempt: Attempt,
        agent: &str,
        images: &[u64],
        from: Option<u64>,
    ) {
        let spent = from.map_or(0, |from| self.part(from, images));
        self.ready.remove(&attempt.batch);
        self.waiting.remove(attempt.batch);
        let batch = self.open.entry(attempt.batch).or_insert_with(|| Batch {
            images: images.to_vec(),
            attempts: 0,
            spent,
            most: usize::MAX,
            stage: Stage::Ready,
        });
        batch.attempts = batch.attempts.max(attempt.number);
        let task = Task { number: attempt.number, agent: agent.into() };
        match &mut batch.stage {
            Stage::Running(tasks) => tasks.push(task),
            Stage::Ready | Stage::Waiting => {
                batch.stage = Stage::Running(vec![task]);
                self.running_images += batch.images.len();
            }
        }
        self.on.entry(agent.to_owned()).or_default().insert(attempt);
        self.running += 1;
        self.last_number = self.last_number.max(attempt.batch);
        self.launched += 1;
    }

    /// Takes images out of a batch that has no task; what it has spent.
    fn part(&mut self, number: u64, images: &[u64]) -> u32 {
        let Some(batch) = self.open.get_mut(&number) else { return 0 };
        let (spent, parted) = (batch.spent, images.iter().collect::<BTreeSet<_>>());
        batch.images.retain(|image| !parted.contains(image));
        if batch.images.is_empty() {
            self.open.remove(&number);
            self.ready.remove(&number);
            self.waiting.remove(number);
        }
        spent
    }

    /// The task of that attempt is over. Unless another one is out, what is left of its
    /// images waits to be launched again, at once until [`Batches::wait_until`] says
    /// otherwise. If it cost something, they go in halves: one of them may be what ends its
    /// executors, and is to be found before it has spent what the others have.
    pub(crate) fn end(&mut self, attempt: Attempt, cost: u32) {
        let Some(batch) = self.open.get_mut(&attempt.batch) else { return };
        let Stage::Running(tasks) = &mut batch.stage else { return };
        let Some(at) = tasks.iter().position(|task| task.number == attempt.number) else { return };
        let task = tasks.remove(at);
        let is_last = tasks.is_empty();
        batch.spent = batch.spent.saturating_add(cost);
        self.running -= 1;
        if is_last {
            self.running_images -= batch.images.len();
            if batch.images.is_empty() {
                self.open.remove(&attempt.batch);
            } else {
                if cost > 0 {
                    batch.most = batch.images.len().div_ceil(2).min(MOST_AFTER_LOSS);
                }
                batch.stage = Stage::Waiting;
                self.waiting.set(attempt.batch, Time::ZERO);
            }
        }
        if let Some(tasks) = self.on.get_mut(&*task.agent) {
            tasks.remove(&attempt);
            if tasks.is_empty() {
                self.on.remove(&*task.agent);
            }
        }
    }

    /// Puts off a batch that waits to be launched again.
    pub(crate) fn wait_until(&mut self, number: u64, until: Time) {
        if self.waiting.contains(number) {
            self.waiting.set(number, until);
        }
    }

    /// An image of the batch has an outcome, or goes its own way.
    pub(crate) fn remove_image(&mut self, number: u64, index: u64) {
        let Some(batch) = self.open.get_mut(&number) else { return };
        let before = batch.images.len();
        batch.images.retain(|image| *image != index);
        if matches!(batch.stage, Stage::Running(_)) {
            self.running_images -= before - batch.images.len();
        }
    }

    /// The batch whose task this is, if the task is out.
    pub(crate) fn current(&self, attempt: Attempt) -> Option<&Batch> {
        self.open.get(&attempt.batch).filter(|batch| batch.task(attempt.number).is_some())
    }

    /// Where a task is that is out.
    pub(crate) fn agent_of(&self, attempt: Attempt) -> Option<&str> {
        self.open.get(&attempt.batch)?.task(attempt.number).map(|task| &*task.agent)
    }

    /// The other task with the same images that is out.
    pub(crate) fn rival(&self, attempt: Attempt) -> Option<Attempt> {
        let tasks = self.open.get(&attempt.batch)?.tasks().iter();
        let number = tasks.map(|task| task.number).find(|number| *number != attempt.number)?;
        Some(Attempt { number, ..attempt })
    }

    /// The tasks that are out.
    pub(crate) fn running(&self) -> impl Iterator<Item = Attempt> {
        self.open.iter().flat_map(|(number, batch)| {
            batch.tasks().iter().map(|task| Attempt { batch: *number, number: task.number })
        })
    }

    /// The tasks that are out on that agent.
    pub(crate) fn running_on(&self, agent: &str) -> impl Iterator<Item = Attempt> {
        self.on.get(agent).into_iter().flatten().copied()
    }

    /// Makes ready what is due. True if anything was.
    pub(crate) fn promote(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Some(number) = self.waiting.pop_due(now) {
            if let Some(batch) = self.open.get_mut(&number) {
                batch.stage = Stage::Ready;
                self.ready.insert(number);
                any = true;
            }
        }
        any
    }

    /// When the next batch is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.waiting.next()
    }

    /// The tasks to be launched again now, each as if it were the only one.
    pub(crate) fn ready(&self) -> impl Iterator<Item = (Attempt, &[u64])> {
        self.ready.iter().filter_map(|number| {
            let Batch { images, most, .. } = self.open.get(number)?;
            Some(match images.get(..*most) {
                Some(part) if part.len() < images.len() => (self.new_attempt(), part),
                Some(_) | None => (self.next_attempt(*number), images.as_slice()),
            })
        })
    }

    /// Whether a batch could be launched again now.
    pub(crate) fn any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How many tasks are out.
    pub(crate) fn running_len(&self) -> usize {
        self.running
    }

    /// How many images are in them.
    pub(crate) fn running_images_len(&self) -> usize {
        self.running_images
    }

    /// How many tasks were launched.
    pub(crate) fn launched(&self) -> u64 {
        self.launched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(number: u32) -> Attempt {
        Attempt { batch: 1, number }
    }

    #[test]
    fn two_tasks_of_a_batch_run_side_by_side_and_its_images_count_once() {
        let mut batches = Batches::default();
        batches.launch(attempt(1), "a", &[1, 2], None);
        batches.launch(attempt(2), "b", &[1, 2], None);
        assert_eq!((batches.running_len(), batches.running_images_len()), (2, 2));
        assert_eq!(batches.rival(attempt(1)), Some(attempt(2)));
        assert_eq!(batches.agent_of(attempt(2)), Some("b"));
        assert_eq!(batches.running_on("a").collect::<Vec<_>>(), [attempt(1)]);
        batches.remove_image(1, 1);
        batches.end(attempt(1), 1);
        assert_eq!((batches.running_len(), batches.running_images_len()), (1, 1));
        assert_eq!(batches.rival(attempt(2)), None);
        assert!(!batches.promote(Time::MAX), "the other task goes on");
        batches.end(attempt(2), 0);
        assert!(batches.promote(Time::ZERO));
        assert_eq!(batches.ready().collect::<Vec<_>>(), [(attempt(3), &[2][..])]);
        assert_eq!(batches.next_attempt(1), attempt(3));
    }

    #[test]
    fn after_a_loss_a_batch_goes_in_halves_that_have_spent_as_much() {
        let mut batches = Batches::default();
        batches.launch(attempt(1), "a", &[1, 2, 3], None);
        batches.end(attempt(1), 1);
        batches.promote(Time::ZERO);
        let second = Attempt { batch: 2, number: 1 };
        assert_eq!(batches.ready().collect::<Vec<_>>(), [(second, &[1, 2][..])]);
        batches.launch(second, "a", &[1, 2], Some(1));
        assert_eq!(batches.ready().collect::<Vec<_>>(), [(attempt(2), &[3][..])]);
        assert_eq!(batches.current(second).map(|batch| batch.spent), Some(1));
        assert_eq!(batches.running_images_len(), 2);
        batches.launch(attempt(2), "b", &[3], None);
        assert_eq!((batches.running_len(), batches.running_images_len()), (2, 3));
        batches.end(second, 0);
        batches.promote(Time::ZERO);
        let third = Attempt { batch: 2, number: 2 };
        assert_eq!(batches.ready().collect::<Vec<_>>(), [(third, &[1, 2][..])]);
    }

    #[test]
    fn a_large_batch_is_in_single_images_before_its_budget_is_spent() {
        let mut batches = Batches::default();
        let mut images: Vec<u64> = (1..=10_000).collect();
        let (mut task, mut from) = (attempt(1), None);
        for _ in 1..10 {
            batches.launch(task, "a", &images, from);
            batches.end(task, 1);
            batches.promote(Time::ZERO);
            let (next, part) = batches.ready().last().unwrap();
            from = Some(task.batch).filter(|batch| *batch != next.batch);
            (task, images) = (next, part.to_vec());
        }
        assert_eq!(images.len(), 1);
    }

    #[test]
    fn a_batch_without_images_is_gone_with_its_last_task() {
        let mut batches = Batches::default();
        batches.launch(attempt(1), "a", &[1], None);
        batches.launch(attempt(2), "b", &[1], None);
        batches.remove_image(1, 1);
        batches.end(attempt(2), 0);
        assert!(batches.current(attempt(1)).is_some());
        batches.end(attempt(1), 0);
        assert_eq!((batches.running_len(), batches.running().count()), (0, 0));
        assert_eq!(batches.new_attempt(), Attempt { batch: 2, number: 1 });
    }
}
