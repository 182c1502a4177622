//! One direction of the line: a queue, a shift register, a wire.

use crate::faults::Faults;
use std::collections::VecDeque;
use std::time::Duration;

/// What goes over a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Byte(u8),
    /// Longer without a stop bit than any byte.
    Break,
}

/// One direction. A byte takes the time of ten bits; what has not left is still here.
#[derive(Debug)]
pub(crate) struct Lane {
    byte_time: Duration,
    queue: VecDeque<Symbol>,
    /// What is in the shift register, and when its last bit is out.
    shifting: Option<(Symbol, Duration)>,
    /// No byte begins before this.
    held_until: Duration,
    /// No byte begins at all.
    blocked: bool,
    faults: Faults,
}

impl Lane {
    pub(crate) fn new(baud: u32, faults: Faults) -> Self {
        Self {
            byte_time: Duration::from_nanos(BITS_PER_BYTE * 1_000_000_000 / u64::from(baud)),
            queue: VecDeque::new(),
            shifting: None,
            held_until: Duration::ZERO,
            blocked: false,
            faults,
        }
    }

    /// How many bytes wait for the shift register.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether everything has left, the byte in the shift register too.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.shifting.is_none()
    }

    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Queues bytes, whether there is room or not.
    pub(crate) fn put(&mut self, now: Duration, bytes: &[u8]) {
        self.queue.extend(bytes.iter().copied().map(Symbol::Byte));
        self.begin(now);
    }

    /// Queues a BREAK.
    pub(crate) fn put_break(&mut self, now: Duration) {
        self.queue.push_back(Symbol::Break);
        self.begin(now);
    }

    /// The sender loses power: what has not left never will. Returns how much that is.
    pub(crate) fn clear(&mut self) -> usize {
        let lost = self.queue.len() + usize::from(self.shifting.is_some());
        self.queue.clear();
        self.shifting = None;
        lost
    }

    /// The far end takes nothing before `until`.
    pub(crate) fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// The far end takes nothing for now, or takes bytes again.
    pub(crate) fn block(&mut self, now: Duration, blocked: bool) {
        self.blocked = blocked;
        self.begin(now);
    }

    /// When the next byte is out.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.shifting.map(|(_, ends)| ends)
    }

    /// Lets the line run until `now`, and hands over what arrives.
    pub(crate) fn advance(&mut self, now: Duration, mut arrives: impl FnMut(Symbol)) {
        while let Some((symbol, ends)) = self.shifting.filter(|(_, ends)| *ends <= now) {
            self.shifting = None;
            match symbol {
                Symbol::Byte(byte) => {
                    let fate = self.faults.strike(byte);
                    let bytes = fate.bytes.into_iter().map(Symbol::Byte);
                    bytes.for_each(&mut arrives);
                    self.hold(ends + fate.stall);
                }
                Symbol::Break => arrives(symbol),
            }
            self.begin(ends);
        }
    }

    /// Moves the next byte into the shift register, if that is free and the far end takes it.
    fn begin(&mut self, at: Duration) {
        if self.shifting.is_none() && !self.blocked {
            let begins = at.max(self.held_until);
            let next = self.queue.pop_front();
            self.shifting = next.map(|symbol| (symbol, begins + self.byte_time));
        }
    }
}

/// Start bit, eight data bits, stop bit.
const BITS_PER_BYTE: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Rates;

    const MS: Duration = Duration::from_millis(1);

    fn lane() -> Lane {
        Lane::new(10_000, Faults::new(Rates::default(), 0))
    }

    /// How much has arrived at each of these times, in milliseconds.
    #[track_caller]
    fn check(lane: &mut Lane, times: &[(u32, &str)]) {
        let mut arrived = String::new();
        for (at, expected) in times {
            lane.advance(MS * *at, |symbol| match symbol {
                Symbol::Byte(byte) => arrived.push(byte.into()),
                Symbol::Break => arrived.push('!'),
            });
            assert_eq!(arrived, *expected, "at {at} ms");
        }
    }

    #[test]
    fn a_byte_takes_ten_bits() {
        let mut lane = lane();
        lane.put(MS * 5, b"abc");
        check(&mut lane, &[(5, ""), (6, "a"), (7, "ab"), (7, "ab")]);
        assert!(!lane.is_empty(), "one is in the shift register");
        check(&mut lane, &[(100, "c")]);
        assert!(lane.is_empty());
    }

    #[test]
    fn a_line_that_is_held_begins_no_byte() {
        let mut lane = lane();
        lane.put(MS, b"abc");
        lane.hold(MS * 50);
        check(&mut lane, &[(2, "a"), (50, "a"), (51, "ab")]);
        lane.block(MS * 51, true);
        check(&mut lane, &[(52, "c"), (90, "c")]);
        lane.put(MS * 90, b"d");
        check(&mut lane, &[(200, "")]);
        lane.block(MS * 200, false);
        check(&mut lane, &[(200, ""), (201, "d")]);
    }

    #[test]
    fn a_break_comes_behind_what_was_sent_before() {
        let mut lane = lane();
        lane.put(MS, b"a");
        lane.put_break(MS);
        lane.put(MS, b"b");
        check(&mut lane, &[(2, "a"), (3, "a!"), (4, "a!b")]);
    }

    #[test]
    fn what_has_not_left_is_lost_at_a_reset() {
        let mut lane = lane();
        lane.put(MS, b"abc");
        check(&mut lane, &[(2, "a")]);
        assert_eq!(lane.clear(), 2);
        check(&mut lane, &[(100, "")]);
        assert_eq!(lane.deadline(), None);
    }
}
