//! What the readers of one service's log share with the pump: the newest lines, and word of more.

use super::archive::{Archive, Extent};
use super::paths::Paths;
use crate::core::log::index::Record;
use crate::core::log::ring::Ring;
use crate::core::log::{Cursor, Line, LogLimits};
use crate::edge::threads::{self, OneEach};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};
use tokio::task::coop::consume_budget;

/// The most lines that a batch has.
pub const BATCH_LINES: usize = 1024;
/// The most content that a batch has, in bytes.
pub const BATCH_BYTES: usize = 128 * 1024;
/// The most content that a tail has, in bytes. What lies before it, a [`Follower`] reads.
pub const TAIL_BYTES: usize = 4 * 1024 * 1024;

/// The readings of files at once, of all logs together: whoever wants more waits. Each has a thread
/// and a chunk in memory, and the agent's other threads are to have their share of the processors.
const READS_MAX: usize = 4;
/// A place for each reading that is under way.
static READS: Semaphore = Semaphore::const_new(READS_MAX);

/// The feeds of all services, by name.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<HashMap<String, Arc<Feed>>>);

impl Feeds {
    pub(super) fn find(&self, name: &str) -> Option<Arc<Feed>> {
        self.lock().get(name).cloned()
    }

    pub(super) fn insert(&self, name: &str, feed: Arc<Feed>) {
        self.lock().insert(name.to_owned(), feed);
    }

    pub(super) fn failing(&self) -> usize {
        let feeds = self.lock();
        feeds.values().filter(|feed| feed.is_failing()).count()
    }

    pub(super) fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Feed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a log has come.
#[derive(Clone, Copy, Debug)]
struct Progress {
    next: Cursor,
    open: bool,
}

/// One service's log, as its readers see it.
#[derive(Debug)]
pub(super) struct Feed {
    /// Nothing waits while it is held.
    ring: Mutex<Ring>,
    progress: watch::Sender<Progress>,
    /// Held while files are renamed, and while readers open them.
    names: Mutex<()>,
    paths: Paths,
    failures: AtomicU64,
    /// True if it cannot be written.
    failing: AtomicBool,
}

impl Feed {
    pub(super) fn new(paths: Paths, limits: LogLimits, next: Cursor) -> Self {
        Self {
            ring: Mutex::new(Ring::new(limits.ring_bytes, next)),
            progress: watch::Sender::new(Progress { next, open: true }),
            names: Mutex::new(()),
            paths,
            failures: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }
    }

    pub(super) fn push(&self, record: &Record, chunk: &[u8]) {
        let next = {
            let mut ring = self.ring();
            ring.push(record, chunk);
            ring.next()
        };
        self.progress.send_modify(|progress| progress.next = next);
    }

    /// Has readers know where the log goes on.
    pub(super) fn begin(&self, next: Cursor) {
        self.ring().begin(next);
        self.progress.send_modify(|progress| progress.next = next);
    }

    pub(super) fn limit(&self, limits: LogLimits) {
        self.ring().limit(limits.ring_bytes);
    }

    pub(super) fn close(&self) {
        self.progress.send_modify(|progress| progress.open = false);
    }

    /// Keeps the files' names as they are for as long as it is held.
    pub(super) fn names(&self) -> MutexGuard<'_, ()> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_written_again(&self) {
        self.failing.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next(&self) -> Cursor {
        self.progress.borrow().next
    }

    /// The newest lines, from memory or from the files.
    pub(super) async fn tail(self: Arc<Self>, lines: usize) -> io::Result<Tail> {
        let next = self.next();
        let from = next.before(lines as u64);
        let count = usize::try_from(next.since(from)).unwrap_or(usize::MAX);
        let kept = self.ring().read(from, count, TAIL_BYTES);
        let lines = match kept.filter(|kept| kept.len() == count) {
            Some(kept) => kept,
            None => blocking(move || self.read_tail(from, next)).await?,
        };
        Ok(Tail { lines, next })
    }

    /// Reads to the end and keeps the newest.
    fn read_tail(&self, from: Cursor, until: Cursor) -> io::Result<Vec<Line>> {
        let archive = self.archive(from)?;
        let mut kept = VecDeque::new();
        let (mut at, mut bytes) = (from, 0);
        while at < until {
            let lines = archive.read(batch(at, until))?;
            let Some(last) = lines.last() else {
                break;
            };
            at = last.cursor.after(1);
            bytes += lines.iter().map(|line| line.bytes.len()).sum::<usize>();
            kept.extend(lines);
            while bytes > TAIL_BYTES {
                bytes -= kept
                    .pop_front()
                    .map_or(bytes, |line: Line| line.bytes.len());
            }
        }
        Ok(kept.into())
    }

