//! Who sends a first line: somebody at the keys, who is shown what is typed, or a program.

use super::Medium;
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
