//! What users do, and what goes wrong for them, with the programs as they are.

#![cfg(test)]

mod bad_input;
mod bad_list;
#[cfg(feature = "long")]
mod disk;
mod faults;
mod images;
mod interrupt;
#[cfg(feature = "long")]
mod lines;
#[cfg(feature = "long")]
mod manners;
mod many;
mod uploads;
