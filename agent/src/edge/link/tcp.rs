//! TCP: evidence is the peer's own acknowledgement.

use super::{Drain, Link, POLL, kinds};
use crate::core::session::Traits;
use crate::edge::kernel;
use lastword_protocol::Millis;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A TCP connection.
#[derive(Debug)]
pub struct TcpLink {
    stream: TcpStream,
    peer: SocketAddr,
    /// How many bytes the peer had acknowledged before the one that matters.
    acked_before: u64,
    /// Whether the peer had closed its side by then: a client that half-closes behind its
    /// request proves nothing by it, and a later close of the rest does not show in TCP.
    closed_before: bool,
}

impl TcpLink {
    /// Takes over an accepted connection.
    ///
    /// # Errors
    ///
    /// If the socket is dead already.
    pub fn new(stream: TcpStream, peer: SocketAddr) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            peer,
            acked_before: 0,
            closed_before: false,
        })
    }
}

kinds::delegate_io!(TcpLink, stream);

impl Link for TcpLink {
    fn traits(&self) -> Traits {
        Traits {
            medium: Medium::Stream,
            marked: false,
            telnet: true,
        }
    }

    fn describe(&self) -> String {
        format!("tcp {}", self.peer)
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    fn mark(&mut self) -> io::Result<()> {
        let info = kernel::tcp_info(&self.stream)?;
        self.acked_before = info.bytes_acked;
        self.closed_before = info.state == kernel::TCP_CLOSE_WAIT;
        Ok(())
    }

    /// The queue is empty, and no error, and the count has moved: after a reset the queue may
    /// never empty, and an empty queue alone might be one that nothing was written to.
    fn drained(&mut self, await_close: bool) -> io::Result<Drain> {
        let queued = kernel::queued_bytes(&self.stream)?;
        let info = kernel::tcp_info(&self.stream)?;
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        if info.state == kernel::TCP_CLOSE {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if queued > 0 || info.bytes_acked <= self.acked_before {
            return Ok(Drain::Pending(POLL));
        }
        if !await_close {
            return Ok(Drain::Left(Evidence::PeerAcked));
        }
        match info.state {
            kernel::TCP_CLOSE_WAIT if !self.closed_before => Ok(Drain::Left(Evidence::PeerClosed)),
            _ => Ok(Drain::Pending(POLL)),
        }
    }
}
