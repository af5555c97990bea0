//! Assigns the images of a list to Mesos tasks and follows every task to its end.
//!
//! What is to be done is decided in the crate `batch`; here is what surrounds it.
//!
//! | question | module |
//! |---|---|
//! | what is asked for | [`words`] |
//! | what can be set | [`cli`] |
//! | where does the list come from, what does it say | [`source`], [`list`] |
//! | what would happen | [`dry_run`] |
//! | is everything there that a job needs | [`doctor`] |
//! | which program is this | [`version`] |
//! | where is the list's text while the job runs | [`spool`] |
//! | which job is this | [`job`] |
//! | what is remembered, and where | [`store`] |
//! | how does a job begin or go on | [`memory`] |
//! | what is found wrong beforehand | [`preflight`] |
//! | who serves the executor and takes results | [`serving`] |
//! | in which order does everything happen | [`run`] |
//! | what goes between master and engine | [`drive`] |
//! | where is the cluster inside this program | [`local`] |
//! | which signals end it | [`signals`] |
//! | how does a task look on the wire | [`launch`] |
//! | how do executors treat the hosts of the images | [`manners`] |
//! | what is the master told of us | [`framework`] |
//! | what do people see | [`observe`] |
//! | how did an earlier run end | [`report`] |
//! | which failed images are tried again | [`retry`] |
//! | which command is to be given next | [`commands`] |
//! | how does the program end | [`failure`] |

pub mod cli;
pub mod commands;
pub mod doctor;
pub mod drive;
pub mod dry_run;
pub mod failure;
pub mod framework;
pub mod job;
pub mod launch;
pub mod list;
pub mod local;
pub mod manners;
pub mod memory;
pub mod observe;
pub mod preflight;
pub mod report;
pub mod retry;
pub mod run;
pub mod serving;
pub mod signals;
pub mod source;
pub mod spool;
pub mod store;
mod teardown;
pub mod version;
pub mod words;
