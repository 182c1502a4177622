//! Events: what happens on a board, told to whoever has subscribed to it.

use super::service_state::{BRIEF_REASON_BYTES, ServiceState};
use super::{BadBody, BadRequest, encode, opcode};
use crate::codec::{Field, Writer, fields, words};
use crate::power::{Evidence, Operation, Standdown};
use crate::units::{Millis, OperationId};
use serde::{Deserialize, Serialize};

/// The longest reason of an event, in bytes. Longer ones are cut, and end in `…`.
pub const EVENT_REASON_BYTES: usize = BRIEF_REASON_BYTES;
/// The longest name of a session's peer, in bytes. Longer ones are cut, and end in `…`.
pub const EVENT_PEER_BYTES: usize = 64;
/// The longest event, in bytes, if its texts are no longer than they may be.
pub const EVENT_BYTES: usize = 224;

/// A kind of events that can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventTopic {
    /// Operations: each phase, and the outcome.
    Power,
    /// Services: each change of state.
    Services,
    /// Sessions: their beginnings and ends.
    Sessions,
}

impl EventTopic {
    /// The number of topics.
    pub const COUNT: usize = Self::ALL.len();
    /// Every topic, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Power, Self::Services, Self::Sessions];
    /// The words for them, in the same order.
    pub const WORDS: &'static [&'static str] = &["power", "services", "sessions"];
}

/// A set of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventTopics(u8);

impl EventTopics {
    /// No topic.
    pub const NONE: Self = Self(0);
    /// Every topic.
    pub const ALL: Self = Self((1 << EventTopic::COUNT) - 1);

    /// Returns the set with these bits, the first topic's the lowest; `None` if one of them is no
    /// topic's.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// Returns a bit for each topic, the first one's the lowest.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the set with one more topic.
    #[must_use]
    pub const fn with(self, topic: EventTopic) -> Self {
        Self(self.0 | 1 << topic as u8)
    }

    /// Returns the topics of either set.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Returns the topics that are not in the other set.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Returns whether a topic is in the set.
    #[must_use]
    pub const fn contains(self, topic: EventTopic) -> bool {
        self.0 & 1 << topic as u8 != 0
    }

    /// Returns whether there is no topic in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns its topics, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = EventTopic> {
        EventTopic::ALL
            .into_iter()
            .filter(move |topic| self.contains(*topic))
    }
}

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
        }
    }

    /// Returns when it happened, in milliseconds since 1970.
    #[must_use]
    pub const fn at_unix_ms(&self) -> u64 {
        match self {
            Self::Power(event) => event.at_unix_ms,
            Self::Service(event) => event.at_unix_ms,
            Self::Session(event) => event.at_unix_ms,
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

impl Field for ServiceEvent<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        self.at_unix_ms.write(out);
        self.name.write(out);
        out.byte(self.from as u8);
        out.byte(self.to as u8);
        self.reason.write(out);
    }
}

impl Field for SessionEvent<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        self.at_unix_ms.write(out);
        self.number.write(out);
        self.link.write(out);
        self.peer.write(out);
        self.end.write(out);
    }
}

fields! {
    PowerEvent { at_unix_ms, id, operation, step }
}

words! {
    EventTopic {
        Power = "power",
        Services = "services",
        Sessions = "sessions",
    }
    LinkKind {
        Tcp = "tcp",
        Unix = "unix",
        Serial = "serial",
        Pty = "pty",
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
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_the_topics_that_were_put_in() {
        let power = EventTopics::NONE.with(EventTopic::Power);
        let both = power.with(EventTopic::Sessions);
        assert!(both.iter().eq([EventTopic::Power, EventTopic::Sessions]));
        assert_eq!(both.without(power).bits(), 0b100);
        assert_eq!(EventTopics::from_bits(0b111), Some(EventTopics::ALL));
        assert_eq!(EventTopics::from_bits(0b1000), None);
        assert!(EventTopics::ALL.without(EventTopics::ALL).is_empty());
        let words = EventTopic::ALL.map(EventTopic::word);
        assert_eq!(words, EventTopic::WORDS);
    }

    #[test]
    fn the_longest_event_of_each_topic_has_room() {
        let (name, reason) = ("n".repeat(32), "r".repeat(EVENT_REASON_BYTES));
        let peer = "p".repeat(EVENT_PEER_BYTES);
        let power = PowerEvent {
            at_unix_ms: u64::MAX,
            id: OperationId(u64::MAX),
            operation: Operation::GracefulShutdown,
            step: PowerStep::Scheduled(Millis(u64::MAX)),
        };
        let service = ServiceEvent {
            at_unix_ms: u64::MAX,
            name: &name,
            from: ServiceState::Failed,
            to: ServiceState::Starting,
            reason: &reason,
        };
        let session = SessionEvent {
            at_unix_ms: u64::MAX,
            number: u64::MAX,
            link: LinkKind::Pty,
            peer: &peer,
            end: Some(SessionEnd::LinkFailed),
        };
        let mut room = [0; EVENT_BYTES];
        for event in [
            BoardEvent::Power(power),
            BoardEvent::Service(service),
            BoardEvent::Session(session),
        ] {
            let length = event.encode(&mut room).expect("room");
            assert_eq!(BoardEvent::decode(&room[..length]), Some(event));
        }
    }
}
