//! The progress of a transfer, watched.

use super::{LocalObject, TransferProgress};
use lastword_protocol::message::TransferOpened;
use lastword_protocol::{Instant, Millis};

/// Without progress for this long, a board is asked what is the matter.
const DOUBT: Millis = Millis(2_000);

/// The progress of a transfer, and the time at which it last got on.
pub(super) struct ProgressWatch {
    pub(super) progress: TransferProgress,
    /// The time at which it got on, or the board was asked.
    since: Instant,
}

impl ProgressWatch {
    pub(super) const fn new(now: Instant, opened: &TransferOpened) -> Self {
        Self {
            progress: TransferProgress {
                from: opened.offset(),
                done: opened.offset(),
                size: opened.size(),
                sent_again: 0,
            },
            since: now,
        }
    }

    pub(super) fn note(
        &mut self,
        now: Instant,
        done: u64,
        sent_again: u64,
        local: &mut dyn LocalObject,
    ) {
        self.progress.sent_again = sent_again;
        if self.progress.done < done {
            self.progress.done = done;
            self.since = now;
            local.progress(self.progress);
        }
    }

    /// Returns whether there was no progress for so long that the board is to be asked now.
    pub(super) fn is_in_doubt(&mut self, now: Instant) -> bool {
        let is_in_doubt = DOUBT <= now.since(self.since);
        if is_in_doubt {
            self.since = now;
        }
        is_in_doubt
    }
}
