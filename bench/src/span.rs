//! How long something short takes.

use crate::clock;
use crate::figure::{Bar, Figure, Unit};
use crate::samples::Samples;
use std::time::Duration;

/// How long one call takes, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// In the middle round.
    pub median: f64,
    /// In the shortest round: what the machine can do if nobody disturbs it.
    pub least: f64,
}

/// How many rounds there are, and how long each is at least.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    count: usize,
    each: Duration,
}

impl Rounds {
    /// The rounds of a run.
    #[must_use]
    pub const fn new(quick: bool) -> Self {
        Self {
            count: if quick { 51 } else { 501 },
            each: Duration::from_millis(1),
        }
    }

    /// Measures how long `call` takes; it has to hide from the compiler what it takes and gives.
    pub fn measure(self, mut call: impl FnMut()) -> Span {
        let mut batch = 1_u32;
        while round(batch, &mut call) < self.each {
            batch *= 2;
        }
        let mut rounds = Samples::default();
        for _ in 0..self.count {
            rounds.push(round(batch, &mut call));
        }
        let one = |round: f64| round / f64::from(batch);
        Span {
            median: one(rounds.percentile(50)),
            least: one(rounds.percentile(0)),
        }
    }
}

impl Span {
    /// The median, which has to meet the bar if there is one, and the shortest beside it.
    #[must_use]
    pub fn figures(self, name: &str, bar: Option<Bar>, measured: &'static str) -> [Figure; 2] {
        let mut median = Figure::new(name, self.median, Unit::Nanos, measured);
        median.bar = bar;
        let least = format!("{name}, shortest round");
        let of_same = "the same rounds";
        [median, Figure::new(least, self.least, Unit::Nanos, of_same)]
    }

    /// As [`Span::figures`], for something that goes through so many bytes.
    #[must_use]
    pub fn rates(
        self,
        name: &str,
        bytes: u32,
        bar: Option<Bar>,
        measured: &'static str,
    ) -> [Figure; 2] {
        let unit = Unit::GigabytesPerSecond;
        // Bytes a nanosecond are 10⁹ bytes a second.
        let rate = |span: f64| f64::from(bytes) / span;
        let mut median = Figure::new(name, rate(self.median), unit, measured);
        median.bar = bar;
        let least = format!("{name}, shortest round");
        let of_same = "the same rounds";
        [median, Figure::new(least, rate(self.least), unit, of_same)]
    }
}

fn round(batch: u32, call: &mut impl FnMut()) -> Duration {
    let begin = clock::now();
    for _ in 0..batch {
        call();
    }
    begin.elapsed()
}
