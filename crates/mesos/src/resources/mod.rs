//! Resource arithmetic: fixed-point, pure, nothing changed while it is checked.
//!
//! Mesos keeps three decimals of every scalar (`0.1 + 0.2` must be `0.3`), so
//! [`Scalar`] counts thousandths. [`Resources`] is a bundle of named quantities as
//! in an offer; subtraction gives a new bundle or nothing at all.

mod bundle;
mod parse;
mod scalar;
mod value;

pub use bundle::Resources;
pub use parse::ParseError;
pub use scalar::Scalar;
pub use value::{Quantity, Ranges};

/// The name of the processor resource, in cores.
pub const CPUS: &str = "cpus";
/// The name of the memory resource, in MiB (what Mesos calls megabytes).
pub const MEM: &str = "mem";
/// The name of the disk resource, in MiB.
pub const DISK: &str = "disk";
/// The name of the ports resource: ranges of TCP ports.
pub const PORTS: &str = "ports";
