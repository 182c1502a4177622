//! The sender of a first line: somebody at the keys, who is shown what is typed, or a program.

use super::{Carriage, Input, Medium};
use crate::dialect::HAS_TERM;
use crate::out::Out;
use lastword_protocol::Instant;

/// The pace at which a first line arrives.
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
    /// Returns whether a terminal shows what is typed: [`Input::redraw`] is to be written after a disturbance.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        match self.dialect {
            None => self.first_line.is_typed() && !self.typed().is_empty(),
            Some(dialect) => dialect.is_term() && !self.echo.is_silent(),
        }
    }

    /// Shows the key of a first line behind which nothing else has come in time: somebody is typing. Late
    /// and repeated calls are harmless.
    pub(super) fn settle_first_line(&mut self, now: Instant, echo: &mut dyn Out) {
        let is_due = self.first_line.deadline().is_some_and(|due| due <= now);
        let is_open = matches!(self.carriage, Carriage::Opening(_));
        if HAS_TERM && self.dialect.is_none() && is_due && !is_open {
            self.first_line = FirstLine::Typed;
            // What a terminal does not take is lost; the line itself is not.
            let _ = echo.text(self.editor.text());
        }
    }

    /// Returns whether a first line is echoed: a person may be typing it.
    pub(super) const fn echoes_first(&self) -> bool {
        HAS_TERM && matches!(self.medium, Medium::Serial { .. })
    }
}
