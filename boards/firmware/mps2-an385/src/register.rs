//! A memory-mapped register.
#![expect(
    unsafe_code,
    reason = "what hardware does is told by addresses; this is where they become accesses"
)]

use core::ptr::with_exposed_provenance_mut;

/// A register of 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Register(usize);

impl Register {
    /// The register at this address.
    ///
    /// # Safety
    ///
    /// A register of 32 bits is there for good, and neither reading nor writing it, whatever the
    /// value, changes memory that Rust knows of.
    pub(crate) const unsafe fn at(address: usize) -> Self {
        Self(address)
    }

    /// Reads it, with what reading does.
    pub(crate) fn read(self) -> u32 {
        // SAFETY: as promised to `at`.
        unsafe { with_exposed_provenance_mut::<u32>(self.0).read_volatile() }
    }

    /// Writes it, with what writing does.
    pub(crate) fn write(self, value: u32) {
        // SAFETY: as promised to `at`.
        unsafe { with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}