    fn read_batch(&self, extent: Extent) -> io::Result<Vec<Line>> {
        self.archive(extent.from)?.read(extent)
    }

    fn archive(&self, from: Cursor) -> io::Result<Archive> {
        let _names = self.names();
        Archive::open(&self.paths, from)
    }
}

fn batch(from: Cursor, until: Cursor) -> Extent {
    Extent {
        from,
        until,
        lines: BATCH_LINES,
        bytes: BATCH_BYTES,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = READS.acquire().await.map_err(io::Error::other)?;
    // The place is given back when the reading is over, whether anybody still waits for it or not.
    let work = move || {
        let read = work();
        drop(place);
        read
    };
    let done = threads::run(&OneEach::default(), work).await;
    done.map_err(|panicked| io::Error::other(panicked.to_string()))?
}

/// The end of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The lines, the oldest first: as many as were asked for, if there are so many and they fit
    /// in [`TAIL_BYTES`].
    pub lines: Vec<Line>,
    /// The place after the last of them, to follow from.
    pub next: Cursor,
}

/// Lines that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// How many lines before these are gone: the reader was too slow for what is kept.
    pub missed: u64,
    /// The lines, at most [`BATCH_LINES`] and about [`BATCH_BYTES`]. None, if all that was known
    /// of is that some were missed.
    pub lines: Vec<Line>,
}

/// Reads a log on and on.
#[derive(Debug)]
pub struct Follower {
    feed: Arc<Feed>,
    progress: watch::Receiver<Progress>,
    next: Cursor,
    most_lines: usize,
    most_bytes: usize,
}

impl Follower {
    /// Follows from a place; from the end, if that lies beyond it.
    pub(super) fn new(feed: Arc<Feed>, from: Cursor) -> Self {
        Self {
            next: from.min(feed.next()),
            progress: feed.progress.subscribe(),
            feed,
            most_lines: BATCH_LINES,
            most_bytes: BATCH_BYTES,
        }
    }

    /// The same, with smaller batches: at most so many lines and, after the first, bytes.
    #[must_use]
    pub fn limited(mut self, lines: usize, bytes: usize) -> Self {
        self.most_lines = lines.clamp(1, BATCH_LINES);
        self.most_bytes = bytes.min(BATCH_BYTES);
        self
    }

    /// The place after what was returned, to follow from with another follower.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        self.next
    }

    /// The next lines, as soon as there are some; `None` once the service was detached, or the
    /// logs ended, and all there is was returned. Cancel-safe: what was not returned comes next time.
    ///
    /// # Errors
    ///
    /// If older lines are to be read from the files and cannot be. They may be asked for again.
    pub async fn next(&mut self) -> io::Result<Option<Batch>> {
        // A service that writes without pause must not keep its reader's thread for itself.
        consume_budget().await;
        loop {
            let seen = *self.progress.borrow_and_update();
            if self.next < seen.next {
                return self.read(seen.next).await.map(Some);
            }
            // The sender lives as long as `feed`.
            if !seen.open || self.progress.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn read(&mut self, until: Cursor) -> io::Result<Batch> {
        let (lines, bytes) = (self.most_lines, self.most_bytes);
        let recent = self.feed.ring().read(self.next, lines, bytes);
        let lines = if let Some(recent) = recent {
            recent
        } else {
            let extent = Extent {
                lines,
                bytes,
                ..batch(self.next, until)
            };
            let feed = Arc::clone(&self.feed);
            blocking(move || feed.read_batch(extent)).await?
        };
        let oldest = self.feed.ring().first();
        let first = lines
            .first()
            .map_or(oldest.max(self.next), |line| line.cursor);
        let batch = Batch {
            missed: first.since(self.next),
            lines,
        };
        self.next = first.after(batch.lines.len() as u64);
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Barrier;
    use std::task::Poll;

    /// Begins a reading. Returns whether it is not over yet.
    async fn begin<F: Future>(reading: std::pin::Pin<&mut F>) -> bool {
        let mut reading = reading;
        poll_fn(|context| Poll::Ready(reading.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn so_many_are_read_at_once_and_no_more_whether_whoever_asked_has_left_or_not() {
        let gate = Arc::new(Barrier::new(READS_MAX + 1));
        for _ in 0..READS_MAX {
            let gate = Arc::clone(&gate);
            let left = blocking(move || Ok(gate.wait().is_leader()));
            assert!(begin(pin!(left)).await);
        }
        let mut one_more = pin!(blocking(|| Ok(7)));
        assert!(begin(one_more.as_mut()).await);
        assert_eq!(READS.available_permits(), 0);
        gate.wait();
        assert_eq!(one_more.await.expect("it is read"), 7);
    }
}
