//! A scheduler's side: typed events in, typed calls out.
//!
//! ```no_run
//! use std::time::Duration;
//! use mesos::scheduler::{Driver, Event, Stop};
//! use mesos::v1::FrameworkInfo;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let framework =
//!     FrameworkInfo { user: "root".into(), name: "watcher".into(), ..Default::default() };
//! let (mut events, calls) = Driver::builder(framework).master("127.0.0.1:5050".parse()?).connect()?;
//! while let Some(item) = events.next().await {
//!     match item? {
//!         Event::Offers(offers) => {
//!             println!("{} offers", offers.len());
//!             let ids = offers.into_iter().map(|offer| offer.id).collect();
//!             calls.decline(ids, Duration::from_secs(5)).await?;
//!             calls.stop(Stop::Teardown).await;
//!         }
//!         other => println!("{other:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Recovery
//!
//! Errors are items of the stream. After all but a terminal one
//! ([`Error::is_terminal`](crate::client::Error::is_terminal)) the driver goes on by
//! itself: it follows redirects, waits with backoff and jitter, and subscribes again
//! under the same framework id. The stream ends after [`Calls::stop`] or a terminal error.
//!
//! # What the driver does for you
//!
//! - Framework id and `Mesos-Stream-Id` are filled in; no header outlives its subscription.
//! - HEARTBEAT never reaches you; five missed ones count as a lost master.
//! - Offers of an earlier subscription cannot be accepted ([`CallError::StaleOffer`](crate::client::CallError)).
//! - Calls go out in the order they were made, on a second connection.
//!
//! The classic callback interface of the Mesos guide is [`crate::callbacks`], on top of the
//! stream.

mod calls;
mod driver;
mod event;
mod gate;
mod offers;
mod subscription;

pub use calls::{Calls, Stop};
pub use driver::{Builder, Driver, Events};
pub use event::Event;
