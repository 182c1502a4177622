//! The board's UART: rings of fixed size on a line of a certain speed, which drop at a reset what
//! they hold.

use crate::faults::{Faults, Rates};
use crate::lane::{Lane, Symbol};
use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use lastword_responder::io::{Drain, LineEvent};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// What the transmitter takes ahead of the line, in bytes.
pub(crate) const TRANSMIT_BYTES: u16 = 64;
/// What the receiver holds until the board reads it, in bytes.
pub(crate) const RECEIVE_BYTES: usize = 64;
/// What may be on its way from the far end; the rest waits there.
const WIRE_BYTES: usize = 256;

/// The UART, and the line on both sides of it.
#[derive(Debug)]
pub(crate) struct Uart {
    now: Duration,
    to_host: Lane,
    from_host: Lane,
    received: VecDeque<ReceivedInput>,
    /// Nobody is told of what is lost: a fault for tests to find.
    ignores_marks: bool,
    /// Whether the board is up: the receiver is off while it resets.
    up: bool,
    /// What has left, and was not handed over yet.
    left: Vec<u8>,
}

/// Input that waits for the board to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReceivedInput {
    Byte(u8),
    Event(LineEvent),
}

/// The board would have to wait, which it never has to where it asks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WouldWait;

impl fmt::Display for WouldWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the board would have to wait for its UART")
    }
}

impl core::error::Error for WouldWait {}

impl Error for WouldWait {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl Uart {
    pub(crate) fn new(baud: u32, rates: Rates, seed: u64) -> Self {
        Self {
            now: Duration::ZERO,
            to_host: Lane::new(baud, Faults::new(rates, seed)),
            from_host: Lane::new(baud, Faults::new(rates, !seed)),
            received: VecDeque::new(),
            ignores_marks: false,
            up: false,
            left: Vec::new(),
        }
    }

    /// Lets the line run until `now`.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.now = now;
        self.to_host.advance(now, |symbol| {
            if let Symbol::Byte(byte) = symbol {
                self.left.push(byte);
            }
        });
        self.from_host.advance(now, |symbol| match symbol {
            _ if !self.up => {}
            Symbol::Byte(byte) => receive(&mut self.received, byte),
            Symbol::Break => note(&mut self.received, LineEvent::Break),
        });
    }

    /// Tells of no losses from here on.
    pub(crate) const fn ignore_marks(&mut self) {
        self.ignores_marks = true;
    }

    /// When something next happens on the line.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let lanes = [&self.to_host, &self.from_host];
        lanes.into_iter().filter_map(Lane::deadline).min()
    }

    /// The board comes up: the receiver listens.
    pub(crate) fn start(&mut self) {
        self.up = true;
    }

    /// The board goes down: what is in its rings and registers is gone. Returns how many bytes it
    /// had still to send.
    pub(crate) fn reset(&mut self) -> usize {
        self.up = false;
        self.received.clear();
        self.to_host.clear()
    }

    /// Whether the transmitter has nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.to_host.is_empty()
    }

    /// Sends what fits the transmitter, without asking.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.to_host.put(self.now, bytes);
    }

    /// How many bytes the far end may put on the wire now.
    pub(crate) fn room(&self) -> usize {
        WIRE_BYTES.saturating_sub(self.from_host.queued())
    }

    /// The far end sends.
    pub(crate) fn arrive(&mut self, bytes: &[u8]) {
        self.from_host.put(self.now, bytes);
    }

    /// The far end sends a BREAK behind what it has sent.
    pub(crate) fn arrive_break(&mut self) {
        self.from_host.put_break(self.now);
    }

    /// What has left; whoever hands it over takes it off.
    pub(crate) const fn left(&mut self) -> &mut Vec<u8> {
        &mut self.left
    }

    /// The far end takes nothing for now, or takes bytes again.
    pub(crate) fn block(&mut self, blocked: bool) {
        self.to_host.block(self.now, blocked);
    }

    /// The far end takes nothing for so long.
    pub(crate) fn hold(&mut self, span: Duration) {
        self.to_host.hold(self.now + span);
    }

    /// How many bytes the faults have struck, to the host and from it.
    pub(crate) const fn struck(&self) -> (u64, u64) {
        let lanes = (&self.to_host, &self.from_host);
        (lanes.0.faults().struck(), lanes.1.faults().struck())
    }
}

impl ErrorType for Uart {
    type Error = WouldWait;
}

