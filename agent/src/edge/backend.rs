//! What carries a power operation out: the kernel, or nobody.

mod console;
mod linux;
mod program;

pub use linux::Linux;

use lastword_protocol::power::{Backend, Evidence, Operation};
use std::io;

/// What resets a board, or pretends to.
pub trait PowerBackend: Send + Sync {
    /// Which it is.
    fn kind(&self) -> Backend;

    /// Makes everything ready, so that what can fail has failed before anything is promised.
    /// Blocks. `quiet_console`: the acknowledgement goes out on a line that the kernel's console
    /// writes to as well.
    ///
    /// # Errors
    ///
    /// Why this operation is not possible here.
    fn prepare(&self, operation: Operation, quiet_console: bool) -> io::Result<Box<dyn Trigger>>;
}

/// An operation made ready. Dropping it undoes the preparation.
pub trait Trigger: Send {
    /// The acknowledgement has left: what was held back only for it may go on.
    fn acknowledged(&mut self) {}

    /// Fires. Blocks; returns only if the board stays up, with the system's error code, 0 if
    /// there is none.
    fn fire(self: Box<Self>, evidence: Evidence) -> u16;
}

/// Does everything but the reset.
#[derive(Clone, Copy, Debug)]
pub struct DryRun;

impl PowerBackend for DryRun {
    fn kind(&self) -> Backend {
        Backend::DryRun
    }

    fn prepare(&self, operation: Operation, _quiet_console: bool) -> io::Result<Box<dyn Trigger>> {
        Ok(Box::new(DryTrigger(operation)))
    }
}

struct DryTrigger(Operation);

impl Trigger for DryTrigger {
    fn fire(self: Box<Self>, evidence: Evidence) -> u16 {
        tracing::info!(target: "power", operation = %self.0, %evidence, "dry run: not fired");
        0
    }
}

/// Refuses everything: the backend of an agent that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoBackend;

impl PowerBackend for NoBackend {
    fn kind(&self) -> Backend {
        Backend::None
    }

    fn prepare(&self, _operation: Operation, _quiet_console: bool) -> io::Result<Box<dyn Trigger>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
