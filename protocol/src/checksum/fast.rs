//! For hosts: with a table of 16 KiB.

use crate::frame::HEADER_BYTES;
use crate::units::Nonce;
use crc::{CRC_32_ISO_HDLC, Crc, Digest, Table};

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

const NONCE_BYTES: usize = 4;
const HEAD_BYTES: usize = NONCE_BYTES + HEADER_BYTES;

#[inline]
pub(super) fn of_frame(nonce: Nonce, covered: &[u8]) -> u32 {
    let Some((header, body)) = covered.split_first_chunk::<HEADER_BYTES>() else {
        return of_parts(&[&nonce.0.to_le_bytes(), covered]);
    };
    // The sum begins with 32 ones, which is the same as to begin with none and to invert the
    // first four bytes.
    let mut head = [0; HEAD_BYTES];
    let (inverted, behind) = head.split_at_mut(NONCE_BYTES);
    inverted.copy_from_slice(&(!nonce.0).to_le_bytes());
    behind.copy_from_slice(header);
    let (mut digest, rest) = begun(&head, body);
    if !rest.is_empty() {
        digest.update(rest);
    }
    digest.finalize()
}

/// The sum begun, and what of the body is left to add.
///
/// The library takes fewer than 16 bytes one by one, and each waits for the one before. Its table
/// knows what a byte does to the sum from any place among the last 16, so none has to wait.
#[inline]
fn begun<'a>(
    head: &[u8; HEAD_BYTES],
    body: &'a [u8],
) -> (Digest<'static, u32, Table<16>>, &'a [u8]) {
    let (near, rest) = body.split_at(body.len().min(16 - HEAD_BYTES));
    let along = |lanes: &[[u32; 256]], bytes: &[u8]| {
        let lanes = lanes.iter().rev();
        let sums = lanes
            .zip(bytes)
            .map(|(lane, byte)| lane[usize::from(*byte)]);
        sums.fold(0, core::ops::BitXor::bitxor)
    };
    let (near_lanes, lanes) = CRC.table().split_at(near.len());
    let sum = along(&lanes[..HEAD_BYTES], head) ^ along(near_lanes, near);
    (CRC.digest_with_initial(sum.reverse_bits()), rest)
}

pub(super) fn of_parts(parts: &[&[u8]]) -> u32 {
    let mut digest = CRC.digest();
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

/// A sum that is taken piece by piece.
pub(crate) struct RunningChecksum(Digest<'static, u32, Table<16>>);

impl RunningChecksum {
    pub(crate) const fn begin() -> Self {
        Self(CRC.digest())
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> u32 {
        self.0.finalize()
    }
}
