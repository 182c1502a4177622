//! Sleeping without missing what one sleeps for.

use cortex_m::{asm, interrupt};

/// Sleeps until the next interrupt, unless `woken` already holds; the clock's come every millisecond.
///
/// Interrupts are held off between the question and the sleep, and a pending one ends the sleep
/// all the same (Armv7-M Architecture Reference Manual, on WFI and PRIMASK): what comes in between
/// is not slept through.
pub fn sleep_unless(woken: impl FnOnce() -> bool) {
    interrupt::free(|_| {
        if !woken() {
            asm::wfi();
        }
    });
}
