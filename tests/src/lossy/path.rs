//! One direction of a lossy link, without a clock.

use super::{Mishaps, Struck};
use crate::dice::Dice;
use crate::faults::{Faults, Symbol};
use lastword_protocol::{Instant, Millis};
use std::collections::BTreeMap;

/// One direction. What is sent comes out after the latency, in order but for mishaps.
#[derive(Debug)]
pub(crate) struct Path {
    mishaps: Mishaps,
    latency: Millis,
    faults: Faults,
    dice: Dice,
    /// What is under way, by time of arrival, and by departure where that is the same.
    under_way: BTreeMap<(Instant, u64), Vec<Symbol>>,
    departures: u64,
    struck: Struck,
}

impl Path {
    pub(crate) fn new(mishaps: Mishaps, latency: Millis, seed: u64) -> Self {
        Self {
            mishaps,
            latency,
            faults: Faults::new(mishaps.bytes, !seed),
            dice: Dice::new(seed),
            under_way: BTreeMap::new(),
            departures: 0,
            struck: Struck::default(),
        }
    }

    pub(crate) const fn struck(&self) -> Struck {
        let bytes = self.faults.struck();
        Struck {
            bytes,
            ..self.struck
        }
    }

    /// Takes one write.
    pub(crate) fn send(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.struck.writes += 1;
        let Mishaps {
            lost,
            again,
            late,
            stalled,
            ..
        } = self.mishaps;
        let soon = now.after(self.latency);
        if self.befalls(again, |struck| &mut struck.again) {
            let at = self.later(soon, LATE_MS);
            self.carry(at, bytes);
        }
        if self.befalls(lost, |struck| &mut struck.lost) {
        } else if self.befalls(late, |struck| &mut struck.late) {
            let at = self.later(soon, LATE_MS);
            self.carry(at, bytes);
        } else if self.befalls(stalled, |struck| &mut struck.stalled) {
            let place = usize::try_from(self.dice.below(bytes.len() as u64)).unwrap_or(0);
            let (head, tail) = bytes.split_at(place);
            self.carry(soon, head);
            let at = self.later(soon, STALL_MS);
            self.carry(at, tail);
        } else {
            self.carry(soon, bytes);
        }
    }

    /// The next arrival that is due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Vec<Symbol>> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next arrival is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// The connection is gone, and with it whatever is under way.
    pub(crate) fn clear(&mut self) {
        self.under_way.clear();
    }

    fn befalls(&mut self, times: u32, count: impl Fn(&mut Struck) -> &mut u64) -> bool {
        let befalls = self.dice.happens(times);
        *count(&mut self.struck) += u64::from(befalls);
        befalls
    }

    fn later(&mut self, soon: Instant, most_ms: u64) -> Instant {
        soon.after(Millis(1 + self.dice.below(most_ms)))
    }

    fn carry(&mut self, at: Instant, bytes: &[u8]) {
        self.departures += 1;
        let sent = bytes.iter().copied().map(Symbol::Byte);
        let arrives = sent.flat_map(|it| self.faults.strike(it)).collect();
        self.under_way.insert((at, self.departures), arrives);
    }
}

/// How late a write or its copy arrives at most: past several timeouts of a second.
const LATE_MS: u64 = 4_000;
/// How long a write stalls at most: on both sides of the silences that end a candidate.
const STALL_MS: u64 = 1_500;
