//! What the writer of a log works on, so that a model can stand in for files and FIFOs.

use super::Stream;
use super::index::Record;
use std::io;

/// The FIFOs, files and readers of one service, as far as writing needs them: steps that each may
/// fail or be the last.
pub trait Store {
    /// Writes a record at its place in the current index.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; the record may be there nevertheless, and is then written again.
    fn record(&mut self, number: u64, record: &Record) -> io::Result<()>;

    /// Moves bytes from the front of a FIFO to a place in the current file: what it moves is no
    /// longer there, what it does not move still is. Returns how many; none if the FIFO is empty.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; nothing was then moved.
    fn shift(&mut self, stream: Stream, offset: u64, bytes: u32) -> io::Result<u32>;

    /// Takes bytes out of the front of a FIFO, for good, and returns how many lines ended in them.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    fn discard(&mut self, stream: Stream, bytes: u32) -> io::Result<u64>;

    /// What the current file holds of a record's chunk.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn chunk(&self, record: &Record) -> io::Result<Vec<u8>>;

    /// Puts the current file and its index aside and begins new ones.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; it is then asked again.
    fn rotate(&mut self) -> io::Result<()>;

    /// Shows readers the lines of a chunk that is in the file.
    fn publish(&mut self, record: &Record, chunk: &[u8]);
}
