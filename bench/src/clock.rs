//! The one place that reads the clock.

use std::time::Instant;

/// The time now.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, and this is where it reads it"
)]
pub fn now() -> Instant {
    Instant::now()
}
