//! The signals that end the program.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Finish what runs, then end (SIGINT, once).
    Drain,
    /// End at once (SIGINT again, or SIGTERM).
    Stop,
}

/// Listens for signals.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    interrupts: u32,
}

impl Signals {
    /// From now on signals no longer kill the program.
    ///
    /// # Errors
    ///
    /// When the system does not allow it.
    pub fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::Start(format!("cannot listen for signals ({error}): start it again"))
            })
        };
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())?, interrupts: 0 })
    }

    /// The next wish. It may be dropped and called again.
    pub async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => {
                self.interrupts += 1;
                if self.interrupts == 1 { Wish::Drain } else { Wish::Stop }
            }
            _ = self.terminate.recv() => Wish::Stop,
        }
    }
}
