//! The receiving end of a transfer: says of each piece what to do with it, and grants room.

use super::patience::{ProgressClock, TransferPatience, TransferStatus};
use super::piece::PieceCredit;
use super::window::{PieceWindow, WINDOW_PIECES};
use crate::message::TransferOpened;
use crate::units::{Instant, Millis, TransferId};
use core::num::{NonZeroU16, NonZeroU32};

/// The longest time that a credit is kept back behind a piece that it acknowledges.
pub const CREDIT_DELAY: Millis = Millis(50);
/// The longest time between two credits while nothing arrives: they might all be lost.
const CREDIT_PAUSE_MOST: Millis = Millis(1_000);

/// The order in which a receiver can take pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceOrder {
    /// Any: it writes each to its place (selective repeat).
    Any,
    /// One behind the other: it drops what has overtaken a lost one, and is sent that again
    /// (go-back-N). For a board that has one buffer, or storage that can only be appended to.
    InOrder,
}

/// The fate of a piece that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceDecision {
    /// Write its bytes there. If that fails, the transfer has failed.
    WriteAt(u64),
    /// It is there already: drop it.
    Copy,
    /// There is no room for it, now: drop it.
    OutOfWindow,
    /// No sender within the protocol sends this: drop it.
    Malformed,
}

/// The receiving end of one transfer.
#[derive(Clone, Debug)]
pub struct TransferReceiver {
    transfer: TransferId,
    size: u64,
    piece: NonZeroU16,
    order: PieceOrder,
    /// The number of pieces that there is room for from `acknowledged` on.
    room: u16,
    /// Everything below is here.
    acknowledged: u64,
    /// The offset up to which room was granted; never less than before.
    limit: u64,
    window: PieceWindow,
    /// Pieces that came since the last credit.
    unsaid: u16,
    is_credit_owed: bool,
    /// The last piece that was dropped for want of room or of one before it, until there is progress.
    dropped: Option<u64>,
    /// A credit that brought nothing new has told of it.
    is_drop_told: bool,
    /// The time of the next credit, if none is owed earlier.
    next_credit: Instant,
    pause: Millis,
    /// The limit that the last credit has told.
    told_limit: u64,
    clock: ProgressClock,
}

impl TransferReceiver {
    /// A receiver that has room for `room` pieces, in [`PieceOrder::Any`] at most [`WINDOW_PIECES`].
    /// It owes a credit at once: the sender waits for it.
    #[must_use]
    pub fn new(
        now: Instant,
        opened: &TransferOpened,
        (order, room): (PieceOrder, u16),
        patience: TransferPatience,
    ) -> Self {
        let mut receiver = Self {
            transfer: opened.transfer(),
            size: opened.size(),
            piece: opened.piece(),
            order,
            room: 0,
            acknowledged: opened.offset(),
            limit: opened.offset(),
            window: PieceWindow::default(),
            unsaid: 0,
            is_credit_owed: true,
            dropped: None,
            is_drop_told: false,
            next_credit: now,
            pause: CREDIT_DELAY,
            told_limit: opened.offset(),
            clock: ProgressClock::new(now, patience),
        };
        receiver.set_room(now, room);
        receiver
    }

    /// The offset below which every byte is here: where a transfer that is broken off may go on.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The length of the object in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Sets the number of pieces that there is room for behind [`TransferReceiver::acknowledged`], 0
    /// while there is none. What was granted stays so: an owner with buffers counts those that are free.
    pub fn set_room(&mut self, now: Instant, room: u16) {
        self.room = match self.order {
            PieceOrder::Any => room.min(WINDOW_PIECES),
            PieceOrder::InOrder => room,
        };
        // Otherwise pieces are on their way, and the credit for them tells of it.
        let was_closed = self.is_closed();
        self.is_credit_owed |= self.grant() && (was_closed || self.is_half_used());
        self.clock.note(now, false, self.is_closed());
    }

    /// Decides about a piece of `length` bytes that arrived for this transfer. One that is to be
    /// written counts as received.
    pub fn on_piece(&mut self, now: Instant, offset: u64, length: usize) -> PieceDecision {
        let decision = self.decide(offset, length);
        match decision {
            PieceDecision::WriteAt(_) => self.take(now, offset),
            // The sender has missed a credit.
            PieceDecision::Copy => self.is_credit_owed = true,
            PieceDecision::OutOfWindow => {
                // The sender has gone back, and the missing piece was lost again.
                let is_again = self.dropped.is_some_and(|last| offset <= last);
                self.is_drop_told &= !is_again;
                self.dropped = Some(offset);
                self.is_credit_owed |= !self.is_drop_told;
            }
            PieceDecision::Malformed => {}
        }
        decision
    }

