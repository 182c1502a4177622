//! The watchdog: whoever stops feeding it is reset.
#![expect(
    unsafe_code,
    reason = "register addresses, and the handler that the core jumps to"
)]

use crate::clock::CLOCK_HZ;
use crate::register::Register;
use crate::reset;
use crate::retained::{self, Mark};
use cortex_m_rt::exception;

/// How long the watchdog waits to be fed, in milliseconds.
pub const PATIENCE_MS: u32 = 3_000;

/// The watchdog, running.
pub struct Watchdog(());

impl Watchdog {
    /// Starts it. Nothing stops it again but a reset.
    pub(crate) fn start() -> Self {
        unlocked(|| {
            LOAD.write(CLOCK_HZ / 1000 * PATIENCE_MS);
            CONTROL.write(INTERRUPT_ENABLE | RESET_ENABLE);
        });
        Self(())
    }

    /// Feeds it: it waits [`PATIENCE_MS`] from now. For the main loop, and nobody else: an interrupt
    /// that feeds it would keep a board up whose program hangs.
    pub fn feed(&mut self) {
        unlocked(|| INTERRUPT_CLEAR.write(1));
    }
}

/// The first expiry. What hangs will not come back, so it resets at once instead of leaving the
/// board dead for another period; the cookie tells the next boot why. Should not even this run,
/// the hardware resets at the second expiry, without a cookie.
#[exception]
unsafe fn NonMaskableInt() -> ! {
    retained::leave(Mark::Watchdog);
    reset::reset()
}

/// Writes registers that are locked otherwise, so that a program gone wild hardly hits them.
fn unlocked(write: impl FnOnce()) {
    LOCK.write(UNLOCK);
    write();
    LOCK.write(0);
}

// The "APB watchdog" of ARM DDI 0479.
const BASE: usize = 0x4000_8000;
// SAFETY: the watchdog's registers, for good; they touch no memory.
const LOAD: Register = unsafe { Register::at(BASE) };
// SAFETY: as above.
const CONTROL: Register = unsafe { Register::at(BASE + 0x8) };
// SAFETY: as above.
const INTERRUPT_CLEAR: Register = unsafe { Register::at(BASE + 0xC) };
// SAFETY: as above.
const LOCK: Register = unsafe { Register::at(BASE + 0xC00) };

/// Counts, and raises the interrupt when it has run down.
const INTERRUPT_ENABLE: u32 = 1 << 0;
/// Resets when it has run down again with the interrupt not cleared.
const RESET_ENABLE: u32 = 1 << 1;
const UNLOCK: u32 = 0x1ACC_E551;

const _: () = assert!(PATIENCE_MS <= u32::MAX / (CLOCK_HZ / 1000));
