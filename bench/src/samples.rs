//! Measured spans, and what to say of them.

use std::time::Duration;

/// Spans of time, in the order they were measured.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    nanos: Vec<u64>,
}

impl Samples {
    /// Notes one.
    pub fn push(&mut self, span: Duration) {
        self.nanos
            .push(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Takes over what another has noted.
    pub fn append(&mut self, other: &mut Self) {
        self.nanos.append(&mut other.nanos);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nanos.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nanos.is_empty()
    }

    /// The span that this many hundredths of all do not exceed, in nanoseconds: the nearest
    /// rank. Not a number if there are none.
    #[must_use]
    pub fn percentile(&self, hundredths: usize) -> f64 {
        let mut sorted = self.nanos.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * hundredths).div_ceil(100);
        match sorted.get(rank.saturating_sub(1)) {
            Some(nanos) => Duration::from_nanos(*nanos).as_secs_f64() * 1e9,
            None => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: u64, hundredths: usize, expected: f64) {
        let mut samples = Samples::default();
        for nanos in (1..=count).rev() {
            samples.push(Duration::from_nanos(nanos));
        }
        let found = samples.percentile(hundredths);
        assert!(
            (found - expected).abs() < 0.1,
            "{count} {hundredths}: {found}"
        );
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        check(1, 50, 1.0);
        check(4, 50, 2.0);
        check(5, 50, 3.0);
        check(100, 99, 99.0);
        check(101, 99, 100.0);
        check(100, 100, 100.0);
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert!(Samples::default().percentile(50).is_nan());
    }
}
