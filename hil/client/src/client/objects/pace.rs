//! The speed of a transfer, if it is to leave room for others.

use crate::clock::Clock;
use lastword_protocol::Instant;
use std::num::NonZeroU64;
use std::time::Duration;

/// The bytes that may be sent at once after a pause, by the time that they take.
const BURST: Duration = Duration::from_millis(20);

/// A bound on the bytes in a second.
#[derive(Debug)]
pub(super) struct TransferPace {
    bytes_per_second: Option<NonZeroU64>,
    /// The time at which all that was sent has had its time.
    free_at: tokio::time::Instant,
}

impl TransferPace {
    pub(super) fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        Self {
            bytes_per_second,
            free_at: tokio::time::Instant::now(),
        }
    }

    /// Returns whether something may be sent now.
    pub(super) fn is_free(&self) -> bool {
        self.bytes_per_second.is_none() || self.wait().is_zero()
    }

    /// Notes that so many bytes are sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(rate) = self.bytes_per_second {
            let micros = bytes as u64 * 1_000_000 / rate;
            let since = self.free_at.max(tokio::time::Instant::now());
            self.free_at = since + Duration::from_micros(micros);
        }
    }

    /// Returns the time at which something may be sent, if not now.
    pub(super) fn deadline(&self, clock: Clock) -> Option<Instant> {
        let wait = self.wait();
        let is_waiting = self.bytes_per_second.is_some() && !wait.is_zero();
        is_waiting.then(|| clock.now().after(crate::clock::millis(wait)))
    }

    fn wait(&self) -> Duration {
        let left = self.free_at.duration_since(tokio::time::Instant::now());
        left.saturating_sub(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn as_many_bytes_are_sent_in_a_second_as_there_may_be() {
        let clock = Clock::start();
        let mut pace = TransferPace::new(NonZeroU64::new(10_000));
        let mut sent = 0;
        while clock.now() < Instant(2_000) {
            if pace.is_free() {
                pace.sent(100);
                sent += 100;
                continue;
            }
            let until = pace.deadline(clock).expect("it waits");
            clock.sleep_until(Instant(until.0 + 1)).await;
        }
        assert!((19_000..=20_400).contains(&sent), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_bound_nothing_waits() {
        let mut pace = TransferPace::new(None);
        pace.sent(usize::MAX >> 24);
        assert!(pace.is_free());
        assert_eq!(pace.deadline(Clock::start()), None);
    }
}
