//! For boards: bit by bit, without a table.

use crate::units::Nonce;

pub(super) fn of_frame(nonce: Nonce, covered: &[u8]) -> u32 {
    of_parts(&[&nonce.0.to_le_bytes(), covered])
}

pub(super) fn of_parts(parts: &[&[u8]]) -> u32 {
    !parts.iter().fold(ONES, |sum, part| update(sum, part))
}

/// A sum that is taken piece by piece.
#[derive(Debug)]
pub(crate) struct RunningChecksum(u32);

impl RunningChecksum {
    pub(crate) const fn begin() -> Self {
        Self(ONES)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0 = update(self.0, bytes);
    }

    pub(crate) const fn finish(self) -> u32 {
        !self.0
    }
}

/// What the sum begins with.
const ONES: u32 = u32::MAX;
/// The polynomial 0x04C11DB7, its bits in the order in which they are taken.
const POLYNOMIAL: u32 = 0xEDB8_8320;

fn update(mut sum: u32, bytes: &[u8]) -> u32 {
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..u8::BITS {
            let falls_out = sum & 1;
            sum = (sum >> 1) ^ (POLYNOMIAL * falls_out);
        }
    }
    sum
}
