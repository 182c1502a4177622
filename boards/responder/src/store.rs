//! The board's store, for boards that take or give objects: what it is asked, and what it answers.

use lastword_protocol::ObjectHash;
use lastword_protocol::refusal::Code;

/// Objects by the hash of their content. Only what was committed can be found.
///
/// One object at a time is being stored; beginning another may drop what is there of it.
pub trait ObjectStore {
    /// Prepares to store an object of `size` bytes.
    fn begin(&mut self, hash: &ObjectHash, size: u64) -> PutStart;

    /// Writes bytes of the object that was begun last, each once, in any order. Returns whether
    /// they were written.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> bool;

    /// Compares the hash of the object that was begun last, of which every byte was written, and
    /// keeps it for good.
    fn commit(&mut self, hash: &ObjectHash) -> CommitOutcome;

    /// Returns the length of an object in bytes; `None` if there is none of this name.
    fn size_of(&mut self, hash: &ObjectHash) -> Option<u64>;

    /// Reads bytes of an object. Returns whether all of them were read.
    fn read(&mut self, hash: &ObjectHash, offset: u64, bytes: &mut [u8]) -> bool;
}

/// The answer to an object that is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutStart {
    /// It is there, whole.
    Stored,
    /// The bytes before this offset are there since an earlier attempt.
    From(u64),
    /// It cannot be stored: the kind of that, and a detail, which may be empty.
    Refused(Code, &'static str),
}

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is there for good.
    Done,
    /// The hash is another: what was written is dropped.
    WrongHash,
    /// The storage has failed.
    Failed,
}
