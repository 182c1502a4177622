//! The board's store: its directory, and a thread for each open transfer, because a disk may take its time.

use super::clock::Clock;
use super::store::{Files, StateDirectory, StateError};
use super::threads::OneEach;
use crate::core::objects::{
    ObjectDirectory, ObjectPipe, ObjectStart, ObjectWriter, PipeOutcome, WriterStep, failed,
    other_length,
};
use crate::core::storage::Storage as _;
use crate::core::transfers::{ObjectAsk, OpenObject};
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{Millis, ObjectHash};
use std::collections::VecDeque;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

/// The name of the store's directory in the state directory.
const DIRECTORY: &str = "objects";
/// The most transfers at once, over all clients.
pub const TRANSFERS: usize = 8;
/// The bytes that are read from an object at once.
const READ_BYTES: usize = 64 << 10;
/// The longest wait for an earlier transfer of an object, whose client is gone, to let go of it.
const RELEASE_WAIT: Duration = Duration::from_secs(2);
/// The time after which what was put so far is made durable, so that a reset costs no more.
const SYNC_PAUSE: Millis = Millis(1_000);
/// The stack of a transfer's thread, in bytes.
const STACK_BYTES: usize = 256 << 10;

/// The board's store. Clones are the same.
#[derive(Clone)]
pub struct ObjectService(Arc<dyn ObjectBackend>);

/// The worker behind a store: it carries out a transfer beside the session that asks for it.
pub trait ObjectBackend: Send + Sync {
    /// Begins a put or a get, tells its object, and goes on with the transfer until that is over.
    ///
    /// # Errors
    ///
    /// A refusal, if there is no room for one more.
    fn begin(self: Arc<Self>, ask: ObjectAsk, tell: ObjectTeller) -> Result<(), Box<Refusal>>;

    /// Opens the file of an object that is there, whole; `None` if it is not. Blocks.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn open_object(&self, hash: ObjectHash) -> io::Result<Option<File>> {
        let _ = hash;
        Ok(None)
    }

    /// Adds a source of objects that can be got beside its own, for as long as that is there.
    fn add_source(&self, source: Weak<dyn ObjectSource>) {
        drop(source);
    }
}

/// Takes the object of a transfer that begins, or why it does not; none if it is there already.
pub type ObjectTeller = oneshot::Sender<Result<Option<OpenObject>, Box<Refusal>>>;

/// The answer of the store, and the object of which it opens a transfer.
pub type ObjectAnswer = (Reply, Option<OpenObject>);

/// A source of objects that are not in the store: the files of generations, by the hashes of their contents.
pub trait ObjectSource: Send + Sync {
    /// Opens an object; `None` if it is not there. Blocks.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn open_object(&self, hash: ObjectHash) -> io::Result<Option<File>>;
}

struct SharedStore {
    /// The directory, and its room in bytes; none on a board that has no store.
    place: Option<(PathBuf, u64)>,
    /// The store, once it was needed: until then it takes no descriptors.
    open: Mutex<Option<Arc<OpenStore>>>,
    transfers: AtomicUsize,
    /// The objects beside those of the store.
    source: Mutex<Option<Weak<dyn ObjectSource>>>,
}

struct OpenStore {
    directory: Mutex<ObjectDirectory>,
    files: StateDirectory,
    /// A transfer has let go of its object.
    released: Condvar,
}

/// A place among the transfers that there may be at once.
struct TransferPlace(Arc<SharedStore>);

impl ObjectService {
    /// The store in a state directory, with room for so many bytes. It is opened when it is asked for something; while
    /// that fails, it refuses everything with the reason.
    #[must_use]
    pub fn new(state: &Path, room_bytes: u64) -> Self {
        Self::at(Some((state.join(DIRECTORY), room_bytes)))
    }

    /// The store of a board that has none.
    #[must_use]
    pub fn none() -> Self {
        Self::at(None)
    }

    fn at(place: Option<(PathBuf, u64)>) -> Self {
        Self::on(Arc::new(SharedStore {
            place,
            open: Mutex::default(),
            transfers: AtomicUsize::new(0),
            source: Mutex::default(),
        }))
    }

    /// Lets clients get the objects of a source, too, for as long as that is there.
    pub fn add_source(&self, source: Weak<dyn ObjectSource>) {
        self.0.add_source(source);
    }

