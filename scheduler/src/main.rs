//! The program: see the crate's library.
use clap::Parser as _;
fn main() {
    let _ = scheduler::cli::Arguments::parse();
}
