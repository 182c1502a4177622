//! One direction of a line: a transmit queue, a shift register, a wire, a receive buffer.

use crate::faults::{Faults, Rates, Symbol};
use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// The transmit queue and the receive buffer of a tty hold so many bytes.
pub const TTY_BYTES: usize = 4096;
/// Start bit, eight data bits, stop bit.
const BITS_PER_BYTE: u64 = 10;

#[derive(Debug)]
pub(super) struct Lane {
    byte_time: Duration,
    /// Whether the receiving tty marks breaks and framing errors (termios(3), `PARMRK`).
    marks: bool,
    queue: VecDeque<Symbol>,
    /// What is in the shift register, and when its last bit is out.
    shifting: Option<(Symbol, Instant)>,
    stalled: bool,
    faults: Faults,
    received: VecDeque<u8>,
    /// How many bytes the driver counts as lost, wrapping.
    losses: u32,
    /// Nobody is told of losses and damage: a fault that has to be found.
    ignores_marks: bool,
    /// Everything that ever arrived, each byte with the time of its last bit.
    history: Vec<(Instant, u8)>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Lane {
    pub(super) fn new(baud: u32, marks: bool) -> Self {
        Self {
            byte_time: Duration::from_nanos(BITS_PER_BYTE * 1_000_000_000 / u64::from(baud)),
            marks,
            queue: VecDeque::new(),
            shifting: None,
            stalled: false,
            faults: Faults::new(Rates::default(), 0),
            received: VecDeque::new(),
            losses: 0,
            ignores_marks: false,
            history: Vec::new(),
            reader: None,
            writer: None,
        }
    }

    pub(super) fn byte_time(&self, bytes: usize) -> Duration {
        self.byte_time * u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// How many bytes the queue holds; the shift register is not counted.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether the shift register is empty too.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.shifting.is_none()
    }

    pub(super) fn history(&self) -> &[(Instant, u8)] {
        &self.history
    }

    pub(super) fn stall(&mut self, now: Instant, stalled: bool) {
        self.advance(now);
        self.stalled = stalled;
        self.begin(now);
    }

    pub(super) fn set_faults(&mut self, now: Instant, rates: Rates, seed: u64) {
        self.advance(now);
        self.faults = Faults::new(rates, seed);
    }

    /// How many bytes were struck.
    pub(super) const fn struck(&self) -> u64 {
        self.faults.struck()
    }

    /// Takes as many bytes as the queue has room for.
    pub(super) fn write(&mut self, now: Instant, bytes: &[u8]) -> usize {
        self.advance(now);
        let count = bytes.len().min(TTY_BYTES - self.queue.len().min(TTY_BYTES));
        self.put(now, bytes[..count].iter().copied().map(Symbol::Byte));
        count
    }

    /// Puts something into the queue, whether there is room or not.
    pub(super) fn put(&mut self, now: Instant, symbols: impl IntoIterator<Item = Symbol>) {
        self.advance(now);
        self.queue.extend(symbols);
        self.begin(now);
    }

    /// Hands out what was received.
    pub(super) fn read(&mut self, now: Instant, most: usize) -> Vec<u8> {
        self.advance(now);
        let count = self.received.len().min(most);
        self.received.drain(..count).collect()
    }

    /// How many bytes the driver counts as lost, and whether nothing waits to be read.
    pub(super) fn losses(&mut self, now: Instant) -> (u32, bool) {
        self.advance(now);
        (self.losses, self.received.is_empty())
    }

    /// Tells of no loss and no damage from here on.
    pub(super) const fn ignore_marks(&mut self) {
        self.ignores_marks = true;
    }

    /// The sender loses power: what has not left never will.
    pub(super) fn lose_unsent(&mut self, now: Instant) {
        self.advance(now);
        self.queue.clear();
        self.shifting = None;
    }

    /// The receiver loses power, or opens its port anew.
    pub(super) fn lose_unread(&mut self, now: Instant) {
        self.advance(now);
        self.received.clear();
    }

    /// Lets the line run until `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some((symbol, ends)) = self.shifting.filter(|(_, ends)| *ends <= now) {
            self.shifting = None;
            for symbol in self.faults.strike(symbol) {
                self.arrive(symbol, ends);
            }
            self.begin(ends);
            wake(&mut self.writer);
        }
    }

    /// When the next bit of interest is out.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.shifting.map(|(_, ends)| ends)
    }

    /// Moves the next symbol into the shift register, if that is free and the peer takes it.
    fn begin(&mut self, at: Instant) {
        if self.shifting.is_none() && !self.stalled {
            let next = self.queue.pop_front();
            self.shifting = next.map(|symbol| (symbol, at + self.byte_time));
        }
    }

    fn arrive(&mut self, symbol: Symbol, at: Instant) {
        let bytes: Vec<u8> = symbol.received(self.marks).collect();
        // As on a real line, nothing holds the sender back when nobody reads.
        let has_room = self.received.len() + bytes.len() <= TTY_BYTES;
        let is_damaged = matches!(symbol, Symbol::Damaged(_));
        if has_room && !(is_damaged && self.ignores_marks) {
            self.received.extend(&bytes);
        }
        if (!has_room || symbol == Symbol::Overrun) && !self.ignores_marks {
            self.losses = self.losses.wrapping_add(1);
        }
        self.history
            .extend(bytes.into_iter().map(|byte| (at, byte)));
        wake(&mut self.reader);
    }
}

pub(super) fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
