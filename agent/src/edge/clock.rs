//! The one clock of the agent. Under paused tokio time it is paused with it.

use lastword_protocol::{Instant, Millis};
use std::time::Duration;
use tokio::time;

/// A monotonic clock that counts from its own start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: time::Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: time::Instant::now(),
        }
    }

    /// The time now, in whole milliseconds; rounded up, so that a deadline that was slept for has
    /// passed.
    #[must_use]
    pub fn now(&self) -> Instant {
        let millis = self.start.elapsed().as_micros().div_ceil(1_000);
        Instant(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// Waits for an instant; for ever, if there is none. Cancel-safe.
    pub async fn wait(&self, until: Option<Instant>) {
        match until {
            Some(until) => time::sleep_until(self.start + duration(Millis(until.0))).await,
            None => std::future::pending().await,
        }
    }
}

/// A span as the standard library has it.
#[must_use]
pub const fn duration(span: Millis) -> Duration {
    Duration::from_millis(span.0)
}
