//! Where what may block runs: on threads of its own, never on the executor.

use std::fmt;
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