impl Read for Uart {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, WouldWait> {
        let Some(place) = room.first_mut() else {
            return Ok(0);
        };
        let Some(&ReceivedInput::Byte(byte)) = self.received.front() else {
            return Err(WouldWait);
        };
        self.received.pop_front();
        *place = byte;
        Ok(1)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, WouldWait> {
        Ok(matches!(
            self.received.front(),
            Some(ReceivedInput::Byte(_))
        ))
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, WouldWait> {
        let room = usize::from(TRANSMIT_BYTES).saturating_sub(self.to_host.queued());
        if room == 0 && !bytes.is_empty() {
            return Err(WouldWait);
        }
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.to_host.put(self.now, taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> Result<(), WouldWait> {
        self.to_host.is_empty().then_some(()).ok_or(WouldWait)
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, WouldWait> {
        Ok(self.to_host.queued() < usize::from(TRANSMIT_BYTES))
    }
}

impl Drain for Uart {
    fn is_drained(&mut self) -> Result<bool, WouldWait> {
        Ok(self.to_host.is_empty())
    }

    fn take_line_event(&mut self) -> Option<LineEvent> {
        let &ReceivedInput::Event(event) = self.received.front()? else {
            return None;
        };
        self.received.pop_front();
        (event != LineEvent::InputLost || !self.ignores_marks).then_some(event)
    }
}

/// Puts a byte into the ring, or marks where it is missing.
fn receive(ring: &mut VecDeque<ReceivedInput>, byte: u8) {
    let is_byte = |received: &&ReceivedInput| matches!(received, ReceivedInput::Byte(_));
    if ring.iter().filter(is_byte).count() < RECEIVE_BYTES {
        ring.push_back(ReceivedInput::Byte(byte));
    } else {
        note(ring, LineEvent::InputLost);
    }
}

/// Puts an event behind the byte that was received last. At most two have their place there: a BREAK
/// ends the line in which bytes are missing, and what is missing behind it is another's.
fn note(ring: &mut VecDeque<ReceivedInput>, event: LineEvent) {
    if event == LineEvent::Break {
        while let Some(ReceivedInput::Event(_)) = ring.back() {
            ring.pop_back();
        }
    }
    if ring.back() != Some(&ReceivedInput::Event(event)) {
        ring.push_back(ReceivedInput::Event(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uart() -> Uart {
        let mut uart = Uart::new(10_000, Rates::default(), 0);
        uart.start();
        uart
    }

    #[test]
    fn the_transmitter_takes_what_fits_and_is_drained_when_the_last_bit_is_out() {
        let mut uart = uart();
        assert_eq!(uart.write(&[7; 100]), Ok(64));
        // One of them is in the shift register.
        assert_eq!(uart.write(&[7; 100]), Ok(1));
        assert_eq!(uart.write(&[7; 100]), Err(WouldWait));
        assert_eq!(uart.write_ready(), Ok(false));
        uart.advance(Duration::from_millis(64));
        assert_eq!(uart.is_drained(), Ok(false));
        uart.advance(Duration::from_millis(65));
        assert_eq!(uart.is_drained(), Ok(true));
        assert_eq!(uart.left().len(), 65);
    }

    /// Returns the board's input: bytes, `~` for a loss and `!` for a BREAK.
    fn read_all(uart: &mut Uart) -> String {
        let mut read = String::new();
        loop {
            let mut byte = [0];
            match uart.take_line_event() {
                Some(LineEvent::InputLost) => read.push('~'),
                Some(LineEvent::Break) => read.push('!'),
                None if uart.read(&mut byte).is_ok() => read.push(byte[0].into()),
                None => return read,
            }
        }
    }

    #[test]
    fn what_the_receiver_has_no_room_for_is_marked_at_its_place() {
        let mut uart = uart();
        let full = "a".repeat(RECEIVE_BYTES);
        uart.arrive(full.as_bytes());
        uart.advance(Duration::from_secs(1));
        uart.arrive(b"lost");
        uart.advance(Duration::from_secs(2));
        for _ in 0..10 {
            assert_eq!(uart.take_line_event(), None, "bytes come first");
            uart.read(&mut [0]).unwrap();
        }
        uart.arrive(b"b");
        uart.advance(Duration::from_secs(3));
        let expected = format!("{}~b", "a".repeat(RECEIVE_BYTES - 10));
        assert_eq!(read_all(&mut uart), expected);
        assert_eq!(read_all(&mut uart), "", "told once");
    }

    #[test]
    fn events_keep_their_places_and_do_not_pile_up() {
        let mut uart = uart();
        uart.arrive(b"a");
        uart.arrive_break();
        uart.arrive(b"b");
        uart.advance(Duration::from_secs(1));
        assert_eq!(read_all(&mut uart), "a!b");
        let full = "a".repeat(RECEIVE_BYTES);
        uart.arrive(full.as_bytes());
        for _ in 0..10 {
            uart.arrive(b"lost");
            uart.arrive_break();
            uart.arrive(b"lost");
        }
        uart.advance(Duration::from_secs(2));
        assert_eq!(read_all(&mut uart), full + "!~");
    }

    #[test]
    fn a_reset_drops_what_is_queued_and_not_what_has_left() {
        let mut uart = uart();
        uart.write(b"abc").unwrap();
        uart.advance(Duration::from_millis(2));
        assert_eq!(uart.reset(), 1);
        uart.arrive(b"lost");
        uart.advance(Duration::from_millis(100));
        assert_eq!(uart.left(), b"ab");
        assert_eq!(uart.read_ready(), Ok(false));
    }
}
