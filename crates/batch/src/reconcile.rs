//! What became of a task nobody speaks of?
//!
//! After every subscription the master is asked about all tasks that are out, and
//! again, ever less often, about those it was silent on; then every now and then. A task
//! that is silent after its launch is asked about too. Source: MESOS "Task
//! Reconciliation".

use std::collections::BTreeSet;

use crate::deadlines::Deadlines;
use crate::{Attempt, Settings, Time};

/// Whom to ask about, and when.
#[derive(Debug, Default)]
pub(crate) struct Reconciler {
    /// Not answered yet.
    asking: BTreeSet<Attempt>,
    /// When to ask about those again.
    ask_at: Time,
    /// How often they were asked about.
    rounds: u32,
    /// When to ask about all again.
    all_at: Time,
    /// Launched, nothing heard.
    silent: Deadlines<Attempt>,
    /// Over, as the master says, but their own last update has not come.
    unreported: Deadlines<Attempt>,
}

impl Reconciler {
    /// Asks about all of these, in place of what was being asked.
    pub(crate) fn start(
        &mut self,
        now: Time,
        running: impl Iterator<Item = Attempt>,
        settings: &Settings,
    ) {
        self.asking = running.collect();
        self.ask_at = now;
        self.rounds = 0;
        self.all_at = now.saturating_add(settings.reconcile_interval);
    }

    /// Asks about this one too, as soon as may be.
    pub(crate) fn ask(&mut self, now: Time, task: Attempt) {
        self.silent.remove(task);
        if self.asking.insert(task) {
            self.ask_at = now;
            self.rounds = 0;
        }
    }

    /// Stops asking: there is nobody to answer. [`Reconciler::start`] begins anew.
    pub(crate) fn pause(&mut self) {
        self.asking.clear();
        self.silent.clear();
        self.unreported.clear();
    }

    /// A task was launched.
    pub(crate) fn launched(&mut self, now: Time, task: Attempt, settings: &Settings) {
        self.silent.set(task, now.saturating_add(settings.launch_timeout));
    }

    /// An update came.
    pub(crate) fn heard(&mut self, task: Attempt) {
        self.asking.remove(&task);
        self.silent.remove(task);
    }

    /// The master says that it is over, and its own update has to come. Saying so again
    /// does not put off the end of the wait.
    pub(crate) fn await_report(&mut self, now: Time, task: Attempt, settings: &Settings) {
        self.heard(task);
        if !self.unreported.contains(task) {
            self.unreported.set(task, now.saturating_add(settings.report_timeout));
        }
    }

    /// The task is over for us.
    pub(crate) fn forget(&mut self, task: Attempt) {
        self.heard(task);
        self.unreported.remove(task);
    }

    /// One whose report has not come in time.
    pub(crate) fn pop_unreported(&mut self, now: Time) -> Option<Attempt> {
        self.unreported.pop_due(now)
    }

    /// Whether it is time to ask about all.
    pub(crate) fn all_due(&self, now: Time) -> bool {
        self.all_at <= now
    }

    /// The ones to ask about now; often none.
    pub(crate) fn due(&mut self, now: Time, settings: &Settings) -> Vec<Attempt> {
        while let Some(task) = self.silent.pop_due(now) {
            self.ask(now, task);
        }
        if self.asking.is_empty() || self.ask_at > now {
            return Vec::new();
        }
        self.rounds = self.rounds.saturating_add(1);
        self.ask_at = now.saturating_add(settings.reconcile_backoff.after(self.rounds));
        self.asking.iter().copied().collect()
    }

    /// When something of this is due. `any_running`: whether a task is out.
    pub(crate) fn wake_at(&self, any_running: bool) -> Option<Time> {
        let asking = (!self.asking.is_empty()).then_some(self.ask_at);
        let all = any_running.then_some(self.all_at);
        [asking, all, self.silent.next(), self.unreported.next()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(batch: u64) -> Attempt {
        Attempt { batch, number: 1 }
    }

    fn settings() -> Settings {
        Settings::new("j", "e")
    }

    #[test]
    fn asks_again_ever_less_often_until_answered() {
        let (settings, mut reconciler) = (settings(), Reconciler::default());
        reconciler.start(Time::ZERO, [task(1), task(2)].into_iter(), &settings);
        let mut asked = Vec::new();
        for second in 0..80 {
            let now = Time::from_secs(second);
            if second == 10 {
                reconciler.heard(task(1));
            }
            let due = reconciler.due(now, &settings);
            if !due.is_empty() {
                asked.push((second, due));
            }
        }
        let one_left = |second| (second, vec![task(2)]);
        let both = |second| (second, vec![task(1), task(2)]);
        assert_eq!(asked, [both(0), both(4), one_left(12), one_left(28), one_left(58)]);
        reconciler.heard(task(2));
        assert_eq!(reconciler.wake_at(false), None);
        assert_eq!(reconciler.wake_at(true), Some(settings.reconcile_interval));
    }

    #[test]
    fn a_task_that_is_silent_after_its_launch_is_asked_about() {
        let (settings, mut reconciler) = (settings(), Reconciler::default());
        reconciler.launched(Time::ZERO, task(7), &settings);
        reconciler.launched(Time::ZERO, task(8), &settings);
        reconciler.heard(task(8));
        assert!(reconciler.due(Time::from_secs(59), &settings).is_empty());
        assert_eq!(reconciler.wake_at(false), Some(Time::from_secs(60)));
        assert_eq!(reconciler.due(Time::from_secs(60), &settings), [task(7)]);
    }

    #[test]
    fn the_wait_for_a_report_is_not_put_off() {
        let (settings, mut reconciler) = (settings(), Reconciler::default());
        reconciler.await_report(Time::ZERO, task(7), &settings);
        reconciler.await_report(Time::from_secs(100), task(7), &settings);
        assert_eq!(reconciler.pop_unreported(Time::from_secs(119)), None);
        assert_eq!(reconciler.pop_unreported(Time::from_secs(120)), Some(task(7)));
    }
}
