//! Events: what happens on a board, told to whoever has subscribed to it.

mod encoding;
mod topics;

pub use topics::{EventTopic, EventTopics};

use super::service_state::{BRIEF_REASON_BYTES, ServiceState};
use super::{BadBody, BadRequest, encode, opcode};
use crate::codec::{Field, Writer, fields, words};
use crate::power::{Evidence, Operation, Standdown};
use crate::rollout::RolloutStep;
use crate::units::{Generation, Millis, OperationId};
use serde::{Deserialize, Serialize};

/// The longest reason of an event, in bytes. Longer ones are cut, and end in `…`.
pub const EVENT_REASON_BYTES: usize = BRIEF_REASON_BYTES;
/// The longest name of a session's peer, in bytes. Longer ones are cut, and end in `…`.
pub const EVENT_PEER_BYTES: usize = 64;
/// The longest detail of a health check's event, in bytes. Longer ones are cut, and end in `…`.
pub const CHECK_DETAIL_BYTES: usize = 112;
/// The longest event, in bytes, if its texts are no longer than they may be.
pub const EVENT_BYTES: usize = 224;

/// The request for events. Answered by a page without items, and the stream in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsRequest {
    /// The topics of interest.
    pub topics: EventTopics,
    /// The most events that are told of those that the board keeps; the newest of them.
    pub tail: u16,
    /// True if events that come later are wanted, too: the stream goes on until it is cancelled.
    pub follow: bool,
}

impl EventsRequest {
    /// Reads the request.
    ///
    /// # Errors
    ///
    /// [`BadRequest::Malformed`] if the body is not its, or names a topic that there is not, or none.
    pub(super) fn read(body: &[u8]) -> Result<Self, BadRequest> {
        let malformed = BadRequest::Malformed(opcode::EVENTS);
        let read = postcard::from_bytes::<(u8, u16, bool)>(body);
        let (topics, tail, follow) = read.map_err(|_| malformed)?;
        let topics = EventTopics::from_bits(topics).filter(|it| !it.is_empty());
        let topics = topics.ok_or(malformed)?;
        Ok(Self {
            topics,
            tail,
            follow,
        })
    }
}

impl Field for EventsRequest {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(self.topics.bits());
        self.tail.write(out);
        self.follow.write(out);
    }
}

/// Something that has happened on a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoardEvent<'a> {
    /// A power operation has moved on.
    Power(PowerEvent),
    /// A service has changed its state.
    Service(#[serde(borrow)] ServiceEvent<'a>),
    /// A session has begun or ended.
    Session(#[serde(borrow)] SessionEvent<'a>),
    /// A rollout has moved on.
    Rollout(#[serde(borrow)] RolloutEvent<'a>),
    /// A health check of a generation that soaks has another result, or has failed once more.
    Check(#[serde(borrow)] CheckEvent<'a>),
}

/// A result of a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckEvent<'a> {
    /// The time, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The generation that soaks.
    pub target: Generation,
    /// The time that is left of the soak; `None` where it waits for a confirmation.
    pub soak_left: Option<Millis>,
    /// The name of the check.
    pub name: &'a str,
    /// True if it held.
    pub has_passed: bool,
    /// The number of failures in a row, up to now.
    pub failures: u32,
    /// The number of failures in a row that fail the soak.
    pub failures_max: u32,
    /// The reason if it did not hold.
    pub detail: &'a str,
}

/// A step of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutEvent<'a> {
    /// The time, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The generation that is to be the board's.
    pub target: Generation,
    /// The step.
    #[serde(borrow)]
    pub step: RolloutStep<'a>,
}

/// A step of a power operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerEvent {
    /// The time, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The operation's id.
    pub id: OperationId,
    /// The operation itself.
    pub operation: Operation,
    /// The phase that has begun, or the outcome.
    pub step: PowerStep,
}

/// A phase of a power operation that has begun, or its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PowerStep {
    /// It is accepted; its acknowledgement is being written.
    Staged,
    /// The acknowledgement is on its way.
    Draining,
    /// The acknowledgement has left, and the delay runs for so long.
    Scheduled(Millis),
    /// No client can call it off any more. It stands down all the same if it cannot be recorded.
    Released(Evidence),
    /// The release is recorded, and the backend has its order.
    Fired,
    /// It is called off; the board stays up.
    StoodDown(Standdown),
    /// It fired, and the board stayed up. The number is the system's error code, 0 if none.
    FireFailed(u16),
    /// Everything but the reset was done.
    DryRun(Evidence),
}

