//! Where a session begins and ends: what kind of link it is on, and why it is over.

use lastword_shell::Medium;

/// What kind of link a session is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Whether peers connect to it, and how fast it is if not.
    pub medium: Medium,
    /// Whether bytes arrive with the marks of a Linux tty.
    pub marked: bool,
    /// Whether the peer may speak telnet.
    pub telnet: bool,
}

impl Traits {
    pub(super) const fn is_connected(self) -> bool {
        matches!(self.medium, Medium::Stream)
    }
}

/// Why a session is over.
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
