//! An embedded Mesos master and agents behind the v1 HTTP API, on loopback.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = mesos_local::Cluster::builder().agents(2).start().await?;
//! println!("subscribe at http://{}/api/v1/scheduler", cluster.master());
//! cluster.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! | question | module |
//! |---|---|
//! | what does the master decide | `master`, pure: `handle(now, input)` gives outputs |
//! | who is offered what, and when | `allocator`, pure |
//! | who owns the master and feeds it | `actor` |
//! | what does an agent do | `agent`, with processes and sandboxes in `containerizer` |
//! | what do master and agents say to each other | `messages` |
//! | what do the HTTP endpoints answer | `http` |
//! | what can be chosen about a cluster | [`ClusterBuilder`], kept in `settings` |
//! | who is let in | [`Credentials`], [`Acls`] |
//! | how is a cluster started and ended | [`Cluster`] |
//! | how is it made to misbehave | [`Faults`] |

mod actor;
mod agent;
mod allocator;
mod attributes;
mod builder;
mod cluster;
mod containerizer;
mod credentials;
mod error;
mod faults;
mod http;
mod master;
mod messages;
mod server;
mod settings;
mod store;
mod work_dir;

pub use attributes::parse_attributes;
pub use builder::ClusterBuilder;
pub use cluster::Cluster;
pub use credentials::{Acls, Credentials};
pub use error::Error;
pub use faults::Faults;
