//! TCP: evidence is the peer's own acknowledgement.

use super::{Drain, Link, POLL, kinds};
use crate::core::session::Traits;
use crate::edge::kernel;
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use nix::sys::socket::{setsockopt, sockopt};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A peer that was silent for this long is asked whether it is there, in seconds.
const KEEPALIVE_IDLE_S: u32 = 20;
/// The time after which it is asked again, in seconds.
const KEEPALIVE_INTERVAL_S: u32 = 5;
/// The unanswered probes after which it is taken to be gone.
const KEEPALIVE_PROBES: u32 = 3;
/// A peer that acknowledges nothing for this long is gone, in milliseconds: as long as the keepalive
/// takes, which it overrides.
const UNACKNOWLEDGED_MS: u32 = 1_000 * (KEEPALIVE_IDLE_S + KEEPALIVE_PROBES * KEEPALIVE_INTERVAL_S);

/// A TCP connection.
#[derive(Debug)]
pub struct TcpLink {
    stream: TcpStream,
    peer: SocketAddr,
    evidence: TcpEvidence,
}

/// The state of a TCP connection in front of the acknowledgement that matters.
#[derive(Debug, Default)]
pub(super) struct TcpEvidence {
    /// The number of bytes that the peer had acknowledged.
    acked_before: u64,
    /// Whether the peer had closed its side: a client that half-closes behind its
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
        prepare(&stream)?;
        Ok(Self {
            stream,
            peer,
            evidence: TcpEvidence::default(),
        })
    }
}

/// Sets what every connection needs.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    Ok(notice_absence(stream)?)
}

/// Has the kernel notice that the peer is gone, though its network took the news with it: whether it
/// is waited for (a log that is followed and has no lines), or bytes are on their way to it.
fn notice_absence(stream: &TcpStream) -> nix::Result<()> {
    setsockopt(stream, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE_S)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &KEEPALIVE_INTERVAL_S)?;
    setsockopt(stream, sockopt::TcpKeepCount, &KEEPALIVE_PROBES)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &UNACKNOWLEDGED_MS)
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

    fn kind(&self) -> LinkKind {
        LinkKind::Tcp
    }

    fn peer(&self) -> String {
        self.peer.to_string()
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    fn mark(&mut self) -> io::Result<()> {
        self.evidence.mark(&self.stream)
    }

    fn drained(&mut self, await_close: bool) -> io::Result<Drain> {
        self.evidence.drained(&self.stream, await_close)
    }
}

impl TcpEvidence {
    /// Notes how far the peer is: as [`Link::mark`].
    pub(super) fn mark(&mut self, stream: &TcpStream) -> io::Result<()> {
        let info = kernel::tcp_info(stream)?;
        self.acked_before = info.bytes_acked;
        self.closed_before = info.state == kernel::TCP_CLOSE_WAIT;
        Ok(())
    }

    /// The queue is empty, and no error, and the count has moved: after a reset the queue may
    /// never empty, and an empty queue alone might be one that nothing was written to.
    pub(super) fn drained(&self, stream: &TcpStream, await_close: bool) -> io::Result<Drain> {
        let queued = kernel::queued_bytes(stream)?;
        let info = kernel::tcp_info(stream)?;
        if let Some(error) = stream.take_error()? {
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::getsockopt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_kernel_looks_after_a_peer_that_says_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_near, (stream, peer)) = (near.unwrap(), accepted.unwrap());
        let link = TcpLink::new(stream, peer).unwrap();
        let stream = &link.stream;
        assert!(getsockopt(stream, sockopt::KeepAlive).unwrap());
        let asks = [
            getsockopt(stream, sockopt::TcpKeepIdle).unwrap(),
            getsockopt(stream, sockopt::TcpKeepInterval).unwrap(),
            getsockopt(stream, sockopt::TcpKeepCount).unwrap(),
        ];
        assert_eq!(asks, [20, 5, 3]);
        assert_eq!(getsockopt(stream, sockopt::TcpUserTimeout), Ok(35_000));
    }
}
