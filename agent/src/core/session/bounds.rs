//! The bounds of a session: the kind of its link, and the reason for its end.

use lastword_shell::Medium;

/// The kind of link that a session is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// The medium: peers connect to it, or else it has a speed.
    pub medium: Medium,
    /// True if bytes arrive with the marks of a Linux tty.
    pub marked: bool,
    /// True if the peer may speak telnet.
    pub telnet: bool,
}

impl Traits {
    pub(super) const fn is_connected(self) -> bool {
        matches!(self.medium, Medium::Stream)
    }
}

/// The reason for the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client ended it, or there was nothing more to come.
    Finished,
    /// Nothing was ever said.
    Silent,
    /// Nothing was said for too long.
    Idle,
    /// The peer does not take its answers.
    Stalled,
}
