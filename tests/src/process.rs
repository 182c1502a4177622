//! The real processes, in directories of their own, on loopback, with a power backend that does
//! everything but the reset, or resets a board that is simulated.

mod agent;
mod binaries;
mod daemon;
mod peer;
mod screen;
mod simulator;

pub use agent::{Agent, Place};
pub use binaries::{lastword, lastword_sim, lastwordd};
pub use daemon::Daemon;
pub use peer::Peer;
pub use screen::Screen;
pub use simulator::Simulator;

use std::time::Duration;

/// How long a test waits for anything a process does.
pub const BOUND: Duration = Duration::from_secs(20);
