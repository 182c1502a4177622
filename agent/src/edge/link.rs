//! What moves bytes and tells when they have left. Framing, retries and timeouts live above it.

mod kinds;
mod pty;
mod serial;
mod tcp;
mod tls;
mod unix;

pub use pty::{PtyLink, in_the_way};
pub use serial::SerialLink;
pub use tcp::TcpLink;
pub use tls::TlsLink;
pub use unix::UnixLink;

use crate::core::session::Traits;
use crate::core::world::SessionAccess;
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::power::Evidence;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// One way to a peer.
///
/// `flush` promises nothing on most links (tokio's does nothing on TCP and blocks the executor on
/// serial): [`Link::drained`] is what tells.
pub trait Link: AsyncRead + AsyncWrite + Unpin + Send {
    /// What a session must know of it.
    fn traits(&self) -> Traits;

    /// Returns which kind of link it is.
    fn kind(&self) -> LinkKind;

    /// Returns where it leads: `127.0.0.1:50412`, `/dev/ttyS1`; empty where nobody knows.
    fn peer(&self) -> String;

    /// Returns what the peer may do: everything, unless a certificate says less.
    fn access(&self) -> SessionAccess {
        SessionAccess::Full
    }

    /// For the log: `tcp 127.0.0.1:50412`, `serial /dev/ttyS1`.
    fn describe(&self) -> String {
        let peer = self.peer();
        let blank = if peer.is_empty() { "" } else { " " };
        format!("{}{blank}{peer}", self.kind().word())
    }

    /// How long this many bytes take on the wire, on top of what is queued already; zero where
    /// the speed is unknown.
    fn wire_time(&self, bytes: usize) -> Millis;

    /// Whether the kernel's console writes between our bytes.
    fn is_console(&self) -> bool {
        false
    }

    /// To be asked behind each read: whether input may be missing in what was read, in front of it, or
    /// behind it.
    fn may_have_lost_input(&mut self) -> bool {
        false
    }

    /// An acknowledgement is about to be written: whatever has left before is no evidence for it.
    ///
    /// # Errors
    ///
    /// If the link is dead.
    fn mark(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether everything written since [`Link::mark`] has left. Never waits.
    ///
    /// `await_close`: only a peer that has closed as well is enough, where peers can close.
    ///
    /// # Errors
    ///
    /// If the link is dead: the acknowledgement may never arrive.
    fn drained(&mut self, await_close: bool) -> io::Result<Drain>;
}

/// How far the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Some wait. Ask again after this long.
    Pending(Duration),
    /// They have left, as far as this evidence goes.
    Left(Evidence),
}

/// How soon to ask again where nothing says how long it takes.
pub const POLL: Duration = Duration::from_millis(1);
