//! What compressed bytes consist of.

/// Some literal bytes, then a copy of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::png) struct Sequence {
    pub(in crate::png) literals: u32,
    /// Bytes to copy; 0 when there is no copy.
    pub(in crate::png) length: u16,
    /// How far back they lie.
    pub(in crate::png) distance: u16,
}

impl Sequence {
    pub(in crate::png) fn only_literals(literals: usize) -> Self {
        Self { literals: literals as u32, length: 0, distance: 0 }
    }
}
