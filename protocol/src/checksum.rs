//! CRC-32/ISO-HDLC over `nonce | header | body`: the one algorithm constant of the protocol, twice: for
//! hosts, where it is fast, and for boards, where it is small.

#[cfg(any(feature = "fast", test))]
mod fast;
#[cfg(any(not(feature = "fast"), test))]
mod small;

#[cfg(feature = "fast")]
use fast as way;
#[cfg(not(feature = "fast"))]
use small as way;

pub(crate) use way::RunningChecksum;

use crate::units::Nonce;

/// Returns the checksum of a frame's header and body, laid end to end, with the nonce prepended
/// (little-endian).
///
/// Prepending, not seeding: a "seeded" CRC means different things in different libraries.
#[inline]
pub(crate) fn of_frame(nonce: Nonce, covered: &[u8]) -> u32 {
    way::of_frame(nonce, covered)
}

/// CRC-32/ISO-HDLC over the parts laid end to end: the one checksum of the protocol, for what a
/// board keeps for itself.
#[must_use]
pub fn of_parts(parts: &[&[u8]]) -> u32 {
    way::of_parts(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(fast::of_parts(&[b"1234", b"56789"]), 0xCBF4_3926);
        assert_eq!(small::of_parts(&[b"1234", b"56789"]), 0xCBF4_3926);
    }

    #[test]
    fn a_sum_taken_piece_by_piece_is_that_of_the_whole() {
        let (mut fast, mut small) = (
            fast::RunningChecksum::begin(),
            small::RunningChecksum::begin(),
        );
        for piece in ["1", "", "2345", "6789"] {
            fast.add(piece.as_bytes());
            small.add(piece.as_bytes());
        }
        assert_eq!((fast.finish(), small.finish()), (0xCBF4_3926, 0xCBF4_3926));
    }

    #[test]
    fn the_nonce_is_part_of_the_sum() {
        let nonce = Nonce(0x3433_3231);
        assert_eq!(fast::of_frame(nonce, b"56789"), 0xCBF4_3926);
        assert_eq!(small::of_frame(nonce, b"56789"), 0xCBF4_3926);
    }

    #[test]
    fn the_sum_of_a_frame_is_that_of_its_parts_end_to_end() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..64 {
            let nonce = 0xFFFF_0001_u32 << (length % 32);
            let covered = &bytes[..length];
            let parts = fast::of_parts(&[&nonce.to_le_bytes(), covered]);
            assert_eq!(fast::of_frame(Nonce(nonce), covered), parts, "{length}");
            assert_eq!(small::of_frame(Nonce(nonce), covered), parts, "{length}");
        }
    }
}
