//! The one clock of the process: simulated time is real time.

use std::time::{Duration, Instant};

/// Counts from its own start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock module; everything else is told the time"
)]
impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        let start = Instant::now();
        Self { start }
    }

    /// The time since it was started.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }
}
