//! How a client behaves: its name and its patience.

use crate::endpoint::Baud;
use lastword_protocol::caller::Patience;
use lastword_protocol::identity::NAME_BYTES;
use lastword_protocol::{ClientId, Millis, Text};
use std::time::Duration;

/// How a client behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to tell others who ask who owns the line; may be empty.
    pub name: Text<NAME_BYTES>,
    /// How long to wait for an answer, and how often to try. On a serial line the time that the
    /// bytes take is added.
    pub patience: Patience,
    /// How long opening the link may take.
    pub connect: Duration,
    /// Whose session it is; `None`: one that nobody had before, by chance. Never take the id of an
    /// earlier client: a board takes the first requests of the next for old ones of the first.
    pub id: Option<ClientId>,
}

impl Default for Options {
    /// No name, an id by chance, the patience of [`Patience::default`], and five seconds to connect.
    fn default() -> Self {
        Self {
            name: Text::new(),
            patience: Patience::default(),
            connect: CONNECT_TIMEOUT,
            id: None,
        }
    }
}

/// `reply` and the time that a request and its reply take on the wire.
#[must_use]
pub fn with_wire_time(reply: Millis, baud: Option<Baud>) -> Millis {
    let Some(Baud(bits_per_second)) = baud else {
        return reply;
    };
    let wire_ms = EXCHANGE_BYTES * BITS_PER_BYTE * 1_000 / u64::from(bits_per_second.get());
    Millis(reply.0.saturating_add(wire_ms))
}

/// What a request and its reply take on the wire together, at most, in bytes.
const EXCHANGE_BYTES: u64 = 512;
/// Start bit, eight bits, stop bit.
const BITS_PER_BYTE: u64 = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
