//! When a line has drained whose hardware does not show its shift register.

/// Watches a transmitter from which the last character may still be leaving when it looks empty.
#[derive(Debug, Default)]
pub struct Drain {
    /// When it was first seen empty since something was last given to it, in milliseconds.
    empty_since: Option<u64>,
}

impl Drain {
    /// How long a transmitter has to look empty, in milliseconds: as long as one character takes,
    /// and a tick more, because the first may be a moment away.
    #[must_use]
    pub const fn settle_ms(baud: u32) -> u64 {
        (BITS_PER_CHARACTER * 1000).div_ceil(baud) as u64 + 1
    }

    /// A transmitter that nothing is known about.
    #[must_use]
    pub const fn new() -> Self {
        Self { empty_since: None }
    }

    /// Something was given to the transmitter.
    pub fn restart(&mut self) {
        self.empty_since = None;
    }

    /// Returns whether everything has left, from whether the transmitter looks empty now.
    pub fn observe(&mut self, now_ms: u64, looks_empty: bool, settle_ms: u64) -> bool {
        if !looks_empty {
            self.empty_since = None;
            return false;
        }
        let since = *self.empty_since.get_or_insert(now_ms);
        now_ms.wrapping_sub(since) >= settle_ms
    }
}

/// One start bit, eight of data, one stop bit.
const BITS_PER_CHARACTER: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps: the time in milliseconds, whether the transmitter looks empty, whether it has drained.
    #[track_caller]
    fn check(steps: &[(u64, bool, bool)]) {
        let mut drain = Drain::new();
        for &(now_ms, empty, drained) in steps {
            assert_eq!(drain.observe(now_ms, empty, 2), drained, "at {now_ms} ms");
        }
    }

    #[test]
    fn what_looks_empty_has_drained_after_a_character_s_time() {
        check(&[(10, true, false), (11, true, false), (12, true, true)]);
        check(&[(10, true, false), (500, true, true), (501, true, true)]);
    }

    #[test]
    fn what_waits_has_not_drained_however_long() {
        check(&[(10, false, false), (9_000, false, false)]);
    }

    #[test]
    fn the_time_counts_from_when_it_was_last_seen_busy() {
        check(&[
            (10, true, false),
            (11, false, false),
            (13, true, false),
            (14, true, false),
            (15, true, true),
        ]);
    }

    #[test]
    fn what_is_given_to_it_starts_the_time_again() {
        let mut drain = Drain::new();
        assert!(!drain.observe(10, true, 2));
        drain.restart();
        assert!(!drain.observe(12, true, 2));
        assert!(drain.observe(14, true, 2));
    }

    #[test]
    fn a_character_s_time_is_rounded_up() {
        for (baud, settle_ms) in [(115_200, 2), (10_001, 2), (9_600, 3), (1_200, 10)] {
            assert_eq!(Drain::settle_ms(baud), settle_ms, "at {baud} baud");
        }
    }
}
