//! The one clock of the agent, paused with tokio's time, and the board's own, which nobody pauses.

use lastword_protocol::{Instant, Millis};
use nix::time::{ClockId, clock_gettime};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{self, Sleep};

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

/// Time since the board booted, sleep included (`clock_gettime(2)`, `CLOCK_BOOTTIME`); zero if
/// unknown. Cheaper than `/proc/uptime`, which tells the same.
#[must_use]
pub fn uptime() -> Millis {
    let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
    let millis = since_boot.unwrap_or_default().as_millis();
    Millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Rings at a deadline that moves, as an idle deadline does with every byte.
///
/// It is set anew only where it must ring earlier: setting a timer can cost a system call, so
/// one that rings early now and then is cheaper than one that is always right.
#[derive(Debug)]
pub struct Alarm {
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
    /// When it rings, if it is set.
    set: Option<Instant>,
}

impl Alarm {
    /// An alarm that is not set.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            sleep: Box::pin(time::sleep_until(clock.start)),
            set: None,
        }
    }

    /// Waits for an instant, or until an earlier one that was waited for before; for ever, if
    /// there is none. Cancel-safe.
    pub async fn wait(&mut self, until: Option<Instant>) {
        let Some(until) = until else {
            return std::future::pending().await;
        };
        if self.set.is_none_or(|set| until < set) {
            let at = self.clock.start + duration(Millis(until.0));
            self.sleep.as_mut().reset(at);
            self.set = Some(until);
        }
        self.sleep.as_mut().await;
        self.set = None;
    }
}

/// The time of day, in milliseconds since 1970: for people to read, never to measure with.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the module that reads clocks"
)]
pub fn unix_ms() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH;
    let span = std::time::SystemTime::now().duration_since(since);
    span.map_or(0, |span| {
        u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A span as the standard library has it.
#[must_use]
pub const fn duration(span: Millis) -> Duration {
    Duration::from_millis(span.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pair: what is waited for, and when it rings, in milliseconds; `None`: nothing rings
    /// within half a second.
    async fn check(waits: &[(Option<u64>, Option<u64>)]) {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        for (until, rings) in waits {
            let until = until.map(Instant);
            let bound = Duration::from_millis(500);
            let rang = time::timeout(bound, alarm.wait(until)).await.is_ok();
            let at = rang.then(|| clock.now().0);
            assert_eq!(at, *rings, "{until:?} of {waits:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_on_time_or_where_it_was_set_before() {
        check(&[(Some(20), Some(20)), (Some(30), Some(30))]).await;
        check(&[(Some(9_000), None), (Some(700), Some(700))]).await;
        check(&[
            (Some(700), None),
            (Some(9_000), Some(700)),
            (Some(720), Some(720)),
        ])
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_nothing_rings() {
        check(&[(None, None)]).await;
        check(&[(Some(700), None), (None, None), (Some(9_000), Some(1_000))]).await;
    }
}
