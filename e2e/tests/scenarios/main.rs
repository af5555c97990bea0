//! What users do, and what goes wrong for them, with the programs as they are.

#![cfg(test)]

mod bad_input;
mod bad_list;
mod faults;
mod images;
mod interrupt;
mod many;
mod uploads;
