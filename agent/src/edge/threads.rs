//! Where what may block runs: on threads of its own, never on the executor.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// Runs what may block. A simulator runs it itself, when it sees fit.
pub trait Threads: Send + Sync {
    /// Runs `work` some time soon, to its end, whoever still waits for it.
    fn start(&self, work: Box<dyn FnOnce() + Send>);
}

/// The runtime's threads for blocking work.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeThreads;

impl Threads for RuntimeThreads {
    fn start(&self, work: Box<dyn FnOnce() + Send>) {
        // Its end is told by what it sends; nobody joins it.
        drop(tokio::task::spawn_blocking(work));
    }
}

/// A thread for each piece of work; where the machine has no room for one, here and now: what has to
/// be done against a flood of processes must not fail because of it. (The runtime's threads panic.)
#[derive(Clone, Copy, Debug)]
pub struct OneEach {
    stack_bytes: usize,
}

impl Default for OneEach {
    fn default() -> Self {
        Self::with_stack(512 << 10)
    }
}

impl OneEach {
    /// Threads with so much stack, in bytes.
    #[must_use]
    pub const fn with_stack(stack_bytes: usize) -> Self {
        Self { stack_bytes }
    }

    /// Runs `work` on a thread, and never here: it may not come back.
    ///
    /// # Errors
    ///
    /// If there is no room for a thread; `work` is dropped then.
    pub fn try_start(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().stack_size(self.stack_bytes);
        thread.spawn(work).map(drop)
    }
}

impl Threads for OneEach {
    fn start(&self, work: Box<dyn FnOnce() + Send>) {
        // A thread that does not come to be takes what it was given with it.
        let work = Arc::new(Mutex::new(Some(work)));
        let theirs = work.clone();
        if self.try_start(move || take(&theirs)).is_err() {
            take(&work);
        }
    }
}

/// A few threads, which are there from the beginning: what they do can be done even when the machine has
/// no room for another. They end with the last clone, once they have done what there was.
#[derive(Clone, Debug)]
pub struct Few(mpsc::Sender<Work>);

/// What is to be done, and by whoever comes first.
type Work = Box<dyn FnOnce() + Send>;

impl Few {
    /// So many, each with `stack_bytes` of stack.
    ///
    /// # Errors
    ///
    /// If the machine has no room for them.
    pub fn start(name: &str, count: usize, stack_bytes: usize) -> io::Result<Self> {
        let (give, take) = mpsc::channel::<Work>();
        let take = Arc::new(Mutex::new(take));
        for _ in 0..count {
            let take = take.clone();
            let thread = thread::Builder::new().name(name.to_owned());
            thread.stack_size(stack_bytes).spawn(move || serve(&take))?;
        }
        Ok(Self(give))
    }
}

impl Threads for Few {
    fn start(&self, work: Work) {
        // They end no sooner than this does.
        drop(self.0.send(work));
    }
}

/// Does one thing after the other.
fn serve(take: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let taken = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = taken else {
            return;
        };
        // Whoever waits for it hears that nothing will come; the thread serves the next.
        drop(catch_unwind(AssertUnwindSafe(work)));
    }
}

/// Does what has not been done.
fn take(work: &Mutex<Option<Box<dyn FnOnce() + Send>>>) {
    let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(work) = work {
        work();
    }
}

/// It panicked. The log has where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it panicked")
    }
}

/// Runs `work` on `threads` and waits for what it returns. Dropping this does not stop the work.
///
/// # Errors
///
/// If it panicked.
pub async fn run<T: Send + 'static>(
    threads: &dyn Threads,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    let (tell, told) = oneshot::channel();
    // Nobody may be left to be told.
    threads.start(Box::new(move || drop(tell.send(work()))));
    told.await.map_err(|_| Panicked)
}

/// Runs `work`, which may hang, on a thread with so much stack, and waits for it at most so long. Beyond
/// that nobody waits for the thread.
///
/// # Errors
///
/// If it takes longer, panics, or there is no room for a thread.
pub fn within<T: Send + 'static>(
    limit: Duration,
    stack_bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = mpsc::channel();
    // Nobody may be left to be told.
    OneEach::with_stack(stack_bytes).try_start(move || drop(tell.send(work())))?;
    told.recv_timeout(limit).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => {
            let what = format!("not done within {} s; is the disk there?", limit.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, what)
        }
        mpsc::RecvTimeoutError::Disconnected => io::Error::other(Panicked.to_string()),
    })
}

/// On a machine that has no room for a thread.
#[cfg(test)]
pub(crate) const NO_ROOM: OneEach = OneEach::with_stack(usize::MAX / 4);

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::ThreadId;

    #[tokio::test]
    async fn work_is_done_here_where_there_is_no_room_for_a_thread() {
        let here = thread::current().id();
        assert_ne!(done_on(OneEach::default()).await, here);
        assert_eq!(done_on(NO_ROOM).await, here);
    }

    async fn done_on(threads: OneEach) -> ThreadId {
        let done = run(&threads, || thread::current().id()).await;
        done.expect("no panic")
    }

    #[tokio::test]
    async fn a_few_threads_do_everything_and_outlive_a_panic() {
        let threads = Few::start("few", 1, 512 << 10).expect("room");
        let panicked = run(&threads, || panic!("as tested")).await;
        assert_eq!(panicked, Err::<(), _>(Panicked));
        let thread = || thread::current().id();
        let first = run(&threads, thread).await;
        assert_eq!(run(&threads, thread).await, first);
        assert_ne!(first, Ok(thread()));
    }

    #[tokio::test]
    async fn a_panic_is_told() {
        let done = run(&OneEach::default(), || panic!("as tested")).await;
        assert_eq!(done, Err::<(), _>(Panicked));
    }

    #[test]
    fn work_that_hangs_is_given_up_and_a_panic_is_told() {
        let limit = Duration::from_millis(20);
        assert_eq!(within(Duration::from_mins(1), 64 << 10, || 7).ok(), Some(7));
        let (_held, waits) = mpsc::channel::<()>();
        let hangs = within(limit, 64 << 10, move || waits.recv());
        let error = hangs.expect_err("it hangs");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let panicked = within(Duration::from_mins(1), 64 << 10, || panic!("as tested"));
        assert_eq!(
            panicked.map(|(): ()| ()).map_err(|it| it.to_string()),
            Err("it panicked".to_owned())
        );
    }
}
