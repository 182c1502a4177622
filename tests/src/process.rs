//! The real processes, in directories of their own, on loopback, with a power backend that does
//! everything but the reset.

mod agent;
mod binaries;
mod peer;

pub use agent::{Agent, Place};
pub use binaries::{lastword, lastwordd};
pub use peer::Peer;

use std::time::Duration;

/// How long a test waits for anything a process does.
pub const BOUND: Duration = Duration::from_secs(20);
