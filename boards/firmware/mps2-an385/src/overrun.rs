//! Overruns for tests: the emulated UART has none, because it holds the far end back.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Loses input from here on: in front of one byte in `one_in`, by chance, up to 16 bytes; none if 0.
/// Unless `is_marked`, nobody is told: a fault that tests have to find.
pub fn lose(one_in: u32, is_marked: bool) {
    IS_MARKED.store(is_marked, Ordering::Relaxed);
    ONE_IN.store(one_in, Ordering::Relaxed);
}

/// Returns whether the byte that has just arrived is lost. Asked by the receive interrupt only.
pub(crate) fn strikes() -> bool {
    let one_in = ONE_IN.load(Ordering::Relaxed);
    if one_in == 0 {
        return false;
    }
    let mut left = LEFT.load(Ordering::Relaxed);
    if left == 0 && chance().is_multiple_of(one_in) {
        left = 1 + chance() % MOST_BYTES;
    }
    LEFT.store(left.saturating_sub(1), Ordering::Relaxed);
    left > 0
}

/// Returns the number of bytes behind a lost one that are marked.
pub(crate) fn mark() -> u8 {
    u8::from(IS_MARKED.load(Ordering::Relaxed))
}

/// The next number of a xorshift generator (Marsaglia, 2003).
fn chance() -> u32 {
    let mut number = CHANCE.load(Ordering::Relaxed);
    number ^= number << 13;
    number ^= number >> 17;
    number ^= number << 5;
    CHANCE.store(number, Ordering::Relaxed);
    number
}

const MOST_BYTES: u32 = 16;
static ONE_IN: AtomicU32 = AtomicU32::new(0);
static IS_MARKED: AtomicBool = AtomicBool::new(true);
/// The number of bytes still to be lost.
static LEFT: AtomicU32 = AtomicU32::new(0);
static CHANCE: AtomicU32 = AtomicU32::new(0x1234_5678);
