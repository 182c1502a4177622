//! What tells one board, and one power-on, from another.
#![expect(
    unsafe_code,
    reason = "register addresses, and memory that belongs to nobody"
)]

use crate::register::Register;
use core::ptr;

/// What names the board: the numbers of its FPGA image and of the application note. It has no serial
/// number, so every board with this image says the same; on QEMU they are constants.
#[must_use]
pub fn image() -> [u8; 8] {
    let [id, application] = [IMAGE_ID.read(), APPLICATION_ID.read()].map(u32::to_le_bytes);
    let mut image = [0; 8];
    let bytes = id.into_iter().chain(application);
    for (place, byte) in image.iter_mut().zip(bytes) {
        *place = byte;
    }
    image
}

/// A number that differs from one power-on to the next, if not for sure: what memory woke up with,
/// and how far a counter came that runs from power-on at the speed of the FPGA.
///
/// QEMU's memory wakes up as zeros, and only the counter tells, by how long the host took.
#[must_use]
pub fn chance() -> u32 {
    memory_at_power_on() ^ COUNTER.read().wrapping_mul(SPREAD)
}

/// Mixes the memory above the program's own that its stack has hardly reached.
fn memory_at_power_on() -> u32 {
    unsafe extern "C" {
        /// From cortex-m-rt's linker script: where the stack may grow down to.
        static _stack_end: u32;
    }
    let start = &raw const _stack_end;
    (0..WORDS_LOOKED_AT).fold(0u32, |mixed, word| {
        // SAFETY: within RAM, which links only if it has that many words left; no object of the
        // program lies there, and whatever the words hold, it is a number.
        let word = unsafe { ptr::read_volatile(start.add(word)) };
        mixed.rotate_left(5) ^ word.wrapping_mul(SPREAD)
    })
}

const WORDS_LOOKED_AT: usize = 256;
/// Spreads low bits over all: 2^32 divided by the golden ratio, made odd.
const SPREAD: u32 = 0x9E37_79B9;

// SCC (AID, ID) and FPGAIO (COUNTER).
// SAFETY: registers that are there for good and touch no memory.
const APPLICATION_ID: Register = unsafe { Register::at(0x4002_FFF8) };
// SAFETY: as above.
const IMAGE_ID: Register = unsafe { Register::at(0x4002_FFFC) };
/// Counts up from power-on with the FPGA's clock.
// SAFETY: as above.
const COUNTER: Register = unsafe { Register::at(0x4002_8018) };
