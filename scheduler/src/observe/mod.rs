//! What people see.
//!
//! | question | module |
//! |---|---|
//! | where do lines go while a bar is shown | [`terminal`] |
//! | which line tells of what happens | [`log`] |
//! | how far is it, how fast | [`progress`] |
//! | what became of each image | [`manifest`] |
//! | how did it end | [`summary`] |

pub mod log;
pub mod manifest;
pub mod progress;
pub mod summary;
pub mod terminal;
