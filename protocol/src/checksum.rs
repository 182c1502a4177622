//! CRC-32/ISO-HDLC over `nonce | header | body`: the one algorithm constant of the protocol.

use crate::units::Nonce;
use crc::{CRC_32_ISO_HDLC, Crc};

#[cfg(feature = "fast-checksum")]
static CRC: Crc<u32, crc::Table<16>> = Crc::<u32, crc::Table<16>>::new(&CRC_32_ISO_HDLC);
#[cfg(not(feature = "fast-checksum"))]
static CRC: Crc<u32, crc::NoTable> = Crc::<u32, crc::NoTable>::new(&CRC_32_ISO_HDLC);

/// Returns the checksum of a frame's header and body, with the nonce prepended (little-endian).
///
/// Prepending, not seeding: a "seeded" CRC means different things in different libraries.
pub(crate) fn of_frame(nonce: Nonce, header_and_body: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&nonce.0.to_le_bytes());
    digest.update(header_and_body);
    digest.finalize()
}

/// Returns the checksum of the parts laid end to end.
pub(crate) fn of_parts(parts: &[&[u8]]) -> u32 {
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
        assert_eq!(of_frame(Nonce(0x3433_3231), b"56789"), 0xCBF4_3926);
    }
}
