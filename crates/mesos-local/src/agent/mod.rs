//! The agent: runs executors and commands, and passes on what they report.
//!
//! | question | module |
//! |---|---|
//! | what does it decide | `logic`, with `executors`, `commands` and `calls` |
//! | what does it hold | `inventory`, with `state` |
//! | when is an update sent, and again | `updates` |
//! | what outlives its process, and how does it return | `checkpoint`, with `delivered` and `encoded`; `recovery` |
//! | is a call well-formed | `validate` |
//! | who owns the logic and feeds it | `actor` |

mod actor;
mod calls;
pub(crate) mod checkpoint;
mod commands;
mod delivered;
mod encoded;
mod events;
mod executors;
mod inventory;
pub(crate) mod logic;
pub(crate) mod outbox;
mod recovery;
mod state;
mod updates;
pub(crate) mod validate;
mod work;

#[cfg(test)]
mod logic_tests;
#[cfg(test)]
mod shell_tests;

pub(crate) use actor::{AgentConfig, AgentHandle, Remains, Request, Response as Told, start};
