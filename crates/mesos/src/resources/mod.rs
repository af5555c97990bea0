//! Resource arithmetic: fixed-point, pure, nothing changed while it is checked.
//!
//! Mesos keeps three decimals of every scalar (`0.1 + 0.2` must be `0.3`), so
//! [`Scalar`] counts thousandths. [`Resources`] is a bundle of named quantities as
//! in an offer; subtraction gives a new bundle or nothing at all.
//!
//! | you want | look at |
//! |---|---|
//! | to know what an offer holds | [`Resources::from`], [`Resources::cpus`], [`Resources::ports`], its `Display` |
//! | to cut a task's part out of an offer | [`Resources::take_wanted`] with [`Wanted`] |
//! | to add, subtract and compare | [`Resources::plus`], [`Resources::checked_sub`], [`Resources::contains`] |
//! | only what is reserved, revocable, shared … | [`Resources::reserved_for`], [`Resources::filter`] and its like |
//! | to reserve | [`Resources::reserve`], [`Resources::unreserve`] |

mod bundle;
mod entry;
mod ranges;
mod reservation;
mod scalar;
mod select;
mod take;
mod text;
mod value;

pub use bundle::Resources;
pub use ranges::Ranges;
pub use reservation::ReservationError;
pub use scalar::Scalar;
pub use take::Wanted;
pub use text::ParseError;
pub use value::Quantity;

/// The name of the processor resource, in cores.
pub const CPUS: &str = "cpus";
/// The name of the graphics processor resource, in whole ones.
pub const GPUS: &str = "gpus";
/// The name of the memory resource, in MiB (what Mesos calls megabytes).
pub const MEM: &str = "mem";
/// The name of the disk resource, in MiB.
pub const DISK: &str = "disk";
/// The name of the ports resource: ranges of TCP ports.
pub const PORTS: &str = "ports";
