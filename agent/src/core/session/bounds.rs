//! The bounds of a session: the kind of its link, and the reason for its end.

use crate::core::service::answer::ANSWER_PAGES;
use lastword_protocol::message::Reply;
use lastword_shell::Medium;

/// The most that a session holds, in bytes: input that waits, answers that are to be said, and output
/// that its peer has not taken.
pub const SESSION_BYTES: usize = 256 * 1024;
/// How much all sessions hold together before those wait whose peers have not taken what is said, in bytes.
pub const SESSIONS_BYTES: usize = 16 * 1024 * 1024;

// The longest answer fits, and as much again for the words around it.
const _: () = assert!(2 * ANSWER_PAGES * size_of::<Reply>() < SESSION_BYTES);

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
    /// Returns whether its peers connect; otherwise they follow one another on a line.
    #[must_use]
    pub const fn is_connected(self) -> bool {
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
