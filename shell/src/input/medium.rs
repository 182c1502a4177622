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

    /// Returns the silence behind which an echo is counted anew: two seconds, and the time that a long answer
    /// takes, because a board may not read while it writes.
    pub(super) fn echo_pause(self) -> Millis {
        match self {
            Self::Serial { baud } => {
                Millis(ECHO_PAUSE.0 + LONG_ANSWER_BITS * 1_000 / u64::from(baud.max(1)))
            }
            Self::Stream => ECHO_PAUSE,
        }
    }
}

/// The shortest pause of an echo.
const ECHO_PAUSE: Millis = Millis(2_000);
/// The length of an answer of 2 KiB on the line, in bits: `help` and what repeats the line.
const LONG_ANSWER_BITS: u64 = 2_048 * 10;

/// How long a CR waits for its LF at least.
const LONE_CR: Millis = Millis(20);
