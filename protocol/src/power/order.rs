//! The words of power: operations, backends, evidence, outcomes.

use crate::codec::{Reader, fields, words};
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

/// A request to reboot or power off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

words! {
    Operation {
        Reboot = "reboot",
        Shutdown = "shutdown",
        GracefulReboot = "graceful_reboot",
        GracefulShutdown = "graceful_shutdown",
    }
    Backend {
        None = "none",
        DryRun = "dry-run",
        Linux = "linux",
        Mcu = "mcu",
    }
}
fields! {
    PowerRequest { operation, delay, force, await_close, id, boot, reason }
}

shown_as_word!(Operation, Backend);
