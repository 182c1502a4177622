//! The board's store: objects by the SHA-256 of their content, in a directory of a bounded size.
//!
//! An object is a file that is named by its hash, in hexadecimal digits. While it is being put its name ends with
//! `.part`: nobody can get it, and a later transfer goes on behind what is there. Only a file whose content was
//! compared with its name, and is durable, loses that ending.

mod names;
mod pipe;
mod refusals;
mod writer;

pub use pipe::{ObjectPipe, PipeOutcome, WriterStep};
pub use refusals::{failed, other_length};
pub use writer::ObjectWriter;

use super::storage::Storage;
use lastword_protocol::ObjectHash;
use lastword_protocol::refusal::{Code, Refusal};
use names::{KEPT, PART, object_name, part_name};
use refusals::refused;
use std::collections::HashMap;
use std::io;

/// The most objects, so that none of them is looked for long; each takes a block of the disk at least.
const OBJECTS: usize = 4_096;

/// The room of a store that is configured nowhere, in bytes.
pub const STORE_BYTES: u64 = 256 << 20;

/// The objects of a board, in the storage that each operation is given: always the same. What it does may block.
#[derive(Debug)]
pub struct ObjectDirectory {
    room_bytes: u64,
    objects: HashMap<ObjectHash, StoredObject>,
    /// The number of times that any of them was used.
    uses: u64,
}

/// An object that is there, or part of it.
#[derive(Clone, Copy, Debug)]
struct StoredObject {
    /// Its length in bytes: while it is put, the length that it is to have.
    size: u64,
    /// The bytes of it that are there.
    stored_bytes: u64,
    is_whole: bool,
    /// True if this process has begun it, or given it its name.
    is_own: bool,
    /// The number of transfers that use it.
    transfers: u32,
    /// The number of its last use: the object that was unused for longest has the lowest.
    last_use: u64,
}

/// The beginning of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectStart {
    /// It is there, whole.
    Stored,
    /// The bytes before `offset` are there.
    From {
        /// The number of those.
        offset: u64,
        /// True if another process has written them.
        is_left: bool,
    },
}

impl ObjectDirectory {
    /// The objects in a directory. Other files there are none of its.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read, or a file not renamed.
    pub fn open<S>(storage: &mut S, room_bytes: u64) -> io::Result<Self>
    where
        S: Storage + ?Sized,
    {
        let mut objects = HashMap::new();
        for name in storage.names()? {
            if name.ends_with(writer::COPY) {
                storage.remove(&name)?;
            }
            let name = match name.strip_suffix(KEPT) {
                Some(kept) => {
                    storage.rename(&name, kept)?;
                    kept.to_owned()
                }
                None => name,
            };
            let digits = name.strip_suffix(PART);
            let Ok(hash) = digits.unwrap_or(&name).parse() else {
                continue;
            };
            let length = storage.length(&name)?.unwrap_or_default();
            let object = StoredObject {
                size: length,
                stored_bytes: length,
                is_whole: digits.is_none(),
                is_own: false,
                transfers: 0,
                last_use: 0,
            };
            // Of one that is there whole, a part is what a cut has left of its removal.
            let known: &mut StoredObject = objects.entry(hash).or_insert(object);
            if object.is_whole {
                *known = object;
            }
        }
        Ok(Self {
            room_bytes,
            objects,
            uses: 0,
        })
    }

