//! The one place that reads the clock.

use std::time::{Duration, Instant};

/// The time now.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, and this is where it reads it"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits this long.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark looks at an agent left alone, or one that has not started yet"
)]
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}
