//! Three ways to reset behind an acknowledgement, side by side on the simulated line: what each
//! loses, and how long each takes.
//!
//! [`Policy::Lastword`] is the real agent. The two controls answer the same request with the same
//! bytes over the same line, and then do what is in common use: reset, or wait a while and reset.
//! Zephyr's `MCUmgr`, for one, resets `CONFIG_MCUMGR_GRP_OS_RESET_MS` after a request, 250 unless
//! configured otherwise (`subsys/mgmt/mcumgr/grp/os_mgmt/Kconfig`). Its timer starts before the
//! response is handed to the UART; the control's starts after that, which is to its advantage.
//!
//! Time is exact but for the timers, which round up to the next millisecond, here as in a real
//! agent: whatever waits is up to a millisecond late. Neither disk nor reset line takes time.

mod control;
mod host;
pub mod table;
mod trial;

pub use trial::{Contender, options, trial};

use crate::board::Board;
use control::Script;
use lastword_protocol::Millis;
use lastword_protocol::power::Standdown;
use std::time::Duration;

/// How a board resets behind an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The real agent, with this `drain-cap`.
    Lastword(Millis),
    /// Write the acknowledgement and reset at once.
    WriteThenReset,
    /// Write the acknowledgement, wait [`FIXED_DELAY`], reset.
    FixedDelay,
}

/// All that are tried: the agent as it is shipped and with the longest `drain-cap` that its
/// configuration takes, then the controls.
pub const POLICIES: [Policy; 4] = [
    Policy::Lastword(SHIPPED_CAP),
    Policy::Lastword(LONGEST_CAP),
    Policy::WriteThenReset,
    Policy::FixedDelay,
];

/// The agent's `drain-cap` unless its configuration says otherwise.
pub const SHIPPED_CAP: Millis = Millis(2_000);
/// The longest `drain-cap`: for a line that needs longer to empty its queue.
pub const LONGEST_CAP: Millis = Millis(60_000);
/// What `MCUmgr` waits by default.
pub const FIXED_DELAY: Duration = Duration::from_millis(250);

/// What an acknowledgement has to get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its speed, in bits per second.
    pub baud: u32,
    /// How many bytes are in the transmit queue when the request has arrived.
    pub queued_bytes: usize,
    /// For how long from then on the peer holds the line by flow control.
    pub stall: Duration,
}

/// Every speed that is tried.
pub const BAUDS: [u32; 5] = [1_200, 9_600, 115_200, 921_600, 3_000_000];
/// Every length of the queue; the last leaves room for one byte.
pub const QUEUES: [usize; 4] = [0, 256, 1_024, 4_095];
/// Every stall.
pub const STALLS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// What came of a request to reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The board was reset.
    Reset {
        /// How long after the last bit of the request.
        delay: Duration,
        /// How long after the last bit of the acknowledgement; `None`: the host's decoder never
        /// got it whole. It is lost.
        behind_ack: Option<Duration>,
    },
    /// The board stays up, and its record says so.
    StoodDown {
        /// Why.
        why: Standdown,
        /// Whether the acknowledgement arrived after all, when the line moved again.
        late_ack: bool,
    },
}

impl Outcome {
    /// Whether the board was reset and its acknowledgement lost.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(
            self,
            Self::Reset {
                behind_ack: None,
                ..
            }
        )
    }
}

/// One request under one policy.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// How the board resets.
    pub policy: Policy,
    /// What its acknowledgement has to get through.
    pub line: Line,
    /// What came of it.
    pub outcome: Outcome,
}

/// Tries every policy on every line. Takes seconds, and the same result every time.
#[must_use]
pub fn run() -> Vec<Trial> {
    let script = Script::record();
    let mut trials = Vec::new();
    for line in lines() {
        for policy in POLICIES {
            let outcome = match policy {
                Policy::Lastword(drain_cap) => {
                    trial(line, |uart| Board::on_uart(uart, options(drain_cap)).into())
                }
                Policy::WriteThenReset => trial(line, |uart| control::start(uart, &script, None)),
                Policy::FixedDelay => trial(line, |uart| {
                    control::start(uart, &script, Some(FIXED_DELAY))
                }),
            };
            trials.push(Trial {
                policy,
                line,
                outcome,
            });
        }
    }
    trials
}

/// Every combination of speed, queue and stall.
fn lines() -> impl Iterator<Item = Line> {
    BAUDS.into_iter().flat_map(|baud| {
        QUEUES.into_iter().flat_map(move |queued_bytes| {
            STALLS.map(|stall| Line {
                baud,
                queued_bytes,
                stall,
            })
        })
    })
}