    /// Returns the credit that is to be sent now, if one is: at the start, at each gap and while there
    /// is one, every half window, [`CREDIT_DELAY`] behind a piece at the latest, when a copy arrives,
    /// at the end, and now and then while nothing arrives.
    pub fn credit(&mut self, now: Instant) -> Option<PieceCredit> {
        let is_due = self.next_credit <= now && !self.is_complete();
        if !is_due && !self.is_credit_owed {
            return None;
        }
        if !self.is_credit_owed && self.unsaid == 0 {
            let doubled = Millis(self.pause.0.saturating_mul(2));
            self.pause = CREDIT_PAUSE_MOST.min(doubled);
        }
        // A sender cannot tell that from a credit that acknowledges something, too.
        self.is_drop_told |= self.dropped.is_some() && self.unsaid == 0;
        self.told_limit = self.limit;
        self.is_credit_owed = false;
        self.unsaid = 0;
        self.next_credit = now.after(self.pause);
        // Without room it is up to the owner, who is heard from as long as this is asked for.
        self.clock.note(now, false, self.is_closed());
        Some(PieceCredit {
            transfer: self.transfer,
            acknowledged: self.acknowledged,
            limit: self.limit,
            received: self.window.bits(),
        })
    }

    /// Returns the state at `now`.
    #[must_use]
    pub fn status(&self, now: Instant) -> TransferStatus {
        if self.is_complete() {
            TransferStatus::Complete
        } else if self.clock.end() <= now {
            TransferStatus::Stalled
        } else {
            TransferStatus::UnderWay
        }
    }

    /// Returns the time at which to ask for [`TransferReceiver::credit`] and
    /// [`TransferReceiver::status`] if nothing arrives; `None` once all is here. Early and late is
    /// harmless.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        (!self.is_complete()).then(|| self.next_credit.min(self.clock.end()))
    }

    fn piece_bytes(&self) -> u64 {
        self.piece.get().into()
    }

    const fn is_complete(&self) -> bool {
        self.acknowledged == self.size
    }

    /// Returns whether there is no room for the first missing piece: time is the owner's then.
    fn is_closed(&self) -> bool {
        let missing = self.size - self.acknowledged;
        self.limit - self.acknowledged < missing.min(self.piece_bytes())
    }

    fn decide(&self, offset: u64, length: usize) -> PieceDecision {
        if self.size <= offset {
            return PieceDecision::Malformed;
        }
        let expected = (self.size - offset).min(self.piece_bytes());
        if length as u64 != expected {
            return PieceDecision::Malformed;
        }
        let Some(ahead) = offset.checked_sub(self.acknowledged) else {
            return PieceDecision::Copy;
        };
        if self.limit - self.acknowledged < ahead + expected {
            return PieceDecision::OutOfWindow;
        }
        let Some(places) = self.places(ahead) else {
            return PieceDecision::Malformed;
        };
        match (places, self.order) {
            (0, _) => PieceDecision::WriteAt(offset),
            (_, PieceOrder::InOrder) => PieceDecision::OutOfWindow,
            (_, PieceOrder::Any) if self.window.contains(places) => PieceDecision::Copy,
            (_, PieceOrder::Any) => PieceDecision::WriteAt(offset),
        }
    }

    /// Returns the number of pieces in `ahead` bytes; `None` if no piece ends there. What is within
    /// the limit fits 32 bits, which spares a small board a division of 64.
    fn places(&self, ahead: u64) -> Option<u32> {
        let ahead = u32::try_from(ahead).ok()?;
        let piece = NonZeroU32::from(self.piece);
        (ahead % piece == 0).then_some(ahead / piece)
    }

    /// Takes a piece that is to be written.
    fn take(&mut self, now: Instant, offset: u64) {
        let had_gap = self.window.has_gap();
        let places = self.places(offset - self.acknowledged).unwrap_or_default();
        let is_first = places == 0;
        if is_first {
            let bytes = u64::from(self.window.advance()) * self.piece_bytes();
            self.acknowledged = self.acknowledged.saturating_add(bytes).min(self.size);
            self.dropped = None;
            self.is_drop_told = false;
            self.grant();
        } else {
            self.window.insert(places);
        }
        if self.unsaid == 0 {
            self.next_credit = self.next_credit.min(now.after(CREDIT_DELAY));
        }
        self.unsaid = self.unsaid.saturating_add(1);
        self.pause = CREDIT_DELAY;
        // RFC 5681, 4.2: an answer at once to what is out of order, and to what fills a gap.
        let is_gap = had_gap || self.window.has_gap();
        let is_half = self.room <= self.unsaid.saturating_mul(2) || self.is_half_used();
        self.is_credit_owed |= is_gap || is_half || self.is_complete();
        self.clock.note(now, is_first, self.is_closed());
    }

    /// Returns whether a credit would grant twice of what the sender has left.
    const fn is_half_used(&self) -> bool {
        let left = self.told_limit.saturating_sub(self.acknowledged);
        left.saturating_mul(2) < self.limit - self.acknowledged
    }

    /// Grants what there is room for; returns whether that is more than before.
    fn grant(&mut self) -> bool {
        let room = u64::from(self.room) * self.piece_bytes();
        let limit = self.acknowledged.saturating_add(room).min(self.size);
        let is_more = self.limit < limit;
        self.limit = self.limit.max(limit);
        is_more
    }
}

#[cfg(test)]
mod tests;