/// A change of a service's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent<'a> {
    /// The time, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The service's name.
    pub name: &'a str,
    /// The state before.
    pub from: ServiceState,
    /// The state since.
    pub to: ServiceState,
    /// The reason; empty where there is nothing to tell.
    pub reason: &'a str,
}

/// The beginning or the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEvent<'a> {
    /// The time, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The session's number: no two of an agent's life have the same.
    pub number: u64,
    /// The kind of its link.
    pub link: LinkKind,
    /// The peer, as far as the link tells: an address, a process, a device.
    pub peer: &'a str,
    /// The reason for its end; `None` where it begins.
    pub end: Option<SessionEnd>,
}

/// A kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    /// A TCP connection.
    Tcp,
    /// A connection to a Unix socket.
    Unix,
    /// A serial port.
    Serial,
    /// A pseudo-terminal.
    Pty,
    /// A TLS connection over TCP.
    Tls,
}

/// The reason for the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionEnd {
    /// The client ended it, or the agent.
    Finished,
    /// Nothing was ever said.
    Silent,
    /// Nothing was said for too long.
    Idle,
    /// The peer did not take its answers.
    Stalled,
    /// The link failed.
    LinkFailed,
}

impl<'a> BoardEvent<'a> {
    /// Returns the topic that it belongs to.
    #[must_use]
    pub const fn topic(&self) -> EventTopic {
        match self {
            Self::Power(_) => EventTopic::Power,
            Self::Service(_) => EventTopic::Services,
            Self::Session(_) => EventTopic::Sessions,
            Self::Rollout(_) => EventTopic::Rollouts,
            Self::Check(_) => EventTopic::Checks,
        }
    }

    /// Returns when it happened, in milliseconds since 1970.
    #[must_use]
    pub const fn at_unix_ms(&self) -> u64 {
        match self {
            Self::Power(event) => event.at_unix_ms,
            Self::Service(event) => event.at_unix_ms,
            Self::Session(event) => event.at_unix_ms,
            Self::Rollout(event) => event.at_unix_ms,
            Self::Check(event) => event.at_unix_ms,
        }
    }

    /// Writes it in its form on the wire and returns the length: [`EVENT_BYTES`] at most.
    ///
    /// # Errors
    ///
    /// [`BadBody::TooLong`] if `out` is too small.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, BadBody> {
        encode(self, out)
    }

    /// Reads an event; bytes behind it are ignored. `None` if the bytes are no event.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl Field for BoardEvent<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Power(event) => {
                out.byte(0);
                event.write(out);
            }
            Self::Service(event) => {
                out.byte(1);
                event.write(out);
            }
            Self::Session(event) => {
                out.byte(2);
                event.write(out);
            }
            Self::Rollout(event) => {
                out.byte(3);
                event.write(out);
            }
            Self::Check(event) => {
                out.byte(4);
                event.write(out);
            }
        }
    }
}

impl Field for PowerStep {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Staged => out.byte(0),
            Self::Draining => out.byte(1),
            Self::Scheduled(left) => {
                out.byte(2);
                left.write(out);
            }
            Self::Released(evidence) => {
                out.byte(3);
                evidence.write(out);
            }
            Self::Fired => out.byte(4),
            Self::StoodDown(why) => {
                out.byte(5);
                why.write(out);
            }
            Self::FireFailed(error) => {
                out.byte(6);
                error.write(out);
            }
            Self::DryRun(evidence) => {
                out.byte(7);
                evidence.write(out);
            }
        }
    }
}

impl PowerStep {
    /// The word for it in text dialects.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Draining => "draining",
            Self::Scheduled(_) => "scheduled",
            Self::Released(_) => "released",
            Self::Fired => "fired",
            Self::StoodDown(_) => "stood_down",
            Self::FireFailed(_) => "fire_failed",
            Self::DryRun(_) => "dry_run",
        }
    }
}

fields! {
    PowerEvent { at_unix_ms, id, operation, step }
}

words! {
    LinkKind {
        Tcp = "tcp",
        Unix = "unix",
        Serial = "serial",
        Pty = "pty",
        Tls = "tls",
    }
    SessionEnd {
        Finished = "finished",
        Silent = "silent",
        Idle = "idle",
        Stalled = "stalled",
        LinkFailed = "link_failed",
    }
}

#[cfg(test)]
mod tests;
