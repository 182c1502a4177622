//! The board's two user LEDs.
#![expect(unsafe_code, reason = "a register address")]

use crate::register::Register;

/// How many LEDs there are.
pub const LEDS: u8 = 2;

/// The user LEDs; dark after a reset.
pub struct Leds(());

impl Leds {
    /// Made once, by the board.
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Which are lit: bit 0 is the first.
    #[must_use]
    pub fn lit(&self) -> u8 {
        let [lit, ..] = LED.read().to_le_bytes();
        lit & ALL
    }

    /// Lights these and no others.
    pub fn light(&mut self, lit: u8) {
        LED.write(u32::from(lit & ALL));
    }
}

const ALL: u8 = (1 << LEDS) - 1;

// FPGAIO, LED0.
// SAFETY: the register of the LEDs, for good; it touches no memory.
const LED: Register = unsafe { Register::at(0x4002_8000) };
