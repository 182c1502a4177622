//! What becomes of an operation, and how sure that is.

use super::order::Operation;
use crate::codec::{Field, Writer, fields, words};
use crate::units::{BootId, OperationId};
use core::fmt;
use serde::{Deserialize, Serialize};

/// How sure the board is that its acknowledgement left, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Evidence {
    /// The peer closed after it had acknowledged the bytes; for clients that ask for it.
    PeerClosed,
    /// The peer's network stack acknowledged the bytes (TCP, TLS), or its end of a Unix socket
    /// has read them.
    PeerAcked,
    /// The UART's queue and shift register are empty.
    UartEmpty,
    /// A USB bridge has them, and the time they take on the wire has passed.
    HandedToBridge,
    /// None; the request said to go on without.
    Forced,
    /// None can be had on this link (PTY, pipe): counts as not drained, except in a dry run.
    Unknowable,
}

impl Evidence {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::PeerClosed,
        Self::PeerAcked,
        Self::UartEmpty,
        Self::HandedToBridge,
        Self::Forced,
        Self::Unknowable,
    ];

    /// The evidence with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::PeerClosed,
            1 => Self::PeerAcked,
            2 => Self::UartEmpty,
            3 => Self::HandedToBridge,
            4 => Self::Forced,
            5 => Self::Unknowable,
            _ => return None,
        })
    }
}

/// Why an operation was called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standdown {
    /// Its acknowledgement could not be written.
    AckFailed,
    /// The link failed before the release.
    LinkLost,
    /// The acknowledgement did not drain before the deadline.
    NotDrained,
    /// Somebody cancelled it.
    Cancelled,
    /// The release could not be recorded.
    RecordFailed,
    /// The agent itself was told to end.
    AgentStopped,
}

impl Standdown {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::AckFailed,
        Self::LinkLost,
        Self::NotDrained,
        Self::Cancelled,
        Self::RecordFailed,
        Self::AgentStopped,
    ];

    /// The reason with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::AckFailed,
            1 => Self::LinkLost,
            2 => Self::NotDrained,
            3 => Self::Cancelled,
            4 => Self::RecordFailed,
            5 => Self::AgentStopped,
            _ => return None,
        })
    }
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Accepted; not yet released.
    Staged,
    /// Released to fire; what came of it is not known yet.
    Released(Evidence),
    /// A new boot followed the release.
    Done(Evidence),
    /// It fired, and the board stayed up. The number is the system's error code, 0 if none.
    FireFailed(u16),
    /// Called off.
    StoodDown(Standdown),
    /// The board went down some other way between acceptance and release.
    Interrupted,
    /// Everything but the reset was done: a dry run.
    DryRun(Evidence),
}

impl Outcome {
    /// The word for it in text dialects, such as `stood_down`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Released(_) => "released",
            Self::Done(_) => "done",
            Self::FireFailed(_) => "fire_failed",
            Self::StoodDown(_) => "stood_down",
            Self::Interrupted => "interrupted",
            Self::DryRun(_) => "dry_run",
        }
    }

    /// The evidence on which it was released, if it was.
    #[must_use]
    pub const fn evidence(self) -> Option<Evidence> {
        match self {
            Self::Released(evidence) | Self::Done(evidence) | Self::DryRun(evidence) => {
                Some(evidence)
            }
            _ => None,
        }
    }
}

impl Outcome {
    /// What became of an operation with this outcome on record, now that the board has booted.
    #[must_use]
    pub const fn after_boot(self) -> Self {
        match self {
            Self::Staged => Self::Interrupted,
            Self::Released(evidence) => Self::Done(evidence),
            over => over,
        }
    }
}

impl LastOperation {
    /// The same operation, once the board has booted.
    #[must_use]
    pub const fn after_boot(self) -> Self {
        Self {
            outcome: self.outcome.after_boot(),
            ..self
        }
    }

    /// Whether this, as it is on record of the boot before, is why the board has booted.
    #[must_use]
    pub const fn explains_boot(&self) -> bool {
        matches!(self.outcome, Outcome::Released(_)) && self.operation.is_reboot()
    }
}

/// The most recent operation, as remembered through a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastOperation {
    /// Its id.
    pub id: OperationId,
    /// What was asked.
    pub operation: Operation,
    /// What became of it.
    pub outcome: Outcome,
    /// The boot in which it was asked.
    pub boot: BootId,
}

words! {
    Evidence {
        PeerClosed = "peer_closed",
        PeerAcked = "peer_acked",
        UartEmpty = "uart_empty",
        HandedToBridge = "handed_to_bridge",
        Forced = "forced",
        Unknowable = "unknowable",
    }
    Standdown {
        AckFailed = "ack_failed",
        LinkLost = "link_lost",
        NotDrained = "not_drained",
        Cancelled = "cancelled",
        RecordFailed = "record_failed",
        AgentStopped = "agent_stopped",
    }
}
fields! {
    LastOperation { id, operation, outcome, boot }
}

impl Outcome {
    /// The number of the variant, and the number in it.
    #[must_use]
    pub const fn numbers(self) -> (u8, Option<u16>) {
        match self {
            Self::Staged => (0, None),
            Self::Released(evidence) => (1, Some(evidence as u16)),
            Self::Done(evidence) => (2, Some(evidence as u16)),
            Self::FireFailed(code) => (3, Some(code)),
            Self::StoodDown(why) => (4, Some(why as u16)),
            Self::Interrupted => (5, None),
            Self::DryRun(evidence) => (6, Some(evidence as u16)),
        }
    }

    /// What has these numbers, if anything; `content` counts only where there is one.
    #[must_use]
    pub const fn from_numbers(variant: u8, content: u16) -> Option<Self> {
        let evidence = Evidence::from_number(content);
        Some(match (variant, evidence) {
            (0, _) => Self::Staged,
            (1, Some(evidence)) => Self::Released(evidence),
            (2, Some(evidence)) => Self::Done(evidence),
            (3, _) => Self::FireFailed(content),
            (4, _) => match Standdown::from_number(content) {
                Some(why) => Self::StoodDown(why),
                None => return None,
            },
            (5, _) => Self::Interrupted,
            (6, Some(evidence)) => Self::DryRun(evidence),
            _ => return None,
        })
    }
}

impl Field for Outcome {
    fn write(&self, out: &mut Writer<'_>) {
        let (variant, content) = self.numbers();
        out.byte(variant);
        if let Some(content) = content {
            content.write(out);
        }
    }
}

shown_as_word!(Evidence, Standdown, Outcome);
