//! What users do, and what goes wrong for them, with the programs as they are.

#![cfg(test)]

mod bad_input;
mod bad_list;
mod deadly;
mod disk;
mod failed;
mod faults;
mod images;
mod interrupt;
mod lines;
mod manners;
mod many;
mod placing;
mod uploads;
