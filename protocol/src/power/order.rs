//! The words of power: operations, backends, evidence, outcomes.

use crate::codec::{Field, Reader, Writer, fields, words};
use crate::units::{BootId, Millis, OperationId, Text};
use core::fmt;
use serde::{Deserialize, Serialize};

/// The longest reason a client may give for an operation, in bytes.
pub const REASON_BYTES: usize = 64;

/// What can be done to a board's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Reset now.
    Reboot,
    /// Power off now.
    Shutdown,
    /// Stop the services in order, then let the platform's own program reboot.
    GracefulReboot,
    /// Stop the services in order, then let the platform's own program power off.
    GracefulShutdown,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] = [
        Self::Reboot,
        Self::Shutdown,
        Self::GracefulReboot,
        Self::GracefulShutdown,
    ];

    /// The operation with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::Reboot,
            1 => Self::Shutdown,
            2 => Self::GracefulReboot,
            3 => Self::GracefulShutdown,
            _ => return None,
        })
    }

    fn read(from: &mut Reader<'_>) -> Self {
        let number = u16::try_from(from.number()).ok();
        let known = number.and_then(Self::from_number);
        if known.is_none() {
            from.reject();
        }
        known.unwrap_or(Self::Reboot)
    }

    /// The word for it in text dialects, such as `graceful_reboot`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Shutdown => "shutdown",
            Self::GracefulReboot => "graceful_reboot",
            Self::GracefulShutdown => "graceful_shutdown",
        }
    }

    /// Whether services are stopped first and the platform's program fires.
    #[must_use]
    pub const fn is_graceful(self) -> bool {
        matches!(self, Self::GracefulReboot | Self::GracefulShutdown)
    }

    /// Whether the board is meant to come back.
    #[must_use]
    pub const fn is_reboot(self) -> bool {
        matches!(self, Self::Reboot | Self::GracefulReboot)
    }

    /// The same end, by way of stopping the services first.
    #[must_use]
    pub const fn gracefully(self) -> Self {
        match self {
            Self::Reboot | Self::GracefulReboot => Self::GracefulReboot,
            Self::Shutdown | Self::GracefulShutdown => Self::GracefulShutdown,
        }
    }
}

/// What carries a power operation out on this board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backend {
    /// Nothing can: every immediate operation is refused.
    None,
    /// Everything but the reset itself: the default.
    DryRun,
    /// reboot(2) in the agent's own process.
    Linux,
    /// A microcontroller's reset.
    Mcu,
}

impl Backend {
    /// The word for it in text dialects, such as `dry-run`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::DryRun => "dry-run",
            Self::Linux => "linux",
            Self::Mcu => "mcu",
        }
    }
}

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

    /// The word for it in text dialects, such as `peer_acked`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PeerClosed => "peer_closed",
            Self::PeerAcked => "peer_acked",
            Self::UartEmpty => "uart_empty",
            Self::HandedToBridge => "handed_to_bridge",
            Self::Forced => "forced",
            Self::Unknowable => "unknowable",
        }
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

    /// The word for it in text dialects, such as `not_drained`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AckFailed => "ack_failed",
            Self::LinkLost => "link_lost",
            Self::NotDrained => "not_drained",
            Self::Cancelled => "cancelled",
            Self::RecordFailed => "record_failed",
            Self::AgentStopped => "agent_stopped",
        }
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
#[repr(C)]
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

/// A request to reboot or power off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct PowerRequest {
    /// What to do.
    pub operation: Operation,
    /// How long to wait after the acknowledgement has drained; zero is at once.
    pub delay: Millis,
    /// Go on without evidence when the drain deadline passes. Never overrides a failed write.
    pub force: bool,
    /// Wait, as the strongest evidence, for the client to close its connection.
    pub await_close: bool,
    /// The client's own id for it; a repeated id is the same operation and fires at most once.
    pub id: Option<OperationId>,
    /// The boot this is meant for; in any other it is already done.
    pub boot: Option<BootId>,
    /// Why, for the log and the record; may be empty.
    pub reason: Text<REASON_BYTES>,
}

impl PowerRequest {
    /// The operation with nothing said besides: what the flat `reboot` and `shutdown` mean.
    #[must_use]
    pub const fn plain(operation: Operation) -> Self {
        Self {
            operation,
            delay: Millis(0),
            force: false,
            await_close: false,
            id: None,
            boot: None,
            reason: Text::new(),
        }
    }

    /// Reads the body of a request into `self`, but for the reason, which it returns.
    pub(crate) fn read<'a>(&mut self, from: &mut Reader<'a>) -> &'a [u8] {
        self.operation = Operation::read(from);
        self.delay = Millis(from.number());
        self.force = from.flag();
        self.await_close = from.flag();
        self.id = from.flag().then(|| OperationId(from.number()));
        self.boot = from.flag().then(|| from.boot());
        from.text(REASON_BYTES)
    }
}

words!(Operation, Backend, Evidence, Standdown);
fields! {
    LastOperation { id, operation, outcome, boot }
    PowerRequest { operation, delay, force, await_close, id, boot, reason }
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

macro_rules! shown_as_word {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    )*};
}

shown_as_word!(Operation, Backend, Evidence, Standdown, Outcome);
