//! The store of a board in simulated time: the agent's own, on a disk that only remembers, with tasks in place of
//! threads.

use crate::disk::Disk;
use lastword_agent::core::objects::{
    ObjectDirectory, ObjectPipe, ObjectStart, ObjectWriter, PipeOutcome, WriterStep, failed,
};
use lastword_agent::core::storage::Storage as _;
use lastword_agent::core::transfers::{ObjectAsk, OpenObject};
use lastword_agent::edge::objects::{ObjectBackend, ObjectTeller};
use lastword_protocol::ObjectHash;
use lastword_protocol::refusal::Refusal;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The bytes that are read from an object at once.
const READ_BYTES: usize = 4_096;
/// The time that the disk takes for one thing.
const DISK_PAUSE: Duration = Duration::from_millis(1);

/// A store. Its transfers end with it, as those of a process do.
pub(crate) struct SimulatedStore {
    directory: Arc<Mutex<ObjectDirectory>>,
    disk: Disk,
    transfers: Mutex<JoinSet<()>>,
}

/// One transfer.
struct SimulatedTransfer {
    directory: Arc<Mutex<ObjectDirectory>>,
    disk: Disk,
    hash: ObjectHash,
    pipe: ObjectPipe,
}

impl SimulatedStore {
    /// The store on a disk, as an agent finds it that begins.
    pub(crate) fn open(mut disk: Disk) -> Self {
        let directory = ObjectDirectory::open(&mut disk, u64::MAX).expect("a disk");
        Self {
            directory: Arc::new(Mutex::new(directory)),
            disk,
            transfers: Mutex::default(),
        }
    }

    /// Opens the object, and begins its transfer.
    fn open_object(&self, ask: &ObjectAsk) -> Result<Option<OpenObject>, Box<Refusal>> {
        let mut disk = self.disk.clone();
        let mut directory = lock(&self.directory);
        let (hash, offset, size, is_left) = match ask {
            ObjectAsk::Put(hash, size) => match directory.begin_put(&mut disk, *hash, *size)? {
                ObjectStart::Stored => return Ok(None),
                ObjectStart::From { offset, is_left } => (*hash, offset, *size, Some(is_left)),
            },
            ObjectAsk::Get(hash, from) => {
                let size = directory.begin_get(&disk, *hash, *from)?;
                (*hash, *from, size, None)
            }
            ObjectAsk::Commit(_) => unreachable!("its pipe is waited for"),
        };
        let pipe = ObjectPipe::new(offset);
        let transfer = SimulatedTransfer {
            directory: self.directory.clone(),
            disk,
            hash,
            pipe: pipe.clone(),
        };
        let mut transfers = self
            .transfers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        transfers.spawn(transfer.run((offset, size), is_left));
        Ok(Some(OpenObject { pipe, offset, size }))
    }
}

impl ObjectBackend for SimulatedStore {
    fn begin(self: Arc<Self>, ask: ObjectAsk, tell: ObjectTeller) -> Result<(), Box<Refusal>> {
        let opened = self.open_object(&ask);
        // Nobody may wait for it any more; then it is closed.
        drop(tell.send(opened));
        Ok(())
    }
}

impl SimulatedTransfer {
    /// A put if another process has left a part, or not; a get otherwise.
    async fn run(mut self, (offset, size): (u64, u64), is_left: Option<bool>) {
        let outcome = match is_left {
            Some(is_left) => self.write(offset, is_left).await,
            None => self.read(offset, size).await,
        };
        lock(&self.directory).release(&mut self.disk, self.hash);
        self.pipe.end_with(outcome);
    }

    async fn write(&mut self, offset: u64, is_left: bool) -> PipeOutcome {
        let opened = ObjectWriter::open(&mut self.disk, self.hash, (offset, is_left));
        let mut writer = opened.map_err(|it| failed(&it))?;
        let mut bytes = VecDeque::new();
        loop {
            sleep(DISK_PAUSE).await;
            match self.pipe.try_next_step(&mut bytes) {
                None => {}
                Some(WriterStep::Write) => {
                    let (arrived, hash) = (bytes.len(), self.hash);
                    lock(&self.directory).make_room(&mut self.disk, hash, arrived)?;
                    let written = writer.append(&mut self.disk, bytes.make_contiguous(), |_| false);
                    written.map_err(|it| failed(&it))?;
                    bytes.clear();
                }
                Some(WriterStep::Commit) => break,
                Some(WriterStep::End) => return Ok(()),
            }
        }
        let written = writer.finish(&mut self.disk);
        lock(&self.directory).settle(&mut self.disk, self.hash, written)
    }

    async fn read(&mut self, mut offset: u64, size: u64) -> PipeOutcome {
        let name = self.hash.to_string();
        while offset < size && !self.pipe.is_closed() {
            let left = usize::try_from(size - offset).unwrap_or(READ_BYTES);
            let mut bytes = vec![0; left.min(READ_BYTES)];
            if self.pipe.free_bytes() >= bytes.len() {
                let read = self.disk.read_at(&name, offset, &mut bytes);
                read.map_err(|it| failed(&it))?;
                self.pipe.supply(&bytes);
                offset += bytes.len() as u64;
            }
            sleep(DISK_PAUSE).await;
        }
        while !self.pipe.is_closed() {
            sleep(DISK_PAUSE).await;
        }
        Ok(())
    }
}

fn lock(directory: &Mutex<ObjectDirectory>) -> MutexGuard<'_, ObjectDirectory> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}
