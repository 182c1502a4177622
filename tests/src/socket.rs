//! A connection in tokio's time, as TCP makes them: bytes count as arrived when the peer's stack
//! has acknowledged them, a closed window holds them back, a reset ends everything.

mod link;

pub use link::{HostSocket, SocketLink};

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// What the socket's own buffer takes, in bytes.
pub const SEND_BYTES: usize = 16 * 1024;

/// A connection between an agent and a host. Clones are the same connection.
#[derive(Clone, Debug, Default)]
pub struct Socket(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    to_host: Flow,
    to_agent: Flow,
    is_reset: bool,
}

/// One direction.
#[derive(Debug, Default)]
struct Flow {
    /// Written, and not acknowledged by the peer's stack.
    queue: VecDeque<u8>,
    /// Acknowledged, and not read by the peer's program.
    arrived: VecDeque<u8>,
    acknowledged: u64,
    window_is_closed: bool,
    /// The sender will send no more.
    is_shut: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Flow {
    fn write(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(SEND_BYTES - self.queue.len());
        self.queue.extend(&bytes[..count]);
        self.pass();
        count
    }

    fn pass(&mut self) {
        if !self.window_is_closed {
            self.acknowledged += self.queue.len() as u64;
            self.arrived.extend(self.queue.drain(..));
            self.wake();
        }
    }

    fn wake(&mut self) {
        let wakers = [self.reader.take(), self.writer.take()];
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Socket {
    /// The agent's end.
    #[must_use]
    pub fn agent_end(&self) -> SocketLink {
        SocketLink::new(self.clone())
    }

    /// The host's end.
    #[must_use]
    pub fn host_end(&self) -> HostSocket {
        HostSocket::new(self.clone())
    }

    /// The host says something, without waiting for anything.
    pub fn say(&self, text: &str) {
        self.lock().to_agent.write(text.as_bytes());
    }

    /// What has arrived at the host and was not read there.
    #[must_use]
    pub fn heard(&self) -> String {
        let arrived: Vec<u8> = self.lock().to_host.arrived.iter().copied().collect();
        String::from_utf8_lossy(&arrived).into_owned()
    }

    /// All that can make a difference to what it does.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let state = self.lock();
        let mut hasher = DefaultHasher::new();
        state.is_reset.hash(&mut hasher);
        for flow in [&state.to_host, &state.to_agent] {
            (&flow.queue, &flow.arrived, flow.acknowledged).hash(&mut hasher);
            (flow.window_is_closed, flow.is_shut).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The host's stack takes nothing more, or takes it again.
    pub fn close_window(&self, closed: bool) {
        let flow = &mut self.lock().to_host;
        flow.window_is_closed = closed;
        flow.pass();
    }

    /// The host's stack says RST: whatever waits is lost.
    pub fn reset(&self) {
        let mut state = self.lock();
        state.is_reset = true;
        state.to_host.wake();
        state.to_agent.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
