//! What carries the bytes of a session.

use lastword_protocol::Millis;

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A line that nobody connects to or leaves: echoes before the dialect is decided.
    Serial {
        /// Bits per second.
        baud: u32,
    },
    /// A connection: sends nothing until the dialect is decided.
    Stream,
}

impl Medium {
    /// How long a CR waits for its LF: two characters of ten bits, and 20 ms at least.
    pub(super) fn lone_cr(self) -> Millis {
        match self {
            Self::Serial { baud } => LONE_CR.max(Millis(20_000_u64.div_ceil(baud.max(1).into()))),
            Self::Stream => LONE_CR,
        }
    }
}

/// How long a CR waits for its LF at least.
const LONE_CR: Millis = Millis(20);
