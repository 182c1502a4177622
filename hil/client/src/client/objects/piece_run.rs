//! Pieces that follow one another, written at once.

use super::LocalObject;
use std::io;

/// The pieces of an object that have come and are not written.
#[derive(Debug, Default)]
pub(super) struct PieceRun {
    /// The place in the object of the first byte.
    offset: u64,
    bytes: Vec<u8>,
}

impl PieceRun {
    /// Adds a piece, and writes those before it if it does not follow them.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub(super) fn add(
        &mut self,
        offset: u64,
        piece: &[u8],
        local: &mut dyn LocalObject,
    ) -> io::Result<()> {
        let written = if offset == self.offset + self.bytes.len() as u64 {
            Ok(())
        } else {
            let written = self.write(local);
            self.offset = offset;
            written
        };
        self.bytes.extend_from_slice(piece);
        written
    }

    /// Writes what there is.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn write(&mut self, local: &mut dyn LocalObject) -> io::Result<()> {
        let offset = self.offset;
        self.offset += self.bytes.len() as u64;
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        local.write(offset, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::TransferProgress;
    use super::*;

    /// A file that notes what is written at once.
    #[derive(Default)]
    struct NotingFile(Vec<(u64, Vec<u8>)>);

    impl LocalObject for NotingFile {
        fn read(&mut self, _offset: u64, _out: &mut [u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
            self.0.push((offset, bytes.to_vec()));
            Ok(())
        }

        fn progress(&mut self, _progress: TransferProgress) {}
    }

    #[test]
    fn what_follows_is_written_at_once_and_what_does_not_apart() {
        let (mut run, mut file) = (PieceRun::default(), NotingFile::default());
        for (offset, piece) in [(10, "ab"), (12, "cd"), (20, "x"), (14, "ef"), (16, "g")] {
            run.add(offset, piece.as_bytes(), &mut file).unwrap();
        }
        run.write(&mut file).unwrap();
        run.write(&mut file).unwrap();
        let expected = [(10, "abcd"), (20, "x"), (14, "efg")];
        let expected = expected.map(|(offset, text)| (offset, text.as_bytes().to_vec()));
        assert_eq!(file.0, expected);
    }
}
