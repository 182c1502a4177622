//! A relay between a client and a server, which counts what goes over it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A port that leads to another one. Its threads end with their connections.
#[derive(Debug)]
pub(super) struct CountingRelay {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl CountingRelay {
    /// Listens, and leads every connection to `server`.
    pub(super) fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let relay = Self {
            address: listener.local_addr()?,
            bytes: Arc::default(),
        };
        let bytes = relay.bytes.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is not there ends the connection, which its client sees.
                let _ = lead(&client, server, &bytes);
            }
        });
        Ok(relay)
    }

    /// The address that it listens on.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes of both directions up to now.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn lead(client: &TcpStream, server: SocketAddr, bytes: &Arc<AtomicU64>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    for (from, to) in [(client, &server), (&server, client)] {
        let (from, to, bytes) = (from.try_clone()?, to.try_clone()?, bytes.clone());
        thread::spawn(move || copy(from, to, &bytes));
    }
    Ok(())
}

/// Copies one direction to its end.
fn copy(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicU64) {
    let mut room = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut room) {
        bytes.fetch_add(length as u64, Ordering::Relaxed);
        if room
            .get(..length)
            .is_none_or(|read| to.write_all(read).is_err())
        {
            break;
        }
    }
    // The other side may be gone.
    let _ = to.shutdown(Shutdown::Write);
}
