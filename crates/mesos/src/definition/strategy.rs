//! How the instances of a task are spread over agents.

use serde::Deserialize;

use super::fields::choice;

/// Where instances go in relation to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Strategy {
    /// `none`, `colocate` (also `mux`) or `unique`. Default: `none` (also `non-mux`).
    #[serde(rename = "type")]
    pub kind: StrategyKind,
    /// `strict`, or `best`: rather elsewhere than not at all. Default: `strict`.
    pub effort: Effort,
}

choice! {
    /// Kinds of spreading.
    #[derive(Default)]
    StrategyKind {
        /// Wherever there is room.
        #[default]
        Anywhere: "none" | "non-mux",
        /// All on one agent.
        Colocate: "colocate" | "mux",
        /// Each on an agent where no other instance of it is.
        Unique: "unique",
    }
}

choice! {
    /// How much a strategy counts.
    #[derive(Default)]
    Effort {
        /// An instance waits for an agent that suits.
        #[default]
        Strict: "strict",
        /// An instance goes elsewhere if no agent on offer suits.
        Best: "best",
    }
}

impl Strategy {
    /// Whether an agent suits, given the agents where other instances are.
    #[must_use]
    pub fn suits<'a>(&self, agent: &str, mut others: impl Iterator<Item = &'a str>) -> bool {
        match self.kind {
            StrategyKind::Anywhere => true,
            StrategyKind::Colocate => others.all(|other| other == agent),
            StrategyKind::Unique => others.all(|other| other != agent),
        }
    }
}
