//! Milliseconds since the board booted.

use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;

/// The clock of core and peripherals, in hertz (`SYSCLK_FRQ` in QEMU's `hw/arm/mps2.c`).
pub const CLOCK_HZ: u32 = 25_000_000;

/// Starts the clock. Before that it stands.
pub(crate) fn start(mut timer: SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CLOCK_HZ / 1000 - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// Milliseconds since the board booted; never goes back, and does not wrap in 500 million years.
///
/// Not for handlers that can interrupt the clock's own, such as that of the watchdog.
#[must_use]
pub fn now_ms() -> u64 {
    // The core loads 32 bits at a time, and a tick may come between two loads. It carries into the
    // high half only once in 49 days, but then the halves would not belong together: read until
    // the high half is the same before and after.
    loop {
        let high = HIGH.load(Ordering::Acquire);
        let low = LOW.load(Ordering::Acquire);
        if HIGH.load(Ordering::Acquire) == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

// Two halves, because the core has no atomic of 64 bits. The handler alone stores them.
static LOW: AtomicU32 = AtomicU32::new(0);
static HIGH: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    let low = LOW.load(Ordering::Relaxed).wrapping_add(1);
    LOW.store(low, Ordering::Release);
    if low == 0 {
        let high = HIGH.load(Ordering::Relaxed).wrapping_add(1);
        HIGH.store(high, Ordering::Release);
    }
}
