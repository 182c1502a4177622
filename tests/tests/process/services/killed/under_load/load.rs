//! Clients that keep an agent busy, and its successors.

use lastword_tests::process::Deadline;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The time between two attempts.
const RETRY: Duration = Duration::from_millis(10);
/// The requests that are sent at once.
const BATCH: usize = 50;
/// The most of an answer that is taken at once, in bytes.
const ANSWER_BYTES: usize = 4 * 1024;

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoadClient {
    /// Asks without end and takes every answer.
    Floods,
    /// Asks once and takes what comes without end.
    Follows,
    /// Asks without end and takes nothing.
    ReadsNothing,
}

/// The clients, each with what it says.
const CLIENTS: [(LoadClient, &str); 14] = [
    (LoadClient::Floods, "uptime\n"),
    (LoadClient::Floods, "status; status; status; status\n"),
    (LoadClient::Floods, "svc list\n"),
    (LoadClient::Floods, "svc logs out-1 --from 0 --tail 10000\n"),
    (
        LoadClient::Floods,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}\n",
    ),
    (LoadClient::Floods, "\u{1}\u{7f}garbage\n"),
    (LoadClient::Follows, "svc logs out-2 --follow\n"),
    (LoadClient::Follows, "svc logs err-2 --follow\n"),
    (LoadClient::Follows, "svc logs both-2 --follow\n"),
    (
        LoadClient::Follows,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logs\",\"params\":{\"name\":\"both-3\",\"follow\":true}}\n",
    ),
    (
        LoadClient::ReadsNothing,
        "svc logs both-1 --from 0 --tail 10000\n",
    ),
    (
        LoadClient::ReadsNothing,
        "svc logs err-1 --from 0 --tail 10000\n",
    ),
    (LoadClient::ReadsNothing, "svc logs out-3 --follow\n"),
    (LoadClient::ReadsNothing, "help\n"),
];

/// All clients. Each connects anew when its agent is gone.
pub(super) struct FloodLoad {
    state: Arc<LoadState>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct LoadState {
    is_over: AtomicBool,
    /// The number of bytes that agents have answered.
    taken: AtomicU64,
}

impl FloodLoad {
    /// Starts the clients of an agent at `socket`.
    pub(super) fn start(socket: &Path) -> Self {
        let state = Arc::new(LoadState::default());
        let start = |(client, request): (LoadClient, &'static str)| {
            let (socket, state) = (PathBuf::from(socket), Arc::clone(&state));
            thread::spawn(move || {
                while !state.is_over.load(Ordering::Relaxed) {
                    if let Ok(stream) = UnixStream::connect(&socket) {
                        state.talk(&stream, client, request);
                    }
                    thread::park_timeout(RETRY);
                }
            })
        };
        let clients = CLIENTS.map(start).into();
        Self { state, clients }
    }

    /// Waits until an agent has answered.
    pub(super) fn wait_for_answer(&self) {
        let deadline = Deadline::start();
        while self.state.taken.load(Ordering::Relaxed) == 0 {
            deadline.check("answer", &());
            thread::park_timeout(RETRY);
        }
    }

    /// Ends the load, once the agent is gone. Returns how many bytes were answered.
    pub(super) fn end(self) -> u64 {
        self.state.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("a client that does not panic");
        }
        self.state.taken.load(Ordering::Relaxed)
    }
}

impl LoadState {
    /// Talks until the agent ends it.
    fn talk(&self, mut stream: &UnixStream, client: LoadClient, request: &str) {
        let batch = request.repeat(if client == LoadClient::Follows {
            1
        } else {
            BATCH
        });
        thread::scope(|scope| {
            scope.spawn(move || {
                let write = || (&*stream).write_all(batch.as_bytes()).is_ok();
                while write() && client != LoadClient::Follows {}
            });
            let mut answer = [0; ANSWER_BYTES];
            while client != LoadClient::ReadsNothing
                && let Ok(bytes @ 1..) = stream.read(&mut answer)
            {
                self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
            }
        });
    }
}
