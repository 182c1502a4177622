//! Whoever started the agent: what it says by signals.

use crate::core::service::supervisor::End;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end an agent. From its making on they are kept, and kill nothing any more.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes them over.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the first of them: SIGINT stops everything, SIGTERM leaves running what is to be
    /// adopted by the next agent. Cancel-safe.
    pub async fn ended(&mut self) -> (&'static str, End) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", End::All),
            _ = self.terminate.recv() => ("SIGTERM", End::KeepAdoptable),
        }
    }
}
