//! The line: the UART, and whether all of it has left.

use core::convert::Infallible;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use lastword_responder::io::Drain;
use size_board::{Uart, uptime_ms};

/// A UART that can tell when its last byte has left.
pub struct Line {
    uart: Uart,
    /// Since when the transmit buffer has been seen empty, in milliseconds.
    empty_since: Option<u32>,
}

/// The buffer's last byte takes the shift register less than this, even at 1200 baud; the clock
/// goes by tens.
const LAST_BYTE_MS: u32 = 20;

impl Line {
    /// The line, ready.
    #[must_use]
    pub fn new() -> Self {
        let uart = Uart::new();
        let empty_since = None;
        Self { uart, empty_since }
    }

    fn has_left(&mut self) -> bool {
        if self.uart.is_full() {
            self.empty_since = None;
            return false;
        }
        let now = uptime_ms();
        let since = *self.empty_since.get_or_insert(now);
        now.wrapping_sub(since) >= LAST_BYTE_MS
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        self.uart.read(buffer)
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        self.uart.read_ready()
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.empty_since = None;
        self.uart.write(bytes)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while !self.has_left() {}
        Ok(())
    }
}

impl WriteReady for Line {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        self.uart.write_ready()
    }
}

impl Drain for Line {
    fn is_drained(&mut self) -> Result<bool, Infallible> {
        Ok(self.has_left())
    }
}
