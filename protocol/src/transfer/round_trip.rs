//! The time after which a piece without an answer is sent again, as RFC 6298 computes it.

use crate::units::Millis;

/// The timeout before anything was measured (RFC 6298, 2.1).
const INITIAL_MS: u32 = 1_000;
/// The longest timeout. RFC 6298, 2.5, allows a bound of 60 s or more, for connections that wait for
/// minutes; a transfer that has no progress ends after ten seconds, and has to have tried by then.
const MOST_MS: u32 = 2_000;
/// The longest single measurement that counts: a machine that was asleep is no slow line.
const SAMPLE_MOST_MS: u32 = 60_000;
/// The granularity of the clock (G in RFC 6298, 2.2).
const CLOCK_MS: u32 = 1;
/// The most doublings: with more the timeout is at its longest anyway.
const DOUBLINGS_MOST: u32 = 11;

/// The smoothed round-trip time and its variation (RFC 6298, 2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrip {
    /// SRTT in eighths of a millisecond; 0: nothing measured.
    smoothed_eighths: u32,
    /// RTTVAR in quarters of a millisecond.
    variation_quarters: u32,
    doublings: u32,
}

impl RoundTrip {
    /// Takes a measurement; never of a piece that was sent twice (RFC 6298, 3: Karn's algorithm).
    pub(super) fn measure(&mut self, sample: Millis) {
        let sample = u32::try_from(sample.0).unwrap_or(u32::MAX);
        let sample = sample.clamp(CLOCK_MS, SAMPLE_MOST_MS);
        if self.smoothed_eighths == 0 {
            self.smoothed_eighths = sample * 8;
            self.variation_quarters = sample * 2;
            return;
        }
        let difference = (self.smoothed_eighths / 8).abs_diff(sample);
        self.variation_quarters -= self.variation_quarters / 4;
        self.variation_quarters += difference;
        self.smoothed_eighths -= self.smoothed_eighths / 8;
        self.smoothed_eighths += sample;
    }

    /// Ends the doubling: something has arrived.
    pub(super) const fn answered(&mut self) {
        self.doublings = 0;
    }

    /// Doubles the timeout (RFC 6298, 5.5).
    pub(super) fn back_off(&mut self) {
        self.doublings = DOUBLINGS_MOST.min(self.doublings + 1);
    }

    /// Returns the smoothed round trip; `None` if nothing was measured.
    pub(super) const fn smoothed(&self) -> Option<Millis> {
        match self.smoothed_eighths {
            0 => None,
            eighths => Some(Millis(eighths.div_ceil(8) as u64)),
        }
    }

    /// Returns the timeout, of which `delay` is the longest time that the other end keeps an answer
    /// back (as `max_ack_delay` in RFC 9002, 6.2.1).
    pub(super) fn timeout(&self, delay: Millis) -> Millis {
        let base = match self.smoothed_eighths {
            0 => INITIAL_MS,
            eighths => {
                let delay = u32::try_from(delay.0).unwrap_or(MOST_MS);
                eighths.div_ceil(8) + self.variation_quarters.max(CLOCK_MS) + delay
            }
        };
        let doubled = u64::from(base) << self.doublings;
        // A line whose round trip is longer than the bound gets its round trip.
        Millis(doubled.min(MOST_MS.max(base).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Millis = Millis(50);

    /// After these samples and so many timeouts.
    #[track_caller]
    fn check(samples: &[u64], timeouts: u32, expected: u64) {
        let mut trip = RoundTrip::default();
        for sample in samples {
            trip.measure(Millis(*sample));
        }
        for _ in 0..timeouts {
            trip.back_off();
        }
        assert_eq!(trip.timeout(DELAY), Millis(expected), "{samples:?}");
    }

    #[test]
    fn the_timeout_is_the_smoothed_round_trip_with_four_times_its_variation() {
        // RFC 6298, 2.2: R + max(G, 4 * R/2).
        check(&[8], 0, 8 + 16 + 50);
        // RFC 6298, 2.3: RTTVAR 3/4 * 4 + 1/4 * 8 = 5, SRTT 7/8 * 8 + 1/8 * 16 = 9.
        check(&[8, 16], 0, 9 + 20 + 50);
        check(&[0], 0, 1 + 2 + 50);
        check(&[8; 60], 0, 8 + 3 + 50);
    }

    #[test]
    fn each_timeout_doubles_the_next_up_to_the_bound() {
        check(&[], 0, 1_000);
        check(&[], 1, 2_000);
        check(&[], 9, 2_000);
        check(&[8], 1, 148);
        check(&[8], u32::from(u16::MAX), 2_000);
    }

    #[test]
    fn a_line_slower_than_the_bound_is_given_its_round_trip() {
        check(&[3_000; 60], 3, 3_053);
        check(&[u64::MAX], 0, 180_050);
    }
}
