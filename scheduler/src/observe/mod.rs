//! What people see.
//!
//! | question | module |
//! |---|---|
//! | where do lines go while a bar is shown | [`terminal`] |
//! | which line tells of what happens | [`log`] |
//! | how far is it, how fast | [`progress`] |
//! | what became of each image | [`manifest`] |
//! | how many ended how, and where | [`tally`] |
//! | how are times spread | [`spread`] |
//! | the same as a table | [`table`] |
//! | how does a job stand, in full | [`report`], drawn by [`page`] |
//! | how did it end | [`summary`] |

pub mod log;
pub mod manifest;
pub mod page;
pub mod progress;
pub mod report;
pub mod spread;
pub mod summary;
pub mod table;
pub mod tally;
pub mod terminal;