    /// Begins to put an object of `size` bytes. Nothing gives way to it before its bytes arrive:
    /// [`ObjectDirectory::make_room`]. One that is not there already counts as used until
    /// [`ObjectDirectory::release`].
    ///
    /// # Errors
    ///
    /// A refusal: 409 if it has another transfer, 413 if there is no room, 422 if it has another length, 500 if the
    /// disk fails.
    pub fn begin_put<S>(
        &mut self,
        storage: &mut S,
        hash: ObjectHash,
        size: u64,
    ) -> Result<ObjectStart, Box<Refusal>>
    where
        S: Storage + ?Sized,
    {
        let known = self.known(storage, hash)?;
        if let Some(object) = known.filter(|it| it.is_whole) {
            if object.size != size {
                return Err(other_length(object.size));
            }
            if !object.is_own {
                self.keep_again(storage, hash).map_err(|it| failed(&it))?;
            }
            self.touch(hash);
            return Ok(ObjectStart::Stored);
        }
        if known.is_some_and(|it| it.transfers > 0) {
            return Err(refused(Code::Busy, "this object has another transfer"));
        }
        self.admit(hash, size)?;
        while self.objects.len() >= OBJECTS && self.evict(storage, hash)? {}
        let name = part_name(hash);
        let length = storage.length(&name).map_err(|it| failed(&it))?;
        let offset = length.filter(|length| *length <= size);
        while offset.is_none()
            && let Err(error) = storage.write(&name, &[])
        {
            // The disk may be full before the store is.
            let is_full = error.kind() == io::ErrorKind::StorageFull;
            if !is_full || !self.evict(storage, hash)? {
                return Err(failed(&error));
            }
        }
        let is_left = offset.is_some() && !known.is_some_and(|it| it.is_own);
        self.objects.insert(
            hash,
            StoredObject {
                size,
                stored_bytes: offset.unwrap_or_default(),
                is_whole: false,
                is_own: !is_left,
                transfers: 1,
                last_use: 0,
            },
        );
        self.touch(hash);
        let offset = offset.unwrap_or_default();
        Ok(ObjectStart::From { offset, is_left })
    }

    /// Begins to get an object, which counts as used until [`ObjectDirectory::release`]. Returns its length in
    /// bytes.
    ///
    /// # Errors
    ///
    /// A refusal: 404 if it is not there, 422 if it ends before `from`.
    pub fn begin_get<S>(
        &mut self,
        storage: &S,
        hash: ObjectHash,
        from: u64,
    ) -> Result<u64, Box<Refusal>>
    where
        S: Storage + ?Sized,
    {
        self.known(storage, hash)?;
        let object = self.objects.get_mut(&hash).filter(|it| it.is_whole);
        let object = object.ok_or_else(|| refused(Code::Unknown, "no such object"))?;
        if object.size < from {
            return Err(other_length(object.size));
        }
        object.transfers += 1;
        let size = object.size;
        self.touch(hash);
        Ok(size)
    }

    /// Ends the use of an object by one transfer. Of one that is put and has no byte yet nothing is left.
    pub fn release<S>(&mut self, storage: &mut S, hash: ObjectHash)
    where
        S: Storage + ?Sized,
    {
        let Some(object) = self.objects.get_mut(&hash) else {
            return;
        };
        object.transfers = object.transfers.saturating_sub(1);
        if !object.is_whole && object.stored_bytes == 0 {
            self.objects.remove(&hash);
            if let Err(error) = storage.remove(&part_name(hash)) {
                tracing::warn!(target: "objects", object = %hash, %error, "an empty part was not removed");
            }
        }
    }

    /// Keeps an object for good, or drops what is there of it, as the end of its writing says: whether its content is
    /// durable and has its hash.
    ///
    /// # Errors
    ///
    /// A refusal: 422 if it has another hash, 500 if the disk fails.
    pub fn settle<S>(
        &mut self,
        storage: &mut S,
        hash: ObjectHash,
        written: io::Result<bool>,
    ) -> Result<(), Box<Refusal>>
    where
        S: Storage + ?Sized,
    {
        let refusal = match written {
            Ok(true) => return self.commit(storage, hash).map_err(|it| failed(&it)),
            Ok(false) => refused(Code::BadValue, "its content has another hash"),
            // A system reports once that it has lost content: it is never trusted again.
            Err(error) => failed(&error),
        };
        self.objects.remove(&hash);
        let removed = storage.remove(&part_name(hash));
        removed.map_err(|it| failed(&it))?;
        Err(refusal)
    }

    /// Gives an object its name for the first time.
    fn commit<S>(&mut self, storage: &mut S, hash: ObjectHash) -> io::Result<()>
    where
        S: Storage + ?Sized,
    {
        let named = self.give_name(storage, hash, &part_name(hash));
        if named.is_err() {
            // The name may be gone after a power cut: so it is gone now.
            self.objects.remove(&hash);
            storage.remove(&hash.to_string())?;
        }
        named
    }

