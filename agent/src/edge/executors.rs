//! The threads that the agent's tasks run on: whoever floods one of them keeps no other waiting.
//!
//! Two: the process's first has the supervisor, the logs' readers, the power task, serial lines and
//! pseudo-terminals; the connections' has TCP and the Unix socket. They share locks, so none has a lower
//! priority: it would be waited for while it holds one. Each costs three descriptors.

use crate::core::config::Listener;
use std::io;
use std::thread;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// The most tasks that have their turn before an executor looks whether a link has something: where each of
/// them starts a thread or a process, tokio's 61 take it 60 ms.
const TASKS_PER_LOOK: u32 = 2;

/// Returns an executor of one thread, as the agent needs it.
///
/// # Errors
///
/// If descriptors or memory have run out.
pub fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().event_interval(TASKS_PER_LOOK).build()
}

/// A thread with an executor; both end when this is dropped.
#[derive(Debug)]
struct Executor {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Executor {
    fn start(name: &str) -> io::Result<Self> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // It is dropped, never sent.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }
}

/// The process's first executor, and the one beside it.
#[derive(Debug)]
pub(super) struct Executors {
    first: Handle,
    connections: Executor,
}

impl Executors {
    /// Starts the second; this runs on the first.
    ///
    /// # Errors
    ///
    /// If the machine has no room for a thread.
    pub(super) fn start() -> io::Result<Self> {
        Ok(Self {
            first: Handle::current(),
            connections: Executor::start("connections")?,
        })
    }

    /// Returns where the board's own lines and the power task run.
    pub(super) const fn board(&self) -> &Handle {
        &self.first
    }

    /// Returns where the sessions of a listener run.
    pub(super) const fn of(&self, listener: &Listener) -> &Handle {
        match listener {
            Listener::Tcp { .. } | Listener::Tls { .. } | Listener::Unix { .. } => {
                &self.connections.handle
            }
            Listener::Serial { .. } | Listener::Pty { .. } => self.board(),
        }
    }
}
