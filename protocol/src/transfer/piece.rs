//! The bodies of the frames that travel while a transfer is open.

use crate::codec::{Field, Reader, Writer, fields};
use crate::units::TransferId;

/// The opcode of an [`ObjectPiece`], in frames of class data.
pub const PIECE_OPCODE: u8 = 0x01;
/// The opcode of a [`PieceCredit`], in frames of class credit.
pub const PIECE_CREDIT_OPCODE: u8 = 0x02;

/// A piece of an object: the body of a data frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectPiece<'a> {
    /// The transfer that it belongs to.
    pub transfer: TransferId,
    /// The place of its first byte in the object.
    pub offset: u64,
    /// Its bytes: the rest of the body.
    pub bytes: &'a [u8],
}

impl<'a> ObjectPiece<'a> {
    /// Reads the body; `None` if it is malformed.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let transfer = read_transfer(&mut reader);
        let offset = reader.number();
        let bytes = reader.finish_with_rest()?;
        Some(Self {
            transfer,
            offset,
            bytes,
        })
    }

    /// Writes the body and returns its length; `None` if `out` is too small.
    #[must_use]
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let head = Self::write_head(self.transfer, self.offset, out)?;
        let end = head + self.bytes.len();
        out.get_mut(head..end)?.copy_from_slice(self.bytes);
        Some(end)
    }

    /// Writes what stands before the bytes and returns its length, so that an owner can read the
    /// bytes to where they belong; `None` if `out` is too small.
    #[must_use]
    pub fn write_head(transfer: TransferId, offset: u64, out: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(out);
        transfer.write(&mut writer);
        offset.write(&mut writer);
        writer.finish()
    }
}

/// The room that a receiver grants and what it has: the body of a credit frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceCredit {
    /// The transfer that it belongs to.
    pub transfer: TransferId,
    /// The offset below which the receiver has every byte.
    pub acknowledged: u64,
    /// The offset up to which it has room.
    pub limit: u64,
    /// The pieces that it has behind the first missing one: bit 0 is the piece right behind that.
    pub received: u16,
}

fields! {
    PieceCredit { transfer, acknowledged, limit, received }
}

impl PieceCredit {
    /// The longest body in bytes.
    pub const BODY_BYTES: usize = 5 + 10 + 10 + 3;

    /// Reads the body; `None` if it is malformed.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let transfer = read_transfer(&mut reader);
        let (acknowledged, limit) = (reader.number(), reader.number());
        let received = u16::try_from(reader.number()).ok()?;
        reader.finish(Self {
            transfer,
            acknowledged,
            limit,
            received,
        })
    }

    /// Writes the body and returns its length; `None` if `out` is too small.
    #[must_use]
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(out);
        Field::write(self, &mut writer);
        writer.finish()
    }
}

/// A run of an object's bytes: one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceRange {
    /// The place of its first byte.
    pub offset: u64,
    /// Its length in bytes, never 0.
    pub length: u16,
}

/// Returns the length in bytes of the longest piece whose body has `mtu` bytes at most, wherever it
/// stands in an object of `size` bytes; 0 if there is no room for any.
#[must_use]
pub const fn piece_bytes(mtu: u16, transfer: TransferId, size: u64) -> u16 {
    let head = number_bytes(transfer.0 as u64) + number_bytes(size.saturating_sub(1));
    mtu.saturating_sub(head)
}

/// Returns the length in bytes of a number on the wire.
const fn number_bytes(number: u64) -> u16 {
    let mut rest = number >> 7;
    let mut bytes = 1;
    while rest != 0 {
        rest >>= 7;
        bytes += 1;
    }
    bytes
}

fn read_transfer(reader: &mut Reader<'_>) -> TransferId {
    let number = reader.number_within(u32::MAX.into());
    TransferId(u32::try_from(number).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_piece_fills_its_body_and_no_more() {
        for (mtu, transfer, size, piece) in [
            (192, 1, 1 << 20, 188),
            (192, 1, 1 << 21, 188),
            (192, 1, (1 << 21) + 1, 187),
            (512, 1, 1 << 20, 508),
            (512, 128, 1 << 20, 507),
            (512, u32::MAX, u64::MAX, 497),
            (2, 1, 1, 0),
            (0, 1, 1, 0),
        ] {
            let transfer = TransferId(transfer);
            assert_eq!(piece_bytes(mtu, transfer, size), piece, "{mtu} {size}");
            let mut head = [0; 16];
            let last = size.saturating_sub(1);
            let length = ObjectPiece::write_head(transfer, last, &mut head).unwrap();
            assert!(length + usize::from(piece) <= usize::from(mtu).max(length));
        }
    }

    #[test]
    fn a_piece_that_does_not_fit_is_not_written() {
        let piece = ObjectPiece {
            transfer: TransferId(1),
            offset: 300,
            bytes: b"four",
        };
        for room in 0..7 {
            assert_eq!(piece.write(&mut [0; 7][..room]), None, "{room}");
        }
        let mut body = [0; 7];
        assert_eq!(piece.write(&mut body), Some(7));
        assert_eq!(ObjectPiece::read(&body), Some(piece));
    }
}
