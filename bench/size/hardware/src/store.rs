//! A store for one object, in memory.

use lastword_protocol::ObjectHash;
use lastword_protocol::refusal::Code;
use lastword_responder::{CommitOutcome, ObjectStore, PutStart};

/// The longest object, in bytes.
const STORE_BYTES: usize = 1_024;

/// The object, or part of it.
pub(crate) struct RamStore {
    hash: ObjectHash,
    size: usize,
    is_whole: bool,
    bytes: [u8; STORE_BYTES],
}

impl Default for RamStore {
    fn default() -> Self {
        Self {
            hash: ObjectHash([0; 32]),
            size: 0,
            is_whole: false,
            bytes: [0; STORE_BYTES],
        }
    }
}

impl ObjectStore for RamStore {
    fn begin(&mut self, hash: &ObjectHash, size: u64) -> PutStart {
        if self.is_whole && self.hash == *hash {
            return PutStart::Stored;
        }
        match usize::try_from(size) {
            Ok(size) if size <= STORE_BYTES => {
                self.hash = *hash;
                self.size = size;
                self.is_whole = false;
                PutStart::From(0)
            }
            _ => PutStart::Refused(Code::TooLong, ""),
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let Ok(start) = usize::try_from(offset) else {
            return false;
        };
        let free = self.bytes.get_mut(start..).unwrap_or_default();
        let has_room = bytes.len() <= free.len();
        if has_room {
            free.iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
        }
        has_room
    }

    /// The board's hardware would compare the hash.
    fn commit(&mut self, _hash: &ObjectHash) -> CommitOutcome {
        self.is_whole = true;
        CommitOutcome::Done
    }

    fn size_of(&mut self, hash: &ObjectHash) -> Option<u64> {
        (self.is_whole && self.hash == *hash).then_some(self.size as u64)
    }

    fn read(&mut self, _hash: &ObjectHash, offset: u64, out: &mut [u8]) -> bool {
        let Ok(start) = usize::try_from(offset) else {
            return false;
        };
        let bytes = self.bytes.get(start..).unwrap_or_default();
        let is_there = out.len() <= bytes.len();
        if is_there {
            out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        }
        is_there
    }
}
