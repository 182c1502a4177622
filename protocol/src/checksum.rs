//! CRC-32/ISO-HDLC over `nonce | header | body`: the one algorithm constant of the protocol.

use crate::frame::HEADER_BYTES;
use crate::units::Nonce;
use crc::{CRC_32_ISO_HDLC, Crc, Digest};

#[cfg(feature = "fast")]
type Implementation = crc::Table<16>;
#[cfg(not(feature = "fast"))]
type Implementation = crc::NoTable;

type Summing = Digest<'static, u32, Implementation>;

static CRC: Crc<u32, Implementation> = Crc::<u32, Implementation>::new(&CRC_32_ISO_HDLC);

/// Returns the checksum of a frame's header and body, with the nonce prepended (little-endian).
///
/// Prepending, not seeding: a "seeded" CRC means different things in different libraries.
#[inline]
pub(crate) fn of_frame(nonce: Nonce, header: [u8; HEADER_BYTES], body: &[u8]) -> u32 {
    // The sum begins with 32 ones, which is the same as to begin with none and to invert the
    // first four bytes.
    let mut head = [0; HEAD_BYTES];
    let (inverted, behind) = head.split_at_mut(NONCE_BYTES);
    inverted.copy_from_slice(&(!nonce.0).to_le_bytes());
    behind.copy_from_slice(&header);
    let (mut digest, rest) = begun(&head, body);
    if !rest.is_empty() {
        digest.update(rest);
    }
    digest.finalize()
}

const NONCE_BYTES: usize = 4;
const HEAD_BYTES: usize = NONCE_BYTES + HEADER_BYTES;

/// The sum begun, and what of the body is left to add.
///
/// The library takes fewer than 16 bytes one by one, and each waits for the one before. Its table
/// knows what a byte does to the sum from any place among the last 16, so none has to wait.
#[cfg(feature = "fast")]
#[inline]
fn begun<'a>(head: &[u8; HEAD_BYTES], body: &'a [u8]) -> (Summing, &'a [u8]) {
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

/// The sum begun, and what of the body is left to add.
#[cfg(not(feature = "fast"))]
#[inline]
fn begun<'a>(head: &[u8; HEAD_BYTES], body: &'a [u8]) -> (Summing, &'a [u8]) {
    let mut digest = CRC.digest_with_initial(0);
    digest.update(head);
    (digest, body)
}

/// CRC-32/ISO-HDLC over the parts laid end to end: the one checksum of the protocol, for what a
/// board keeps for itself.
#[must_use]
pub fn of_parts(parts: &[&[u8]]) -> u32 {
    let mut digest = CRC.digest();
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(of_parts(&[b"1234", b"56789"]), 0xCBF4_3926);
    }

    #[test]
    fn the_nonce_is_part_of_the_sum() {
        assert_eq!(of_frame(Nonce(0x3433_3231), *b"56789", b""), 0xCBF4_3926);
    }

    #[test]
    fn the_sum_of_a_frame_is_that_of_its_parts_end_to_end() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..64 {
            let (nonce, header, body) = (
                0xFFFF_0001_u32 << (length % 32),
                [0, 2, 0, 4, 5],
                &bytes[..length],
            );
            let parts = of_parts(&[&nonce.to_le_bytes(), &header, body]);
            assert_eq!(of_frame(Nonce(nonce), header, body), parts, "{length}");
        }
    }
}
