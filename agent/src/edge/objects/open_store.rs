//! The store once it is open: its transfers, each on its thread.

use super::{ObjectSource, ObjectTeller, TransferPlace, refused};
use crate::core::objects::{
    ObjectDirectory, ObjectPipe, ObjectStart, ObjectWriter, PipeOutcome, WriterStep, failed,
    other_length,
};
use crate::core::storage::Storage as _;
use crate::core::transfers::{ObjectAsk, OpenObject};
use crate::edge::clock::Clock;
use crate::edge::store::{Files, StateDirectory, StateError};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{Millis, ObjectHash};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The bytes that are read from an object at once.
const READ_BYTES: usize = 64 << 10;
/// The longest wait for an earlier transfer of an object, whose client is gone, to let go of it.
const RELEASE_WAIT: Duration = Duration::from_secs(2);
/// The time after which what was put so far is made durable, so that a reset costs no more.
const SYNC_PAUSE: Millis = Millis(1_000);

/// The store, open.
pub(super) struct OpenStore {
    directory: Mutex<ObjectDirectory>,
    files: StateDirectory,
    /// A transfer has let go of its object.
    released: Condvar,
}

impl OpenStore {
    pub(super) fn open((path, room_bytes): &(PathBuf, u64)) -> Result<Self, Box<Refusal>> {
        let unusable = |error: &StateError| refused(Code::Internal, &error.to_string());
        let files = StateDirectory::open(path).map_err(|it| unusable(&it))?;
        let directory = ObjectDirectory::open(&mut files.files(), *room_bytes);
        Ok(Self {
            directory: Mutex::new(directory.map_err(|it| failed(&it))?),
            files,
            released: Condvar::new(),
        })
    }

    pub(super) fn transfer(
        &self,
        ask: &ObjectAsk,
        source: Option<&dyn ObjectSource>,
        (tell, place): (ObjectTeller, TransferPlace),
    ) {
        let begun = match ask {
            ObjectAsk::Put(hash, size) => self.begin_put(*hash, *size),
            ObjectAsk::Get(hash, from) => self.begin_get((*hash, *from), source),
            ObjectAsk::Commit(_) => return,
        };
        let begun = match begun {
            Ok(Some(begun)) => begun,
            Ok(None) => return drop(tell.send(Ok(None))),
            Err(refusal) => return drop(tell.send(Err(refusal))),
        };
        let pipe = ObjectPipe::new(begun.offset);
        let object = OpenObject {
            pipe: pipe.clone(),
            offset: begun.offset,
            size: begun.size,
        };
        // If nobody is there any more, it is closed.
        drop(tell.send(Ok(Some(object))));
        let outcome = if begun.is_put {
            self.write(&begun, &pipe)
        } else {
            self.read(&begun, &pipe)
        };
        if begun.file.is_none() {
            self.directory()
                .release(&mut self.files.files(), begun.hash);
        }
        self.released.notify_all();
        drop(place);
        if let Err(refusal) = &outcome {
            tracing::warn!(target: "objects", object = %begun.hash, %refusal, "a transfer has failed");
        }
        pipe.end_with(outcome);
    }

    fn begin_put(
        &self,
        hash: ObjectHash,
        size: u64,
    ) -> Result<Option<BegunTransfer>, Box<Refusal>> {
        let mut storage = self.files.files();
        let mut start = self.directory().begin_put(&mut storage, hash, size);
        if start.as_ref().is_err_and(|it| it.code == Code::Busy) {
            // Its client may be this one, which has lost its link just now.
            let waited = self.released.wait_timeout(self.directory(), RELEASE_WAIT);
            let mut directory = waited.unwrap_or_else(PoisonError::into_inner).0;
            start = directory.begin_put(&mut storage, hash, size);
        }
        Ok(match start? {
            ObjectStart::Stored => None,
            ObjectStart::From { offset, is_left } => Some(BegunTransfer {
                hash,
                is_put: true,
                offset,
                is_left,
                size,
                file: None,
            }),
        })
    }

