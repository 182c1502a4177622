//! Unix sockets: evidence is that the peer has read everything.

use super::{Drain, Link, POLL, kinds};
use crate::core::session::Traits;
use crate::edge::kernel;
use lastword_protocol::Millis;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::AsFd;
use tokio::net::UnixStream;

/// A connection over a Unix socket.
#[derive(Debug)]
pub struct UnixLink {
    stream: UnixStream,
}

impl UnixLink {
    /// Takes over an accepted connection.
    #[must_use]
    pub const fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// Whether the peer has closed its end for good, reading side included.
    fn peer_is_gone(&self) -> io::Result<bool> {
        let mut polled = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
        poll(&mut polled, PollTimeout::ZERO)?;
        Ok(polled[0]
            .revents()
            .is_some_and(|events| events.contains(PollFlags::POLLHUP)))
    }
}

kinds::delegate_io!(UnixLink, stream);

impl Link for UnixLink {
    fn traits(&self) -> Traits {
        Traits {
            medium: Medium::Stream,
            marked: false,
            telnet: false,
        }
    }

    fn describe(&self) -> String {
        let peer = self.stream.peer_cred().ok().and_then(|peer| peer.pid());
        peer.map_or("unix".to_owned(), |pid| format!("unix pid {pid}"))
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    /// A peer that closes with bytes unread leaves an error, and one that closes cleanly a
    /// hang-up: in both cases ask the error first.
    fn drained(&mut self, await_close: bool) -> io::Result<Drain> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        if kernel::queued_bytes(&self.stream)? > 0 {
            return Ok(Drain::Pending(POLL));
        }
        match (await_close, self.peer_is_gone()?) {
            (false, _) => Ok(Drain::Left(Evidence::PeerAcked)),
            (true, true) => Ok(Drain::Left(Evidence::PeerClosed)),
            (true, false) => Ok(Drain::Pending(POLL)),
        }
    }
}
