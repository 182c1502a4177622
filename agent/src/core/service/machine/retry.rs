//! How long to wait before the next start, and when to give up.

use crate::core::service::service_file::Restart;
use lastword_protocol::{Instant, Millis};
use std::collections::VecDeque;

/// Exits count for this long.
const WINDOW: Millis = Millis(60_000);
/// The first wait for descriptors, processes or memory; doubled each time.
const EXHAUSTED_WAIT_MIN: Millis = Millis(1_000);
/// The longest of these waits.
const EXHAUSTED_WAIT_MAX: Millis = Millis(10_000);

/// The unasked ends of one service, and the wait that grows with them.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    /// When it ended unasked, within the last [`WINDOW`].
    ends: VecDeque<Instant>,
    /// The last wait without jitter.
    wait: Option<Millis>,
    /// The last wait for room, without jitter.
    exhausted_wait: Option<Millis>,
    /// For the jitter: a linear congruential generator.
    random: u32,
}

impl Retry {
    pub(super) fn new(seed: u32) -> Self {
        Self {
            ends: VecDeque::new(),
            wait: None,
            exhausted_wait: None,
            random: seed,
        }
    }

    /// Forgets everything: somebody has asked for a start.
    pub(super) fn forget(&mut self) {
        self.ends.clear();
        self.wait = None;
        self.exhausted_wait = None;
    }

    /// Returns how long to wait for descriptors, processes or memory. Counts nothing: the service is not to
    /// blame, and gets its turn however long that takes.
    pub(super) fn postpone(&mut self) -> Millis {
        let wait = self.exhausted_wait.map_or(EXHAUSTED_WAIT_MIN, |wait| {
            Millis(wait.0 * 2).min(EXHAUSTED_WAIT_MAX)
        });
        self.exhausted_wait = Some(wait);
        self.jittered(wait)
    }

    pub(super) fn is_postponed_again(&self) -> bool {
        self.exhausted_wait
            .is_some_and(|wait| wait > EXHAUSTED_WAIT_MIN)
    }

    /// Counts an unasked end after a run of the length `ran`, and returns how long to wait before the
    /// next start; `None`: it was one too many.
    pub(super) fn next(&mut self, now: Instant, rules: &Restart, ran: Millis) -> Option<Millis> {
        self.exhausted_wait = None;
        self.ends.retain(|end| now.since(*end) < WINDOW);
        self.ends.push_back(now);
        if self.ends.len() >= rules.max_retries_per_minute as usize {
            return None;
        }
        let wait = match self.wait {
            Some(wait) if ran < rules.stable_after => Millis(wait.0.saturating_mul(2)),
            _ => rules.backoff_initial,
        };
        let wait = wait.min(rules.backoff_max);
        self.wait = Some(wait);
        Some(self.jittered(wait))
    }

    /// A little less, at most a quarter, so that what ended together does not start together.
    fn jittered(&mut self, wait: Millis) -> Millis {
        // The constants of Numerical Recipes, section 7.1.
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let share = u64::from(self.random >> 24);
        Millis(wait.0 - wait.0 / 4 * share / 256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::service::service_file::ServiceFile;

    fn rules(initial: u64, most: u64, retries: u32) -> Restart {
        Restart {
            backoff_initial: Millis(initial),
            backoff_max: Millis(most),
            max_retries_per_minute: retries,
            ..ServiceFile::new("").restart
        }
    }

    /// The bounds of a wait in milliseconds; `None`: it was one end too many.
    type Wait = Option<(u64, u64)>;

    /// Each: seconds at which it ended, how long it had run, what follows.
    #[track_caller]
    fn check(rules: &Restart, ends: &[(u64, u64, Wait)]) {
        for seed in 0..100 {
            let mut retry = Retry::new(seed);
            for (at, ran, expected) in ends {
                let wait = retry.next(Instant(at * 1_000), rules, Millis(ran * 1_000));
                let fits = match (wait, expected) {
                    (Some(wait), Some((least, most))) => (*least..=*most).contains(&wait.0),
                    (None, None) => true,
                    _ => false,
                };
                assert!(fits, "{wait:?} at {at}, expected {expected:?}");
            }
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_most() {
        check(
            &rules(1_000, 3_000, 100),
            &[
                (0, 0, Some((750, 1_000))),
                (1, 0, Some((1_500, 2_000))),
                (2, 59, Some((2_250, 3_000))),
                (3, 0, Some((2_250, 3_000))),
            ],
        );
    }

    #[test]
    fn only_a_stable_run_makes_the_wait_short_again() {
        check(
            &rules(1_000, 30_000, 100),
            &[
                (0, 0, Some((750, 1_000))),
                (1, 59, Some((1_500, 2_000))),
                (2, 60, Some((750, 1_000))),
            ],
        );
    }

    #[test]
    fn the_exit_that_makes_the_number_is_the_last() {
        check(
            &rules(0, 0, 3),
            &[(0, 0, Some((0, 0))), (1, 0, Some((0, 0))), (2, 0, None)],
        );
        check(&rules(0, 0, 1), &[(0, 0, None)]);
    }

    #[test]
    fn the_window_slides() {
        check(
            &rules(0, 0, 3),
            &[
                (0, 0, Some((0, 0))),
                (30, 0, Some((0, 0))),
                (60, 0, Some((0, 0))),
                (89, 0, None),
            ],
        );
    }
}
