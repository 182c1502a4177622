//! Why a board could not be asked. That it said no is a reply and none of these.

use lastword_protocol::Millis;
use lastword_protocol::caller::CannotCall;
use lastword_protocol::frame::TooLong;
use lastword_protocol::hello::{Busy, VersionRefused};
use lastword_protocol::identity::Identity;
use lastword_protocol::message::Working;
use lastword_protocol::refusal::Refusal;
use std::fmt;
use std::io;

/// The link is not there, or broke.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It could not be opened in the time there was.
    #[error("the connection was not made in time")]
    NotMade,
    /// The other end closed it, or there never was one.
    #[error("the link was closed: has the agent ended?")]
    Closed,
    /// It takes no more bytes.
    #[error("the link is stalled: it takes no more bytes")]
    Stalled,
    /// The system reports an error.
    #[error("the link failed")]
    Io(#[source] io::Error),
}

impl From<io::Error> for LinkError {
    /// A system tells of a close by an error where bytes were on their way.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// The board answers, but opens no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// Another client owns the line: wait, or take over.
    #[error("the line belongs to {}, idle for {} s", owner(.0), .0.idle.0 / 1_000)]
    Busy(Busy),
    /// The board opens no session, and says why.
    #[error("the board opens no session: {0}")]
    Refused(Refusal),
    /// There is no common version: use the client that came with the board's agent.
    #[error("the board speaks versions {} to {} of the protocol, this program does not", .0.oldest, .0.current)]
    Version(VersionRefused),
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum GreetError {
    /// The link is not there, or broke: connect again.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No attempt was answered.
    #[error("the board does not answer")]
    Silent,
    /// The board answers, but not with a session.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    /// The greeting does not fit a packet.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Why a request has no reply. Unless it is [`CallError::Cannot`], the request may have run.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It was not sent.
    #[error(transparent)]
    Cannot(#[from] CannotCall),
    /// The link broke: connect and greet, then find out.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No attempt was answered: greet, then find out.
    #[error("the board stopped answering; whether it did what was asked is not known")]
    Silent,
    /// The time is up, and the board is still at it: it goes on, and its reply can no longer be had.
    #[error("still running on the board after {}{}", Seconds(.0.elapsed), left(.0))]
    StillWorking(Working),
    /// The board booted, or its agent restarted, in between.
    #[error("the board or its agent restarted; whether it did what was asked is not known")]
    Restarted(Box<Identity>),
    /// The session ended in between.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    /// There is a reply, of a kind that this side does not know: its opcode.
    #[error("the board's reply is of a kind this program does not know ({0:#04x})")]
    Unreadable(u8),
}

/// A span in whole seconds, rounded up.
struct Seconds(Millis);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.0.div_ceil(1_000))
    }
}

/// The time left, where the board knows.
fn left(working: &Working) -> String {
    let left = working
        .left
        .map(|left| format!(", {} left at most", Seconds(left)));
    left.unwrap_or_default()
}

/// What the owner of a line calls itself, or its number.
fn owner(busy: &Busy) -> String {
    if busy.name.is_empty() {
        format!("client {}", busy.owner)
    } else {
        busy.name.escape_debug().to_string()
    }
}
