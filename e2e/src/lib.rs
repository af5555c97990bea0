//! Scenarios across real processes, on the embedded cluster and on a real Mesos.
//!
//! This library is the harness; the scenarios are in `tests/`. The programs run as users run
//! them: as processes, with flags and signals, judged by their exit status, their output and
//! the files they leave. Each scenario is one function of an [`Engine`], and [`on_each_engine`]
//! makes one test of it for each:
//!
//! - `local::…` always: the embedded cluster, which needs nothing installed;
//! - `real::…` with the feature `real-mesos`: a Mesos 1.11.0 master and agents, installed in the
//!   folder that `MESOS_SANDBOX_PREFIX` names. `cargo xtask test` installs it and names it. A test
//!   that finds none fails.

mod cluster;
mod family;
pub mod http;
mod job;
mod manifest;
mod nodes;
pub mod origin;
pub mod pictures;
pub mod plain;
mod process;
mod programs;
pub mod tiny;
mod wait;

pub use cluster::{Cluster, Engine};
pub use family::{Member, executors};
pub use job::{Finished, Job, Run};
pub use manifest::{Entry, manifest};
pub use nodes::{Agent, Nodes, Plan, Testbed, free_port};
pub use process::{Program, example_command, user};
pub use programs::{example, program, root};
pub use wait::until;

/// Makes a test of each scenario for each engine.
///
/// ```
/// use e2e::Engine;
///
/// fn images_are_inverted(engine: Engine) -> anyhow::Result<()> {
///     println!("on {engine}");
///     Ok(())
/// }
///
/// e2e::on_each_engine!(images_are_inverted);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! on_each_engine {
    ($($scenario:ident),+ $(,)?) => {
        mod local {
            $(#[test]
            fn $scenario() -> ::anyhow::Result<()> {
                super::$scenario($crate::Engine::Local)
            })+
        }

        #[cfg(feature = "real-mesos")]
        mod real {
            $(#[test]
            fn $scenario() -> ::anyhow::Result<()> {
                super::$scenario($crate::Engine::Real)
            })+
        }
    };
}
