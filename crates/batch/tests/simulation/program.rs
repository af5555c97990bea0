//! The program around the engine: it keeps records, and makes the calls.

use batch::{Call, Effects, Engine, Input, Record, Store};

use crate::cluster::{Event, Sim, Task};
use crate::job::{entries, few_failures, settings};

impl Sim {
    /// A new engine from what is durable, as after a restart.
    pub(crate) fn boot(&mut self) {
        let mut settings = settings(self.seed);
        if self.gives_up {
            settings.max_failures = few_failures();
        }
        self.engine = Engine::replay(settings, entries(), self.store.records());
        (self.shadow, self.shadowed) = (self.replayed(), self.store.records().len());
        self.wake_at = None;
        self.queue.retain(|_, event| !matches!(event, Event::LaunchFailed(_)));
        self.hand_over(Input::ListEnded);
        self.lose_connection();
        let after = self.random.millis(2_000);
        self.schedule(after, Event::Subscribe);
    }

    /// Somebody starts a job again that was given up, and allows more failures.
    pub(crate) fn start_again(&mut self) {
        assert!(self.engine.is_aborted(), "nobody has told it to drain");
        self.gives_up = false;
        self.boot();
    }

    /// Everything under way to the scheduler is lost, and its offers are void.
    pub(crate) fn lose_connection(&mut self) {
        self.online = false;
        self.queue.retain(|_, event| {
            !matches!(
                event,
                Event::Offers(_) | Event::Update(_) | Event::Rescind(_) | Event::Subscribe
            )
        });
        for (_, (agent, resources)) in std::mem::take(&mut self.offers) {
            self.give_back(&agent, &resources);
        }
    }

    /// Gives the engine an input. The program dies now and then while it writes; then the
    /// beginning of the records is durable, nothing was sent, and it starts again.
    pub(crate) fn hand_over(&mut self, input: Input) {
        let offered = match &input {
            Input::Offers(offers) => offers.iter().map(|offer| offer.id.value.clone()).collect(),
            _ => Vec::new(),
        };
        let effects = self.engine.handle(self.now, input);
        if let Some(kept) = self.torn(&effects) {
            let torn: Vec<Record> = effects.records().iter().take(kept).cloned().collect();
            self.store.append(&torn).unwrap();
            return self.boot();
        }
        self.wake_at = effects.wake_at;
        let calls = effects.commit(&mut self.store).unwrap().calls;
        if self.online {
            self.check_answers(offered, &calls);
        } else {
            assert_eq!(calls, [], "a call while disconnected");
        }
        self.check_replay();
        for call in calls {
            self.obey(call);
        }
    }

    /// How many of the records are durable when the program dies, if it does.
    fn torn(&mut self, effects: &Effects) -> Option<usize> {
        let (new, before) = (effects.records().len(), self.store.records().len());
        if let Some(crash_at) = self.job.crash_at.filter(|at| (before..before + new).contains(at)) {
            self.job.crash_at = None;
            return Some(crash_at - before);
        }
        let dies = new > 0 && self.harm(3);
        dies.then(|| usize::try_from(self.random.next() % (new as u64 + 1)).unwrap())
    }

    fn obey(&mut self, call: Call) {
        if !self.online {
            return;
        }
        match call {
            Call::Accept { offer_ids, launches, .. } => self.accept(&offer_ids, launches),
            Call::Decline { offer_ids, .. } => {
                for id in offer_ids {
                    if let Some((agent, resources)) = self.offers.remove(&id.value) {
                        self.give_back(&agent, &resources);
                    }
                }
            }
            Call::AcceptInverse { .. } => {}
            Call::Suppress => {
                assert!(!self.suppressed, "suppressed twice");
                self.suppressed = true;
            }
            Call::Revive => {
                self.suppressed = false;
                self.allocate();
            }
            Call::Acknowledge(token) => {
                let (_, task, uuid) = token.into_parts();
                let is_last = |task: &Task| {
                    task.last.as_ref().is_some_and(|last| last.uuid.as_ref() == Some(&uuid))
                };
                if self.tasks.get(&task.value).is_some_and(is_last) && !self.harm(5) {
                    self.tasks.remove(&task.value);
                }
            }
            Call::Reconcile(tasks) => self.reconcile(tasks),
            Call::Kill { task_id, .. } => {
                if self.tasks.contains_key(&task_id.value) && !self.harm(20) {
                    self.kill(&task_id.value);
                }
            }
        }
    }
}
