//! What a panic comes to, written so that it can be found in what is linked.

use crate::registers::show_fault;
use core::panic::PanicInfo;

/// Shows the fault and stays here. It does something that nothing else does, so that the compiler
/// cannot replace it with another endless loop: where no panic can happen, it is not linked.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        show_fault();
    }
}
