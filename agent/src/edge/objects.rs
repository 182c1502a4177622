//! The board's store: its directory, and a thread for each open transfer, because a disk may take its time.

mod open_store;

use super::regular_file::open_regular;
use super::threads::OneEach;
use crate::core::transfers::{ObjectAsk, OpenObject};
use lastword_protocol::ObjectHash;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::{Code, Refusal};
use open_store::OpenStore;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::oneshot;

/// The name of the store's directory in the state directory.
const DIRECTORY: &str = "objects";
/// The most transfers at once, over all clients.
pub const TRANSFERS: usize = 8;
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
        match open_regular(&path.join(hash.to_string())) {
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