    /// The store of a simulated board.
    #[must_use]
    pub fn on(backend: Arc<dyn ObjectBackend>) -> Self {
        Self(backend)
    }

    /// Opens the file of an object that is there, whole; `None` if it is not. Blocks.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn open_object(&self, hash: ObjectHash) -> io::Result<Option<File>> {
        self.0.open_object(hash)
    }

    /// Answers a question.
    pub async fn ask(&self, ask: ObjectAsk) -> ObjectAnswer {
        match ask {
            ObjectAsk::Commit(pipe) => {
                let outcome = poll_fn(|context| pipe.poll_outcome(context)).await;
                (
                    outcome.map_or_else(|it| Reply::Refused(*it), |()| Reply::Done),
                    None,
                )
            }
            ObjectAsk::Put(..) | ObjectAsk::Get(..) => {
                let (tell, told) = oneshot::channel();
                let begun = self.0.clone().begin(ask, tell);
                let told = match begun {
                    Ok(()) => told.await.unwrap_or_else(|_| Err(no_thread())),
                    Err(refusal) => Err(refusal),
                };
                match told {
                    Ok(object) => (Reply::Done, object),
                    Err(refusal) => (Reply::Refused(*refusal), None),
                }
            }
        }
    }
}

impl ObjectBackend for SharedStore {
    /// Begins on a thread, which goes on with the transfer.
    fn begin(self: Arc<Self>, ask: ObjectAsk, tell: ObjectTeller) -> Result<(), Box<Refusal>> {
        let place = TransferPlace::take(&self)?;
        let thread = OneEach::with_stack(STACK_BYTES);
        let started = thread.try_start(move || place.0.clone().transfer(&ask, tell, place));
        started.map_err(|_| no_thread())
    }

    fn open_object(&self, hash: ObjectHash) -> io::Result<Option<File>> {
        let Some((path, _)) = &self.place else {
            return Ok(None);
        };
        // Its name is its only when it is whole.
        match File::open(path.join(hash.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn add_source(&self, source: Weak<dyn ObjectSource>) {
        *self.source() = Some(source);
    }
}

impl SharedStore {
    /// One transfer, from its beginning to its end.
    fn transfer(&self, ask: &ObjectAsk, tell: ObjectTeller, place: TransferPlace) {
        match self.open() {
            Ok(store) => {
                let source = self.source().as_ref().and_then(Weak::upgrade);
                store.transfer(ask, source.as_deref(), (tell, place));
            }
            Err(refusal) => drop(tell.send(Err(refusal))),
        }
    }

    fn source(&self) -> MutexGuard<'_, Option<Weak<dyn ObjectSource>>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the store, if it is not.
    fn open(&self) -> Result<Arc<OpenStore>, Box<Refusal>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*open {
            return Ok(store.clone());
        }
        let place = self.place.as_ref();
        let place = place.ok_or_else(|| refused(Code::NotHere, "this board has no store"));
        let store = Arc::new(OpenStore::open(place?)?);
        Ok(open.insert(store).clone())
    }
}

impl OpenStore {
    fn open((path, room_bytes): &(PathBuf, u64)) -> Result<Self, Box<Refusal>> {
        let unusable = |error: &StateError| refused(Code::Internal, &error.to_string());
        let files = StateDirectory::open(path).map_err(|it| unusable(&it))?;
        let directory = ObjectDirectory::open(&mut files.files(), *room_bytes);
        Ok(Self {
            directory: Mutex::new(directory.map_err(|it| failed(&it))?),
            files,
            released: Condvar::new(),
        })
    }

    fn transfer(
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

impl TransferPlace {
    fn take(store: &Arc<SharedStore>) -> Result<Self, Box<Refusal>> {
        let taken = store.transfers.fetch_add(1, Ordering::Relaxed);
        let place = Self(store.clone());
        if taken < TRANSFERS {
            return Ok(place);
        }
        let detail = format!("the board has {TRANSFERS} transfers already");
        Err(refused(Code::Busy, &detail))
    }
}

impl Drop for TransferPlace {
    fn drop(&mut self) {
        self.0.transfers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn no_thread() -> Box<Refusal> {
    refused(
        Code::SlowDown,
        "there is no room for a thread: try again later",
    )
}

fn refused(code: Code, detail: &str) -> Box<Refusal> {
    Box::new(Refusal::new(code, detail))
}
