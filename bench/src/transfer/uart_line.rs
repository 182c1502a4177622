//! One direction of a simulated UART: it takes its time, and damages bytes.

use std::collections::VecDeque;

/// Bits a second.
pub(super) const BIT_RATE: u64 = 921_600;
/// Bits of a byte on the line: a start bit, eight of data, a stop bit.
pub(super) const BYTE_BITS: u64 = 10;
/// Bytes in a million of which a bit is flipped.
pub(super) const ERRORS_PER_MILLION: u64 = 100;
/// The time from the last bit of a frame to its receiver's answer to it: drivers, and the way.
const PROPAGATION: SimulatedNanos = SimulatedNanos(1_000_000);

/// A point in simulated time, in nanoseconds from its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SimulatedNanos(pub(super) u64);

impl SimulatedNanos {
    /// The time that so many bytes take on the line.
    pub(super) const fn of_bytes(bytes: u64) -> Self {
        Self(bytes * BYTE_BITS * 1_000_000_000 / BIT_RATE)
    }

    const fn after(self, span: Self) -> Self {
        Self(self.0 + span.0)
    }
}

/// A direction, with at most one frame waiting behind the one under way.
pub(super) struct UartLine {
    random: u64,
    /// The time at which the frame under way begins, and that at which the last one that waits ends.
    begun: SimulatedNanos,
    free: SimulatedNanos,
    under_way: VecDeque<(SimulatedNanos, Vec<u8>)>,
}

impl UartLine {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            random: seed | 1,
            begun: SimulatedNanos(0),
            free: SimulatedNanos(0),
            under_way: VecDeque::new(),
        }
    }

    /// Returns whether it takes another frame: the last one that it has is under way, or out.
    pub(super) fn has_room(&self, now: SimulatedNanos) -> bool {
        self.begun <= now
    }

    /// Sends a frame, some bytes of which may be damaged.
    pub(super) fn send(&mut self, now: SimulatedNanos, frame: &[u8]) {
        self.begun = self.free.max(now);
        self.free = self
            .begun
            .after(SimulatedNanos::of_bytes(frame.len() as u64));
        let damaged = frame.iter().map(|byte| self.damage(*byte)).collect();
        self.under_way
            .push_back((self.free.after(PROPAGATION), damaged));
    }

    /// Returns the frame that has arrived, if one has.
    pub(super) fn arrival(&mut self, now: SimulatedNanos) -> Option<Vec<u8>> {
        let (at, _) = self.under_way.front()?;
        if now < *at {
            return None;
        }
        self.under_way.pop_front().map(|(_, frame)| frame)
    }

    /// Returns the times at which it has room again and at which a frame arrives.
    pub(super) fn next_events(&self) -> [Option<SimulatedNanos>; 2] {
        let arrival = self.under_way.front().map(|(at, _)| *at);
        [Some(self.begun), arrival]
    }

    fn damage(&mut self, byte: u8) -> u8 {
        if self.random_below(1_000_000) < ERRORS_PER_MILLION {
            return byte ^ 1 << self.random_below(8);
        }
        byte
    }

    /// Xorshift (Marsaglia, 2003).
    fn random_below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_takes_ten_bits_and_one_frame_waits() {
        let mut line = UartLine::new(1);
        line.send(SimulatedNanos(0), &[0x55; 92]);
        assert!(line.has_room(SimulatedNanos(0)));
        line.send(SimulatedNanos(0), &[0x55; 92]);
        // 920 bits at 921,600 a second.
        assert!(!line.has_room(SimulatedNanos(998_262)));
        assert!(line.has_room(SimulatedNanos(998_263)));
        assert!(line.arrival(SimulatedNanos(1_998_262)).is_none());
        assert!(line.arrival(SimulatedNanos(1_998_263)).is_some());
    }

    #[test]
    fn one_byte_in_ten_thousand_is_damaged() {
        let mut line = UartLine::new(7);
        let count = 10_000_000;
        let damaged = (0..count).filter(|_| line.damage(0x55) != 0x55).count();
        // A thousand, give or take three times its root.
        assert!((900..1_100).contains(&damaged), "{damaged}");
    }
}
