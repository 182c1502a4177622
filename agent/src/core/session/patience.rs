//! How long a session waits for its peer.

use super::Session;
use lastword_protocol::{Instant, Millis};

/// A serial line that was quiet for this long forgets its dialect.
const SERIAL_IDLE: Millis = Millis(300_000);

/// The longest wait for a connection for which there is no place to say in which dialect it wants
/// to hear that.
pub(super) const REFUSAL_WAIT: Millis = Millis(2_000);

impl Session {
    /// Returns whether its peer is subscribed to events, in lines or in frames.
    fn is_subscribed(&self) -> bool {
        self.lines.is_subscribed() || self.frames.is_subscribed()
    }

    /// When the peer has been quiet for too long.
    pub(super) fn idle_deadline(&self) -> Option<Instant> {
        match (self.traits.is_connected(), self.heard) {
            // Once it has said so, only that has to leave.
            _ if self.is_refusing && self.end.is_some() => None,
            _ if self.is_refusing => Some(self.opened.after(REFUSAL_WAIT)),
            // Whoever follows a log, is subscribed to events, or waits for an answer, need not say anything.
            _ if self.is_subscribed() => None,
            _ if self.lines.is_following() || self.is_line_busy() || self.pending.is_waiting() => {
                None
            }
            (true, None) => Some(self.opened.after(self.limits.silent)),
            (true, Some(heard)) => Some(heard.after(self.limits.idle)),
            (false, heard) => Some(heard?.after(SERIAL_IDLE)),
        }
    }

    /// Returns when the peer has left its answers untaken for too long. Whoever follows a log or is subscribed to
    /// events may stop reading for as long as it may be idle: it is told what it missed, not dropped.
    pub(super) fn stall_deadline(&self) -> Option<Instant> {
        let patience = if self.lines.is_following_on() || self.is_subscribed() {
            self.limits.stall.max(self.limits.idle)
        } else {
            self.limits.stall
        };
        (!self.output.is_empty()).then(|| self.progress.after(patience))
    }
}
