//! What the peers' power commands come to: one operation, staged, fired when its time has come.
//!
//! The peers have no such thing, so they are given the least that answers their commands. It keeps
//! no record, proves nothing about the answer, and a power-off is a reset.

use crate::registers::{reset, uptime_ms};
use crate::uart::Uart;

/// What can be staged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Start again.
    Reboot,
    /// Go down.
    Shutdown,
}

impl Operation {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Shutdown => "shutdown",
        }
    }
}

/// An operation that waits for its time.
#[derive(Clone, Copy)]
pub struct Staged {
    /// Which.
    pub operation: Operation,
    /// Whose: the client's number for it.
    pub id: u32,
    /// When, by [`uptime_ms`].
    pub due_ms: u32,
}

/// The staged operation, if there is one.
#[derive(Default)]
pub struct Job {
    staged: Option<Staged>,
}

impl Job {
    /// Stages an operation; `false` if another one is.
    pub fn stage(&mut self, operation: Operation, id: u32, delay_ms: u32) -> bool {
        let is_free = self.staged.is_none();
        if is_free {
            let due_ms = uptime_ms().wrapping_add(delay_ms);
            self.staged = Some(Staged {
                operation,
                id,
                due_ms,
            });
        }
        is_free
    }

    /// Calls off the operation `id`, or whichever it is; `false` if it is not staged.
    pub fn cancel(&mut self, id: Option<u32>) -> bool {
        let is_meant = self
            .staged
            .is_some_and(|staged| id.is_none_or(|id| id == staged.id));
        if is_meant {
            self.staged = None;
        }
        is_meant
    }

    /// What is staged.
    #[must_use]
    pub fn staged(&self) -> Option<Staged> {
        self.staged
    }

    /// Resets the board if it is time.
    pub fn poll(&self, uart: &mut Uart) {
        let is_due = |staged: Staged| staged.due_ms.wrapping_sub(uptime_ms()).cast_signed() <= 0;
        if self.staged.is_some_and(is_due) {
            uart.flush_bytes();
            reset();
        }
    }
}
