//! What comes out: the bytes and what is worth telling about them.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::Format;

/// A processed picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Its format, which is that of the input unless a conversion was asked for.
    pub format: Format,
    /// Width in pixels as stored, that is before the orientation tag is applied.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// Pictures in the file: 1 unless it is an animation or a set of icons.
    pub frames: u32,
    /// The way that was taken.
    pub path: Path,
    /// What could not be kept, one sentence each; empty when everything was.
    pub notes: Vec<String>,
    /// Where the time went.
    pub phases: Phases,
}

/// The parts of the work that were done one after another, and the time for each of them.
///
/// All are nothing where the parts are one, as on the way by [`Path::Bits`], and in all pictures
/// that are inverted without being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// From the file to samples.
    pub decode: Duration,
    /// What was to be done with those.
    pub operate: Duration,
    /// From samples to the file.
    pub encode: Duration,
}

/// Tells the time of phases as each of them ends; frames of an animation add up.
#[derive(Debug)]
pub(crate) struct Clock {
    last: Instant,
    phases: Phases,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { last: Instant::now(), phases: Phases::default() }
    }

    pub(crate) fn decoded(&mut self) {
        let lap = self.lap();
        self.phases.decode += lap;
    }

    pub(crate) fn operated(&mut self) {
        let lap = self.lap();
        self.phases.operate += lap;
    }

    pub(crate) fn encoded(&mut self) {
        let lap = self.lap();
        self.phases.encode += lap;
    }

    pub(crate) fn phases(&self) -> Phases {
        self.phases
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.last, now))
    }
}

/// The way a picture was processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// The signs in its entropy-coded data were flipped; nothing was decoded.
    Bits,
    /// Its colour tables were rewritten; the pixels were not even read.
    Palette,
    /// Its pixels were rewritten.
    Pixels,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bits => "bits",
            Self::Palette => "palette",
            Self::Pixels => "pixels",
        })
    }
}
