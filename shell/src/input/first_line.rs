//! Who sends a first line: somebody at the keys, who is shown what is typed, or a program.

use super::{Input, Medium};
use crate::dialect::HAS_TERM;
use lastword_protocol::Instant;

/// How a first line arrives.
///
/// What comes in one go is not echoed. A program has no use for that, and on a line that echoes, a command
/// that came back would run again: a reboot in every boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLine {
    /// Nothing has come yet.
    Empty,
    /// A key was pressed. If nothing else comes until this instant, it is echoed.
    Pending(Instant),
    /// Key by key.
    Typed,
    /// In one go.
    Sent,
}

impl FirstLine {
    /// Takes a key pressed at `now`, and returns whether it is echoed.
    pub(super) fn key(&mut self, now: Instant, medium: Medium) -> bool {
        *self = match *self {
            Self::Empty => Self::Pending(now.after(medium.lone_cr())),
            Self::Pending(_) => Self::Sent,
            same => same,
        };
        self.is_typed()
    }

    pub(super) fn is_typed(self) -> bool {
        self == Self::Typed
    }

    pub(super) const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Pending(until) => Some(until),
            _ => None,
        }
    }
}

impl<const LINE: usize, const HISTORY: usize> Input<LINE, HISTORY> {
    /// Whether a terminal shows what is typed: [`Input::redraw`] is to be written after a disturbance.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        match self.dialect {
            None => self.first_line.is_typed() && !self.typed().is_empty(),
            Some(dialect) => dialect.is_term() && !self.echo.is_silent(),
        }
    }

    /// Whether a first line is echoed: a person may be typing it.
    pub(super) const fn echoes_first(&self) -> bool {
        HAS_TERM && matches!(self.medium, Medium::Serial { .. })
    }
}
