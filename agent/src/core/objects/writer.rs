//! The writing of one object, which is hashed on the way.

use super::names::part_name;
use crate::core::storage::Storage;
use lastword_protocol::ObjectHash;
use sha2::{Digest, Sha256};
use std::io;

/// The ending of the name of a part while it is written anew.
pub(super) const COPY: &str = ".copy";

/// The bytes that are read at once of what an earlier transfer has left.
const READ_BYTES: usize = 64 << 10;

/// An object that is being written, by its end, in the storage that each operation is given: always the same. What it
/// does may block.
pub struct ObjectWriter {
    name: String,
    hash: ObjectHash,
    hasher: Sha256,
    /// The bytes that are written.
    length: u64,
}

impl ObjectWriter {
    /// A writer that goes on behind the first `length` bytes, which are there. If another process has left them they
    /// are written anew: a system reports once that it has lost content, and it may have reported that to
    /// whoever died of it.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn open<S>(
        storage: &mut S,
        hash: ObjectHash,
        (length, is_left): (u64, bool),
    ) -> io::Result<Self>
    where
        S: Storage + ?Sized,
    {
        let name = part_name(hash);
        let copy = (is_left && length > 0).then(|| format!("{hash}{COPY}"));
        if let Some(copy) = &copy {
            storage.write(copy, &[])?;
        }
        let mut hasher = Sha256::new();
        let mut bytes = vec![0; READ_BYTES];
        let mut offset = 0;
        while offset < length {
            let left = usize::try_from(length - offset).unwrap_or(READ_BYTES);
            let bytes = &mut bytes[..left.min(READ_BYTES)];
            storage.read_at(&name, offset, bytes)?;
            hasher.update(&*bytes);
            if let Some(copy) = &copy
                && let Err(error) = storage.append(copy, bytes)
            {
                storage.remove(copy)?;
                return Err(error);
            }
            offset += bytes.len() as u64;
        }
        if let Some(copy) = &copy {
            storage.remove(&name)?;
            storage.rename(copy, &name)?;
        }
        Ok(Self {
            name,
            hash,
            hasher,
            length,
        })
    }

    /// Writes behind the end. Not durable yet. Where the disk is full, `make_room` is asked to remove something, and
    /// returns whether it has.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn append<S>(
        &mut self,
        storage: &mut S,
        bytes: &[u8],
        mut make_room: impl FnMut(&mut S) -> bool,
    ) -> io::Result<()>
    where
        S: Storage + ?Sized,
    {
        let mut rest = bytes;
        while let Err(error) = storage.append(&self.name, rest) {
            if error.kind() != io::ErrorKind::StorageFull || !make_room(storage) {
                return Err(error);
            }
            // Some of them may be there.
            let end = storage.length(&self.name)?.unwrap_or_default();
            let written = end.saturating_sub(self.length + (bytes.len() - rest.len()) as u64);
            let written = usize::try_from(written).unwrap_or(usize::MAX);
            rest = rest.get(written..).unwrap_or_default();
        }
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The name of the file that it writes.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.name
    }

    /// Makes the content durable, if it has the hash that names it. Returns whether it has.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn finish<S>(self, storage: &mut S) -> io::Result<bool>
    where
        S: Storage + ?Sized,
    {
        if self.hasher.finalize()[..] != self.hash.0 {
            return Ok(false);
        }
        storage.sync(&self.name)?;
        Ok(true)
    }
}
