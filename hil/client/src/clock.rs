//! The host's clock: the one place of this crate that reads the time.
//!
//! It is tokio's, so that tests can pause it.

use lastword_protocol::{Instant, Millis};
use std::time::Duration;

/// A monotonic clock whose origin is when it was started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: tokio::time::Instant,
}

impl Clock {
    /// A clock that stands at zero now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
        }
    }

    /// The time since the start, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant(millis(self.origin.elapsed()).0)
    }

    /// Waits until `until`; returns at once if that has passed. Cancel-safe.
    pub async fn sleep_until(&self, until: Instant) {
        tokio::time::sleep_until(self.origin + Duration::from_millis(until.0)).await;
    }
}

/// Returns the time, in seconds since 1970: for certificates, whose dates are a calendar's.
#[must_use]
pub fn unix_s() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// The span in whole milliseconds, saturating.
#[must_use]
pub fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
