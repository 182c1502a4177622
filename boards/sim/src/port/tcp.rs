//! A TCP port: one peer at a time has the line.

use super::{Port, unless_it_waits};
use anyhow::{Context, bail};
use lastword_daemon::CONNECTION_TARGET;
use nix::poll::{PollFd, PollFlags};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

/// A listener, and whoever has the line.
pub(crate) struct TcpPort {
    listener: TcpListener,
    address: SocketAddr,
    peer: Option<Peer>,
    /// Somebody may be waiting, but who has the line has sent something yet to be read.
    full: bool,
}

struct Peer {
    stream: TcpStream,
    address: SocketAddr,
    /// When it last got something, once it has said that it sends no more.
    ended: Option<Duration>,
}

/// How long a peer that sends no more is kept for answers that are on their way.
const LINGER: Duration = Duration::from_secs(1);

impl TcpPort {
    /// Listens.
    pub(crate) fn open(address: SocketAddr, allow_unauthenticated: bool) -> anyhow::Result<Self> {
        if !address.ip().is_loopback() && !allow_unauthenticated {
            bail!(
                "refusing to listen on tcp {address}: anyone who reaches it could reboot this \
                 board. Listen on 127.0.0.1 or [::1], or say --allow-unauthenticated if the \
                 network is yours alone"
            );
        }
        let cannot = || format!("cannot listen on tcp {address}");
        let listener = TcpListener::bind(address).with_context(cannot)?;
        listener.set_nonblocking(true).with_context(cannot)?;
        let address = listener.local_addr().with_context(cannot)?;
        Ok(Self {
            listener,
            address,
            peer: None,
            full: false,
        })
    }

    /// Whether the peer has sent something yet to be read: only behind that can it be seen to have
    /// ended.
    fn looks_full(&mut self, now: Duration) -> bool {
        let Some(peer) = self.peer.as_mut().filter(|peer| peer.ended.is_none()) else {
            return false;
        };
        match peer.stream.peek(&mut [0]) {
            Ok(0) => {
                peer.ended = Some(now);
                false
            }
            Ok(_) => true,
            // There is nothing, or reading will tell what is wrong.
            Err(_) => false,
        }
    }

    /// Lets somebody in, if the line is free.
    fn admit(&mut self, stream: TcpStream, address: SocketAddr) -> bool {
        if let Some(owner) = self.peer.as_ref().filter(|peer| peer.ended.is_none()) {
            tracing::warn!(target: CONNECTION_TARGET, peer = %address, owner = %owner.address, "refused: one at a time");
            return false;
        }
        let ready = stream
            .set_nonblocking(true)
            .and_then(|()| stream.set_nodelay(true));
        if let Err(error) = ready {
            tracing::warn!(target: CONNECTION_TARGET, peer = %address, %error, "gone before it began");
            return false;
        }
        tracing::info!(target: CONNECTION_TARGET, peer = %address, "connected");
        self.peer = Some(Peer {
            stream,
            address,
            ended: None,
        });
        true
    }

    fn lose(&mut self, why: &str) {
        if let Some(peer) = self.peer.take() {
            tracing::info!(target: CONNECTION_TARGET, peer = %peer.address, why, "disconnected");
        }
    }
}

impl Port for TcpPort {
    fn refresh(&mut self, now: Duration) -> bool {
        self.full = self.looks_full(now);
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.lose("it sends no more");
        }
        let mut came = false;
        while !self.full
            && let Ok((stream, address)) = self.listener.accept()
        {
            came |= self.admit(stream, address);
        }
        came
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(peer) = &mut self.peer else {
            return Ok(0);
        };
        let read = unless_it_waits(peer.stream.read(room));
        read.or_else(|error| {
            self.lose(&error.to_string());
            Ok(0)
        })
    }

    fn write(&mut self, now: Duration, bytes: &[u8]) -> io::Result<usize> {
        let Some(peer) = &mut self.peer else {
            return Ok(bytes.len());
        };
        if peer.ended.is_some() {
            peer.ended = Some(now);
        }
        let written = unless_it_waits(peer.stream.write(bytes));
        written.or_else(|error| {
            self.lose(&error.to_string());
            Ok(bytes.len())
        })
    }

    fn polled(&self, reading: bool, writing: bool) -> Vec<PollFd<'_>> {
        let mut polled = Vec::new();
        if !self.full {
            polled.push(PollFd::new(self.listener.as_fd(), PollFlags::POLLIN));
        }
        let mut events = PollFlags::empty();
        if let Some(peer) = &self.peer {
            events.set(PollFlags::POLLIN, reading && peer.ended.is_none());
            events.set(PollFlags::POLLOUT, writing);
            // Polled for nothing it would still tell, and go on telling, that it is over.
            if !events.is_empty() {
                polled.push(PollFd::new(peer.stream.as_fd(), events));
            }
        }
        polled
    }

    fn deadline(&self) -> Option<Duration> {
        let ended = self.peer.as_ref()?.ended?;
        Some(ended + LINGER)
    }

    /// It has what was handed over once it closes in turn.
    fn is_read(&mut self) -> bool {
        let Some(peer) = &mut self.peer else {
            return true;
        };
        // Said already, or nobody is there to hear it.
        let _ = peer.stream.shutdown(Shutdown::Write);
        loop {
            match unless_it_waits(peer.stream.read(&mut [0; 256])) {
                Ok(0) => return matches!(peer.stream.peek(&mut [0]), Ok(0)),
                Ok(_) => {}
                Err(_) => return true,
            }
        }
    }

    fn describe(&self) -> String {
        format!("tcp {}", self.address)
    }
}
