//! A line that loses, damages, repeats and delays frames, as a seed has it.

use lastword_protocol::{Instant, Millis};
use std::collections::BTreeMap;

/// The time that an undisturbed frame takes.
const LATENCY: Millis = Millis(3);
/// The most by which a frame is late.
const LATE_MOST_MS: u64 = 40;

/// The numbers of frames in a thousand that this befalls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineRates {
    pub(super) lost: u32,
    pub(super) damaged: u32,
    pub(super) twice: u32,
    pub(super) late: u32,
}

/// A direction of the line.
pub(super) struct BadLine {
    rates: LineRates,
    random: u64,
    /// By time of arrival, and by departure where that is the same.
    under_way: BTreeMap<(Instant, u64), Vec<u8>>,
    departures: u64,
}

impl BadLine {
    pub(super) fn new(rates: LineRates, seed: u64) -> Self {
        Self {
            rates,
            random: seed | 1,
            under_way: BTreeMap::new(),
            departures: 0,
        }
    }

    /// Sends a frame; `false` if it will not arrive, or not as it is.
    pub(super) fn send(&mut self, now: Instant, mut frame: Vec<u8>) -> bool {
        let soon = now.after(LATENCY);
        if self.befalls(self.rates.lost) {
            return false;
        }
        if self.befalls(self.rates.twice) {
            let late = self.late(soon);
            self.put(late, frame.clone());
        }
        let is_damaged = self.befalls(self.rates.damaged);
        if is_damaged {
            let at = usize::try_from(self.below(frame.len() as u64)).expect("a place");
            frame[at] ^= 1 << self.below(8);
        }
        let at = if self.befalls(self.rates.late) {
            self.late(soon)
        } else {
            soon
        };
        self.put(at, frame);
        !is_damaged
    }

    /// The time of the next arrival.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next frame that has arrived by `now`.
    pub(super) fn arrival(&mut self, now: Instant) -> Option<Vec<u8>> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn put(&mut self, at: Instant, frame: Vec<u8>) {
        self.departures += 1;
        self.under_way.insert((at, self.departures), frame);
    }

    fn late(&mut self, soon: Instant) -> Instant {
        soon.after(Millis(1 + self.below(LATE_MOST_MS)))
    }

    fn befalls(&mut self, rate: u32) -> bool {
        self.below(1_000) < rate.into()
    }

    /// Xorshift (Marsaglia, 2003).
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }
}
