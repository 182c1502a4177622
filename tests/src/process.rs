//! The real processes, in directories of their own, on loopback, with a power backend that does
//! everything but the reset, or resets a board that is simulated.

mod agent;
mod binaries;
mod cable;
mod daemon;
mod network;
mod peer;
mod raw;
mod screen;
mod services;
mod simulator;

pub use agent::{Agent, Place};
pub use binaries::{lastword, lastword_sim, lastwordd};
pub use cable::{Feedback, NullModem};
pub use daemon::Daemon;
pub use network::{BOARD_ADDRESS, PairNetwork};
pub use peer::Peer;
pub use raw::RawProcess;
pub use screen::Screen;
pub use services::{Lines, Shown};
pub use simulator::Simulator;

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long a test waits for anything a process does.
pub const BOUND: Duration = Duration::from_secs(20);

/// When something that is asked for again and again must have come to pass.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// [`BOUND`] from now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "processes live in real time, and nothing else tells a test that one stays"
    )]
    pub fn start() -> Self {
        Self(Instant::now() + BOUND)
    }

    /// Fails the test if it has passed, showing what there is in place of what was awaited.
    #[expect(clippy::disallowed_methods, reason = "as above")]
    pub fn check(self, awaited: &str, seen: &dyn Debug) {
        assert!(Instant::now() < self.0, "no {awaited} in time: {seen:?}");
    }
}
