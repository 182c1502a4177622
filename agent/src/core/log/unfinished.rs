//! When an unfinished line is no longer waited for.

use lastword_protocol::{Instant, Millis};

/// How long an unfinished line may be quiet before it is shown, marked as going on.
pub const QUIET: Millis = Millis(1_000);

/// What to do about what a look at a FIFO showed and no newline ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wait for more, or for that instant.
    Wait(Option<Instant>),
    /// Look again at once.
    Look,
    /// Take it as a piece of a line that goes on.
    Take,
}

/// The unfinished line at the front of a FIFO, from look to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unfinished {
    bytes: usize,
    due: Option<Instant>,
    /// Whether the FIFO was full after the last look.
    full: bool,
}

impl Unfinished {
    /// Judges a look that showed `bytes` and no newline; none, if the FIFO was empty. `full` tells
    /// whether the FIFO was full afterwards.
    ///
    /// A FIFO that is full now may have been filled since the look, and hold the newline: only
    /// what is the same at a second look is stuck.
    pub fn judge(&mut self, now: Instant, bytes: usize, full: bool) -> Verdict {
        let same = bytes == self.bytes;
        let stuck = same && self.full;
        let overdue = same && self.due.is_some_and(|due| due <= now);
        if bytes > 0 && (stuck || overdue) {
            *self = Self::default();
            return Verdict::Take;
        }
        if !same {
            let due = (bytes > 0).then(|| now.after(QUIET));
            (self.bytes, self.due) = (bytes, due);
        }
        self.full = bytes > 0 && full;
        if self.full {
            Verdict::Look
        } else {
            Verdict::Wait(self.due)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks, each with its time in milliseconds, what it showed, whether the FIFO was full
    /// afterwards, and the verdict.
    #[track_caller]
    fn check(looks: &[(u64, usize, bool, Verdict)]) {
        let mut unfinished = Unfinished::default();
        for (now_ms, bytes, full, expected) in looks {
            let verdict = unfinished.judge(Instant(*now_ms), *bytes, *full);
            assert_eq!(verdict, *expected, "at {now_ms} of {looks:?}");
        }
    }

    const fn wait(until_ms: u64) -> Verdict {
        Verdict::Wait(Some(Instant(until_ms)))
    }

    #[test]
    fn nothing_is_waited_for_where_nothing_is() {
        check(&[(0, 0, false, Verdict::Wait(None))]);
        check(&[
            (0, 3, false, wait(1_000)),
            (9, 0, false, Verdict::Wait(None)),
        ]);
    }

    #[test]
    fn a_line_is_taken_once_it_is_quiet_for_a_second() {
        check(&[
            (0, 3, false, wait(1_000)),
            (999, 3, false, wait(1_000)),
            (1_000, 3, false, Verdict::Take),
            (1_001, 3, false, wait(2_001)),
        ]);
    }

    #[test]
    fn a_line_that_grows_is_not_quiet() {
        check(&[
            (0, 3, false, wait(1_000)),
            (1_000, 4, false, wait(2_000)),
            (2_000, 4, false, Verdict::Take),
        ]);
    }

    #[test]
    fn what_a_full_fifo_shows_twice_is_stuck() {
        check(&[
            (0, 3, true, Verdict::Look),
            (0, 3, true, Verdict::Take),
            (0, 3, true, Verdict::Look),
        ]);
    }

    #[test]
    fn what_was_filled_after_the_look_is_not_stuck() {
        check(&[
            (0, 3, false, wait(1_000)),
            (1, 3, true, Verdict::Look),
            (1, 9, false, wait(1_001)),
            (2, 9, false, wait(1_001)),
        ]);
    }
}
