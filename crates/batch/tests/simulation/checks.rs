//! What must hold, after every step and at the end.

use std::collections::BTreeMap;

use batch::{Call, Engine, Record};
use protocol::{Class, Outcome};

use crate::cluster::Sim;
use crate::job::{IMAGES, entries, expected, settings};

impl Sim {
    /// Every offer is in exactly one answer, in the same step.
    pub(crate) fn check_answers(&self, mut offered: Vec<String>, calls: &[Call]) {
        let mut answered: Vec<String> = Vec::new();
        for call in calls {
            if let Call::Accept { offer_ids, .. } | Call::Decline { offer_ids, .. } = call {
                answered.extend(offer_ids.iter().map(|id| id.value.clone()));
            }
        }
        offered.sort();
        answered.sort();
        assert_eq!(answered, offered, "offers and answers");
    }

    /// The records alone give the same engine: the shadow is told nothing else.
    pub(crate) fn check_replay(&mut self) {
        for record in self.store.records().iter().skip(self.shadowed) {
            self.shadow.apply(record);
        }
        self.shadowed = self.store.records().len();
        assert_same(&self.shadow, &self.engine);
    }

    pub(crate) fn check_end(&self) {
        assert_same(&self.replayed(), &self.engine);
        let progress = self.engine.progress();
        assert_eq!(progress.ended(), IMAGES, "{progress:?}");
        assert_eq!(progress.duplicates, 1);
        let mut ends: BTreeMap<u64, u32> = BTreeMap::new();
        for record in self.store.records() {
            if let Record::ImageEnded { index, end } = record {
                *ends.entry(*index).or_default() += 1;
                assert_eq!(end.class, expected(*index), "image {index}");
                assert_eq!(end.outcome() == Outcome::Done, end.class == Class::Ok);
            }
        }
        assert!(ends.values().all(|count| *count == 1), "counted twice: {ends:?}");
        assert_eq!(ends.len() as u64, IMAGES - 2, "all but the duplicate and the rejected line");
    }

    pub(crate) fn replayed(&self) -> Engine {
        Engine::replay(settings(self.seed), entries(), self.store.records())
    }
}

fn assert_same(again: &Engine, engine: &Engine) {
    let counts = |engine: &Engine| {
        let p = engine.progress();
        (p.total, p.done, p.failed, p.running, p.pending, p.retrying, p.tasks_running)
    };
    assert_eq!(counts(again), counts(engine));
    assert!((1..=IMAGES).all(|index| again.outcome(index) == engine.outcome(index)));
    assert_eq!(again.framework_id(), engine.framework_id());
}
