//! Pieces of work.

use mesos::resources::Wanted;

/// How often a piece of work is tried.
pub(crate) const TRIES: u32 = 3;

/// The two kinds of work, each with an executor of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Crawl,
    Render,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crawl => "crawl",
            Self::Render => "render",
        }
    }

    /// What a task of it takes; Chromium is not small.
    pub(crate) fn needs(self) -> Wanted {
        match self {
            Self::Crawl => Wanted::new().cpus(0.1).mem_mib(32.0),
            Self::Render => Wanted::new().cpus(0.5).mem_mib(256.0),
        }
    }
}

/// Something to be done with a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) kind: Kind,
    pub(crate) page: usize,
    pub(crate) tries: u32,
}
