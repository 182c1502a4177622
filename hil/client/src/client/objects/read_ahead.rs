//! The bytes of an object that is put, read in parts that are longer than a piece.

use super::LocalObject;
use lastword_protocol::transfer::PieceRange;
use std::io;

/// The bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// A part of an object that was read at once.
#[derive(Debug)]
pub(super) struct ReadAhead {
    /// The length of the object in bytes.
    size: u64,
    /// The place in the object of the part's first byte.
    offset: u64,
    bytes: Vec<u8>,
}

impl ReadAhead {
    /// Nothing of an object of `size` bytes.
    pub(super) const fn new(size: u64) -> Self {
        Self {
            size,
            offset: 0,
            bytes: Vec::new(),
        }
    }

    /// Fills `out` with the bytes of a piece. Pieces mostly follow one another.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub(super) fn read(
        &mut self,
        piece: PieceRange,
        out: &mut [u8],
        local: &mut dyn LocalObject,
    ) -> io::Result<()> {
        if self.find(piece).is_none() {
            let left = usize::try_from(self.size.saturating_sub(piece.offset));
            let length = left.unwrap_or(READ_BYTES).min(READ_BYTES);
            self.bytes.resize(length, 0);
            self.offset = piece.offset;
            if let Err(error) = local.read(piece.offset, &mut self.bytes) {
                self.bytes.clear();
                return Err(error);
            }
        }
        let found = self.find(piece).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    /// Returns the bytes of a piece, if all of them are in the part.
    fn find(&self, piece: PieceRange) -> Option<&[u8]> {
        let start = usize::try_from(piece.offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(start..)?.get(..piece.length.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::TransferProgress;
    use super::*;

    /// An object whose bytes are their places, and the places where it was read.
    struct CountingObject(Vec<u64>);

    impl LocalObject for CountingObject {
        fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.0.push(offset);
            let places = offset..;
            out.iter_mut()
                .zip(places)
                .for_each(|(byte, place)| *byte = place.to_le_bytes()[0]);
            Ok(())
        }

        fn write(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn progress(&mut self, _progress: TransferProgress) {}
    }

    #[test]
    fn pieces_have_their_bytes_and_few_reads_are_made() {
        let size = 200_000_u64;
        let (mut ahead, mut object) = (ReadAhead::new(size), CountingObject(Vec::new()));
        let mut pieces: Vec<u64> = (0..size).step_by(490).collect();
        // One is sent again.
        pieces.insert(100, 490);
        for offset in pieces {
            let length = u16::try_from((size - offset).min(490)).unwrap();
            let mut out = vec![0; length.into()];
            let piece = PieceRange { offset, length };
            ahead.read(piece, &mut out, &mut object).unwrap();
            assert!(
                out.iter()
                    .zip(offset..)
                    .all(|(byte, place)| *byte == place.to_le_bytes()[0])
            );
        }
        assert!(object.0.len() <= 8, "{:?}", object.0);
    }
}