    fn begin_get(
        &self,
        (hash, offset): (ObjectHash, u64),
        source: Option<&dyn ObjectSource>,
    ) -> Result<Option<BegunTransfer>, Box<Refusal>> {
        let stored = self
            .directory()
            .begin_get(&self.files.files(), hash, offset);
        let (size, file) = match stored {
            Err(refusal) if refusal.code == Code::Unknown => {
                let opened = source.map(|source| source.open_object(hash)).transpose();
                let opened = opened.map_err(|it| failed(&it))?.flatten();
                let file = opened.ok_or(refusal)?;
                let size = file.metadata().map_err(|it| failed(&it))?.len();
                if size < offset {
                    return Err(other_length(size));
                }
                (size, Some(file))
            }
            stored => (stored?, None),
        };
        Ok(Some(BegunTransfer {
            hash,
            is_put: false,
            offset,
            is_left: false,
            size,
            file,
        }))
    }

    fn write(&self, begun: &BegunTransfer, pipe: &ObjectPipe) -> PipeOutcome {
        let hash = begun.hash;
        let mut storage = self.files.files();
        let opened = ObjectWriter::open(&mut storage, hash, (begun.offset, begun.is_left));
        let mut writer = opened.map_err(|it| failed(&it))?;
        let mut bytes = VecDeque::new();
        let clock = Clock::start();
        let mut synced = clock.now();
        loop {
            match pipe.next_step(&mut bytes) {
                WriterStep::Write => {
                    let arrived = bytes.len();
                    self.directory().make_room(&mut storage, hash, arrived)?;
                    let make_room = |storage: &mut Files| {
                        let removed = self.directory().remove_unused(storage, hash);
                        removed.unwrap_or_default()
                    };
                    let written = writer.append(&mut storage, bytes.make_contiguous(), make_room);
                    // What does not fit is of no use, and a full disk harms everything else.
                    if let Err(error) = written {
                        return self.directory().settle(&mut storage, hash, Err(error));
                    }
                    bytes.clear();
                    if SYNC_PAUSE <= clock.now().since(synced) {
                        // The system reports once that it has lost content.
                        if let Err(error) = storage.sync(writer.file()) {
                            return self.directory().settle(&mut storage, hash, Err(error));
                        }
                        storage.sync_names().map_err(|it| failed(&it))?;
                        synced = clock.now();
                    }
                }
                WriterStep::Commit => break,
                WriterStep::End => return Ok(()),
            }
        }
        let written = writer.finish(&mut storage);
        self.directory().settle(&mut storage, hash, written)
    }

    fn read(&self, begun: &BegunTransfer, pipe: &ObjectPipe) -> PipeOutcome {
        let storage = self.files.files();
        let name = begun.hash.to_string();
        let mut bytes = vec![0; READ_BYTES];
        let mut offset = begun.offset;
        while offset < begun.size {
            let left = usize::try_from(begun.size - offset).unwrap_or(READ_BYTES);
            let bytes = &mut bytes[..left.min(READ_BYTES)];
            if !pipe.has_room(bytes.len()) {
                return Ok(());
            }
            if let Some(file) = &begun.file {
                file.read_exact_at(bytes, offset)
                    .map_err(|it| failed(&it))?;
                pipe.supply(bytes);
                offset += bytes.len() as u64;
                continue;
            }
            let mut read = storage.read_at(&name, offset, bytes);
            if matches!(&read, Err(error) if error.kind() == io::ErrorKind::NotFound) {
                // It may be given its name once more just now.
                let directory = self.directory();
                read = storage.read_at(&name, offset, bytes);
                drop(directory);
            }
            read.map_err(|it| failed(&it))?;
            pipe.supply(bytes);
            offset += bytes.len() as u64;
        }
        pipe.wait_until_closed();
        Ok(())
    }

    fn directory(&self) -> MutexGuard<'_, ObjectDirectory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transfer that has begun.
struct BegunTransfer {
    hash: ObjectHash,
    is_put: bool,
    offset: u64,
    /// True if another process has written what is before the offset.
    is_left: bool,
    size: u64,
    /// The file of an object that is beside the store.
    file: Option<File>,
}
