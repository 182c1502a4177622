//! Resetting the board.

use cortex_m::peripheral::SCB;

/// Resets core and peripherals (SYSRESETREQ). What is still on its way out of the UART is lost.
///
/// There is no switching off: this board's power is a plug.
pub fn reset() -> ! {
    SCB::sys_reset()
}