    /// Makes the name of an object durable that another process has given it: that may have been told that the name
    /// is not, and have died of it.
    fn keep_again<S>(&mut self, storage: &mut S, hash: ObjectHash) -> io::Result<()>
    where
        S: Storage + ?Sized,
    {
        let kept = format!("{hash}{KEPT}");
        storage.rename(&hash.to_string(), &kept)?;
        self.give_name(storage, hash, &kept)
    }

    /// Renames a whole object to its hash, for good.
    fn give_name<S>(&mut self, storage: &mut S, hash: ObjectHash, file: &str) -> io::Result<()>
    where
        S: Storage + ?Sized,
    {
        storage.rename(file, &hash.to_string())?;
        storage.sync_names()?;
        if let Some(object) = self.objects.get_mut(&hash) {
            object.is_whole = true;
            object.is_own = true;
        }
        Ok(())
    }

    fn touch(&mut self, hash: ObjectHash) {
        self.uses += 1;
        if let Some(object) = self.objects.get_mut(&hash) {
            object.last_use = self.uses;
        }
    }

    /// Returns an object, unless somebody has removed its file.
    fn known<S>(
        &mut self,
        storage: &S,
        hash: ObjectHash,
    ) -> Result<Option<StoredObject>, Box<Refusal>>
    where
        S: Storage + ?Sized,
    {
        let Some(object) = self.objects.get(&hash).copied() else {
            return Ok(None);
        };
        let length = storage.length(&object_name(hash, object.is_whole));
        let length = length.map_err(|it| failed(&it))?;
        let is_there = !object.is_whole || length == Some(object.size);
        if is_there || object.transfers > 0 {
            return Ok(Some(object));
        }
        tracing::warn!(target: "objects", object = %hash, "its file was removed, or changed");
        self.objects.remove(&hash);
        Ok(None)
    }

    /// Refuses an object for which there cannot be room, whatever gives way.
    fn admit(&self, hash: ObjectHash, size: u64) -> Result<(), Box<Refusal>> {
        let others = self.objects.iter().filter(|(other, _)| **other != hash);
        let in_use = others.filter(|(_, object)| object.transfers > 0);
        let in_use: u64 = in_use.map(|(_, object)| object.size).sum();
        if size <= self.room_bytes.saturating_sub(in_use) {
            return Ok(());
        }
        let detail = format!("the store has {} bytes, {in_use} in use", self.room_bytes);
        Err(refused(Code::TooLong, &detail))
    }

    /// Has objects that were unused for longest give way to the next bytes of one that is put.
    ///
    /// # Errors
    ///
    /// A refusal if the disk fails.
    pub fn make_room<S>(
        &mut self,
        storage: &mut S,
        hash: ObjectHash,
        bytes: usize,
    ) -> Result<(), Box<Refusal>>
    where
        S: Storage + ?Sized,
    {
        if let Some(object) = self.objects.get_mut(&hash) {
            object.stored_bytes += bytes as u64;
        }
        let stored = |it: &Self| it.objects.values().map(|it| it.stored_bytes).sum::<u64>();
        while self.room_bytes < stored(self) && self.evict(storage, hash)? {}
        Ok(())
    }

    /// As [`ObjectDirectory::remove_unused`].
    fn evict<S>(&mut self, storage: &mut S, but: ObjectHash) -> Result<bool, Box<Refusal>>
    where
        S: Storage + ?Sized,
    {
        self.remove_unused(storage, but).map_err(|it| failed(&it))
    }

    /// Removes the object that was unused for longest, but not this one. Returns whether there was any.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn remove_unused<S>(&mut self, storage: &mut S, but: ObjectHash) -> io::Result<bool>
    where
        S: Storage + ?Sized,
    {
        let unused = self.objects.iter();
        let unused = unused.filter(|(hash, object)| object.transfers == 0 && **hash != but);
        // What is not whole goes before what is.
        let oldest = unused.min_by_key(|(hash, it)| (it.is_whole, it.last_use, hash.0));
        let Some((hash, object)) = oldest.map(|(hash, object)| (*hash, *object)) else {
            return Ok(false);
        };
        storage.remove(&object_name(hash, object.is_whole))?;
        self.objects.remove(&hash);
        let bytes = object.stored_bytes;
        tracing::info!(target: "objects", object = %hash, bytes, "removed to make room");
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
