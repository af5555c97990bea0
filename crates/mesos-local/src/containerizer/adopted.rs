//! How does a process that an earlier process of ours started come under our charge?
//!
//! It is not our child: nobody tells us that it ended, and how it did stays unknown.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal as Number, kill_process_group};
use tokio::sync::mpsc;

use crate::agent::checkpoint::Survivor;
use crate::agent::outbox::Signal;

/// How often it is looked whether the process is still there.
const LOOK: Duration = Duration::from_millis(50);

/// Waits for the end of the process, passing signals on.
pub(super) async fn run(survivor: &Survivor, signals: &mut mpsc::UnboundedReceiver<Signal>) {
    let Some(leader) = Pid::from_raw(survivor.process) else { return };
    while is_there(survivor) {
        let number = tokio::select! {
            () = tokio::time::sleep(LOOK) => continue,
            signal = signals.recv() => match signal {
                Some(Signal::Terminate) => Number::TERM,
                Some(Signal::Kill) | None => Number::KILL,
            },
        };
        // It fails only when the whole group is gone, which is seen next.
        let _ = kill_process_group(leader, number);
    }
}

/// Whether the process runs, and is that of the container: numbers are used again, but the
/// sandbox in the environment is this container's alone. One that has ended has none.
fn is_there(survivor: &Survivor) -> bool {
    fs::read(format!("/proc/{}/environ", survivor.process)).is_ok_and(|environment| {
        String::from_utf8_lossy(&environment).contains(&survivor.container_id)
    })
}
