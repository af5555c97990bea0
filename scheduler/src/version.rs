//! Which program this is: `-V` in a line, `--version` in full.

/// The version, and the commit if it is known.
pub const SHORT: &str = concat!(env!("CARGO_PKG_VERSION"), env!("SCHEDULER_COMMIT"));

/// The same, and for what and with what it was built.
pub const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    env!("SCHEDULER_COMMIT"),
    "\ntarget:   ",
    env!("SCHEDULER_TARGET"),
    "\nfeatures: ",
    env!("SCHEDULER_FEATURES"),
);
