//! The bytes of an object between a session, which waits for no disk, and the thread that reads or writes them.

use lastword_protocol::refusal::Refusal;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The bytes that are written at once, if they come soon enough.
const WRITE_BYTES: usize = 64 << 10;
/// The time for which bytes wait for more, so that a thread is not woken for each piece.
const GATHER: Duration = Duration::from_millis(10);

/// The most bytes in a pipe.
pub(super) const PIPE_BYTES: usize = 512 << 10;

/// A pipe. Clones are the same.
#[derive(Clone)]
pub struct ObjectPipe(Arc<SharedPipe>);

struct SharedPipe {
    state: Mutex<PipeState>,
    /// Wakes the thread.
    changed: Condvar,
}

#[derive(Default)]
struct PipeState {
    bytes: VecDeque<u8>,
    /// The place in the object of the first of them.
    offset: u64,
    /// True once the session needs it no more.
    is_closed: bool,
    /// True once the session wants the object kept.
    is_complete: bool,
    outcome: Option<PipeOutcome>,
    /// The number of things that the thread has done.
    changes: u64,
    /// The wakers of all who wait for the next.
    wakers: Vec<Waker>,
}

/// The end of a thread's work.
pub type PipeOutcome = Result<(), Box<Refusal>>;

/// The next thing that is to be done with an object that is put.
#[derive(Debug, PartialEq, Eq)]
pub enum WriterStep {
    /// Write the bytes.
    Write,
    /// Compare the hash and keep the object.
    Commit,
    /// Nothing: the session needs it no more.
    End,
}

impl ObjectPipe {
    /// An empty pipe for the bytes from `offset` on.
    #[must_use]
    pub fn new(offset: u64) -> Self {
        let state = PipeState {
            offset,
            ..PipeState::default()
        };
        Self(Arc::new(SharedPipe {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }

    /// Returns the number of bytes that there is room for.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        PIPE_BYTES.saturating_sub(self.lock().bytes.len())
    }

    /// Puts bytes in, at the end. Never more than there is room for.
    pub fn push(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let before = state.bytes.len();
        state.bytes.extend(bytes);
        // In between the thread gathers them.
        let is_enough = before < WRITE_BYTES && WRITE_BYTES <= state.bytes.len();
        if before == 0 || is_enough {
            self.0.changed.notify_one();
        }
    }

    /// Has the object kept once all of it is written: [`ObjectPipe::poll_outcome`] tells what came of it.
    pub fn complete(&self) {
        self.lock().is_complete = true;
        self.0.changed.notify_one();
    }

    /// Needs it no more. What is to be kept is kept all the same.
    pub fn close(&self) {
        let mut state = self.lock();
        if state.is_complete {
            return;
        }
        state.is_closed = true;
        state.bytes = VecDeque::new();
        self.0.changed.notify_one();
    }

    /// Copies bytes out and leaves them in. Returns whether all of them are there.
    #[must_use]
    pub fn copy(&self, offset: u64, out: &mut [u8]) -> bool {
        let state = self.lock();
        let start = offset.checked_sub(state.offset).map(usize::try_from);
        let Some(Ok(start)) = start else {
            return false;
        };
        if state.bytes.len() < start + out.len() {
            return false;
        }
        let (front, back) = state.bytes.as_slices();
        let from_front = front.get(start..).unwrap_or_default();
        let in_front = from_front.len().min(out.len());
        let (out_front, out_back) = out.split_at_mut(in_front);
        out_front.copy_from_slice(&from_front[..in_front]);
        let behind = start.saturating_sub(front.len());
        out_back.copy_from_slice(&back[behind..behind + out_back.len()]);
        true
    }

    /// Returns the place in the object behind the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.lock().end()
    }

    /// Drops the bytes before `offset`: nobody asks for them any more.
    pub fn discard_before(&self, offset: u64) {
        let mut state = self.lock();
        let count = usize::try_from(offset.saturating_sub(state.offset));
        let count = count.unwrap_or(usize::MAX).min(state.bytes.len());
        if count > 0 {
            state.bytes.drain(..count);
            state.offset += count as u64;
            self.0.changed.notify_one();
        }
    }

    /// Waits for the end of the thread's work.
    pub fn poll_outcome(&self, context: &Context<'_>) -> Poll<PipeOutcome> {
        let mut state = self.lock();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(outcome.clone());
        }
        state.wait(context.waker());
        Poll::Pending
    }

