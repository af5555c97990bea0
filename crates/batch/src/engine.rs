//! What happens next: one input in, everything that follows out.

use crate::images::Images;
use crate::{Effects, ImageOutcome, Input, Progress, Record, Settings, Time};

/// The scheduler's memory and judgement.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    images: Images,
    list_ended: bool,
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, images: Images::default(), list_ended: false }
    }

    /// Takes over what an earlier engine recorded. Records are applied in their order,
    /// before the first input but [`Input::Submit`].
    pub fn apply(&mut self, _record: &Record) {}

    /// Takes what happened at `now` and says what follows.
    pub fn handle(&mut self, _now: Time, input: Input) -> Effects {
        match input {
            Input::Submit(entries) => {
                for entry in entries {
                    self.images.submit(entry);
                }
            }
            Input::ListEnded => self.list_ended = true,
            _ => {}
        }
        Effects::default()
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The id under which the master knows us, if it ever did.
    #[must_use]
    pub fn framework_id(&self) -> Option<&str> {
        None
    }

    /// How far the job is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress { total: self.images.counts.total, ..Progress::default() }
    }

    /// How an image ended; `None` while it has not.
    #[must_use]
    pub fn outcome(&self, index: u64) -> Option<ImageOutcome<'_>> {
        self.images.outcome(index)
    }

    /// The outcomes so far, in the order of the list.
    pub fn outcomes(&self) -> impl Iterator<Item = ImageOutcome<'_>> {
        self.images.outcomes()
    }

    /// Whether the list has ended and every image has an outcome.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.list_ended && self.images.counts.open() == 0
    }

    /// Whether it was told to [drain](Input::Drain) and nothing runs any more.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        false
    }
}
