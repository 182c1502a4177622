//! The bounds of waiting in a transfer: it ends for want of progress, never for taking long.

use crate::units::{Instant, Millis};

/// The waits of one end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferPatience {
    /// The longest time without progress while the receiver has room. Progress is that
    /// `acknowledged` grows.
    pub progress: Millis,
    /// The longest time for which a receiver may have no room, as long as it says so at least once
    /// in `progress`.
    pub closed: Millis,
}

impl Default for TransferPatience {
    /// Ten seconds without progress, ten minutes without room.
    fn default() -> Self {
        Self {
            progress: Millis(10_000),
            closed: Millis(600_000),
        }
    }
}

/// The state of one end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferStatus {
    /// Pieces are missing.
    UnderWay,
    /// Every byte has arrived: its hash is next.
    Complete,
    /// There was no progress for too long. The transfer is over; another may go on from where this
    /// one came to.
    Stalled,
}

/// The time since a transfer has got on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProgressClock {
    patience: TransferPatience,
    /// The time at which it got on, or the window opened or closed.
    since: Instant,
    /// The time at which the other end was heard.
    heard: Instant,
    /// There is no room for a piece.
    is_closed: bool,
}

impl ProgressClock {
    /// A clock of a transfer that opens at `now`, without room yet.
    pub(super) const fn new(now: Instant, patience: TransferPatience) -> Self {
        Self {
            patience,
            since: now,
            heard: now,
            is_closed: true,
        }
    }

    /// Notes that the other end was heard, whether the transfer has got on, and whether there is no room.
    pub(super) fn note(&mut self, now: Instant, has_progress: bool, is_closed: bool) {
        self.heard = now;
        if has_progress || self.is_closed != is_closed {
            self.since = now;
        }
        self.is_closed = is_closed;
    }

    /// Returns the time at which patience ends if nothing happens.
    pub(super) fn end(&self) -> Instant {
        let TransferPatience { progress, closed } = self.patience;
        if self.is_closed {
            self.heard.after(progress).min(self.since.after(closed))
        } else {
            self.since.after(progress)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: TransferPatience = TransferPatience {
        progress: Millis(10),
        closed: Millis(25),
    };

    /// Notes `(time, has progress, is closed)` in turn.
    #[track_caller]
    fn check(notes: &[(u64, bool, bool)], end: u64) {
        let mut clock = ProgressClock::new(Instant(0), PATIENCE);
        for (now, has_progress, is_closed) in notes {
            clock.note(Instant(*now), *has_progress, *is_closed);
        }
        assert_eq!(clock.end(), Instant(end), "{notes:?}");
    }

    #[test]
    fn being_heard_is_not_progress_while_there_is_room() {
        check(&[], 10);
        check(&[(5, true, false)], 15);
        check(&[(5, true, false), (14, false, false)], 15);
        check(&[(5, true, false), (14, true, false)], 24);
    }

    #[test]
    fn a_receiver_without_room_is_waited_for_as_long_as_it_says_so_and_not_forever() {
        check(&[(5, false, true)], 15);
        check(&[(5, false, true), (14, false, true)], 24);
        check(
            &[(5, false, true), (14, false, true), (23, false, true)],
            25,
        );
        check(&[(5, true, true), (24, false, false)], 34);
    }
}