    /// Returns why the thread has given up, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Box<Refusal>> {
        self.lock().outcome.clone()?.err()
    }

    /// Returns the number of things that the thread has done.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Has `waker` woken at the next thing that the thread does.
    pub fn wake_on_change(&self, waker: &Waker) {
        self.lock().wait(waker);
    }

    /// Waits for what is to be done, on the thread that writes; the bytes are moved to `bytes`, which is empty.
    pub fn next_step(&self, bytes: &mut VecDeque<u8>) -> WriterStep {
        let nothing = |state: &mut PipeState| {
            state.bytes.is_empty() && !state.is_closed && !state.is_complete
        };
        let waited = self.0.changed.wait_while(self.lock(), nothing);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let few = |state: &mut PipeState| {
            state.bytes.len() < WRITE_BYTES && !state.is_closed && !state.is_complete
        };
        let waited = self.0.changed.wait_timeout_while(state, GATHER, few);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.take_step(bytes)
    }

    /// As [`ObjectPipe::next_step`], but waits for nothing: `None` if there is nothing to be done yet.
    pub fn try_next_step(&self, bytes: &mut VecDeque<u8>) -> Option<WriterStep> {
        let mut state = self.lock();
        if state.bytes.is_empty() && !state.is_closed && !state.is_complete {
            return None;
        }
        Some(state.take_step(bytes))
    }

    /// Returns whether the session needs it no more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Waits for room for so many bytes, on the thread that reads. Returns whether the session still needs them.
    #[must_use]
    pub fn has_room(&self, bytes: usize) -> bool {
        let is_full =
            |state: &mut PipeState| PIPE_BYTES < state.bytes.len() + bytes && !state.is_closed;
        let waited = self.0.changed.wait_while(self.lock(), is_full);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        !state.is_closed
    }

    /// Waits until the session needs no more, on the thread that has read all: what is in the pipe may be wanted
    /// again.
    pub fn wait_until_closed(&self) {
        let is_open = |state: &mut PipeState| !state.is_closed;
        drop(self.0.changed.wait_while(self.lock(), is_open));
    }

    /// Puts bytes in, on the thread that reads.
    pub fn supply(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.bytes.extend(bytes);
        state.wake();
    }

    /// Ends the thread's work.
    pub fn end_with(&self, outcome: PipeOutcome) {
        let mut state = self.lock();
        state.outcome = Some(outcome);
        state.wake();
    }

    fn lock(&self) -> MutexGuard<'_, PipeState> {
        // Each change is whole before the next.
        let locked = self.0.state.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}

impl PipeState {
    /// Takes what is to be done, of which there is something.
    fn take_step(&mut self, bytes: &mut VecDeque<u8>) -> WriterStep {
        if self.is_closed {
            return WriterStep::End;
        }
        if self.bytes.is_empty() {
            return WriterStep::Commit;
        }
        self.offset = self.end();
        mem::swap(&mut self.bytes, bytes);
        self.wake();
        WriterStep::Write
    }

    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    fn wait(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|it| it.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    fn wake(&mut self) {
        self.changes += 1;
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

impl fmt::Debug for ObjectPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let held = state.bytes.len();
        f.debug_struct("ObjectPipe")
            .field("offset", &state.offset)
            .field("held", &held)
            .finish_non_exhaustive()
    }
}

impl PartialEq for ObjectPipe {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ObjectPipe {}
