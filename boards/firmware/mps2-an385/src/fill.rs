//! Filling a line whose reader has stopped, for tests.

use crate::clock::now_ms;
use crate::uart::{TRANSMIT_BYTES, Uart};

/// Sends dots until the line has taken none for a while, and leaves the ring to the next reply: it
/// holds one dot at most. Gives up on a line that takes them all.
///
/// Feeds the watchdog by `feed`.
pub fn fill(uart: &mut Uart, mut feed: impl FnMut()) {
    let mut taken_at = now_ms();
    let mut dots = 0;
    while dots < MOST_DOTS && now_ms().saturating_sub(taken_at) < FULL_AFTER_MS {
        feed();
        // One at a time: the ring is to be empty but for the one that does not go through.
        if uart.room() == TRANSMIT_BYTES {
            uart.send(b".");
            dots += 1;
            taken_at = now_ms();
        }
    }
}

/// A line that has taken nothing for so long is full.
const FULL_AFTER_MS: u64 = 50;
const MOST_DOTS: u32 = 1 << 16;
