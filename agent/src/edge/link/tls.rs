//! TLS over TCP: evidence is the peer's own acknowledgement, of everything that was encrypted.

use super::tcp::{TcpEvidence, prepare};
use super::{Drain, Link, POLL, kinds};
use crate::core::session::Traits;
use crate::core::world::SessionAccess;
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_shell::Medium;
use lastword_tls::{PeerRole, SecureStream, TlsCredentials, accept};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A TLS connection to a peer whose certificate is known.
#[derive(Debug)]
pub struct TlsLink {
    stream: SecureStream<TcpStream>,
    address: SocketAddr,
    evidence: TcpEvidence,
}

impl TlsLink {
    /// Takes over an accepted connection; waits for the handshake, ten seconds at most.
    ///
    /// # Errors
    ///
    /// If the socket is dead already, or the reason for which the peer is not let in.
    pub async fn accept(
        stream: TcpStream,
        address: SocketAddr,
        credentials: &TlsCredentials,
    ) -> io::Result<Self> {
        prepare(&stream)?;
        Ok(Self {
            stream: accept(stream, credentials).await?,
            address,
            evidence: TcpEvidence::default(),
        })
    }

    /// Returns the role of the peer.
    #[must_use]
    pub const fn role(&self) -> PeerRole {
        self.stream.peer().role
    }
}

kinds::delegate_io!(TlsLink, stream);

impl Link for TlsLink {
    fn traits(&self) -> Traits {
        Traits {
            medium: Medium::Stream,
            marked: false,
            telnet: false,
        }
    }

    fn kind(&self) -> LinkKind {
        LinkKind::Tls
    }

    fn peer(&self) -> String {
        let peer = self.stream.peer();
        format!("{} {}, {}", peer.role, peer.name, self.address)
    }

    fn access(&self) -> SessionAccess {
        match self.role() {
            PeerRole::Controller | PeerRole::Rig | PeerRole::Operator => SessionAccess::Full,
            PeerRole::Viewer => SessionAccess::ReadOnly,
            PeerRole::Board => SessionAccess::None,
        }
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    fn mark(&mut self) -> io::Result<()> {
        self.evidence.mark(self.stream.socket())
    }

    fn drained(&mut self, await_close: bool) -> io::Result<Drain> {
        if self.stream.has_unsent()? {
            return Ok(Drain::Pending(POLL));
        }
        self.evidence.drained(self.stream.socket(), await_close)
    }
}
