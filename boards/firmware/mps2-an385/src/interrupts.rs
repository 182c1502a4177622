//! Where interrupts, faults and panics arrive.
#![expect(
    unsafe_code,
    reason = "the vector table, and the handler that the core jumps to"
)]

use crate::reset::reset;
use crate::retained::{self, Mark};
use crate::uart;
use cortex_m::interrupt::InterruptNumber;
use cortex_m_rt::exception;

/// The interrupts in use.
#[derive(Clone, Copy)]
pub(crate) enum Interrupt {
    /// A byte came on UART 0.
    Uart0Receive = 0,
    /// UART 0's transmit buffer has room again.
    Uart0Transmit = 1,
}

// SAFETY: the numbers are those of the board, and each interrupt has one.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// How many interrupts the board has.
const INTERRUPTS: usize = 32;

/// The part of the vector table that is the board's.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [extern "C" fn(); INTERRUPTS] = {
    let mut handlers: [extern "C" fn(); INTERRUPTS] = [unexpected; INTERRUPTS];
    handlers[Interrupt::Uart0Receive as usize] = uart::receive_interrupt;
    handlers[Interrupt::Uart0Transmit as usize] = uart::transmit_interrupt;
    handlers
};

extern "C" fn unexpected() {
    fail()
}

#[exception]
unsafe fn DefaultHandler(_interrupt: i16) -> ! {
    fail()
}

#[exception(trampoline = false)]
unsafe fn HardFault() -> ! {
    fail()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    fail()
}

/// A board that cannot go on starts again, and says so.
fn fail() -> ! {
    retained::leave(Mark::Fault);
    reset()
}
