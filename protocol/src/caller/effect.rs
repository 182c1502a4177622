//! The outcomes of a caller's work, for its owner.

use crate::frame::{Packet, TooLong};
use crate::hello::{Busy, VersionRefused, Welcome};
use crate::identity::Identity;
use crate::message::{Reply, Working};
use crate::refusal::Refusal;
#[cfg(feature = "services")]
use crate::stream::StreamFrame;

/// The next thing that a caller tells its owner to do or know.
#[cfg_attr(
    feature = "services",
    expect(
        clippy::large_enum_variant,
        reason = "there is no heap to put a page on"
    )
)]
#[derive(Debug, PartialEq, Eq)]
pub enum Effect<const N: usize> {
    /// Send these bytes.
    Send(Packet<N>),
    /// The session is open; [`Caller::call`](super::Caller::call) may follow.
    Welcomed(Welcome),
    /// Another client owns the line.
    ///
    /// The status of its power and the cancelling of an operation may be asked for all the same.
    Busy(Busy),
    /// The board opens no session, for this reason.
    HelloRefused(Refusal),
    /// There is no common version.
    VersionRefused(VersionRefused),
    /// The request has its reply.
    Answered(Reply),
    /// The request has a reply of a kind this side does not know: its opcode.
    Unreadable(u8),
    /// A frame of a stream came, for its [`StreamReader`](crate::stream::StreamReader).
    #[cfg(feature = "services")]
    Stream(StreamFrame),
    /// The board booted, or forgot the session. What a request under way did is not known.
    Restarted(Identity),
    /// The attempts are used up. What a request under way did is not known.
    GaveUp,
    /// The time for a request that runs on the board is up, and the board goes on with it.
    StillWorking(Working),
}

/// Why a request cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCall {
    /// Greet first.
    #[error("there is no session: greet the board first")]
    NoSession,
    /// Wait for the answer first.
    #[error("a request is under way: wait for its answer")]
    UnderWay,
    /// The request does not fit the packet.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}
