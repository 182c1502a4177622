//! Unix sockets: evidence is that the peer has read everything.

use super::{Drain, Link, POLL, kinds};
use crate::core::session::Traits;
use crate::edge::kernel::{self, PeerClosed};
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use std::io;
use tokio::net::UnixStream;

/// A connection over a Unix socket.
#[derive(Debug)]
pub struct UnixLink {
    stream: UnixStream,
    /// True if the peer had closed its sending side before the acknowledgement that matters: a client
    /// that half-closes behind its request proves nothing by it.
    closed_before: bool,
}

impl UnixLink {
    /// Takes over an accepted connection.
    #[must_use]
    pub const fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            closed_before: false,
        }
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

    fn kind(&self) -> LinkKind {
        LinkKind::Unix
    }

    fn peer(&self) -> String {
        let peer = self.stream.peer_cred().ok().and_then(|peer| peer.pid());
        peer.map_or(String::new(), |pid| format!("pid {pid}"))
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    fn mark(&mut self) -> io::Result<()> {
        self.closed_before = kernel::peer_closed(&self.stream)? != PeerClosed::Nothing;
        Ok(())
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
        if !await_close {
            return Ok(Drain::Left(Evidence::PeerAcked));
        }
        Ok(match kernel::peer_closed(&self.stream)? {
            PeerClosed::Both => Drain::Left(Evidence::PeerClosed),
            PeerClosed::Sending if !self.closed_before => Drain::Left(Evidence::PeerClosed),
            PeerClosed::Sending | PeerClosed::Nothing => Drain::Pending(POLL),
        })
    }
}
